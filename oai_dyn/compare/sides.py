"""One side of a comparison: rows, and the schemas that they name.

Rules of this file: nothing is compared here. A row's part is given as one schema, made where the row only lists names.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

from .shapes import Alternatives, Definitions, Schema, members_of, required

Row = Mapping[str, Any]


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

    def part(self, row: Row, part: str) -> Schema:
        """The schema of a part of a row: True where nothing is known of it."""
        if part == "query":
            given = self.definitions.behind(_named(row.get("query_schema")))[1]
            # The name of a list may be written with its mark.
            members = {**dict.fromkeys(row.get("query", ()), True), **members_of(given)}
            bare = {name.removesuffix("[]"): schema for name, schema in members.items()}
            return _object(bare, [name.removesuffix("[]") for name in required(given)])
        if part == "header":
            return _object(dict.fromkeys((name.lower() for name in row.get("headers", {}).values()), True))
        rule = row.get({"event": "stream"}.get(part, part), {})
        if part == "body" and "schema" not in rule and (rule.get("keys") or not kinds(row, "body")):
            return _object(dict.fromkeys(rule.get("keys", ()), True))
        return _named(rule.get("schema"))

    def shapes(self, row: Row, part: str) -> Alternatives:
        """What a part of a row may be."""
        return self.definitions.alternatives(self.part(row, part))

    def find(self, route: str) -> set[str]:
        """The names of the rows of a name, operationId, "METHOD /path" or pattern with *, or of all below a name."""

        def fits(row: Row) -> bool:
            texts = (row["name"], row.get("id", ""), row["path"], f"{row['method']} {row['path']}")
            return row["name"].startswith(f"{route}.") or any(fnmatch.fnmatchcase(text, route) for text in texts)

        return {name for name, row in self.rows.items() if fits(row)}


def kinds(row: Row, part: str) -> set[str]:
    """The kinds of body that a row takes, or of answer that it gives."""
    rule = row.get(part, {})
    return {rule.get("kind", "none" if part == "body" else "json"), rule.get("or", "none")} - {"none"}


def _named(schema: Any) -> Schema:
    if isinstance(schema, str):
        return {"$ref": schema if "#" in schema else f"#/$defs/{schema}"}
    return True if schema is None else schema


def _object(members: Mapping[str, Schema], needed: Iterable[str] = ()) -> Schema:
    return {"type": "object", "properties": members, "required": list(needed)}
