"""The comparison of two sides as a record: differences in the order of harm, and what they are counted as.

Rules of this file: data, and its form as JSON (docs/importing.md); what is shown to a person is made elsewhere.
The same two sides give the same record.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .kinds import KINDS, SEVERITIES
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

    before, after  JSON values; None where there is nothing to say
    definitions    the definitions of A and B in which it is found, None where it is in none
    also           the other places that the same two schemas lead to
    """

    severity: str
    kind: str
    place: Place
    before: Any = None
    after: Any = None
    definitions: tuple[str | None, str | None] = (None, None)
    also: tuple[Place, ...] = ()

    @property
    def message(self) -> str:
        """What is different, in plain words: `fewer types: string or integer -> string`."""
        values = " -> ".join(said(value) for value in (self.before, self.after) if value is not None)
        return f"{KINDS[self.kind].title}: {values}" if values else KINDS[self.kind].title

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

    a, b            the labels of the sides
    both            the rows that belong together, by A's name, whether or not B has the same name for it
    only_a, only_b  the rows of one side alone
    notes           what is good to know of the sides and of the comparison
    """

    a: str
    b: str
    both: dict[str, tuple[Named, Named]]
    only_a: tuple[Named, ...]
    only_b: tuple[Named, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many differences there are of each severity."""
        return {severity: sum(one.severity == severity for one in self.differences) for severity in SEVERITIES}

    @property
    def same(self) -> int:
        """How many of the rows of both sides differ in nothing."""
        touched = {place.route for one in self.differences for place in (one.place, *one.also)}
        return len(self.both.keys() - touched)

    def grouped(self) -> list[tuple[str, list[tuple[str, list[Difference]]]]]:
        """The differences by severity and route, in order; routes of one side alone under "", before all others."""
        groups: dict[str, dict[str, list[Difference]]] = {}
        for one in self.differences:
            route = "" if one.kind in ("route-missing", "route-added") else one.place.route
            groups.setdefault(one.severity, {}).setdefault(route, []).append(one)
        return [(harm, sorted(routes.items(), key=lambda group: group[0] != "")) for harm, routes in groups.items()]

    def call(self, route: str) -> str:
        """Method and path of a row that both sides have, and what it is called at B where that differs."""
        one, other = self.both[route]
        called = f" (at {self.b}: {other.name})" if other.name != one.name else ""
        return f"{one.method} {one.path}{called}"

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        both, only_a, only_b = len(self.both), len(self.only_a), len(self.only_b)
        return {
            "format": FORMAT,
            "a": {"label": self.a, "routes": both + only_a},
            "b": {"label": self.b, "routes": both + only_b},
            "summary": {
                "differences": len(self.differences),
                "severities": self.counts,
                "routes": {"both": both, "same": self.same, "only_a": only_a, "only_b": only_b},
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
    }


def _place(place: Place) -> dict[str, Any]:
    return {**place._asdict(), "branches": list(place.branches)}
