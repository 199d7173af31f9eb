"""The API's form convention, the same in query strings and multipart bodies.

A list repeats the key as `name[]`, an object nests as `name[key]`, booleans are `true` and `false`,
and None leaves the key out.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from enum import Enum
from typing import Any
from urllib.parse import quote

from .errors import Fault, ValidationError

_DEPTH = 50


def is_file(value: Any) -> bool:
    """Bytes, a path object, an open file, or `(filename, content[, content_type])` around one of them."""
    if isinstance(value, bytes | bytearray | os.PathLike):
        return True
    if callable(getattr(value, "read", None)):
        return not hasattr(value, "to_dict")
    if not isinstance(value, tuple) or not 2 <= len(value) <= 4 or not isinstance(value[0], str | None):
        return False
    return is_file(value[1])


def flatten(
    name: str, value: Any, plain: Callable[[Any], Any], path: tuple[str | int, ...] = (), depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Turn a member into pairs of name and text; a file is passed on as it is.

    Raises `ValidationError` with the place for what a form cannot hold.
    """
    path = path or (name,)
    if value is None:
        return
    if not depth:
        _checked(name, ())
    if depth > _DEPTH:
        raise ValidationError(errors=(Fault(path[:8], f"nested deeper than {_DEPTH} levels, or in a circle"),))
    if isinstance(value, Enum):
        yield from flatten(name, value.value, plain, path, depth + 1)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, str):
        yield name, _checked(value, path)
    elif isinstance(value, int | float) or _is_written_as_text(value):
        yield name, str(value)
    elif isinstance(value, date | time):
        yield name, value.isoformat()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from flatten(f"{name}[{_checked(str(key), path)}]", item, plain, (*path, str(key)), depth + 1)
    elif is_file(value):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from flatten(f"{name}[]", item, plain, (*path, i), depth + 1)
    else:
        try:
            simpler = plain(value)
        except (TypeError, ValidationError) as error:
            raise ValidationError(errors=(Fault(path, str(error)),)) from error.__cause__
        yield from flatten(name, simpler, plain, path, depth + 1)


def _is_written_as_text(value: Any) -> bool:
    """Decimal and UUID: whoever has one has loaded its module, which costs a client milliseconds that has none."""
    kinds = ((sys.modules.get("decimal"), "Decimal"), (sys.modules.get("uuid"), "UUID"))
    return any(module is not None and isinstance(value, getattr(module, name)) for module, name in kinds)


def _checked(text: str, path: tuple[str | int, ...]) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError(errors=(Fault(path, "a lone surrogate, wanted text that UTF-8 can hold"),)) from None
    return text


def normal_path(path: str, query: str = "") -> str:
    """A path and query as both HTTP libraries leave them: encoded where RFC 3986 asks for it, in capitals, a bare % too.

    Raises ValueError for text that UTF-8 cannot hold.
    """
    text = f"{path}?{query}" if query else path
    text = re.sub(r"%([0-9a-fA-F]{2})?", lambda found: found.group().upper() if found.group(1) else "%25", text)
    return quote(text, safe="/?%:@!$&'()*+,;=-._~")


def query_string(pairs: Iterator[tuple[str, Any]]) -> str:
    """Percent-encode pairs for a URL (RFC 3986; a space is `%20`, which every server reads alike)."""
    out = []
    for name, value in pairs:
        if not isinstance(value, str):
            raise ValidationError(errors=(Fault((name,), f"a query takes no file, and this is {type(value).__name__}"),))
        out.append(f"{quote(name, safe='')}={quote(value, safe='')}")
    return "&".join(out)
