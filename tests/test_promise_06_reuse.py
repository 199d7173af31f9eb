"""Promise 6, the other half: what ended well is used again, and a connection that holds anything unasked is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from endings import ONE, OPEN, TWO
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
    Wait,
    chunk,
    head,
    json_reply,
    reply,
    sse_reply,
)
from leaving import fetch, turn
from sessions import close, session_of
from streamed import CHUNK, DONE, EVENT, PATIENT, chat

from oai_dyn import APIError

# Calls that end well.


SSE_HEAD = head(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
WHOLE: dict[str, tuple[Steps, Callable[[SyncFace, Any], Any]]] = {
    "a plain answer": (ONE, fetch),
    "a chunked answer": (json_reply({}, framing="chunked"), fetch),
    "a packed answer": (json_reply({}, coding="gzip"), fetch),
    "a packed and chunked answer": (json_reply({}, framing="chunked", coding="deflate"), fetch),
    "no content": ([head(204, [])], lambda face, client: face.wait(client.containers.delete("c"))),
    "no content in words": (json_reply({}), lambda face, client: face.wait(client.containers.delete("c"))),
    "a binary answer": (reply([b"abc", b"def"]), lambda face, client: face.wait(face.wait(client.files.content("f")).read())),
    "a chunked stream": (sse_reply([CHUNK, DONE]), lambda face, client: list(face.iterate(chat(client)))),
    "a stream in one segment": (
        [Bytes(SSE_HEAD.data + chunk(EVENT + DONE) + LAST_CHUNK)],
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a stream of known length": (
        sse_reply([CHUNK, DONE], framing="length"),
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a packed stream": (sse_reply([CHUNK, DONE], coding="gzip"), lambda face, client: list(face.iterate(chat(client)))),
    "a stream whose end comes later": (
        [SSE_HEAD, Bytes(chunk(EVENT)), Bytes(chunk(DONE)), Wait(0.03), Bytes(LAST_CHUNK)],
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a stream with an end in pieces": (
        [SSE_HEAD, Bytes(chunk(EVENT + DONE)[:-1]), Wait(0.02), Bytes(b"\n0"), Wait(0.02), Bytes(b"\r\n\r\n")],
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a stream with a trailer": (
        [SSE_HEAD, Bytes(chunk(EVENT + DONE)), Bytes(b"0\r\nServer-Timing: x\r\n\r\n")],
        lambda face, client: list(face.iterate(chat(client))),
    ),
    "a stream that ends by an event": (
        sse_reply([{"type": "response.created"}, {"type": "response.completed"}]),
        lambda face, client: list(face.iterate(client.responses.create(model="m", input="x", stream=True))),
    ),
    "a stream that ends with its body": (
        sse_reply([CHUNK]),
        lambda face, client: list(face.iterate(client.request("POST", "/x", {"stream": True}))),
    ),
}


@pytest.mark.parametrize("what", WHOLE)
def test_a_finished_call_leaves_its_connection(face: SyncFace, what: str) -> None:
    """Three times the same call, then another one: all on one connection."""
    steps, call = WHOLE[what]
    with HostileServer([steps, steps, steps, TWO]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        for _ in range(3):
            call(face, client)
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 0, 0, 0]


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_an_error_that_was_read_leaves_its_connection(face: SyncFace, status: int) -> None:
    """An error's body is read; the next call, or the next attempt, uses the same connection."""
    trouble = json_reply({"error": {"message": "x"}}, status, [("retry-after-ms", "1")])
    with HostileServer([trouble, trouble, TWO]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        with pytest.raises(APIError):
            fetch(face, client)
        with pytest.raises(APIError):
            list(face.iterate(chat(client)))
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 0, 0]


