"""What rows are called: as a file of names says, as the bundled row of the same request, by a dotted operationId, else by
method and path.

Rules of this file: the same document gives the same names, whatever order its paths stand in; a name that is taken goes to the
next choice, and that is noted; what FastAPI makes of a function's name and a path is no name of anybody's choice.
"""

from __future__ import annotations

import functools
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..definitions import near
from ..errors import ConfigError
from ..routes import Row, bundled
from .references import Note

_PARAMETER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

#: First segments that say which version of an interface it is, not what is asked for.
_VERSION = re.compile(r"v[0-9]+(\.[0-9]+)?((alpha|beta)[0-9]*)?|api")

#: What a method does to a collection, and to one thing in it.
_VERBS = {
    "GET": ("list", "retrieve"),
    "POST": ("create", "update"),
    "PUT": ("replace", "replace"),
    "PATCH": ("update", "update"),
    "DELETE": ("delete", "delete"),
}

#: What a client has of its own under these names.
_OF_CLIENTS = {"base_url", "call", "close", "request", "routes"}

#: No part of a name is longer.
_LONGEST = 60


class Asked(NamedTuple):
    """One operation of a document.

    id         its operationId, if that is a text
    operation  what the document says of it
    shared     the parameters of its path
    place      where it stands
    known      the bundled row of the same request, with or without the version before the path
    """

    method: str
    path: str
    id: str | None
    operation: Mapping[str, Any]
    shared: Any
    place: str
    known: Row | None

    @property
    def key(self) -> str:
        """Its name in messages and in a file of names."""
        return f"{self.method} {self.path}"


def named(asked: Iterable[Asked], names: Mapping[str, str], source: str, notes: list[Note]) -> dict[str, Asked]:
    """Each operation under the name of its row, in the document's order. Raises `ConfigError` for wrong names."""
    operations = list(asked)
    given = _given(operations, names, source)
    taken: dict[str, Asked] = {}
    numbers: dict[str, int] = {}
    found: dict[str, str] = {}
    for operation in sorted(operations, key=lambda one: (one.key not in given, _rank(one), one.path, one.method)):
        wanted = [given[operation.key]] if operation.key in given else list(_choices(operation))
        name = next((name for name in wanted if name not in taken), None) or _numbered(wanted[-1], taken, numbers)
        if name != wanted[0]:
            why = f"that is the name of {taken[wanted[0]].key}"
            notes.append(Note(operation.key, f"not called {wanted[0]}", f"{why}; it is {name}"))
        taken[name] = operation
        found[operation.key] = name
    return {found[operation.key]: operation for operation in operations}


def _given(operations: list[Asked], names: Mapping[str, str], source: str) -> dict[str, str]:
    """The names of the file, by method and path."""
    found: dict[str, str] = {}
    used: dict[str, str] = {}
    for key, name in names.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(f"{source}: {key}: {name!r}, wanted a dotted name like chat.completions.create")
        fitting = [one for one in operations if key in (one.id, one.key)]
        if len(fitting) != 1:
            missing = "no operation has this id, nor this method and path"
            why = f"the id of {len(fitting)} operations" if fitting else missing + near(key, _keys(operations))
            raise ConfigError(f"{source}: {key}: {why}")
        place = fitting[0].key
        if name in used and used[name] != place:
            raise ConfigError(f"{source}: {name}: given to {used[name]} and to {place}")
        if found.get(place, name) != name:
            raise ConfigError(f"{source}: {place}: called {found[place]} and {name}")
        used[name], found[place] = place, name
    return found


def _keys(operations: list[Asked]) -> Iterator[str]:
    """All that an operation may be called in a file of names."""
    for one in operations:
        yield from filter(None, (one.id, one.key))


def _rank(operation: Asked) -> int:
    """Who comes first where several want one name: the bundled row's own path, its version before it, then the others."""
    if operation.known is None:
        return 2
    return 0 if operation.path.startswith("/v1/") else 1


def _choices(operation: Asked) -> Iterator[str]:
    """The names an operation would have, the best first."""
    row = operation.known
    if row is not None:
        yield row["name"]
    if operation.id is not None and not _made_by_fastapi(operation.id, operation.path):
        name = ".".join(word(part) for part in operation.id.split(".") if part)
        if name:
            yield _callable(name)
    yield from _by_path(operation.method, operation.path)


def _made_by_fastapi(name: str, path: str) -> bool:
    """Whether an id is a function's name, the path and a method, as FastAPI puts them together."""
    return name.rpartition("_")[0].endswith(re.sub(r"\W", "_", path))


def _by_path(method: str, path: str) -> Iterator[str]:
    segments = [segment for segment in path.partition("?")[0].split("/") if segment]
    while len(segments) > 1 and _VERSION.fullmatch(segments[0]):
        segments = segments[1:]
    fixed = [text for segment in segments if (text := _PARAMETER.sub("_", segment).strip("_"))]
    ends_in_one = bool(segments) and not _PARAMETER.sub("", segments[-1])
    name = ".".join([*(word(segment) for segment in fixed or ["root"]), _VERBS[method][ends_in_one]])
    yield _callable(name)
    if parameters := _PARAMETER.findall(path):
        yield _callable(f"{name}_by_{'_and_'.join(map(word, parameters))}")


def _callable(name: str) -> str:
    """The name with its first part kept apart from what a client has of its own, and no part a word of Python's."""
    first, *rest = name.split(".")
    parts = [f"{first}_" if first in _OF_CLIENTS else first, *rest]
    return ".".join(f"{part}_" if keyword.iskeyword(part) else part for part in parts)


def _numbered(name: str, taken: Mapping[str, Any], numbers: dict[str, int]) -> str:
    """The name with the next free number. `numbers` has the last one tried for each name, so that many clashes take no longer."""
    number = numbers.get(name, 1) + 1
    while f"{name}_{number}" in taken:
        number += 1
    numbers[name] = number
    return f"{name}_{number}"


def word(text: str) -> str:
    """Any text as a word that Python takes for a name: plain letters, digits and underscores, a letter first."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[:_LONGEST]
    return plain if _WORD.fullmatch(plain) else f"x{plain}"


def camel(name: str) -> str:
    """A row's name as the start of a definition's: `chat.completions.create` is `ChatCompletionsCreate`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", name))


def template(path: str) -> str:
    """A path without the names of its parameters, and without a version before it: two that are asked alike are equal."""
    return re.sub(r"^/v[0-9]+(?=/)", "", _PARAMETER.sub("{}", path))


def known_row(method: str, path: str) -> Row | None:
    """The bundled row that is asked for in the same way."""
    name = _known().get((method, template(path)))
    return None if name is None else bundled().row(name)


@functools.cache
def _known() -> Mapping[tuple[str, str], str]:
    """Bundled names by method and template; where several share one, the first that is not deprecated."""
    table, found = bundled(), dict[tuple[str, str], str]()
    for row in sorted(map(table.row, table.names), key=lambda row: bool(row.get("deprecated"))):
        fixed = row.get("fixed", {}).get("query", {})
        query = "?" + "&".join(f"{k}={v}" for k, v in fixed.items()) if fixed else ""
        found.setdefault((row["method"], template(row["path"]) + query), row["name"])
    return found
