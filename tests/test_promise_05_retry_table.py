"""Promise 5 without a network: what is tried again, and after how long. The truth table is data (`vectors/retry`)."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from by_hand import EPOCH, JSON, by_hand

from oai_dyn import APIConnectionError, APIError, APIStatusError, APITimeoutError, Headers, Reply
from oai_dyn.errors import DecodeError, StreamError, StreamTruncated, for_status
from oai_dyn.retry import wait_before

ERRORS: dict[str, type[APIError]] = {
    "connection": APIConnectionError,
    "timeout": APITimeoutError,
    "truncated": StreamTruncated,
    "stream": StreamError,
    "decode": DecodeError,
}


def spread(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A vector for each combination of the values that it lists."""
    headers = list(spread(row["headers"])) if "headers" in row else [{}]
    choices = {name: value if isinstance(value, list) else [value] for name, value in row.items() if name != "headers"}
    if "headers" in row:
        choices["headers"] = headers
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def load() -> Iterator[tuple[str, float, list[dict[str, Any]]]]:
    """Each row of the vector files: its name, the time in it, and its combinations."""
    for path in sorted((Path(__file__).parent / "vectors" / "retry").glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for row in document["vectors"]:
            yield f"{path.stem}: {row['name']}", document["now"], list(spread(row))


VECTORS = list(load())


def made(vector: Mapping[str, Any]) -> APIError:
    """The error that a vector describes."""
    headers = Headers(vector.get("headers", {}).items())
    if "error" in vector:
        error = ERRORS[vector["error"]]("x", headers=headers)
        if isinstance(error, APIConnectionError):
            error.sent = vector["sent"]
        return error
    kind = APIStatusError if vector["status"] is None else for_status(vector["status"])
    return kind("x", status=vector["status"], headers=headers, code=vector.get("code"), type=vector.get("type"))


def test_there_are_vectors() -> None:
    """The files were found, no two rows have the same name, and there are enough of both kinds."""
    assert len({name for name, _, _ in VECTORS}) == len(VECTORS)
    cases = [case for _, _, cases in VECTORS for case in cases]
    assert sum(case["wait"] is None for case in cases) >= 150
    assert sum(case["wait"] is not None for case in cases) >= 100


@pytest.mark.parametrize(("name", "now", "cases"), VECTORS, ids=[name for name, _, _ in VECTORS])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_truth_table(name: str, now: float, cases: list[dict[str, Any]], zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of the vectors, fed to the function that decides, wherever on the earth."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for case in cases:
            waits = [wait_before(case["attempt"], made(case), case["safe"], now) for _ in range(60)]
            wanted = case["wait"]
            if isinstance(wanted, dict):
                floats = [wait for wait in waits if wait is not None]
                assert len(floats) == 60, case
                assert 0 <= min(floats) < max(floats) <= wanted["most"], case
                assert max(floats) > wanted["most"] / 2, case
            else:
                assert set(waits) == {wanted}, case
    finally:
        monkeypatch.undo()
        time.tzset()


# By hand: the waits, without waiting.


def test_each_wait_is_slept_and_told() -> None:
    """Seconds, milliseconds and a date, one after the other; each is on its attempt."""
    call = by_hand(max_retries=3).models.list(into=Reply)
    for status, headers in [
        (503, {"retry-after": "7"}),
        (429, {"retry-after-ms": "1500"}),
        (500, {"retry-after": formatdate(EPOCH + 30, usegmt=True)}),
    ]:
        call.head(status, headers, after=1)
        call.read()
    call.head(headers=JSON, after=1)
    call.read(b"{}", after=1)
    call.read()
    # The date lies 30 s after the start; 7, 1.5 and three heads have passed by then.
    assert call.slept == [7, 1.5, 18.5]
    assert [(a.number, a.status, a.error, a.elapsed, a.wait) for a in call.result.attempts] == [
        (1, 503, "InternalServerError", 1, 7),
        (2, 429, "RateLimitError", 1, 1.5),
        (3, 500, "InternalServerError", 1, 18.5),
        (4, 200, None, 2, None),
    ]
    assert call.result.elapsed == 32


def test_redirects_are_no_attempts() -> None:
    """A redirect is followed within its attempt; the next attempt begins at the start again."""
    call = by_hand(max_retries=1).models.list(into=Reply)
    call.head(307, {"location": "/b"})
    call.head(503, {"retry-after": "1"})
    call.read()
    call.head(307, {"location": "/b"})
    call.head(headers=JSON)
    call.read(b"{}")
    call.read()
    assert [send.plan.url.rpartition("/")[2] for send in call.sent] == ["models", "b", "models", "b"]
    assert [attempt.status for attempt in call.result.attempts] == [503, 200]


def test_nothing_is_resent_once_something_was_given() -> None:
    """After the first event or the first bytes, no error is worth another attempt."""
    stream = by_hand(max_retries=5).responses.retrieve("r", stream=True)
    stream.head()
    stream.read(b'data: {"type": "response.created"}\n\n')
    with pytest.raises(StreamTruncated):
        stream.fail()
    binary = by_hand(max_retries=5).files.content("f")
    binary.head(headers={})
    binary.read(b"abc")
    with pytest.raises(APIConnectionError):
        binary.fail()
    assert (len(stream.sent), len(binary.sent)) == (1, 1)


def test_a_binary_answer_that_fails_before_its_first_byte_is_fetched_again() -> None:
    """Nothing was given out yet, and the row is safe."""
    call = by_hand(max_retries=1).files.content("f")
    call.head(headers={})
    call.fail()
    call.head(headers={})
    call.read(b"abc")
    call.read()
    assert (len(call.sent), call.given) == (2, [b"abc"])
