"""Parameters of an operation: where each travels, what it is called, and what the wire convention cannot say.

Rules of this file: a name in a query is sent as it stands, a path parameter is only a place and may be called otherwise, a header
goes by a keyword; a list is sent as `name[]`, an object as `name[key]`, and a document that asks for another style is noted,
but for what the bundled row of the same request has: there the document is known to mean this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..plan import RESERVED
from .naming import Asked, word
from .references import Note, References

#: Headers that every request has of its own: a document's word on them is to be ignored (OpenAPI 3.1, Parameter Object).
_OF_OURS = {"accept", "content-type", "authorization"}

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

#: How many schemas are looked at to find the types of one.
_MOST = 200


class Parameters:
    """The parameters of one operation, sorted.

    path     names in the path, each with the keyword it goes by
    query    names of the query
    repeats  a list is sent as its name again and again
    headers  keywords, each with its header
    schema   of the query as an object, as OpenAPI writes it; None without a query
    """

    def __init__(self) -> None:
        self.path: dict[str, str] = {}
        self.query: list[str] = []
        self.repeats = False
        self.headers: dict[str, str] = {}
        self.properties: dict[str, Any] = {}
        self.required: list[str] = []

    @property
    def schema(self) -> dict[str, Any] | None:
        """What a query may hold."""
        if not self.properties:
            return None
        needed = {"required": self.required} if self.required else {}
        return {"type": "object", "properties": self.properties, **needed}


class Reading(NamedTuple):
    """What the functions below share: the operation, what follows references, and where to note."""

    asked: Asked
    references: References
    notes: list[Note]
    found: Parameters

    def note(self, what: str, why: str) -> None:
        """Note something about the operation."""
        self.notes.append(Note(self.asked.key, what, why))


def read_parameters(asked: Asked, references: References, notes: list[Note], repeats: bool = False) -> Parameters:
    """Sort the parameters of an operation and of the path it stands at.

    repeats: the body's lists are sent as their names again and again, so that those of the query are too.
    """
    reading = Reading(asked, references, notes, Parameters())
    given = list(_given(reading))
    reading.found.repeats = repeats or (
        asked.known is None and any(one["in"] == "query" and _repeats(reading, one) for one in given)
    )
    for place in ("query", "path", "header", "cookie"):  # in a query nothing can be called otherwise: it goes first
        for parameter in (one for one in given if one["in"] == place):
            _TAKE[place](reading, parameter)
    declared = {one["name"] for one in given if one["in"] == "path"}
    for name in re.findall(r"\{([^{}]*)\}", asked.path):
        if name not in declared:
            _take_path(reading, {"name": name})
    return reading.found


def _given(reading: Reading) -> Iterator[Mapping[str, Any]]:
    """The parameters: the operation's own win over those of its path."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for place, given in (("path", reading.asked.shared), ("operation", reading.asked.operation.get("parameters"))):
        if given is not None and not isinstance(given, list):
            reading.note(f"parameters of the {place}", "left out: wanted a list")
            continue
        for number, one in enumerate(given or ()):
            parameter, _ = reading.references.follow(one, reading.asked.key, reading.notes)
            where, name = (parameter.get("in"), parameter.get("name")) if isinstance(parameter, Mapping) else (None, None)
            if isinstance(where, str) and where in _TAKE and isinstance(name, str) and name:
                found[where, name] = parameter
            elif parameter != {}:  # a reference that leads nowhere was noted when it was followed
                reading.note(
                    f"parameter {number} of the {place}", "left out: wanted a name, and one of path, query, header, cookie"
                )
    yield from found.values()


def _take_query(reading: Reading, parameter: Mapping[str, Any]) -> None:
    found, name = reading.found, parameter["name"]
    name = name if found.repeats else name.removesuffix("[]") or name
    schema = _schema(parameter)
    known = reading.asked.known
    if known is None or name not in known.get("query", ()):
        schema = _as_sent(reading, parameter, schema)
    if name in found.properties:
        reading.note(f"query parameter {parameter['name']}", f"left out: it is sent as {name} is")
    elif schema is not None:
        _put_query(reading, parameter, name, schema)


def _put_query(reading: Reading, parameter: Mapping[str, Any], name: str, schema: Any) -> None:
    found = reading.found
    found.query.append(name)
    found.properties[name] = schema
    if parameter.get("required") is True:
        found.required.append(name)
    if name in RESERVED:
        reading.note(f"query parameter {name}", "as a keyword it is about the call: give it in an object or in extra_query")


