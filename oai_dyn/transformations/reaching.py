"""Where the rules of replies act: a path followed through a whole batch of events at once, or through one reply.

Rules of this file: what several rules look at is looked up once; what is of another kind than a path says is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from .conditions import Test, conditions, predicate
from .places import EACH, MISSING, VALUES, Place, Steps, step_into

#: A rule made ready: it changes a batch in place, and says whether it did.
Act = Callable[["Batch"], bool]

Rule = Mapping[str, Any]

_MESSAGE = re.compile(r"^(/?choices\[\])\.message(?=$|[.\[])")


#: Up to how many members all names of objects are gathered at once; of larger ones each name is looked for.
_FEW = 2


class Batch:
    """Replies or events (`roots`), and what paths lead to in all of them."""

    __slots__ = ("_levels", "_names", "_scalars", "roots")

    def __init__(self, roots: list[Any]) -> None:
        self.roots = roots
        self._levels: dict[Steps, list[Any]] = {(): roots}
        self._names: dict[Steps, set[str]] = {}
        self._scalars: dict[Steps, set[Any]] = {}

    def forget(self) -> None:
        """Look up all paths again: something was changed."""
        self._levels = {(): self.roots}
        self._names = {}
        self._scalars = {}

    def level(self, steps: Steps) -> list[Any]:
        """What a path leads to, of any kind."""
        found = self._levels.get(steps)
        if found is None:
            above, step = steps[:-1], steps[-1]
            values = self.level(above)
            try:  # as it nearly always is; what else is among them fails here, or at the next step
                found = [item for (item,) in values] if step == EACH else list(map(itemgetter(step), values))
            except (LookupError, TypeError, ValueError):
                found = step_into(values, step) if step in (EACH, VALUES) or self.has(above, step) else []
            self._levels[steps] = found
        return found

    def objects(self, steps: Steps) -> list[Any]:
        """The objects that a path leads to."""
        found = self.level(steps)
        return found if {*map(type, found)} <= {dict} else [value for value in found if isinstance(value, dict)]

    def has(self, steps: Steps, name: str) -> bool:
        """Whether any of the objects that a path leads to has a member; where other values are among them, perhaps."""
        names, values = self._names.get(steps), self.level(steps)
        try:
            if names is None and values and len(values[0]) > _FEW:
                return bool([value for value in values if name in value])
            if names is None:
                names = self._names[steps] = set().union(*values)
        except TypeError:
            names = self._names[steps] = set().union(*self.objects(steps))
        return name in names

    def scalars(self, steps: Steps) -> set[Any]:
        """The values that a path leads to, but for lists and objects."""
        found = self._scalars.get(steps)
        if found is None:
            values = self.level(steps)
            try:
                found = {*values}
            except TypeError:
                found = {value for value in values if not isinstance(value, list | dict)}
            self._scalars[steps] = found
        return found

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


class Target:
    """What a rule is about, read once: its member and its conditions.

    event   it is about events: `message` of a choice is then `delta`
    place   the path of the member;  parents, key  what holds it, and its name there (or [] or *)
    test    of the value, `is`; None where there is none
    """

    __slots__ = ("_when", "_where", "event", "key", "parents", "place", "said", "test")

    def __init__(self, rule: Rule, event: bool, member: str = "") -> None:
        self.event = event
        self.said = "delta" if event else "message"
        self.place = self.path(rule.get("member", member))
        self.parents, self.key = self.place.parents, self.place.last
        self._when = conditions({self._text(path): test for path, test in rule.get("if", {}).items()})
        self._where = conditions(rule.get("where", {}))
        self.test: Test | None = predicate(rule["is"]) if "is" in rule else None

    def _text(self, path: str) -> str:
        return _MESSAGE.sub(r"\1.delta", path) if self.event else path

    def path(self, text: str) -> Place:
        """A path of the rule's as it is written, made ready."""
        return Place(self._text(text))

    def takes(self, root: Any) -> bool:
        """Whether `if` holds of a reply or an event."""
        return self._when is None or self._when(root)

    def within(self, batch: Batch) -> Batch:
        """What of a batch the rule is about."""
        return batch if self._when is None else Batch([root for root in batch.roots if self._when(root)])

    def chosen(self, holders: list[Any]) -> list[Any]:
        """Those of some holders for which `where` holds."""
        return holders if self._where is None else [holder for holder in holders if self._where(holder)]

    def holders(self, batch: Batch) -> list[Any]:
        """The objects that have the member, or could."""
        return self.chosen(self.within(batch).objects(self.parents))

    def vacant(self, holder: dict[str, Any]) -> bool:
        """Whether the member is absent or null there; with `is`, whether that holds of it."""
        if self.test is not None:
            return self.test(holder.get(self.key, MISSING))
        return holder.get(self.key) is None

    def absent(self, batch: Batch) -> bool:
        """Whether no object of a batch has the member: what most events cost."""
        return self.key not in (EACH, VALUES) and not batch.has(self.parents, self.key)

    def slots(self, batch: Batch) -> Iterator[tuple[Any, Any]]:
        """Holder and key of each value that is there and passes."""
        if self.key in (EACH, VALUES):
            for holder in self.within(batch).level(self.parents):
                for key in _keys(holder, self.key):
                    if self.chosen([holder[key] if self.key == EACH else holder]) and self._passes(holder[key]):
                        yield holder, key
            return
        for holder in self.holders(batch):
            if self.key in holder and self._passes(holder[self.key]):
                yield holder, self.key

    def _passes(self, value: Any) -> bool:
        return self.test is None or self.test(value)


def _keys(holder: Any, step: str) -> list[Any]:
    if step == EACH:
        return list(range(len(holder))) if isinstance(holder, list) else []
    return list(holder) if isinstance(holder, dict) else []
