"""Reading the body of a good answer, each kind by a generator that the flow delegates to.

    Read  -> bytes of the body as they stand on the wire, b"" at its end, or an APIConnectionError thrown in
    Opened, Given -> anything, when the user wants more (streams and binary answers only)

Rules of this file: those of `flow`; what is held of a body is bounded by `Limits`; a new kind of reply is one
function and one key in `READERS`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable
from typing import Any

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


def read_into(pieces: list[bytes], reply: Reply, progress: Progress, limit: int) -> Flow:
    """Read a body to its end, decoded, and stop once more than `limit` bytes are held."""
    undo, finish = undoing(reply)
    size, idle, clock = 0, progress.call.timeout.idle, progress.clock
    while chunk := (yield from _next(progress, idle, clock(), "idle")):
        for piece in undo(chunk):
            size += len(piece)
            pieces.append(piece)
            if size > limit:
                raise StreamError(f"the body passes the limit of {limit} bytes")
    finish()


def undoing(reply: Reply) -> tuple[Callable[[bytes], Iterable[bytes]], Callable[[], None]]:
    """What undoes the coding of a body piece by piece, and what checks its end."""
    coding = for_encoding(reply.headers.get("content-encoding"))
    return (_as_it_is, _nothing) if coding is None else (coding.feed, coding.finish)


def _as_it_is(chunk: bytes) -> tuple[bytes]:
    return (chunk,)


def _nothing() -> None:
    """The end of a body without a coding needs no check."""


def _read_whole(reply: Reply, progress: Progress) -> Generator[Any, Any, bytes]:
    """The whole body of an answer, decoded, within `Limits.reply`."""
    pieces: list[bytes] = []
    try:
        yield from read_into(pieces, reply, progress, progress.call.limits.reply)
    except APIError as error:
        error.body = b"".join(pieces)
        raise
    return b"".join(pieces)


def _read_json(reply: Reply, progress: Progress) -> Flow:
    """A body of JSON, or of what else the row lets through, as what the user asked for."""
    body = yield from _read_whole(reply, progress)
    call, rule = progress.call, progress.call.plan.route.reply
    content_type = reply.headers.get("content-type", "").lower()
    data: Any = None
    if rule.kind == "text" or (rule.kind == "json" and rule.other == "text" and "json" not in content_type):
        data = body.decode("utf-8", "replace")
    elif rule.kind == "json" and (body or reply.status not in (204, 205)) and (not _raw(call.into) or "json" in content_type):
        data = _decoded(body, content_type, reply)
    refuse_disguised(data, reply, body, call)
    attempts = progress.with_this(reply.status)
    return _typed(Reply(reply.status, reply.headers, body, data, attempts, progress.clock() - progress.started), call)


def _decoded(body: bytes, content_type: str, reply: Reply) -> Any:
    try:
        return decode(body)
    except DecodeError as error:
        error.body = body
        if not body or "json" not in content_type:
            what = f"has Content-Type {content_type or 'unset'}" if body else "is empty"
            error.message = f"HTTP {reply.status}, but the body {what}: {error.message}"
        raise


def _typed(reply: Reply, call: Call) -> Any:
    """The result in the user's type. What their own class raises becomes a `DecodeError` that has everything."""
    raw = _raw(call.into)
    try:
        if call.check is not None:
            call.check(reply)
        return raw(reply) if raw is not None else call.read(reply) if call.read is not None else as_record(reply.data, reply)
    except OaiDynError:
        raise
    except Exception as error:
        raise misfit(error, reply, call.into) from error


def _read_nothing(reply: Reply, progress: Progress) -> Flow:
    """A row without an answer gives None; what came is there with `into=Reply`."""
    body = yield from _read_whole(reply, progress)
    if body and "json" in reply.headers.get("content-type", "").lower():
        refuse_disguised(_decoded(body, "json", reply), reply, body, progress.call)
    attempts = progress.with_this(reply.status)
    raw = _raw(progress.call.into)
    return raw and raw(reply._replace(body=body, attempts=attempts, elapsed=progress.clock() - progress.started))


def _opened(reply: Reply, progress: Progress) -> Generator[Any, Any, Reply]:
    """Hand out the head of an answer that is read as it is asked for."""
    reply = reply._replace(attempts=progress.with_this(reply.status), elapsed=progress.clock() - progress.started)
    yield Opened(reply)
    return reply


def _read_bytes(reply: Reply, progress: Progress) -> Flow:
    """A binary answer, handed over piece by piece as the user asks for it; a JSON one is looked at for an error first."""
    content_type = reply.headers.get("content-type", "").lower()
    if "html" in content_type and progress.call.plan.route.reply.other is None:
        yield from _refuse_body(reply, progress, f"bytes were asked for, and the answer has Content-Type {content_type}")
    reply = yield from _opened(reply, progress)
    if "json" in content_type:
        body = yield from _read_whole(reply, progress)
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


def _read_events(reply: Reply, progress: Progress) -> Flow:
    """A stream of server-sent events, until its terminal rule is met."""
    call = progress.call
    content_type = reply.headers.get("content-type", "text/event-stream").lower()
    if ("json" in content_type and "ndjson" not in content_type) or "html" in content_type:
        yield from _refuse_body(reply, progress, f"a stream was asked for, and the answer has Content-Type {content_type}")
    reply = yield from _opened(reply, progress)
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
    except APIConnectionError as error:
        _settle_cut(error, events, call)
        return
    except APIError as error:
        error.body = error.body or events.remains
        if isinstance(error, StreamTruncated):
            error.received = events.received
        raise
    yield from _drain(progress)


def _refuse_body(reply: Reply, progress: Progress, why: str) -> Flow:
    """Something else came than was asked for: its own error where it holds one."""
    body = yield from _read_whole(reply, progress)
    try:
        data = decode(body)
    except DecodeError:
        data = None
    refuse_disguised(data, reply, body, progress.call)
    error = DecodeError(f"HTTP {reply.status}: {why}", body=body)
    error.data = data
    raise error


def _check_end(events: EventReader, call: Call, finish: Callable[[], None]) -> None:
    """The body ended by itself: whole where the row's rule says so."""
    if events.complete or call.allow_truncated:
        return
    finish()
    if not events.rule.eof:
        raise StreamTruncated(f"the stream ended after {events.received} events without what ends it ({events.wanted})")


def _settle_cut(error: APIConnectionError, events: EventReader, call: Call) -> None:
    """The connection failed or time ran out while a stream was open."""
    if events.complete:
        return
    if isinstance(error, APITimeoutError):
        error.body = events.remains
        raise error
    if not call.allow_truncated:
        cut = StreamTruncated(f"the stream was cut after {events.received} events: {error.message}", body=events.remains)
        cut.received = events.received
        raise cut


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


#: Types of `into` that take the answer before any decoding of the user's.
RAW: dict[type, Callable[[Reply], Any]] = {
    Reply: lambda reply: reply._replace(data=as_record(reply.data, reply)),
    bytes: lambda reply: reply.body,
    str: lambda reply: reply.body.decode("utf-8", "replace"),
}

#: What reads an answer, by its kind.
READERS: dict[str, Callable[[Reply, Progress], Flow]] = {
    "json": _read_json,
    "text": _read_json,
    "bytes": _read_bytes,
    "none": _read_nothing,
    "events": _read_events,
}
