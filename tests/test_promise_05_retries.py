"""Promise 5 on the wire: one owner of retries.

No library below resends anything by itself, every attempt sends the same bytes, and every attempt is told of.
"""

from __future__ import annotations

import socket
import time
from email.utils import formatdate
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from faces import SyncFace
from hostile import Bytes, Close, HostileServer, Reset, Stall, Step, Steps, json_reply, nobody, reply, sse_reply
from sessions import session_of
from streamed import SOON

from oai_dyn import APIConnectionError, APIStatusError, APITimeoutError, RateLimitError, Reply, Timeout
from oai_dyn.errors import StreamTruncated

OK = json_reply({"id": "m"})


# On the wire.


@pytest.fixture(autouse=True)
def _no_wait_of_ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the wire our own waits last no time."""
    if "face" in request.fixturenames:
        monkeypatch.setattr("backoff.full_jitter", lambda bound: 0.0)


def embed(face: SyncFace, client: Any, **keywords: Any) -> Any:
    """A call that is not safe to send twice."""
    return face.wait(client.embeddings.create(model="m", input="x", **keywords))


def fetch(face: SyncFace, client: Any, **keywords: Any) -> Any:
    """A call that is."""
    return face.wait(client.models.retrieve("m", **keywords))


@pytest.mark.parametrize("max_retries", [0, 1, 3])
@pytest.mark.parametrize("lost", [json_reply({}, 503), [Reset()], [Close()], [*json_reply({}, end=False), Close()]])
def test_no_more_attempts_than_allowed(face: SyncFace, lost: Steps, max_retries: int) -> None:
    """A safe call that fails each time: one request for each attempt, over the whole stack, and all are on the error."""
    with HostileServer([lost], after="repeat") as server:
        client = face.client(base_url=server.url, max_retries=max_retries)
        with pytest.raises((APIConnectionError, APIStatusError)) as caught:
            fetch(face, client)
        assert len(server.requests) == max_retries + 1
        assert [attempt.number for attempt in caught.value.attempts] == list(range(1, max_retries + 2))
        assert [attempt.wait for attempt in caught.value.attempts] == [0.0] * max_retries + [None]
        assert {attempt.error for attempt in caught.value.attempts} == {type(caught.value).__name__}


def test_the_call_overrules_the_client(face: SyncFace) -> None:
    """`max_retries` of a call, both ways."""
    with HostileServer([json_reply({}, 503)], after="repeat") as server:
        for of_client, of_call in [(0, 2), (2, 0)]:
            before = len(server.requests)
            with pytest.raises(APIStatusError):
                fetch(face, face.client(base_url=server.url, max_retries=of_client), max_retries=of_call)
            assert len(server.requests) - before == of_call + 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_an_answered_request_is_resent(face: SyncFace, status: int) -> None:
    """The server said that it did not do it: an unsafe call is sent again, byte by byte the same."""
    with HostileServer([json_reply({}, status), OK]) as server:
        assert embed(face, face.client(base_url=server.url, max_retries=1), idempotency_key="k") == {"id": "m"}
    first, second = server.requests
    assert first.raw == second.raw
    assert first.lines == second.lines
    assert (first.header("idempotency-key"), second.header("idempotency-key")) == ("k", "k")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422])
def test_a_fault_is_not_resent(face: SyncFace, status: int) -> None:
    """The same request would get the same answer, safe or not."""
    with HostileServer([json_reply({}, status, SOON)], after="repeat") as server:
        client = face.client(base_url=server.url, max_retries=3)
        for call in (embed, fetch):
            with pytest.raises(APIStatusError) as caught:
                call(face, client)
            assert len(caught.value.attempts) == 1
    assert len(server.requests) == 2


LOSSES: dict[str, Steps] = {
    "reset without an answer": [Reset()],
    "close without an answer": [Close()],
    "reset inside the head": [Bytes(b"HTTP/1.1 200 OK\r\nA: "), Reset()],
    "close inside the head": [Bytes(b"HTTP/1.1 200 OK\r\nA: "), Close()],
    "cut body": [*json_reply({}, end=False), Close()],
    "cut chunk": [*json_reply({}, framing="chunked", end=False), Reset()],
    "silence": [Stall()],
    "silence inside the body": [*json_reply({}, end=False), Stall()],
    "cut packed body": [*json_reply({}, framing="close", coding="gzip", end=False), Close()],
}


@pytest.mark.parametrize("warm", [False, True], ids=["new connection", "used connection"])
@pytest.mark.parametrize("loss", LOSSES)
def test_only_a_safe_request_is_resent_without_an_answer(face: SyncFace, loss: str, warm: bool) -> None:
    """What may have been done is not done twice, on a used connection neither; a GET is fetched again, once per retry."""
    first = [OK] if warm else []
    for call, resent in ((embed, False), (fetch, True)):
        with HostileServer([*first, LOSSES[loss], OK, OK]) as server:
            client = face.client(base_url=server.url, max_retries=1, timeout=Timeout(first_event=0.1, idle=0.1))
            if warm:
                fetch(face, client)
            if resent:
                assert call(face, client) == {"id": "m"}
            else:
                with pytest.raises((APIConnectionError, StreamTruncated)):
                    call(face, client)
        assert len(server.requests) == warm + 1 + resent


@pytest.mark.parametrize("loss", [Reset(), Close()], ids=["reset", "close"])
def test_no_library_resends_by_itself(face: SyncFace, loss: Step) -> None:
    """A GET on a used connection that dies is an error when no retry is allowed: aiohttp's own resend is off."""
    with HostileServer([OK, [loss], OK]) as server:
        client = face.client(base_url=server.url, max_retries=0)
        fetch(face, client)
        with pytest.raises(APIConnectionError):
            fetch(face, client)
    assert [request.connection for request in server.requests] == [0, 0]


