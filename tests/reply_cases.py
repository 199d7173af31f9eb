"""Replies before and after a rule, verb by verb."""

from __future__ import annotations

from typing import Any

from amending import message

REASONING = {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning", "details[].text"]}
CACHED = {"verb": "fill", "member": "usage.prompt_tokens_details.cached_tokens", "from": ["/usage.cached", "/cached"]}
FINISH = {
    "verb": "map",
    "member": "choices[].finish_reason",
    "values": [["eos", "stop"], ["sensitive", "content_filter"]],
    "keep_as": "native_finish_reason",
}


Rule = dict[str, Any]

#: A rule, what a service answers, and what comes of it.
CHANGED: dict[str, tuple[Rule, Any, Any]] = {
    "fill": (REASONING, message(reasoning="a"), message(reasoning="a", reasoning_content="a")),
    "fill over null": (REASONING, message(reasoning="a", reasoning_content=None), message(reasoning="a", reasoning_content="a")),
    "fill over empty text": (
        REASONING,
        message(reasoning="a", reasoning_content=""),
        message(reasoning="a", reasoning_content="a"),
    ),
    "fill from the next": (
        REASONING,
        message(reasoning="", details=[{"text": "a"}, {"text": None}, {"text": "b"}]),
        message(reasoning="", details=[{"text": "a"}, {"text": None}, {"text": "b"}], reasoning_content="ab"),
    ),
    "fill from the first of mixed": (
        REASONING,
        message(details=[{"text": 1}, {"text": "b"}]),
        message(details=[{"text": 1}, {"text": "b"}], reasoning_content=1),
    ),
    "fill where it is in some": (
        REASONING,
        {"choices": [{"message": {"reasoning": "a"}}, {"message": {"content": "b"}}, {"message": None}, 5]},
        {
            "choices": [
                {"message": {"reasoning": "a", "reasoning_content": "a"}},
                {"message": {"content": "b"}},
                {"message": None},
                5,
            ]
        },
    ),
    "fill with a condition": (
        {"verb": "fill", "member": "data[].owned_by", "from": ["publisher"], "where": {"id": "a"}},
        {"data": [{"id": "a", "publisher": "x"}, {"id": "b", "publisher": "x"}]},
        {"data": [{"id": "a", "publisher": "x", "owned_by": "x"}, {"id": "b", "publisher": "x"}]},
    ),
    "fill what passes a test": (
        {"verb": "fill", "member": "a", "from": ["b"], "is": {"below": 1}},
        {"a": 0, "b": 5},
        {"a": 5, "b": 5},
    ),
    "fill makes what holds it": (
        CACHED,
        {"usage": {"cached": 5}},
        {"usage": {"cached": 5, "prompt_tokens_details": {"cached_tokens": 5}}},
    ),
    "fill makes all that holds it": (
        CACHED,
        {"cached": 5},
        {"cached": 5, "usage": {"prompt_tokens_details": {"cached_tokens": 5}}},
    ),
    "fill each from the root": (
        {"verb": "fill", "member": "choices[].model", "from": ["/model"]},
        {"model": "m", "choices": [{}, {"model": "n"}]},
        {"model": "m", "choices": [{"model": "m"}, {"model": "n"}]},
    ),
    "map": (
        FINISH,
        {"choices": [{"finish_reason": "eos"}, {"finish_reason": "stop"}]},
        {"choices": [{"finish_reason": "stop", "native_finish_reason": "eos"}, {"finish_reason": "stop"}]},
    ),
    "map beside a native word": (
        FINISH,
        {"choices": [{"finish_reason": "eos", "native_finish_reason": "E"}]},
        {"choices": [{"finish_reason": "stop", "native_finish_reason": "E"}]},
    ),
    "map to null": (
        {"verb": "map", "member": "choices[].message.content", "values": [["", None]], "where": {"tool_calls": {"empty": False}}},
        message(content="", tool_calls=[{}]),
        message(content=None, tool_calls=[{}]),
    ),
    "map null": ({"verb": "map", "member": "a", "values": [[None, 1]], "keep_as": "b"}, {"a": None}, {"a": 1}),
    "map all others": ({"verb": "map", "member": "a", "values": [["x", "y"]], "other": {"to": "z"}}, {"a": "odd"}, {"a": "z"}),
    "map to nothing": (
        {"verb": "map", "member": "a[]", "values": [["x", "y"]], "other": "drop"},
        {"a": ["x", 1, "z"]},
        {"a": ["y"]},
    ),
    "map each value": (
        {"verb": "map", "member": "a.*", "values": [[1, 2]], "keep_as": "n"},
        {"a": {"b": 1, "c": 5}},
        {"a": {"b": 2, "c": 5}},
    ),
    "map an element": ({"verb": "map", "member": "a[]", "values": [[1, 2]], "keep_as": "n"}, {"a": [1, {}]}, {"a": [2, {}]}),
    "map below each value": (
        {"verb": "map", "member": "a.*.b", "values": [[1, 2]]},
        {"a": {"x": {"b": 1}, "y": 5, "z": {"b": 3}}, "c": {"b": 1}},
        {"a": {"x": {"b": 2}, "y": 5, "z": {"b": 3}}, "c": {"b": 1}},
    ),
    "default": ({"verb": "default", "member": "object", "value": "list"}, {}, {"object": "list"}),
    "default over null": ({"verb": "default", "member": "choices", "value": []}, {"choices": None}, {"choices": []}),
    "default over what passes": ({"verb": "default", "member": "a", "value": 1, "is": {"empty": True}}, {"a": ""}, {"a": 1}),
    "default in each": (
        {"verb": "default", "member": "data[].object", "value": "model"},
        {"data": [{"id": "a"}, {"id": "b", "object": "x"}, 5]},
        {"data": [{"id": "a", "object": "model"}, {"id": "b", "object": "x"}, 5]},
    ),
    "default index": (
        {"verb": "default", "member": "data[].index", "make": "index"},
        {"data": [{}, {"index": 7}, 5, {}]},
        {"data": [{"index": 0}, {"index": 7}, 5, {"index": 3}]},
    ),
    "default index where": (
        {"verb": "default", "member": "data[].index", "make": "index", "where": {"a": 1}},
        {"data": [{}, {"a": 1}]},
        {"data": [{}, {"a": 1, "index": 1}]},
    ),
    "set": ({"verb": "set", "member": "object", "value": "x"}, {"object": "y"}, {"object": "x"}),
    "set what passes": ({"verb": "set", "member": "a", "value": 1, "is": True}, {"a": True}, {"a": 1}),
    "coerce to JSON": (
        {"verb": "coerce", "member": "choices[].message.tool_calls[].function.arguments", "to": "json"},
        message(tool_calls=[{"function": {"arguments": {"a": 1}}}, {"function": {"arguments": "{}"}}, {"function": None}]),
        message(tool_calls=[{"function": {"arguments": '{"a":1}'}}, {"function": {"arguments": "{}"}}, {"function": None}]),
    ),
    "coerce to an integer": ({"verb": "coerce", "member": "created", "to": "integer"}, {"created": 17.9}, {"created": 17}),
    "coerce to a list": (
        {"verb": "coerce", "member": "a.*", "to": "list"},
        {"a": {"b": {}, "c": []}},
        {"a": {"b": [{}], "c": []}},
    ),
    "coerce what passes": ({"verb": "coerce", "member": "a[]", "to": "text", "is": {"above": 1}}, {"a": [1, 2]}, {"a": [1, "2"]}),
    "coerce where": ({"verb": "coerce", "member": "a.*", "to": "text", "where": {"x": 1}}, {"a": {"x": 1}}, {"a": {"x": "1"}}),
    "blocks": (
        {"verb": "blocks"},
        message(
            content=[
                {"type": "thinking", "thinking": [{"type": "text", "text": "a"}, {"text": "b"}]},
                {"type": "text", "text": "c"},
            ]
        ),
        message(
            content="c",
            content_blocks=[
                {"type": "thinking", "thinking": [{"type": "text", "text": "a"}, {"text": "b"}]},
                {"type": "text", "text": "c"},
            ],
            reasoning_content="ab",
        ),
    ),
    "blocks of a summary": (
        {"verb": "blocks", "to": "thought"},
        message(
            content=[{"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}], "text": 5}, "b", {"type": "image"}]
        ),
        message(
            content="b",
            content_blocks=[
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}], "text": 5},
                "b",
                {"type": "image"},
            ],
            thought="a",
        ),
    ),
    "blocks without text": (
        {"verb": "blocks"},
        message(content=[{"type": "text", "text": 5}, 5]),
        message(content=None, content_blocks=[{"type": "text", "text": 5}, 5]),
    ),
    "blocks beside reasoning": (
        {"verb": "blocks"},
        message(content=[{"type": "thinking", "thinking": "a"}], reasoning_content="b"),
        message(content=None, content_blocks=[{"type": "thinking", "thinking": "a"}], reasoning_content="b"),
    ),
    "tags": ({"verb": "tags"}, message(content="<think>\na\n</think>\n\nb"), message(content="b", reasoning_content="a")),
    "tags of another name": (
        {"verb": "tags", "tags": ["think", "thought"], "to": "t"},
        message(content=" <thought>a</thought>b"),
        message(content="b", t="a"),
    ),
    "tags without an end": ({"verb": "tags"}, message(content="<think>a\n"), message(content=None, reasoning_content="a\n")),
    "tags with nothing in them": ({"verb": "tags"}, message(content="<think>\n\n</think>\n\nb"), message(content="b")),
    "tags that begin before": (
        {"verb": "tags", "open": True},
        message(content="\na</think>b"),
        message(content="b", reasoning_content="a"),
    ),
    "unwrap": ({"verb": "unwrap", "member": "result"}, {"result": {"id": 1}, "success": True}, {"id": 1}),
    "wrap": ({"verb": "wrap"}, [1], {"object": "list", "data": [1]}),
    "total": (
        {"verb": "recount", "what": "total"},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 1}},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
    ),
    "total that is missing": (
        {"verb": "recount", "what": "total"},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": None}},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}},
    ),
    "completion": (
        {"verb": "recount", "what": "completion"},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 8, "total_tokens": 9}},
    ),
    "completion that is less than its reasoning": (
        {"verb": "recount", "what": "completion"},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 5}}},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 5}}},
    ),
    "prompt": (
        {"verb": "recount", "what": "prompt"},
        {"usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 5}}},
        {"usage": {"prompt_tokens": 6, "prompt_tokens_details": {"cached_tokens": 5}}},
    ),
    "logprobs": (
        {"verb": "logprobs"},
        {"choices": [{"logprobs": {"tokens": ["é", 5], "token_logprobs": [-1.0, 0.0]}}, {"logprobs": None}, {}]},
        {
            "choices": [
                {
                    "logprobs": {
                        "tokens": ["é", 5],
                        "token_logprobs": [-1.0, 0.0],
                        "content": [{"token": "é", "logprob": -1.0, "bytes": [195, 169], "top_logprobs": []}],
                    }
                },
                {"logprobs": None},
                {},
            ]
        },
    ),
    "if": ({"verb": "set", "member": "a", "value": 1, "if": {"b": 1}}, {"b": 1}, {"a": 1, "b": 1}),
}

