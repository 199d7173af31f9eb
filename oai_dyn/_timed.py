"""HTTP connections for requests that keep to a deadline and notice a head that was cut off.

A socket's own timeout starts anew with every byte that trickles in; here each wait gets what is left until
the deadline. urllib3 and http.client are subclassed by their public hooks: `ConnectionCls`, `response_class`.

Rules of this file: the deadline of the request that this thread is about to send stands in `current.deadline`, and what joins
its URL on the way out in `current.hidden`: urllib3 writes URLs to its log.
"""

from __future__ import annotations

import http
import http.client
import io
import re
import socket
import threading
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from .form import joined

#: The end of a chunk and the head of another with data in it (RFC 9112 section 7.1): reading on will not wait.
_CHUNK_AHEAD = re.compile(rb"\r\n(0{0,8}[1-9a-fA-F][0-9a-fA-F]{0,8})\r\n(?=.)", re.DOTALL)

#: The longest line before a chunk, in bytes; http.client's own bound.
_LONGEST_LINE = 2**16

#: Bodies below this are copied to stand behind their head, in bytes.
_SMALL = 2**16


class _Current(threading.local):
    deadline: float | None = None
    hidden: str | None = None


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
        self.held = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Wait for bytes. Raises TimeoutError at the deadline; does not wait, and gives None, while `held`."""
        if self.held:
            return None
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
        self.tainted = False
        self.timed = TimedReader(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self.timed, 2**16)

    def begin(self) -> None:
        """Read the head. Raises http.client.IncompleteRead where the connection ends inside it."""
        super().begin()
        while 100 <= self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            # http.client passes over 100 alone; 102 and 103 are no answers either (RFC 9110 section 15.2).
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()
        # http.client takes the end of the connection for the end of the headers.
        if self.timed.ended:
            raise http.client.IncompleteRead(b"the head of the answer")
        lengths = set(self.headers.get_all("content-length", ()))
        if len(lengths) > 1 or not all(re.fullmatch(r"[0-9]{1,18}", length) for length in lengths):
            raise http.client.HTTPException("the answer has no one length")  # RFC 9112 section 6.3: discard it

    def _close_conn(self) -> None:
        """The body is over. Whatever stands behind it in the buffer was not asked for: the connection is not used again."""
        if not self.will_close and self.fp is not None:
            self.tainted = bool(self._ahead())
        super()._close_conn()  # type: ignore[misc]

    def read1(self, n: int = -1) -> bytes:
        """What is there: not one HTTP chunk, as http.client has it, but all whose head is here already.

        Raises http.client.IncompleteRead where the connection ends before the body.
        """
        piece = super().read1(n)
        if not piece and n and (self.length or (self.chunked and self.timed.ended)):
            raise http.client.IncompleteRead(b"", self.length or None)
        if self.length == 0 and not self.chunked and self.fp is not None:
            self._close_conn()
        if not self.chunked or not piece or self.chunk_left:
            return piece
        return piece + self._chunks_here(n - len(piece))

    def _chunks_here(self, most: int) -> bytes:
        """What is in the buffer already of the chunks that come next."""
        pieces: list[bytes] = []
        ahead, at = self._ahead(), 0
        while most > 0 and not self.chunk_left and (line := _CHUNK_AHEAD.match(ahead, at)):
            size = int(line[1], 16)
            piece = ahead[line.end() : line.end() + min(size, most)]
            pieces.append(piece)
            self.chunk_left = size - len(piece)
            most -= len(piece)
            at = line.end() + len(piece)
        self.fp.read(at)
        return b"".join(pieces)

    def _ahead(self) -> bytes:
        """What is in the buffer."""
        self.timed.held = True
        ahead = self.fp.peek()
        self.timed.held = False
        return ahead

    def _read_next_chunk_size(self) -> int:
        """The size that opens a chunk. Raises ValueError for a sign or a blank, which int() would take."""
        line = self.fp.readline(_LONGEST_LINE)
        size = line.partition(b";")[0].rstrip(b"\r\n\t ")
        if not line.endswith(b"\n") or not re.fullmatch(rb"[0-9a-fA-F]{1,16}", size):
            self._close_conn()
            raise ValueError("a chunk without a size")
        return int(size, 16)


class _Timed:
    response_class = TimedResponse
    sock: Any
    _behind_head = b""

    def request(self, method: str, url: str, body: Any = None, **keywords: Any) -> None:
        """As urllib3's, but a small body leaves in one piece with the head: one system call and one packet less."""
        if isinstance(body, bytes) and len(body) < _SMALL:
            self._behind_head, body = body, None
        super().request(method, url if current.hidden is None else joined(url, current.hidden), body, **keywords)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(seconds_left(current.deadline))
        behind, self._behind_head = self._behind_head, b""
        super().send(data + behind if behind else data)  # type: ignore[misc]


class _TimedConnection(_Timed, HTTPConnection):  # type: ignore[misc]
    pass


class _TimedTLSConnection(_Timed, HTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection  # type: ignore[assignment]


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTLSConnection  # type: ignore[assignment]


class TimedAdapter(HTTPAdapter):
    """An adapter of requests whose connections are timed, through a proxy too."""

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **keywords)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        return manager
