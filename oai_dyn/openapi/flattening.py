"""Unions made flat and small: no union in a union, no branch twice, plain branches merged, one alone unwrapped.

Rules of this file: what is valid stays valid and nothing else becomes so; definitions are read, never changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]
Definitions = Mapping[str, Schema]

#: Keywords beside a union that say nothing of the value.
REMARKS = {"default", "deprecated", "discriminator", "readOnly", "writeOnly"}

#: Keywords that hold values or names, not schemas.
_NOT_SCHEMAS = {"const", "enum", "default", "required", "type", "x-decide", "discriminator", "dependentRequired"}

#: Keywords whose value maps names to schemas.
_MAPS = {"properties", "patternProperties", "$defs", "dependentSchemas"}

#: Keywords that tell values of every type apart.
ALWAYS = {"const", "enum", "anyOf", "oneOf", "allOf", "not", "if", "$ref", "$dynamicRef"}

#: Branches of a union and unions in it at most; one that would have more is left as it stands.
_MOST = 500


def flattened(definitions: Definitions) -> dict[str, Schema]:
    """The definitions with each union in them made flat and small."""

    written: dict[int, tuple[Any, str]] = {}

    def change(schema: Schema, _: str) -> Schema:
        return _flat(schema, definitions, written) if "anyOf" in schema else schema

    return {name: walk(schema, name, change) for name, schema in definitions.items()}


def walk(schema: Any, place: str, change: Callable[[Schema, str], Schema]) -> Any:
    """The schema with `change` made to each schema in it, innermost first."""
    if not isinstance(schema, Mapping):
        return schema
    out: dict[str, Any] = {}
    for key, value in schema.items():
        here = f"{place}.{key}"
        if key in _NOT_SCHEMAS:
            out[key] = value
        elif key in _MAPS and isinstance(value, Mapping):
            out[key] = {name: walk(inner, f"{here}.{name}", change) for name, inner in value.items()}
        elif isinstance(value, list):
            out[key] = [walk(inner, f"{here}[{number}]", change) for number, inner in enumerate(value)]
        else:
            out[key] = walk(value, here, change)
    return change(out, place)


def resolved(schema: Schema, definitions: Definitions) -> Schema:
    """The schema behind a bare `$ref`, however many steps away; one in a circle accepts everything."""
    seen = set()
    while isinstance(schema.get("$ref"), str) and not (schema.keys() - REMARKS - {"$ref"}):
        name = schema["$ref"].removeprefix("#/$defs/")
        if name in seen or name not in definitions:
            return {}
        seen.add(name)
        schema = definitions[name]
    return schema


def _flat(schema: Schema, definitions: Definitions, written: dict[int, tuple[Any, str]]) -> Schema:
    branches = _spread(schema["anyOf"], definitions, written)
    if branches is None:
        return schema
    merged = _plain_merged(branches)
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(merged) > 1:
        return {**rest, "anyOf": merged}
    rest.pop("discriminator", None)
    if not isinstance(merged[0], Mapping) or rest.keys() & merged[0].keys():
        return {**rest, "anyOf": merged}
    return {**merged[0], **rest}


def _spread(branches: Iterable[Any], definitions: Definitions, written: dict[int, tuple[Any, str]]) -> list[Any] | None:
    """The branches, each once, with unions among them replaced by their own branches; None if that is beyond the bound.

    written: the branches that were met in any union of the document, by identity, each with its text.
    """
    found: dict[str, Any] = {}
    seen: set[str] = set()
    waiting = [*branches][::-1]
    while waiting:
        if len(found) + len(seen) > _MOST:
            return None
        branch = waiting.pop()
        name, behind = "", branch
        if isinstance(branch, Mapping) and set(branch) == {"$ref"}:
            name, behind = branch["$ref"], resolved(branch, definitions)
        if not isinstance(behind, Mapping) or "anyOf" not in behind or behind.keys() - REMARKS - {"anyOf"}:
            found.setdefault(name or _text(branch, written), branch)
        elif name not in seen:
            seen |= {name} if name else set()
            waiting += behind["anyOf"][::-1]
    return list(found.values())


def _text(branch: Any, written: dict[int, tuple[Any, str]]) -> str:
    if id(branch) not in written:
        written[id(branch)] = branch, json.dumps(branch, sort_keys=True)  # held, so that its identity stays its own
    return written[id(branch)][1]


def _plain_merged(branches: list[Any]) -> list[Any]:
    """Branches that only name types become one; those that only list values, one; `null` joins a branch that stands alone."""
    types: list[str] = []
    values: list[Any] = []
    rest: list[Any] = []
    for branch in branches:
        keys = set(branch) if isinstance(branch, Mapping) else {"bool"}
        if keys == {"type"}:
            types += [branch["type"]] if isinstance(branch["type"], str) else branch["type"]
        elif keys in ({"enum"}, {"const"}, {"type", "enum"}, {"type", "const"}):
            values += [value for value in branch.get("enum", [branch.get("const")]) if _of_types(value, branch.get("type"))]
        else:
            rest.append(branch)
    if not (values or types or rest):  # values that are of none of their types, or a union of nothing but itself
        return [{"not": {}}]
    if values:
        values = list({json.dumps(value, sort_keys=True): value for value in values}.values())  # Python takes 0 for False
        rest.append({"type": _one_or_list([type_of(value) for value in values]), "enum": values})
    if types == ["null"] and len(rest) == 1 and (joined := _with_null(rest[0])):
        return [joined]
    return [*rest, {"type": _one_or_list(types)}] if types else rest


def _of_types(value: Any, types: Any) -> bool:
    """Whether a value is of a type, or of one in a list of types; None names all."""
    names = {type_of(value)} | ({"number"} if type_of(value) == "integer" else set())
    names |= {"integer"} if isinstance(value, float) and value.is_integer() else set()
    return types is None or not names.isdisjoint([types] if isinstance(types, str) else types)


def _with_null(branch: Any) -> Schema | None:
    """The branch with `null` allowed as well, where its keywords speak of other types only."""
    if not isinstance(branch, Mapping) or "type" not in branch or branch.keys() & (ALWAYS - {"enum"}):
        return None
    types = [branch["type"]] if isinstance(branch["type"], str) else branch["type"]
    values = {"enum": [*(v for v in branch["enum"] if v is not None), None]} if "enum" in branch else {}
    return {**branch, "type": _one_or_list([*types, "null"]), **values}


def _one_or_list(types: Iterable[str]) -> str | list[str]:
    found = list(dict.fromkeys(types))
    return found[0] if len(found) == 1 else found


def type_of(value: Any) -> str:
    """The JSON type of a value; "number" is one with a fraction."""
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "object"
