"""The schemas of operations that are newer than the document: taken into it as components, and named.

They come from the types of the official SDK, one set for each row, so that a type used by ten rows is there ten times,
under a name that is short for its module only. Definitions that say the same become one; it is called as the document
calls it where the document has it, after the row's resource where it is what a row sends or answers, else as in the SDK,
with the resource before a name that is a single word or stands for several things.
"""

from __future__ import annotations

import copy
from typing import Any

import naming
from facts import Json

from oai_dyn.openapi.flattening import Schema, walk
from oai_dyn.openapi.grouping import renamed, same
from oai_dyn.openapi.references import COMPONENTS, DEFS

#: Between the parts of a name that nobody sees: row, part of the row, name in the SDK.
MARK = "__"

#: Members of a page beside its items, by the SDK's class.
PAGES: dict[str, Json] = {
    "SyncCursorPage": {"has_more": {"type": "boolean"}},
    "SyncConversationCursorPage": {"has_more": {"type": "boolean"}, "last_id": {"type": ["string", "null"]}},
    "SyncTokenPage": {"has_more": {"type": "boolean"}, "next": {"type": ["string", "null"]}},
}


def added(document: Json, rows: dict[str, Json], operations: list[Json]) -> Json:
    """The document with the newer rows' schemas among its components."""
    whole = copy.deepcopy(document)
    components = whole["components"]["schemas"]
    paging = {operation["name"]: operation["paging"] for operation in operations if operation.get("paging")}
    queries = {operation["name"] for operation in operations if operation.get("body_keywords") == []}
    for row, parts in rows.items():
        for part, schema in parts.items():
            part = "query" if part == "request" and row in queries else part
            for name, definition in {**schema.get("$defs", {}), "": whole_of(schema)}.items():
                components[key(row, part, name)] = adapted(definition, row, part)
            if part == "item":
                components[key(row, "page")] = page_of(paging[row], {"$ref": COMPONENTS + key(row, part)})
    return whole


def whole_of(schema: Json) -> Json:
    """The schema; for one that the SDK splits by whether it streams, that of both: `stream` is true or not."""
    refs = {branch.get("$ref", "").removeprefix(DEFS): branch for branch in schema.get("anyOf", ())}
    if names := [name for name in refs if name.endswith("NonStreaming") and name.replace("Non", "") in refs and len(refs) == 2]:
        found = schema["$defs"][names[0]]
        return {**found, "properties": {**found["properties"], "stream": {"type": ["boolean", "null"]}}}
    return schema


def key(row: str, part: str, name: str = "") -> str:
    """The name of a newer schema among the components, until it gets a good one."""
    return f"{MARK}{row}{MARK}{part}{MARK}{name}"


def adapted(schema: Json, row: str, part: str) -> Any:
    """A schema without what only the SDK's classes say: that they take more keys, and that what is not given is None."""

    def change(inner: Schema, _: str) -> Schema:
        out = {name: value for name, value in inner.items() if name != "$defs"}
        if out.get("additionalProperties") in (True, {}):
            del out["additionalProperties"]
        if "default" in out and out["default"] is None:
            del out["default"]
        if any(branch == {} for branch in out.get("anyOf", ())):
            del out["anyOf"]
        return out

    return renamed(walk(schema, "", change), lambda name: COMPONENTS + key(row, part, name))


def parts_of(operation: Json, document: Json) -> dict[str, tuple[Json, str]]:
    """The schemas of a newer row's parts, each with its place."""
    row = operation["name"]
    components = document["components"]["schemas"]
    found: dict[str, tuple[Json, str]] = {}
    for part, source in (("body", "request"), ("query", "query"), ("reply", "response"), ("reply", "page"), ("event", "event")):
        if (name := key(row, source)) in components:
            found[part] = {"$ref": COMPONENTS + name}, row
    if found.get("event") and operation["headers"].get("Accept") == "text/event-stream":
        found.pop("reply", None)
    return found


def page_of(kind: str, item: Json) -> Json:
    """A page of items as the SDK's class reads it."""
    return {"type": "object", "properties": {"data": {"type": "array", "items": item}, **PAGES[kind]}, "required": ["data"]}


def once(definitions: dict[str, Schema], apart: set[str]) -> tuple[dict[str, Schema], dict[str, str]]:
    """The definitions with those of newer rows once each and well named, and what each of them is called now.

    apart: what stays by itself whatever it is like: a row's query is a row's own.
    """
    alike: dict[int, list[str]] = {}
    for name, number in same(definitions).items():
        if name not in apart:
            alike.setdefault(number, []).append(name)
    called = {name: name for name in definitions if not name.startswith(MARK)}
    fresh: list[list[str]] = [[name] for name in sorted(apart) if name.startswith(MARK)]
    for found in alike.values():
        if known := [name for name in found if name in called]:
            called |= dict.fromkeys((name for name in found if name not in called), min(known, key=_short))
        else:
            fresh.append(found)
    called |= named(fresh, set(called.values()))
    kept: dict[str, Schema] = {}
    for name, schema in definitions.items():
        kept.setdefault(called[name], renamed(schema, lambda other: DEFS + called[other]))
    return kept, called


def named(fresh: list[list[str]], taken: set[str]) -> dict[str, str]:
    """A name for each set of definitions that say the same; what a row sends or answers has the first choice."""
    called: dict[str, str] = {}
    inner: list[tuple[str, list[str]]] = []
    for found in fresh:
        parts = [name.split(MARK, 3)[1:] for name in found]
        if whole := [of_row(row, part) for row, part, name in parts if not name]:
            called |= dict.fromkeys(found, free(min(whole, key=_short), taken))
        else:  # the SDK's class, behind its module where two classes have one name
            inner.append((min((name.rpartition(MARK)[2] for _, _, name in parts), key=_short), found))
    every = [name for name, _ in inner]
    for name, found in inner:
        if every.count(name) > 1 or name in taken or len(naming.words(name)) == 1:
            about = naming.resource(found[0].split(MARK)[1])
            name = name if name.startswith(about) else about + name
        called |= dict.fromkeys(found, free(naming.shortened(name, every), taken))
    return called


def free(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken; it is taken from now on."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}{number}", number + 1
    taken.add(found)
    return found


def of_row(row: str, part: str) -> str:
    """What a row's own schema is called."""
    about, does = naming.resource(row), naming.method(row)
    if part == "item" or (part == "response" and does == "Retrieve"):
        return about
    return about if part == "event" else about + does + {"page": "response"}.get(part, part).capitalize()


def _short(name: str) -> tuple[int, str]:
    return len(name), name
