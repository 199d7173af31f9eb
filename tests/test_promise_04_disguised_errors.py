"""Promise 4: an error in disguise is an error, of the class that its status would have.

Disguises: an event named error, `{"error": ...}` in a stream or under status 200, an answer of the wrong content
type. Before the first event they are retried as the status they stand for would be; after it never.
"""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from by_hand import JSON, by_hand
from faces import SyncFace
from hostile import HostileServer, Stall, Steps, Wait, json_reply, reply, sse_reply
from streamed import CHUNK, DONE, SOON, chat

from oai_dyn import (
    APIError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    Event,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    StreamError,
    Timeout,
    UnprocessableEntityError,
)


def named(data: object, name: str = "error") -> bytes:
    """An event with a name; text goes as it is."""
    return f"event: {name}\ndata: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


#: What an error says of itself, the class it is, and the status it stands for.
MEANINGS: list[tuple[dict[str, Any], type[APIError], int]] = [
    ({"code": 400, "message": "x"}, BadRequestError, 400),
    ({"code": 401, "message": "x"}, AuthenticationError, 401),
    ({"code": 403, "message": "x"}, PermissionDeniedError, 403),
    ({"code": 404, "message": "x"}, NotFoundError, 404),
    ({"code": 409, "message": "x"}, ConflictError, 409),
    ({"code": 422, "message": "x"}, UnprocessableEntityError, 422),
    ({"code": 429, "message": "x"}, RateLimitError, 429),
    ({"code": 500, "message": "x"}, InternalServerError, 500),
    ({"code": 529, "message": "x"}, InternalServerError, 529),
    ({"code": 418, "message": "x"}, APIStatusError, 418),
    ({"code": "429", "message": "x"}, RateLimitError, 429),
    ({"status": 503, "message": "x"}, InternalServerError, 503),
    ({"code": 8, "status": "503", "message": "x"}, InternalServerError, 503),
    ({"code": "rate_limit_exceeded", "message": "x"}, RateLimitError, 429),
    ({"code": "insufficient_quota", "type": "insufficient_quota"}, RateLimitError, 429),
    ({"code": "server_error", "message": "x"}, InternalServerError, 500),
    ({"code": "context_length_exceeded", "message": "x"}, BadRequestError, 400),
    ({"code": "invalid_api_key", "type": "invalid_request_error"}, AuthenticationError, 401),
    ({"code": None, "type": "invalid_request_error", "param": "model"}, BadRequestError, 400),
    ({"type": "authentication_error", "message": "x"}, AuthenticationError, 401),
    ({"type": "overloaded_error", "message": "Overloaded"}, InternalServerError, 503),
    ({"type": "rate_limit_error", "message": "x"}, RateLimitError, 429),
    ({"type": "not_found_error", "message": "x"}, NotFoundError, 404),
]


@pytest.mark.parametrize(
    ("inner", "kind", "status"), MEANINGS, ids=lambda value: json.dumps(value) if isinstance(value, dict) else ""
)
def test_the_class_is_that_of_the_code_or_type(inner: dict[str, Any], kind: type[APIError], status: int) -> None:
    """In a stream, behind an event's name and under status 200 alike; the attributes are those of the body."""
    error = {"error": inner}
    for body in (b"data: " + json.dumps(error).encode() + b"\n\n", named(error), named(inner)):
        call = chat(by_hand())
        call.head()
        with pytest.raises(kind) as caught:
            call.read(body)
        assert (type(caught.value), caught.value.status) == (kind, status)
    call = by_hand().models.list()
    call.head(headers=JSON)
    call.read(json.dumps(error).encode())
    with pytest.raises(kind) as caught:
        call.read()
    assert (type(caught.value), caught.value.status) == (kind, status)
    assert (caught.value.code, caught.value.type, caught.value.param) == tuple(map(inner.get, ("code", "type", "param")))
    assert inner.get("message", "") in str(caught.value)
    assert json.loads(caught.value.body) == error


