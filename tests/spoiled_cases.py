"""Reply rules, answers in OpenAI's form, and the same as a provider sends them that needs such a rule."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def chat(**message: Any) -> Json:
    """A reply with one choice."""
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def chunk(reason: str | None = None, **delta: Any) -> Json:
    """An event with one choice."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

#: Rules, an answer, and the same spoiled.
REPLIES: dict[str, tuple[Json | list[Json], Any, Any]] = {
    "fill a list": (
        {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning_details[].text"]},
        chat(content="a", reasoning_content="b"),
        chat(content="a", reasoning_details=[{"text": "b"}]),
    ),
    "fill what is there": ({"verb": "fill", "member": "a", "from": ["b.c"]}, {"a": 1, "b": {"c": 2}}, {"b": {"c": 2}}),
    "fill over another kind": ({"verb": "fill", "member": "a", "from": ["b.c"]}, {"a": 1, "b": 2}, {"b": {"c": 1}}),
    "fill nothing": ({"verb": "fill", "member": "a", "from": ["b"]}, {"a": ""}, {"a": ""}),
    "fill of several": ({"verb": "fill", "member": ["a", "b"], "from": ["c"]}, {"a": 1, "b": 2}, {"c": 2}),
    "map each": ({"verb": "map", "member": "a[]", "values": [["x", 1], ["y", 2]]}, {"a": [1, 2, 3]}, {"a": ["x", "y", 3]}),
    "map those": (
        {"verb": "map", "member": "a[]", "where": {"b": 1}, "values": [["x", {"b": 1}]]},
        {"a": [{"b": 1}, {"b": 2}]},
        {"a": ["x", {"b": 2}]},
    ),
    "map each value": ({"verb": "map", "member": "a.*", "values": [[None, 1]]}, {"a": {"b": 1}}, {"a": {"b": None}}),
    "map to itself": ({"verb": "map", "member": "a", "values": [["x", "x"], ["y", "x"]]}, {"a": "x"}, {"a": "y"}),
    "map what is not tested": ({"verb": "map", "member": "a", "values": [["x", "y"]], "is": "z"}, {"a": "y"}, {"a": "y"}),
    "map and forget": (
        {"verb": "map", "member": "a", "values": [["x", "y"]], "keep_as": "b"},
        {"a": "y", "b": "old"},
        {"a": "x"},
    ),
    "set": ({"verb": "set", "member": "a", "value": 1}, {"a": 1}, {}),
    "default": ({"verb": "default", "member": "a", "value": 1}, {"a": 2}, {"a": 2}),
    "text of JSON": ({"verb": "coerce", "member": "a", "to": "json"}, {"a": '{"b": [1]}'}, {"a": {"b": [1]}}),
    "a word for JSON": ({"verb": "coerce", "member": "a[]", "to": "json"}, {"a": ["1", "x", 2]}, {"a": ["1", "x", 2]}),
    "an integer": ({"verb": "coerce", "member": "a[]", "to": "integer"}, {"a": [1, True, "x"]}, {"a": [1.0, True, "x"]}),
    "a number": ({"verb": "coerce", "member": "a[]", "to": "number"}, {"a": [1.5, True]}, {"a": ["1.5", True]}),
    "a boolean": ({"verb": "coerce", "member": "a[]", "to": "boolean"}, {"a": [True, "x"]}, {"a": [1, "x"]}),
    "text": ({"verb": "coerce", "member": "a[]", "to": "text"}, {"a": ["12", "012", "x"]}, {"a": [12, "012", "x"]}),
    "a list": ({"verb": "coerce", "member": "a[]", "to": "list"}, {"a": [[1], [1, 2], 3]}, {"a": [1, [1, 2], 3]}),
    "blocks": (
        {"verb": "blocks"},
        chat(content="a", reasoning_content="b"),
        chat(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "b"}]}, {"type": "text", "text": "a"}]),
    ),
    "no blocks": ({"verb": "blocks"}, chat(content=""), chat(content="")),
    "tags": ({"verb": "tags", "tags": ["t", "u"]}, chat(content="a", reasoning_content="b"), chat(content="<t>\nb\n</t>\n\na")),
    "no tags": ({"verb": "tags"}, chat(content="a"), chat(content="a")),
    "no message": ({"verb": "tags"}, {"choices": [{"message": 1}]}, {"choices": [{"message": 1}]}),
    "other choices": ({"verb": "tags", "where": {"a": 1}}, chat(reasoning_content="b"), chat(reasoning_content="b")),
    "tags that were opened": ({"verb": "tags", "open": True}, chat(content="a"), chat(content="\n</think>\n\na")),
    "unique by a pattern": (
        {"verb": "unique", "pattern": "^call:[0-9]$"},
        chat(tool_calls=[CALL]),
        chat(tool_calls=[{**CALL, "id": "call:0"}]),
    ),
    "number": ({"verb": "number"}, chat(tool_calls=[CALL]), chat(tool_calls=[{"function": CALL["function"]}])),
    "a count of no text": (
        {"verb": "recount", "what": "completion"},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}},
    ),
    "unwrap": ({"verb": "unwrap", "member": "a.b"}, {"c": 1}, {"a": {"b": {"c": 1}}}),
    "unwrap elsewhere": ({"verb": "unwrap", "member": "a", "if": {"d": 1}}, {"c": 1}, {"c": 1}),
    "wrap": ({"verb": "wrap", "member": ""}, {"data": [1], "object": "list"}, [1]),
    "logprobs": (
        {"verb": "logprobs"},
        {"choices": [{"logprobs": {"content": [{"token": "a", "logprob": -1}]}}, {"logprobs": None}]},
        {"choices": [{"logprobs": {"tokens": ["a"], "token_logprobs": [-1]}}, {"logprobs": None}]},
    ),
    "the last first": (
        [{"verb": "map", "member": "choices[].finish_reason", "values": [["eos", "stop"]]}, {"verb": "called"}],
        {"choices": [{"message": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}]},
        {"choices": [{"message": {"tool_calls": [CALL]}, "finish_reason": "eos"}]},
    ),
}

