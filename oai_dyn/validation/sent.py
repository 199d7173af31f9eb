"""What is sent, as a schema sees it: a body as its JSON, a form and a query as the texts that they become.

Rules of this file: nothing is decided here; a file is a string to a schema, and is not read. A form knows text only,
so 1 and "1" are the same there: where one does not fit, the other is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..codec import decode, encode
from ..errors import Fault
from ..form import is_file
from ..wire import Sending

Plain = Callable[[Any], Any]

#: What a file is to a schema.
_FILE = "file"

_NO_PARTS = Sending()


def as_json(value: Any, plain: Plain) -> Any:
    """A value as the JSON that it is sent as. Raises `ValidationError` with the place of what JSON cannot hold."""
    return decode(encode(value, plain))


def as_form(members: Mapping[str, Any], plain: Plain, rule: Sending = _NO_PARTS) -> Any:
    """Members of a form or a query as JSON: files are strings, and what is None is left out, but in parts of JSON."""
    given = {name: value for name, value in members.items() if value is not None}
    read = {name: value if rule.parts.get(name) == "application/json" else _readable(value) for name, value in given.items()}
    return as_json(read, lambda value: _FILE if is_file(value) else _readable(plain(value)))


def _readable(value: Any) -> Any:
    if is_file(value):
        return _FILE
    if isinstance(value, Mapping):
        return {key: _readable(member) for key, member in value.items() if member is not None}
    return [_readable(item) for item in value if item is not None] if isinstance(value, list | tuple) else value


def is_form(rule: Sending, members: Mapping[str, Any]) -> bool:
    """Whether a body is written as a form: a row may take JSON where there is no file."""
    return rule.kind in ("multipart", "form") and (rule.other != "json" or any(map(_holds_file, members.values())))


def _holds_file(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return is_file(value) or any(map(_holds_file, inner))


def faults_of_texts(faults: Callable[[Any], list[Fault]], members: dict[str, Any]) -> list[Fault]:
    """What is wrong with members that are sent as text, whichever of their readings is meant."""
    found = faults(members)
    reread = members
    for fault in found:
        reread = _replaced(reread, fault.path)
    if reread is members:
        return found
    still = {fault.path for fault in faults(reread)}
    return [fault for fault in found if fault.path in still] or (found if still else [])


def _replaced(value: Any, path: tuple[str | int, ...]) -> Any:
    """A copy with the scalar at a path in its other reading: text for a number, a number for text."""
    if not path:
        return _other_reading(value)
    step = path[0]
    if isinstance(value, dict) and step in value:
        return {**value, step: _replaced(value[step], path[1:])}
    if isinstance(value, list) and isinstance(step, int):
        return [_replaced(item, path[1:]) if i == step else item for i, item in enumerate(value)]
    return value


def _other_reading(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        for read in (int, float):
            try:
                return read(value)
            except ValueError:
                continue
        return {"true": True, "false": False}.get(value, value)
    return value
