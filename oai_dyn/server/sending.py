"""An answer as data, and how it goes out: its head, its pieces, and how it ends.

Rules of this file: what stands in an answer is decided elsewhere; the client may leave whenever it likes.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, NamedTuple

from aiohttp import web

from ..codec import encode
from ..objects import plain
from .checking import Refusal

Pairs = tuple[tuple[str, str], ...]


#: The API's word for a kind of error, where it is none of the usual two.
KINDS = {429: "requests"}


class Broken(Exception):
    """The pieces of an answer end before their end; the connection is reset."""


class Answer(NamedTuple):
    """What is sent for a request.

    pieces  a stream's go out one by one as they are made
    length  what Content-Length says; None for a body that is sent in chunks
    silent  nothing is sent, not even the head
    ending  how the answer ends, a name of `ENDINGS`
    done    called once the answer is out, or cannot go out
    refusal what it tells, where it tells that
    """

    status: int
    headers: Pairs
    pieces: Iterable[bytes] | AsyncIterable[bytes]
    length: int | None = None
    silent: bool = False
    ending: str = "end"
    done: Callable[[], None] | None = None
    refusal: Refusal | None = None


def whole(body: bytes, content_type: str, status: int = 200, *more: tuple[str, str]) -> Answer:
    """An answer whose body is there."""
    return Answer(status, (("Content-Type", content_type), *more), (body,), len(body))


def of_json(value: Any, status: int = 200, *more: tuple[str, str]) -> Answer:
    """An answer of JSON."""
    return whole(encode(value, plain), "application/json", status, *more)


def of_refusal(refusal: Refusal, *more: tuple[str, str]) -> Answer:
    """An error in the API's form."""
    return of_json({"error": error_of(refusal)}, refusal.status, *more)._replace(refusal=refusal)


def error_of(refusal: Refusal) -> dict[str, str | None]:
    """What stands under `error` in a body or an event."""
    kind = "server_error" if refusal.status >= 500 else KINDS.get(refusal.status, "invalid_request_error")
    return {"message": str(refusal), "type": kind, "param": refusal.param, "code": refusal.code}


async def send(request: web.Request, answer: Answer, delay: float = 0.0) -> web.StreamResponse:
    """Send an answer; after each piece of a stream wait so many seconds."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = answer.length
    try:
        if not answer.silent:
            await response.prepare(request)
        ending = await _write(response, answer, delay)
        await ENDINGS[ending](request, response)
    except ConnectionError:
        pass  # the client has left, which is its right
    finally:
        if answer.done is not None:
            answer.done()
    return response


async def _write(response: web.StreamResponse, answer: Answer, delay: float) -> str:
    """Write the pieces, and say how the answer ends."""
    try:
        async with aclosing(_each(answer.pieces)) as pieces:
            async for piece in pieces:
                await response.write(piece)
                if delay and answer.length is None:
                    await asyncio.sleep(delay)
    except Broken:
        return "reset"
    return answer.ending


async def _each(pieces: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece
    else:
        for piece in pieces:
            yield piece


async def _end(request: web.Request, response: web.StreamResponse) -> None:
    await response.write_eof()


async def _close(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection after what was sent."""
    if request.transport is not None:
        request.transport.close()


async def _reset(request: web.Request, response: web.StreamResponse) -> None:
    """Break the connection off."""
    if request.transport is not None:
        linger = struct.pack("ii", 1, 0)  # nothing is waited for: the other side is told at once, and not that this is the end
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        request.transport.abort()


async def _stall(request: web.Request, response: web.StreamResponse) -> None:
    """Wait until the client leaves: then the handler is cancelled."""
    await asyncio.Event().wait()


#: How an answer ends.
ENDINGS: dict[str, Callable[[web.Request, web.StreamResponse], Awaitable[None]]] = {
    "end": _end,
    "close": _close,
    "reset": _reset,
    "stall": _stall,
}
