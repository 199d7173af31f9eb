"""What a JSON Schema asks at one place: references followed, parts merged, and whether a value would do there.

Rules of this file: a schema that is met is never changed; what a value lacks is no fault here, for the rest
of it is made later. Keywords that no sample needs (`not`, `if`, `dependent...`, `x-decide`) are not looked at.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..definitions import bundle

Schema = Mapping[str, Any]

#: Whether a keyword holds: the definitions, what the keyword says, the value, the schema it stands in.
Test = Callable[["Schemas", Any, Any, Schema], bool]

#: No value at all; and a member that is to be left out where that is allowed.
ABSENT: Final = object()
OMIT: Final = object()

#: The JSON type of a value, by its Python class.
TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}

#: Beyond this many required definitions inside each other there is no end.
ENDLESS = 1_000


class Schemas:
    """One self-contained schema, by the references in it."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._heights: dict[str, int] = {}
        self._tags: dict[str, Any] = {}

    def at(self, reference: str) -> Schema:
        """What `#/$defs/Name`, or any other pointer into the schema, points at."""
        found: Any = self.root
        for step in reference.removeprefix("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            found = found[int(step)] if isinstance(found, list) else found[step]
        return schema_of(found)

    def fits(self, schema: Any, value: Any) -> bool:
        """Whether a value would do, once it was given what it may lack."""
        if value is OMIT or value is ABSENT or schema is True:
            return True
        if schema is False:
            return False
        return all(test(self, schema[word], value, schema) for word, test in TESTS.items() if word in schema)

    def parts(self, schema: Any) -> list[Any]:
        """The schemas within one that speak of the same value."""
        schema = schema_of(schema)
        inner = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, ())]
        return [self.at(schema["$ref"]), *inner] if "$ref" in schema else inner

    def members(self, schema: Any) -> dict[str, Any]:
        """The schemas of the members that an object may have, in whatever branch; of one name the first."""
        found: dict[str, Any] = {}
        for part in self.parts(schema):
            found = {**self.members(part), **found}
        return {**found, **schema_of(schema).get("properties", {})}

    def tag(self, schema: Schema) -> Any:
        """The one value that the `type` of an object has in a branch of a union, None where it may have others."""
        reference = schema.get("$ref", "")
        if reference in self._tags:
            return self._tags[reference]
        wanted = schema_of(self.members(schema).get("type"))
        values = [wanted["const"]] if "const" in wanted else wanted.get("enum", [])
        found = values[0] if len(values) == 1 else None
        if reference:
            self._tags[reference] = found
        return found

    def height(self, schema: Any, inside: frozenset[str] = frozenset()) -> int:
        """How many definitions stand inside each other, at the least, in a value of this schema."""
        schema = schema_of(schema)
        heights = [0]
        if (reference := schema.get("$ref")) is not None:
            heights.append(self._referred(reference, inside))
        for word, of in (("anyOf", min), ("oneOf", min), ("allOf", max)):
            if word in schema:
                heights.append(of(self.height(branch, inside) for branch in schema[word]))
        known = schema.get("properties", {})
        heights += [self.height(known.get(name, {}), inside) for name in schema.get("required", ())]
        if schema.get("minItems"):
            heights.append(self.height(schema.get("items", {}), inside))
        return max(heights)

    def _referred(self, reference: str, inside: frozenset[str]) -> int:
        if reference in inside:
            return ENDLESS
        if inside or reference not in self._heights:
            found = min(ENDLESS, 1 + self.height(self.at(reference), inside | {reference}))
            if inside:
                return found
            self._heights[reference] = found
        return self._heights[reference]


@functools.lru_cache(maxsize=128)
def named(name: str) -> Schemas:
    """The bundled schema of a name, read when it is first asked for."""
    return Schemas(bundle(name))


def schema_of(schema: Any) -> Schema:
    """A schema as a mapping: `true` asks nothing. (`false` is met nowhere but among members, which are left out.)"""
    return schema if isinstance(schema, Mapping) else {}


