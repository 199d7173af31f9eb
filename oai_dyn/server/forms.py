"""The members that the pairs of a query or a form stand for, with their text read by the types that a schema names.

Rules of this file: on the wire all is text; what does not look like its type stays text, for the check to find.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .settling import ABSENT, Schema, Schemas, named, schema_of, types_of


def read(schema: str | None, members: dict[str, Any]) -> dict[str, Any]:
    """The members with their text read as a bundled schema has it."""
    if schema is None:
        return members
    schemas = named(schema)
    return {name: typed(schemas, schemas.members(schemas.root).get(name, {}), value) for name, value in members.items()}


def lists_marked(schema: str | None, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs of a query with `[]` behind the names of lists: a name that comes again, or once with commas in its value."""
    schemas = named(schema) if schema is not None else Schemas({})
    known = schemas.members(schemas.root)
    often = Counter(name for name, _ in pairs)
    marked: list[tuple[str, str]] = []
    for name, value in pairs:
        kinds = _kinds(schemas, known.get(name))
        values = [value] if often[name] > 1 or "array" not in kinds else value.split(",")
        single = "array" not in kinds or ("string" in kinds and often[name] == len(values) == 1)
        marked += [(name if single else f"{name}[]", one) for one in values]
    return marked


def folded(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The members that pairs of a query or a form stand for: `name[]` is one of a list, `name[key]` one of an object."""
    members: dict[str, Any] = {}
    for name, value in pairs:
        head, _, tail = name.partition("[")
        steps = tail.removesuffix("]").split("][") if NESTED.fullmatch(name) else []
        head = head if steps else name
        members[head] = _laid(members.get(head, ABSENT), steps, value)
    return members


def _laid(held: Any, steps: list[str], value: Any) -> Any:
    """What is held once a value was laid where its steps lead; what came first keeps its kind."""
    if not steps:
        return held if isinstance(held, list | dict) else value
    step, rest = steps[0], steps[1:]
    held = held if held is not ABSENT else [] if step == "" else {}
    if step == "" and isinstance(held, list):
        if held and _room(held[-1], rest):
            held[-1] = _laid(held[-1], rest, value)
        else:
            held.append(_laid(ABSENT, rest, value))
    elif step != "" and isinstance(held, dict):
        held[step] = _laid(held.get(step, ABSENT), rest, value)
    return held


def _room(item: Any, steps: list[str]) -> bool:
    """Whether the last item of a list can hold one more value: a member that it lacks, or has a list under."""
    if not steps or not isinstance(item, dict):
        return False
    return steps[0] not in item or steps[1:2] == [""] or _room(item[steps[0]], steps[1:])


def typed(schemas: Schemas, schema: Any, value: Any) -> Any:
    """The value of a form with its text read as the types that the schema names."""
    wanted = _kinds(schemas, schema)
    if isinstance(value, dict):
        known = schemas.members(schema)
        return {name: typed(schemas, known.get(name, {}), one) for name, one in value.items()}
    if isinstance(value, list):
        return [typed(schemas, wanted.get("array", {}).get("items", {}), one) for one in value]
    if not isinstance(value, str) or "string" in wanted or not wanted:
        return value
    return next((READ[kind](value) for kind in wanted if kind in READ and FORMS[kind].fullmatch(value)), value)


def _kinds(schemas: Schemas, schema: Any) -> dict[str, Schema]:
    """The types that a value may have, each with a schema that names it."""
    schema = schema_of(schema)
    found = dict.fromkeys(types_of(schema), schema)
    for part in schemas.parts(schema):
        found |= {kind: inner for kind, inner in _kinds(schemas, part).items() if kind not in found}
    return found


#: A name that says where its value belongs.
NESTED = re.compile(r"[^\[\]]+(\[[^\[\]]*\])+")

#: How the text of a form is read, by type, and what it has to look like.
READ: dict[str, Callable[[str], Any]] = {"boolean": json.loads, "integer": int, "number": float, "null": lambda text: None}
FORMS = {
    "boolean": re.compile("true|false"),
    "integer": re.compile(r"-?\d{1,400}", re.ASCII),
    "number": re.compile(r"-?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII),
    "null": re.compile("null|"),
}
