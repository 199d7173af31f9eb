"""Whole answers as streams and streams as whole answers: what goes round comes back, and odd pieces find their place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oai_dyn.transformations.assembly import joined, replayed

# --- Any answer goes round ----------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
NAMES = st.text("abxyz_", min_size=1, max_size=3) | st.sampled_from(["role", "name", "id", "type", "status", "reasoning_content"])
MORE = st.dictionaries(NAMES, VALUES, max_size=3)


def with_some(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have some of the members, and others beside them."""
    known = st.fixed_dictionaries(required, optional=optional)
    return st.builds(lambda more, members: {**more, **members}, MORE, known)


CALLS = st.lists(
    with_some({}, id=SCALARS, type=SCALARS, function=with_some({}, name=SCALARS, arguments=VALUES)) | SCALARS, max_size=3
)
MESSAGES = with_some(
    {}, role=SCALARS, content=VALUES, refusal=SCALARS, tool_calls=CALLS | SCALARS, function_call=VALUES, audio=VALUES
)
OPTIONAL = {"finish_reason": SCALARS, "logprobs": VALUES, "stop_reason": VALUES}


def answers(choices: st.SearchStrategy[dict[str, Any]], kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Completions whose choices are numbered as they stand."""
    numbered = st.lists(choices, min_size=1, max_size=3).map(lambda some: [{**one, "index": i} for i, one in enumerate(some)])
    return with_some({"choices": numbered}, object=st.just(kind) | SCALARS, usage=VALUES, model=SCALARS, created=SCALARS)


COMPLETIONS = answers(with_some({"message": MESSAGES}, **OPTIONAL), "chat.completion")
TEXTS = answers(with_some({"text": st.text(max_size=4)}, **OPTIONAL), "text_completion")
ITEMS = st.lists(with_some({}, id=SCALARS, type=SCALARS, content=VALUES, arguments=SCALARS) | SCALARS, max_size=3)
RESPONSES = with_some(
    {"object": st.just("response")}, output=ITEMS | SCALARS, status=st.sampled_from(["completed", "failed", 5, None])
)


@settings(deadline=None, database=None)
@given(COMPLETIONS | TEXTS | RESPONSES)
@example({"object": "text_completion", "choices": [{"index": 0, "text": "a", "finish_reason": None, "seed": 5}], "usage": None})
@example({"choices": [{"index": 0, "message": {"content": "a"}}]})
@example({"object": "response", "output": None})
@example({"object": "response", "output": [{"content": [None]}], "status": "failed"})
def test_what_is_replayed_is_joined_again(answer: dict[str, Any]) -> None:
    """`joined(replayed(x)) == x` for any completion and response with any further members; neither changes what it is given."""
    before = copy.deepcopy(answer)
    events = replayed(answer)
    kept = copy.deepcopy(events)
    assert joined(events) == before
    assert answer == before
    assert events == kept


@settings(deadline=None, database=None)
@example([{"choices": [None]}])
@given(st.lists(VALUES | with_some({}, choices=VALUES, delta=VALUES, response=VALUES), max_size=3))
def test_odd_events_are_no_trouble(events: list[Any]) -> None:
    """Whatever comes is joined or passed over; nothing raises."""
    result = joined(events)
    assert result is None or isinstance(result, dict)


@settings(deadline=None, database=None)
@given(VALUES | with_some({}, choices=VALUES, output=VALUES, object=SCALARS))
def test_odd_answers_are_no_trouble(answer: Any) -> None:
    """What is no completion has no events, or some; nothing raises."""
    assert isinstance(replayed(answer), list)


# --- The form of what is replayed ---------------------------------------------------------------------------

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COMPLETION: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop", "logprobs": {"content": []}},
        {"index": 1, "message": {"role": "assistant", "content": None, "tool_calls": [CALL]}, "finish_reason": "tool_calls"},
    ],
    "usage": {"total_tokens": 3},
}


def test_a_completion_is_replayed_as_chunks() -> None:
    """What was said, how it ended, and the usage by itself; calls are numbered."""
    base = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "usage": None}
    said = {"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "logprobs": {"content": []}, "finish_reason": None}
    delta = {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **CALL}]}
    assert replayed(COMPLETION) == [
        {**base, "choices": [said]},
        {**base, "choices": [{"index": 1, "delta": delta, "finish_reason": None}]},
        {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**base, "choices": [{"index": 1, "delta": {}, "finish_reason": "tool_calls"}]},
        {**base, "choices": [], "usage": {"total_tokens": 3}},
    ]


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"choices": None}, {"choices": []}, {"choices": [5]}, {"choices": [{"index": 0}]}]
)
def test_what_is_no_completion_has_no_events(answer: Any) -> None:
    """Nothing is made up."""
    assert replayed(answer) == []


@pytest.mark.parametrize(
    ("status", "end"), [("completed", "completed"), ("failed", "failed"), ("incomplete", "incomplete"), (["x"], "completed")]
)
def test_a_response_is_replayed_with_its_text(status: Any, end: str) -> None:
    """Texts and arguments come as deltas at their places, then the end that the status stands for; the events are numbered."""
    text = {"type": "message", "id": "m1", "content": [{"type": "output_text", "text": "Hi"}, {"type": "other"}]}
    call = {"type": "function_call", "id": "f1", "arguments": "{}"}
    events = replayed({"object": "response", "status": status, "output": [text, 5, call]})
    assert [event["type"].removeprefix("response.") for event in events] == [
        *("created", "output_item.added", "output_text.delta", "output_text.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done", end),
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[2] | {"output_index": 0, "item_id": "m1", "content_index": 0, "delta": "Hi"} == events[2]
    assert events[6] | {"output_index": 2, "item_id": "f1", "delta": "{}"} == events[6]


# --- Odd streams --------------------------------------------------------------------------------------------


def chunk(delta: Any = None, *, index: Any = 0, **choice: Any) -> dict[str, Any]:
    """A chunk with one choice."""
    said = {} if delta is None else {"delta": delta}
    return {"object": "chat.completion.chunk", "choices": [{"index": index, **said, **choice}]}


def message(*deltas: Any) -> Any:
    """The message that deltas amount to."""
    answer = joined([chunk(delta) for delta in deltas])
    assert answer is not None
    return answer["choices"][0]["message"]


def call(**members: Any) -> dict[str, Any]:
    """A delta with a piece of a call; `name` and `arguments` go into its function."""
    function = {key: members.pop(key) for key in ("name", "arguments") if key in members}
    return {"tool_calls": [{**members, "function": function}]}


def calls(*deltas: Any) -> list[Any]:
    """(id, name, arguments) of the calls that deltas amount to."""
    made = message(*deltas)["tool_calls"]
    assert not any("index" in one for one in made)
    return [(one.get("id"), one["function"].get("name"), one["function"].get("arguments")) for one in made]


CALLS_IN_PIECES: dict[str, tuple[list[Any], list[Any]]] = {
    "by index": (
        [
            {
                "tool_calls": [
                    *call(index=0, id="a", name="f", arguments="")["tool_calls"],
                    *call(index=1, name="g")["tool_calls"],
                ]
            },
            call(index=1, id="b", arguments="{"),
            call(index=0, arguments="{}"),
            call(index=1, arguments="}"),
        ],
        [("a", "f", "{}"), ("b", "g", "{}")],
    ),
    "by id": ([call(id="a", name="f", arguments="{"), call(id="a", arguments="}")], [("a", "f", "{}")]),
    "by position": (
        [call(id="a", name="f", arguments="{"), call(arguments="}"), call(name="g", arguments="1")],
        [("a", "f", "{}"), (None, "g", "1")],
    ),
    "whole and without an index": (
        [{"tool_calls": [*call(id="a", name="f")["tool_calls"], *call(id="b", name="f")["tool_calls"]]}],
        [("a", "f", None), ("b", "f", None)],
    ),
    "all at the same place": (
        [
            call(index=0, id="a", name="f", arguments="{}"),
            call(index=0, id="b", name="g", arguments="{"),
            call(index=0, arguments="}"),
        ],
        [("a", "f", "{}"), ("b", "g", "{}")],
    ),
    "another id with each delta": (
        [call(index=0, id="a", name="f", arguments="{"), call(index=0, id="b", arguments="}")],
        [("b", "f", "{}")],
    ),
    "an empty name later": ([call(index=0, id="a", name="f"), call(index=0, name="", arguments="1")], [("a", "f", "1")]),
    "the name again": ([call(index=0, name="f"), call(index=0, name="f", arguments="1")], [(None, "f", "1")]),
    "the name in pieces": ([call(index=0, name="ge"), call(index=0, name="t")], [(None, "get", None)]),
    "null later": ([call(index=0, id="a", name="f"), call(index=0, id=None, name=None, arguments="1")], [("a", "f", "1")]),
    "nothing begun": ([call(arguments="1")], [(None, None, "1")]),
}


@pytest.mark.parametrize("case", CALLS_IN_PIECES)
def test_pieces_of_calls_find_each_other(case: str) -> None:
    """By index, by id, else the one before goes on."""
    deltas, wanted = CALLS_IN_PIECES[case]
    assert calls(*deltas) == wanted


PIECES: dict[str, tuple[list[Any], Any]] = {
    "text": (
        [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
        {"role": "assistant", "content": "ab"},
    ),
    "null at first": ([{"content": None}, {"content": "a"}, {"content": None}], {"content": "a"}),
    "nothing but null": ([{"content": None}, {"content": None}], {"content": None}),
    "reasoning": ([{"reasoning_content": "a"}, {"reasoning_content": "b"}], {"reasoning_content": "ab"}),
    "what is unknown": ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], {"a": 2, "b": "xy"}),
    "objects": ([{"audio": {"id": "i", "data": "a"}}, {"audio": {"id": "i", "data": "b"}}], {"audio": {"id": "i", "data": "ab"}}),
    "lists": ([{"annotations": [1]}, {"annotations": [2]}], {"annotations": [1, 2]}),
    "numbered lists": (
        [{"details": [{"index": 0, "text": "a"}]}, {"details": [{"index": 0, "text": "b"}, {"index": 1, "text": "c"}]}],
        {"details": [{"index": 0, "text": "ab"}, {"index": 1, "text": "c"}]},
    ),
    "text, then a list": ([{"content": ""}, {"content": [1]}, {"content": [2]}], {"content": [1, 2]}),
    "text and a list": ([{"content": "a"}, {"content": [1]}], {"content": [1]}),
    "empty of two kinds": ([{"content": ""}, {"content": []}], {"content": []}),
    "an object": ([{"tool_calls": []}, {"tool_calls": [5]}], {"tool_calls": [5]}),
}


@pytest.mark.parametrize("case", PIECES)
def test_pieces_are_put_together(case: str) -> None:
    """Text is joined, lists and objects too, and of all else the last stands."""
    deltas, wanted = PIECES[case]
    assert message(*deltas) == wanted


def test_the_last_that_says_something_stands() -> None:
    """An empty id of the first chunk, usage on every chunk, a reason that is followed by null."""
    chunks = [
        {"id": "", "model": "", "choices": [], "usage": {"total_tokens": 0}, "x": None},
        {
            "id": "i",
            "model": "m",
            "choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}],
            "usage": {"total_tokens": 1},
        },
        {"id": "i", "model": "m", "choices": [{"delta": {}, "finish_reason": None}], "usage": {"total_tokens": 2}},
    ]
    assert joined(chunks) == {
        "id": "i",
        "model": "m",
        "usage": {"total_tokens": 2},
        "x": None,
        "choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}],
    }


def test_choices_stand_in_their_order() -> None:
    """However their chunks came; one without an index is at its position."""
    answer = joined([chunk({"content": "b"}, index=1), chunk({"content": "a"}, index=None), chunk({"content": "c"}, index=1)])
    assert answer is not None
    assert [(one["index"], one["message"]["content"]) for one in answer["choices"]] == [(0, "a"), (1, "bc")]


def test_a_whole_message_at_the_end_is_not_said_twice() -> None:
    """A last chunk that is a whole completion stands for what came before it; beside a delta it is passed over."""
    whole = {"object": "chat.completion", "choices": [{"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"}]}
    assert joined([chunk({"content": "a"}), chunk({"content": "b"}), whole]) == whole
    beside = {"object": "chat.completion", "choices": [{"index": 0, "delta": {"content": "a"}, "message": {"content": "a"}}]}
    answer = joined([beside, beside])
    assert answer is not None
    assert answer["choices"][0]["message"] == {"content": "aa"}


def test_messages_in_place_of_deltas_are_pieces() -> None:
    """A server that calls its deltas messages is understood."""
    answer = joined([chunk(message={"content": "a"}), chunk(message={"content": "b"}), chunk()])
    assert answer is not None
    assert answer["choices"][0]["message"] == {"content": "ab"}


def test_text_completions_are_joined() -> None:
    """With what is told of their tokens."""
    first = {"object": "text_completion", "choices": [{"index": 0, "text": "a", "logprobs": {"tokens": ["a"]}}]}
    second = {
        "object": "text_completion",
        "choices": [{"index": 0, "text": "b", "logprobs": {"tokens": ["b"]}, "finish_reason": "stop"}],
    }
    choice = {"index": 0, "text": "ab", "logprobs": {"tokens": ["a", "b"]}, "finish_reason": "stop"}
    assert joined([first, second]) == {"object": "text_completion", "choices": [choice]}


def test_of_a_response_the_last_stands() -> None:
    """Each event that has a whole response has a newer one."""
    events = [
        {"type": "response.created", "response": {"id": 1}},
        {"type": "x"},
        {"type": "response.completed", "response": {"id": 2}},
    ]
    assert joined(events) == {"id": 2}
    assert joined([{"type": "x"}]) is None
