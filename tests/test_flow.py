"""One call as a generator, fed by hand: what the promises' own tests do not reach. No socket, no waiting."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from by_hand import JSON, SSE, Hand, by_hand

from oai_dyn import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    DecodeError,
    InternalServerError,
    Limits,
    NotFoundError,
    Reply,
    StreamError,
    StreamTruncated,
    Timeout,
)
from oai_dyn.answers import DRAIN_SECONDS
from oai_dyn.wire import Read, Send


def body(hand: Hand, data: bytes, headers: Any = JSON, status: int = 200) -> Any:
    """A whole answer comes; its result."""
    hand.head(status, headers)
    hand.read(data)
    if hand.step is not None:
        hand.read()
    return hand.result


def raised(hand: Hand, data: bytes, headers: Any = JSON, status: int = 200) -> Any:
    """A whole answer comes, and is an error."""
    with pytest.raises(Exception) as caught:
        body(hand, data, headers, status)
    return caught.value


# --- Plain answers ------------------------------------------------------------------------------------------


def test_a_call_sends_reads_and_returns() -> None:
    """The steps of a plain call: one Send, Reads up to the end, the result."""
    hand = by_hand().models.retrieve("m")
    assert isinstance(hand.step, Send)
    hand.head(headers=JSON)
    assert isinstance(hand.step, Read)
    hand.read(b'{"id"')
    hand.read(b': "m"}')
    assert hand.result is None
    hand.read()
    assert (hand.result, hand.step) == ({"id": "m"}, None)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 299])
def test_any_good_status_is_good(status: int) -> None:
    """Nothing hangs on it being 200."""
    assert body(by_hand().models.retrieve("m", into=Reply), b"{}", status=status).status == status


@pytest.mark.parametrize("status", [204, 205])
def test_no_content_is_none(status: int) -> None:
    """A status that means no body needs none."""
    hand = by_hand().models.retrieve("m")
    hand.head(status, {})
    hand.read()
    assert hand.result is None


def test_the_whole_answer_tells_its_story() -> None:
    """Attempts, their outcome and the time from the start of the call to the last byte."""
    hand = by_hand(max_retries=2).models.retrieve("m", into=Reply)
    hand.fail(sent=False, after=1.0)
    hand.head(503, {"retry-after": "2"}, after=1.0)
    hand.read()
    hand.head(200, JSON, after=1.0)
    hand.read(b"{}", after=0.5)
    hand.read()
    whole = hand.result
    first, second, third = whole.attempts
    assert (first.number, first.status, first.error) == (1, None, "APIConnectionError")
    assert (second.number, second.status, second.error, second.wait) == (2, 503, "InternalServerError", 2.0)
    assert (third.number, third.status, third.error, third.wait) == (3, 200, None, None)
    assert (second.elapsed, third.elapsed) == (1.0, 1.5)
    assert whole.elapsed == pytest.approx(3.5 + sum(hand.slept))


def test_a_coding_is_undone() -> None:
    """Both the answer and an error's body are decoded."""
    coded = {**JSON, "Content-Encoding": "gzip"}
    assert body(by_hand().models.retrieve("m"), gzip.compress(b'{"a": 1}'), coded) == {"a": 1}
    error = raised(by_hand().models.retrieve("m"), gzip.compress(b'{"error": "no"}'), coded, 404)
    assert isinstance(error, NotFoundError)
    assert (str(error), error.body) == ("HTTP 404: no", b'{"error": "no"}')


@pytest.mark.parametrize(
    ("content_type", "data", "result"),
    [("application/json", b'{"text": "a"}', {"text": "a"}), ("text/plain", b"a", "a"), ("text/vtt", b'{"a"', '{"a"')],
)
def test_text_where_json_is_usual(content_type: str, data: bytes, result: Any) -> None:
    """A row that may answer with text as well is read by its content type."""
    hand = by_hand().audio.transcriptions.create(model="m", file=b"x")
    assert body(hand, data, {"Content-Type": content_type}) == result


@pytest.mark.parametrize(
    ("headers", "data", "message"),
    [
        ({}, b"<p>", "HTTP 200, but the body has Content-Type unset: the body is not JSON: "),
        ({"Content-Type": "text/plain"}, b"hello", "HTTP 200, but the body has Content-Type text/plain: "),
        (JSON, b"{", "the body is not JSON: "),
    ],
)
def test_what_is_no_json_is_told(headers: Any, data: bytes, message: str) -> None:
    """The error says what came instead, and has it."""
    error = raised(by_hand().models.retrieve("m"), data, headers)
    assert isinstance(error, DecodeError)
    assert str(error).startswith(message)
    assert (error.status, error.body) == (200, data)


