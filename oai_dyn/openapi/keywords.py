"""The keywords of a schema: what their values have to be, and the types they speak of.

Rules of this file: tables, and the tests that they name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

#: Keywords for a reader, not for a validator.
PROSE = {"description", "title", "summary", "example", "examples", "externalDocs", "xml", "$comment", "$schema", "$id"}


def _is_count(value: Any) -> bool:
    return is_number(value) and value == int(value) >= 0


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_pattern(value: Any) -> bool:
    try:
        return bool(re.compile(value))
    except (TypeError, re.error, RecursionError, OverflowError):
        return False


class Keyword(NamedTuple):
    """What a plain keyword's value has to be, in words and as a test, and the types it speaks of (none: every type)."""

    wanted: str
    right: Callable[[Any], bool]
    types: frozenset[str] = frozenset()


TEXT, LIST, OBJECT = frozenset({"string"}), frozenset({"array"}), frozenset({"object"})
NUMBER = frozenset({"number", "integer"})
_COUNT = "a whole number, not below 0", _is_count
_FLAG = "true or false", lambda value: isinstance(value, bool)

KEYWORDS: dict[str, Keyword] = {
    **{name: Keyword(*_COUNT, TEXT) for name in ("minLength", "maxLength")},
    **{name: Keyword(*_COUNT, LIST) for name in ("minItems", "maxItems", "minContains", "maxContains")},
    **{name: Keyword(*_COUNT, OBJECT) for name in ("minProperties", "maxProperties")},
    **{name: Keyword("a number", is_number, NUMBER) for name in ("minimum", "maximum")},
    "multipleOf": Keyword("a number above 0", lambda value: is_number(value) and value > 0, NUMBER),
    "pattern": Keyword("a regular expression that Python reads", _is_pattern, TEXT),
    "uniqueItems": Keyword(*_FLAG, LIST),
    "required": Keyword("a list of names", _is_names, OBJECT),
    "dependentRequired": Keyword(
        "lists of names", lambda value: isinstance(value, Mapping) and all(map(_is_names, value.values())), OBJECT
    ),
    "enum": Keyword("a list of values", lambda value: isinstance(value, list)),
    "const": Keyword("a value", lambda value: True),
    "default": Keyword("a value", lambda value: True),
    "format": Keyword("text", lambda value: isinstance(value, str)),
    **{name: Keyword("text", lambda value: isinstance(value, str), TEXT) for name in ("contentMediaType", "contentEncoding")},
    **{name: Keyword(*_FLAG) for name in ("deprecated", "readOnly", "writeOnly")},
}

#: Keywords that hold one schema, or a map of schemas, and the types they speak of.
HOLDS_ONE: dict[str, frozenset[str]] = {
    **dict.fromkeys(("additionalProperties", "propertyNames", "unevaluatedProperties"), OBJECT),
    **dict.fromkeys(("contains", "unevaluatedItems"), LIST),
    **dict.fromkeys(("not", "if", "then", "else"), frozenset()),
}
HOLDS_MANY = dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), OBJECT)

#: Keywords that say nothing of the value.
SAID_BESIDE = ("default", "deprecated", "readOnly", "writeOnly")

#: Keywords that are read together with others.
_TOGETHER = {
    "type",
    "nullable",
    "discriminator",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "items",
    "prefixItems",
    "additionalItems",
}
_TOGETHER |= {
    "$ref",
    "$recursiveRef",
    "$recursiveAnchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$defs",
    "definitions",
    "allOf",
    "anyOf",
    "oneOf",
}
KNOWN = PROSE | _TOGETHER | HOLDS_ONE.keys() | HOLDS_MANY.keys()

#: Beside these, an object may name its type elsewhere.
TYPED_ELSEWHERE = {"$ref", "allOf", "anyOf", "oneOf", "enum", "const"}
