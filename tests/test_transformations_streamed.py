"""Rules for the events of a stream: what goes from one event to the next, and that pieces make no difference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from amending import delta, deltas, message, piece, reply, stream
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_dyn.transformations.assembly import joined

MADE = re.compile("call_[0-9a-f]{24}")


def calls(events: list[Any]) -> list[Any]:
    """The pieces of calls of each chunk."""
    return [call for said in deltas(events) for call in said.get("tool_calls", ())]


# --- In an event, message reads delta -------------------------------------------------------------------------


def test_a_message_is_a_delta_in_an_event() -> None:
    """In the member, in sources from the root and in conditions; other paths are as they are written."""
    rules: list[dict[str, Any]] = [
        {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]},
        {"verb": "fill", "member": "said", "from": ["/choices[].message.content"]},
        {"verb": "set", "member": "has", "value": 1, "if": {"choices[].message.content": {"present": True}}},
        {"verb": "set", "member": "choices[].message_id", "value": 2},
    ]
    (event,) = stream([delta({"reasoning": "a", "content": "b"})], *rules)
    assert deltas([event]) == [{"reasoning": "a", "content": "b", "reasoning_content": "a"}]
    assert (event["said"], event["has"], event["choices"][0]["message_id"]) == ("b", 1, 2)


def test_messages_in_place_of_deltas() -> None:
    """A service that calls its deltas messages: the path of a delta is one like another."""
    rule = {"verb": "fill", "member": "choices[].delta", "from": ["message"], "on": ["event"]}
    assert deltas(stream([{"choices": [{"message": {"content": "a"}}]}], rule)) == [{"content": "a"}]


def test_a_chunk_without_a_delta() -> None:
    """It gets one, where a rule says so; and usage is found wherever a service puts it."""
    rules: list[dict[str, Any]] = [
        {"verb": "default", "member": "choices[].message", "value": {}},
        {"verb": "fill", "member": "usage", "from": ["/x_groq.usage", "/choices[].usage"]},
    ]
    first, second = stream([{"choices": [{"usage": {"total_tokens": 1}}]}, {"x_groq": {"usage": {"total_tokens": 2}}}], *rules)
    assert first == {"choices": [{"delta": {}, "usage": {"total_tokens": 1}}], "usage": {"total_tokens": 1}}
    assert second["usage"] == {"total_tokens": 2}


def test_what_is_made_is_the_same_through_a_stream() -> None:
    """One id and one time for all of its events, and others for the next."""
    rules: list[dict[str, Any]] = [
        {"verb": "default", "member": "id", "make": "id"},
        {"verb": "default", "member": "created", "make": "created"},
    ]
    events = stream([{}, {"id": ""}, {"id": None}], *rules, size=1)
    assert len({event["id"] for event in events}) == len({event["created"] for event in events}) == 1
    assert stream([{}], *rules)[0]["id"] != events[0]["id"]


def test_a_number_for_logprobs() -> None:
    """A bare number in a chunk is that of its text; the number itself stays."""
    told, silent = stream([delta({"content": "a"}, logprobs=-0.5), delta(None, logprobs=1)], {"verb": "logprobs"})
    entry = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    assert (told["choices"][0]["logprobs"], told["choices"][0]["native_logprobs"]) == ({"content": [entry]}, -0.5)
    assert silent["choices"][0]["logprobs"] == {"content": []}
    (odd,) = stream([{"choices": [{"logprobs": 1}]}], {"verb": "logprobs"})
    assert odd["choices"][0]["logprobs"] == {"content": []}


# --- Calls ----------------------------------------------------------------------------------------------------

#: Pieces of calls as services send them, and (index, id, type) of each after `number`; "made" stands for an id that is made.
NUMBERED: dict[str, tuple[list[Any], list[Any]]] = {
    "OpenAI's": (
        [piece(index=0, id="a", type="function", name="f", arguments=""), piece(index=0, arguments="{}")],
        [(0, "a", "function"), (0, None, None)],
    ),
    "whole, without an index": (
        [piece(id="a", name="f", arguments="{}"), piece(id="b", name="f", arguments="{}")],
        [(0, "a", "function"), (1, "b", "function")],
    ),
    "without an index, by id": (
        [piece(id="a", name="f"), piece(id="b", name="g"), piece(id="a", arguments="1"), piece(id="b", index=None)],
        [(0, "a", "function"), (1, "b", "function"), (0, "a", None), (1, "b", None)],
    ),
    "without an index and an id": (
        [piece(name="f"), piece(arguments="{"), piece(name="g", id=""), piece(arguments="{", id="")],
        [(0, "made", "function"), (0, None, None), (1, "made", "function"), (1, "", None)],
    ),
    "nothing but a piece": ([piece(arguments="{")], [(0, "made", "function")]),
    "all at the same index": (
        [piece(index=0, id="a", name="f"), piece(index=0, id="b", name="g"), piece(index=0, id="b", arguments="{")],
        [(0, "a", "function"), (1, "b", "function"), (0, "b", None)],
    ),
    "an id that is no text": ([piece(id=5, name="f"), piece(id=5, arguments="{")], [(0, 5, "function"), (0, 5, None)]),
    "an index that is none": ([piece(index="x", id="a", type="t", name="f")], [(0, "a", "t")]),
    "no function": (
        [{"tool_calls": [{"id": "a", "index": 0}, 5, {"index": 1, "id": "b", "function": 5}]}],
        [(0, "a", "function"), (1, "b", "function")],
    ),
}


@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize("case", NUMBERED)
def test_pieces_of_calls_are_numbered(case: str, size: int) -> None:
    """Index, id and type where they are missing, by id, else the last call goes on."""
    given_, wanted = NUMBERED[case]
    found = calls(stream(map(delta, given_), {"verb": "number"}, size=size))
    assert [
        (call.get("index"), "made" if MADE.fullmatch(str(call.get("id"))) else call.get("id"), call.get("type"))
        for call in found
        if isinstance(call, dict)
    ] == wanted


def test_an_empty_name_is_taken_away_later() -> None:
    """Who puts pieces together would take it for the name; the first piece keeps what it has."""
    found = calls(stream(map(delta, [piece(id="a", name=""), piece(index=0, name="", arguments="{")]), {"verb": "number"}))
    assert [call["function"] for call in found] == [{"name": ""}, {"arguments": "{"}]


def test_choices_are_numbered_apart() -> None:
    """Each choice has its own calls; odd choices and empty lists are passed over."""
    events = [
        delta(piece(id="a", name="f")),
        delta(piece(id="b", name="g"), index=1),
        {"choices": [5, {"delta": 5}]},
        {"choices": 5},
    ]
    events.append(delta({"tool_calls": []}))
    assert [call["index"] for call in calls([events[0], *stream(events[:2], {"verb": "number"})][1:])] == [0, 0]
    assert stream(events, {"verb": "number"})[2:] == events[2:]


def test_calls_of_a_whole_reply_get_id_and_type() -> None:
    """But no index, which only pieces have."""
    given_ = message(tool_calls=[{"id": "", "function": {}}, {"id": "a", "type": None}, {"id": "a", "type": "t"}, 5])
    found = reply(given_, {"verb": "number"})["choices"][0]["message"]["tool_calls"]
    assert MADE.fullmatch(found[0].pop("id"))
    assert found == [{"type": "function", "function": {}}, {"id": "a", "type": "function"}, {"id": "a", "type": "t"}, 5]


CALLED: list[tuple[list[Any], list[Any]]] = [
    ([delta(piece(id="a")), delta(finish_reason="stop")], [(None, None), ("tool_calls", "stop")]),
    ([delta(piece(id="a"), finish_reason="")], [("tool_calls", "")]),
    ([delta(piece(id="a")), delta(finish_reason="length")], [(None, None), ("length", None)]),
    ([delta({"content": "a"}), delta(finish_reason="stop")], [(None, None), ("stop", None)]),
    ([delta({"tool_calls": []}), delta(finish_reason="stop")], [(None, None), ("stop", None)]),
    ([delta({"tool_calls": [5]}), delta(finish_reason="stop")], [(None, None), ("stop", None)]),
    ([delta(piece(id="a")), delta(index=1, finish_reason="stop")], [(None, None), ("stop", None)]),
    ([delta(piece(id="a")), delta(finish_reason="stop", native_finish_reason="S")], [(None, None), ("tool_calls", "S")]),
]


@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize(("events", "wanted"), CALLED)
def test_who_calls_ends_with_calls(events: list[Any], wanted: list[Any], size: int) -> None:
    """A choice that had calls and says stop, or nothing at all."""
    choices = [event["choices"][0] for event in stream(events, {"verb": "called"}, size=size)]
    assert [(choice["finish_reason"], choice.get("native_finish_reason")) for choice in choices] == wanted


@pytest.mark.parametrize(
    ("reason", "said", "wanted"),
    [
        ("stop", {"tool_calls": [{}]}, {"finish_reason": "tool_calls", "native_finish_reason": "stop"}),
        (None, {"tool_calls": [{}]}, {"finish_reason": "tool_calls", "native_finish_reason": None}),
        ("length", {"tool_calls": [{}]}, {"finish_reason": "length"}),
        ("stop", {"content": "a"}, {"finish_reason": "stop"}),
    ],
)
def test_a_whole_reply_that_calls(reason: Any, said: Any, wanted: Any) -> None:
    """The same where the reply is whole, and where nothing says how it ended."""
    (choice,) = reply({"choices": [{"message": said, "finish_reason": reason}]}, {"verb": "called"})["choices"]
    assert {key: value for key, value in choice.items() if key != "message"} == wanted


def test_ids_that_come_again_are_made_unique() -> None:
    """In a reply each call has its own; in a stream the pieces of a call keep theirs."""
    said = message(tool_calls=[{"id": "0"}, {"id": "0"}, {"id": "call_1"}, {"id": "call_abcdef"}, {"id": 5}, {"id": ""}, {}])
    found = reply(said, {"verb": "unique"})["choices"][0]["message"]["tool_calls"]
    ids = [call.get("id") for call in found]
    assert all(MADE.fullmatch(str(one)) for one in ids[:3])
    assert len(set(ids[:3])) == 3
    assert ids[3:] == ["call_abcdef", 5, "", None]
    pieces = [piece(index=0, id="0"), piece(index=1, id="0"), piece(index=0, id="0"), piece(id="0"), piece(arguments="{")]
    first, second, again, none, bare = calls(stream(map(delta, pieces), {"verb": "unique"}, size=2))
    assert first["id"] == again["id"] != second["id"] != none["id"]
    assert "id" not in bare


def test_other_ids_are_made_unique() -> None:
    """Wherever a rule says, by the pattern it says; elements of a list too."""
    rule = {"verb": "unique", "member": "output[].call_id", "pattern": "^c"}
    found = reply({"output": [{"call_id": "c"}, {"call_id": "d"}]}, {**rule, "pattern": "^c$"})
    assert MADE.fullmatch(found["output"][0]["call_id"])
    assert found["output"][1] == {"call_id": "d"}
    (event,) = stream([{"ids": ["0", "7"]}], {"verb": "unique", "member": "ids[]"})
    assert len({*event["ids"], "0", "7"}) == 4


def test_ids_in_the_output_of_a_response() -> None:
    """The same for an item that begins, is done and stands in the whole; another for the next one, and in the next response."""
    rule = {"verb": "unique", "member": "output[].call_id"}
    item = {"type": "function_call", "call_id": "call_0"}
    events: list[Any] = [
        {"type": "response.created", "response": {"output": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.output_item.added", "output_index": 1, "item": item},
        {"type": "response.completed", "response": {"output": [item, item, {"type": "message"}, 5]}},
    ]
    for size in (1, 9):
        _, added, done, second, whole = stream(events, rule, size=size)
        ids = [one["call_id"] for one in whole["response"]["output"][:2]]
        assert all(map(MADE.fullmatch, ids))
        assert added["item"]["call_id"] == done["item"]["call_id"] == ids[0] != ids[1] == second["item"]["call_id"]
    found = reply({"output": [item, item]}, rule)["output"]
    assert found[0]["call_id"] != found[1]["call_id"]


# --- Reasoning ------------------------------------------------------------------------------------------------


def thought_and_said(events: Sequence[Any], **rule: Any) -> tuple[Any, Any]:
    """What the reasoning and the content of a stream amount to."""
    whole = joined(stream(events, {"verb": "tags", **rule}, size=2))
    assert whole is not None
    said = whole["choices"][0]["message"]
    return said.get("reasoning_content"), said.get("content")


TAGGED: list[tuple[str, dict[str, Any], tuple[Any, Any]]] = [
    ("<think>a b</think>c d", {}, ("a b", "c d")),
    ("<think>\na\n\nb\n</think>\n\nc\n", {}, ("a\n\nb", "c\n")),
    (" \n<think>a</think>b", {}, ("a", "b")),
    ("a<think>b</think>", {}, (None, "a<think>b</think>")),
    ("<thing>a", {}, (None, "<thing>a")),
    ("<think>a</thin", {}, ("a</thin", "")),
    ("<think>a</t</think>b", {}, ("a</t", "b")),
    ("<thi", {}, (None, "<thi")),
    ("<think></think>", {}, (None, "")),
    ("a</think>b", {"open": True}, ("a", "b")),
    ("<thought>a</thought>b", {"tags": ["think", "thought"]}, ("a", "b")),
    ("", {}, (None, "")),
]


@pytest.mark.parametrize(("text", "rule", "wanted"), TAGGED)
@settings(deadline=None, database=None, max_examples=20)
@given(data=st.data())
def test_tags_are_found_however_they_are_split(text: str, rule: dict[str, Any], wanted: Any, data: st.DataObject) -> None:
    """The same for any split of the text into pieces; nothing is lost but line breaks beside a tag."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    events = [delta({"content": part}) for part in parts] + [delta(finish_reason="stop")]
    thought, said = thought_and_said(events, **rule)
    assert (thought, said or "") == (wanted[0], wanted[1])


