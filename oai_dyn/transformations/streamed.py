"""Calls of tools in replies and in streams: their ids and places, and what is said when a model calls.

Rules of this file: those of `replies`.
"""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

from .conditions import regex
from .places import Steps
from .reaching import Act, Few, Rule, Target
from .reasoning import told

#: How a service ends a choice that calls tools, where it does not say so.
_ENDED = ("stop", "")

_CHOICES: Steps = ("choices", "[]")
_DELTAS: Steps = (*_CHOICES, "delta")
_MESSAGES: Steps = (*_CHOICES, "message")


def _calling(batch: Few, target: Target) -> Iterator[tuple[Any, dict[str, Any], list[dict[str, Any]]]]:
    """Each choice that has calls, with its index: (index, choice, calls). Most events have none, and cost one look."""
    if batch.has(_DELTAS if target.event else _MESSAGES, "tool_calls"):
        for index, choice, said in told(batch, target):
            calls = said.get("tool_calls")
            if isinstance(calls, list) and calls:
                yield index, choice, [call for call in calls if isinstance(call, dict)]


def called(rule: Rule, target: Target) -> Act:
    """The finish reason of a choice that calls tools is `tool_calls`; the service's own stays as `native_finish_reason`."""
    callers: set[Any] = set()

    def act(batch: Few) -> Steps | None:
        callers.update(index for index, _, calls in _calling(batch, target) if calls)
        changed = False
        for index, choice, _ in told(batch, target) if callers else ():
            reason = choice.get("finish_reason")
            if index in callers and (reason in _ENDED or (reason is None and not target.event)):
                choice["finish_reason"] = "tool_calls"
                if choice.get("native_finish_reason") is None:
                    choice["native_finish_reason"] = reason
                changed = True
        return _CHOICES if changed else None

    return act


class _Seen:
    """The calls of one choice so far: by id the place of each, at each place the id."""

    __slots__ = ("ids", "places")

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.ids: dict[int, str] = {}

    def place(self, call: dict[str, Any], names: bool) -> tuple[int, bool]:
        """The place of a piece of a call, and whether it is the first of its call."""
        at, known = call.get("index"), call.get("id")
        known = known if isinstance(known, str) else ""
        if isinstance(at, int) and not isinstance(at, bool):
            other = self.ids.get(at)
            if other is None or not names or known in ("", other):
                return at, other is None
        if known in self.places:
            return self.places[known], False
        if not known and not names and self.ids:
            return max(self.ids), False
        return max(self.ids, default=-1) + 1, True


def number(rule: Rule, target: Target) -> Act:
    """Place, id and type of calls, where they are missing. In a stream a call goes on by its place, by its id, or as the last."""
    seen: dict[Any, _Seen] = {}

    def act(batch: Few) -> Steps | None:
        changed = False
        for index, _, calls in _calling(batch, target):
            for call in calls:
                changed |= _numbered(call, seen.setdefault(index, _Seen())) if target.event else _named(call)
        return _CHOICES if changed else None

    return act


def _numbered(call: dict[str, Any], seen: _Seen) -> bool:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    at, first = seen.place(call, bool(function.get("name")))
    changed = call.get("index") != at
    call["index"] = at
    if first:
        changed |= _named(call)
        seen.ids[at] = known = call["id"] if isinstance(call["id"], str) else ""
        if known:
            seen.places[known] = at
    elif function.get("name") == "":
        del function["name"]  # else who puts pieces together might take it for the name
        changed = True
    return changed


def _named(call: dict[str, Any]) -> bool:
    """Id and type of a whole call, or of its first piece."""
    wanting = call.get("id") in (None, "") or call.get("type") in (None, "")
    if wanting:
        call["id"] = call.get("id") or f"call_{token_hex(12)}"
        call["type"] = call.get("type") or "function"
    return wanting


def unique(rule: Rule, target: Target) -> Act:
    """Ids that come again in each reply ("0", "call_0") become ids that do not; `pattern` says which those are.

    In a stream an id is the same for all that is said of a call: of one in choices by its index, of one in the output of a
    response (a member below `output[]`) by its place there.
    """
    worn = regex(rule.get("pattern", r"^(call_?|tool_?)?\d{0,3}$"))
    made: dict[Any, str] = {}
    of_output = target.event and target.place.steps[:2] == ("output", "[]")

    def slots(batch: Few) -> Iterator[tuple[Any, Any, Any]]:
        """What holds an id, its name there, and what tells its call from others."""
        if of_output:
            for event in target.within(batch).objects(()):
                yield from _of_output(event, target.key)
            return
        for position, (holder, key) in enumerate(target.slots(batch)):
            yield holder, key, holder.get("index") if target.event and isinstance(holder, dict) else position

    def act(batch: Few) -> Steps | None:
        if target.absent(batch) and not of_output:
            return None
        changed = False
        for holder, key, place in slots(batch):
            known = holder[key]
            if isinstance(known, str) and known and worn.search(known):
                same = (place if isinstance(place, int) else None, known)
                holder[key] = made[same] = made.get(same) or f"call_{token_hex(12)}"
                changed = True
        return () if changed else None

    return act


def _of_output(event: dict[str, Any], key: str) -> Iterator[tuple[Any, Any, Any]]:
    """The items that an event of a response shows, its own and those of the whole, with their places."""
    response = event.get("response")
    output = response.get("output") if isinstance(response, dict) else None
    shown = [(event.get("item"), event.get("output_index"))]
    for item, place in shown + [(item, i) for i, item in enumerate(output if isinstance(output, list) else ())]:
        if isinstance(item, dict) and key in item:
            yield item, key, place


def items(rule: Rule, target: Target) -> Act:
    """Events of a response that do not say which item they are about: `output_index` and `item_id` of the last that began."""
    begun: list[Any] = []

    def act(batch: Few) -> Steps | None:
        changed = False
        for event in target.within(batch).objects(()):
            kind = event.get("type")
            if not isinstance(kind, str) or kind.count(".") < 2:
                continue  # response.completed and the like are about the whole
            item = event.get("item")
            if kind == "response.output_item.added":
                begun.append(item.get("id") if isinstance(item, dict) else None)
            about = {"output_index": len(begun) - 1} if begun else {}
            if begun and "item" not in event and begun[-1] is not None:
                about["item_id"] = begun[-1]
            for key, value in about.items():
                if event.get(key) is None:
                    event[key] = value
                    changed = True
        return () if changed else None

    return act
