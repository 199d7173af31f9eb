"""Promise 2, byte by byte: wherever and however an answer is cut, it does not pass as whole."""

from __future__ import annotations

import asyncio
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faces import SyncFace
from hostile import Bytes, Close, HostileServer, Reset, Stall, Step, Steps, Wait, chunk, cut, head, json_reply, reply, sse_reply
from streamed import CHUNK, DONE, EVENT, PATIENT, chat, choice, gather

from oai_dyn import APIConnectionError, APIError, APITimeoutError, DecodeError, StreamTruncated, Timeout

# What of a cut reply has arrived is worked out here, from the bytes on the wire.


def dechunked(raw: bytes) -> bytes:
    """The data in a chunked body that may end anywhere."""
    found = b""
    while (at := raw.find(b"\r\n")) >= 0 and (size := int(raw[:at], 16)):
        found += raw[at + 2 : at + 2 + size]
        raw = raw[at + 4 + size :]
    return found


def arrived(raw: bytes, framing: str, coding: str | None) -> tuple[int, bool]:
    """How many events are in this much of a body, and whether one that makes the stream whole is among them."""
    body = dechunked(raw) if framing == "chunked" else raw
    if coding:
        body = zlib.decompressobj(31).decompress(body)
    blocks = body.split(b"\n\n")[:-1]
    return sum(b"[DONE]" not in block for block in blocks), any(b"stop" in block or b"[DONE]" in block for block in blocks)


def on_wire(steps: Steps) -> list[bytes]:
    """The bytes that steps send, one piece for each."""
    return [step.data for step in steps if isinstance(step, Bytes)]


CUTS: list[tuple[Any, Any, Step]] = [
    ("chunked", None, Close()),
    ("length", None, Close()),
    ("close", None, Close()),
    ("chunked", "gzip", Close()),
    ("length", "gzip", Close()),
    ("close", "gzip", Close()),
    ("chunked", None, Reset()),
    ("length", None, Reset()),
]


#: Those where the framing or the coding shows that something is missing.
SHOWN = [way for way in CUTS if way[:2] != ("close", None)]


cut_ways = pytest.mark.parametrize(("framing", "coding", "then"), CUTS, ids=lambda value: str(value).lower())


@cut_ways
def test_cut_at_every_byte(face: SyncFace, framing: Any, coding: Any, then: Step) -> None:
    """Wherever the body of a short stream is cut: its events, then an error unless the stream was whole by then."""
    steps = sse_reply([choice(), choice(finish="stop"), "[DONE]"], framing=framing, coding=coding)
    top, *rest = on_wire(steps)
    raw = b"".join(rest)
    sizes = range(len(raw) + (then == Close()))
    with HostileServer([cut(steps, len(top) + size, then) for size in sizes]) as server:
        client = face.client(base_url=server.url)
        for size in sizes:
            seen, error = gather(face, lambda: chat(client))
            events, whole = arrived(raw[:size], framing, coding)
            if then == Reset():  # a reset may overtake what was sent before it
                assert len(seen) <= events, size
                assert whole or error is not None, size
                continue
            assert (len(seen), error is None) == (events, whole), (size, error)
            if error is not None:
                assert isinstance(error, StreamTruncated)
                assert error.received == len(seen)


