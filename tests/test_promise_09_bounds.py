"""Promise 9: bounded. Limits on event, error body and reply count decoded bytes; nothing a server sends grows memory.

Memory is what tracemalloc counts in this process, the server's included: a bound here is an upper one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from faces import AsyncFace, SyncFace
from hostile import (
    LAST_CHUNK,
    Bytes,
    Close,
    Forever,
    HostileServer,
    Stall,
    Step,
    Steps,
    chunk,
    head,
    json_reply,
    reply,
    sse_reply,
)

from oai_dyn import APIError, APIStatusError, APITimeoutError, DecodeError, Limits, StreamError, StreamTruncated, Timeout

MIB = 2**20
CHAT: dict[str, Any] = {"model": "m", "messages": [], "stream": True}


@contextlib.contextmanager
def at_most(mib: float) -> Iterator[None]:
    """Fail if more memory than this is taken meanwhile."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mib * MIB
    finally:
        tracemalloc.stop()


def event(size: int) -> str:
    """The data of an event that, with its field name, has so many bytes."""
    return json.dumps({"x": ""}).replace('""', f'"{"y" * (size - len("data: ") - len(json.dumps({"x": ""})))}"')


def body(size: int) -> bytes:
    """A JSON object of so many bytes."""
    return b'{"x": "' + b"y" * (size - 9) + b'"}'


def as_json(content: bytes, status: int = 200) -> Steps:
    """A reply with that body."""
    return reply([content], status=status, headers=[("Content-Type", "application/json")])


# The limits themselves --------------------------------------------------------------------------------------------------

LIMIT = 5000


@pytest.mark.parametrize("where", ["client", "call"])
@pytest.mark.parametrize("over", [0, 1])
def test_the_limit_of_an_event(face: SyncFace, where: str, over: int) -> None:
    """An event of exactly the limit is given out; one byte more is an error, after the events before it."""
    limits = {"limits": Limits(event=LIMIT)}
    with HostileServer([sse_reply(['{"n": 1}', event(LIMIT + over), "[DONE]"])]) as server:
        client = face.client(base_url=server.url, **(limits if where == "client" else {}))
        call = client.chat.completions.create(CHAT, **(limits if where == "call" else {}))
        events = face.iterate(call)
        assert next(events) == {"n": 1}
        if not over:
            assert len(list(events)) == 1
            return
        with pytest.raises(StreamError, match=f"{LIMIT} bytes") as caught:
            next(events)
    assert not isinstance(caught.value, StreamTruncated)
    assert caught.value.status == 200


READS: dict[str, Callable[[SyncFace, Any, dict[str, Any]], Any]] = {
    "json": lambda face, client, limits: face.wait(client.models.retrieve("m", **limits)),
    "page": lambda face, client, limits: face.wait(client.models.list(**limits)),
    "bytes": lambda face, client, limits: face.wait(client.models.retrieve("m", into=bytes, **limits)),
    "text": lambda face, client, limits: face.wait(client.files.retrieve_content("f", **limits)),
    "file as bytes": lambda face, client, limits: face.wait(client.files.content("f", into=bytes, **limits)),
    "file read": lambda face, client, limits: face.wait(binary(face, client.files.content("f", **limits)).read()),
}


def binary(face: SyncFace, call: Any) -> Any:
    """The binary answer of a call: on the async face the call is one already."""
    return call if isinstance(face, AsyncFace) else face.wait(call)


@pytest.mark.parametrize("where", ["client", "call"])
@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("kind", READS)
def test_the_limit_of_a_reply(face: SyncFace, kind: str, over: int, where: str) -> None:
    """An answer read whole may have exactly the limit; one byte more is an error with the status."""
    limits = {"limits": Limits(reply=LIMIT)}
    with HostileServer([as_json(body(LIMIT + over))]) as server:
        client = face.client(base_url=server.url, **(limits if where == "client" else {}))
        if not over:
            assert READS[kind](face, client, limits if where == "call" else {})
            return
        with pytest.raises(StreamError, match=f"{LIMIT} bytes") as caught:
            READS[kind](face, client, limits if where == "call" else {})
    assert caught.value.status == 200


