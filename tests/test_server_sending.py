"""How an answer goes out when the other side, or what it is made of, gives up in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from oai_dyn.server.sending import ENDINGS, Answer, Broken, send


def received(answering: Callable[[web.Request], Answer]) -> tuple[bytes, str]:
    """What comes of an answer on the wire, and how its handler ended; the connection is read to its end."""
    ended: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            response = await send(request, answering(request))
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
        ended.append("returned")
        return response

    async def talk() -> bytes:
        application = web.Application()
        application.router.add_get("/", handle)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        content = b""
        try:
            while piece := await reader.read(2**16):
                content += piece
        except ConnectionResetError:
            content += b"<reset>"
        writer.close()
        await runner.cleanup()
        return content

    content = asyncio.run(talk())
    return content.partition(b"\r\n\r\n")[2], ended[0]


def test_a_client_that_has_left_is_no_error() -> None:
    """What cannot be written any more is not written, and that is all."""

    def answering(request: web.Request) -> Answer:
        def pieces() -> Iterator[bytes]:
            yield b"one"
            assert request.transport is not None
            request.transport.close()
            yield b"two"

        return Answer(200, (), pieces())

    assert received(answering) == (b"3\r\none\r\n", "returned")


def test_pieces_that_break_off_reset_the_connection() -> None:
    """The client is not told that this was the end, whether the pieces are waited for or not."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise Broken

    content, ended = received(lambda request: Answer(200, (), pieces()))
    assert (content.removesuffix(b"<reset>"), ended) == (b"3\r\none\r\n", "returned")
    assert content.endswith(b"<reset>")


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_connection_that_is_gone_needs_no_ending(ending: str) -> None:
    """There is nothing left to close."""
    request: Any = SimpleNamespace(transport=None)
    response: Any = None
    asyncio.run(_awaited(ENDINGS[ending](request, response)))


async def _awaited(ending: Any) -> None:
    await ending
