"""Rules of requests, read once: what makes them ready, and what they say of a body.

Rules of this file: a wrong rule is a `ConfigError` with its place; what a rule took of what was asked for is told, each
member once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ConfigError, ValidationError
from ..wire import Loss
from .applying import Run, Spec, spec_of
from .conditions import Test, globs
from .places import EACH, MISSING, VALUES, Place, Steps, read_path
from .requests import VERBS, Verb
from .values import GONE
from .work import Change, Node, Work, node, shown

#: The rows of a rule that names none.
CHAT = ("chat.completions.create",)


class Rule(NamedTuple):
    """One rule, made ready. `top` is the member without which it has nothing to do ("" for none)."""

    name: str
    verb: Verb
    run: Run
    rows: Test
    models: Test
    top: str
    tops: frozenset[str]
    looks: tuple[Node, ...]
    loses: bool | None
    refuses: bool
    why: str

    def lost(self, changes: Sequence[Change], provider: str) -> list[Loss]:
        """What was taken of what was asked for; of the same member in several places, the first."""
        loses = self.verb.loses
        taken = [change for change in changes if (loses(change) if self.loses is None else self.loses)]
        if len(taken) > 1:
            first = {tuple(key for key in change[0] if isinstance(key, str)): change for change in reversed(taken)}
            taken = list(reversed(first.values()))
        return [self.loss(change, provider) for change in taken]

    def loss(self, change: Change, provider: str) -> Loss:
        """A change in words."""
        path, old, new = change
        what = self.verb.says
        if "{" in what:
            before, after = ("nothing" if value in (MISSING, GONE) else shown(value) for value in (old, new))
            what = what.format(old=before, new=after)
        return Loss(provider, path, self.name, f"{what} for {provider}: {self.why}" if self.why else f"{what} for {provider}")


def read_rules(rules: Sequence[Mapping[str, Any]], variables: Mapping[str, str]) -> tuple[Rule, ...]:
    """Make rules ready; one whose optional variable is not set is left out. Raises `ConfigError` with the place."""
    found = (_read(one, f"request[{i}]", variables) for i, rule in enumerate(rules) for one in _singly(rule))
    return tuple(rule for rule in found if rule is not None)


def _singly(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A rule about several members as a rule about each."""
    members = rule.get("member")
    return [{**rule, "member": member} for member in members] if isinstance(members, list) else [rule]


def _read(rule: Mapping[str, Any], where: str, variables: Mapping[str, str]) -> Rule | None:
    name = rule.get("verb")
    if not isinstance(name, str) or name not in VERBS:
        raise ConfigError(f"{where}.verb: {name!r}, wanted one of {', '.join(VERBS)}")
    verb = VERBS[name]
    try:
        spec = spec_of(rule, rule["member"] if verb.member is None else rule.get("member", verb.member), variables)
        run = verb.make(spec)
        if run is None:
            return None
        rows, models = globs(rule.get("rows", CHAT)), globs(rule.get("models", ()))
        looked_at = _looked_at(spec, verb)
        tops, looks = _tops(spec, looked_at), tuple(map(node, looked_at))
    except ConfigError as error:
        raise ConfigError(f"{where}.{error}") from None
    except KeyError as error:
        raise ConfigError(f"{where}.{error.args[0]}: missing") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{where}: {error}") from error
    top = spec.place.steps[0] if verb.needs and spec.place.steps and spec.place.steps[0] not in (EACH, VALUES) else ""
    refuses = rule.get("service", "refuses") == "refuses" and name != "warn"
    return Rule(name, verb, run, rows, models, top, tops, looks, rule.get("loses"), refuses, rule.get("why", ""))


def _looked_at(spec: Spec, verb: Verb) -> list[Steps]:
    """The paths beside its own that a rule looks at, in the body."""
    whole, subject = spec.place.steps, spec.place.steps if spec.place.last == EACH else spec.place.parents
    paths = [(*subject, *Place(path).steps) for path in spec.rule.get("where", {}) if len(Place(path).steps) > 1]
    for path in verb.reads:
        below = read_path(path.removeprefix("/"))
        paths.append(below if path.startswith("/") else (*whole, *below))
    return paths


def _tops(spec: Spec, looked_at: Iterable[Steps]) -> frozenset[str]:
    """The members of the body that a rule enters."""
    paths = [
        *looked_at,
        spec.place.steps,
        *(Place(path).steps for path in (*spec.rule.get("if", {}), *spec.rule.get("also", ()))),
    ]
    if spec.rule["verb"] == "move" and not spec.rule["to"].startswith("../"):
        paths.append((*(() if spec.rule["to"].startswith("/") else spec.place.parents), *Place(spec.rule["to"]).steps))
    return frozenset(steps[0] for steps in paths if steps)


class Stack:
    """The rules of one provider that a row and a model have, in their order."""

    __slots__ = ("_provider", "_rules", "_tops")

    def __init__(self, provider: str, rules: Iterable[Rule]) -> None:
        self._provider = provider
        self._rules = tuple(rules)
        self._tops = frozenset(top for rule in self._rules for top in rule.tops)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def amend(self, work: Work) -> tuple[Loss, ...]:
        """Apply all rules to a body. Raises `ValidationError` where one rejects it."""
        losses: list[Loss] = []
        work.enter(self._tops)
        for rule in self._rules:
            if rule.top and rule.top not in work.body:
                continue
            for place in rule.looks:
                work.level(place)
            if changes := rule.run(work):
                losses += rule.lost(changes, self._provider)
        return tuple(losses)

    def refused(self, body: dict[str, Any], route: Any, write: Any) -> Loss | None:
        """The first thing in a body that the service would refuse; None where it takes it."""
        for rule in self._rules:
            if rule.refuses and (not rule.top or rule.top in body):
                try:
                    for change in rule.run(Work(body, route, write)):
                        return rule.loss(change, self._provider)
                except ValidationError as error:
                    return Loss(self._provider, error.errors[0].path, rule.name, error.errors[0].message)
        return None
