"""What of A belongs to what of B: members that were renamed, and the branches of unions.

Rules of this file: the best pairs are made first, each thing is in one pair at most, and the pairs are the same
whichever side is called A.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .shapes import ANY, Alternative, Definitions, Schema, exact, mapping_of, types, values_in

#: How alike two names have to be (1 is the same) where their shapes speak for it, and where there are none.
LIKE, VERY_LIKE = 0.55, 0.8

#: How many of the members of two objects have to be shared for these to be taken for the same thing.
SHARED = 0.4

#: The most names on a side among which renamed ones are looked for, and the most letters of one.
MOST_NAMES, LONGEST = 40, 100

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


class Pairs(NamedTuple):
    """What was paired, and what stands alone on each side, in the sides' own order."""

    both: list[tuple[Any, Any]]
    only_a: list[Any]
    only_b: list[Any]


def likeness(one: str, other: str) -> float:
    """How alike two names are: 1 where they differ in case and separators alone."""
    (words_a, joined_a, twos_a), (words_b, joined_b, twos_b) = _taken_apart(one), _taken_apart(other)
    if joined_a == joined_b:
        return 1.0
    if words_a and words_b and (words_a < words_b or words_b < words_a):
        return 0.85
    count = twos_a.total() + twos_b.total()
    if 2 * min(twos_a.total(), twos_b.total()) < LIKE * count:
        return 0.0
    return 2 * (twos_a & twos_b).total() / max(count, 1)


@functools.lru_cache(maxsize=4096)
def _taken_apart(name: str) -> tuple[frozenset[str], str, Counter[str]]:
    """The words of a name, the same as one word, and how often each pair of letters is in that."""
    words = [word.lower() for word in _WORDS.findall(name[:LONGEST])]
    whole = "".join(words)
    return frozenset(words), whole, Counter(whole[i : i + 2] for i in range(len(whole) - 1))


def best(
    a: Sequence[Any], b: Sequence[Any], score: Callable[[Any, Any], float], key: Callable[[Any], str] = str, least: float = 0.0
) -> Pairs:
    """Pair by score, the highest first; a score of `least` or less makes no pair. `key` decides among equal ones."""
    scored = ((score(one, other), i, j) for i, one in enumerate(a) for j, other in enumerate(b))
    keys = [[key(one) for one in side] for side in (a, b)]
    ranked = sorted((-points, sorted((keys[0][i], keys[1][j])), i, j) for points, i, j in scored if points > least)
    of_a: dict[int, int] = {}
    taken: set[int] = set()
    for *_, i, j in ranked:
        if i not in of_a and j not in taken:
            of_a[i] = j
            taken.add(j)
    both = [(a[i], b[of_a[i]]) for i in sorted(of_a)]
    return Pairs(both, [x for i, x in enumerate(a) if i not in of_a], [x for j, x in enumerate(b) if j not in taken])


def renamed(a: tuple[Definitions, Mapping[str, Schema]], b: tuple[Definitions, Mapping[str, Schema]]) -> dict[str, str]:
    """Which member that only A has seems to be which that only B has: alike in name, and the same in type and shape."""

    def score(one: str, other: str) -> float:
        like = likeness(one, other)
        if like < LIKE:
            return 0.0
        shapes = [definitions.alternatives(members[name]) for (definitions, members), name in ((a, one), (b, other))]
        return like if _same_shape(*shapes) and (like >= VERY_LIKE or ANY not in types(shapes[0])) else 0.0

    return dict(best(list(a[1])[:MOST_NAMES], list(b[1])[:MOST_NAMES], score).both)


def _same_shape(a: Sequence[Alternative], b: Sequence[Alternative]) -> bool:
    if types(a) - {"null"} != types(b) - {"null"}:
        return False
    values = [[exact(v) for one in side for v in values_in(one.schema) or ()] for side in (a, b)]
    if all(values):
        return bool(set(values[0]) & set(values[1]))
    members = [{name for one in side for name in mapping_of(one.schema.get("properties"))} for side in (a, b)]
    return not all(members) or _shared(*members) >= SHARED


def _shared(a: Iterable[str], b: Iterable[str]) -> float:
    a, b = frozenset(a), frozenset(b)
    return len(a & b) / max(len(a | b), 1)


# --- Branches -----------------------------------------------------------------------------------------------


class Branch(NamedTuple):
    """An object among the things that a value may be: its tags (members that are one of a few texts) and its members."""

    one: Alternative
    tags: Mapping[str, frozenset[str]]
    members: frozenset[str]


def branch(definitions: Definitions, one: Alternative) -> Branch:
    """What is needed to pair an object."""
    members = mapping_of(one.schema.get("properties"))
    tags = {}
    for name, inner in members.items():
        alternatives = definitions.alternatives(inner)
        values = [values_in(choice.schema) for choice in alternatives if choice.type != "null"]
        if values and all(found is not None for found in values):
            tags[name] = frozenset(value for found in values for value in found or () if isinstance(value, str))
    return Branch(one, tags, frozenset(members))


