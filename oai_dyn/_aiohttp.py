"""The asynchronous client, on aiohttp.

Rules of this file: the sessions' lifetime, the steps of a flow, the map of foreign exceptions; no more. A
session belongs to an event loop, so a client has one for each loop that it is used in. A pooled connection
that holds bytes nobody asked for is closed instead of used, and in a session of ours nothing is resent.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from ._connecting import Answer, Origin, Waits, open_session, request_in
from .async_streams import AsyncStream, pending
from .client import BaseClient
from .environment import proxy_for
from .errors import ConfigError
from .exchange import Exchange, Failure, opened, system_words, whole_url
from .pages import AsyncPage
from .wire import Ask, Call, Head, Headers, Plan, Read, Secret, Send, Sleep

#: The most that is taken of a body at once, in bytes.
_CHUNK = 2**18


class _Wire:
    """The steps of one call."""

    foreign = (OSError, aiohttp.ClientError, HttpProcessingError)

    def __init__(self, client: AsyncClient, place: Place) -> None:
        self._client = client
        self._place = place
        self._response: Answer | aiohttp.ClientResponse | None = None
        self._connected = False

    async def ask(self, step: Ask) -> Secret:
        asking: Any = step.source.ask(step.now, asyncio.wrap_future, True)
        return await self._place.waits.within(step.deadline, asking)

    async def send(self, step: Send) -> Head:
        self.release()
        self._connected = False
        self._response = response = await self._place.waits.within(step.deadline, self._ask(step.plan, step.connect))
        return Head(response.status, Headers(response.raw_headers))

    async def _ask(self, plan: Plan, connect: float | None) -> Answer | aiohttp.ClientResponse:
        if self._client._closed:
            raise ConfigError("the client is closed")
        headers, body = opened(plan)
        if self._place.session is None:
            self._connected = True  # as far as can be known
            return await request_in(self._client._session_given, plan.method, whole_url(plan), headers, body, connect)
        root = plan.url[: plan.url.index("/", 8)]
        origin = self._place.origins.get(root) or self._place.hold(root)
        connection = await origin.connect(connect)
        self._connected = True
        return await origin.ask(connection, plan.method, whole_url(plan), headers, body)

    async def read(self, step: Read) -> bytes:
        assert self._response is not None
        content = self._response.content
        if getattr(content, "_buffer", None):
            # What came before the connection broke is given out first; the public methods would raise at once.
            return content._read_nowait(_CHUNK)
        if content.at_eof():
            return b""
        return await self._place.waits.within(step.deadline, content.read(_CHUNK))

    async def sleep(self, step: Sleep) -> None:
        await asyncio.sleep(step.seconds)

    def release(self) -> None:
        """Give the connection back at once: for reuse where its body was read to the end, closed otherwise."""
        response, self._response = self._response, None
        if response is not None:
            response.close()

    wake = release  # a loop has one thread: nobody else waits

    def explained(self, error: Exception) -> Failure:
        """What one of aiohttp's exceptions comes to."""
        sent = self._connected and not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
        trail = [error, error.__cause__, error.__context__, getattr(error, "os_error", None)]
        return Failure(isinstance(error, TimeoutError), sent, system_words(trail))


class AsyncClient(BaseClient):
    __doc__ = BaseClient.__doc__

    _page = AsyncPage

    def _set_up(self) -> None:
        self._held: Held = {}
        self._streams: weakref.WeakSet[AsyncStream] = weakref.WeakSet()
        weakref.finalize(self, _finish, self._held).atexit = False
        self._closed = False

    def _start(self, call: Call) -> Any:
        result = pending(partial(self._begin, call), call)
        if isinstance(result, AsyncStream):
            self._streams.add(result)
        return result

    def _begin(self, call: Call) -> Exchange:
        loop = asyncio.get_running_loop()
        return Exchange(call, _Wire(self, self._held.get(loop) or self._hold(loop)), loop.time)

    def _hold(self, loop: asyncio.AbstractEventLoop) -> Place:
        for other in list(self._held):
            if other.is_closed() and (dead := self._held.pop(other, None)) is not None:  # another thread may have been faster
                dead.forget()
        self._held[loop] = Place(self, loop)
        return self._held[loop]

    async def close(self) -> None:
        """Close the connections, those of open streams and of other loops too. A session that was handed over stays open."""
        self._closed = True
        for stream in list(self._streams):
            stream.cut()
        here = asyncio.get_running_loop()
        if here in self._held:
            await self._held[here].keeper.aclose()
        _finish(self._held)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class Place:
    """What a client has in one event loop: a session unless there is one of the user's, and each origin it has spoken with."""

    def __init__(self, client: AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self.waits = Waits(loop)
        self.session = None if client._session_given is not None else open_session()
        self.origins: dict[str, Origin] = {}
        self.keeper = _keep(client._held, loop, self.session)
        with contextlib.suppress(StopIteration):  # it waits for nothing before its first step, by which the loop knows of it
            self.keeper.__anext__().send(None)

    def hold(self, root: str) -> Origin:
        """Get ready for an origin, with the proxy that the environment has for it."""
        assert self.session is not None
        self.origins[root] = Origin(self.session, root, proxy_for(root))
        return self.origins[root]

    def forget(self) -> None:
        """The loop is gone, and with it what could be closed."""
        if self.session is not None:
            self.session.detach()


Held = dict[asyncio.AbstractEventLoop, Place]


async def _keep(held: Held, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession | None) -> AsyncGenerator[None, None]:
    """Hold a place for as long as its loop runs: a loop that ends closes its async generators, and so this one."""
    try:
        yield
    finally:
        held.pop(loop, None)
        if session is not None:
            await session.close()


def _finish(held: Held) -> None:
    """Close what is left on loops that run elsewhere; a loop that stands still closes its own when it ends."""
    for loop, place in list(held.items()):
        if loop.is_closed():
            place.forget()
        elif loop.is_running():
            loop.call_soon_threadsafe(loop.create_task, place.keeper.aclose())
