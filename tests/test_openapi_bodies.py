"""Bodies, answers and streams of a document as members of a row, and what the bundled row of the same request adds."""

from __future__ import annotations

from typing import Any

import pytest
from imported import FLAG, JSON, TEXT, TEXTS, Json, answer, body, imported, obj, operation, schema

from oai_dyn.routes import bundled

FORM, TEXT_FORM = "multipart/form-data", "application/x-www-form-urlencoded"
EVENTS, BINARY = "text/event-stream", "application/octet-stream"

REF: Json = {"$ref": "#/components/schemas/Thing"}

THING: Json = {"Thing": obj("a", a=TEXT, b={"type": "integer"})}

#: What a row says of a body that is a Thing.
DESCRIBED: Json = {"schema": "Thing", "keys": ["a", "b"]}


# --- Bodies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "rule", "said"),
    [
        ({JSON: {}}, {"kind": "json"}, ""),
        ({"Application/JSON; charset=utf-8": {"schema": True}}, {"kind": "json"}, ""),
        ({"application/vnd.api+json": {"schema": {}}}, {"kind": "json"}, ""),
        ({"*/*": {"schema": REF}}, {"kind": "json", **DESCRIBED}, "a body of any type: it is sent as JSON"),
        ({FORM: {"schema": REF}}, {"kind": "multipart", **DESCRIBED}, ""),
        ({FORM: {"schema": REF}, JSON: {"schema": REF}}, {"kind": "multipart", "or": "json", **DESCRIBED}, ""),
        ({JSON: {}, "text/plain": {}}, {"kind": "json"}, "a body of text/plain: left out: the row sends it as json"),
        ({TEXT_FORM: {"schema": REF}}, {"kind": "form", **DESCRIBED}, ""),
        ({TEXT_FORM: {}, BINARY: {}}, {"kind": "form"}, "a body of application/octet-stream: left out: the row sends it as form"),
        ({BINARY: {}, "audio/wav": {}}, None, "a body of application/octet-stream, audio/wav: left out"),
        ({JSON: {"schema": {"anyOf": [TEXTS, TEXT]}}}, None, "a body of type array or string: left out: a row sends objects"),
        ({JSON: {"schema": {"anyOf": [REF, TEXTS]}}}, {"kind": "json", "schema": "ThingsCreateRequest", "keys": ["a", "b"]}, ""),
        ({JSON: 7}, {}, "left out: wanted an object"),
        (7, {}, "wanted an object with content, an object of media types"),
    ],
)  # fmt: skip
def test_kinds_of_bodies(content: Any, rule: Json | None, said: str) -> None:
    """JSON and forms are sent; any other body alone leaves the row out, with a note."""
    row, notes = operation(body(content), schemas=THING)
    assert row.get("body", {}) == (rule or {})
    assert bool(row) == (rule is not None)
    assert (said in notes[0]) if said else not notes


def test_members_of_a_wide_union() -> None:
    """The members of a body are looked for in a bounded number of branches."""
    row, _ = operation(body({JSON: {"schema": {"anyOf": [obj(f"r{n}", **{f"m{n}": TEXT, f"r{n}": TEXT}) for n in range(600)]}}}))
    assert 400 < len(row["body"]["keys"]) < 1200


def test_parts_of_a_form() -> None:
    """Parts have the types that the encoding names; objects are JSON and lists repeat their names, as OpenAPI has it."""
    form = {
        "schema": obj(
            file={"type": "string", "format": "binary"},
            meta=obj(),
            tags=TEXTS,
            **{"i[]": TEXTS},
            note={"$ref": "#/components/schemas/Thing"},
        ),
        "encoding": {
            "file": {"contentType": "audio/wav"},
            "other": {"contentType": "image/png, image/jpeg", "headers": {}},
            "x": 7,
        },
    }
    row, notes = operation(body({FORM: form}), schemas=THING)
    assert row["body"]["parts"] == {"file": "audio/wav", "meta": JSON, "note": JSON}
    assert [note.partition("POST /things: ")[2] for note in notes] == [
        "part other of 'image/png, image/jpeg': left to the file's own type: no single type is named",
        "headers of part other: left out: parts are written in one way",
    ]
    assert row["lists"] == "repeat"


