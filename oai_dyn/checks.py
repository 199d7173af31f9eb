"""What is validated of a call, as its settings say: the request before it is sent, the reply or its events as they come.

Rules of this file: the engine is loaded by whoever validates, and nobody else. What is set on a client looks where a
row has a schema; what is asked of a call that has none is an error, at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from .errors import ConfigError, Fault, SchemaWarning, ValidationError, in_short
from .plan import Arguments
from .warned import warn
from .wire import Reply, Route, Validation

RequestCheck = Callable[[Arguments, Callable[[Any], Any]], None]
ReplyCheck = Callable[[Reply], None]

_MEMBERS = ("request", "reply", "strict")

#: The short forms of the setting.
_SHORT: dict[Any, Validation | None] = {
    None: None,
    False: None,
    True: Validation("raise", "raise"),
    "both": Validation("raise", "raise"),
    "request": Validation(request="raise"),
    "reply": Validation(reply="raise"),
}


def settle(value: Any) -> Validation | None:
    """What `validate=` means; None for nothing. Raises `ConfigError` for a wrong setting."""
    if value is None or (isinstance(value, bool | str) and value in _SHORT):
        return _SHORT[value]
    if isinstance(value, Mapping):
        if unknown := [name for name in value if name not in _MEMBERS]:
            raise ConfigError(f"validate: {unknown[0]!r}: no such member; there are {', '.join(_MEMBERS)}")
        value = Validation(**value)
    if not isinstance(value, Validation):
        raise ConfigError(
            f"validate: {value!r}, wanted request, reply, both, True or False, a Validation or a dict of its members"
        )
    for name in ("request", "reply"):
        if getattr(value, name) not in ("raise", "warn", None):
            raise ConfigError(f"validate.{name}: {getattr(value, name)!r}, wanted raise, warn or None")
    if not isinstance(value.strict, bool):
        raise ConfigError(f"validate.strict: {value.strict!r}, wanted True or False")
    return value if value.request or value.reply else None


def of_request(route: Route, setting: Validation | None, asked: bool, always: Mapping[str, Any]) -> RequestCheck | None:
    """What looks at the arguments before they are sent, None where nothing does.

    asked: by this call, so that a missing schema is an error. always: the client's own query.
    """
    if setting is None or setting.request is None:
        return None
    engine = import_module("oai_dyn.validation")
    schema, of_query, strict, mode = route.body.schema, route.query_schema, setting.strict, setting.request
    if route.body.kind != "none":
        _ready(engine, schema, strict, f"the request of {route.name}", asked)
    names = [name for name, where in route.where.items() if where == "query"]
    known = {name: always[name] for name in names if name in always}

    def check(arguments: Arguments, write: Callable[[Any], Any]) -> None:
        found: list[Fault] = []
        if of_query is not None:
            found += engine.faults_of_query(of_query, {**known, **arguments.query}, write, strict)
        if schema is not None and arguments.body is not None:
            found += engine.faults_of_body(route.body, arguments.body, write, strict)
        if found:
            _say(mode, found, f"the request of {route.name}")

    return check


def of_reply(route: Route, setting: Validation, asked: bool, streaming: bool) -> ReplyCheck | None:
    """What looks at a reply, or at each event of a stream; None where nothing does, or what comes is no JSON."""
    if setting.reply is None or (not streaming and route.reply.kind != "json"):
        return None
    rule = route.stream if streaming and route.stream else route.reply
    what, mode = f"{'an event' if streaming else 'the reply'} of {route.name}", setting.reply
    look = _ready(import_module("oai_dyn.validation"), rule.schema, setting.strict, what, asked)

    def check(reply: Reply) -> None:
        is_json = streaming or (bool(reply.body) and not (route.reply.other == "text" and isinstance(reply.data, str)))
        if is_json and look is not None and (found := look(reply.data)):
            _say(mode, found, what, reply)

    return None if look is None else check


def _ready(engine: Any, schema: Any, strict: bool, what: str, asked: bool) -> Callable[[Any], list[Fault]] | None:
    """What looks at a value, made before anything is sent."""
    if schema is None and asked:
        raise ConfigError(f"validate: there is no schema for {what}")
    return None if schema is None else engine.checker(schema, strict).faults


def _say(mode: str, found: list[Fault], what: str, reply: Reply | None = None) -> None:
    errors = tuple(found)
    if mode == "raise":
        raise ValidationError(in_short(errors) if reply is None else f"{what}: {in_short(errors)}", errors, reply)
    warn(SchemaWarning(f"{what}: {in_short(errors)}", errors))
