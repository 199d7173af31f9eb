"""A provider's reply rules read backwards: an answer in OpenAI's form as that provider would send it.

    spoiler(rules, route, model)   what spoils the answers to one call; None where no rule is about that row and model
    Spoiler.reply(value)           a whole reply, spoiled
    Spoiler.stream()               what gives for each event of a stream those that the provider sends in its place

A verb of `BACKWARDS` is a function: it takes a rule and its target and gives back what acts on a batch, as the verbs that it
undoes do. Rules go backwards in the other order.

Rules of this file: what the rules make of a spoiled answer is the answer that it was made of; where a rule could not bring
something back, that is left as it is, but for what is made anew each time (ids, places) or says nothing of the answer itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from ..transformations.conditions import globs, same
from ..transformations.places import EACH, MISSING, VALUES, Place, keys_at
from ..transformations.reaching import Batch, Rule, Target
from ..transformations.replies import MEMBERS, ROWS, singly
from ..transformations.wholes import counts
from .thinking import Act, blocks, repeat, tags
from .words import patterned

#: Verbs about reasoning.
THOUGHTS = ("blocks", "tags", "repeat")

#: Gives for an event those that are sent in its place.
Spoil = Callable[[Any], list[Any]]


class Spoiler:
    """What spoils the answers to one call. Made once for a row and a model. `thinks` where a rule is about reasoning."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self.thinks = any(rule["verb"] in THOUGHTS or "reasoning" in str(rule.get("member")) for rule in rules)

    def reply(self, value: Any) -> Any:
        """A whole reply as the provider sends it."""
        return _spoiled(self._acts(False), deepcopy(value))[0]

    def stream(self) -> Spoil:
        """What spoils the events of one stream, one by one."""
        acts = self._acts(True)
        return lambda event: _spoiled(acts, deepcopy(event))

    def _acts(self, event: bool) -> list[Act]:
        kind = "event" if event else "reply"
        chosen = [rule for rule in reversed(self._rules) if kind in rule.get("on", (kind,))]
        return [BACKWARDS[rule["verb"]](rule, Target(rule, event, MEMBERS.get(rule["verb"], ""))) for rule in chosen]


def _spoiled(acts: Iterable[Act], root: Any) -> list[Any]:
    batch = Batch([root])
    for act in acts:
        if act(batch):
            batch = Batch(batch.roots)  # which has looked nothing up yet
    return batch.roots


def spoiler(rules: Iterable[Rule], row: str, model: str) -> Spoiler | None:
    """What spoils the answers of a row to requests for a model; None where no rule is about them."""
    about = [rule for rule in rules if globs(rule.get("rows", ROWS))(row) and globs(rule.get("models", ()))(model)]
    return Spoiler([one for rule in about for one in singly(rule)]) if about else None


# --- One member ---------------------------------------------------------------------------------------------


def _slots(target: Target, batch: Batch) -> Iterator[tuple[Any, Any]]:
    """Holder and key of each value that is there; `is` is about the provider's value, which is not there yet."""
    if target.key not in (EACH, VALUES):
        yield from ((holder, target.key) for holder in target.holders(batch) if target.key in holder)
        return
    for holder in target.within(batch).level(target.parents):
        for key in keys_at(holder, target.key):
            if target.chosen([holder[key] if target.key == EACH else holder]):
                yield holder, key


def _turned(target: Target, turn: Callable[[Any], Any]) -> Act:
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


def _filled(rule: Rule, target: Target) -> Act:
    """The member moves to the first of `from`; where that says something already, it only goes away."""
    source = target.path(rule["from"][0])

    def act(batch: Batch) -> bool:
        changed = False
        for root in target.within(batch).roots:
            for holder in target.chosen(target.place.holders(root)):
                value = holder.get(target.key)
                if value is not None and value != "":
                    del holder[target.key]
                    put(source, root if source.rooted else holder, value)
                    changed = True
        return changed

    return act


def put(place: Place, base: Any, value: Any) -> None:
    """Put a value where a path leads, unless something stands there; a list on the way gets one element."""
    if place.first(base) is not MISSING:
        return
    steps = place.steps
    for step, following in zip(steps, [*steps[1:], ""], strict=True):
        if step == EACH:
            base.append({})
            base = base[-1]
        elif not following:
            base[step] = value
        else:
            made: Any = [] if following == EACH else {}
            base[step] = base = base[step] if isinstance(base.get(step), type(made)) else made


