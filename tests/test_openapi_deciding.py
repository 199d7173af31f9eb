"""Unions that decide: what `x-decide` says of each kind, and that it never loses a value that is valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from oai_dyn.openapi.deciding import decide
from oai_dyn.openapi.flattening import resolved

VECTORS = json.loads((Path(__file__).parent / "vectors" / "openapi" / "deciding.json").read_text())

DEFINITIONS: dict[str, Any] = {
    "Cat": {"type": "object", "properties": {"kind": {"enum": ["cat", "lion"]}}, "required": ["kind"]},
    "Dog": {"type": "object", "properties": {"kind": {"const": "dog"}, "old": {"type": "boolean"}}, "required": ["kind"]},
    "Open": {"type": "object", "properties": {"kind": {"type": "string"}, "x": {"type": "string"}}},
    "Plain": {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]},
    "Wide": {"type": "object", "properties": {"x": {"type": "integer"}}},
    "Pet": {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]},
    "Loop": {"anyOf": [{"$ref": "#/$defs/Loop"}, {"type": "number", "minimum": 0}]},
    "Ring": {"anyOf": [{"$ref": "#/$defs/Ring"}]},
    "Circle": {"$ref": "#/$defs/Circle"},
    "Nest": {"type": "array", "items": {"$ref": "#/$defs/Nest"}},
}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["about"] for vector in VECTORS])
def test_each_kind_of_union(vector: dict[str, Any]) -> None:
    """A union becomes the node or the plain schema wanted, and is reported where it leaves more than one branch."""
    decided, left = decide({**DEFINITIONS, "U": vector["union"]})
    if "node" in vector:
        assert decided["U"]["x-decide"] == vector["node"]
    if "schema" in vector:
        assert decided["U"] == vector["schema"]
    assert left == (["U"] if vector.get("open") else [])
    assert "discriminator" not in decided["U"]


def test_unions_are_found_wherever_a_schema_stands() -> None:
    """Under properties, items and lists of schemas; never inside values that only look like schemas."""
    union = {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "array"}]}
    schema = {"properties": {"anyOf": {"items": union}}, "allOf": [union], "default": {"anyOf": []}, "enum": [{"anyOf": []}]}
    decided = decide({"U": schema})[0]["U"]
    node = {"type": {"string": 0, "array": 1}}
    assert decided["properties"]["anyOf"]["items"]["x-decide"] == node
    assert decided["allOf"][0]["x-decide"] == node
    assert decided["default"] == {"anyOf": []} and decided["enum"] == [{"anyOf": []}]
    assert union == {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "array"}]}


def test_many_members_that_overlap_end() -> None:
    """Branches that each share texts with the next are left as a list, after a few members."""
    keys = [f"k{number}" for number in range(9)]
    branches = [
        {"type": "object", "properties": {key: {"enum": ["a", "b"] if (n + k) % 8 else ["a", "c"]} for k, key in enumerate(keys)}}
        for n in range(8)
    ]
    decided, left = decide({"U": {"anyOf": branches}})
    assert left == ["U"] and len(json.dumps(decided)) < 200_000


def test_unions_of_the_same_union_are_spread_once() -> None:
    """Forty levels of a union that names the next one twice are no more work than forty."""
    levels = {f"L{n}": {"anyOf": [{"$ref": f"#/$defs/L{n + 1}"}] * 2} for n in range(40)}
    decided, _ = decide({**levels, "L40": {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "array"}]}})
    assert decided["L0"] == decided["L40"]


def test_a_chain_of_unions_that_would_grow_is_left_as_it_stands() -> None:
    """Six hundred unions, each of the next one and an object: the first keep two branches."""
    chain = {f"A{n}": {"anyOf": [{"$ref": f"#/$defs/A{n + 1}"}, {"type": "object", "required": [f"k{n}"]}]} for n in range(600)}
    decided, _ = decide({**chain, "A600": {"type": "array"}})
    assert [len(decided[name]["anyOf"]) for name in ("A0", "A598")] == [2, 3]


def test_a_reference_that_leads_nowhere_takes_everything() -> None:
    """A missing definition or a circle of references says nothing of a value."""
    assert resolved({"$ref": "#/$defs/Circle"}, DEFINITIONS) == {}
    assert resolved({"$ref": "#/$defs/Nowhere"}, DEFINITIONS) == {}


def follow(node: Any, value: Any) -> list[int]:
    """The branches that a node leaves for a value: `x-decide` read word by word."""
    if isinstance(node, int):
        return [node]
    if isinstance(node, list):
        return node
    if "type" in node:
        names = {bool: ["boolean"], int: ["integer", "number"], str: ["string"], list: ["array"], dict: ["object"]}
        whole = [] if not isinstance(value, float) else ["integer", "number"] if value.is_integer() else ["number"]
        found = [name for name in names.get(type(value), whole or ["null"]) if name in node["type"]]
        return follow(node["type"][found[0]], value) if found else []
    if "key" in node:
        member = value.get(node["key"], ...)
        text = isinstance(member, str) and member in node["values"]
        word = "absent" if member is ... else "null" if member is None and "null" in node else "other"
        below = node["values"][member] if text else node.get(word, [])
        return follow(below, value)
    if "has" in node:
        return follow(next((n for key, n in node["has"].items() if key in value), node.get("else", [])), value)
    return follow(node["items"], value[0]) if value else follow(node.get("empty", []), value)


TEXTS = st.sampled_from(["x", "y", "z"])
SCALARS = st.one_of(TEXTS, st.integers(0, 3), st.sampled_from([0.5, 1.0]), st.booleans(), st.none())
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=2) | st.dictionaries(TEXTS, v, max_size=3), max_leaves=6)


def objects(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas of objects: some members, some of them required, open or closed."""
    return st.builds(
        lambda properties, required, closed: (
            {"type": "object", "properties": properties, "required": required}
            | ({"additionalProperties": False} if closed else {})
        ),
        st.dictionaries(TEXTS, schemas, max_size=3),
        st.lists(TEXTS, max_size=2, unique=True),
        st.booleans(),
    )


