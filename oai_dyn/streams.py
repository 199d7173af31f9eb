"""What a call that streams hands to the user of `Client`: events or bytes as they come.

Rules of this file: a loop that is left early, by whatever way, gives its connection back then and there; so the
loop alone holds its iterator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Self

from .answers import Pieces
from .exchange import Exchange, at_once
from .wire import Given, Opened, Reply


class Stream:
    """The events of one call, as they come.

    reply: the head of the answer, there before the first event.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._items: Iterator[Any] | None = None

    @property
    def reply(self) -> Reply:
        """The head of the answer."""
        assert self._exchange.reply is not None
        return self._exchange.reply

    def __iter__(self) -> Iterator[Any]:
        items, self._items = self._items, None
        return chain.from_iterable(_batches(self._exchange, self)) if items is None else items

    def __next__(self) -> Any:
        if self._items is None:
            self._items = chain.from_iterable(_batches(self._exchange))
        return next(self._items)

    def __del__(self) -> None:
        self._exchange.close()

    def close(self) -> None:
        """Stop here: the connection is closed and its slot free."""
        self._exchange.close()

    def cut(self) -> None:
        """End a stream that its user has not ended: its client was closed."""
        self._exchange.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _batches(exchange: Exchange, owner: Stream | None = None) -> Iterator[list[Any]]:
    """What comes, in batches. `owner` is kept alive by a loop over it, which may be all that holds it."""
    try:
        while (step := at_once(exchange.advance())) is not None:
            if type(step) is Given:
                yield step.items
            del step
    finally:
        exchange.close()


class Binary(Stream):
    """A binary answer. Nothing of its body is read before it is asked for."""

    def iter_bytes(self) -> Iterator[bytes]:
        """The body in the pieces in which it comes."""
        return iter(self)

    def read(self) -> bytes:
        """The whole body. Raises `StreamError` beyond `Limits.reply`."""
        pieces = Pieces(self._exchange.call.limits.reply, self.reply)
        for piece in self:
            pieces.add(piece)
        return pieces.joined()

    def save(self, path: str | os.PathLike[str]) -> int:
        """Write the body to a file, piece by piece; returns its length in bytes."""
        with Path(path).open("wb") as file:
            return sum(file.write(piece) for piece in self)


def started(exchange: Exchange) -> Any:
    """What a call gives on the synchronous face: its result, or what it streams."""
    result = at_once(exchange.advance())
    if type(result) is Opened:
        return (Stream if exchange.call.plan.streaming else Binary)(exchange)
    return result
