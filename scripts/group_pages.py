"""The page of each API group: its rows with their parameters, and the names of all its schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doc_tables import KINDS, marks_of, quoted, table_of, where_of

from oai_dyn.catalog import packaged
from oai_dyn.definitions import where
from oai_dyn.routes import bundled
from oai_dyn.wire import Route

Json = dict[str, Any]

INTRO = """\
<!-- Written by scripts/write_docs.py. Do not edit: `make docs` writes it anew. -->

# {group}

{count} rows. [How rows are found and what the marks mean](../routes.md), [how bodies are checked](../validation.md).
A parameter is given as a keyword; those of the body may come as an object, and so may those of the query where there is no body.
"""

#: More values or members than this are not listed.
_MOST = 6


def pages() -> dict[str, str]:
    """The text of each group's page."""
    groups: dict[str, list[Route]] = {}
    for route in sorted((bundled().find(name) for name in bundled().names), key=lambda route: route.name):
        groups.setdefault(route.name.partition(".")[0], []).append(route)
    return {group: page(group, rows) for group, rows in groups.items()}


def page(group: str, rows: list[Route]) -> str:
    """A group's page."""
    parts = [INTRO.format(group=group, count=len(rows)), *map(section, rows), schemas(group)]
    return "\n".join(parts)


def section(route: Route) -> str:
    """A row: where it goes, its parameters, its schemas."""
    marks = marks_of(route)
    lines = [f"## {route.name}", "", f"`{where_of(route)}`{' — ' if marks else ''}{marks}", ""]
    if parameters := list(parameters_of(route)):
        lines += [table_of(("parameter", "in", "holds", ""), parameters), ""]
    if said := [f"{word} {linked(name)}" for word, name in schemas_of(route) if name]:
        text = ", ".join(said)
        lines += [f"{text[0].upper()}{text[1:]}.", ""]
    return "\n".join(lines)


def schemas_of(route: Route) -> Iterator[tuple[str, str | None]]:
    """The schemas of a row's parts, each with a word for the part."""
    yield "query", route.query_schema
    yield "sends", route.body.schema
    yield "answers", route.reply.schema
    yield "streams", route.stream.schema if route.stream else None


def linked(name: str) -> str:
    """The name of a schema, leading to the file that holds it."""
    return f"[`{name}`](../../schemas/{where(name)})"


def parameters_of(route: Route) -> Iterator[tuple[str, str, str, str]]:
    """Name, place, kind, and whether it is needed, of each parameter."""
    for name in route.path_params:
        yield f"`{name}`", "path", "text", "needed"
    for name, place in route.where.items():
        if place == "header":
            yield f"`{name}`", f"header `{route.header_names[name]}`", "text", ""
    for place, schema in (("query", route.query_schema), ("body", route.body.schema)):
        if schema is not None:
            yield from members(definition(schema), place)


def definition(name: str) -> Json:
    """A definition, by name."""
    found: Json = packaged(f"schemas/{where(name)}")["$defs"][name]
    return definition(found["$ref"].rpartition("/")[2]) if "$ref" in found else found


def members(schema: Json, place: str) -> Iterator[tuple[str, str, str, str]]:
    """The members of an object; of a union of objects, those of all branches, needed where all need them."""
    branches = [definition(one["$ref"].rpartition("/")[2]) if "$ref" in one else one for one in schema.get("anyOf", ())]
    known = schema.get("properties", {}) | {
        name: one for each in reversed(branches) for name, one in each.get("properties", {}).items()
    }
    for name, member in known.items():
        needed = name in schema.get("required", ()) or (branches and all(name in each.get("required", ()) for each in branches))
        yield f"`{name}`", place, holds(member), "needed" if needed else ""


def holds(schema: Any) -> str:
    """What a schema takes, in words; another definition is named."""
    if not isinstance(schema, dict) or not schema.keys() & {"$ref", "type", "anyOf", "enum", "const"}:
        return "anything"
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return " or ".join([*map(quoted, values[:_MOST]), *(["…"] if len(values) > _MOST else [])])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(holds, schema["anyOf"])))
    if schema.get("format") == "binary":
        return "file"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " or ".join(
        f"list of {holds(schema['items'])}" if kind == "array" and "items" in schema else KINDS[kind] for kind in kinds
    )


def schemas(group: str) -> str:
    """All schemas of a group's file."""
    names = packaged(f"schemas/{group}.json")["$defs"]
    listed = ", ".join(f"`{name}`" for name in names)
    return f"## Schemas\n\n{len(names)} definitions in [schemas/{group}.json](../../schemas/{group}.json):\n{listed}\n"