#: Rules, the events of a stream, and the same spoiled.
STREAMS: dict[str, tuple[Json, list[Json], list[Json]]] = {
    "a tag is split": (
        {"verb": "tags"},
        [
            chunk(role="assistant"),
            chunk(reasoning_content="ab"),
            chunk(reasoning_content="c"),
            chunk(content="def"),
            chunk("stop"),
        ],
        [
            chunk(role="assistant"),
            chunk(content="<think>"),
            chunk(content="\n"),
            chunk(content="abc\n</think>\n\n"),
            chunk("stop", content="def"),
        ],
    ),
    "a tag is closed before a call": (
        {"verb": "tags"},
        [chunk(reasoning_content="a"), chunk(tool_calls=[CALL])],
        [chunk(content="<think"), chunk(content=">\na\n</think>\n\n", tool_calls=[CALL])],
    ),
    "what was kept back comes all the same": (
        {"verb": "tags"},
        [chunk(reasoning_content="a"), {"choices": [{"index": 0, "finish_reason": "stop"}]}],
        [chunk(content="<think"), chunk("stop", content=">\na\n</think>\n\n")],
    ),
    "reasoning comes twice": (
        {"verb": "repeat", "least": 2},
        [
            chunk(reasoning_content="ab"),
            chunk(reasoning_content="a"),
            chunk(reasoning_content="ab", content="c"),
            {"choices": []},
        ],
        [
            chunk(reasoning_content="ab"),
            chunk(reasoning_content="ab"),
            chunk(reasoning_content="a"),
            chunk(reasoning_content="ab", content="c"),
            {"choices": []},
        ],
    ),
    "a number for logprobs": (
        {"verb": "logprobs"},
        [
            {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": -1}]}}]},
            {"choices": [{"delta": {"content": "ab"}, "logprobs": {"content": [{"token": "a", "logprob": -1}]}}]},
        ],
        [
            {"choices": [{"delta": {"content": "a"}, "logprobs": -1}]},
            {"choices": [{"delta": {"content": "ab"}, "logprobs": {"content": [{"token": "a", "logprob": -1}]}}]},
        ],
    ),
    "items": (
        {"verb": "items"},
        [{"type": "response.output_text.delta", "output_index": 0, "item_id": "a"}, {"type": "response.completed"}],
        [{"type": "response.output_text.delta"}, {"type": "response.completed"}],
    ),
    "of replies only": ({"verb": "set", "member": "a", "value": 1, "on": ["reply"]}, [{"a": 1}], [{"a": 1}]),
}
