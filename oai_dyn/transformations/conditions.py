"""Conditions of rules, read once: tests of values, `if`, `where` and `is`, and globs of rows and models.

    predicate(spec)     value -> bool       a value, a list of values, or a table of TESTS that all hold
    conditions(spec)    object -> bool      {"path": test, ...}, for `if` (of the whole) and `where` (of the holder)
    picking(spec)       values -> numbers   for some specs: which of many values may pass; the others do not
    globs(patterns)     name -> bool        in any case of letters; "!glob" excludes

A member that is not there is tested as `MISSING`: it is null and empty, has no type, and equals nothing.
A path that leads to several values holds where one of them passes.

Rules of this file: whatever a spec says is checked when it is read (`ConfigError`); a test raises nothing, whatever it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from typing import Any

from ..errors import ConfigError
from .places import MISSING, Place

Test = Callable[[Any], bool]
Pick = Callable[[list[Any]], Sequence[int]]

#: What a name of JSON's types is in Python; a bool is no number.
_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "object": (dict,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal in JSON, where true is not 1."""
    equal = one == other  # of an array of numbers, an array
    return equal is True and isinstance(one, bool) == isinstance(other, bool)


def predicate(spec: Any) -> Test:
    """Make a test ready. Raises `ConfigError` for one that is none."""
    if isinstance(spec, Mapping):
        parts = [_made(name, argument) for name, argument in spec.items()]
        return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)
    return _any_of(spec if isinstance(spec, list) else [spec])


def _made(name: str, argument: Any) -> Test:
    if name not in TESTS:
        raise ConfigError(f"{name}: no such test; there are {', '.join(TESTS)}")
    kind, make = TESTS[name]
    if not isinstance(argument, kind) or (isinstance(argument, bool) and bool not in kind):
        raise ConfigError(f"{name}: of type {type(argument).__name__}")
    made: Test = make(argument)
    return made


def _any_of(values: Sequence[Any]) -> Test:
    if all(isinstance(value, str) for value in values):
        words = frozenset(values)
        return lambda value: isinstance(value, str) and value in words
    return lambda value: any(same(value, wanted) for wanted in values)


def _empty(wanted: bool) -> Test:
    def holds(value: Any) -> bool:
        return (value is None or value is MISSING or (isinstance(value, str | list | dict) and not value)) is wanted

    return holds


def _type(name: str) -> Test:
    if name not in _TYPES:
        raise ConfigError(f"type: {name!r}, wanted one of {', '.join(_TYPES)}")
    kinds = _TYPES[name]
    if name in ("number", "integer"):
        return lambda value: isinstance(value, kinds) and not isinstance(value, bool)
    return lambda value: isinstance(value, kinds)


def _none_of(values: Sequence[Any]) -> Test:
    is_one = _any_of(values)
    return lambda value: not is_one(value)


def _matches(pattern: str) -> Test:
    find = regex(pattern).search
    return lambda value: isinstance(value, str) and find(value) is not None


def regex(pattern: str) -> re.Pattern[str]:
    """A pattern, made ready. Raises `ConfigError`."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"{pattern!r}: {error}") from None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


#: The tests of a table: the type of the argument, and what makes the test.
TESTS: dict[str, tuple[tuple[type, ...], Callable[[Any], Test]]] = {
    "present": ((bool,), lambda wanted: lambda value: (value is not MISSING) is wanted),
    "null": ((bool,), lambda wanted: lambda value: (value is None or value is MISSING) is wanted),
    "empty": ((bool,), _empty),
    "type": ((str,), _type),
    "not": ((list,), _none_of),
    "above": ((int, float), lambda bound: lambda value: _number(value) and value > bound),
    "below": ((int, float), lambda bound: lambda value: _number(value) and value < bound),
    "matches": ((str,), _matches),
}


def picking(spec: Any) -> Pick | None:
    """For some tests, what looks over many values at once."""
    if spec == {"null": True}:
        return lambda values: [i for i, value in enumerate(values) if value is None]
    words = spec if isinstance(spec, list) else [spec]
    return picking_words(words) if all(isinstance(word, str) for word in words) else None


def picking_words(words: Sequence[str]) -> Pick:
    """What finds some words among many values."""
    known = frozenset(words)

    def pick(values: list[Any]) -> Sequence[int]:
        try:
            return [] if known.isdisjoint(values) else [i for i, value in enumerate(values) if value in known]
        except TypeError:  # there is a list or an object among them
            return range(len(values))

    return pick


def conditions(spec: Mapping[str, Any]) -> Test | None:
    """Paths and their tests as one test of an object; None where there are none."""
    parts = [_condition(path, wanted) for path, wanted in spec.items()]
    if len(parts) < 2:
        return parts[0] if parts else None
    return lambda value: all(part(value) for part in parts)


def _condition(path: str, spec: Any) -> Test:
    try:
        place, holds = Place(path), predicate(spec)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if len(place.steps) == 1 and place.last not in ("[]", "*"):
        name = place.last
        return lambda value: holds(value.get(name, MISSING) if isinstance(value, dict) else MISSING)

    def one_holds(value: Any) -> bool:
        found = place.values(value)
        return any(map(holds, found)) if found else holds(MISSING)

    return one_holds


def globs(patterns: Sequence[str]) -> Test:
    """Whether a name fits: one of the globs (any name, where all exclude), and none of those that start with "!"."""
    wanted = [_glob(pattern) for pattern in patterns if not pattern.startswith("!")]
    unwanted = [_glob(pattern[1:]) for pattern in patterns if pattern.startswith("!")]
    return lambda name: (not wanted or any(fits(name) for fits in wanted)) and not any(fits(name) for fits in unwanted)


def _glob(pattern: str) -> Callable[[str], Any]:
    return re.compile(translate(pattern.lower()), re.IGNORECASE).match