LEAVES = st.one_of(
    st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"]).map(lambda name: {"type": name}),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    TEXTS.map(lambda text: {"const": text}),
    TEXTS.map(lambda text: {"enum": [text, None]}),
    st.just({"type": "string", "minLength": 2}),
    st.sampled_from([{}, True, False]),
)
OBJECTS = objects(LEAVES | st.just({"$ref": "#/$defs/A"}))


def grown(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas of objects, arrays and unions over these leaves."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            objects(inner),
            st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 1)),
            st.lists(inner, min_size=1, max_size=4).map(lambda branches: {"anyOf": branches}),
        ),
        max_leaves=6,
    )


UNIONS = st.lists(grown(LEAVES | st.just({"$ref": "#/$defs/A"})), min_size=1, max_size=3)
BRANCHES = st.lists(grown(LEAVES | st.sampled_from([{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}])), min_size=2, max_size=5)


@settings(max_examples=250, deadline=None)
@given(BRANCHES, OBJECTS, UNIONS, st.lists(VALUES, max_size=8))
def test_no_valid_value_is_lost(branches: list[Any], first: Any, second: list[Any], values: list[Any]) -> None:
    """The verdict of the decided schema is the document's, and a valid value is valid under the branches left."""
    definitions = {"A": first, "B": {"anyOf": second}, "U": {"anyOf": branches}}
    decided, _ = decide(definitions)
    plain = Draft202012Validator({"$ref": "#/$defs/U", "$defs": definitions})
    after = Draft202012Validator({"$ref": "#/$defs/U", "$defs": decided})
    union = decided["U"]
    for value in values:
        assert after.is_valid(value) == plain.is_valid(value)
        if "x-decide" in union and plain.is_valid(value):
            chosen = follow(union["x-decide"], value)
            assert any(after.evolve(schema={**union, "anyOf": [union["anyOf"][n]]}).is_valid(value) for n in chosen)
