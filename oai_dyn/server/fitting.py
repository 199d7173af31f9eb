"""JSON text that fits a schema of the user's: what a model says that is to keep to it.

Rules of this file: such a schema may be odd, endless or none at all, and there is a text all the same; nothing is
read from a file on its account. No clock, no chance: the same schema has the same text.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..validation import faults
from .samples import Maker, Spot
from .settling import ABSENT, Schema, Schemas, schema_of

#: Which values are tried, as turn and whether lean; the first that the schema takes is said.
TRIES = ((0, False), (0, True), *((turn, False) for turn in range(1, 8)))

#: How many places and references one value may take, and the most that a schema may want of items, members or letters.
STEPS, LARGEST = 2_000, 10_000

#: What is said where nothing can be made.
EMPTY = "{}"


def json_text(schema: Any) -> str:
    """The text of a value that the schema takes; where none is found, of one that comes near."""
    try:
        return _text(json.dumps(schema_of(schema)))
    except RecursionError:
        return EMPTY


@functools.lru_cache(maxsize=128)
def _text(written: str) -> str:
    schema = json.loads(written)
    near = ABSENT
    for turn, lean in TRIES if _bounded(schema) else ():
        value = _made(schema, turn, lean)
        if value is not ABSENT and _takes(schema, value):
            return json.dumps(value)
        near = value if near is ABSENT else near
    return EMPTY if near is ABSENT else json.dumps(near)


def _bounded(schema: Any) -> bool:
    """Whether nothing in a schema leads out of it, or asks for more than a test would."""
    if isinstance(schema, Mapping):
        reference, pattern = schema.get("$ref"), schema.get("pattern")
        if isinstance(pattern, str) and re.search(r"\{\d{4}", pattern):
            return False
        sizes = [schema.get(word) for word in ("minItems", "minLength", "minProperties")]
        inside = not isinstance(reference, str) or reference.startswith("#")
        return inside and not any(isinstance(size, int | float) and size > LARGEST for size in sizes) and _all(schema.values())
    return not isinstance(schema, list) or _all(schema)


def _all(parts: Any) -> bool:
    return all(map(_bounded, parts))


def _made(schema: Schema, turn: int, lean: bool) -> Any:
    """A value, an object where that will do; ABSENT where the schema is none that one can be made of."""
    try:
        return _Hasty(_Counted(schema)).value({}, turn, lean=lean)
    except Exception:  # whatever stands where a schema wants something else
        return ABSENT


def _takes(schema: Schema, value: Any) -> bool:
    try:
        return not faults(schema, value)
    except ConfigError:  # no schema
        return False


class _Counted(Schemas):
    """A schema of which so many places and references are looked at, and no more."""

    def __init__(self, root: Schema) -> None:
        super().__init__(root)
        self._left = STEPS

    def step(self) -> None:
        """Count one."""
        self._left -= 1
        if self._left < 0:
            raise OverflowError("there is no end to the schema")

    def at(self, reference: str) -> Schema:
        """What a reference points at."""
        self.step()
        return super().at(reference)


class _Hasty(Maker):
    """Makes values of so many places, and of no more."""

    schemas: _Counted

    def make(self, schema: Any, spot: Spot) -> Any:
        """A value for one place."""
        self.schemas.step()
        return super().make(schema, spot)