def _repeats(reading: Reading, parameter: Mapping[str, Any]) -> bool:
    """Whether a query parameter is a list that is sent as its name again and again, without brackets."""
    form = parameter.get("style", "form") == "form" and parameter.get("explode") is not False and "schema" in parameter
    return form and not parameter["name"].endswith("[]") and "array" in types(_schema(parameter), reading.references)


def _as_sent(reading: Reading, parameter: Mapping[str, Any], schema: Any) -> Any:
    """The schema of what is given for a query parameter; None where nothing can be."""
    name, kinds = parameter["name"], types(schema, reading.references)
    style, explode = parameter.get("style", "form"), parameter.get("explode")
    bracketed = name.endswith("[]") or style == "deepObject"
    if "content" in parameter and "schema" not in parameter:
        reading.note(f"query parameter {name}", "is JSON: give it as a text of JSON")
        return {"type": "string"}
    if "array" in kinds and not bracketed:
        if reading.found.repeats and _repeats(reading, parameter):
            return schema
        if style == "form" and explode is not False:
            reading.note(
                f"query parameter {name}", f"a list: it is sent as {name}[], and the document asks for {name} again and again"
            )
            return schema
        with_what = {"form": "commas", "spaceDelimited": "spaces", "pipeDelimited": "|"}.get(str(style), "what its style says")
        reading.note(f"query parameter {name}", f"a list in one text: give it as a text, joined with {with_what}")
        return {"type": "string"}
    if kinds == {"object"} and not bracketed:
        reading.note(f"query parameter {name}", "left out: its members are parameters by themselves: give them in extra_query")
        return None
    return schema


def _take_path(reading: Reading, parameter: Mapping[str, Any]) -> None:
    found, name = reading.found, parameter["name"]
    if f"{{{name}}}" not in reading.asked.path:
        reading.note(f"path parameter {name}", "left out: the path has no such place")
        return
    if parameter.get("style", "simple") != "simple" or types(_schema(parameter), reading.references) & {"array", "object"}:
        reading.note(f"path parameter {name}", "is more than a plain value: give it as a text, written as the server wants it")
    taken = {*found.query, *found.path.values(), *RESERVED}
    keyword = _free(word(name), taken, "path")
    if keyword in found.query or (keyword != name and name.isidentifier()):
        reading.note(f"path parameter {name}", f"called {keyword}: another one of its name is there")
    found.path[name] = keyword


def _take_header(reading: Reading, parameter: Mapping[str, Any]) -> None:
    found, name = reading.found, parameter["name"]
    if name.lower() in _OF_OURS:
        return
    if name.lower() == "cookie":
        _take_cookie(reading, parameter)
        return
    if not _HEADER.fullmatch(name):
        reading.note(f"header parameter {name!r}", "left out: no header can be called that")
        return
    if "object" in types(_schema(parameter), reading.references):
        reading.note(f"header parameter {name}", "is an object: give it as a text, written as the server wants it")
    if name.lower() in {header.lower() for header in found.headers.values()}:
        return
    keyword = _free(word(name).lower(), {*found.query, *found.path.values(), *found.headers, *RESERVED}, "header")
    found.headers[keyword] = name


def _take_cookie(reading: Reading, parameter: Mapping[str, Any]) -> None:
    needed = "; the server says that it needs it" if parameter.get("required") is True else ""
    reading.note(f"cookie parameter {parameter['name']}", f"left out: a client sends no cookies{needed}")


def _schema(parameter: Mapping[str, Any]) -> Any:
    return parameter.get("schema", {})


def _free(name: str, taken: set[str], what: str) -> str:
    """The name, or one like it that is not taken."""
    number, found = 1, name
    while found in taken:
        found, number = f"{name}_{what}{number if number > 1 else ''}", number + 1
    return found


def types(schema: Any, references: References) -> set[str]:
    """The JSON types that a schema of the document speaks of, in unions and behind references too; `null` is left out."""
    found: set[str] = set()
    left, seen = [schema], 0
    while left and seen < _MOST:
        seen += 1
        one, _ = references.follow(left.pop(), "", [])
        if not isinstance(one, Mapping):
            continue
        named = one.get("type")
        named = named if isinstance(named, list) else [named] if named else ["object"] if "properties" in one else []
        found |= {name for name in named if isinstance(name, str)}
        for key in ("anyOf", "oneOf", "allOf"):
            left += branches if isinstance(branches := one.get(key), list) else []
    return found - {"null"}


_TAKE: dict[str, Callable[[Reading, Mapping[str, Any]], None]] = {
    "query": _take_query,
    "path": _take_path,
    "header": _take_header,
    "cookie": _take_cookie,
}