def test_tags_of_one_piece_end_with_the_piece() -> None:
    """A last chunk may hold text and the reason both; reasoning that is there already goes on."""
    assert thought_and_said([delta({"content": "<think>a"}, finish_reason="stop")]) == ("a", None)
    (event,) = stream([delta({"content": "<think>b", "reasoning_content": "a"})], {"verb": "tags"})
    assert deltas([event]) == [{"content": None, "reasoning_content": "ab"}]


@pytest.mark.parametrize("end", [{}, {"delta": None}])
def test_what_is_held_comes_with_an_end_that_says_nothing(end: dict[str, Any]) -> None:
    """Half a tag at the end of a text is text, though the last chunk has no delta; an odd chunk is left as it is."""
    last = {"choices": [None, {"index": 0, "finish_reason": "stop", **end}]}
    odd: dict[str, Any] = {"choices": None}
    found = stream([delta({"content": "<thi"}), odd, {"choices": [{"index": 0}]}, last], {"verb": "tags"}, size=1)
    assert found[1:3] == [odd, {"choices": [{"index": 0}]}]
    assert found[3]["choices"][1]["delta"] == {"content": "<thi"}


def test_tags_of_each_choice() -> None:
    """Choices are split apart, with an index or without; once one has none, its events are not looked at any more."""
    events = [
        delta({"content": "<think>a"}),
        delta({"content": "b"}, index=1),
        delta({"content": "</think>c"}),
        delta(),
        delta({"content": "d"}),
    ]
    found = deltas(stream(events, {"verb": "tags"}, size=1))
    assert found == [{"content": None, "reasoning_content": "a"}, {"content": "b"}, {"content": "c"}, {}, {"content": "d"}]
    bare = [{"choices": [{"delta": {"content": text}}]} for text in ("a", "<think>b")]
    assert deltas(stream(bare, {"verb": "tags"}, size=1)) == [{"content": "a"}, {"content": "<think>b"}]


