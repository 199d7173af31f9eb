"""The synchronous client, on requests.

Rules of this file: the session's lifetime, the steps of a flow, the map of foreign exceptions; no more.
`Session.send` is passed by: it would merge settings anew for each call, read ~/.netrc over our key and follow
redirects with our headers. A request goes to the adapter as it stands in the plan.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from ._timed import TimedAdapter, current, seconds_left
from .client import BaseClient
from .environment import ca_bundle, proxy_for
from .errors import APIConnectionError, APITimeoutError, ConfigError, OaiDynError, StreamError
from .flow import run
from .pages import BasePage
from .wire import Call, Given, Head, Headers, Opened, Read, Reply, Send, Sleep

#: Connections kept open for reuse, per host; more than this many threads at once open further ones.
POOL_SIZE = 100

_CHUNK = 2**16


class Page(BasePage):
    """One page of a list. Iterating it yields the items of this page and of every one after it."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        page: Page | None = self
        while page is not None:
            yield from page.here
            cursor = page.next_cursor()
            page = None if cursor is None else page._turn.fetch(cursor)


class Exchange:
    """One call on the wire: takes the steps of its flow until there is something for the user."""

    def __init__(self, client: Client, call: Call) -> None:
        self._client = client
        self._flow = run(call, time.monotonic, time.time)
        self._raw: Any = None
        self._body: Any = None
        self.reply: Reply | None = None
        self.closed = False

    def advance(self) -> Opened | Given | Any:
        """Go on to the next Opened or Given; the result of the call once it has ended, then None for ever."""
        if self.closed:
            return None
        resume, outcome = self._flow.send, None
        try:
            while True:
                step = resume(outcome)
                if type(step) is Given:
                    return step
                if type(step) is Opened:
                    self.reply = step.reply
                    return step
                try:
                    outcome, resume = STEPS[type(step)](self, step), self._flow.send
                except Exception as error:
                    outcome, resume = error if isinstance(error, OaiDynError) else _translated(error, step), self._flow.throw
        except StopIteration as end:
            self.close()
            return end.value
        except BaseException:
            self.close()
            raise

    def _send(self, step: Send) -> Head:
        self._release()
        plan = step.plan
        request = requests.PreparedRequest()
        request.method, request.url = plan.method, plan.url
        request.hooks = {}
        headers = dict(plan.headers)
        if plan.body is None or isinstance(plan.body, bytes):
            request.body = plan.body
            if plan.body is not None or plan.method in ("POST", "PUT", "PATCH"):
                headers["Content-Length"] = str(len(plan.body or b""))
        else:
            request.body = self._body = plan.body()
            headers["Content-Length"] = str(len(self._body))
        request.headers = headers
        current.deadline = step.deadline
        left = seconds_left(step.deadline)
        connect = left if step.connect is None else step.connect if left is None else min(step.connect, left)
        response = self._client._adapter_send(request, (connect, left))
        self._raw = response.raw
        return Head(response.status_code, Headers(response.raw.headers.items()))

    def _read(self, step: Read) -> bytes:
        raw = self._raw
        timed = getattr(getattr(raw, "_original_response", None), "timed", None)
        if timed is not None:
            timed.deadline = step.deadline
        elif (connection := getattr(raw, "connection", None)) is not None and connection.sock is not None:
            connection.sock.settimeout(seconds_left(step.deadline))
        # read1 gives what is there; read(n) would wait for n bytes where the body is not chunked.
        piece: bytes = raw.read1(_CHUNK, decode_content=False) if hasattr(raw, "read1") else raw.read(_CHUNK)
        return piece

    def _sleep(self, step: Sleep) -> None:
        time.sleep(step.seconds)

    def _release(self) -> None:
        """Give the connection back at once: for reuse where its body was read to the end, closed otherwise."""
        raw, self._raw = self._raw, None
        body, self._body = self._body, None
        if body is not None:
            body.close()
        if raw is not None:
            if getattr(raw, "_connection", None) is not None:
                try:
                    raw.shutdown()  # wakes a thread that waits in a read
                except (AttributeError, ValueError, RuntimeError, OSError):
                    pass
            raw.close()
            raw.release_conn()

    def close(self) -> None:
        """End the call wherever it stands. May be called from another thread."""
        self.closed = True
        self._release()
        if not self._flow.gi_running:
            self._flow.close()


