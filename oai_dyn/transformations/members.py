"""Verbs of request rules that are about one member: to take it away, put it elsewhere, or give it another value.

Rules of this file: as in `requests`, whose table has these functions. Each takes a rule and gives back what goes over a body.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import ConfigError, Path
from .applying import Hit, Run, Spec, Turn, can_hold, done, filled, hits, turned
from .conditions import picking_words, regex, same
from .messages import texts
from .places import EACH, MISSING, VALUES, Place, Steps
from .schemas import cleaner
from .values import GONE, coercion, table
from .work import Change, Work, dig, node


def drop(spec: Spec) -> Run:
    """The member goes away, or the element where the path ends in []."""
    return turned(spec, lambda value, holder: GONE)


def keep(spec: Spec) -> Run:
    """What is not in `members` goes away from the object."""
    members, guarded = frozenset(spec.rule["members"]), spec.guarded(lambda value, holder: GONE)
    level = node(spec.place.steps) if spec.place.steps else None

    def run(work: Work) -> Sequence[Change]:
        if spec.when is not None and not spec.when(work):
            return ()
        found: list[Hit] = [
            (i, key, holder[key], GONE)
            for i, holder in enumerate((work.body,) if level is None else work.level(level))
            if isinstance(holder, dict) and not members.issuperset(holder) and guarded(holder, holder) is GONE
            for key in holder
            if key not in members
        ]
        if not found:
            return ()
        trails = work.trails(level, [hit[0] for hit in found])
        for i, key, _, _ in found:
            del work.own(trails[i])[key]
        return done(work, trails, found)

    return run


def exclusive(spec: Spec) -> Run:
    """Of the body's `members` the first that says something stays."""
    members = tuple(spec.rule["members"])

    def run(work: Work) -> Sequence[Change]:
        there = [name for name in members if not _empty(work.body.get(name))]
        if len(there) < 2 or (spec.when is not None and not spec.when(work)):
            return ()
        own = work.own()
        changes = [((name,), own.pop(name), GONE) for name in there[1:]]
        work.changed(changes)
        return changes

    return run


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


class Target(NamedTuple):
    """Where `to` leads: so many objects up from the one that holds the member (to the root for None), and then by names."""

    up: int | None
    names: Steps

    def base(self, trail: tuple[Any, ...]) -> tuple[Any, ...]:
        """The path of the object that the names are below, from that of the one that holds the member."""
        for _ in range(len(trail) if self.up is None else self.up):
            while trail and (trail[-1] == EACH or isinstance(trail[-1], int)):
                trail = trail[:-1]
            trail = trail[:-1]
        return trail


