"""What the tests of reply rules say again and again: some rules, what a service answers, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oai_dyn.transformations.replies import Answers, answers_of
from oai_dyn.wire import Route

#: The row that rules are about where they name none.
CHAT = Route("chat.completions.create", "POST", "/chat/completions")


def answers(*rules: dict[str, Any], row: Route = CHAT, model: str = "m") -> Answers:
    """The rules made ready; there has to be one for the row and the model."""
    found = answers_of(rules, row, model)
    assert found is not None
    return found


def fresh(value: Any) -> Any:
    """The same value, of which nothing is shared, as if it had just been decoded."""
    if isinstance(value, dict):
        return {key: fresh(item) for key, item in value.items()}
    return [fresh(item) for item in value] if isinstance(value, list) else value


def reply(given: Any, *rules: dict[str, Any]) -> Any:
    """A reply in form. What is given stays as it is; on its own result a rule changes nothing."""
    ready = answers(*rules)
    found = ready.reply(fresh(given))
    assert ready.reply(fresh(found)) == found
    return found


def stream(given: Iterable[Any], *rules: dict[str, Any], size: int = 1000) -> list[Any]:
    """The events of a stream in form, so many at a time."""
    events = fresh(list(given))
    adapt = answers(*rules).stream()
    parts = [events[at : at + size] for at in range(0, len(events), size)]
    for part in parts:
        adapt(part)
    return [event for part in parts for event in part]


def message(**members: Any) -> dict[str, Any]:
    """A reply with one message."""
    return {"choices": [{"index": 0, "message": members}]}


def delta(members: Any = None, *, index: int = 0, **choice: Any) -> dict[str, Any]:
    """A chunk with one delta."""
    return {"choices": [{"index": index, "delta": {} if members is None else members, "finish_reason": None, **choice}]}


def deltas(events: Iterable[Any]) -> list[Any]:
    """The first delta of each chunk."""
    return [event["choices"][0]["delta"] for event in events]


def piece(**members: Any) -> dict[str, Any]:
    """A delta with a piece of a call; `name` and `arguments` go into its function."""
    function = {key: members.pop(key) for key in ("name", "arguments") if key in members}
    return {"tool_calls": [{**members, "function": function}]}
