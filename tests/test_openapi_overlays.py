"""Corrections to a document: what each action does, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from oai_dyn.errors import ConfigError
from oai_dyn.openapi.overlays import overlaid

DOCUMENT: dict[str, Any] = {
    "components": {"schemas": {"Pet": {"type": "object", "required": ["name", "tail"], "enum": [1]}}},
    "paths": {"/pets": {"get": {"parameters": [{"name": "a"}, {"name": "b"}]}}},
}
PET = "/components/schemas/Pet"


def after(**entry: Any) -> Any:
    """The document with one entry laid over it."""
    return overlaid(DOCUMENT, [{"reason": "because", **entry}])


@pytest.mark.parametrize(
    ("entry", "place", "wanted"),
    [
        ({"at": PET, "set": True}, ("components", "schemas", "Pet"), True),
        ({"at": f"{PET}/format", "set": None}, ("components", "schemas", "Pet", "format"), None),
        ({"at": "/paths/~1pets/get/parameters/1", "set": {"name": "c"}}, ("paths", "/pets", "get", "parameters", 1, "name"), "c"),
        ({"at": "/paths/~1pets/get/parameters/-", "set": {"name": "c"}}, ("paths", "/pets", "get", "parameters", 2, "name"), "c"),
        (
            {"at": PET, "merge": {"type": None, "a": 1}},
            ("components", "schemas", "Pet"),
            {"required": ["name", "tail"], "enum": [1], "a": 1},
        ),
        ({"at": f"{PET}/enum", "merge": [1, 2]}, ("components", "schemas", "Pet", "enum"), [1, 2]),
        ({"at": f"{PET}/required", "remove": ["tail"]}, ("components", "schemas", "Pet", "required"), ["name"]),
        ({"at": f"{PET}/required", "remove": True}, ("components", "schemas", "Pet"), {"type": "object", "enum": [1]}),
        ({"at": "/paths/~1pets/get/parameters/0", "remove": True}, ("paths", "/pets", "get", "parameters"), [{"name": "b"}]),
    ],
)
def test_each_action(entry: dict[str, Any], place: tuple[Any, ...], wanted: Any) -> None:
    """An entry changes its place and nothing else; the document that was given stays as it was."""
    before = copy.deepcopy(DOCUMENT)
    found = after(**entry)
    for step in place:
        found = found[step]
    assert found == wanted
    assert before == DOCUMENT


def test_one_entry_for_several_places() -> None:
    """The same is done at each place of a list, each with a value of its own."""
    document: dict[str, Any] = {"a": {}, "b": {}}
    found = overlaid(
        document, [{"at": ["/a/x", "/b/x"], "set": [], "reason": "both"}, {"at": "/a/x", "merge": [1], "reason": "one"}]
    )
    assert found == {"a": {"x": [1]}, "b": {"x": []}}


def test_entries_are_laid_one_over_the_other() -> None:
    """A later entry sees what an earlier one has made."""
    entries = [{"at": "/x", "set": {}, "reason": "first"}, {"at": "/x/y", "set": 1, "reason": "then"}]
    assert overlaid({}, entries) == {"x": {"y": 1}}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({}, "overlays: wanted a list of entries"),
        (["x"], r"overlays\[0\]: wanted an object"),
        ([{"reason": "r", "set": 1}], r"overlays\[0\]: at: wanted a place, or a list of places"),
        ([{"at": [], "reason": "r", "set": 1}], r"overlays\[0\]: at: wanted a place, or a list of places"),
        ([{"at": [1], "reason": "r", "set": 1}], r"overlays\[0\]: at: wanted a place, or a list of places"),
        ([{"at": "/x", "set": 1}], r"overlays\[0\]: reason: wanted text"),
        ([{"at": "/x", "set": 1, "reason": ""}], r"overlays\[0\]: reason: wanted text"),
        ([{"at": "/x", "reason": "r"}], r"overlays\[0\]: wanted at, reason and one of set, merge, remove, had at, reason"),
        ([{"at": "/x", "reason": "r", "set": 1, "merge": 1}], r"had at, reason, set, merge"),
        ([{"at": "/x", "reason": "r", "set": 1, "why": 1}], r"had at, reason, set, why"),
        (
            [{"at": f"{PET}/nose/tip", "reason": "r", "set": 1}],
            r"overlays\[0\]: /components/schemas/Pet/nose/tip: 'nose' is not there",
        ),
        ([{"at": "/paths/~1pets/get/parameters/9", "reason": "r", "set": 1}], "'9' is not there"),
        ([{"at": f"{PET}/type", "reason": "r", "set": "object"}], "it is so already"),
        ([{"at": f"{PET}/enum", "reason": "r", "merge": [1]}], "it is so already"),
        ([{"at": f"{PET}/enum", "reason": "r", "merge": {}}], "wanted an object to merge into an object"),
        ([{"at": PET, "reason": "r", "merge": {"nose": None}}], "it is so already"),
        ([{"at": f"{PET}/required", "reason": "r", "remove": ["nose"]}], "'nose' is not there"),
        ([{"at": f"{PET}/type", "reason": "r", "remove": ["object"]}], "wanted true, or a list of elements"),
        ([{"at": f"{PET}/nose", "reason": "r", "remove": True}], "'nose' is not there"),
    ],
)
def test_what_is_refused(entries: Any, said: str) -> None:
    """A wrong entry, and one that finds nothing to change, is named with its place."""
    with pytest.raises(ConfigError, match=said):
        overlaid(DOCUMENT, entries)
