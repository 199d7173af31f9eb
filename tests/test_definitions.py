"""Schemas by name: the bundled ones, files of the user's, dicts; self-contained, whatever they are gathered from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from oai_dyn import ConfigError
from oai_dyn.definitions import anchored, bundle, changed, is_bundled, names, near, where
from oai_dyn.validation import faults

CHAT = "CreateChatCompletionRequest"


def references(schema: Any) -> set[str]:
    """Every reference that stands in a schema, wherever."""
    return set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema)))


def is_whole(schema: Any) -> bool:
    """Whether every reference leads to a definition of the schema itself, and every definition is referred to."""
    wanted = {ref.removeprefix("#/$defs/") for ref in references(schema)}
    return wanted == set(schema["$defs"])


def test_a_bundled_name() -> None:
    """With all that it refers to, in whatever file, and no more; `x-decide` is kept."""
    whole = bundle(CHAT)
    assert whole["$ref"] == f"#/$defs/{CHAT}"
    assert is_whole(whole)
    assert len(whole["$defs"]) < 200
    assert '"x-decide"' in json.dumps(whole)
    assert Draft202012Validator(whole).is_valid({"model": "m", "messages": [{"role": "user", "content": "hi"}]})


def test_every_bundled_name_is_where_it_is_said_to_be() -> None:
    """Each definition stands in the file of the index, once, and refers to what is there."""
    folder = Path(__file__).parents[1] / "schemas"
    stands = {
        name: path.name
        for path in folder.glob("*.json")
        if path.name not in ("index.json", "route-table.json", "provider.json")
        for name in json.loads(path.read_text("utf-8"))["$defs"]
    }
    assert {name: where(name) for name in names()} == stands
    assert is_bundled(CHAT) and not is_bundled("chat.json")
    assert is_whole(bundle({"anyOf": [{"$ref": f"{file}#/$defs/{name}"} for name, file in stands.items()]}))


def test_a_name_that_is_not_there() -> None:
    """The nearest ones are told."""
    with pytest.raises(ConfigError, match=f"^no schema 'CreateChatCompletionReqest'; near it are {CHAT}"):
        bundle("CreateChatCompletionReqest")
    with pytest.raises(ConfigError, match=r"^no schema 'zzz'$"):
        where("zzz")
    assert near("chat", ()) == ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files that refer to each other, to the package's, and to places that are no definitions."""
    one = {
        "$id": "https://nowhere.example/one.json",
        "$defs": {
            "A": {"type": "object", "properties": {"b": {"$ref": "sub/two.json#/$defs/B"}, "me": {"$ref": "#/$defs/A"}}},
            "C": {"type": "object", "properties": {"format": {"$ref": "audio.json#/$defs/AudioResponseFormat"}}},
            "a/b~c d": {"type": "integer"},
            "Odd": {"$ref": "#/$defs/a~1b~0c%20d"},
            "Second": {"$ref": "#/x/1"},
        },
        "x": [{"type": "null"}, {"type": "boolean"}],
    }
    two = {"$defs": {"B": {"type": "string"}, "A": {"$ref": "../one.json#/$defs/A"}}, "type": "integer"}
    (tmp_path / "sub").mkdir()
    (tmp_path / "one.json").write_text(json.dumps(one))
    (tmp_path / "sub" / "two.json").write_text(json.dumps(two))
    return tmp_path


@pytest.mark.parametrize(
    ("pointer", "good", "bad"),
    [
        ("/$defs/A", {"b": "x", "me": {"me": {}}}, {"me": {"b": 1}}),
        ("/$defs/C", {"format": "json"}, {"format": "jsno"}),
        ("/$defs/Odd", 1, "x"),
        ("/$defs/a~1b~0c%20d", 1, "x"),
        ("/$defs/Second", True, None),
        ("/x/0", None, 0),
    ],
)
def test_a_file_of_the_users(folder: Path, pointer: str, good: Any, bad: Any, engine: str) -> None:
    """A file beside it, a file of the package, any place by its pointer; an `$id` is no address."""
    name = f"{folder / 'one.json'}#{pointer}"
    assert is_whole(bundle(name))
    assert not faults(name, good)
    assert faults(name, bad)


def test_the_whole_of_a_file(folder: Path) -> None:
    """Without a name after the #, under the file's own."""
    whole = bundle(f"{folder / 'sub' / 'two.json'}#")
    assert whole["$ref"] == "#/$defs/two"
    assert whole["$defs"]["two"]["type"] == "integer"


