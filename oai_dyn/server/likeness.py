"""A server like a provider's, by its profile read backwards: where its rows are, whom it lets in, what it refuses and how.

Rules of this file: no provider is known by name; a request is refused where a rule of the profile would change it, for else
the provider takes it. How answers are spoiled is in `backwards`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from ..errors import place
from ..filling import BRACES
from ..profiles import load
from ..routes import Table, bundled
from ..routes import load as load_rows
from ..transformations import Transformations
from ..transformations.conditions import globs, same
from ..transformations.places import EACH, MISSING, VALUES, Place
from ..transformations.replies import ROWS, singly
from ..validation import profile_faults, route_table_faults
from ..wire import Route
from .answers import json_answer
from .asked import Asked, noun, thought, usage
from .backwards import Spoil, Spoiler, spoiler
from .checking import Refusal
from .oddities import put
from .rows import STREAM, WHOLE, Manner, kind_of
from .sending import Answer, error_of, of_json, whole
from .streams import DONE, Sent, events

#: Headers of an answer that tell how much more may be asked.
LIMITS = (
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-tokens", "1999000"),
    ("x-ratelimit-reset-tokens", "30ms"),
)

#: How errors look where a profile says nothing.
ERROR = {"error": {"message": "{message}", "type": "{type}", "param": "{param}", "code": "{code}"}}

#: A variable at the beginning of a path stands for a whole address.
_ADDRESS = re.compile(r"^(?:https?://[^/]*|\{\w+\??\})")


class Likeness(Manner):
    """A server like one that a profile is of. Raises `ConfigError` for a wrong profile."""

    def __init__(self, like: str | Path | Mapping[str, Any], key: str | None = None) -> None:
        self._profile = profile = load(like, profile_faults)
        self._key = key
        self._name = str(profile.get("name", "the provider"))
        self._schemes = [profile.get("auth", "bearer"), *([profile["token_auth"]] if "token_auth" in profile else [])]
        self._free = "none" in self._schemes or (key is None and "placeholder_key" in profile)
        self._error: Any = profile.get("error_body", ERROR)
        self._wrong = 422 if isinstance(self._error, Mapping) and isinstance(self._error.get("detail"), list) else 400
        self._rules = Transformations(self._name, profile.get("request", ()), (), _plausible(profile))
        self._moves = _moves(profile.get("request", ()))
        self._spoilers: dict[tuple[str, str], Spoiler | None] = {}
        self.root = _path_of(profile.get("base_url", "/v1"))
        self.base = BRACES.sub(r"\1", self.root)
        names = {scheme.partition(":")[2] for scheme in self._schemes if scheme.startswith("query:")}
        self.own_query = frozenset({*names, *profile.get("query", {})})

    # --- Where what is -------------------------------------------------------------------------------------

    def rows(self) -> Iterator[tuple[str, Route]]:
        """Path and row of everything that the provider has, and of what it is known not to have."""
        own = self._profile.get("routes")
        document = {"routes": own} if isinstance(own, list) else own
        table: Table = bundled() if own is None else load_rows(document, bundled(), route_table_faults)
        paths = self._profile.get("paths", {})
        for route in map(table.find, table.names):
            other = paths.get(route.name) or paths.get(route.path)
            if other is None or "?}" in other:
                yield self.root + route.path, route
            if other is not None:
                path = _path_of(other)
                yield path if _ADDRESS.match(other) else self.root + path, route

    def let_in(self, request: web.Request, route: Route) -> None:
        """Refuse a row that there is not, a request without the credential, and one without the provider's own query."""
        if any(fnmatchcase(route.name, pattern) for pattern in self._profile.get("absent", ())):
            raise Refusal(404, f"Not Found: {request.method} {request.path}", "unknown_url")
        given = [key for key in (_credential(scheme, request) for scheme in self._schemes) if key]
        if not self._free and not given:
            raise Refusal(401, f"there is no API key: send it as {' or '.join(map(_shown, self._schemes))}")
        if self._key is not None and given and self._key not in given:
            raise Refusal(401, "the API key is not the one this server was given", "invalid_api_key")
        for name, text in self._profile.get("query", {}).items():
            if name not in request.query and "?}" not in str(text):
                raise Refusal(400, f"{name}: missing from the query", "missing_required_parameter", name)

    # --- What is refused -----------------------------------------------------------------------------------

    def check(self, route: Route, members: Mapping[str, Any]) -> None:
        """Refuse what a rule would change."""
        loss = self._rules.refused(route, dict(members))
        if loss is not None:
            param = place(loss.path)
            why = loss.message.partition(": ")[2] or "not supported"
            raise Refusal(self._wrong, f"{param}: {why}", "unsupported_parameter", param)

    def refusal(self, refusal: Refusal, *more: tuple[str, str]) -> Answer:
        """An error in the provider's form."""
        values = {**error_of(refusal), "status": refusal.status}
        body = _filled(self._error, values)
        if isinstance(body, str):
            return whole(body.encode(), "text/plain; charset=utf-8", refusal.status, *more)
        return of_json(body, refusal.status, *more)

    # --- What is answered ----------------------------------------------------------------------------------

    def whole(self, asked: Asked) -> Answer:
        """The whole answer, spoiled."""
        asked, spoils = self._seen(asked)
        kind = kind_of(asked)
        if kind == "json":
            value = json_answer(asked)
            _detail(value, asked)
            answer = of_json(value if spoils is None else spoils.reply(value))
        else:
            answer = WHOLE[kind](asked)
        return answer._replace(headers=(*answer.headers, *LIMITS))

    def stream(self, asked: Asked) -> Answer:
        """The stream, spoiled, in the provider's way of sending events."""
        asked, spoils = self._seen(asked)
        return Answer(200, (*STREAM, *LIMITS), self._pieces(asked, spoils))

    def _pieces(self, asked: Asked, spoils: Spoiler | None) -> Iterator[bytes]:
        style = self._profile.get("stream", {})
        spoil: Spoil = (lambda data: [data]) if spoils is None else spoils.stream()
        for sent in USAGE[style.get("usage", "asked")](events(asked), asked):
            if sent == Sent(None, DONE) and style.get("done") is False:
                continue
            if comment := style.get("comment"):
                yield b": %b\n\n" % str("keep-alive" if comment is True else comment).encode()
            for data in [DONE] if isinstance(sent.data, str) else spoil(sent.data):
                piece = Sent(sent.event, data).encoded()
                yield piece.replace(b"\n", b"\r\n") if style.get("crlf") else piece

    def _seen(self, asked: Asked) -> tuple[Asked, Spoiler | None]:
        """The request in OpenAI's form, as far as the answer needs it, and what spoils that."""
        row, model = asked.route.name, asked.members.get("model")
        key = row, model if isinstance(model, str) else ""
        if key not in self._spoilers:
            self._spoilers[key] = spoiler(self._profile.get("reply", ()), *key)
        found = self._spoilers[key]
        members = self._undone(asked.members, *key)
        thinks = found is not None and found.thinks
        if thinks:
            members.setdefault("reasoning_effort", "medium")
        return asked._replace(members=members, thinks=thinks), found

    def _undone(self, members: Mapping[str, Any], row: str, model: str) -> dict[str, Any]:
        """The members, and beside them those that have another name here under OpenAI's."""
        found = dict(members)
        for rows, models, member, there, pairs in self._moves:
            if rows(row) and models(model) and (value := there.first(found)) is not MISSING:
                found = deepcopy(found)
                put(member, found, next((old for old, new in pairs if same(new, value)), value))
        return found


