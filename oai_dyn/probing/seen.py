"""One request sent, and its answer as it came: status, bytes, and what they hold.

Rules of this file: the answer is looked at before any rule has touched it; what it quotes of a key is taken out at once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..client import BaseClient
from ..codec import decode
from ..errors import APIConnectionError, APIError, APIStatusError, DecodeError
from ..meanings import read_body
from ..sse import Decoder
from ..transformations.assembly import joined, replayed
from ..verdicts import complete
from ..wire import Answer, Call, Event, Reply

#: Statuses that say no to what was asked for, rather than to who asked or how often.
REFUSING = frozenset({400, 413, 415, 422, 501})

#: The most of a service's own message that is kept.
_SHOWN = 160


def short(text: str, most: int = _SHOWN) -> str:
    """A text as one short line that cannot move a cursor."""
    line = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 3]}..."


class Seen:
    """An answer. `status` is 0 where none came; `error` is then the reason, else what the service says of its refusal.

    adapter   the rules of the profile for such an answer, None where it has none
    losses    what the profile took of the request
    """

    def __init__(self, status: int = 0, kind: str = "", body: bytes = b"", error: APIError | None = None) -> None:
        self.status = status
        self.kind = kind
        self.body = body
        self.error = error
        self.adapter: Any = None
        self.losses: tuple[Any, ...] = ()
        self._amended = False

    @property
    def good(self) -> bool:
        """Whether the service did what was asked."""
        return self.error is None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the service refused what was asked for."""
        under_200 = isinstance(self.error, APIStatusError) and 200 <= self.status < 300
        return not self.good and (under_200 or self.status in REFUSING)

    @cached_property
    def words(self) -> str:
        """What the service says, in a line."""
        if self.error is None:
            return f"HTTP {self.status}"
        return short(self.error.message or type(self.error).__name__)

    @property
    def is_stream(self) -> bool:
        """Whether the answer is server-sent events."""
        return "event-stream" in self.kind or self.body.lstrip().startswith((b"data:", b"event:", b":"))

    @cached_property
    def data(self) -> Any:
        """The whole answer, decoded; a stream put together; None where it is neither."""
        if self.is_stream:
            return joined(self.events)
        try:
            data = decode(self.body)
        except DecodeError:
            return None
        return self.adapter.reply(data) if self._amended else data

    @cached_property
    def frames(self) -> list[Event]:
        """The events as they came, undecoded."""
        found = Decoder().feed(self.body + b"\n\n") if self.is_stream else []
        return [one if isinstance(one, Event) else Event(None, one) for one in found]

    @cached_property
    def events(self) -> list[Any]:
        """What the events hold; of a whole answer where a stream was asked for, the events it might have been."""
        if not self.is_stream:
            return replayed(self.data)
        events = [value for frame in self.frames if (value := _value(frame.data)) is not None]
        if self._amended:
            self.adapter.stream()(events)
        return events

    def in_form(self) -> Seen:
        """The same answer as the profile's rules bring it into form."""
        other = Seen(self.status, self.kind, self.body, self.error)
        other.adapter, other.losses, other._amended = self.adapter, self.losses, self.adapter is not None
        return other

    @property
    def answered_tokens(self) -> int:
        """How many tokens the service says that it wrote."""
        data = self.data if self.good else None
        usage = data.get("usage") if isinstance(data, Mapping) else None
        count = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
        return count if isinstance(count, int) else 0


def _value(data: bytes) -> Any:
    try:
        return decode(data)
    except DecodeError:
        return None


def ready(client: BaseClient, row: str, body: Mapping[str, Any]) -> Call:
    """The call that would be made. Raises `RouteError` and `ValidationError` for what a profile refuses."""
    return client._ready(client._provider, row, (), {**copy.deepcopy(dict(body)), "into": Reply})


def ask(client: BaseClient, call: Call) -> Seen:
    """Send a call, and take the answer as it comes. Raises nothing that a service can bring about."""
    route = call.plan.route._replace(reply=Answer("json"), stream=None, page=None)
    bare = call._replace(plan=call.plan._replace(route=route, streaming=False), adapter=None, read=None)
    try:
        reply = client._start(bare)
        shown = APIError(body=reply.body)
        complete(shown, None, bare)  # takes out what is quoted of a key
        seen = Seen(reply.status, reply.headers.get("content-type", "").lower(), shown.body)
        seen.error = _in_stream(seen)
    except APIConnectionError as error:
        seen = Seen(error=error)
    except APIError as error:
        seen = Seen(error.status or 0, "", error.body, error)
    seen.adapter, seen.losses = call.adapter, call.losses
    return seen


def _in_stream(seen: Seen) -> APIError | None:
    """The error that a stream holds in place of an answer."""
    for frame in seen.frames:
        value = _value(frame.data)
        if isinstance(value, Mapping) and value.get("error") and not value.get("choices"):
            verdict = read_body(value)
            seen.status = verdict.status or seen.status
            return APIStatusError(f"in the stream: {verdict.message}", status=seen.status, code=verdict.code)
    return None
