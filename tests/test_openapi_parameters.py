"""Parameters of a document: where each travels, what it is called, and what the wire convention cannot say."""

from __future__ import annotations

from typing import Any

import pytest
from imported import TEXT, TEXTS, Json, imported, obj, operation, schema

INTEGER: Json = {"type": "integer"}


def read(*parameters: Any, path: str = "/things", shared: Any = None, **members: Any) -> tuple[Json, Any, list[str]]:
    """The row of an operation with these parameters, the schema of its query, and what was noted of each."""
    item = {
        "get": {"parameters": list(parameters), "responses": {"204": {}}},
        **({"parameters": shared} if shared is not None else {}),
    }
    found = imported({path: item}, **members)
    (row,) = found.rows
    query = schema(found, row["query_schema"]) if "query_schema" in row else None
    return row, query, [f"{note.what}: {note.why}" for note in found.notes]


def query(name: str, schema: Any = None, **members: Any) -> Json:
    """A query parameter."""
    return {"in": "query", "name": name, **({"schema": schema} if schema is not None else {}), **members}


# --- Query --------------------------------------------------------------------------------------------------


def test_plain_query_parameters() -> None:
    """Their schemas stand in one object; an odd name is sent as it is."""
    row, found, notes = read(query("limit", INTEGER), query("a-b[c]", TEXT, required=True), query("any"))
    assert row["query"] == ["limit", "a-b[c]", "any"]
    assert found == obj("a-b[c]", limit=INTEGER, **{"a-b[c]": TEXT, "any": {}})
    assert not notes


@pytest.mark.parametrize(
    ("parameter", "name", "sent"),
    [
        (query("ids[]", TEXTS), "ids", TEXTS),
        (query("filter", obj(a=TEXT), style="deepObject", explode=True), "filter", obj(a=TEXT)),
        (query("[]", TEXT), "[]", TEXT),
        (query("x", {"anyOf": [TEXT, {"type": "null"}]}), "x", {"type": ["string", "null"]}),
    ],
)
def test_what_the_convention_says_by_itself(parameter: Json, name: str, sent: Json) -> None:
    """Lists with brackets and deep objects are sent as the document wants them."""
    row, found, notes = read(parameter)
    assert (row["query"], found, notes) == ([name], obj(**{name: sent}), [])


@pytest.mark.parametrize(
    ("parameter", "sent", "note"),
    [
        (query("ids", TEXTS, explode=False), TEXT, "a list in one text: give it as a text, joined with commas"),
        (query("ids", TEXTS, style="pipeDelimited"), TEXT, "give it as a text, joined with |"),
        (query("ids", TEXTS, style="spaceDelimited", explode=True), TEXT, "give it as a text, joined with spaces"),
        (query("ids", TEXTS, style=["x"]), TEXT, "give it as a text, joined with what its style says"),
        (query("ids", content={"application/json": {"schema": obj()}}), TEXT, "is JSON: give it as a text of JSON"),
    ],
)
def test_other_styles_are_noted(parameter: Json, sent: Any, note: str) -> None:
    """What is sent otherwise than asked for is noted; what can be given as a text is one."""
    row, found, notes = read(parameter, schemas={"List": TEXTS})
    assert row["query"] == ["ids"]
    assert sent is None or found["properties"]["ids"] == sent
    assert notes[0].startswith("query parameter ids: ")
    assert note in notes[0]


@pytest.mark.parametrize("ids", [TEXTS, {"anyOf": [TEXTS, {"type": "null"}]}, {"$ref": "#/components/schemas/List"}])
def test_lists_that_repeat_their_name(ids: Json) -> None:
    """As OpenAPI has it where it says no more: the whole row sends lists so, and a name with brackets as it stands."""
    row, found, notes = read(query("ids", ids), query("kinds[]", TEXTS), schemas={"List": TEXTS})
    assert (row["query"], row["lists"], notes) == (["ids", "kinds[]"], "repeat", [])
    assert list(found["properties"]) == ["ids", "kinds[]"]


def test_an_object_spread_over_the_query() -> None:
    """The members of an object in form style are parameters by themselves: it has no name to be sent under."""
    row, found, notes = read(query("spread", obj(a=TEXT)))
    assert ("query" in row, found) == (False, None)
    assert notes == ["query parameter spread: left out: its members are parameters by themselves: give them in extra_query"]


def test_lists_of_the_api_itself() -> None:
    """Where the bundled row has the parameter, the document is known to mean brackets."""
    row, found, notes = read(query("project_ids", TEXTS), query("own", TEXTS), path="/organization/costs")
    assert row["query"] == ["project_ids", "own"]
    assert found == obj(project_ids=TEXTS, own=TEXTS)
    assert [note for note in notes if "list" in note] == [
        "query parameter own: a list: it is sent as own[], and the document asks for own again and again"
    ]


def test_two_that_are_sent_alike() -> None:
    """`ids` and `ids[]` cannot both be sent."""
    row, _, notes = read(query("ids", TEXT), query("ids[]", TEXTS))
    assert row["query"] == ["ids"]
    assert notes == ["query parameter ids[]: left out: it is sent as ids is"]


def test_a_name_that_is_about_the_call() -> None:
    """A query parameter called `timeout` is there, but its keyword means something else."""
    row, _, notes = read(query("timeout", INTEGER))
    assert row["query"] == ["timeout"]
    assert notes == ["query parameter timeout: as a keyword it is about the call: give it in an object or in extra_query"]


