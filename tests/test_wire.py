"""The records that all layers share: what they show, what they hide, how they travel."""

from __future__ import annotations

import copy
import pickle

import pytest

from oai_dyn import Attempt, Event, Headers, Limits, Reply, Timeout
from oai_dyn.wire import Call, Config, Plan, Route, Secret

ROUTE = Route("models.list", "GET", "/models")
PLAN = Plan(ROUTE, "GET", "http://h/v1/models?q=hidden", {"Authorization": Secret("hidden")}, b"hidden")
CONFIG = Config("http://h/v1", headers={"X": "hidden"}, auth={"api_key": {"Authorization": "hidden"}})


def test_headers_are_read_in_any_case() -> None:
    """One value for each name, a repeated one joined, every line kept in order."""
    pairs = [("Content-Type", "a/b"), ("Via", "1"), ("VIA", "2")]
    headers = Headers(pairs)
    assert headers["content-TYPE"] == headers.get("Content-Type") == "a/b"
    assert headers["via"] == "1, 2"
    assert "CONTENT-type" in headers
    assert "x" not in headers
    assert (headers.get("x"), headers.get("x", "d")) == (None, "d")
    assert list(headers) == ["content-type", "via"]
    assert len(headers) == 2
    assert headers.pairs == tuple(pairs)
    assert headers == {"content-type": "a/b", "via": "1, 2"}
    assert repr(headers) == "Headers({'content-type': 'a/b', 'via': '1, 2'})"
    with pytest.raises(KeyError):
        headers["x"]


def test_headers_as_bytes_are_latin_1() -> None:
    """As they stand on the wire."""
    assert Headers([(b"X-A", b"\xe9")])["x-a"] == "é"


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_records_travel(way: object) -> None:
    """Copied and pickled they are the same."""
    assert callable(way)
    records = [Headers([("a", "b"), ("A", "c")]), Timeout(1), Limits(event=5), Event("e", b"d"), Attempt(1, 200, None, 0.5)]
    for one in (*records, ROUTE):
        assert way(one) == one
    reply = Reply(200, Headers([("X-Request-Id", "req-1")]), b"{}", {}, (Attempt(1, 200, None, 0.5),), 1.0)
    assert way(reply) == reply
    assert way(reply).request_id == "req-1"


def test_a_secret_is_sent_and_not_shown() -> None:
    """It is the text itself, prints as stars, and travels as stars."""
    secret = Secret("hidden")
    assert secret == "hidden"
    assert secret.encode() == b"hidden"
    assert repr(secret) == repr([secret])[1:-1] == "'***'"
    assert pickle.loads(pickle.dumps(secret)) == "***"
    assert copy.copy(secret) in ("***", "hidden")


def test_what_holds_secrets_does_not_show_them() -> None:
    """Plans, settings and calls print where they go, and no more."""
    call = Call(PLAN, Timeout(), Limits(), 0, False, None, None, None, CONFIG)
    assert repr(PLAN) == "<Plan models.list: GET http://h/v1/models>"
    assert repr(CONFIG) == "<Config http://h/v1>"
    assert repr(call) == "<Call <Plan models.list: GET http://h/v1/models>>"
    assert "hidden" not in repr([PLAN, CONFIG, call])


def test_records_are_frozen() -> None:
    """What was settled stays so."""
    for one, name in ((Timeout(), "idle"), (Limits(), "event"), (ROUTE, "path"), (PLAN, "url")):
        with pytest.raises(AttributeError):
            setattr(one, name, 5)


def test_the_bounds_have_defaults() -> None:
    """Generous, and never none; a Timeout that says nothing waits for ever."""
    limits = Limits()
    assert (limits.event, limits.error_body, limits.reply) == (64 * 2**20, 64 * 2**10, 2**30)
    assert Timeout() == Timeout(None, None, None, None)
