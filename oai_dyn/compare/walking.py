"""Two schemas against each other: each pair of schemas is looked at once, and leads to the pairs below it.

Rules of this file: no recursion along the data, so circles of references end and depth costs nothing. What is
found is neutral: whether the caller sends the value or receives it is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from . import rules, words
from .pairing import Branch, arrays, branch, objects, renamed, shared, tag_of, takes_any
from .shapes import ANY, Alternative, Definitions, Schema, exact, list_in, mapping_of, types


class Step(NamedTuple):
    """One step of a place: what it adds to the path, and which branch of a union it takes."""

    path: str
    branch: str = ""


#: The definitions of A and B that something stands in, where it stands in one.
Names = tuple[str | None, str | None]


class Find(NamedTuple):
    """One difference between two schemas, at a place below them."""

    kind: str
    steps: tuple[Step, ...]
    before: Any = None
    after: Any = None
    names: Names = (None, None)


class Below(NamedTuple):
    """A pair of schemas below a pair."""

    steps: tuple[Step, ...]
    a: Schema
    b: Schema
    names: Names = (None, None)


class Looked(NamedTuple):
    """What a pair of schemas differs in by itself, and the pairs below it."""

    finds: tuple[Find, ...]
    below: tuple[Below, ...]


class Walker:
    """Looks at pairs of schemas of two sides, at each once."""

    def __init__(self, a: Definitions, b: Definitions) -> None:
        self.a, self.b = a, b
        self._looked: dict[tuple[int, int], tuple[Schema, Schema, Looked]] = {}

    def look(self, a: Schema, b: Schema) -> Looked:
        """What two schemas differ in, without what is below them; the same object each time."""
        a, b = self.a.behind(a)[1], self.b.behind(b)[1]
        key = id(a), id(b)
        if key not in self._looked:
            finds: list[Find] = []
            below: list[Below] = []
            for found in self._compare(a, b):
                if isinstance(found, Find):
                    finds.append(found)
                elif not _plainly_same(found.a, found.b):
                    below.append(found)
            # The schemas are kept: an identity is only good while its object lives.
            self._looked[key] = (a, b, Looked(tuple(finds), tuple(below)))
        return self._looked[key][2]

    def _compare(self, a: Schema, b: Schema) -> Iterator[Find | Below]:
        of_a, of_b = self.a.alternatives(a), self.b.alternatives(b)
        open_a, open_b = (ANY in types(side) for side in (of_a, of_b))
        if open_a and open_b:
            yield from _told(rules.of_several(*([one for one in side if one.type == ANY] for side in (of_a, of_b))))
        elif open_a or open_b:
            kind = "described" if open_a else "undescribed"
            yield Find(kind, (), words.shape(self.a, a), words.shape(self.b, b))
        else:
            yield from self._types(a, b)
            groups_a, groups_b = (_by_type(side) for side in (of_a, of_b))
            for kind, group in groups_a.items():
                if kind in groups_b:
                    yield from self._same_type(kind, group, groups_b[kind])

    def _types(self, a: Schema, b: Schema) -> Iterator[Find]:
        """The JSON types that came and went; `null` is told by itself where it is not the only one."""
        types_a, types_b = types(self.a.alternatives(a)), types(self.b.alternatives(b))
        if types_a - {"null"} and types_b - {"null"}:
            if ("null" in types_a) != ("null" in types_b):
                yield Find("null-removed" if "null" in types_a else "null-added", ())
            types_a, types_b = types_a - {"null"}, types_b - {"null"}
        before, after = words.shape(self.a, a), words.shape(self.b, b)
        if types_a and types_b and not types_a & types_b:
            yield Find("type-changed", (), before, after)
            return
        if types_a - types_b:
            yield Find("type-narrowed", (), before, after)
        if types_b - types_a:
            yield Find("type-widened", (), before, after)

    def _same_type(self, kind: str, a: Sequence[Alternative], b: Sequence[Alternative]) -> Iterator[Find | Below]:
        if kind == "object":
            yield from self._objects(a, b)
        elif kind == "array":
            yield from self._arrays(a, b)
        elif kind != "null":
            yield from _told(rules.of_values(a, b))
            yield from _told(rules.of_several(a, b))

    # --- Objects ---

    def _objects(self, a: Sequence[Alternative], b: Sequence[Alternative]) -> Iterator[Find | Below]:
        any_a, any_b = (any(map(_is_any_object, side)) for side in (a, b))
        if any_a != any_b:
            before, after = (words.alternatives(*side) for side in ((self.a, a), (self.b, b)))
            yield Find("described" if any_a else "undescribed", (), before, after)
            return
        of_a, of_b = [branch(self.a, one) for one in a], [branch(self.b, one) for one in b]
        tag = tag_of(of_a, of_b) if max(len(a), len(b)) > 1 else None
        pairs = objects(of_a, of_b, tag)
        alone_a, alone_b = (
            [_label(one, tag, side) for one in alone] for alone, side in ((pairs.only_a, of_a), (pairs.only_b, of_b))
        )
        yield from _alone(alone_a, alone_b)
        for one, other in pairs.both:
            steps = (Step("", _label_of_two(one, other, tag)),) if max(len(a), len(b)) > 1 else ()
            for found in self._object(one.one.schema, other.one.schema, steps, tag if shared(one, other, tag) else None):
                yield found._replace(names=(one.one.name, other.one.name))
        if tag is not None:
            yield from _tags(pairs.both, of_a, of_b, tag)

    def _object(
        self, a: Mapping[str, Any], b: Mapping[str, Any], steps: tuple[Step, ...], tag: str | None
    ) -> Iterator[Find | Below]:
        """Two objects. Which values a tag has that pairs them is a matter of the whole union."""
        for found in self._members(a, b, steps):
            if isinstance(found, Below) and found.steps[-1] == member(tag or ""):
                inner = (find for find in self.look(found.a, found.b).finds if not find.kind.startswith("values-"))
                yield from (find._replace(steps=found.steps) for find in inner)
            else:
                yield found
        yield from self._rest(a, b, steps)

    def _members(self, a: Mapping[str, Any], b: Mapping[str, Any], steps: tuple[Step, ...]) -> Iterator[Find | Below]:
        """The members with names: which came, went, have another name, or differ in themselves."""
        members_a, members_b = (mapping_of(side.get("properties")) for side in (a, b))
        required_a, required_b = (frozenset(words.required(side)) for side in (a, b))
        gone = {name: schema for name, schema in members_a.items() if name not in members_b}
        come = {name: schema for name, schema in members_b.items() if name not in members_a}
        names = {name: name for name in members_a if name in members_b} | renamed((self.a, gone), (self.b, come))
        for name, schema in members_a.items():
            place = (*steps, member(name))
            if name not in names:
                kind = "required-missing" if name in required_a else "refused" if _closed(b) else "missing"
                yield Find(kind, place, words.shape(self.a, schema))
                continue
            other, needed = names[name], (name in required_a, names[name] in required_b)
            if other != name:
                yield Find("required-renamed" if any(needed) else "renamed", place, name, other)
            if needed[0] != needed[1]:
                yield Find("not-required" if needed[0] else "now-required", place)
            yield from self._remarks(schema, members_b[other], place)
            yield Below(place, schema, members_b[other])
        for name in [name for name in come if name not in names.values()]:
            kind = "required-added" if name in required_b else "added"
            yield Find(kind, (*steps, member(name)), None, words.shape(self.b, come[name]))

    def _remarks(self, a: Schema, b: Schema, place: tuple[Step, ...]) -> Iterator[Find]:
        """What stands beside a member's reference, too: a default that both give, and that it is deprecated."""
        default_a, default_b = (_remark(side, schema, "default") for side, schema in ((self.a, a), (self.b, b)))
        if default_a is not None and default_b is not None and exact(default_a) != exact(default_b):
            yield Find("default", place, default_a, default_b)
        if _remark(self.b, b, "deprecated") is True and _remark(self.a, a, "deprecated") is not True:
            yield Find("deprecated", place)

    def _rest(self, a: Mapping[str, Any], b: Mapping[str, Any], steps: tuple[Step, ...]) -> Iterator[Find | Below]:
        """What holds for members without a name of their own, and for the object as a whole."""
        if _closed(a) != _closed(b):
            yield Find("closed" if _closed(b) else "opened", steps)
        others = [side.get("additionalProperties", True) for side in (a, b)]
        if False not in others and any(isinstance(other, Mapping) for other in others):
            yield Below((*steps, Step(".*")), *others)
        yield from _told(rules.of_one(a, b), steps)

    # --- Arrays ---

    def _arrays(self, a: Sequence[Alternative], b: Sequence[Alternative]) -> Iterator[Find | Below]:
        pairs = arrays((self.a, a), (self.b, b))
        only_a = [words.alternative(self.a, one) for one in pairs.only_a]
        yield from _alone(only_a, [words.alternative(self.b, one) for one in pairs.only_b])
        for one, other in pairs.both:
            yield from self._items(one.schema, other.schema)
            yield from _told(rules.of_one(one.schema, other.schema))

    def _items(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Below]:
        first_a, first_b = list_in(a, "prefixItems"), list_in(b, "prefixItems")
        rest_a, rest_b = a.get("items", True), b.get("items", True)
        for i in range(max(len(first_a), len(first_b))):
            yield Below((Step(f"[{i}]"),), first_a[i] if i < len(first_a) else rest_a, first_b[i] if i < len(first_b) else rest_b)
        yield Below((Step("[]"),), rest_a, rest_b)


