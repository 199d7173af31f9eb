"""A comparison as plain text, for a terminal of 80 columns and more.

Rules of this file: names and values come from documents of anybody's; what is not printable becomes an escape.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from .kinds import MEANINGS, SEVERITIES
from .report import Comparison, Difference, Named

#: How wide a line of text is at least and at most.
NARROWEST, WIDEST = 60, 120

#: How many other places of a difference are listed, and how many lines of routes of one side alone.
MOST_PLACES, MOST_ALONE = 3, 60

#: The column at which the words of a difference begin: two spaces, the longest part of a row, two spaces.
_INDENT = 12


def as_text(found: Comparison, width: int = 80) -> str:
    """The comparison as text whose lines are `width` columns wide where words allow it."""
    width = min(max(width, NARROWEST), WIDEST)
    lines = [*_head(found, width)]
    for severity, routes in found.grouped():
        meaning = MEANINGS[severity].format(a=found.a, b=found.b)
        lines += ["", *_wrapped(f"{SEVERITIES[severity].upper()} ({found.counts[severity]}): {meaning}", width, "", "  ")]
        for name, differences in routes:
            lines += ["", *(_route(found, name, differences, width) if name else _alone(found, differences, width))]
    if found.left_out:
        lines += ["", f"{found.left_out} more differences are not listed"]
    return "".join(f"{printable(line)}\n" for line in lines)


def printable(text: str) -> str:
    """The text with what could move the cursor or turn the line round written as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _head(found: Comparison, width: int) -> Iterator[str]:
    yield f"{found.a} -> {found.b}"
    same = "all the same" if not found.touched else f"{len(found.both) - found.touched} the same"
    alone = f"{len(found.only_a)} only in {found.a}, {len(found.only_b)} only in {found.b}"
    yield from _wrapped(f"{_count(len(found.both), 'route')} in both ({same}), {alone}", width)
    counts = ", ".join(f"{found.counts[severity]} {words}" for severity, words in SEVERITIES.items())
    total = sum(found.counts.values())
    yield f"{_count(total, 'difference')}: {counts}" if total else "no differences"
    for note in found.notes:
        yield from _wrapped(f"note: {note}", width, "", "      ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _alone(found: Comparison, differences: Sequence[Difference], width: int) -> Iterator[str]:
    """Routes of one side: a group of names that the other side has nothing of is one line."""
    missing = differences[0].kind == "route-missing"
    rows, side = (found.only_a, found.b) if missing else (found.only_b, found.a)
    yield f"  routes that {side} has not ({len(rows)})"
    known = {prefix for pair in found.both.values() for prefix in _prefixes(pair[0 if missing else 1].name)}
    groups: dict[str, list[Named]] = {}
    for row in rows:
        groups.setdefault(next((prefix for prefix in _prefixes(row.name) if prefix not in known), row.name), []).append(row)
    for prefix, members in list(groups.items())[:MOST_ALONE]:
        if len(members) > 1:
            yield f"    {prefix}.*  ({len(members)} routes)"
        else:
            yield from _wrapped(f"{members[0].name}  {members[0].method} {members[0].path}", width, "    ", "      ")
    if rest := sum(map(len, list(groups.values())[MOST_ALONE:])):
        yield f"    and {rest} more; the other formats list all"


def _prefixes(name: str) -> Iterator[str]:
    """The beginnings of a dotted name, the shortest first, without the whole."""
    parts = name.split(".")
    return (".".join(parts[:i]) for i in range(1, len(parts)))


def _route(found: Comparison, name: str, differences: Iterable[Difference], width: int) -> Iterator[str]:
    yield from _wrapped(found.heading(name), width, "  ", "    ")
    last = None
    for one in differences:
        here = (one.place.part, one.definitions, one.place.branches)
        yield from _difference(one, width, here == last)
        last = here


def _difference(one: Difference, width: int, as_before: bool) -> Iterator[str]:
    """One difference; where it is in the same branch of the same definition as the one before, that is not said again."""
    texts = [*filter(None, [one.place.path]), one.message, *([] if as_before else one.within)]
    if one.also:
        others = "; ".join(place.text for place in one.also[:MOST_PLACES])
        rest = len(one.also) + one.more - MOST_PLACES
        texts.append(f"also at {others}{f'; and {rest} more places' if rest > 0 else ''}")
    for i, text in enumerate(texts):
        first = f"    {one.place.part:6}  " if i == 0 else " " * _INDENT
        yield from _wrapped(text, width, first, " " * (_INDENT + 2))


def _wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