@pytest.mark.parametrize("kind", [FORM, TEXT_FORM])
def test_lists_of_a_form(kind: str) -> None:
    """They repeat their names, as OpenAPI has it; where all have brackets, the row adds those."""
    repeated, _ = operation(body({kind: {"schema": obj(tags=TEXTS, **{"i[]": TEXTS})}}))
    assert repeated["lists"] == "repeat"
    bracketed, notes = operation(body({kind: {"schema": obj(**{"i[]": TEXTS})}}))
    assert "lists" not in bracketed
    assert notes == ["POST /things: part i[]: a list: give it as i, which is sent as i[]"]


def test_a_part_that_may_be_the_whole_body() -> None:
    """A part whose type is another type of the body is, alone, the whole body."""
    form = {"schema": obj(sdp=TEXT, session=obj()), "encoding": {"sdp": {"contentType": "application/sdp"}}}
    row, notes = operation(body({FORM: form, "application/sdp": {"schema": TEXT}}))
    assert (row["body"]["sole"], row["body"]["parts"]["sdp"], notes) == ("sdp", "application/sdp", [])


# --- Answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reply"),
    [
        ({JSON: {"schema": REF}}, {"schema": "Thing"}),
        ({JSON: {}}, {}),
        ({JSON: {"schema": REF}, "text/plain": {}}, {"schema": "Thing", "or": "text"}),
        ({"text/plain": {"schema": TEXT}}, {"kind": "text"}),
        ({"audio/mpeg": {}}, {"kind": "bytes"}),
        ({BINARY: {}, "text/csv": {}}, {"kind": "bytes", "or": "text"}),
        ({JSON: {"schema": {}}, "audio/mpeg": {}}, {"kind": "bytes"}),
        ({}, {"kind": "none"}),
    ],
)
def test_kinds_of_answers(content: Json, reply: Json) -> None:
    """JSON, text, bytes and nothing; JSON without a schema beside a type that was named says nothing."""
    row, notes = operation(answer(content), schemas=THING)
    assert (row.get("reply", {}), notes) == (reply, [])


def test_what_is_asked_for() -> None:
    """Where the answer is not JSON the row asks for its types."""
    assert operation(answer({"audio/mpeg": {}, "*/*": {}}))[0]["fixed"] == {"headers": {"Accept": "audio/mpeg, */*"}}
    assert "fixed" not in operation(answer({"of a sound": {}}))[0]


def test_json_beside_bytes() -> None:
    """Where both are described, the row reads JSON, and that is noted."""
    row, notes = operation(answer({JSON: {"schema": REF}, "audio/mpeg": {}}), schemas=THING)
    assert row["reply"] == {"schema": "Thing"}
    assert notes == ["POST /things: an answer that is not JSON: left out: the row reads JSON, which the document has as well"]


@pytest.mark.parametrize(
    ("responses", "wanted"),
    [
        ({"201": TEXT, "200": REF}, {"anyOf": [{"$ref": "#/$defs/Thing"}, TEXT]}),
        ({"200": REF, "2XX": REF, "404": TEXT}, None),
        ({"200": REF, "202": {}}, ""),
        ({"default": TEXT}, TEXT),
        ({"default": TEXT, "204": None}, ""),
    ],
)
def test_several_answers(responses: Json, wanted: Any) -> None:
    """All answers of a success are one schema, 200 first; the default only counts where there is no other."""
    given = {status: {"content": {JSON: {"schema": one}} if one is not None else {}} for status, one in responses.items()}
    found = imported({"/things": {"post": {"responses": given}}}, schemas=THING)
    name = found.rows[0].get("reply", {}).get("schema", "")
    assert (schema(found, name) if name and name != "Thing" else name) == ("Thing" if wanted is None else wanted)


@pytest.mark.parametrize("responses", [7, [{}], {"200": 7}, {"200": {"content": 7}}])
def test_answers_of_a_wrong_type(responses: Any) -> None:
    """They are noted, and the row is there."""
    row, notes = operation({"responses": responses})
    assert row["reply"] == {"kind": "none"}
    assert "left out: wanted an object" in notes[0]


