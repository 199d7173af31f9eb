"""Rate limits: headers of every dialect as one record, on replies, streams and errors."""

from __future__ import annotations

import json
import pickle
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from faces import FACES, SyncFace
from hostile import HostileServer, json_reply, sse_reply
from hypothesis import given
from hypothesis import strategies as st

from oai_dyn import APIError, Headers, RateLimit, RateLimitError, RateLimits, Reply
from oai_dyn.rates import quoted_headers, rate_limits

DOCUMENT = json.loads((Path(__file__).parent / "vectors" / "rates.json").read_text("utf-8"))
NOW = float(DOCUMENT["now"])


@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda vector: vector["name"])
@pytest.mark.parametrize("kind", [dict, lambda headers: Headers(headers.items())], ids=["dict", "Headers"])
def test_a_dialect_is_read(vector: dict[str, Any], kind: Any) -> None:
    """Unit, window, name, limit, remaining and reset of each limit, whatever its headers are called."""
    found = rate_limits(kind(vector["headers"]), NOW)
    if vector["says"] is None:
        assert found is None
        return
    assert found is not None
    wanted = {tuple(one[:3]): pytest.approx(one[3:]) for one in vector["says"]}
    assert {one[:3]: list(one[3:]) for one in found.all} == wanted
    assert found.retry_after == vector.get("retry_after")


def test_the_tightest_of_a_unit() -> None:
    """Of several windows the one with the smallest share left is shown first-hand; of spent ones that with the longest wait."""
    day, minute = RateLimit("requests", "day", "", 1000, 500, 3600.0), RateLimit("requests", "minute", "", 60, 59, 1.0)
    spent, longer = RateLimit("tokens", "minute", "", 5, 0, 10.0), RateLimit("tokens", "day", "", None, 0, 20.0)
    unknown = RateLimit("tokens", None, "", 7)
    limits = RateLimits((minute, day, unknown, spent, longer), 3.0)
    assert limits.requests is day
    assert limits.tokens is longer
    assert limits.of("requests") is limits.requests
    assert RateLimits((RateLimit("tokens", remaining=5), unknown)).tokens.remaining == 5
    assert RateLimits((RateLimit("input_tokens", limit=1), RateLimit("output_tokens", limit=2))).input_tokens.limit == 1
    assert RateLimits((RateLimit("input_tokens", limit=1), RateLimit("output_tokens", limit=2))).output_tokens.limit == 2


def test_a_unit_that_is_not_told() -> None:
    """It can be asked for all the same, and says nothing."""
    limits = RateLimits((), 1.0)
    assert limits.tokens == RateLimit("tokens") == ("tokens", None, "", None, None, None)


def test_times_of_day_are_held_against_the_answers_own() -> None:
    """A reset that is a time counts from the answer's Date, and without one from now."""
    reset = {"x-ratelimit-reset": str(int(NOW) + 60)}
    dated = rate_limits({"Date": formatdate(NOW, usegmt=True), **reset})
    assert dated is not None
    assert dated.requests.reset == 60.0
    undated = rate_limits({"x-ratelimit-reset": str(time.time() + 1000)})
    assert undated is not None
    assert undated.requests.reset == pytest.approx(1000, abs=5)


WORDS = [
    "x",
    "ratelimit",
    "rate-limit",
    "limit",
    "remaining",
    "reset",
    "policy",
    "tokens",
    "requests",
    "input",
    "minute",
    "5h",
    "priority",
]
NAMES = st.one_of(
    st.text(), st.lists(st.sampled_from(WORDS)).map("-".join), st.sampled_from(["date", "retry-after", "retry-after-ms"])
)
TEXTS = st.one_of(
    st.text(),
    st.text('0123456789.-+eE:TZ,;="msh '),
    st.datetimes().map(str),
    st.floats().map(str),
    st.lists(st.sampled_from(['"a"', "q=1", "w=60", "r=", "t=5", ";", ",", "=", '"', "100"])).map("".join),
)


@given(st.dictionaries(NAMES, TEXTS), st.none() | st.floats(0, 1e12))
def test_no_header_raises(headers: dict[str, str], now: float | None) -> None:
    """Whatever names and texts come, there is a record that holds no negative number, or None."""
    found = rate_limits(headers, now)
    if found is not None:
        assert found.all or found.retry_after is not None
        for one in found.all:
            assert all(number is None or 0 <= number < 1e17 for number in one[3:])
            assert any(number is not None for number in one[3:])
            assert found.of(one.unit).unit == one.unit


def test_a_long_header_is_read_at_once() -> None:
    """A header of a server's that means harm costs no more time than its length."""
    began = time.perf_counter()
    for text in ('"' * 50_001, "1m" * 25_000 + "!", "9" * 50_000, ";w=60," * 10_000, "1 " * 25_000, 'a"b' * 20_000):
        for name in ("ratelimit", "x-ratelimit-limit", "x-ratelimit-reset", "retry-after", "date"):
            rate_limits({name: text})
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"error": {"metadata": {"headers": {"X-RateLimit-Limit": "50", "n": 1}}}}', {"x-ratelimit-limit": "50"}),
        (b'{"error": {"metadata": {"headers": ["x"]}}}', {}),
        (b'{"error": {"metadata": "headers"}}', {}),
        (b'{"error": "\\"headers\\""}', {}),
        (b'["headers"]', {}),
        (b'{"headers": ' + b"[" * 100_000, {}),
        (b'{"headers": {}}', {}),
        (b'{"headers"', {}),
        (b"\xff", {}),
        (b"", {}),
    ],
)
def test_headers_that_a_body_quotes(body: bytes, found: dict[str, str]) -> None:
    """OpenRouter has its limits in the error's body; a body of any other shape quotes none."""
    assert quoted_headers(body) == found


def test_an_error_tells_the_limits_that_its_body_quotes() -> None:
    """Its headers win where both tell the same."""
    body = b'{"error": {"metadata": {"headers": {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0"}}}}'
    error = APIError("m", headers={"x-ratelimit-remaining": "1"}, body=body)
    assert error.rate_limits == RateLimits((RateLimit("requests", limit=50, remaining=1),))
    assert APIError("m").rate_limits is None


TOLD = [("X-RateLimit-Limit-Requests", "60"), ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "20s")]
WANTED = RateLimit("requests", None, "", 60, 0, 20.0)


@pytest.mark.parametrize("face_class", FACES.values(), ids=FACES)
def test_replies_streams_and_errors_have_them(face_class: type[SyncFace]) -> None:
    """`rate_limits` is there on a reply, on a stream's reply and on an error, and travels with the error."""
    answers = [json_reply({}, headers=TOLD), sse_reply(["[DONE]"], headers=TOLD)]
    answers.append(json_reply({}, 429, headers=[*TOLD, ("Retry-After", "300")]))
    with HostileServer(answers) as server, face_class() as face:
        client = face.client(base_url=server.url)
        reply = face.wait(client.models.list(into=Reply))
        assert reply.rate_limits == RateLimits((WANTED,))
        stream = face.wait(client.chat.completions.create(model="m", messages=[], stream=True))
        assert stream.reply.rate_limits.requests == WANTED
        assert not list(face.iterate(stream))
        with pytest.raises(RateLimitError) as caught:
            face.wait(client.models.list())
    assert caught.value.rate_limits == RateLimits((WANTED,), 300.0)
    assert pickle.loads(pickle.dumps(caught.value)).rate_limits == caught.value.rate_limits
