"""Small documents for the tests of the importer, and what they become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oai_dyn.openapi import Imported, convert, load
from oai_dyn.routes import Table
from oai_dyn.routes import load as load_table
from oai_dyn.validation import route_table_faults

Json = dict[str, Any]

JSON = "application/json"


def document(paths: Any, version: str = "3.1.0", **members: Any) -> Json:
    """A document of these paths; components by `schemas=`, `parameters=` ..., other members as they are."""
    inner = {
        key: members.pop(key)
        for key in ("schemas", "parameters", "responses", "requestBodies", "securitySchemes")
        if key in members
    }
    return {"openapi": version, "info": {"title": "t", "version": "1"}, "paths": paths, "components": inner, **members}


def imported(paths: Any, version: str = "3.1.0", *, names: Mapping[str, str] | None = None, **members: Any) -> Imported:
    """What a document of these paths becomes. Its rows are good ones: the table takes them."""
    found = convert(load(document(paths, version, **members)), "tests", names=names)
    table(found)
    return found


def table(found: Imported) -> Table:
    """The rows as a table that stands alone."""
    return load_table(found.table, Table(()), route_table_faults)


def operation(
    given: Json | None = None, *, method: str = "post", path: str = "/things", **members: Any
) -> tuple[Json, list[str]]:
    """The row of one operation, and the notes in words."""
    found = imported({path: {method: {"responses": {"204": {}}, **(given or {})}}}, **members)
    (row,) = found.rows or ({},)
    return row, [str(note) for note in found.notes]


def body(content: Any) -> Json:
    """An operation with this request body: content by media type."""
    return {"requestBody": {"content": content}}


def answer(content: Any, status: str = "200") -> Json:
    """An operation with this answer: content by media type."""
    return {"responses": {status: {"description": "", "content": content}}}


def schema(found: Imported, name: str) -> Any:
    """A definition, without what decides its unions."""
    return {key: value for key, value in found.definitions[name].items() if key != "x-decide"}


def obj(*required: str, **properties: Any) -> Json:
    """An object schema of these properties."""
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


TEXT: Json = {"type": "string"}
TEXTS: Json = {"type": "array", "items": TEXT}
FLAG: Json = {"type": "boolean"}
