"""HTTP connections for requests that keep to a deadline and notice a head that was cut off.

A socket's own timeout starts anew with every byte that trickles in; here each wait gets what is left until
the deadline. urllib3 and http.client are subclassed by their public hooks: `ConnectionCls`, `response_class`.

Rules of this file: the deadline of the request that this thread is about to send stands in `current.deadline`.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Current(threading.local):
    deadline: float | None = None


current = _Current()


def seconds_left(deadline: float | None) -> float | None:
    """What is left until a deadline on `time.monotonic`, None without one. Raises TimeoutError when it has passed."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


class TimedReader(io.RawIOBase):
    """Reads a socket, each time for no longer than until `deadline`; `ended` once the peer has closed."""

    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self.deadline = current.deadline
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(seconds_left(self.deadline))
        count: int | None = self._raw.readinto(buffer)
        self.ended = count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class TimedResponse(http.client.HTTPResponse):
    """A response read through a `TimedReader`, which is there as `timed`."""

    def __init__(self, sock: socket.socket, *arguments: Any, **keywords: Any) -> None:
        super().__init__(sock, *arguments, **keywords)
        self.timed = TimedReader(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self.timed, 2**16)

    def begin(self) -> None:
        """Read the head. Raises http.client.IncompleteRead where the connection ends inside it."""
        super().begin()
        # http.client takes the end of the connection for the end of the headers.
        if self.timed.ended:
            raise http.client.IncompleteRead(b"the head of the answer")


class _Timed:
    response_class = TimedResponse
    sock: Any

    def send(self, data: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(seconds_left(current.deadline))
        super().send(data)  # type: ignore[misc]


class _TimedConnection(_Timed, HTTPConnection):
    pass


class _TimedTLSConnection(_Timed, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTLSConnection


class TimedAdapter(HTTPAdapter):
    """An adapter of requests whose connections are timed, through a proxy too."""

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **keywords)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        return manager
