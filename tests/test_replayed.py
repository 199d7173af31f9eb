"""A service that answers in the other form: with a whole completion where a stream was asked for, and the other way round."""

from __future__ import annotations

import json
from typing import Any

import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply, reply, sse_reply
from streamed import CHUNK, DONE, SOON, chat

from oai_dyn import DecodeError, Event, RateLimitError, Record, Reply, StreamError, StreamTruncated
from oai_dyn.transformations.assembly import as_stream, joined, replayed

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
WHOLE: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi", "tool_calls": [CALL]}, "finish_reason": "stop"},
        {"index": 1, "message": {"role": "assistant", "content": "Ho"}, "finish_reason": "length"},
    ],
    "usage": {"total_tokens": 3},
}
TEXT = {"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]}
RESPONSE = {"id": "r", "object": "response", "status": "completed", "output": [{"type": "message", "content": [{"text": "Hi"}]}]}


# --- A whole answer where a stream was asked for --------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "whole"), [("chat.completions.create", WHOLE), ("completions.create", TEXT), ("responses.create", RESPONSE)]
)
def test_a_whole_answer_is_handed_over_as_events(face: SyncFace, row: str, whole: Any) -> None:
    """The user's loop goes on: Records of OpenAI's form, until the row's end."""
    with HostileServer([json_reply(whole, headers=[("x-request-id", "req-1")])]) as server:
        events = list(face.iterate(face.client(base_url=server.url).call(row, stream=True)))
    assert events == replayed(whole)
    assert {type(event) for event in events} == {Record}
    assert joined(events) == whole


@pytest.mark.parametrize("into", [Event, bytes, str, dict])
def test_in_any_type(face: SyncFace, into: Any) -> None:
    """What takes events before they are decoded gets JSON of the same."""
    with HostileServer([json_reply(WHOLE)]) as server:
        events = list(face.iterate(chat(face.client(base_url=server.url), into=into)))
    texts = [event.data if isinstance(event, Event) else event for event in events]
    assert [text if into is dict else json.loads(text) for text in texts] == replayed(WHOLE)


def test_the_hook_is_told(face: SyncFace) -> None:
    """As with any stream: the attempt, the first event, the end."""
    told: list[str] = []
    with HostileServer([json_reply(WHOLE)]) as server:
        list(face.iterate(chat(face.client(base_url=server.url, hook=lambda notice: told.append(notice.kind)))))
    assert told == ["attempt", "first_event", "end"]


def test_what_json_has_not_is_carried_along(face: SyncFace) -> None:
    """NaN, half a character and a long integer, as servers send them."""
    body = b'{"choices": [{"index": 0, "message": {"a": NaN, "b": "\\ud800", "c": 1180591620717411303424}}]}'
    with HostileServer([reply([body], headers=[("Content-Type", "application/json")])]) as server:
        first, _ = face.iterate(chat(face.client(base_url=server.url)))
    said = first["choices"][0]["delta"]
    assert (str(said["a"]), said["b"], said["c"]) == ("nan", "\ud800", 2**70)


def test_what_is_too_deep_is_not_written() -> None:
    """What is nested beyond the stack has no text; all else has."""
    deep: Any = "x"
    for _ in range(200_000):
        deep = [deep]
    assert as_stream([{"a": deep}]) == b""
    assert as_stream([{"a": 1}, {}]) == b'data: {"a": 1}\n\ndata: {}\n\n'


def test_the_user_may_check_what_is_replayed(face: SyncFace) -> None:
    """Validation sees events, and these are valid."""
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "logprobs": None, "finish_reason": "stop"}
    whole = {**WHOLE, "created": 1, "model": "m", "usage": usage, "choices": [choice]}
    with HostileServer([json_reply(whole)]) as server:
        events = list(face.iterate(chat(face.client(base_url=server.url, validate="reply"))))
    assert joined(events) == whole


ACME: dict[str, Any] = {
    "name": "acme",
    "reply": [
        {"verb": "unwrap", "member": "result"},
        {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]},
        {"verb": "unique"},
    ],
}


def test_it_is_brought_into_form_once(face: SyncFace) -> None:
    """The rules for replies apply to the whole; the events made of it are in form already."""
    said = {"role": "assistant", "reasoning": "Hm", "tool_calls": [{**CALL, "id": "0"}]}
    envelope = {"success": True, "result": {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}}
    with HostileServer([json_reply(envelope)]) as server:
        events = list(face.iterate(chat(face.client(provider={**ACME, "base_url": server.url}))))
    delta = events[0]["choices"][0]["delta"]
    assert delta["reasoning_content"] == "Hm"
    assert delta["tool_calls"][0]["id"].startswith("call_")


