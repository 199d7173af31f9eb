"""The folder that an import writes: what is in it, that a client takes it, and that it touches nothing else."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from imported import JSON, TEXT, Json, answer, body, document, imported, obj
from jsonschema import Draft202012Validator

import oai_dyn.openapi.writing as writing
from oai_dyn import Client, ConfigError
from oai_dyn.definitions import bundle
from oai_dyn.openapi import Imported, convert, write
from oai_dyn.validation import faults

REF: Json = {"$ref": "#/components/schemas/Thing"}

THING: Json = {"Thing": obj("a", a=TEXT, next={"$ref": "#/components/schemas/Thing"})}


def two_groups() -> Imported:
    """Rows of two groups that share one schema, with a query and a stream."""
    ask = {"in": "query", "name": "q", "schema": TEXT}
    asked = body({JSON: {"schema": obj(one=REF, stream={"type": "boolean"})}})
    many = answer({JSON: {"schema": {"type": "array", "items": REF}}})
    paths = {
        "/one": {"post": {**asked, **answer({JSON: {"schema": REF}, "text/event-stream": {"schema": REF}})}},
        "/two/{id}": {"get": {**many, "parameters": [ask]}, "head": {}},
    }
    return imported(paths, schemas=THING, servers=[{"url": "http://localhost:1/v1"}])


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names_in(folder: Path) -> set[str]:
    """What stands in a folder."""
    return {path.name for path in folder.iterdir()}


def test_what_is_written(tmp_path: Path) -> None:
    """Rows that stand alone, a file of schemas per group and one that they share, a profile, and the notes."""
    home = write(two_groups(), tmp_path / "deep" / "set")
    assert home == (tmp_path / "deep" / "set").resolve()
    assert names_in(home) == {"routes.json", "index.json", "one.json", "two.json", "shared.json", "provider.toml", "notes.txt"}
    table = json.loads((home / "routes.json").read_text())
    assert table["alone"] is True
    one, two = table["routes"]
    assert one["body"]["schema"] == "one.json#/$defs/OneCreateRequest"
    assert one["reply"]["schema"] == one["stream"]["schema"] == "shared.json#/$defs/Thing"
    assert two["reply"]["schema"] == "two.json#/$defs/TwoRetrieveReply"
    assert two["query_schema"] == "two.json#/$defs/TwoRetrieveQuery"
    assert json.loads((home / "index.json").read_text())["definitions"]["Thing"] == "shared.json"
    assert tomllib.loads((home / "provider.toml").read_text()) == {
        "name": "tests",
        "base_url": "http://localhost:1/v1",
        "base_url_env": ["TESTS_BASE_URL"],
        "api_key_env": ["TESTS_API_KEY"],
        "admin_key_env": ["TESTS_ADMIN_KEY"],
        "auth": "bearer",
        "routes": "routes.json",
    }
    first, never, *notes = (home / "notes.txt").read_text().splitlines()
    assert first == "tests: 2 rows, 4 definitions, 1 note"
    assert never.startswith("Never held: ")
    assert notes == ["HEAD /two/{id}: the method head: left out: a row has one of GET, POST, PUT, PATCH, DELETE"]


def test_a_client_takes_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile leads to its rows wherever the program runs; they stand alone; their schemas are whole."""
    home = write(two_groups(), tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    for provider in (home / "provider.toml", "set/provider.toml"):
        with Client(provider) as client:
            assert client.base_url == "http://localhost:1/v1"
            assert client.routes.names == ("one.create", "two.retrieve")
            route = client.routes.find("POST /one")
        whole = bundle(route.body.schema)
        Draft202012Validator.check_schema(whole)
        assert Draft202012Validator(whole).is_valid({"one": {"a": "x", "next": {"a": "y"}}})
        assert not Draft202012Validator(whole).is_valid({"one": {"a": "x", "next": {}}})


def test_members_called_like_keywords(tmp_path: Path) -> None:
    """A member of an object may be called as a keyword is: what it refers to is there all the same."""
    words = ("required", "default", "enum", "const", "discriminator", "x-decide", "properties", "anyOf", "items", "$defs")
    schemas = {f"Of{number}": obj(a=TEXT, b={"type": "integer"}) for number in range(len(words))}
    schemas["Whole"] = obj(**{word: {"$ref": f"#/components/schemas/Of{number}"} for number, word in enumerate(words)})
    found = imported({"/x": {"post": body({JSON: {"schema": {"$ref": "#/components/schemas/Whole"}}})}}, schemas=schemas)
    home = write(found, tmp_path)
    whole = bundle(f"{home / 'x.json'}#/$defs/Whole")
    assert whole["$defs"].keys() == schemas.keys()
    checker = Draft202012Validator(whole)
    for word in words:
        assert checker.is_valid({word: {"b": 1}})
        assert not checker.is_valid({word: {"b": "1"}}), word


def test_the_same_text_each_time(tmp_path: Path) -> None:
    """Two imports of one document are the same to the byte."""
    first, second = write(two_groups(), tmp_path / "a"), write(two_groups(), tmp_path / "b")
    assert contents(first) == contents(second)


def test_an_earlier_import_is_replaced(tmp_path: Path) -> None:
    """What an earlier import wrote goes, what somebody else put there stays."""
    home = write(two_groups(), tmp_path / "set")
    (home / "names.json").write_text("{}")
    write(imported({"/three": {"post": body({JSON: {"schema": REF}})}}, schemas=THING), home)
    assert names_in(home) == {"routes.json", "index.json", "three.json", "provider.toml", "notes.txt", "names.json"}
    with Client(home / "provider.toml", base_url="http://localhost:1") as client:
        assert client.routes.names == ("three.create",)


@pytest.mark.parametrize("name", ["routes.json", "provider.toml", "shared.json", "notes.txt"])
def test_somebody_elses_file_is_not_touched(tmp_path: Path, name: str) -> None:
    """A file of the same name that no import wrote is in the way, and stays as it is; so is a table of somebody's own."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"{name}: there already, and not of an earlier import; choose another folder"):
        write(two_groups(), tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    assert names_in(tmp_path) == {name}


@pytest.mark.parametrize("index", ['{"definitions": {"a": "one.json"}}', '{"definitions": 7}', "[]", "no"])
def test_a_folder_that_only_looks_like_an_import(tmp_path: Path, index: str) -> None:
    """An index alone does not make a folder an import's."""
    (tmp_path / "index.json").write_text(index)
    (tmp_path / "routes.json").write_text('{"routes": []}')
    with pytest.raises(ConfigError, match="there already"):
        write(two_groups(), tmp_path)


def test_an_index_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    """What a tampered index calls a file of an import is not deleted outside the folder."""
    (tmp_path / "keep.json").write_text("mine")
    home = write(two_groups(), tmp_path / "set")
    others = {"a": "../keep.json", "b": "/etc/passwd", "c": 7, "d": "two.json"}
    (home / "index.json").write_text(json.dumps({"definitions": others}))
    with pytest.raises(ConfigError, match=r"one\.json: there already"):
        write(two_groups(), home)
    (home / "one.json").unlink()
    (home / "shared.json").unlink()
    write(two_groups(), home)
    assert (tmp_path / "keep.json").read_text() == "mine"


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails, an earlier import is whole and a new folder is gone."""
    home = write(two_groups(), tmp_path / "set")
    before = contents(home)
    real, left = Path.write_bytes, [2, 2]

    def failing(path: Path, data: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(ConfigError, match="No space left on device"):
        write(imported({"/three": {"get": {}}}), home)
    left[0] = 2
    with pytest.raises(ConfigError, match="No space left on device"):
        write(two_groups(), tmp_path / "new")
    assert contents(home) == before
    assert names_in(tmp_path) == {"set"}


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """A file in the way, and a name that no folder can have, are refused."""
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "x", "a\0b"):
        with pytest.raises(ConfigError):
            write(two_groups(), folder)


@pytest.mark.parametrize("file", ["../x.json", "/x.json", "a/b.json", "routes.json", ".json", "x.toml", "x" * 200 + ".json"])
def test_names_of_files_are_checked(tmp_path: Path, file: str) -> None:
    """Whatever asks for a file outside the folder, or in place of the table, is refused before anything is written."""
    found = two_groups()._replace(files={file: {}})
    with pytest.raises(ConfigError, match="is no name for a file of schemas"):
        write(found, tmp_path / "set")
    assert not names_in(tmp_path)


def test_notes_are_one_line_each(tmp_path: Path) -> None:
    """What a document wrote into a note cannot break the line or move a cursor."""
    found = imported({"/x": {"get": {"parameters": [{"in": "header", "name": "a\n\x1b[2Jb"}]}}})
    assert writing.one_line("a\n b\x1b") == "a b\\x1b"
    text = (write(found, tmp_path / "set") / "notes.txt").read_text()
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2 + len(found.notes)


def test_undecided_unions_are_told(tmp_path: Path) -> None:
    """A union that no member tells apart stands in the notes."""
    union: Any = {"anyOf": [obj(a=TEXT), obj(b=TEXT)]}
    found = imported({"/x": {"post": body({JSON: {"schema": union}})}})
    assert found.undecided == ("XCreateRequest",)
    assert "XCreateRequest: a union: some values fit more than one branch" in (write(found, tmp_path) / "notes.txt").read_text()


@pytest.mark.parametrize(
    ("name", "url", "refused"),
    [
        ("groq", "https://there.test/v1", True),
        ("Groq", "https://there.test/v1", True),
        ("google", "https://there.test", True),
        ("groq", "https://api.groq.com/other", False),
        ("vllm", "https://there.test/v1", False),
        ("litellm", "http://10.0.0.1:4000", False),
        ("groq", None, False),
        ("mine", "https://there.test/v1", False),
    ],
)
def test_the_key_of_another_service(tmp_path: Path, name: str, url: str | None, refused: bool) -> None:
    """A profile that would take it to the document's address is not written; servers of one's own are anywhere."""
    servers = [{"url": url}] if url else []
    found = convert({**document({"/x": {"get": {}}}), "servers": servers}, name)
    if not refused:
        assert write(found, tmp_path / "set").is_dir()
        return
    with pytest.raises(ConfigError, match=rf"holds the key of .*, at .*, and would go to {url}; choose another name"):
        write(found, tmp_path / "set")
    assert names_in(tmp_path) == set()


def test_the_payloads_of_webhooks_are_found(tmp_path: Path) -> None:
    """The index leads from a webhook to its definition, also where rows use it."""
    thing = {"schema": {"$ref": "#/components/schemas/Thing"}}
    paths = {"/a": {"post": body({JSON: thing})}}
    hooks = {"made": {"post": body({JSON: thing})}}
    home = write(imported(paths, webhooks=hooks, schemas={"Thing": obj(a=TEXT)}), tmp_path / "set")
    payload = json.loads((home / "index.json").read_text())["webhooks"]["made"]
    assert payload == "shared.json#/$defs/Thing"
    assert faults(f"{home}/{payload}", {"a": 1}) != []
