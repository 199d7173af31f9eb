"""`allOf` as one schema: what each pair of keywords becomes, and that no value changes its verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from oai_dyn.openapi.merging import merged

VECTORS = json.loads((Path(__file__).parent / "vectors" / "openapi" / "merging.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["about"] for vector in VECTORS])
def test_each_conjunction(vector: dict[str, Any]) -> None:
    """A schema becomes the one wanted; what was given is not changed."""
    definitions = {"Here": vector["schema"], **vector.get("definitions", {})}
    before = json.dumps(definitions)
    assert merged(definitions)["Here"] == vector["wanted"]
    assert json.dumps(definitions) == before


def test_members_that_have_no_end_end() -> None:
    """Two schemas that each hold themselves are joined a few levels deep, and left as an allOf below."""
    definitions: dict[str, Any] = {
        "T": {"type": "object", "properties": {"next": {"$ref": "#/$defs/T"}, "more": {"$ref": "#/$defs/T"}}},
        "U": {"properties": {"next": {"$ref": "#/$defs/U"}, "more": {"$ref": "#/$defs/U"}}, "required": ["z"]},
        "Here": {"allOf": [{"$ref": "#/$defs/T"}, {"$ref": "#/$defs/U"}]},
    }
    found = merged(definitions)["Here"]
    assert found["required"] == found["properties"]["next"]["required"] == ["z"]
    assert len(json.dumps(found)) < 50_000
    validator = Draft202012Validator({**found, "$defs": definitions})
    value: dict[str, Any] = {}
    for _ in range(12):
        value = {"z": 1, "next": value}
    assert [list(error.absolute_path) for error in validator.iter_errors(value)] == [["next"] * 12]


NAMES = st.sampled_from(["x", "y", "z"])
SCALARS = st.one_of(NAMES, st.integers(0, 3), st.sampled_from([0.5, 1.0]), st.booleans(), st.none())
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=2) | st.dictionaries(NAMES, v, max_size=3), max_leaves=6)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=4, unique=True),
        "enum": st.lists(SCALARS, min_size=1, max_size=4),
        "minimum": st.integers(0, 2),
        "maxLength": st.integers(0, 2),
        "minItems": st.integers(0, 2),
        "pattern": NAMES,
        "uniqueItems": st.booleans(),
    },
)
ALL = LEAVES | st.booleans() | st.just({"$ref": "#/$defs/A"})


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas over these: objects, arrays, unions and conjunctions, and several of them at once."""
    return st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(NAMES, inner, max_size=1),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=3),
            "not": inner,
            "if": inner,
            "then": inner,
            "unevaluatedProperties": st.booleans(),
            "type": TYPES,
        },
    )


SCHEMAS = st.recursive(ALL, grown, max_leaves=6)


@settings(max_examples=300, deadline=None)
@given(grown(LEAVES | st.booleans()), st.lists(SCHEMAS, min_size=1, max_size=4), st.lists(VALUES, max_size=8))
def test_no_verdict_changes(first: Any, parts: list[Any], values: list[Any]) -> None:
    """A value is valid under the merged schema where it is under the parts, and only there."""
    definitions = {"A": first, "Here": {"allOf": parts}}
    plain = Draft202012Validator({"$ref": "#/$defs/Here", "$defs": definitions})
    after = Draft202012Validator({"$ref": "#/$defs/Here", "$defs": merged(definitions)})
    Draft202012Validator.check_schema(after.schema)
    for value in values:
        assert after.is_valid(value) == plain.is_valid(value)
