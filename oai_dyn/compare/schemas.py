"""Two schemas against each other: what they differ in by themselves, and the pairs of schemas below them.

Rules of this file: one step down, no recursion along the data. What is found is neutral: whether the caller sends the
value or receives it is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

from . import words
from .pairing import Branch, arrays, branch, branches, renamed, tag_of, values_of
from .shapes import ANY, Alternative, Definitions, Schema, exact, list_in, mapping, members_of, required, types, values_in

#: The most characters of a name in a path.
LONGEST_NAME = 200

#: Bounds, with the value that binds nothing: below it for the least, above it for the most.
BOUNDS: dict[str, float] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum"), -inf),
    **dict.fromkeys(("minLength", "minItems", "minProperties", "minContains"), 0),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"), inf),
}

#: Keywords whose differences are told as those of members, items or values.
_ELSEWHERE = {"properties", "required", "additionalProperties", "unevaluatedProperties", "items", "prefixItems", "enum"}

#: The definitions of A and B that something stands in, where it stands in one.
Names = tuple[str | None, str | None]


class Find(NamedTuple):
    """One difference between two schemas, at a place below them and in a branch of the union that they are."""

    kind: str
    before: Any = None
    after: Any = None
    path: str = ""
    branch: str = ""
    names: Names = (None, None)


class Below(NamedTuple):
    """A pair of schemas below a pair."""

    a: Schema
    b: Schema
    path: str = ""
    branch: str = ""
    names: Names = (None, None)


Sides = tuple[Definitions, Definitions]
Found = Iterator[Find | Below]


def look(sides: Sides, a: Schema, b: Schema) -> Found:
    """What two schemas differ in, without what is below them."""
    of_a, of_b = sides[0].alternatives(a), sides[1].alternatives(b)
    open_a, open_b = (ANY in types(side) for side in (of_a, of_b))
    if open_a or open_b:
        if open_a != open_b:
            yield _described(sides, of_a, of_b, open_a)
        return
    yield from _types(sides, of_a, of_b)
    for kind in ("object", "array", "string", "number", "boolean"):
        # Numbers are one type here, with fractions or without.
        kinds = {kind, "integer"} if kind == "number" else {kind}
        one, other = ([found for found in side if found.type in kinds] for side in (of_a, of_b))
        if one and other:
            yield from _OF_TYPE.get(kind, _plain)(sides, one, other)


def _described(sides: Sides, a: Sequence[Alternative], b: Sequence[Alternative], open_a: bool) -> Find:
    return Find("described", None, words.shapes(sides[1], b)) if open_a else Find("undescribed", words.shapes(sides[0], a))


def _types(sides: Sides, a: Sequence[Alternative], b: Sequence[Alternative]) -> Iterator[Find]:
    """The JSON types that came and went; `null` is told by itself where it is not the only one."""
    types_a, types_b = types(a), types(b)
    if types_a - {"null"} and types_b - {"null"}:
        if ("null" in types_a) != ("null" in types_b):
            yield Find("null-removed" if "null" in types_a else "null-added")
        types_a, types_b = types_a - {"null"}, types_b - {"null"}
    shapes = words.shapes(sides[0], a), words.shapes(sides[1], b)
    if types_a and types_b and not types_a & types_b:
        yield Find("type-changed", *shapes)
        return
    if types_a - types_b:
        yield Find("type-narrowed", *shapes)
    if types_b - types_a:
        yield Find("type-widened", *shapes)


def _alone(only_a: Iterable[str], only_b: Iterable[str]) -> Iterator[Find]:
    yield from (Find("branch-missing", label) for label in only_a)
    yield from (Find("branch-added", None, label) for label in only_b)


# --- Objects ------------------------------------------------------------------------------------------------


def _objects(sides: Sides, a: Sequence[Alternative], b: Sequence[Alternative]) -> Found:
    any_a, any_b = (any(map(_is_any_object, side)) for side in (a, b))
    if any_a or any_b:
        if any_a != any_b:
            yield _described(sides, a, b, any_a)
        return
    of_a, of_b = ([branch(definitions, one) for one in side] for definitions, side in zip(sides, (a, b), strict=True))
    union = max(len(a), len(b)) > 1
    tag = tag_of(of_a, of_b) if union else ""
    pairs = branches(of_a, of_b, tag)
    yield from _alone(*([_label(one, tag, one.tags.get(tag)) for one in side] for side in (pairs.only_a, pairs.only_b)))
    for one, other in pairs.both:
        shared = one.tags.get(tag, frozenset()) & other.tags.get(tag, frozenset())
        label = _label(one, tag, shared or one.tags.get(tag) or other.tags.get(tag), name=False) if union else ""
        # Which values a tag has that pairs two branches is a matter of the whole union.
        inside = _members(sides, one.one.schema, other.one.schema, skipped=tag if shared else "")
        for found in (*inside, *_rest(one.one.schema, other.one.schema)):
            yield found._replace(branch=label, names=(one.one.name, other.one.name))
    if gone := _lost([one for one, _ in pairs.both], of_b, tag):
        yield Find("values-removed", gone, None, member(tag))
    if come := _lost([other for _, other in pairs.both], of_a, tag):
        yield Find("values-added", None, come, member(tag))


def _lost(paired: Sequence[Branch], others: Sequence[Branch], tag: str) -> list[str]:
    """The values of the tag that no branch of the other side has."""
    values = values_of(others, tag)
    return [] if any(one.takes_any(tag) for one in others) or not values else sorted(values_of(paired, tag) - values)


def _label(one: Branch, tag: str, values: Iterable[str] | None, name: bool = True) -> str:
    """A branch by its tag (`type "text"`), by its definition, or by what it has."""
    tagged = f"{words.short(tag)} {words.either(map(words.value, sorted(values)))}" if values else ""
    if one.one.name and (name or not tagged):
        return f"{words.short(one.one.name)} ({tagged})" if tagged else words.short(one.one.name)
    members = words.listed([words.short(member) for member in sorted(one.members)], 4)
    return tagged or (f"object with {members}" if members else "object")


def _members(sides: Sides, a: Mapping[str, Any], b: Mapping[str, Any], skipped: str) -> Found:
    """The members with names: which came, went, have another name, or differ in themselves."""
    members_a, members_b = (members_of(side) for side in (a, b))
    required_a, required_b = (frozenset(required(side)) for side in (a, b))
    gone = {name: schema for name, schema in members_a.items() if name not in members_b}
    come = {name: schema for name, schema in members_b.items() if name not in members_a}
    names = {name: name for name in members_a if name in members_b} | renamed((sides[0], gone), (sides[1], come))
    for name in (name for name in gone if name not in names):
        kind = "required-missing" if name in required_a else "refused" if _closed(b) else "missing"
        yield Find(kind, words.shape(sides[0], gone[name]), None, member(name))
    for name in (name for name in come if name not in names.values()):
        kind = "required-added" if name in required_b else "added"
        yield Find(kind, None, words.shape(sides[1], come[name]), member(name))
    for name, other in names.items():
        needed = name in required_a, other in required_b
        if other != name:
            yield Find("required-renamed" if any(needed) else "renamed", name, other, member(name))
        if needed[0] != needed[1]:
            yield Find("not-required" if needed[0] else "now-required", None, None, member(name))
        if name != skipped:
            before, after = _default(sides[0], members_a[name]), _default(sides[1], members_b[other])
            if before is not None and after is not None and exact(before) != exact(after):
                yield Find("default", before, after, member(name))
            yield Below(members_a[name], members_b[other], member(name))


def _default(definitions: Definitions, schema: Schema) -> Any:
    """The default of a member, which may stand beside its reference."""
    return {**mapping(definitions.behind(schema)[1]), **mapping(schema)}.get("default")


def _rest(a: Mapping[str, Any], b: Mapping[str, Any]) -> Found:
    """What holds for members without a name of their own, and for the object as a whole."""
    if _closed(b) and not _closed(a):
        yield Find("closed")
    others = a.get("additionalProperties", True), b.get("additionalProperties", True)
    if False not in others:
        yield Below(*others, ".*")
    yield from _rules(a, b)


def member(name: str) -> str:
    """The step to a member: `.name`, or `["a name"]` where a dot would mislead; a very long name is cut."""
    text = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
    plain = name and not set(name) & set(' .[]"*')
    return f".{text}" if plain else f"[{json.dumps(text, ensure_ascii=False)}]"


def _is_any_object(one: Alternative) -> bool:
    """Whether nothing is said of an object but that it is one."""
    rest = one.schema.get("additionalProperties", True)
    return rest in (True, {}) and not one.schema.keys() & {"properties", "patternProperties", "unevaluatedProperties"}


def _closed(schema: Mapping[str, Any]) -> bool:
    """Whether members that the schema does not name are refused."""
    return schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False


# --- Arrays -------------------------------------------------------------------------------------------------


def _arrays(sides: Sides, a: Sequence[Alternative], b: Sequence[Alternative]) -> Found:
    pairs = arrays((sides[0], a), (sides[1], b))
    alone = zip(sides, (pairs.only_a, pairs.only_b), strict=True)
    yield from _alone(*([words.alternative(definitions, one) for one in side] for definitions, side in alone))
    for one, other in pairs.both:
        yield from _items(one.schema, other.schema)
        yield from _rules(one.schema, other.schema)


def _items(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Below]:
    for i, (one, other) in enumerate(zip(list_in(a, "prefixItems"), list_in(b, "prefixItems"), strict=False)):
        yield Below(one, other, f"[{i}]")
    yield Below(a.get("items", True), b.get("items", True), "[]")


# --- Plain values -------------------------------------------------------------------------------------------


def _plain(sides: Sides, a: Sequence[Alternative], b: Sequence[Alternative]) -> Iterator[Find]:
    """What came and went among the values that are allowed by name; the rules, where each side has them in one place."""
    values_a, values_b = _values(a), _values(b)
    if gone := [value for key, value in (values_a or {}).items() if key not in (values_b or {})]:
        yield Find("values-opened" if values_b is None else "values-removed", gone, None)
    if come := [value for key, value in (values_b or {}).items() if key not in (values_a or {})]:
        yield Find("values-closed" if values_a is None else "values-added", None, come)
    free_a, free_b = ([one for one in side if values_in(one.schema) is None] for side in (a, b))
    if len(free_a) == len(free_b) == 1:
        yield from _rules(free_a[0].schema, free_b[0].schema)


def _values(alternatives: Sequence[Alternative]) -> dict[str, Any] | None:
    """All values that some alternatives allow by name, or None where one of them allows any."""
    found = [values_in(one.schema) for one in alternatives]
    return None if None in found else {exact(value): value for values in found for value in values or ()}


def _rules(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Find]:
    """Bounds that are tighter or wider, and every other rule that is another."""
    moves = {key: _move(a.get(key), b.get(key), free) for key, free in BOUNDS.items()}
    others = sorted({**a, **b}.keys() - BOUNDS.keys() - _ELSEWHERE)
    for kind, keys in (
        ("bounds-tighter", [key for key, move in moves.items() if move > 0]),
        ("bounds-wider", [key for key, move in moves.items() if move < 0]),
        ("rule", [key for key in others if exact(a.get(key)) != exact(b.get(key))]),
    ):
        if keys:
            before, after = ({key: side[key] for key in keys if key in side} for side in (a, b))
            yield Find(kind, before, after)


def _move(a: Any, b: Any, free: float) -> int:
    """1 where a bound is tighter at B, -1 where it is wider."""
    before, after = (one if isinstance(one, int | float) else free for one in (a, b))
    up = (after > before) - (after < before)
    return -up if free == inf else up


_OF_TYPE = {"object": _objects, "array": _arrays}
