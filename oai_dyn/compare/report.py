"""The comparison of two sides as a record: differences in the order of harm, and what they are counted as.

Rules of this file: data, and its form as JSON (docs/importing.md); what is shown to a person is made elsewhere.
The same two sides give the same record.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .kinds import KINDS
from .words import said

#: The version of the JSON form. It changes when a member goes or means something else.
FORMAT = 1


class Place(NamedTuple):
    """Where a difference is: row, part, path in it, and the branches of unions that lead there."""

    route: str
    part: str
    path: str = ""
    branches: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Row, part and path in one line."""
        return " ".join(filter(None, self[:3]))


class Difference(NamedTuple):
    """One difference, and how badly it hurts a caller who wrote for A and now talks to B.

    also         the other places that the same two schemas lead to, the first of them
    more         how many there are beyond those
    definitions  the definitions of A and B in which it is found, None where it is in none
    before, after  JSON values; None where there is nothing to say
    """

    severity: str
    kind: str
    place: Place
    before: Any = None
    after: Any = None
    definitions: tuple[str | None, str | None] = (None, None)
    also: tuple[Place, ...] = ()
    more: int = 0

    @property
    def message(self) -> str:
        """What is different, in plain words."""
        return KINDS[self.kind].words.format(before=said(self.before), after=said(self.after))

    @property
    def within(self) -> list[str]:
        """In what it is, in plain words: the branches of unions that lead there, and the definitions."""
        lines = [f"where {branch}" for branch in self.place.branches]
        names = dict.fromkeys(filter(None, self.definitions))
        return [*lines, f"in {' / '.join(names)}"] if names else lines


class Named(NamedTuple):
    """A row as it is told of: its name, method and path."""

    name: str
    method: str
    path: str


class Comparison(NamedTuple):
    """All that two sides differ in, the worst first.

    a, b         the labels of the sides
    rows         how many rows each has that were compared
    both         the rows that belong together, by A's name, whether or not B has the same name for it
    only_a, only_b  the rows of one side alone
    notes        what is good to know of the sides and of the comparison
    left_out     how many differences are not listed, the most harmless ones
    """

    a: str
    b: str
    rows: tuple[int, int]
    both: dict[str, tuple[Named, Named]]
    only_a: tuple[Named, ...]
    only_b: tuple[Named, ...]
    differences: tuple[Difference, ...]
    counts: dict[str, int]
    touched: int
    notes: tuple[str, ...] = ()
    left_out: int = 0

    def grouped(self) -> list[tuple[str, list[tuple[str, list[Difference]]]]]:
        """The differences by severity and route, in order; routes of one side alone under "", before all others."""
        groups: dict[str, dict[str, list[Difference]]] = {}
        for one in self.differences:
            route = "" if one.kind in ("route-missing", "route-added") else one.place.route
            groups.setdefault(one.severity, {}).setdefault(route, []).append(one)
        return [(harm, sorted(routes.items(), key=lambda group: group[0] != "")) for harm, routes in groups.items()]

    def heading(self, route: str) -> str:
        """A row that both sides have: its name, method and path, and what it is called at B where that differs."""
        one, other = self.both[route]
        called = f"  (at {self.b}: {other.name})" if other.name != one.name else ""
        return f"{one.name}  {one.method} {one.path}{called}"

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "format": FORMAT,
            "a": {"label": self.a, "routes": self.rows[0]},
            "b": {"label": self.b, "routes": self.rows[1]},
            "summary": {
                "differences": sum(self.counts.values()),
                "severities": self.counts,
                "routes": {
                    "both": len(self.both),
                    "same": len(self.both) - self.touched,
                    "only_a": len(self.only_a),
                    "only_b": len(self.only_b),
                },
                "left_out": self.left_out,
            },
            "notes": list(self.notes),
            "routes": {
                "both": [{"a": one._asdict(), "b": other._asdict()} for one, other in self.both.values()],
                "only_a": [row._asdict() for row in self.only_a],
                "only_b": [row._asdict() for row in self.only_b],
            },
            "differences": [_difference(one) for one in self.differences],
        }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "severity": one.severity,
        "kind": one.kind,
        **_place(one.place),
        "before": one.before,
        "after": one.after,
        "message": one.message,
        "definitions": dict(zip("ab", one.definitions, strict=True)),
        "also": [_place(place) for place in one.also],
        "more": one.more,
    }


def _place(place: Place) -> dict[str, Any]:
    return {**place._asdict(), "branches": list(place.branches)}
