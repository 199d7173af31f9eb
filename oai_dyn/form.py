"""The API's form convention, the same in query strings and multipart bodies.

A list repeats the key as `name[]` (or, where a row says so, as plain `name`), an object nests as `name[key]`,
booleans are `true` and `false`, and None leaves the key out.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from datetime import date, time
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from .errors import Path, ValidationError, walk


def is_file(value: Any) -> bool:
    """Bytes, a path object, an open file, or `(filename, content[, content_type])` around one of them."""
    if isinstance(value, bytes | bytearray | os.PathLike):
        return True
    if callable(getattr(value, "read", None)):
        return not hasattr(value, "to_dict")
    if not isinstance(value, tuple) or not 2 <= len(value) <= 4 or not isinstance(value[0], str | None):
        return False
    return is_file(value[1])


def flatten(members: dict[str, Any], plain: Callable[[Any], Any], element: str = "[]") -> list[tuple[str, Any]]:
    """Turn the members of a body or query into pairs of name and text; a file is passed on as it is.

    element: what a list's name gets for each of its elements.
    Raises `ValidationError` with the place for what a form cannot hold.
    """
    pairs: list[tuple[str, Any]] = []

    def take(value: Any, path: Path) -> bool:
        if value is None:
            return True
        if isinstance(value, Enum):
            return False
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, int | float):
            value = str(value)
        elif isinstance(value, date | time):
            value = value.isoformat()
        elif not isinstance(value, str) and not is_file(value):
            if not _is_written_as_text(value):
                return False
            value = str(value)
        name, *inner = path
        for step in inner:
            name = f"{name}{element}" if isinstance(step, int) else f"{name}[{step}]"
        pairs.append((str(name), value))
        return True

    walk(members, plain, take)
    return pairs


def _is_written_as_text(value: Any) -> bool:
    """Decimal and UUID: whoever has one has loaded its module, which costs a client milliseconds that has none."""
    kinds = ((sys.modules.get("decimal"), "Decimal"), (sys.modules.get("uuid"), "UUID"))
    return any(module is not None and isinstance(value, getattr(module, name)) for module, name in kinds)


def normal_path(path: str, query: str = "") -> str:
    """A path and query as both HTTP libraries leave them: encoded where RFC 3986 asks for it, in capitals, a bare % too.

    Raises ValueError for text that UTF-8 cannot hold.
    """
    text = f"{path}?{query}" if query else path
    text = re.sub(r"%([0-9a-fA-F]{2})?", lambda found: found.group().upper() if found.group(1) else "%25", text)
    return quote(text, safe="/?%:@!$&'()*+,;=-._~")


def query_string(pairs: Iterable[tuple[str, Any]]) -> str:
    """Percent-encode pairs for a URL or a form (RFC 3986; a space is `%20`, which every server reads alike)."""
    out = []
    for name, value in pairs:
        if not isinstance(value, str):
            raise ValidationError.at((name,), f"a query or a form of text takes no file, and this is {type(value).__name__}")
        out.append(f"{quote(name, safe='')}={quote(value, safe='')}")
    return "&".join(out)


def query_values(url: str, name: str) -> list[str]:
    """What a URL's query has under a name."""
    return [value for key, value in parse_qsl(urlsplit(url).query) if key == name]


def joined(url: str, text: str) -> str:
    """A URL with more text at the end of its query."""
    return f"{url}{'&' if '?' in url else '?'}{text}"


def without(query: str, name: str) -> str:
    """A query without the members of a name."""
    return "&".join(pair for pair in query.split("&") if pair and unquote(pair.partition("=")[0]) != name)


def spellings(text: str) -> set[str]:
    """A text, and what percent-encoding makes of it: strictly, as scripts in browsers do, in either case."""
    encoded = {quote(text, safe=safe) for safe in ("", "/", "!'()*", ";,/?:@&=+$!'()*#")}
    return {text, quote_plus(text), *encoded, *(re.sub("%..", lambda found: found.group().lower(), one) for one in encoded)}


def with_query(url: str, name: str, value: str) -> str:
    """A URL with a member of its query set."""
    head, _, query = url.partition("?")
    others = without(query, name)
    return joined(f"{head}?{others}" if others else head, query_string([(name, value)]))
