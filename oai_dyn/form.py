"""The API's form convention, the same in query strings and multipart bodies.

A list repeats the key as `name[]`, an object nests as `name[key]`, booleans are `true` and `false`,
and None leaves the key out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import quote
from uuid import UUID

from .errors import Fault, ValidationError

_DEPTH = 50


def is_file(value: Any) -> bool:
    """Bytes, a path object, an open file, or `(filename, content[, content_type])` around one of them."""
    if isinstance(value, bytes | bytearray | os.PathLike) or hasattr(value, "read"):
        return True
    if not isinstance(value, tuple) or not 2 <= len(value) <= 4 or not isinstance(value[0], str | None):
        return False
    return is_file(value[1])


def flatten(name: str, value: Any, plain: Callable[[Any], Any], path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Turn a member into pairs of name and text; a file is passed on as it is.

    Raises `ValidationError` with the place for what a form cannot hold.
    """
    path = path or (name,)
    if value is None:
        return
    if len(path) > _DEPTH:
        raise ValidationError(errors=(Fault(path[:8], f"nested deeper than {_DEPTH} levels, or in a circle"),))
    if isinstance(value, Enum):
        yield from flatten(name, value.value, plain, path)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, str):
        yield name, _checked(value, path)
    elif isinstance(value, int | float | Decimal | UUID):
        yield name, str(value)
    elif isinstance(value, date | time):
        yield name, value.isoformat()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from flatten(f"{name}[{key}]", item, plain, (*path, str(key)))
    elif is_file(value):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from flatten(f"{name}[]", item, plain, (*path, i))
    else:
        try:
            simpler = plain(value)
        except (TypeError, ValidationError) as error:
            raise ValidationError(errors=(Fault(path, str(error)),)) from error.__cause__
        yield from flatten(name, simpler, plain, path)


def _checked(text: str, path: tuple[str | int, ...]) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError(errors=(Fault(path, "a lone surrogate, wanted text that UTF-8 can hold"),)) from None
    return text


def query_string(pairs: Iterator[tuple[str, Any]]) -> str:
    """Percent-encode pairs for a URL (RFC 3986; a space is `%20`, which every server reads alike)."""
    out = []
    for name, value in pairs:
        if not isinstance(value, str):
            raise ValidationError(errors=(Fault((name,), f"a query takes no file, and this is {type(value).__name__}"),))
        out.append(f"{quote(name, safe='')}={quote(value, safe='')}")
    return "&".join(out)
