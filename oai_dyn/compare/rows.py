"""Which row of B is which row of A, and what two rows differ in, but for their schemas.

Rules of this file: each row is in one pair at most. Where one side's paths begin with something that the other's
have not (`/v1`, which may as well stand in a base URL), they are compared without it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .shapes import ANY, members_of, types
from .sides import Row, Side, kinds

_PARAMETER = re.compile(r"\{([^{}]*)\}")


#: Rows that belong together, in the order of A, those of A alone and of B alone, and what the paths of each side begin with.
Matched = tuple[list[tuple[Row, Row]], list[Row], list[Row], tuple[str, str]]

#: A difference: its kind, the part of the row, the place in it, before, after.
Told = tuple[str, str, str, Any, Any]


def match(a: Mapping[str, Row], b: Mapping[str, Row]) -> Matched:
    """Pair the rows of two tables: by name, by method and path, by operationId for whoever moved a route elsewhere."""
    beginnings = _beginning(b, a), _beginning(a, b)

    def place(row: Row, beginning: str) -> Any:
        return row["method"], _path(row, beginning), sorted(row.get("fixed", {}).get("query", {}).items())

    def operation(row: Row, _: str) -> str:
        return str(row.get("id", row["name"]))

    partner: dict[str, str] = {}
    for key in (lambda row, _: row["name"], place, operation):
        known: dict[str, str] = {}
        taken = set(partner.values())
        for name, row in sorted(b.items(), key=lambda item: bool(item[1].get("deprecated"))):
            if name not in taken:
                known.setdefault(str(key(row, beginnings[1])), name)
        for name, row in a.items():
            if name not in partner and (found := known.pop(str(key(row, beginnings[0])), None)):
                partner[name] = found
    both = [(row, b[partner[name]]) for name, row in a.items() if name in partner]
    only_b = b.keys() - partner.values()
    return both, [a[name] for name in a if name not in partner], [b[name] for name in b if name in only_b], beginnings


def _path(row: Row, beginning: str = "") -> str:
    """The path with its parameters nameless, without what the paths of its side begin with."""
    return _PARAMETER.sub("{}", row["path"]).removeprefix(beginning).rstrip("/")


def _beginning(plain: Mapping[str, Row], longer: Mapping[str, Row]) -> str:
    """What has to be taken from most paths of one side to have paths of the other; "" where nothing has."""
    known = {(row["method"], _path(row)) for row in plain.values()}
    found = Counter[str]()
    for row in longer.values():
        parts = _path(row).split("/")
        beginnings = ("/".join(parts[:i]) for i in range(1, len(parts)))
        found.update(beginning for beginning in beginnings if (row["method"], _path(row, beginning)) in known)
    return max(sorted(found), key=lambda beginning: found[beginning], default="")


def differences(b: Side, one: Row, other: Row, beginnings: tuple[str, str]) -> Iterator[Told]:
    """All that two rows differ in, but for their schemas."""
    names = (_PARAMETER.findall(row["path"]) for row in (one, other))
    if _path(one, beginnings[0]) != _path(other, beginnings[1]):
        yield "path", "route", "", one["path"], other["path"]
    else:
        yield from (("path-name", "path", before, before, after) for before, after in zip(*names, strict=True) if before != after)
    for kind, rule in _RULES.items():
        if rule(one) != rule(other):
            yield kind, "route", "", rule(one), rule(other)
    for kind, before, after in (*_kinds(b, one, other), *_stream(b, one, other)):
        yield kind, "route", "", before, after
    if other.get("deprecated") and not one.get("deprecated"):
        yield "deprecated", "route", "", None, None


#: What is told of a row as it stands there, where it is another.
_RULES: dict[str, Callable[[Row], Any]] = {
    "route-name": lambda row: row["name"],
    "method": lambda row: row["method"],
    "credential": lambda row: row.get("credential", "api_key"),
    "page": lambda row: row.get("page", {}),
}


def _kinds(b: Side, one: Row, other: Row) -> Iterator[tuple[str, Any, Any]]:
    """The kinds of body and of answer. Frameworks say JSON where they know nothing: without a schema that is no promise."""
    for part in ("body", "reply"):
        before, after = kinds(one, part), kinds(other, part)
        kind = ""
        if part == "body" and before - after:
            kind = "body-kind" if after else "body-missing"
        elif part == "reply" and before and not before & after:
            kind = "reply-unsaid" if after == {"json"} and _says_nothing(b, other, part) else "reply-kind"
        elif after - before:
            kind = f"{part}-also"
        if kind:
            yield kind, " or ".join(sorted(before)) or "none", " or ".join(sorted(after)) or "none"


def _stream(b: Side, one: Row, other: Row) -> Iterator[tuple[str, Any, Any]]:
    """Whether it streams, and how: a server's document may fall silent on it while the body still takes the key that asks."""
    before, after = (row.get("stream", {}).get("ask", {}) for row in (one, other))
    if "stream" not in one and "stream" in other:
        yield "stream-added", None, after or None
    elif "stream" in one and "stream" not in other:
        names = {name for shape in b.shapes(other, before["in"]) for name in members_of(shape.schema)} if before else ()
        unsaid = before and (before["key"] in names or _says_nothing(b, other, before["in"]))
        yield "stream-unsaid" if unsaid else "stream-missing", None, None
    elif before != after:
        yield "stream-ask", before, after


def _says_nothing(side: Side, row: Row, part: str) -> bool:
    """Whether nothing is known of a part: it has no schema, or a body is not even said to be there."""
    return (part == "body" and not kinds(row, "body")) or ANY in types(side.shapes(row, part))
