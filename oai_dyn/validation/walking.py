"""A walk over a value and a schema at once: what the value has wrong, and where.

jsonschema's own validator makes a new object for every step into a value. Here a schema is made ready piece by piece,
when a value first reaches it, and a list holds what is still to be looked at, so that depth costs no stack. What each
keyword does stands in `keywords.py`; to jsonschema's keyword functions a `Walk` is the validator.

Rules of this file: what was made ready is shared by all walks and threads, and not changed by them; paths and words
are made only where something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from ..definitions import Schema
from ..errors import ConfigError
from .wording import Finding

Place = tuple[str | int, ...]

#: Where something stands in the value: the link of what holds it, and the last step.
Link = tuple[Any, str | int] | None

#: What a keyword does with a value, and what makes it of a schema: once, where several keywords share it.
Step = Callable[["Walk", Any, Link], None]
Steps = Mapping[str, Callable[["Walker", "Node"], Step]]

#: What was found of a value at a schema by trying it.
Known = dict[tuple[int, int], list[Finding]]

JSON_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int,),  # a float is looked at: NaN and the infinities are no JSON
    "string": (str,),
    "array": (list, tuple),
    "object": (dict,),
}


class Node:
    """A schema made ready: `types` are the Python types that pass at once, None where all do.

    plain: nothing but a type is asked. steps: what else there is to do, made at the first visit.
    """

    __slots__ = ("place", "plain", "schema", "steps", "types")

    def __init__(self, schema: Schema, place: Place, plain: bool) -> None:
        self.schema = schema
        self.place = place
        self.plain = plain
        self.steps: tuple[Step, ...] | None = None
        named = schema.get("type")
        self.types: frozenset[type] | None = None
        if named is not None:
            self.types = frozenset(kind for name in ([named] if isinstance(named, str) else named) for kind in JSON_TYPES[name])


class Walker:
    """A self-contained schema made ready for any number of walks."""

    def __init__(self, whole: Schema, steps: Steps) -> None:
        self._whole = whole
        self._steps = steps
        self._nodes: dict[int, Node] = {}
        self._plainest: dict[tuple[bool, Place], Node] = {}

    def found(self, value: Any) -> list[Finding]:
        """What the value has wrong."""
        try:
            return self.walk(value, self.node(self._whole, ()), {})
        except RecursionError:
            return [Finding((), "depth", None, None, ())]

    def walk(self, value: Any, node: Node, known: Known) -> list[Finding]:
        """What a value has wrong, with paths from there."""
        run = Walk(self, known)
        run.waiting.append((value, node, None))
        run.finish()
        return run.found

    def node(self, schema: Any, place: Place) -> Node:
        """The schema made ready; for a bare reference, the one that it leads to."""
        if not isinstance(schema, Mapping):
            key = schema, place
            return self._plainest.get(key) or self._plainest.setdefault(
                key, Node({} if schema else {"false": True}, place, plain=bool(schema))
            )
        found = self._nodes.get(id(schema))
        if found is None:
            behind, place = self._behind(schema, place)
            if isinstance(behind, Mapping):
                plain = not behind.keys() & self._steps.keys()
                found = self._nodes.setdefault(id(behind), Node(behind, place, plain))
            else:
                found = self.node(behind, place)
            self._nodes[id(schema)] = found
        return found

    def _behind(self, schema: Any, place: Place) -> tuple[Any, Place]:
        seen: list[Any] = []
        while isinstance(schema, Mapping) and schema.keys() & (self._steps.keys() | {"type"}) == {"$ref"}:
            if any(schema is other for other in seen):
                raise ConfigError(f"$ref: a circle that no value leads out of: {schema['$ref']}")
            seen.append(schema)
            schema, place = self._at(schema["$ref"])
        return schema, place

    def target(self, ref: str) -> Node:
        """The schema that a reference leads to, made ready."""
        return self.node(*self._at(ref))

    def _at(self, ref: str) -> tuple[Any, Place]:
        value: Any = self._whole
        steps = [step.replace("~1", "/").replace("~0", "~") for step in ref.split("/")[1:]]
        try:
            for step in steps:
                value = value[int(step)] if isinstance(value, Sequence) else value[step]
        except (LookupError, TypeError, ValueError):
            raise ConfigError(f"$ref: nothing stands at {ref}") from None
        return value, tuple(steps)

    def steps(self, node: Node) -> tuple[Step, ...]:
        """What there is to do for a value at this node, made once."""
        makers = dict.fromkeys(self._steps[keyword] for keyword in node.schema if keyword in self._steps)
        node.steps = tuple(make(self, node) for make in makers)
        return node.steps


class Walk:
    """One walk: what still waits to be looked at, and what was found."""

    #: No format is checked: in JSON Schema 2020-12 it is a remark.
    format_checker = None

    def __init__(self, walker: Walker, known: Known) -> None:
        self.walker = walker
        self.found: list[Finding] = []
        self.waiting: list[tuple[Any, Node, Link]] = []
        self.place: Place = ()  # of the keyword that jsonschema looks at
        self._known = known

    def finish(self) -> None:
        """Look at all that waits."""
        waiting, steps_of = self.waiting, self.walker.steps
        while waiting:
            value, node, at = waiting.pop()
            types = node.types
            if types is not None and type(value) not in types and not self.is_type(value, node.schema["type"]):
                self._refuse_type(value, node, at)
                continue
            for step in steps_of(node) if node.steps is None else node.steps:
                step(self, value, at)

    def _refuse_type(self, value: Any, node: Node, at: Link) -> None:
        schema = node.schema
        values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
        others = (Finding((), "enum", values, value, (*node.place, "enum")),) if values else ()
        self.report(at, node, "type", schema["type"], value, others=others)

    def report(self, at: Link, node: Node, keyword: str, wanted: Any, value: Any, *steps: str | int, **more: Any) -> None:
        """Note what a keyword refuses at a place, or at `steps` below it."""
        self.found.append(Finding((*_path(at), *steps), keyword, wanted, value, (*node.place, keyword), **more))

    def lift(self, found: Iterable[Finding], at: Link) -> None:
        """Note what was found with paths from a place."""
        head = _path(at)
        self.found += [finding._replace(path=(*head, *finding.path)) for finding in found] if head else found

    def tried(self, value: Any, node: Node) -> list[Finding]:
        """What a value has wrong that may yet be no fault; looked for once, however many unions ask."""
        key = id(value), id(node)
        found = self._known.get(key)
        if found is None:
            found = self.walker.walk(value, node, self._known)
            if isinstance(value, dict | list | tuple):
                self._known[key] = found
        return found

    def is_type(self, value: Any, types: str | Iterable[str]) -> bool:
        """Whether a value has one of JSON's types: a bool is no number, and a number without fraction is an integer."""
        for name in (types,) if isinstance(types, str) else types:
            if isinstance(value, bool):
                fits = name == "boolean"
            elif isinstance(value, float):
                fits = value.is_integer() if name == "integer" else name == "number" and isfinite(value)
            else:
                fits = isinstance(value, JSON_TYPES[name])
            if fits:
                return True
        return False

    def descend(self, instance: Any, schema: Any, path: str | int | None = None, schema_path: Any = None) -> list[Finding]:
        """What a value has wrong against a schema inside of the one that is looked at."""
        place = self.place if schema_path is None else (*self.place, schema_path)
        found = self.tried(instance, self.walker.node(schema, place))
        return found if path is None else [one._replace(path=(path, *one.path)) for one in found]

    def evolve(self, schema: Any) -> Asked:
        """Another schema, to be asked whether it takes a value."""
        return Asked(self, self.walker.node(schema, self.place))


class Asked(NamedTuple):
    """A schema that is asked whether it takes values, of which nothing is told."""

    walk: Walk
    node: Node

    def is_valid(self, value: Any) -> bool:
        """Whether the schema takes the value."""
        return not self.walk.tried(value, self.node)


def _path(at: Link) -> Place:
    steps: list[str | int] = []
    while at is not None:
        at, step = at
        steps.append(step)
    return tuple(reversed(steps))
