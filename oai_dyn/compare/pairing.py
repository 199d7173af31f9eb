"""What of A belongs to what of B: members that were renamed, and the branches of unions.

Rules of this file: the best pairs are made first, and the pairs are the same whichever side is called A.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from .shapes import Alternative, Definitions, Schema, exact, members_of, types, values_in

#: How alike two names have to be for a renamed member (1 is the same), and how many of them are looked at on a side.
LIKE, MOST_NAMES = 0.6, 20

#: How many of the members of two objects have to be shared for these to be taken for the same thing.
SHARED = 0.4

#: The most letters of a name that count.
LONGEST = 60


class Pairs(NamedTuple):
    """What was paired, and what stands alone on each side, in the sides' own order."""

    both: list[tuple[Any, Any]]
    only_a: list[Any]
    only_b: list[Any]


def best(a: Sequence[Any], b: Sequence[Any], score: Callable[[Any, Any], float]) -> Pairs:
    """Pair by score, the highest first, each thing at most once; a score of 0 makes no pair."""
    scored = [(score(one, other), i, j) for i, one in enumerate(a) for j, other in enumerate(b)]
    # Of equal ones, those first that stand alike: so the order is the same from both sides.
    ranked = sorted((-points, i + j, abs(i - j), i, j) for points, i, j in scored if points)
    of_a: dict[int, int] = {}
    for *_, i, j in ranked:
        if i not in of_a and j not in of_a.values():
            of_a[i] = j
    alone = [x for j, x in enumerate(b) if j not in of_a.values()]
    return Pairs([(a[i], b[of_a[i]]) for i in sorted(of_a)], [x for i, x in enumerate(a) if i not in of_a], alone)


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """How much of two sets is in both; 1 where they are the same."""
    return len(a & b) / len(a | b) if a or b else 1.0


# --- Members ------------------------------------------------------------------------------------------------


def likeness(one: str, other: str) -> float:
    """How alike two names are: 1 where they differ in case and separators alone."""
    first, second = sorted("".join(filter(str.isalnum, name[:LONGEST])).lower() for name in (one, other))
    return difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()


def renamed(a: tuple[Definitions, Mapping[str, Schema]], b: tuple[Definitions, Mapping[str, Schema]]) -> dict[str, str]:
    """Which member that only A has seems to be which that only B has: alike in name, and the same in type and shape."""

    def score(one: str, other: str) -> float:
        like = likeness(one, other)
        shapes = (definitions.alternatives(members[name]) for (definitions, members), name in ((a, one), (b, other)))
        return like if like >= LIKE and _same_shape(*shapes) else 0.0

    return dict(best(list(a[1])[:MOST_NAMES], list(b[1])[:MOST_NAMES], score).both)


def _same_shape(a: Sequence[Alternative], b: Sequence[Alternative]) -> bool:
    if types(a) - {"null"} != types(b) - {"null"}:
        return False
    values = [{exact(value) for one in side for value in values_in(one.schema) or ()} for side in (a, b)]
    if all(values):
        return bool(values[0] & values[1])
    members = [frozenset(name for one in side for name in members_of(one.schema)) for side in (a, b)]
    return not all(members) or overlap(*members) >= SHARED


# --- Branches -----------------------------------------------------------------------------------------------


class Branch(NamedTuple):
    """An object among the things that a value may be: its tags (members that are one of a few texts) and its members."""

    one: Alternative
    tags: Mapping[str, frozenset[str]]
    members: frozenset[str]

    def takes_any(self, tag: str) -> bool:
        """Whether the tag is a member that may be more than a few texts."""
        return tag in self.members and tag not in self.tags


def branch(definitions: Definitions, one: Alternative) -> Branch:
    """What is needed to pair an object."""
    members = members_of(one.schema)
    tags = {}
    for name, inner in members.items():
        values = [values_in(choice.schema) for choice in definitions.alternatives(inner) if choice.type != "null"]
        if values and None not in values:
            tags[name] = frozenset(value for found in values for value in found or () if isinstance(value, str))
    return Branch(one, tags, frozenset(members))


def tag_of(*sides: Sequence[Branch]) -> str:
    """The member that tells most of the branches of some unions apart; "" where none does."""
    count = Counter[str]()
    for side in sides:
        uses = Counter((name, value) for found in side for name, values in found.tags.items() for value in values)
        for found in side:
            count.update(name for name, values in found.tags.items() if all(uses[name, value] == 1 for value in values))
    return max(sorted(count), key=lambda name: count[name], default="")


def values_of(side: Sequence[Branch], tag: str) -> frozenset[str]:
    """All values of the tag in the branches of one side."""
    return frozenset[str]().union(*(one.tags.get(tag, ()) for one in side))


def branches(a: Sequence[Branch], b: Sequence[Branch], tag: str) -> Pairs:
    """Pair the objects of two unions: by the values of the tag, then by definition's name and what members they share.

    What one side has in branches, the other may have in one: that stands in a pair with each of them.
    """
    if len(a) == len(b) == 1:
        return Pairs([(a[0], b[0])], [], [])
    both: list[tuple[Branch, Branch]] = []
    for value in sorted(values_of(a, tag) & values_of(b, tag)):
        of_a, of_b = ([one for one in side if value in one.tags.get(tag, ())] for side in (a, b))
        both += best(of_a, of_b, lambda one, other: 1 + _alike(one, other)).both
    only_a, only_b = _left(a, b, both)
    takers_a, takers_b = ([one for one in side if one.takes_any(tag)] for side in (a, b))
    both += [(one, max(takers_b, key=partial(_alike, one))) for one in only_a if takers_b and one.tags.get(tag)]
    both += [(max(takers_a, key=partial(_alike, one)), one) for one in only_b if takers_a and one.tags.get(tag)]
    only_a, only_b = _left(a, b, both)
    rest = best(only_a, only_b, lambda one, other: 0 if one.tags.get(tag) and other.tags.get(tag) else _alike(one, other))
    pairs = {(id(one), id(other)): (one, other) for one, other in (*both, *rest.both)}
    return Pairs(list(pairs.values()), rest.only_a, rest.only_b)


def _left(a: Sequence[Branch], b: Sequence[Branch], both: Sequence[tuple[Branch, Branch]]) -> list[list[Branch]]:
    paired = {id(one) for pair in both for one in pair}
    return [[one for one in side if id(one) not in paired] for side in (a, b)]


def _alike(a: Branch, b: Branch) -> float:
    """How sure it is that two objects of unions are the same one; 0: they are not."""
    members = overlap(a.members, b.members)
    if a.one.name is not None and a.one.name == b.one.name:
        return 2 + members
    return members if members >= SHARED else 0.0


def arrays(a: tuple[Definitions, Sequence[Alternative]], b: tuple[Definitions, Sequence[Alternative]]) -> Pairs:
    """Pair the arrays of two unions by the types of their items."""
    if len(a[1]) == len(b[1]) == 1:
        return Pairs([(a[1][0], b[1][0])], [], [])

    def kinds(definitions: Definitions, one: Alternative) -> frozenset[str]:
        return types(definitions.alternatives(one.schema.get("items", True)))

    return best(a[1], b[1], lambda one, other: overlap(kinds(a[0], one), kinds(b[0], other)))
