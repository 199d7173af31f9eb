"""One call on the wire: what takes a flow's steps, written once for both faces.

A backend hands over a `Wire`. Its steps are coroutines on both faces; the synchronous ones never wait for an event
loop, so that `at_once` runs them to their end like plain functions.

Rules of this file: no I/O, no HTTP library. Whatever ends a call (its result, an error, a cancellation, the user)
gives the connection back before anything else happens.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from .errors import APIConnectionError, APIError, APITimeoutError, ConfigError, OaiDynError, StreamError
from .flow import run
from .form import joined
from .wire import NEEDS_LOOP, Ask, Call, Given, Head, Opened, Plan, Read, Reply, Secret, Send, Sleep


class Failure(NamedTuple):
    """What a foreign error comes to: whether time ran out, whether the server may have seen the request, the system's words."""

    timed_out: bool
    sent: bool
    words: str | None = None


class Wire(Protocol):
    """What a backend does: take a step, explain its library's exceptions (`foreign`), and let go of the connection."""

    @property
    def foreign(self) -> tuple[type[Exception], ...]:
        """The exceptions that its library raises."""

    async def ask(self, step: Ask) -> Secret:
        """Have a token."""

    async def send(self, step: Send) -> Head:
        """Send one request and wait for the head of its answer."""

    async def read(self, step: Read) -> bytes:
        """Wait for the next piece of the body as it stands on the wire; empty at its end."""

    async def sleep(self, step: Sleep) -> None:
        """Wait."""

    def explained(self, error: Exception) -> Failure:
        """What a foreign error comes to, without anything of it but the system's error number."""

    def wake(self) -> None:
        """End a wait that another thread is in."""

    def release(self) -> None:
        """Let go of the connection: to be used again if its body was read to the end, closed otherwise."""


class Exchange:
    """Takes the steps of one call until there is something for the user.

    reply   the head of the answer, once it is opened
    closed  nothing more comes
    cut_off the client was closed under it: going on is an error, where a stream that its user closed just ends
    """

    def __init__(self, call: Call, wire: Wire, clock: Callable[[], float]) -> None:
        self.call = call
        self.reply: Reply | None = None
        self.closed = False
        self.cut_off = False
        self._thread: int | None = None
        self._wire = wire
        self._flow = run(call, clock, time.time)
        self._take: dict[type, Callable[[Any], Coroutine[Any, Any, Any]]]
        self._take = {Send: wire.send, Read: wire.read, Sleep: wire.sleep, Ask: wire.ask}

    async def advance(self) -> Any:
        """Go on to the next `Opened` or `Given`; the call's result when it ends, and None from then on."""
        if self.closed:
            if self.cut_off:
                raise StreamError("the client was closed before the stream's end")
            return None
        resume, outcome = self._flow.send, None
        try:
            while True:
                step = resume(outcome)
                kind = type(step)
                if kind is Given:
                    return step
                if kind is Opened:
                    self.reply = step.reply
                    return step
                self._thread = threading.get_ident()
                try:
                    outcome, resume = await self._take[kind](step), self._flow.send
                except OaiDynError as error:
                    outcome, resume = error, self._flow.throw
                except self._wire.foreign as error:
                    outcome, resume = failure_of(self._wire.explained(error), step), self._flow.throw
                except Exception:
                    if not self.closed:
                        raise
                finally:
                    self._thread = None
                if self.closed:  # from elsewhere; what the wait came to is a consequence of that
                    raise StreamError("the call was closed while it waited")
        except StopIteration as end:
            self.close()
            return end.value
        except APIError as error:
            self.close()
            step = outcome = None  # as the frames below, they hold what the server sent, which may quote a key
            raise error.with_traceback(None)  # noqa: B904  # it is the same error
        except BaseException:
            self.close()
            raise

    def cut(self) -> None:
        """End a call that its user has not ended."""
        self.cut_off = not self.closed
        self.close()

    def close(self) -> None:
        """End the call wherever it stands; the synchronous face may do so from another thread."""
        self.closed = True
        if self._thread not in (None, threading.get_ident()):
            self._wire.wake()  # the thread that waits lets go of the connection as it leaves
            return
        self._wire.release()
        if not getattr(self._flow, "gi_running", False):  # else the thread in it meets a closed connection, and ends it
            self._flow.close()


def failure_of(failure: Failure, step: Any) -> APIConnectionError:
    """Our error for a foreign one. It is made of few words, the same for both faces: the foreign one holds the request."""
    if failure.timed_out:
        why = step.why if failure.sent or type(step) is not Send else f"connect to {origin(step.plan.url)}"
        error: APIConnectionError = APITimeoutError(f"time ran out: {why}")
    else:
        stage = "the answer broke off"
        if type(step) is Send:
            stage = f"{'no answer came from' if failure.sent else 'no connection to'} {origin(step.plan.url)}"
        # How a body breaks off is not told alike by the two libraries: there the stage is all that is said.
        error = APIConnectionError(stage if type(step) is Read or not failure.words else f"{stage}: {failure.words}")
    error.sent = failure.sent and type(step) is not Ask
    return error


def origin(url: str) -> str:
    """Scheme, host and port of an address, without what else stands in it: people know from it where they called."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def system_words(trail: Iterable[Any]) -> str | None:
    """What the system says of the last of its errors in a trail of exceptions. A resolver's numbers are not the system's."""
    words = [
        "the host's name cannot be resolved" if isinstance(error, socket.gaierror) else os.strerror(error.errno)
        for error in trail
        if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError)
    ]
    return words[-1] if words else None


def opened(plan: Plan) -> tuple[dict[str, str], Any]:
    """The headers of a request with the length of its body, and the body: bytes, or opened for this attempt, or None."""
    body = plan.body if plan.body is None or isinstance(plan.body, bytes) else plan.body()
    headers = dict(plan.headers)
    if body is not None or plan.method not in ("GET", "HEAD", "OPTIONS"):
        headers["Content-Length"] = str(0 if body is None else len(body))
    return headers, body


def whole_url(plan: Plan) -> str:
    """The URL of a request with the key that is hidden from it."""
    return plan.url if plan.hidden is None else Secret(joined(plan.url, plan.hidden))


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits for an event loop, and return its result."""
    try:
        coroutine.send(None)  # what waits all the same is a callable of the user's
        coroutine.throw(ConfigError(NEEDS_LOOP))
    except StopIteration as end:
        return end.value
    raise RuntimeError("a synchronous wire waited for an event loop")
