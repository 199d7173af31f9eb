"""A credential from a callable of the user's: asked when a request needs it, kept as long as it says, never shown.

Whoever needs a token while it is asked for waits for that one answer, in whatever thread or event loop: a `Future` of
`concurrent.futures` belongs to none.

Rules of this file: no clock; nothing that a callable gave stands in a local, a message or a repr but as a `Secret`; the
lock is never held while the callable runs. It is loaded only where a key is a callable.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any, NamedTuple

from .errors import AuthenticationError, ConfigError, OaiDynError
from .wire import NEEDS_LOOP, Secret

#: A token is not used in its last minute: it has to outlast the way to the server, and the two clocks may differ.
MARGIN_SECONDS = 60.0


class Token(NamedTuple):
    """What a callable gave; `expires` is in seconds since the epoch, None where it did not say."""

    text: Secret
    expires: float | None


class Failed(NamedTuple):
    """How asking failed, for those who waited for it too."""

    kind: type[OaiDynError]
    message: str
    cause: BaseException | None


class Credential:
    """Asks a callable, synchronous or not, for a token as text or with its expiry.

    A token with an expiry is kept until a minute before it, and asked for once however many need it. Text alone is asked
    for each time: whoever gives it keeps it.
    """

    def __init__(self, name: str, function: Callable[[], Any]) -> None:
        self._name = name
        self._function = function
        self._kept: Token | None = None
        self._says_no_expiry = False
        self.renew_locks()
        _credentials.add(self)

    def __repr__(self) -> str:
        return f"<Credential {self._name}>"

    def renew_locks(self) -> None:
        """Forget who asks: in a forked child nobody does."""
        self._lock = threading.Lock()
        self._flight: Future[Token | Failed | None] | None = None

    def forget(self, token: Secret) -> None:
        """Do not use a token again: it was refused. One that has come since then stays."""
        with self._lock:
            if self._kept is not None and self._kept.text == token:
                self._kept = None

    async def ask(self, now: float, join: Callable[[Future[Any]], Any], in_loop: bool) -> Secret:
        """The token, kept or asked for. Raises `AuthenticationError` where the callable fails, `ConfigError` for what it gave.

        now: seconds since the epoch. join: waits for somebody else's answer, or gives what to await.
        in_loop: an event loop runs this.
        """
        while True:
            flight: Future[Token | Failed | None] | None = None
            with self._lock:
                if self._kept is not None and now < (self._kept.expires or 0) - MARGIN_SECONDS:
                    return self._kept.text
                others = self._flight
                if others is None and not self._says_no_expiry:
                    flight = self._flight = Future()
                    flight.set_running_or_notify_cancel()  # else a task that stops waiting for it would cancel it for all
            if others is None:
                return await self._lead(flight, in_loop)
            found = join(others)
            outcome = await found if isawaitable(found) else found
            if isinstance(outcome, Failed):
                raise outcome.kind(outcome.message) from outcome.cause
            if outcome is not None:
                return outcome.text  # type: ignore[no-any-return]

    async def _lead(self, flight: Future[Token | Failed | None] | None, in_loop: bool) -> Secret:
        """Ask, and tell those who wait: the token, or how it failed, or None where each has to ask for itself."""
        token: Token | None = None
        outcome: Token | Failed | None = None
        try:
            token = await self._given(in_loop)
            outcome = None if token.expires is None else token
        except OaiDynError as error:
            outcome = Failed(type(error), error.message, error.__cause__)
            raise
        finally:
            with self._lock:
                if token is not None:
                    self._says_no_expiry = token.expires is None
                    self._kept = None if self._says_no_expiry else token
                if self._flight is flight:
                    self._flight = None
            if flight is not None:
                flight.set_result(outcome)
        return token.text

    async def _given(self, in_loop: bool) -> Token:
        waits = False
        try:
            made: Any = _read(self._function())
            while isawaitable(made):
                waits = True
                made = _read(await made)
        except OaiDynError:  # from `at_once`, and from a callable that uses a client of its own
            raise
        except Exception as error:
            if waits and not in_loop and isinstance(error, RuntimeError):
                raise ConfigError(f"{self._name}: {NEEDS_LOOP}") from error
            raise AuthenticationError(f"{self._name}: its callable failed with {type(error).__name__}") from error
        if isinstance(made, str):
            raise ConfigError(f"{self._name}: its callable gave {made}, wanted text, or a token and when it expires")
        found: Token = made
        return found


def _read(value: Any) -> Any:
    """A `Token` of what a callable gave; what is to be awaited as it is; else, in words, what it was. Raises nothing."""
    if isawaitable(value):
        return value
    text, expires = value, None
    try:
        if not isinstance(value, str) and hasattr(value, "token"):
            text, expires = value.token, next((getattr(value, name) for name in EXPIRIES if hasattr(value, name)), None)
        elif isinstance(value, tuple) and len(value) == 2:
            text, expires = value
    except Exception as error:
        return f"an object of type {type(value).__name__} that raises {type(error).__name__}"
    if not isinstance(text, str):
        return f"an object of type {type(value).__name__}" + (
            f" with a token of type {type(text).__name__}" if text is not value else ""
        )
    if not text:
        return "an empty text"
    if isinstance(expires, datetime):
        expires = (
            expires if expires.tzinfo else expires.replace(tzinfo=UTC)
        ).timestamp()  # google.auth's are UTC without saying so
    if expires is not None and (isinstance(expires, bool) or not isinstance(expires, int | float)):
        return f"an expiry of type {type(expires).__name__}, wanted seconds since the epoch or a datetime"
    return Token(Secret(text), expires)


#: What libraries call the time at which a token expires: azure.core and google.auth.
EXPIRIES = ("expires_on", "expiry")

_credentials: weakref.WeakSet[Credential] = weakref.WeakSet()


def _forget_who_asks() -> None:
    """In a forked child: whoever asked in the parent does not answer here."""
    for credential in list(_credentials):
        credential.renew_locks()


os.register_at_fork(after_in_child=_forget_who_asks)
