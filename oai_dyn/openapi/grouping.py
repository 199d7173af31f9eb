"""Definitions as files: one for each group of rows, and `shared.json` for what several groups use.

    {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"Pet": {...}, ...}}

Rules of this file: a name stands in one file only; a file refers to itself (`#/$defs/Pet`) and to `shared.json`, never
to another group's; the text of a file is the same whenever the definitions are (keywords and names sorted, members of
objects in the document's order, one definition a line).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from .flattening import Definitions, Schema, walk
from .references import DEFS, closure, names_in

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHARED = "shared.json"

#: Names of files that are something else.
_TAKEN = {"shared", "index", "routes", "report", "route-table"}

#: Keywords whose maps keep their order.
_ORDERED = {"properties", "patternProperties", "dependentSchemas", "dependentRequired", "x-decide", "enum", "const", "default"}


def grouped(definitions: Definitions, roots: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Schema]]:
    """The definitions that the groups' roots lead to, by file and name.

    roots: the names that a group's rows give, by group.
    """
    used: dict[str, set[str]] = {}
    for group, names in roots.items():
        for name in closure(list(names), definitions):
            used.setdefault(name, set()).add(group)
    files: dict[str, dict[str, Schema]] = {}
    place = {name: SHARED if len(groups) > 1 else file_of(next(iter(groups))) for name, groups in used.items()}
    for name in sorted(place):
        here = place[name]
        files.setdefault(here, {})[name] = renamed(definitions[name], partial(_across, here, place))
    return {file: files[file] for file in sorted(files)}


def file_of(group: str) -> str:
    """The name of a group's file."""
    return f"{group}_.json" if group in _TAKEN else f"{group}.json"


def _across(here: str, place: Mapping[str, str], name: str) -> str:
    return f"{DEFS}{name}" if place.get(name, here) == here else f"{place[name]}{DEFS}{name}"


def renamed(schema: Schema, reference: Callable[[str], str]) -> Schema:
    """The schema with each reference written as the function says for its name."""

    def change(inner: Schema, _: str) -> Schema:
        return {**inner, "$ref": reference(inner["$ref"].removeprefix(DEFS))} if "$ref" in inner else inner

    found: Schema = walk(schema, "", change)
    return found


def same(definitions: Definitions) -> dict[str, int]:
    """A number for each definition: those that say the same, whatever their references are called, have the same one."""
    texts = {name: json.dumps(renamed(schema, lambda _: ""), sort_keys=True) for name, schema in definitions.items()}
    leads = {name: list(names_in(schema)) for name, schema in definitions.items()}
    found = _numbered(texts)
    while True:
        finer = _numbered({name: (found[name], *(found.get(other, -1) for other in leads[name])) for name in definitions})
        if len(set(finer.values())) == len(set(found.values())):
            return finer
        found = finer


def _numbered(marks: Mapping[str, Any]) -> dict[str, int]:
    numbers: dict[Any, int] = {}
    return {name: numbers.setdefault(mark, len(numbers)) for name, mark in marks.items()}


def written(definitions: Definitions) -> str:
    """The text of a file of definitions."""
    lines = [f"{json.dumps(name)}: {_text(_sorted(schema))}" for name, schema in sorted(definitions.items())]
    return f'{{"$schema": "{DIALECT}", "$defs": {{\n' + ",\n".join(lines) + "\n}}\n"


def index(files: Mapping[str, Definitions], payloads: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of `index.json`: the file of each definition, and the definition of each webhook's payload where there are any."""
    where = sorted((name, file) for file, definitions in files.items() for name in definitions)
    hooks = f', "webhooks": {{\n{_lines(payloads.items())}\n}}' if payloads else ""
    return f'{{"definitions": {{\n{_lines(where)}\n}}{hooks}}}\n'


def _lines(members: Iterable[tuple[str, str]]) -> str:
    """The members of an object, a line each."""
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in members)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _sorted(schema: Any) -> Any:
    """The schema with its keywords in order."""

    def change(inner: Schema, _: str) -> Schema:
        return {key: inner[key] for key in sorted(inner)}

    return walk(schema, "", change)
