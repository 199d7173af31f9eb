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
from .reaching import Act, Few, Rule, Target, walk
from .values import GONE, coercion, table


def fill(rule: Rule, target: Target) -> Act:
    """A member that is absent, null or empty text, from the first of `from` that says something; texts of a list are joined."""
    sources = [target.path(text) for text in rule["from"]]
    if not all(source.steps and source.steps[0] not in (EACH, VALUES) for source in sources):
        raise ConfigError("from: a path that begins with no name")
    acts = [_from_root(target, source) if source.rooted else _beside(target, source) for source in sources]
    below = min((_anchored(target.parents)[0] if source.rooted else target.parents for source in sources), key=len)

    def act(batch: Few) -> Steps | None:
        changed = None
        for one in acts:
            if one(batch) is not None:
                changed = below
        return changed

    return acts[0] if len(acts) == 1 else act


def _beside(target: Target, source: Place) -> Act:
    """What fills a member from a source in the object that holds it."""
    key, parents, name = target.key, target.parents, source.steps[0]

    def act(batch: Few) -> Steps | None:
        if batch.many and not batch.has(parents, name):
            return None
        changed = None
        for holder in batch.objects(parents) if target.always else target.holders(batch):
            if name in holder and _vacant(target, holder) and (value := _said(source, holder)) is not None:
                holder[key] = value
                changed = parents
        return changed

    return act


def _from_root(target: Target, source: Place) -> Act:
    """What fills a member from a source in the whole, and makes the objects that lead to it."""
    key, name = target.key, source.steps[0]
    anchor, tail = _anchored(target.parents)

    def act(batch: Few) -> Steps | None:
        if batch.many and not batch.has((), name):
            return None
        changed = None
        for root in batch.objects(()) if target.always else target.within(batch).objects(()):
            if name in root and (value := _said(source, root)) is not None:
                for holder in target.chosen(_made(walk([root], anchor), tail)):
                    if _vacant(target, holder):
                        holder[key] = copy(value) if isinstance(value, dict | list) else value
                        changed = anchor
        return changed

    return act


def _vacant(target: Target, holder: dict[str, Any]) -> bool:
    """Whether the member is absent, null or empty text; with `is`, whether that holds of it."""
    there = holder.get(target.key)
    return there is None or there == "" if target.test is None else target.vacant(holder)


def _anchored(parents: Steps) -> tuple[Steps, Steps]:
    """A path up to its last `[]` or `*`, and the names behind it, whose objects can be made."""
    cut = max((i + 1 for i, step in enumerate(parents) if step in (EACH, VALUES)), default=0)
    return parents[:cut], parents[cut:]


def _made(anchors: list[Any], tail: Steps) -> list[Any]:
    """The objects at the end of some names, made where there is nothing."""
    holders = [anchor for anchor in anchors if isinstance(anchor, dict)]
    for name in tail:
        for holder in holders:
            if holder.get(name) is None:
                holder[name] = {}
        holders = [inner for holder in holders if isinstance(inner := holder[name], dict)]
    return holders


def _said(source: Place, base: Any) -> Any:
    """What a source holds, None where it says nothing: texts put together, else the first value."""
    first = base[source.steps[0]]
    for at, step in enumerate(source.steps[1:], 1):
        if isinstance(first, dict) and step not in (EACH, VALUES):
            first = first.get(step)
            continue
        values = [value for value in walk([first], source.steps[at:]) if value is not None and value != ""]
        if len(values) > 1 and all(isinstance(value, str) for value in values):
            return "".join(values)
        first = values[0] if values else None
        break
    if isinstance(first, dict | list):
        return copy(first)  # what it was taken from stays as it is when this is amended
    return None if first == "" else first


def map_values(rule: Rule, target: Target) -> Act:
    """`values`, a table from the service's words to OpenAI's; `keep_as` keeps the service's beside it."""
    change, key = table(rule), target.key
    words = [old for old, _ in rule.get("values", ()) if not isinstance(old, list | dict)]
    member = key not in (EACH, VALUES)
    keep_as = rule.get("keep_as") if member else None
    only = member and target.test is None and rule.get("other", "keep") == "keep"  # nothing but its words is changed
    steps, parents = target.place.steps, target.parents

    def slots(batch: Few) -> list[tuple[Any, Any]]:
        if only:
            return [(holder, key) for holder in target.holders(batch) if holder.get(key, MISSING) in words]
        return target.slots(batch)[::-1]  # from the end, for elements may be taken out

    def act(batch: Few) -> Steps | None:
        if only and batch.many and batch.scalars(steps).isdisjoint(words):
            return None
        changed = False
        for holder, name in slots(batch):
            old = holder[name]
            if (new := change(old)) is old or (old is None and None not in words):
                continue
            changed = True
            if keep_as and old is not None and holder.get(keep_as) is None:
                holder[keep_as] = old
            if new is GONE:
                del holder[name]
            else:
                holder[name] = deepcopy(new) if isinstance(new, list | dict) else new
        return parents if changed else None

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

    def act(batch: Few) -> Steps | None:
        if quick and batch.filled(steps):
            return None
        holders = [holder for holder in target.holders(batch) if wanting(holder)]
        for holder in holders:
            holder[key] = new(holder)
        return target.parents if holders else None

    return act


def _positions(target: Target) -> Act:
    """The place of each object in its list, where it says none."""

    def act(batch: Few) -> Steps | None:
        changed = False
        for some in target.within(batch).level(target.parents[:-1]):
            for position, holder in enumerate(some if isinstance(some, list) else ()):
                if isinstance(holder, dict) and holder.get(target.key) is None and target.chosen([holder]):
                    holder[target.key] = position
                    changed = True
        return target.parents if changed else None

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

    def act(batch: Few) -> Steps | None:
        if target.absent(batch):
            return None
        changed = False
        for holder, key in target.slots(batch):
            old = holder[key]
            new = change(old)
            if whole and isinstance(new, float) and math.isfinite(new):
                new = int(new)
            if new is not old:
                holder[key] = new
                changed = True
        return target.parents if changed else None

    return act
