"""`allOf` as one schema: what several schemas say of a value, said once.

Rules of this file: a value is valid after as it was before; what cannot be said in one schema exactly stays an `allOf`;
definitions are read, never changed. Keywords beside a `$ref` are such a conjunction too. References that lead back to
the same value are gone already (`references.without_circles`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .deciding import types_of
from .flattening import REMARKS, Definitions, Schema, walk
from .references import DEFS

#: Keywords that say nothing of the value, or nothing that is checked: the later one wins.
_NOTED = REMARKS - {"discriminator"} | {"format", "contentMediaType", "contentEncoding"}

#: Keywords that say what they say together: they come from one side, or the other side's stay an `allOf`.
_TOGETHER = (
    ("anyOf", "discriminator"),
    ("oneOf",),
    ("not",),
    ("if", "then", "else"),
    ("contains", "minContains", "maxContains"),
    ("pattern",),
    ("multipleOf",),
    ("const",),
    ("propertyNames",),
    ("dependentRequired",),
    ("dependentSchemas",),
)

#: Keywords about the members of objects, and the elements of arrays.
_MEMBERS = ("properties", "additionalProperties", "patternProperties", "required")
_ELEMENTS = ("items", "prefixItems")

#: A schema with one of these is not joined with another one: what they say depends on all that stands around them.
_ALONE = {"allOf", "$ref", "unevaluatedProperties", "unevaluatedItems"}

#: How deep members of members are joined; recursive schemas would have no end.
_DEEPEST = 3

#: How many schemas are joined into one, and how many members are written anew in a whole document: more stay an `allOf`.
_WIDEST, _MOST = 64, 30_000


class Inexact(ValueError):
    """Two schemas that one schema cannot stand for."""


class Top:
    """What each definition says at its top, by name: joined when it is first asked for, as long as there is room to write."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._done: dict[str, Schema] = {}
        self._room = _MOST

    def __call__(self, name: str) -> Schema:
        if name not in self._done:
            self._done[name] = _joined(self._definitions.get(name, {}), self)
        return self._done[name]

    def spend(self, count: int) -> None:
        """Write so many members. Raises `Inexact` where there is no room."""
        self._room -= count
        if self._room < 0:
            raise Inexact("the document would grow without end")


def merged(definitions: Definitions) -> dict[str, Schema]:
    """The definitions with every `allOf`, and every `$ref` with keywords beside it, made one schema where that is exact."""
    top = Top(definitions)

    def change(schema: Schema, _: str) -> Schema:
        return _joined(schema, top)

    whole = {name: walk(top(name), name, change) for name in definitions}
    return {name: walk(schema, name, lambda inner, _: _untyped(inner, whole)) for name, schema in whole.items()}


def _joined(schema: Schema, top: Top, depth: int = 0) -> Schema:
    """One schema for a schema, its `allOf` and its `$ref`."""
    refers = "$ref" in schema and not schema.keys() <= REMARKS | {"$ref"}
    if (not refers and "allOf" not in schema) or schema.keys() & {"unevaluatedProperties", "unevaluatedItems"}:
        return schema
    remarks = {key: value for key, value in schema.items() if key in _NOTED}
    own = {key: value for key, value in schema.items() if key not in remarks and key not in ("allOf", "$ref")}
    reference = [{"$ref": schema["$ref"]}] if "$ref" in schema else []
    return {**conjunction([own, *reference, *schema.get("allOf", ())], top, depth), **remarks}


def conjunction(parts: Iterable[Any], top: Top, depth: int = 0) -> dict[str, Any]:
    """One schema that takes what all of these take."""
    distinct = list({json.dumps(part, sort_keys=True): part for part in parts if part not in (True, {})}.values())
    if len(distinct) == 1:
        return _spelled(distinct[0])
    if depth > _DEEPEST or len(distinct) > _WIDEST:
        return {"allOf": distinct}
    out: dict[str, Any] = {}
    left: list[Any] = []
    for part in distinct:
        try:
            out, rest = _both(out, _behind(part, top, depth), top, depth)
            left += rest
        except Inexact:
            left.append(part)
    whole = {**out, "allOf": left} if left else out
    for part in map(_spelled, distinct):
        if "$ref" in part and whole == (behind := _behind(part, top, depth)) and _same(whole, behind):
            return part
    return whole


def _spelled(schema: Any) -> dict[str, Any]:
    """`true` and `false` as schemas with keywords."""
    return dict(schema) if isinstance(schema, Mapping) else {} if schema else {"not": {}}


def _behind(part: Any, top: Top, depth: int) -> dict[str, Any]:
    """What a part says by itself: its own keywords with those of what it refers to and of its `allOf`."""
    schema = _spelled(part)
    if "$ref" not in schema or not schema.keys() <= REMARKS | {"$ref"}:
        return dict(_joined(schema, top, depth))
    while schema.keys() <= REMARKS | {"$ref"} and "$ref" in schema:
        schema = {**top(schema.pop("$ref").removeprefix(DEFS)), **schema}
    return schema


