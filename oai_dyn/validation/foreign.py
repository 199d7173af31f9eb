"""jsonschema: its keyword functions, its check of a schema, and the schemas that are left to it as a whole.

Rules of this file: the only user of jsonschema; its errors do not leave it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from ..definitions import NAMED, ONE, SOME, Schema, changed
from .choosing import Trial, best
from .wording import Finding

#: Its attributes are of no one type.
Refusal = Any

#: jsonschema's functions by keyword: called with a validator, the keyword's value, the value and the whole schema.
FUNCTIONS: Mapping[str, Callable[..., Iterable[Any] | None]] = Draft202012Validator.VALIDATORS

_WHOLLY_THEIRS = frozenset(("$anchor", "$dynamicRef", "$dynamicAnchor", "unevaluatedItems", "unevaluatedProperties"))


def refusal(schema: Any) -> str | None:
    """What JSON Schema (2020-12) has against a schema, None for nothing. Patterns and references are not looked at."""
    try:
        Draft202012Validator.check_schema(schema, FormatChecker(()))
    except SchemaError as error:
        return f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
    return None


def is_wholly_theirs(schema: Any) -> bool:
    """Whether a schema is left to jsonschema as a whole: it names places of its own, or asks for what nothing has looked at."""
    return any(_WHOLLY_THEIRS & one.keys() or not re.match(r"#(/|$)", one.get("$ref", "#")) for one in everywhere(schema))


class Foreign:
    """A schema that is left to jsonschema: slower, and all of JSON Schema."""

    def __init__(self, whole: Schema) -> None:
        self._validator = Draft202012Validator(_with_places(whole))

    def found(self, value: Any) -> list[Finding]:
        """What the value has wrong."""
        try:
            return [finding for error in self._validator.iter_errors(value) for finding in _translated(error)]
        except RecursionError:
            return [Finding((), "depth", None, None, ())]


def _with_places(schema: Any) -> Any:
    """The schema with `false` written out: jsonschema does not tell the place of what that refuses."""
    if not isinstance(schema, Mapping):
        return schema if schema else dict(_NOTHING)
    out = changed(schema, _with_places)
    return {**out, **{keyword: False for keyword in _TOLD if schema.get(keyword) is False}}


_NOTHING: dict[str, Any] = {"not": {}}

#: Keywords that are `false` themselves, and are told with their place.
_TOLD = ("additionalProperties", "items", "unevaluatedItems", "unevaluatedProperties")


def _translated(error: Refusal) -> Iterator[Finding]:
    head, keyword, wanted, value = tuple(error.relative_path), error.validator, error.validator_value, error.instance
    keyword = "false" if error.schema == _NOTHING else keyword
    place = tuple(error.absolute_schema_path)
    if keyword in ("anyOf", "oneOf") and error.context:
        for finding in best(list(_trials(error)), value, place):
            yield finding._replace(path=(*head, *finding.path))
    elif keyword in _SPREAD:
        for key, what in _SPREAD[keyword](error):
            yield Finding((*head, key), keyword, what, value.get(key) if key in value else value, place, _known(error.schema))
    else:
        yield Finding(head, str(keyword), wanted, value, place)


def _trials(error: Refusal) -> Iterator[Trial]:
    """The errors beneath a union, by branch."""
    by_branch: dict[Any, list[Finding]] = {}
    for inner in error.context or ():
        by_branch.setdefault(inner.relative_schema_path[0], []).extend(_translated(inner))
    yield from (Trial(found, {}) for found in by_branch.values())


def _known(schema: Any) -> tuple[str, ...]:
    return tuple(schema.get("properties", ()))


def _missing(error: Refusal) -> Iterator[tuple[str, Any]]:
    yield from ((key, key) for key in error.validator_value if key not in error.instance)


def _needed(error: Refusal) -> Iterator[tuple[str, Any]]:
    for key, needs in error.validator_value.items():
        yield from ((needed, key) for needed in needs if key in error.instance and needed not in error.instance)


def _unknown(error: Refusal) -> Iterator[tuple[str, Any]]:
    patterns = error.schema.get("patternProperties", ())
    for key in error.instance:
        if key not in _known(error.schema) and not any(re.search(pattern, key) for pattern in patterns):
            yield key, False


#: Keywords of which jsonschema tells one error for an object, and the keys that they are about.
_SPREAD: dict[Any, Callable[[Refusal], Iterator[tuple[str, Any]]]] = {
    "required": _missing,
    "dependentRequired": _needed,
    "additionalProperties": _unknown,
}


def everywhere(schema: Any) -> Iterator[Schema]:
    """A schema and all that are in it, the booleans apart."""
    if isinstance(schema, Mapping):
        yield schema
        for inner in _inside(schema):
            yield from everywhere(inner)


def _inside(schema: Schema) -> Iterator[Any]:
    """The schemas directly below one."""
    for keyword, value in schema.items():
        if keyword in ONE:
            yield value
        elif keyword in SOME:
            yield from value
        elif keyword in NAMED:
            yield from value.values()
