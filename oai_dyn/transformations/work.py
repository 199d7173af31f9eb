"""A body while rules go over it: what stands where, and what has been copied of it.

Rules of this file: what the caller gave is never changed; of it only those lists and objects are copied that lie on the way to a
change. An object of the user's own class on the way of a rule is replaced by what it writes; what writes nothing (a file) stays.
What every call pays for is kept short: levels are remembered until a change, and looked over by the interpreter's own loops.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import cache
from operator import is_
from typing import Any

from ..codec import Record
from ..errors import Path, ValidationError
from ..wire import Route
from .places import EACH, MISSING, VALUES, Steps, keys_at, step_into
from .values import GONE

Write = Callable[[Any], Any]

#: One thing that a rule did: where, what was there (`MISSING` for nothing), and what is (`GONE` for nothing).
Change = tuple[Path, Any, Any]

#: What JSON has as it stands, and of that what holds nothing.
_ATOMS = frozenset({str, int, float, bool, type(None)})
_PLAIN = _ATOMS | {dict, list, Record}

#: From how many on the paths of all values are made at once.
_MANY = 4

#: How deep values are entered, which is orjson's own bound.
_DEEPEST = 250


class Node:
    """A path in a body as the key of a level: the same path is the same object. `above` is None where it is one name."""

    __slots__ = ("above", "step", "steps", "top")

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.step = steps[-1]
        self.top = steps[0]
        self.above = node(steps[:-1]) if len(steps) > 1 else None


@cache
def node(steps: Steps) -> Node:
    """The node for a path of at least one step."""
    return Node(steps)


class Work:
    """One body on its way through the rules. `body` is the caller's own until the first change.

    texts   the JSON of members of the body, as far as it is known
    """

    __slots__ = ("_levels", "_own", "body", "route", "texts", "write")

    def __init__(self, body: dict[str, Any], route: Route, write: Write) -> None:
        self.body = body
        self.route = route
        self.write = write
        self._own: dict[int, Any] = {}
        self.texts: dict[str, bytes] = {}
        self._levels: dict[Node, list[Any]] = {}

    def level(self, place: Node) -> list[Any]:
        """The values at a path. The list is remembered until the next change there, and is not to be changed."""
        found = self._levels.get(place)
        if found is None:
            above = place.above
            if above is None:
                found = [self.body[place.top]] if place.top in self.body else []
            else:
                whole = self.body.get(place.top) if above.above is None and place.step == EACH else None
                found = whole if type(whole) is list else _below(place.step, self.level(above))
                if not _PLAIN.issuperset(map(type, found)) and self._made_plain(place.top):
                    return self.level(place)
            self._levels[place] = found
        return found

    def trails(self, place: Node | None, found: Sequence[int]) -> dict[int, Path]:
        """The paths of some values of a level, by their numbers; of the body itself for None."""
        if place is None:
            return {0: ()}
        if len(found) > _MANY:
            return dict(enumerate(self._all_trails(place)))
        return {i: self._trail(place, i) for i in found}

    def _trail(self, place: Node, number: int) -> Path:
        """The path of one value: its number is counted off at each step."""
        above = place.above
        if above is None:
            return (place.top,)
        values = self.level(above)
        i, keys = 0, keys_at(values[0], place.step)
        while number >= len(keys):
            number, i = number - len(keys), i + 1
            keys = keys_at(values[i], place.step)
        return (*self._trail(above, i), keys[number])

    def _all_trails(self, place: Node) -> list[Path]:
        above = place.above
        if above is None:
            return [(place.top,)]
        pairs = zip(self._all_trails(above), self.level(above), strict=True)
        return [(*path, key) for path, value in pairs for key in keys_at(value, place.step)]

    def own(self, path: Path = ()) -> Any:
        """The list or object at a path, no longer the caller's: it may be changed, at its own level."""
        own = self._own
        if not own:
            self.body = dict(self.body)
            own[id(self.body)] = self.body
        holder: Any = self.body
        for key in path:
            child = holder[key]
            if id(child) not in own:
                child = holder[key] = child.copy()
                own[id(child)] = child
            holder = child
        return holder

    def put(self, path: Path, names: Steps, value: Any) -> None:
        """Set a member below the object at a path; objects on the way that are not there are made."""
        holder = self.own(path)
        for name in names[:-1]:
            if not isinstance(holder.get(name), dict):
                holder[name] = {}
            path = (*path, name)
            holder = self.own(path)
        holder[names[-1]] = value

    def changed(self, changes: Iterable[Change]) -> None:
        """Forget what is known of what has changed."""
        for top in {path[0] for path, _, _ in changes}:
            self.touched(top)

    def touched(self, top: Any) -> None:
        """Forget what is known of a member of the body."""
        if top in self.texts:
            del self.texts[top]
        if self._levels:
            self._levels = {place: found for place, found in self._levels.items() if place.top != top}

    def forget(self) -> None:
        """Forget all that is known."""
        self._levels = {}
        self.texts.clear()

    def enter(self, tops: Iterable[str]) -> None:
        """Make plain what stands at the top as an object of another class."""
        if not _PLAIN.issuperset(map(type, self.body.values())):
            for top in tops:
                if top in self.body and type(self.body[top]) not in _PLAIN:
                    self._made_plain(top)

    def _made_plain(self, top: str) -> bool:
        """Make a member of the body plain, all through. False where it is as plain as it gets."""
        value = self.body[top]
        plainer = self.plain(value)
        if plainer is value:
            return False
        self.forget()
        self.own()[top] = plainer
        return True

    def plain(self, value: Any, depth: int = 0) -> Any:
        """A value with all objects in it made plain; the same object, where there are none."""
        if type(value) in _ATOMS:
            return value
        check_depth(depth)
        if isinstance(value, dict):
            made: Any = {key: self.plain(item, depth + 1) for key, item in value.items()}
            same = type(value) in _PLAIN and all(map(is_, made.values(), value.values()))
        elif isinstance(value, list | tuple):
            made = [self.plain(item, depth + 1) for item in value]
            same = type(value) is list and all(map(is_, made, value))
        else:
            made = self._written(value)
            if made is value:
                return value
            made, same = self.plain(made, depth + 1), False
        return value if same else made

    def _written(self, value: Any) -> Any:
        """An object one step plainer; itself, where it is as plain as it gets."""
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, str | int | float):
            return value
        try:
            return self.write(value)
        except (TypeError, ValidationError):
            return value


def _below(step: str, values: list[Any]) -> list[Any]:
    """What one step leads to from each of some values."""
    if step not in (EACH, VALUES):
        try:
            return [value[step] for value in values if step in value]
        except TypeError:  # something else is among the objects
            pass
    return step_into(values, step)


def dig(value: Any, names: Steps) -> Any:
    """What stands below an object by names; `MISSING` where there is nothing, or something that is no object on the way."""
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def check_depth(depth: int) -> None:
    """Raises `ValidationError` for what lies deeper than any body does."""
    if depth > _DEEPEST:
        raise ValidationError(f"nested deeper than {_DEEPEST} levels, or in a circle")


_WORD = re.compile(r"[\w.:/-]{1,40}")


def shown(value: Any) -> str:
    """A value for a message: numbers and words as they are, of anything else what it is."""
    if isinstance(value, str):
        return str(value) if _WORD.fullmatch(value) else "text"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return str(value)
    return "nothing" if value in (MISSING, GONE) else "a list" if isinstance(value, list) else "an object"
