"""What stands under a name looks like it: texts, ids, numbers and times, within what their schemas ask."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

import pytest
from asking import members, sample

from oai_dyn.server.words import CREATED, number_for, patterned


@pytest.mark.parametrize(
    ("name", "schema", "value"),
    [
        ("thread_id", {}, "thread_000001"),
        ("input_file_id", {}, "file-000001"),
        ("fine_tuned_model", {}, "ft:local:example::000001"),
        ("assistant_id", {"minLength": 20}, "asst_000001xxxxxxxxx"),
        ("name", {"maxLength": 3}, "Exa"),
        ("a_long_name", {}, "a long name"),
        ("", {}, "text"),
        ("certificate", {"format": "uri"}, "https://example.com/certificate/000001"),
        ("preview_url", {}, "https://example.com/preview-url/000001"),
        ("who", {"format": "email"}, "person1@example.com"),
        ("which", {"format": "uuid"}, "00000000-0000-4000-8000-000000000001"),
        ("host", {"format": "hostname"}, "example.com"),
        ("host", {"format": "ipv4"}, "192.0.2.1"),
        ("host", {"format": "ipv6"}, "2001:db8::1"),
        ("shutdown", {"format": "date"}, "2026-01-01"),
        ("at", {"format": "time"}, "00:01:00Z"),
        ("tunnel_id", {"pattern": "^tunnel_[a-z0-9]{4}$"}, "tunnel_aaaa"),
        ("label", {"pattern": "^[a-z]+$", "minLength": 8}, "labelxxx"),
        ("with space", {"pattern": r"^[\w]+\.?x*$"}, "a"),
        ("value", {"default": "usual"}, "usual"),
        ("value", {"default": None}, "value"),
        ("value", {"const": "fixed"}, "fixed"),
    ],
)
def test_a_text_looks_like_its_name(name: str, schema: Any, value: str) -> None:
    """By format, kind of id, name and how that ends; within its bounds and its pattern."""
    assert sample(members(**{name: {"type": "string", **schema}}))[name] == value


@pytest.mark.parametrize(
    ("name", "schema", "value"),
    [
        ("exit_code", {}, 0),
        ("duration_ms", {}, 1000),
        ("size_bytes", {}, 1024),
        ("n", {}, 1),
        ("n", {"minimum": 3}, 3),
        ("n", {"exclusiveMinimum": 1, "maximum": 5}, 2),
        ("size_bytes", {"maximum": 10}, 10),
        ("size_bytes", {"exclusiveMaximum": 10}, 9),
        ("n", {"minimum": 5, "maximum": 5}, 5),
        ("when", {"format": "unixtime"}, CREATED + 60),
    ],
)
def test_a_number_is_within_its_bounds(name: str, schema: Any, value: int) -> None:
    """And what its name means otherwise."""
    assert sample(members(**{name: {"type": "integer", **schema}}))[name] == value


def test_measures_have_fractions() -> None:
    """Within their bounds too; a score of a category that nothing was found in is low."""
    schema = {"type": "number", "exclusiveMinimum": 0.5, "maximum": 0.6}
    assert 0.5 < sample(members(beta=schema))["beta"] <= 0.6
    assert sample(members(category_scores=members(hate={"type": "number"})))["category_scores"]["hate"] < 0.1


def test_times_come_in_order() -> None:
    """Created, started, completed, expired; an object's number moves all of them, and so does its id."""
    names = ["created_at", "started_at", "completed_at", "expires_at"]
    schema = members(id={"type": "string"}, **{name: {"type": "integer"} for name in names})
    first, later = (sample(schema, number=number) for number in (1, 2))
    assert [first[name] for name in names] == sorted({first[name] for name in names})
    assert later["created_at"] - first["created_at"] == 60
    assert sample(schema, {"id": "file-000002"}, number=9)["created_at"] == later["created_at"]
    text = sample(members(created_at={"type": "string", "format": "date-time"}))["created_at"]
    assert datetime.fromisoformat(text).timestamp() == first["created_at"]


def test_ids_in_a_list_differ() -> None:
    """Those of objects, with the times that belong to them, and those that stand alone; `index` counts."""
    item = members(
        id={"type": "string"}, object={"enum": ["chat.completion"]}, index={"type": "integer"}, created={"type": "integer"}
    )
    found = sample({"type": "array", "items": item, "minItems": 3})
    assert len({value["id"] for value in found}) == 3
    assert all(value["id"].startswith("chatcmpl-") for value in found)
    assert [value["index"] for value in found] == [0, 1, 2]
    assert all(one["created"] < next_["created"] for one, next_ in itertools.pairwise(found))
    assert sample(members(file_ids={"type": "array", "items": {"type": "string"}, "minItems": 2})) == {
        "file_ids": ["file-000001", "file-100001"]
    }


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^\d{2}-[x]*\.$", "00-."),
        ("^(a)$", "a"),
        ("^(?:ab){2}(c|d)?(?P<e>e|f)+$", "ababe"),
        (r"^((a{2})-){2}\(b\)$", "aa-aa-(b)"),
        ("^[é]$", "[é]"),
        ("^[z-a]$", "[z-a]"),
    ],
)
def test_a_text_is_made_of_a_pattern(pattern: str, text: str) -> None:
    """Classes, counts, groups, of alternatives the first; what no letter stands for is written as it is."""
    assert patterned(pattern) == text


@pytest.mark.timeout(5)
def test_a_pattern_without_measure_ends() -> None:
    """Groups within groups are opened so far, and no further."""
    assert len(patterned("(" * 40 + "a" + "){2}" * 40)) < 10_000


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "multipleOf": 5}, 5),
        ({"type": "integer", "minimum": 6, "multipleOf": 5}, 10),
        ({"type": "integer", "minimum": 6, "maximum": 9, "multipleOf": 5}, 5),
        ({"type": "number", "multipleOf": 0.1}, 0.5),
    ],
)
def test_a_number_is_a_multiple(schema: Any, value: float) -> None:
    """Of what its schema says, within its bounds where that can be."""
    assert number_for("n", schema, 1, 0, "", whole=schema["type"] == "integer") == value
