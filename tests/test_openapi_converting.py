"""One schema of an OpenAPI document as JSON Schema: what each keyword becomes, and what is said of those that cannot be held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from oai_dyn.openapi.converting import Converter
from oai_dyn.openapi.keywords import KEYWORDS
from oai_dyn.openapi.references import Note, References

VECTORS = json.loads((Path(__file__).parent / "vectors" / "openapi" / "converting.json").read_text())
PET = {"type": "object", "properties": {"kind": {"const": "pet"}}}


def converted(schema: Any, version: str = "3.1.0") -> tuple[Any, list[Note], dict[str, Any]]:
    """A schema called Here, beside one called Pet: what it becomes, the notes, and all definitions."""
    notes: list[Note] = []
    document = {"openapi": version, "components": {"schemas": {"Pet": PET, "Here": schema}}}
    converter = Converter(References(document), notes)
    found = converter.convert(schema, "#/components/schemas/Here", "#/components/schemas/Here")
    return found, notes, converter.definitions()


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["about"] for vector in VECTORS])
def test_each_keyword(vector: dict[str, Any]) -> None:
    """A schema becomes the one wanted, valid as such, and what could not be held is noted."""
    before = json.dumps(vector["schema"])
    found, notes, _ = converted(vector["schema"], vector.get("openapi", "3.1.0"))
    assert found == vector["wanted"]
    assert sorted(f"{note.what}: {note.why}" for note in notes) == sorted(vector.get("notes", []))
    assert all(note.where.startswith("#/components/schemas/Here") for note in notes)
    assert json.dumps(vector["schema"]) == before
    Draft202012Validator.check_schema(found)


def test_what_is_referred_to_comes_along() -> None:
    """A definition refers to others by name, and all that it leads to is converted, once."""
    schemas = {
        "A": {"$ref": "#/components/schemas/B"},
        "B": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}},
    }
    converter = Converter(References({"components": {"schemas": {**schemas, "C": {}}}}), [])
    assert converter.add("Root", {"type": "array", "items": {"$ref": "#/components/schemas/A"}}, "here") == "Root"
    assert converter.definitions() == {
        "Root": {"type": "array", "items": {"$ref": "#/$defs/A"}},
        "A": {"$ref": "#/$defs/B"},
        "B": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}},
    }


def test_a_schema_that_only_refers_is_the_one_it_refers_to() -> None:
    """What is taken in under a name is that name's own schema, unless it only refers, or its name is taken."""
    converter = Converter(References({"components": {"schemas": {"Pet": PET}}}), [])
    assert converter.add("Reply", {"$ref": "#/components/schemas/Pet", "description": "x"}, "here") == "Pet"
    assert converter.add("Pet", {"type": "string"}, "here") == "Pet2"
    assert converter.add("Cat", {"$ref": "#/components/schemas/Cat"}, "here") == "Cat"
    assert converter.definitions() == {"Pet": PET, "Pet2": {"type": "string"}, "Cat": {}}


@pytest.mark.parametrize(("schema", "wanted"), [(True, {}), (False, {"not": {}}), (None, {})])
def test_a_definition_has_keywords(schema: Any, wanted: dict[str, Any]) -> None:
    """A definition that is true, false or nothing at all is a schema with keywords that says the same."""
    converter = Converter(References({}), [])
    assert converter.definitions() == {}
    name = converter.add("Any", schema, "here")
    assert converter.definitions() == {name: wanted}


def test_a_note_reads_as_a_sentence() -> None:
    """A note says where, what and why."""
    _, notes, _ = converted({"properties": {"a/b": {"type": "file"}}, "type": "object"})
    assert str(notes[0]) == "#/components/schemas/Here/properties/a~1b: type 'file': left out: JSON has no such type"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats(allow_nan=True) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=5,
)
NAMES = [
    *KEYWORDS,
    "type",
    "nullable",
    "items",
    "prefixItems",
    "properties",
    "additionalProperties",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
]
SCHEMAS = st.recursive(
    JSON,
    lambda inner: st.dictionaries(st.sampled_from([*NAMES, "discriminator", "$ref", "$defs", "x"]), inner, max_size=5),
    max_leaves=9,
)


@settings(max_examples=300, deadline=None)
@given(SCHEMAS, st.sampled_from(["3.0.3", "3.1.0"]))
def test_whatever_stands_there_becomes_a_valid_schema(schema: Any, version: str) -> None:
    """Anything that JSON can hold becomes a schema that the standard's own schema accepts; nothing else is raised."""
    found, _, definitions = converted(schema, version)
    Draft202012Validator.check_schema(found)
    for definition in definitions.values():
        Draft202012Validator.check_schema(definition)