#: A rule, and an answer that it leaves as it is.
KEPT: dict[str, tuple[Rule, Any]] = {
    "fill not over its own": (REASONING, message(reasoning="a", reasoning_content="b")),
    "fill from nothing": (REASONING, message(reasoning=None, details=[])),
    "fill what does not pass": ({"verb": "fill", "member": "a", "from": ["b"], "is": 3}, {"a": "", "b": 5}),
    "fill makes nothing of odd things": (CACHED, {"usage": "x", "cached": 5}),
    "fill makes nothing for nothing": (CACHED, {"usage": {"cached": None}}),
    "fill not over its own, from the root": (CACHED, {"usage": {"cached": 5, "prompt_tokens_details": {"cached_tokens": 0}}}),
    "map no others of null": ({"verb": "map", "member": "a", "values": [["x", "y"]], "other": {"to": "z"}}, {"a": None}),
    "map odd values": (FINISH, {"choices": [{"finish_reason": ["eos"]}, {"finish_reason": {}}]}),
    "default not over empty": ({"verb": "default", "member": "a", "value": 1}, {"a": ""}),
    "default not where it passes not": ({"verb": "default", "member": "a", "value": 1, "is": {"empty": True}}, {"a": 5}),
    "default index of nothing": ({"verb": "default", "member": "data[].index", "make": "index"}, {"data": {"a": 1}}),
    "set not what passes not": ({"verb": "set", "member": "a", "value": 1, "is": 2}, {"a": 3}),
    "coerce to no integer": ({"verb": "coerce", "member": "created", "to": "integer"}, {"created": float("inf")}),
    "coerce what is not there": ({"verb": "coerce", "member": "created", "to": "integer"}, {}),
    "coerce what is no object": ({"verb": "coerce", "member": "a.*", "to": "list"}, {"a": 5}),
    "coerce no element": ({"verb": "coerce", "member": "a[]", "to": "text"}, {"a": "12"}),
    "coerce not where": ({"verb": "coerce", "member": "a[]", "to": "text", "where": {"x": 1}}, {"a": [1]}),
    "blocks of text": ({"verb": "blocks"}, message(content="a")),
    "blocks of nothing": ({"verb": "blocks"}, {"choices": [{"message": {"content": None}}]}),
    "tags in the middle": ({"verb": "tags"}, message(content="b <think>a</think>")),
    "tags beside reasoning": ({"verb": "tags"}, message(content="<think>a</think>b", reasoning_content="c")),
    "tags where": ({"verb": "tags", "where": {"role": "x"}}, message(content="<think>a</think>b")),
    "half a tag": ({"verb": "tags"}, message(content="<thi")),
    "no text": ({"verb": "tags"}, message(content=None)),
    "unwrap if": ({"verb": "unwrap", "member": "p", "if": {"choices": {"empty": True}}}, {"p": {"a": 1}, "choices": [1]}),
    "unwrap nothing": ({"verb": "unwrap", "member": "result"}, {"result": "x"}),
    "unwrap the whole": ({"verb": "unwrap", "member": ""}, {"result": "x"}),
    "wrap an object": ({"verb": "wrap"}, {"data": [1]}),
    "wrap if": ({"verb": "wrap", "if": {"a": 1}}, [1]),
    "total that is enough": (
        {"verb": "recount", "what": "total"},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}},
    ),
    "total of nothing": ({"verb": "recount", "what": "total"}, {"usage": {"prompt_tokens": 1}}),
    "completion that has its reasoning": (
        {"verb": "recount", "what": "completion"},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 5}}},
    ),
    "completion of odd counts": (
        {"verb": "recount", "what": "completion"},
        {"usage": {"prompt_tokens": True, "completion_tokens": 2, "total_tokens": 9}},
    ),
    "prompt that has it": (
        {"verb": "recount", "what": "prompt"},
        {"usage": {"prompt_tokens": 6, "prompt_tokens_details": {"cached_tokens": 5}}},
    ),
    "prompt without details": ({"verb": "recount", "what": "prompt"}, {"usage": {"prompt_tokens": 1}}),
    "counts where": (
        {"verb": "recount", "what": "total", "member": "meta.usage", "where": {"a": 1}},
        {"meta": {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}},
    ),
    "logprobs of no form": ({"verb": "logprobs"}, {"choices": [{"logprobs": {"a": 1}}]}),
    "logprobs of OpenAI's": ({"verb": "logprobs"}, {"choices": [{"logprobs": {"content": []}}]}),
    "no logprobs": ({"verb": "logprobs"}, message(content="a")),
    "if not": ({"verb": "set", "member": "a", "value": 1, "if": {"b": 1}}, {"b": 2}),
}
