"""A row, arguments and settings become one request: path, query, headers and body, all as they will be sent.

Rules of this file: what the user passes is what is sent; what cannot be sent is refused here, with its
place, before anything leaves; a header's value is never part of a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from .codec import encode, to_dict
from .errors import ConfigError, Fault, ValidationError
from .form import flatten, is_file, query_string
from .multipart import Multipart
from .objects import plain
from .wire import BodyFactory, Call, Config, Limits, Plan, Route, Secret, Timeout

#: Keywords that are about the call; every other one is about the request.
RESERVED = (
    "into",
    "timeout",
    "max_retries",
    "validate",
    "extra_headers",
    "extra_query",
    "extra_body",
    "idempotency_key",
    "limits",
    "allow_truncated",
)

#: What may stand in a path segment besides letters, digits and `-._~` (RFC 3986 section 3.3), without the `;`
#: at which some servers end a segment: they would read `..;` as `..`.
_SEGMENT_SAFE = "!$&'()*+,=:@"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_SENSITIVE = re.compile(r"auth|key|token|secret|cookie|password|credential", re.IGNORECASE)


#: A wait of three years is one without end; sockets and clocks do not take much more, in seconds.
_FOR_EVER = 1e8


class Arguments(NamedTuple):
    """A call's arguments, each where it travels. `body` is None where the row has none."""

    path: dict[str, Any]
    query: dict[str, Any]
    headers: dict[str, Any]
    body: dict[str, Any] | None


def make_call(
    route: Route, arguments: tuple[Any, ...], keywords: dict[str, Any], config: Config, check: Callable[..., None] | None = None
) -> Call:
    """Settle one call. Raises `ValidationError` for a bad argument, `ConfigError` for a bad setting.

    check: looks at the arguments before they are encoded, given what turns an object into something plainer.
    """
    options = {name: keywords.pop(name) for name in RESERVED if name in keywords} if keywords else {}
    write = _writer(config)
    sorted_out = _sort(route, arguments, keywords, options, write)
    streaming = _asks_stream(route, sorted_out)
    if check is not None:
        check(sorted_out, write)
    body, content_type = _body(route, sorted_out.body, write)
    plan = Plan(
        route,
        route.method,
        _url(route, sorted_out, config, write),
        _headers(route, sorted_out.headers, options, content_type, config),
        body,
        streaming,
    )
    settings = config.timeouts[streaming], config.limits, config.max_retries, config.allow_truncated
    if options:
        settings = _overruled(options, config, streaming)
    return Call(plan, *settings, None, None, options.get("into"), config)


def _overruled(options: dict[str, Any], config: Config, streaming: bool) -> tuple[Timeout, Limits, int, bool]:
    """The client's settings with those of this call in their place."""
    return (
        resolve_timeout(options["timeout"], streaming) if "timeout" in options else config.timeouts[streaming],
        check_limits(options.get("limits", config.limits)),
        check_retries(options.get("max_retries", config.max_retries)),
        bool(options.get("allow_truncated", config.allow_truncated)),
    )


def _writer(config: Config) -> Callable[[Any], Any]:
    if not config.codecs:
        return plain
    return lambda value: plain(value, config.codecs)


def _sort(
    route: Route, arguments: tuple[Any, ...], keywords: dict[str, Any], options: dict[str, Any], write: Callable[[Any], Any]
) -> Arguments:
    """Put every argument where it travels."""
    path, given = _positional(route, arguments)
    named = {} if given is None else to_dict(given, write)
    query: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    places = {"path": path, "query": query, "header": headers}
    for name, value in keywords.items():
        if name in path:
            raise ValidationError(errors=(Fault((name,), "given twice, by position and by keyword"),))
        places.get(route.where.get(name, ""), rest)[name] = value
    if route.body.kind == "none":
        query = {**named, **query, **rest}
        body = to_dict(options["extra_body"], write) if options.get("extra_body") else None
    else:
        extra = options.get("extra_body")
        body = {**named, **rest, **(to_dict(extra, write) if extra is not None else {})} if rest or extra else named
    if options.get("extra_query"):
        query = {**query, **_mapping(options, "extra_query")}
    return Arguments(path, query, headers, body)


def _mapping(options: dict[str, Any], name: str) -> Mapping[Any, Any]:
    value = options.get(name) or {}
    if not isinstance(value, Mapping):
        raise ValidationError(f"{name}: of type {type(value).__name__}, wanted a dict")
    return value


def _positional(route: Route, arguments: tuple[Any, ...]) -> tuple[dict[str, Any], Any]:
    """Path parameters given by position, and the object after them."""
    path: dict[str, Any] = {}
    for i, value in enumerate(arguments):
        if i < len(route.positional) and isinstance(value, str | int | float | bytes | list | tuple | None):
            path[route.positional[i]] = value
        elif i == len(arguments) - 1:
            return path, value
        else:
            takes = ", ".join((*route.positional, "one object"))
            raise ValidationError(f"{route.name} takes {takes} by position, and got {len(arguments)} arguments")
    return path, None


def _asks_stream(route: Route, arguments: Arguments) -> bool:
    rule = route.stream
    if rule is None:
        return False
    if rule.ask_in is None:
        return True
    members = arguments.body if rule.ask_in == "body" else arguments.query
    return bool(members) and members.get(rule.ask_key) == rule.ask_value  # type: ignore[union-attr]


def _url(route: Route, arguments: Arguments, config: Config, write: Callable[[Any], Any]) -> str:
    path = route.path
    for name in route.path_params:
        path = path.replace(f"{{{name}}}", _segment(name, arguments.path.get(name), route))
    query = {**route.fixed_query, **config.query, **arguments.query}
    if not query:
        return config.base_url + path
    text = query_string(_form_pairs(query, write))
    mark = "&" if "?" in path else "?"
    return f"{config.base_url}{path}{mark}{text}" if text else config.base_url + path


