"""The asynchronous client, on aiohttp.

Rules of this file: the sessions' lifetime, the steps of a flow, the map of foreign exceptions; no more. A
session belongs to an event loop, so a client has one for each loop that it is used in. A pooled connection
that holds bytes nobody asked for is closed instead of used, and aiohttp resends nothing by itself.
"""

from __future__ import annotations

import asyncio
import os
import select
import ssl
import threading
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Generator
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import aiohttp
from yarl import URL

from .client import BaseClient
from .environment import ca_bundle, proxy_for
from .errors import APIConnectionError, APITimeoutError, ConfigError, OaiDynError, StreamError
from .flow import run
from .pages import BasePage
from .wire import Call, Given, Head, Headers, Opened, Read, Reply, Send, Sleep


@lru_cache(256)
def _url(url: str) -> URL:
    """The URL as the plan has it: without `encoded`, yarl would rewrite what is already encoded."""
    return URL(url, encoded=True)


class AsyncPage(BasePage):
    """One page of a list. `async for` yields the items of this page and of every one after it."""

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[Any]:
        page: AsyncPage | None = self
        while page is not None:
            for item in page.here:
                yield item
            cursor = page.next_cursor()
            page = None if cursor is None else await page._turn.fetch(cursor)


class Exchange:
    """One call on the wire: takes the steps of its flow until there is something for the user."""

    def __init__(self, client: AsyncClient, call: Call) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._flow = run(call, self._loop.time, time.time)
        self._response: aiohttp.ClientResponse | None = None
        self.reply: Reply | None = None
        self.closed = False

    async def advance(self) -> Opened | Given | Any:
        """Go on to the next Opened or Given; the result of the call once it has ended, then None for ever."""
        if self.closed:
            return None
        resume, outcome = self._flow.send, None
        try:
            while True:
                step = resume(outcome)
                if type(step) is Given:
                    return step
                if type(step) is Opened:
                    self.reply = step.reply
                    return step
                try:
                    outcome, resume = await STEPS[type(step)](self, step), self._flow.send
                except Exception as error:
                    outcome, resume = error if isinstance(error, OaiDynError) else _translated(error, step), self._flow.throw
        except StopIteration as end:
            self.close()
            return end.value
        except BaseException:
            self.close()
            raise

    async def _send(self, step: Send) -> Head:
        self._release()
        plan = step.plan
        body = plan.body if plan.body is None or isinstance(plan.body, bytes) else plan.body()
        headers = plan.headers if body is None or isinstance(body, bytes) else {**plan.headers, "Content-Length": str(len(body))}
        session = await self._client._session(self._loop)
        async with asyncio.timeout_at(step.deadline):
            self._response = response = await session.request(
                plan.method,
                _url(plan.url),
                data=body,
                headers=headers,
                allow_redirects=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=step.connect),
                proxy=self._client._proxy,
            )
        return Head(response.status, Headers(response.headers.items()))

    async def _read(self, step: Read) -> bytes:
        assert self._response is not None
        content = self._response.content
        if piece := content.read_nowait():
            return piece
        async with asyncio.timeout_at(step.deadline):
            return await content.readany()

    async def _sleep(self, step: Sleep) -> None:
        await asyncio.sleep(step.seconds)

    def _release(self) -> None:
        """Give the connection back at once: for reuse where its body was read to the end, closed otherwise."""
        response, self._response = self._response, None
        if response is not None:
            response.close()

    def close(self) -> None:
        """End the call wherever it stands."""
        self.closed = True
        self._release()
        if not self._flow.gi_running:
            self._flow.close()


def _translated(error: Exception, step: Any) -> APIConnectionError:
    """The error for a foreign one. It is made of text alone: the foreign one holds the request and its key."""
    never_sent = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
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

    def __init__(self, client: AsyncClient, call: Call) -> None:
        self._client = client
        self._call = call

    def __await__(self) -> Generator[Any, Any, Any]:
        return Exchange(self._client, self._call).advance().__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        page = await self
        if not isinstance(page, AsyncPage):
            raise TypeError(f"{self._call.plan.route.name} has neither events nor pages to iterate")
        async for item in page:
            yield item


