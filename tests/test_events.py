"""The events of a stream by hand: what is given out, what ends it, and that pieces make no difference."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from by_hand import by_hand
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_dyn import DecodeError, Event, Limits, OaiDynError, Record, Reply, StreamError
from oai_dyn.events import EventReader
from oai_dyn.verdicts import in_band_error
from oai_dyn.wire import Headers

CHAT = {"last": ["[DONE]"], "finish": True}


class Reader:
    """An `EventReader` whose events come in one list for each piece, and whose error is kept as `failure`."""

    def __init__(self, *arguments: Any) -> None:
        self.inner = EventReader(*arguments)
        self.failure: OaiDynError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def feed(self, piece: bytes) -> list[Any]:
        found: list[Any] = []
        try:
            for some in self.inner.feed(piece):
                found += some
        except OaiDynError as error:
            self.failure = error
        return found


def reader(rule: dict[str, Any] | None = None, **keywords: Any) -> Reader:
    """A reader for a row with that rule."""
    row = {"name": "a", "method": "POST", "path": "/a", "body": {"kind": "json"}, "stream": CHAT if rule is None else rule}
    limits = keywords.pop("limits", Limits())
    call = by_hand(routes=[row], limits=limits).a(**keywords).call
    reply = Reply(200, Headers([("X-Request-Id", "req-1")]))
    return Reader(call, reply, lambda value, data: in_band_error(value, data, reply, call))


def event(data: Any, name: str | None = None) -> bytes:
    """The bytes of an event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def choice(index: int | None, reason: str | None) -> dict[str, Any]:
    """A chunk with one choice."""
    return {"choices": [{"index": index, "finish_reason": reason} if index is not None else {"finish_reason": reason}]}


def test_events_are_given_out_as_they_come() -> None:
    """Each piece gives the events that it completes, as Records; `received` counts them."""
    events = reader()
    assert events.feed(event({"id": 1}) + event({"id": 2})[:5]) == [{"id": 1}]
    assert events.feed(event({"id": 2})[5:]) == [{"id": 2}]
    (third,) = events.feed(event({"a": {"b": 3}}))
    assert type(third) is Record
    assert third.a.b == 3
    assert events.received == 3
    assert not events.ended
    assert not events.complete


# --- What ends a stream -------------------------------------------------------------------------------------

ENDS: list[tuple[dict[str, Any], bytes, bool]] = [
    ({"last": ["[DONE]"]}, event("[DONE]"), False),
    ({"last": ["done"]}, event("[DONE]", "done"), False),
    ({"last": ["done"]}, event({"a": 1}, "done"), True),
    ({"last": ["done"]}, event("", "done"), False),
    ({"last": ["a.completed"]}, event({"type": "a.completed"}), True),
    ({"last": ["a.completed"]}, event({"type": "a.completed"}, "a.completed"), True),
]


@pytest.mark.parametrize(("rule", "data", "given"), ENDS)
def test_what_ends_a_stream(rule: dict[str, Any], data: bytes, given: bool) -> None:
    """A mark is the whole data, the name or the type; one that says something is itself given out, and nothing after it."""
    events = reader(rule)
    assert len(events.feed(event({"id": 1}) + data + event({"id": 2}))) == 1 + given
    assert events.ended
    assert events.complete


@pytest.mark.parametrize("data", [event({"type": "a.resting"}), event({"a": 1}, "a.resting")])
def test_what_makes_it_whole_but_ends_it_not(data: bytes) -> None:
    """After a `complete` mark the end of the body is an end; events may still come."""
    events = reader({"complete": ["a.resting"]})
    events.feed(data)
    assert (events.ended, events.complete) == (False, True)
    assert events.feed(event({"id": 2})) == [{"id": 2}]
    assert events.complete


def test_what_makes_it_whole_may_be_taken_back() -> None:
    """After a `reopen` mark the end of the body is a cut again."""
    events = reader({"complete": ["a.resting"], "reopen": ["a.working"]})
    events.feed(event({"type": "a.resting"}))
    assert events.complete
    events.feed(event({"type": "a.working"}))
    assert not events.complete
    events.feed(event({"type": "a.resting"}))
    assert events.complete