def _by_type(alternatives: Iterable[Alternative]) -> dict[str, list[Alternative]]:
    """The things that a value may be by their type; numbers are one, with fractions or without."""
    found: dict[str, list[Alternative]] = {}
    for one in alternatives:
        found.setdefault("number" if one.type == "integer" else one.type, []).append(one)
    return found


def member(name: str) -> Step:
    """The step to a member: `.name`, or `["a name"]` where a dot would mislead; a very long name is cut."""
    text = name if len(name) <= words.LONGEST_NAME else f"{name[: words.LONGEST_NAME]}..."
    plain = name and not set(name) & set(' .[]"*')
    return Step(f".{text}" if plain else f"[{json.dumps(text, ensure_ascii=False)}]")


def _told(found: Iterable[rules.Told], steps: tuple[Step, ...] = ()) -> Iterator[Find]:
    return (Find(kind, steps, before, after) for kind, before, after in found)


def _alone(only_a: Iterable[str], only_b: Iterable[str]) -> Iterator[Find]:
    yield from (Find("branch-missing", (), label) for label in only_a)
    yield from (Find("branch-added", (), None, label) for label in only_b)


def _tags(pairs: Sequence[tuple[Branch, Branch]], a: Sequence[Branch], b: Sequence[Branch], tag: str) -> Iterator[Find]:
    """The values of the tag that no branch of the other side has."""
    for kind, number, others in (("values-removed", 0, b), ("values-added", 1, a)):
        known = frozenset[str]().union(*(other.tags.get(tag, frozenset()) for other in others))
        if any(takes_any(other, tag) for other in others):
            continue
        for one in {id(pair[number]): pair[number] for pair in pairs if shared(*pair, tag)}.values():
            if alone := sorted(one.tags.get(tag, frozenset()) - known):
                before, after = (None, alone) if number else (alone, None)
                yield Find(kind, (Step("", _label(one, tag)), member(tag)), before, after, (one.one.name,) * 2)


