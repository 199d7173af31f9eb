"""Promise 6: connections come back. However a call ends, its slot is free at once, and without garbage collection.

Garbage collection is off in here: what only a collection would free stays taken, and the test fails. What the peer
sees is what counts: the connection closed, or the next request on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple, cast

import aiohttp
import pytest
from faces import AsyncFace, SyncFace
from hostile import (
    LAST_CHUNK,
    Bytes,
    Close,
    Forever,
    HostileServer,
    Request,
    Stall,
    Step,
    Steps,
    Wait,
    chunk,
    head,
    json_reply,
    reply,
    sse_reply,
)
from requests.adapters import HTTPAdapter
from sessions import close, session_of

from oai_dyn import APIError, Limits, OaiDynError, Timeout

CHUNK: dict[str, Any] = {"choices": []}
EVENT = b"data: " + json.dumps(CHUNK).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"
ONE, TWO = json_reply({"id": "one"}), json_reply({"id": "two"})
OPEN = sse_reply([CHUNK, CHUNK, Stall()])
PATIENT = Timeout(connect=5, first_event=5, idle=5)


@pytest.fixture(autouse=True)
def _no_garbage_collection() -> Iterator[None]:
    """Nothing is freed that is not freed by being left."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def chat(client: Any, **keywords: Any) -> Any:
    """A streamed chat completion."""
    return client.chat.completions.create(model="m", messages=[], stream=True, **keywords)


def turn(face: SyncFace) -> None:
    """One turn of the face's event loop: sockets are closed in it."""
    if isinstance(face, AsyncFace):
        face.run(lambda: asyncio.sleep(0))


def fetch(face: SyncFace, client: Any, **keywords: Any) -> Any:
    """A plain call."""
    return face.wait(client.models.retrieve("m", **keywords))


@contextlib.contextmanager
def one_slot(face: SyncFace) -> Iterator[Any]:
    """A session of the user's that has one connection for all: whoever keeps it keeps all others waiting."""
    if isinstance(face, AsyncFace):

        async def connector() -> aiohttp.TCPConnector:
            return aiohttp.TCPConnector(limit=1)

        with session_of(face, connector=face.run(connector)) as session:
            yield session
    else:
        with session_of(face) as session:
            session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
            yield session


# Ways to leave a stream, in the code that people write; each returns what it would be tempting to keep.


class Left(Exception):
    """What goes wrong in a loop."""


def sync_break(stream: Any) -> Any:
    for _ in stream:
        break
    return stream


def sync_return(stream: Any) -> Any:
    for event in stream:
        return event, stream
    return None


def sync_exception(stream: Any) -> Any:
    try:
        for _ in stream:
            raise Left
    except Left as error:
        return error, stream


def sync_with(stream: Any) -> Any:
    with stream as events:
        return next(events), stream


def sync_with_exception(stream: Any) -> Any:
    try:
        with stream as events:
            next(events)
            raise Left
    except Left as error:
        return error, stream


def sync_close(stream: Any) -> Any:
    next(stream)
    stream.close()
    return stream


def sync_close_in_the_loop(stream: Any) -> Any:
    for _ in stream:
        stream.close()
    return stream


def sync_close_before_the_loop(stream: Any) -> Any:
    stream.close()
    assert list(stream) == []
    return stream


def sync_next_then_break(stream: Any) -> Any:
    next(stream)
    for _ in stream:
        break
    return stream


def sync_drop(stream: Any) -> Any:
    del stream


async def async_break(stream: Any) -> Any:
    async for _ in stream:
        break
    return stream


async def async_return(stream: Any) -> Any:
    async for event in stream:
        return event, stream
    return None


async def async_exception(stream: Any) -> Any:
    try:
        async for _ in stream:
            raise Left
    except Left as error:
        return error, stream


async def async_with(stream: Any) -> Any:
    async with stream as events:
        return await anext(events), stream


async def async_with_exception(stream: Any) -> Any:
    try:
        async with stream as events:
            await anext(events)
            raise Left
    except Left as error:
        return error, stream


async def async_close(stream: Any) -> Any:
    await anext(stream)
    await stream.close()
    return stream


async def async_close_in_the_loop(stream: Any) -> Any:
    async for _ in stream:
        await stream.close()
    return stream