def test_json_under_another_name_is_read() -> None:
    """Servers that forget the content type are understood."""
    assert body(by_hand().models.retrieve("m"), b'{"a": 1}', {}) == {"a": 1}
    assert body(by_hand().models.retrieve("m"), b'{"a": 1}', {"Content-Type": "text/plain"}) == {"a": 1}


# --- Refusals -----------------------------------------------------------------------------------------------


def test_an_error_status_has_its_body() -> None:
    """As much as the limit lets in; the rest is not read."""
    hand = by_hand(limits=Limits(error_body=10)).models.retrieve("m")
    hand.head(500, {"X-Request-Id": "req-1"})
    hand.read(b"12345678")
    with pytest.raises(InternalServerError, match="HTTP 500: 1234567890") as caught:
        hand.read(b"90123")
    assert (caught.value.body, caught.value.request_id) == (b"1234567890", "req-1")


def test_an_error_status_whose_body_breaks_is_that_error() -> None:
    """A cut, a stall or a broken coding of its body hides no error status."""
    outcomes: list[Callable[[Hand], None]] = [Hand.fail, Hand.time_out, lambda one: one.read(b"no gzip at all")]
    for outcome in outcomes:
        hand = by_hand(timeout=Timeout(idle=1)).models.retrieve("m")
        hand.head(404, {"Content-Encoding": "gzip"})
        with pytest.raises(NotFoundError, match="HTTP 404"):
            outcome(hand)


@pytest.mark.parametrize("status", [300, 304, 305, 306, 399, 402, 418, 600])
def test_other_statuses_are_errors(status: int) -> None:
    """What is neither good nor a redirect that can be followed is an error of the root class or of the servers'."""
    error = raised(by_hand().models.retrieve("m"), b"", {}, status)
    assert isinstance(error, APIStatusError)
    assert error.status == status


def test_a_redirect_without_an_address_is_an_error() -> None:
    """302 without Location leads nowhere."""
    assert isinstance(raised(by_hand().models.retrieve("m"), b"", {}, 302), APIStatusError)


def test_what_is_no_secret_is_not_concealed() -> None:
    """A header that carries no credential leaves the words of an error as they came, in message and body."""
    extra = {"Accept": "application/json", "X-Mode": "test"}
    hand = by_hand(headers=extra).models.retrieve("m", extra_headers=extra)
    error = raised(hand, b'{"error": "the test wants application/json"}', status=400)
    assert str(error) == "HTTP 400: the test wants application/json"
    assert error.body == b'{"error": "the test wants application/json"}'


# --- Streams and files --------------------------------------------------------------------------------------


def test_a_stream_is_opened_then_given() -> None:
    """The head first, then events as they come, then a short wait for the end of the body."""
    hand = by_hand().chat.completions.create(model="m", stream=True)
    hand.head(headers={**SSE, "X-Request-Id": "req-1"}, after=1.0)
    assert [(one.status, one.request_id, one.elapsed) for one in hand.opened] == [(200, "req-1", 1.0)]
    hand.read(b'data: {"id": 1}\n\ndata: [DO')
    assert hand.given == [{"id": 1}]
    hand.read(b"NE]\n\n")
    assert (hand.patience, hand.why) == (pytest.approx(DRAIN_SECONDS), "drain")
    hand.read(b": late\n\n")
    hand.read()
    assert (hand.step, hand.result) == (None, None)


@pytest.mark.parametrize("end", ["fail", "time_out"])
def test_a_finished_stream_is_whole_however_its_body_ends(end: str) -> None:
    """A connection that breaks or stalls after the last event harms nothing."""
    hand = by_hand().chat.completions.create(model="m", stream=True)
    hand.head()
    hand.read(b'data: {"id": 1}\n\ndata: [DONE]\n\n')
    getattr(hand, end)()
    assert (hand.step, hand.given) == (None, [{"id": 1}])


def test_a_finished_stream_that_goes_on_is_left() -> None:
    """Bytes behind the end are read for a moment only."""
    hand = by_hand().chat.completions.create(model="m", stream=True)
    hand.head()
    hand.read(b"data: [DONE]\n\n")
    hand.read(b": more\n\n", after=DRAIN_SECONDS / 2)
    hand.read(b": more\n\n", after=DRAIN_SECONDS)
    assert hand.step is None


def test_the_drain_ends_with_the_call() -> None:
    """A total that is nearer than the drain ends it."""
    hand = by_hand().chat.completions.create(model="m", stream=True, timeout=Timeout(total=1))
    hand.head()
    hand.read(b"data: [DONE]\n\n", after=0.99)
    assert hand.patience == pytest.approx(0.01)


