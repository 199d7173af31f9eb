"""What the generated pages have in common: tables, values as code, and what is particular about a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from oai_dyn.wire import Route

#: What is particular about a row: a word, what it means, and whether it holds.
MARKS: tuple[tuple[str, str, Callable[[Route], bool]], ...] = (
    ("stream", "it streams, always or when it is asked to", lambda route: route.stream is not None),
    ("pages", "it answers a list that may have several pages", lambda route: route.page is not None),
    ("multipart", "it sends a form, files among it", lambda route: route.body.kind == "multipart"),
    ("bytes", "it answers bytes, read when they are asked for", lambda route: route.reply.kind == "bytes"),
    ("text", "it answers text, always or when it is asked to", lambda route: "text" in (route.reply.kind, route.reply.other)),
    ("none", "it answers nothing", lambda route: route.reply.kind == "none"),
    ("admin key", "it takes the admin key, not the API key", lambda route: route.credential == "admin_key"),
    ("safe", "it may be sent twice", lambda route: route.safe),
    ("deprecated", "the API advises against it", lambda route: route.deprecated),
)


def marks_of(route: Route) -> str:
    """What is particular about a row, in a few words."""
    return ", ".join(word for word, _, holds in MARKS if holds(route))


def where_of(route: Route) -> str:
    """Where a row goes, with the query that is always sent."""
    query = "&".join(f"{name}={value}" for name, value in route.fixed_query.items())
    return f"{route.method} {route.path}{'?' if query else ''}{query}"


def table_of(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    rule = tuple("---" for _ in head)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def quoted(value: Any) -> str:
    """A value as code."""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


#: JSON Schema's types in words.
KINDS = {
    "array": "list",
    "boolean": "true or false",
    "integer": "integer",
    "null": "null",
    "number": "number",
    "object": "object",
    "string": "text",
}