def test_schemas_that_never_end() -> None:
    """Types are looked for among a bounded number of schemas, in circles and wide unions too."""
    wide = {"anyOf": [TEXT] * 1000 + [TEXTS]}
    circle = {"anyOf": [{"$ref": "#/components/schemas/Circle"}, TEXT]}
    row, _, _ = read(query("a", wide), query("b", circle), query("c", 7), schemas={"Circle": circle})
    assert row["query"] == ["a", "b", "c"]


# --- Path ---------------------------------------------------------------------------------------------------


def test_path_parameters() -> None:
    """They go by keyword and by position, in the path's order, described or not; an odd name becomes a word."""
    given = ({"in": "path", "name": "b-c", "schema": TEXT}, {"in": "path", "name": "a", "schema": INTEGER})
    row, _, notes = read(*given, path="/x/{a}/{b-c}/{d}")
    assert row["path"] == "/x/{a}/{b_c}/{d}"
    assert row["positional"] == ["a", "b_c", "d"]
    assert not notes


@pytest.mark.parametrize("more", [{"schema": TEXTS}, {"schema": obj()}, {"style": "matrix"}, {"style": "label"}])
def test_path_parameters_that_are_more_than_a_value(more: Json) -> None:
    """Lists, objects and other styles are given as the text that the server wants."""
    _, _, notes = read({"in": "path", "name": "a", **more}, path="/{a}")
    assert notes == ["path parameter a: is more than a plain value: give it as a text, written as the server wants it"]


def test_names_in_two_places() -> None:
    """What the query needs is its own; path and header parameters are called otherwise, which is noted for the path."""
    row, _, notes = read(
        query("id", TEXT),
        {"in": "path", "name": "id"},
        {"in": "path", "name": "timeout"},
        {"in": "header", "name": "Id"},
        {"in": "header", "name": "into"},
        path="/{id}/{timeout}",
    )
    assert row["path"] == "/{id_path}/{timeout_path}"
    assert row["headers"] == {"id_header": "Id", "into_header": "into"}
    assert notes == [
        "path parameter id: called id_path: another one of its name is there",
        "path parameter timeout: called timeout_path: another one of its name is there",
    ]


def test_words_that_become_one() -> None:
    """Two parameters that would be called alike are numbered."""
    assert read(path="/{a-b}/{a_b}/{a.b}")[0]["positional"] == ["a_b", "a_b_path", "a_b_path2"]


def test_a_parameter_without_a_place() -> None:
    """A path parameter that the path does not have is noted."""
    assert read({"in": "path", "name": "no"})[2] == ["path parameter no: left out: the path has no such place"]


# --- Headers and cookies ------------------------------------------------------------------------------------


def test_headers() -> None:
    """Each goes by a keyword; those that every request has are not a document's to say (OpenAPI 3.1); one is taken once."""
    given = [
        {"in": "header", "name": name, "schema": TEXTS}
        for name in ("X-Trace-Id", "Accept", "content-type", "AUTHORIZATION", "x-trace-id")
    ]
    row, _, notes = read(*given)
    assert (row["headers"], notes) == ({"x_trace_id": "X-Trace-Id"}, [])


def test_headers_that_cannot_be() -> None:
    """A name that no header can have is left out; an object has to be written by hand; `Cookie` is a cookie."""
    row, _, notes = read(
        {"in": "header", "name": "a b"}, {"in": "header", "name": "X", "schema": obj()}, {"in": "header", "name": "Cookie"}
    )
    assert row["headers"] == {"x": "X"}
    assert notes == [
        "header parameter 'a b': left out: no header can be called that",
        "header parameter X: is an object: give it as a text, written as the server wants it",
        "cookie parameter Cookie: left out: a client sends no cookies",
    ]


def test_cookies_are_refused() -> None:
    """A cookie is left out with a clear word, the more so where the server needs it."""
    _, _, notes = read({"in": "cookie", "name": "session", "required": True}, {"in": "cookie", "name": "track"})
    assert notes == [
        "cookie parameter session: left out: a client sends no cookies; the server says that it needs it",
        "cookie parameter track: left out: a client sends no cookies",
    ]


# --- Where they stand ---------------------------------------------------------------------------------------


def test_parameters_of_the_path() -> None:
    """Parameters that stand at the path hold for each operation; the operation's own win."""
    shared = [query("a", TEXT), query("b", TEXT), {"in": "path", "name": "id"}]
    row, found, notes = read(query("a", INTEGER), path="/{id}", shared=shared)
    assert (row["query"], found, notes) == (["a", "b"], obj(a=INTEGER, b=TEXT), [])


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ([7], "parameter 0 of the operation: left out: wanted a name, and one of path, query, header, cookie"),
        ([{"in": "body", "name": "x"}], "parameter 0 of the operation: left out"),
        ([{"in": "query", "name": ""}], "parameter 0 of the operation: left out"),
        ([{"in": ["query"], "name": "x"}], "parameter 0 of the operation: left out"),
        ([{"$ref": "#/components/parameters/No"}], "$ref '#/components/parameters/No': left out: nothing stands there"),
        ({"in": "query"}, "parameters of the operation: left out: wanted a list"),
    ],
)
def test_parameters_of_a_wrong_type(given: Any, note: str) -> None:
    """They are noted, and the row is there without them."""
    row, notes = operation({"parameters": given})
    assert "query" not in row
    assert len(notes) == 1
    assert note in notes[0]
