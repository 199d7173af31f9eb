"""The asynchronous client, on aiohttp.

Rules of this file: the sessions' lifetime, the steps of a flow, the map of foreign exceptions; no more. A
session belongs to an event loop, so a client has one for each loop that it is used in. A pooled connection
that holds bytes nobody asked for is closed instead of used, and in a session of ours nothing is resent.
"""

from __future__ import annotations

import asyncio
import io
import os
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator
from functools import lru_cache, partial
from typing import Any, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ._connecting import answer_on, open_session, request_in, within
from ._connecting import connect as connect_to
from .async_streams import AsyncStream, pending
from .client import BaseClient
from .environment import proxy_for
from .errors import ConfigError
from .exchange import Exchange, Failure
from .pages import AsyncPage
from .wire import Call, Head, Headers, Plan, Read, Send, Sleep

#: The URL as the plan has it: without `encoded`, yarl would rewrite what is already encoded.
_url = lru_cache(256)(partial(URL, encoded=True))

#: A larger piece would be made into more events at once than the processor's cache holds.
_CHUNK = 2**14

#: What aiohttp would put of its own where the plan has none.
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

#: A body in memory from this size on, in bytes, is handed over as a file: aiohttp warns of it otherwise.
_LARGE = 2**20


class _Wire:
    """The steps of one call."""

    foreign = (OSError, aiohttp.ClientError, HttpProcessingError)

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._response: aiohttp.ClientResponse | None = None
        self._connected = False

    async def send(self, step: Send) -> Head:
        self.release()
        self._connected = False
        self._response = response = await within(step.deadline, self._request(step.plan, step.connect))
        return Head(response.status, Headers(response.raw_headers))

    async def _request(self, plan: Plan, connect: float | None) -> aiohttp.ClientResponse:
        """Send one request and return with its head.

        In a session of ours the request goes to the connector as it is: `ClientSession.request` would copy the headers,
        look for cookies and redirects and set timers again for each call. A session of the user's does as it does.
        """
        client, url, headers = self._client, _url(plan.url), plan.headers
        if client._closed:
            raise ConfigError("the client is closed")
        body = plan.body if plan.body is None or isinstance(plan.body, bytes) else plan.body()
        if body is not None and (not isinstance(body, bytes) or len(body) >= _LARGE):
            headers = {**headers, "Content-Length": str(len(body))}
            body = io.BytesIO(body) if isinstance(body, bytes) else body
        skip = [name for name in _AUTOMATIC if name not in headers] or None
        if client._session_given is not None:
            self._connected = True  # as far as can be known
            return await request_in(
                client._session_given, plan.method, url, connect, data=body, headers=headers, skip_auto_headers=skip
            )
        session, loop = await client._session(), asyncio.get_running_loop()
        request = aiohttp.ClientRequest(
            plan.method, url, data=body, headers=headers, skip_auto_headers=skip, loop=loop, session=session, proxy=client._proxy
        )
        connection = await connect_to(session, request, connect)
        self._connected = True
        return await answer_on(connection, request)

    async def read(self, step: Read) -> bytes:
        assert self._response is not None
        content = self._response.content
        if getattr(content, "_buffer", None):
            # What came before the connection broke is given out first; the public methods would raise at once.
            return content._read_nowait(_CHUNK)
        if content.at_eof():
            return b""
        return await within(step.deadline, content.read(_CHUNK))

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
        numbers = [e.errno for e in trail if isinstance(e, OSError) and e.errno and not isinstance(e, ssl.SSLError)]
        return Failure(isinstance(error, TimeoutError), sent, numbers[-1] if numbers else None)


class AsyncClient(BaseClient):
    __doc__ = BaseClient.__doc__

    _page = AsyncPage

    def _set_up(self) -> None:
        self._held: Held = {}
        self._streams: weakref.WeakSet[AsyncStream] = weakref.WeakSet()
        weakref.finalize(self, _finish, self._held).atexit = False
        proxy = None if self._session_given is not None else proxy_for(self.base_url)
        self._proxy = None if proxy is None else URL(proxy)
        self._lock = threading.Lock()
        self._closed = False
        _clients.add(self)

    def _start(self, call: Call) -> Any:
        result = pending(partial(self._begin, call), call)
        if isinstance(result, AsyncStream):
            self._streams.add(result)
        return result

    def _begin(self, call: Call) -> Exchange:
        return Exchange(call, _Wire(self), asyncio.get_running_loop().time)

    async def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is None:
            with self._lock:
                for dead in [known for known in self._held if known.is_closed()]:
                    self._held.pop(dead)[0].detach()
                session = open_session()
                held = self._held[loop] = session, _keep(self._held, loop, session)
            await anext(held[1])
        return held[0]

    async def close(self) -> None:
        """Close the connections, those of open streams and of other loops too. A session that was handed over stays open."""
        self._closed = True
        for stream in list(self._streams):
            stream.cut()
        here = asyncio.get_running_loop()
        if here in self._held:
            await self._held[here][1].aclose()
        _finish(self._held)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


Held = dict[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[None, None]]]


async def _keep(held: Held, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Hold a session for as long as its loop runs: a loop that ends closes its async generators, and so this one."""
    try:
        yield
    finally:
        held.pop(loop, None)
        await session.close()


def _finish(held: Held) -> None:
    """Close what is left on loops that run elsewhere; a loop that stands still closes its own when it ends."""
    for loop, (session, keeper) in list(held.items()):
        if loop.is_closed():
            session.detach()
        elif loop.is_running():
            loop.call_soon_threadsafe(loop.create_task, keeper.aclose())


_clients: weakref.WeakSet[AsyncClient] = weakref.WeakSet()


def _forget_locks() -> None:
    """In a forked child: a lock that a thread of the parent held would stay locked for ever."""
    for client in list(_clients):
        client._lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_locks)