def _target(text: str) -> Target:
    rest = re.sub(r"^(/|(\.\./)+)", "", text)
    names = Place(rest).steps
    if not names or {EACH, VALUES} & set(names):
        raise ConfigError(f"to: {text!r}, wanted names joined by dots")
    return Target(None if text.startswith("/") else (len(text) - len(rest)) // 3, names)


def move(spec: Spec) -> Run:
    """To `to`, perhaps with another value. What is there already stays, and the member goes away."""
    target, steps = _target(spec.rule["to"]), spec.place.steps
    changed = table(spec.rule, again=False) if {"values", "other"} & spec.rule.keys() else None
    there = (*target.base(spec.place.parents), *target.names)
    if spec.named and there == steps:
        raise ConfigError(f"to: {spec.rule['to']!r} is the member itself")
    wraps = there[: len(steps)] == steps

    def turn(value: Any, holder: Any) -> Any:
        # An object under the name of a member that is wrapped has been wrapped.
        return value if wraps and isinstance(value, dict) else (value if changed is None else changed(value),)

    if len(target.names) == 1 and target.up in (0, None) and not spec.place.parents:
        return _renamed(spec, turn, target.names[0])
    find, holders = hits(spec, turn), spec.holders

    def run(work: Work) -> Sequence[Change]:
        found = find(work)
        trails = work.trails(holders, [hit[0] for hit in found])
        changes: list[Change] = []
        for i, key, old, (new,) in found:
            base = target.base(trails[i])
            if wraps or can_hold(_at(work.body, base), target.names[:-1]):
                del work.own(trails[i])[key]
                there = dig(_at(work.body, base), target.names)
                if new is not GONE and (there is MISSING or there is None):
                    work.put(base, target.names, new)
                elif not same(there, new):
                    new = GONE
                changes += [((*trails[i], key), old, new), ((*base, *target.names), MISSING, new)]
        work.changed(changes)
        return changes[::2]

    return run


def _renamed(spec: Spec, turn: Turn, to: str) -> Run:
    """The same for a member of the body that gets another name."""
    when, guarded, name = spec.when, spec.guarded(turn), spec.named

    def run(work: Work) -> Sequence[Change]:
        if name not in work.body or (when is not None and not when(work)):
            return ()
        old = work.body[name]
        made = guarded(old, work.body)
        if made is old:
            return ()
        (new,) = made
        own = work.own()
        del own[name]
        if new is not GONE and own.get(to) is None:
            own[to] = new
        elif not same(own.get(to), new):
            new = GONE
        work.touched(name)
        work.touched(to)
        return (((name,), old, new),)

    return run


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def set_to(spec: Spec) -> Run:
    """`value` stands there; null, where there is no `value`."""
    value = spec.rule.get("value")

    def turn(old: Any, holder: Any) -> Any:
        return old if same(old, value) else value

    # With a test of the value only what is there is meant.
    return turned(spec, turn) if spec.holds is not None else filled(spec, turn)


def default(spec: Spec) -> Run:
    """`value` stands where nothing does; with `null`, where null does as well."""
    value, null = spec.rule["value"], spec.rule.get("null", False)
    return filled(spec, lambda old, holder: value if old is MISSING or (null and old is None) else old)


def mapped(spec: Spec) -> Run:
    """A value becomes another one, by a table."""
    changed = table(spec.rule)
    words = [old for old, _ in spec.rule["values"]]
    only_words = "other" not in spec.rule and all(isinstance(word, str) for word in words)
    return turned(spec, changed, picking_words(words) if only_words else None)


def clamp(spec: Spec) -> Run:
    """A number is not below `least` nor above `most`."""
    least, most = spec.rule.get("least"), spec.rule.get("most")

    def turn(value: Any, holder: Any) -> Any:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        if least is not None and value < least:
            return least
        return most if most is not None and value > most else value

    return turned(spec, turn)


def coerce(spec: Spec) -> Run:
    """A value becomes one of another kind."""
    changed = coercion(spec.rule)

    def turn(value: Any, holder: Any) -> Any:
        new = changed(value)
        return value if same(new, value) else new

    return turned(spec, turn)


def flatten(spec: Spec) -> Run:
    """A list of text parts becomes one text; with `null`, null an empty one."""
    join, null = spec.rule.get("join", ""), spec.rule.get("null", False)

    def turn(value: Any, holder: Any) -> Any:
        if value is None:
            return "" if null else value
        found = texts(value) if isinstance(value, list) else None
        return value if found is None else join.join(found)

    def pick(values: list[Any]) -> Sequence[int]:
        return [i for i, value in enumerate(values) if not isinstance(value, str)]

    return turned(spec, turn, pick)


_BRACES = re.compile(r"\{(\.?\w+)(\??)\}")


def template(spec: Spec) -> Run | None:
    """A text becomes part of another one, without what `without` finds. None where an optional variable is not set."""
    template, found = spec.rule["template"], None
    for name, optional in _BRACES.findall(template):
        if name != "value" and not name.startswith("."):
            if (found := spec.variables.get(name)) is None and optional:
                return None
            if found is None:
                raise ConfigError(f"template: no variable {name} is set")
    template = _BRACES.sub(lambda match: spec.variables.get(match[1], match[0]), template)
    before, _, after = template.partition("{value}")
    unless = regex(spec.rule["unless"]).search if "unless" in spec.rule else None
    without = regex(spec.rule["without"]).sub if "without" in spec.rule else None

    def turn(value: Any, holder: Any) -> Any:
        if not isinstance(value, str) or (unless is not None and unless(value)):
            return value
        text, last = value, None
        while without is not None and text != last:
            last, text = text, without("", text)
        start, end = _siblings(before, holder), _siblings(after, holder)
        if start is None or end is None:
            return value
        if not (text.startswith(start) and text.endswith(end)):
            text = f"{start}{text}{end}"
        return value if text == value else text

    return turned(spec, turn)


def _siblings(text: str, holder: Any) -> str | None:
    """The text with members that stand beside the value put in; None where one is not there."""
    for name, _ in _BRACES.findall(text):
        if not isinstance(beside := holder.get(name[1:]) if isinstance(holder, dict) else None, str):
            return None
        text = text.replace(f"{{{name}}}", beside)
    return text


def clean(spec: Spec) -> Run:
    """A JSON Schema is made one that the service knows."""
    clean = cleaner(spec.rule)

    def turn(value: Any, holder: Any) -> Any:
        new = clean(value)
        return value if new == value else new  # keywords that go and come again

    return turned(spec, turn)


def shorten(spec: Spec) -> Run:
    """Ids that do not fit `pattern` become short ones, the same id the same one everywhere."""
    fits, length = regex(spec.rule["pattern"]).fullmatch, spec.rule["length"]

    def turn(value: Any, holder: Any) -> Any:
        return value if not isinstance(value, str) or fits(value) else hashed(value, length)

    if fits(hashed("", length)) is None:
        raise ConfigError(f"pattern: {spec.rule['pattern']!r} does not take {length} letters and digits")
    runs = [turned(spec._replace(place=Place(member)), turn) for member in (spec.place.text, *spec.rule.get("also", ()))]
    return lambda work: [change for run in runs for change in run(work)]


_LETTERS = string.ascii_letters + string.digits


def hashed(text: str, length: int) -> str:
    """So many letters and digits that stand for a text, the same ones each time."""
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest())
    out = ""
    for _ in range(length):
        number, digit = divmod(number, len(_LETTERS))
        out += _LETTERS[digit]
    return out