FINISHES: list[tuple[list[dict[str, Any]], bool]] = [
    ([choice(0, None)], False),
    ([choice(0, None), choice(0, "stop")], True),
    ([choice(0, "stop")], True),
    ([choice(0, "stop"), {"choices": [], "usage": {}}], True),
    ([choice(0, None), choice(1, None), choice(0, "stop")], False),
    ([choice(0, None), choice(1, None), choice(0, "stop"), choice(1, "length")], True),
    ([{"choices": [*choice(0, "stop")["choices"], *choice(1, None)["choices"]]}], False),
    ([choice(None, None), choice(None, "stop")], True),
    ([choice(None, None), choice(0, "stop")], True),
    ([{"choices": None}], False),
    ([{"choices": [5]}], False),
    ([{"choices": [{"index": "x", "finish_reason": "stop"}]}], False),
    ([{"choices": [{"index": [], "finish_reason": "stop"}]}], False),
    ([{"choices": [{"index": 0}]}, choice(0, "stop")], True),
    ([], False),
]


@pytest.mark.parametrize(("chunks", "complete"), FINISHES)
def test_every_choice_must_finish(chunks: list[dict[str, Any]], complete: bool) -> None:
    """Whole once every choice that was seen had a finish_reason; odd chunks are given out and count for nothing."""
    events = reader()
    assert [found for chunk in chunks for found in events.feed(event(chunk))] == chunks
    assert events.complete == complete
    at_once = reader()
    assert at_once.feed(b"".join(map(event, chunks))) == chunks
    assert at_once.complete == complete


@pytest.mark.parametrize("rule", [{"last": ["a.completed"]}, {"complete": ["x"]}, {"eof": True}], ids=str)
def test_done_stops_any_stream(rule: dict[str, Any]) -> None:
    """`[DONE]` where it is no mark of the row is the end of the body, whole or not by the row's own rule."""
    events = reader(rule)
    assert events.feed(event({"id": 1}) + event("[DONE]") + event({"id": 2})) == [{"id": 1}]
    assert (events.stopped, events.ended, events.complete) == (True, False, False)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (CHAT, "[DONE] or a finish_reason on every choice"),
        ({"last": ["b", "a"], "complete": ["c"]}, "a or b or c"),
        ({"eof": True}, "nothing"),
    ],
)
def test_what_was_wanted_in_words(rule: dict[str, Any], words: str) -> None:
    """For the message of a cut stream."""
    assert reader(rule).wanted == words


# --- Odd events ---------------------------------------------------------------------------------------------


def test_json_that_is_none_is_read_if_it_can_be() -> None:
    """NaN and lone surrogates are let through, lists and scalars are what they are, empty data is passed over."""
    events = reader()
    data = event('{"a": NaN}') + event('{"a": "\\ud800"}') + event("[1]") + event("5") + event("null") + b"data:\n\n"
    first, second, *rest = events.feed(data)
    assert math.isnan(first.a)
    assert second.a == "\ud800"
    assert rest == [[1], 5, None]
    assert events.failure is None


@pytest.mark.parametrize("text", ["{", "half", "[DONE", "[DONE]x", '{"a": 1} {"b": 2}', "\ufeff5x"])
def test_what_is_no_json_is_a_failure(text: str) -> None:
    """Events before it are given out; the failure has the event's bytes."""
    events = reader()
    assert events.feed(event({"id": 1}) + event(text) + event({"id": 2})) == [{"id": 1}]
    assert isinstance(events.failure, DecodeError)
    assert events.failure.body == text.encode()
    assert events.received == 1


def test_an_error_is_a_failure_after_what_came_before() -> None:
    """The same in one piece as in several; the class of the error is tested with promise 4."""
    good, bad = event({"id": 1}), event({"error": {"message": "m"}})
    for pieces in ([good + bad], [good, bad]):
        events = reader()
        assert [found for piece in pieces for found in events.feed(piece)] == [{"id": 1}]
        assert isinstance(events.failure, StreamError)


def test_an_error_that_only_its_object_tells_is_one_on_every_row() -> None:
    """Where no event need name its type or its choices, too."""
    events = reader({"eof": True})
    assert events.feed(event({"id": 1}) + event({"object": "error", "message": "m"})) == [{"id": 1}]
    assert isinstance(events.failure, StreamError)


def test_what_came_together_is_given_out_some_at_a_time() -> None:
    """Nothing is made long before it is used: a first part of a large piece comes while the rest is still bytes."""
    events = reader()
    some = events.inner.feed(event({"id": 1}) * 5000)
    first = next(some)
    assert 100 < len(first) < 5000
    assert len(first) + sum(map(len, some)) == 5000 == events.received


def test_an_error_of_ours_from_the_users_class_is_that_error() -> None:
    """What a class raises of our own errors is not wrapped again."""

    def refuse(data: Any) -> Any:
        raise StreamError("own words")

    events = reader(into=refuse)
    assert events.feed(event({"id": 1})) == []
    assert type(events.failure) is StreamError
    assert "own words" in str(events.failure)