# --- Streams ------------------------------------------------------------------------------------------------


STREAMING = {JSON: {"schema": obj(stream={"anyOf": [FLAG, {"type": "null"}]})}}


def test_a_stream_beside_json() -> None:
    """A boolean `stream` in the body asks for it; the end of a foreign stream is a mark or the end of the body."""
    row, notes = operation({**body(STREAMING), **answer({JSON: {"schema": REF}, EVENTS: {"schema": REF}})}, schemas=THING)
    assert row["stream"] == {
        "ask": {"in": "body", "key": "stream", "value": True},
        "last": ["[DONE]"],
        "eof": True,
        "schema": "Thing",
    }
    assert not notes


def test_a_stream_asked_for_in_the_query() -> None:
    """A boolean `stream` among the query parameters does as well; one that is something else does not."""
    shown = answer({JSON: {"schema": REF}, EVENTS: {"itemSchema": REF}})
    parameter = {"in": "query", "name": "stream", "schema": FLAG}
    row, _ = operation({**shown, "parameters": [parameter]}, method="get", schemas=THING)
    assert row["stream"]["ask"] == {"in": "query", "key": "stream", "value": True}
    row, notes = operation({**shown, "parameters": [{**parameter, "schema": TEXT}]}, method="get", schemas=THING)
    assert "stream" not in row
    assert notes == ["GET /things: a stream beside another answer: left out: nothing says how it is asked for"]


@pytest.mark.parametrize("beside", [{}, {JSON: {"schema": {}}}])
def test_a_stream_alone(beside: Json) -> None:
    """Where nothing else is described, the row always streams; events described as text have no schema."""
    row, notes = operation(answer({EVENTS: {"schema": TEXT}, **beside}))
    assert row["stream"] == {"last": ["[DONE]"], "eof": True}
    assert "its events have no schema" in notes[0]


def test_a_stream_alone_beside_what_asks_for_it() -> None:
    """Where nothing else is described, a plain call is answered by events: it streams whatever the body may say of it."""
    row, notes = operation({**body(STREAMING), **answer({EVENTS: {"schema": REF}})}, schemas=THING)
    assert row["stream"] == {"schema": "Thing", "last": ["[DONE]"], "eof": True}
    assert notes == ["POST /things: stream in the body: it always streams: no other answer is described"]


def test_a_known_stream_alone() -> None:
    """What is known to answer without a stream as well is asked as ever, though the document forgot it."""
    row, notes = operation({**body(STREAMING), **answer({EVENTS: {"schema": REF}})}, path="/v1/chat/completions", schemas=THING)
    assert (row["stream"]["ask"], notes) == ({"in": "body", "key": "stream", "value": True}, [])


def test_a_stream_that_is_only_asked_for() -> None:
    """A `stream` in the body without a described stream is read as usual, and noted."""
    row, notes = operation({**body(STREAMING), **answer({JSON: {"schema": REF}})}, schemas=THING)
    assert row["stream"] == {"ask": {"in": "body", "key": "stream", "value": True}, "last": ["[DONE]"], "eof": True}
    assert notes == ["POST /things: a stream is asked for, but not described: read as usual; its events have no schema"]


@pytest.mark.parametrize("content", [{JSON: {"schema": {}}}, STREAMING])
def test_a_known_stream(content: Json) -> None:
    """A row of OpenAI's streams as OpenAI's does, where the document has its key or is silent about the body."""
    row, notes = operation({**body(content), **answer({JSON: {}})}, path="/v1/chat/completions")
    known = bundled().row("chat.completions.create")["stream"]
    assert row["stream"] == {key: value for key, value in known.items() if key != "schema"}
    assert "read as that of chat.completions.create" in notes[0]


def test_a_known_stream_with_another_key() -> None:
    """What asks for the stream of speech is another key; a body that has neither does not stream."""
    row, _ = operation(
        {**body({JSON: {"schema": obj(stream_format=TEXT)}}), **answer({"audio/mpeg": {}, EVENTS: {}})}, path="/audio/speech"
    )
    assert row["stream"] == {
        key: value for key, value in bundled().row("audio.speech.create")["stream"].items() if key != "schema"
    }
    assert (
        "stream" not in operation({**body({JSON: {"schema": obj(x=TEXT)}}), **answer({JSON: {}})}, path="/v1/chat/completions")[0]
    )


