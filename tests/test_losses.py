"""What a provider's profile takes from a request is told once, or refused; what comes is in form, or left as it is."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply

from oai_dyn import LossWarning, Notice, ValidationError
from oai_dyn.testing import ScriptedClient, answer

PROFILE: dict[str, Any] = {
    "name": "own",
    "request": [
        {"verb": "drop", "member": ["seed", "user"], "why": "not supported"},
        {"verb": "clamp", "member": "temperature", "most": 1},
        {"verb": "drop", "member": "messages[].name", "why": "no names"},
    ],
    "reply": [{"verb": "default", "member": "object", "value": "chat.completion"}],
}

MESSAGES = [{"role": "user", "content": "Hi", "name": "ann"}, {"role": "user", "content": "you", "name": "bob"}]


def told(client: Any, count: int = 1, **request: Any) -> list[str]:
    """What is warned of while a request is made so many times."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(count):
            client.chat.completions.create({"model": "m", "messages": [], **request})
    assert all(one.category is LossWarning and one.filename == __file__ for one in caught)
    return [str(one.message) for one in caught]


def scripted(**settings: Any) -> ScriptedClient:
    """A client with the profile, and answers enough."""
    return ScriptedClient([answer({})] * 9, provider={**PROFILE, "base_url": "http://own.example"}, **settings)


def test_each_loss_is_told_at_the_users_line() -> None:
    """Two members that go for the same reason are two losses."""
    assert told(scripted(), seed=1, user="u") == ["seed: dropped for own: not supported", "user: dropped for own: not supported"]


def test_a_loss_is_told_once_by_each_client() -> None:
    """However often, whatever the value, in whichever message; another client tells it again."""
    client = scripted()
    assert len(told(client, 3, seed=1, messages=MESSAGES)) == 2
    assert told(client, seed=2) == []
    assert len(told(client, temperature=2)) == 1
    assert told(client, temperature=1.5) == []
    assert len(told(scripted(), seed=1)) == 1


def test_the_hook_is_told() -> None:
    """A notice of its own kind, with the loss and no body."""
    seen: list[Notice] = []
    client = scripted(hook=seen.append)
    told(client, 2, seed=1)
    losses = [notice for notice in seen if notice.kind == "loss"]
    assert len(losses) == 1
    assert losses[0].loss is not None
    assert losses[0].loss[:3] == ("own", ("seed",), "drop")
    assert losses[0].plan.body is None


def test_a_warning_may_be_an_error() -> None:
    """Nothing is sent then."""
    client = scripted()
    for _ in range(3):  # each time, for each time it would be lost
        with pytest.raises(LossWarning, match="seed"):
            client.chat.completions.create(model="m", messages=[], seed=1)
    assert client.sent == []


def test_a_warning_that_is_an_error_is_no_refusal_of_a_provider() -> None:
    """The next of several is not asked: it is the user who wants to know."""
    lossy = {**PROFILE, "base_url": "http://own.example"}
    client = ScriptedClient(
        [answer({})], provider=[lossy, {"name": "other", "base_url": "http://other.example"}], base_url=None, api_key=None
    )
    with pytest.raises(LossWarning, match="seed"):
        client.chat.completions.create(model="m", messages=[], seed=1)
    assert client.sent == []


@pytest.mark.parametrize("of_call", [False, True])
def test_what_would_be_lost_may_be_refused(of_call: bool) -> None:
    """All of it at once, each with its place; nothing is sent."""
    client = scripted(strict_params=not of_call)
    with pytest.raises(ValidationError) as caught:
        client.chat.completions.create(
            {"model": "m", "messages": MESSAGES, "seed": 1}, **({"strict_params": True} if of_call else {})
        )
    assert [fault.path for fault in caught.value.errors] == [("seed",), ("messages", 0, "name")]
    assert client.sent == []
    client.chat.completions.create(model="m", messages=[])
    assert len(client.sent) == 1


def test_what_loses_nothing_is_not_told() -> None:
    """With no such member the request goes as it is."""
    client = scripted()
    assert told(client, temperature=0.5) == []
    assert json.loads(client.sent[0].body or b"") == {"model": "m", "messages": [], "temperature": 0.5}  # type: ignore[arg-type]


def test_the_callers_objects_stay_as_they_are() -> None:
    """Also where a rule goes deep."""
    request: dict[str, Any] = {"model": "m", "messages": [dict(message) for message in MESSAGES], "seed": 1}
    before = json.dumps(request)
    client = scripted()
    told(client, **request)
    assert json.dumps(request) == before
    assert b"ann" not in (client.sent[0].body or b"")  # type: ignore[operator]


def test_a_reply_in_form_or_as_it_comes(face: SyncFace) -> None:
    """`normalize` is a setting of the client and of a call; the bytes are the same in any case."""
    with HostileServer([json_reply({"id": "c"})], after="repeat") as server:
        plain = {"provider": PROFILE, "base_url": server.url}
        for settings, call, found in (
            ({}, {}, {"id": "c", "object": "chat.completion"}),
            ({"normalize": False}, {}, {"id": "c"}),
            ({}, {"normalize": False}, {"id": "c"}),
            ({"normalize": False}, {"normalize": True}, {"id": "c", "object": "chat.completion"}),
        ):
            client = face.client(**plain, **settings)
            assert face.wait(client.chat.completions.create(model="m", messages=[], **call)) == found
            assert json.loads(face.wait(client.chat.completions.create(model="m", messages=[], into=bytes))) == {"id": "c"}
