"""`oai-dyn import`: what it writes and prints, what it refuses, and that the other commands take what it made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hostile import HostileServer, json_reply
from imported import JSON, TEXT, Json, answer, body, document, obj

from oai_dyn.command import main


class Outcome(NamedTuple):
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]

PATHS: Json = {
    "/v1/models": {"get": {"operationId": "listModels", **answer({JSON: {"schema": obj(data={"type": "array"})}})}},
    "/v1/rerank": {
        "post": {"operationId": "rank.again", **body({JSON: {"schema": obj("query", query=TEXT)}}), **answer({JSON: {}})}
    },
    "/v1/things": {"head": {}, "get": {"parameters": [{"in": "cookie", "name": "session\x1b[2J"}]}},
}


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in this process, in a folder that holds document.json."""
    monkeypatch.chdir(tmp_path)
    hook = {"ready": {"post": body({JSON: {"schema": obj(a=TEXT)}})}}
    (tmp_path / "document.json").write_text(json.dumps(document(PATHS, webhooks=hook)))

    def run(*arguments: str) -> Outcome:
        code = main(arguments)
        return Outcome(code, *capfd.readouterr())

    return run


def test_what_is_printed(run: Run, tmp_path: Path) -> None:
    """Rows by group, definitions, webhooks, where it is written and how to use it, and every note on a line of its own."""
    done = run("import", "document.json", "--name", "small-1")
    assert (done.code, done.err) == (0, "")
    home = (tmp_path / "small-1").resolve()
    assert done.out.splitlines() == [
        "3 rows: models 1, rank 1, things 1",
        "3 definitions in 3 files, for 2 bodies, replies and events",
        "1 webhook: ready (webhooks.json#/$defs/ReadyWebhook)",
        "base URL: none in the document: set SMALL_1_BASE_URL, or give `oai-dyn call` --base-url",
        f"written: {home}; use it with --provider {home / 'provider.toml'}",
        "2 notes on what could not be held as it stands:",
        "  HEAD /v1/things: the method head: left out: a row has one of GET, POST, PUT, PATCH, DELETE",
        "  GET /v1/things: cookie parameter session\\x1b[2J: left out: a client sends no cookies",
    ]


def test_a_document_without_notes(run: Run, tmp_path: Path) -> None:
    """Many groups are counted; without notes there is nothing to list."""
    (tmp_path / "many.json").write_text(json.dumps(document({f"/g{n}/a": {"get": {}} for n in range(14)})))
    lines = run("import", "many.json", "--name", "many", "--out", "deep/folder").out.splitlines()
    assert lines[0].startswith("14 rows: g0 1, g1 1, ")
    assert lines[0].endswith(", and 2 groups more")
    assert lines[-1] == "0 notes"
    assert (tmp_path / "deep" / "folder" / "provider.toml").exists()


def test_one_of_each(run: Run, tmp_path: Path) -> None:
    """One of a thing is told as one; webhooks alone are enough."""
    (tmp_path / "one.json").write_text(json.dumps(document({"/a": {"head": {}, "post": body({JSON: {"schema": obj(a=TEXT)}})}})))
    lines = run("import", "one.json", "--name", "one").out.splitlines()
    assert lines[:2] == ["1 row: a 1", "1 definition in 1 file, for 1 body, reply or event"]
    assert lines[-2] == "1 note on what could not be held as it stands:"
    assert (tmp_path / "one" / "notes.txt").read_text().startswith("one: 1 row, 1 definition, 1 note\n")
    hook = {"ready": {"post": body({JSON: {"schema": obj(a=TEXT)}})}}
    (tmp_path / "hooks.json").write_text(json.dumps(document({}, webhooks=hook)))
    assert run("import", "hooks.json", "--name", "hooks").out.startswith("0 rows: none\n1 definition in 1 file, for 0 bodies, ")