def test_names_that_are_alike_stay_apart(folder: Path) -> None:
    """Two definitions of one name in two files, and one that a dict has itself."""
    two = f"{folder / 'sub' / 'two.json'}#/$defs/A"
    assert set(bundle(two)["$defs"]) == {"A", "A.2", "B"}
    whole = bundle({"$ref": two, "$defs": {"A": {"const": 1}, "A.2": {"const": 2}}})
    assert set(whole["$defs"]) == {"A", "A.2", "A.3", "A.4", "B"}
    assert whole["$defs"]["A"] == {"const": 1}


def test_a_dict(engine: str) -> None:
    """It may refer to itself and to bundled definitions, and is not changed."""
    schema = {
        "$id": "urn:mine",
        "type": "object",
        "properties": {"chat": {"$ref": f"chat.json#/$defs/{CHAT}"}, "again": {"$ref": "#"}, "$ref": {"$ref": "#/$defs/Mine"}},
        "$defs": {"Mine": {"enum": [{"$ref": "nowhere.json#/x"}]}},
    }
    before = json.dumps(schema)
    assert not faults(schema, {"again": {"again": {}}, "$ref": {"$ref": "nowhere.json#/x"}})
    told = [str(fault) for fault in faults(schema, {"chat": {"messages": []}, "again": {"again": 5}})]
    assert told == [
        "chat.messages: is empty, wanted at least 1 element",
        "chat.model: missing",
        "again.again: was 5, wanted an object",
    ]
    assert json.dumps(schema) == before


@pytest.mark.parametrize(("schema", "takes"), [(True, True), (False, False), ({}, True)])
def test_the_plainest_schemas(schema: Any, takes: bool, engine: str) -> None:
    """`true` takes everything, `false` nothing."""
    assert (not faults(schema, {"a": 1})) is takes


DEEP: Any = {}
for _ in range(5_000):
    DEEP = {"items": DEEP}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (5, "schema: of type int, wanted a name, FILE.json#/$defs/NAME or a dict"),
        ("#/$defs/X", "$ref: '#/$defs/X', wanted FILE.json#/$defs/NAME"),
        ("chat.json#X", "$ref: 'chat.json#X', wanted FILE.json#/$defs/NAME"),
        ("caht.json#/$defs/X", "$ref: no schema file 'caht.json'; near it are chat.json"),
        ("https://nowhere.example/a.json#/$defs/X", "; nothing is fetched from a network"),
        ({"$ref": "https://nowhere.example/a.json"}, "; nothing is fetched from a network"),
        ("chat.json#/$defs/Creat", "chat.json: nothing stands at /$defs/Creat"),
        ("chat.json#/$defs/CreateChatCompletionReques", f"/$defs/CreateChatCompletionReques; near it are {CHAT}"),
        ("/nowhere/a.json#/$defs/X", "/nowhere/a.json: No such file"),
        (f"chat.json#/$defs/{CHAT}/required/9", "nothing stands at"),
        (DEEP, "schema: nested too deep to be read"),
    ],
)
def test_what_cannot_be_read(schema: Any, message: str) -> None:
    """A ConfigError that says what, and what was near."""
    with pytest.raises(ConfigError, match=re.escape(message)):
        bundle(schema)


def test_references_to_files_are_made_absolute(folder: Path) -> None:
    """As they stand in a table's file: to files beside it; what is no such file stays as it is."""
    assert anchored("one.json#/$defs/A", folder) == f"{folder}/one.json#/$defs/A"
    assert anchored(CHAT, folder) == CHAT
    assert anchored("chat.json#/$defs/X", folder) == "chat.json#/$defs/X"
    assert anchored(f"{folder}/one.json#/x", Path("/")) == f"{folder}/one.json#/x"
    assert anchored(True, folder) is True
    schema = {"properties": {"a": {"$ref": "one.json#/$defs/A"}, "$ref": {"const": {"$ref": "one.json#/x"}}}, "$ref": "#/x"}
    assert anchored(schema, folder) == {
        "properties": {"a": {"$ref": f"{folder}/one.json#/$defs/A"}, "$ref": {"const": {"$ref": "one.json#/x"}}},
        "$ref": "#/x",
    }


def test_only_schemas_are_changed() -> None:
    """Of a schema's members; what is a value or a name stays as it is, and so does what is of the wrong shape."""
    schema: dict[str, Any] = {
        "items": 1, "allOf": [1, 1], "properties": {"a": 1, "enum": 1}, "enum": [1], "const": 1, "required": ["a"], "anyOf": 1,
        "patternProperties": 1,
    }  # fmt: skip
    wanted = {**schema, "items": 2, "allOf": [2, 2], "properties": {"a": 2, "enum": 2}}
    assert changed(schema, lambda inner: inner + 1) == wanted
    assert changed(schema, lambda inner: inner + 1, frozenset(["items"])) == {**schema, "items": 2}