@pytest.mark.parametrize("loss", [Reset(), Close()], ids=["reset", "close"])
def test_no_library_resends_by_itself_in_a_session_of_the_users(face: SyncFace, loss: Step) -> None:
    """A session that was handed over is used with our retries, not with its own."""
    with HostileServer([OK, [loss], OK]) as server, session_of(face) as session:
        client = face.client(base_url=server.url, max_retries=0, session=session)
        fetch(face, client)
        with pytest.raises(APIConnectionError):
            fetch(face, client)
    assert [request.connection for request in server.requests] == [0, 0]


@pytest.mark.parametrize("row", ["moderations.create", "responses.input_tokens.count"])
def test_a_row_may_say_that_a_post_is_safe(face: SyncFace, row: str) -> None:
    """Safety is the row's word, not the method's."""
    with HostileServer([[Reset()], OK]) as server:
        client = face.client(base_url=server.url, max_retries=1)
        assert face.wait(client.call(row, input="x")) == {"id": "m"}
    assert [request.method for request in server.requests] == ["POST", "POST"]


def test_a_connection_that_is_refused(face: SyncFace) -> None:
    """Nobody can have seen the request: it is tried again, safe or not."""
    with nobody() as url:
        client = face.client(base_url=url, max_retries=2)
        for call in (embed, fetch):
            with pytest.raises(APIConnectionError) as caught:
                call(face, client)
            assert len(caught.value.attempts) == 3
            assert caught.value.sent is False
            assert not isinstance(caught.value, APITimeoutError)


