"""One call as a generator: it yields the steps to take, is sent what came of them, and returns the result or raises.

Retries, redirects, errors, the ends of streams and every wait are decided here, once, for both backends;
a test sends outcomes by hand and needs no socket.

    Send  -> Head(status, headers), or an APIConnectionError thrown in
    Read  -> bytes of the body as they stand on the wire, b"" at its end, or an APIConnectionError thrown in
    Sleep -> anything
    Opened, Given -> anything, when the user wants more (streams and binary answers only)

Rules of this file: no clock and no I/O of its own, time comes as `clock` (monotonic seconds) and `now`
(seconds since the epoch); once something was given to the user nothing is sent again; no credential is in
a local that prints it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import urljoin, urlsplit

from .codec import decode
from .coding import Decoding, for_encoding
from .errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    DecodeError,
    OaiDynError,
    StreamError,
    StreamTruncated,
    misfit,
    read_body,
)
from .events import EventReader
from .plan import redacted
from .retry import wait_before
from .verdicts import as_record, in_band_error, refuse_disguised, status_error
from .wire import Attempt, Call, Given, Head, Notice, Opened, Plan, Read, Reply, Send, Sleep

Flow = Generator[Any, Any, Any]

log = logging.getLogger("oai_dyn")

#: Redirects followed in one attempt (RFC 9110 section 15.4 asks for a bound; browsers take 20).
MAX_REDIRECTS = 10

#: How long the rest of a finished stream is waited for, in seconds, so that its connection can be used again.
DRAIN_SECONDS = 0.1


class Progress:
    """What one call has come to so far."""

    def __init__(self, call: Call, clock: Callable[[], float]) -> None:
        self.call = call
        self.clock = clock
        self.started = clock()
        self.attempt_started = self.started
        self.number = 0
        self.attempts: tuple[Attempt, ...] = ()
        self.given = False
        self.reply: Reply | None = None
        total = call.timeout.total
        self.end = None if total is None else self.started + total

    def deadline(self, seconds: float | None, since: float, why: str) -> tuple[float | None, str]:
        """The sooner of a wait that began at `since` and the end of the whole call, and which of them it is."""
        if seconds is None or (self.end is not None and self.end <= since + seconds):
            return self.end, "total"
        return since + seconds, why

    def tell(self, kind: str, error: BaseException | None = None) -> None:
        """Tell the hook and the log; a hook that raises is logged and changes nothing."""
        hook = self.call.config.hook
        if hook is None and not log.isEnabledFor(logging.DEBUG):
            return
        name = None if error is None else type(error).__name__
        notice = Notice(kind, redacted(self.call.plan), self.reply, self.number, self.clock() - self.started, name)
        log.debug(
            "%s %r attempt %d status %s after %.3f s%s",
            kind, notice.plan, notice.attempt, self.reply and self.reply.status, notice.elapsed, f" {name}" if name else "",
        )  # fmt: skip
        if hook is not None:
            try:
                hook(notice)
            except Exception:
                log.exception("the hook failed")


def run(call: Call, clock: Callable[[], float], now: Callable[[], float]) -> Flow:
    """Make one call, with all its attempts."""
    progress = Progress(call, clock)
    while True:
        progress.number += 1
        progress.attempt_started = clock()
        progress.reply = None
        try:
            reply = yield from _exchange(call.plan, progress)
            progress.tell("attempt")
            result = yield from READERS[_kind(call)](reply, progress)
            progress.tell("end")
            return result
        except GeneratorExit:
            progress.tell("close")
            raise
        except APIError as error:
            wait = _wait_after(error, progress, now)
            _note(error, progress, wait)
            progress.tell("end" if wait is None else "attempt", error)
            if wait is None:
                raise
        yield Sleep(wait)


def _kind(call: Call) -> str:
    if call.plan.streaming:
        return "events"
    kind = call.plan.route.reply.kind
    return "json" if kind == "bytes" and call.into is not None else kind


def _wait_after(error: APIError, progress: Progress, now: Callable[[], float]) -> float | None:
    """Seconds to wait before another attempt, None where this error is the end."""
    if progress.given or progress.number > progress.call.max_retries:
        return None
    wait = wait_before(progress.number, error, progress.call.plan.route.safe, now())
    if wait is not None and progress.end is not None and progress.clock() + wait >= progress.end:
        return None
    return wait


def _note(error: APIError, progress: Progress, wait: float | None) -> None:
    """Write the attempt down, on the error too."""
    elapsed = progress.clock() - progress.attempt_started
    attempt = Attempt(progress.number, error.status, type(error).__name__, elapsed, wait)
    progress.attempts = (*progress.attempts, attempt)
    error.attempts = progress.attempts


def _exchange(plan: Plan, progress: Progress) -> Generator[Any, Any, Reply]:
    """Send, follow redirects, and refuse an error status; the reply's body is still to be read."""
    timeout = progress.call.timeout
    for _ in range(MAX_REDIRECTS + 1):
        until = progress.deadline(timeout.first_event, progress.attempt_started, "first event")
        head: Head = yield Send(plan, timeout.connect, *until)
        reply = Reply(head.status, head.headers, attempts=progress.attempts, elapsed=progress.clock() - progress.started)
        progress.reply = reply
        if head.status < 300:
            return reply
        if head.status not in (301, 302, 303, 307, 308) or "location" not in head.headers:
            raise (yield from _status_error(reply, progress))
        plan = _redirected(plan, reply)
    raise APIStatusError(f"more than {MAX_REDIRECTS} redirects", status=reply.status, headers=reply.headers)


