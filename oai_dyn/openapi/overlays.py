"""Corrections to a document: a file of them is laid over the document before anything is made of it.

    [{"at": "/components/schemas/Pet/required", "remove": ["tail"], "reason": "a cat without one is a cat"}, ...]

    at      a place as `$ref` writes it without its `#`, or a list of places that the same is done at
    set     what stands at the place from now on; the place may be new (`-` behind a list's name adds to the list)
    merge   members for the object there (null takes one away), or elements added to the list there
    remove  true: what stands there goes away; a list: these elements of the list there

Rules of this file: the document is not changed, a new one comes back; an entry without a reason, one whose place is
not there, and one that changes nothing are refused, for they tell of a document that has moved on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ConfigError
from .references import steps

_ACTIONS = ("set", "merge", "remove")


def overlaid(document: Mapping[str, Any], entries: Any, source: str = "overlays") -> dict[str, Any]:
    """The document with the entries of an overlay file laid over it, in order. Raises `ConfigError` with the entry."""
    if not isinstance(entries, list):
        raise ConfigError(f"{source}: wanted a list of entries")
    whole = {"": copy.deepcopy(dict(document))}
    for number, entry in enumerate(entries):
        where = f"{source}[{number}]"
        action = _checked(entry, where)
        try:
            for place in [entry["at"]] if isinstance(entry["at"], str) else entry["at"]:
                *above, last = ["", *steps(place)]
                _APPLIED[action](_stepped(whole, above), last, copy.deepcopy(entry[action]))
        except (LookupError, ValueError) as error:
            raise ConfigError(f"{where}: {place}: {error}") from None
    return dict(whole[""])


def _checked(entry: Any, where: str) -> str:
    """What an entry does, where it is well formed."""
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where}: wanted an object")
    places = entry.get("at")
    if not (isinstance(places, list) and places and all(isinstance(one, str) for one in places)) and not isinstance(places, str):
        raise ConfigError(f"{where}: at: wanted a place, or a list of places")
    if not isinstance(entry.get("reason"), str) or not entry["reason"]:
        raise ConfigError(f"{where}: reason: wanted text")
    actions = [action for action in _ACTIONS if action in entry]
    if len(actions) != 1 or entry.keys() - {"at", "reason", *actions}:
        raise ConfigError(f"{where}: wanted at, reason and one of {', '.join(_ACTIONS)}, had {', '.join(map(str, entry))}")
    return actions[0]


def _stepped(value: Any, path: list[str]) -> Any:
    """What a path leads to. Raises `LookupError`."""
    for step in path:
        value = value[_key(value, step)]
    return value


def _key(value: Any, step: str) -> Any:
    """A step as the key or index of what stands in this value. Raises `LookupError`."""
    if isinstance(value, dict) and step in value:
        return step
    if isinstance(value, list) and step.isdecimal() and len(step) < 9 and int(step) < len(value):
        return int(step)
    raise LookupError(f"{step!r} is not there")


def _set(parent: Any, last: str, new: Any) -> None:
    if isinstance(parent, list) and last == "-":
        parent.append(new)
        return
    key = last if isinstance(parent, dict) else _key(parent, last)
    if isinstance(parent, dict) and last not in parent:
        parent[last] = new
    elif parent[key] == new:
        raise ValueError("it is so already")
    else:
        parent[key] = new


def _merge(parent: Any, last: str, new: Any) -> None:
    found = parent[_key(parent, last)]
    before = copy.deepcopy(found)
    if isinstance(found, dict) and isinstance(new, Mapping):
        found |= new
        for key in [key for key, value in new.items() if value is None]:
            del found[key]
    elif isinstance(found, list) and isinstance(new, list):
        found += [value for value in new if value not in found]
    else:
        raise ValueError("wanted an object to merge into an object, or a list to add to a list")
    if found == before:
        raise ValueError("it is so already")


def _remove(parent: Any, last: str, which: Any) -> None:
    key = _key(parent, last)
    if which is True:
        del parent[key]
        return
    if not isinstance(which, list) or not isinstance(parent[key], list):
        raise ValueError("wanted true, or a list of elements of the list there")
    if missing := [value for value in which if value not in parent[key]]:
        raise ValueError(f"{missing[0]!r} is not there")
    parent[key] = [value for value in parent[key] if value not in which]


_APPLIED: dict[str, Callable[[Any, str, Any], None]] = {"set": _set, "merge": _merge, "remove": _remove}
