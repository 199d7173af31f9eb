"""Schemas and values of every kind, small and alike, so that they meet: for properties that hold of all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
KEYS = st.sampled_from(["a", "b", "c", "kind"])
TEXTS = st.sampled_from(["", "a", "b", "ab", "aab", "x y"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([0.5, 1.0, -2.0, 2.5]), TEXTS)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)

_SIZES = st.integers(0, 2)
_LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "minimum": st.integers(-1, 2),
    "maximum": st.integers(-1, 2),
    "exclusiveMinimum": st.integers(-1, 2),
    "exclusiveMaximum": st.integers(-1, 2),
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "minLength": _SIZES,
    "maxLength": _SIZES,
    "pattern": st.sampled_from(["a", "^a", "b$", "^a+b?$", "[^b]", r"^\w+$"]),
    "minItems": _SIZES,
    "maxItems": _SIZES,
    "uniqueItems": st.booleans(),
    "required": st.lists(KEYS, max_size=2, unique=True),
    "minProperties": _SIZES,
    "maxProperties": _SIZES,
    "dependentRequired": st.dictionaries(KEYS, st.lists(KEYS, max_size=2, unique=True), max_size=2),
    "$ref": st.sampled_from(["#/$defs/One", "#/$defs/Two"]),
}


def _of_schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named, some = st.dictionaries(KEYS, inner, max_size=3), st.lists(inner, min_size=1, max_size=3)
    holding: dict[str, st.SearchStrategy[Any]] = {
        "properties": named,
        "patternProperties": st.dictionaries(st.sampled_from(["a", "^k", "c$"]), inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "dependentSchemas": named,
        "items": inner,
        "prefixItems": some,
        "contains": inner,
        "minContains": _SIZES,
        "maxContains": _SIZES,
        "allOf": some,
        "anyOf": some,
        "oneOf": some,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
    }
    return st.lists(st.sampled_from([*_LEAVES, *holding]), min_size=1, max_size=4, unique=True).flatmap(
        lambda words: st.fixed_dictionaries({word: ({**_LEAVES, **holding})[word] for word in words})
    )


_ALONE = st.fixed_dictionaries(
    {}, optional={word: _LEAVES[word] for word in ("type", "enum", "minimum", "minLength", "required")}
)
SCHEMAS = st.recursive(st.booleans() | _ALONE, _of_schemas, max_leaves=8)


def _step_down(schema: Any) -> Any:
    """The schema, asked of what the value holds: so that a circle of references always leads into the value."""
    return {"items": schema, "additionalProperties": schema}


#: Whole schemas: they may refer to two definitions, and those to each other, one level further down the value.
WHOLE = st.builds(
    lambda root, one, two: {
        **(root if isinstance(root, dict) else {"allOf": [root]}),
        "$defs": {"One": _step_down(one), "Two": _step_down(two)},
    },
    SCHEMAS,
    SCHEMAS,
    SCHEMAS,
)
