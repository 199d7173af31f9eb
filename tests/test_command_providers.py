"""`oai-dyn providers`, and what `oai-dyn call` takes for a provider's profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hostile import HostileServer, json_reply

from oai_dyn.catalog import packaged_names
from oai_dyn.command import main
from oai_dyn.command.providing import explained
from oai_dyn.profiles import load

OWN = """
name = "own"
base_url = "{url}/{{account}}"
variables = {{ account = [] }}
[[request]]
verb = "drop"
member = "seed"
why = "not supported"
[[reply]]
verb = "default"
member = "object"
value = "chat.completion"
"""


def printed(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that succeeds prints."""
    assert main(arguments) == 0
    return capfd.readouterr().out


def test_the_list(capfd: pytest.CaptureFixture[str]) -> None:
    """One line a profile, with its address, after a line that says what the columns are."""
    lines = printed(capfd, "providers").splitlines()
    assert lines[0].split() == ["NAME", "KIND", "RULES", "KEY", "BASE", "URL"]
    assert [line.split()[0] for line in lines[1:]] == packaged_names("providers")
    assert any("GROQ_API_KEY" in line and "https://api.groq.com/openai/v1" in line for line in lines)


def test_the_list_of_a_kind(capfd: pytest.CaptureFixture[str]) -> None:
    """Only gateways, say."""
    names = [line.split()[0] for line in printed(capfd, "providers", "--kind", "gateway").splitlines()[1:]]
    assert names == [name for name in packaged_names("providers") if load(name).get("kind") == "gateway"]


def test_profiles_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    """The documents themselves, whole."""
    (one,) = json.loads(printed(capfd, "providers", "groq", "--json"))
    assert one == load("groq")
    assert len(json.loads(printed(capfd, "providers", "--json"))) == len(packaged_names("providers"))


def test_one_explained(capfd: pytest.CaptureFixture[str]) -> None:
    """Where it is, its key, and each rule with its reason."""
    text = printed(capfd, "providers", "groq")
    assert text.startswith("groq - Groq - hosted\n")
    assert "key from: GROQ_API_KEY" in text
    for rule in load("groq")["request"]:
        assert rule["why"] in text


@pytest.mark.parametrize("name", packaged_names("providers"))
def test_every_profile_can_be_explained(name: str) -> None:
    """No member is left out of the words that it needs."""
    profile = load(name)
    text = "\n".join(explained(profile))
    for member in ("base_url", "notes", "docs"):
        assert str(profile.get(member, "")) in text
    for rule in [*profile.get("request", ()), *profile.get("reply", ()), *profile.get("errors", ())]:
        assert rule.get("why", "") in text


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"verb": "drop", "member": "seed"}, "drop seed"),
        (
            {"verb": "clamp", "member": "n", "most": 1, "models": ["a", "b"], "why": "one only"},
            "clamp n (most 1), for models a, b - one only",
        ),
        ({"verb": "warn", "member": "n", "service": "ignores"}, "warn n - the service ignores it"),
        ({"verb": "drop", "member": "x", "if": {"n": {"above": 1}}}, "drop x, if n = above = 1"),
    ],
)
def test_a_rule_in_a_line(rule: dict[str, Any], words: str) -> None:
    """What is done to what, with what, when, and why."""
    assert f"  {words}" in list(explained({"name": "own", "request": [rule]}))


def test_an_error_rule_in_a_line() -> None:
    """What means what."""
    rule = {"status": [429], "code": ["1113"], "means": "insufficient_quota", "why": "no balance"}
    assert "  insufficient_quota, status [429], code 1113 - no balance" in list(explained({"name": "own", "errors": [rule]}))


def test_no_such_profile(capfd: pytest.CaptureFixture[str]) -> None:
    """One line that says so."""
    assert main(["providers", "groqq"]) == 2
    assert "no provider 'groqq'" in capfd.readouterr().err


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """A server, and a profile of it in a file."""
    with HostileServer([json_reply({"id": "c", "choices": []})], after="repeat") as server:
        path = tmp_path / "own.toml"
        path.write_text(OWN.format(url=server.url))
        yield path, server


CALL = ["call", "chat.completions.create", "--set", "body.model=m", "--set", "body.messages=[]", "--set", "body.seed=1", "--raw"]


@pytest.mark.parametrize("face", [[], ["--async"]])
def test_a_loss_is_told_in_a_line(own: Any, capfd: pytest.CaptureFixture[str], face: list[str]) -> None:
    """The call goes on without it, at the address that a variable stands in, and the reply is in form."""
    path, server = own
    assert main([*CALL, "--provider", str(path), "--var", "account=acc", *face]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out) == {"id": "c", "choices": [], "object": "chat.completion"}
    assert err.startswith("oai-dyn: seed: ")
    assert "not supported" in err
    assert server.requests[0].target == "/acc/chat/completions"


def test_what_comes_may_be_left_as_it_is(own: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """`--no-normalize` is `normalize=False`."""
    path, _ = own
    assert main([*CALL, "--provider", str(path), "--var", "account=acc", "--no-normalize"]) == 0
    assert json.loads(capfd.readouterr().out) == {"id": "c", "choices": []}


def test_what_would_be_lost_may_be_refused(own: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """`--strict-params` is `strict_params=True`: nothing is sent."""
    path, server = own
    assert main([*CALL, "--provider", str(path), "--var", "account=acc", "--strict-params"]) == 2
    assert "seed" in capfd.readouterr().err
    assert server.requests == []


def test_a_variable_without_a_value(capfd: pytest.CaptureFixture[str]) -> None:
    """The error says what was wanted."""
    assert main([*CALL, "--var", "account"]) == 2
    assert "--var account: wanted NAME=VALUE" in capfd.readouterr().err
