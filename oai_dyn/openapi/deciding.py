"""Unions that decide: each `anyOf` gets an `x-decide` beside it, which tells from a value the branch that has to hold.

The form of it stands at the head of `validation/choosing.py`, which reads it.

Rules of this file: a value that is valid under `anyOf` is valid under what is decided, so a validator that knows
nothing of `x-decide` comes to the same verdict; definitions are read, never changed; what cannot be told apart
stays a list, and is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .flattening import ALWAYS, Definitions, Schema, flattened, resolved, type_of, walk

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")

#: What bounds the values of each type; a schema with none of them takes every value of that type.
_BOUNDS: dict[str, set[str]] = {
    "null": set(),
    "boolean": set(),
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "string": {"minLength", "maxLength", "pattern"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains", "unevaluatedItems"},
    "object": {
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedProperties",
    },
}

_NUMBERS = {"integer", "number"}

#: How many members of an object, or levels of arrays, are looked at before branches are left as they are.
_DEEPEST = 4

#: How many members of the branches of a union are tried at each step.
_TAGS = 12


class Branch(NamedTuple):
    """A branch that may still hold: its place in `anyOf`, and its schema at the level that is looked at."""

    number: int
    schema: Schema


class Tags(NamedTuple):
    """What a member of an object may be: its texts (None: any), whether it may be missing, null, or no text at all."""

    texts: frozenset[str] | None
    absent: bool
    null: bool
    other: bool


def decide(definitions: Definitions) -> tuple[dict[str, Schema], list[str]]:
    """The definitions with their unions decided, and the places of those that could not be decided wholly."""
    left: list[str] = []
    flat = flattened({name: walk(schema, name, lambda one, _: _bound(one, definitions)) for name, schema in definitions.items()})

    def decided(schema: Schema, place: str) -> Schema:
        if "anyOf" not in schema:
            return schema
        node = _root(schema, flat)
        if _open(node):
            left.append(place)
        return {**{k: v for k, v in schema.items() if k != "discriminator"}, "x-decide": node}

    return {name: walk(schema, name, decided) for name, schema in flat.items()}, left


def _bound(schema: Schema, definitions: Definitions) -> Schema:
    """A union with a declared discriminator, each branch with the texts that stand for it where it takes any text itself.

    A text stands for what the mapping says, and a definition's name for the definition (OpenAPI 3.1, "Discriminator Object").
    """
    key = schema.get("discriminator", {}).get("propertyName")
    if key is None or "anyOf" not in schema:
        return schema
    texts: dict[str, list[str]] = {}
    for text, ref in schema["discriminator"].get("mapping", {}).items():
        texts.setdefault(ref, []).append(text)
    return {**schema, "anyOf": [_tagged(branch, key, texts, definitions) for branch in schema["anyOf"]]}


def _tagged(branch: Any, key: str, texts: Mapping[str, list[str]], definitions: Definitions) -> Any:
    ref = branch.get("$ref", "") if isinstance(branch, Mapping) else ""
    behind = resolved(branch, definitions) if ref else {}
    member = resolved(_as_object(behind.get("properties", {}).get(key, False)), definitions)
    if member.get("type") != "string" or not member.keys().isdisjoint(ALWAYS):
        return branch
    tag = {**member, "enum": texts.get(ref) or [ref.removeprefix("#/$defs/")]}
    required = list(dict.fromkeys([*behind.get("required", ()), key]))
    return {**behind, "properties": {**behind["properties"], key: tag}, "required": required}


def _root(schema: Schema, definitions: Definitions) -> Any:
    branches = [Branch(number, resolved(_as_object(branch), definitions)) for number, branch in enumerate(schema["anyOf"])]
    declared = schema.get("discriminator", {})
    hint = _Hint(declared.get("propertyName"), _mapped(schema, declared.get("mapping", {})))
    return _node(branches, types_of({k: v for k, v in schema.items() if k != "anyOf"}, definitions), hint, definitions)


class _Hint(NamedTuple):
    """What the document declares: the member to look at, and the branch that each of its texts stands for."""

    key: str | None = None
    branch: Mapping[str, int] = {}


def _mapped(schema: Schema, mapping: Mapping[str, str]) -> dict[str, int]:
    refs = {branch.get("$ref"): number for number, branch in enumerate(schema["anyOf"]) if isinstance(branch, Mapping)}
    return {text: refs[ref] for text, ref in mapping.items() if ref in refs}


def _as_object(schema: Any) -> Schema:
    """`true` and `false` as schemas with keywords."""
    return schema if isinstance(schema, Mapping) else {} if schema else {"enum": []}


def types_of(schema: Schema, definitions: Definitions, depth: int = 0) -> frozenset[str]:
    """The JSON types a value of this schema may have. "number" stands for those with a fraction."""
    schema = resolved(schema, definitions)
    found = set(TYPES)
    if "type" in schema:
        found = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
        found |= {"integer"} if "number" in found else set()
    if "enum" in schema or "const" in schema:
        kinds = {type_of(value) for value in schema.get("enum", [schema.get("const")])}
        found &= kinds | _NUMBERS if kinds & _NUMBERS else kinds  # 1.0 is 1
    if "anyOf" in schema and depth < 8:
        found &= {name for b in schema["anyOf"] for name in types_of(_as_object(b), definitions, depth + 1)}
    return frozenset(found)


def _node(branches: list[Branch], types: Iterable[str], hint: _Hint, definitions: Definitions, level: int = 0) -> Any:
    """By type first, then by what tells values of one type apart."""
    allowed = {branch.number: types_of(branch.schema, definitions) for branch in branches}
    by_type: dict[str, Any] = {}
    for name in TYPES:
        fitting = [branch for branch in branches if name in allowed[branch.number]]
        if fitting and name in types:
            by_type[name] = _of_type(name, fitting, hint, definitions, level)
    if by_type.get("integer") == by_type.get("number"):
        by_type.pop("integer", None)
    return {"type": by_type}


def _of_type(name: str, branches: list[Branch], hint: _Hint, definitions: Definitions, level: int) -> Any:
    if len(branches) == 1:
        return branches[0].number
    for branch in branches:
        if level == 0 and not (branch.schema.keys() & (_BOUNDS[name] | ALWAYS)):
            return branch.number  # takes every value; that every first element is taken says nothing of an array
    if name == "object":
        return _of_objects(branches, hint, frozenset(), definitions)
    if name == "array" and level < _DEEPEST:
        return _of_arrays(branches, definitions, level + 1)
    return [branch.number for branch in branches]


def _of_arrays(branches: list[Branch], definitions: Definitions, level: int) -> Any:
    rest = [branch.number for branch in branches]
    items = [Branch(b.number, _items(b.schema, definitions)) for b in branches]
    node = _node(items, TYPES, _Hint(), definitions, level)
    if all(below == rest for below in node["type"].values()):
        return rest
    empty = [b.number for b in branches if not b.schema.get("minItems")]
    sure = [b.number for b in branches if level == 1 and not (b.schema.keys() & ({"minItems", "contains"} | ALWAYS))]
    return {"items": node} | ({"empty": (sure or empty)[0] if sure or len(empty) == 1 else empty} if empty else {})


def _items(schema: Schema, definitions: Definitions) -> Schema:
    items = schema.get("items", {})
    return resolved(_as_object(items), definitions) if "prefixItems" not in schema else {}


def _of_objects(branches: list[Branch], hint: _Hint, used: frozenset[str], definitions: Definitions) -> Any:
    """By the member that leaves the fewest branches; then by one that only some have."""
    if len(branches) == 1:
        return branches[0].number
    best: tuple[int, Any] | None = None
    if len(used) == _DEEPEST:
        return [branch.number for branch in branches]
    for key in _tagging(branches, hint, used, definitions):
        meant = hint.branch if key == hint.key else {}
        split = _split(branches, {b.number: _tags(b.schema, key, definitions) for b in branches}, meant)
        most = max(map(len, split.texts.values()), default=len(branches))
        if (most < len(branches) or meant) and (best is None or most < best[0]):
            best = most, (key, split)
    if best is None:
        return _by_presence(branches, used, definitions)
    key, split = best[1]

    def below(fitting: list[Branch]) -> Any:
        return _of_objects(fitting, hint, used | {key}, definitions)

    values = {text: _preferred(below(fitting), hint, key, text) for text, fitting in split.texts.items() if fitting}
    rest = {word: below(fitting) for word, fitting in split.rest.items() if fitting}
    if rest.get("null") == rest.get("other"):
        rest.pop("null", None)
    return {"key": key, "values": values, **rest}


def _tagging(branches: list[Branch], hint: _Hint, used: frozenset[str], definitions: Definitions) -> list[str]:
    """The members that may tell the branches apart: the declared one first, then those that have values in the most branches."""
    counts = Counter(
        key
        for branch in branches
        for key, member in branch.schema.get("properties", {}).items()
        if not resolved(_as_object(member), definitions).keys().isdisjoint(("enum", "const"))
    )
    declared = [hint.key] if hint.key is not None else []
    return [key for key in dict.fromkeys([*declared, *(key for key, _ in counts.most_common(_TAGS))]) if key not in used]


class Split(NamedTuple):
    """Which branches are left by each text of a member, and by "absent", "null" and "other" values of it."""

    texts: dict[str, list[Branch]]
    rest: dict[str, list[Branch]]


def _split(branches: list[Branch], tags: Mapping[int, Tags], meant: Iterable[str]) -> Split:
    texts = dict.fromkeys([*(text for b in branches for text in sorted(tags[b.number].texts or ())), *meant])
    return Split(
        {text: [b for b in branches if (known := tags[b.number].texts) is None or text in known] for text in texts},
        {word: [b for b in branches if getattr(tags[b.number], word)] for word in ("absent", "null", "other")},
    )


def _tags(schema: Schema, key: str, definitions: Definitions) -> Tags:
    absent = key not in schema.get("required", ())
    if key not in schema.get("properties", {}):
        closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
        return Tags(frozenset() if closed else None, absent, not closed, not closed)
    member = resolved(_as_object(schema["properties"][key]), definitions)
    if "enum" not in member and "const" not in member:
        return Tags(None, absent, null=True, other=True)
    values = member.get("enum", [member.get("const")])
    texts = frozenset(value for value in values if isinstance(value, str))
    other = any(not isinstance(value, str) and value is not None for value in values)
    return Tags(texts, absent, None in values or other, other)


def _preferred(node: Any, hint: _Hint, key: str, text: str) -> Any:
    """Of the branches left, the one that the document's mapping names stands first."""
    first = hint.branch.get(text) if key == hint.key else None
    return sorted(node, key=lambda index: index != first) if isinstance(node, list) and first in node else node


