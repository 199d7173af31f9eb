"""Reading the body of a good answer, each kind by a generator that the flow delegates to.

    Read  -> bytes of the body as they stand on the wire, b"" at its end, or an APIConnectionError thrown in
    Opened, Given -> anything, when the user wants more (streams and binary answers only)

Rules of this file: those of `flow`; what is held of a body is bounded by `Limits`; a new kind of reply is one
function and one key in `READERS`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable
from importlib import import_module
from typing import Any, NoReturn

from .codec import decode
from .coding import for_encoding
from .errors import APIConnectionError, APIError, APITimeoutError, DecodeError, OaiDynError, StreamError, StreamTruncated, misfit
from .events import EventReader
from .progress import Progress, log
from .verdicts import as_record, in_band_error, refuse_disguised
from .wire import Call, Given, Opened, Read, Reply

Flow = Generator[Any, Any, Any]

#: How long the rest of a finished stream is waited for, in seconds, so that its connection can be used again.
DRAIN_SECONDS = 0.1


def _next(progress: Progress, seconds: float | None, since: float, why: str) -> Generator[Any, Any, bytes]:
    """The next piece of the body, by the deadline even where bytes never stop coming."""
    deadline, why = progress.deadline(seconds, since, why)
    chunk: bytes = yield Read(deadline, why)
    if deadline is not None and progress.clock() > deadline:
        raise APITimeoutError(f"time ran out: {why}")
    return chunk


class Pieces:
    """A body as it comes, up to a limit."""

    def __init__(self, limit: int, reply: Reply) -> None:
        self._limit = limit
        self._reply = reply
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Keep a piece. Raises `StreamError` once more than the limit is kept."""
        self._size += len(piece)
        self._pieces.append(piece)
        if self._size > self._limit:
            what = f"the body passes the limit of {self._limit} bytes"
            raise StreamError(what, status=self._reply.status, headers=self._reply.headers)

    def joined(self) -> bytes:
        """The whole body."""
        return b"".join(self._pieces)


def read_whole(reply: Reply, progress: Progress, limit: int) -> Generator[Any, Any, bytes]:
    """The whole body of an answer, decoded, within a limit. An error on the way has what came before it."""
    undo, finish = undoing(reply)
    pieces, idle, clock = Pieces(limit, reply), progress.call.timeout.idle, progress.clock
    try:
        while chunk := (yield from _next(progress, idle, clock(), "idle")):
            for piece in undo(chunk):
                pieces.add(piece)
        finish()
    except APIError as error:
        error.body = pieces.joined()
        raise
    return pieces.joined()


def undoing(reply: Reply) -> tuple[Callable[[bytes], Iterable[bytes]], Callable[[], None]]:
    """What undoes the coding of a body piece by piece, and what checks its end."""
    coding = for_encoding(reply.headers.get("content-encoding"))
    return _NO_CODING if coding is None else (coding.feed, coding.finish)


def _read_data(reply: Reply, progress: Progress) -> Flow:
    """An answer that is read whole: JSON, or what else the row lets through, as what the user asked for."""
    call = progress.call
    body = yield from read_whole(reply, progress, call.limits.reply)
    data, raw = _value(body, reply, call), _raw(call.into)
    refuse_disguised(data, reply, body, call)
    if call.adapter is not None:
        data = call.adapter.reply(data)
    whole = progress.answered(reply, body, data)
    try:  # what the user's own class raises becomes an error that has everything
        if call.check is not None:
            call.check(whole)
        return raw(whole) if raw is not None else call.read(whole) if call.read is not None else as_record(data, whole)
    except OaiDynError:
        raise
    except Exception as error:
        raise misfit(error, whole, call.into) from error


def _value(body: bytes, reply: Reply, call: Call) -> Any:
    """What a body holds: JSON, text, or the whole of a stream that nobody asked for. None where it is not to be looked at."""
    content_type, rule = reply.headers.get("content-type", "").lower(), call.plan.route.reply
    is_json = "json" in content_type
    if rule.kind == "text" or (rule.kind == "json" and rule.other == "text" and not is_json):
        return body.decode("utf-8", "replace")
    if rule.kind != "json" or (not body and reply.status in (204, 205)):
        return None
    raw = _raw(call.into)
    if "event-stream" in content_type and call.plan.route.stream is not None and (raw is None or call.into is Reply):
        whole = _joined(body, reply, call)
        if whole is not None:
            return whole
    return _decoded(body, content_type, reply) if is_json or raw is None else None


def _joined(body: bytes, reply: Reply, call: Call) -> Any:
    """What a stream amounts to where a whole answer was asked for; None where it is no stream of a completion or a response."""
    events = EventReader(call._replace(into=None, check=None), reply, lambda value, data: in_band_error(value, data, reply, call))
    items = [item for some in events.feed(body) for item in some]
    if not events.ended:
        _check_end(events, call, lambda: None)
    return import_module("oai_dyn.transformations.assembly").joined(items)


def _decoded(body: bytes, content_type: str, reply: Reply) -> Any:
    try:
        return decode(body)
    except DecodeError as error:
        error.body = body
        if not body or "json" not in content_type:
            what = f"has Content-Type {content_type or 'unset'}" if body else "is empty"
            error.message = f"HTTP {reply.status}, but the body {what}: {error.message}"
        raise


def _read_nothing(reply: Reply, progress: Progress) -> Flow:
    """A row without an answer gives None; what came is there with `into=Reply`."""
    body = yield from read_whole(reply, progress, progress.call.limits.reply)
    if body and "json" in reply.headers.get("content-type", "").lower():
        refuse_disguised(_decoded(body, "json", reply), reply, body, progress.call)
    raw = _raw(progress.call.into)
    return raw and raw(progress.answered(reply, body))


