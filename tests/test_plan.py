"""A row and arguments become one request. The vectors are data (`vectors/plan/*.json`): arguments and what is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from by_hand import by_hand

from oai_dyn import ConfigError, Limits, Timeout, ValidationError
from oai_dyn.plan import checked, put_header, redacted
from oai_dyn.wire import Plan, Secret

FILES = sorted((Path(__file__).parent / "vectors" / "plan").glob("*.json"))
BASE = "http://h/v1"


def load() -> Iterator[Any]:
    """All vectors, each with its file in its id."""
    for path in FILES:
        for vector in json.loads(path.read_text("utf-8"))["vectors"]:
            yield pytest.param(vector, id=f"{path.stem}: {vector['name']}")


def revived(value: Any) -> Any:
    """The value with what JSON has no form of put in."""
    if isinstance(value, list):
        return [revived(item) for item in value]
    if isinstance(value, dict):
        return value["$bytes"].encode() if value.keys() == {"$bytes"} else {key: revived(item) for key, item in value.items()}
    return value


def made(vector: Any) -> Plan:
    """The plan of a vector's call."""
    settings = {"api_key": "k", "base_url": BASE, **vector.get("client", {})}
    route, arguments = vector.get("route"), revived(vector.get("args", []))
    if isinstance(route, dict):
        settings["routes"] = {"routes": [route]}
        route = route["name"]
    client, keywords = by_hand(**settings), revived(vector.get("kwargs", {}))
    hand = client.call(route, *arguments, **keywords) if route else client.request(*revived(vector["request"]), **keywords)
    plan: Plan = hand.call.plan
    return plan


def parts(plan: Plan) -> list[str]:
    """The parts of a form as `disposition|content`, without boundary and types."""
    assert plan.body is not None
    assert not isinstance(plan.body, bytes)
    body = plan.body().read().decode()
    mark = "--" + plan.headers["Content-Type"].partition("boundary=")[2]
    found = [part.partition("\r\n\r\n") for part in body.split(mark)[1:-1]]
    return [f"{head.split('form-data; ')[1].splitlines()[0]}|{content[:-2]}" for head, _, content in found]


@pytest.mark.parametrize("vector", list(load()))
def test_vectors(vector: Any) -> None:
    """Method, URL, headers and body are those of the vector, or the call is refused before it is sent."""
    if "refused" in vector:
        with pytest.raises(ValidationError, match=f"^(.*{vector['refused']})"):
            made(vector)
        return
    plan = made(vector)
    assert (plan.method, plan.url, plan.streaming) == (vector["method"], BASE + vector["url"], vector.get("streaming", False))
    headers = {name: value for name, value in plan.headers.items() if name not in ("User-Agent", "Accept-Encoding")}
    usual = {"Accept": "application/json", "Authorization": "Bearer k"}
    if "parts" in vector:
        assert parts(plan) == vector["parts"]
        assert headers == {**vector.get("headers", usual), "Content-Type": plan.headers["Content-Type"]}
        return
    if "body" in vector:
        assert isinstance(plan.body, bytes)
        assert json.loads(plan.body) == vector["body"]
        usual["Content-Type"] = "application/json"
    else:
        assert plan.body == (vector["text"].encode() if "text" in vector else None)
    assert headers == vector.get("headers", usual)


def test_there_are_vectors() -> None:
    """The files were found, and no two vectors of a file have one name."""
    names = [param.id for param in load()]
    assert len(names) > 100
    assert len(set(names)) == len(names)


def test_order_is_kept() -> None:
    """Members are sent in the order in which they were passed: the object's, then the keywords', then extra ones."""
    plan = made(
        {"route": "chat.completions.create", "args": [{"z": 1, "a": 2}], "kwargs": {"m": 3, "z": 4, "extra_body": {"b": 5}}}
    )
    assert plan.body == b'{"z":4,"a":2,"m":3,"b":5}'


def test_what_was_passed_is_not_changed() -> None:
    """Neither the object nor the keywords' values are touched."""
    body: dict[str, Any] = {"messages": [{"role": "user"}]}
    extra = {"x": 1}
    by_hand().chat.completions.create(body, model="m", stream=True, extra_body=extra, extra_headers=extra, extra_query=extra)
    assert (body, extra) == ({"messages": [{"role": "user"}]}, {"x": 1})


