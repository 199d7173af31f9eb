"""The probes one after the other: what is asked, again with a profile's rules where it has some, and what ends it early.

Rules of this file: a refusal for how often, for money or for the key ends it at once; so do answers longer than was told, and
a service that is silent twice in a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..client import BaseClient
from ..errors import AuthenticationError, OaiDynError, RateLimitError, RouteError, ValidationError
from ..wire import Frozen
from .finding import Finding, Known
from .readings import model_names
from .seen import Seen, ask, ready
from .table import Probe, most_tokens, request_of

#: Models that do not chat, by their names.
_NO_CHAT = re.compile(
    r"embed|bge-|\be5-|gte-|rerank|whisper|tts|speech|audio|voice|transcri|moderat|guard|image|dall-e|flux|diffusion|sdxl"
    r"|imagen|video|sora|veo|ocr|realtime|clip|davinci|babbage|instruct-0914|search|aqa|colbert",
    re.IGNORECASE,
)

_EMBEDS = re.compile(r"embed|bge-|\be5-|gte-", re.IGNORECASE)

#: Names of models that cost little.
_SMALL = re.compile(r"nano|mini|tiny|small|lite|flash|haiku|instant|[-_:](0\.\d|[1-9])b\b", re.IGNORECASE)

#: Probes that show which member bounds an answer.
_LIMITS = {"chat": "max_tokens", "max_completion_tokens": "max_completion_tokens"}

#: Verdicts that a profile may have a rule for.
_DEVIATING = ("refused", "ignored", "differs", "absent")

#: Statuses that say how often, or for how much money.
_LIMITED = (402, 429)

#: How often in a row a service may give no answer.
_SILENCES = 2


#: Members of a profile that say how things look, for which there are no rules.
_LOOKS = ("stream", "error_body")


class Step(NamedTuple):
    """A probe and what it found."""

    probe: Probe
    finding: Finding


class Course:
    """The probes of one service.

    plain     a client without the rules of any profile, that tries nothing twice
    amended   the same with the profile's, where there is one
    keyless   the same as `plain` without a key, where there is one
    profile   what is known already of how its errors and its streams look

    stopped   why it ended early, "" where it did not
    tokens    that the service says it wrote
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        plain: BaseClient,
        amended: BaseClient | None = None,
        keyless: BaseClient | None = None,
        model: str = "",
        profile: Mapping[str, Any] = Frozen(),
    ) -> None:
        self.known = Known(model, model if _EMBEDS.search(model) else "")
        self.probes = probes
        self.stopped = ""
        self.refusal: OaiDynError | None = None
        self.tokens = 0
        self.requests = 0
        self.answers: dict[str, Seen] = {}
        self._plain, self._amended, self._keyless = plain, amended, keyless
        self._looks = {name: profile[name] for name in _LOOKS if name in profile}
        self._through_rules = False
        self._silent = 0

    @property
    def most_requests(self) -> int:
        """How many requests there are at most: with a profile each may be asked twice."""
        count = sum(probe.body is not None for probe in self.probes)
        return count * (1 if self._amended is None else 2)

    @property
    def most_tokens(self) -> int:
        """How many tokens all answers together may have."""
        return most_tokens(self.probes) * (1 if self._amended is None else 2)

    def run(self) -> Iterator[Step]:
        """Ask one after the other, and give each finding as it comes."""
        for probe in self.probes:
            finding = self._read(probe) if probe.body is None else self._asked(probe)
            if _holds(self._looks, finding.profile):
                finding = finding._replace(handled=True)
            if finding.verdict in _DEVIATING and not finding.handled and self._amended is not None:
                finding = self._again(probe, finding)
            self.known.findings[probe.name] = finding
            self._learn(probe, finding)
            yield Step(probe, finding)
            if self.stopped:
                return

    def _read(self, probe: Probe) -> Finding:
        """What the answer to another probe tells."""
        seen = self.answers.get(probe.of)
        return probe.read(seen, self.known) if seen is not None else Finding("unknown", "not asked")

    def _asked(self, probe: Probe) -> Finding:
        client = self._keyless if probe.asks == "keyless" else self._amended if self._through_rules else self._plain
        if client is None:
            return Finding("unknown", "not asked: no key is sent in any case")
        if probe.needs and not self._is_taken(probe.needs):
            return Finding("unknown", f"not asked: {probe.needs} is not taken")
        body = request_of(probe, self.known)
        if body is None:
            return Finding("unknown", "not asked: no model answers" if self.known.model else "not asked: no such model is known")
        try:
            seen = self.answers[probe.name] = self._send(client, probe, body)
        except (RouteError, ValidationError) as error:
            mine = client is self._amended
            return Finding("refused" if mine else "unknown", f"not sent: {error.message}", handled=mine)
        return probe.read(seen, self.known)

    def _is_taken(self, name: str) -> bool:
        finding = self.known.findings[name]
        return name in self.answers and (finding.verdict != "refused" or finding.handled)

    def _send(self, client: BaseClient, probe: Probe, body: dict[str, object]) -> Seen:
        """Send a request, and note what ends the course."""
        seen = ask(client, ready(client, probe.row, body))
        seen.adapter = self._adapter(probe, body)
        self.requests += 1
        self.tokens += seen.answered_tokens
        self._silent = 0 if seen.status else self._silent + 1
        no_key = client is not self._keyless and isinstance(seen.error, AuthenticationError)
        no_key = no_key and (probe.asks == "chat" or not any(one.good for one in self.answers.values()))
        too_silent = self._silent >= (1 if self.requests == 1 else _SILENCES)
        limited = isinstance(seen.error, RateLimitError) or seen.status in _LIMITED
        if limited or no_key or too_silent:
            self.stopped, self.refusal = seen.words, seen.error
        elif self.tokens > self.most_tokens:
            self.stopped = f"the service wrote {self.tokens} tokens, where {self.most_tokens} were allowed in all"
        return seen

    def _adapter(self, probe: Probe, body: dict[str, object]) -> Any:
        """What brings the answer into form by the profile's rules."""
        try:
            return self._amended and ready(self._amended, probe.row, body).adapter
        except (RouteError, ValidationError):
            return None

    def _again(self, probe: Probe, finding: Finding) -> Finding:
        """The same through the profile's rules: whether they mend what was found."""
        assert self._amended is not None
        if probe.body is None or self._through_rules:
            return self._mended(probe, finding, self.answers.get(probe.of or probe.name))
        body = request_of(probe, self.known)
        assert body is not None
        try:
            call, first = ready(self._amended, probe.row, body), ready(self._plain, probe.row, body)
        except (RouteError, ValidationError) as error:
            return finding._replace(handled=True, seen=f"{finding.seen}; the profile refuses it: {error.message}")
        if call.plan.body == first.plan.body or self.stopped:
            told = self._mended(probe, finding, self.answers.get(probe.name))
            return told._replace(handled=told.handled or bool(call.losses))
        seen = self._send(self._amended, probe, body)
        again = probe.read(seen.in_form(), self.known)
        taken = again.verdict == "works" or (finding.verdict == "refused" and again.verdict == "differs")
        if taken or (seen.good and call.losses):
            self.answers[probe.name] = seen
            return finding._replace(handled=True)
        return finding._replace(seen=f"{finding.seen}; with the profile's rules {again.verdict}: {again.seen}")

    def _mended(self, probe: Probe, finding: Finding, seen: Seen | None) -> Finding:
        """Whether the profile's rules for answers mend what was found."""
        mended = seen is not None and seen.adapter is not None and probe.read(seen.in_form(), self.known).verdict == "works"
        return finding._replace(handled=mended)

    def _learn(self, probe: Probe, finding: Finding) -> None:
        """Which models there are, and what bounds an answer."""
        if probe.name == "models" and (seen := self.answers.get("models")) is not None and seen.good:
            names = model_names(seen.data)
            chats = sorted((name for name in names if not _NO_CHAT.search(name)), key=lambda name: not _SMALL.search(name))
            self.known.model = self.known.model or next(iter(chats), "")
            self.known.embedder = self.known.embedder or next(filter(_EMBEDS.search, names), "")
        settled = probe.name != "chat" and self.known.works("chat")
        bounds = finding.verdict == "works" or (finding.verdict == "ignored" and not self.known.limit)
        if probe.name in _LIMITS and bounds and not settled:
            self.known.limit = _LIMITS[probe.name]
        if probe.name == "max_completion_tokens" and not self.known.limit:
            mended = [name for name in _LIMITS if self.known.findings[name].handled]
            if mended:  # nothing but what the profile makes of a request is taken here
                self.known.limit, self._through_rules = _LIMITS[mended[0]], True


def _holds(looks: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a profile says already how things look."""
    held = [name in looks and (looks[name] == value or _within(looks[name], value)) for name, value in found.items()]
    return bool(held) and all(held)


def _within(whole: Any, part: Any) -> bool:
    return isinstance(whole, Mapping) and isinstance(part, Mapping) and {**whole, **part} == whole
