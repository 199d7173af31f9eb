"""The call of a tool that a chat or a response answers with: whether there is one, of which function, with what.

Rules of this file: no network, no clock, no chance. A function is called where the request insists, or where the user
spoke last; what a function is given is made from its own schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .asked import Asked, entries, inner
from .fitting import json_text
from .words import STRIDE, new_id


class Call(NamedTuple):
    """A call of a function: its arguments are text of JSON."""

    name: str
    arguments: str

    def halves(self) -> tuple[str, str]:
        """The arguments in the two pieces that a stream sends."""
        middle = len(self.arguments) // 2
        return self.arguments[:middle], self.arguments[middle:]


def call_of(asked: Asked) -> Call | None:
    """The call that a request is answered with, None where it is answered with text."""
    choice = asked.members.get("tool_choice")
    offered = _functions(asked.members.get("tools"))
    must, kind = choice == "required", inner(choice, "type")
    if kind == "function":
        offered, must = _among(offered, [choice]), True
    elif kind == "allowed_tools":
        allowed = inner(choice, "allowed_tools") or choice
        offered, must = _among(offered, entries(inner(allowed, "tools"))), inner(allowed, "mode") == "required"
    elif choice not in (None, "auto", "required"):
        return None
    if not offered or not (must or _user_spoke_last(asked.members)):
        return None
    name = next(iter(offered))
    return Call(name, json_text(offered[name]))


def chat_call(call: Call, number: int, choice: int) -> dict[str, Any]:
    """The call as a chat has it; each choice has one of its own."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": new_id("call", number + STRIDE * choice), "type": "function", "function": function}


def response_call(call: Call, number: int) -> dict[str, Any]:
    """The call as an item of a response."""
    ids = {"id": new_id("function_call", number), "call_id": new_id("call", number)}
    return {**ids, "type": "function_call", "name": call.name, "arguments": call.arguments, "status": "completed"}


def _functions(tools: Any) -> dict[str, Any]:
    """The schemas of the functions among the tools, by name; other kinds of tools are never called."""
    found: dict[str, Any] = {}
    for tool in entries(tools):
        name = _name(tool)
        if inner(tool, "type") == "function" and isinstance(name, str):
            found.setdefault(name, inner(tool, "function", "parameters") or inner(tool, "parameters"))
    return found


def _name(tool: Any) -> Any:
    return inner(tool, "function", "name") or inner(tool, "name")


def _among(offered: dict[str, Any], tools: list[Any]) -> dict[str, Any]:
    names = [_name(tool) for tool in tools]
    return {name: schema for name, schema in offered.items() if name in names}


def _user_spoke_last(members: Mapping[str, Any]) -> bool:
    """Whether the last message or item is the user's; a tool's result is not."""
    last = entries(members.get("messages", members.get("input")))[-1:]
    return any(isinstance(one, str) or inner(one, "role") == "user" for one in last)
