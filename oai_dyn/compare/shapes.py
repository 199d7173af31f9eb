"""A schema as the list of things that a value may be: one JSON type each, references followed, unions spread.

Rules of this file: two ways to say the same give the same list (a type list, a union of types, a reference to
either). A list is made once for each schema, so that a schema and what is made of it keep their identity. Nothing
here compares. Whatever a schema holds, circles of references and rubbish included, the list is bounded.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..openapi.keywords import HOLDS_MANY, HOLDS_ONE, KEYWORDS, LIST, NUMBER, PROSE, SAID_BESIDE
from ..openapi.merging import Top, conjunction
from ..openapi.references import DEFS, without_circles

Schema = Any

#: The type of what no schema says anything about.
ANY = "any"

#: The most branches of one union that are looked at, and the most levels of unions in unions.
MOST_BRANCHES, MOST_LEVELS = 256, 16

#: The only types of value that a keyword speaks of; what is not here speaks of all.
SPEAK_OF: dict[str, frozenset[str]] = {
    **{name: one.types for name, one in KEYWORDS.items() if one.types},
    **{name: kinds for name, kinds in {**HOLDS_ONE, **HOLDS_MANY}.items() if kinds},
    **dict.fromkeys(("items", "prefixItems"), LIST),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), NUMBER),
}

#: What may stand anywhere without narrowing anything; a format is for whoever reads it, no value is wrong for it.
REMARKS = PROSE.union(SAID_BESIDE, ("format", "contentMediaType", "contentEncoding", "x-decide"))

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", type(None): "null"}


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
        self._made: dict[int, tuple[Schema, Alternatives]] = {}

    def behind(self, schema: Schema) -> tuple[str | None, Schema]:
        """The definition that a schema is a mere reference to, and what stands there; else no name and the schema itself.

        A reference that leads nowhere or in a circle leads to a schema that says nothing.
        """
        name = None
        for _ in range(MOST_LEVELS):
            if not (isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str)) or schema.keys() - REMARKS - {"$ref"}:
                return name, schema
            name = unquote(schema["$ref"].rpartition("/")[2]).replace("~1", "/").replace("~0", "~")
            schema = self.named.get(name, True)
        return name, True

    def alternatives(self, schema: Schema) -> Alternatives:
        """All things that a value may be under a schema, in its order; the same object each time."""
        target = self.behind(schema)[1]
        if id(target) not in self._made:
            found = tuple(islice(self._spread(schema), MOST_BRANCHES + 1))
            self.cut |= len(found) > MOST_BRANCHES
            # The schema is kept beside its list: an identity is only good while its object lives.
            self._made[id(target)] = (target, found[:MOST_BRANCHES])
        return self._made[id(target)][1]

    def _spread(self, schema: Schema, name: str | None = None, level: int = 0) -> Iterator[Alternative]:
        own, schema = self.behind(schema)
        name = own or name
        if schema is False:
            return
        if not isinstance(schema, Mapping) or level > MOST_LEVELS:
            yield Alternative(ANY, {}, name)
        elif kind := next((kind for kind in ("anyOf", "oneOf") if list_in(schema, kind)), None):
            beside = {key: value for key, value in schema.items() if key not in REMARKS | {kind}}
            for branch in schema[kind]:
                whole = self._joined([beside, branch]) if beside else branch
                yield from self._spread(whole, self.behind(branch)[0], level + 1)
        elif (parts := list_in(schema, "allOf")) or "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key not in REMARKS | {"allOf", "$ref"}}
            references = [{"$ref": f"{DEFS}{self.behind({'$ref': schema['$ref']})[0]}"}] if "$ref" in schema else []
            joined = self._joined([rest, *references, *parts])
            # What stays an `allOf` is one of the rules.
            yield from _by_type(joined, name) if "allOf" in joined else self._spread(joined, name, level + 1)
        else:
            yield from _by_type(schema, name)

    def _joined(self, parts: list[Schema]) -> Mapping[str, Any]:
        """One schema for several that hold at once. Imported and bundled definitions have hardly any of these left."""
        return conjunction(parts, self._top)

    @functools.cached_property
    def _top(self) -> Top:
        return Top(without_circles({name: one if isinstance(one, Mapping) else {} for name, one in self.named.items()}, []))


def _by_type(schema: Mapping[str, Any], name: str | None) -> Iterator[Alternative]:
    """A schema without unions as one alternative for each type it allows."""
    kinds = [kind for kind in list_in(schema, "type") if isinstance(kind, str)]
    values = values_in(schema)
    if values is None:
        spoken_of = {SPEAK_OF[key] for key in schema if key in SPEAK_OF}
        # Where one type is spoken of and none is named, the others are allowed by the letter but never meant.
        for kind in kinds or (max(spoken_of.pop()) if len(spoken_of) == 1 else ANY,):
            yield Alternative(kind, _only(schema, kind), name)
        return
    by_type: dict[str, list[Any]] = {}
    for value in values:
        kind = type_of(value)
        kind = "number" if kind == "integer" and "number" in kinds else kind
        if not kinds or kind in kinds:
            by_type.setdefault(kind, []).append(value)
    for kind, allowed in by_type.items():
        yield Alternative(kind, {**_only(schema, kind), "enum": allowed}, name)


def _only(schema: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The keywords that speak of one type, or of all."""
    left_out = REMARKS | {"type", "enum", "const"}
    return {key: value for key, value in schema.items() if key not in left_out and kind in SPEAK_OF.get(key, (kind,))}


def list_in(schema: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key; of a text a list of it, of anything else an empty one."""
    value = schema.get(key)
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def members_of(schema: Any) -> Mapping[str, Schema]:
    """The members that an object may have, by name."""
    return mapping(mapping(schema).get("properties"))


def required(schema: Any) -> list[str]:
    """The names that an object must have."""
    return [name for name in list_in(mapping(schema), "required") if isinstance(name, str)]


def values_in(schema: Mapping[str, Any]) -> list[Any] | None:
    """The only values that a schema allows by name, or None where any value of its types will do."""
    if "const" in schema:
        return [schema["const"]]
    return schema["enum"] if isinstance(schema.get("enum"), list) else None


def exact(value: Any) -> str:
    """A text that is the same for the same JSON value alone (in Python, 1 equals true)."""
    return json.dumps(value, sort_keys=True, default=str)


def type_of(value: Any) -> str:
    """The JSON type of a value; "number" is one with a fraction."""
    return _TYPES.get(type(value), "object")


def types(alternatives: Iterable[Alternative]) -> frozenset[str]:
    """The JSON types of some alternatives; a number may be an integer."""
    found = {one.type for one in alternatives}
    return frozenset(found | {"integer"} if "number" in found else found)
