"""What is wrong with a value, in words: what was there, what was wanted, and the nearest right one where it looks like a slip.

Rules of this file: one table from keyword to words; what is quoted is short, whatever stood there (a prompt may have
megabytes); no engine.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from ..errors import Fault

#: How much is quoted: characters of a text, values of a list.
_TEXT, _VALUES = 60, 8

#: How many values are looked at for the nearest one, and how long they may be.
_COMPARED, _COMPARABLE = 300, 64

TYPE_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}


class Finding(NamedTuple):
    """One thing that a schema does not take.

    path    where it is in the value; a key that is missing stands at its end
    keyword what refuses it, and in `wanted` that keyword's value
    value   what stands there; where a key is missing, the object
    place   where the keyword stands in the schema
    known   keys that the object may have, where a key is missing or not known
    others  further findings that say together with this one what was wanted
    """

    path: tuple[str | int, ...]
    keyword: str
    wanted: Any
    value: Any
    place: tuple[str | int, ...]
    known: Iterable[str] = ()
    others: tuple[Finding, ...] = ()


def told(finding: Finding) -> Fault:
    """The finding as a user reads it."""
    say = WHOLE.get(finding.keyword, _was_and_wanted)
    return Fault(finding.path, say(finding), finding.place)


def in_order(found: Iterable[Finding], value: Any) -> list[Finding]:
    """Most telling first: as the reader of the value meets them; a missing key where its misspelling stands, else last."""
    return sorted(found, key=lambda finding: _position(finding, value))


def _position(finding: Finding, value: Any) -> tuple[list[int], bool]:
    missing = finding.keyword == "required"
    slip = _misspelled(finding) if missing else None
    order = []
    for step in finding.path if slip is None else (*finding.path[:-1], slip):
        if isinstance(value, dict):
            order.append(next((i for i, key in enumerate(value) if key == step), len(value)))
            value = value.get(step)
        else:
            order.append(int(step))
            value = value[step]
    return order, not missing


def _misspelled(finding: Finding) -> str | None:
    """The key that stands where another is missing, and looks like it."""
    known = set(finding.known)
    return nearest(finding.path[-1], (key for key in finding.value if key not in known))


def phrase(finding: Finding) -> str | None:
    """What was wanted in a few words, None where it cannot be said so."""
    if finding.keyword == "type" and finding.others:
        finding = finding.others[0]  # the values that it may have tell more than their type
    words = WANTED.get(finding.keyword)
    return None if words is None else words(finding.wanted)


def nearest(text: Any, options: Iterable[Any]) -> str | None:
    """The option that a text looks like a slip of."""
    if not isinstance(text, str) or not 1 < len(text) <= _COMPARABLE:
        return None
    texts = [option for option in islice(options, _COMPARED) if isinstance(option, str) and len(option) <= _COMPARABLE]
    folded = {_folded(option): option for option in reversed(texts)}
    found = difflib.get_close_matches(_folded(text), folded, n=1, cutoff=0.65)
    return folded[found[0]] if found else None


def _folded(text: str) -> str:
    return text.lower().replace("-", "").replace("_", "").replace(" ", "")


def shown(value: Any) -> str:
    """A value as a message quotes it: short, and as JSON has it."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _TEXT else f"{value[:_TEXT]!r}... ({len(value)} characters)"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence):
        return f"an array of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 256:
        return f"an integer of {value.bit_length()} bits"
    return json.dumps(value, default=lambda other: f"of type {type(other).__name__}")


def _was(value: Any) -> str:
    return f"was the string {shown(value)}" if isinstance(value, str) else f"was {shown(value)}"


def _was_and_wanted(finding: Finding) -> str:
    had = HAD.get(finding.keyword)
    said = had(finding.value) if had else f"was {shown(finding.value)}"
    return f"{said}, wanted {phrase(finding) or f'what {finding.keyword} takes'}"


def _listed(values: Iterable[str], last: str = " or ") -> str:
    words = list(values)
    return last.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _one_of(values: Any) -> str:
    values = list(values)
    words = [shown(value) for value in values[:_VALUES]]
    more = len(values) - len(words)
    return f"{'one of ' if len(values) > 1 else ''}{', '.join(words)}" + (f" or {more} more" if more > 0 else "")


def _types(types: Any) -> str:
    return _listed(TYPE_WORDS.get(name, name) for name in ([types] if isinstance(types, str) else types))


def _size(unit: str, many: str) -> Callable[[Any], str]:
    return lambda value: f"has {len(value)} {unit if len(value) == 1 else many}" if len(value) else "is empty"


def _count(bound: str, unit: str, many: str) -> Callable[[Any], str]:
    return lambda number: f"{bound} {number} {unit if number == 1 else many}"


def _said_type(finding: Finding) -> str:
    hint = ""
    if isinstance(finding.value, str) and len(finding.value) <= _COMPARABLE:
        hint = _unquoted(finding.value, [finding.wanted] if isinstance(finding.wanted, str) else finding.wanted)
    return f"{_was(finding.value)}, wanted {phrase(finding)}{hint}"