class _Move(NamedTuple):
    """A rule that gives a member of requests another name: for which, from where to where, and from which values to which."""

    rows: Callable[[str], bool]
    models: Callable[[str], bool]
    member: Place
    there: Place
    pairs: Sequence[Any]


def _moves(rules: Iterable[Mapping[str, Any]]) -> list[_Move]:
    """The rules that move a member, from the last to the first; not those that go through a list."""
    found = []
    for rule in (single for one in rules if one["verb"] == "move" for single in singly(one)):
        member, to = Place(rule["member"]), rule["to"]
        if not {EACH, VALUES, "..", "."} & {*member.steps, *to.split("/")}:
            there = Place(to if to.startswith("/") else ".".join((*member.parents, to)))
            models = globs(rule.get("models", ()))
            found.append(_Move(globs(rule.get("rows", ROWS)), models, member, there, rule.get("values", ())))
    return found[::-1]


def _plausible(profile: Mapping[str, Any]) -> dict[str, str]:
    """The variables that have to be set, each by its own name."""
    optional = {found[1] for found in BRACES.finditer(str(profile)) if found[2]}
    return {name: name for name in profile.get("variables", {}) if name not in optional}


def _path_of(address: str) -> str:
    """The path of an address, or a path, with variables as names of its segments."""
    named = BRACES.sub(r"{\1}", _ADDRESS.sub("http://host", address))
    return urlsplit(named).path.rstrip("/")


