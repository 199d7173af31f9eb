"""The command line: what it sends, what it prints, its one-line errors and its exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest
from hostile import HostileServer, Request, Steps, json_reply, nobody, reply, sse_reply

import oai_dyn
from oai_dyn import ConfigError
from oai_dyn.command import main
from oai_dyn.command.output import text_of
from oai_dyn.command.request import read_request
from oai_dyn.routes import bundled
from oai_dyn.server import running
from oai_dyn.server.files import BYTES

KEY = "sk-never-to-be-seen"

CHAT = 'route = "chat.completions.create"\n[body]\nmodel = "m-1"\nmessages = [{role = "user", content = "one two"}]\n'

#: The options that choose the synchronous and the asynchronous client.
FACES: list[list[str]] = [[], ["--async"]]


class Outcome(NamedTuple):
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode()

    @property
    def json(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


Run = Callable[..., Outcome]


#: A question as JSON.
ASKED = '[{"role": "user", "content": "one two"}]'


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """One local server for the whole file."""
    with running(key=KEY) as url:
        yield url


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> Run:
    """Run a command in this process, in an empty folder, with the local server and its key in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def run(*arguments: str, stdin: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main(arguments)
        out, err = capfdbinary.readouterr()
        assert KEY.encode() not in out + err
        return Outcome(code, out, err.decode())

    return run


def complaint(outcome: Outcome, code: int) -> str:
    """The one line that a failed command wrote."""
    assert outcome.code == code, outcome
    (line,) = outcome.err.splitlines()
    assert line.startswith("oai-dyn: ")
    return line.removeprefix("oai-dyn: ")


def said(text: str) -> str:
    """The setting that makes a chat of one message."""
    return f'body.messages=[{{"role": "user", "content": "{text}"}}]'


@contextlib.contextmanager
def scripted(monkeypatch: pytest.MonkeyPatch, *script: Steps) -> Iterator[HostileServer]:
    """A server of a test's own in the place of the local one."""
    with HostileServer(script) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


# --- call ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", FACES)
def test_a_route_is_called(run: Run, face: list[str]) -> None:
    """A bare route with settings sends them, and the answer is printed as indented JSON."""
    outcome = run("call", "chat.completions.create", "--set", "body.model=m-1", "--set", said("hé"), *face)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.json["choices"][0]["message"]["content"] == "You said: hé"
    assert outcome.text.startswith('{\n  "id"')
    assert "hé" in outcome.text


@pytest.mark.parametrize("route", ["createChatCompletion", "POST /chat/completions"])
def test_a_route_has_other_names(run: Run, route: str) -> None:
    """operationId and METHOD /path are routes as well."""
    assert run("call", route, "--set", "body.model=m-2", "--set", said("hi")).json["model"] == "m-2"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("chat.toml", CHAT),
        ("chat.json", '{"route": "chat.completions.create", "body": {"model": "m", "messages": ' + ASKED + "}}"),
        ("chat.yaml", "route: chat.completions.create\nbody:\n  model: m\n  messages:\n  - {role: user, content: one two}\n"),
        ("chat", CHAT),
    ],
)
def test_a_file_is_sent(run: Run, name: str, content: str) -> None:
    """JSON, TOML and YAML say the same; a file without an ending is read as what it is."""
    if name.endswith("yaml"):
        pytest.importorskip("yaml", reason="the extra yaml is not installed")
    Path(name).write_text(content)
    assert run("call", name).json["choices"][0]["message"]["content"] == "You said: one two"


def test_standard_input_is_sent(run: Run) -> None:
    """`-` reads the request from standard input, and settings go over it."""
    outcome = run("call", "-", "--set", "body.model=m-9", stdin=CHAT)
    assert outcome.json["model"] == "m-9"
    assert "standard input" in complaint(run("call", "-", stdin="= ="), 2)