def _by_presence(branches: list[Branch], used: frozenset[str], definitions: Definitions) -> Any:
    """By a required member that no other branch lists: without it, that branch is out."""
    listed = Counter(key for branch in branches for key in branch.schema.get("properties", ()))
    for branch in branches:
        for key in branch.schema.get("required", ()):
            if key in used or listed[key] > (key in branch.schema.get("properties", ())):
                continue
            others = [other for other in branches if other is not branch]
            possible = [o.number for o in others if _tags(o.schema, key, definitions).other]
            sure = not possible or (branch.schema["required"] == [key] and not branch.schema.keys() - {"type", "required"})
            there = branch.number if sure else [branch.number, *possible]
            without = [other for other in others if key not in other.schema.get("required", ())]
            if without:
                rest = _of_objects(without, _Hint(), used | {key}, definitions)
                return {"has": {key: there}, "else": rest} if "has" not in _as_map(rest) else _chained(key, there, rest)
            return {"has": {key: there}}
    return [branch.number for branch in branches]


def _as_map(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}


def _chained(key: str, there: Any, rest: Mapping[str, Any]) -> dict[str, Any]:
    return {**rest, "has": {key: there, **rest["has"]}}


def _open(node: Any) -> bool:
    """Whether a value can lead to more than one branch."""
    if isinstance(node, Mapping):
        return any(map(_open, [*(v for k in ("type", "values", "has") for v in node.get(k, {}).values()), *_singles(node)]))
    return isinstance(node, list) and len(node) > 1


def _singles(node: Mapping[str, Any]) -> list[Any]:
    return [node[word] for word in ("absent", "null", "other", "else", "items", "empty") if word in node]