def test_a_text_that_comes_twice() -> None:
    """The second of two equal ones is taken away, if it is long enough; choices apart, and what is no text is passed over."""
    long = "Thinking..."
    texts = [long, long, "ha", "ha", long, None, "", long, 5]
    events = [delta({"reasoning_content": text}) for text in texts] + [
        delta({"reasoning_content": long}, index=1),
        delta({"content": "x"}),
    ]
    found = [said.get("reasoning_content") for said in deltas(stream(events, {"verb": "repeat"}, size=3))]
    assert found == [long, None, "ha", "ha", long, None, "", None, 5, long, None]
    short = {"verb": "repeat", "least": 1}
    assert deltas(stream([delta({"reasoning_content": "a"}) for _ in "12"], short)) == [
        {"reasoning_content": "a"},
        {"reasoning_content": None},
    ]
    assert stream([delta({"content": "x"})], short) == [delta({"content": "x"})]


def test_blocks_in_deltas() -> None:
    """Each piece by itself."""
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]
    found = deltas(
        stream([delta({"content": thinking}), delta({"content": [{"type": "text", "text": "b"}]})], {"verb": "blocks"})
    )
    assert [(said["content"], said.get("reasoning_content")) for said in found] == [(None, "a"), ("b", None)]


# --- Events of responses --------------------------------------------------------------------------------------