#: Errors inside a stream as servers write them, and what each is.
IN_STREAM: dict[str, tuple[bytes, type[APIError]]] = {
    "error member": (b'data: {"error": {"message": "x", "code": 503}}\n\n', InternalServerError),
    "error text": (b'data: {"error": "overloaded"}\n\n', StreamError),
    "error in a field of its own": (b'error: {"code": 503, "message": "x"}\n\ndata: [DONE]\n\n', InternalServerError),
    "error of an unknown kind": (b'data: {"error": {"message": "x", "code": "odd"}}\n\n', StreamError),
    "error beside choices": (
        b'data: {"id": "gen-1", "object": "chat.completion.chunk", "error": {"code": "server_error", "message": "x"}, '
        b'"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}\n\n',
        InternalServerError,
    ),
    "object error": (
        b'data: {"object": "error", "message": "x", "type": "BadRequestError", "param": null, "code": 400}\n\n',
        BadRequestError,
    ),
    "type error with a member": (
        b'data: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n',
        InternalServerError,
    ),
    "list of one error": (b'data: [{"error": {"code": 429, "message": "x"}}]\n\n', RateLimitError),
    "named error": (named({"message": "x", "code": 429}), RateLimitError),
    "named error with a member": (named({"error": {"message": "x", "type": "server_error"}}), InternalServerError),
    "named error in plain text": (named("upstream went away"), StreamError),
    "named error without data": (b"event: error\ndata:\n\n", StreamError),
    "named error with a list": (named([1, 2]), StreamError),
    "named error with null": (named("null"), StreamError),
}


@pytest.mark.parametrize("coding", [None, "gzip"])
@pytest.mark.parametrize("form", IN_STREAM)
def test_an_error_inside_a_stream(face: SyncFace, form: str, coding: Any) -> None:
    """The events before it are given out, it is raised at once and never retried, and the connection is closed."""
    event, kind = IN_STREAM[form]
    steps = sse_reply([CHUNK, event, Stall()], headers=[("x-request-id", "req-3")], coding=coding)
    with HostileServer([steps]) as server:
        events = face.iterate(chat(face.client(base_url=server.url, max_retries=3, timeout=Timeout(idle=2))))
        assert next(events) == CHUNK
        with pytest.raises(kind) as caught:
            next(events)
        assert type(caught.value) is kind
        assert (caught.value.request_id, len(caught.value.attempts)) == ("req-3", 1)
        assert caught.value.headers["content-type"] == "text/event-stream"
        assert caught.value.body
        assert pickle.loads(pickle.dumps(caught.value)).status == caught.value.status
        assert server.closed(0).wait(2)
    assert len(server.requests) == 1


@pytest.mark.parametrize("into", [Event, bytes, str, dict])
def test_whatever_type_was_asked_for(face: SyncFace, into: Any) -> None:
    """An error is one for who reads raw events, too."""
    with HostileServer([sse_reply([CHUNK, {"error": {"code": 429}}, DONE]), sse_reply([named("x")])]) as server:
        client = face.client(base_url=server.url)
        with pytest.raises(RateLimitError):
            list(face.iterate(chat(client, into=into)))
        with pytest.raises(StreamError):
            list(face.iterate(chat(client, into=into)))


def test_errors_of_the_responses_stream(face: SyncFace) -> None:
    """`{"type": "error", ...}` is the error of this row's streams; the code is beside the type."""
    flat = {"type": "error", "code": "rate_limit_exceeded", "message": "x", "param": None, "sequence_number": 1}
    for event in (flat, named(flat)):
        with HostileServer([sse_reply([{"type": "response.created"}, event])]) as server:
            events = face.iterate(face.client(base_url=server.url).responses.create(model="m", input="x", stream=True))
            assert next(events) == {"type": "response.created"}
            with pytest.raises(RateLimitError):
                next(events)


def test_an_error_in_an_envelope_stream(face: SyncFace) -> None:
    """Where a row gives out name and data together, an event named error is still none of its events."""
    with HostileServer([sse_reply([named({"id": "run"}, "thread.run.created"), named({"code": 500, "message": "x"})])]) as server:
        events = face.iterate(face.client(base_url=server.url).beta.threads.runs.create("t", assistant_id="a", stream=True))
        assert next(events) == {"event": "thread.run.created", "data": {"id": "run"}}
        with pytest.raises(InternalServerError):
            next(events)


