"""A row, arguments and settings become one request: path, query, headers and body, all as they will be sent.

Rules of this file: what the user passes is what is sent; what cannot be sent is refused here, with its
place, before anything leaves; a header's value is never part of a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from .codec import encode, to_dict
from .errors import ConfigError, Fault, OaiDynError, RouteError, ValidationError, check_text
from .form import flatten, is_file, query_string
from .multipart import Multipart
from .objects import plain
from .wire import BodyFactory, Call, Config, Limits, Plan, Route, Secret, Timeout

Write = Callable[[Any], Any]

#: What may stand in a path segment besides letters, digits and `-._~` (RFC 3986 section 3.3), without the `;`
#: at which some servers end a segment: they would read `..;` as `..`.
_SEGMENT_SAFE = "!$&'()*+,=:@"

#: Parameters in a path.
_BRACES = re.compile(r"\{(\w+)\}")

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
    write = partial(plain, codecs=config.codecs) if config.codecs else plain
    sorted_out = _sort(route, arguments, keywords, options, write)
    streaming = _asks_stream(route, sorted_out)
    if check is not None:
        check(sorted_out, write)
    if own := {name: options[name] for name in SETTINGS if name in options}:
        config = config._replace(**checked(own))
    adapter, losses = None, ()
    if config.transformations is not None or config.paths or config.models or config.absent:
        route, sorted_out, adapter, losses = _as_provider_has_it(route, sorted_out, config, write)
    body, content_type = None, None
    if sorted_out.body is not None:
        body, content_type = ENCODERS[route.body.kind](route, sorted_out.body, write)
    url = _url(route, sorted_out, config, write)
    plan = Plan(route, route.method, url, _headers(route, sorted_out.headers, options, content_type, config), body, streaming)
    if config.auth_query:
        plan = plan._replace(hidden=_key_in_query(route, sorted_out, config))
    settings = config.timeouts[streaming], config.limits, config.max_retries, config.allow_truncated
    return Call(plan, *settings, None, None, options.get("into"), config, adapter, losses)


def _as_provider_has_it(route: Route, arguments: Arguments, config: Config, write: Write) -> tuple[Route, Arguments, Any, Any]:
    """The row and the arguments as the provider's profile wants them, what brings its answers into form, and what was lost."""
    if any(fnmatchcase(route.name, pattern) for pattern in config.absent):
        raise RouteError(f"{config.provider} has no {route.name}")
    if (path := config.paths.get(route.name) or config.paths.get(route.path)) is not None:
        route = route._replace(path=path, path_params=tuple(_BRACES.findall(path)))
    body, adapter, losses = arguments.body, None, ()
    model = None if body is None else body.get("model")
    if body is not None and isinstance(model, str) and model in config.models:
        body = {**body, "model": config.models[model]}
    if (rules := config.transformations) is not None:
        if body is not None:
            body, losses = rules.request(route, body, write)
        if losses and config.strict_params:
            raise ValidationError(errors=tuple(Fault(loss.path, loss.message) for loss in losses))
        if config.normalize:
            adapter = rules.answers(route, model if isinstance(model, str) else "")
    return route, arguments._replace(body=body), adapter, losses


def _sort(route: Route, arguments: tuple[Any, ...], keywords: dict[str, Any], options: dict[str, Any], write: Write) -> Arguments:
    """Put every argument where it travels."""
    path, given = _positional(route, arguments)
    named = {} if given is None else to_dict(given, write)
    query: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    places = {"path": path, "query": query, "header": headers}
    for name, value in keywords.items():
        if name in path:
            raise ValidationError.at((name,), "given twice, by position and by keyword")
        places.get(route.where.get(name, ""), rest)[name] = value
    extra = to_dict(options["extra_body"], write) if options.get("extra_body") is not None else None
    if route.body.kind == "none":
        query, body = {**named, **query, **rest}, extra or None
    else:
        body = {**named, **rest, **(extra or {})} if rest or extra else named
    if options.get("extra_query"):
        query = {**query, **mapping("extra_query", options["extra_query"], ValidationError)}
    return Arguments(path, query, headers, body)


def mapping(name: str, value: Any, wrong: type[OaiDynError] = ConfigError) -> Mapping[Any, Any]:
    """A setting or argument that has to be a dict; an empty one for None."""
    if not isinstance(value or {}, Mapping):
        raise wrong(f"{name}: of type {type(value).__name__}, wanted a dict")
    return value or {}


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
    if rule is None or rule.ask_in is None:
        return rule is not None
    members = arguments.body if rule.ask_in == "body" else arguments.query
    return bool((members or {}).get(rule.ask_key) == rule.ask_value)


def _url(route: Route, arguments: Arguments, config: Config, write: Write) -> str:
    path = route.path
    for name in route.path_params:
        value = arguments.path.get(name)
        if value is None and name not in route.where:  # a provider's own path takes it from the body
            value = (arguments.body or {}).get(name)
        path = path.replace(f"{{{name}}}", _segment(name, value, route))
    query = {**route.fixed_query, **config.query, **arguments.query}
    text = query_string(flatten(query, write, ELEMENTS[route.lists])) if query else ""
    base = config.base_url if path.startswith("/") else ""  # a provider's own path may be a whole URL
    if not text:
        return base + path
    return f"{base}{path}{'&' if '?' in path else '?'}{text}"


def _key_in_query(route: Route, arguments: Arguments, config: Config) -> Secret | None:
    """The member of the query that holds the key; the user's own of that name takes its place."""
    name, text = config.auth_query.get(route.credential, ("", None))
    return None if name in config.query or name in arguments.query else text


