"""The two faces as one: a test written once, in plain calls, runs on the sync and on the async client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Self

from oai_dyn import AsyncClient, Client


class SyncFace:
    """The synchronous client, as it is."""

    name = "sync"
    client_class = Client

    def __init__(self) -> None:
        self._clients: list[Any] = []

    def client(self, **settings: Any) -> Any:
        """A client that is closed with the test. Keys and base URL are the test's to give."""
        made = self.client_class(**{"api_key": "test-key", "max_retries": 0, **settings})
        self._clients.append(made)
        return made

    def wait(self, result: Any) -> Any:
        """The result of a call: `face.wait(client.models.list())`."""
        return result

    def iterate(self, result: Any) -> Iterator[Any]:
        """The events or items of a call, one at a time; closing the iterator leaves the loop early."""
        yield from result

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncFace(SyncFace):
    """The asynchronous client on an event loop of its own, driven from outside it."""

    name = "async"
    client_class = AsyncClient  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._closed = False

    def wait(self, result: Awaitable[Any]) -> Any:
        return self.run(lambda: result)

    def run(self, make: Callable[[], Awaitable[Any]]) -> Any:
        """Run something on the face's loop."""

        async def awaited() -> Any:
            return await make()

        return self._runner.run(awaited())

    def iterate(self, result: Any) -> Iterator[Any]:
        steps = aiter(result)
        try:
            while True:
                try:
                    item = self.run(steps.__anext__)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            del steps, result
            if not self._closed:
                self.run(lambda: asyncio.sleep(0))

    def close(self) -> None:
        for client in self._clients:
            self.run(client.close)
        self._closed = True
        self._runner.close()


FACES: dict[str, type[SyncFace]] = {"sync": SyncFace, "async": AsyncFace}
