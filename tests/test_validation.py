"""Checking requests, replies and events against schemas, where a user asks for it."""

from __future__ import annotations

from typing import Any

import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply, sse_reply
from kinds import DataMessage

from oai_dyn import ConfigError, Reply, ValidationError

MESSAGE = {"type": "object", "properties": {"role": {"enum": ["user"]}}, "required": ["role"]}
REQUEST = {"type": "object", "properties": {"messages": {"type": "array", "items": MESSAGE}}, "required": ["model"]}
ANSWER = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
EVENT = {"type": "object", "required": ["delta"]}
ROW: dict[str, Any] = {
    "name": "talk",
    "method": "POST",
    "path": "/talk",
    "body": {"kind": "json", "schema": REQUEST},
    "reply": {"schema": ANSWER},
    "stream": {"ask": {"in": "body", "key": "stream", "value": True}, "last": ["[DONE]"], "schema": EVENT},
}
LOOK = {"name": "look", "method": "GET", "path": "/look", "reply": {"schema": ANSWER}}


@pytest.mark.parametrize("validate", ["request", "both", True])
def test_a_request_is_checked(face: SyncFace, validate: Any) -> None:
    """Per client or per call, before it is sent; the error has every fault with its place."""
    with HostileServer([]) as server:
        bad = {"messages": [{"role": "user"}, {"role": "me"}, {}]}
        for client, keywords in (
            (face.client(base_url=server.url, routes=[ROW], validate=validate), {}),
            (face.client(base_url=server.url, routes=[ROW]), {"validate": validate}),
        ):
            with pytest.raises(ValidationError) as caught:
                face.wait(client.talk(bad, **keywords))
            places = {(fault.path, fault.message) for fault in caught.value.errors}
            assert {path for path, _ in places} == {("model",), ("messages", 1, "role"), ("messages", 2, "role")}
            assert "messages[1].role: was 'me', wanted 'user'" in str(caught.value)
        assert server.accepted == 0


@pytest.mark.parametrize("validate", [None, False, "reply"])
def test_a_request_is_not_checked_unasked(face: SyncFace, validate: Any) -> None:
    """What is sent is the user's own affair."""
    with HostileServer([json_reply({"id": "x"})]) as server:
        assert face.wait(face.client(base_url=server.url, routes=[ROW], validate=validate).talk(n=1)).id == "x"


def test_objects_are_checked_as_what_they_are_sent_as(face: SyncFace) -> None:
    """A class's JSON is what the schema is held against."""
    with HostileServer([json_reply({"id": "x"})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate="request")
        face.wait(client.talk(model="m", messages=[DataMessage("user", "hi")]))
        with pytest.raises(ValidationError, match=r"messages\[0\]\.role: was 'me', wanted"):
            face.wait(client.talk(model="m", messages=[DataMessage("me", "hi")]))


@pytest.mark.parametrize("into", [None, dict, Reply])
def test_a_reply_is_checked(face: SyncFace, into: Any) -> None:
    """Whatever type it is to become; the error names the place."""
    with HostileServer([json_reply({"id": 5}), json_reply({"id": "x"})]) as server:
        client = face.client(base_url=server.url, routes=[ROW], validate="reply")
        with pytest.raises(ValidationError, match="id: was 5, wanted a string"):
            face.wait(client.talk(into=into))
        good = face.wait(client.talk(into=into))
        assert (good.data if into is Reply else good) == {"id": "x"}


def test_events_are_checked_against_their_own_schema(face: SyncFace) -> None:
    """A stream's events have the schema of the stream, not that of the whole reply."""
    with HostileServer([sse_reply(['{"delta": 1}', '{"delta": 2}', '{"other": 3}', "[DONE]"])]) as server:
        seen: list[int] = []
        events = face.iterate(face.client(base_url=server.url, routes=[ROW], validate="reply").talk(stream=True))
        with pytest.raises(ValidationError, match="delta: missing"):
            seen.extend(one.delta for one in events)
    assert seen == [1, 2]


def test_a_row_without_a_body_has_nothing_to_check(face: SyncFace) -> None:
    """Checking both sides of a GET checks its answer."""
    with HostileServer([json_reply({"id": "x"}), json_reply({})]) as server:
        client = face.client(base_url=server.url, routes=[LOOK], validate=True)
        assert face.wait(client.look()).id == "x"
        with pytest.raises(ValidationError, match="id: missing"):
            face.wait(client.look())


def test_a_row_without_a_schema_says_so(face: SyncFace) -> None:
    """Who asks for a check that cannot be made is told, and nothing is sent."""
    row = {"name": "bare", "method": "POST", "path": "/bare", "body": {"kind": "json"}}
    with HostileServer([]) as server:
        with pytest.raises(ConfigError, match="validate: there is no schema for the request of bare"):
            face.wait(face.client(base_url=server.url, routes=[row], validate="request").bare())
        assert server.accepted == 0


def test_the_call_overrules_the_client(face: SyncFace) -> None:
    """`validate=False` with one call."""
    with HostileServer([json_reply({"id": 5})]) as server:
        assert face.wait(face.client(base_url=server.url, routes=[ROW], validate=True).talk(validate=False)).id == 5


def test_a_fault_does_not_quote_at_length(face: SyncFace) -> None:
    """However big what stood there is, the message stays short."""
    with HostileServer([]) as server, pytest.raises(ValidationError) as caught:
        face.wait(face.client(base_url=server.url, routes=[ROW], validate="request").talk(model="m", messages="x" * 10_000))
    assert "messages: " in str(caught.value)
    assert len(str(caught.value)) < 500
