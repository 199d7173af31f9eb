"""When to try again: what the truth table of promise 5 does not reach. Waits are pure numbers here."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from oai_dyn.errors import (
    APIConnectionError,
    APIError,
    BadRequestError,
    InternalServerError,
    RateLimitError,
    StreamError,
    StreamTruncated,
)
from oai_dyn.rates import retry_after
from oai_dyn.retry import FIRST_WAIT, LONGEST_WAIT, RETRY_AFTER_CAP, wait_before
from oai_dyn.wire import Headers

NOW = 1_800_000_000.0


def headers(**pairs: str) -> Headers:
    """Headers by keyword, `_` for `-`."""
    return Headers((name.replace("_", "-"), value) for name, value in pairs.items())


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": " 7 "}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "inf"}, float("inf")),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": ""}, None),
        ({"retry_after": formatdate(NOW + 5, usegmt=True)}, 5.0),
        ({"retry_after": formatdate(NOW - 5, usegmt=True)}, 0.0),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:60 GMT"}, None),
        ({"retry_after": "Mon, 99 Foo 2026"}, None),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after_ms": "much", "retry_after": "9"}, 9.0),
        ({"retry_after_ms": "nan", "retry_after": "9"}, 9.0),
        ({"retry_after_ms": "much"}, None),
    ],
    ids=str,
)
def test_what_a_server_asks_for(told: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds and dates; what cannot be read is as if it were not said."""
    assert retry_after(headers(**told), NOW) == seconds


def waits(attempt: int, count: int = 200) -> list[float]:
    """Our own waits after an attempt, drawn often."""
    found = [wait_before(attempt, InternalServerError("m", status=500), False, NOW) for _ in range(count)]
    assert None not in found
    return [wait for wait in found if wait is not None]


@pytest.mark.parametrize("attempt", [1, 2, 3, 4, 5, 6, 50])
def test_our_own_waits_grow_and_are_spread(attempt: int) -> None:
    """Anything from 0 to a bound that doubles with each attempt, up to the longest."""
    bound = min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT)
    found = waits(attempt)
    assert 0 <= min(found) < 0.2 * bound
    assert 0.8 * bound < max(found) <= bound


def test_the_cap_is_obeyed_and_no_more() -> None:
    """A wait of just the cap is waited; a longer one means that the error is raised at once."""
    for text, wait in ((str(RETRY_AFTER_CAP), RETRY_AFTER_CAP), (str(RETRY_AFTER_CAP + 1), None), ("inf", None)):
        error = RateLimitError("m", status=429, headers=headers(retry_after=text))
        assert wait_before(1, error, False, NOW) == wait


@pytest.mark.parametrize("told", ["TRUE", "yes", ""])
def test_another_word_of_the_server_is_none(told: str) -> None:
    """`x-should-retry` counts as `true` or `false` only."""
    told_headers = headers(x_should_retry=told)
    assert wait_before(1, BadRequestError("m", status=400, headers=told_headers), True, NOW) is None
    assert wait_before(1, InternalServerError("m", status=500, headers=told_headers), False, NOW) is not None


@pytest.mark.parametrize("error", [APIError("m"), StreamError("m", status=200), InternalServerError("m")], ids=repr)
def test_what_is_no_answer_of_a_server_is_final(error: APIError) -> None:
    """An error of a stream, or one without a status, is never tried again."""
    error.status = None
    assert wait_before(1, error, True, NOW) is None


def test_an_answer_that_was_cut_is_a_lost_one() -> None:
    """On a safe row it is asked for again, on another it is not."""
    assert wait_before(1, StreamTruncated("m", status=200), True, NOW) is not None
    assert wait_before(1, StreamTruncated("m", status=200), False, NOW) is None


def test_what_was_never_sent_may_be_sent() -> None:
    """A connection that was never made is tried again on any row; a lost answer on a safe one only."""
    never, lost = APIConnectionError("m"), APIConnectionError("m")
    never.sent = False
    assert wait_before(1, never, False, NOW) is not None
    assert wait_before(1, lost, False, NOW) is None
    assert wait_before(1, lost, True, NOW) is not None
