"""Promise 3: connect, first event, idle and total are separate waits, and only an event ends the idle one.

How long each wait lasts is seen by hand, on a clock that stands still; that both backends keep to it, whatever
trickles in meanwhile, on real connections that stall at every stage.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from by_hand import JSON, by_hand
from faces import SyncFace
from hostile import Forever, HostileServer, Wait, chunk, json_reply, sse_reply
from silence import PING, SHORT, SILENCE, SLACK, expires
from streamed import CHUNK, DONE, EVENT, chat

from oai_dyn import APIConnectionError, APIStatusError, APITimeoutError, InternalServerError, Timeout

# By hand: what each wait is.


def test_each_wait_has_its_bound() -> None:
    """The head and the first event share one wait, from the start; every later event has a new one."""
    call = chat(by_hand(timeout=Timeout(connect=3, first_event=20, idle=5)))
    assert (call.step.connect, call.patience, call.why) == (3, 20, "first event")
    call.head(after=8)
    assert (call.patience, call.why) == (12, "first event")
    call.read(PING, after=2)
    assert (call.patience, call.why) == (10, "first event")
    call.read(EVENT, after=9)
    assert (call.patience, call.why) == (5, "idle")
    call.read(EVENT, after=4)
    assert call.patience == 5
    call.read(PING + EVENT[:9], after=3)
    assert call.patience == 2
    with pytest.raises(APITimeoutError, match="idle") as caught:
        call.time_out()
    assert call.given == [CHUNK, CHUNK]
    assert caught.value.body == PING + EVENT + EVENT + PING + EVENT[:9]
    assert (caught.value.status, caught.value.headers["content-type"]) == (200, "text/event-stream")


@pytest.mark.parametrize(
    "noise", [PING, b":\n", b"\n\n", b"id: 1\n\n", b"retry: 5\n\n", b"event: x\n\n", b"data: half", b"x: y\n\n"]
)
def test_only_an_event_ends_the_wait(noise: bytes) -> None:
    """Comments, blank lines, blocks without data and half events are no sign of life."""
    call = chat(by_hand(timeout=Timeout(idle=5)))
    call.head()
    call.read(EVENT)
    for left in (4, 3, 2, 1):
        call.read(noise, after=1)
        assert (call.patience, call.why) == (left, "idle")


def test_the_time_that_the_user_takes_is_not_the_servers() -> None:
    """Idle begins when the next event is asked for; total runs on meanwhile."""
    call = chat(by_hand(timeout=Timeout(idle=5, total=1000)))
    call.pause = 100
    call.head()
    call.read(EVENT)
    assert (call.patience, call.why) == (5, "idle")
    for _ in range(8):
        call.read(EVENT)
    call.read(EVENT, after=4)
    assert (call.patience, call.why) == (-4, "total")


def test_total_is_over_everything() -> None:
    """Attempts, waits between them, head, events: what is left of the total is the most that any step waits."""
    call = chat(by_hand(timeout=Timeout(first_event=50, idle=50, total=60), max_retries=3))
    call.head(503, {"retry-after": "20"}, after=10)
    call.read()
    assert (call.slept, call.patience, call.why) == ([20], 30, "total")
    call.head(after=5)
    call.read(EVENT, after=5)
    assert (call.patience, call.why) == (20, "total")
    with pytest.raises(APITimeoutError, match="total") as caught:
        call.time_out()
    assert [(attempt.number, attempt.status, attempt.wait) for attempt in caught.value.attempts] == [(1, 503, 20), (2, 200, None)]


def test_a_wait_beyond_the_total_is_not_begun() -> None:
    """Where the total would end first, the error that is known is raised at once."""
    call = by_hand(timeout=Timeout(total=10), max_retries=3).models.list()
    call.head(429, {"retry-after": "5"})
    call.read()
    call.head(429, {"retry-after": "5"})
    with pytest.raises(APIStatusError) as caught:
        call.read()
    assert (call.slept, len(caught.value.attempts)) == ([5], 2)


def test_every_attempt_has_its_own_first_event() -> None:
    """The wait for the head begins anew with each attempt, and so does the connect."""
    call = by_hand(timeout=Timeout(connect=2, first_event=7), max_retries=2).models.list()
    for _ in range(2):
        assert (call.step.connect, call.patience) == (2, 7)
        call.time_out()
    with pytest.raises(APITimeoutError) as caught:
        call.time_out()
    assert len(caught.value.attempts) == 3


def test_what_a_number_means() -> None:
    """Of a plain call it is the total; of a stream it bounds connect, first event and idle, not the whole."""
    plain = by_hand(timeout=9).models.list()
    assert (plain.step.connect, plain.patience, plain.why) == (9, 9, "total")
    plain.head(headers=JSON, after=5)
    assert (plain.patience, plain.why) == (4, "total")
    plain.read(b"{", after=3)
    assert (plain.patience, plain.why) == (1, "total")
    stream = chat(by_hand(timeout=9))
    assert (stream.step.connect, stream.patience, stream.why) == (9, 9, "first event")
    stream.head(after=5)
    assert (stream.patience, stream.why) == (4, "first event")
    for _ in range(5):
        stream.read(EVENT, after=3)
        assert (stream.patience, stream.why) == (9, "idle")


def test_the_call_overrules_the_client() -> None:
    """A timeout given with a call stands in for the client's as a whole; None waits for ever."""
    client = by_hand(timeout=Timeout(first_event=9, total=99))
    assert client.models.list(timeout=5).patience == 5
    assert client.models.list(timeout=None).patience is None
    assert client.models.list(timeout=Timeout(connect=5)).patience is None
    assert client.models.list().patience == 9


