"""`oai_dyn.validate` without a client, and what a schema sees of a body: JSON, or a form's texts and files."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kinds import DataMessage, OwnChat, OwnMessage

import oai_dyn
from oai_dyn import ConfigError, ValidationError
from oai_dyn.objects import plain
from oai_dyn.validation import faults_of_query

CHAT = "chat.completions.create"
GOOD = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def told(name: str, body: Any, strict: bool = False) -> list[str]:
    """What is said of a body, empty for nothing."""
    try:
        oai_dyn.validate(name, body, strict=strict)
    except ValidationError as error:
        return [str(fault) for fault in error.errors]
    return []


@pytest.mark.parametrize("name", [CHAT, "createChatCompletion", "POST /chat/completions", "CreateChatCompletionRequest"])
def test_a_row_or_a_definition_by_any_of_its_names(name: str, engine: str) -> None:
    """Good bodies pass, others are told with their places."""
    assert told(name, GOOD) == []
    assert told(name, {"model": "m", "messages": [{"role": "usr", "content": "hi"}]}) == [
        "messages[0].role: was 'usr', wanted one of 'developer', 'system', 'user', 'assistant', 'tool', 'function'; "
        "did you mean 'user'?"
    ]


def test_a_missing_key_is_told_where_it_should_stand(engine: str) -> None:
    """However deep it is."""
    part = {"type": "image_url", "image_url": {"detail": "low"}}
    user = {"role": "user", "content": "hi"}
    messages = [user, user, user, {"role": "user", "content": [part]}]
    assert told(CHAT, {"model": "m", "messages": messages}) == ["messages[3].content[0].image_url.url: missing"]


def test_strict(engine: str) -> None:
    """Keys that no schema lists are refused, the misspelled one at its own place, with the nearest right one."""
    body = {**GOOD, "temprature": 1, "zebra": 1}
    assert told(CHAT, body) == []
    wrong, other = told(CHAT, body, strict=True)
    assert wrong == "temprature: no such key; did you mean 'temperature'?"
    assert other.startswith("zebra: no such key; known are 'metadata', ")


def test_only_the_first_faults_are_in_the_message() -> None:
    """`errors` has them all."""
    with pytest.raises(ValidationError) as caught:
        oai_dyn.validate(CHAT, {"model": 5, "messages": 5, "n": "x", "seed": "x", "user": 5})
    assert len(caught.value.errors) == 5
    assert str(caught.value).endswith("; and 2 more")
    assert str(caught.value).count(": was ") == 3
    assert caught.value.reply is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CreateChatCompletionReqest", "near it are CreateChatCompletionRequest"),
        ("chat.completion.create", "no route 'chat.completion.create'; near it are chat.completions.create"),
        ("files.retrieve", "there is no schema for the request of files.retrieve"),
        ("", "'', wanted the name of a row or of a definition"),
        (None, "None, wanted the name of a row or of a definition"),
        (5, "5, wanted the name of"),
    ],
)
def test_a_name_without_a_schema(name: Any, message: str) -> None:
    """What is near is told; a row without a body and a query has nothing to be held against."""
    with pytest.raises(ConfigError, match=f"^validate: .*{message}"):
        oai_dyn.validate(name, {})


def test_a_row_without_a_body_is_held_against_its_query() -> None:
    """As the texts that a query is sent as."""
    assert told("files.list", {"limit": "5", "order": "asc"}) == []
    assert told("files.list", {"limit": "many"})[0].startswith("limit: was the string 'many', wanted an integer")


@pytest.mark.parametrize(
    "messages", [[DataMessage("user", "hi")], (OwnMessage("user", "hi"),), [{"role": "user", "content": ("hi",)[0]}]], ids=repr
)
def test_objects_are_held_against_it_as_what_they_are_sent_as(messages: Any, engine: str) -> None:
    """Objects of any class, and tuples, inside a body and as the whole."""
    assert told(CHAT, {"model": "m", "messages": messages}) == []
    assert told(CHAT, {"model": "m", "messages": messages, "n": OwnMessage("user", "hi")}) == [
        "n: was an object, wanted an integer or null"
    ]


def test_an_object_as_the_body(engine: str) -> None:
    """By its own `to_dict`."""
    assert told(CHAT, OwnChat.from_dict(GOOD)) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": {1, 2}}, "n: was an array of 2, wanted an integer or null"),
        ({"n": object()}, "n: object has no to_dict"),
        ({"user": "\ud800"}, "user: a lone surrogate"),
        ({"temperature": float("nan")}, "temperature: nan cannot be written in JSON"),
    ],
    ids=str,
)
def test_what_cannot_be_sent_is_told_as_that(change: Any, message: str, engine: str) -> None:
    """With its place, before any schema is asked."""
    assert told(CHAT, {**GOOD, **change})[0].startswith(message)


def test_a_body_in_a_circle(engine: str) -> None:
    """And one that is nested too deep: a fault, whatever the schema says of it."""
    body: dict[str, Any] = {**GOOD}
    body["metadata"] = body
    (fault,) = told(CHAT, body)
    assert "in a circle" in fault


def opened() -> Any:
    return io.BytesIO(b"RIFF")


FILES: list[Callable[[], Any]] = [
    lambda: b"RIFF", lambda: Path("a.wav"), opened, lambda: ("a.wav", b"RIFF"), lambda: ("a.wav", opened(), "audio/wav"),
]  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_a_string_to_a_schema(file: Callable[[], Any], engine: str) -> None:
    """Whatever it was given as; it is not read."""
    assert told("audio.transcriptions.create", {"file": file(), "model": "whisper-1"}) == []
    assert (
        told("audio.transcriptions.create", {"file": file(), "mdoel": "whisper-1"})[0] == "model: missing; 'mdoel' looks like it"
    )


@pytest.mark.parametrize(
    ("members", "faults"),
    [
        ({"temperature": "0.5", "stream": "true", "language": None}, []),
        ({"temperature": 1, "prompt": 5, "stream": "false"}, []),
        ({"known_speaker_names": [1, True]}, []),
        ({"temperature": "warm"}, ["temperature: was the string 'warm', wanted a number"]),
        ({"temperature": "0.5", "stream": "yes"}, ["stream: was the string 'yes', wanted true, false or null"]),
        ({"prompt": {"a": 1}}, ["prompt: was an object, wanted a string"]),
    ],
    ids=str,
)
def test_a_form_knows_text_only(members: dict[str, Any], faults: list[str], engine: str) -> None:
    """1 and "1" are the same there, and so are true and "true"; what is None is left out."""
    found = told("audio.transcriptions.create", {"file": b"RIFF", "model": "whisper-1", **members})
    assert [fault.replace("true or false or null", "true, false or null") for fault in found] == faults


def test_a_form_may_come_as_an_object(engine: str) -> None:
    """By its `to_dict`, with the file in it."""

    class Upload:
        def to_dict(self) -> dict[str, Any]:
            return {"file": b"x", "purpose": DataMessage("user", "hi")}

    assert told("files.create", {"file": b"x", "purpose": "batch"}) == []
    assert told("files.create", Upload())[0].startswith("purpose: was an object, wanted one of 'assistants'")


def test_a_part_of_json_is_json(engine: str) -> None:
    """In it null is null, and a number no text."""
    assert told("realtime.calls.create", {"sdp": "v=0", "session": {"type": "realtime"}}) == []
    assert told("realtime.calls.create", {"sdp": "v=0", "session": {"type": None}})[0].startswith("session.type: was null")


def test_a_row_that_takes_json_where_there_is_no_file(engine: str) -> None:
    """With a file it is a form; without, JSON."""
    assert told("containers.files.create", {"file": b"x"}) == []
    assert told("containers.files.create", {"file_id": 5}) == ["file_id: was 5, wanted a string"]
    assert told("containers.files.create", {"file": [b"x"], "file_id": 5}) != ["file_id: was 5, wanted a string"]


QUERY = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "maximum": 100},
        "after": {"type": "string"},
        "include": {"type": "array", "items": {"enum": ["a", "b"]}},
        "filter": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "deep": {"type": "boolean"},
    },
    "required": ["limit"],
}


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ({"limit": "5", "after": 3, "deep": "true", "include": ("a",), "filter": {"n": "1"}}, []),
        ({"limit": 5, "after": None, "deep": False}, []),
        ({"limit": 5, "after": True, "filter": {"n": None}}, []),
        ({"limit": "500"}, ["limit: was the string '500', wanted an integer; write it without quotes"]),
        ({"limit": 500}, ["limit: was 500, wanted at most 100"]),
        ({"limit": 5, "include": ["c"]}, ["include[0]: was 'c', wanted one of 'a', 'b'"]),
        ({"limmit": 5}, ["limit: missing; 'limmit' looks like it"]),
        ({"limit": 2.5}, ["limit: was 2.5, wanted an integer"]),
    ],
    ids=str,
)
def test_a_query_is_text_too(query: Any, faults: list[str], engine: str) -> None:
    """As a form is: numbers and texts are alike there, and None is left out."""
    assert [str(fault) for fault in faults_of_query(QUERY, query, plain, strict=False)] == faults
