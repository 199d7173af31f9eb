"""Requests, replies, events and pages held against schemas by a client, where a user asks for it; with both clients."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply, reply, sse_reply
from kinds import DataMessage

from oai_dyn import Client, ConfigError, Event, Page, Record, Reply, SchemaWarning, Validation, ValidationError
from oai_dyn.checks import settle

MESSAGE = {"type": "object", "properties": {"role": {"enum": ["user"]}}, "required": ["role"]}
REQUEST = {"type": "object", "properties": {"messages": {"type": "array", "items": MESSAGE}, "stream": {}}, "required": ["model"]}
ANSWER = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
EVENT = {"type": "object", "required": ["delta"]}
ROW: dict[str, Any] = {
    "name": "talk",
    "method": "POST",
    "path": "/talk",
    "query": ["limit"],
    "query_schema": {"type": "object", "properties": {"limit": {"type": "integer"}}},
    "body": {"kind": "json", "schema": REQUEST},
    "reply": {"schema": ANSWER},
    "stream": {"ask": {"in": "body", "key": "stream", "value": True}, "last": ["[DONE]"], "schema": EVENT},
}
LOOK = {"name": "look", "method": "GET", "path": "/look", "reply": {"schema": ANSWER}}
LIST = {
    "name": "list",
    "method": "GET",
    "path": "/list",
    "query": ["after"],
    "query_schema": {"type": "object", "properties": {"after": {"type": "string"}}},
    "reply": {"schema": {"properties": {"data": {"items": ANSWER}}}},
    "page": {"items": "data", "cursor": ["data", -1, "id"], "param": "after", "more": "has_more"},
}


# --- Requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("validate", ["request", "both", True, {"request": "raise"}, Validation("raise")], ids=str)
def test_a_request_is_checked(face: SyncFace, validate: Any, engine: str) -> None:
    """Per client or per call, before it is sent; the error has every fault with its place."""
    with HostileServer([]) as server:
        bad = {"messages": [{"role": "user"}, {"role": "me"}, {}]}
        for client, keywords in (
            (face.client(base_url=server.url, routes=[ROW], validate=validate), {}),
            (face.client(base_url=server.url, routes=[ROW]), {"validate": validate}),
        ):
            with pytest.raises(ValidationError) as caught:
                face.wait(client.talk(bad, **keywords))
            assert [fault.path for fault in caught.value.errors] == [("messages", 1, "role"), ("messages", 2, "role"), ("model",)]
            assert str(caught.value) == "messages[1].role: was 'me', wanted 'user'; messages[2].role: missing; model: missing"
            assert caught.value.reply is None
        assert server.accepted == 0


@pytest.mark.parametrize("validate", [None, False, "reply", {}, {"reply": "raise", "strict": True}], ids=str)
def test_a_request_is_not_checked_unasked(face: SyncFace, validate: Any) -> None:
    """What is sent is the user's own affair."""
    with HostileServer([json_reply({"id": "x"})]) as server:
        assert face.wait(face.client(base_url=server.url, routes=[ROW], validate=validate).talk(n=1)).id == "x"


def test_a_query_is_checked(face: SyncFace) -> None:
    """Beside the body, or alone; what the client itself always sends counts where the row knows it."""
    with HostileServer([json_reply({"data": []})]) as server:
        client = face.client(base_url=server.url, routes=[ROW, LIST], validate="request", query={"limit": "x", "api-version": 1})
        with pytest.raises(ValidationError, match=r"^limit: was the string 'x', wanted an integer; model: missing$"):
            face.wait(client.talk({}))
        with pytest.raises(ValidationError, match=r"^after: was an object, wanted a string$"):
            face.wait(client.list(after={"a": 1}))
        assert face.wait(client.list(after=5, validate={"request": "raise", "strict": True})).data == []


