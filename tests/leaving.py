"""Ways to leave a stream, in the code that people write, and what must come back then."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import aiohttp
from faces import AsyncFace, SyncFace
from requests.adapters import HTTPAdapter
from sessions import session_of


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
