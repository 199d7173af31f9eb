"""A scripted hostile HTTP server on raw sockets: it sends exactly the bytes it is told to, when told to.

    with HostileServer([json_reply({"id": 1}), [Bytes(b"HTTP/1.1 200"), Reset()]]) as server:
        ...  # talk to server.url, then look at server.requests, server.accepted, server.closed(0)

A script is one list of steps for each request, in order of arrival over all connections, or a function
from the request to its steps. A request is read whole before its steps run. With `bodies=False` only its
head is: an upload meets a peer that does not read, `Drain()` reads the rest, the connection ends with the
steps. Else the next request of the connection is awaited then. All is numbered from 0.

`closed(n)` is set when the *peer* ended connection n, never when the server did. To see that, the server
reads while it waits; with `bodies=False` it does not, and a hang-up shows only when it sends or drains.
`Close()` ends the sending side and keeps reading, as servers that linger do; `Reset()` drops all.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, NoReturn, Self

from hostile_steps import (
    LAST_CHUNK,
    Bytes,
    Close,
    Drain,
    Forever,
    Reset,
    Stall,
    Step,
    Steps,
    Wait,
    chunk,
    cut,
    head,
    json_reply,
    reply,
    sse_reply,
)

__all__ = [
    "LAST_CHUNK", "Bytes", "Close", "Drain", "Forever", "HostileServer", "Request", "Reset", "Stall", "Step",
    "Steps", "Wait", "chunk", "cut", "head", "json_reply", "nobody", "reply", "sse_reply",
]  # fmt: skip

# How often a wait for an Event looks at it: small beside any timeout a test would set.
TICK = 0.005


@dataclass
class Request:
    """One request as it came: `lines` are the raw lines of its head, `raw` the body before de-chunking."""

    connection: int
    number: int
    time: float
    lines: list[bytes]
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    raw: bytes = b""

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Script = Sequence[Steps] | Callable[[Request], Steps]


class _Ended(Exception):
    """The connection is over."""


@dataclass
class _Connection:
    """One accepted socket: reads requests, plays steps, notices the peer hanging up."""

    sock: socket.socket
    number: int
    stopping: threading.Event
    reading: bool
    closed: threading.Event
    buffer: bytearray = field(default_factory=bytearray)
    ending: bool = False  # nothing more is sent, and what comes is thrown away

    def receive(self, timeout: float | None = None) -> None:
        """Read what comes within `timeout`; raise when the peer hung up or the server stops."""
        poll = select.poll()  # select.select refuses descriptors above 1023
        poll.register(self.sock, select.POLLIN)
        if poll.poll(None if timeout is None else timeout * 1000):
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                self.end()
            if not self.ending:
                self.buffer += data

    def end(self) -> NoReturn:
        """The connection is over; it was the peer unless the server is stopping."""
        if not self.stopping.is_set():
            self.closed.set()
        raise _Ended

    def take_until(self, mark: bytes) -> bytes:
        """Everything up to the mark, which is dropped."""
        while (at := self.buffer.find(mark)) < 0:
            self.receive()
        return self.take(at + len(mark))[: -len(mark)]

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        while len(self.buffer) < size:
            self.receive()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def read_head(self, number: int) -> Request:
        """The next request without its body."""
        lines = self.take_until(b"\r\n\r\n").split(b"\r\n")
        method, target, _version = lines[0].decode("latin-1").split(" ")
        pairs = (line.decode("latin-1").partition(":") for line in lines[1:])
        headers = [(name, value.strip()) for name, _, value in pairs]
        return Request(self.number, number, time.monotonic(), lines, method, target, headers)

    def read_body(self, request: Request) -> None:
        """Read the body of the request into it."""
        if request.header("Transfer-Encoding") != "chunked":
            request.body = request.raw = self.take(int(request.header("Content-Length") or 0))
            return
        raw, body, size = bytearray(), bytearray(), -1
        while size:
            line = self.take_until(b"\r\n")
            size = int(line.split(b";")[0], 16)
            data = self.take(size) if size else b""
            raw += line + b"\r\n" + data + self.take(2)
            body += data
        request.body, request.raw = bytes(body), bytes(raw)

    def wait(self, until: float | threading.Event | None) -> None:
        """Wait for the time, the event, or (None) for the end of the connection."""
        deadline = time.monotonic() + until if isinstance(until, (int, float)) else None
        event = until if isinstance(until, threading.Event) else None
        while not (event and event.is_set()):
            rest = TICK if event else None if deadline is None else deadline - time.monotonic()
            if rest is not None and rest <= 0:
                return
            if self.reading:
                self.receive(rest)
            elif self.stopping.wait(rest):
                raise _Ended

    def send(self, data: bytes) -> None:
        """Send it all, or find that the peer is gone."""
        try:
            self.sock.sendall(data)
        except OSError:
            self.end()

    def finish(self) -> None:
        """End the sending side."""
        self.ending = True
        with contextlib.suppress(OSError):  # the peer may have been faster
            self.sock.shutdown(socket.SHUT_WR)

    def play(self, steps: Steps, request: Request | None) -> None:
        """Run the steps in order."""
        for step in steps:
            match step:
                case Bytes(data):
                    self.send(data)
                case Wait(until):
                    self.wait(until)
                case Forever(chunk, every):
                    while True:
                        self.send(chunk)
                        self.wait(every)
                case Stall():
                    self.wait(None)
                case Drain():
                    assert request is not None and not self.reading
                    self.read_body(request)
                case Close():
                    self.finish()
                    self.wait(None)
                case Reset():
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    raise _Ended


class HostileServer:
    """The server; a context manager that listens on a free port of 127.0.0.1 and stops by itself.

    `after` says what a request beyond the script gets: the last steps again, or a reset.
    `on_connect` are the steps of every new connection before its first request.
    """

    def __init__(
        self, script: Script = (), *, after: Literal["repeat", "refuse"] = "refuse", on_connect: Steps = (), bodies: bool = True
    ) -> None:
        self.requests: list[Request] = []
        self._script, self._after, self._on_connect, self._bodies = script, after, on_connect, bodies
        self._connections: list[_Connection] = []
        self._threads: list[threading.Thread] = []
        self._events: defaultdict[tuple[str, int], threading.Event] = defaultdict(threading.Event)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._problems: list[Exception] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping.set()
        socket.create_connection(("127.0.0.1", self.port), 5).close()  # wakes accept()
        self._threads[0].join(5)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(5)
        if kind is None and self._problems:
            raise self._problems[0]
        assert kind or not any(thread.is_alive() for thread in self._threads), "a server thread hangs"

    @property
    def accepted(self) -> int:
        """How many connections were opened."""
        return len(self._connections)

    def opened(self, connection: int) -> threading.Event:
        """Set once the connection of that number has been accepted."""
        return self._event("opened", connection)

    def closed(self, connection: int) -> threading.Event:
        """Set once the peer has closed or reset the connection of that number."""
        return self._event("closed", connection)

    def seen(self, request: int) -> threading.Event:
        """Set once `requests[request]` is there."""
        return self._event("seen", request)

    def push(self, connection: int, data: bytes) -> None:
        """Send bytes nobody asked for."""
        self._connections[connection].sock.sendall(data)

    def drop(self, connection: int) -> None:
        """End the sending side of a connection now, as a server does with one that has been idle for long."""
        self._connections[connection].finish()

    def _event(self, kind: str, number: int) -> threading.Event:
        with self._lock:
            return self._events[kind, number]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        self._threads.append(threading.Thread(target=target, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._stopping.is_set():
                return sock.close()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # every Bytes leaves by itself
            number = len(self._connections)
            connection = _Connection(sock, number, self._stopping, self._bodies, self.closed(number))
            self._connections.append(connection)
            self.opened(number).set()
            self._start(self._serve, connection)

    def _serve(self, connection: _Connection) -> None:
        number = 0
        try:
            connection.play(self._on_connect, None)
            while True:
                request = connection.read_head(number)
                if self._bodies:
                    connection.read_body(request)
                connection.play(self._steps(request), request)
                number += 1
                if not self._bodies:
                    return
        except _Ended:
            pass
        except Exception as problem:
            self._problems.append(problem)
        finally:
            connection.sock.close()

    def _steps(self, request: Request) -> Steps:
        """Record the request and find its steps."""
        with self._lock:
            at = len(self.requests)
            self.requests.append(request)
            self._events["seen", at].set()
        if callable(self._script):
            return self._script(request)
        if at < len(self._script):
            return self._script[at]
        return self._script[-1] if self._after == "repeat" else [Reset()]


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """The address of a port that is taken but where nobody listens: connections are refused."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
