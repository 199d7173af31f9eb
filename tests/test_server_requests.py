"""The local server checks requests against the schemas of their rows, and refuses them as the API does."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from faces import SyncFace

from oai_dyn import BadRequestError
from oai_dyn.errors import Fault
from oai_dyn.server import running
from oai_dyn.server.asked import Upload
from oai_dyn.server.checking import LONGEST, Refusal, check, code_of
from oai_dyn.server.forms import folded, read, typed
from oai_dyn.server.settling import Schemas

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """One server for the whole file."""
    with running() as url:
        yield url


def refused(url: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """The error that a request by hand is refused with."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        assert response.status == 400, response.read()
        error = json.loads(response.read())["error"]
    finally:
        connection.close()
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return dict(error)


@pytest.mark.parametrize(
    ("body", "param", "code", "says"),
    [
        ({"messages": CHAT["messages"]}, "model", "missing_required_parameter", "model: missing"),
        ({**CHAT, "messages": "hi"}, "messages", "invalid_type", "wanted an array"),
        ({**CHAT, "messages": []}, "messages", "array_below_min_length", "is empty"),
        ({**CHAT, "messages": [{"role": "usr", "content": "hi"}]}, "messages[0].role", "invalid_value", "did you mean 'user'?"),
        ({**CHAT, "messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter", "missing"),
        ({**CHAT, "messages": [{"role": "user", "content": 7}]}, "messages[0].content", "invalid_type", "was 7"),
        ({**CHAT, "temperature": 3}, "temperature", "integer_above_max_value", "was 3"),
        ({**CHAT, "n": 0}, "n", "integer_below_min_value", "was 0"),
        ({**CHAT, "stream": "yes"}, "stream", "invalid_type", "true or false"),
        ({**CHAT, "metadata": {"k": 1}}, "metadata.k", "invalid_type", "wanted a string"),
        (
            {**CHAT, "tools": [{"type": "function", "function": {}}]},
            "tools[0].function.name",
            "missing_required_parameter",
            "missing",
        ),
        (None, "model", "missing_required_parameter", "missing"),
    ],
)
def test_a_bad_body_is_refused_at_its_place(url: str, body: Any, param: str, code: str, says: str) -> None:
    """400, with what is wrong in words, the API's code for it and the place in `param`."""
    error = refused(url, "POST", "/v1/chat/completions", body)
    assert (error["param"], error["code"]) == (param, code)
    assert says in error["message"]


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("order=up", "order", "invalid_value"),
        ("limit=many", "limit", "invalid_type"),
        ("limit=1.5", "limit", "invalid_type"),
        ("after[x]=1", "after", "invalid_type"),
    ],
)
def test_a_bad_query_is_refused(url: str, query: str, param: str, code: str) -> None:
    """Its text is read by the types of its schema first."""
    error = refused(url, "GET", f"/v1/files?{query}")
    assert (error["param"], error["code"]) == (param, code)


def test_a_query_that_must_be_there_is_asked_for(url: str) -> None:
    """And its lists are looked into."""
    assert refused(url, "GET", "/v1/organization/costs")["param"] == "start_time"
    error = refused(url, "GET", "/v1/organization/costs?start_time=1&group_by[]=project_id&group_by[]=color")
    assert (error["param"], error["code"]) == ("group_by[1]", "invalid_value")


def test_a_bad_form_is_refused(url: str, face: SyncFace) -> None:
    """A member that is missing, one that is none, numbers out of bounds; files are strings."""
    client = face.client(base_url=url)
    for sent, param in (
        ({"file": b"abc"}, "purpose"),
        ({"file": b"abc", "purpose": "fun"}, "purpose"),
        ({"file": b"abc", "purpose": "batch", "expires_after": {"anchor": "created_at", "seconds": 1}}, "expires_after.seconds"),
        ({"purpose": "batch", "notes": b"abc"}, "notes"),
    ):
        with pytest.raises(BadRequestError) as caught:
            face.wait(client.files.create(sent))
        assert caught.value.param == param
    good = {"file": b"abc", "purpose": "batch", "expires_after": {"anchor": "created_at", "seconds": 3600}}
    assert face.wait(client.files.create(good)).purpose == "batch"


def test_a_client_is_told_the_place(url: str, face: SyncFace) -> None:
    """The error of a call has the param and the code, as from the API itself."""
    with pytest.raises(BadRequestError) as caught:
        face.wait(
            face.client(base_url=url).responses.create(input=[{"role": "user", "content": [{"type": "input_texd"}]}], model="m")
        )
    assert (caught.value.param, caught.value.code) == ("input[0].content[0].type", "invalid_value")


