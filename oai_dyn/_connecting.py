"""Connections for aiohttp: sessions, deadlines, and none handed out that holds bytes nobody asked for.

Rules of this file: what it takes of aiohttp beyond its documents is `TCPConnector._factory`, `ResponseHandler._payload`
and `._parser`, and the `_middlewares` of a session. Without the first, a body with a broken chunk would end at the idle
deadline and not at once.
"""

from __future__ import annotations

import asyncio
import os
import select
import ssl
from collections.abc import Coroutine
from functools import lru_cache, partial
from typing import Any, TypeVar

import aiohttp
from aiohttp.client_proto import ResponseHandler

from .environment import ca_bundle

T = TypeVar("T")

#: The longest line of a head, in bytes: what http.client takes.
LINE = 2**16

#: Our deadlines are the flow's: aiohttp's own total would end a long stream.
timeout_of = lru_cache(256)(lambda connect: aiohttp.ClientTimeout(total=None, connect=connect))


class _Protocol(ResponseHandler):
    """Tells the body that is being read when the parser fails; aiohttp tells only the next request."""

    used = False
    last_payload: Any = None

    def data_received(self, data: bytes) -> None:
        """Take bytes; once an answer is over they are nobody's, and the connection is not used again."""
        if data and self._payload is not None and self._payload is not self.last_payload and self._payload.is_eof():
            self.force_close()
        super().data_received(data)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        super().set_exception(exc, *cause)
        if self._payload is not None and self._payload.exception() is None:
            self._payload.set_exception(exc)


async def within(deadline: float | None, work: Coroutine[Any, Any, T]) -> T:
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


def _begun(protocol: ResponseHandler) -> bool:
    """Whether the parser of the last answer has the beginning of another. It is not needed any more, and ends by this."""
    parser, protocol._parser = protocol._parser, None
    try:
        return parser is not None and parser.feed_eof() is not None
    except Exception:  # pragma: no cover  # no input is known that does it; such a parser's connection is not to be trusted
        return True


def _readable(sock: Any) -> bool:
    """Whether bytes, or the end, wait in the socket that the loop has not seen yet."""
    if sock is None or sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def open_session() -> aiohttp.ClientSession:
    """A session on the running loop, with no bound on connections, no cookies, and the environment's authorities."""
    verify: ssl.SSLContext | bool = True
    if bundle := ca_bundle():
        folder = os.path.isdir(bundle)
        verify = ssl.create_default_context(capath=bundle if folder else None, cafile=None if folder else bundle)
    connector = aiohttp.TCPConnector(limit=0, ssl=verify)
    connector._factory = partial(_Protocol, loop=asyncio.get_running_loop())  # type: ignore[assignment]
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def connect(session: aiohttp.ClientSession, request: aiohttp.ClientRequest, seconds: float | None) -> Any:
    """A connection of the session's, and none on which something came that nobody asked for."""
    connector = session.connector
    assert connector is not None
    while True:
        try:
            connection = await connector.connect(request, traces=[], timeout=timeout_of(seconds))
        except TimeoutError:
            raise aiohttp.ConnectionTimeoutError from None
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            return connection
        fresh, protocol.used = not getattr(protocol, "used", False), True  # type: ignore[attr-defined]
        if fresh or not (protocol.should_close or _begun(protocol) or _readable(transport.get_extra_info("socket"))):
            if isinstance(protocol, _Protocol):
                protocol.last_payload = protocol._payload
            return connection
        connection.close()


async def answer_on(connection: Any, request: aiohttp.ClientRequest) -> aiohttp.ClientResponse:
    """Send a request on a connection and return with the head of its answer."""
    try:
        connection.protocol.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            skip_payload=request.method == "HEAD",
            read_bufsize=2**16,
            max_line_size=LINE,
            max_field_size=LINE,
        )
        response = await request.send(connection)
        return await response.start(connection)
    except BaseException:
        connection.close()
        raise


async def request_in(
    session: aiohttp.ClientSession, method: str, url: Any, seconds: float | None, **parts: Any
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
        url,
        allow_redirects=False,
        auto_decompress=False,
        timeout=timeout_of(seconds),
        middlewares=(*session._middlewares, once),
        **parts,
    )
