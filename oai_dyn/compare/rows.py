"""Two rows against each other, without their schemas: where they are, how they are asked, what comes back.

Rules of this file: each rule is a function of two rows that yields a kind, the part it is of, what was before and
what is after; `RULES` lists them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .matching import Matched, Row, same_place
from .shapes import ANY, mapping_of, types
from .sides import Side

_BRACES = re.compile(r"\{(\w+)\}")

#: A difference: its kind, the part of the row, the place in it, before, after.
Told = tuple[str, str, str, Any, Any]


def of_rows(b: Side, one: Row, other: Row, matched: Matched) -> Iterator[Told]:
    """All that two rows differ in, but for their schemas."""
    if one["name"] != other["name"]:
        yield "route-name", "route", "", one["name"], other["name"]
    if one["method"] != other["method"]:
        yield "method", "route", "", one["method"], other["method"]
    if not same_place(one, matched.prefix_a, other, matched.prefix_b):
        yield "path", "route", "", one["path"], other["path"]
    else:
        names = zip(_BRACES.findall(one["path"]), _BRACES.findall(other["path"]), strict=True)
        yield from (("path-name", "path", before, before, after) for before, after in names if before != after)
    for rule in RULES:
        yield from ((kind, "route", "", before, after) for kind, before, after in rule(one, other))
    yield from _reply(b, one, other)
    yield from _streaming(b, one, other)


def _credential(a: Row, b: Row) -> Iterator[tuple[str, Any, Any]]:
    before, after = (row.get("credential", "api_key") for row in (a, b))
    if before != after:
        yield "credential", before, after


def _body(a: Row, b: Row) -> Iterator[tuple[str, Any, Any]]:
    before, after = (_kinds(row.get("body", {}), "none") for row in (a, b))
    if before != after:
        kind = "body-added" if before == ["none"] else "body-missing" if after == ["none"] else "body-kind"
        yield "body-also" if set(before) < set(after) else kind, _either(before), _either(after)


def _reply(b: Side, one: Row, other: Row) -> Iterator[Told]:
    """The kinds of answer. Frameworks say JSON where they know nothing: without a schema that is no promise."""
    before, after = (_kinds(row.get("reply", {}), "json") for row in (one, other))
    if before == after:
        return
    kind = "reply-fewer" if set(after) < set(before) else "reply-also" if set(before) < set(after) else "reply-kind"
    if kind == "reply-kind" and before == ["none"]:
        kind = "reply-added"
    elif kind == "reply-kind" and after == ["json"] and _says_nothing(b, other, "reply"):
        kind = "reply-unsaid"
    yield kind, "route", "", _either(before), _either(after)


def _kinds(rule: Mapping[str, Any], usual: str) -> list[str]:
    return [rule.get("kind", usual), *([rule["or"]] if "or" in rule else [])]


def _either(kinds: list[str]) -> str:
    return " or ".join(kinds)


def _page(a: Row, b: Row) -> Iterator[tuple[str, Any, Any]]:
    before, after = (_paging(row.get("page")) for row in (a, b))
    if before != after:
        yield "page-missing" if after is None else "page-added" if before is None else "page-changed", before, after


def _paging(rule: Mapping[str, Any] | None) -> str | None:
    if not rule or "cursor" not in rule:
        return None
    cursor = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in rule["cursor"]).lstrip(".")
    return f"{rule['param']} = {cursor}, items in {rule.get('items', 'data')}"


def _fixed(a: Row, b: Row) -> Iterator[tuple[str, Any, Any]]:
    before, after = (_always_sent(row) for row in (a, b))
    if any(before.get(name) != value for name, value in after.items()):
        yield "fixed", _pairs(before) or "nothing", _pairs(after)
    elif before != after:
        yield "fixed-gone", _pairs(before), _pairs(after) or "nothing"


def _always_sent(row: Row) -> dict[str, str]:
    fixed = row.get("fixed", {})
    # What is accepted is no rule of the server's: what it answers is told by itself.
    headers = {f"{name.lower()}:": value for name, value in fixed.get("headers", {}).items() if name.lower() != "accept"}
    return headers | {f"?{name} =": value for name, value in fixed.get("query", {}).items()}


def _pairs(fixed: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(fixed.items()))


def _safe(a: Row, b: Row) -> Iterator[tuple[str, Any, Any]]:
    before, after = (bool(row.get("safe")) for row in (a, b))
    if before != after:
        yield "safe" if after else "unsafe", None, None


def _deprecated(a: Row, b: Row) -> Iterator[tuple[str, Any, Any]]:
    if b.get("deprecated") and not a.get("deprecated"):
        yield "deprecated", None, None


def _stream_rules(a: Row, b: Row) -> Iterator[tuple[str, Any, Any]]:
    if "stream" not in a or "stream" not in b:
        return
    before, after = (_asked(row["stream"].get("ask")) for row in (a, b))
    if before != after:
        yield "stream-ask", before, after
    before, after = (_end(row["stream"]) for row in (a, b))
    # A table that does not say what ends a stream does not say that it ends otherwise.
    if before and after and before != after:
        yield "stream-end", before, after


def _asked(ask: Mapping[str, Any] | None) -> str:
    return f"{ask['in']} {ask['key']} = {json.dumps(ask['value'])}" if ask else "nothing (it always streams)"


def _end(rule: Mapping[str, Any]) -> str:
    marks = [f"{name} {', '.join(sorted(rule[name]))}" for name in ("last", "complete", "reopen") if rule.get(name)]
    return "; ".join([*marks, *(name for name in ("finish", "eof") if rule.get(name))])


#: The rules that need nothing but the two rows, in the order of telling.
RULES: tuple[Callable[[Row, Row], Iterator[tuple[str, Any, Any]]], ...] = (
    _credential, _body, _page, _fixed, _safe, _deprecated, _stream_rules,
)  # fmt: skip


def _streaming(b: Side, one: Row, other: Row) -> Iterator[Told]:
    """Whether it streams: a server's document may fall silent on it while the body still takes the key that asks."""
    if ("stream" in one) == ("stream" in other):
        return
    if "stream" in other:
        yield "stream-added", "route", "", None, _asked(other["stream"].get("ask"))
        return
    ask = one["stream"].get("ask")
    unsaid = ask is not None and (_says_nothing(b, other, ask["in"]) or ask["key"] in _members(b, other, ask["in"]))
    yield "stream-unsaid" if unsaid else "stream-missing", "route", "", None, None


def _says_nothing(side: Side, row: Row, part: str) -> bool:
    """Whether nothing is known of a part: it has no schema, or a body is not even said to be there."""
    if part == "body" and _kinds(row.get("body", {}), "none") == ["none"]:
        return True
    return ANY in types(side.definitions.alternatives(side.part(row, part)))


def _members(side: Side, row: Row, part: str) -> set[str]:
    alternatives = side.definitions.alternatives(side.part(row, part))
    return {name for one in alternatives for name in mapping_of(one.schema.get("properties"))}