@pytest.mark.parametrize("rest", [Stall(), Forever(chunk(b": bye\n\n"), 0.005), Forever(chunk(EVENT), 0.0)])
def test_a_finished_stream_is_not_waited_for(face: SyncFace, rest: Step) -> None:
    """A server that does not end its body after the mark is left after a moment, and its connection closed."""
    with HostileServer([sse_reply([CHUNK, DONE, rest])]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        started = time.monotonic()
        assert list(face.iterate(chat(client))) == [CHUNK]
        assert time.monotonic() - started < 1
        assert server.closed(0).wait(2)


@pytest.mark.parametrize(
    "steps",
    [
        json_reply({}, headers=[("Connection", "close")]),
        json_reply({}, framing="close"),
        [Bytes(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")],
    ],
    ids=["connection: close", "until the close", "HTTP/1.0"],
)
def test_a_server_that_wants_no_more_requests_gets_none(face: SyncFace, steps: Steps) -> None:
    """A connection that is not persistent is not used again."""
    with HostileServer([steps, TWO]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        fetch(face, client)
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 1]


# Bytes that nobody asked for.


def raw(steps: Steps) -> bytes:
    """What the steps send."""
    return b"".join(step.data for step in steps if isinstance(step, Bytes))


STOLEN = raw(json_reply({"id": "stolen"}))
UNASKED = {"an answer": STOLEN, "half an answer": STOLEN[:20], "one byte": b"\n", "a timeout": raw(json_reply({}, 408))}


@pytest.mark.parametrize("own", [False, True], ids=["our session", "the user's session"])
@pytest.mark.parametrize("what", UNASKED)
def test_a_pooled_connection_with_unasked_bytes_is_not_used(face: SyncFace, what: str, own: bool) -> None:
    """Bytes that came while a connection was idle are nobody's answer."""
    if own and face.name == "async":
        pytest.skip("a session of the user's pools as aiohttp does (docs/architecture.md)")
    with HostileServer([ONE, TWO]) as server, session_of(face) as session:
        client = face.client(base_url=server.url, timeout=PATIENT, **({"session": session} if own else {}))
        assert fetch(face, client) == {"id": "one"}
        server.push(0, UNASKED[what])
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 1]


BEFORE: dict[str, tuple[Steps, Callable[[SyncFace, Any], Any]]] = {
    name: WHOLE[name] for name in ("a plain answer", "a chunked answer", "a binary answer", "a stream in one segment")
}


@pytest.mark.parametrize("kind", BEFORE)
@pytest.mark.parametrize("what", UNASKED)
def test_what_comes_with_an_answer_is_not_the_next_one(face: SyncFace, what: str, kind: str) -> None:
    """Unasked bytes in one segment with the end of an answer: the connection is not used again."""
    if what == "one byte" and face.name == "async":
        pytest.skip("aiohttp's parser passes over a line end before an answer (RFC 9112 section 2.2): it does no harm")
    steps, call = BEFORE[kind]
    with HostileServer([[Bytes(raw(steps) + UNASKED[what])], TWO]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        call(face, client)
        assert fetch(face, client) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 1]


# Clients and sessions.


def test_a_closed_client_closes_its_connections(face: SyncFace) -> None:
    """Idle connections end with the client."""
    with HostileServer([ONE]) as server:
        client = face.client(base_url=server.url)
        fetch(face, client)
        assert not server.closed(0).is_set()
        close(face, client)
        turn(face)
        assert server.closed(0).wait(2)


def test_a_session_of_the_users_stays_open(face: SyncFace) -> None:
    """It is theirs to close: after the client is, it still works, on the connection that it has."""
    with HostileServer([ONE, TWO, TWO]) as server, session_of(face) as session:
        client = face.client(base_url=server.url, session=session)
        assert fetch(face, client) == {"id": "one"}
        close(face, client)
        assert not server.closed(0).wait(0.05)
        if face.name == "sync":
            assert session.get(server.url).json() == {"id": "two"}
        else:

            async def get() -> Any:
                async with session.get(server.url) as answer:
                    return await answer.json()

            assert cast("AsyncFace", face).run(get) == {"id": "two"}
        other = face.client(base_url=server.url, session=session)
        assert fetch(face, other) == {"id": "two"}
    assert [request.connection for request in server.requests] == [0, 0, 0]


def test_streams_side_by_side_have_their_own_connections(face: SyncFace) -> None:
    """Two open streams do not share one; leaving the first leaves the second alone."""
    with HostileServer([OPEN, [*sse_reply([CHUNK], end=False), Bytes(chunk(DONE)), Bytes(LAST_CHUNK), Close()]]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        first = face.iterate(chat(client))
        assert next(first) == CHUNK
        second = face.iterate(chat(client))
        assert next(second) == CHUNK
        cast("Any", first).close()
        assert server.closed(0).wait(2)
        assert list(second) == []
    assert [request.connection for request in server.requests] == [0, 1]