# --- The bundled row's word ---------------------------------------------------------------------------------


LIST = obj("data", data={"type": "array", "items": REF}, has_more=FLAG)


@pytest.mark.parametrize(
    ("reply", "query", "page"),
    [
        (LIST, ["after"], {"items": "data", "cursor": ["data", -1, "id"], "param": "after", "more": "has_more"}),
        (obj(data={"type": ["array", "null"]}), ["after"], {"items": "data", "cursor": ["data", -1, "id"], "param": "after"}),
        (LIST, [], {"items": "data"}),
        (obj(data=TEXT), ["after"], None),
        (obj(items=TEXTS), ["after"], None),
        ({}, ["after"], {"items": "data", "cursor": ["data", -1, "id"], "param": "after", "more": "has_more"}),
        ({}, [], {"items": "data"}),
    ],
)
def test_pages(reply: Json, query: list[str], page: Json | None) -> None:
    """The paging rule is taken over as far as the answer and the query have its shape."""
    parameters = [{"in": "query", "name": name, "schema": TEXT} for name in query]
    row, _ = operation(
        {**answer({JSON: {"schema": reply}}), "parameters": parameters}, method="get", path="/files", schemas=THING
    )
    assert row["name"] == "files.list"
    assert row.get("page") == page


def test_a_cursor_that_the_answer_lacks() -> None:
    """Without the member that holds the next cursor there is one page."""
    given = {**answer({JSON: {"schema": LIST}}), "parameters": [{"in": "query", "name": "after"}]}
    row, _ = operation(given, method="get", path="/organization/audit_logs", schemas=THING)
    assert row["page"] == {"items": "data"}


@pytest.mark.parametrize("content", [{}, {JSON: {}}, {JSON: {"schema": TEXT}}])
def test_an_answer_that_is_not_described(content: Json) -> None:
    """The content of a file is read as OpenAI's row has it, where the document says no more than JSON or nothing."""
    row, notes = operation(answer(content), method="get", path="/v1/files/{id}/content")
    assert (row["reply"], row["path"]) == ({"kind": "bytes", "or": "text"}, "/v1/files/{file_id}/content")
    assert notes == ["GET /v1/files/{id}/content: no answer is described: it is read as that of files.content"]


def test_an_answer_that_is_none() -> None:
    """Status 204 says that nothing comes, whatever the bundled row has."""
    row, notes = operation({"responses": {"204": {"description": "gone"}}}, method="delete", path="/files/{id}")
    assert (row["name"], row["reply"], notes) == ("files.delete", {"kind": "none"}, [])


def test_other_kinds_that_are_known() -> None:
    """A transcription may be text, as the known row has it; a known row that is safe is; its credential is an administrator's."""
    assert operation(answer({JSON: {"schema": REF}}), path="/audio/transcriptions", schemas=THING)[0]["reply"] == {
        "schema": "Thing",
        "or": "text",
    }
    assert operation(path="/moderations")[0]["safe"] is True
    assert operation(method="get", path="/organization/projects")[0]["credential"] == "admin_key"
    assert operation(method="get", path="/v1/videos/{x}/content", given=answer({JSON: {"schema": TEXT}, "video/mp4": {}}))[0][
        "reply"
    ] == {"kind": "bytes"}


def test_parameters_are_called_as_in_the_known_row() -> None:
    """Code that was written for OpenAI names them as before, unless the query has that name."""
    row, _ = operation(method="get", path="/v1/threads/{t}/runs/{r}")
    assert (row["path"], row["positional"]) == ("/v1/threads/{thread_id}/runs/{run_id}", ["run_id"])
    row, _ = operation({"parameters": [{"in": "query", "name": "file_id"}]}, method="get", path="/files/{f}")
    assert (row["path"], row["positional"]) == ("/files/{f}", ["f"])