@pytest.mark.parametrize("then", [Close(), Reset()], ids=["close", "reset"])
def test_a_head_cut_at_every_byte(face: SyncFace, then: Step) -> None:
    """Half a head is no answer, of a stream and of a plain call."""
    steps = json_reply({}, headers=[("a", "b")])
    size = len(on_wire(steps)[0])
    with HostileServer([cut(steps, at // 2, then) for at in range(2 * size)]) as server:
        client = face.client(base_url=server.url)
        for _ in range(size):
            with pytest.raises(APIConnectionError) as caught:
                face.wait(client.models.retrieve("m"))
            assert not isinstance(caught.value, APITimeoutError)
            assert caught.value.status is None
            seen, error = gather(face, lambda: chat(client))
            assert (seen, type(error)) == ([], APIConnectionError)


@cut_ways
def test_a_plain_reply_cut_at_every_byte(face: SyncFace, framing: Any, coding: Any, then: Step) -> None:
    """A reply without its last bytes is an error, whatever shows that they are missing."""
    steps = json_reply({"id": "m", "n": 1}, framing=framing, coding=coding)
    top, *rest = on_wire(steps)
    # Behind the line of the last chunk only an empty trailer is missing.
    sizes = range(sum(map(len, rest)) - (2 if framing == "chunked" else 0))
    with HostileServer([*(cut(steps, len(top) + size, then) for size in sizes), steps]) as server:
        client = face.client(base_url=server.url)
        for size in sizes:
            with pytest.raises(APIError) as caught:
                face.wait(client.models.retrieve("m"))
            assert isinstance(caught.value, APIConnectionError | StreamTruncated | DecodeError), size
            assert caught.value.status == 200
        assert face.wait(client.models.retrieve("m")) == {"id": "m", "n": 1}


@pytest.mark.parametrize("into", [bytes, str])
def test_a_raw_reply_is_cut_too(face: SyncFace, into: Any) -> None:
    """Who asks for raw bytes is not given half of them, allow_truncated or not: that flag is for streams."""
    scripts = [json_reply({"id": "m"}, framing=framing, coding=coding, end=False) for framing, coding, _ in SHOWN[:4]]
    with HostileServer([[*script, Close()] for script in scripts]) as server:
        client = face.client(base_url=server.url, allow_truncated=True)
        for _ in scripts:
            with pytest.raises(APIError):
                face.wait(client.models.retrieve("m", into=into))


@pytest.mark.parametrize(("framing", "coding"), [("chunked", None), ("length", None), ("close", "gzip"), ("chunked", "gzip")])
def test_a_binary_reply_is_cut_too(face: SyncFace, tmp_path: Path, framing: Any, coding: Any) -> None:
    """Reading, iterating and saving a binary answer all end in the error, after the pieces that had come."""
    steps = [*reply([b"abc", b"def"], framing=framing, coding=coding, end=False), Close()]
    with HostileServer([steps], after="repeat") as server:
        client = face.client(base_url=server.url)
        reads: list[Callable[[Any], Any]] = [lambda binary: binary.read(), lambda binary: binary.save(tmp_path / "file")]
        for read in reads:
            with pytest.raises((APIConnectionError, StreamTruncated)):
                face.wait(read(face.wait(client.files.content("f"))))
        seen, error = gather(face, lambda: client.files.content("f"))
        assert b"".join(seen) == b"abcdef"
        assert isinstance(error, APIConnectionError | StreamTruncated)


@cut_ways
@pytest.mark.parametrize("where", ["client", "call"])
def test_one_flag_relaxes_the_rule(face: SyncFace, framing: Any, coding: Any, then: Step, where: str) -> None:
    """`allow_truncated` makes a cut stream end quietly after its events, however it was cut."""
    steps = [*sse_reply([choice(), choice(), b"data: {"], framing=framing, coding=coding, end=False)]
    steps = [step for step in steps if step != Close()]
    flag = {"allow_truncated": True}
    with HostileServer([[*steps, then]]) as server:
        client = face.client(base_url=server.url, **(flag if where == "client" else {}))
        seen, error = gather(face, lambda: chat(client, **(flag if where == "call" else {})))
    assert error is None
    assert seen == [choice(), choice()][: len(seen)]
    assert then == Reset() or len(seen) == 2


@pytest.mark.parametrize(("framing", "coding", "then"), SHOWN)
def test_the_end_of_a_body_is_not_its_cut(face: SyncFace, framing: Any, coding: Any, then: Step) -> None:
    """Where the end of the body ends the stream, a body that breaks off is still no end of it."""
    whole = sse_reply([choice(), choice()], framing=framing, coding=coding)
    broken = [step for step in sse_reply([choice(), choice()], framing=framing, coding=coding, end=False) if step != Close()]
    with HostileServer([whole, [*broken, then]]) as server:
        client = face.client(base_url=server.url)
        assert gather(face, lambda: client.request("POST", "/x", {"stream": True})) == ([choice(), choice()], None)
        seen, error = gather(face, lambda: client.request("POST", "/x", {"stream": True}))
    assert isinstance(error, StreamTruncated)
    assert error.received == len(seen)


@pytest.mark.parametrize("whole", [False, True], ids=["cut", "whole"])
@pytest.mark.parametrize("then", [Close(), Reset()], ids=["close", "reset"])
def test_what_came_before_the_cut_is_given_out(face: SyncFace, then: Step, whole: bool) -> None:
    """Events that wait for a slow user are not lost when the connection breaks behind them, nor is the end they bring."""
    go = threading.Event()
    rest = EVENT + DONE if whole else EVENT
    fields = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
    with HostileServer([[head(200, fields), Bytes(chunk(EVENT)), Wait(go), Bytes(chunk(rest)), Wait(0.05), then]]) as server:
        events = face.iterate(chat(face.client(base_url=server.url, timeout=PATIENT)))
        assert next(events) == CHUNK
        go.set()
        face.wait(asyncio.sleep(0.15)) if face.name == "async" else time.sleep(0.15)
        assert next(events) == CHUNK
        if whole:
            assert list(events) == []
            return
        with pytest.raises(StreamTruncated) as caught:
            next(events)
        assert (caught.value.received, caught.value.body) == (2, EVENT + EVENT)


@pytest.mark.parametrize("bad", [b"zz\r\n", b"-5\r\n", b"\r\n\r\n", b"5 5\r\nabcde\r\n"])
@pytest.mark.parametrize("then", [Stall(), Close()], ids=["stall", "close"])
def test_a_bad_chunk_is_a_cut(face: SyncFace, bad: bytes, then: Step) -> None:
    """Framing that cannot be read ends the stream at once, though the server stays silent behind it."""
    go = threading.Event()
    fields = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
    with HostileServer([[head(200, fields), Bytes(chunk(EVENT)), Wait(go), Bytes(bad), then]]) as server:
        events = face.iterate(chat(face.client(base_url=server.url, timeout=Timeout(idle=0.5))))
        assert next(events) == choice()
        go.set()
        with pytest.raises(StreamTruncated) as caught:
            next(events)
    assert caught.value.received == 1