def test_secrets_are_marked() -> None:
    """Values that may be secret show as stars in the plan, by the names of their headers."""
    names = ("Authorization", "api-key", "X-Token", "Cookie", "X-Client-Secret", "X-Password")
    plan = made({"route": "models.list", "kwargs": {"extra_headers": dict.fromkeys(names, "hidden")}})
    assert "hidden" not in repr(dict(plan.headers))
    assert "application/json" in repr(dict(plan.headers))
    assert all(isinstance(plan.headers[name], Secret) for name in names)


def test_a_hook_sees_no_more_than_it_may() -> None:
    """The redacted plan has neither body nor query nor secrets."""
    plan = redacted(made({"route": "responses.create", "kwargs": {"input": "hidden", "extra_query": {"q": "hidden"}}}))
    assert (plan.body, plan.url, plan.headers["Authorization"]) == (None, f"{BASE}/responses", "***")
    assert "hidden" not in repr(tuple(plan))


def test_a_header_replaces_every_spelling_of_its_name() -> None:
    """However often a name stands there, one is left, or none."""
    headers = {"X-A": "1", "x-a": "2", "X-B": "3"}
    put_header(headers, "x-A", "4")
    assert headers == {"X-B": "3", "x-A": "4"}
    put_header(headers, "X-a", None)
    assert headers == {"X-B": "3"}


@pytest.mark.parametrize(
    ("value", "streaming", "meaning"),
    [
        (None, False, Timeout()),
        (5, False, Timeout(connect=5, total=5)),
        (0.5, True, Timeout(connect=0.5, first_event=0.5, idle=0.5)),
        (Timeout(idle=1), False, Timeout(idle=1)),
        (Timeout(idle=1), True, Timeout(idle=1)),
    ],
)
def test_timeouts(value: Any, streaming: bool, meaning: Timeout) -> None:
    """A number ends the whole call, or bounds each wait of a stream; a Timeout means what it says."""
    assert checked({"timeout": value})["timeouts"][streaming] == meaning


SETTINGS: list[tuple[str, Any, str]] = [
    ("timeout", 0, "^timeout: 0, wanted a number of seconds above 0"),
    ("timeout", -1, "^timeout: -1, wanted"),
    ("timeout", True, "^timeout: True, wanted"),
    ("timeout", "5", "^timeout: '5', wanted"),
    ("timeout", math.nan, "^timeout: nan, wanted"),
    ("timeout", Timeout(idle=0), r"^timeout\.idle: 0, wanted"),
    ("timeout", Timeout(connect="1"), r"^timeout\.connect: '1', wanted"),  # type: ignore[arg-type]
    ("limits", 5, "^limits: 5, wanted Limits"),
    ("limits", Limits(event=0), r"^limits\.event: 0, wanted a number of bytes above 0"),
    ("limits", Limits(reply=True), r"^limits\.reply: True, wanted"),
    ("limits", Limits(error_body=1.5), r"^limits\.error_body: 1\.5, wanted"),  # type: ignore[arg-type]
    ("max_retries", -1, "^max_retries: -1, wanted an integer from 0 on"),
    ("max_retries", True, "^max_retries: True, wanted"),
    ("max_retries", 1.5, r"^max_retries: 1\.5, wanted"),
    ("max_retries", None, "^max_retries: None, wanted"),
    ("validate", "all", "^validate: 'all', wanted request, reply, both, True or False"),
]


@pytest.mark.parametrize(("name", "value", "message"), SETTINGS)
def test_a_wrong_setting_is_refused(name: str, value: Any, message: str) -> None:
    """On the client and on the call alike, before anything is sent."""
    with pytest.raises(ConfigError, match=message):
        by_hand(**{name: value})
    client = by_hand()
    with pytest.raises(ConfigError, match=message):
        client.models.list(**{name: value})


def test_settings_of_the_call_go_first() -> None:
    """Each setting given with a call takes the place of the client's; None for a timeout means none."""
    client = by_hand(timeout=5, max_retries=1, limits=Limits(event=1))
    call = client.models.list(timeout=None, max_retries=3, limits=Limits(event=2), allow_truncated=True).call
    assert (call.timeout, call.max_retries, call.limits.event, call.allow_truncated) == (Timeout(), 3, 2, True)
    call = client.models.list().call
    assert (call.timeout, call.max_retries, call.limits.event, call.allow_truncated) == (Timeout(5, total=5), 1, 1, False)
