"""Names of rows: from a file of names, from the bundled row, from an operationId, or from method and path; and clashes."""

from __future__ import annotations

from typing import Any

import pytest
from imported import Json, imported, operation

from oai_dyn import ConfigError
from oai_dyn.openapi.naming import camel, known_row, template, word

OK: Json = {"responses": {"204": {}}}


def names(paths: Any, given: Any = None) -> dict[str, str]:
    """The name of each row, by method and path."""
    return {f"{row['method']} {row['path']}": row["name"] for row in imported(paths, names=given).rows}


@pytest.mark.parametrize(
    ("method", "path", "id", "name"),
    [
        ("get", "/v1/models", "whatever", "models.list"),
        ("post", "/chat/completions", "chat.other", "chat.completions.create"),
        ("post", "/responses?beta=true", None, "beta.responses.create"),
        ("post", "/things", "things.make", "things.make"),
        ("post", "/things", "thing-s.make it!", "thing_s.make_it"),
        ("post", "/things", "makeThing", "makeThing"),
        ("post", "/things", "..", "things.create"),
        ("post", "/things", "1.2", "x1.x2"),
        ("post", "/things", "request", "request_"),
        ("post", "/things", "a.import", "a.import_"),
        ("post", "/things", "make_thing_things_post", "things.create"),
        ("post", "/things", "a" * 100 + ".b", "a" * 60 + ".b"),
        ("get", "/things", None, "things.list"),
        ("get", "/things", 7, "things.list"),
        ("get", "/things/{id}", "read_thing_things__id__get", "things.retrieve"),
        ("post", "/things/{id}", None, "things.update"),
        ("patch", "/things/{id}", None, "things.update"),
        ("put", "/things/{id}", None, "things.replace"),
        ("delete", "/things/{id}", None, "things.delete"),
        ("post", "/api/v2/things/{id}/un-do", None, "things.un_do.create"),
        ("post", "/v1beta1/{model}:run", None, "run.create"),
        ("get", "/", None, "root.list"),
        ("get", "/v1", None, "v1.list"),
        ("get", "/{a}/{b}", None, "root.retrieve"),
        ("post", "/call/2fa", None, "call_.x2fa.create"),
    ],
)
def test_where_a_name_comes_from(method: str, path: str, id: Any, name: str) -> None:
    """The bundled row's name first, then an id of the author's own, then method and path; always one that can be called."""
    row, _ = operation({"operationId": id} if id is not None else {}, method=method, path=path)
    assert row["name"] == name
    assert row.get("id") == (id if isinstance(id, str) else None)


def test_a_file_of_names() -> None:
    """Names may be given by operationId and by method and path, and win over all others."""
    paths = {
        "/v1/models": {"get": {**OK, "operationId": "listModels"}},
        "/x/{id}": {"get": OK, "post": {**OK, "operationId": "x"}},
    }
    given = {"listModels": "all.models", "GET /x/{id}": "one.x", "POST /x/{id}": "x.do", "x": "x.do"}
    assert names(paths, given) == {"GET /v1/models": "all.models", "GET /x/{id}": "one.x", "POST /x/{id}": "x.do"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"GET /x": "1"}, "names: GET /x: '1', wanted a dotted name like chat.completions.create"),
        ({"GET /x": 1}, "names: GET /x: 1, wanted"),
        ({"GET /z": "z"}, "names: GET /z: no operation has this id, nor this method and path"),
        ({"same": "z"}, "names: same: the id of 2 operations"),
        ({"GET /x": "z", "GET /y": "z"}, "names: z: given to GET /x and to GET /y"),
        ({"GET /x": "z", "xx": "y"}, "names: GET /x: called z and y"),
        (7, "names: of type int, wanted an object of names"),
    ],
)
def test_a_wrong_file_of_names(given: Any, why: str) -> None:
    """A name for nothing, for two things, or that cannot be one, is refused with the entry."""
    paths = {
        "/x": {"get": {**OK, "operationId": "xx"}},
        "/y": {"get": {**OK, "operationId": "same"}, "post": {**OK, "operationId": "same"}},
    }
    with pytest.raises(ConfigError) as caught:
        names(paths, given)
    assert str(caught.value).startswith(why)


def test_a_clash_is_settled_and_noted() -> None:
    """The API's own path keeps its name; an alias is numbered, whatever stands first in the document."""
    old, new = "/chat/completions", "/v1/chat/completions"
    for paths in ([old, new], [new, old]):
        found = imported({path: {"post": {"responses": {"200": {"content": {"application/json": {}}}}}} for path in paths})
        assert {row["path"]: row["name"] for row in found.rows} == {
            new: "chat.completions.create",
            old: "chat.completions.create_2",
        }
        assert [row["path"] for row in found.rows] == paths
        assert [str(note) for note in found.notes] == [
            f"POST {old}: not called chat.completions.create: that is the name of POST {new}; it is chat.completions.create_2"
        ]


def test_clashes_by_path() -> None:
    """Two that end alike are told apart by their parameters, and then by number."""
    paths = {path: {"get": OK} for path in ("/a/{x}/b", "/a/b", "/a/{y}/b", "/v2/a/{x}/b")}
    assert names(paths) == {
        "GET /a/b": "a.b.list",
        "GET /a/{x}/b": "a.b.list_by_x",
        "GET /a/{y}/b": "a.b.list_by_y",
        "GET /v2/a/{x}/b": "a.b.list_by_x_2",
    }


def test_clashes_by_id() -> None:
    """Ids that become one name: the first path keeps it, the other goes by its path; a file of names takes it from both."""
    paths = {"/b": {"get": {**OK, "operationId": "do.it"}}, "/a": {"get": {**OK, "operationId": "do-.it"}}, "/c": {"get": OK}}
    assert names(paths) == {"GET /a": "do.it", "GET /b": "b.list", "GET /c": "c.list"}
    assert names(paths, {"GET /c": "do.it"}) == {"GET /a": "a.list", "GET /b": "b.list", "GET /c": "do.it"}


def test_many_clashes_are_numbered() -> None:
    """Each gets the next free number; one that is a name already is passed over."""
    paths = {f"/b?x={number}": {"get": OK} for number in range(4)}
    taken = {"/a": {"get": {**OK, "operationId": "b.list_3"}}}
    assert [row["name"] for row in imported({**paths, **taken}).rows] == [
        "b.list",
        "b.list_2",
        "b.list_4",
        "b.list_5",
        "b.list_3",
    ]


def test_words() -> None:
    """Whatever text there is becomes a word, and a row's name the start of a definition's."""
    assert [word(text) for text in ("a", "a-b", "_a_", "1", "é", "", "x" * 99)] == ["a", "a_b", "a", "x1", "x", "x", "x" * 60]
    assert camel("chat.completions.create_2") == "ChatCompletionsCreate2"


def test_templates() -> None:
    """Two paths that are asked for alike are equal: names of parameters and a version in front say nothing."""
    assert template("/v1/files/{id}/content") == template("/files/{file_id}/content") == "/files/{}/content"
    assert template("/v1") == "/v1"
    assert known_row("GET", "/v2/files/{x}") == known_row("GET", "/files/{file_id}")
    assert known_row("GET", "/nothing") is None
