"""Operations as rows: all that a row has, webhooks, and what no row can hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imported import JSON, TEXT, TEXTS, Json, answer, body, document, imported, obj, operation, schema

from oai_dyn import ConfigError
from oai_dyn.openapi import convert, load
from oai_dyn.routes import bundled

FACTS = Path(__file__).parents[2] / "shared" / "spec" / "openai-openapi.json"

REF: Json = {"$ref": "#/components/schemas/Thing"}

THING: Json = {"Thing": obj("a", a=TEXT, b={"type": "integer"})}


# --- What a row has -----------------------------------------------------------------------------------------


def test_a_whole_row() -> None:
    """Every member of a row, from one operation that has them all."""
    given = {
        "operationId": "things.update",
        "deprecated": True,
        "parameters": [
            {"in": "query", "name": "q", "required": True, "schema": TEXT},
            {"in": "header", "name": "X-Trace", "schema": TEXT},
        ],
        **body({JSON: {"schema": REF}}),
        **answer({JSON: {"schema": REF}}),
        "security": [{"AdminKey": []}],
    }
    found = imported({"/things/{id}": {"parameters": [{"in": "path", "name": "id"}], "post": given}}, schemas=THING)
    assert found.rows == (
        {
            "name": "things.update",
            "id": "things.update",
            "method": "POST",
            "path": "/things/{id}",
            "positional": ["id"],
            "query": ["q"],
            "query_schema": "ThingsUpdateQuery",
            "headers": {"x_trace": "X-Trace"},
            "body": {"kind": "json", "schema": "Thing", "keys": ["a", "b"]},
            "reply": {"schema": "Thing"},
            "credential": "admin_key",
            "deprecated": True,
        },
    )
    assert found.notes == ()
    assert schema(found, "ThingsUpdateQuery") == obj("q", q=TEXT)
    assert schema(found, "Thing") == THING["Thing"]


def test_the_least_row() -> None:
    """An operation that says nothing answers nothing; a GET is safe to send twice."""
    assert operation(method="get", path="/")[0] == {
        "name": "root.list", "method": "GET", "path": "/", "reply": {"kind": "none"}, "safe": True,
    }  # fmt: skip


def test_schemas_that_stand_in_place_get_names() -> None:
    """A schema that is no reference is a definition called after the row; one name is never two things."""
    given = {**body({JSON: {"schema": obj(a=TEXT)}}), **answer({JSON: {"schema": TEXTS}}), "operationId": "a.b_c"}
    found = imported({"/x": {"post": given}}, schemas={"ABCRequest": TEXT})
    assert found.rows[0]["body"] == {"kind": "json", "schema": "ABCRequest2", "keys": ["a"]}
    assert found.rows[0]["reply"] == {"schema": "ABCReply"}


def test_what_is_referred_to() -> None:
    """Path items, bodies, answers and parameters may be references, in a chain too."""
    found = imported(
        {"/x": {"$ref": "#/components/pathItems/X"}},
        components={
            "pathItems": {
                "X": {
                    "parameters": [{"$ref": "#/components/parameters/Q"}],
                    "post": {
                        "requestBody": {"$ref": "#/components/requestBodies/B"},
                        "responses": {"200": {"$ref": "#/components/responses/A"}},
                    },
                }
            },
            "parameters": {"Q": {"$ref": "#/components/parameters/R"}, "R": {"in": "query", "name": "q", "schema": TEXT}},
            "requestBodies": {"B": {"content": {JSON: {"schema": REF}}}},
            "responses": {"A": {"content": {JSON: {"schema": REF}}}},
            "schemas": THING,
        },
    )  # fmt: skip
    assert not found.notes
    (row,) = found.rows
    assert (row["query"], row["body"]["schema"], row["reply"]["schema"]) == (["q"], "Thing", "Thing")


def test_a_fixed_query_in_a_path() -> None:
    """A query that stands in the path is sent with every request."""
    row, notes = operation(path="/things?beta=true&x=&=y", method="get")
    assert (row["path"], row["fixed"], notes) == ("/things", {"query": {"beta": "true", "x": ""}}, [])


# --- What no row can hold -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ({"/x": {"head": {}}}, "HEAD /x: the method head: left out: a row has one of GET, POST, PUT, PATCH, DELETE"),
        ({"/x": {"get": 7}}, "GET /x: of type int: left out: wanted an object"),
        ({"/x": 7}, "paths /x: of type int: left out: wanted an object"),
        ({"/x": {"$ref": "#/nowhere"}}, "#/paths/~1x: $ref '#/nowhere': left out: nothing stands there"),
        ({"/x": {"$ref": "#/components", "get": {}}}, "paths /x: operations beside $ref: left out: a reference stands alone"),
        ({"x": {"get": {}}}, "GET x: the path: left out: it cannot stand below a base URL"),
        ({"/a/../b": {"get": {}}}, "GET /a/../b: the path"),
        ({"/a b": {"get": {}}}, "GET /a b: the path"),
        ({"/x{": {"get": {}}}, "GET /x{: the path"),
        ({"/x#y": {"get": {}}}, "GET /x#y: the path"),
        (
            {"/{a}/{a}": {"get": {}}},
            "GET /{a}/{a}: the path: left out: it cannot stand below a base URL, or has a parameter twice",
        ),
    ],
)
def test_operations_that_are_left_out(paths: Json, said: str) -> None:
    """What is no operation, or cannot be called below a base URL, is noted."""
    found = imported(paths)
    assert not found.rows
    assert str(found.notes[0]).startswith(said)


def test_what_stands_beside_operations() -> None:
    """Servers and callbacks of an operation are noted; extensions and prose are nothing."""
    item = {"summary": "s", "x-other": 1, "servers": [{"url": "/"}], "get": {"callbacks": {"c": {}}, "description": "d"}}
    found = imported({"/x": item, "x-paths": 7})
    assert [str(note) for note in found.notes] == [
        "GET /x: callbacks: left out: they are requests that the server sends",
        "GET /x: servers: left out: all rows of a table go to one address",
    ]
    assert len(found.rows) == 1


def test_paths_that_are_no_object() -> None:
    """Without paths there is nothing to convert; a document of webhooks alone needs none."""
    with pytest.raises(ConfigError, match="paths: of type list, wanted an object"):
        imported([])
    assert convert(load({"openapi": "3.1.0"}), "x").rows == ()


def test_webhooks() -> None:
    """The payload of each webhook is a definition in a file of its own; one without JSON is noted."""
    hooks = {
        "thing.made": {"post": body({JSON: {"schema": REF}})},
        "a/b": {"post": body({JSON: {"schema": obj(a=TEXT)}})},
        "none": {},
        "bare": {"post": {}},
        "form": {"post": body({"text/plain": {}})},
    }
    found = imported({}, webhooks=hooks, schemas=THING)
    assert found.webhooks == {"thing.made": "Thing", "a/b": "ABWebhook"}
    assert found.files.keys() == {"webhooks.json"}
    assert [note.where for note in found.notes] == ["webhook none", "webhook bare", "POST webhook form", "webhook form"]
    assert "left out: wanted an object" in str(imported({}, webhooks=[]).notes[0])


def test_a_newer_version_is_noted() -> None:
    """What 3.2 has beyond 3.1 is not known."""
    assert str(imported({}, "3.2.0").notes[0]) == "openapi: 3.2.0: read as 3.1: what is newer is not known"


# --- OpenAI's own document ----------------------------------------------------------------------------------


@pytest.mark.skipif(not FACTS.exists(), reason="the API's published document is not here")
def test_openais_own_document() -> None:
    """Every operation of the published document is a row, under the name it has here; each schema is of 2020-12."""
    published = json.loads(FACTS.read_text("utf-8"))
    found = convert(load(published), "openai")
    assert len(found.rows) == sum(len(item) for item in published["paths"].values()) == 288
    names = {row["name"] for row in found.rows}
    assert {row["id"] for row in found.rows if row["name"] not in set(bundled().names)} == set()
    assert len(names) == 288
    assert len(found.webhooks) == len(published["webhooks"])


def test_documents_are_not_changed() -> None:
    """Converting leaves the document as it was."""
    given = document(
        {"/things/{id}": {"post": {**body({JSON: {"schema": REF}}), **answer({JSON: {"schema": {"allOf": [REF]}}})}}},
        schemas=THING,
    )
    before = json.dumps(given)
    convert(load(given), "x")
    assert json.dumps(given) == before


@pytest.mark.parametrize("name", ["", "-", "é", 7])
def test_a_wrong_name_for_the_profile(name: Any) -> None:
    """Variables of the environment are called after it: it needs a letter or a digit."""
    with pytest.raises(ConfigError, match=r"name: .* wanted one with letters or digits"):
        convert(load({"openapi": "3.1.0"}), name)


def test_schemas_that_go_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a step of the conversion runs out of frames all the same, that is a ConfigError too."""
    monkeypatch.setattr("oai_dyn.openapi.decide", lambda definitions: (_ for _ in ()).throw(RecursionError()))
    with pytest.raises(ConfigError, match="x: schemas that are nested too deep, or stand behind too many others"):
        convert(load({"openapi": "3.1.0"}), "x")
