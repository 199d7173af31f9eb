"""Two sides against each other: rows matched, each pair's rules and schemas compared, what is found put in order.

Rules of this file: bounded whatever the documents hold. A difference between two definitions is told once, at the
first place that leads there, with the other places beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .kinds import PARTS, RANK, SEVERITIES, severity
from .matching import Matched, Row, match
from .report import Comparison, Difference, Named, Place
from .rows import of_rows
from .shapes import MOST_BRANCHES, Schema
from .sides import Side
from .walking import Find, Names, Step, Walker
from .words import kept

#: The most pairs of schemas that are looked at in one part of a row and in all, and the most steps to one.
MOST_PAIRS, MOST_IN_ALL, MOST_STEPS = 20_000, 400_000, 64

#: The most differences that are listed, and the most other places of one.
MOST_DIFFERENCES, MOST_PLACES = 10_000, 40


class _Node(NamedTuple):
    """A pair of schemas still to be looked at: how it was reached, and the definitions it is in."""

    a: Schema
    b: Schema
    steps: tuple[Step, ...] = ()
    names: Names = (None, None)


class _Met:
    """A find, how it hurts, and every place where it was met."""

    def __init__(self, harm: str, find: Find) -> None:
        self.harm, self.find = harm, find
        self.places: list[Place] = []
        self.more = 0

    def told(self) -> Difference:
        """The difference that it is."""
        first, *also = self.places
        find, (before, after) = self.find, map(kept, (self.find.before, self.find.after))
        return Difference(self.harm, find.kind, first, before, after, find.names, tuple(also), self.more)


def compare(a: Side, b: Side, wanted: Callable[[str], bool] = lambda name: True) -> Comparison:
    """All that B differs in for a caller who wrote for A.

    wanted: whether a row is compared, by its name on either side
    """
    return _Comparing(a, b).whole(wanted)


class _Comparing:
    """One comparison while it is made."""

    def __init__(self, a: Side, b: Side) -> None:
        self._a, self._b = a, b
        self._walker = Walker(a.definitions, b.definitions)
        self._met: dict[tuple[Any, ...], _Met] = {}  # by what makes a find the same find wherever it is met
        self._touched: set[str] = set()
        self._left = MOST_IN_ALL
        self._cut = False

    def whole(self, wanted: Callable[[str], bool]) -> Comparison:
        """The comparison of the rows that are wanted."""
        found = match(self._a.rows, self._b.rows)
        both = [(one, other) for one, other in found.both if wanted(one["name"]) or wanted(other["name"])]
        only_a, only_b = ([row for row in side if wanted(row["name"])] for side in (found.only_a, found.only_b))
        differences = [_alone("route-missing", row) for row in only_a] + [_alone("route-added", row) for row in only_b]
        for one, other in both:
            for kind, part, path, before, after in of_rows(self._b, one, other, found):
                same = (kind, part, path, before, after)
                self._meet(same, Find(kind, (), before, after), Place(one["name"], part, path))
            for part in _parts_of(one, other):
                self._schemas(one["name"], part, self._a.part(one, part), self._b.part(other, part))
        differences += [met.told() for met in self._met.values()]
        order = {row["name"]: i for i, row in enumerate([*(one for one, _ in both), *only_a, *only_b])}
        differences.sort(key=lambda one: _rank(one, order))
        return Comparison(
            a=self._a.label,
            b=self._b.label,
            rows=(len(both) + len(only_a), len(both) + len(only_b)),
            both={one["name"]: (_named(one), _named(other)) for one, other in both},
            only_a=tuple(map(_named, only_a)),
            only_b=tuple(map(_named, only_b)),
            differences=tuple(differences[:MOST_DIFFERENCES]),
            counts={name: sum(one.severity == name for one in differences) for name in SEVERITIES},
            touched=len(self._touched),
            notes=tuple(self._notes(found)),
            left_out=max(len(differences) - MOST_DIFFERENCES, 0),
        )

    def _schemas(self, route: str, part: str, a: Schema, b: Schema) -> None:
        """Look at every pair of schemas that a part leads to, the nearest first, at each once."""
        if self._a.definitions.named is self._b.definitions.named and a == b:
            return
        queue, seen, left = deque([_Node(a, b)]), set[int](), MOST_PAIRS
        while queue:
            node = queue.popleft()
            looked = self._walker.look(node.a, node.b)
            if id(looked) in seen and looked.below:  # what leads nowhere leads into no circle: it is told at each place
                continue
            seen.add(id(looked))
            if not left or not self._left or len(node.steps) > MOST_STEPS:
                self._cut = True
                continue
            left, self._left = left - 1, self._left - 1
            own = (self._a.definitions.behind(node.a)[0], self._b.definitions.behind(node.b)[0])
            node = node._replace(names=_inner(own, node.names))
            for i, find in enumerate(looked.finds):
                met = find._replace(names=_inner(find.names, node.names))
                self._meet((id(looked), i), met, _place(route, part, (*node.steps, *find.steps)))
            for below in looked.below:
                queue.append(_Node(below.a, below.b, (*node.steps, *below.steps), _inner(below.names, node.names)))

    def _meet(self, same: tuple[Any, ...], find: Find, place: Place) -> None:
        harm = severity(find.kind, place.part)
        met = self._met.setdefault((*same, harm), _Met(harm, find))
        if len(met.places) <= MOST_PLACES:
            met.places.append(place)
        else:
            met.more += 1
        self._touched.add(place.route)

    def _notes(self, found: Matched) -> Iterator[str]:
        for side, prefix in ((self._a, found.prefix_a), (self._b, found.prefix_b)):
            yield from (f"{side.label}: {note}" for note in side.notes)
            if prefix:
                yield f"{side.label}: its paths begin with {prefix}, which belongs into its base URL"
            if side.definitions.cut:
                yield f"{side.label}: of unions with more than {MOST_BRANCHES} branches only the first were compared"
        if self._cut:
            yield "the schemas lead to more places than are looked at; what lies deeper was not compared"


def _inner(names: Names, around: Names) -> Names:
    """The definitions that something stands in: its own, or those around it."""
    return names if any(names) else around


def _parts_of(one: Row, other: Row) -> list[str]:
    """The parts of two rows that can be compared by their schemas."""
    body = other.get("body", {}).get("kind", "none") != "none"
    reply = all(row.get("reply", {}).get("kind", "json") == "json" for row in (one, other))
    event = "stream" in one and "stream" in other
    return ["query", "header", *["body"] * body, *["reply"] * reply, *["event"] * event]


def _place(route: str, part: str, steps: tuple[Step, ...]) -> Place:
    path, branches = "", []
    for step in steps:
        path += step.path
        if step.branch:
            branches.append(f"{path.removeprefix('.') or part}: {step.branch}")
    return Place(route, part, path.removeprefix("."), tuple(branches))


def _alone(kind: str, row: Row) -> Difference:
    text = f"{row['method']} {row['path']}"
    before, after = (text, None) if kind == "route-missing" else (None, text)
    return Difference(severity(kind, "route"), kind, Place(row["name"], "route"), before, after)


def _named(row: Row) -> Named:
    return Named(row["name"], row["method"], row["path"])


def _rank(one: Difference, order: dict[str, int]) -> tuple[Any, ...]:
    """The order of telling: the harm, the row, the part, the kind, the path."""
    place = one.place
    return (_HARM[one.severity], order[place.route], _PART[place.part], RANK[one.kind], place.path, place.branches)


_HARM = {name: i for i, name in enumerate(SEVERITIES)}
_PART = {name: i for i, name in enumerate(PARTS)}