def _redirected(plan: Plan, reply: Reply) -> Plan:
    """The plan for where a redirect points (RFC 9110 section 15.4). Another origin gets nothing of the user's."""
    try:
        target = urljoin(plan.url, reply.headers["location"]).partition("#")[0]
        here, there = urlsplit(plan.url), urlsplit(target)
        same = (here.scheme, here.hostname, here.port) == (there.scheme, there.hostname, there.port)
    except ValueError:
        target, there, same = "", urlsplit(""), False
    if not same or there.username is not None or not target.isascii() or any(c <= " " or c == "\x7f" for c in target):
        where = f"{there.scheme}://{there.hostname}" if there.hostname else "no valid address"
        raise APIStatusError(
            f"HTTP {reply.status}: a redirect to another origin ({where}) is not followed", status=reply.status, headers=reply.headers
        )
    if reply.status == 303 or (reply.status in (301, 302) and plan.method == "POST"):
        headers = {name: value for name, value in plan.headers.items() if name.lower() != "content-type"}
        return plan._replace(method="GET", url=target, headers=headers, body=None)
    return plan._replace(url=target)


def _status_error(reply: Reply, progress: Progress) -> Generator[Any, Any, APIError]:
    """The error that an answer's status stands for, with as much of its body as the limit lets in."""
    limit = progress.call.limits.error_body
    pieces: list[bytes] = []
    try:
        yield from _pieces(reply, progress, limit, pieces)
    except APIError as cut:
        # The status is known and tells more than the cut does; a body too long or cut is shown as far as it came.
        log.debug("an error's body was not read to its end: %s", type(cut).__name__)
    body = b"".join(pieces)[:limit]
    return status_error(reply.status, reply, body, progress.call)


def _pieces(reply: Reply, progress: Progress, limit: int, pieces: list[bytes]) -> Flow:
    """Read a body to its end into `pieces`, decoded, and never hold more than `limit` bytes by more than a step."""
    coding = for_encoding(reply.headers.get("content-encoding"))
    size = 0
    while chunk := (yield Read(*progress.deadline(progress.call.timeout.idle, progress.clock(), "idle"))):
        for piece in (chunk,) if coding is None else coding.feed(chunk):
            size += len(piece)
            pieces.append(piece)
            if size > limit:
                raise StreamError(f"the body passes the limit of {limit} bytes")
    if coding is not None:
        coding.finish()


