"""What each backend holds of its own, beside what the promises test through both faces."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from hostile import HostileServer, json_reply

from oai_dyn import APIStatusError, AsyncClient, Client, _connecting, _requests, _timed


def test_a_forked_child_takes_no_connection_of_its_parents() -> None:
    """What is run in a child after a fork: a session and a lock of its own."""
    with HostileServer([json_reply({})], after="repeat") as server, Client(api_key="k", base_url=server.url) as client:
        client.models.list()
        session, lock = client._session, client._lock
        _requests._forget_connections()
        assert client._session is None
        assert not client._origins
        assert client._lock is not lock
        client.models.list()
        assert client._session is not session
        assert server.accepted == 2
        assert session is not None
        session.close()


def test_a_loop_that_is_gone_is_forgotten() -> None:
    """With a session of the user's there is nothing of ours in it to let go of."""
    client = AsyncClient(api_key="k", session=object())

    async def hold() -> None:
        client._hold(asyncio.get_running_loop())

    for _ in range(3):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(hold())
        loop.close()
    assert list(client._held) == [loop]


def test_one_session_for_threads_that_begin_at_once() -> None:
    """Two first calls make one session, and send by one adapter."""
    with Client(api_key="k", base_url="http://127.0.0.1:9") as client:
        found: list[Any] = []
        with client._lock:
            threads = [threading.Thread(target=lambda: found.append(client._hold("http://127.0.0.1:9"))) for _ in range(2)]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join(5)
        assert found[0].func == found[1].func


@pytest.mark.parametrize("said", [None, b"x", b""])
def test_whether_a_pooled_connection_has_something_to_say(said: bytes | None) -> None:
    """Bytes or the end that nobody asked for show without being read."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if said is not None:
            theirs.sendall(said) if said else theirs.close()
        transport = SimpleNamespace(get_extra_info={"socket": ours}.get)
        assert _connecting._readable(transport) == (said is not None)


def test_a_connection_that_is_lost_before_it_is_used() -> None:
    """Nothing is written to it: it is a connection error, and the connection is let go of."""
    closed: list[bool] = []
    protocol = SimpleNamespace(set_response_params=lambda **parts: None)
    connection = SimpleNamespace(protocol=protocol, transport=None, close=lambda: closed.append(True))

    async def main() -> None:
        async with _connecting.open_session() as session:
            origin = _connecting.Origin(session, "http://127.0.0.1:9", None)
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await origin.ask(connection, "GET", "http://127.0.0.1:9/v1/models", {}, None)

    asyncio.run(main())
    assert closed == [True]


def test_a_connection_with_bytes_yet_to_be_sent_is_not_used_again() -> None:
    """A server may answer before it has taken the whole body; the rest of it is for nobody."""

    async def main() -> None:
        over, accepted = asyncio.Event(), list[bytes]()

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await over.wait()
            writer.transport.abort()

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, AsyncClient(api_key="k", base_url=url, max_retries=0) as client:
            for _ in range(2):
                with pytest.raises(APIStatusError, match="HTTP 413"):
                    await client.request("POST", "/x", {"text": "x" * 20_000_000})
            over.set()
        assert len(accepted) == 2

    asyncio.run(main())


def test_a_deadline_ends_what_is_waited_for() -> None:
    """In time it is nothing; too late it is a TimeoutError, and the task goes on."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        waits, now = _connecting.Waits(loop), loop.time
        assert await waits.within(None, asyncio.sleep(0, "a")) == "a"
        assert await waits.within(now() + 5, asyncio.sleep(0, "b")) == "b"
        with pytest.raises(TimeoutError):
            await waits.within(now() + 0.01, asyncio.sleep(5))
        assert await waits.within(now() + 5, asyncio.sleep(0, "c")) == "c"

    asyncio.run(main())


def test_each_of_many_waits_ends_at_its_own_deadline() -> None:
    """One timer serves all: those begun later that end sooner, those that go on, those that are over."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        waits, began, ended = _connecting.Waits(loop), loop.time(), dict[float, float]()

        async def wait(seconds: float) -> None:
            with pytest.raises(TimeoutError):
                await waits.within(began + seconds, asyncio.sleep(5))
            ended[seconds] = loop.time() - began

        async with asyncio.TaskGroup() as group:
            for seconds in (0.06, 0.02, 0.04, 0.06):
                group.create_task(wait(seconds))
            await waits.within(began + 0.03, asyncio.sleep(0))
        assert list(ended) == [0.02, 0.04, 0.06]
        assert all(seconds <= took < seconds + 0.02 for seconds, took in ended.items())

    asyncio.run(main())


def test_a_cancellation_is_no_timeout() -> None:
    """Who cancels the task while it waits for a deadline has it cancelled."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(_connecting.Waits(loop).within(loop.time() + 5, asyncio.sleep(5)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_what_is_left_until_a_deadline() -> None:
    """None without one, seconds before it, a TimeoutError after."""
    assert _timed.seconds_left(None) is None
    left = _timed.seconds_left(time.monotonic() + 5)
    assert left is not None
    assert 4 < left <= 5
    with pytest.raises(TimeoutError, match="the deadline has passed"):
        _timed.seconds_left(time.monotonic() - 1)
