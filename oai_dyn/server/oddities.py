"""Calls, counts and wholes as some providers send them, and what puts one value in the place of another.

Rules of this file: those of `backwards`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..transformations.places import EACH, MISSING, VALUES, Place, keys_at
from ..transformations.reaching import Batch, Rule, Target
from ..transformations.wholes import counts
from .words import patterned

#: Spoils a batch in place, and says whether it did.
Act = Callable[[Batch], bool]


def _slots(target: Target, batch: Batch) -> Iterator[tuple[Any, Any]]:
    """Holder and key of each value that is there; `is` is about the provider's value, which is not there yet."""
    if target.key not in (EACH, VALUES):
        yield from ((holder, target.key) for holder in target.holders(batch) if target.key in holder)
        return
    for holder in target.within(batch).level(target.parents):
        for key in keys_at(holder, target.key):
            if target.chosen([holder[key] if target.key == EACH else holder]):
                yield holder, key


def turned(target: Target, turn: Callable[[Any], Any]) -> Act:
    """Puts in the place of each value what `turn` makes of it, where the rule would act on that; `MISSING` takes it away."""

    def act(batch: Batch) -> bool:
        changed = False
        for holder, key in list(_slots(target, batch)):
            new = turn(holder[key])
            if new is holder[key] or (target.test is not None and not target.test(new)):
                continue
            if new is MISSING:
                del holder[key]
            else:
                holder[key] = new
            changed = True
        return changed

    return act


def put(place: Place, base: Any, value: Any) -> None:
    """Put a value where a path leads, unless something stands there; of a list on the way the last element is meant."""
    if place.first(base) is not MISSING:
        return
    steps = place.steps
    for step, following in zip(steps, [*steps[1:], ""], strict=True):
        if step == EACH:
            base += [{}] * (not base)
            base = base[-1]
        elif not following:
            base[step] = value
        else:
            made: Any = [] if following == EACH else {}
            base[step] = base = base[step] if isinstance(base.get(step), type(made)) else made


# --- Calls --------------------------------------------------------------------------------------------------


def called(rule: Rule, target: Target) -> Act:
    """A choice that calls tools ends as any other."""

    def act(batch: Batch) -> bool:
        choices = [one for one in target.within(batch).objects(("choices", EACH)) if one.get("finish_reason") == "tool_calls"]
        for choice in choices:
            choice["finish_reason"] = "stop"
        return bool(choices)

    return act


def number(rule: Rule, target: Target) -> Act:
    """Calls say neither place nor id nor type."""

    def act(batch: Batch) -> bool:
        calls = target.within(batch).objects(("choices", EACH, target.said, "tool_calls", EACH))
        for call in calls:
            for name in ("index", "id", "type"):
                call.pop(name, None)
        return bool(calls)

    return act


def unique(rule: Rule, target: Target) -> Act:
    """The same id in each reply."""
    worn = patterned(rule["pattern"]) if "pattern" in rule else "call_0"
    return turned(target, lambda value: worn if isinstance(value, str) and value else value)


def items(rule: Rule, target: Target) -> Act:
    """Events do not say which item they are about."""

    def act(batch: Batch) -> bool:
        changed = False
        for event in target.within(batch).objects(()):
            if str(event.get("type", "")).count(".") > 1:
                gone = [event.pop(name, MISSING) for name in ("output_index", "item_id")]
                changed |= gone != [MISSING, MISSING]
        return changed

    return act


# --- The whole, and its counts ------------------------------------------------------------------------------


def wrapped(rule: Rule, target: Target) -> Act:
    """The whole inside an envelope."""

    def act(batch: Batch) -> bool:
        changed = False
        for i, root in enumerate(batch.roots):
            envelope: dict[str, Any] = {}
            put(target.place, envelope, root)
            if target.takes(envelope):
                batch.roots[i], changed = envelope, True
        return changed

    return act


def bare(rule: Rule, target: Target) -> Act:
    """The list alone."""

    def act(batch: Batch) -> bool:
        lists = [i for i, root in enumerate(batch.roots) if isinstance(root, dict) and isinstance(root.get("data"), list)]
        for i in lists:
            batch.roots[i] = batch.roots[i]["data"]
        return bool(lists)

    return act


def recounted(rule: Rule, target: Target) -> Act:
    """A count without what the provider leaves out of it."""

    def act(batch: Batch) -> bool:
        changed = False
        for usage in target.chosen(target.within(batch).objects(target.place.steps)):
            less = COUNTS[rule["what"]](usage)
            if less is not None:
                usage[f"{rule['what']}_tokens"] = less
                changed = True
        return changed

    return act


def _less_prompt(usage: dict[str, Any]) -> int | None:
    """What came from the cache is left out, where that is most of it: else nobody can tell."""
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    sent = counts(usage)[0]
    return sent - cached if isinstance(cached, int) and cached <= sent < 2 * cached else None


def _less_completion(usage: dict[str, Any]) -> int | None:
    """What was thought is left out, or one token."""
    sent, got, total = counts(usage)
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 1
    return max(got - thought, 0) if got > 0 and total == sent + got else None


def _less_total(usage: dict[str, Any]) -> int | None:
    """What was written is left out."""
    sent, got, total = counts(usage)
    return sent if sent >= 0 and got > 0 and total == sent + got else None


#: How a count is got wrong.
COUNTS = {"prompt": _less_prompt, "completion": _less_completion, "total": _less_total}


def logprobs(rule: Rule, target: Target) -> Act:
    """Tokens and their numbers in two lists; of an event that has one token the number alone."""

    def act(batch: Batch) -> bool:
        changed = False
        for choice in target.holders(batch):
            found = choice.get(target.key)
            content = found.get("content") if isinstance(found, dict) else None
            told = [one for one in content or () if isinstance(one, dict) and "logprob" in one]
            if told and target.event:
                said = choice.get(target.said)
                if len(told) == 1 and isinstance(said, dict) and said.get("content") == told[0].get("token"):
                    choice[target.key], changed = told[0]["logprob"], True
            elif told:
                tokens, numbers = [one.get("token") for one in told], [one["logprob"] for one in told]
                choice[target.key], changed = {"tokens": tokens, "token_logprobs": numbers}, True
        return changed

    return act
