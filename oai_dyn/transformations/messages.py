"""Verbs that are about a conversation or its tools as a whole: what they make of lists of messages, items and tools.

Rules of this file: a list that is as wanted comes back as the same object; nothing given is changed; what is no message, item or
tool that is known stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..codec import encode
from .places import EACH, MISSING
from .work import Change, Work, dig, node

Rule = Mapping[str, Any]
Listed = Callable[[list[Any]], list[Any]]
InBody = Callable[[Work], Sequence[Change]]

_TEXT_PARTS = ("text", "input_text", "output_text")


def texts(parts: list[Any]) -> list[str] | None:
    """The texts of a list of text parts; None where another part is among them."""
    found = [part["text"] if _is_text(part) else part for part in parts]
    return found if all(isinstance(text, str) for text in found) else None


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)


def _role(message: Any) -> Any:
    """Who says a message; None of an item that is none."""
    return message.get("role") if isinstance(message, dict) else None


def merged(rule: Rule) -> Listed:
    """Messages of some `roles` become one at the start, their texts joined by `join`."""
    roles, join = tuple(rule["roles"]), rule.get("join", "\n")

    def change(messages: list[Any]) -> list[Any]:
        chosen = [message for message in messages if _role(message) in roles]
        if not chosen or (len(chosen) == 1 and messages[0] is chosen[0]):
            return messages
        contents = [message.get("content") for message in chosen]
        content: Any = contents[0]
        if len(chosen) > 1 and all(isinstance(one, str) for one in contents):
            content = join.join(contents)
        elif len(chosen) > 1:
            content = [part for one in contents for part in _parts(one)]
        return [{**chosen[0], "content": content}, *(message for message in messages if _role(message) not in roles)]

    return change


def _parts(content: Any) -> list[Any]:
    """A message's content as a list of parts."""
    if isinstance(content, list):
        return content
    return [] if content is None else [{"type": "text", "text": content}]


def inserted(rule: Rule) -> Listed:
    """`value` stands between two messages of the roles in `between`, or with `append` at the end."""
    value, between = rule["value"], tuple(rule.get("between", ()))

    def appended(messages: list[Any]) -> list[Any]:
        return messages if messages and messages[-1] == value else [*messages, value]

    def put_between(messages: list[Any]) -> list[Any]:
        out = messages[:1]
        for before, message in pairwise(messages):
            out += [value, message] if (_role(before), _role(message)) == between else [message]
        return messages if len(out) == len(messages) else out

    return appended if rule.get("append") else put_between


def reordered(rule: Rule) -> Listed:
    """Items of the types in `last` stand behind the others of their turn; what the user or a tool says ends a turn."""
    last = tuple(rule["last"])

    def change(items: list[Any]) -> list[Any]:
        out: list[Any] = []
        waiting: list[Any] = []
        for item in items:
            kind = item.get("type", "") if isinstance(item, dict) else ""
            if kind in last:
                waiting.append(item)
                continue
            if _role(item) not in (None, "assistant") or str(kind).endswith("_output"):
                out += waiting
                waiting = []
            out.append(item)
        out += waiting
        return items if all(one is other for one, other in zip(out, items, strict=True)) else out

    return change


def narrowed(rule: Rule) -> InBody:
    """A choice of one function: that tool alone stays, and the choice is `word`."""

    def change(work: Work) -> Sequence[Change]:
        choice, tools = work.body.get("tool_choice"), work.body.get("tools")
        name = _name(choice)
        if not isinstance(name, str) or not isinstance(tools, list):
            return ()
        kept = [tool for tool in tools if _name(tool) == name]
        if not kept:
            return ()
        work.own().update(tools=kept, tool_choice=rule["word"])
        return ((("tool_choice",), choice, rule["word"]),)

    return change


def _name(tool: Any) -> Any:
    """The name of a function, in either form of a tool or of a choice of one."""
    inner = dig(tool, ("function", "name"))
    return dig(tool, ("name",)) if inner is MISSING else inner


_PROMPT = "Answer with one JSON object that fits this JSON Schema, and with nothing else:\n"


def prompted(rule: Rule) -> InBody:
    """An answer that has to fit a schema: JSON is asked for, and the schema told in a system message."""

    def change(work: Work) -> Sequence[Change]:
        old = work.body.get("response_format")
        schema, messages = dig(old, ("json_schema", "schema")), work.body.get("messages")
        if dig(old, ("type",)) != "json_schema" or schema is MISSING or not isinstance(messages, list):
            return ()
        told = _PROMPT + encode(schema, work.write).decode()
        first: Any = messages[0] if messages else None
        if _role(first) in ("system", "developer") and isinstance(first.get("content"), str):
            messages = [{**first, "content": f"{first['content']}\n\n{told}"}, *messages[1:]]
        else:
            messages = [{"role": "system", "content": told}, *messages]
        new = {"type": "json_object"}
        work.own().update(response_format=new, messages=messages)
        return ((("response_format",), old, new),)

    return change


def as_functions(rule: Rule) -> InBody:
    """Tools that take a text become functions that take an object with it, also in the choice and the calls so far."""

    def change(work: Work) -> Sequence[Change]:
        changes: list[Change] = []
        for level in _TOOLS:
            found = [
                (i, new) for i, tool in enumerate(work.level(level)) if (new := _function(tool, level is _TOOLS[0])) is not None
            ]
            trails = work.trails(level, [i for i, _ in found])
            for i, new in found:
                own, key = work.own(trails[i][:-1]), trails[i][-1]
                changes.append((trails[i], own[key], new))
                own[key] = new
        return changes

    return change


#: Where tools, the choice of one, and calls of them stand.
_TOOLS = tuple(map(node, (("tools", EACH), ("tool_choice",), ("messages", EACH, "tool_calls", EACH))))


_INPUT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"], "additionalProperties": False}


def _function(tool: Any, itself: bool) -> dict[str, Any] | None:
    """The function for a tool that takes a text, itself or a choice or a call of one; None for all else."""
    if not isinstance(tool, dict) or tool.get("type") != "custom":
        return None
    inner: Any = tool.get("custom")
    nested = isinstance(inner, dict)
    own = inner if nested else tool
    function = {key: value for key, value in own.items() if key not in ("type", "format", "input")}
    if "input" in own:
        function["arguments"] = encode({"input": own["input"]}, str).decode()
    elif itself:
        function["parameters"] = _INPUT
    rest = {key: value for key, value in tool.items() if key not in ("type", "custom")}
    return {**rest, "type": "function", "function": function} if nested else {"type": "function", **function}


def tagged(reasoning: Any, content: Any, word: str) -> Any:
    """A content with the reasoning before it, in tags; None where it cannot be told."""
    if not isinstance(reasoning, str):
        return None
    text = f"<{word}>{reasoning}</{word}>" if reasoning else ""
    if content is None or isinstance(content, str):
        return text + (content or "")
    return [{"type": "text", "text": text}, *content] if isinstance(content, list) else None


def into_block(value: Any, content: Any, name: str) -> Any:
    """A content whose last block has a member that the message had; None where there is no block."""
    blocks = _parts(content)
    if not blocks or not isinstance(blocks[-1], dict):
        return None
    return [*blocks[:-1], {name: value, **blocks[-1]}]