def test_names_and_overlays(run: Run, tmp_path: Path) -> None:
    """A file of names maps rows, a file of overlays corrects the document first."""
    (tmp_path / "names.toml").write_text('listModels = "all.models"\n"POST /v1/rerank" = "rerank.create"\n')
    overlay = [{"at": "/paths/~1v1~1things", "remove": True, "reason": "it is not there any more"}]
    (tmp_path / "overlays.json").write_text(json.dumps(overlay))
    done = run("import", "document.json", "--name", "x", "--names", "names.toml", "--overlays", "overlays.json")
    assert done.out.startswith("2 rows: all 1, rerank 1\n")


def test_the_other_commands_take_it(run: Run) -> None:
    """From a running server: import, list, describe, call."""
    with HostileServer([json_reply(document(PATHS)), json_reply({"order": [1, 0]})]) as server:
        assert run("import", server.url, "--name", "live").code == 0
        listed = run("routes", "--provider", "live/provider.toml").out
        described = run("routes", "--provider", "live/provider.toml", "rank.again").out
        called = run("call", "rank.again", "--provider", "live/provider.toml", "--set", "body.query=q")
    assert [line.split()[0] for line in listed.splitlines()] == ["models.list", "rank.again", "things.list"]
    assert described.startswith("rank.again\nPOST /v1/rerank\nbody: json; members: query\n")
    assert json.loads(called.out) == {"order": [1, 0]}
    asked = server.requests[1]
    assert (asked.method, asked.target, asked.json()) == ("POST", "/v1/rerank", {"query": "q"})


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere.json", "--name", "x"], "nowhere.json: No such file or directory"),
        (["document.json", "--name", "../x"], "--name '../x': wanted letters, digits, '.', '_' and '-', a letter or digit first"),
        (["document.json", "--name", ".x"], "--name '.x': wanted"),
        (["document.json"], "the following arguments are required: --name"),
        (["document.json", "--name", "x", "--names", "nowhere.json"], "nowhere.json: No such file or directory"),
        (["document.json", "--name", "x", "--overlays", "document.json"], "document.json: wanted a list of entries"),
        (["document.json", "--name", "x", "--out", "document.json"], "document.json: File exists"),
        (["none.json", "--name", "x"], "none.json: no operation that a row can hold: it has no paths"),
        (["odd.json", "--name", "x"], "odd.json: no operation that a row can hold: HEAD /x: the method head: left out"),
        (["names.json", "--name", "x"], "names.json: openapi: None, wanted openapi: 3.0 or 3.1"),
        (["page.html", "--name", "x"], "page.html: HTML or XML, wanted an OpenAPI document of JSON or YAML"),
        (["app.py", "--name", "x"], "app.py: neither JSON nor YAML: mapping values are not allowed in this context at line 1"),
        (["empty.yaml", "--name", "x"], "empty.yaml: there is nothing in it"),
        (
            ["document.json", "--name", "x", "--names", "names.json"],
            "names.json: listModel: no operation has this id, nor this method and path; near it are listModels",
        ),
        (
            ["there.json", "--name", "OpenAI"],
            "name 'OpenAI': OPENAI_ADMIN_KEY holds the key of openai, at api.openai.com, and would go to http://there.test/v1;",
        ),
        (["--name", "x", "http://user:secret@host/"], "its URL holds a user name or password"),
    ],
)
def test_what_is_refused(run: Run, tmp_path: Path, arguments: list[str], why: str) -> None:
    """One line on standard error, exit code 2, and nothing written."""
    (tmp_path / "none.json").write_text(json.dumps(document({})))
    (tmp_path / "odd.json").write_text(json.dumps(document({"/x": {"head": {}}})))
    (tmp_path / "there.json").write_text(json.dumps(document(PATHS, servers=[{"url": "http://there.test/v1"}])))
    (tmp_path / "names.json").write_text('{"listModel": "all.models"}')
    (tmp_path / "page.html").write_text("\n<!DOCTYPE html>")
    (tmp_path / "app.py").write_text("a: b: c")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    before = sorted(tmp_path.iterdir())
    done = run("import", *arguments)
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert done.err.count("\n") == 1
    assert "secret" not in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_provider_that_is_not_there(run: Run) -> None:
    """Listing the routes of a file that is not there is a wrong usage."""
    done = run("routes", "--provider", "no/provider.toml")
    assert (done.code, done.err) == (2, "oai-dyn: no/provider.toml: No such file or directory\n")
