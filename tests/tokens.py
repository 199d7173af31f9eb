"""Callables that give tokens, in every form and way in which users may have them."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from hostile import HostileServer, json_reply

UTC = datetime.UTC

#: What every token begins with; its number follows.
TOKEN = "tok-secret-"


class AccessToken(NamedTuple):
    """As azure.core's."""

    token: str
    expires_on: int


class GoogleLike:
    """As google.auth's credentials: a naive time in UTC, or none."""

    def __init__(self, token: str, expires: float | None) -> None:
        self.token = token
        self.expiry = None if expires is None else datetime.datetime.fromtimestamp(expires, UTC).replace(tzinfo=None)


#: What a callable may give, of a token and the seconds since the epoch at which it expires.
FORMS: dict[str, Callable[[str, float], Any]] = {
    "AccessToken": lambda text, expires: AccessToken(text, int(expires)),
    "google": GoogleLike,
    "seconds": lambda text, expires: (text, expires),
    "datetime": lambda text, expires: (text, datetime.datetime.fromtimestamp(expires, UTC)),
    "elsewhere": lambda text, expires: (
        text,
        datetime.datetime.fromtimestamp(expires, datetime.timezone(datetime.timedelta(hours=5))),
    ),
}


class Source:
    """A callable that gives tokens by number, and counts how often it was asked. `waits` is awaited before."""

    def __init__(self, make: Callable[[str], Any] = str, waits: Callable[[], Any] | None = None) -> None:
        self.asked = 0
        self._make = make
        self._waits = waits

    def give(self) -> Any:
        """The next token."""
        self.asked += 1
        return self._make(f"{TOKEN}{self.asked}")

    def __call__(self) -> Any:
        if self._waits is not None:
            self._waits()
        return self.give()


class AsyncSource(Source):
    """The same as a coroutine."""

    async def __call__(self) -> Any:
        if self._waits is not None:
            await self._waits()
        return self.give()


def as_function(source: Source) -> Callable[[], Any]:
    """A plain function."""
    return lambda: source()


def as_async_function(source: Source) -> Callable[[], Awaitable[Any]]:
    """A coroutine function."""

    async def token() -> Any:
        return source.give()

    return token


#: What a callable may be.
WAYS: dict[str, Callable[[Source], Any]] = {
    "function": as_function,
    "async function": as_async_function,
    "object": lambda source: source,
    "async object": lambda source: AsyncSource(source._make),
}


def lasting(text: str) -> tuple[str, float]:
    """A token that is good for an hour."""
    return text, time.time() + 3600


def sent(server: HostileServer, header: str = "Authorization") -> list[str | None]:
    """What credential each request carried, without its scheme."""
    found = [request.header(header) for request in server.requests]
    return [value and value.removeprefix("Bearer ").removeprefix(TOKEN) for value in found]


#: What a server says to a token that is not good any more.
REFUSED = json_reply({"error": {"message": "expired"}}, 401)


def a_turn() -> Awaitable[None]:
    """A wait that needs none to begin."""
    return asyncio.sleep(0)