class AsyncStream:
    """The events of one call, as they come: `async for` it, with or without an `await` before.

    Leaving the loop early gives the connection back. reply: the head of the answer, there before the first event.
    """

    def __init__(self, client: AsyncClient, call: Call) -> None:
        self._client = client
        self._call = call
        self._exchange: Exchange | None = None
        self._items: _Walk | None = None

    def __await__(self) -> Generator[Any, Any, Self]:
        yield from self._open().__await__()
        return self

    async def _open(self) -> Exchange:
        if self._exchange is None:
            self._exchange = Exchange(self._client, self._call)
            await self._exchange.advance()
        return self._exchange

    @property
    def reply(self) -> Reply:
        if self._exchange is None or self._exchange.reply is None:
            raise AttributeError("reply: there is none before the stream is awaited or iterated")
        return self._exchange.reply

    def __aiter__(self) -> AsyncIterator[Any]:
        # The loop owns the iterator, so that leaving the loop ends it and frees the connection.
        items, self._items = self._items, None
        return _Walk(self) if items is None else items

    def __anext__(self) -> Awaitable[Any]:
        if self._items is None:
            self._items = _Walk(self)
        return self._items.__anext__()

    async def _iterate(self) -> AsyncGenerator[Any, None]:
        try:
            exchange = await self._open()
            while (step := await exchange.advance()) is not None:
                if type(step) is Given:
                    for item in step.items:
                        yield item
        finally:
            self._stop()

    def _stop(self) -> None:
        if self._exchange is not None:
            self._exchange.close()

    async def close(self) -> None:
        """Stop here: the connection is closed and its slot free."""
        self._stop()

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(self, *error: object) -> None:
        self._stop()


class _Walk:
    """One way through a stream. It ends with its loop: an async generator alone would end some turns later."""

    __slots__ = ("__weakref__", "_next", "_stream")

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream
        self._next = stream._iterate().__anext__

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[Any]:
        return self._next()

    def __del__(self) -> None:
        self._stream._stop()


class AsyncBinary(AsyncStream):
    """A binary answer. Nothing of its body is read before it is asked for."""

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it comes."""
        return aiter(self)

    async def read(self) -> bytes:
        """The whole body. Raises `StreamError` beyond `Limits.reply`."""
        limit, pieces, size = self._call.limits.reply, [], 0
        async for piece in self:
            size += len(piece)
            if size > limit:
                raise StreamError(f"the body passes the limit of {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def save(self, path: str | os.PathLike[str]) -> int:
        """Write the body to a file, piece by piece; returns its length in bytes."""
        with await asyncio.to_thread(Path(path).open, "wb") as file:
            return sum([await asyncio.to_thread(file.write, piece) async for piece in self])


class _Connector(aiohttp.TCPConnector):
    """Hands out no pooled connection on which something came that nobody asked for."""

    async def connect(self, *arguments: Any, **keywords: Any) -> Any:
        while True:
            connection = await super().connect(*arguments, **keywords)
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None:
                return connection
            if not protocol.should_close and not _readable(transport.get_extra_info("socket")):
                return connection
            connection.close()


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

    def __init__(self, provider: Any = None, **settings: Any) -> None:
        super().__init__(provider, **settings)
        self._held: dict[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[None, None]]] = {}
        self._lock = threading.Lock()
        self._proxy = None if self._session_given is not None else proxy_for(self.base_url)
        self._closed = False
        _clients.add(self)

    def _start(self, call: Call) -> Any:
        if call.plan.streaming:
            return AsyncStream(self, call)
        if call.plan.route.reply.kind == "bytes" and call.into is None:
            return AsyncBinary(self, call)
        return Pending(self, call)

    async def _session(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        if self._session_given is not None:
            return self._session_given  # type: ignore[no-any-return]
        held = self._held.get(loop)
        if held is None:
            with self._lock:
                if self._closed:
                    raise ConfigError("the client is closed")
                for dead in [known for known in self._held if known.is_closed()]:
                    self._held.pop(dead)[0].detach()
                session = self._open()
                keeper = self._keep(loop, session)
                held = self._held[loop] = session, keeper
            await anext(keeper)
        return held[0]

    async def _keep(self, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
        """Hold a session for as long as its loop runs: a loop that ends closes its async generators, and so this one."""
        try:
            yield
        finally:
            self._held.pop(loop, None)
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        bundle = ca_bundle()
        where = {} if bundle is None else {"capath" if os.path.isdir(bundle) else "cafile": bundle}
        verify = ssl.create_default_context(**where) if bundle else True
        session = aiohttp.ClientSession(connector=_Connector(limit=0, ssl=verify), cookie_jar=aiohttp.DummyCookieJar())
        session._retry_connection = False  # a lost answer is ours to resend, or not
        return session

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
                asyncio.run_coroutine_threadsafe(_finish(keeper), loop)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


async def _finish(keeper: AsyncGenerator[None, None]) -> None:
    await keeper.aclose()


STEPS: dict[type, Any] = {Send: Exchange._send, Read: Exchange._read, Sleep: Exchange._sleep}

_clients: weakref.WeakSet[AsyncClient] = weakref.WeakSet()


def _forget_locks() -> None:
    """In a forked child: a lock that a thread of the parent held would stay locked for ever."""
    for client in list(_clients):
        client._lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_locks)