def test_a_stream_may_be_coded() -> None:
    """Events are given out as they can be decoded; a coding that breaks is an error with what had come."""
    coded = gzip.compress(b'data: {"id": 1}\n\ndata: [DONE]\n\n')
    hand = by_hand().chat.completions.create(model="m", stream=True)
    hand.head(headers={**SSE, "Content-Encoding": "gzip"})
    hand.read(coded)
    assert hand.given == [{"id": 1}]
    broken = by_hand().chat.completions.create(model="m", stream=True)
    broken.head(headers={**SSE, "Content-Encoding": "gzip"})
    with pytest.raises(DecodeError, match="Content-Encoding: gzip"):
        broken.read(b"no gzip at all")


def test_a_cut_stream_says_how_many_events_came() -> None:
    """`received`, the message and the bytes."""
    hand = by_hand().chat.completions.create(model="m", stream=True)
    hand.head()
    hand.read(b'data: {"id": 1}\n\ndata: {"id"')
    with pytest.raises(StreamTruncated, match="the stream ended after 1 events without what ends it") as caught:
        hand.read()
    assert (caught.value.received, caught.value.status, caught.value.body) == (1, 200, b'data: {"id": 1}\n\ndata: {"id"')


def test_a_file_is_handed_over_in_pieces() -> None:
    """Each piece as it comes, and nothing is read before it is asked for."""
    hand = by_hand().files.content("f")
    hand.head(headers={"Content-Type": "application/octet-stream"})
    assert len(hand.opened) == 1
    hand.read(b"abc")
    hand.read(b"def")
    hand.read()
    assert (hand.given, hand.step) == ([b"abc", b"def"], None)


def test_a_coded_file_that_is_cut_is_an_error() -> None:
    """The end of its coding is missed."""
    hand = by_hand().files.content("f")
    hand.head(headers={"Content-Encoding": "gzip"})
    hand.read(gzip.compress(b"abc" * 100)[:-5])
    with pytest.raises(StreamTruncated, match="gzip body was cut"):
        hand.read()


def test_a_stream_that_is_no_stream() -> None:
    """JSON where events were asked for is an error that has it as data."""
    error = raised(by_hand().chat.completions.create(model="m", stream=True), json.dumps({"id": "c"}).encode())
    assert isinstance(error, DecodeError)
    assert (error.data, error.status) == ({"id": "c"}, 200)
    page = raised(by_hand().chat.completions.create(model="m", stream=True), b"<html>", {"Content-Type": "text/html"})
    assert (type(page), page.data, page.body) == (DecodeError, None, b"<html>")


# --- Time and retries ---------------------------------------------------------------------------------------


def test_a_late_piece_is_too_late() -> None:
    """A piece that comes after the deadline is no better than none, though it came."""
    hand = by_hand(timeout=5).models.retrieve("m")
    hand.head(headers=JSON)
    with pytest.raises(APITimeoutError, match="time ran out: total"):
        hand.read(b"{", after=6.0)


def test_a_body_too_long_is_an_error() -> None:
    """Beyond `Limits.reply` nothing more is read, and it is not tried again."""
    hand = by_hand(max_retries=2, limits=Limits(reply=10, error_body=4)).models.retrieve("m")
    hand.head(headers=JSON)
    with pytest.raises(StreamError, match="the body passes the limit of 10 bytes") as caught:
        hand.read(b'{"a": "12345678"}')
    assert (caught.value.body, len(caught.value.attempts)) == (b'{"a"', 1)


def test_what_the_users_class_raises_is_not_tried_again() -> None:
    """An answer came: asking again would not change the class."""
    error = raised(by_hand(max_retries=2).models.retrieve("m", into=int), b"{}")
    assert isinstance(error, DecodeError)
    assert len(error.attempts) == 1


def test_a_call_that_is_broken_off_is_told() -> None:
    """Closing the generator ends it where it stands."""
    notices: list[Any] = []
    hand = by_hand(hook=notices.append).models.retrieve("m")
    hand._flow.close()
    assert [(one.kind, one.reply, one.error) for one in notices] == [("close", None, None)]


def test_an_error_has_all_attempts() -> None:
    """The last error carries them, its own included."""
    hand = by_hand(max_retries=1).models.list()
    hand.fail()
    with pytest.raises(APIConnectionError) as caught:
        hand.fail(after=2.0)
    assert [(one.number, one.error, one.wait is None) for one in caught.value.attempts] == [
        (1, "APIConnectionError", False),
        (2, "APIConnectionError", True),
    ]
    assert caught.value.attempts[1].elapsed == 2.0
