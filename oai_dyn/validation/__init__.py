"""Holding data against schemas (JSON Schema 2020-12), on demand.

    ready      a schema made ready, for either engine; a user's goes through `checking`, and with `strict` it is closed
    sent       what is sent, as a schema sees it
    walking    the walk over a value and a schema; what each keyword does is in `keywords` and `unions`,
    choosing   which branch of a union is meant, and `foreign` is what jsonschema does
    wording    what is wrong, in words

Rules of this folder: nothing here is loaded by a user who does not validate; jsonschema is loaded for the first value
that its functions have to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..codec import is_json, to_dict
from ..definitions import is_bundled, names, near
from ..errors import ConfigError, Fault, RouteError, ValidationError
from ..objects import plain
from ..routes import bundled
from ..wire import Sending
from .ready import checker, of
from .sent import as_form, as_json, faults_of_texts, is_form


def validate(name: str, body: Any, *, strict: bool = False) -> None:
    """Hold a body against the schema of a row's request (of its query, where it sends no body), or of a definition.

    name    a row by its name, operationId or "METHOD /path"; or the name of a definition
    body    what a client would be given, with objects and files in it
    strict  refuse keys that the schema does not list

    Raises `ValidationError` with all that is wrong, `ConfigError` where there is no such schema.
    """
    if found := _faults_by_name(name, body, strict):
        raise ValidationError(errors=tuple(found))


def _faults_by_name(name: str, body: Any, strict: bool) -> list[Fault]:
    if not isinstance(name, str) or not name:
        raise ConfigError(f"validate: {name!r}, wanted the name of a row or of a definition")
    if is_bundled(name):
        return faults_of_body(Sending("json", schema=name), body, plain, strict)
    try:
        route = bundled().find(name)
    except RouteError as error:
        raise ConfigError(f"validate: {error}, and no schema of that name{near(name, names())}") from None
    if route.body.schema is not None:
        return faults_of_body(route.body, body, plain, strict)
    if route.query_schema is None:
        raise ConfigError(f"validate: there is no schema for the request of {route.name}")
    return faults_of_query(route.query_schema, body, plain, strict)


def faults_of_body(rule: Sending, body: Any, write: Callable[[Any], Any], strict: bool) -> list[Fault]:
    """What a body has wrong, as it will be sent. `write` turns an object into something plainer."""
    ready = checker(rule.schema, strict)
    look = ready.faults
    if is_json(body) and ready.accepts(body):
        return []
    if rule.kind != "json" and is_form(rule, members := to_dict(body, write)):
        return faults_of_texts(look, as_form(members, write, rule))
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
    return of("route-table").faults(document)


def profile_faults(document: Any) -> list[Fault]:
    """What a provider's profile has wrong, against `schemas/provider.json`."""
    return of("provider").faults(document)