def _translated(error: Exception, step: Any) -> APIConnectionError:
    """The error for a foreign one. It is made of text alone: the foreign one holds the request and its key."""
    trail = [error]
    for link in trail:
        inner = [getattr(link, "reason", None), link.__cause__, link.__context__, *link.args]
        trail += [e for e in inner if isinstance(e, Exception) and e not in trail]
    never_sent = any(isinstance(e, NewConnectionError | ConnectTimeoutError) for e in trail)
    if any(isinstance(e, TimeoutError | ReadTimeoutError | ConnectTimeoutError) for e in trail):
        failure: APIConnectionError = APITimeoutError(f"time ran out: {'connect' if never_sent else step.why}")
    else:
        root = next((e for e in reversed(trail) if isinstance(e, OSError) and e.strerror), trail[-1])
        detail = root.strerror if isinstance(root, OSError) and root.strerror else type(root).__name__
        failure = APIConnectionError(f"the connection failed: {detail}")
    failure.sent = not never_sent
    return failure


class Stream:
    """The events of one call, as they come. Iterate it; leaving the loop early gives the connection back.

    reply: the head of the answer, there before the first event.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._items: Iterator[Any] | None = None

    @property
    def reply(self) -> Reply:
        assert self._exchange.reply is not None
        return self._exchange.reply

    def __iter__(self) -> Iterator[Any]:
        # The loop owns the iterator, so that leaving the loop ends it and frees the connection.
        items, self._items = self._items, None
        return chain.from_iterable(self._batches()) if items is None else items

    def __next__(self) -> Any:
        if self._items is None:
            self._items = chain.from_iterable(self._batches())
        return next(self._items)

    def _batches(self) -> Iterator[list[Any]]:
        try:
            while (step := self._exchange.advance()) is not None:
                if type(step) is Given:
                    yield step.items
        finally:
            self.close()

    def close(self) -> None:
        """Stop here: the connection is closed and its slot free."""
        self._exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Binary(Stream):
    """A binary answer. Nothing of its body is read before it is asked for."""

    def iter_bytes(self) -> Iterator[bytes]:
        """The body in the pieces in which it comes."""
        return iter(self)

    def read(self) -> bytes:
        """The whole body. Raises `StreamError` beyond `Limits.reply`."""
        limit, pieces, size = self._exchange._client._config.limits.reply, [], 0
        for piece in self:
            size += len(piece)
            if size > limit:
                raise StreamError(f"the body passes the limit of {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def save(self, path: str | os.PathLike[str]) -> int:
        """Write the body to a file, piece by piece; returns its length in bytes."""
        with Path(path).open("wb") as file:
            return sum(file.write(piece) for piece in self)


class Client(BaseClient):
    __doc__ = BaseClient.__doc__

    _page = Page

    def __init__(self, provider: Any = None, **settings: Any) -> None:
        super().__init__(provider, **settings)
        self._session: requests.Session | None = None
        self._lock = threading.Lock()
        self._settings: dict[str, Any] = {}
        self._closed = False
        _clients.add(self)

    def _adapter_send(self, request: requests.PreparedRequest, timeout: tuple[float | None, float | None]) -> Any:
        given = self._session_given
        if given is not None:
            request.headers = {**_own_headers(given), **request.headers}
            settings = given.merge_environment_settings(request.url, {}, True, None, None)
            return given.get_adapter(request.url).send(request, timeout=timeout, **settings)
        session = self._session or self._open()
        return session.get_adapter(request.url).send(request, timeout=timeout, **self._settings)

    def _open(self) -> requests.Session:
        with self._lock:
            if self._closed:
                raise ConfigError("the client is closed")
            if self._session is None:
                session = requests.Session()
                adapter: HTTPAdapter = TimedAdapter(pool_maxsize=POOL_SIZE)
                session.mount("http://", adapter)
                session.mount("https://", adapter)
                proxy = proxy_for(self.base_url)
                proxies = {} if proxy is None else {"http": proxy, "https": proxy}
                self._settings = {"stream": True, "verify": ca_bundle() or True, "cert": None, "proxies": proxies}
                self._session = session
            return self._session

    def _start(self, call: Call) -> Any:
        exchange = Exchange(self, call)
        result = exchange.advance()
        if type(result) is Opened:
            return (Stream if call.plan.streaming else Binary)(exchange)
        return result

    def close(self) -> None:
        """Close the connections. A session that was handed over stays open."""
        with self._lock:
            session, self._session, self._closed = self._session, None, True
        if session is not None:
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _own_headers(session: requests.Session) -> dict[str, str]:
    """What the user put on their session, without what requests puts on every one."""
    usual = requests.utils.default_headers()
    return {name: str(value) for name, value in session.headers.items() if usual.get(name) != value}


STEPS: dict[type, Any] = {Send: Exchange._send, Read: Exchange._read, Sleep: Exchange._sleep}

_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _forget_connections() -> None:
    """In a forked child: the parent's connections are not ours to use."""
    for client in list(_clients):
        client._session, client._lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_connections)