def _segment(name: str, value: Any, route: Route) -> str:
    """A path value as one segment that no server and no library can read as anything else."""
    if value is None:
        raise ValidationError.at((name,), f"missing; {route.name} is {route.method} {route.path}")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValidationError.at((name,), f"of type {type(value).__name__}, wanted text")
    text = value if isinstance(value, str) else str(value)
    if text in ("", ".", "..") or _CONTROL.search(text):
        raise ValidationError.at((name,), f"{text!r} cannot stand in a path")
    check_text(text, (name,))
    return quote(text, safe=_SEGMENT_SAFE)


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
    for name, value in mapping("extra_headers", options.get("extra_headers"), ValidationError).items():
        put_header(headers, name, value)
    return headers


def put_header(headers: dict[str, str], name: Any, value: Any) -> None:
    """Set a header whatever the case of its name; None takes it away. Raises `ValidationError`, without the value."""
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ValidationError(f"{name!r} is no header name")
    if name not in headers or value is None:
        for known in [known for known in headers if known.lower() == name.lower()]:
            del headers[known]
    if value is None:
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        what = "control or non-ASCII characters" if isinstance(value, str) else f"type {type(value).__name__}"
        raise ValidationError(f"header {name}: the value has {what}, wanted one line of ASCII text")
    headers[name] = Secret(value) if is_sensitive(name) else str(value)


def is_sensitive(header: str) -> bool:
    """Whether what a header of this name has may be a credential."""
    return bool(_SENSITIVE.search(header)) and header.lower() != "idempotency-key"


def _json_body(route: Route, body: dict[str, Any], write: Write) -> tuple[bytes, str]:
    return encode(body, write), "application/json"


def _multipart_body(route: Route, body: dict[str, Any], write: Write) -> tuple[bytes | BodyFactory, str]:
    rule = route.body
    if rule.sole and list(body) == [rule.sole] and isinstance(body[rule.sole], str):
        check_text(body[rule.sole], (rule.sole,))
        return body[rule.sole].encode(), rule.parts[rule.sole]
    json_parts = {k: v for k, v in body.items() if rule.parts.get(k) == "application/json"}
    pairs = flatten({k: v for k, v in body.items() if k not in json_parts}, write, ELEMENTS[route.lists])
    if rule.other == "json" and not any(is_file(value) for _, value in pairs):
        return _json_body(route, body, write)
    if json_parts:
        encode(json_parts, write)  # together, so that what is refused has its whole place
    pairs += [(name, encode(value, write).decode()) for name, value in json_parts.items() if value is not None]
    form = Multipart(pairs, rule.parts)
    return form, form.content_type


def _form_body(route: Route, body: dict[str, Any], write: Write) -> tuple[bytes, str]:
    return query_string(flatten(body, write, ELEMENTS[route.lists])).encode(), "application/x-www-form-urlencoded"


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a client or a call, as `Config` has them. Raises `ConfigError` for a wrong one."""
    return {SETTINGS[name][0]: SETTINGS[name][1](value) for name, value in settings.items()}


def _timeouts(value: Any) -> tuple[Timeout, Timeout]:
    """What a timeout means for a plain call and for a stream. A number ends the whole call; of a stream it bounds each wait."""
    if isinstance(value, Timeout):
        value = Timeout(**{name: _seconds(f"timeout.{name}", seconds) for name, seconds in vars(value).items()})
        return value, value
    seconds = _seconds("timeout", value)
    return Timeout(connect=seconds, total=seconds), Timeout(connect=seconds, first_event=seconds, idle=seconds)


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    _check_number(name, value, int | float, 0, "a number of seconds above 0, a Timeout, or None")
    return None if value > _FOR_EVER else value


def _limits(value: Any) -> Limits:
    if not isinstance(value, Limits):
        raise ConfigError(f"limits: {value!r}, wanted Limits(event=, error_body=, reply=)")
    for name, size in vars(value).items():
        _check_number(f"limits.{name}", size, int, 0, "a number of bytes above 0")
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{name}: {value!r}, wanted True or False")
    return value


def _retries(value: Any) -> Any:
    _check_number("max_retries", value, int, -1, "an integer from 0 on")
    return value


def _check_number(name: str, value: Any, kind: Any, above: int, wanted: str) -> None:
    if isinstance(value, bool) or not isinstance(value, kind) or not value > above:
        raise ConfigError(f"{name}: {value!r}, wanted {wanted}")


def redacted(plan: Plan) -> Plan:
    """The plan as a hook may see it: no body, no secret, no query."""
    headers = {name: "***" if isinstance(value, Secret) else value for name, value in plan.headers.items()}
    return plan._replace(url=plan.url.partition("?")[0], headers=headers, body=None, hidden=None)


#: What a list's name gets for each of its elements, by how the row's lists travel.
ELEMENTS = {"brackets": "[]", "repeat": ""}

ENCODERS: dict[str, Callable[..., tuple[bytes | BodyFactory | None, str | None]]] = {
    "json": _json_body,
    "multipart": _multipart_body,
    "form": _form_body,
    "none": _json_body,  # only extra_body makes one
}

#: Settings that a client and a call both have: what each is called in `Config`, and what makes it so.
SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "timeout": ("timeouts", _timeouts),
    "max_retries": ("max_retries", _retries),
    "limits": ("limits", _limits),
    "allow_truncated": ("allow_truncated", bool),
    "normalize": ("normalize", partial(_truth, "normalize")),
    "strict_params": ("strict_params", partial(_truth, "strict_params")),
}

#: Keywords that are about the call; every other one is about the request.
RESERVED = ("into", "validate", "extra_headers", "extra_query", "extra_body", "idempotency_key", *SETTINGS)
