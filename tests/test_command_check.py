"""`oai-dyn check` against servers on loopback: consent, plan, findings, and the profile that is written."""

from __future__ import annotations

import io
import json
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hostile import HostileServer, Request, Steps, json_reply, nobody

from oai_dyn import APIConnectionError, Client, ValidationError
from oai_dyn.command import main
from oai_dyn.probing import PROBES, Course, Finding, Step, chosen, composed
from oai_dyn.probing.table import CHAT, request_of
from oai_dyn.profiles import load
from oai_dyn.routes import bundled
from oai_dyn.server import running
from oai_dyn.transformations import Transformations
from oai_dyn.validation import profile_faults

KEY = "sk-very-secret-key"

MODELS = json_reply({"object": "list", "data": [{"id": "small-mini"}]})
COMPLETION = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "small-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment, and nobody at a terminal."""
    monkeypatch.setenv("CHECK_KEY", KEY)
    monkeypatch.setattr(sys, "stdin", io.StringIO())


class Terminal(io.StringIO):
    """A terminal at which somebody has typed something."""

    def isatty(self) -> bool:
        return True


def check(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command: its exit code, what it prints, and what it says."""
    code = main(["check", *arguments])
    out, err = capfd.readouterr()
    assert KEY not in out + err
    return code, out, err


def service(steps: Callable[[Request], Steps]) -> HostileServer:
    """A server that lists a model, and answers everything else as it is told."""
    return HostileServer(lambda request: MODELS if request.target.startswith("/models") else steps(request))


# --- Consent ------------------------------------------------------------------------------------------------


def test_the_plan_comes_first_and_nothing_is_sent_without_consent(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a terminal and without --yes the plan is all that happens."""
    with HostileServer() as server:
        code, out, err = check(capfd, server.url, "--key-env", "CHECK_KEY")
        assert server.accepted == 0
    assert (code, out) == (2, "")
    for probe in (probe for probe in PROBES if probe.body is not None):
        assert any(line.split()[:2] == [probe.name, str(probe.tokens)] for line in err.splitlines())
    assert (
        f"at most {sum(probe.body is not None for probe in PROBES)} requests, and {sum(p.tokens for p in PROBES)} tokens" in err
    )
    assert err.endswith("oai-dyn: check: nothing was sent; --yes lets it where there is no terminal to ask at\n")


@pytest.mark.parametrize(("typed", "sent"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_a_terminal_is_asked(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str, sent: bool) -> None:
    """Only a yes is one."""
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    with HostileServer([MODELS]) as server:
        code, _, err = check(capfd, server.url, "--only", "models")
        assert len(server.requests) == sent
    assert code == (0 if sent else 2)
    assert "Send these? [y/N] " in err


# --- What is printed ----------------------------------------------------------------------------------------


def test_findings_as_text(capfd: pytest.CaptureFixture[str]) -> None:
    """A line for each probe as it comes, and what it took."""
    with service(lambda request: json_reply(COMPLETION)) as server:
        code, out, err = check(capfd, server.url, "--yes", "--only", "seed", "n")
        assert [request.header("Authorization") for request in server.requests] == [None] * 5
    lines = [line.split(maxsplit=2) for line in out.splitlines()]
    assert code == 0
    assert lines[:6] == [
        ["PROBE", "VERDICT", "SEEN"],
        ["models", "works", "1 models"],
        ["chat", "works", "taken"],
        ["max_completion_tokens", "works", "taken"],
        ["seed", "works", "taken"],
        ["n", "ignored", "one choice where two were asked for"],
    ]
    assert out.endswith("5 requests, 4 tokens of answers\n")
    assert "model: small-mini\n" in err


def test_findings_as_data(capfd: pytest.CaptureFixture[str]) -> None:
    """The same as one document, with the profile that follows; standard output holds nothing else."""
    with service(lambda request: json_reply(COMPLETION)) as server:
        code, out, _ = check(capfd, server.url, "--yes", "--json", "--only", "n")
    data = json.loads(out)
    assert (code, data["model"], data["requests"], data["stopped"]) == (0, "small-mini", 4, None)
    assert data["base_url"] == server.url
    assert [finding["probe"] for finding in data["findings"]] == ["models", "chat", "max_completion_tokens", "n"]
    assert data["findings"][-1]["verdict"] == "ignored"
    assert data["profile"]["request"] == data["findings"][-1]["profile"]["request"]


def test_a_429_stops_and_what_is_known_is_told(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing is sent after it; the exit code says that the server said no; the profile has what was seen."""
    slow = json_reply({"error": {"message": f"slow down, {KEY}"}}, status=429)

    def steps(request: Request) -> Steps:
        return slow if b'"n":2' in request.body else json_reply(COMPLETION)

    file = tmp_path / "p.toml"
    with service(steps) as server:
        code, out, err = check(
            capfd, server.url, "--yes", "--key-env", "CHECK_KEY", "--only", "n", "stop", "files.list", "--write", str(file)
        )
        assert len(server.requests) == 4
        assert server.requests[1].header("Authorization") == f"Bearer {KEY}"
    assert code == 4
    assert "stopped: HTTP 429: slow down, ***\n" in out
    assert "files.list" not in out
    assert err.endswith("oai-dyn: HTTP 429: slow down, ***\n")
    assert tomllib.loads(file.read_text())["base_url"] == server.url


def test_too_many_tokens_stop_it(capfd: pytest.CaptureFixture[str]) -> None:
    """A service that keeps to no bound: the exit code says that its answers are not what was asked for."""
    long = {**COMPLETION, "usage": {"prompt_tokens": 1, "completion_tokens": 500, "total_tokens": 501}}
    with service(lambda request: json_reply(long)) as server:
        code, _, err = check(capfd, server.url, "--yes", "--only", "seed")
        assert len(server.requests) == 2
    assert code == 5
    assert err.endswith("oai-dyn: the service wrote 500 tokens, where 48 were allowed in all\n")


def test_nobody_is_there(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A service that is not there: one attempt, the exit code of a connection, no profile."""
    file = tmp_path / "p.toml"
    with nobody() as url:
        code, out, err = check(capfd, url, "--yes", "--write", str(file))
    assert code == 3
    assert out.count("\n") == 4
    assert f"{file} is not written: nothing was found that a profile could say" in err
    assert not file.exists()


@pytest.mark.parametrize("name", ["p.json", "there.toml", "missing/p.toml"])
def test_a_file_that_cannot_be_written_is_refused_first(capfd: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    """Before anything is sent, and nothing is overwritten."""
    (tmp_path / "there.toml").write_text("mine")
    with HostileServer() as server:
        code, _, err = check(capfd, server.url, "--yes", "--write", str(tmp_path / name))
        assert server.accepted == 0
    assert code == 2
    assert "wanted a new file whose name ends in .toml" in err
    assert (tmp_path / "there.toml").read_text() == "mine"


def test_a_profile_that_would_be_none_is_not_written(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What a user's own file has wrong is told by its place, and nothing is written."""
    own, file = tmp_path / "own.toml", tmp_path / "p.toml"
    with service(lambda request: json_reply(COMPLETION)) as server:
        own.write_text(f'name = "own"\nbase_url = "{server.url}"\nauth = "none"\nkind = "odd"\n')
        code, _, err = check(capfd, str(own), "--yes", "--only", "n", "--write", str(file))
    assert code == 2
    assert "kind" in err
    assert not file.exists()


# --- Who is asked -------------------------------------------------------------------------------------------


def test_a_file_is_probed_and_taken_on(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The service is seen as it is; what the file's rules handle is told; the new file has both."""
    own, file = tmp_path / "own.toml", tmp_path / "p.toml"
    refusal = json_reply({"error": {"message": "no seed here"}}, status=400)
    with service(lambda request: refusal if b'"seed"' in request.body else json_reply(COMPLETION)) as server:
        own.write_text(
            f'name = "own"\nbase_url = "{server.url}"\napi_key_env = ["CHECK_KEY"]\n'
            'headers = { X-Api-Key = "own", X-Team = "a" }\nfamilies = ["think"]\n'
            '[[request]]\nverb = "drop"\nmember = "seed"\n'
        )
        arguments = [str(own), "--yes", "--only", "no_key", "seed", "n", "--write", str(file)]
        code, out, _ = check(capfd, *arguments)
        keys = [request.header("Authorization") for request in server.requests]
        assert keys == [f"Bearer {KEY}", None, *[f"Bearer {KEY}"] * 5]
        assert [request.header("X-Api-Key") for request in server.requests[:2]] == ["own", None]
        assert server.requests[1].header("X-Team") == "a"
    assert code == 0
    assert "refused, handled" in out
    assert "handled: the profile mends it" in out
    written = load(file, profile_faults)
    assert [rule["member"] for rule in written["request"] if rule["verb"] in ("drop", "clamp")] == ["seed", "n"]
    assert len(written["reply"]) == len(load(own)["reply"])


def test_a_bundled_profile_is_extended(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name's own variables are read, and the file that is written is laid over the bundled profile."""
    file = tmp_path / "p.toml"
    with running(like="groq") as url:
        monkeypatch.setenv("GROQ_BASE_URL", url)
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        code, out, _ = check(capfd, "groq", "--yes", "--write", str(file))
    assert code == 0
    written = tomllib.loads(file.read_text())
    assert (written["name"], written["extends"]) == ("groq", "groq")
    assert {"seed", "n"} & {str(rule["member"]) for rule in written.get("request", ())} == set()
    assert all("handled" in line for line in out.splitlines() if " refused" in line or " absent" in line)
    load(file, profile_faults)


def test_a_profile_without_rules_is_asked_once(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a profile says nothing of deviations there is no second pass, and without a key none to leave out."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with HostileServer([MODELS]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        code, out, err = check(capfd, "openai", "--yes", "--only", "no_key", "models")
        assert len(server.requests) == 1
    assert code == 0
    assert "again as its profile" not in err
    assert "not asked: no key is sent in any case" in out


def test_an_address_with_a_query_keeps_it(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What an address asks for stays in the profile, but for what may be a key."""
    file = tmp_path / "p.toml"
    with HostileServer([MODELS]) as server:
        code, _, _ = check(capfd, f"{server.url}?version=1&api_key=abcdef", "--yes", "--only", "models", "--write", str(file))
    assert code == 0
    written = tomllib.loads(file.read_text())
    assert (written["query"], written["auth"]) == ({"version": "1"}, "none")


# --- Servers like those of providers ------------------------------------------------------------------------

LIKE = [
    "groq",
    "mistral",
    "gemini",
    "perplexity",
    "cerebras",
    "deepseek",
    "together",
    "llama.cpp",
    "huggingface",
    "ai21",
    "lm-studio",
    "llamafile",
]


class Probed(NamedTuple):
    """A server like a provider's that runs, and what was found of it."""

    name: str
    course: Course
    steps: list[Step]
    profile: dict[str, Any]

    def asked(self) -> Iterator[tuple[str, Finding, dict[str, Any]]]:
        """What was asked of a model, what was found, and the request."""
        for probe, finding in self.steps:
            if probe.row == CHAT and probe.name in self.course.answers:
                body = request_of(probe, self.course.known)
                assert body is not None
                yield probe.name, finding, body


@pytest.fixture(scope="module", params=LIKE)
def probed(request: pytest.FixtureRequest) -> Iterator[Probed]:
    """Each provider's like, probed as a stranger would: by its address alone."""
    scheme = load(request.param).get("auth", "bearer")
    with running(like=request.param) as url:
        place = {"name": "seen", "base_url": url, "auth": scheme}
        with Client(place, api_key=KEY, max_retries=0) as client:
            course = Course(chosen(), client, model="any-model")
            steps = list(course.run())
        yield Probed(request.param, course, steps, composed(place, steps, course.known))


def test_what_is_found_is_what_is_known(probed: Probed) -> None:
    """A request is found refused exactly where the provider's profile has a rule that it would break."""
    assert not probed.course.stopped
    profile = load(probed.name)
    variables = dict.fromkeys(profile.get("variables", {}), "v")
    known = Transformations(probed.name, profile.get("request", ()), (), variables)
    asked = list(probed.asked())
    assert len(asked) > 15
    for name, finding, body in asked:
        refused = known.refused(bundled().find(CHAT), body) is not None
        assert (finding.verdict == "refused") is refused, (name, finding)


def test_requests_get_through_with_what_was_written(probed: Probed) -> None:
    """With the profile that was made of what was seen all that was refused is taken, or refused before it is sent."""
    assert profile_faults(probed.profile) == []
    with Client(probed.profile, api_key=KEY, max_retries=0) as client, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, _, body in probed.asked():
            try:
                reply = client.call(CHAT, **body)
            except ValidationError:
                assert "tools" in body
                continue
            for one in reply if body.get("stream") else [reply]:
                assert one["id"], (name, one)
                assert one["object"].startswith("chat.completion"), (name, one)


def test_an_interrupt_is_passed_on(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found until then stands on the screen."""
    with service(lambda request: json_reply(COMPLETION)) as server:
        run = Course.run

        def interrupted(self: Course) -> Any:
            yield next(run(self))
            raise KeyboardInterrupt

        monkeypatch.setattr(Course, "run", interrupted)
        code, out, _ = check(capfd, server.url, "--yes")
    assert code == 130
    assert out.splitlines()[1].startswith("models ")


def test_the_class_of_a_connection_that_fails() -> None:
    """What ends a course is the error itself."""
    with nobody() as url, Client(url, max_retries=0) as client:
        course = Course(chosen(["models"]), client)
        assert len(list(course.run())) == 1
    assert isinstance(course.refusal, APIConnectionError)