def test_what_is_refused_is_not_counted_as_answered(url: str) -> None:
    """Its row's turn does not pass."""
    with running() as fresh:
        refused(fresh, "POST", "/v1/chat/completions", {})
        connection = http.client.HTTPConnection(urlsplit(fresh).netloc, timeout=10)
        connection.request("GET", "/_seen")
        seen = json.loads(connection.getresponse().read())
        connection.close()
    assert (seen["rows"], seen["statuses"]) == ({}, {"400": 1})


@pytest.mark.parametrize(
    ("pairs", "members"),
    [
        ([("a", "1"), ("b", "2")], {"a": "1", "b": "2"}),
        ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
        ([("a[b]", "1"), ("a[c][d]", "2")], {"a": {"b": "1", "c": {"d": "2"}}}),
        ([("a[][x]", "1"), ("a[][y]", "2"), ("a[][x]", "3")], {"a": [{"x": "1", "y": "2"}, {"x": "3"}]}),
        ([("a[][x][]", "1"), ("a[][x][]", "2")], {"a": [{"x": ["1", "2"]}]}),
        ([("a", "1"), ("a[]", "2"), ("a[b]", "3")], {"a": "1"}),
        ([("a[]", "1"), ("a[][x]", "2"), ("a[b]", "3")], {"a": ["1", {"x": "2"}]}),
        ([("a[][]", "1"), ("a[][]", "2")], {"a": [["1"], ["2"]]}),
        ([("", "1"), ("a[b", "2")], {"": "1", "a[b": "2"}),
    ],
)
def test_names_of_a_form_nest(pairs: list[tuple[str, str]], members: dict[str, Any]) -> None:
    """As the API's convention has it; what came first keeps its kind, and what is no name of the kind is a name."""
    assert folded(pairs) == members


def test_text_is_read_by_its_type() -> None:
    """Where it looks like it; a string stays one, whatever it looks like, and so does what no schema speaks of."""
    kinds = {
        "whole": ({"type": "integer"}, "-7", -7),
        "measure": ({"type": "number"}, "1e2", 100.0),
        "switch": ({"type": ["boolean", "null"]}, "true", True),
        "nothing": ({"type": ["boolean", "null"]}, "null", None),
        "text": ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "7", "7"),
        "list": ({"$ref": "#/$defs/list"}, ["1", "x"], [1, "x"]),
        "deep": ({"type": "object", "properties": {"n": {"type": "integer"}}}, {"n": "1", "m": "2"}, {"n": 1, "m": "2"}),
        "strange": ({"type": "integer"}, "\u0661", "\u0661"),
        "any": ({}, "1", "1"),
    }
    schemas = Schemas({"$defs": {"list": {"type": "array", "items": {"type": "integer"}}}})
    for schema, text, value in kinds.values():
        assert typed(schemas, schema, text) == value
    assert read(None, {"a": "1"}) == {"a": "1"}


def test_a_file_is_a_string_to_a_schema() -> None:
    """Alone and in a list."""
    check(
        {"properties": {"file": {"type": "string"}, "more": {"items": {"type": "string"}}}},
        {"file": Upload("a", 1), "more": [Upload("b", 2)]},
    )
    check(None, 7)


def test_a_refusal_is_short() -> None:
    """Whatever was sent; of a value as a whole there is no place."""
    with pytest.raises(Refusal) as caught:
        check({"type": "object", "required": ["x" * 5000]}, {})
    assert len(str(caught.value)) <= LONGEST
    with pytest.raises(Refusal) as caught:
        check({"type": "object"}, [])
    assert caught.value.param is None
    assert str(caught.value) == "was an array of 0, wanted an object"


@pytest.mark.parametrize(
    ("message", "schema_path", "code"),
    [
        ("was 7, wanted a string", ("anyOf",), "invalid_type"),
        ("was 'a', wanted 'b'", ("anyOf",), "invalid_value"),
        ("was 'a', wanted 'b'", ("properties", "type", "enum"), "invalid_value"),
        ("no such key", ("additionalProperties",), "unknown_parameter"),
        ("missing; 'x' looks like it", ("required",), "missing_required_parameter"),
        ("was 7", (), "invalid_value"),
    ],
)
def test_a_fault_has_the_codes_of_the_api(message: str, schema_path: tuple[str, ...], code: str) -> None:
    """By keyword, and for a union by what it wanted."""
    assert code_of(Fault(("a",), message, schema_path)) == code
