"""One side of a comparison: rows, and the schemas that they name.

Rules of this file: nothing is compared here. A row's part is given as one schema, made where the row only lists
names; a schema once made is the same object each time.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .matching import Row
from .shapes import Definitions, Schema, mapping_of
from .words import required

_SOME_OBJECT = {"type": "object"}

#: What takes the place of a body where there is none.
_NO_MEMBERS = {**_SOME_OBJECT, "properties": {}}


class Side:
    """A table with its schemas.

    label        what it is called
    rows         complete rows, as a table's document has them
    definitions  schemas by name; a row names one, refers to one (`#/$defs/Name`), or holds a schema of its own
    notes        what whoever reads the comparison should know of this side
    """

    def __init__(self, label: str, rows: Iterable[Row], definitions: Mapping[str, Schema], notes: Iterable[str] = ()) -> None:
        self.label = label
        self.rows: dict[str, Row] = {row["name"]: row for row in rows}
        self.definitions = Definitions(definitions)
        self.notes = tuple(notes)
        self._parts: dict[tuple[str, str], Schema] = {}

    def part(self, row: Row, part: str) -> Schema:
        """The schema of a part of a row: True where nothing is known of it."""
        key = (row["name"], part)
        if key not in self._parts:
            self._parts[key] = _PARTS[part](self, row)
        return self._parts[key]

    def find(self, route: str) -> set[str]:
        """The names of the rows of a name, operationId, "METHOD /path" or pattern with *, or of all below a name."""
        return {name for name, row in self.rows.items() if any(_fits(route, text) for text in _texts(row))}

    def _named(self, schema: Any) -> Schema:
        if isinstance(schema, str):
            return {"$ref": schema if "#" in schema else f"#/$defs/{schema}"}
        return True if schema is None else schema

    def _query(self, row: Row) -> Schema:
        given = self.definitions.behind(self._named(row.get("query_schema")))[1]
        members = dict.fromkeys(row.get("query", ()), True) | dict(mapping_of(mapping_of(given).get("properties")))
        return {
            **_SOME_OBJECT,
            "properties": {_bare(name): inner for name, inner in members.items()},
            "required": [_bare(name) for name in required(mapping_of(given))],
        }

    def _header(self, row: Row) -> Schema:
        return {**_SOME_OBJECT, "properties": dict.fromkeys((name.lower() for name in row.get("headers", {}).values()), True)}

    def _body(self, row: Row) -> Schema:
        body = row.get("body", {})
        if "schema" in body or not body.get("keys"):
            return _NO_MEMBERS if body.get("kind", "none") == "none" else self._named(body.get("schema"))
        return {**_SOME_OBJECT, "properties": dict.fromkeys(body["keys"], True)}

    def _reply(self, row: Row) -> Schema:
        return self._named(row.get("reply", {}).get("schema"))

    def _event(self, row: Row) -> Schema:
        return self._named(row.get("stream", {}).get("schema"))


def _texts(row: Row) -> Iterator[str]:
    yield from filter(None, (row["name"], row.get("id"), row["path"], f"{row['method']} {row['path']}"))


def _fits(route: str, text: str) -> bool:
    pattern = bool(set(route) & set("*?"))
    return fnmatch.fnmatchcase(text, route) if pattern else text == route or text.startswith(f"{route}.")


def _bare(name: str) -> str:
    """The name of a query parameter that may be written with the mark of an array."""
    return name.removesuffix("[]")


#: How the schema of each part is made.
_PARTS = {"query": Side._query, "header": Side._header, "body": Side._body, "reply": Side._reply, "event": Side._event}
