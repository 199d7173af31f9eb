"""One value made another, for rules of requests and of replies: by a table, or by its kind.

    table(rule)    value -> value, as `values` and `other` of a rule say; `GONE` where it goes away
    COERCIONS      the kinds that a value can be made into; what cannot be is left as it is

Rules of this file: nothing given is changed, and nothing of a rule is given away to be changed; a value that is as wanted
comes back as the same object, so that `is` tells a change; a result put in again comes back as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from enum import Enum
from typing import Any, Final

from ..codec import encode
from ..errors import ConfigError, ValidationError
from ..objects import plain
from .conditions import same


class _Going(Enum):
    """What stands for a member that goes away."""

    GONE = "gone"


#: The member goes away.
GONE: Final = _Going.GONE

Change = Callable[[Any], Any]

#: The same, where what holds the value may be given as well.
Turn = Callable[..., Any]


def table(rule: Mapping[str, Any], again: bool = True) -> Turn:
    """What `values` and `other` make of a value. Without either it is kept.

    again: the results stand where the values stood, and must be kept when they are met there. Raises `ConfigError` where
    a result is itself to be changed.
    """
    pairs = [(old, new) for old, new in rule.get("values", ())]
    rest = _rest(rule.get("other", "keep"))
    if again:
        for _, new in pairs:
            if any(same(new, old) and not same(new, there) for old, there in pairs):
                raise ConfigError(f"values: {new!r} is a result, and is itself changed")
        results = [new for _, new in pairs] + ([rest] if rest is not GONE and rest is not _REST else [])
        pairs += [(new, new) for new in results]
    words = {old: new for old, new in reversed(pairs) if isinstance(old, str)}
    others = [(old, new) for old, new in pairs if not isinstance(old, str)]

    def changed(value: Any, _holder: Any = None) -> Any:
        listed = words.get(value, rest) if isinstance(value, str) else next((n for old, n in others if same(value, old)), rest)
        if listed is _REST or same(listed, value):
            return value
        return deepcopy(listed) if isinstance(listed, dict | list) else listed

    return changed


#: No result of the table's; what `other` says is done.
_REST: Final = object()


def _rest(other: Any) -> Any:
    """What becomes of a value that is not in the table: `_REST` keeps it."""
    if isinstance(other, Mapping) and other.keys() == {"to"}:
        return other["to"]
    if other not in ("keep", "drop"):
        raise ConfigError(f"other: {other!r}, wanted keep, drop or a table with `to`")
    return GONE if other == "drop" else _REST


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _as_json(value: Any) -> Any:
    if isinstance(value, str):
        return value
    try:
        return encode(value, plain).decode()
    except ValidationError:
        return value


def _as_text(value: Any) -> Any:
    return _as_json(value) if isinstance(value, int | float) else value


def _as_number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def _as_integer(value: Any) -> Any:
    number = _as_number(value)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return number if isinstance(number, int) else value


def _as_boolean(value: Any) -> Any:
    return next((made for made, words in _TRUTH.items() if any(same(value, word) for word in words)), value)


#: A number in a text; one that is longer is more likely an id.
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")

_TRUTH: dict[bool, tuple[Any, ...]] = {True: (1, "true", "True", "1"), False: (0, "false", "False", "0")}

#: The kinds that a value can be made into. Null is none of them, and stays.
COERCIONS: dict[str, Change] = {
    "list": _as_list,
    "text": _as_text,
    "json": _as_json,
    "integer": _as_integer,
    "number": _as_number,
    "boolean": _as_boolean,
}


def coercion(rule: Mapping[str, Any]) -> Change:
    """What makes a value of the kind that the rule's `to` names. Raises `ConfigError` for an unknown one."""
    if (made := COERCIONS.get(rule["to"])) is None:
        raise ConfigError(f"to: {rule['to']!r}, wanted one of {', '.join(COERCIONS)}")
    return lambda value: value if value is None else made(value)