@pytest.mark.parametrize("face", FACES)
def test_a_stream_is_printed_as_text(run: Run, face: list[str]) -> None:
    """The text of a stream and nothing else, with a line end at its end."""
    Path("chat.toml").write_text(CHAT)
    outcome = run("call", "chat.toml", "--stream", *face)
    assert outcome == Outcome(0, b"You said: one two\n", "")


@pytest.mark.parametrize(
    ("route", "settings", "text"),
    [
        ("completions.create", ["body.model=m", "body.prompt=a b"], "You said: a b\n"),
        ("responses.create", ["body.input=a b"], "You said: a b\n"),
        ("responses.retrieve", ["path.response_id=resp_1"], "Hello from the local server.\n"),
        (
            "beta.threads.runs.create",
            ["path.thread_id=t", "body.assistant_id=a", f"body.additional_messages={ASKED}"],
            "You said: one two\n",
        ),
        ("audio.transcriptions.create", ["body.model=m", 'body.file={"@file":"speech.wav"}'], "Hello from the local server.\n"),
    ],
)
def test_every_stream_of_text_is_printed_as_text(run: Run, route: str, settings: list[str], text: str) -> None:
    """Whatever the shape of the events, however the stream is asked for."""
    Path("speech.wav").write_bytes(b"RIFF")
    assert run("call", route, "--stream", *(word for one in settings for word in ("--set", one))).text == text


