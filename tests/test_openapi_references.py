"""References of a document: where they lead, what they are called, and that none leads in a circle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from oai_dyn.openapi.references import MissingReference, Note, References, closure, escaped, names_in, without_circles

DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {"Pet": {"properties": {"tag/s": {"type": "string"}}}, "a b": {}, "a_b": {}, "Pet2": {}},
        "parameters": {"page": {"name": "page"}, "loop": {"$ref": "#/components/parameters/loop"}, "odd": {"$ref": ["x"]}},
    },
    "paths": {"/pets/{id}": {"get": {"parameters": [{"name": "id"}, {"$ref": "#/components/parameters/page"}]}}},
}


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("#/components/schemas/Pet/properties/tag~1s", {"type": "string"}),
        ("#/components/schemas/a%20b", {}),
        ("#/paths/~1pets~1{id}/get/parameters/0", {"name": "id"}),
        ("#", DOCUMENT),
    ],
)
def test_where_a_reference_leads(reference: str, wanted: Any) -> None:
    """Steps are unescaped, places of lists are counted."""
    assert References(DOCUMENT).resolve(reference) == wanted


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("#/components/schemas/Cat", "nothing stands there"),
        ("#/paths/~1pets~1{id}/get/parameters/2", "nothing stands there"),
        ("#/paths/~1pets~1{id}/get/parameters/x", "nothing stands there"),
        ("#/paths/~1pets~1{id}/get/parameters/" + "9" * 5000, "nothing stands there"),
        ("other.json#/Cat", "only references within the document are followed"),
        ("http://localhost/x", "only references within the document are followed"),
        (None, "only references within the document are followed"),
    ],
)
def test_a_reference_that_leads_nowhere(reference: Any, why: str) -> None:
    """What is not there, and what is not in the document, is told apart."""
    with pytest.raises(MissingReference, match=why):
        References(DOCUMENT).resolve(reference)


def test_names_are_plain_and_each_its_own() -> None:
    """A component keeps its name; what stands deeper is called after its steps; no two share a name."""
    references = References(DOCUMENT)
    assert references.name("#/components/schemas/Pet") == "Pet"
    assert references.name("#/components/schemas/a b") == "a_b"
    assert references.name("#/components/schemas/a_b") == "a_b2"
    assert references.name("#/components/schemas/Pet/properties/tag~1s") == "PetTag_s"
    assert references.name("#/components/schemas/Pet/properties/tag~1s") == "PetTag_s"
    assert references.name("#/components/schemas") == "Schema"
    assert [references.free(name) for name in ("Pet", "Dog", "Dog", "")] == ["Pet3", "Dog", "Dog2", "Schema2"]


def test_a_step_is_escaped() -> None:
    """A name as a step of a reference leads to that name."""
    for name in ("a/b~c", "50%", "%2F", "~1", ""):
        assert References({name: 1}).resolve(f"#/{escaped(name)}") == 1


def test_what_may_be_a_reference_is_followed() -> None:
    """A parameter is what its reference leads to, and where that stands; else a note says why there is none."""
    notes: list[Note] = []
    references = References(DOCUMENT)
    assert references.follow({"name": "x"}, "here", notes) == ({"name": "x"}, "here")
    page = "#/components/parameters/page"
    assert references.follow({"$ref": page}, "here", notes) == ({"name": "page"}, page)
    assert notes == []
    for name, why in (("loop", "it leads in a circle"), ("none", "nothing stands there"), ("odd", "only references")):
        assert references.follow({"$ref": f"#/components/parameters/{name}"}, "here", notes)[0] == {}
        assert why in str(notes.pop()) and not notes


def test_names_that_a_schema_leads_to() -> None:
    """References are found wherever a schema stands, never in values; a closure lists each once."""
    a = {"properties": {"$ref": {"$ref": "#/$defs/B"}, "x": [{"$ref": "#/$defs/C"}]}, "default": {"$ref": "#/$defs/D"}}
    definitions: dict[str, Any] = {
        "A": a,
        "B": {"items": {"$ref": "#/$defs/A"}},
        "C": {"allOf": [{"$ref": "#/$defs/E"}]},
        "D": {},
    }
    assert list(names_in(a)) == ["B", "C"]
    assert closure(["A"], definitions) == ["A", "B", "C"]
    assert closure(["D", "B", "D"], definitions) == ["D", "B", "A", "C"]


R = {name: {"$ref": f"#/$defs/{name}"} for name in ("A", "B", "C")}
CIRCLES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({"A": R["A"]}, {"A": {}}, ["A"]),
    ({"A": R["B"], "B": R["C"], "C": R["A"]}, {"A": R["B"], "B": R["C"], "C": {}}, ["C"]),
    ({"A": {"anyOf": [R["A"], {"type": "string"}]}}, {"A": {"anyOf": [{"type": "string"}]}}, ["A"]),
    ({"A": {"anyOf": [R["A"]]}}, {"A": {"anyOf": [False]}}, ["A"]),
    ({"A": {"oneOf": [{"anyOf": [True, R["A"]]}, {}]}}, {"A": {"oneOf": [{"anyOf": [True]}, {}]}}, ["A"]),
    ({"A": {"allOf": [R["A"]], "type": "string"}}, {"A": {"allOf": [True], "type": "string"}}, ["A"]),
    ({"A": {"not": R["A"], "type": "string"}}, {"A": {"type": "string"}}, ["A"]),
    ({"A": {"not": {"type": "null"}, "if": R["A"]}}, {"A": {"not": {"type": "null"}, "if": {}}}, ["A"]),
    ({"A": {"properties": {"a": R["A"]}, "items": R["A"]}}, {"A": {"properties": {"a": R["A"]}, "items": R["A"]}}, []),
    ({"A": R["C"]}, {"A": R["C"]}, []),
]


@pytest.mark.parametrize(("definitions", "wanted", "noted"), CIRCLES)
def test_circles_are_opened(definitions: dict[str, Any], wanted: dict[str, Any], noted: list[str]) -> None:
    """A reference that leads back to the same value goes, and is noted; one to another value stays."""
    notes: list[Note] = []
    assert without_circles(definitions, notes) == wanted
    assert [note.where for note in notes] == noted
    assert all(note.why == "left out: it leads back to the same value" for note in notes)


def test_a_long_chain_ends() -> None:
    """Thousands of references behind one another are cut, with a note, and nothing runs out of stack."""
    definitions: dict[str, Any] = {f"D{n}": {"allOf": [{"$ref": f"#/$defs/D{n + 1}"}]} for n in range(5000)}
    notes: list[Note] = []
    found = without_circles(definitions, notes)
    assert len(found) == 5000 and "more than 64 references" in notes[0].why
    assert Draft202012Validator({"$ref": "#/$defs/D0", "$defs": found}).is_valid(1)


SCHEMAS = st.recursive(
    st.sampled_from([R["A"], R["B"], {"type": "string"}, {"minLength": 2}, True]),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "if": inner,
            "items": inner,
            "then": inner,
        },
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, SCHEMAS, st.sampled_from(["x", "xy", 1, [], ["xy"], [["x"]]]))
def test_no_validator_runs_in_circles(first: Any, second: Any, value: Any) -> None:
    """Whatever refers to what, a validator ends on it."""
    definitions = {"A": first, "B": second}
    found = without_circles(definitions, [])
    assert Draft202012Validator({"$ref": "#/$defs/A", "$defs": found}).is_valid(value) in (True, False)