async def async_close_before_the_loop(stream: Any) -> Any:
    await stream.close()
    assert [event async for event in stream] == []
    return stream


async def async_next_then_break(stream: Any) -> Any:
    await anext(stream)
    async for _ in stream:
        break
    return stream


async def async_drop(stream: Any) -> Any:
    del stream


WAYS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Awaitable[Any]]]] = {
    "break": (sync_break, async_break),
    "return": (sync_return, async_return),
    "exception": (sync_exception, async_exception),
    "with": (sync_with, async_with),
    "exception in with": (sync_with_exception, async_with_exception),
    "close": (sync_close, async_close),
    "close in the loop": (sync_close_in_the_loop, async_close_in_the_loop),
    "close before the loop": (sync_close_before_the_loop, async_close_before_the_loop),
    "next, then break": (sync_next_then_break, async_next_then_break),
    "dropped unread": (sync_drop, async_drop),
}


def leave(face: SyncFace, way: str, make: Callable[[], Any], seen: Callable[[], bool]) -> None:
    """Open a stream, leave it in some way, and see what should come of it while all of it is kept."""
    sync_way, async_way = WAYS[way]
    if face.name == "sync":
        kept = sync_way(make())
        assert seen()
        del kept
        return

    async def scenario() -> None:
        kept = await async_way(await make())
        assert await asyncio.to_thread(seen)
        del kept

    cast("AsyncFace", face).run(scenario)


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_left_closes_its_connection(face: SyncFace, way: str, framing: Any) -> None:
    """The server, which goes on, sees the end at once; the stream object may still be held."""
    with HostileServer([sse_reply([CHUNK, CHUNK, Stall()], framing=framing, end=False)]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        leave(face, way, lambda: chat(client), lambda: server.closed(0).wait(2))


@pytest.mark.parametrize("way", WAYS)
def test_a_binary_answer_that_is_left_closes_its_connection(face: SyncFace, way: str) -> None:
    """A download that is not wanted any more does not go on."""
    with HostileServer([reply([b"abc", Wait(0.05), b"def", Stall()], end=False)]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        leave(face, way, lambda: client.files.content("f"), lambda: server.closed(0).wait(2))


@pytest.mark.parametrize("way", [way for way in WAYS if way != "dropped unread"])
def test_a_left_stream_frees_its_slot(face: SyncFace, way: str) -> None:
    """With one connection to share, the next call does not wait for the stream before it."""

    def script(request: Request) -> Steps:
        return OPEN if request.method == "POST" else ONE

    with HostileServer(script) as server, one_slot(face) as session:
        client = face.client(base_url=server.url, session=session, timeout=PATIENT)
        for _ in range(3):
            leave(face, way, lambda: chat(client), lambda: True)
            assert soon(face, client) == {"id": "one"}


def soon(face: SyncFace, client: Any) -> Any:
    """A plain call that might wait for a connection for ever; it is an error if it does."""
    if isinstance(face, AsyncFace):
        return face.run(lambda: asyncio.wait_for(client.models.retrieve("m"), 3))
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(client.models.retrieve("m")), daemon=True)
    thread.start()
    thread.join(3)
    assert found, "no connection came back"
    return found[0]


# Calls that end by themselves, badly.


class Refusing:
    """A class of the user's that takes no answer."""

    @classmethod
    def from_dict(cls, data: Any) -> Refusing:
        raise Left


class Ending(NamedTuple):
    """What a server sends, and how the call is made that fails on it."""

    steps: Steps
    streamed: bool
    keywords: dict[str, Any]


def fail(face: SyncFace, client: Any, ending: Ending) -> OaiDynError:
    """Make the call, and return the error that it must end in."""
    with pytest.raises(OaiDynError) as caught:
        list(face.iterate(chat(client, **ending.keywords))) if ending.streamed else fetch(face, client, **ending.keywords)
    return caught.value


ERROR_HEAD = head(400, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
ENDINGS: dict[str, Ending] = {
    "an endless error body": Ending([ERROR_HEAD, Forever(chunk(b"x" * 999), 0.0)], False, {}),
    "a stalled error body": Ending([ERROR_HEAD, Bytes(b"5\r\nab"), Stall()], False, {"timeout": 0.1}),
    "an endless error body of a stream": Ending([ERROR_HEAD, Forever(chunk(b"x" * 999), 0.0)], True, {}),
    "an error status": Ending(json_reply({"error": {"message": "x"}}, 404), False, {}),
    "an error under status 200": Ending(json_reply({"error": {"code": 400}}), False, {}),
    "no JSON": Ending(reply([b"x"], headers=[("Content-Type", "application/json")]), False, {}),
    "a class that refuses": Ending(ONE, False, {"into": Refusing}),
    "a class that refuses an event": Ending(OPEN, True, {"into": Refusing}),
    "a page instead of a stream": Ending(reply([b"<html>"], headers=[("Content-Type", "text/html")]), True, {}),
    "an endless page instead of a stream": Ending(
        [head(200, [("Content-Type", "text/html"), ("Connection", "close")]), Forever(b"x" * 999, 0.0)],
        True,
        {"limits": Limits(reply=9999)},
    ),
    "an event that is no JSON": Ending(sse_reply([CHUNK, "{", Stall()]), True, {}),
    "an error in the stream": Ending(sse_reply([CHUNK, {"error": {"code": 500}}, Stall()]), True, {}),
    "an event too long": Ending(sse_reply([CHUNK, "x" * 9999, Stall()]), True, {"limits": Limits(event=999)}),
    "a reply too long": Ending(json_reply("x" * 9999), False, {"limits": Limits(reply=999)}),
    "an unknown coding": Ending(reply([b"x", Stall()], headers=[("Content-Encoding", "br")], end=False), False, {}),
    "a wrong coding": Ending(reply([b"x" * 99, Stall()], headers=[("Content-Encoding", "gzip")], end=False), False, {}),
    "a cut stream": Ending(sse_reply([CHUNK]), True, {}),
    "silence": Ending([Stall()], False, {"timeout": 0.1}),
    "silence in the body": Ending([*json_reply({}, end=False), Stall()], False, {"timeout": 0.1}),
    "silence in the stream": Ending(OPEN, True, {"timeout": 0.1}),
    "a redirect to another origin": Ending(json_reply({}, 307, [("Location", "http://127.0.0.2/")]), False, {}),
    "redirects without end": Ending(json_reply({}, 307, [("Location", "/v1/models/m")]), False, {}),
    "a redirect with an endless body": Ending(
        [head(307, [("Location", "http://127.0.0.2/"), ("Connection", "close")]), Forever(b"x" * 999, 0.0)], False, {}
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_call_that_fails_frees_its_slot(face: SyncFace, ending: str) -> None:
    """Its connection is closed or used again by the next call, while the error is still held."""
    turns: list[str] = []

    def script(request: Request) -> Steps:
        return ONE if turns[-1] == "good" else ENDINGS[ending].steps

    with HostileServer(script) as server, one_slot(face) as session:
        client = face.client(base_url=server.url, session=session, timeout=PATIENT)
        kept = []
        for _ in range(2):
            turns.append("bad")
            kept.append(fail(face, client, ENDINGS[ending]))
            turns.append("good")
            assert soon(face, client) == {"id": "one"}


@pytest.mark.parametrize("ending", [name for name, ending in ENDINGS.items() if ending.steps[-1] == Stall() or "endless" in name])
def test_a_call_that_fails_closes_its_connection(face: SyncFace, ending: str) -> None:
    """A server that would go on sees the end at once."""
    with HostileServer([ENDINGS[ending].steps]) as server:
        error = fail(face, face.client(base_url=server.url, timeout=PATIENT), ENDINGS[ending])
        turn(face)
        assert server.closed(0).wait(2)
        assert error is not None


def test_a_failed_attempt_frees_its_slot_for_the_next(face: SyncFace) -> None:
    """A retry does not wait for the connection of the attempt before it."""
    endless: list[Step] = [
        head(503, [("retry-after-ms", "1"), ("Transfer-Encoding", "chunked")]),
        Forever(chunk(b"x" * 999), 0.0),
    ]
    with HostileServer([endless, endless, ONE]) as server, one_slot(face) as session:
        client = face.client(base_url=server.url, session=session, max_retries=2, timeout=PATIENT)
        assert soon(face, client) == {"id": "one"}


# Ends that come from elsewhere.


@pytest.mark.parametrize("stage", ["before the head", "before the first event", "between events"])
def test_an_interrupt_closes_the_connection(stage: str) -> None:
    """What a signal raises in the middle of a wait comes out as it is, and the connection is closed."""
    steps: dict[str, Steps] = {
        "before the head": [Stall()],
        "before the first event": sse_reply([Stall()]),
        "between events": OPEN,
    }

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with HostileServer([steps[stage]]) as server, SyncFace() as face:
            client = face.client(base_url=server.url, timeout=PATIENT)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt) as caught:
                list(chat(client))
            assert server.closed(0).wait(2)
            assert caught.value is not None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("stage", ["before the head", "before the first event", "between events", "in a plain body"])
def test_a_cancellation_closes_the_connection(stage: str) -> None:
    """A cancelled task is cancelled, and the server sees the end though the task and the stream are still held."""
    steps: dict[str, Steps] = {
        "before the head": [Stall()],
        "before the first event": sse_reply([Stall()]),
        "between events": OPEN,
        "in a plain body": [*json_reply({}, end=False), Stall()],
    }

    async def scenario(server: HostileServer, client: Any) -> None:
        plain = stage == "in a plain body"
        stream = client.models.retrieve("m") if plain else chat(client)

        async def consume() -> None:
            if plain:
                await stream
            async for _ in stream:
                pass

        task = asyncio.create_task(consume())
        await asyncio.to_thread(server.seen(0).wait, 2)
        await asyncio.sleep(0.05)
        assert not server.closed(0).is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.closed(0).wait, 2)
        assert stream is not None

    with HostileServer([steps[stage]]) as server, AsyncFace() as face:
        client = face.client(base_url=server.url, timeout=PATIENT)
        face.run(lambda: scenario(server, client))


def test_a_cancellation_ends_the_wait_before_a_retry() -> None:
    """A call that sleeps is cancelled at once, and makes no further attempt."""

    async def scenario(server: HostileServer, client: Any) -> None:
        task = asyncio.create_task(asyncio.wait_for(client.models.retrieve("m"), 0.1))
        with pytest.raises(TimeoutError):
            await task
        assert len(server.requests) == 1

    with HostileServer([json_reply({}, 503, [("Retry-After", "60")])]) as server, AsyncFace() as face:
        client = face.client(base_url=server.url, max_retries=3)
        face.run(lambda: scenario(server, client))


def test_a_cancelled_call_frees_its_slot() -> None:
    """With one connection to share, the call after a cancelled one does not wait for it."""

    async def scenario(client: Any) -> None:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.embeddings.create(model="m", input="x"), 0.05)
            assert await asyncio.wait_for(client.models.retrieve("m"), 3) == {"id": "one"}

    def script(request: Request) -> Steps:
        return [Stall()] if request.method == "POST" else ONE

    with HostileServer(script) as server, AsyncFace() as face, one_slot(face) as session:
        client = face.client(base_url=server.url, session=session)
        face.run(lambda: scenario(client))


@pytest.mark.parametrize("stage", ["before the first event", "between events", "between pieces"])
@pytest.mark.parametrize("face_name", ["sync", "async"])
def test_close_from_elsewhere_ends_the_wait(face_name: str, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the next event is woken, in time, and nothing is sent again; the connection is closed."""
    monkeypatch.setattr("backoff.full_jitter", lambda bound: 0.0)
    steps: dict[str, Steps] = {
        "before the first event": sse_reply([Stall()]),
        "between events": OPEN,
        "between pieces": reply([b"abc", Stall()], end=False),
    }

    def call(client: Any) -> Any:
        return client.files.content("f") if stage == "between pieces" else client.responses.retrieve("r", stream=True)

    with HostileServer([steps[stage]]) as server, SyncFace() if face_name == "sync" else AsyncFace() as face:
        client = face.client(base_url=server.url, timeout=PATIENT, max_retries=3)
        if isinstance(face, AsyncFace):
            face.run(lambda: close_from_a_task(call(client)))
        else:
            close_from_a_thread(call(client))
        assert server.closed(0).wait(2)
        assert len(server.requests) == 1


def close_from_a_thread(stream: Any) -> None:
    """Iterate a stream in one thread and close it in another."""
    ended = threading.Event()

    def consume() -> None:
        try:
            for _ in stream:
                pass
        except OaiDynError:
            pass  # what had come was no whole stream: both ends of the wait are fair
        ended.set()

    thread = threading.Thread(target=consume, daemon=True)
    thread.start()
    assert not ended.wait(0.1)
    stream.close()
    assert ended.wait(2)
    thread.join(2)


async def close_from_a_task(stream: Any) -> None:
    """Iterate a stream in one task and close it in another."""
    await stream

    async def consume() -> None:
        try:
            async for _ in stream:
                pass
        except OaiDynError:
            pass  # as above

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.1)
    assert not task.done()
    await stream.close()
    await asyncio.wait_for(task, 2)
    await asyncio.sleep(0)


# Calls that end well.


SSE_HEAD = head(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
WHOLE: dict[str, tuple[Steps, Callable[[SyncFace, Any], Any]]] = {
    "a plain answer": (ONE, fetch),
    "a chunked answer": (json_reply({}, framing="chunked"), fetch),
    "a packed answer": (json_reply({}, coding="gzip"), fetch),
    "a packed and chunked answer": (json_reply({}, framing="chunked", coding="deflate"), fetch),
    "no content": ([head(204, [])], lambda face, client: face.wait(client.containers.delete("c"))),
    "no content in words": (json_reply({}), lambda face, client: face.wait(client.containers.delete("c"))),
    "a binary answer": (reply([b"abc", b"def"]), lambda face, client: face.wait(face.wait(client.files.content("f")).read())),
    "a chunked stream": (sse_reply([CHUNK, DONE]), lambda face, client: list(face.iterate(chat(client)))),
    "a stream in one segment": (
        [Bytes(SSE_HEAD.data + chunk(EVENT + DONE) + LAST_CHUNK)],
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a stream of known length": (
        sse_reply([CHUNK, DONE], framing="length"),
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a packed stream": (sse_reply([CHUNK, DONE], coding="gzip"), lambda face, client: list(face.iterate(chat(client)))),
    "a stream whose end comes later": (
        [SSE_HEAD, Bytes(chunk(EVENT)), Bytes(chunk(DONE)), Wait(0.03), Bytes(LAST_CHUNK)],
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a stream with an end in pieces": (
        [SSE_HEAD, Bytes(chunk(EVENT + DONE)[:-1]), Wait(0.02), Bytes(b"\n0"), Wait(0.02), Bytes(b"\r\n\r\n")],
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a stream with a trailer": (
        [SSE_HEAD, Bytes(chunk(EVENT + DONE)), Bytes(b"0\r\nServer-Timing: x\r\n\r\n")],
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a stream that ends by an event": (
        sse_reply([{"type": "response.created"}, {"type": "response.completed"}]),
        lambda face, client: list(face.iterate(client.responses.create(model="m", input="x", stream=True))),
    ),
    "a stream that ends with its body": (
        sse_reply([CHUNK]),
        lambda face, client: list(face.iterate(client.request("POST", "/x", {"stream": True}))),
    ),
}


@pytest.mark.parametrize("what", WHOLE)
def test_a_finished_call_leaves_its_connection(face: SyncFace, what: str) -> None:
    """Three times the same call, then another one: all on one connection."""
    steps, call = WHOLE[what]
    with HostileServer([steps, steps, steps, TWO]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        for _ in range(3):
            call(face, client)
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 0, 0, 0]


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_an_error_that_was_read_leaves_its_connection(face: SyncFace, status: int) -> None:
    """An error's body is read; the next call, or the next attempt, uses the same connection."""
    trouble = json_reply({"error": {"message": "x"}}, status, [("retry-after-ms", "1")])
    with HostileServer([trouble, trouble, TWO]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        with pytest.raises(APIError):
            fetch(face, client)
        with pytest.raises(APIError):
            list(face.iterate(chat(client)))
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 0, 0]


@pytest.mark.parametrize("rest", [Stall(), Forever(chunk(b": bye\n\n"), 0.005), Forever(chunk(EVENT), 0.0)])
def test_a_finished_stream_is_not_waited_for(face: SyncFace, rest: Step) -> None:
    """A server that does not end its body after the mark is left after a moment, and its connection closed."""
    with HostileServer([sse_reply([CHUNK, DONE, rest])]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        started = time.monotonic()
        assert list(face.iterate(chat(client))) == [CHUNK]
        assert time.monotonic() - started < 1
        assert server.closed(0).wait(2)


@pytest.mark.parametrize(
    "steps",
    [
        json_reply({}, headers=[("Connection", "close")]),
        json_reply({}, framing="close"),
        [Bytes(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")],
    ],
    ids=["connection: close", "until the close", "HTTP/1.0"],
)
def test_a_server_that_wants_no_more_requests_gets_none(face: SyncFace, steps: Steps) -> None:
    """A connection that is not persistent is not used again."""
    with HostileServer([steps, TWO]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        fetch(face, client)
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 1]


# Bytes that nobody asked for.


def raw(steps: Steps) -> bytes:
    """What the steps send."""
    return b"".join(step.data for step in steps if isinstance(step, Bytes))


STOLEN = raw(json_reply({"id": "stolen"}))
UNASKED = {"an answer": STOLEN, "half an answer": STOLEN[:20], "one byte": b"\n", "a timeout": raw(json_reply({}, 408))}


@pytest.mark.parametrize("own", [False, True], ids=["our session", "the user's session"])
@pytest.mark.parametrize("what", UNASKED)
def test_a_pooled_connection_with_unasked_bytes_is_not_used(face: SyncFace, what: str, own: bool) -> None:
    """Bytes that came while a connection was idle are nobody's answer."""
    with HostileServer([ONE, TWO]) as server, session_of(face) as session:
        client = face.client(base_url=server.url, timeout=PATIENT, **({"session": session} if own else {}))
        assert fetch(face, client) == {"id": "one"}
        server.push(0, UNASKED[what])
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 1]


BEFORE: dict[str, tuple[Steps, Callable[[SyncFace, Any], Any]]] = {
    name: WHOLE[name] for name in ("a plain answer", "a chunked answer", "a binary answer", "a stream in one segment")
}


@pytest.mark.parametrize("kind", BEFORE)
@pytest.mark.parametrize("what", UNASKED)
def test_what_comes_with_an_answer_is_not_the_next_one(face: SyncFace, what: str, kind: str) -> None:
    """Unasked bytes in one segment with the end of an answer: the connection is not used again."""
    steps, call = BEFORE[kind]
    with HostileServer([[Bytes(raw(steps) + UNASKED[what])], TWO]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        call(face, client)
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 1]


# Clients and sessions.


def test_a_closed_client_closes_its_connections(face: SyncFace) -> None:
    """Idle connections end with the client."""
    with HostileServer([ONE]) as server:
        client = face.client(base_url=server.url)
        fetch(face, client)
        assert not server.closed(0).is_set()
        close(face, client)
        turn(face)
        assert server.closed(0).wait(2)


def test_a_session_of_the_users_stays_open(face: SyncFace) -> None:
    """It is theirs to close: after the client is, it still works, on the connection that it has."""
    with HostileServer([ONE, TWO, TWO]) as server, session_of(face) as session:
        client = face.client(base_url=server.url, session=session)
        assert fetch(face, client) == {"id": "one"}
        close(face, client)
        assert not server.closed(0).wait(0.05)
        if face.name == "sync":
            assert session.get(server.url).json() == {"id": "two"}
        else:

            async def get() -> Any:
                async with session.get(server.url) as answer:
                    return await answer.json()

            assert cast("AsyncFace", face).run(get) == {"id": "two"}
        other = face.client(base_url=server.url, session=session)
        assert fetch(face, other) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 0, 0]


def test_streams_side_by_side_have_their_own_connections(face: SyncFace) -> None:
    """Two open streams do not share one; leaving the first leaves the second alone."""
    with HostileServer([OPEN, [*sse_reply([CHUNK], end=False), Bytes(chunk(DONE)), Bytes(LAST_CHUNK), Close()]]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        first = face.iterate(chat(client))
        assert next(first) == CHUNK
        second = face.iterate(chat(client))
        assert next(second) == CHUNK
        cast("Any", first).close()
        assert server.closed(0).wait(2)
        assert list(second) == []
    assert [request.connection for request in server.requests] == [0, 1]
