"""Several providers on the wire: what fails is asked of the next one, once, and never after a first event."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from by_hand import by_hand
from faces import SyncFace
from hostile import Bytes, Close, HostileServer, Reset, Stall, Steps, head, json_reply, nobody, reply, sse_reply
from several import EVENTS, OK, client_of, embed, place, tried
from streamed import CHUNK, SOON, chat, gather

from oai_dyn import (
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    InternalServerError,
    LossWarning,
    Notice,
    RateLimitError,
    Reply,
    RouteError,
    Timeout,
    ValidationError,
)


@pytest.fixture(autouse=True)
def _no_wait_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own waits last no time."""
    monkeypatch.setattr("backoff.full_jitter", lambda bound: 0.0)


def refusal(status: int, **error: Any) -> Steps:
    """An answer that says no."""
    return json_reply({"error": {"message": "no", **error}}, status)


# --- What is passed on --------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[Steps, str]] = {
    "silence": ([Stall()], "APITimeoutError"),
    "reset": ([Reset()], "APIConnectionError"),
    "close": ([Close()], "APIConnectionError"),
    "cut head": ([Bytes(b"HTTP/1.1 200 OK\r\nA: "), Close()], "APIConnectionError"),
    "500": (refusal(500), "InternalServerError"),
    "503": (refusal(503), "InternalServerError"),
    "429": (refusal(429), "RateLimitError"),
    "408": (refusal(408), "APIStatusError"),
    "402": (refusal(402), "RateLimitError"),
    "no quota": (refusal(429, code="insufficient_quota"), "RateLimitError"),
    "no quota under another status": (refusal(403, code="insufficient_quota"), "PermissionDeniedError"),
    "error under status 200": (json_reply({"error": {"message": "no", "code": 503}}), "InternalServerError"),
    "long Retry-After": (json_reply({}, 429, [("Retry-After", "3600")]), "RateLimitError"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_failed_is_asked_of_the_next(face: SyncFace, failure: str) -> None:
    """The answer is the next one's, and tells of both."""
    steps, error = FAILURES[failure]
    with HostileServer([steps]) as first, HostileServer([OK]) as second:
        answer = embed(face, client_of(face, first, second), into=Reply)
        assert (answer.data, answer.provider) == ({"id": "m"}, "b")
        assert [(one.provider, one.error) for one in answer.attempts] == [("a", error), ("b", None)]
        assert [len(first.requests), len(second.requests)] == [1, 1]


@pytest.mark.parametrize("failure", FAILURES)
def test_so_is_a_stream_that_did_not_begin(face: SyncFace, failure: str) -> None:
    """A stream is sent to the next provider as any other call."""
    with HostileServer([FAILURES[failure][0]]) as first, HostileServer([EVENTS]) as second:
        events, error = gather(face, lambda: chat(client_of(face, first, second)))
        assert (events, error) == ([{"id": 1}, {"id": 2}], None)
        assert [len(first.requests), len(second.requests)] == [1, 1]


OPENED: dict[str, Steps] = {
    "silence": sse_reply([Stall()]),
    "comments alone": sse_reply([b": ping\n\n", Stall()]),
    "end": sse_reply([]),
    "cut": [*sse_reply([], end=False), Close()],
    "reset": sse_reply([Reset()]),
    "error event": sse_reply([b'event: error\ndata: {"error": {"code": 503}}\n\n']),
    "rate limit": sse_reply([{"error": {"type": "rate_limit_error"}}]),
}


@pytest.mark.parametrize("opened", OPENED)
def test_so_is_a_stream_that_opened_and_gave_nothing(face: SyncFace, opened: str) -> None:
    """Until the first event nothing was given: the head and comments are no answer. The stream's reply is the next one's."""
    with HostileServer([OPENED[opened]]) as first, HostileServer([EVENTS]) as second:
        stream = face.wait(chat(client_of(face, first, second)))
        assert stream.reply.provider == "a"
        assert list(face.iterate(stream)) == [{"id": 1}, {"id": 2}]
        assert (stream.reply.provider, len(stream.reply.attempts)) == ("b", 2)


LEFT: dict[str, Steps] = {
    "silence": sse_reply([CHUNK, Stall()]),
    "cut": [*sse_reply([CHUNK], end=False), Close()],
    "reset": sse_reply([CHUNK, Reset()]),
    "error event": sse_reply([CHUNK, {"error": {"code": 503}}]),
    "rate limit": sse_reply([CHUNK, {"error": {"code": 429}}]),
}


@pytest.mark.parametrize("routing", ["order", "latency"])
@pytest.mark.parametrize("left", LEFT)
def test_after_the_first_event_nothing_is_sent_again(face: SyncFace, left: str, routing: str) -> None:
    """What was given is given: the stream fails as it would with one provider."""
    with HostileServer([LEFT[left]]) as first, HostileServer([EVENTS]) as second:
        events, error = gather(face, lambda: chat(client_of(face, first, second, routing=routing, max_retries=2)))
        assert events == [CHUNK]
        assert isinstance(error, APIError)
        assert tried(error.attempts) == [(1, "a", error.attempts[0].status, type(error).__name__)]
        assert [len(first.requests), len(second.requests)] == [1, 0]


#: A good answer that breaks off, by the connection or by time.
CUT: list[Steps] = [[*json_reply({}, end=False), Close()], [*json_reply({}, end=False), Stall()]]


@pytest.mark.parametrize("cut", CUT, ids=["cut", "idle"])
def test_an_answer_that_has_begun_is_this_providers(face: SyncFace, cut: Steps) -> None:
    """The work was done: only a row that is safe to send twice is sent to another."""
    with HostileServer([cut, cut]) as first, HostileServer([OK]) as second:
        client = client_of(face, first, second)
        with pytest.raises(APIError) as caught:
            embed(face, client)
        assert tried(caught.value.attempts) == [(1, "a", 200, type(caught.value).__name__)]
        assert face.wait(client.models.retrieve("m"))._provider == "b"
        assert [len(first.requests), len(second.requests)] == [2, 1]


@pytest.mark.parametrize("cut", CUT, ids=["cut", "idle"])
def test_so_is_a_whole_answer_to_what_was_to_stream(face: SyncFace, cut: Steps) -> None:
    """It is no stream that has not begun."""
    with HostileServer([cut]) as first, HostileServer([EVENTS]) as second:
        events, error = gather(face, lambda: chat(client_of(face, first, second)))
        assert (events, isinstance(error, APIError)) == ([], True)
        assert [len(first.requests), len(second.requests)] == [1, 0]


def test_a_binary_answer_that_failed(face: SyncFace) -> None:
    """It is asked of the next before its head, not after."""
    with (
        HostileServer([refusal(500), *[[*reply([b"ab"], end=False), Close()]] * 2]) as first,
        HostileServer([reply([b"abc"])]) as second,
    ):
        client = client_of(face, first, second)
        speak = client.audio.speech.create
        speech = face.wait(speak(model="m", input="x", voice="v"))
        assert (face.wait(speech.read()), speech.reply.provider) == (b"abc", "b")
        speech = face.wait(speak(model="m", input="x", voice="v"))
        with pytest.raises(APIError):
            face.wait(speech.read())
        assert [len(first.requests), len(second.requests)] == [2, 1]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
@pytest.mark.parametrize("streaming", [False, True])
def test_what_another_would_refuse_too_is_raised(face: SyncFace, status: int, streaming: bool) -> None:
    """A fault of the request or of the settings is shown, not hidden behind another provider."""
    with HostileServer([refusal(status)]) as first, HostileServer([OK]) as second:
        client = client_of(face, first, second)
        with pytest.raises(APIStatusError) as caught:
            list(face.iterate(chat(client))) if streaming else embed(face, client)
        assert (caught.value.status, tried(caught.value.attempts)) == (status, [(1, "a", status, type(caught.value).__name__)])
        assert len(second.requests) == 0


def test_an_answer_that_is_none_is_raised(face: SyncFace) -> None:
    """A page instead of JSON is no failure of a kind that passes."""
    with HostileServer([reply([b"<html>"], headers=[("Content-Type", "text/html")])]) as first, HostileServer([OK]) as second:
        with pytest.raises(APIError, match="Content-Type text/html"):
            embed(face, client_of(face, first, second))
        assert len(second.requests) == 0


# --- Retries, attempts, time --------------------------------------------------------------------------------


def test_each_provider_has_its_retries(face: SyncFace) -> None:
    """All attempts of one, then of the next; each is on the error, numbered through."""
    busy = json_reply({}, 503, SOON)
    with HostileServer([busy], after="repeat") as first, HostileServer([busy], after="repeat") as second, nobody() as third:
        client = client_of(face, first, second, place("c", third), max_retries=2)
        with pytest.raises(APIError) as caught:
            embed(face, client)
        assert [(one.number, one.provider, one.status) for one in caught.value.attempts] == [
            *[(number, "a", 503) for number in (1, 2, 3)],
            *[(number, "b", 503) for number in (4, 5, 6)],
            *[(number, "c", None) for number in (7, 8, 9)],
        ]
        assert [one.wait is None for one in caught.value.attempts] == [False, False, True] * 3
        assert [len(first.requests), len(second.requests)] == [3, 3]
        with pytest.raises(APIError) as caught:
            embed(face, client, max_retries=0)
        assert [one.provider for one in caught.value.attempts] == ["a", "b", "c"]


def test_waits_begin_anew_with_each_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """They grow with the attempts of one provider."""
    bounds: list[float] = []

    def no_wait(bound: float) -> float:
        bounds.append(bound)
        return 0.0

    monkeypatch.setattr("backoff.full_jitter", no_wait)
    call = several_by_hand(max_retries=2).embeddings.create(model="m", input="x")
    for _ in range(8):
        call.head(503, {})
        call.read()
    assert bounds == [0.5, 1.0] * 3


def test_a_token_is_asked_for_where_it_is_sent(face: SyncFace) -> None:
    """The callable of a provider is asked when its turn comes, and gives what only it is sent."""
    asked: list[str] = []

    def token() -> str:
        asked.append("b")
        return "token-of-b"

    with HostileServer([OK, refusal(503)]) as first, HostileServer([OK]) as second:
        client = client_of(face, first, place("b", second.url) | {"api_key": token})
        embed(face, client)
        assert asked == []
        assert embed(face, client)._provider == "b"
        assert [request.header("Authorization") for request in first.requests] == ["Bearer key-of-a"] * 2
        assert second.requests[0].header("Authorization") == "Bearer token-of-b"
    assert asked == ["b"]


def test_the_last_error_is_raised(face: SyncFace) -> None:
    """Where all fail, the error is that of the last one that was asked."""
    with HostileServer([refusal(500)]) as first, HostileServer([refusal(429, code="insufficient_quota")]) as second:
        with pytest.raises(RateLimitError) as caught:
            embed(face, client_of(face, first, second))
        assert tried(caught.value.attempts) == [(1, "a", 500, "InternalServerError"), (2, "b", 429, "RateLimitError")]
        assert (caught.value.__context__, caught.value.provider) == (None, "b")


def test_three_of_which_one_is_silent_and_one_fails(face: SyncFace) -> None:
    """Every call is answered by the good one; each of the others has seen it once."""
    with HostileServer([[Stall()]], after="repeat") as first, HostileServer([refusal(502)], after="repeat") as second:
        with HostileServer([OK, EVENTS], after="repeat") as third:
            client = client_of(face, first, second, third)
            assert embed(face, client)._provider == "c"
            stream = face.wait(chat(client))
            assert list(face.iterate(stream)) == [{"id": 1}, {"id": 2}]
            assert tried(stream.reply.attempts) == [
                (1, "a", None, "APITimeoutError"),
                (2, "b", 502, "InternalServerError"),
                (3, "c", 200, None),
            ]
        assert [len(one.requests) for one in (first, second, third)] == [2, 2, 2]


@pytest.mark.parametrize("timeout", [0.2, Timeout(total=0.2)], ids=["a number", "total"])
def test_the_total_bounds_them_all(face: SyncFace, timeout: Any) -> None:
    """Time that ran out for the whole is not passed on."""
    with HostileServer([[Stall()]]) as first, HostileServer([OK]) as second:
        started = time.monotonic()
        with pytest.raises(APITimeoutError, match="total"):
            embed(face, client_of(face, first, second, timeout=timeout))
        assert time.monotonic() - started < 2
        assert len(second.requests) == 0


def test_the_next_has_what_is_left_of_the_total() -> None:
    """The end does not move; the first event of each is waited for anew."""
    call = several_by_hand(timeout=Timeout(first_event=2.0, total=5.0)).embeddings.create(model="m", input="x")
    assert (call.patience, call.why) == (2.0, "first event")
    call.time_out()
    assert (call.sent[-1].plan.url, call.patience, call.why) == ("http://b/embeddings", 2.0, "first event")
    call.time_out()
    assert (call.sent[-1].plan.url, call.patience, call.why) == ("http://c/embeddings", 1.0, "total")
    with pytest.raises(APITimeoutError) as caught:
        call.time_out()
    assert [one.provider for one in caught.value.attempts] == ["a", "b", "c"]


def several_by_hand(*more: Any, **settings: Any) -> Any:
    """A client of three providers without a network."""
    places = [place(name, f"http://{name}") for name in "abc"]
    return by_hand(provider=[*places, *more], api_key=None, base_url=None, **settings)


def test_a_retry_too_late_for_the_total_is_the_next_ones() -> None:
    """What this provider would be waited for longer than the call may last, another may do now."""
    call = several_by_hand(timeout=Timeout(total=5.0), max_retries=1).embeddings.create(model="m", input="x")
    call.head(429, {"retry-after": "60"})
    call.read()
    assert (call.sent[-1].plan.url, call.slept) == ("http://b/embeddings", [])


# --- What is sent -------------------------------------------------------------------------------------------


def test_each_is_sent_what_is_its_own(face: SyncFace) -> None:
    """Its key, its headers, its path, its name for the model; nothing of another's."""
    with HostileServer([refusal(503)]) as first, HostileServer([OK]) as second:
        providers = [
            place("a", f"{first.url}/v1", headers={"X-A": "1"}, query={"a": "1"}),
            place("b", f"{second.url}/openai", headers={"X-B": "2"}, models={"fast": "llama-8b"}, auth="header:api-key"),
        ]
        embed(face, client_of(face, *providers, headers={"X-All": "3"}), model="fast", extra_headers={"X-Call": "4"})
        (one,), (two,) = first.requests, second.requests
    assert (one.target, two.target) == ("/v1/embeddings?a=1", "/openai/embeddings")
    assert (one.json()["model"], two.json()["model"]) == ("fast", "llama-8b")
    keys = [(r.header("Authorization"), r.header("api-key"), r.header("X-A"), r.header("X-B")) for r in (one, two)]
    assert keys == [("Bearer key-of-a", None, "1", None), (None, "key-of-b", None, "2")]
    assert [(r.header("X-All"), r.header("X-Call")) for r in (one, two)] == [("3", "4")] * 2
    assert "key-of-a" not in repr(two) and "key-of-b" not in repr(one)


THOUGHT = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "a", "reasoning": "b"}, "finish_reason": "stop"}]}


