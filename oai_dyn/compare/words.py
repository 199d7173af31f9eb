"""Shapes and values in plain words, short whatever they are of.

Rules of this file: names and values of a document stand in a text as they are, and whoever shows the text makes them
harmless for where it is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .shapes import ANY, Alternative, Definitions, Schema, values_in

#: The most characters of one value or name, the most values in one text, and the most shapes.
LONGEST, MOST, MOST_SHAPES = 60, 8, 4


def shape(definitions: Definitions, schema: Schema, depth: int = 3) -> str:
    """What a value may be: `string or array of ContentPart`."""
    return shapes(definitions, definitions.alternatives(schema), depth)


def shapes(definitions: Definitions, found: Sequence[Alternative], depth: int = 3) -> str:
    """Some of the things that a value may be."""
    return either(dict.fromkeys(alternative(definitions, one, depth) for one in found)) or "nothing"


def alternative(definitions: Definitions, one: Alternative, depth: int = 3) -> str:
    """One thing that a value may be: `array of ContentPart`, `"auto"`, `string (7 values)`."""
    values = values_in(one.schema)
    if values is not None and one.type != "null":
        return either(map(value, values)) if len(values) <= 2 else f"{one.type} ({len(values)} values)"
    if one.type == "object" and one.name:
        return short(one.name)
    if one.type == "array" and "items" in one.schema and depth:
        name, _ = definitions.behind(one.schema["items"])
        inner = short(name) if name else shape(definitions, one.schema["items"], depth - 1)
        return f"array of ({inner})" if " or " in inner else f"array of {inner}"
    return "anything" if one.type == ANY else short(one.type)


def either(texts: Iterable[str]) -> str:
    """`a, b or c`; of many, the first and how many more."""
    found = list(texts)
    if len(found) > MOST_SHAPES:
        found[MOST_SHAPES:] = [f"{len(found) - MOST_SHAPES} more"]
    return " or ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))


def listed(texts: Sequence[str], most: int = MOST) -> str:
    """`a, b, c`; of many, the first and how many more."""
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def value(found: Any) -> str:
    """A JSON value on one line."""
    return short(json.dumps(found, ensure_ascii=False, default=str))


def short(text: str) -> str:
    """The text, or its beginning."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def said(found: Any) -> str:
    """What stands before or after a difference, as it is shown to a person."""
    if isinstance(found, str):
        return found
    if isinstance(found, list):
        return listed([value(one) for one in found])
    if isinstance(found, Mapping):
        return ", ".join(f"{key} {value(one)}" for key, one in found.items()) or "none"
    return value(found)
