"""`oai-dyn compare`: what may be compared, what is written where, its one-line errors and its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hostile import HostileServer, json_reply

from oai_dyn.command import main
from oai_dyn.compare import Side, compare, side
from oai_dyn.compare.text import NARROWEST, as_text, printable
from oai_dyn.definitions import bundle
from oai_dyn.errors import ConfigError
from oai_dyn.openapi import convert, load, write
from oai_dyn.routes import bundled

#: An OpenAPI document of a server that is nearly like OpenAI's.
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "near", "version": "1"},
    "paths": {
        "/v1/chat/completions": {
            "post": {
                "operationId": "create_chat",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "model": {"type": "string"},
                                    "messages": {"type": "array", "items": {"$ref": "#/components/schemas/Message"}},
                                    "user_name": {"type": "string"},
                                },
                                "required": ["model", "messages", "user_name"],
                            }
                        }
                    },
                },
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": {}}}}},
            }
        },
        "/v1/near": {"get": {"responses": {"200": {"description": ""}}}},
    },
    "components": {
        "schemas": {
            "Message": {
                "type": "object",
                "properties": {"role": {"enum": ["user", "assistant"]}, "content": {"type": "string"}},
                "required": ["role", "content"],
            }
        }
    },
}

CHAT = "chat.completions.create"


class Outcome(NamedTuple):
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Outcome:
        code = main(["compare", *arguments])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """The document as a file."""
    path = tmp_path / "near.json"
    path.write_text(json.dumps(DOCUMENT), "utf-8")
    return path


# --- What may be compared -----------------------------------------------------------------------------------


def test_a_provider_without_rows_is_as_openai(run: Run) -> None:
    """Nothing differs, exit code 0, and it is said why."""
    done = run("openai", "groq")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "openai -> groq",
        "391 routes in both (all the same), 0 only in openai, 0 only in groq",
        "no differences",
        "note: groq: its profile has no rows of its own: it is taken to be as openai is",
    ]


def test_a_document_in_a_file(run: Run, document: Path) -> None:
    """It is imported on the fly; one route is compared; exit code 1 as of diff."""
    done = run("openai", str(document), "--route", CHAT)
    assert (done.code, done.err) == (1, "")
    lines = done.out.splitlines()
    assert lines[:2] == ["openai -> near.json", "1 route in both (0 the same), 0 only in openai, 0 only in near.json"]
    assert "note: near.json: its paths begin with /v1, which belongs into its base URL" in lines
    first = lines.index("    body    user")
    assert lines[first + 1] == "            seems renamed: user -> user_name"
    assert max(map(len, lines)) <= 80


def test_a_server_of_its_own_document(run: Run) -> None:
    """The address of a server stands for its /openapi.json; the label is without the scheme."""
    with HostileServer([json_reply(DOCUMENT)]) as server:
        address = server.url.removesuffix("/v1")
        done = run("openai", address, "--route", CHAT, "--format", "json")
        assert [request.target for request in server.requests] == ["/openapi.json"]
    assert json.loads(done.out)["b"] == {"label": address.removeprefix("http://"), "routes": 1}


def test_an_imported_folder_is_as_its_document(run: Run, document: Path, tmp_path: Path) -> None:
    """The folder, its table and its profile are each a side, and the same as the document."""
    write(convert(load(document), "near"), tmp_path / "near")
    for name in ("near", "near/routes.json", "near/provider.toml"):
        done = run(str(document), name)
        assert (done.code, done.out.splitlines()[2]) == (0, "no differences"), done.out


def test_a_profile_is_called_by_its_name(run: Run, document: Path, tmp_path: Path) -> None:
    """Not by its file, which is called alike for all; two of one name are told apart by what was given."""
    for folder, name in (("a", "near"), ("b", "near"), ("c", "far")):
        write(convert(load(document), name), tmp_path / folder)
    heads = [run(f"{one}/provider.toml", f"{other}/provider.toml").out.splitlines()[0] for one, other in ("ac", "ab", "aa")]
    assert heads == ["near -> far", "a/provider.toml -> b/provider.toml", "near -> near"]


def test_one_of_a_thing_is_told_as_one(run: Run) -> None:
    """One difference, one break, and no word on those that are the same where there are none."""
    row = {"name": "r", "method": "GET", "path": "/r", "reply": {"schema": "X"}}
    found = compare(Side("a", [row], {"X": {"type": "string"}}), Side("b", [row], {"X": {"type": "integer"}}))
    assert as_text(found).splitlines()[2] == "1 difference: 1 break, 0 may break, 0 harmless"
    alone = compare(Side("a", [row], {"X": True}), Side("b", [{**row, "name": "s", "path": "/s"}], {"X": True}))
    assert as_text(alone).splitlines()[1] == "0 routes in both, 1 only in a, 1 only in b"


def test_a_profile_with_rows_of_its_own(run: Run, tmp_path: Path) -> None:
    """Its rows are laid over the bundled ones: only these can differ, in a list of its own or in a file."""
    row = {
        "name": "files.delete",
        "reply": {"schema": {"$ref": "#/$defs/R", "$defs": {"R": {"type": "object", "properties": {"x": True}}}}},
    }
    (tmp_path / "rows.json").write_text(json.dumps({"routes": [row]}), "utf-8")
    (tmp_path / "own.json").write_text(json.dumps({"base_url": "http://localhost", "routes": [row]}), "utf-8")
    (tmp_path / "filed.toml").write_text('base_url = "http://localhost"\nroutes = "rows.json"\n', "utf-8")
    outs = [run("openai", name, "--format", "json") for name in ("own.json", "filed.toml", "rows.json")]
    found = [json.loads(done.out) for done in outs]
    assert [done.code for done in outs] == [1, 1, 1]
    assert {one["route"] for one in found[0]["differences"]} == {"files.delete"}
    assert found[0]["differences"][0]["definitions"]["b"] == "files.delete.reply.R"
    assert found[0]["differences"] == found[1]["differences"] == found[2]["differences"]
    assert run("own.json", "filed.toml").out.splitlines()[2] == "no differences"


def test_every_bundled_schema_is_read() -> None:
    """The bundled table names no schema that is not there, and each part of a row leads to what its name says."""
    found = side("openai")
    assert len(found.rows) == len(bundled().names)
    alone = found.definitions.named["CreateChatCompletionRequest"]
    assert alone == bundle("CreateChatCompletionRequest")["$defs"]["CreateChatCompletionRequest"]


def test_the_bundled_table_is_as_a_copy_of_it() -> None:
    """Every definition of every row is looked at, in time, and none differs from itself."""
    row = {"name": "mine", "method": "GET", "path": "/mine"}
    start = time.monotonic()
    other = side("openai")
    changed = json.loads(json.dumps(other.definitions.named))
    found = compare(other, type(other)("copy", json.loads(json.dumps([*other.rows.values(), row])), changed))
    assert [one.kind for one in found.differences] == ["route-added"]
    assert found.notes == ()
    assert time.monotonic() - start < 60


def test_the_docs_show_what_is_printed(run: Run) -> None:
    """Every line of the example's text, in its order."""
    root = Path(__file__).parents[1]
    page = (root / "docs" / "importing.md").read_text("utf-8")
    (shown,) = re.findall(r"^```text\n(openai -> .*?)^```$", page, re.MULTILINE | re.DOTALL)
    printed = iter(run("openai", str(root / "docs" / "examples" / "near.json"), "--route", CHAT).out.splitlines())
    assert [line for line in shown.splitlines() if line and line not in printed] == []


