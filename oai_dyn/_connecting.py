"""Connections for aiohttp: sessions, deadlines, requests and the heads of their answers.

Rules of this file: none is handed out that holds bytes nobody asked for. What it takes of aiohttp beyond its documents
stands in docs/architecture.md, and nowhere else.
"""

from __future__ import annotations

import asyncio
import io
import os
import select
import ssl
from collections.abc import Coroutine, Mapping
from functools import lru_cache, partial
from typing import Any, TypeVar

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from .environment import ca_bundle

T = TypeVar("T")

#: How an answer is read. The longest line of a head is what http.client takes, in bytes.
_PARSING: Any = {"read_until_eof": True, "auto_decompress": False, "max_line_size": 2**16, "max_field_size": 2**16}

#: What aiohttp would put of its own where the plan has none.
AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

#: Our deadlines are the flow's: aiohttp's own total would end a long stream.
timeout_of = lru_cache(256)(lambda connect: aiohttp.ClientTimeout(total=None, connect=connect))


class _Protocol(ResponseHandler):
    """A connection that tells the body being read when the parser fails, and that is not used with unasked bytes on it.

    aiohttp tells of a failure the next request only, and would take the bytes for the next answer's.
    """

    _used = False
    _last_payload: Any = None

    def may_be_used(self) -> bool:
        """Whether a request can go out on it now. An answer's parser is not needed any more, and ends by this."""
        fresh, self._used = not self._used, True
        parser, self._parser = self._parser, None
        self._last_payload = self._payload
        return fresh or not (self.should_close or _has_begun(parser) or _readable(self.transport))

    def data_received(self, data: bytes) -> None:
        """Take bytes; once an answer is over they are nobody's, and the connection is not used again."""
        if data and self._payload is not None and self._payload is not self._last_payload and self._payload.is_eof():
            self.force_close()
        super().data_received(data)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        super().set_exception(exc, *cause)
        if self._payload is not None and self._payload.exception() is None:
            self._payload.set_exception(exc)


def _has_begun(parser: Any) -> bool:
    """Whether an answer's parser has the beginning of another."""
    try:
        return parser is not None and parser.feed_eof() is not None
    except Exception:  # pragma: no cover  # no input is known that does it; such a parser's connection is not to be trusted
        return True


def _readable(transport: Any) -> bool:
    """Whether bytes, or the end, wait in the socket that the loop has not seen yet."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))


class Waits:
    """What a loop's calls wait for, and one timer for all of them.

    asyncio.timeout_at makes and takes away a timer for each wait, which a plain call would notice. Nearly every wait
    ends early: so each only notes its deadline, and the timer looks when the first of them has passed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._deadlines: dict[asyncio.Task[Any], float] = {}
        self._looks_at = float("inf")

    async def within(self, deadline: float | None, work: Coroutine[Any, Any, T]) -> T:
        """Wait for some work. Raises TimeoutError when the deadline has passed."""
        if deadline is None:
            return await work
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        self._deadlines[task] = deadline
        if deadline < self._looks_at:
            self._look_at(deadline)
        try:
            return await work
        except asyncio.CancelledError:
            if task not in self._deadlines and task.uncancel() <= cancelled_before:
                raise TimeoutError from None
            raise
        finally:
            self._deadlines.pop(task, None)

    def _look_at(self, deadline: float) -> None:
        self._looks_at = deadline
        self._loop.call_at(deadline, self._look, deadline)

    def _look(self, deadline: float) -> None:
        """Cancel what has waited too long. A timer that was set for later than the next is passed over."""
        if deadline != self._looks_at:
            return
        for task in [task for task, until in self._deadlines.items() if until <= deadline]:
            del self._deadlines[task]
            task.cancel()
        self._looks_at = float("inf")
        if self._deadlines:
            self._look_at(min(self._deadlines.values()))


def open_session() -> aiohttp.ClientSession:
    """A session on the running loop, with no bound on connections, no cookies, and the environment's authorities."""
    verify: ssl.SSLContext | bool = True
    if bundle := ca_bundle():
        folder = os.path.isdir(bundle)
        verify = ssl.create_default_context(capath=bundle if folder else None, cafile=None if folder else bundle)
    connector = aiohttp.TCPConnector(limit=0, ssl=verify)
    connector._factory = partial(_Protocol, loop=asyncio.get_running_loop())  # type: ignore[assignment]
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


