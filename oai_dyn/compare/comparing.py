"""Two sides against each other: rows matched, each pair's rules and schemas compared, what is found put in order.

Rules of this file: bounded whatever the documents hold, without recursion, so circles of references end and depth
costs nothing. A difference between two definitions is told once, at the first place of each part that leads there,
with the other places beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .kinds import PARTS, RANK, SEVERITIES, severity
from .report import Comparison, Difference, Named, Place
from .rows import differences, match
from .schemas import Below, Find, Names, look
from .shapes import MOST_BRANCHES, Schema, exact
from .sides import Row, Side, kinds

#: The most pairs of schemas that are looked at and places that are told, and the most steps to one.
MOST, MOST_STEPS = 400_000, 64


def compare(a: Side, b: Side, wanted: Callable[[str], bool] = lambda name: True) -> Comparison:
    """All that B differs in for a caller who wrote for A.

    wanted: whether a row is compared, by its name on either side
    """
    both, only_a, only_b, beginnings = match(a.rows, b.rows)
    both = [(one, other) for one, other in both if wanted(one["name"]) or wanted(other["name"])]
    only_a, only_b = ([row for row in side if wanted(row["name"])] for side in (only_a, only_b))
    walk = _Walk(a, b)
    for kind, rows in (("route-missing", only_a), ("route-added", only_b)):
        for row in rows:
            text = f"{row['method']} {row['path']}"
            texts = (text, None) if kind == "route-missing" else (None, text)
            walk.meet((kind, row["name"]), Find(kind, *texts), Place(row["name"], "route"))
    for one, other in both:
        for kind, part, path, before, after in differences(b, one, other, beginnings):
            walk.meet((kind, part, path, exact([before, after])), Find(kind, before, after), Place(one["name"], part, path))
        for part in _parts(one, other):
            walk.part(one["name"], part, a.part(one, part), b.part(other, part))
    order = {row["name"]: i for i, row in enumerate([*(one for one, _ in both), *only_a, *only_b])}
    return Comparison(
        a=a.label,
        b=b.label,
        both={one["name"]: (_named(one), _named(other)) for one, other in both},
        only_a=tuple(map(_named, only_a)),
        only_b=tuple(map(_named, only_b)),
        differences=tuple(sorted(walk.differences(), key=lambda one: _rank(one, order))),
        notes=tuple(_notes(a, b, beginnings, walk.cut)),
    )


class _Walk:
    """What was looked at and found, while a comparison is made."""

    def __init__(self, a: Side, b: Side) -> None:
        self._sides = a.definitions, b.definitions
        self._looked: dict[tuple[int, int], tuple[Schema, Schema, list[Find | Below]]] = {}
        self._met: dict[tuple[Any, ...], tuple[Find, list[Place]]] = {}
        self._left = MOST
        self.cut = False

    def part(self, route: str, part: str, a: Schema, b: Schema) -> None:
        """Look at every pair of schemas that a part of two rows leads to, the nearest first, at each once."""
        if self._sides[0].named is self._sides[1].named and a == b:
            return
        queue, seen = deque([(Below(a, b), Place(route, part), 0)]), set[tuple[int, int]]()
        while queue:
            at, place, steps = queue.popleft()
            key, found = self._look(at.a, at.b)
            if key in seen:
                continue
            if not self._left or steps > MOST_STEPS:
                self.cut = True
                continue
            self._left -= 1
            if any(isinstance(one, Below) for one in found):  # what leads nowhere leads into no circle: it is told at each place
                seen.add(key)
            names = _inner((self._sides[0].behind(at.a)[0], self._sides[1].behind(at.b)[0]), at.names)
            for i, one in enumerate(found):
                one = one._replace(names=_inner(one.names, names))
                if isinstance(one, Below):
                    queue.append((one, _further(place, one), steps + 1))
                else:
                    self.meet((*key, i), one, _further(place, one))

    def _look(self, a: Schema, b: Schema) -> tuple[tuple[int, int], list[Find | Below]]:
        """What two schemas differ in and lead to, and what is the same for the same two."""
        behind_a, behind_b = (definitions.behind(one)[1] for definitions, one in zip(self._sides, (a, b), strict=True))
        key = id(behind_a), id(behind_b)
        if key not in self._looked:
            # The schemas are kept: an identity is only good while its object lives.
            self._looked[key] = (behind_a, behind_b, [*look(self._sides, a, b)])
        return key, self._looked[key][2]

    def meet(self, same: tuple[Any, ...], find: Find, place: Place) -> None:
        """Hold a find at a place; `same` is what makes it the same find wherever it is met."""
        if self._left:
            self._left -= 1
            self._met.setdefault((severity(find.kind, place.part), *same), (find, []))[1].append(place)
        else:
            self.cut = True

    def differences(self) -> Iterator[Difference]:
        """All that was found."""
        for (harm, *_), (find, (first, *also)) in self._met.items():
            yield Difference(harm, find.kind, first, find.before, find.after, find.names, tuple(also))


def _inner(names: Names, around: Names) -> Names:
    """The definitions that something stands in: its own, or those around it."""
    return names if any(names) else around


def _further(place: Place, step: Find | Below) -> Place:
    path = f"{place.path}{step.path}".removeprefix(".")
    branch = (f"{place.path or place.part}: {step.branch}",) if step.branch else ()
    return place._replace(path=path, branches=place.branches + branch)


def _parts(one: Row, other: Row) -> list[str]:
    """The parts of two rows that can be compared by their schemas."""
    body = bool(kinds(other, "body"))
    reply = all("json" in kinds(row, "reply") for row in (one, other))
    event = "stream" in one and "stream" in other
    return ["query", "header", *["body"] * body, *["reply"] * reply, *["event"] * event]


def _notes(a: Side, b: Side, beginnings: tuple[str, str], cut: bool) -> Iterator[str]:
    for side, beginning in zip((a, b), beginnings, strict=True):
        yield from (f"{side.label}: {note}" for note in side.notes)
        if beginning:
            yield f"{side.label}: its paths begin with {beginning}, which belongs into its base URL"
        if side.definitions.cut:
            yield f"{side.label}: of unions with more than {MOST_BRANCHES} branches only the first were compared"
    if cut:
        yield "the schemas lead to more places than are looked at; what lies deeper was not compared"


def _named(row: Row) -> Named:
    return Named(row["name"], row["method"], row["path"])


def _rank(one: Difference, order: dict[str, int]) -> tuple[Any, ...]:
    """The order of telling: the harm, the row, the part, the kind, the path."""
    harm, part = [*SEVERITIES].index(one.severity), PARTS.index(one.place.part)
    return harm, order[one.place.route], part, RANK[one.kind], one.place.path, one.place.branches