def _read_whole(reply: Reply, progress: Progress) -> Generator[Any, Any, bytes]:
    """The whole body of an answer, decoded, within `Limits.reply`."""
    pieces: list[bytes] = []
    try:
        yield from _pieces(reply, progress, progress.call.limits.reply, pieces)
    except APIError as error:
        error.status, error.headers = error.status or reply.status, reply.headers
        error.body = b"".join(pieces)[: progress.call.limits.error_body]
        raise
    return b"".join(pieces) if len(pieces) != 1 else pieces[0]


def _read_json(reply: Reply, progress: Progress) -> Flow:
    """A body of JSON, or of what else the row lets through, as what the user asked for."""
    body = yield from _read_whole(reply, progress)
    into, rule = progress.call.into, progress.call.plan.route.reply
    content_type = reply.headers.get("content-type", "").lower()
    data: Any = None
    if rule.kind in ("bytes", "text") or (rule.other == "text" and "json" not in content_type):
        data = None if rule.kind == "bytes" else body.decode("utf-8", "replace")
    elif body or reply.status not in (204, 205):
        if _raw(into) is None or "json" in content_type:
            data = _decoded(body, content_type, reply)
    if type(data) is dict and ("error" in data or data.get("object") == "error"):
        refuse_disguised(data, reply, body, progress.call)
    attempt = Attempt(progress.number, reply.status, None, progress.clock() - progress.attempt_started)
    reply = reply._replace(
        body=body, data=data, attempts=(*progress.attempts, attempt), elapsed=progress.clock() - progress.started
    )
    return _typed(reply, progress.call)


def _decoded(body: bytes, content_type: str, reply: Reply) -> Any:
    try:
        return decode(body)
    except DecodeError as error:
        what = "is empty" if not body else f"has Content-Type {content_type or 'unset'}" if "json" not in content_type else ""
        raise DecodeError(
            f"HTTP {reply.status}, but the body {what}: {error}" if what else str(error),
            status=reply.status,
            headers=reply.headers,
            body=body[:65536],
        ) from None


def _typed(reply: Reply, call: Call) -> Any:
    """The result in the user's type. What their own class raises becomes a `DecodeError` that has everything."""
    if (raw := _raw(call.into)) is not None:
        return raw(reply)
    if call.read is None:
        return as_record(reply.data, reply)
    try:
        return call.read(reply)
    except OaiDynError:
        raise
    except Exception as error:
        raise misfit(error, reply, call.into) from error


def _read_nothing(reply: Reply, progress: Progress) -> Flow:
    """A row without an answer gives None; what came is there with `into=Reply`."""
    body = yield from _read_whole(reply, progress)
    attempt = Attempt(progress.number, reply.status, None, progress.clock() - progress.attempt_started)
    reply = reply._replace(body=body, attempts=(*progress.attempts, attempt), elapsed=progress.clock() - progress.started)
    raw = _raw(progress.call.into)
    return None if raw is None else raw(reply)


def _read_bytes(reply: Reply, progress: Progress) -> Flow:
    """A binary answer, handed over piece by piece as the user asks for it."""
    try:
        yield Opened(reply)
        yield from _given_pieces(reply, progress)
    except APIError as error:
        error.status, error.headers = error.status or reply.status, reply.headers
        raise


def _given_pieces(reply: Reply, progress: Progress) -> Flow:
    coding = for_encoding(reply.headers.get("content-encoding"))
    while chunk := (yield Read(*progress.deadline(progress.call.timeout.idle, progress.clock(), "idle"))):
        for piece in (chunk,) if coding is None else coding.feed(chunk):
            progress.given = True
            yield Given([piece])
    if coding is not None:
        coding.finish()