@pytest.mark.parametrize("kind", ["status", "not json", "cut", "event", "in band"])
def test_the_limit_of_what_an_error_keeps(face: SyncFace, kind: str) -> None:
    """No error holds more of a body than Limits.error_body; within it, it holds what came."""
    long = b"z" * 10_000
    steps: dict[str, Steps] = {
        "status": as_json(long, 500),
        "not json": as_json(long),
        "cut": [*reply([long], headers=[("Content-Type", "application/json")], end=False), Close()],
        "event": sse_reply([event(9000), "{", "[DONE]"]),
        "in band": sse_reply([event(9000), {"error": {"message": "m" * 9000}}]),
    }
    for limit in (100, 64 * 1024):
        with HostileServer([steps[kind]]) as server:
            client = face.client(base_url=server.url, limits=Limits(error_body=limit))
            with pytest.raises(APIError) as caught:
                STREAMED[kind in ("event", "in band")](face, client)
        assert 0 < len(caught.value.body) <= limit
        if limit > len(long) and kind in ("status", "not json", "cut"):
            assert caught.value.body == long


STREAMED: dict[bool, Callable[[SyncFace, Any], Any]] = {
    False: lambda face, client: face.wait(client.models.retrieve("m")),
    True: lambda face, client: list(face.iterate(client.chat.completions.create(CHAT))),
}


# Bombs ------------------------------------------------------------------------------------------------------------------

BOMB = 32 * MIB
SMALL = Limits(event=MIB, error_body=64 * 1024, reply=MIB)