def tag_of(*sides: Sequence[Branch]) -> str | None:
    """The member that tells most of the branches of some unions apart, or None."""
    count: dict[str, int] = {}
    for side in sides:
        uses = Counter((name, value) for found in side for name, values in found.tags.items() for value in values)
        for found in side:
            for name, values in found.tags.items():
                count[name] = count.get(name, 0) + all(uses[name, value] == 1 for value in values)
    return max(sorted(count), key=lambda name: count[name], default=None) if any(count.values()) else None


_NOTHING: frozenset[str] = frozenset()


def objects(a: Sequence[Branch], b: Sequence[Branch], tag: str | None) -> Pairs:
    """Pair the objects of two unions: by tag, then by definition's name, then by what members they share.

    What one side has in branches, the other may have in one: a branch that is left over joins one that takes its tag.
    """
    if len(a) == len(b) == 1:
        return Pairs([(a[0], b[0])], [], [])
    pairs = best(a, b, lambda one, other: _alike(one, other, tag), key=_key)
    if tag is None:
        return pairs
    of_b = [(other, shared(one, other, tag)) for one, other in pairs.both] + [(other, _NOTHING) for other in pairs.only_b]
    of_a = [(one, shared(one, other, tag)) for one, other in pairs.both] + [(one, _NOTHING) for one in pairs.only_a]
    to_b = [(one, other) for one in pairs.only_a if (other := _taker(one, of_b, tag))]
    to_a = [(one, other) for other in pairs.only_b if (one := _taker(other, of_a, tag))]
    joined = {id(one) for pair in (*to_b, *to_a) for one in pair}
    alone = ([one for one in side if id(one) not in joined] for side in (pairs.only_a, pairs.only_b))
    return Pairs([*pairs.both, *to_b, *to_a], *alone)


def _taker(one: Branch, others: Sequence[tuple[Branch, frozenset[str]]], tag: str) -> Branch | None:
    """The branch of the other side that takes what this one's tag marks: a value of its own, or any.

    others: branches, with the values for which they have a partner already
    """
    if not one.tags.get(tag):
        return None
    takers = [other for other, served in others if shared(one, other, tag) - served]
    takers = takers or [other for other, _ in others if takes_any(other, tag)]
    return max(takers, key=lambda other: (_alike(one, other, None), _key(other)), default=None)


def shared(a: Branch, b: Branch, tag: str | None) -> frozenset[str]:
    """The values of the tag that two branches share."""
    return a.tags.get(tag or "", _NOTHING) & b.tags.get(tag or "", _NOTHING)


def takes_any(one: Branch, tag: str) -> bool:
    """Whether a branch has the tag as a member that may be more than a few texts."""
    return tag in one.members and tag not in one.tags


def _alike(a: Branch, b: Branch, tag: str | None) -> float:
    """How sure it is that two objects of unions are the same one; 0: they are not."""
    same_name = a.one.name is not None and a.one.name == b.one.name
    tagged = tag is not None and bool(a.tags.get(tag)) and bool(b.tags.get(tag))
    if tagged and not shared(a, b, tag):
        return 0.0
    members = _shared(a.members, b.members)
    if tag is not None and tagged:
        return 4 + _shared(a.tags[tag], b.tags[tag]) + same_name + members / 2
    if same_name:
        return 3 + members
    return 1 + members if members >= SHARED or not (a.members or b.members) else 0.0


def _key(one: Branch) -> str:
    return f"{one.one.name or ''} {' '.join(sorted(one.members))}"


def arrays(a: tuple[Definitions, Sequence[Alternative]], b: tuple[Definitions, Sequence[Alternative]]) -> Pairs:
    """Pair the arrays of two unions by the types of their items, two levels deep."""
    if len(a[1]) == len(b[1]) == 1:
        return Pairs([(a[1][0], b[1][0])], [], [])
    kinds = {id(one): _items(definitions, one) for definitions, side in (a, b) for one in side}
    return best(
        a[1], b[1], lambda one, other: _shared(kinds[id(one)], kinds[id(other)]), key=lambda one: str(sorted(kinds[id(one)]))
    )


def _items(definitions: Definitions, one: Alternative) -> frozenset[str]:
    """The types of an array's items; for items that are arrays, with the types of theirs."""
    found = set()
    for inner in definitions.alternatives(one.schema.get("items", True)):
        if inner.type == "array":
            found |= {f"array of {kind}" for kind in types(definitions.alternatives(inner.schema.get("items", True)))}
        else:
            found.add("object" if inner.type == "object" else inner.type)
    return frozenset(found)
