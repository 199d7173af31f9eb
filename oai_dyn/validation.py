"""Holding data against schemas (JSON Schema 2020-12), on demand.

Rules of this file: nothing here is loaded by a user who does not validate. With the extra `fast` the verdict is
jsonschema-rs'; what it refuses is looked at by our own walk, so that the answers are the same. Schemas are made
ready when they are first used, and kept within a bound.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from .catalog import packaged
from .closing import closed
from .definitions import bundle, names, near
from .errors import ConfigError, Fault, RouteError, ValidationError
from .objects import plain
from .routes import bundled
from .sent import as_form, as_json, faults_of_texts, is_form
from .wire import Sending
from .wording import in_order, told

#: How many schemas are kept ready.
KEPT = 256


def validate(name: str, body: Any, *, strict: bool = False) -> None:
    """Hold a body against the schema of a row's request, or of a definition.

    name    a row by its name, operationId or "METHOD /path"; or the name of a definition
    body    what a client would be given, with objects and files in it
    strict  refuse keys that the schema does not list

    Raises `ValidationError` with all that is wrong, `ConfigError` where there is no such schema.
    """
    sending = _named(name)
    if found := faults_of_body(sending, body, plain, strict):
        raise ValidationError(errors=tuple(found))


def _named(name: str) -> Sending:
    """The body that a name stands for: that of a row, or a definition."""
    if name in names():
        return Sending("json", schema=name)
    try:
        route = bundled().find(name)
    except RouteError as error:
        raise ConfigError(f"validate: {error}, and no schema of that name{near(name, names())}") from None
    if route.body.schema is None:
        raise ConfigError(f"validate: there is no schema for the request of {route.name}")
    return route.body


def faults_of_body(rule: Sending, body: Any, write: Callable[[Any], Any], strict: bool) -> list[Fault]:
    """What a body has wrong, as it will be sent. `write` turns an object into something plainer."""
    look = checker(rule.schema, strict).faults
    if isinstance(body, Mapping) and is_form(rule, body):
        return faults_of_texts(look, as_form(body, write))
    return look(as_json(body, write))


def faults_of_query(schema: Any, query: Mapping[str, Any], write: Callable[[Any], Any], strict: bool) -> list[Fault]:
    """What the parameters of a query have wrong, as they will be sent."""
    return faults_of_texts(checker(schema, strict).faults, as_form(query, write))


def faults(schema: Any, value: Any, strict: bool = False) -> list[Fault]:
    """What a value of JSON has wrong, most telling first.

    schema  the name of a definition, `FILE.json#/$defs/NAME`, or a schema as a dict, which is read once
    strict  refuse keys that the schema does not list
    """
    return checker(schema, strict).faults(value)


def route_table_faults(document: Any) -> list[Fault]:
    """What a document of rows has wrong, against `schemas/route-table.json`."""
    return _route_table().faults(document)


@functools.cache
def _route_table() -> Checker:
    return Checker(packaged("schemas/route-table.json"))


class Checker:
    """A self-contained schema, ready to be held against values."""

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._whole = whole
        self._takes = verdict(whole)
        self._engine: Any = None

    def faults(self, value: Any) -> list[Fault]:
        """What a value has wrong, most telling first."""
        if self._takes is not None:
            try:
                if self._takes(value):
                    return []
            except ValueError:
                pass  # a lone surrogate, or a key that is no text: the walk looks past it
        if self._engine is None:
            self._engine = import_module("oai_dyn.keywords").engine(self._whole)
        found = self._engine.found(value)
        return list(dict.fromkeys(map(told, in_order(found, value)))) if found else []


def verdict(whole: Mapping[str, Any]) -> Callable[[Any], bool] | None:
    """Whether jsonschema-rs takes a value; None where it is not installed, or cannot read a pattern of the schema."""
    fast = fast_engine()
    try:
        return None if fast is None else fast.Draft202012Validator(whole).is_valid
    except ValueError:
        return None


@functools.cache
def fast_engine() -> Any:
    """jsonschema-rs, where the extra `fast` is installed."""
    try:
        return import_module("jsonschema_rs")
    except ImportError:
        return None


def checker(schema: Any, strict: bool) -> Checker:
    """A schema by any of its names, made ready. Raises `ConfigError` for one that is not there, or is none."""
    return _made(schema if isinstance(schema, str) else _Same(schema), strict)


class _Same:
    """A schema as a key: the very object, for a dict cannot be one."""

    __slots__ = ("schema",)

    def __init__(self, schema: Any) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.schema is other.schema


@functools.lru_cache(maxsize=KEPT)
def _made(key: str | _Same, strict: bool) -> Checker:
    schema = key.schema if isinstance(key, _Same) else key
    whole = bundle(schema)
    if not isinstance(schema, str) or "#" in schema:  # the bundled ones are checked by the tests
        import_module("oai_dyn.keywords").check(whole)
    return Checker(closed(whole) if strict else whole)
