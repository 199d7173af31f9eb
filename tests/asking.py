"""Good arguments for any row, made from the row's own schemas: what a call of it needs, and no more unless asked."""

from __future__ import annotations

from typing import Any

import jsonschema

from oai_dyn import Route
from oai_dyn.routes import bundled
from oai_dyn.server.samples import Maker
from oai_dyn.server.settling import ABSENT, Schemas, named

ROUTES: list[Route] = [bundled().find(name) for name in bundled().names]

#: What is sent for a member that is a file.
FILE = ("notes.txt", b"some notes")


def made(schema: str | None, *, lean: bool = True, turn: int = 0) -> Any:
    """A value of a bundled schema: the barest that it takes, or that of a turn."""
    return {} if schema is None else Maker(named(schema)).value(turn=turn, lean=lean)


def sample(schema: Any, given: Any = ABSENT, *, turn: int = 0, number: int = 1, lean: bool = False, **settings: Any) -> Any:
    """A value of a schema written here, which it takes."""
    found = Maker(Schemas(schema), **settings).value(given, turn, number, lean=lean)
    jsonschema.Draft202012Validator(schema).validate(found)
    return found


def members(**schemas: Any) -> dict[str, Any]:
    """The schema of an object that has all these members."""
    return {"type": "object", "properties": schemas, "required": list(schemas)}


def call(client: Any, route: Route, *, lean: bool = True, turn: int = 0, **more: Any) -> Any:
    """Call a row with good arguments; `more` goes into the body, or where the row has none, into the query."""
    query, body = made(route.query_schema, lean=lean, turn=turn), made(route.body.schema, lean=lean, turn=turn)
    for mark in (route.page.param,) if route.page else ():
        query.pop(mark, None)
    if route.stream and route.stream.ask_in:
        (body if route.stream.ask_in == "body" else query).pop(route.stream.ask_key, None)
    if route.body.kind == "none":
        query |= more
    else:
        body |= more
    if route.body.kind == "multipart":
        body = with_files(named(route.body.schema or ""), body)
    arguments = () if route.body.kind == "none" else (body,)
    return client.call(route.name, *arguments, **{name: f"{name}/1" for name in route.path_params}, **query)


def with_files(schemas: Schemas, body: dict[str, Any]) -> dict[str, Any]:
    """A form with a file in every member that is one; one at least, where the row takes any."""
    kinds = {name: binary(schemas, schema) for name, schema in schemas.members(schemas.root).items()}
    wanted = [name for name, kind in kinds.items() if kind and name in body] or [name for name, kind in kinds.items() if kind][:1]
    return {**body, **{name: [FILE] if kinds[name] == "array" else FILE for name in wanted}}


def binary(schemas: Schemas, schema: Any) -> str | None:
    """Whether a member is a file, or a list of them: the name of that type."""
    if schema.get("format") == "binary":
        return "string"
    if "items" in schema and binary(schemas, schema["items"]):
        return "array"
    return next((found for part in schemas.parts(schema) if (found := binary(schemas, part))), None)


def streamed(client: Any, route: Route, **more: Any) -> Any:
    """Call a row so that it streams."""
    rule = route.stream
    assert rule is not None
    return call(client, route, **({rule.ask_key: rule.ask_value} if rule.ask_in else {}), **more)