class Answer:
    """The head of an answer, and what its body is read from: as much of aiohttp.ClientResponse as a wire needs."""

    __slots__ = ("_connection", "content", "raw_headers", "status")

    def __init__(self, connection: Any, message: Any, content: Any) -> None:
        self._connection = connection
        self.status: int = message.code
        self.raw_headers = message.raw_headers
        self.content = content

    def close(self) -> None:
        """Give the connection back: for reuse where both bodies came to their end, closed otherwise."""
        if not self.content.is_eof():
            self.content.set_exception(aiohttp.ClientConnectionError("closed"))
        transport = self._connection.transport
        if transport is not None and transport.get_write_buffer_size():
            self._connection.close()
        self._connection.release()


class Origin:
    """One of the origins that a client speaks with, from one loop, in a session of ours.

    A request is written to its connection as it is: `ClientSession.request` would copy the headers, look for cookies and
    redirects and set timers again for each call, and write the body in a task of its own.
    """

    def __init__(self, session: aiohttp.ClientSession, root: str, proxy: str | None) -> None:
        self._session = session
        self._request = partial(
            aiohttp.ClientRequest,
            skip_auto_headers=AUTOMATIC,
            loop=asyncio.get_running_loop(),
            session=session,
            proxy=None if proxy is None else URL(proxy),
        )
        # What the connector asks for where to connect; a proxy's password comes to its headers.
        self._asked = self._request("GET", URL(root, encoded=True))
        self._path_at = len(root) if proxy is None or self._asked.is_ssl() else 0

    async def connect(self, seconds: float | None) -> Any:
        """A connection, and none on which something came that nobody asked for."""
        connector = self._session.connector
        assert connector is not None
        while True:
            try:
                connection: Any = await connector.connect(self._asked, traces=[], timeout=timeout_of(seconds))
            except TimeoutError:
                raise aiohttp.ConnectionTimeoutError from None
            if connection.protocol.may_be_used():
                return connection
            connection.close()

    async def ask(
        self, connection: Any, method: str, url: str, headers: Mapping[str, str], body: Any
    ) -> Answer | aiohttp.ClientResponse:
        """Send a request on a connection and return with the head of its answer."""
        try:
            connection.protocol.set_response_params(skip_payload=method == "HEAD", **_PARSING)
            if body is None or isinstance(body, bytes):
                self._write(connection.transport, method, url, headers, body or b"")
                return await _answer_on(connection)
            request = self._request(method, URL(url, encoded=True), data=body, headers=headers)
            return await (await request.send(connection)).start(connection)
        except BaseException:
            connection.close()
            raise

    def _write(self, transport: Any, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
        if transport is None:
            raise aiohttp.ServerDisconnectedError
        sent = self._asked.headers.copy()  # the host
        sent.update(headers)
        lines = "".join([f"{name}: {value}\r\n" for name, value in sent.items()])
        transport.write(f"{method} {url[self._path_at :]} HTTP/1.1\r\n{lines}\r\n".encode() + body)


async def _answer_on(connection: Any) -> Answer:
    """The head of the answer that comes next; interim ones are passed over (RFC 9110 section 15.2)."""
    while True:
        message, content = await connection.protocol.read()
        if message.code >= 200 or message.code == 101:
            return Answer(connection, message, content)


async def request_in(
    session: aiohttp.ClientSession, method: str, url: str, headers: Mapping[str, str], body: Any, seconds: float | None
) -> aiohttp.ClientResponse:
    """Send a request in a session of the user's: it does as it does, but follows no redirect and sends nothing twice."""
    tried: list[bool] = []

    async def once(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
        if tried:  # aiohttp tries again by itself when a used connection has died
            raise aiohttp.ServerDisconnectedError
        tried.append(True)
        response: aiohttp.ClientResponse = await handler(request)
        return response

    return await session.request(
        method,
        URL(url, encoded=True),
        data=io.BytesIO(body) if isinstance(body, bytes) else body,  # of large bytes it would warn
        headers=headers,
        skip_auto_headers=AUTOMATIC,
        allow_redirects=False,
        auto_decompress=False,
        timeout=timeout_of(seconds),
        middlewares=(*session._middlewares, once),
    )
