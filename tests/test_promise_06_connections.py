"""Promise 6: connections come back. However a call ends, its slot is free at once, and without garbage collection.

Garbage collection is off in here: what only a collection would free stays taken, and the test fails. What the peer
sees is what counts: the connection closed, or the next request on it.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from endings import ENDINGS, ONE, OPEN, fail
from faces import AsyncFace, SyncFace
from hostile import Forever, HostileServer, Request, Stall, Step, Steps, Wait, chunk, head, json_reply, reply, sse_reply
from leaving import WAYS, leave, one_slot, soon, turn
from streamed import CHUNK, PATIENT, chat

from oai_dyn import OaiDynError


@pytest.fixture(autouse=True)
def _no_garbage_collection() -> Iterator[None]:
    """Nothing is freed that is not freed by being left."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


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
