"""A comparison as plain text, for a terminal of 80 columns and more.

Rules of this file: names and values come from documents of anybody's; what is not printable becomes an escape.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ..openapi.writing import counted
from .kinds import BREAKS, MEANINGS, SEVERITIES
from .report import Comparison, Difference
from .words import listed

#: How wide a line of text is at least and at most.
NARROWEST, WIDEST = 60, 120

#: How many other places of a difference are listed.
MOST_PLACES = 3

#: The column at which the words of a difference begin: two spaces, the longest part of a row, two spaces.
_INDENT = 12


def as_text(found: Comparison, width: int = 80) -> str:
    """The comparison as text whose lines are `width` columns wide where words allow it."""
    lines = [*_head(found)]
    for severity, routes in found.grouped():
        meaning = MEANINGS[severity].format(a=found.a, b=found.b)
        lines += ["", f"{SEVERITIES[severity].upper()} ({found.counts[severity]}): {meaning}"]
        for name, differences in routes:
            lines += ["", *(_route(found, name, differences) if name else _alone(found, differences))]
    width = min(max(width, NARROWEST), WIDEST)
    return "".join(f"{printable(part)}\n" for line in lines for part in _wrapped(line, width))


def printable(text: str) -> str:
    """The text with what could move the cursor or turn the line round written as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _wrapped(line: str, width: int) -> list[str]:
    """The line within its width: what does not fit goes on two columns deeper, below the words of a difference."""
    indent = _INDENT if line.startswith("    ") else len(line) - len(line.lstrip())
    rest = " " * (indent + 2)
    return textwrap.wrap(line, width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False) or [""]


def _head(found: Comparison) -> Iterator[str]:
    yield f"{found.a} -> {found.b}"
    both, total = len(found.both), len(found.differences)
    same = f" ({'all' if found.same == both else found.same} the same)" if both else ""
    alone = f"{len(found.only_a)} only in {found.a}, {len(found.only_b)} only in {found.b}"
    yield f"{counted(both, 'route')} in both{same}, {alone}"
    words = {**SEVERITIES, BREAKS: "break" if found.counts[BREAKS] == 1 else SEVERITIES[BREAKS]}
    counts = ", ".join(f"{found.counts[severity]} {words[severity]}" for severity in SEVERITIES)
    yield f"{counted(total, 'difference')}: {counts}" if total else "no differences"
    yield from (f"note: {note}" for note in found.notes)


def _alone(found: Comparison, differences: Sequence[Difference]) -> Iterator[str]:
    """Routes of one side: a line for each group of names."""
    side = found.b if differences[0].kind == "route-missing" else found.a
    yield f"  routes that {side} has not ({len(differences)})"
    groups: dict[str, list[str]] = {}
    for one in differences:
        group, dot, name = one.place.route.partition(".")
        groups.setdefault(f"{group}{dot}", []).append(name)
    for group, names in groups.items():
        yield f"    {group}{listed(names)}" if len(names) == 1 else f"    {group}* ({len(names)}): {listed(names)}"


def _route(found: Comparison, name: str, differences: Sequence[Difference]) -> Iterator[str]:
    """A route; where a difference is in the same branch of the same definition as the one before, that is not said again."""
    yield f"  {name}  {found.call(name)}"
    last = None
    for one in differences:
        here = (one.place.part, one.definitions, one.place.branches)
        texts = [*filter(None, [one.place.path]), one.message, *([] if here == last else one.within)]
        last = here
        if one.also:
            rest = f"; and {counted(len(one.also) - MOST_PLACES, 'more place')}" if len(one.also) > MOST_PLACES else ""
            texts.append(f"also at {'; '.join(place.text for place in one.also[:MOST_PLACES])}{rest}")
        yield f"    {one.place.part:6}  {texts[0]}"
        yield from (f"{'':{_INDENT}}{text}" for text in texts[1:])
