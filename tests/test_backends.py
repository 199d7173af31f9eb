"""What each backend holds of its own, beside what the promises test through both faces."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hostile import HostileServer, json_reply

from oai_dyn import AsyncClient, Client, _aiohttp, _connecting, _requests, _timed


def test_a_forked_child_takes_no_connection_of_its_parents() -> None:
    """What is run in a child after a fork: a session and a lock of its own."""
    with HostileServer([json_reply({})], after="repeat") as server, Client(api_key="k", base_url=server.url) as client:
        client.models.list()
        session, lock = client._session, client._lock
        _requests._forget_connections()
        assert client._session is None
        assert client._lock is not lock
        client.models.list()
        assert client._session is not session
        assert server.accepted == 2
        assert session is not None
        session.close()


def test_a_forked_childs_lock_is_free() -> None:
    """A lock that was held when the process forked holds nobody up in the child."""
    client = AsyncClient(api_key="k")
    client._lock.acquire()
    _aiohttp._forget_locks()
    assert client._lock.acquire(blocking=False)


def test_one_session_for_threads_that_begin_at_once() -> None:
    """Two first calls make one session."""
    with Client(api_key="k", base_url="http://127.0.0.1:9") as client:
        found: list[Any] = []
        with client._lock:
            threads = [threading.Thread(target=lambda: found.append(client._open())) for _ in range(2)]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join(5)
        assert found[0] is found[1]


@pytest.mark.parametrize("sock", [None, "closed", "quiet", "bytes", "end"])
def test_whether_a_pooled_connection_has_something_to_say(sock: str | None) -> None:
    """Bytes or the end that nobody asked for show without being read; a socket that is gone has nothing."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if sock == "bytes":
            theirs.sendall(b"x")
        if sock == "end":
            theirs.close()
        if sock == "closed":
            ours.close()
        assert _connecting._readable(ours if sock else None) == (sock in ("bytes", "end"))


@pytest.mark.parametrize("protocol", [None, SimpleNamespace(should_close=False), SimpleNamespace(should_close=True)])
def test_connections_of_other_kinds_are_handed_out(protocol: Any) -> None:
    """A connection that is gone already, or one of another factory's, is used as it is when it is new."""
    connection = SimpleNamespace(protocol=protocol, transport=object())

    async def connected(*arguments: Any, **keywords: Any) -> Any:
        return connection

    session: Any = SimpleNamespace(connector=SimpleNamespace(connect=connected))
    request: Any = None
    assert asyncio.run(_connecting.connect(session, request, 1.0)) is connection


def test_a_deadline_ends_what_is_waited_for() -> None:
    """In time it is nothing; too late it is a TimeoutError, and the task goes on."""

    async def main() -> None:
        now = asyncio.get_running_loop().time
        assert await _connecting.within(None, asyncio.sleep(0, "a")) == "a"
        assert await _connecting.within(now() + 5, asyncio.sleep(0, "b")) == "b"
        with pytest.raises(TimeoutError):
            await _connecting.within(now() + 0.01, asyncio.sleep(5))
        await asyncio.sleep(0)

    asyncio.run(main())


def test_a_cancellation_is_no_timeout() -> None:
    """Who cancels the task while it waits for a deadline has it cancelled."""

    async def main() -> None:
        task = asyncio.ensure_future(_connecting.within(asyncio.get_running_loop().time() + 5, asyncio.sleep(5)))
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
