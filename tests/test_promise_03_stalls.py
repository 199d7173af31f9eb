"""Promise 3 on the wire: no stage of an answer is waited for without a bound, whatever trickles in meanwhile."""

from __future__ import annotations

import time
from typing import Any

import pytest
from faces import SyncFace
from hostile import Bytes, Forever, HostileServer, Step, chunk, head, json_reply, reply, sse_reply
from silence import PING, SHORT, SILENCE, SLACK, expires, trickle
from streamed import CHUNK, DONE, EVENT, chat

from oai_dyn import APIStatusError, APITimeoutError, InternalServerError, Timeout

# On the wire: both backends keep to it.

SSE_HEAD = head(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
JSON_HEAD = head(200, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
SIZED_HEAD = head(200, [("Content-Type", "application/json"), ("Content-Length", "1000000")])
OPEN_HEAD = head(200, [("Content-Type", "application/json"), ("Connection", "close")])
STALLS: dict[str, list[Step]] = {
    "before the head": [],
    "inside the status line": [Bytes(b"HTTP/1.1 2")],
    "inside the headers": [Bytes(b"HTTP/1.1 200 OK\r\nContent-Type: text/ev")],
    "before the blank line": [Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n")],
    "before the body": [JSON_HEAD],
    "inside a chunk size": [JSON_HEAD, Bytes(b"1")],
    "inside a chunk": [JSON_HEAD, Bytes(b"10\r\n{")],
    "behind a chunk": [JSON_HEAD, Bytes(chunk(b"{}")[:-1])],
    "before the last chunk": [JSON_HEAD, Bytes(chunk(b"{}"))],
    "inside a sized body": [SIZED_HEAD, Bytes(b"{")],
    "before the close": [OPEN_HEAD, Bytes(b"{}")],
}


@pytest.mark.parametrize("stage", STALLS)
def test_a_number_ends_a_plain_call_wherever_it_stalls(face: SyncFace, stage: str) -> None:
    """Silence at any stage ends by the time that was given, and the connection is closed."""
    with HostileServer([[*STALLS[stage], *SILENCE]]) as server:
        client = face.client(base_url=server.url)
        with expires("total"):
            face.wait(client.models.retrieve("m", timeout=SHORT))
        assert server.closed(0).wait(2)


TRICKLES: dict[str, list[Step]] = {
    "status line": [Bytes(b"HTTP/1.1 200 "), *trickle(b"O")],
    "header line": [Bytes(b"HTTP/1.1 200 OK\r\nA: "), *trickle(b"x")],
    "headers": [Bytes(b"HTTP/1.1 200 OK\r\n"), *trickle(b"A: b\r\n")],
    "interim answers": [*trickle(b"HTTP/1.1 103 Early Hints\r\n\r\n")],
    "sized body": [SIZED_HEAD, *trickle(b" ")],
    "chunks": [JSON_HEAD, *trickle(chunk(b" "))],
    "chunk size": [JSON_HEAD, *trickle(b"0")],
    "chunk": [JSON_HEAD, Bytes(b"1000000\r\n"), *trickle(b" ")],
    "chunk extension": [JSON_HEAD, Bytes(b"1;"), *trickle(b"x")],
    "trailer": [JSON_HEAD, Bytes(chunk(b"{}") + b"0\r\n"), *trickle(b"a: b\r\n")],
    "body to the close": [OPEN_HEAD, *trickle(b" ")],
    "error body": [head(500, [("Transfer-Encoding", "chunked")]), *trickle(chunk(b"x"))],
}


@pytest.mark.parametrize("what", TRICKLES)
def test_a_number_ends_a_plain_call_though_bytes_trickle_in(face: SyncFace, what: str) -> None:
    """A byte now and then does not keep a call alive. An error status that is known by then is what is raised."""
    with HostileServer([TRICKLES[what]]) as server:
        client = face.client(base_url=server.url)
        started = time.monotonic()
        with pytest.raises((APITimeoutError, InternalServerError)) as caught:
            face.wait(client.models.retrieve("m", timeout=SHORT))
        assert SHORT * 0.9 <= time.monotonic() - started < SHORT + SLACK
        assert isinstance(caught.value, InternalServerError) == (what == "error body")
        assert server.closed(0).wait(2)


@pytest.mark.parametrize(
    "timeout", [SHORT, Timeout(first_event=SHORT), Timeout(total=SHORT)], ids=["number", "first event", "total"]
)
@pytest.mark.parametrize("stage", ["before the head", "inside the status line", "inside the headers"])
def test_a_stream_without_a_head(face: SyncFace, stage: str, timeout: Any) -> None:
    """The first event is waited for from the start: a head that does not come is a first event that does not."""
    with HostileServer([[*STALLS[stage], *SILENCE]]) as server:
        client = face.client(base_url=server.url)
        with expires("total" if timeout == Timeout(total=SHORT) else "first event"):
            list(face.iterate(chat(client, timeout=timeout)))
        assert server.closed(0).wait(2)


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("noise", [PING, b"id: 1\n\n", b":", b"data"])
def test_comments_are_no_first_event(face: SyncFace, noise: bytes, framing: Any) -> None:
    """A server that only says that it lives is waited for no longer than a silent one."""
    steps = sse_reply(trickle(chunk(noise) if framing == "chunked" else noise), framing=framing, end=False)
    with HostileServer([steps]) as server:
        client = face.client(base_url=server.url)
        with expires("first event"):
            list(face.iterate(chat(client, timeout=Timeout(first_event=SHORT, idle=60))))
        assert server.closed(0).wait(2)


@pytest.mark.parametrize("coding", [None, "gzip"])
@pytest.mark.parametrize("noise", [b"", PING, b"id: 1\n\n"], ids=["nothing", "comments", "ids"])
def test_comments_do_not_keep_a_stream_alive(face: SyncFace, noise: bytes, coding: Any) -> None:
    """After an event, nothing but another one begins the idle wait anew."""
    if coding and noise:
        noise = b"\x00\x00\x00\xff\xff"  # an empty stored block: bytes that hold nothing, as good as a comment
    steps = trickle(chunk(noise)) if noise else SILENCE
    with HostileServer([sse_reply([EVENT, EVENT, *steps], coding=coding, end=False)]) as server:
        client = face.client(base_url=server.url)
        seen = []
        with expires("idle"):
            for event in face.iterate(chat(client, timeout=Timeout(first_event=60, idle=SHORT))):
                seen.append(event)
        assert seen == [CHUNK, CHUNK]
        assert server.closed(0).wait(2)


@pytest.mark.parametrize(
    "stall", [b"", b"1", b"10\r\n", b"100\r\ndata: half", chunk(b"data: x\n")], ids=["none", "size", "line", "chunk", "event"]
)
def test_a_stream_that_stalls_anywhere(face: SyncFace, stall: bytes) -> None:
    """Inside a chunk size, inside a chunk, inside an event."""
    with HostileServer([[SSE_HEAD, Bytes(chunk(EVENT)), Bytes(stall), *SILENCE]]) as server:
        client = face.client(base_url=server.url)
        with expires("idle"):
            list(face.iterate(chat(client, timeout=SHORT)))
        assert server.closed(0).wait(2)


def test_comments_at_full_speed_are_silence(face: SyncFace) -> None:
    """A flood of comments after an event ends by the idle time like any other silence."""
    with HostileServer([sse_reply([EVENT, Forever(chunk(PING * 2000), 0.0)], end=False)]) as server:
        client = face.client(base_url=server.url)
        with expires("idle"):
            list(face.iterate(chat(client, timeout=Timeout(idle=SHORT, total=5))))
        assert server.closed(0).wait(2)


@pytest.mark.parametrize("timeout", [SHORT, Timeout(idle=SHORT)], ids=["number", "idle"])
def test_a_binary_answer_that_stalls(face: SyncFace, timeout: Any) -> None:
    """A body that is read piece by piece waits no longer for a piece than idle says."""
    with HostileServer([reply([b"abc", *SILENCE], end=False)]) as server:
        client = face.client(base_url=server.url)
        binary = face.wait(client.files.content("f", timeout=timeout))
        with pytest.raises(APITimeoutError):
            face.wait(binary.read())
        assert server.closed(0).wait(2)


def test_an_error_status_is_raised_though_its_body_stalls(face: SyncFace) -> None:
    """The status says more than the silence behind it, and what came of the body is there."""
    fields = [("Content-Type", "application/json"), ("Content-Length", "100")]
    with HostileServer([[head(404, fields), Bytes(b'{"error": '), *SILENCE]]) as server:
        client = face.client(base_url=server.url)
        with pytest.raises(APIStatusError) as caught:
            face.wait(client.models.retrieve("m", timeout=Timeout(idle=SHORT)))
        assert (caught.value.status, caught.value.body) == (404, b'{"error": ')
        assert server.closed(0).wait(2)


def test_an_upload_that_is_not_read(face: SyncFace) -> None:
    """A peer that takes no more of the request is waited for no longer than the total."""
    with HostileServer([SILENCE], bodies=False) as server:
        client = face.client(base_url=server.url)
        with expires("total"):
            face.wait(client.embeddings.create(model="m", input="x" * 2**25, timeout=SHORT))


@pytest.mark.parametrize("status", [100, 102, 103])
def test_interim_answers_are_passed_over(face: SyncFace, status: int) -> None:
    """What a server sends before its answer (RFC 9110 section 15.2) is neither the answer nor the end of the wait."""
    interim = Bytes(b"HTTP/1.1 %d Interim\r\nLink: </a>\r\n\r\n" % status)
    with HostileServer([[interim, interim, *json_reply({"id": "m"})], [interim, *sse_reply([EVENT, DONE])]]) as server:
        client = face.client(base_url=server.url, timeout=5)
        assert face.wait(client.models.retrieve("m")) == {"id": "m"}
        assert list(face.iterate(chat(client))) == [CHUNK]
