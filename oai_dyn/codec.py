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

from .errors import DecodeError, Path, ValidationError, walk

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
    walk(value, plain, _is_json)
    if not reason:
        return body
    try:
        return orjson.dumps(value, plain, _OPTIONS | orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError, RecursionError):
        pass
    raise ValidationError(f"the body cannot be written as JSON: {reason}")


def is_json(value: Any) -> bool:
    """Whether a value is written as it stands, nested no deeper than our bound. NaN is not looked for."""
    return written(value) is not None


def written(value: Any) -> bytes | None:
    """A value as JSON, where it is written as it stands; None where it holds objects of the user's, or what cannot be written."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return None


def _is_json(value: Any, path: Path) -> bool:
    """Whether JSON has a value as it is; False for what has to be entered. Raises `ValidationError` for a number it has not."""
    if value is None or isinstance(value, str):
        return True
    if isinstance(value, float) and not math.isfinite(value):
        raise ValidationError.at(path, f"{value!r} cannot be written in JSON, wanted a finite number")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise ValidationError.at(path, "an integer beyond 64 bits")
    if isinstance(value, int | float):
        return True
    if isinstance(value, tuple | Enum):
        return False
    try:
        orjson.dumps(value, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return False
    return True  # a date, a UUID: JSON text by orjson's own rules


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
    `_request_id` is the server's name for the request, `_provider` the name of the profile that answered, on a whole answer.
    """

    __slots__ = ("_provider", "_request_id")
    _request_id: str | None
    _provider: str | None

    def __getattr__(self, name: str) -> Any:
        try:
            value = self[name]
        except KeyError:
            if name in Record.__slots__:
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