def _read_events(reply: Reply, progress: Progress) -> Flow:
    """A stream of server-sent events, until its terminal rule is met."""
    content_type = reply.headers.get("content-type", "text/event-stream").lower()
    if "json" in content_type and "ndjson" not in content_type or "html" in content_type:
        yield from _refuse_body(reply, progress, content_type)
    yield Opened(reply)
    events = EventReader(progress.call, reply, lambda value, data: in_band_error(value, data, reply, progress.call))
    coding = for_encoding(reply.headers.get("content-encoding"))
    idle_since, waits = progress.attempt_started, progress.call.timeout.first_event
    while not events.ended:
        try:
            chunk = yield Read(*progress.deadline(waits, idle_since, "idle" if progress.given else "first event"))
        except APIConnectionError as error:
            _settle_cut(error, events, progress)
            return
        if not chunk:
            _settle_end(coding, events, progress)
            return
        for piece in (chunk,) if coding is None else coding.feed(chunk):
            items = events.feed(piece)
            if items:
                if not progress.given:
                    progress.given = True
                    progress.tell("first_event")
                yield Given(items)
                waits, idle_since = progress.call.timeout.idle, progress.clock()
            if events.failure is not None:
                raise events.failure
        if events.stopped:
            _settle_end(coding, events, progress)
            break
    yield from _drain(progress)


def _refuse_body(reply: Reply, progress: Progress, content_type: str) -> Flow:
    """A stream was asked for and something else came: its own error where it holds one."""
    body = yield from _read_whole(reply, progress)
    try:
        data = decode(body)
    except DecodeError:
        data = None
    if isinstance(data, dict) and (data.get("error") or data.get("object") == "error"):
        verdict = read_body(data)
        raise status_error(verdict.status or reply.status, reply, body, progress.call)
    error = DecodeError(
        f"HTTP {reply.status}: a stream was asked for, and the answer has Content-Type {content_type}",
        status=reply.status, headers=reply.headers, body=body[: progress.call.limits.error_body],
    )  # fmt: skip
    error.data = data
    raise error


def _settle_cut(error: APIConnectionError, events: EventReader, progress: Progress) -> None:
    """The connection failed or time ran out while a stream was open."""
    if events.complete:
        return
    if isinstance(error, APITimeoutError):
        raise _with_remains(error, events)
    if not progress.call.allow_truncated:
        raise _with_remains(StreamTruncated(f"the stream was cut after {events.received} events: {error.message}"), events)


def _settle_end(coding: Decoding | None, events: EventReader, progress: Progress) -> None:
    """The body ended by itself: whole where the row's rule says so."""
    if events.complete or progress.call.allow_truncated:
        return
    try:
        if coding is not None:
            coding.finish()
    except StreamTruncated as error:
        raise _with_remains(error, events) from None
    if not events.rule.eof:
        what = f"the stream ended after {events.received} events without what ends it ({events.wanted})"
        raise _with_remains(StreamTruncated(what), events)


def _with_remains(error: APIError, events: EventReader) -> APIError:
    error.status, error.headers, error.body = events.reply.status, events.reply.headers, events.remains
    if isinstance(error, StreamTruncated):
        error.received = events.received
    return error


def _drain(progress: Progress) -> Flow:
    """Wait briefly for the end of a finished stream's body; without it the connection is closed."""
    until = progress.deadline(DRAIN_SECONDS, progress.clock(), "drain")
    try:
        while (yield Read(*until)):
            pass
    except APIConnectionError:
        log.debug("a finished stream's connection is not used again")


def _raw(into: Any) -> Callable[[Reply], Any] | None:
    return RAW.get(into) if isinstance(into, type) else None


#: Types of `into` that take the answer before any decoding of the user's.
RAW: dict[Any, Callable[[Reply], Any]] = {
    Reply: lambda reply: reply._replace(data=as_record(reply.data, reply)),
    bytes: lambda reply: reply.body,
    str: lambda reply: reply.body.decode("utf-8", "replace"),
}

READERS: dict[str, Callable[[Reply, Progress], Flow]] = {
    "json": _read_json,
    "text": _read_json,
    "bytes": _read_bytes,
    "none": _read_nothing,
    "events": _read_events,
}

