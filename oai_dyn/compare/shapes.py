"""A schema as the list of things that a value may be: one JSON type each, references followed, unions spread.

Rules of this file: two ways to say the same give the same list (a type list, a union of types, a reference to
either). A list is made once for each schema of a set, so that a schema and what is made of it keep their identity.
Nothing here compares. Whatever a schema holds, circles of references and rubbish included, the list is bounded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote

Schema = Any

#: The type of what no schema says anything about.
ANY = "any"

#: The most branches of one union that are looked at, and the most levels of unions in unions.
MOST_BRANCHES, MOST_LEVELS = 256, 60

#: Keywords by the only type of value they speak of.
SPEAK_OF: dict[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"),
    "object": (
        "properties", "required", "additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames",
        "minProperties", "maxProperties", "dependentRequired", "dependentSchemas",
    ),
}  # fmt: skip

_HOME = {keyword: kind for kind, keywords in SPEAK_OF.items() for keyword in keywords}

#: Keywords that have other schemas speak of the same value.
_COMPOUND = frozenset({"anyOf", "oneOf", "$ref", "allOf"})

#: What may stand anywhere without narrowing anything.
REMARKS = frozenset(
    {"default", "deprecated", "description", "title", "example", "examples", "$comment", "readOnly", "writeOnly", "x-decide"}
)

#: Bounds of which the larger is the tighter, and those of which the smaller is.
FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")


class Alternative(NamedTuple):
    """One thing that a value may be: its JSON type (or `ANY`), what is asked of it, and the definition it comes from."""

    type: str
    schema: Mapping[str, Any]
    name: str | None = None


Alternatives = tuple[Alternative, ...]


class Definitions:
    """The named schemas of one side, and what was made of every schema in them.

    `cut` is true once a union had more than was looked at.
    """

    def __init__(self, named: Mapping[str, Schema]) -> None:
        self.named = named
        self.cut = False
        self._names = {id(schema): name for name, schema in named.items() if isinstance(schema, Mapping)}
        self._circle = False
        self._made: dict[int, tuple[Schema, Alternatives]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Definitions, (self.named,)  # what was made is known by identities, which a copy has not

    def behind(self, schema: Schema) -> tuple[str | None, Schema]:
        """The definition that a schema is a mere reference to, and what stands there; else no name and the schema itself.

        A reference that leads nowhere or in a circle leads to a schema that says nothing.
        """
        name = None
        seen: set[str] = set()
        while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and not schema.keys() - REMARKS - {"$ref"}:
            name = _last_part(schema["$ref"])
            if name in seen or name not in self.named:
                return name, True
            seen.add(name)
            schema = self.named[name]
        return name, schema

    def alternatives(self, schema: Schema) -> Alternatives:
        """All things that a value may be under a schema, in its order; the same object each time."""
        made = self._made.get(id(schema))
        if made is None:
            name = self._names.get(id(schema))
            self._circle = False
            found = tuple(islice(self._spread(schema, name, frozenset({name} if name else ()), 0), MOST_BRANCHES + 1))
            if not found and self._circle:  # what is only itself says nothing
                found = (Alternative(ANY, {}, name),)
            self.cut |= len(found) > MOST_BRANCHES
            # The schema is kept beside its list: an identity is only good while its object lives.
            made = self._made[id(schema)] = (schema, found[:MOST_BRANCHES])
        return made[1]

    def _spread(self, schema: Schema, name: str | None, seen: frozenset[str], level: int) -> Iterator[Alternative]:
        if schema is False:
            return
        if not isinstance(schema, Mapping) or level > MOST_LEVELS:
            yield Alternative(ANY, {}, name)
            return
        if not schema.keys() & _COMPOUND:
            yield from _by_type(schema, name)
            return
        parts: list[Iterator[Alternative]] = []
        if isinstance(schema.get("$ref"), str):
            target = _last_part(schema["$ref"])
            if target in seen:
                self._circle = True
                return
            parts.append(self._spread(self.named.get(target, True), target, seen | {target}, level + 1))
        for key in ("anyOf", "oneOf"):
            if branches := list_in(schema, key):
                parts.append(self._spread_all(branches, seen, level + 1))
        parts += [self._spread(member, None, seen, level + 1) for member in list_in(schema, "allOf")]
        plain = {key: value for key, value in schema.items() if key not in _COMPOUND}
        if not parts or plain.keys() - REMARKS:
            parts.append(_by_type(plain, name))
        yield from _all_at_once(parts, name)

    def _spread_all(self, branches: Sequence[Schema], seen: frozenset[str], level: int) -> Iterator[Alternative]:
        for branch in branches:
            yield from self._spread(branch, None, seen, level)


def _last_part(reference: str) -> str:
    return unquote(reference.rpartition("/")[2]).replace("~1", "/").replace("~0", "~")


def _by_type(schema: Mapping[str, Any], name: str | None) -> Iterator[Alternative]:
    """A schema without unions as one alternative for each type it allows."""
    values = values_in(schema)
    kinds = [kind for kind in list_in(schema, "type", str) if isinstance(kind, str)]
    if values is None:
        spoken_of = [kind for kind, keywords in SPEAK_OF.items() if any(keyword in schema for keyword in keywords)]
        # Where one type is spoken of and none is named, the others are allowed by the letter but never meant.
        for kind in kinds or (spoken_of if len(spoken_of) == 1 else [ANY]):
            yield Alternative(kind, _only(schema, kind), name)
        return
    by_type: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for value in values:
        kind = type_of(value)
        kind = "number" if kind == "integer" and "number" in by_type else kind
        if not kinds or kind in by_type:
            by_type.setdefault(kind, []).append(value)
    for kind, allowed in by_type.items():
        if allowed:
            yield Alternative(kind, {**_only(schema, kind), "enum": allowed}, name)


def _only(schema: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The keywords that speak of one type, or of all."""
    group = "number" if kind == "integer" else kind
    left_out = REMARKS | {"type", "enum", "const"}
    return {key: value for key, value in schema.items() if key not in left_out and _HOME.get(key, group) == group}


