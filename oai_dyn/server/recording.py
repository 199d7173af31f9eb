"""A server that asks another one, hands on what that answers, and writes both down.

Rules of this file: an answer goes on as it comes; what is written is decided in exchanges.py. What the client sends as
a key goes to the upstream and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from yarl import URL

from .._connecting import open_session
from ..environment import proxy_for
from ..errors import ConfigError
from ..exchange import system_words
from ..providers import check_url
from .checking import Refusal
from .exchanges import UNWRITTEN, Exchange, asked_for, secrets_of, settled, without, written
from .rows import Place
from .sending import Answer, Broken

#: Headers of a request that are the connection's affair: this server makes a connection of its own, and asks for plain bytes.
OWN = {
    *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer"),
    *("transfer-encoding", "upgrade"),
}

#: Headers that the library would add.
ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

#: No time runs out here: whoever does not want to wait any longer leaves.
FOREVER = aiohttp.ClientTimeout(total=None, sock_connect=None)


class Recorder:
    """Everything below `/v1`, from an upstream, and into a file. Raises `ConfigError`."""

    def __init__(self, file: str | Path, upstream: str) -> None:
        self._file = Path(file)
        try:
            self._root, query = check_url(upstream)
            self._file.open("ab").close()
        except ConfigError as error:
            raise ConfigError(f"upstream: {str(error).removeprefix('base_url: ')}") from None
        except OSError as error:
            raise ConfigError(f"record: {self._file}: {error.strerror}") from None
        self._query = urlencode(query)
        self._session: aiohttp.ClientSession | None = None

    def places(self) -> Iterator[Place]:
        """Everything, in one place."""
        yield Place("*", "/v1/{path:.*}", self.answer)

    async def lifetime(self, application: web.Application) -> AsyncIterator[None]:
        """Have a session for as long as the server runs."""
        async with open_session() as self._session:
            yield

    async def answer(self, request: web.Request) -> Answer:
        """Ask the upstream, and hand on its answer."""
        assert self._session is not None
        body, began = await request.read(), time.monotonic()
        asking = self._session.request(
            request.method,
            self._url(request),
            headers=[(name, value) for name, value in request.headers.items() if name.lower() not in OWN],
            data=body or None,
            skip_auto_headers=ADDED,
            allow_redirects=False,
            timeout=FOREVER,
            proxy=proxy_for(self._root),
        )
        try:
            reply = await asking
        except (aiohttp.ClientError, OSError) as error:
            words = system_words([error]) or type(error).__name__
            raise Refusal(502, f"no answer of the upstream: {words}", "upstream_error") from None
        copied = _Copied(reply, began)
        headers = tuple((name, value) for name, value in reply.headers.items() if name.lower() not in CONNECTION)
        length = None if "Content-Encoding" in reply.headers else reply.content_length
        return Answer(reply.status, headers, copied, length, done=partial(self._write, request, body, copied))

    def _url(self, request: web.Request) -> URL:
        query = "&".join(part for part in (self._query, request.rel_url.raw_query_string) if part)
        return URL(f"{self._root}{below(request)}{'?' * bool(query)}{query}", encoded=True)

    def _write(self, request: web.Request, body: bytes, copied: _Copied) -> None:
        """Write down what has come, and let the connection go."""
        copied.reply.close()
        headers = tuple((name, value) for name, value in copied.reply.headers.items() if name.lower() not in UNWRITTEN)
        exchange = Exchange(
            request.method,
            below(request),
            asked_for(request.query.items()),
            settled(body, request.headers.get("Content-Type", "")),
            copied.reply.status,
            headers,
            copied.pieces,
            not copied.ended,
        )
        secrets = secrets_of(request.headers.items(), request.query.items())
        with self._file.open("ab") as file:
            file.write(written(without(secrets, exchange)))


class _Copied:
    """The pieces of an upstream's answer, kept as they pass."""

    def __init__(self, reply: aiohttp.ClientResponse, began: float) -> None:
        self.reply = reply
        self.pieces: list[tuple[float, bytes]] = []
        self.ended = False
        self._last = began

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self.reply.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise Broken from error
        if not piece:
            self.ended = True
            raise StopAsyncIteration
        now = time.monotonic()
        self.pieces.append((now - self._last, piece))
        self._last = now
        return piece


def below(request: web.Request) -> str:
    """The path of a request below `/v1`, as it was sent."""
    return request.rel_url.raw_path.removeprefix("/v1")


#: Headers of an answer that are the connection's affair.
CONNECTION = UNWRITTEN - {"set-cookie"}