def test_an_envelope_has_name_and_data() -> None:
    """Where the row says so, events come as an object of name and data, Records both."""
    events = reader({"last": ["done"], "envelope": True})
    (found,) = events.feed(event({"id": 1}, "thread.created") + event("[DONE]", "done"))
    assert found == {"event": "thread.created", "data": {"id": 1}}
    assert found.data.id == 1
    assert events.ended
    assert reader({"envelope": True}).feed(event({"id": 1})) == [{"event": None, "data": {"id": 1}}]


@pytest.mark.parametrize("into", [Event, bytes, str])
def test_raw_events_still_end_a_stream(into: type) -> None:
    """Marks, finishes and errors count the same where events are given out raw."""
    events = reader(into=into)
    assert len(events.feed(event(choice(0, "stop")))) == 1
    assert events.complete
    assert events.feed(event({"id": 2}) + event("[DONE]"))[1:] == []
    assert events.ended
    failed = reader(into=into)
    failed.feed(event({"error": {"message": "m"}}))
    assert isinstance(failed.failure, StreamError)


# --- Bounds -------------------------------------------------------------------------------------------------


def test_what_remains_is_bounded() -> None:
    """The last bytes are kept, up to `Limits.error_body`, however they came."""
    whole = b"".join(event({"id": i}) for i in range(100))
    for size in (1, 7, 64, 5000):
        events = reader(limits=Limits(error_body=64))
        for at in range(0, len(whole), size):
            events.feed(whole[at : at + size])
        assert events.remains == whole[-64:]


def test_an_event_too_long_is_a_failure() -> None:
    """Events before it are given out, whether it comes with them or after, whole or not."""
    long = event({"id": "x" * 100})
    for pieces in ([event({"id": 1}) + long], [event({"id": 1}), long], [event({"id": 1}) + long[:90], b""]):
        events = reader(limits=Limits(event=50))
        assert [found for piece in pieces for found in events.feed(piece)] == [{"id": 1}]
        assert isinstance(events.failure, StreamError)
        assert "Limits.event" in str(events.failure)


def test_nothing_after_the_end_is_a_failure() -> None:
    """What comes behind the last event is not looked at, however long or broken."""
    events = reader(limits=Limits(event=50))
    assert events.feed(event({"id": 1}) + event("[DONE]") + b"data: " + b"x" * 100) == [{"id": 1}]
    assert events.ended
    assert events.failure is None


# --- Pieces make no difference ------------------------------------------------------------------------------

RULES: list[dict[str, Any]] = [
    CHAT,
    {"last": ["a.completed", "done"], "complete": ["a.resting"]},
    {"envelope": True, "eof": True},
]
SOUP = [
    event({"id": 1}),
    event(choice(0, None)),
    event(choice(0, "stop")),
    event(choice(1, None)),
    event({"type": "a.resting"}),
    event({"type": "a.completed"}),
    event({"a": 1}, "done"),
    event({"type": "b"}, "b"),
    event('{"a": NaN}'),
    event("half {"),
    event("[1]"),
    event("[DONE]"),
    event({"error": {"message": "m", "code": 429}}),
    event({"object": "error", "message": "m", "type": "x"}),
    event({"message": "m"}, "error"),
    b": ping\n\n",
    b"data:\n\n",
]


def run(events: Reader, pieces: list[bytes]) -> tuple[Any, ...]:
    """Feed the pieces as a flow does, and what came of it."""
    given: list[Any] = []
    for piece in pieces:
        given += events.feed(piece)
        if events.ended or events.stopped or events.failure:
            break
    failure = events.failure and (type(events.failure), str(events.failure))
    return repr(given), events.ended, events.stopped, events.complete, events.received, failure


@settings(deadline=None, database=None)
@given(st.sampled_from(RULES), st.lists(st.sampled_from(SOUP), max_size=12), st.sampled_from([None, str]))
def test_pieces_make_no_difference(rule: dict[str, Any], blocks: list[bytes], into: Any) -> None:
    """All in one piece, event by event and byte by byte give the same events and the same end."""
    stream = b"".join(blocks)
    keywords = {} if into is None else {"into": into}
    whole = run(reader(rule, **keywords), [stream])
    assert run(reader(rule, **keywords), blocks) == whole
    assert run(reader(rule, **keywords), [bytes([byte]) for byte in stream]) == whole