def _all_at_once(parts: Sequence[Iterator[Alternative]], name: str | None) -> Iterator[Alternative]:
    """What may be under all parts at once: each choice of one alternative of every part that fits together."""
    if len(parts) == 1:
        yield from parts[0]
        return
    found = list(islice(parts[0], MOST_BRANCHES))
    for part in parts[1:]:
        others = list(islice(part, MOST_BRANCHES))
        joined = (_joined(one, other) for one in found for other in others)
        found = list(islice((both for both in joined if both is not None), MOST_BRANCHES))
    # Of several, each is known by where it comes from; one alone is what the whole is.
    yield from found if len(found) > 1 or name is None else [one._replace(name=name) for one in found]


def _joined(one: Alternative, other: Alternative) -> Alternative | None:
    """What is both, or None where nothing is."""
    kinds = {one.type, other.type} - {ANY}
    if kinds == {"number", "integer"}:
        kinds = {"integer"}
    if len(kinds) > 1:
        return None
    schema = dict(one.schema)
    for key, value in other.schema.items():
        schema[key] = _BOTH.get(key, _stricter)(schema[key], value) if key in schema else value
    if schema.get("enum") == []:
        return None
    return Alternative(kinds.pop() if kinds else ANY, schema, one.name or other.name)


def _stricter(one: Any, other: Any) -> Any:
    return False if one is False else other


def _both_members(one: Any, other: Any) -> Any:
    one, other = mapping_of(one), mapping_of(other)
    return {**one, **{name: {"allOf": [one[name], inner]} if name in one else inner for name, inner in other.items()}}


def _either_name(one: Any, other: Any) -> list[str]:
    names = [*(one if isinstance(one, list) else ()), *(other if isinstance(other, list) else ())]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _both_values(one: list[Any], other: list[Any]) -> list[Any]:
    known = {exact(value) for value in other}
    return [value for value in one if exact(value) in known]


def _bound(pick: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda one, other: pick(one, other) if is_number(one) and is_number(other) else other


#: The value of a keyword where two schemas hold at once.
_BOTH: dict[str, Callable[[Any, Any], Any]] = {
    "properties": _both_members,
    "patternProperties": _both_members,
    "required": _either_name,
    "enum": _both_values,
    "items": lambda one, other: {"allOf": [one, other]},
    **dict.fromkeys(FLOORS, _bound(max)),
    **dict.fromkeys(CEILINGS, _bound(min)),
}


def list_in(schema: Mapping[str, Any], key: str, *alone: type) -> list[Any]:
    """The list under a key; of a value of these types alone, a list of it; of anything else an empty one."""
    value = schema.get(key)
    return value if isinstance(value, list) else [value] if isinstance(value, alone) else []


def mapping_of(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def values_in(schema: Mapping[str, Any]) -> list[Any] | None:
    """The only values that a schema allows by name, or None where any value of its types will do."""
    if "const" in schema:
        return [schema["const"]]
    return schema["enum"] if isinstance(schema.get("enum"), list) else None


def exact(value: Any) -> str:
    """A text that is the same for the same JSON value alone (in Python, 1 equals true)."""
    if type(value) is str:
        return f'"{value}'  # no other begins so and goes on without its end
    return json.dumps(value, sort_keys=True, default=str)


def is_number(value: Any) -> bool:
    """Whether it is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def type_of(value: Any) -> str:
    """The JSON type of a value; "number" is one with a fraction."""
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "object"


def types(alternatives: Iterable[Alternative]) -> frozenset[str]:
    """The JSON types of some alternatives; a number may be an integer."""
    found = {one.type for one in alternatives}
    return frozenset(found | {"integer"} if "number" in found else found)
