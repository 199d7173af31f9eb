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
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from ..transformations.conditions import globs, same
from ..transformations.places import MISSING
from ..transformations.reaching import Batch, Rule, Target
from ..transformations.replies import MEMBERS, ROWS, singly
from .oddities import Act, bare, called, items, logprobs, number, put, recounted, turned, unique, wrapped
from .thinking import blocks, repeat, tags

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


def _mapped(rule: Rule, target: Target) -> Act:
    """The first of the provider's words that stand for the value; the provider's own word stands nowhere else."""
    pairs, keep_as = rule.get("values", ()), rule.get("keep_as")
    into_own = turned(target, lambda value: next((old for old, new in pairs if same(new, value) and not same(old, value)), value))

    def act(batch: Batch) -> bool:
        changed = into_own(batch)
        for holder in target.holders(batch) if changed else ():
            holder.pop(keep_as, None)
        return changed

    return act


def _absent(rule: Rule, target: Target) -> Act:
    """The member goes away where the rule brings it back, or where it is about one of the things in a list."""
    anyway = "make" in rule or target.parents[:1] == ("data",)
    return turned(target, lambda value: MISSING if anyway or same(value, rule.get("value")) else value)


def _coerced(rule: Rule, target: Target) -> Act:
    """As the kind that a provider sends where OpenAI sends the one in `to`."""
    return turned(target, KINDS[rule["to"]])


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
    "recount": recounted,
    "logprobs": logprobs,
    "called": called,
    "number": number,
    "unique": unique,
    "items": items,
    "unwrap": wrapped,
    "wrap": bare,
}
