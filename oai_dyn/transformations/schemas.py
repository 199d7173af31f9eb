"""Cleaning a JSON Schema for a service that knows a part of the language.

Rules of this file: only keywords are looked at, never the names of properties nor values that are data (`enum`, `const`,
`default`); a schema that is as wanted comes back as the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_
from typing import Any

from ..errors import ConfigError
from .conditions import same
from .places import MISSING
from .work import check_depth

Schema = dict[str, Any]

#: Keywords that hold a schema, a list of them (which some hold as well), and schemas by name.
_ONE = frozenset(
    {"items", "additionalProperties", "additionalItems", "not", "if", "then", "else", "contains", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems", "items"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})

_ENTERED = _ONE | _MANY | _NAMED

#: Unions, into whose branches keywords can be moved.
_UNIONS = ("anyOf", "oneOf")


def cleaner(rule: Mapping[str, Any]) -> Callable[[Any], Any]:
    """What cleans a schema as a rule says.

    remove   keywords that go, or pairs of one and the only value with which it goes
    rename   [[from, to], ...]
    objects  keywords and values for each schema of an object
    beside   {keyword: {keyword: value}}: what each schema gets that has the first, and not yet the others
    inward   keywords that move from beside a union into its branches
    """
    old, new_names = {pair[0] for pair in rule.get("rename", ())}, {pair[1] for pair in rule.get("rename", ())}
    if twice := new_names & (old | {name for name in rule.get("remove", ()) if isinstance(name, str)}):
        raise ConfigError(f"rename: {min(twice)!r} is a result, and is itself changed")
    steps = [make(rule[name]) for name, make in _STEPS.items() if name in rule]

    def clean(schema: Any, depth: int = 0) -> Any:
        if not isinstance(schema, dict):
            return schema
        check_depth(depth)
        new = schema
        for step in steps:
            new = step(new)
        changed = {}
        for name in _ENTERED.intersection(new):
            if (inner := _entered(name, new[name], clean, depth + 1)) is not new[name]:
                changed[name] = inner
        return {**new, **changed} if changed else new

    return clean


def _entered(name: str, value: Any, clean: Callable[[Any, int], Any], depth: int) -> Any:
    """What a keyword holds, cleaned where it is a schema, or schemas."""
    if isinstance(value, list):
        items = [clean(one, depth) for one in value] if name in _MANY else value
        return value if all(map(is_, items, value)) else items
    if name in _NAMED and isinstance(value, dict):
        named = {key: clean(one, depth) for key, one in value.items()}
        return value if all(map(is_, named.values(), value.values())) else named
    return clean(value, depth) if name in _ONE else value


# What is done to one schema, its own keywords only.


def _remove(keywords: list[Any]) -> Callable[[Schema], Schema]:
    values = {name: MISSING for name in keywords if isinstance(name, str)}
    values |= {pair[0]: pair[1] for pair in keywords if isinstance(pair, list)}

    def goes(name: str, value: Any) -> bool:
        return name in values and (values[name] is MISSING or same(value, values[name]))

    def step(schema: Schema) -> Schema:
        if values.keys().isdisjoint(schema):
            return schema
        out = {name: value for name, value in schema.items() if not goes(name, value)}
        return schema if len(out) == len(schema) else out

    return step


def _rename(pairs: list[Any]) -> Callable[[Schema], Schema]:
    names = {old: new for old, new in pairs if old != new}

    def step(schema: Schema) -> Schema:
        if names.keys().isdisjoint(schema):
            return schema
        return {names.get(name, name): value for name, value in schema.items() if names.get(name) not in schema}

    return step


def _objects(keywords: Schema) -> Callable[[Schema], Schema]:
    def step(schema: Schema) -> Schema:
        if schema.get("type") != "object" and "properties" not in schema:
            return schema
        return (
            schema if all(same(schema.get(name, MISSING), value) for name, value in keywords.items()) else {**schema, **keywords}
        )

    return step


def _beside(keywords: dict[str, Schema]) -> Callable[[Schema], Schema]:
    def step(schema: Schema) -> Schema:
        for name, others in keywords.items():
            if name in schema and not others.keys() <= schema.keys():
                schema = {**others, **schema}
        return schema

    return step


def _inward(keywords: list[str]) -> Callable[[Schema], Schema]:
    def step(schema: Schema) -> Schema:
        moving = {name: schema[name] for name in keywords if name in schema}
        for union in _UNIONS if moving else ():
            if isinstance(branches := schema.get(union), list):
                schema = {name: value for name, value in schema.items() if name not in moving}
                schema[union] = [{**moving, **branch} if isinstance(branch, dict) else branch for branch in branches]
        return schema

    return step


_STEPS: dict[str, Callable[[Any], Callable[[Schema], Schema]]] = {
    "remove": _remove,
    "rename": _rename,
    "objects": _objects,
    "beside": _beside,
    "inward": _inward,
}