def test_redirects_are_part_of_their_attempt() -> None:
    """The wait for the head does not begin anew with each redirect."""
    call = by_hand(timeout=Timeout(first_event=10)).models.list()
    call.head(307, {"location": "/elsewhere"}, after=6)
    assert (len(call.sent), call.patience) == (2, 4)


def test_a_stream_may_last_longer_than_each_of_its_waits(face: SyncFace) -> None:
    """A number is no bound on the whole of a stream whose events keep coming."""
    steps: list[Any] = [step for _ in range(6) for step in (EVENT, Wait(0.1))]
    with HostileServer([sse_reply([*steps, DONE])]) as server:
        started = time.monotonic()
        assert len(list(face.iterate(chat(face.client(base_url=server.url), timeout=0.4)))) == 6
        assert time.monotonic() - started > 0.5


def test_total_ends_a_stream_that_goes_on(face: SyncFace) -> None:
    """Events without end are ended by the total."""
    with HostileServer([sse_reply([Forever(chunk(EVENT), 0.01)], end=False)]) as server:
        client = face.client(base_url=server.url)
        with expires("total"):
            list(face.iterate(chat(client, timeout=Timeout(idle=60, total=SHORT))))
        assert server.closed(0).wait(2)


def test_total_ends_a_stream_of_events_at_full_speed(face: SyncFace) -> None:
    """So it does where the next bytes are always there already and nothing is ever waited for."""
    with HostileServer([sse_reply([Forever(chunk(EVENT * 200), 0.0)], end=False)]) as server:
        client = face.client(base_url=server.url)
        started = time.monotonic()
        with expires("total"):
            for _ in face.iterate(chat(client, timeout=Timeout(total=SHORT))):
                assert time.monotonic() - started < SHORT + SLACK


def test_total_covers_attempts_that_stall(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts that end by the first event's bound are cut off by the total, on the attempt that meets it."""
    monkeypatch.setattr("backoff.full_jitter", lambda bound: 0.0)
    with HostileServer([SILENCE], after="repeat") as server:
        client = face.client(base_url=server.url, max_retries=50)
        with expires("total", after=0.3):
            face.wait(client.models.list(timeout=Timeout(first_event=0.1, total=0.35)))
        assert 2 <= len(server.requests) <= 4


def test_total_covers_the_waits(face: SyncFace) -> None:
    """A Retry-After beyond the total is not slept through: the error that is known is raised at once."""
    with HostileServer([json_reply({}, 503, [("Retry-After", "30")])], after="repeat") as server:
        client = face.client(base_url=server.url, max_retries=5)
        started = time.monotonic()
        with pytest.raises(InternalServerError):
            face.wait(client.models.list(timeout=Timeout(total=2)))
        assert time.monotonic() - started < SLACK
        assert len(server.requests) == 1


@contextlib.contextmanager
def unaccepting() -> Iterator[str]:
    """The address of a port whose queue of connections is full: one more is neither taken nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


NOT_TAKEN = {"connect": Timeout(connect=SHORT, first_event=60, total=60), "number": SHORT, "total": Timeout(total=SHORT)}


@pytest.mark.parametrize("bound", NOT_TAKEN)
def test_a_connection_that_is_not_taken(face: SyncFace, bound: str) -> None:
    """Connect bounds the connection alone, the total bounds it too; the server cannot have seen the request."""
    with unaccepting() as url:
        client = face.client(base_url=url, timeout=NOT_TAKEN[bound])
        calls: list[Callable[[], Any]] = [
            lambda: face.wait(client.embeddings.create(model="m", input="x")),
            lambda: list(face.iterate(chat(client))),
        ]
        for call in calls:
            started = time.monotonic()
            with pytest.raises(APITimeoutError) as caught:
                call()
            assert SHORT * 0.9 <= time.monotonic() - started < SHORT + SLACK
            assert bound != "connect" or "connect" in str(caught.value)
            assert caught.value.sent is False


def test_a_taken_connection_is_not_bound_by_connect(face: SyncFace) -> None:
    """An answer that takes longer than the connect may is waited for."""
    with HostileServer([[Wait(0.3), *json_reply({"id": "m"})], sse_reply([Wait(0.3), EVENT, Wait(0.3), DONE])]) as server:
        client = face.client(base_url=server.url, timeout=Timeout(connect=0.1))
        assert face.wait(client.models.retrieve("m")) == {"id": "m"}
        assert list(face.iterate(chat(client))) == [CHUNK]


def test_a_timeout_is_a_connection_error_and_a_timeout_error() -> None:
    """Both of the names by which people catch it."""
    assert issubclass(APITimeoutError, APIConnectionError)
    assert issubclass(APITimeoutError, TimeoutError)
