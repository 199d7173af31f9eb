"""The places of a value, each with what its schema says of it: the way of every mutation.

A place is what a path leads to. What speaks of it is found through references and unions; of a union those branches
that the value is meant for, by its type, its keys and the values that are fixed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
Schema = Mapping[str, Any]


class Place(NamedTuple):
    """A place in a body: its value, the schemas that speak of it, how many unions lie above, the keys that are tags."""

    path: Path
    value: Any
    schemas: list[Schema]
    unions: int
    tags: frozenset[str]
    types: frozenset[str] = frozenset()


def places(schema: Schema, value: Any) -> Iterator[Place]:
    """Every place of a value, with what its schema says of it."""
    return _below(Place((), value, [schema], 0, frozenset()), schema.get("$defs", {}))


def _below(place: Place, definitions: Schema) -> Iterator[Place]:
    spread, unions, tags = _spread(place, definitions)
    types = frozenset(kind for schema in place.schemas for kind in _types(schema, definitions, frozenset()))
    here = place._replace(schemas=spread, unions=place.unions + unions, types=types)
    yield here._replace(tags=place.tags)
    steps: Iterable[tuple[str | int, Any]] = ()
    if isinstance(place.value, dict):
        steps = place.value.items()
    elif isinstance(place.value, list):
        steps = enumerate(place.value)
    for step, value in steps:
        if found := [one for schema in spread for one in _at(schema, step)]:
            yield from _below(Place((*place.path, step), value, found, here.unions, tags), definitions)


def _at(schema: Schema, step: str | int) -> list[Schema]:
    """What a schema says of one member or item."""
    if isinstance(step, int):
        found = schema.get("items")
    else:
        found = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    return [found] if isinstance(found, Mapping) else []


def _spread(place: Place, definitions: Schema) -> tuple[list[Schema], int, frozenset[str]]:
    """The plain schemas behind references and unions that fit the value; how deep the unions; the tags of the branches."""
    found: dict[int, Schema] = {}
    tags: set[str] = set()
    deepest = 0
    waiting = [(schema, 0) for schema in place.schemas]
    while waiting:
        schema, depth = waiting.pop()
        if "$ref" in schema:
            waiting.append((definitions[schema["$ref"].rpartition("/")[2]], depth))
        if id(schema) in found:
            continue
        found[id(schema)] = schema
        deepest = max(deepest, depth)
        if branches := [_resolved(one, definitions) for one in schema.get("anyOf", ())]:
            tags |= _tags(branches, definitions)
            fit = [one for one in branches if _fits(one, place.value, definitions)] or branches
            waiting += [(one, depth + (len(branches) > 1)) for one in fit]
        waiting += [(_resolved(one, definitions), depth) for one in schema.get("allOf", ())]
    return list(found.values()), deepest, frozenset(tags)


def _resolved(schema: Schema | bool, definitions: Schema) -> Schema:
    """The schema behind references; one that says only yes or no says nothing of a value's shape."""
    while isinstance(schema, Mapping) and "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema if isinstance(schema, Mapping) else {}


def _types(schema: Schema | bool, definitions: Schema, above: frozenset[int]) -> Iterator[str]:
    """The JSON types that any branch of a schema takes."""
    plain = _resolved(schema, definitions)
    if id(plain) in above:
        return
    if branches := plain.get("anyOf"):
        for one in branches:
            yield from _types(one, definitions, above | {id(plain)})
    kinds = plain.get("type", ())
    yield from [kinds] if isinstance(kinds, str) else kinds


def _tags(branches: Sequence[Schema], definitions: Schema) -> set[str]:
    """The keys by whose fixed values the branches of a union are told apart."""
    members = [(key, _resolved(one, definitions)) for branch in branches for key, one in branch.get("properties", {}).items()]
    fixed = Counter(key for key, schema in members if options(schema))
    return {key for key, count in fixed.items() if count > 1}


def options(schema: Schema) -> list[Any]:
    """The values that a schema allows by name."""
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _fits(branch: Schema, value: Any, definitions: Schema) -> bool:
    """Whether a branch is meant by a value: its type, its keys, its fixed values."""
    types = branch.get("type", [])
    if types and not any(is_of(value, one) for one in ([types] if isinstance(types, str) else types)):
        return False
    if not isinstance(value, dict):
        return not options(branch) or value in options(branch)
    members = branch.get("properties", {})
    fixed = {key: options(_resolved(members[key], definitions)) for key in value if key in members}
    return all(key in value for key in branch.get("required", ())) and all(
        value[key] in allowed for key, allowed in fixed.items() if allowed
    )


def is_of(value: Any, kind: str) -> bool:
    """Whether a value is of a JSON type."""
    checks = {
        "null": value is None,
        "boolean": isinstance(value, bool),
        "string": isinstance(value, str),
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool),
    }
    return checks[kind]