def _segment(name: str, value: Any, route: Route) -> str:
    """A path value as one segment that no server and no library can read as anything else."""
    if value is None:
        raise ValidationError(errors=(Fault((name,), f"missing; {route.name} is {route.method} {route.path}"),))
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValidationError(errors=(Fault((name,), f"of type {type(value).__name__}, wanted text"),))
    text = value if isinstance(value, str) else str(value)
    if text in ("", ".", "..") or _CONTROL.search(text):
        raise ValidationError(errors=(Fault((name,), f"{text!r} cannot stand in a path"),))
    try:
        return quote(text, safe=_SEGMENT_SAFE)
    except UnicodeEncodeError:
        raise ValidationError(errors=(Fault((name,), "a lone surrogate, wanted text that UTF-8 can hold"),)) from None


def _headers(
    route: Route, arguments: dict[str, Any], options: dict[str, Any], content_type: str | None, config: Config
) -> dict[str, str]:
    headers = {"Accept": "application/json", **config.headers, **config.auth.get(route.credential, {}), **route.fixed_headers}
    if content_type is not None:
        headers["Content-Type"] = content_type
    for name, value in config.own_headers.items():
        put_header(headers, name, value)
    for name, value in arguments.items():
        if value is not None:
            put_header(headers, route.header_names[name], ",".join(map(str, value)) if isinstance(value, list | tuple) else value)
    if options.get("idempotency_key") is not None:
        put_header(headers, "Idempotency-Key", options["idempotency_key"])
    for name, value in _mapping(options, "extra_headers").items():
        put_header(headers, name, value)
    return headers


def put_header(headers: dict[str, str], name: Any, value: Any) -> None:
    """Set a header whatever the case of its name; None takes it away. Raises `ValidationError`, without the value."""
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ValidationError(f"{name!r} is no header name")
    if name not in headers:
        for known in [known for known in headers if known.lower() == name.lower()]:
            del headers[known]
    elif value is None:
        del headers[name]
    if value is None:
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        what = "control or non-ASCII characters" if isinstance(value, str) else f"type {type(value).__name__}"
        raise ValidationError(f"header {name}: the value has {what}, wanted one line of ASCII text")
    sensitive = _SENSITIVE.search(name) and name.lower() != "idempotency-key"
    headers[name] = Secret(value) if sensitive else str(value)


def _body(
    route: Route, body: dict[str, Any] | None, write: Callable[[Any], Any]
) -> tuple[bytes | BodyFactory | None, str | None]:
    """The body and its Content-Type."""
    if body is None:
        return None, None
    return ENCODERS[route.body.kind](route, body, write)


def _json_body(route: Route, body: dict[str, Any], write: Callable[[Any], Any]) -> tuple[bytes, str]:
    return encode(body, write), "application/json"


def _multipart_body(route: Route, body: dict[str, Any], write: Callable[[Any], Any]) -> tuple[bytes | BodyFactory, str]:
    rule = route.body
    if rule.sole and list(body) == [rule.sole] and isinstance(body[rule.sole], str):
        return body[rule.sole].encode(), rule.parts[rule.sole]
    json_parts = {k: v for k, v in body.items() if rule.parts.get(k) == "application/json"}
    pairs = list(_form_pairs({k: v for k, v in body.items() if k not in json_parts}, write))
    if rule.other == "json" and not any(is_file(value) for _, value in pairs):
        return _json_body(route, body, write)
    pairs += [(name, encode(value, write).decode()) for name, value in json_parts.items() if value is not None]
    form = Multipart(pairs, rule.parts)
    return form, form.content_type


def _form_pairs(members: Mapping[str, Any], write: Callable[[Any], Any]) -> Iterator[tuple[str, Any]]:
    for name, value in members.items():
        yield from flatten(str(name), value, write)


def resolve_timeout(value: Any, streaming: bool) -> Timeout:
    """What a timeout setting means for this call. A number ends the whole call; of a stream it bounds each wait."""
    if value is None:
        return Timeout()
    if isinstance(value, Timeout):
        return Timeout(**{name: _seconds(f"timeout.{name}", seconds) for name, seconds in vars(value).items()})
    seconds = _seconds("timeout", value)
    if streaming:
        return Timeout(connect=seconds, first_event=seconds, idle=seconds)
    return Timeout(connect=seconds, total=seconds)


def _seconds(name: str, value: Any) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
        raise ConfigError(f"{name}: {value!r}, wanted a number of seconds above 0, a Timeout, or None")
    return None if value is None or value > _FOR_EVER else value


def check_limits(limits: Any) -> Limits:
    """Raises `ConfigError` unless every limit is a number of bytes above 0."""
    if not isinstance(limits, Limits):
        raise ConfigError(f"limits: {limits!r}, wanted Limits(event=, error_body=, reply=)")
    for name, value in vars(limits).items():
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise ConfigError(f"limits.{name}: {value!r}, wanted a number of bytes above 0")
    return limits


def check_retries(value: Any) -> int:
    """Raises `ConfigError` unless the number of retries is an integer from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"max_retries: {value!r}, wanted an integer from 0 on")
    return value


def redacted(plan: Plan) -> Plan:
    """The plan as a hook may see it: no body, no secret, no query."""
    headers = {name: "***" if isinstance(value, Secret) else value for name, value in plan.headers.items()}
    return plan._replace(url=plan.url.partition("?")[0], headers=headers, body=None)


ENCODERS: dict[str, Callable[..., tuple[bytes | BodyFactory | None, str | None]]] = {
    "json": _json_body,
    "multipart": _multipart_body,
    "none": _json_body,  # only extra_body makes one
}
