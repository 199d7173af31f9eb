"""What is said of a value that does not fit: each keyword, each kind of union, strict; the same from both engines."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from oai_dyn import Fault
from oai_dyn.validation import faults
from oai_dyn.validation.wording import nearest, shown

FOLDER = Path(__file__).parent / "vectors" / "validation"


def vectors(name: str) -> pytest.MarkDecorator:
    """The vectors of a file, as parameters: each has a schema, a value, and what is to be said."""
    found = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return pytest.mark.parametrize("vector", found, ids=[vector["about"] for vector in found])


def stands(path: tuple[str | int, ...], value: Any) -> bool:
    """Whether a path leads to something in the value, or to a key that one of its objects does not have."""
    for number, step in enumerate(path):
        if isinstance(value, dict) and step not in value:
            return number == len(path) - 1
        value = value[step]
    return True


def said(vector: dict[str, Any], strict: bool = False) -> list[Fault]:
    """What is said of a vector's value."""
    found = faults(vector["schema"], vector["value"], strict)
    assert all(stands(fault.path, vector["value"]) for fault in found)
    return found


@vectors("words")
def test_the_words_of_each_keyword(vector: dict[str, Any], engine: str) -> None:
    """What was there, what was wanted, and the nearest right one where it looks like a slip; in the value's order."""
    assert [str(fault) for fault in said(vector)] == vector["faults"]


@vectors("unions")
def test_the_branch_that_was_meant(vector: dict[str, Any], engine: str) -> None:
    """By type, by tag, by the fewest faults; and the place in the schema that says so."""
    found = said(vector)
    assert [str(fault) for fault in found] == vector["faults"]
    if "schema_path" in vector:
        assert "/".join(map(str, found[0].schema_path)) == vector["schema_path"]


@vectors("strict")
def test_keys_that_no_schema_lists(vector: dict[str, Any], engine: str) -> None:
    """Refused where an object lists its keys and allows no more; never where parts of it allow them."""
    assert [str(fault) for fault in said(vector, strict=True)] == vector["faults"]


MEGABYTE = "x" * 2**20


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, MEGABYTE),
        ({"enum": ["a", "b"]}, MEGABYTE),
        ({"enum": [MEGABYTE, "b"]}, "a"),
        ({"const": MEGABYTE}, "a"),
        ({"pattern": "^a$"}, MEGABYTE),
        ({"properties": {"a": {}}, "additionalProperties": False}, {MEGABYTE: 1}),
        ({"properties": {"messages": {}}, "required": ["messages"]}, {f"{n}{'m' * 60}": 1 for n in range(20_000)}),
        ({"enum": [f"{n}{'v' * 50}" for n in range(20_000)]}, f"x{'v' * 50}"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, MEGABYTE),
        ({"items": {"type": "string"}, "maxItems": 1}, list(range(3)) * 1000),
        ({"not": {}}, MEGABYTE),
        ({"contains": False}, [MEGABYTE]),
    ],
)
def test_a_message_is_short(schema: Any, value: Any) -> None:
    """However much stood there, or was wanted; and it takes no long search."""
    started = time.process_time()
    found = faults(schema, value)
    assert found
    assert all(len(str(fault)) < 800 for fault in found)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "options", "found"),
    [
        ("usr", ["user", "system"], "user"),
        ("MaxTokens", ["max_tokens"], "max_tokens"),
        ("zebra", ["user"], None),
        ("a", ["b", "a1"], None),
        ("ab", [5, None, "abc"], "abc"),
        (5, ["5"], None),
        ("x" * 65, ["x" * 65], None),
        ("user", ["u" * 200, "users"], "users"),
    ],
)
def test_the_nearest(text: Any, options: list[Any], found: str | None) -> None:
    """A slip of the keys finds what was meant, whatever its case and style; what is like nothing finds nothing."""
    assert nearest(text, options) == found


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (1.0, "1.0"), (float("nan"), "NaN"), ({}, "an object"), ((1,), "an array of 1"), (object, '"of type type"')],
)
def test_values_are_shown_as_json_has_them(value: Any, text: str) -> None:
    """And what is no JSON by its type."""
    assert shown(value) == text


@pytest.mark.parametrize("items", [True, {}])
def test_elements_that_may_be_anything(items: Any) -> None:
    """Nothing is said of them, whatever they are; what stands around them is looked at all the same."""
    schema = {"type": "array", "items": items, "maxItems": 2}
    assert faults(schema, [1, {"a": None}]) == []
    assert [fault.path for fault in faults(schema, [1, 2, 3])] == [()]