def _credential(scheme: str, request: web.Request) -> str:
    """What a request has where a scheme wants the credential."""
    kind, _, name = scheme.partition(":")
    if kind == "query":
        return request.query.get(name, "")
    if kind == "header":
        return request.headers.get(name, "").strip()
    word, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if word.lower() == "bearer" else ""


def _shown(scheme: str) -> str:
    kind, _, name = scheme.partition(":")
    return {"query": f"?{name}=KEY", "header": f"{name}: KEY"}.get(kind, "Authorization: Bearer KEY")


def _filled(form: Any, values: Mapping[str, Any]) -> Any:
    """An error's form with what is told in it: `{message}` and the like."""
    if isinstance(form, Mapping):
        return {name: _filled(part, values) for name, part in form.items()}
    if isinstance(form, list):
        return [part for part in (_filled(part, values) for part in form) if part is not None]
    if not isinstance(form, str):
        return form
    alone = BRACES.fullmatch(form)
    if alone is not None and alone[1] in values:
        return values[alone[1]]
    return BRACES.sub(lambda found: str(values.get(found[1], found[0])), form)


# --- Counts -------------------------------------------------------------------------------------------------


def _detail(value: Any, asked: Asked) -> None:
    """Say of the tokens of a chat which were cached, and which were thoughts."""
    if noun(asked.route.name) == "chat.completion" and isinstance(value, dict) and isinstance(counts := value.get("usage"), dict):
        counts["prompt_tokens_details"] = {**(counts.get("prompt_tokens_details") or {}), "cached_tokens": 0}
        thinking = min(len(thought(asked).split()), counts["completion_tokens"])
        counts["completion_tokens_details"] = {**(counts.get("completion_tokens_details") or {}), "reasoning_tokens": thinking}


def _where_asked(every: Iterable[Sent], asked: Asked) -> Iterator[Sent]:
    for sent in every:
        _detail(sent.data, asked)
        yield sent


def _on_every(every: Iterable[Sent], asked: Asked) -> Iterator[Sent]:
    """The counts on each chunk."""
    return _with_counts(every, asked, lambda choices: True)


def _on_last(every: Iterable[Sent], asked: Asked) -> Iterator[Sent]:
    """The counts on the chunk that ends the choices."""
    return _with_counts(every, asked, lambda choices: any(choice.get("finish_reason") for choice in choices))


def _with_counts(every: Iterable[Sent], asked: Asked, wanted: Callable[[list[Any]], bool]) -> Iterator[Sent]:
    """The counts on some chunks, asked for or not, and none on a chunk of its own."""
    for sent in every:
        choices = sent.data.get("choices") if isinstance(sent.data, dict) else None
        if choices == []:
            continue
        if choices is not None and wanted(choices):
            sent.data["usage"] = usage(asked)
            _detail(sent.data, asked)
        yield sent


#: Where a stream tells the counts.
USAGE: dict[str, Callable[[Iterable[Sent], Asked], Iterator[Sent]]] = {
    "asked": _where_asked,
    "every": _on_every,
    "last": _on_last,
}