def _mapped(rule: Rule, target: Target) -> Act:
    """The first of the provider's words that stand for the value; the provider's own word stands nowhere else."""
    pairs, keep_as = rule.get("values", ()), rule.get("keep_as")
    turned = _turned(target, lambda value: next((old for old, new in pairs if same(new, value) and not same(old, value)), value))

    def act(batch: Batch) -> bool:
        changed = turned(batch)
        for holder in target.holders(batch) if changed and keep_as else ():
            holder.pop(keep_as, None)
        return changed

    return act


def _absent(rule: Rule, target: Target) -> Act:
    """The member goes away where the rule brings it back, or where it is about one of the things in a list."""
    anyway = "make" in rule or target.parents[:1] == ("data",)
    return _turned(target, lambda value: MISSING if anyway or same(value, rule.get("value")) else value)


def _coerced(rule: Rule, target: Target) -> Act:
    """As the kind that a provider sends where OpenAI sends the one in `to`."""
    return _turned(target, KINDS[rule["to"]])


def _as_object(value: Any) -> Any:
    """Text of JSON as the object it is."""
    try:
        made = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return made if isinstance(made, dict | list) else value


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


#: What is sent by those from whom it has to be made into the kind: a fraction for an integer, and so on.
KINDS: dict[str, Callable[[Any], Any]] = {
    "json": _as_object,
    "integer": lambda value: float(value) if type(value) is int else value,
    "number": _as_text,
    "boolean": lambda value: int(value) if isinstance(value, bool) else value,
    "text": lambda value: int(value) if isinstance(value, str) and value.isdecimal() and str(int(value)) == value else value,
    "list": lambda value: value[0] if isinstance(value, list) and len(value) == 1 else value,
}


# --- Calls --------------------------------------------------------------------------------------------------


def _called(rule: Rule, target: Target) -> Act:
    """A choice that calls tools ends as any other."""

    def act(batch: Batch) -> bool:
        choices = [one for one in target.within(batch).objects(("choices", EACH)) if one.get("finish_reason") == "tool_calls"]
        for choice in choices:
            choice["finish_reason"] = "stop"
        return bool(choices)

    return act


def _number(rule: Rule, target: Target) -> Act:
    """Calls say neither place nor id nor type."""

    def act(batch: Batch) -> bool:
        calls = target.within(batch).objects(("choices", EACH, target.said, "tool_calls", EACH))
        for call in calls:
            for name in ("index", "id", "type"):
                call.pop(name, None)
        return bool(calls)

    return act


def _unique(rule: Rule, target: Target) -> Act:
    """The same id in each reply."""
    worn = patterned(rule["pattern"]) if "pattern" in rule else "call_0"
    return _turned(target, lambda value: worn if isinstance(value, str) and value else value)


def _items(rule: Rule, target: Target) -> Act:
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


def _wrapped(rule: Rule, target: Target) -> Act:
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


def _bare(rule: Rule, target: Target) -> Act:
    """The list alone."""

    def act(batch: Batch) -> bool:
        lists = [i for i, root in enumerate(batch.roots) if isinstance(root, dict) and isinstance(root.get("data"), list)]
        for i in lists:
            batch.roots[i] = batch.roots[i]["data"]
        return bool(lists)

    return act


def _recounted(rule: Rule, target: Target) -> Act:
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


def _logprobs(rule: Rule, target: Target) -> Act:
    """Tokens and their numbers in two lists; of an event the number alone."""

    def act(batch: Batch) -> bool:
        changed = False
        for choice in target.holders(batch):
            found = choice.get(target.key)
            content = found.get("content") if isinstance(found, dict) else None
            told = [one for one in content or () if isinstance(one, dict) and "logprob" in one]
            if told and target.event:
                choice[target.key], changed = told[0]["logprob"], True
            elif told:
                tokens, numbers = [one.get("token") for one in told], [one["logprob"] for one in told]
                choice[target.key], changed = {"tokens": tokens, "token_logprobs": numbers}, True
        return changed

    return act


#: What undoes a verb of reply rules.
BACKWARDS: dict[str, Callable[[Rule, Target], Act]] = {
    "fill": _filled,
    "map": _mapped,
    "default": _absent,
    "set": _absent,
    "coerce": _coerced,
    "blocks": blocks,
    "tags": tags,
    "repeat": repeat,
    "recount": _recounted,
    "logprobs": _logprobs,
    "called": _called,
    "number": _number,
    "unique": _unique,
    "items": _items,
    "unwrap": _wrapped,
    "wrap": _bare,
}
