"""The events of one stream as the user's objects, and what they say of its end.

Rules of this file: no I/O, no clock. `_all_plain` is the hot loop: a plain event costs one JSON decoding, one
Record and a few lookups there; everything rare is left to `_special`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .codec import Record, decode, loads
from .errors import APIError, DecodeError, OaiDynError, misfit
from .sse import Decoder
from .wire import Call, Event, Reply, Stream

#: What compatible servers send at the end of any stream, whatever their rows say.
DONE = b"[DONE]"

Refuse = Callable[[Any, bytes], APIError]


#: Of how many bytes the events are made at once: those of more would not stay in the processor's cache until they are used.
_WINDOW = 2**14


class EventReader:
    """Turns pieces of a body into events. After each `feed` the attributes tell where the stream stands.

    ended     the event that ends the stream has come; nothing after it is waited for
    stopped   [DONE] has come where it is no mark of the row: the same as the end of the body
    complete  the end of the body here would make a whole stream
    received  how many events were given out
    """

    def __init__(self, call: Call, reply: Reply, refuse: Refuse) -> None:
        self.ended = False
        self.stopped = False
        self.received = 0
        self.rule: Stream = call.plan.route.stream or Stream()
        self._call = call
        self._reply = reply
        self._refuse = refuse
        self._decoder = Decoder(call.limits.event)
        self._raw = RAW_EVENTS.get(call.into) if isinstance(call.into, type) else None
        self._as_record = call.into is None and call.check is None
        self._adapt = call.adapter and call.adapter.stream()
        self._marked = False
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._kept: deque[bytes] = deque()
        self._kept_size = 0

    @property
    def complete(self) -> bool:
        """Whether the end of the body here would make a whole stream."""
        finished = self.rule.finish and bool(self._finished) and self._open <= self._finished
        return self.ended or self._marked or finished

    @property
    def wanted(self) -> str:
        """What would have ended the stream, in words."""
        marks = sorted(self.rule.last | self.rule.complete) + ["a finish_reason on every choice"] * self.rule.finish
        return " or ".join(marks) or "nothing"

    @property
    def remains(self) -> bytes:
        """The last bytes that had come, up to `Limits.error_body`."""
        return b"".join(self._kept)[-self._call.limits.error_body :]

    def feed(self, piece: bytes) -> Iterator[list[Any]]:
        """Take decoded bytes of the body; give out the events they complete in the user's type, some at a time.

        Raises the error that an event is, or that makes it none, after the events before it.
        """
        self._remember(piece)
        for at in range(0, len(piece), _WINDOW):
            group = self._decoder.feed(piece[at : at + _WINDOW])
            out = self._all_plain(group)
            if out is None or not self._as_record:
                yield from self._one_by_one(group, out)
                if self.ended or self.stopped:
                    return
            elif out:
                self.received += len(out)
                yield out
            del out
        if self._decoder.failed:
            self._decoder.feed(b"")

    def _one_by_one(self, group: list[bytes | Event], plain: list[Any] | None) -> Iterator[list[Any]]:
        """Look at each event, for not all are plain, or each is to be made the user's type."""
        out: list[Any] = []
        failure: OaiDynError | None = None
        try:
            for item, value in zip(group, group if plain is None else plain, strict=True):
                if plain is None:
                    self._special(item, out)
                    if self.ended or self.stopped:
                        break
                else:
                    out.append(self._given(Event(None, item), value))  # type: ignore[arg-type]  # what is plain is bytes
        except OaiDynError as error:
            failure = error
        if out:
            self.received += len(out)
            yield out
        if failure is not None:
            raise failure

    def _all_plain(self, raw: list[Any]) -> list[Any] | None:
        """Many events at once, as they nearly always are; None where they hold any other."""
        if self._raw is not None or self.rule.envelope:
            return None
        try:
            values = list(map(loads, raw))
            if self.rule.finish:
                open_ = self._open
                for value in values:
                    if "error" in value:
                        return None
                    for choice in value["choices"]:
                        if choice["finish_reason"] is not None or choice["index"] not in open_:
                            self._watch(value)
            elif any("error" in value or "type" in value or value.get("object") == "error" for value in values):
                return None
        except (AttributeError, TypeError, ValueError, LookupError):
            return None
        if self._adapt is not None:
            self._adapt(values)
            return list(map(_record, values)) if self._as_record else values
        return list(map(Record, values)) if self._as_record else values

    def _special(self, item: bytes | Event, out: list[Any]) -> None:
        """Any event that is not a plain one: named, marked, an error, no JSON object, or for a type of the user's."""
        event = item if isinstance(item, Event) else Event(None, item)
        name, data = event.event, event.data
        raw = self._raw
        if data[:1] not in (b"{", b"[") or data == DONE:
            text = data.decode("utf-8", "replace")
            if self._mark(text) or (name is not None and data in (b"", DONE) and self._mark(name)):
                return
            if data == DONE:
                self.stopped = True
                return
            if not text and raw is None and name != "error":
                return  # a keep-alive of some servers
        try:
            value = decode(data)
        except DecodeError:
            if raw is None and name != "error":
                raise
            value = data.decode("utf-8", "replace")
        if name == "error" or self._is_error(value):
            raise self._refuse(value, data)
        self._watch(value)
        out.append(raw(event) if raw is not None and self._call.check is None else self._given(event, self._adapted(value)))
        if name is not None and self._mark(name):
            return
        if isinstance(value, dict) and isinstance(kind := value.get("type"), str):
            self._mark(kind)

    def _mark(self, mark: str) -> bool:
        """Note a marker; True where it ends the stream."""
        if mark in self.rule.complete:
            self._marked = True
        elif mark in self.rule.reopen:
            self._marked = False
        if mark in self.rule.last:
            self.ended = True
        return self.ended

    def _is_error(self, value: Any) -> bool:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]  # the form of Google's servers
        if not isinstance(value, dict):
            return False
        named = value.get("object") == "error" or value.get("type") == "error"
        return named or ("type" not in value and bool(value.get("error")))

    def _watch(self, value: Any) -> None:
        """Note which choices are open and which are finished."""
        choices = value.get("choices") if self.rule.finish and isinstance(value, dict) else None
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and isinstance(index := choice.get("index", 0), int):
                (self._open if choice.get("finish_reason") is None else self._finished).add(index)

    def _adapted(self, value: Any) -> Any:
        """One event in OpenAI's form."""
        if self._adapt is None:
            return value
        self._adapt(events := [value])
        return events[0]

    def _given(self, event: Event, value: Any) -> Any:
        """What the user gets of an event, checked first where they asked for that."""
        if self.rule.envelope:
            value = {"event": event.event, "data": value}
        call, reply = self._call, self._reply._replace(data=value, body=event.data)
        if call.check is not None:
            call.check(reply)
        if self._raw is not None:
            return self._raw(event)
        if call.read is None:
            return _record(value)
        try:
            return call.read(reply)
        except OaiDynError:
            raise
        except Exception as error:
            raise misfit(error, reply, call.into) from error

    def _remember(self, piece: bytes) -> None:
        self._kept.append(piece)
        self._kept_size += len(piece)
        while self._kept_size - len(self._kept[0]) >= self._call.limits.error_body:
            self._kept_size -= len(self._kept.popleft())


def _record(value: Any) -> Any:
    return Record(value) if type(value) is dict else value


#: Types of `into` that take an event before any decoding.
RAW_EVENTS: dict[Any, Callable[[Event], Any]] = {
    Event: lambda event: event,
    bytes: lambda event: event.data,
    str: lambda event: event.data.decode("utf-8", "replace"),
}
