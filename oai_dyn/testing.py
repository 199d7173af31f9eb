"""Clients for people's own tests: they play answers from a list through the same plan and flow, without a network.

    client = ScriptedClient([answer({"id": "c1", "choices": []}), answer(b"slow down", 429)])
    client.chat.completions.create(model="m", messages=[])
    assert client.sent[0].url.endswith("/chat/completions")

Rules of this file: nothing is waited for; a request that the script has no answer to is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

from .async_streams import pending
from .client import BaseClient
from .codec import encode
from .errors import APIError
from .exchange import Exchange, Failure, system_words
from .objects import plain
from .pages import AsyncPage, Page
from .streams import started
from .wire import Ask, Call, Head, Headers, Plan, Read, Secret, Send, Sleep

#: Where a client's requests would go that is told no other place.
_NOWHERE = "http://scripted.invalid/v1"


class Answer(NamedTuple):
    """One answer of a script: its head, and its body in the pieces in which it comes."""

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[bytes]


def answer(body: Any = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with this body: bytes as they are, anything else as JSON."""
    if isinstance(body, bytes):
        return Answer(status, headers or {}, (body,))
    return Answer(status, {"content-type": "application/json", **(headers or {})}, (encode(body, plain),))


def stream(events: Iterable[Any], done: str | None = "[DONE]", headers: Mapping[str, str] | None = None) -> Answer:
    """An answer that streams these events as JSON, and then the text `done` unless that is None."""
    pieces = [b"data: " + encode(event, plain) + b"\n\n" for event in events]
    ending = [] if done is None else [f"data: {done}\n\n".encode()]
    return Answer(200, {"content-type": "text/event-stream", **(headers or {})}, (*pieces, *ending))


class _Wire:
    """The steps of one call, out of the script."""

    foreign = (OSError,)

    def __init__(self, client: ScriptedClient | AsyncScriptedClient) -> None:
        self._client = client
        self._pieces: list[bytes] = []

    async def ask(self, step: Ask) -> Secret:
        return await step.source.ask(step.now, *self._client._asking)  # type: ignore[no-any-return]

    async def send(self, step: Send) -> Head:
        self._client.sent.append(step.plan)
        if not self._client.script:
            raise APIError(f"the script has no answer to {step.plan!r}")
        next_one = self._client.script.pop(0)
        if isinstance(next_one, Exception):
            raise next_one
        self._pieces = [piece for piece in next_one.pieces if piece]
        return Head(next_one.status, Headers(next_one.headers.items()))

    async def read(self, step: Read) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def sleep(self, step: Sleep) -> None:
        self._client.waits.append(step.seconds)

    def explained(self, error: Exception) -> Failure:
        return Failure(isinstance(error, TimeoutError), sent=True, words=system_words([error]))

    def release(self) -> None:
        self._pieces = []

    wake = release


class _Scripted(BaseClient):
    """What both clients are: the script, the plans that were sent, and the seconds that would have been waited.

    An exception in the script stands for a connection that fails; ours go to the flow as they are.
    """

    def __init__(self, script: Iterable[Answer | Exception], provider: Any = None, **settings: Any) -> None:
        self.script = list(script)
        self.sent: list[Plan] = []
        self.waits: list[float] = []
        own = {} if isinstance(provider, list | tuple) else {"api_key": "test-key", "base_url": _NOWHERE}
        super().__init__(provider, **{**own, **settings})

    def _begin(self, call: Call) -> Exchange:
        return Exchange(call, _Wire(self), lambda: 0.0)  # type: ignore[arg-type]


class ScriptedClient(_Scripted):
    """A `Client` that plays a script."""

    _page = Page
    _asking = (lambda others: others.result(), False)

    def _start(self, call: Call) -> Any:
        return started(self._begin(call))

    def close(self) -> None:
        """There is nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncScriptedClient(_Scripted):
    """An `AsyncClient` that plays a script."""

    _page = AsyncPage
    _asking = (asyncio.wrap_future, True)

    def _start(self, call: Call) -> Any:
        return pending(partial(self._begin, call), call)

    async def close(self) -> None:
        """There is nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()
