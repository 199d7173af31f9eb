"""What a call that streams hands to the user of `AsyncClient`: events or bytes as they come.

Rules of this file: those of `streams`. It is a file of its own so that the synchronous client loads no asyncio.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from pathlib import Path
from typing import Any, Self

from .answers import Pieces
from .exchange import Exchange
from .pages import AsyncPage
from .wire import Call, Given, Reply


class AsyncStream:
    """The events of one call, as they come: `async for` it, with or without an `await` before.

    reply: the head of the answer, there before the first event.
    """

    def __init__(self, begin: Callable[[], Exchange]) -> None:
        self._begin = begin
        self._exchange: Exchange | None = None
        self._items: AsyncIterator[Any] | None = None

    def __await__(self) -> Generator[Any, Any, Self]:
        yield from self._open().__await__()
        return self

    async def _open(self) -> Exchange:
        if self._exchange is None:
            self._loop = asyncio.get_running_loop()
            self._exchange = self._begin()
            await self._exchange.advance()
        return self._exchange

    @property
    def reply(self) -> Reply:
        """The head of the answer. Raises AttributeError before the stream is awaited or iterated."""
        if self._exchange is None or self._exchange.reply is None:
            raise AttributeError("reply: there is none before the stream is awaited or iterated")
        return self._exchange.reply

    def __aiter__(self) -> AsyncIterator[Any]:
        items, self._items = self._items, None
        return _Walk(self) if items is None else items

    def __anext__(self) -> Awaitable[Any]:
        if self._items is None:
            self._items = aiter(self)
        return self._items.__anext__()

    async def _iterate(self) -> AsyncGenerator[Any, None]:
        try:
            exchange = await self._open()
            while (step := await exchange.advance()) is not None:
                if type(step) is Given:
                    for item in step.items:
                        yield item
                    item = None
                del step
        finally:
            self._stop()

    def _stop(self) -> None:
        if self._exchange is not None:
            self._exchange.close()

    def cut(self) -> None:
        """End a stream that its user has not ended: its client was closed."""
        if self._exchange is not None:
            self._exchange.cut()

    def __del__(self) -> None:
        if self._exchange is None or self._exchange.closed:
            return
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop or not self._loop.is_running():
            self._exchange.close()
        else:  # let go of in another thread
            self._loop.call_soon_threadsafe(self._exchange.close)

    async def close(self) -> None:
        """Stop here: the connection is closed and its slot free."""
        self._stop()

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(self, *error: object) -> None:
        self._stop()


class _Walk:
    """One way through a stream, which ends with its loop; a bare async generator would end some turns later."""

    # The slot holds the generator's own method: a method of ours would cost each event a call.
    __slots__ = ("__anext__", "_stream")

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream
        self.__anext__ = stream._iterate().__anext__

    def __aiter__(self) -> Self:
        return self

    def __del__(self) -> None:
        self._stream.__del__()


class AsyncBinary(AsyncStream):
    """A binary answer. Nothing of its body is read before it is asked for."""

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it comes."""
        return aiter(self)

    async def read(self) -> bytes:
        """The whole body. Raises `StreamError` beyond `Limits.reply`."""
        exchange = await self._open()
        pieces = Pieces(exchange.call.limits.reply, self.reply)
        async for piece in self:
            pieces.add(piece)
        return pieces.joined()

    async def save(self, path: str | os.PathLike[str]) -> int:
        """Write the body to a file, piece by piece; returns its length in bytes."""
        with await asyncio.to_thread(Path(path).open, "wb") as file:
            return sum([await asyncio.to_thread(file.write, piece) async for piece in self])


class Pending:
    """A call that has not begun: `await` it for its result; `async for` goes through the items of its pages."""

    def __init__(self, begin: Callable[[], Exchange]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._begin().advance().__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        page = await self
        if not isinstance(page, AsyncPage):
            raise TypeError("this call has neither events nor pages to iterate")
        async for item in page:
            yield item


def pending(begin: Callable[[], Exchange], call: Call) -> Any:
    """What a call gives on the asynchronous face, before anything is sent."""
    if call.plan.streaming:
        return AsyncStream(begin)
    if call.plan.route.reply.kind == "bytes" and call.into is None:
        return AsyncBinary(begin)
    return Pending(begin)
