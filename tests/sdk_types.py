"""The official SDK's own types as judges of a body: strict, and with no key unknown.

`Judge.of(row, part)` compiles what the SDK's method of that row takes (its keyword annotations, split into body and
query) or gives (its reply model, its stream's event) with pydantic. Two things the SDK leaves open are closed here: a list
is checked to its last item where the annotation says iterable, and a key that no type knows is a fault.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import json
import typing
from collections.abc import Callable, Mapping
from importlib import resources
from operator import attrgetter
from typing import Any, NotRequired, Required

import openai
import typing_extensions
from arguments import is_file, members, parameters, place
from openai import NotGiven, Omit, Stream
from openai._base_client import BasePage
from openai.types.realtime import (
    RealtimeClientEvent,
    RealtimeServerEvent,
    RealtimeTranslationClientEvent,
    RealtimeTranslationServerEvent,
)
from openai.types.webhooks import UnwrapWebhookEvent
from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

Row = Mapping[str, Any]
#: Parts of a call that a corpus holds bodies of.
PARTS = ("request", "query", "reply", "event")
#: The rows of the bundled table, by name.
ROWS: dict[str, Row] = {
    row["name"]: row for row in json.loads(resources.files("oai_dyn").joinpath("data/routes.json").read_bytes())["routes"]
}
#: Unions that travel outside a call, by the name of their definition.
EVENTS: dict[str, Any] = {
    "RealtimeClientEvent": RealtimeClientEvent,
    "RealtimeServerEvent": RealtimeServerEvent,
    "RealtimeTranslationClientEvent": RealtimeTranslationClientEvent,
    "RealtimeTranslationServerEvent": RealtimeTranslationServerEvent,
    "WebhookEvent": UnwrapWebhookEvent,
}
#: One row has no method in the SDK.
NO_SDK_METHOD = {"evals.runs.cancel_run"}


@functools.cache
def sdk() -> openai.OpenAI:
    """A client that is never asked to send."""
    return openai.OpenAI(api_key="unused", admin_api_key="unused")


def method(row: Row) -> Callable[..., Any]:
    """The SDK's method of a row."""
    found: Callable[..., Any] = attrgetter(row["name"])(sdk())
    return found


def hint(row: Row, part: str) -> Any:
    """The annotation of one part of a row's call, or None where the call has no such part."""
    if row["name"] in NO_SDK_METHOD:
        return None
    if part in ("request", "query"):
        return _arguments(row, part)
    returned = members(typing.get_type_hints(method(row), include_extras=True)["return"])
    streams, replies = [one for one in returned if _event(one)], [one for one in returned if not _event(one)]
    if part == "event":
        return _event(streams[0]) if streams else None
    absent = replies in ([], [type(None)]) or row.get("reply", {}).get("kind", "json") != "json"
    return None if absent else typing.Union[tuple(replies)]  # noqa: UP007


def _event(returned: Any) -> Any:
    """The event type of a stream's annotation; None for all else."""
    origin = typing.get_origin(returned)
    if not isinstance(origin, type) or not issubclass(origin, Stream):
        return None
    generic = returned if origin is Stream else typing_extensions.get_original_bases(origin)[0]
    return typing.get_args(generic)[0]


def _arguments(row: Row, part: str) -> Any:
    """The keywords that travel in that part, as one object type for each overload; a file counts as text."""
    call = method(row)
    where = "query" if part == "query" else row.get("body", {}).get("kind", "none")
    names = [name for name in parameters(call) if where != "none" and place(row, name) == where]
    if not names:
        return None
    ways = typing.get_overloads(inspect.unwrap(call)) or [call]
    return typing.Union[tuple(_one_way(row, one, names) for one in ways)]  # noqa: UP007


def _one_way(row: Row, call: Callable[..., Any], names: list[str]) -> Any:
    """The object type of one way to call a method."""
    hints = typing.get_type_hints(call, include_extras=True)
    must = {name for name, one in inspect.signature(call).parameters.items() if one.default is one.empty}
    fields = {name: (Required if name in must else NotRequired)[_given(hints[name])] for name in names if name in hints}
    return typing_extensions.TypedDict(row["name"].replace(".", "_"), fields)  # type: ignore[operator]


def _given(annotation: Any) -> Any:
    """An annotation without the SDK's marks for "not given", its files as text."""
    while typing.get_origin(annotation) in (Required, NotRequired, typing_extensions.Required, typing_extensions.NotRequired):
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (typing.Union, *_NEW_UNION):
        kept = [one for one in typing.get_args(annotation) if one not in (Omit, NotGiven)]
        annotation = typing.Union[tuple(kept)]  # noqa: UP007
    choices = members(annotation)
    if any(is_file(one) for one in choices):
        return str | list[str] if any(typing.get_origin(one) in LISTS for one in choices) else str
    return annotation


_NEW_UNION = (type(int | str),)
LISTS = {list, collections.abc.Iterable, collections.abc.Sequence}


class Judge:
    """One type of the SDK's, compiled."""

    def __init__(self, annotation: Any) -> None:
        raw = dict(TypeAdapter(annotation).core_schema)
        self._validator = SchemaValidator(_closed(raw))

    def check(self, body: Any) -> None:
        """Raise pydantic's ValidationError where the type refuses the body."""
        self._validator.validate_json(json.dumps(body), strict=True)

    def accepts(self, body: Any) -> bool:
        """Whether the type takes the body."""
        try:
            self.check(body)
        except ValidationError:
            return False
        return True


@functools.cache
def judge(name: str, part: str) -> Judge | None:
    """The judge of one part of a row or of a definition, compiled once; None where the SDK has no type for it."""
    annotation = hint(ROWS[name], part) if name in ROWS else EVENTS[name]
    return None if annotation is None else Judge(annotation)


def _closed(node: Any) -> Any:
    """A pydantic core schema with its lists eager, its objects closed, and its keys as they go on the wire."""
    if isinstance(node, list | tuple):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("type")
    if kind == "json-or-python":
        return _closed(node["json_schema"])
    rest = {key: value for key, value in node.items() if key not in ("serialization", "metadata", "config", "fields")}
    if kind == "generator":
        return {**{key: _closed(value) for key, value in rest.items()}, "type": "list"}
    if kind in ("typed-dict", "model-fields"):
        fields = {name.rstrip("_") if kind == "typed-dict" else name: _closed(one) for name, one in node["fields"].items()}
        others = "allow" if "extras_schema" in node else "forbid"
        return {**{key: _closed(value) for key, value in rest.items()}, "fields": fields, "extra_behavior": others}
    if kind == "model" and issubclass(node["cls"], BasePage):
        return {**rest, "schema": {**_closed(node["schema"]), "extra_behavior": "allow"}}
    return {key: _closed(value) for key, value in rest.items()}
