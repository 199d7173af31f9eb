"""The asynchronous client, on aiohttp.

Rules of this file: the sessions' lifetime, the steps of a flow, the map of foreign exceptions; no more. A
session belongs to an event loop, so a client has one for each loop that it is used in. A pooled connection
that holds bytes nobody asked for is closed instead of used, and in a session of ours nothing is resent.
"""

from __future__ import annotations

import asyncio
import io
import os
import select
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator
from functools import lru_cache, partial
from typing import Any, Self, TypeVar

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from .async_streams import AsyncBinary, AsyncStream
from .client import BaseClient
from .environment import ca_bundle, proxy_for
from .errors import APIConnectionError, APITimeoutError, ConfigError
from .exchange import Exchange
from .pages import AsyncPage
from .wire import Call, Head, Headers, Plan, Read, Send, Sleep

#: The URL as the plan has it: without `encoded`, yarl would rewrite what is already encoded.
_url = lru_cache(256)(partial(URL, encoded=True))

#: Our deadlines are the flow's: aiohttp's own total would end a long stream.
_timeout = lru_cache(256)(lambda connect: aiohttp.ClientTimeout(total=None, connect=connect))

#: A larger piece would be made into more events at once than the processor's cache holds.
_CHUNK = 2**14

#: A body in memory from this size on, in bytes, is handed over as a file: aiohttp warns of it otherwise.
_LARGE = 2**20


T = TypeVar("T")


