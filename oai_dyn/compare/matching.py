"""Which row of B is which row of A: by name, by method and path, or by operationId.

Rules of this file: each row is in one pair at most. Where one side's paths begin with something that the other's
have not (`/v1`, which may as well stand in a base URL), they are compared without it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Row = Mapping[str, Any]

_PARAMETER = re.compile(r"\{[^{}]*\}")

#: What a row is known by at first, then where that leads nowhere. The last is for whoever moved a route elsewhere.
_Key = tuple[str, ...]


class Matched(NamedTuple):
    """Rows that belong together, those of one side alone, and what the paths of each side begin with."""

    both: list[tuple[Row, Row]]
    only_a: list[Row]
    only_b: list[Row]
    prefix_a: str = ""
    prefix_b: str = ""


def match(a: Mapping[str, Row], b: Mapping[str, Row]) -> Matched:
    """Pair the rows of two tables, in the order of A."""
    prefix_a, prefix_b = _prefix(b, a), _prefix(a, b)
    partner: dict[str, str] = {}
    taken: set[str] = set()
    for keys_a, keys_b in (
        (_name, _name),
        (_place(""), _place("")),
        (_place(prefix_a), _place(prefix_b)),
        (_operation, _operation),
    ):
        known: dict[_Key, str] = {}
        for row in sorted(b.values(), key=lambda row: bool(row.get("deprecated"))):
            key = keys_b(row)
            if key and row["name"] not in taken:
                known.setdefault(key, row["name"])
        for name, row in a.items():
            if name not in partner and (found := known.pop(keys_a(row), None)) is not None:
                partner[name] = found
                taken.add(found)
    both = [(a[name], b[partner[name]]) for name in a if name in partner]
    alone = [row for name, row in a.items() if name not in partner], [row for name, row in b.items() if name not in taken]
    used = any(same_place(one, "", other, prefix_b) and not same_place(one, "", other, "") for one, other in both)
    used_a = any(same_place(one, prefix_a, other, "") and not same_place(one, "", other, "") for one, other in both)
    return Matched(both, *alone, prefix_a if used_a else "", prefix_b if used else "")


def same_place(a: Row, prefix_a: str, b: Row, prefix_b: str) -> bool:
    """Whether two rows have the same path, whatever the names of its parameters and without what the paths begin with."""
    return _shape(a, prefix_a) == _shape(b, prefix_b)


def _name(row: Row) -> _Key:
    return (row["name"],)


def _operation(row: Row) -> _Key:
    return (row["id"],) if row.get("id") else ()


def _place(prefix: str) -> Callable[[Row], _Key]:
    def place(row: Row) -> _Key:
        fixed = row.get("fixed", {}).get("query", {})
        return row["method"], _shape(row, prefix), *(f"{key}={value}" for key, value in sorted(fixed.items()))

    return place


def _shape(row: Row, prefix: str) -> str:
    """The path with its parameters nameless, without what the paths of its side begin with."""
    return _PARAMETER.sub("{}", row["path"]).removeprefix(prefix).rstrip("/")


def _prefix(plain: Mapping[str, Row], longer: Mapping[str, Row]) -> str:
    """What has to be taken from most paths of one side to have paths of the other; "" where nothing has."""
    known = {(row["method"], _shape(row, "")) for row in plain.values()}
    found = Counter(
        prefix for row in longer.values() for prefix in _cut_off(row) if (row["method"], _shape(row, prefix)) in known
    )
    return max(sorted(found), key=lambda prefix: found[prefix], default="")


def _cut_off(row: Row) -> Iterator[str]:
    """Every beginning of a row's path that ends before a slash, but for the empty one and the whole."""
    parts = _shape(row, "").split("/")
    return ("/".join(parts[:i]) for i in range(2, len(parts)))
