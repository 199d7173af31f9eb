"""A value made from a JSON Schema (2020-12): plausible, and the same for the same `turn`.

    Maker(Schemas(definitions.bundle("Response")), "response").value({"model": "m"}, turn=3, number=7)

Rules of this file: no network, no clock, no chance. Turn 0 takes the first branch of every union and has every
optional member that an answer usually has; counting the turns up from there comes by every branch. What is given
is kept wherever its schema takes it, and completed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from .plausible import LIKELY, TRUE, UNUSUAL
from .settling import ABSENT, OMIT, Schema, Schemas, agree, merged, schema_of, types_of
from .words import STRIDE, fitted, number_for, number_of, text

#: How many definitions may stand inside each other before only what must be there is made.
DEEPEST = 12

#: How many references may follow each other before there is no end to them.
ENDLESS = 100

#: Keywords of which a place can have one only; what else it asks waits in its `allOf`.
UNIONS = {"anyOf", "oneOf"}

#: In one of so many turns a member is null or left out (or, where that is usual, is there).
BEAT = 5


class Spot(NamedTuple):
    """One place in a value: the member's name, what is given, which turn it is, and the object around it.

    number, kind   of that object; `place` is its index in a list
    inside         the definitions that it stands in; `ending` makes only what must be there
    met            that an unusual member is there this time was settled above
    """

    name: str = ""
    given: Any = ABSENT
    turn: int = 0
    number: int = 1
    kind: str = ""
    place: int = 0
    inside: tuple[str, ...] = ()
    ending: bool = False
    met: bool = False

    @property
    def unusual(self) -> bool:
        """Whether what stands here is null, empty or not there, as a rule."""
        return self.name in UNUSUAL and not self.met


class Maker:
    """Makes values of one schema.

    kind    what the outermost object is, where its schema does not say so
    echoes  what members of these names hold, at any depth, where their schemas take it
    """

    def __init__(self, schemas: Schemas, kind: str = "", echoes: Mapping[str, Any] | None = None) -> None:
        self.schemas = schemas
        self.kind = kind
        self.echoes = echoes or {}

    def value(self, given: Any = ABSENT, turn: int = 0, number: int = 1, *, lean: bool = False) -> Any:
        """One value of the whole schema; a lean one has what is given and what must be there."""
        return self.make(self.schemas.root, Spot("", given, turn, number, self.kind, ending=lean))

    def make(self, schema: Any, spot: Spot) -> Any:
        """A value for one place."""
        schema, spot = self._settled(schema_of(schema), spot)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._one_of(schema, spot)
        types = types_of(schema) or (["object"] if isinstance(spot.given, Mapping) else [])
        if not types:
            return text(spot.name, schema, spot.number, spot.kind) if spot.given is ABSENT else spot.given
        if types[0] in SCALARS:
            if spot.given is not ABSENT and self.schemas.fits(schema, spot.given):
                return spot.given
            if schema.get("default") is not None and self.schemas.fits(schema, schema["default"]):
                return schema["default"]
            return SCALARS[types[0]](schema, spot)
        return self._object(schema, spot) if types[0] == "object" else self._list(schema, spot)

    def _settled(self, schema: Schema, spot: Spot) -> tuple[Schema, Spot]:
        """The schema with its references followed, its parts merged and its unions decided."""
        while True:
            rest = dict(schema)
            if (reference := rest.pop("$ref", None)) is not None:
                ending = spot.ending or reference in spot.inside or len(spot.inside) > DEEPEST
                if len(spot.inside) > ENDLESS:
                    raise RecursionError(f"{reference}: there is no end to its references")
                spot = spot._replace(inside=(*spot.inside, reference), ending=ending)
                schema = merged(self.schemas.at(reference), rest)
            elif parts := [part for part in rest.get("allOf", ()) if not UNIONS & rest.keys() & schema_of(part).keys()]:
                later = [part for part in rest.pop("allOf") if part not in parts]
                for part in parts:
                    rest = dict(merged(rest, schema_of(part)))
                schema = merged(rest, {"allOf": later}) if later else rest
            elif "anyOf" in rest or "oneOf" in rest:
                branches = rest.pop("anyOf" if "anyOf" in rest else "oneOf")
                branch, spot = self._branch([one for one in branches if agree(rest, one)] or branches, spot)
                schema = merged(rest, branch)
            elif len(types := types_of(schema)) > 1 and not {"const", "enum"} & schema.keys():
                branch, spot = self._branch([{"type": kind} for kind in types], spot)
                schema = {**schema, **branch}
            else:
                return schema, spot

    def _branch(self, branches: list[Any], spot: Spot) -> tuple[Schema, Spot]:
        """The branch that takes what is given and knows most of it, else the one whose turn it is."""
        schemas = [schema_of(branch) for branch in branches]
        fitting = self._fitting(schemas, spot.given)
        nulls = [] if fitting else [branch for branch in schemas if self.schemas.fits(branch, None)]
        others = fitting or [branch for branch in schemas if types_of(branch) != ["null"]]
        if isinstance(spot.given, Mapping) and others:
            known = [self._known(branch, spot.given) for branch in others]
            others = [branch for branch, count in zip(others, known, strict=True) if count == max(known)]
        if spot.ending:
            return min(nulls or others, key=self.schemas.height), spot
        return self._next(sorted(others, key=lambda branch: self.schemas.tag(branch) not in LIKELY), nulls, spot)

    def _fitting(self, branches: list[Schema], given: Any) -> list[Schema]:
        """The branches that take what is given; those for another `type` are not looked into."""
        if given is ABSENT:
            return []
        kind = given.get("type") if isinstance(given, Mapping) else None
        if isinstance(kind, str):
            branches = [branch for branch in branches if self.schemas.tag(branch) in (None, kind)]
        return [branch for branch in branches if self.schemas.fits(branch, given)]

    def _known(self, schema: Schema, given: Mapping[str, Any]) -> int:
        """How many of the given members a branch speaks of, less those that are to be left out."""
        members = self.schemas.members(schema)
        return sum(-1 if value is OMIT else 1 for name, value in given.items() if name in members)

    def _one_of(self, schema: Schema, spot: Spot) -> Any:
        """The enum's value that is given, else the one whose turn it is, the default and the likely ones first."""
        values = [one for one in schema["enum"] if self.schemas.fits({**schema, "enum": [one]}, one)]
        if spot.given is not ABSENT and spot.given in values:
            return spot.given
        others = [one for one in values if one is not None]
        others.sort(key=lambda one: (one != schema.get("default"), one not in LIKELY))
        return self._next(others, [None] * (None in values), spot)[0]

    def _next(self, options: list[Any], nulls: list[Any], spot: Spot) -> tuple[Any, Spot]:
        turn = spot.turn
        if nulls and options:
            odd, turn = _odd(spot.name, turn)
            if spot.ending or odd != spot.unusual:
                return nulls[0], spot._replace(turn=turn, given=None)
            spot = spot._replace(met=True)
        options = options or nulls
        return options[turn % len(options)], spot._replace(turn=turn // len(options))

    def _object(self, schema: Schema, spot: Spot) -> dict[str, Any]:
        known: Mapping[str, Any] = {name: member for name, member in schema.get("properties", {}).items() if member is not False}
        required = schema.get("required", ())
        given = spot.given if isinstance(spot.given, Mapping) else {}
        number = number_of(given.get("id"), spot.number)
        inner = spot._replace(given=ABSENT, kind=_kind(known, spot), number=number, met=False)
        out: dict[str, Any] = {}
        kinds = self._told_apart(known, required)
        for name, member in {**kinds, **known, **{name: {} for name in required if name not in known}}.items():
            here = inner._replace(name=name, given=given.get(name, self.echoes.get(name, ABSENT)))
            if name in kinds and name != "type":
                here = here._replace(turn=spot.turn // len(kinds), given=OMIT if name != out["type"] else here.given)
            if name in required:
                out[name] = self.make(member, here._replace(given=ABSENT if here.given is OMIT else here.given))
            elif (there := self._there(member, here)) is not None:
                out[name] = self.make(member, there)
        if not known:
            out |= self._map(schema, given, spot)
        return out

    def _told_apart(self, known: Schema, required: Sequence[str]) -> Schema:
        """The members of which an object has the one that its `type` names, `type` itself first; none, as a rule."""
        kinds = schema_of(known.get("type")).get("enum", ()) if "type" in required else ()
        among = {name: known[name] for name in kinds if name in known and name not in required}
        return {"type": known["type"], **among} if len(among) > 1 else {}

    def _there(self, member: Any, spot: Spot) -> Spot | None:
        """Where an optional member is made, None where it is left out this time."""
        if spot.given is OMIT or (spot.ending and spot.given is ABSENT):
            return None
        if spot.given is not ABSENT:
            return spot
        odd, turn = _odd(spot.name, spot.turn)
        seldom = spot.unusual or schema_of(member).get("deprecated", False)
        return spot._replace(turn=turn, met=seldom) if odd == seldom else None

    def _map(self, schema: Schema, given: Mapping[str, Any], spot: Spot) -> dict[str, Any]:
        """An object of any keys: those given, or one where values of a kind are wanted."""
        of = schema.get("additionalProperties", True)
        never = schema.get("properties", {})
        names = [name for name in given if given[name] is not OMIT and of is not False and name not in never]
        usual = isinstance(of, Mapping) and spot.given is ABSENT and not spot.unusual and not spot.ending
        least = max(schema.get("minProperties", 0), int(usual))
        wanted = schema.get("propertyNames", {})
        for n in range(len(names), least):
            names.append(fitted(wanted.get("enum", ["key"])[0] if n == 0 else f"key_{n + 1}", wanted))
        return {name: self.make(of, spot._replace(name=name, given=given.get(name, ABSENT))) for name in names}

    def _list(self, schema: Schema, spot: Spot) -> list[Any]:
        given = spot.given if isinstance(spot.given, list) else None
        first, rest = schema.get("prefixItems", []), schema.get("items", {})
        odd, turn = _odd(spot.name, spot.turn) if spot.unusual else (True, spot.turn)
        usual = 1 + crc32(spot.name.encode()) % 2 if odd and not spot.ending else 0
        count = max(len(given if given is not None else range(usual)), schema.get("minItems", 0), len(first))
        count = min(count, schema.get("maxItems", count), count if rest is not False else len(first))
        made = [
            self.make(
                first[i] if i < len(first) else rest,
                spot._replace(
                    name="" if spot.name == "data" else spot.name.removesuffix("s"),
                    given=given[i] if given is not None and i < len(given) else ABSENT,
                    turn=turn * count + i,
                    number=spot.number + STRIDE * i,
                    place=i,
                ),
            )
            for i in range(count)
        ]
        return [one for i, one in enumerate(made) if one not in made[:i]] if schema.get("uniqueItems") else made


def _odd(name: str, turn: int) -> tuple[bool, int]:
    """Whether this is the one turn in `BEAT` that is unlike the others for a name, and its number among its like."""
    whole, beat = divmod(turn, BEAT)
    odd = 1 + crc32(name.encode()) % (BEAT - 1)
    return beat == odd, whole if beat == odd else whole * (BEAT - 1) + beat - (beat > odd)


def _kind(known: Mapping[str, Any], spot: Spot) -> str:
    """What an object is: its own `object` or `type`, or the name it goes by."""
    for name in ("object", "type"):
        schema = schema_of(known.get(name))
        for one in (schema.get("const"), *schema.get("enum", ())):
            if isinstance(one, str):
                return one.removesuffix(".deleted").removesuffix(".delta")
    return spot.name or spot.kind


SCALARS: dict[str, Callable[[Schema, Spot], Any]] = {
    "null": lambda schema, spot: None,
    "boolean": lambda schema, spot: spot.name in TRUE,
    "integer": lambda schema, spot: number_for(spot.name, schema, spot.number, spot.place, spot.kind, whole=True),
    "number": lambda schema, spot: number_for(spot.name, schema, spot.number, spot.place, spot.kind, whole=False),
    "string": lambda schema, spot: text(spot.name, schema, spot.number, spot.kind),
}