def type_of(value: Any) -> str:
    """The JSON type of a value; a float without a fraction is an integer, as the standard has it."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return TYPES[next(kind for kind in TYPES if isinstance(value, kind))]


def types_of(schema: Schema) -> list[str]:
    """The types that a schema names, or those that its keywords speak of; none where it takes anything."""
    named = schema.get("type")
    if named is not None:
        return [named] if isinstance(named, str) else list(named)
    return [kind for words, kind in IMPLIED if not words.isdisjoint(schema)][:1]


def agree(first: Schema, second: Any) -> bool:
    """Whether a value can have a type that both ask for, as far as they name one."""
    one, other = types_of(first), types_of(schema_of(second))
    return second is not False and (not one or not other or bool(_shared(one, other)))


def merged(first: Schema, second: Schema) -> Schema:
    """One schema that asks what both ask."""
    out = {**first, **second}
    parts = [*first.get("allOf", ()), *second.get("allOf", ())]
    for word in first.keys() & second.keys() - {"allOf"}:
        if word in ("$ref", "anyOf", "oneOf"):
            out[word] = first[word]
            parts.append({word: second[word]})
        else:
            out[word] = JOINED.get(word, _last)(first[word], second[word])
    return {**out, "allOf": parts} if parts else out


def _last(first: Any, second: Any) -> Any:
    return second


def _both(first: Any, second: Any) -> Any:
    return merged(schema_of(first), schema_of(second)) if first is not False and second is not False else False


def _properties(first: Schema, second: Schema) -> Schema:
    return {**first, **{name: _both(first.get(name, True), schema) for name, schema in second.items()}}


def _shared_types(first: Any, second: Any) -> list[str]:
    return _shared(types_of({"type": first}), types_of({"type": second}))


def _shared(one: list[str], other: list[str]) -> list[str]:
    both = [kind for kind in one if kind in other or (kind == "integer" and "number" in other)]
    return [*both, *(["integer"] if "number" in one and "integer" in other and "integer" not in one else ())]


def _member_fits(schemas: Schemas, name: str, value: Any, schema: Schema) -> bool:
    known = schema.get("properties", {})
    return schemas.fits(known[name] if name in known else schema.get("additionalProperties", True), value)


def _members_fit(schemas: Schemas, _: Any, value: Any, schema: Schema) -> bool:
    return not isinstance(value, dict) or all(_member_fits(schemas, name, one, schema) for name, one in value.items())


def _type_fits(_: Schemas, wanted: Any, value: Any, schema: Schema) -> bool:
    kind = type_of(value)
    return kind in (allowed := types_of(schema)) or (kind == "integer" and "number" in allowed)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _bound(kinds: type | tuple[type, ...], holds: Callable[[Any, Any], bool]) -> Test:
    return lambda schemas, bound, value, schema: not isinstance(value, kinds) or isinstance(value, bool) or holds(value, bound)


NUMBER = (int, float)

#: What `fits` asks, by keyword.
TESTS: dict[str, Test] = {
    "const": lambda schemas, wanted, value, schema: _same(value, wanted),
    "enum": lambda schemas, wanted, value, schema: any(_same(value, one) for one in wanted),
    "type": _type_fits,
    "minimum": _bound(NUMBER, lambda value, bound: value >= bound),
    "maximum": _bound(NUMBER, lambda value, bound: value <= bound),
    "exclusiveMinimum": _bound(NUMBER, lambda value, bound: value > bound),
    "exclusiveMaximum": _bound(NUMBER, lambda value, bound: value < bound),
    "minLength": _bound(str, lambda value, bound: len(value) >= bound),
    "maxLength": _bound(str, lambda value, bound: len(value) <= bound),
    "pattern": _bound(str, lambda value, pattern: re.search(pattern, value) is not None),
    "minItems": _bound(list, lambda value, bound: len(value) >= bound),
    "maxItems": _bound(list, lambda value, bound: len(value) <= bound),
    "items": lambda schemas, wanted, value, schema: (
        not isinstance(value, list) or all(schemas.fits(wanted, one) for one in value[len(schema.get("prefixItems", ())) :])
    ),
    "properties": _members_fit,
    "additionalProperties": _members_fit,
    "$ref": lambda schemas, reference, value, schema: schemas.fits(schemas.at(reference), value),
    "allOf": lambda schemas, parts, value, schema: all(schemas.fits(part, value) for part in parts),
    "anyOf": lambda schemas, branches, value, schema: any(schemas.fits(branch, value) for branch in branches),
    "oneOf": lambda schemas, branches, value, schema: any(schemas.fits(branch, value) for branch in branches),
}

#: How `merged` joins a keyword that both have; the second one's stands for any other.
JOINED: dict[str, Callable[[Any, Any], Any]] = {
    "type": _shared_types,
    "enum": lambda first, second: [one for one in first if one in second],
    "required": lambda first, second: list(dict.fromkeys([*first, *second])),
    "properties": _properties,
    "items": _both,
    "additionalProperties": _both,
    "minimum": max,
    "maximum": min,
    "minLength": max,
    "maxLength": min,
    "minItems": max,
    "maxItems": min,
}

#: The type that a schema without one speaks of.
IMPLIED: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"properties", "required", "additionalProperties", "minProperties"}), "object"),
    (frozenset({"items", "prefixItems", "minItems"}), "array"),
    (frozenset({"minLength", "maxLength", "pattern", "format"}), "string"),
    (frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}), "number"),
)