class _Wire:
    """The steps of one call."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._response: aiohttp.ClientResponse | None = None
        self._connected = False

    async def send(self, step: Send) -> Head:
        self.release()
        self._connected = False
        self._response = response = await _within(step.deadline, self._request(step.plan, step.connect))
        return Head(response.status, Headers(response.headers.items()))

    async def _request(self, plan: Plan, connect: float | None) -> aiohttp.ClientResponse:
        """Send one request and return with its head.

        In a session of ours the request goes to the connector as it is: `ClientSession.request` would copy the headers,
        look for cookies and redirects and set timers again for each call. A session of the user's does as it does.
        """
        headers = plan.headers
        body = plan.body if plan.body is None or isinstance(plan.body, bytes) else plan.body()
        if body is not None and (not isinstance(body, bytes) or len(body) >= _LARGE):
            headers = {**headers, "Content-Length": str(len(body))}
            body = io.BytesIO(body) if isinstance(body, bytes) else body
        url, given = _url(plan.url), self._client._session_given
        skip = ("Content-Type",) if body is None else None
        if given is not None:
            options = {"allow_redirects": False, "auto_decompress": False, "timeout": _timeout(connect), "skip_auto_headers": skip}
            self._connected = True  # as far as can be known
            return await given.request(plan.method, url, data=body, headers=headers, **options)
        session = await self._client._session()
        loop = asyncio.get_running_loop()
        request = aiohttp.ClientRequest(
            plan.method, url, data=body, headers=headers, skip_auto_headers=skip, loop=loop, session=session, proxy=self._client._proxy
        )
        connection = await _connect(session, request, connect)
        self._connected = True
        try:
            connection.protocol.set_response_params(
                read_until_eof=True, auto_decompress=False, skip_payload=plan.method == "HEAD", read_bufsize=_CHUNK
            )
            response = await request.send(connection)
            return await response.start(connection)
        except BaseException:
            connection.close()
            raise

    async def read(self, step: Read) -> bytes:
        assert self._response is not None
        content = self._response.content
        if (piece := content.read_nowait(_CHUNK)) or content.at_eof():
            return piece
        return await _within(step.deadline, content.read(_CHUNK))

    async def sleep(self, step: Sleep) -> None:
        await asyncio.sleep(step.seconds)

    def release(self) -> None:
        """Give the connection back at once: for reuse where its body was read to the end, closed otherwise."""
        response, self._response = self._response, None
        if response is not None:
            response.close()

    def translated(self, error: Exception, step: Any) -> APIConnectionError:
        """The error for a foreign one. It is made of text alone: the foreign one holds the request and its key."""
        never_sent = not self._connected or isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
        if isinstance(error, TimeoutError):
            failure: APIConnectionError = APITimeoutError(f"time ran out: {'connect' if never_sent else step.why}")
        else:
            cause = error if isinstance(error, OSError) and error.strerror else error.__cause__ or error
            detail = cause.strerror if isinstance(cause, OSError) and cause.strerror else type(cause).__name__
            failure = APIConnectionError(f"the connection failed: {detail}")
        failure.sent = not never_sent
        return failure


class Pending:
    """A call that has not begun: `await` it for its result; `async for` goes through the items of its pages."""

    def __init__(self, begin: partial[Exchange]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._begin().advance().__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        page = await self
        if not isinstance(page, AsyncPage):
            raise TypeError("this call has neither events nor pages to iterate")
        async for item in page:
            yield item


class _Protocol(ResponseHandler):
    """Tells the body that is being read when the parser fails; aiohttp tells only the next request."""

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        super().set_exception(exc, *cause)
        if self._payload is not None and self._payload.exception() is None:
            self._payload.set_exception(exc)


async def _within(deadline: float | None, work: Coroutine[Any, Any, T]) -> T:
    """What asyncio.timeout_at does, at a third of its cost, which a plain call would notice."""
    if deadline is None:
        return await work
    task = asyncio.current_task()
    assert task is not None
    cancelled_before, expired = task.cancelling(), []

    def expire() -> None:
        expired.append(True)
        task.cancel()

    timer = asyncio.get_running_loop().call_at(deadline, expire)
    try:
        return await work
    except asyncio.CancelledError:
        if expired and task.uncancel() <= cancelled_before:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


def _readable(sock: Any) -> bool:
    """Whether bytes, or the end, wait in the socket that the loop has not seen yet."""
    if sock is None or sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class AsyncClient(BaseClient):
    __doc__ = BaseClient.__doc__

    _page = AsyncPage

    def _set_up(self) -> None:
        self._held: dict[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[None, None]]] = {}
        proxy = None if self._session_given is not None else proxy_for(self.base_url)
        self._proxy = None if proxy is None else URL(proxy)
        self._lock = threading.Lock()
        self._closed = False
        _clients.add(self)

    def _start(self, call: Call) -> Any:
        begin = partial(self._begin, call)
        if call.plan.streaming:
            return AsyncStream(begin)
        if call.plan.route.reply.kind == "bytes" and call.into is None:
            return AsyncBinary(begin)
        return Pending(begin)

    def _begin(self, call: Call) -> Exchange:
        return Exchange(call, _Wire(self), asyncio.get_running_loop().time)

    async def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is None:
            with self._lock:
                if self._closed:
                    raise ConfigError("the client is closed")
                for dead in [known for known in self._held if known.is_closed()]:
                    self._held.pop(dead)[0].detach()
                session = _open_session()
                held = self._held[loop] = session, self._keep(loop, session)
            await anext(held[1])
        return held[0]

    async def _keep(self, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
        """Hold a session for as long as its loop runs: a loop that ends closes its async generators, and so this one."""
        try:
            yield
        finally:
            self._held.pop(loop, None)
            await session.close()

    async def close(self) -> None:
        """Close the connections, of other loops too. A session that was handed over stays open."""
        self._closed = True
        here = asyncio.get_running_loop()
        for loop, (session, keeper) in list(self._held.items()):
            if loop is here:
                await keeper.aclose()
            elif loop.is_closed():
                session.detach()
            else:
                asyncio.run_coroutine_threadsafe(keeper.aclose(), loop)  # type: ignore[arg-type]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


def _open_session() -> aiohttp.ClientSession:
    verify: ssl.SSLContext | bool = True
    if bundle := ca_bundle():
        folder = os.path.isdir(bundle)
        verify = ssl.create_default_context(capath=bundle if folder else None, cafile=None if folder else bundle)
    connector = aiohttp.TCPConnector(limit=0, ssl=verify)
    connector._factory = partial(_Protocol, loop=asyncio.get_running_loop())  # type: ignore[assignment]
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def _connect(session: aiohttp.ClientSession, request: aiohttp.ClientRequest, seconds: float | None) -> Any:
    """A connection of the session's, and none on which something came that nobody asked for."""
    connector = session.connector
    assert connector is not None
    while True:
        try:
            connection = await connector.connect(request, traces=[], timeout=_timeout(seconds))
        except TimeoutError:
            raise aiohttp.ConnectionTimeoutError from None
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            return connection
        if not protocol.should_close and not _readable(transport.get_extra_info("socket")):
            return connection
        connection.close()


_clients: weakref.WeakSet[AsyncClient] = weakref.WeakSet()


def _forget_locks() -> None:
    """In a forked child: a lock that a thread of the parent held would stay locked for ever."""
    for client in list(_clients):
        client._lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_locks)