def test_a_stream_appears_piece_by_piece(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has come is written before the rest comes."""
    pieces: list[bytes] = []
    monkeypatch.setattr("oai_dyn.command.output.Output.bytes", lambda self, piece: pieces.append(piece))
    run("call", "chat.completions.create", "--set", "body.model=m", "--set", said("one two"), "--stream")
    assert pieces == [b"You ", b"said: ", b"one ", b"two", b"\n"]


@pytest.mark.parametrize("face", FACES)
def test_raw_events_are_lines(run: Run, face: list[str]) -> None:
    """With --raw each event is a line of JSON; a plain answer is one line."""
    outcome = run("call", "responses.create", "--set", "body.input=a", "--stream", "--raw", *face)
    events = [json.loads(line) for line in outcome.text.splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["response.created", "response.completed"]
    assert len(run("call", "models.list", "--raw", *face).text.splitlines()) == 1


def test_a_stream_without_text_is_printed_as_json(run: Run) -> None:
    """Pictures have no text: their events are lines of JSON."""
    lines = run("call", "images.generate", "--set", "body.prompt=p", "--set", "stream=true").text.splitlines()
    assert json.loads(lines[-1])["type"] == "image_generation.completed"
    always = run("call", "beta.agents.sessions.events.stream", "--set", "path.session_id=s", "--stream").text.splitlines()
    assert json.loads(always[-1])["type"] == "agent.session.idle"


def test_a_text_stream_without_a_word_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of nothing but tool calls is not met with silence."""
    call = {"choices": [{"index": 0, "delta": {"tool_calls": [{}]}, "finish_reason": "tool_calls"}]}
    with scripted(monkeypatch, sse_reply([call, "[DONE]"])):
        outcome = run("call", "chat.completions.create", "--stream")
    assert (outcome.code, outcome.out) == (0, b"")
    assert outcome.err == "oai-dyn: chat.completions.create: no text in 1 events; --raw shows them\n"


@pytest.mark.parametrize("face", FACES)
def test_bytes_are_printed_as_they_are(run: Run, face: list[str]) -> None:
    """A binary answer goes to standard output untouched, or to a file."""
    arguments = ["call", "files.content", "--set", "path.file_id=file-1", *face]
    assert run(*arguments).out == BYTES
    assert run(*arguments, "--output", "content.bin").out == b""
    assert Path("content.bin").read_bytes() == BYTES


def test_text_and_nothing_are_printed_as_they_are(run: Run) -> None:
    """A text answer is text, not JSON of it, unless that is asked for; no answer prints nothing."""
    arguments = ["call", "files.retrieve_content", "--set", "path.file_id=file-1"]
    assert run(*arguments).text == "Hello from the local server.\n"
    assert run(*arguments, "--raw").json == "Hello from the local server."
    assert run(*arguments, "--output", "text.txt").out == b""
    assert Path("text.txt").read_text() == "Hello from the local server."
    assert run("call", "responses.delete", "--set", "path.response_id=resp_1").out == b""


def test_a_failed_call_leaves_the_file_alone(run: Run) -> None:
    """--output writes nothing before there is something to write."""
    Path("kept.txt").write_text("kept")
    run("call", "models.list", "--output", "kept.txt", "--key-env", "WRONG")
    assert Path("kept.txt").read_text() == "kept"


def test_what_no_encoding_holds_is_escaped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lone surrogate from a server is printed as the JSON escape that it was."""
    with scripted(monkeypatch, json_reply({"id": "\ud800"})):
        assert run("call", "files.retrieve", "--set", "path.file_id=f").json == {"id": "\ud800"}


def test_files_go_into_forms(run: Run) -> None:
    """A file in a request is relative to the request; on the command line, to the current folder."""
    Path("below").mkdir()
    Path("below/notes.txt").write_text("beside the request")
    Path("notes.txt").write_text("here")
    Path("below/upload.toml").write_text(
        'route = "files.create"\nbody = {file = {"@file" = "notes.txt"}, purpose = "assistants"}\n'
    )
    assert run("call", "below/upload.toml").json["bytes"] == len("beside the request")
    assert run("call", "below/upload.toml", "--set", 'body.file={"@file": "notes.txt"}').json["bytes"] == len("here")
    Path("skill.json").write_text(
        '{"route": "skills.create", "body": {"files": [{"@file": "notes.txt"}, {"@file": "below/notes.txt"}]}}'
    )
    assert run("call", "skill.json").code == 0


# --- where to, and as whom ----------------------------------------------------------------------------------


def test_the_address_and_the_key(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """--base-url takes no key along; --key-env names the one to send."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("MINE", KEY)
    assert "401" in complaint(run("call", "models.list", "--base-url", url), 4)
    assert run("call", "models.list", "--base-url", url, "--key-env", "MINE").code == 0
    assert run("call", "admin.organization.roles.list", "--base-url", url, "--key-env", "MINE").code == 0
    Path("models.toml").write_text(f'route = "models.list"\nbase_url = "{url}"\n')
    assert run("call", "models.toml", "--key-env", "MINE").code == 0
    assert "--key-env: the environment has no NONE" in complaint(run("call", "models.toml", "--key-env", "NONE"), 2)


def test_a_provider(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile in the file, beside the file, or on the command line, where it counts more than the file's address."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("MINE", KEY)
    profile = f'base_url = "{url}"\napi_key_env = ["MINE"]\n'
    Path("below").mkdir()
    Path("below/mine.toml").write_text(profile)
    Path("inside.toml").write_text(f'route = "models.list"\n[provider]\n{profile}')
    Path("below/beside.toml").write_text('route = "models.list"\nprovider = "mine.toml"\n')
    Path("other.toml").write_text('route = "models.list"\nprovider = "groq"\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert run("call", "inside.toml").code == 0
    assert run("call", "below/beside.toml").code == 0
    assert run("call", "other.toml", "--provider", "below/mine.toml").code == 0
    assert "no provider 'nobody'" in complaint(run("call", "models.list", "--provider", "nobody"), 2)


def test_query_path_and_headers_travel(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each member goes where it belongs; text stays as it was typed."""
    with scripted(monkeypatch, json_reply({})) as server:
        sets = ["path.file_id=007", "query.limit=3", "query.new=a b", "headers.X-Trace=007", "headers.Accept=text/x"]
        run("call", "files.retrieve", *(word for one in sets for word in ("--set", one)))
    request: Request = server.requests[0]
    path, _, query = request.target.partition("?")
    assert (path, parse_qs(query)) == ("/files/007", {"limit": ["3"], "new": ["a b"]})
    assert (request.header("X-Trace"), request.header("Accept")) == ("007", "text/x")


def test_pages_are_asked_for_by_query(run: Run) -> None:
    """A query parameter that the row knows goes the way a keyword goes."""
    page = run("call", "files.list", "--set", "query.after=file-000004").json
    assert [item["id"] for item in page["data"]] == ["file-000005"]


# --- reading requests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "members"),
    [
        (["body.a=1", "body.b=true", "body.c=text", 'body.d={"x": [1]}', "body.e=", "body.f=a=b"], None),
        (["body.list[0]=a", "body.list[1]=b", "body.list.0=c"], {"list": ["c", "b"]}),
        (["body.deep.er[0].est=1"], {"deep": {"er": [{"est": 1}]}}),
        (['body={"a": {"b": 1}}', "body.a.c=2"], {"a": {"b": 1, "c": 2}}),
        (["body.a=null", "body.a.b=1"], {"a": {"b": 1}}),
        (["body.NaN=NaN", "body.big=1e400"], {"NaN": "NaN", "big": float("inf")}),
        (["body.0=zero"], {"0": "zero"}),
        (["body.l[0].x=1", "body.l[0].y=2"], {"l": [{"x": 1, "y": 2}]}),
    ],
)
def test_settings_are_laid_over(settings: list[str], members: dict[str, Any] | None) -> None:
    """Dotted and bracketed steps make what is missing; a value is JSON if it reads as JSON."""
    request = read_request("r", settings, bytes)
    assert request.body == (members or {"a": 1, "b": True, "c": "text", "d": {"x": [1]}, "e": "", "f": "a=b"})


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("body.a", "wanted MEMBER.KEY=VALUE"),
        ("=1", "wanted MEMBER.KEY=VALUE"),
        ("body.a[x]=1", "wanted MEMBER.KEY=VALUE"),
        ("bodi.a=1", "--set bodi.a: bodi: no such member; there are route, provider"),
        ("body.l[1]=1", "--set body.l[1]: there is no entry 1 in a list of 0"),
        ("route.x=1", "--set route.x: 'x' cannot be set: what is there is of type str"),
        ("stream=maybe", "r: stream: is of type str, wanted true or false"),
        ("body=[]", "r: body: is of type list, wanted a table"),
        ("provider=7", "r: provider: is of type int, wanted a table"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, says: str) -> None:
    """The setting, its place, and what was wanted."""
    with pytest.raises(ConfigError) as caught:
        read_request("r", [setting], bytes)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('rout = "models.list"', "bad.toml: rout: no such member; there are route, provider"),
        ("stream = true", "bad.toml: route: missing"),
        ("route = 1", "bad.toml: route: is of type int, wanted text"),
        ('route = "models.lisst"', "bad.toml: route: no route 'models.lisst'; near it are models.list"),
        ('route = "files.retrieve"', "bad.toml: path.file_id: missing; files.retrieve is GET /files/{file_id}"),
        ('route = "files.retrieve"\npath = {file_id = ".."}', "bad.toml: path.file_id: '..' cannot stand in a path"),
        ('route = "files.list"\npath = {file_id = "f"}', "bad.toml: path.file_id: files.list has no such parameter"),
        ('route = "files.list"\nbody = {a = 1}', "bad.toml: body: files.list takes none"),
        ('route = "files.list"\nstream = true', "bad.toml: stream: files.list does not stream"),
        ('route = "files.create"\nbody = {file = {"@file" = "none"}}', "bad.toml: body.file: the file 'none' cannot be read"),
        ('route = "responses.create"\nbody = {a = [{b = nan}]}', "bad.toml: body.a[0].b: nan cannot be written in JSON"),
        ('route = "models.list"\nheaders = {"X" = "a\\nb"}', "bad.toml: header X: the value has control"),
        ('route = "models.list"\nbase_url = "ftp://x"', "bad.toml: base_url: 'ftp://x'"),
        ("route = ", "bad.toml: Invalid value"),
    ],
)
def test_a_wrong_file_is_named_with_its_member(run: Run, content: str, says: str) -> None:
    """One line: the file, the member, what was wanted. Nothing is sent."""
    Path("bad.toml").write_text(content)
    assert complaint(run("call", "bad.toml"), 2).startswith(says)


@pytest.mark.parametrize(("content", "says"), [("[1]", "holds of type list, wanted the members"), ("null", "holds nothing")])
def test_a_file_that_is_no_table(run: Run, content: str, says: str) -> None:
    """A JSON file has to hold an object."""
    Path("bad.json").write_text(content)
    assert says in complaint(run("call", "bad.json"), 2)


def test_a_missing_file_is_named(run: Run) -> None:
    """What ends like a file is taken for one."""
    assert complaint(run("call", "none.toml"), 2) == "none.toml: No such file or directory"
    assert complaint(run("call", "models.list", "--output", "none/x"), 2) == "none/x: No such file or directory"


def test_a_request_is_checked_where_that_is_asked_for(run: Run) -> None:
    """A request that its schema does not take is not sent, and its place is told; any other is."""
    asked = ["call", "chat.completions.create", "--validate", "--set", "body.model=m", "--set", said("hi")]
    assert run(*asked).code == 0
    line = complaint(run(*asked, "--set", "body.temperature=hot"), 2)
    assert line.startswith("chat.completions.create: body.temperature: ")


# --- errors and exit codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["cal"], ["call"], ["call", "models.list", "--nope"], ["serve", "--port", "x"]])
def test_wrong_usage_is_one_line(run: Run, arguments: list[str]) -> None:
    """No page of usage for a slip: one line, and where help is."""
    assert complaint(run(*arguments), 2).endswith("--help)")


@pytest.mark.parametrize("face", FACES)
def test_no_connection_is_3(run: Run, monkeypatch: pytest.MonkeyPatch, face: list[str]) -> None:
    """Nobody listens."""
    with nobody() as address:
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        complaint(run("call", "chat.completions.create", *face), 3)


def test_a_refusal_is_4(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's words, its request id, and nothing that moves the cursor."""
    body = {"error": {"message": "no\n\x1b[2Jsuch   model", "code": "model_not_found"}}
    with scripted(monkeypatch, json_reply(body, 404, [("x-request-id", "req_7")])):
        line = complaint(run("call", "chat.completions.create"), 4)
    assert line == "chat.completions.create: HTTP 404: no \\x1b[2Jsuch model (request req_7)"


def test_an_answer_that_is_not_understood_is_5(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTML under status 200."""
    with scripted(monkeypatch, reply([b"<html>hi</html>"], headers=[("Content-Type", "text/html")])):
        complaint(run("call", "chat.completions.create"), 5)


@pytest.mark.parametrize("face", FACES)
def test_a_cut_stream_is_5(run: Run, monkeypatch: pytest.MonkeyPatch, face: list[str]) -> None:
    """What had come is printed, with its line ended; then the line that says it was cut."""
    piece = {"choices": [{"index": 0, "delta": {"content": "half an "}, "finish_reason": None}]}
    with scripted(monkeypatch, sse_reply([piece])):
        outcome = run("call", "chat.completions.create", "--stream", *face)
    assert outcome.out == b"half an \n"
    assert "the stream ended after 1 events" in complaint(outcome, 5)


def test_an_interruption_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a call without a traceback."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("oai_dyn.command.read_request", interrupted)
    assert run("call", "models.list") == Outcome(130, b"", "")


def test_a_full_disk_is_named(run: Run) -> None:
    """An error of the system's is one line too."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    assert complaint(run("call", "models.list", "--output", "/dev/full"), 2) == "No space left on device"


def test_a_reader_that_leaves_is_no_error() -> None:
    """`oai-dyn routes | head -1` is quiet and succeeds."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "oai_dyn", "routes"], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """--version is the package's; --help has the exit codes."""
    for argument, says in (("--version", f"oai-dyn {oai_dyn.__version__}\n"), ("--help", "the server said no")):
        with pytest.raises(SystemExit) as caught:
            main([argument])
        assert caught.value.code == 0
        assert says in " ".join(capsys.readouterr().out.split(" "))


# --- events that carry text ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"choices": [{"index": 0, "delta": {"content": "a"}}]}, "a"),
        ({"choices": [{"index": 1, "delta": {"content": "b"}}]}, ""),
        ({"choices": [{"text": "c"}]}, "c"),
        ({"choices": [None]}, ""),
        ({"choices": []}, ""),
        ({"type": "response.refusal.delta", "delta": "d"}, "d"),
        ({"type": "response.reasoning_text.delta", "delta": "d"}, ""),
        ({"type": "response.output_text.delta"}, ""),
        ({"event": "thread.run.created", "data": {}}, ""),
        ({"event": "thread.message.delta", "data": {"delta": {"content": [{"type": "image_file"}]}}}, ""),
        ({"type": "agent.session.idle"}, None),
        ({}, None),
        ("text", None),
    ],
)
def test_the_text_of_an_event(event: Any, text: str | None) -> None:
    """Text, "" for an event without, None for a stream that is not of text."""
    assert text_of(event) == text


# --- routes -------------------------------------------------------------------------------------------------


def test_routes_are_listed(run: Run) -> None:
    """All of them, or those that a part of a name or path, or a pattern, finds."""
    assert len(run("routes").text.splitlines()) == len(bundled().names)
    lines = run("routes", "chat.comp*").text.splitlines()
    assert len(lines) == 6
    assert lines[0].split() == ["chat.completions.create", "POST", "/chat/completions", "stream"]
    assert run("routes", "*/messages").code == 0
    marks = {line.split()[0]: line.split()[3:] for line in run("routes", "AUDIO/").text.splitlines()}
    assert marks["audio.speech.create"] == ["stream", "bytes"]
    assert marks["audio.transcriptions.create"] == ["stream", "upload"]


def test_a_route_is_described(run: Run) -> None:
    """By its name, its operationId or METHOD /path."""
    described = run("routes", "files.list").text
    assert described.startswith("files.list\nGET /files\n")
    assert run("routes", "listFiles").text == run("routes", "GET /files").text == described


def test_no_route_is_an_error(run: Run) -> None:
    """With the nearest names."""
    assert "near it are chat.completions.create" in complaint(run("routes", "chat.completion.create"), 2)


# --- processes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve(number: signal.Signals, run: Run) -> None:
    """Its first line is the base URL, it takes its key alone, and it stops when told to, with exit code 0."""
    command = [sys.executable, "-m", "oai_dyn", "serve", "--port", "0", "--key", "k", "--delay", "0.001"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            assert "401" in complaint(run("call", "models.list", "--base-url", url), 4)
        finally:
            server.send_signal(number)
        assert server.communicate(timeout=30) == ("", "")
    assert server.returncode == 0


def test_serve_refuses_what_it_cannot_do(run: Run, url: str) -> None:
    """A port that is taken, or none at all."""
    port = url.split(":")[-1].partition("/")[0]
    assert complaint(run("serve", "--port", port), 2) == f"serve: --port {port}: Address already in use"
    assert "--port from 0 to 65535" in complaint(run("serve", "--port", "70000"), 2)
    assert "--delay from 0 on" in complaint(run("serve", "--delay", "-1"), 2)


def test_the_command_is_installed(url: str) -> None:
    """`oai-dyn`, as a process, with the exit code of what it did."""
    command = str(Path(sys.executable).with_name("oai-dyn"))
    environment = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY}
    arguments = [command, "call", "chat.completions.create", "--set", "body.model=m", "--set", said("hi"), "--stream"]
    done = subprocess.run(arguments, env=environment, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"You said: hi\n", b"")
    done = subprocess.run([command, "call", "nothing.at.all"], env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