#: Events and bodies that only tell of an error, of themselves or of something else, and are none.
FAILED_RESPONSE = {"id": "resp", "object": "response", "status": "failed", "error": {"code": "server_error", "message": "x"}}
TOLD_IN_STREAM: dict[str, tuple[str, dict[str, Any], list[Any]]] = {
    "null": ("chat.completions.create", {}, [{**CHUNK, "error": None}, DONE]),
    "empty": ("chat.completions.create", {}, [{**CHUNK, "error": ""}, DONE]),
    "inside": (
        "chat.completions.create",
        {},
        [{"choices": [{"index": 0, "delta": {"error": "x"}, "error": {"code": 500}}]}, DONE],
    ),
    "text": (
        "chat.completions.create",
        {},
        [{"choices": [{"index": 0, "delta": {"content": '{"error": {"code": 500}}'}}]}, DONE],
    ),
    "failed": ("responses.create", {}, [{"type": "response.failed", "response": FAILED_RESPONSE}]),
    "item": (
        "responses.create",
        {},
        [
            {"type": "response.output_item.done", "item": {"type": "mcp_call", "id": "i", "error": "x"}},
            {"type": "response.mcp_call.failed", "item_id": "i", "error": {"message": "x"}},
            {"type": "response.completed"},
        ],
    ),
}


@pytest.mark.parametrize("what", TOLD_IN_STREAM)
def test_what_tells_of_an_error_is_none(face: SyncFace, what: str) -> None:
    """An empty error, one inside a choice, a model's own words, a failed response, a failed tool."""
    row, keywords, events = TOLD_IN_STREAM[what]
    with HostileServer([sse_reply(events)]) as server:
        call = face.client(base_url=server.url).call(row, stream=True, **keywords)
        assert list(face.iterate(call)) == [event for event in events if event != DONE]


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "application/x-ndjson", None])
def test_a_stream_by_another_name_is_one(face: SyncFace, content_type: str | None) -> None:
    """Some servers mislabel their streams, or do not label them: events are events."""
    fields = [] if content_type is None else [("Content-Type", content_type)]
    with HostileServer([reply([b'data: {"id": 1}\n\ndata: [DONE]\n\n'], headers=fields)]) as server:
        assert list(face.iterate(chat(face.client(base_url=server.url)))) == [{"id": 1}]


#: Disguises that come before any event, and would mean a temporary failure.
EARLY: dict[str, Steps] = {
    "in the stream": sse_reply([{"error": {"code": 503, "message": "x"}}], headers=SOON),
    "behind comments": sse_reply([b": ping\n\n", {"error": {"code": 429, "message": "x"}}], headers=SOON),
    "named": sse_reply([named({"type": "overloaded_error", "message": "x"})], headers=SOON),
    "instead of a stream": json_reply({"error": {"code": "rate_limit_exceeded"}}, headers=SOON),
}


@pytest.mark.parametrize("disguise", EARLY)
def test_before_the_first_event_it_is_retried(face: SyncFace, disguise: str) -> None:
    """Nothing was given out yet: the stream begins anew, unseen by the user but for its attempts."""
    with HostileServer([EARLY[disguise], EARLY[disguise], sse_reply([CHUNK, DONE])]) as server:
        client = face.client(base_url=server.url, max_retries=2)
        assert list(face.iterate(chat(client))) == [CHUNK]
    assert len(server.requests) == 3
    assert len({request.body for request in server.requests}) == 1


@pytest.mark.parametrize("disguise", EARLY)
def test_it_is_retried_no_more_often_than_allowed(face: SyncFace, disguise: str) -> None:
    """The last attempt's error is raised, with all attempts."""
    with HostileServer([EARLY[disguise]], after="repeat") as server, pytest.raises(APIStatusError) as caught:
        list(face.iterate(chat(face.client(base_url=server.url, max_retries=1))))
    assert [attempt.number for attempt in caught.value.attempts] == [1, 2]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "error",
    [
        {"code": 400},
        {"code": 401},
        {"code": "insufficient_quota"},
        {"message": "odd"},
        {"code": 429, "type": "insufficient_quota"},
    ],
)
def test_what_no_retry_mends_is_raised_at_once(face: SyncFace, error: Any) -> None:
    """The disguise is judged like the status: bad requests, quotas and unknown errors are final."""
    with HostileServer([sse_reply([{"error": error}], headers=SOON)]) as server, pytest.raises(APIError):
        list(face.iterate(chat(face.client(base_url=server.url, max_retries=3))))
    assert len(server.requests) == 1


def test_events_before_the_error_are_not_lost(face: SyncFace) -> None:
    """Event and error in one piece: first the one, then the other."""
    both = b"data: " + json.dumps(CHUNK).encode() + b'\n\ndata: {"error": {"code": 503}}\n\n'
    with HostileServer([sse_reply([both, Wait(0.0)], headers=SOON)], after="repeat") as server:
        events = face.iterate(chat(face.client(base_url=server.url, max_retries=3)))
        assert next(events) == CHUNK
        with pytest.raises(InternalServerError):
            next(events)
    assert len(server.requests) == 1
