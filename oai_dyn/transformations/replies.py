"""What comes from a service, in OpenAI's form: the verbs of rules for replies and for events of a stream.

    answers_of(rules, route, model)  ->  Answers, or None where no rule is about that row and model
    Answers.reply(data)              ->  a decoded reply in form (changed in place)
    Answers.stream()                 ->  what brings the events of one stream into form, given a list of some of them

A verb is a function: it takes a rule and its target and gives back what acts on a batch of replies or events. A verb of
`WITH_STATE` keeps something from one event to the next, and is made anew for each stream.

Rules of this file: nothing raises, whatever comes; a value of an odd type is left; what no rule names is not touched; what a
service says is kept, under another name where it is changed; a rule on its own result changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..errors import ConfigError
from ..wire import Route
from .conditions import globs
from .filling import coerce, default, fill, map_values, set_value
from .reaching import Act, Few, Rule, Target, gathered
from .reasoning import blocks, repeat, tags
from .streamed import called, items, number, unique
from .wholes import logprobs, recount, unwrap, wrap

#: Events of one stream, changed in place.
Adapt = Callable[[list[Any]], None]

#: Rows that a rule is about where it names none.
ROWS = ("chat.completions.create",)


class Answers:
    """What brings the answers to one call into form. Made once for a row and a model."""

    __slots__ = ("_events", "_replies", "_steady")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._replies = [_ready(rule, False) for rule in rules if "reply" in rule.get("on", ("reply",))]
        stateless = not any(_keeps_something(rule) for rule in rules)
        self._steady = [begin() for begin in self._replies] if stateless else None
        self._events = [_ready(rule, True) for rule in rules if "event" in rule.get("on", ("event",))]

    def reply(self, data: Any) -> Any:
        """A whole reply in form; what can be is changed in place."""
        batch = Few([data])
        _run(self._steady or [begin() for begin in self._replies], batch)
        return batch.roots[0]

    def stream(self) -> Adapt:
        """What brings the events of one stream into form, some at a time."""
        acts = [begin() for begin in self._events]
        return lambda events: _run(acts, gathered(events))


def answers_of(rules: Iterable[Rule], route: Route, model: str) -> Answers | None:
    """The rules that are about a row and a model, made ready; None where there are none. Raises `ConfigError` for a wrong one."""
    about = [rule for rule in rules if globs(rule.get("rows", ROWS))(route.name) and globs(rule.get("models", ()))(model)]
    return Answers([one for rule in about for one in singly(rule)]) if about else None


def singly(rule: Rule) -> list[Rule]:
    """A rule about several members as a rule about each."""
    members = rule.get("member")
    return [{**rule, "member": member} for member in members] if isinstance(members, list) else [rule]


def _run(acts: list[Act], batch: Few) -> None:
    for act in acts:
        if (below := act(batch)) is not None:
            batch.forget(below)


def _ready(rule: Rule, event: bool) -> Callable[[], Act]:
    """What gives out the rule's act, for each reply and each stream."""
    verb = VERBS.get(rule["verb"])
    if verb is None:
        raise ConfigError(f"verb: {rule['verb']!r}, wanted one of {', '.join(VERBS)}")
    target = Target(rule, event, MEMBERS.get(rule["verb"], ""))
    act = verb(rule, target)
    return (lambda: verb(rule, target)) if _keeps_something(rule) else (lambda: act)


def _keeps_something(rule: Rule) -> bool:
    """Whether a rule goes by what came before, and is made anew for each reply and each stream."""
    return rule["verb"] in WITH_STATE or "make" in rule


VERBS: dict[str, Callable[[Rule, Target], Act]] = {
    "fill": fill,
    "map": map_values,
    "default": default,
    "set": set_value,
    "coerce": coerce,
    "blocks": blocks,
    "tags": tags,
    "repeat": repeat,
    "recount": recount,
    "logprobs": logprobs,
    "called": called,
    "number": number,
    "unique": unique,
    "items": items,
    "unwrap": unwrap,
    "wrap": wrap,
}

#: Verbs that keep something from one event of a stream to the next.
WITH_STATE = frozenset({"tags", "repeat", "called", "number", "unique", "items"})

#: What a verb is about where its rule names no member.
MEMBERS = {
    "blocks": "choices[].message.content",
    "tags": "choices[].message.content",
    "repeat": "choices[].message.reasoning_content",
    "unique": "choices[].message.tool_calls[].id",
    "recount": "usage",
    "logprobs": "choices[].logprobs",
}