def test_each_has_its_own_rules(face: SyncFace) -> None:
    """What one takes of a request, the next is sent; what comes back is brought into form by whose it is."""
    drops = [{"verb": "drop", "member": "seed", "why": "it has none"}]
    fills = [{"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]}]
    with HostileServer([refusal(503)]) as first, HostileServer([json_reply(THOUGHT)]) as second:
        client = client_of(face, place("a", first.url, request=drops), place("b", second.url, reply=fills))
        with pytest.warns(LossWarning, match="seed"):
            answer = face.wait(client.chat.completions.create(model="m", messages=[], seed=5))
        assert answer.choices[0].message.reasoning_content == "b"
        assert ["seed" in server.requests[0].json() for server in (first, second)] == [False, True]


def test_a_parameter_that_is_refused(face: SyncFace) -> None:
    """By a rule that rejects it, or under `strict_params` by one that would lose it: another provider takes it."""
    rejects = [{"verb": "reject", "member": "seed", "why": "it has none"}]
    drops = [{"verb": "drop", "member": "seed", "why": "it has none"}]
    refusing = place("r", "http://127.0.0.1:9", request=rejects), place("d", "http://127.0.0.1:9", request=drops)
    with HostileServer([OK, OK]) as server:
        client = client_of(face, *refusing, place("s", server.url), strict_params=True)
        assert face.wait(client.chat.completions.create(model="m", messages=[], seed=5))._provider == "s"
        alone = client_of(face, *refusing, strict_params=True)
        with pytest.raises(ValidationError, match=r"^seed: 5: it has none"):
            alone.chat.completions.create(model="m", messages=[], seed=5)


class Pipe:
    """A stream that can be read once."""

    name = "pipe.jsonl"

    def __init__(self, data: bytes) -> None:
        self._data = BytesIO(data)
        self.read = self._data.read


UPLOADS: dict[str, Callable[[bytes], Any]] = {
    "bytes": lambda data: data,
    "open file": BytesIO,
    "a pipe": Pipe,
    "a named pipe": lambda data: ("p", Pipe(data), "text/plain"),
}


@pytest.mark.parametrize("upload", UPLOADS)
def test_each_is_sent_the_same_file(face: SyncFace, upload: str) -> None:
    """What can be read only once is kept until no further provider can need it."""
    data = b"0123456789" * 200_000
    with HostileServer([refusal(503)]) as first, HostileServer([[Reset()]]) as second, HostileServer([OK]) as third:
        client = client_of(face, first, second, third)
        face.wait(client.files.create(file=UPLOADS[upload](data), purpose="batch"))
        bodies = [server.requests[0].body for server in (first, second, third)]
    assert [body.count(data) for body in bodies] == [1, 1, 1]


def test_a_pipe_survives_a_provider_that_is_passed_by(face: SyncFace) -> None:
    """The one that refused the call had read it."""
    with HostileServer([OK]) as server:
        absent = place("a", "http://127.0.0.1:9", absent=["files.*"])
        wrong = place("b", "http://127.0.0.1:9", paths={"/files": "/{nothing}/files"})
        face.wait(client_of(face, absent, wrong, place("c", server.url)).files.create(file=Pipe(b"abc"), purpose="batch"))
        assert server.requests[0].body.count(b"abc") == 1


def test_further_pages_come_from_who_gave_the_first(face: SyncFace) -> None:
    """A cursor means nothing to another provider; when its own fails then, so does the call."""
    page = json_reply({"data": [{"id": "1"}], "has_more": True, "last_id": "1"})
    last = json_reply({"data": [{"id": "2"}], "has_more": False})
    with HostileServer([refusal(500), OK]) as first, HostileServer([page, last, page, refusal(500)]) as second:
        client = client_of(face, first, second)
        assert [item["id"] for item in face.iterate(client.files.list())] == ["1", "2"]
        assert [len(first.requests), len(second.requests)] == [1, 2]
        pages = face.wait(client_of(face, second, first).files.list())
        assert pages._provider == "a"
        with pytest.raises(InternalServerError):
            list(face.iterate(pages))
        assert [len(first.requests), len(second.requests)] == [1, 4]


# --- Who takes a call ---------------------------------------------------------------------------------------


def test_a_provider_that_refuses_is_passed_by(face: SyncFace) -> None:
    """What it wants is not in the call: the next one is asked, first or later."""
    with HostileServer([OK, refusal(503)]) as good, HostileServer([OK]) as other:
        refusing = place("r", "http://127.0.0.1:9", paths={"/embeddings": "/{region}/embeddings"})
        client = client_of(face, refusing, place("g", good.url), refusing, place("o", other.url))
        assert embed(face, client)._provider == "g"
        answer = embed(face, client, into=Reply)
        assert tried(answer.attempts) == [(1, "g", 503, "InternalServerError"), (2, "o", 200, None)]


def test_the_error_stays_where_no_other_takes_the_call() -> None:
    """What the one that was asked said is raised, and no refusal of those behind it."""
    call = several_by_hand(place("d", "http://d", absent=["*"])).embeddings.create(model="m", input="x")
    for _ in range(2):
        call.head(503, {})
        call.read()
    with pytest.raises(InternalServerError) as caught:
        call.head(503, {})
        call.read()
    assert [one.provider for one in caught.value.attempts] == ["a", "b", "c"]


def test_a_call_that_none_takes_is_refused() -> None:
    """With the first error that tells of the call; that a row is missing tells less."""
    client = several_by_hand()
    with pytest.raises(ValidationError, match=r"^file_id: '\.\.' cannot stand in a path"):
        client.files.retrieve("..")
    with pytest.raises(RouteError, match="no route"):
        client.call("nothing.of.this.name")
    missing = by_hand(provider=[place("a", "http://a", absent=["files.*"]), place("b", "http://b")], api_key=None, base_url=None)
    with pytest.raises(ValidationError, match="cannot stand in a path"):
        missing.files.retrieve("..")


ROW = [{"name": "scores.create", "method": "POST", "path": "/scores", "body": {"kind": "json"}}]


def test_a_row_of_any_provider_can_be_called() -> None:
    """It goes to the one that has it; names, help and signatures know it."""
    client = several_by_hand(place("d", "http://d", routes=ROW))
    call = client.scores.create(model="m")
    assert (call.sent[-1].plan.url, call.call.next) == ("http://d/scores", None)
    assert dir(client.scores) == ["create"]
    assert client.scores.create.__doc__.startswith("POST /scores")
    assert client.scores.__doc__ == "scores: create"
    assert next(iter(client.scores.create.__signature__.parameters)) == "body"
    assert "scores" not in dir(client)
    with pytest.raises(RouteError):
        client.nothing  # noqa: B018


def test_a_path_without_a_row_goes_to_any(face: SyncFace) -> None:
    """`request` is a call like any other."""
    with HostileServer([refusal(500)]) as first, HostileServer([OK]) as second:
        assert face.wait(client_of(face, first, second).request("POST", "/rerank", {"query": "q"}))._provider == "b"
        assert second.requests[0].json() == {"query": "q"}


def test_what_a_stream_is_for_one_it_must_be_for_all() -> None:
    """A provider that would answer a binary call with JSON cannot go on with it."""
    speech = [{"name": "audio.speech.create", "method": "POST", "path": "/tts", "reply": {"kind": "json"}}]
    client = by_hand(
        provider=[place("a", "http://a"), place("b", "http://b", routes=speech), place("c", "http://c")],
        api_key=None,
        base_url=None,
    )
    call = client.audio.speech.create(model="m", input="x", voice="v")
    call.fail()
    assert call.sent[-1].plan.url == "http://c/audio/speech"


# --- Who is told --------------------------------------------------------------------------------------------


def test_the_hook_is_told_who_failed_and_who_answered(face: SyncFace) -> None:
    """Each attempt with its provider; what is passed on is a kind of its own."""
    notices: list[Notice] = []
    busy = json_reply({}, 503, SOON)
    with HostileServer([busy, busy]) as first, HostileServer([EVENTS]) as second:
        client = client_of(face, first, second, hook=notices.append, max_retries=1)
        list(face.iterate(chat(client)))
        assert [(one.kind, one.attempt, one.provider, one.error) for one in notices] == [
            ("attempt", 1, "a", "InternalServerError"),
            ("failover", 2, "a", "InternalServerError"),
            ("attempt", 3, "b", None),
            ("first_event", 3, "b", None),
            ("end", 3, "b", None),
        ]
        assert [one.plan.url.startswith(first.url) for one in notices] == [True, True, False, False, False]


def test_the_result_says_who_answered(face: SyncFace) -> None:
    """A Record, a page, a whole answer, a stream, a binary answer; with one provider too."""
    with HostileServer([OK, json_reply({"data": []}), OK, EVENTS, reply([b"x"])]) as server:
        client = face.client(provider=place("a", server.url), api_key=None)
        assert embed(face, client)._provider == "a"
        assert face.wait(client.files.list())._provider == "a"
        whole = embed(face, client, into=Reply)
        assert (whole.provider, whole.data._provider, whole.attempts[0].provider) == ("a", "a", "a")
        assert face.wait(chat(client)).reply.provider == "a"
        assert face.wait(client.files.content("f")).reply.provider == "a"


def test_no_key_of_one_is_shown_by_another(face: SyncFace) -> None:
    """Each error is cleared of the key that was sent with it."""
    notices: list[Notice] = []
    quoting = json_reply({"error": {"message": "key-of-a? key-of-b?"}}, 500, [("X-Key", "key-of-a")])
    with HostileServer([quoting]) as first, HostileServer([quoting]) as second:
        with pytest.raises(InternalServerError) as caught:
            embed(face, client_of(face, first, second, hook=notices.append))
        assert "key-of-b" not in str(caught.value)
        assert notices[0].reply is not None
        assert notices[0].reply.headers["X-Key"] == "***"


def test_an_error_tells_of_a_missing_key(face: SyncFace) -> None:
    """A 401 is raised, though another could answer: that a key is wrong is to be seen at once."""
    with HostileServer([refusal(401)]) as first, HostileServer([OK]) as second:
        with pytest.raises(AuthenticationError, match="no key was sent: "):
            embed(face, client_of(face, first.url, second.url))
        assert len(second.requests) == 0


def test_a_stream_that_is_left_is_closed_at_its_provider(face: SyncFace) -> None:
    """The connection of the one that answered is free again, and that of the one that was silent."""
    with HostileServer([[Stall()]]) as first, HostileServer([sse_reply([{"id": 1}, Stall()])]) as second:
        events = face.iterate(chat(client_of(face, first, second)))
        assert next(events) == {"id": 1}
        assert first.closed(0).wait(5)
        events.close()  # type: ignore[attr-defined]
        del events
        assert second.closed(0).wait(5)


def test_what_is_cut_is_not_relaxed_to_an_answer(face: SyncFace) -> None:
    """With allow_truncated a stream without an event is an empty one, of the first provider."""
    cut: Steps = [head(200, [("Content-Type", "text/event-stream"), ("Connection", "close")]), Close()]
    with HostileServer([cut, cut]) as first, HostileServer([EVENTS]) as second:
        client = client_of(face, first, second)
        assert gather(face, lambda: chat(client, allow_truncated=True)) == ([], None)
        assert gather(face, lambda: chat(client)) == ([{"id": 1}, {"id": 2}], None)