def test_strict_refuses_what_no_schema_lists(face: SyncFace) -> None:
    """In body and query; in a reply as well."""
    strict = Validation("raise", "raise", strict=True)
    with HostileServer([json_reply({"id": "x", "more": 1}), json_reply({"id": "x"})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate=strict)
        with pytest.raises(ValidationError, match=r"^lmit: no such key; did you mean 'limit'\?; model: no such key; known are"):
            face.wait(client.talk(model="m", messages=[], extra_query={"lmit": 1}))
        with pytest.raises(ValidationError, match=r"messages\[0\]\.rloe: no such key; did you mean 'role'\?"):
            face.wait(client.talk(messages=[{"role": "user", "rloe": "user"}]))
        with pytest.raises(ValidationError, match="more: no such key; known are 'id'"):
            face.wait(client.talk(model="m", validate={"reply": "raise", "strict": True}))
        assert face.wait(client.talk(model="m", validate="reply")).id == "x"


def test_objects_are_checked_as_what_they_are_sent_as(face: SyncFace) -> None:
    """A class's JSON is what the schema is held against."""
    with HostileServer([json_reply({"id": "x"})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate="request")
        face.wait(client.talk(model="m", messages=[DataMessage("user", "hi")]))
        with pytest.raises(ValidationError, match=r"messages\[0\]\.role: was 'me', wanted 'user'"):
            face.wait(client.talk(model="m", messages=[DataMessage("me", "hi")]))


def test_a_warning_lets_the_request_go(face: SyncFace) -> None:
    """It says what is wrong, and points at the line of the user's that asked."""
    with HostileServer([json_reply({"id": "x"})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate={"request": "warn"})
        with pytest.warns(SchemaWarning) as caught:
            assert face.wait(client.talk(messages=[])).id == "x"
        assert [str(one.message) for one in caught] == ["the request of talk: model: missing"]
        assert caught[0].message.errors[0].path == ("model",)  # type: ignore[union-attr]
        assert Path(caught[0].filename).name in ("test_validation.py", "faces.py")


# --- Replies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("into", [None, dict, Reply])
def test_a_reply_is_checked(face: SyncFace, into: Any, engine: str) -> None:
    """Whatever type it is to become; the error names the place and has the reply."""
    with HostileServer([json_reply({"id": 5, "more": [1]}), json_reply({"id": "x"})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate="reply")
        with pytest.raises(ValidationError, match=r"^the reply of talk: id: was 5, wanted a string$") as caught:
            face.wait(client.talk(into=into))
        assert caught.value.reply.data == {"id": 5, "more": [1]}
        assert (caught.value.reply.status, len(caught.value.reply.attempts)) == (200, 1)
        good = face.wait(client.talk(into=into))
        assert (good.data if into is Reply else good) == {"id": "x"}


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_the_error_travels_with_its_reply(face: SyncFace, again: Callable[[Any], Any]) -> None:
    """Class, faults, and all of the answer: status, headers, body and data."""
    answer = json_reply({"id": 5}, headers=[("x-request-id", "r1")])
    with HostileServer([answer]) as server, pytest.raises(ValidationError) as caught:
        face.wait(face.client(base_url=server.url, routes=[ROW], validate="reply").talk())
    error, there = caught.value, again(caught.value)
    assert (type(there), str(there), there.errors) == (ValidationError, str(error), error.errors)
    assert there.errors[0].schema_path == ("properties", "id", "type")
    assert there.reply == error.reply
    assert (there.reply.request_id, json.loads(there.reply.body)) == ("r1", {"id": 5})


def test_a_warning_lets_the_reply_through(face: SyncFace) -> None:
    """As what it would have been."""
    with HostileServer([json_reply({"id": 5})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate=Validation(reply="warn"))
        with pytest.warns(SchemaWarning, match="^the reply of talk: id: was 5, wanted a string$"):
            found = face.wait(client.talk())
    assert type(found) is Record and found == {"id": 5}


def test_a_warning_that_is_an_error_is_raised_as_it_is(face: SyncFace) -> None:
    """Where a filter says so."""
    with HostileServer([json_reply({"id": 5})]) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SchemaWarning, match="id: was 5"):
            face.wait(face.client(base_url=server.url, routes=[ROW], validate={"reply": "warn"}).talk())


def test_a_warning_travels() -> None:
    """Pickled, it keeps its faults."""
    with pytest.warns(SchemaWarning) as caught, HostileServer([json_reply({"id": 5})]) as server:
        Client(api_key="k", base_url=server.url, routes={"routes": [ROW]}, validate={"reply": "warn"}).talk()
    there = pickle.loads(pickle.dumps(caught[0].message))
    assert (type(there), there.errors[0].path) == (SchemaWarning, ("id",))


def test_the_connection_of_a_wrong_reply_is_used_again(face: SyncFace) -> None:
    """It was read to its end."""
    with HostileServer([json_reply({"id": 5}), json_reply({"id": "x"})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate="reply")
        with pytest.raises(ValidationError):
            face.wait(client.talk())
        face.wait(client.talk())
        assert server.accepted == 1


def test_a_row_without_a_body_has_nothing_to_check(face: SyncFace) -> None:
    """Checking both sides of a GET checks its answer."""
    with HostileServer([json_reply({"id": "x"}), json_reply({})]) as server:
        client = face.client(base_url=server.url, routes=[LOOK], validate=True)
        assert face.wait(client.look()).id == "x"
        with pytest.raises(ValidationError, match="id: missing"):
            face.wait(client.look())


@pytest.mark.parametrize(
    "rule", [{"kind": "none"}, {"kind": "text"}, {"kind": "bytes"}, {"kind": "json", "or": "text", "schema": ANSWER}]
)
def test_what_is_no_json_is_not_checked(face: SyncFace, rule: Any) -> None:
    """Bytes, text, and text where it may come instead of JSON."""
    row = {**LOOK, "reply": rule}
    with HostileServer([reply([b"plain"], headers=[("Content-Type", "text/plain")])]) as server:
        answer = face.wait(face.client(base_url=server.url, routes=[row], validate=True).look(into=Reply))
        assert answer.body == b"plain"


def test_an_answer_without_a_body_is_not_checked(face: SyncFace) -> None:
    """204 No Content."""
    with HostileServer([reply([], status=204)]) as server:
        face.wait(face.client(base_url=server.url, routes=[LOOK], validate=True).look(into=Reply))


# --- Streams and pages --------------------------------------------------------------------------------------


EVENTS = ['{"delta": 1}', '{"delta": 2}', '{"other": 3}', '{"delta": 4}', "[DONE]"]


def test_events_are_checked_against_their_own_schema(face: SyncFace, engine: str) -> None:
    """A stream's events have the schema of the stream, not that of the whole reply; those before the wrong one are given."""
    with HostileServer([sse_reply(EVENTS)]) as server:
        seen: list[int] = []
        events = face.iterate(face.client(base_url=server.url, routes=[ROW], validate="reply").talk(stream=True))
        with pytest.raises(ValidationError, match=r"^an event of talk: delta: missing$") as caught:
            seen.extend(one.delta for one in events)
    assert seen == [1, 2]
    assert (caught.value.reply.data, caught.value.reply.body) == ({"other": 3}, b'{"other": 3}')


@pytest.mark.parametrize("into", [Event, bytes, str])
def test_raw_events_are_checked_too(face: SyncFace, into: Any) -> None:
    """What the user wants to see of an event has no say in what it has to be."""
    with HostileServer([sse_reply(EVENTS)]) as server:
        events = face.iterate(face.client(base_url=server.url, routes=[ROW], validate="reply").talk(stream=True, into=into))
        seen: list[Any] = []
        with pytest.raises(ValidationError, match=r"^an event of talk: delta: missing$"):
            seen.extend(events)
    assert len(seen) == 2 and isinstance(seen[0], into)


def test_a_warning_lets_the_stream_go_on(face: SyncFace) -> None:
    """To its end, with the event that does not fit."""
    with HostileServer([sse_reply(EVENTS)]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate={"reply": "warn"})
        with pytest.warns(SchemaWarning, match="^an event of talk: delta: missing$"):
            seen = list(face.iterate(client.talk(stream=True)))
    assert seen == [json.loads(event) for event in EVENTS[:-1]]


@pytest.mark.parametrize("into", [None, Page[dict]])  # type: ignore[type-arg]
def test_every_page_is_checked(face: SyncFace, into: Any) -> None:
    """Not the first alone."""
    pages = [{"data": [{"id": "a"}], "has_more": True}, {"data": [{"id": "b"}, {"id": 3}], "has_more": False}]
    with HostileServer([json_reply(page) for page in pages]) as server:
        seen: list[Any] = []
        items = face.iterate(face.client(base_url=server.url, routes=[LIST], validate=True).list(into=into))
        with pytest.raises(ValidationError, match=r"^the reply of list: data\[1\]\.id: was 3, wanted a string$"):
            seen.extend(item["id"] for item in items)
    assert seen == ["a"]


# --- Settings, and where schemas come from -------------------------------------------------------------------


def test_the_call_overrules_the_client(face: SyncFace) -> None:
    """`validate=False` with one call, or another way of it."""
    with HostileServer([json_reply({"id": 5})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate=True)
        assert face.wait(client.talk(validate=False)).id == 5
        with pytest.raises(ValidationError, match="model: missing"):
            face.wait(client.talk())


@pytest.mark.parametrize(
    ("value", "settled"),
    [
        (None, None),
        (False, None),
        ({}, None),
        ({"strict": True}, None),
        (Validation(), None),
        (True, Validation("raise", "raise")),
        ("both", Validation("raise", "raise")),
        ("request", Validation(request="raise")),
        ("reply", Validation(reply="raise")),
        ({"request": "warn"}, Validation("warn")),
        ({"request": None, "reply": "warn", "strict": True}, Validation(reply="warn", strict=True)),
        (Validation(reply="warn"), Validation(reply="warn")),
    ],
)
def test_the_forms_of_the_setting(value: Any, settled: Validation | None) -> None:
    """Short words, a dict as a file has it, or a Validation."""
    assert settle(value) == settled


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("all", "validate: 'all', wanted request, reply, both, True or False, a Validation or a dict of its members"),
        (1, "validate: 1, wanted request"),
        (["request"], r"validate: \['request'\], wanted request"),
        ({"reqest": "raise"}, "validate: 'reqest': no such member; there are request, reply, strict"),
        ({5: "raise"}, "validate: 5: no such member"),
        ({"request": True}, "validate.request: True, wanted raise, warn or None"),
        (Validation(reply="log"), "validate.reply: 'log', wanted raise, warn or None"),
        ({"reply": "warn", "strict": "yes"}, "validate.strict: 'yes', wanted True or False"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(face: SyncFace, value: Any, message: str) -> None:
    """By the client and by the call, before anything is sent."""
    with pytest.raises(ConfigError, match=f"^{message}"):
        face.client(validate=value)
    with pytest.raises(ConfigError, match=f"^{message}"):
        face.wait(face.client(routes=[ROW]).talk(validate=value))


@pytest.mark.parametrize(
    ("row", "validate", "what"),
    [
        ({"body": {"kind": "json"}}, "request", "the request of bare"),
        ({"body": {"kind": "none"}, "reply": {"kind": "json"}}, "reply", "the reply of bare"),
        ({"body": {"kind": "none"}, "stream": {"last": ["[DONE]"]}}, "reply", "an event of bare"),
    ],
)
def test_a_row_without_a_schema_says_so(face: SyncFace, row: Any, validate: str, what: str) -> None:
    """Who asks for a check of a call that cannot be made is told, and nothing is sent; a client looks where it can."""
    bare = {"name": "bare", "method": "POST", "path": "/bare", **row}
    with HostileServer([sse_reply(["[DONE]"]) if "stream" in row else json_reply({})]) as server:
        client = face.client(base_url=server.url, routes=[bare], validate=validate)
        with pytest.raises(ConfigError, match=f"^validate: there is no schema for {what}$"):
            face.wait(client.bare(validate=validate))
        assert server.accepted == 0
        assert list(face.iterate(client.bare()) if "stream" in row else face.wait(client.bare())) == []


def test_a_request_without_a_row_is_sent(face: SyncFace) -> None:
    """There is nothing to hold it against."""
    with HostileServer([json_reply({"id": 5})]) as server:
        assert face.wait(face.client(base_url=server.url, validate=True).request("POST", "/rerank", {"q": 1})) == {"id": 5}


def test_a_row_names_a_bundled_schema_or_a_file(face: SyncFace, tmp_path: Path, engine: str) -> None:
    """A definition by its name; a schema file beside the table's; a dict that refers to either."""
    (tmp_path / "mine.json").write_text(
        json.dumps({"$defs": {"Answer": ANSWER, "Wrapped": {"properties": {"a": {"$ref": "#/$defs/Answer"}}}}})
    )
    rows = [
        {**LOOK, "reply": {"schema": "mine.json#/$defs/Wrapped"}},
        {
            **ROW,
            "body": {"kind": "json", "schema": "CreateEmbeddingRequest"},
            "reply": {"schema": {"$ref": "mine.json#/$defs/Answer"}},
        },
    ]
    (tmp_path / "rows.json").write_text(json.dumps({"routes": rows}))
    with HostileServer([json_reply({"a": {}}), json_reply({"id": 5})]) as server:
        client = face.client(base_url=server.url, routes=tmp_path / "rows.json", validate=True)
        with pytest.raises(ValidationError, match=r"the reply of look: a\.id: missing"):
            face.wait(client.look())
        with pytest.raises(ValidationError, match=r"^model: missing; input: missing$"):
            face.wait(client.talk())
        with pytest.raises(ValidationError, match="the reply of talk: id: was 5"):
            face.wait(client.talk(input="x", model="m"))


def test_a_profile_may_give_rows_their_schemas(face: SyncFace) -> None:
    """A service that takes less, or answers otherwise, says so in its profile."""
    schema = {"$ref": "chat.json#/$defs/CreateChatCompletionRequest", "properties": {"n": {"const": 1}}}
    routes = [{"name": "chat.completions.create", "body": {"kind": "json", "schema": schema}, "reply": {"schema": ANSWER}}]
    with HostileServer([json_reply({"id": "x"})]) as server:
        client = face.client(provider={"base_url": server.url, "routes": routes}, validate=True)
        with pytest.raises(ValidationError, match=r"^n: was 2, wanted 1; messages: missing$"):
            face.wait(client.chat.completions.create(model="m", n=2))
        assert face.wait(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])).id == "x"


def test_a_name_that_is_not_there_is_told(face: SyncFace) -> None:
    """With the nearest, before anything is sent."""
    row = {**ROW, "body": {"kind": "json", "schema": "CreateEmbedingRequest"}}
    with pytest.raises(ConfigError, match="no schema 'CreateEmbedingRequest'; near it are CreateEmbeddingRequest"):
        face.wait(face.client(routes=[row], validate="request").talk())
