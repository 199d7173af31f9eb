"""The synchronous client, on requests.

Rules of this file: the session's lifetime, the steps of a flow, the map of foreign exceptions; no more.
`Session.send` is passed by: it would merge settings anew for each call, read ~/.netrc over our key and follow
redirects with our headers. A request goes to the adapter as it stands in the plan.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from http.client import HTTPException
from typing import Any, Self

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.util import SKIP_HEADER

from ._timed import TimedAdapter, TimedResponse, current, seconds_left
from .client import BaseClient
from .environment import ca_bundle, proxy_for
from .errors import ConfigError
from .exchange import Exchange, Failure, opened, system_words, whole_url
from .pages import Page
from .streams import Stream, started
from .wire import Ask, Call, Head, Headers, Read, Secret, Send, Sleep

#: Connections kept open for reuse, per host; more than this many threads at once open further ones.
POOL_SIZE = 100

#: The most that is taken of a body at once, in bytes.
_CHUNK = 2**16


class _Wire:
    """The steps of one call. Its coroutines never wait for an event loop."""

    foreign = (OSError, requests.RequestException, HTTPError, HTTPException)

    def __init__(self, client: Client) -> None:
        self._client = client
        self._raw: Any = None
        self._body: Any = None

    async def ask(self, step: Ask) -> Secret:
        return await step.source.ask(step.now, lambda others: others.result(seconds_left(step.deadline)), False)  # type: ignore[no-any-return]

    async def send(self, step: Send) -> Head:
        self.release()
        plan = step.plan
        request = requests.PreparedRequest()
        ours = self._client._session_given is None
        request.method, request.url, request.hooks = plan.method, plan.url if ours else whole_url(plan), {}
        headers, self._body = opened(plan)
        for name in ("User-Agent", "Accept-Encoding"):
            headers.setdefault(name, SKIP_HEADER)  # else urllib3 would put its own
        request.body = self._body
        request.headers = headers  # type: ignore[assignment]  # the adapter asks for no more than a mapping
        current.deadline, current.hidden = step.deadline, plan.hidden if ours else None
        left = seconds_left(step.deadline)
        connect = left if step.connect is None else step.connect if left is None else min(step.connect, left)
        response = self._client._adapter_send(request, (connect, left))
        self._raw = response.raw
        return Head(response.status_code, Headers(response.raw.headers.items()))

    async def read(self, step: Read) -> bytes:
        raw = self._raw
        timed = getattr(raw, "_original_response", None)
        if isinstance(timed, TimedResponse):
            timed.timed.deadline = step.deadline
            piece = timed.read1(_CHUNK)
            if not piece:
                if timed.tainted:
                    raw.close()
                raw.release_conn()
            return piece
        if (connection := getattr(raw, "connection", None)) is not None and connection.sock is not None:
            connection.sock.settimeout(seconds_left(step.deadline))
        # read1 gives what is there; read(n) would wait for n bytes where the body is not chunked.
        return raw.read1(_CHUNK, decode_content=False) if hasattr(raw, "read1") else raw.read(_CHUNK)  # type: ignore[no-any-return]

    async def sleep(self, step: Sleep) -> None:
        time.sleep(step.seconds)  # noqa: ASYNC251  # there is no loop here

    def release(self) -> None:
        """Give the connection back at once: for reuse where its body was read to the end, closed otherwise."""
        raw, self._raw, body, self._body = self._raw, None, self._body, None
        if body is not None and not isinstance(body, bytes):
            body.close()
        if raw is not None:
            raw.close()
            raw.release_conn()

    def wake(self) -> None:
        with contextlib.suppress(AttributeError, ValueError, RuntimeError, OSError):
            self._raw.shutdown()

    def explained(self, error: Exception) -> Failure:
        """Look through an exception and all it was raised from: requests wraps urllib3's, and that the system's."""
        trail = [error]
        for link in trail:
            inner = [getattr(link, "reason", None), link.__cause__, link.__context__, *link.args]
            trail += [e for e in inner if isinstance(e, Exception) and e not in trail]
        sent = not any(isinstance(e, ConnectTimeoutError | ssl.SSLCertVerificationError) for e in trail)
        refused = any(isinstance(e, NewConnectionError) for e in trail)  # to urllib3 a kind of ConnectTimeoutError
        timed_out = not refused and any(isinstance(e, TimeoutError | ReadTimeoutError | ConnectTimeoutError) for e in trail)
        return Failure(timed_out, sent, system_words(trail))


class Client(BaseClient):
    __doc__ = BaseClient.__doc__

    _page = Page

    def _set_up(self) -> None:
        self._session: requests.Session | None = None
        self._origins: dict[str, Callable[..., Any]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        _clients.add(self)

    def _start(self, call: Call) -> Any:
        result = started(Exchange(call, _Wire(self), time.monotonic))
        if isinstance(result, Stream):
            self._streams.add(result)
        return result

    def _adapter_send(self, request: requests.PreparedRequest, timeout: Any) -> Any:
        url = str(request.url)
        if self._closed:
            raise ConfigError("the client is closed")
        if (given := self._session_given) is not None:
            usual = requests.utils.default_headers()
            own = {name: value for name, value in given.headers.items() if usual.get(name) != value}
            request.headers = CaseInsensitiveDict({**own, **request.headers})
            settings = given.merge_environment_settings(url, {}, True, None, None)
            return given.get_adapter(url).send(request, timeout=timeout, **settings)
        root = url[: url.index("/", 8)]
        return (self._origins.get(root) or self._hold(root))(request, timeout=timeout)

    def _hold(self, root: str) -> Callable[..., Any]:
        """Get ready for an origin: what sends a request there, through the proxy that the environment has for it."""
        with self._lock:
            if self._session is None:
                session = requests.Session()
                for scheme in ("http://", "https://"):
                    session.mount(scheme, TimedAdapter(pool_maxsize=POOL_SIZE))
                self._session = session
            proxy = proxy_for(root)
            settings: Any = {"verify": ca_bundle() or True, "proxies": {} if proxy is None else {"http": proxy, "https": proxy}}
            self._origins[root] = partial(self._session.get_adapter(root).send, stream=True, cert=None, **settings)
            return self._origins[root]

    def close(self) -> None:
        """Close the connections, those of open streams too. A session that was handed over stays open."""
        with self._lock:
            session, self._session, self._closed = self._session, None, True
        for stream in list(self._streams):
            stream.cut()
        if session is not None:
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _forget_connections() -> None:
    """In a forked child: the parent's connections are not ours to use."""
    for client in list(_clients):
        client._session, client._origins, client._lock = None, {}, threading.Lock()


os.register_at_fork(after_in_child=_forget_connections)
