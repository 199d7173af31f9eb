"""A schema made strict: in every object that lists its keys, no others.

Rules of this file: schema in, schema out, so that every engine means the same by it. Where several schemas speak of
one object (`allOf`, `if`, properties beside a union), a key that any of them lists is known; what is asked as a
condition (`not`, `if`, `contains`) stays as it is; an object that allows more, or lists nothing, stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..definitions import NAMED, ONE, SOME, Schema, changed

#: Keywords whose schemas speak of the same value as the schema that holds them.
IN_PLACE = frozenset(("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"))

_CONDITIONS = frozenset(("not", "if", "contains", "propertyNames"))
_COMPOSING = (IN_PLACE | {"$ref"}) - {"not"}
_SAYS_MORE = frozenset(("additionalProperties", "unevaluatedProperties"))
_OTHERS = (ONE | SOME | NAMED) - _CONDITIONS - IN_PLACE - {"$defs"}
_LISTING = frozenset(("properties", "patternProperties"))


def closed(whole: Schema) -> dict[str, Any]:
    """A self-contained schema, closed. Its definitions are there as they are needed: closed, open at the top, or as they were."""
    return _Closing(whole).whole()


class _Closing:
    """Three readings of a schema: closed; open at its top, for one that is a part of an object's; and as it was."""

    def __init__(self, whole: Schema) -> None:
        self._whole = whole
        self._definitions: Mapping[str, Any] = whole.get("$defs", {})
        self._made: dict[str, Any] = {}
        self._waiting: list[tuple[str, str, Callable[[Any], Any]]] = []

    def whole(self) -> dict[str, Any]:
        root = self._closed({key: value for key, value in self._whole.items() if key != "$defs"})
        while self._waiting:
            key, name, reading = self._waiting.pop()
            self._made[key] = reading(self._definitions[name])
        return {**root, "$defs": {**self._definitions, **self._made}}

    def _reference(self, schema: dict[str, Any], suffix: str, reading: Callable[[Any], Any]) -> dict[str, Any]:
        """Lead a schema's reference to the reading of its definition that is wanted."""
        name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        if name not in self._definitions:
            return schema
        key = name + suffix
        if key not in self._made:
            self._made[key] = True
            self._waiting.append((key, name, reading))
        return {**schema, "$ref": f"#/$defs/{key}"}

    def _asked(self, schema: Any) -> Any:
        """A condition: nothing in it is closed."""
        if not isinstance(schema, Mapping):
            return schema
        return self._reference(changed(schema, self._asked), ".as_it_is", self._asked)

    def _opened(self, schema: Any) -> Any:
        """A part of what is said of an object: what is below is closed, this is not."""
        if not isinstance(schema, Mapping):
            return schema
        out = changed(self._below(schema), self._opened, IN_PLACE - _CONDITIONS)
        return self._reference(out, ".open", self._opened)

    def _closed(self, schema: Any) -> Any:
        if not isinstance(schema, Mapping):
            return schema
        out = self._below(schema)
        composing = _COMPOSING & schema.keys()
        if not _LISTING & schema.keys() and len(composing) == 1 and composing <= {"anyOf", "oneOf", "$ref"}:
            # One of several forms, each of which says all there is to say.
            return self._reference(changed(out, self._closed, composing - {"$ref"}), "", self._closed)
        out = self._reference(changed(out, self._opened, IN_PLACE - _CONDITIONS), ".open", self._opened)
        known = dict.fromkeys(self._known(schema, frozenset()), True)
        if _SAYS_MORE & schema.keys() or not known or None in known:
            return out
        return {**out, "properties": {**known, **out.get("properties", {})}, "additionalProperties": False}

    def _below(self, schema: Schema) -> dict[str, Any]:
        return changed(changed(schema, self._closed, _OTHERS), self._asked, _CONDITIONS)

    def _known(self, schema: Any, seen: frozenset[str]) -> Iterator[str | None]:
        """The keys that a schema and its parts list; None where any of them allows more."""
        if not isinstance(schema, Mapping):
            return
        if any(schema.get(word, False) is not False for word in _SAYS_MORE):
            yield None
        yield from schema.get("properties", {})
        name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        if name in self._definitions and name not in seen:
            yield from self._known(self._definitions[name], seen | {name})
        for keyword in _COMPOSING & schema.keys() - {"$ref"}:
            value = schema[keyword]
            inner = value.values() if keyword in NAMED else value if keyword in SOME else (value,)
            for one in inner:
                yield from self._known(one, seen)
