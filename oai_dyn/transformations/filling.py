"""Verbs of replies and events about one member: filled from another, mapped, given a default, made of another kind.

Rules of this file: those of `replies`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import copy, deepcopy
from secrets import token_hex
from typing import Any

from ..errors import ConfigError
from .conditions import same
from .places import EACH, MISSING, VALUES, Place, Steps
from .reaching import Act, Batch, Rule, Target
from .values import GONE, coercion, table


def fill(rule: Rule, target: Target) -> Act:
    """A member that is absent, null or empty text, from the first of `from` that says something; texts of a list are joined."""
    sources = [target.path(text) for text in rule["from"]]
    if not all(source.steps and source.steps[0] not in (EACH, VALUES) for source in sources):
        raise ConfigError("from: a path that begins with no name")
    anchor, tail = _anchored(target.parents)
    key = target.key

    def vacant(holder: dict[str, Any]) -> bool:
        return target.vacant(holder) or (target.test is None and holder[key] == "")

    def beside(batch: Batch, source: Place) -> bool:
        name = source.steps[0]
        if not batch.has(target.parents, name):
            return False
        changed = False
        for holder in [holder for holder in target.holders(batch) if name in holder]:
            if vacant(holder) and (value := _said(source, holder)) is not None:
                holder[key] = value
                changed = True
        return changed

    def from_root(batch: Batch, source: Place) -> bool:
        name = source.steps[0]
        if not batch.has((), name):
            return False
        changed = False
        for root in [root for root in target.within(batch).objects(()) if name in root]:
            if (value := _said(source, root)) is not None:
                for holder in target.chosen(_made(Batch([root]).objects(anchor), tail)):
                    if vacant(holder):
                        holder[key] = copy(value)
                        changed = True
        return changed

    steps = [(from_root if source.rooted else beside, source) for source in sources]

    def act(batch: Batch) -> bool:
        changed = False
        for step, source in steps:
            changed |= step(batch, source)
        return changed

    return act


def _anchored(parents: Steps) -> tuple[Steps, Steps]:
    """A path up to its last `[]` or `*`, and the names behind it, whose objects can be made."""
    cut = max((i + 1 for i, step in enumerate(parents) if step in (EACH, VALUES)), default=0)
    return parents[:cut], parents[cut:]


def _made(anchors: list[Any], tail: Steps) -> list[Any]:
    """The objects at the end of some names, made where there is nothing."""
    holders = []
    for holder in anchors:
        for name in tail:
            if holder.get(name) is None:
                holder[name] = {}
            holder = holder[name]
            if not isinstance(holder, dict):
                break
        else:
            holders.append(holder)
    return holders


def _said(source: Place, base: Any) -> Any:
    """What a source holds, None where it says nothing: texts put together, else the first value."""
    values = [base[source.last]] if len(source.steps) == 1 else source.values(base)
    values = [value for value in values if value is not None and value != ""]
    if len(values) > 1 and all(isinstance(value, str) for value in values):
        return "".join(values)
    first = values[0] if values else None
    return copy(first)  # what it was taken from stays as it is when this is amended


def map_values(rule: Rule, target: Target) -> Act:
    """`values`, a table from the service's words to OpenAI's; `keep_as` keeps the service's beside it."""
    change, keep_as = table(rule), rule.get("keep_as") if target.key not in (EACH, VALUES) else None
    words = [old for old, _ in rule.get("values", ()) if not isinstance(old, list | dict)]
    steps = target.place.steps if rule.get("other", "keep") == "keep" else ()

    def act(batch: Batch) -> bool:
        if steps and batch.scalars(steps).isdisjoint(words):
            return False
        changed = False
        for holder, name in reversed(list(target.slots(batch))):
            old = holder[name]
            if (new := change(old)) is old or (old is None and None not in words):
                continue
            changed = True
            if keep_as and old is not None and holder.get(keep_as) is None:
                holder[keep_as] = old
            if new is GONE:
                del holder[name]
            else:
                holder[name] = deepcopy(new)
        return changed

    return act


def default(rule: Rule, target: Target) -> Act:
    """To `value` where the member is absent or null; `make` makes one, where it is empty too, and the same through a stream."""
    make = rule.get("make")
    if make is None:
        value = rule.get("value")
        return _setting(target, target.vacant, lambda _: deepcopy(value), quick=target.test is None)
    if make == "index":
        return _positions(target)
    made = MAKERS[make]() if make in MAKERS else None
    if made is None:
        raise ConfigError(f"make: {make!r}, wanted one of {', '.join(MAKERS)}, index")
    shared = {"id", "created"}  # one for all of a stream
    new = (lambda _: made) if make in shared else (lambda _: MAKERS[make]())
    return _setting(target, lambda holder: holder.get(target.key) in (None, ""), new, quick=True)


#: What can be made where a service says nothing.
MAKERS: dict[str, Callable[[], Any]] = {
    "id": lambda: f"chatcmpl-{token_hex(12)}",
    "call_id": lambda: f"call_{token_hex(12)}",
    "created": lambda: int(time.time()),
}


def _setting(target: Target, wanting: Callable[[dict[str, Any]], bool], new: Callable[[Any], Any], quick: bool) -> Act:
    """Sets the member wherever something is wanting; `quick` where nothing is wanting of what is filled."""
    key, steps = target.key, target.place.steps

    def act(batch: Batch) -> bool:
        if quick and batch.filled(steps):
            return False
        holders = [holder for holder in target.holders(batch) if wanting(holder)]
        for holder in holders:
            holder[key] = new(holder)
        return bool(holders)

    return act


def _positions(target: Target) -> Act:
    """The place of each object in its list, where it says none."""

    def act(batch: Batch) -> bool:
        changed = False
        for some in target.within(batch).level(target.parents[:-1]):
            for position, holder in enumerate(some if isinstance(some, list) else ()):
                if isinstance(holder, dict) and holder.get(target.key) is None and target.chosen([holder]):
                    holder[target.key] = position
                    changed = True
        return changed

    return act


def set_value(rule: Rule, target: Target) -> Act:
    """To `value`, whatever was there."""
    value, key = rule.get("value"), target.key

    def wanting(holder: dict[str, Any]) -> bool:
        there = holder.get(key, MISSING)
        return not same(there, value) and (target.test is None or target.test(there))

    return _setting(target, wanting, lambda _: deepcopy(value), quick=False)


def coerce(rule: Rule, target: Target) -> Act:
    """To the kind that `to` names; a fraction is cut off where an integer is wanted."""
    change = coercion(rule)
    whole = rule["to"] == "integer"

    def act(batch: Batch) -> bool:
        if target.absent(batch):
            return False
        changed = False
        for holder, key in target.slots(batch):
            old = holder[key]
            new = change(old)
            if whole and isinstance(new, float) and math.isfinite(new):
                new = int(new)
            if new is not old:
                holder[key] = new
                changed = True
        return changed

    return act
