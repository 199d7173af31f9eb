"""Whether a schema is one, before any value is held against it: rules of JSON Schema, patterns, references, circles.

Rules of this file: what is bundled is checked by the tests, so only what comes from a user is looked at.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..definitions import NAMED, SOME, Schema
from ..errors import ConfigError
from .foreign import everywhere, refusal
from .keywords import compiled, engine
from .strict import IN_PLACE
from .walking import Walker


def check(whole: Schema, own: Schema) -> None:
    """Raises `ConfigError` for what is no JSON Schema (2020-12) in `own`, a part of `whole`, or for what cannot be read of it."""
    if (said := refusal(own)) is not None:
        raise ConfigError(f"schema: {said}")
    for pattern in (text for one in everywhere(own) for text in [*one.get("patternProperties", ()), one.get("pattern", "")]):
        try:
            compiled(pattern)
        except re.error as error:
            raise ConfigError(f"schema: the pattern {pattern!r} cannot be read: {error}") from None
    _refuse_circles(whole)
    made = engine(whole)
    if isinstance(made, Walker):
        for inner in everywhere(own):
            made.steps(made.node(inner, ()))


def _refuse_circles(whole: Schema) -> None:
    """No definition may come back to itself without a step into the value: no engine would come to an end."""
    named = {"#": whole, **{f"#/$defs/{name}": schema for name, schema in whole["$defs"].items()}}
    graph = {ref: [to for to in _in_place(schema) if to in named] for ref, schema in named.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle = " -> ".join(ref.rpartition("/")[2] for ref in error.args[1])
        raise ConfigError(f"$ref: a circle that no value leads out of: {circle}") from None


def _in_place(schema: Any) -> Iterator[str]:
    """The references that a schema holds to the same value."""
    if isinstance(schema, Mapping):
        if isinstance(ref := schema.get("$ref"), str):
            yield ref
        for keyword in IN_PLACE & schema.keys():
            value = schema[keyword]
            for one in value.values() if keyword in NAMED else value if keyword in SOME else [value]:
                yield from _in_place(one)