def _label(one: Branch, tag: str | None, among: Iterable[Branch] = ()) -> str:
    """A branch by its tag, by its definition where others have that too, or by what it has: `type "text"`."""
    values = one.tags.get(tag or "")
    if values and tag is not None:
        text = f"{words.short(tag)} {words.either(map(words.value, sorted(values)))}"
        unlike = one.one.name and any(other is not one and shared(one, other, tag) for other in among)
        return f"{words.short(one.one.name or '')} ({text})" if unlike else text
    if one.one.name:
        return words.short(one.one.name)
    return f"object with {words.listed([words.short(name) for name in sorted(one.members)], 4)}" if one.members else "object"


def _label_of_two(one: Branch, other: Branch, tag: str | None) -> str:
    """What two branches have in common: the values of the tag that they share, or how one of them is called."""
    if values := shared(one, other, tag):
        return _label(one._replace(tags={tag or "": values}), tag)
    return _label(other if tag and other.tags.get(tag) and not one.tags.get(tag) else one, tag)


def _is_any_object(one: Alternative) -> bool:
    """Whether nothing is said of an object but that it is one."""
    rest = one.schema.get("additionalProperties", True)
    return not _closed(one.schema) and rest in (True, {}) and not one.schema.keys() & {"properties", "patternProperties"}


def _closed(schema: Mapping[str, Any]) -> bool:
    """Whether members that the schema does not name are refused."""
    return schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False


def _remark(definitions: Definitions, schema: Schema, key: str) -> Any:
    beside = mapping_of(schema).get(key)
    return mapping_of(definitions.behind(schema)[1]).get(key) if beside is None else beside


def _plainly_same(a: Schema, b: Schema) -> bool:
    """Whether two schemas are the same and nothing stands behind them: most members are."""
    if not isinstance(a, Mapping) or not isinstance(b, Mapping):
        return a is b
    return "$ref" not in a and not any(isinstance(value, list | dict) for value in a.values()) and a == b