def packed(content: bytes, wbits: int) -> bytes:
    """The content, then 32 MiB of spaces, compressed to some 32 KiB."""
    squeeze = zlib.compressobj(wbits=wbits)
    return squeeze.compress(content) + b"".join(squeeze.compress(b" " * MIB) for _ in range(BOMB // MIB)) + squeeze.flush()


WBITS = {"gzip": 31, "deflate": 15, "deflate-raw": -15}
BOMBS: dict[str, tuple[bool, int, str, bytes]] = {  # streamed, status, content type, how it begins
    "reply": (False, 200, "application/json", b""),
    "error": (False, 500, "application/json", b'{"error": {"message": "out of paper"}}'),
    "event": (True, 200, "text/event-stream", b"data: {}\n\ndata: "),
    "comment": (True, 200, "text/event-stream", b"data: {}\n\n:"),
    "not a stream": (True, 200, "application/json", b""),
}


@pytest.mark.parametrize(
    ("kind", "coding"), [*((kind, "gzip") for kind in BOMBS), ("reply", "deflate"), ("event", "deflate-raw")]
)
def test_a_bomb_is_met_piece_by_piece(face: SyncFace, kind: str, coding: str) -> None:
    """32 MiB out of 32 KiB: the limit is what counts, in decoded bytes, and memory stays near it."""
    streamed, status, content_type, begin = BOMBS[kind]
    headers = [("Content-Type", content_type), ("Content-Encoding", coding.partition("-")[0])]
    with HostileServer([reply([packed(begin, WBITS[coding])], status=status, headers=headers)]) as server:
        client = face.client(base_url=server.url, limits=SMALL)
        with at_most(8), pytest.raises(APIError) as caught:
            STREAMED[streamed](face, client)
    assert len(caught.value.body) <= SMALL.error_body
    if status == 500:
        assert isinstance(caught.value, APIStatusError)
        assert caught.value.body.startswith(begin)
    else:
        assert isinstance(caught.value, StreamError)


def test_a_bomb_in_a_file_is_the_users_to_stop(face: SyncFace) -> None:
    """`iter_bytes` gives pieces of bounded size, whatever they were packed into; `read` keeps to the limit."""
    headers = [("Content-Type", "application/octet-stream"), ("Content-Encoding", "gzip")]
    with HostileServer([reply([packed(b"", 31)], headers=headers)], after="repeat") as server:
        client = face.client(base_url=server.url, limits=SMALL)
        with at_most(8):
            file = binary(face, client.files.content("f"))
            assert sum(map(len, face.iterate(file.iter_bytes()))) == BOMB
            with pytest.raises(StreamError):
                face.wait(binary(face, client.files.content("f")).read())


@pytest.mark.parametrize("streamed", [False, True])
def test_many_small_gzip_members_are_bounded_too(face: SyncFace, streamed: bool) -> None:
    """A string of members is one body for the limit."""
    member = gzip.compress(b"y" * 100_000)
    headers = [("Content-Type", "text/event-stream" if streamed else "application/json"), ("Content-Encoding", "gzip")]
    with HostileServer([reply([member * 100], headers=headers)]) as server, at_most(8), pytest.raises(StreamError):
        STREAMED[streamed](face, face.client(base_url=server.url, limits=SMALL))


# Without end ------------------------------------------------------------------------------------------------------------

EVENTS = head(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
JSON = head(200, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
BIG = b"y" * 60_000

ENDLESS: dict[str, tuple[bool, list[Step]]] = {
    "reply": (False, [JSON, Forever(chunk(BIG), 0)]),
    "reply without a length": (False, [head(200, [("Content-Type", "application/json")]), Forever(BIG, 0)]),
    "error": (False, [head(500, [("Transfer-Encoding", "chunked")]), Forever(chunk(BIG), 0)]),
    "error for a stream": (True, [head(429, [("Transfer-Encoding", "chunked")]), Forever(chunk(BIG), 0)]),
    "event": (True, [EVENTS, Bytes(chunk(b"data: ")), Forever(chunk(BIG), 0)]),
    "event of many lines": (True, [EVENTS, Forever(chunk(b"data: y\n" * 7000), 0)]),
    "ids": (True, [EVENTS, Forever(chunk(b"id: y\n" * 7000), 0)]),
    "field without a name": (True, [EVENTS, Forever(chunk(BIG), 0)]),
    "comments": (True, [EVENTS, Forever(chunk(b": y\n\n" * 7000), 0)]),
    "comment lines": (True, [EVENTS, Forever(chunk(b": y\n" * 7000), 0)]),
    "one comment": (True, [EVENTS, Bytes(chunk(b": ")), Forever(chunk(BIG), 0)]),
    "blank lines": (True, [EVENTS, Forever(chunk(b"\n" * 60_000), 0)]),
    "carriage returns": (True, [EVENTS, Forever(chunk(b"\r" * 60_000), 0)]),
    "slow comments": (True, [EVENTS, Forever(chunk(b": y\n\n"), 0.01)]),
    "slow error": (False, [head(500, [("Transfer-Encoding", "chunked")]), Forever(chunk(b"y"), 0.01)]),
    "status line": (False, [Bytes(b"HTTP/1.1 200 "), Forever(BIG, 0)]),
    "header": (False, [Bytes(b"HTTP/1.1 200 OK\r\nX: "), Forever(BIG, 0)]),
    "headers": (False, [Bytes(b"HTTP/1.1 200 OK\r\n"), Forever(b"X-Y: y\r\n" * 7000, 0)]),
    "early answers": (False, [Forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.001)]),
    "chunk size": (False, [JSON, Bytes(b"1"), Forever(b"0" * 60_000, 0)]),
    "chunk extension": (False, [JSON, Bytes(b"1;"), Forever(BIG, 0)]),
    "empty chunks": (True, [EVENTS, Forever(b"1\r\n\n\r\n" * 7000, 0)]),
    "trailers": (False, [JSON, Bytes(chunk(b"{}") + LAST_CHUNK[:3]), Forever(b"X-Y: y\r\n" * 7000, 0)]),
    "trailer": (False, [JSON, Bytes(chunk(b"{}") + LAST_CHUNK[:3] + b"X: "), Forever(BIG, 0)]),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_what_never_ends_is_ended(face: SyncFace, case: str) -> None:
    """Whatever part of an answer has no end: an error of ours, soon, in little memory, and the connection is dropped."""
    streamed, steps = ENDLESS[case]
    timeout = Timeout(first_event=0.25, idle=0.25, total=None if streamed else 0.4)
    with HostileServer([steps]) as server:
        client = face.client(base_url=server.url, limits=SMALL, timeout=timeout)
        started = time.monotonic()
        with at_most(8), pytest.raises(APIError):
            STREAMED[streamed](face, client)
        assert time.monotonic() - started < 10
        assert server.closed(0).wait(2)


def test_a_length_is_not_believed(face: SyncFace) -> None:
    """Terabytes announced are not set aside."""
    script: list[Steps] = [
        [head(200, [("Content-Type", "application/json"), ("Content-Length", str(2**44))]), Bytes(b"{}"), Close()],
        [JSON, Bytes(b"%x\r\n{}" % 2**44), Close()],
    ]
    with HostileServer(script) as server, at_most(8):
        client = face.client(base_url=server.url)
        for _ in range(2):
            with pytest.raises(APIError):
                face.wait(client.models.retrieve("m"))


def test_nothing_is_read_ahead_of_the_user(face: SyncFace) -> None:
    """A server that sends without pause waits for a user who does not read: there is no queue between them."""
    text = b'data: {"n": 1}\n\n' * 3000
    with HostileServer([[EVENTS, Forever(chunk(text), 0)]]) as server:
        client = face.client(base_url=server.url)
        with at_most(12):
            events = face.iterate(client.chat.completions.create(CHAT))
            assert next(events) == {"n": 1}
            if isinstance(face, AsyncFace):
                face.run(lambda: asyncio.sleep(0.2))  # time for a queue to fill
            assert next(events) == {"n": 1}
            del events
        assert server.closed(0).wait(2)


# Shapes -----------------------------------------------------------------------------------------------------------------

DEEP = b"[" * 100_000
SHAPES = {"deep list": DEEP, "deep object": b'{"a":' * 100_000, "long number": b"9" * 100_000, "closed": DEEP + b"]" * 100_000}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["reply", "error", "event"])
def test_json_that_no_reader_takes(face: SyncFace, kind: str, shape: str) -> None:
    """Depth and digits without end are errors of ours, never a RecursionError or a ValueError of the library's."""
    content = SHAPES[shape]
    steps = (
        sse_reply([b"data: " + content + b"\n\n", "[DONE]"])
        if kind == "event"
        else as_json(content, 400 if kind == "error" else 200)
    )
    with HostileServer([steps]) as server, pytest.raises(APIError) as caught:
        STREAMED[kind == "event"](face, face.client(base_url=server.url))
    assert isinstance(caught.value, APIStatusError if kind == "error" else DecodeError)


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the zlib header, as some servers send it."""
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "capitals": (" GZIP ", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "identity": ("identity", bytes),
    "none": ("", bytes),
}


@pytest.mark.parametrize("case", CODINGS)
def test_codings_in_pieces(face: SyncFace, case: str) -> None:
    """Each coding is undone wherever its bytes are cut, from the very first."""
    coding, pack = CODINGS[case]
    content = pack(b'{"id": "abc"}')
    headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)]
    script = [reply([content[:i], content[i:]], headers=headers, framing="chunked") for i in range(1, len(content))]
    script.append(reply([bytes([byte]) for byte in content], headers=headers, framing="chunked"))
    with HostileServer(script) as server:
        client = face.client(base_url=server.url)
        assert [face.wait(client.models.retrieve("m")) for _ in script] == [{"id": "abc"}] * len(script)


@pytest.mark.parametrize("size", [1, 3, 10, 11, 20, 30])
def test_gzip_members_are_one_body(face: SyncFace, size: int) -> None:
    """Two members strung together, in pieces of any size."""
    content = gzip.compress(b'{"id": ') + gzip.compress(b'"abc"}')
    pieces = [content[i : i + size] for i in range(0, len(content), size)]
    headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
    with HostileServer([reply(pieces, headers=headers, framing="chunked")]) as server:
        assert face.wait(face.client(base_url=server.url).models.retrieve("m")) == {"id": "abc"}


BROKEN: dict[str, tuple[str, bytes]] = {
    "no gzip": ("gzip", b'{"id": "abc"}'),
    "checksum": ("gzip", gzip.compress(b'{"id": "abc"}')[:-8] + b"\0" * 8),
    "rubbish behind": ("gzip", gzip.compress(b'{"id": "abc"}') + b"rubbish"),
    "no deflate": ("deflate", b'{"id": "abc"}'),
    "unknown": ("br", b'{"id": "abc"}'),
    "stacked": ("gzip, gzip", gzip.compress(gzip.compress(b'{"id": "abc"}'))),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("case", BROKEN)
def test_a_coding_that_is_not_what_it_says(face: SyncFace, case: str, streamed: bool) -> None:
    """An error of ours with the status, and the connection is not used again."""
    coding, content = BROKEN[case]
    headers = [("Content-Type", "text/event-stream" if streamed else "application/json"), ("Content-Encoding", coding)]
    with HostileServer([reply([content], headers=headers), json_reply({})]) as server:
        client = face.client(base_url=server.url)
        with pytest.raises((DecodeError, StreamTruncated)) as caught:
            STREAMED[streamed](face, client)
        face.wait(client.models.retrieve("m"))
    assert caught.value.status == 200


def test_an_error_whose_coding_is_broken_is_still_that_error(face: SyncFace) -> None:
    """The status is known; a body that cannot be unpacked, or is in a coding nobody asked for, does not hide it."""
    for coding in ("gzip", "deflate", "br"):
        with HostileServer([reply([b"xyz"], status=503, headers=[("Content-Encoding", coding)])]) as server:
            with pytest.raises(APIStatusError) as caught:
                face.wait(face.client(base_url=server.url).models.retrieve("m"))
            assert caught.value.status == 503


def test_a_stalled_error_is_that_error(face: SyncFace) -> None:
    """An error whose body stalls is raised when its time is up, with its status and what had come."""
    steps: Steps = [head(500, [("Content-Length", "100")]), Bytes(b'{"error"'), Stall()]
    with HostileServer([steps]) as server, pytest.raises(APIStatusError) as caught:
        face.wait(face.client(base_url=server.url, timeout=Timeout(idle=0.2)).models.retrieve("m"))
    assert (caught.value.status, caught.value.body) == (500, b'{"error"')
    assert not isinstance(caught.value, APITimeoutError)