def _unquoted(text: str, types: Iterable[str]) -> str:
    """A number or a word of JSON that stands in quotes."""
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    kind = {bool: "boolean", int: "integer", float: "number", type(None): "null"}.get(type(value), "")
    return "; write it without quotes" if kind in types or (kind == "integer" and "number" in types) else ""


def _said_enum(finding: Finding) -> str:
    values = finding.wanted if finding.keyword == "enum" else [finding.wanted]
    value = finding.value
    near = nearest(value, values) if isinstance(value, str) else next((v for v in values if _same_text(v, value)), None)
    slip = near is not None and len(values) > 1
    return f"was {shown(value)}, wanted {_one_of(values)}" + (f"; did you mean {shown(near)}?" if slip else "")


def _same_text(option: Any, value: Any) -> bool:
    return isinstance(option, str) and isinstance(value, int | float) and option.lower() == shown(value)


def _said_missing(finding: Finding) -> str:
    slip = _misspelled(finding)
    wanted = "".join(f", wanted {phrase(other)}" for other in finding.others)
    return "missing" + wanted + (f"; {shown(slip)} looks like it" if slip else "")


def _said_needed(finding: Finding) -> str:
    return f"missing; {shown(finding.wanted)} needs it"


def _said_unknown(finding: Finding) -> str:
    known = list(finding.known)
    near = nearest(finding.path[-1], known)
    hint = f"; did you mean {shown(near)}?" if near else f"; known are {', '.join(map(shown, known[:_VALUES]))}" if known else ""
    return "no such key" + hint + (f" and {len(known) - _VALUES} more" if not near and len(known) > _VALUES else "")


def _said_forms(finding: Finding) -> str:
    words = [words for other in finding.others if (words := phrase(other))]
    slips = {near: None for other in finding.others if other.keyword == "enum" and (near := nearest(finding.value, other.wanted))}
    hint = "".join(f"; did you mean {shown(near)}?" for near in islice(slips, 1))
    return f"{_was(finding.value)}, wanted {_listed(dict.fromkeys(words))}{hint}"


def _said_key(finding: Finding) -> str:
    return "not a name that a key may have here" + "".join(f": {told(other).message}" for other in finding.others[:1])


_elements = _size("element", "elements")
_characters = _size("character", "characters")
_keys = _size("key", "keys")

#: What was there, for keywords where that is no matter of quoting it.
HAD: dict[str, Callable[[Any], str]] = {
    "minLength": _characters,
    "maxLength": _characters,
    "minItems": _elements,
    "maxItems": _elements,
    "items": _elements,
    "minProperties": _keys,
    "maxProperties": _keys,
}

#: What was wanted, by keyword.
WANTED: dict[str, Callable[[Any], str]] = {
    "type": _types,
    "enum": _one_of,
    "const": shown,
    "minimum": lambda bound: f"at least {shown(bound)}",
    "maximum": lambda bound: f"at most {shown(bound)}",
    "exclusiveMinimum": lambda bound: f"more than {shown(bound)}",
    "exclusiveMaximum": lambda bound: f"less than {shown(bound)}",
    "multipleOf": lambda step: f"a multiple of {shown(step)}",
    "pattern": lambda text: f"text that matches {shown(text)}",
    "minLength": _count("at least", "character", "characters"),
    "maxLength": _count("at most", "character", "characters"),
    "minItems": _count("at least", "element", "elements"),
    "maxItems": _count("at most", "element", "elements"),
    "items": _count("at most", "element", "elements"),
    "minProperties": _count("at least", "key", "keys"),
    "maxProperties": _count("at most", "key", "keys"),
}

#: Messages that are more than what was there and what was wanted.
WHOLE: dict[str, Callable[[Finding], str]] = {
    "type": _said_type,
    "enum": _said_enum,
    "const": _said_enum,
    "required": _said_missing,
    "dependentRequired": _said_needed,
    "has": lambda finding: f"has none of the keys {_listed(map(shown, finding.wanted))}",
    "additionalProperties": _said_unknown,
    "unevaluatedProperties": lambda finding: "has keys that are not known here",
    "propertyNames": _said_key,
    "forms": _said_forms,
    "false": lambda finding: "nothing may stand here",
    "not": lambda finding: "is what may not stand here",
    "oneOf": lambda finding: f"fits {finding.wanted} forms, wanted exactly one",
    "uniqueItems": lambda finding: "has an element twice, wanted each once",
    "contains": lambda finding: "has no element of the kind that is wanted",
    "minContains": lambda finding: f"has too few elements of the kind that is wanted at least {finding.wanted} times",
    "maxContains": lambda finding: f"has too many elements of the kind that is wanted at most {finding.wanted} times",
    "unevaluatedItems": lambda finding: "has elements that are not known here",
    "depth": lambda finding: "nested deeper than can be checked",
}
