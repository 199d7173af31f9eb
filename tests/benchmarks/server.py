"""The loopback server: `python -m tests.benchmarks.server` prints its port and serves until it is ended.

It is made to cost as little as it can, because it shares the machine with what is measured: an asyncio
protocol that looks for three things in a request (path, length, `"stream": true`) and writes bytes made
beforehand. Connections are kept alive.

    POST .../chat/completions                    a reply of 1 KB, or 2,000 events in HTTP chunks of 8 KiB,
                                                 cut without regard to where an event ends
    POST /crowd/STREAMS/EVENTS/PACE/...          holds each stream after its first event until STREAMS are
                                                 open, then writes an event to all of them every PACE ms
    POST .../files                               takes a body of any length, keeps none of it
    POST /counted/KIND/...                       is silent, failing, cut after its first event, or good; counts its requests
                                                 by their `user`
    POST /counted/tell                           the counts, which begin anew
"""

import asyncio
import json
import re
from collections import Counter, defaultdict

from .measure import allow_many_sockets
from .payloads import END_OF_STREAM, completion, stream_events

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream" *: *true')
_USER = re.compile(rb'"user" *: *"(\d+)"')
_CROWD = re.compile(rb"/crowd/(\d+)/(\d+)/(\d+)/")
_HTTP_CHUNK = 8192
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"x-request-id: req_0123456789abcdef\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _json_reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nx-request-id: req_0123456789abcdef\r\n"
        b"openai-processing-ms: 12\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
    )


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _framed_stream() -> bytes:
    data = b"".join(stream_events()) + END_OF_STREAM
    pieces = (data[at : at + _HTTP_CHUNK] for at in range(0, len(data), _HTTP_CHUNK))
    return _STREAM_HEAD + b"".join(map(_framed, pieces)) + b"0\r\n\r\n"


_COMPLETION = _json_reply(completion())
_STREAMED = _framed_stream()
_NOT_FOUND = _json_reply(b'{"error":{"message":"no such path"}}', b"404 Not Found")
_NO_LENGTH = _json_reply(b'{"error":{"message":"Content-Length needed"}}', b"411 Length Required")


class Crowd:
    """Streams that start together and are written to in turn."""

    def __init__(self, events: int, pace_ms: int) -> None:
        self._open: list[asyncio.Transport] = []
        self._writes = [_framed(event) for event in stream_events(events)]
        self._writes[-1] += _framed(END_OF_STREAM) + b"0\r\n\r\n"
        self._pace = pace_ms / 1000

    def join(self, transport: asyncio.Transport, wanted: int) -> bool:
        """Send the head and first event; say whether the crowd is complete (its writing then begins)."""
        transport.write(_STREAM_HEAD + self._writes[0])
        self._open.append(transport)
        if len(self._open) < wanted:
            return False
        loop = asyncio.get_running_loop()
        loop.call_later(self._pace, self._write, loop.time() + self._pace, 1)
        return True

    def _write(self, due: float, index: int) -> None:
        for transport in self._open:
            transport.write(self._writes[index])
        if index + 1 < len(self._writes):
            due += self._pace
            asyncio.get_running_loop().call_at(due, self._write, due, index + 1)


_CROWDS: dict[bytes, Crowd] = {}
"""Crowds that are not complete yet, by the start of their path."""

_COUNTS: defaultdict[str, Counter[str]] = defaultdict(Counter)
"""How often each kind of provider had each user's request."""


class Connection(asyncio.Protocol):
    """One connection: a request is read to its end, then answered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""
        self._path = b""
        self._length = 0
        self._missing = 0

    def data_received(self, data: bytes) -> None:
        """Read the head, count the body down; only a body that must be looked at is kept."""
        if self._missing:
            self._take_body(data)
            return
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        self._received = b""
        self._path = head.split(b" ", 2)[1]
        length = _LENGTH.search(head)
        if length is None:
            self._transport.write(_NO_LENGTH)
            self._transport.close()
            return
        self._length = self._missing = int(length[1])
        self._take_body(rest)

    def _take_body(self, data: bytes) -> None:
        self._missing -= len(data)
        if not self._path.endswith(b"/files"):
            self._received += data
        if self._missing <= 0:
            body, self._received = self._received, b""
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        if self._path.endswith(b"/files"):
            self._transport.write(_json_reply(_FILE % self._length))
        elif self._path.startswith(b"/counted/"):
            self._count(self._path.split(b"/")[2].decode(), body)
        elif not self._path.endswith(b"/chat/completions"):
            self._transport.write(_NOT_FOUND)
        elif match := _CROWD.match(self._path):
            self._join_crowd(match[0], *map(int, match.groups()))
        else:
            self._transport.write(_STREAMED if _STREAM.search(body) else _COMPLETION)

    def _count(self, kind: str, body: bytes) -> None:
        if kind == "tell":
            self._transport.write(_json_reply(json.dumps(_COUNTS).encode()))
            _COUNTS.clear()
            return
        user = _USER.search(body)
        assert user is not None
        _COUNTS[kind][user[1].decode()] += 1
        event = b'{"user":"%b"}' % user[1]
        if kind == "failing":
            self._transport.write(_json_reply(b'{"error":{"message":"no"}}', b"503 Service Unavailable"))
        elif kind == "cut":
            self._transport.write(_STREAM_HEAD + _framed(b"data: %b\n\n" % event))
            self._transport.close()
        elif kind == "good" and _STREAM.search(body):
            self._transport.write(_STREAM_HEAD + _framed(b"data: %b\n\n" % event + END_OF_STREAM) + b"0\r\n\r\n")
        elif kind == "good":
            self._transport.write(_json_reply(event))

    def _join_crowd(self, name: bytes, wanted: int, events: int, pace_ms: int) -> None:
        crowd = _CROWDS.get(name) or _CROWDS.setdefault(name, Crowd(events, pace_ms))
        if crowd.join(self._transport, wanted):
            del _CROWDS[name]


_FILE = (
    b'{"id":"file-1","object":"file","bytes":%d,"created_at":1767225600,"filename":"batch.jsonl",'
    b'"purpose":"batch","status":"processed"}'
)


async def serve() -> None:
    """Listen on a free loopback port, print it, serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    allow_many_sockets()
    asyncio.run(serve())
