"""Rules of requests, read once: what makes them ready, and what they say of a body.

Rules of this file: a wrong rule is a `ConfigError` with its place; what a rule took of what was asked for is told, each
member once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..codec import written
from ..errors import ConfigError, ValidationError
from ..wire import Loss
from .applying import Run, Spec, spec_of
from .conditions import globs
from .places import EACH, VALUES, Place, Steps, read_path
from .requests import VERBS, Verb
from .triggers import lacks, needs
from .work import Change, Node, Work, node, shown

#: The rows of a rule that names none.
CHAT = ("chat.completions.create",)


#: How many losses a rule remembers the words of.
_REMEMBERED = 64


#: A member whose JSON is longer is not looked into for what rules need; nor is it the next times, when it is probably alike.
_LONG, _UNTOLD = 4096, 99


class Rule:
    """One rule, made ready.

    top     the member of the body without which it has nothing to do ("" for none);  tops  those that it enters
    needs   what the JSON of that member has to have, where the rule is about what is in it
    """

    __slots__ = (
        "_told", "deep", "loses", "models", "name", "needs", "provider", "refuses", "rows", "rule", "run", "tells", "top", "tops",
        "verb",
    )  # fmt: skip

    def __init__(self, rule: Mapping[str, Any], verb: Verb, spec: Spec, run: Run, provider: str) -> None:
        self.name: str = rule["verb"]
        self.rule, self.verb, self.provider = rule, verb, provider
        self.rows, self.models = globs(rule.get("rows", CHAT)), globs(rule.get("models", ()))
        steps, looked_at = spec.place.steps, _looked_at(spec, verb)
        self.top = steps[0] if verb.needs and steps and steps[0] not in (EACH, VALUES) else ""
        self.tops = _tops(spec, looked_at)
        self.run = _looking(run, tuple(map(node, looked_at))) if looked_at else run
        self.deep = len(steps) > 1
        self.needs = needs(rule)
        self.tells = rule.get("loses", verb.may_lose(rule))
        self.loses = None if rule.get("loses") else _unlisted(rule) or verb.loses
        self.refuses = rule.get("service", "refuses") == "refuses" and self.name != "warn"
        self._told: dict[Any, Loss] = {}

    def lost(self, changes: Sequence[Change]) -> list[Loss]:
        """What was taken of what was asked for; of the same member in several places, the first."""
        loses = self.loses
        if len(changes) == 1:
            return [self.loss(changes[0])] if loses is None or loses(changes[0]) else []
        taken = [change for change in changes if loses is None or loses(change)]
        first = {tuple(key for key in change[0] if isinstance(key, str)): change for change in reversed(taken)}
        return [self.loss(change) for change in reversed(first.values())]

    def loss(self, change: Change) -> Loss:
        """A change in words."""
        path, old, new = change
        known: Any = (path, old, type(old), new) if "{" in self.verb.says else path
        try:
            found = self._told.get(known)
        except TypeError:  # a list or an object cannot be a key
            return self._in_words(change)
        if found is None:
            if len(self._told) >= _REMEMBERED:
                self._told.clear()
            found = self._told[known] = self._in_words(change)
        return found

    def _in_words(self, change: Change) -> Loss:
        path, old, new = change
        why = f": {self.rule['why']}" if "why" in self.rule else ""
        what = self.verb.says.format(old=shown(old), new=shown(new))
        return Loss(self.provider, path, self.name, f"{what} for {self.provider}{why}")


def _unlisted(rule: Mapping[str, Any]) -> Callable[[Change], bool] | None:
    """Of a rule that puts one value for all others: these others are lost in it."""
    if not isinstance(rule.get("other"), Mapping):
        return None
    listed = [old for old, _ in rule.get("values", ())]
    return lambda change: change[1] not in listed


def _looking(run: Run, looked_at: tuple[Node, ...]) -> Run:
    """A run of a rule that looks at more than its member, which is made plain before."""

    def looking(work: Work) -> Sequence[Change]:
        for place in looked_at:
            work.level(place)
        return run(work)

    return looking


def read_rules(rules: Sequence[Mapping[str, Any]], variables: Mapping[str, str], provider: str) -> tuple[Rule, ...]:
    """Make rules ready; one whose optional variable is not set is left out. Raises `ConfigError` with the place."""
    found = (_read(one, f"request[{i}]", variables, provider) for i, rule in enumerate(rules) for one in _singly(rule))
    return tuple(rule for rule in found if rule is not None)


def _singly(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A rule about several members as a rule about each."""
    members = rule.get("member")
    return [{**rule, "member": member} for member in members] if isinstance(members, list) else [rule]


def _read(rule: Mapping[str, Any], where: str, variables: Mapping[str, str], provider: str) -> Rule | None:
    name = rule.get("verb")
    if not isinstance(name, str) or name not in VERBS:
        raise ConfigError(f"{where}.verb: {name!r}, wanted one of {', '.join(VERBS)}")
    verb = VERBS[name]
    try:
        spec = spec_of(rule, rule["member"] if verb.member is None else rule.get("member", verb.member), variables)
        run = verb.make(spec)
    except ConfigError as error:
        raise ConfigError(f"{where}.{error}") from None
    except KeyError as error:
        raise ConfigError(f"{where}.{error.args[0]}: missing") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{where}: {error}") from error
    return None if run is None else Rule(rule, verb, spec, run, provider)


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
    return frozenset(steps[0] for steps in paths if steps) | frozenset(
        spec.rule["members"] if spec.rule["verb"] == "exclusive" else ()
    )


class Stack:
    """The rules of one provider that a row and a model have, in their order."""

    __slots__ = ("_rules", "_steps", "_tops", "_untold")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._tops = frozenset(top for rule in self._rules for top in rule.tops)
        # A member of the body is looked for as fast as a text.
        texts = (rule.needs if rule.top and rule.deep else () for rule in self._rules)
        told = (rule.lost if rule.tells else None for rule in self._rules)
        self._steps = tuple(
            (rule.top, wanted, rule.run, lost) for rule, wanted, lost in zip(self._rules, texts, told, strict=True)
        )
        self._untold: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def amend(self, work: Work) -> tuple[Loss, ...]:
        """Apply all rules to a body. Raises `ValidationError` where one rejects it."""
        losses: list[Loss] = []
        work.enter(self._tops)
        body, texts = work.body, work.texts
        for top, wanted, run, lost in self._steps:
            if top and top not in body:
                continue
            if wanted:
                text = texts[top] if top in texts else self._text(work, top)
                if text and lacks(text, wanted):
                    continue
            if changes := run(work):
                body = work.body
                if lost is not None:
                    losses += lost(changes)
        return tuple(losses)

    def _text(self, work: Work, top: str) -> bytes:
        """The JSON of a member; none where to look into it costs more than to apply a rule in vain."""
        if left := self._untold.get(top):
            self._untold[top] = left - 1
            return b""
        text = written(work.body[top])
        if text is None or len(text) > _LONG:
            self._untold[top] = _UNTOLD
            text = b""
        work.texts[top] = text
        return text

    def refused(self, body: dict[str, Any], route: Any, write: Any) -> Loss | None:
        """The first thing in a body that the service would refuse; None where it takes it."""
        for rule in self._rules:
            if rule.refuses and (not rule.top or rule.top in body):
                try:
                    for change in rule.run(Work(body, route, write)):
                        return rule.loss(change)
                except ValidationError as error:
                    return Loss(rule.provider, error.errors[0].path, rule.name, error.errors[0].message)
        return None
