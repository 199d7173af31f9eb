"""The corpus: good bodies for every part of every row, and the schema that each is held against.

`corpus/GROUP.json` is a list of `{"row", "part", "about", "body"}`, one a line. `row` names a row of the table, or a
definition of what travels outside a call (a realtime event, a webhook's payload); `part` is request, query, reply or event.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from sdk_types import PARTS, ROWS, Row

from oai_dyn.definitions import bundle

FOLDER = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Body:
    """One good body, and what it is a body of."""

    row: str
    part: str
    about: str
    body: Any

    def __str__(self) -> str:
        return f"{self.row} {self.part}: {self.about}"

    @property
    def schema(self) -> str | None:
        """The definition it is held against."""
        return schema_of(ROWS[self.row], self.part) if self.row in ROWS else self.row


def schema_of(row: Row, part: str) -> str | None:
    """The name of a part's definition, None where the row has none."""
    places = {"request": row.get("body"), "query": {"schema": row.get("query_schema")}, "reply": row.get("reply")}
    return ((places | {"event": row.get("stream")})[part] or {}).get("schema")


def parts() -> Iterator[tuple[str, str]]:
    """Every part of every row that has a schema."""
    return ((name, part) for name, row in ROWS.items() for part in PARTS if schema_of(row, part))


@functools.cache
def bodies() -> list[Body]:
    """The whole corpus."""
    return [body for group in groups() for body in of_group(group)]


def groups() -> list[str]:
    """The names of the corpus' files."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def of_group(group: str) -> list[Body]:
    """The bodies of one file."""
    return [Body(**one) for one in json.loads((FOLDER / f"{group}.json").read_text("utf-8"))]


def by_schema(some: Iterable[Body]) -> list[Body]:
    """Bodies in such an order that each schema is made ready once."""
    return sorted(some, key=lambda body: str(body.schema))


@functools.cache
def whole(schema: str) -> dict[str, Any]:
    """A definition with all that it refers to, in standard keywords alone."""
    standard: dict[str, Any] = _without_decisions(bundle(schema))
    return standard


def _without_decisions(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_decisions(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {key: _without_decisions(value) for key, value in node.items() if key != "x-decide"}


@functools.cache
def oracle(schema: str) -> Draft202012Validator:
    """jsonschema by itself, on a definition."""
    return Draft202012Validator(whole(schema))