# --- What is written ----------------------------------------------------------------------------------------


def test_the_json_is_one_document(run: Run, document: Path) -> None:
    """Indented, with the record's members, and what the summary counts is there."""
    done = run("openai", str(document), "--format", "json", "--route", CHAT)
    found = json.loads(done.out)
    assert list(found) == ["format", "a", "b", "summary", "notes", "routes", "differences"]
    assert sum(found["summary"]["severities"].values()) == found["summary"]["differences"] == len(found["differences"])
    assert found["routes"]["both"][0]["b"] == {
        "name": "chat.completions.create",
        "method": "POST",
        "path": "/v1/chat/completions",
    }


@pytest.mark.parametrize(("kind", "begins"), [("text", "openai -> "), ("json", "{\n"), ("html", "<!DOCTYPE html>\n")])
def test_the_result_goes_into_a_file(run: Run, document: Path, tmp_path: Path, kind: str, begins: str) -> None:
    """Nothing is printed, the exit code is the same."""
    done = run("openai", str(document), "--route", CHAT, "--format", kind, "--out", "result")
    assert done == (1, "", "")
    assert (tmp_path / "result").read_text("utf-8").startswith(begins)


def test_the_text_is_as_wide_as_the_terminal(run: Run, document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within bounds, and only where it goes to one."""
    monkeypatch.setenv("COLUMNS", "100")
    assert max(map(len, run("openai", str(document)).out.splitlines())) <= 80
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert 80 < max(map(len, run("openai", str(document)).out.splitlines())) <= 100


def test_routes_of_one_side_are_told_in_groups(run: Run, document: Path) -> None:
    """A line for each group of names: how many there are, and the first of them."""
    lines = run("openai", str(document)).out.splitlines()
    assert "  routes that near.json has not (390)" in lines
    assert any(line.startswith("    admin.* (143): ") for line in lines)
    assert any(line.startswith("    chat.* (5): completions.delete, ") for line in lines)
    assert "  routes that openai has not (1)" in lines


def test_text_is_bounded_and_printable() -> None:
    """The width has a least; control characters and what turns a line round are written out."""
    found = compare(side("openai"), side("groq"))
    assert as_text(found, 1) == as_text(found, NARROWEST)
    assert printable("a\x1b[2J\u202e\u00e9\U0001f600") == "a\\x1b[2J\\u202e\u00e9\U0001f600"


def test_other_places_are_told_and_cut() -> None:
    """The first of them, and how many more."""
    rows = [{"name": f"r{i}", "method": "GET", "path": f"/r{i}", "reply": {"schema": "X"}} for i in range(6)]
    found = compare(Side("a", rows, {"X": {"type": "string"}}), Side("b", rows, {"X": {"type": "integer"}}))
    assert "            also at r1 reply; r2 reply; r3 reply; and 2 more places\n" in as_text(found)


# --- What is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("openai", "nowhere"), "nowhere: no file, no folder with a routes.json, and no provider of that name; bundled are "),
        (("openai", "."), ".: no file, no folder with a routes.json"),
        (("openai", "broken.json"), "broken.json: "),
        (("openai", "list.json"), "list.json: "),
        (("openai", "swagger.json"), "swagger.json: "),
        (("openai", "rows.json"), "rows.json: routes[0].method: "),
        (("openai", "lost.json"), "no schema 'Nowhere'"),
        (("openai", "http://127.0.0.1:1/openapi.json"), "http://127.0.0.1:1/openapi.json: "),
        (
            ("openai", "groq", "--route", "chat.completion.create"),
            "--route 'chat.completion.create': neither side has it; near it are ",
        ),
        (("openai", "groq", "--route", "?"), "--route '?': neither side has it"),
        (("openai", "groq", "--format", "xml"), "argument --format: invalid choice: 'xml'"),
        (("openai", "groq", "--out", "no/such/folder"), "no/such/folder: No such file or directory"),
        (("openai",), "the following arguments are required: B"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, the source named first, nothing on standard output."""
    row = {"name": "x", "method": "GET", "path": "/x"}
    for name, content in {
        "broken.json": "{",
        "list.json": "[]",
        "swagger.json": json.dumps({"swagger": "2.0", "paths": {}}),
        "rows.json": json.dumps({"routes": [{**row, "method": "SEND"}]}),
        "lost.json": json.dumps({"routes": [{**row, "reply": {"schema": "Nowhere"}}]}),
    }.items():
        (tmp_path / name).write_text(content, "utf-8")
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"oai-dyn: {said}")
    assert done.err.count("\n") == 1


def test_a_password_in_an_address_is_not_shown(run: Run) -> None:
    """Neither in an error nor in a label."""
    done = run("openai", "http://me:secret-word@127.0.0.1:1/openapi.json")
    assert done.code == 2
    assert "secret-word" not in done.err


def test_sides_are_refused_in_python_too(tmp_path: Path) -> None:
    """As a ConfigError."""
    with pytest.raises(ConfigError, match="no file, no folder"):
        side(str(tmp_path / "nothing"))


def test_the_help_tells_the_exit_codes(capfd: pytest.CaptureFixture[str]) -> None:
    """0 and 1 as diff has them; the others are those of all commands."""
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    assert "exit codes: 0 nothing differs; 1 something does" in " ".join(capfd.readouterr().out.split())


def test_the_command_loads_no_http_client(document: Path) -> None:
    """Comparing files loads neither requests nor aiohttp."""
    look = (
        "import sys; from oai_dyn.command import main; main(['compare', 'openai', 'groq']); assert 'aiohttp' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], env=dict(os.environ), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