def test_events_of_a_response_are_about_the_item_that_began_last() -> None:
    """Its place and its id, where an event has none of its own; not those about the response."""
    given_: list[Any] = [
        {"type": "response.created"},
        {"type": "response.output_text.delta", "delta": "early"},
        {"type": "response.output_item.added", "item": {"id": "a"}},
        {"type": "response.output_text.delta", "delta": "x"},
        {"type": "response.output_item.added", "item": None, "output_index": 7},
        {"type": "response.output_text.delta"},
        {"type": "response.output_item.added", "item": {"id": "c"}},
        {"type": "response.output_text.done", "item_id": "own", "output_index": 9},
        {"type": "response.output_item.done", "item": {"id": "c"}},
        {"type": "response.completed"},
        {"type": 5},
        5,
    ]
    found = stream(given_, {"verb": "items"}, size=2)
    told = [(event.get("output_index"), event.get("item_id")) for event in found if isinstance(event, dict)]
    assert told == [
        *((None, None), (None, None), (0, None), (0, "a"), (7, None), (1, None), (2, None), (9, "own"), (2, None)),
        *((None, None), (None, None)),
    ]


# --- What a stream costs --------------------------------------------------------------------------------------


def test_an_ordinary_event_is_looked_at_no_further() -> None:
    """Rules about what is not there leave all as it is, through a whole stream of text."""
    rules: list[dict[str, Any]] = [
        {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]},
        {"verb": "map", "member": "choices[].finish_reason", "values": [["eos", "stop"]]},
        {"verb": "map", "member": "choices[].finish_reason", "values": [["odd", "length"]]},
        {"verb": "fill", "member": "usage", "from": ["/x_groq.usage"]},
        *({"verb": verb} for verb in ("number", "called", "unique", "tags", "repeat", "blocks", "logprobs")),
        {"verb": "recount", "what": "total"},
        {"verb": "coerce", "member": "choices[].message.tool_calls[].function.arguments", "to": "json"},
    ]
    events = [{"id": "c", "object": "chat.completion.chunk", "model": "m", **delta({"content": f"t{i}"})} for i in range(200)]
    assert stream(events, *rules, size=64) == events


def test_odd_events_among_many_are_passed_over() -> None:
    """What is of another kind than all others changes nothing for these."""
    rules: list[dict[str, Any]] = [
        {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]},
        {"verb": "map", "member": "choices[].finish_reason", "values": [["eos", "stop"]]},
        {"verb": "map", "member": "choices.*.x", "values": [[1, 2]]},
    ]
    mixed = {"choices": [5, {"delta": "reasoning", "finish_reason": ["eos"]}]}
    odd: list[Any] = [5, {"choices": 5}, mixed, {"choices": {"a": {"x": 1}}}]
    two = {"choices": [*delta()["choices"], *delta({"reasoning": "b"})["choices"]]}
    found = stream([*odd, delta({"reasoning": "a"}), delta(finish_reason="eos"), two], *rules)
    assert found[:3] == odd[:3]
    assert found[3] == {"choices": {"a": {"x": 2}}}
    assert found[4:6] == [delta({"reasoning": "a", "reasoning_content": "a"}), delta(finish_reason="stop")]
    assert found[6]["choices"][1]["delta"] == {"reasoning": "b", "reasoning_content": "b"}
