"""Definitions as files: each name in one file, references across them, and a text that is always the same."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from oai_dyn.openapi.grouping import DIALECT, file_of, grouped, index, renamed, same, written


def ref(name: str) -> dict[str, str]:
    """A reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}


DEFINITIONS: dict[str, Any] = {
    "Chat": {"type": "object", "properties": {"z": ref("Usage"), "a": ref("Piece")}},
    "Piece": {"anyOf": [ref("Chat"), {"type": "null"}], "x-decide": {"type": {"object": 0, "null": 1}}},
    "Audio": {"type": "array", "items": ref("Usage")},
    "Usage": {"required": ["b", "a"], "properties": {"of": ref("Count")}, "type": "object"},
    "Count": {"minimum": 0, "type": "integer", "default": {"z": 1, "a": 2}},
    "Alone": {"type": "string"},
}
ROOTS = {"chat": ["Chat"], "audio": ["Audio"], "empty": []}


def test_what_one_group_uses_is_in_its_file() -> None:
    """What several use is shared, with all that it leads to; what nobody uses is left out."""
    files = grouped(DEFINITIONS, ROOTS)
    assert {file: list(definitions) for file, definitions in files.items()} == {
        "audio.json": ["Audio"],
        "chat.json": ["Chat", "Piece"],
        "shared.json": ["Count", "Usage"],
    }
    assert files["chat.json"]["Chat"]["properties"] == {"z": {"$ref": "shared.json#/$defs/Usage"}, "a": ref("Piece")}
    assert files["shared.json"]["Usage"]["properties"] == {"of": ref("Count")}
    assert json.loads(index(files)) == {
        "definitions": {
            "Audio": "audio.json",
            "Chat": "chat.json",
            "Count": "shared.json",
            "Piece": "chat.json",
            "Usage": "shared.json",
        }
    }


def test_the_payloads_of_webhooks() -> None:
    """Where there are any, the index has them by their names."""
    found = json.loads(index({"a.json": {"A": {}}}, {"made": "a.json#/$defs/A", "x": "a.json#/$defs/A"}))
    assert found == {"definitions": {"A": "a.json"}, "webhooks": {"made": "a.json#/$defs/A", "x": "a.json#/$defs/A"}}


def test_a_group_with_a_name_that_is_taken() -> None:
    """A group called shared does not become the shared file."""
    assert [file_of(group) for group in ("chat", "shared", "index", "route-table")] == [
        "chat.json",
        "shared_.json",
        "index_.json",
        "route-table_.json",
    ]


def test_the_text_of_a_file() -> None:
    """Names and keywords are sorted, members and values keep their order, a line is a definition."""
    files = grouped(DEFINITIONS, ROOTS)
    text = written(files["chat.json"])
    again = {name: dict(reversed([*schema.items()])) for name, schema in reversed([*files["chat.json"].items()])}
    assert written(again) == text
    assert text.splitlines() == [
        f'{{"$schema": "{DIALECT}", "$defs": {{',
        '"Chat": {"properties":{"z":{"$ref":"shared.json#/$defs/Usage"},"a":{"$ref":"#/$defs/Piece"}},"type":"object"},',
        '"Piece": {"anyOf":[{"$ref":"#/$defs/Chat"},{"type":"null"}],"x-decide":{"type":{"object":0,"null":1}}}',
        "}}",
    ]
    assert '"Count": {"default":{"z":1,"a":2},"minimum":0,"type":"integer"}' in written(files["shared.json"])
    Draft202012Validator.check_schema(json.loads(text))


def test_references_are_written_anew() -> None:
    """Every reference is, wherever it stands; nothing else is."""
    schema = {"properties": {"$ref": ref("A")}, "allOf": [ref("B")], "default": ref("C"), "$ref": "#/$defs/D"}
    assert renamed(schema, str.lower) == {
        "properties": {"$ref": {"$ref": "a"}},
        "allOf": [{"$ref": "b"}],
        "default": ref("C"),
        "$ref": "d",
    }


def test_definitions_that_say_the_same() -> None:
    """Names do not matter, nor circles; what is reached by other ways does."""
    definitions: dict[str, Any] = {
        "A": {"type": "object", "properties": {"a": ref("A"), "x": ref("X")}},
        "B": {"properties": {"a": ref("C"), "x": ref("Y")}, "type": "object"},
        "C": {"type": "object", "properties": {"a": ref("B"), "x": ref("X")}},
        "D": {"type": "object", "properties": {"a": ref("D"), "x": ref("Z")}},
        "E": {"type": "object", "properties": {"a": ref("E"), "x": ref("Nowhere")}},
        "X": {"type": "string"},
        "Y": {"type": "string"},
        "Z": {"type": "integer"},
    }
    numbers = same(definitions)
    assert numbers["A"] == numbers["B"] == numbers["C"] and numbers["X"] == numbers["Y"]
    assert len(set(numbers.values())) == 5
    assert same({}) == {}
