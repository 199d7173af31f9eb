"""JSON: dict to bytes and back. The only user of orjson.

Rules of this file: what the user passes is what is written, or it is refused with its place; what a
server sends is read if any reading of it is possible (NaN, lone surrogates and 70-bit integers come
from real servers). Neither orjson's nor json's exceptions leave this file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import orjson

from .errors import DecodeError, Fault, ValidationError

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS

#: orjson's own bound; the search for a fault keeps to it as well.
_DEPTH = 250


def encode(value: Any, plain: Callable[[Any], Any]) -> bytes:
    """Write a value as JSON. `plain` turns an object that JSON does not know into one step plainer.

    Raises `ValidationError` with the place of what cannot be written: an unknown type, a key that is
    no text, a lone surrogate, NaN or an infinity, an integer beyond 64 bits, a circle.
    """
    try:
        body = orjson.dumps(value, plain, _OPTIONS)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)  # the place is found below; an OaiDynError of `plain` comes as the cause of a TypeError
    else:
        # orjson writes NaN as null: only where a null was written can something have been lost.
        if b"null" not in body:
            return body
        reason = ""
    if fault := _find(value, plain, (), 0):
        raise ValidationError(errors=(fault,))
    if not reason:
        return body
    try:
        return orjson.dumps(value, plain, _OPTIONS | orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError, RecursionError):
        pass
    raise ValidationError(f"the body cannot be written as JSON: {reason}")


def is_json(value: Any) -> bool:
    """Whether a value is written as it stands, nested no deeper than our bound. NaN is not looked for."""
    try:
        orjson.dumps(value, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _find(value: Any, plain: Callable[[Any], Any], path: tuple[str | int, ...], depth: int) -> Fault | None:
    """The first thing that JSON cannot hold, or None."""
    if value is None or isinstance(value, bool):
        return None
    if depth > _DEPTH:
        return Fault(path[:8], f"nested deeper than {_DEPTH} levels, or in a circle")
    if isinstance(value, str):
        return _find_in_text(value, path)
    if isinstance(value, float):
        return None if math.isfinite(value) else Fault(path, f"{value!r} cannot be written in JSON, wanted a finite number")
    if isinstance(value, int):
        return None if -(2**63) <= value < 2**64 else Fault(path, "an integer beyond 64 bits")
    if isinstance(value, dict):
        for key, item in value.items():
            # Token ids are integers, and logit_bias is keyed by them: JSON has them as text.
            if not isinstance(key, str | int) or isinstance(key, bool):
                return Fault(path, f"the key {key!r} is {_kind(key)}, wanted text")
            if fault := _find_in_text(str(key), path) or _find(item, plain, (*path, str(key)), depth + 1):
                return fault
        return None
    if isinstance(value, list | tuple):
        for i, item in enumerate(value):  # one frame a level: the stack has a thousand
            if fault := _find(item, plain, (*path, i), depth + 1):
                return fault
        return None
    return _find_in_object(value, plain, path, depth)


def _find_in_text(value: str, path: tuple[str | int, ...]) -> Fault | None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return Fault(
            path,
            f"a lone surrogate (U+{ord(value[error.start]):04X}) at character {error.start}, wanted text that UTF-8 can hold",
        )
    return None


def _find_in_object(value: Any, plain: Callable[[Any], Any], path: tuple[str | int, ...], depth: int) -> Fault | None:
    if isinstance(value, Enum):
        return _find(value.value, plain, path, depth + 1)
    try:
        orjson.dumps(value, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):
        pass
    else:
        return None  # a date, a UUID, an enum: JSON text by orjson's own rules
    try:
        simpler = plain(value)
    except TypeError as error:
        return Fault(path, str(error))
    except ValidationError as error:
        raise ValidationError(errors=(Fault(path, error.message),)) from error.__cause__
    return _find(simpler, plain, path, depth + 1)


def _kind(value: Any) -> str:
    return f"of type {type(value).__name__}"


def decode(body: bytes) -> Any:
    """Read JSON. Raises `DecodeError` saying where it fails."""
    try:
        return orjson.loads(body)
    except ValueError:
        pass  # read again below, by the slower and more forgiving reader
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}" if not isinstance(error, json.JSONDecodeError) else str(error)
    raise DecodeError(f"the body is not JSON: {reason[:200]}", body=body)


#: For the stream's hot loop, which falls back on `decode` when this raises ValueError.
loads = orjson.loads


class Record(dict[str, Any]):
    """A dict whose keys also read as attributes, all the way down.

    `reply["choices"][0]["message"]` and `reply.choices[0].message` are the same object. What an attribute
    reaches is turned into Records then, in place. A key that is also a method of dict (`items`, `keys`,
    `values`, `get`, `pop`, `copy`, `update`, `clear`) is read by subscript only.
    `_request_id` is the server's name for the request, on a whole answer.
    """

    __slots__ = ("_request_id",)
    _request_id: str | None

    def __getattr__(self, name: str) -> Any:
        try:
            value = self[name]
        except KeyError:
            if name == "_request_id":
                return None
            raise AttributeError(f"no key {name!r} here; there are {sorted(map(str, self.keys()))[:20]}") from None
        if type(value) is dict:
            value = self[name] = Record(value)
        elif type(value) is list:
            as_records(value)
        return value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(key for key in self.keys() if key.isidentifier())]


def as_records(items: list[Any]) -> None:
    """Turn the dicts of a list, and of lists within it, into Records in place."""
    for i, item in enumerate(items):
        if type(item) is dict:
            items[i] = Record(item)
        elif type(item) is list:
            as_records(item)


def to_dict(value: Any, plain: Callable[[Any], Any]) -> dict[str, Any]:
    """The top level of a body as a dict, whatever it came as; its members stay as they are."""
    if value is None or isinstance(value, str | bytes | int | float | list | tuple | type):
        raise ValidationError(f"the body is {_kind(value)}, wanted a dict or an object with to_dict")
    for _ in range(_DEPTH):
        if isinstance(value, dict):
            return value
        if isinstance(value, Mapping):
            return dict(value)
        try:
            value = plain(value)
        except TypeError as error:
            raise ValidationError(f"the body is {_kind(value)}, wanted a dict or an object with to_dict: {error}") from None
    raise ValidationError(f"the body is {_kind(value)}, whose to_dict gives no dict")
