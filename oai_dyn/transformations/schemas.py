"""Cleaning a JSON Schema for a service that knows a part of the language.

Rules of this file: only keywords are looked at, never the names of properties nor values that are data (`enum`, `const`,
`default`); a schema that is as wanted comes back as the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_
from typing import Any

from .conditions import same
from .places import MISSING
from .work import check_depth

#: Keywords that hold a schema, a list of them (which some hold as well), and schemas by name.
_ONE = frozenset(
    {"items", "additionalProperties", "additionalItems", "not", "if", "then", "else", "contains", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems", "items"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})

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
    removed = {name: MISSING for name in rule.get("remove", ()) if isinstance(name, str)}
    removed |= {pair[0]: pair[1] for pair in rule.get("remove", ()) if isinstance(pair, list)}
    renamed = dict(rule.get("rename", ()))
    named = removed.keys() | renamed.keys()
    objects, beside, inward = rule.get("objects", {}), rule.get("beside", {}), tuple(rule.get("inward", ()))

    def goes(name: str, value: Any) -> bool:
        return name in removed and (removed[name] is MISSING or same(value, removed[name]))

    def keywords(schema: dict[str, Any]) -> dict[str, Any]:
        """One schema with its own keywords as they should be."""
        out = schema
        if not named.isdisjoint(schema):
            kept = ((name, value) for name, value in schema.items() if not goes(name, value))
            out = {renamed.get(name, name): value for name, value in kept}
        if objects and (out.get("type") == "object" or "properties" in out):
            out = {**out, **objects}
        for name, others in beside.items():
            if name in out:
                out = {**others, **out}
        for union in _UNIONS if inward else ():
            if isinstance(branches := out.get(union), list) and (moving := {name: out[name] for name in inward if name in out}):
                out = {name: value for name, value in out.items() if name not in moving}
                out[union] = [{**moving, **branch} if isinstance(branch, dict) else branch for branch in branches]
        return schema if out is schema or out == schema else out

    def clean(schema: Any, depth: int = 0) -> Any:
        check_depth(depth)
        if not isinstance(schema, dict):
            return schema
        new = keywords(schema)
        changed = {}
        for name, value in new.items():
            if isinstance(value, dict):
                if name in _NAMED:
                    inner: Any = {key: clean(one, depth + 1) for key, one in value.items()}
                    inner = value if all(map(is_, inner.values(), value.values())) else inner
                else:
                    inner = clean(value, depth + 1) if name in _ONE else value
            elif isinstance(value, list) and name in _MANY:
                inner = [clean(one, depth + 1) for one in value]
                inner = value if all(map(is_, inner, value)) else inner
            else:
                continue
            if inner is not value:
                changed[name] = inner
        return {**new, **changed} if changed else new

    return clean
