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


def ref(number: int) -> dict[str, str]:
    """A reference to one of the definitions below."""
    return {"$ref": f"#/$defs/D{number}"}


def thing(**properties: Any) -> dict[str, Any]:
    """An object with these members."""
    return {"type": "object", "properties": properties}


#: Definitions that would take for ever, or more memory than there is, if all that can be joined was.
GROWING: dict[str, dict[str, Any]] = {
    "members that join in pairs": {
        f"D{n}": thing(x={"allOf": [ref((n + 1) % 40), ref((n + 2) % 40)]}, y={"allOf": [ref((n + 3) % 40), ref((n + 5) % 40)]})
        for n in range(40)
    },
    "unions joined at each of many steps": {
        f"D{n}": {"allOf": [{"allOf": [ref(n + 1), {"type": "integer"}]}, {"allOf": [ref(n + 1), {"type": "null"}]}]}
        for n in range(40)
    }
    | {"D40": {"type": "string"}},
    "very many parts": {"D0": {"allOf": [thing(t={"const": n}) for n in range(3000)]}},
    "a large one, many times": {"D0": thing(**{f"p{n}": {"type": "string"} for n in range(1000)})}
    | {f"D{n}": {"allOf": [ref(0), thing(x={"const": n})]} for n in range(1, 1000)},
}


@pytest.mark.parametrize("definitions", GROWING.values(), ids=GROWING)
@pytest.mark.timeout(30)
def test_what_would_grow_stays_an_all_of(definitions: dict[str, Any]) -> None:
    """Beyond a bound, schemas stay apart; what is written does not grow without end."""
    found = merged(definitions)
    assert len(json.dumps(found)) < 2_000_000
    assert "allOf" in json.dumps(found)


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


@settings(max_examples=200, deadline=None)
@given(grown(LEAVES | st.booleans()), st.lists(SCHEMAS, min_size=1, max_size=4), st.lists(VALUES, max_size=8))
def test_no_verdict_changes(first: Any, parts: list[Any], values: list[Any]) -> None:
    """A value is valid under the merged schema where it is under the parts, and only there."""
    definitions = {"A": first, "Here": {"allOf": parts}}
    plain = Draft202012Validator({"$ref": "#/$defs/Here", "$defs": definitions})
    after = Draft202012Validator({"$ref": "#/$defs/Here", "$defs": merged(definitions)})
    Draft202012Validator.check_schema(after.schema)
    for value in values:
        assert after.is_valid(value) == plain.is_valid(value)