def test_a_service_that_cannot_stream(face: SyncFace) -> None:
    """A rule has the request sent unstreamed; the user iterates all the same."""
    profile = {"name": "acme", "request": [{"verb": "stream", "value": False}]}
    with HostileServer([json_reply(WHOLE)]) as server:
        events = list(face.iterate(chat(face.client(provider={**profile, "base_url": server.url}))))
    assert not server.requests[0].json().get("stream")
    assert events == replayed(WHOLE)


# --- A stream where a whole answer was asked for --------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "whole"), [("chat.completions.create", WHOLE), ("completions.create", TEXT), ("responses.create", RESPONSE)]
)
def test_a_stream_is_joined(face: SyncFace, row: str, whole: Any) -> None:
    """The answer that its events amount to; the body is what came."""
    with HostileServer([sse_reply([*replayed(whole), DONE])], after="repeat") as server:
        client = face.client(base_url=server.url)
        found = face.wait(client.call(row))
        assert type(found) is Record
        assert found == whole
        told = face.wait(client.call(row, into=Reply))
        assert told.data == whole
        assert told.body.startswith(b"data: {")
        assert face.wait(client.call(row, into=dict)) == whole
        assert face.wait(client.call(row, into=bytes)) == told.body


def test_a_service_that_only_streams(face: SyncFace) -> None:
    """A rule has the request sent streamed; events are brought into form, then what they amount to."""
    rules = [{"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"], "on": ["event"]}]
    rules += [{"verb": "set", "member": "choices[].message.role", "value": "assistant", "on": ["reply"]}]
    profile = {"name": "acme", "request": [{"verb": "stream", "value": True}], "reply": rules}
    chunks = [{"choices": [{"index": 0, "delta": {"reasoning": text}, "finish_reason": None}]} for text in "ab"]
    with HostileServer([sse_reply([*chunks, DONE])]) as server:
        found = face.wait(
            face.client(provider={**profile, "base_url": server.url}).chat.completions.create(model="m", messages=[])
        )
    assert server.requests[0].json()["stream"] is True
    assert found["choices"][0]["message"] == {"reasoning": "ab", "reasoning_content": "ab", "role": "assistant"}


def test_an_error_in_it_is_one(face: SyncFace) -> None:
    """Of the class that it stands for; tried again as any other, for nothing was given out."""
    broken = sse_reply([CHUNK, {"error": {"code": 429, "message": "x"}}], headers=SOON)
    with HostileServer([broken]) as server, pytest.raises(RateLimitError) as caught:
        face.wait(face.client(base_url=server.url).chat.completions.create(model="m", messages=[]))
    assert caught.value.status == 429
    with HostileServer([broken, sse_reply([*replayed(WHOLE), DONE])]) as server:
        client = face.client(base_url=server.url, max_retries=1)
        assert face.wait(client.chat.completions.create(model="m", messages=[])) == WHOLE


def test_one_that_is_cut_is_no_answer(face: SyncFace) -> None:
    """Unless the user takes what is cut."""
    steps = sse_reply([replayed(WHOLE)[0]])
    with HostileServer([steps], after="repeat") as server:
        client = face.client(base_url=server.url)
        with pytest.raises(StreamTruncated, match="1 events"):
            face.wait(client.chat.completions.create(model="m", messages=[]))
        found = face.wait(client.chat.completions.create(model="m", messages=[], allow_truncated=True))
        assert found.choices[0].message.content == "Hi"


@pytest.mark.parametrize(
    ("row", "events", "error"),
    [
        ("chat.completions.create", [{"x": 1}, DONE], DecodeError),
        ("chat.completions.create", ["data: {\n\n", DONE], DecodeError),
        ("chat.completions.create", [b"event: error\ndata: x\n\n"], StreamError),
        ("models.list", [CHUNK, DONE], DecodeError),
    ],
)
def test_a_stream_of_something_else_is_no_answer(face: SyncFace, row: str, events: list[Any], error: type[Exception]) -> None:
    """Nor is one of a row that does not stream."""
    with HostileServer([sse_reply(events)]) as server, pytest.raises(error) as caught:
        face.wait(face.client(base_url=server.url).call(row))
    assert type(caught.value) is error