def test_a_host_that_no_resolver_knows(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again like any connection that cannot be made, and said in words: a resolver's number is not the system's."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    with pytest.raises(APIConnectionError) as caught:
        embed(face, face.client(base_url="http://nobody.invalid/v1", max_retries=1))
    assert str(caught.value) == "no connection to http://nobody.invalid: the host's name cannot be resolved"
    assert (len(caught.value.attempts), caught.value.sent) == (2, False)


def test_a_server_that_hangs_up_at_once(face: SyncFace) -> None:
    """One connection for each attempt, and no more: a fresh one that is dead already is not quietly replaced."""
    with HostileServer(on_connect=[Reset()]) as server:
        client = face.client(base_url=server.url, max_retries=2)
        with pytest.raises(APIConnectionError) as caught:
            embed(face, client)
        # Whether the reset meets the connecting or the sending is the kernel's to say; only the former is resent.
        used = len(caught.value.attempts)
        assert server.accepted == used <= 3
        with pytest.raises(APIConnectionError):
            fetch(face, client)
        assert server.accepted == used + 3


@pytest.mark.parametrize(("header", "value"), [("Retry-After", "0.1"), ("retry-after-ms", "100"), ("RETRY-AFTER-MS", "100")])
@pytest.mark.parametrize("status", [429, 503])
def test_the_servers_word_is_waited_for(face: SyncFace, status: int, header: str, value: str) -> None:
    """The second request comes no sooner than asked for, and soon after; the wait is told."""
    with HostileServer([json_reply({}, status, [(header, value)]), OK]) as server:
        reply_ = embed(face, face.client(base_url=server.url, max_retries=1), into=Reply)
    gap = server.requests[1].time - server.requests[0].time
    assert 0.09 <= gap < 1
    assert [attempt.wait for attempt in reply_.attempts] == [0.1, None]
    assert reply_.elapsed >= 0.1


def test_a_date_that_is_over_is_no_wait(face: SyncFace) -> None:
    """A Retry-After that is a date is read on the wire as well."""
    header = ("Retry-After", formatdate(time.time() - 5, usegmt=True))
    with HostileServer([json_reply({}, 429, [header]), OK]) as server:
        reply_ = embed(face, face.client(base_url=server.url, max_retries=1), into=Reply)
    assert [attempt.wait for attempt in reply_.attempts] == [0.0, None]


@pytest.mark.parametrize("value", ["121", formatdate(time.time() + 3600, usegmt=True)], ids=["seconds", "date"])
def test_a_word_above_the_cap_is_raised_at_once(face: SyncFace, value: str) -> None:
    """Nobody is made to wait for longer than two minutes: the error says when to come back."""
    with HostileServer([json_reply({}, 429, [("Retry-After", value)])], after="repeat") as server:
        started = time.monotonic()
        with pytest.raises(RateLimitError) as caught:
            embed(face, face.client(base_url=server.url, max_retries=3))
        assert time.monotonic() - started < 1
    assert len(server.requests) == 1
    assert caught.value.headers["retry-after"] == value


@pytest.mark.parametrize("error", [{"code": "insufficient_quota"}, {"type": "insufficient_quota", "code": None}])
@pytest.mark.parametrize("headers", [SOON, [("x-should-retry", "true")]], ids=["retry-after", "x-should-retry"])
def test_an_exhausted_quota_is_never_retried(face: SyncFace, error: Any, headers: Any) -> None:
    """Whatever the server says beside it."""
    with HostileServer([json_reply({"error": error}, 429, headers)], after="repeat") as server:
        with pytest.raises(RateLimitError) as caught:
            embed(face, face.client(base_url=server.url, max_retries=3))
        assert len(server.requests) == 1
    assert "insufficient_quota" in (caught.value.code, caught.value.type)


@pytest.mark.parametrize(("status", "word", "attempts"), [(400, "true", 2), (503, "false", 1)])
def test_the_server_may_overrule(face: SyncFace, status: int, word: str, attempts: int) -> None:
    """`x-should-retry` decides both ways."""
    with HostileServer([json_reply({}, status, [("x-should-retry", word)])], after="repeat") as server:
        with pytest.raises(APIStatusError):
            embed(face, face.client(base_url=server.url, max_retries=1))
        assert len(server.requests) == attempts


def test_every_attempt_is_on_the_result(face: SyncFace) -> None:
    """A plain answer, a stream and a binary answer tell of what failed before them, and of themselves."""
    trouble = json_reply({"error": {"message": "x"}}, 503, SOON)
    whole = sse_reply([{"id": 1}, "[DONE]"])
    with HostileServer([trouble, OK, trouble, [Reset()], whole, trouble, reply([b"abc"])]) as server:
        client = face.client(base_url=server.url, max_retries=3)
        plain = fetch(face, client, into=Reply)
        assert [(a.number, a.status, a.error) for a in plain.attempts] == [(1, 503, "InternalServerError"), (2, 200, None)]
        stream = face.wait(client.responses.retrieve("r", stream=True))
        assert [(a.number, a.status, a.error) for a in stream.reply.attempts] == [
            (1, 503, "InternalServerError"),
            (2, None, "APIConnectionError"),
            (3, 200, None),
        ]
        face.wait(stream.close()) if face.name == "async" else stream.close()
        binary = face.wait(client.files.content("f"))
        assert [(a.number, a.status, a.error) for a in binary.reply.attempts] == [(1, 503, "InternalServerError"), (2, 200, None)]
        assert face.wait(binary.read()) == b"abc"


def test_a_first_try_is_an_attempt_too(face: SyncFace) -> None:
    """One attempt is one attempt, on every kind of result."""
    with HostileServer([OK, sse_reply([{"id": 1}, "[DONE]"]), json_reply({}, 404)]) as server:
        client = face.client(base_url=server.url)
        assert len(fetch(face, client, into=Reply).attempts) == 1
        stream = face.wait(client.chat.completions.create(model="m", messages=[], stream=True))
        assert len(stream.reply.attempts) == 1
        assert list(face.iterate(stream)) == [{"id": 1}]
        with pytest.raises(APIStatusError) as caught:
            fetch(face, client)
        assert len(caught.value.attempts) == 1


def test_a_pooled_connection_that_died_is_not_used(face: SyncFace) -> None:
    """A server that ended an idle connection costs no attempt: even an unsafe call goes out on a new one."""
    with HostileServer([OK, OK]) as server:
        client = face.client(base_url=server.url, max_retries=0)
        embed(face, client)
        server.drop(0)
        assert embed(face, client) == {"id": "m"}
    assert [request.connection for request in server.requests] == [0, 1]


def test_a_file_is_sent_whole_each_time(face: SyncFace, tmp_path: Path) -> None:
    """Bytes, a path, an open file and a stream in memory: every attempt has the same body."""
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"x" * 70_000)
    with path.open("rb") as file:
        sources: list[Any] = [b"x" * 70_000, path, file, BytesIO(b"x" * 70_000), ("n.jsonl", b"x" * 70_000, "text/plain")]
        script = [step for _ in sources for step in (json_reply({}, 503), json_reply({}, 500), OK)]
        with HostileServer(script) as server:
            client = face.client(base_url=server.url, max_retries=2)
            for source in sources:
                assert face.wait(client.files.create(file=source, purpose="batch")) == {"id": "m"}
    for at in range(0, len(script), 3):
        bodies = {request.body for request in server.requests[at : at + 3]}
        assert len(bodies) == 1
        assert bodies.pop().count(b"x" * 70_000) == 1


def test_a_stream_is_asked_for_again_until_it_opens(face: SyncFace) -> None:
    """Statuses before a stream are retried like any other; the user sees one stream."""
    with HostileServer([json_reply({}, 503, SOON), json_reply({}, 429, SOON), sse_reply([{"id": 1}, "[DONE]"])]) as server:
        client = face.client(base_url=server.url, max_retries=2)
        assert list(face.iterate(client.chat.completions.create(model="m", messages=[], stream=True))) == [{"id": 1}]
    assert len(server.requests) == 3
