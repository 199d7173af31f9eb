"""What the hostile server can be told to do (steps), and well-formed replies made of such steps."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

LAST_CHUNK = b"0\r\n\r\n"
WBITS = {"gzip": 31, "deflate": 15, "deflate-raw": -15}

Framing = Literal["length", "chunked", "close"]
Coding = Literal["gzip", "deflate", "deflate-raw"]
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Bytes:
    """Send these bytes."""

    data: bytes


@dataclass(frozen=True)
class Wait:
    """Wait so many seconds, or until the event is set."""

    until: float | threading.Event


@dataclass(frozen=True)
class Forever:
    """Send the chunk again and again, `every` so many seconds."""

    chunk: bytes
    every: float = 0.02


@dataclass(frozen=True)
class Stall:
    """Send nothing more until the server stops or the peer hangs up."""


@dataclass(frozen=True)
class Drain:
    """Read the rest of the request (only with `bodies=False`)."""


@dataclass(frozen=True)
class Close:
    """End the sending side; the peer sees the end of the stream."""


@dataclass(frozen=True)
class Reset:
    """Drop the connection; the peer sees a reset."""


Step = Bytes | Wait | Forever | Stall | Drain | Close | Reset
Steps = Sequence[Step]


def chunk(data: bytes) -> bytes:
    """The data as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def head(status: int, headers: Headers) -> Bytes:
    """A status line and headers."""
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers), "", ""]
    return Bytes("\r\n".join(lines).encode("latin-1"))


def _encoded(pieces: Iterable[bytes | Step], coding: Coding | None, end: bool) -> list[bytes | Step]:
    """The pieces compressed, each flushed so that it can be read at once."""
    if coding is None:
        return list(pieces)
    squeeze = zlib.compressobj(wbits=WBITS[coding])
    encoded = [
        squeeze.compress(piece) + squeeze.flush(zlib.Z_SYNC_FLUSH) if isinstance(piece, bytes) else piece for piece in pieces
    ]
    return [*encoded, squeeze.flush()] if end else encoded


def reply(
    pieces: Iterable[bytes | Step],
    *,
    status: int = 200,
    headers: Headers = (),
    framing: Framing = "length",
    coding: Coding | None = None,
    end: bool = True,
) -> list[Step]:
    """A well-formed reply; steps may stand between the pieces of its body.

    `end=False` leaves out what shows the peer that the body is whole: the last chunk, the end of the
    compressed data, the close; with a length, one byte more is announced than comes.
    """
    parts = _encoded(pieces, coding, end)
    fields = list(headers)
    if coding:
        fields.append(("Content-Encoding", coding.partition("-")[0]))
    if framing == "length":
        size = sum(len(part) for part in parts if isinstance(part, bytes))
        fields.append(("Content-Length", str(size if end else size + 1)))
    else:
        fields.append(("Transfer-Encoding", "chunked") if framing == "chunked" else ("Connection", "close"))
    steps: list[Step] = [head(status, fields)]
    for part in parts:
        if not isinstance(part, bytes):
            steps.append(part)
        elif part:  # an empty chunk would be the last one
            steps.append(Bytes(chunk(part) if framing == "chunked" else part))
    if end and framing == "chunked":
        steps.append(Bytes(LAST_CHUNK))
    if end and framing == "close":
        steps.append(Close())
    return steps


def json_reply(
    value: object,
    status: int = 200,
    headers: Headers = (),
    *,
    framing: Framing = "length",
    coding: Coding | None = None,
    end: bool = True,
) -> list[Step]:
    """A well-formed JSON reply."""
    fields = [("Content-Type", "application/json"), *headers]
    pieces = [json.dumps(value).encode()]
    return reply(pieces, status=status, headers=fields, framing=framing, coding=coding, end=end)


def sse_reply(
    events: Iterable[Mapping[str, object] | str | bytes | Step],
    status: int = 200,
    headers: Headers = (),
    *,
    framing: Framing = "chunked",
    coding: Coding | None = None,
    end: bool = True,
) -> list[Step]:
    """A stream of events: text and dicts (as JSON) become `data:` lines, bytes go as they are, steps run."""
    fields = [("Content-Type", "text/event-stream"), *headers]
    pieces: list[bytes | Step] = []
    for event in events:
        if isinstance(event, Mapping):
            event = json.dumps(event)
        pieces.append(f"data: {event}\n\n".encode() if isinstance(event, str) else event)
    return reply(pieces, status=status, headers=fields, framing=framing, coding=coding, end=end)


def cut(steps: Iterable[Step], size: int, then: Step = Close()) -> list[Step]:
    """The first `size` bytes of a reply (negative: all but so many), then `then`."""
    steps = list(steps)
    if size < 0:
        size += sum(len(step.data) for step in steps if isinstance(step, Bytes))
    kept: list[Step] = []
    for step in steps:
        if size <= 0:
            break
        if isinstance(step, Bytes):
            step = Bytes(step.data[:size])
            size -= len(step.data)
        kept.append(step)
    return [*kept, then]
