"""Streams and binary answers as the user holds them: iterated, awaited, entered, closed, saved."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faces import AsyncFace, SyncFace
from hostile import HostileServer, Wait, reply, sse_reply

from oai_dyn import AsyncClient, ConfigError, Limits, Notice, StreamError, StreamTruncated
from oai_dyn.exchange import at_once

EVENTS = sse_reply(['{"a": 1}', '{"a": 2}', '{"a": 3}', "[DONE]"], headers=[("X-Request-Id", "req-1")])
FILE = reply([b"abc", b"def"], headers=[("Content-Type", "application/octet-stream")], framing="chunked")


def opened(face: SyncFace, server: HostileServer, **settings: Any) -> Any:
    """A stream whose head is there."""
    return face.wait(face.client(base_url=server.url, **settings).chat.completions.create(model="m", stream=True))


def binary(face: SyncFace, server: HostileServer, **settings: Any) -> Any:
    """A binary answer that was not read yet."""
    return face.client(base_url=server.url, **settings).files.content("f")


def following(face: SyncFace, stream: Any) -> Any:
    """The next event, one by one."""
    return face.run(lambda: anext(stream)) if isinstance(face, AsyncFace) else next(stream)


def test_the_head_is_there_first(face: SyncFace) -> None:
    """Status, headers and request id before the first event."""
    with HostileServer([EVENTS]) as server:
        stream = opened(face, server)
        assert (stream.reply.status, stream.reply.request_id, stream.reply.body) == (200, "req-1", b"")
        assert [one.a for one in face.iterate(stream)] == [1, 2, 3]


def test_a_stream_is_an_iterator(face: SyncFace) -> None:
    """Taken one by one, then by a loop, each event comes once; at the end there is nothing more, however often asked."""
    with HostileServer([EVENTS]) as server:
        stream = opened(face, server)
        assert following(face, stream).a == 1
        assert following(face, stream).a == 2
        assert [one.a for one in face.iterate(stream)] == [3]
        assert list(face.iterate(stream)) == []
        with pytest.raises(StopAsyncIteration if isinstance(face, AsyncFace) else StopIteration):
            following(face, stream)


def test_a_closed_stream_is_over(face: SyncFace) -> None:
    """Whoever closes a stream gets nothing more of it; closing again is nothing."""
    with HostileServer([sse_reply(['{"a": 1}'], end=False)]) as server:
        stream = opened(face, server)
        assert following(face, stream).a == 1
        face.wait(stream.close())
        face.wait(stream.close())
        assert list(face.iterate(stream)) == []
        assert server.closed(0).wait(5)


def test_a_stream_is_a_context_manager(face: SyncFace) -> None:
    """Leaving the block closes it."""
    with HostileServer([sse_reply(['{"a": 1}'], end=False)]) as server:
        client = face.client(base_url=server.url)
        if isinstance(face, AsyncFace):

            async def use() -> Any:
                async with client.chat.completions.create(model="m", stream=True) as stream:
                    return await anext(stream)

            first = face.run(use)
        else:
            with client.chat.completions.create(model="m", stream=True) as stream:
                first = next(stream)
        assert first.a == 1
        assert server.closed(0).wait(5)


def test_an_async_stream_has_no_head_before_it_is_opened() -> None:
    """Nothing is sent before it is awaited or iterated, and there is no reply."""
    with HostileServer([EVENTS]) as server, AsyncFace() as face:
        stream = face.client(base_url=server.url).chat.completions.create(model="m", stream=True)
        with pytest.raises(AttributeError, match="there is none before the stream is awaited or iterated"):
            stream.reply  # noqa: B018
        assert not hasattr(stream, "reply")
        assert server.accepted == 0
        face.wait(stream.close())
        assert server.accepted == 0


def test_an_async_stream_may_be_awaited_twice() -> None:
    """It is one and the same, sent once."""
    with HostileServer([EVENTS]) as server, AsyncFace() as face:
        stream = face.client(base_url=server.url).chat.completions.create(model="m", stream=True)
        assert face.wait(stream) is stream
        assert face.wait(stream) is stream
        assert [one.a for one in face.iterate(stream)] == [1, 2, 3]
        assert len(server.requests) == 1


@contextlib.contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def test_an_async_stream_let_go_of_in_another_thread_is_closed() -> None:
    """Whoever holds it last: its connection is closed on its own loop."""
    with HostileServer([sse_reply(['{"a": 1}'], end=False)]) as server, running_loop() as loop:
        client = AsyncClient(api_key="k", base_url=server.url)

        async def begin() -> Any:
            return await client.chat.completions.create(model="m", stream=True)

        stream = asyncio.run_coroutine_threadsafe(begin(), loop).result(5)
        assert not server.closed(0).is_set()
        del stream
        gc.collect()
        assert server.closed(0).wait(5)
        asyncio.run_coroutine_threadsafe(client.close(), loop).result(5)


def test_a_stream_closed_from_its_own_hook(face: SyncFace) -> None:
    """A hook that closes the stream while it is being read ends it there, and its connection."""
    held: list[Any] = []

    def close(notice: Notice) -> None:
        if notice.kind == "first_event":
            held[0]._exchange.close()

    with HostileServer([sse_reply(['{"a": 1}', Wait(0.05), '{"a": 2}'], end=False)]) as server:
        held.append(opened(face, server, hook=close))
        assert [one.a for one in face.iterate(held[0])] in ([], [1])
        assert server.closed(0).wait(5)


# --- Binary answers -----------------------------------------------------------------------------------------


def test_a_file_is_read_whole(face: SyncFace) -> None:
    """`read()`."""
    with HostileServer([FILE]) as server:
        content = binary(face, server)
        assert face.wait(content.read()) == b"abcdef"


def test_a_file_is_iterated(face: SyncFace) -> None:
    """`iter_bytes()`, or the answer itself."""
    with HostileServer([FILE, FILE]) as server:
        assert b"".join(face.iterate(binary(face, server).iter_bytes())) == b"abcdef"
        assert b"".join(face.iterate(binary(face, server))) == b"abcdef"


def test_a_file_is_saved(face: SyncFace, tmp_path: Path) -> None:
    """`save(path)` writes it and says how long it is."""
    path = tmp_path / "content"
    with HostileServer([FILE, FILE]) as server:
        for where in (path, str(path)):
            content = binary(face, server)
            size = face.wait(content.save(where))
            assert (size, path.read_bytes()) == (6, b"abcdef")


def test_a_file_that_is_cut_is_not_taken_for_whole(face: SyncFace, tmp_path: Path) -> None:
    """Reading and saving raise what a cut answer is."""
    cut = reply([b"abc"], framing="chunked", end=False)
    with HostileServer([[*cut, *reply([], framing="close")[-1:]]], after="repeat") as server:
        content = binary(face, server)
        with pytest.raises((StreamTruncated, ConnectionError)):
            face.wait(content.read())
        content = binary(face, server)
        with pytest.raises((StreamTruncated, ConnectionError)):
            face.wait(content.save(tmp_path / "x"))


def test_a_file_too_long_to_read(face: SyncFace, tmp_path: Path) -> None:
    """`Limits.reply` bounds what is held in memory, and so not what is saved."""
    with HostileServer([FILE, FILE]) as server:
        content = binary(face, server, limits=Limits(reply=5))
        with pytest.raises(StreamError, match="the body passes the limit of 5 bytes"):
            face.wait(content.read())
        content = binary(face, server, limits=Limits(reply=5))
        assert face.wait(content.save(tmp_path / "x")) == 6


def test_a_wire_that_waits_is_a_mistake() -> None:
    """A coroutine that asks for an event loop cannot be run at once."""

    async def waits(times: int) -> None:
        for _ in range(times):
            try:
                await asyncio.sleep(0)
            except ConfigError:
                if times == 1:
                    raise

    with pytest.raises(ConfigError, match="waits for an event loop: use AsyncClient"):
        at_once(waits(1))
    stubborn = waits(2)
    with pytest.raises(RuntimeError, match="a synchronous wire waited for an event loop"):
        at_once(stubborn)
    stubborn.close()
