"""Paths of rules, read once: which members of a body, a reply or an event a rule is about.

    Place("messages[].name")     name of each message
    Place("choices[].*")         each value of each choice
    Place("stop[]")              each element of stop
    Place("")                    the whole
    Place("/usage.total")        the same, for a path that is otherwise relative: from the root

    place.holders(root)   what has the last member or could take it: objects, or lists where the path ends in []
    place.values(root)    the values that are there
    place.first(root)     the first of them that is not null, else MISSING

Rules of this file: nothing is changed and nothing is made here; what is of another kind than the path says is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Final

from ..errors import ConfigError

#: Steps that are no names.
EACH, VALUES = "[]", "*"

_PART = re.compile(r"(\*|[^.\[\]*/]*)((?:\[\])*)")

Steps = tuple[str, ...]


class _Nothing(Enum):
    """What stands for no value, where None is one."""

    MISSING = "missing"


#: No value is there.
MISSING: Final = _Nothing.MISSING


def read_path(text: str) -> Steps:
    """The steps of a path: names, `[]` and `*`. Raises `ConfigError` for what is no path."""
    steps: list[str] = []
    for part in text.split(".") if text else ():
        found = _PART.fullmatch(part)
        if not part or found is None:
            raise ConfigError(f"{text!r} is no path; one is like messages[].content[].text")
        steps += [step for step in (found[1], *[EACH] * (len(found[2]) // 2)) if step]
    return tuple(steps)


def step_into(values: Iterable[Any], step: str) -> list[Any]:
    """What one step leads to from each of some values."""
    if step == EACH:
        return [item for value in values if isinstance(value, list) for item in value]
    if step == VALUES:
        return [item for value in values if isinstance(value, dict) for item in value.values()]
    return [value[step] for value in values if isinstance(value, dict) and step in value]


class Place:
    """A path, made ready. `steps` are all of it, `parents` all but the last, `last` is the last ("" for the whole)."""

    __slots__ = ("_kind", "last", "parents", "rooted", "steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.rooted = text.startswith("/")
        self.steps = read_path(text.removeprefix("/"))
        self.parents = self.steps[:-1]
        self.last = self.steps[-1] if self.steps else ""
        self._kind: type = list if self.last == EACH else dict

    def __repr__(self) -> str:
        return f"<Place {self.text}>"

    def holders(self, root: Any) -> list[Any]:
        """The objects that have the last member or could take it; the lists, where the path ends in []."""
        level = [root]
        for step in self.parents:
            level = step_into(level, step)
        return [value for value in level if isinstance(value, self._kind)] if self.steps else []

    def values(self, root: Any) -> list[Any]:
        """The values that are there; of the whole, itself."""
        level = [root]
        for step in self.steps:
            level = step_into(level, step)
        return level

    def first(self, root: Any) -> Any:
        """The first value that is there and not null, else `MISSING`."""
        return next((value for value in self.values(root) if value is not None), MISSING)


def keys_at(value: Any, step: str) -> Sequence[Any]:
    """The keys that a step stands for in one value."""
    if step == EACH:
        return range(len(value)) if isinstance(value, list) else ()
    if not isinstance(value, dict):
        return ()
    if step == VALUES:
        return list(value)
    return (step,) if step in value else ()
