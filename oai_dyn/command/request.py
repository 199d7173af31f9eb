"""A request in a file: its members read, completed from the command line, and checked before anything is sent.

Rules of this file: what is wrong is refused with the name of the file and of the member; paths inside a file
are relative to that file, paths on the command line to the current folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..catalog import PARSERS, parse
from ..errors import ConfigError
from ..wire import Route

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")

#: How a file stands in a body: `{"@file": "speech.wav"}`.
FILE_MARK = "@file"


class Request(NamedTuple):
    """One call as a file or the command line describes it. `source` names it in messages."""

    source: str
    route: str
    provider: Any = None
    base_url: str | None = None
    path: Mapping[str, Any] = {}
    query: Mapping[str, Any] = {}
    headers: Mapping[str, Any] = {}
    body: Mapping[str, Any] | None = None
    stream: bool = False

    def arguments(self, route: Route) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What to give to `client.call` beside the route. Raises `ConfigError` for what the route cannot take."""
        body, query = dict(self.body or {}), dict(self.query)
        if body and route.body.kind == "none":
            raise ConfigError(f"{self.source}: body: {route.name} takes none")
        if unknown := self.path.keys() - set(route.path_params):
            raise ConfigError(f"{self.source}: path.{min(unknown)}: {route.name} has no such parameter; its path is {route.path}")
        if missing := [name for name in route.path_params if self.path.get(name) is None]:
            raise ConfigError(f"{self.source}: path.{missing[0]}: missing; {route.name} is {route.method} {route.path}")
        if self.stream:
            self._ask(route, body, query)
        known = {name: query.pop(name) for name in list(query) if route.where.get(name) == "query"}
        keywords = {**self.path, **known, "extra_query": query, "extra_headers": dict(self.headers)}
        return ((body,) if body else ()), keywords

    def member(self, name: str | int = "", *below: str | int) -> str:
        """The member in which a name that the core complains of stands."""
        return next((member for member in ("path", "query") if name in getattr(self, member)), "body")

    def _ask(self, route: Route, body: dict[str, Any], query: dict[str, Any]) -> None:
        """Ask for a stream the way the route wants it."""
        rule = route.stream
        if rule is None:
            raise ConfigError(f"{self.source}: stream: {route.name} does not stream")
        if rule.ask_in is not None:
            (body if rule.ask_in == "body" else query)[rule.ask_key] = rule.ask_value


def read_request(what: str, settings: Iterable[str], stdin: Callable[[], bytes]) -> Request:
    """The request in a file, on standard input (`-`), or of a route's bare name, with `--set` settings laid over it.

    Raises `ConfigError` with the file and the member.
    """
    source, folder, document = _load(what, stdin)
    if not isinstance(document, dict):
        raise ConfigError(f"{source}: holds {_kind(document)}, wanted the members {', '.join(MEMBERS)}")
    if "body" in document:
        document["body"] = _with_files(document["body"], folder)
    if isinstance(provider := document.get("provider"), str) and Path(provider).suffix:
        document["provider"] = str(folder / provider)
    for setting in settings:
        _set(document, setting)
    for name, value in document.items():
        if name not in MEMBERS:
            raise ConfigError(f"{source}: {name}: no such member; there are {', '.join(MEMBERS)}")
        if not isinstance(value, MEMBERS[name]):
            raise ConfigError(f"{source}: {name}: is {_kind(value)}, wanted {_NAMES[name]}")
    if "route" not in document:
        raise ConfigError(f'{source}: route: missing, wanted a name, an operationId or "METHOD /path"')
    return Request(source, **document)


def _load(what: str, stdin: Callable[[], bytes]) -> tuple[str, Path, Any]:
    """The name for messages, the folder that paths are relative to, and the members."""
    if what == "-":
        return "standard input", Path(), parse(stdin(), "standard input")
    path = Path(what)
    if path.suffix.lower() not in PARSERS and not path.is_file():
        return what, Path(), {"route": what}
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{what}: {error.strerror}") from None
    return what, path.parent, parse(content, what)


def _with_files(value: Any, folder: Path) -> Any:
    """The value with each `{"@file": path}` in it turned into that path."""
    if isinstance(value, list):
        return [_with_files(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if list(value) == [FILE_MARK] and isinstance(value[FILE_MARK], str):
        return folder / value[FILE_MARK]
    return {name: _with_files(item, folder) for name, item in value.items()}


def _set(document: dict[str, Any], setting: str) -> None:
    """Lay one `member.key=value` over the members; the value is JSON if it can be read as such."""
    place, equals, text = setting.partition("=")
    steps = [key or int(index) for key, index in _STEP.findall(place)]
    if not equals or not steps or "".join(_STEP.sub("", place).split(".")):
        raise ConfigError(f"--set {place}: wanted MEMBER.KEY=VALUE, as in body.messages[0].content=Hello")
    if steps[0] not in MEMBERS:
        raise ConfigError(f"--set {place}: {steps[0]}: no such member; there are {', '.join(MEMBERS)}")
    if len(steps) > 1 and dict in MEMBERS[str(steps[0])] and document.get(str(steps[0])) is None:
        document[str(steps[0])] = {}
    value = text if steps[0] in TEXTS else _with_files(_value(text), Path())
    holder: Any = document
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        last = following is None
        holder = _put(holder, step, value if last else [] if _is_index(following) else {}, last, f"--set {place}")


def _put(holder: Any, step: str | int, value: Any, replace: bool, where: str) -> Any:
    """Go one step into a dict or list, putting `value` where nothing is (or in any case); gives what is there then."""
    if isinstance(holder, list) and _is_index(step):
        index = int(step)
        if index > len(holder):
            raise ConfigError(f"{where}: there is no entry {index} in a list of {len(holder)}")
        if index == len(holder):
            holder.append(value)
        elif replace:
            holder[index] = value
        return holder[index]
    if not isinstance(holder, dict):
        raise ConfigError(f"{where}: {step!r} cannot be set: what is there is {_kind(holder)}")
    if replace or holder.get(str(step)) is None:
        holder[str(step)] = value
    return holder[str(step)]


def _is_index(step: Any) -> bool:
    return isinstance(step, int) or (isinstance(step, str) and step.isdecimal())


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"of type {type(value).__name__}"


#: Members that hold text, so that 007 stays what it is.
TEXTS = ("path", "headers")

#: The members of a request, the types each may have, and what they are called in messages.
MEMBERS: dict[str, tuple[type, ...]] = {
    "route": (str,),
    "provider": (str, dict),
    "base_url": (str,),
    "path": (dict,),
    "query": (dict,),
    "headers": (dict,),
    "body": (dict,),
    "stream": (bool,),
}
_NAMES = {name: {str: "text", dict: "a table", bool: "true or false"}[types[-1]] for name, types in MEMBERS.items()}
