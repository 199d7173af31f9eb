"""Where the rules of replies act: a path followed through a whole batch of events at once, or through one reply.

Rules of this file: what several rules look at is looked up once; what is of another kind than a path says is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .conditions import Test, conditions, predicate
from .places import EACH, MISSING, VALUES, Place, Steps, keys_at

#: A rule made ready: it changes a batch in place. It gives back None where it changed nothing, else a path: what that leads to is
#: still the same, and what is below it perhaps not.
Act = Callable[["Few"], Steps | None]

Rule = Mapping[str, Any]

_MESSAGE = re.compile(r"^(/?choices\[\])\.message(?=$|[.\[])")


#: Up to how many events are looked at one by one.
_SOME = 3

#: Up to how many members all names of objects are gathered at once; of larger ones each name is looked for.
_FEW = 2


def walk(values: list[Any], steps: Steps) -> list[Any]:
    """What a path leads to from some values. Written out, for this is what most of a rule costs."""
    for step in steps:
        found: list[Any] = []
        if step == EACH:
            for value in values:
                if isinstance(value, list):
                    found += value
        elif step == VALUES:
            for value in values:
                if isinstance(value, dict):
                    found += value.values()
        else:
            for value in values:
                if isinstance(value, dict) and step in value:
                    found.append(value[step])
        values = found
    return values


def objects_at(roots: list[Any], steps: Steps) -> list[Any]:
    """The objects that a path leads to from some values; the paths of nearly all rules are written out."""
    if not steps:
        return [root for root in roots if isinstance(root, dict)]
    if not 2 <= len(steps) <= 3 or steps[1] != EACH or steps[0] in (EACH, VALUES) or steps[-1] == VALUES:
        return [value for value in walk(roots, steps) if isinstance(value, dict)]
    outer, inner, found = steps[0], steps[-1], []
    for root in roots:
        if isinstance(root, dict) and isinstance(items := root.get(outer), list):
            for item in items:
                value = item if inner == EACH else item.get(inner) if isinstance(item, dict) else None
                if isinstance(value, dict):
                    found.append(value)
    return found


class Few:
    """A reply, or a few events (`roots`), and what paths lead to in all of them. `many` where it pays to ask before looking."""

    __slots__ = ("_objects", "roots")
    many = False

    def __init__(self, roots: list[Any]) -> None:
        self.roots = roots
        self._objects: dict[Steps, list[Any]] = {}

    def forget(self, below: Steps) -> None:
        """Look up again what is below a path: something was changed there."""
        if not below:
            self._objects.clear()  # the roots too
        size = len(below)
        for steps in [steps for steps in self._objects if len(steps) > size]:
            if steps[:size] == below:
                del self._objects[steps]

    def level(self, steps: Steps) -> list[Any]:
        """What a path leads to, of any kind."""
        return walk(self.roots, steps)

    def objects(self, steps: Steps) -> list[Any]:
        """The objects that a path leads to."""
        found = self._objects.get(steps)
        if found is None:
            found = self._objects[steps] = objects_at(self.roots, steps)
        return found

    def has(self, steps: Steps, name: str) -> bool:
        """Whether any of the objects that a path leads to has a member; where other values are among them, perhaps."""
        return bool([value for value in self.objects(steps) if name in value])

    def scalars(self, steps: Steps) -> set[Any]:
        """The values that a path leads to, but for lists and objects."""
        values = self.level(steps)
        try:
            return {*values}
        except TypeError:
            return {value for value in values if not isinstance(value, list | dict)}

    def mixed(self, steps: Steps) -> bool:
        """Whether a path leads to anything but text."""
        try:
            "".join(self.level(steps))
        except TypeError:
            return True
        return False

    def filled(self, steps: Steps) -> bool:
        """Whether each object has the last member of the path, and none of them is null or empty text."""
        found = self.level(steps)
        return len(found) == len(self.level(steps[:-1])) and (all(found) or not (None in found or "" in found))


class Batch(Few):
    """Many events. What several rules look at is looked up once, and all values at once, for they are nearly always alike."""

    __slots__ = ("_levels", "_names", "_scalars")
    many = True

    def __init__(self, roots: list[Any]) -> None:
        super().__init__(roots)
        self._levels: dict[Steps, list[Any]] = {(): roots}
        self._names: dict[Steps, set[str]] = {}
        self._scalars: dict[Steps, set[Any]] = {}

    def forget(self, below: Steps) -> None:
        """The same of all that is known."""
        super().forget(below)
        size = len(below)
        self._levels = {steps: level for steps, level in self._levels.items() if steps[:size] != below or len(steps) <= size}
        self._names = {steps: names for steps, names in self._names.items() if steps[:size] != below}
        self._scalars = {steps: values for steps, values in self._scalars.items() if steps[:size] != below}

    def level(self, steps: Steps) -> list[Any]:
        """The same, step by step and once."""
        found = self._levels.get(steps)
        if found is None:
            above, step = steps[:-1], steps[-1]
            values = self.level(above)
            try:  # what else is among them fails here, or at the next step
                found = [item for (item,) in values] if step == EACH else [value[step] for value in values]
            except (LookupError, TypeError, ValueError):
                found = walk(values, steps[-1:]) if step in (EACH, VALUES) or self.has(above, step) else []
            self._levels[steps] = found
        return found

    def objects(self, steps: Steps) -> list[Any]:
        """The same, from what is known."""
        found = self._objects.get(steps)
        if found is None:
            found = self.level(steps)
            if not {*map(type, found)} <= {dict}:
                found = [value for value in found if isinstance(value, dict)]
            self._objects[steps] = found
        return found

    def has(self, steps: Steps, name: str) -> bool:
        """The same, by the names of all members where there are few."""
        values, names = self.level(steps), self._names.get(steps)
        try:
            if names is None and values and len(values[0]) > _FEW:
                return bool([value for value in values if name in value])
            if names is None:
                names = self._names[steps] = set().union(*values)
        except TypeError:
            names = self._names[steps] = set().union(*self.objects(steps))
        return name in names

    def scalars(self, steps: Steps) -> set[Any]:
        """The same, once."""
        found = self._scalars.get(steps)
        if found is None:
            found = self._scalars[steps] = super().scalars(steps)
        return found


def gathered(events: list[Any]) -> Few:
    """Events ready to be amended."""
    return Batch(events) if len(events) > _SOME else Few(events)


class Target:
    """What a rule is about, read once: its member and its conditions.

    event   it is about events: `message` of a choice is then `delta`
    place   the path of the member;  parents, key  what holds it, and its name there (or [] or *)
    always  there are neither `if` nor `where`
    test    of the value, `is`; None where there is none
    """

    __slots__ = ("_when", "_where", "always", "event", "key", "parents", "place", "said", "test")

    def __init__(self, rule: Rule, event: bool, member: str = "") -> None:
        self.event = event
        self.said = "delta" if event else "message"
        self.place = self.path(rule.get("member", member))
        self.parents, self.key = self.place.parents, self.place.last
        self._when = conditions({self._text(path): test for path, test in rule.get("if", {}).items()})
        self._where = conditions(rule.get("where", {}))
        self.always = self._when is None and self._where is None
        self.test: Test | None = predicate(rule["is"]) if "is" in rule else None

    def _text(self, path: str) -> str:
        return _MESSAGE.sub(r"\1.delta", path) if self.event else path

    def path(self, text: str) -> Place:
        """A path of the rule's as it is written, made ready."""
        return Place(self._text(text))

    def takes(self, root: Any) -> bool:
        """Whether `if` holds of a reply or an event."""
        return self._when is None or self._when(root)

    def within(self, batch: Few) -> Few:
        """What of a batch the rule is about."""
        return batch if self._when is None else Few([root for root in batch.roots if self._when(root)])

    def chosen(self, holders: list[Any]) -> list[Any]:
        """Those of some holders for which `where` holds."""
        return holders if self._where is None else [holder for holder in holders if self._where(holder)]

    def holders(self, batch: Few) -> list[Any]:
        """The objects that have the member, or could."""
        if self.always:
            return batch.objects(self.parents)
        return self.chosen(self.within(batch).objects(self.parents))

    def vacant(self, holder: dict[str, Any]) -> bool:
        """Whether the member is absent or null there; with `is`, whether that holds of it."""
        if self.test is not None:
            return self.test(holder.get(self.key, MISSING))
        return holder.get(self.key) is None

    def absent(self, batch: Few) -> bool:
        """Whether no object of a batch has the member: what most events cost."""
        return self.key not in (EACH, VALUES) and not batch.has(self.parents, self.key)

    def slots(self, batch: Few) -> list[tuple[Any, Any]]:
        """Holder and key of each value that is there and passes."""
        key, test = self.key, self.test
        if key in (EACH, VALUES):
            return list(self._elements(self.within(batch).level(self.parents)))
        return [(holder, key) for holder in self.holders(batch) if key in holder and (test is None or test(holder[key]))]

    def _elements(self, holders: list[Any]) -> Iterator[tuple[Any, Any]]:
        for holder in holders:
            for key in keys_at(holder, self.key):
                if self.chosen([holder[key] if self.key == EACH else holder]) and (self.test is None or self.test(holder[key])):
                    yield holder, key