def _both(one: dict[str, Any], two: dict[str, Any], top: Top, depth: int) -> tuple[dict[str, Any], list[Any]]:
    """Two schemas as one, and what of the second could not be said in it. Raises `Inexact`."""
    if (one.keys() | two.keys()) & _ALONE:
        raise Inexact("what it says depends on what stands around it")
    top.spend(1 + len(two.get("properties", ())) + len(two.get("enum", ())))
    out = {**one, **{key: two[key] for key in two if key in _NOTED}}
    left: list[Any] = []
    for group in _TOGETHER:
        second = {key: two[key] for key in group if key in two}
        first = {key: one[key] for key in group if key in one}
        if first and second and not _same(first, second):
            left.append(second)
        else:
            out |= second
    for key in (key for key in two if key in _TIGHTER):
        out[key] = _TIGHTER[key](one[key], two[key]) if key in one else two[key]
    for key in two.keys() - out.keys() - {*_MEMBERS, *_ELEMENTS}:
        raise Inexact(f"{key} has no rule here")
    return out | _elements(one, two, top, depth) | _members(one, two, top, depth), left


def _elements(one: dict[str, Any], two: dict[str, Any], top: Top, depth: int) -> dict[str, Any]:
    """`items` of both; places that one of them lists come from one side only."""
    sides = [side for side in (one, two) if side.keys() & set(_ELEMENTS)]
    if len(sides) < 2:
        return {key: side[key] for side in sides for key in _ELEMENTS if key in side}
    if any("prefixItems" in side for side in sides):
        raise Inexact("places of an array")
    return {"items": _either(one["items"], two["items"], top, depth)}


def _members(one: dict[str, Any], two: dict[str, Any], top: Top, depth: int) -> dict[str, Any]:
    """Members of both: what one side does not list has to fit that side's `additionalProperties`."""
    out: dict[str, Any] = {}
    if required := list(dict.fromkeys((*one.get("required", ()), *two.get("required", ())))):
        out["required"] = required
    sides = [side for side in (one, two) if side.keys() & (set(_MEMBERS) - {"required"})]
    if len(sides) < 2:
        return out | {key: side[key] for side in sides for key in _MEMBERS if key in side and key != "required"}
    if any("patternProperties" in side for side in sides):
        raise Inexact("members by pattern")
    others = _either(one.get("additionalProperties", True), two.get("additionalProperties", True), top, depth)
    if others is not True or any("additionalProperties" in side for side in sides):
        out["additionalProperties"] = others
    listed = dict.fromkeys((*one.get("properties", {}), *two.get("properties", {})))
    found = {name: _either(_member(one, name), _member(two, name), top, depth) for name in listed}
    out["properties"] = {name: schema for name, schema in found.items() if schema is not False or others is not False}
    return out


def _member(schema: dict[str, Any], name: str) -> Any:
    return schema.get("properties", {}).get(name, schema.get("additionalProperties", True))


def _either(first: Any, second: Any, top: Top, depth: int) -> Any:
    """Both of two schemas that may be `true` or `false`."""
    if first is False or second is False:
        return False
    return conjunction([first, second], top, depth + 1) or True


def _types(first: Any, second: Any) -> Any:
    """The types of both; an integer is a number."""
    one, two = ([kinds] if isinstance(kinds, str) else kinds for kinds in (first, second))
    found = [kind for kind in one if kind in two or (kind == "integer" and "number" in two)]
    found += [kind for kind in two if kind == "integer" and "number" in one and kind not in found and "number" not in found]
    if not found:
        raise Inexact("no type fits both")
    return found[0] if len(found) == 1 else found


def _values(first: list[Any], second: list[Any]) -> list[Any]:
    if not (found := [value for value in first if any(_same(value, other) for other in second)]):
        raise Inexact("no value is in both")
    return found


def _same(first: Any, second: Any) -> bool:
    """Whether two JSON values are written the same: `1` is not `true`."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


#: Keywords whose tighter value holds for both.
_TIGHTER: dict[str, Callable[[Any, Any], Any]] = {
    "type": _types,
    "enum": _values,
    "uniqueItems": lambda first, second: first or second,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}


def _untyped(schema: Schema, definitions: Definitions) -> Schema:
    """The schema without a `type` that every branch of its union has by itself: the union can join another one then."""
    if not {"type", "anyOf"} <= schema.keys():
        return schema
    rest = {key: value for key, value in schema.items() if key != "type"}
    branches = [branch for branch in schema["anyOf"] if isinstance(branch, Mapping)]
    if len(branches) == len(schema["anyOf"]) and all(_within(branch, schema, definitions) for branch in branches):
        return rest
    return schema


def _within(branch: Schema, schema: Schema, definitions: Definitions) -> bool:
    return types_of(branch, definitions) <= types_of({"type": schema["type"]}, definitions)