def _read_bytes(reply: Reply, progress: Progress) -> Flow:
    """A binary answer, handed over piece by piece as the user asks for it; a JSON one is looked at for an error first."""
    content_type = reply.headers.get("content-type", "").lower()
    if "html" in content_type and progress.call.plan.route.reply.other is None:
        body, data = yield from _other_body(reply, progress)
        _refuse(body, data, f"HTTP {reply.status}: bytes were asked for, and the answer has Content-Type {content_type}")
    yield Opened(reply := progress.answered(reply))
    if "json" in content_type:
        body = yield from read_whole(reply, progress, progress.call.limits.reply)
        with contextlib.suppress(DecodeError):  # JSON lines, say: a file of the user's
            refuse_disguised(decode(body), reply, body, progress.call)
        yield Given([body])
        return
    undo, finish = undoing(reply)
    while chunk := (yield from _next(progress, progress.call.timeout.idle, progress.clock(), "idle")):
        for piece in undo(chunk):
            progress.given = True
            yield Given([piece])
    finish()


def comes_whole(content_type: str) -> bool:
    """Whether an answer of this type is no stream, though one was asked for."""
    return ("json" in content_type and "ndjson" not in content_type) or "html" in content_type


def _read_events(reply: Reply, progress: Progress) -> Flow:
    """A stream of server-sent events, until its terminal rule is met."""
    call = progress.call
    content_type = reply.headers.get("content-type", "text/event-stream").lower()
    if comes_whole(content_type):
        yield from _replay(reply, progress, f"a stream was asked for, and the answer has Content-Type {content_type}")
        return
    yield Opened(reply := progress.answered(reply))
    events = EventReader(call, reply, lambda value, data: in_band_error(value, data, reply, call))
    undo, finish = undoing(reply)
    since, wait, why = progress.attempt_started, call.timeout.first_event, "first event"
    try:
        while not (events.ended or events.stopped):
            chunk = yield from _next(progress, wait, since, why)
            if not chunk:
                break
            for piece in undo(chunk):
                for items in events.feed(piece):
                    if not progress.given:
                        progress.given = True
                        progress.tell("first_event")
                    yield Given(items)
                    del items
                    since, wait, why = progress.clock(), call.timeout.idle, "idle"
        if not events.ended:
            _check_end(events, call, finish)
    except APIError as error:
        if isinstance(error, APIConnectionError) and events.complete:
            return  # what failed is the connection, and it was not needed any more
        if isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError):
            if call.allow_truncated:
                return
            error = StreamTruncated(f"the stream was cut after {events.received} events: {error.message}")
        error.body = error.body or events.remains
        if isinstance(error, StreamTruncated):
            error.received = events.received
        raise error
    yield from _drain(progress)


def _replay(reply: Reply, progress: Progress, why: str) -> Flow:
    """A whole completion where a stream was asked for, as the events it might have been; anything else is refused."""
    call = progress.call
    body, data = yield from _other_body(reply, progress)
    whole = data if call.adapter is None else call.adapter.reply(data)
    assembly = import_module("oai_dyn.transformations.assembly")
    chunks = assembly.replayed(whole)
    if not chunks or not (stream := assembly.as_stream(chunks)):
        _refuse(body, data, f"HTTP {reply.status}: {why}")
    yield Opened(reply := progress.answered(reply))
    events = EventReader(call._replace(adapter=None), reply, lambda value, data: in_band_error(value, data, reply, call))
    progress.given = True
    progress.tell("first_event")
    for items in events.feed(stream):
        yield Given(items)


def _other_body(reply: Reply, progress: Progress) -> Generator[Any, Any, tuple[bytes, Any]]:
    """Something else than was asked for, decoded where it can be. Raises the error that it is."""
    body = yield from read_whole(reply, progress, progress.call.limits.reply)
    try:
        data = decode(body)
    except DecodeError:
        data = None
    refuse_disguised(data, reply, body, progress.call)
    return body, data


def _refuse(body: bytes, data: Any, why: str) -> NoReturn:
    error = DecodeError(why, body=body)
    error.data = data
    raise error


def _check_end(events: EventReader, call: Call, finish: Callable[[], None]) -> None:
    """The body ended by itself: whole where the row's rule says so."""
    if events.complete or call.allow_truncated:
        return
    finish()
    if not events.rule.eof:
        raise StreamTruncated(f"the stream ended after {events.received} events without what ends it ({events.wanted})")


def _drain(progress: Progress) -> Flow:
    """Wait briefly for the end of a finished stream's body; without it the connection is closed."""
    until = progress.deadline(DRAIN_SECONDS, progress.clock(), "drain")
    try:
        while (yield Read(*until)) and progress.clock() < (until[0] or 0):
            pass
    except APIConnectionError:
        log.debug("a finished stream's connection is not used again")


def _raw(into: Any) -> Callable[[Reply], Any] | None:
    return RAW.get(into) if isinstance(into, type) else None


#: What undoes no coding.
_NO_CODING: Any = (lambda chunk: (chunk,)), (lambda: None)

#: Types of `into` that take the answer before any decoding of the user's.
RAW: dict[type, Callable[[Reply], Any]] = {
    Reply: lambda reply: reply._replace(data=as_record(reply.data, reply)),
    bytes: lambda reply: reply.body,
    str: lambda reply: reply.body.decode("utf-8", "replace"),
}

#: What reads an answer, by its kind.
READERS: dict[str, Callable[[Reply, Progress], Flow]] = {
    "json": _read_data,
    "text": _read_data,
    "bytes": _read_bytes,
    "none": _read_nothing,
    "events": _read_events,
}
