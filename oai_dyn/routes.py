"""The route table: rows of data, found by name, by operationId or by "METHOD /path"; frozen once loaded.

Rules of this file: the bundled table is one object per process, shared by all clients, and was checked
against `schemas/route-table.json` by the tests; rows of the user's are checked when they are loaded and
laid over it in a table of their own, or stand alone where their document says so; schema files that they
name stand beside their own. A row is compiled when it is first asked for.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .catalog import packaged, read
from .definitions import anchored
from .errors import ConfigError, Fault, RouteError
from .wire import Answer, Frozen, Paging, Route, Sending, Stream

Row = Mapping[str, Any]

_BRACES = re.compile(r"\{(\w+)\}")


class Table:
    """Rows by name. `find` compiles one; `names` and `below` list what is there."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[str, Row] = {row["name"]: row for row in rows}
        self._compiled: dict[str, Route] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the table's order."""
        return tuple(self._rows)

    def row(self, name: str) -> Row:
        """The row as data. Raises `RouteError` with the nearest names."""
        if name in self._rows:
            return self._rows[name]
        other = self._keys.get(name)
        if other is None:
            raise RouteError(self._unknown(name))
        return self._rows[other]

    def find(self, name: str) -> Route:
        """The row of a name, an operationId or a "METHOD /path". Raises `RouteError` with the nearest ones."""
        route = self._compiled.get(name)
        if route is None:
            route = self._compiled[name] = compile_row(self.row(name))
        return route

    def has_below(self, prefix: str) -> bool:
        """Whether any name is the prefix or goes on from it."""
        return prefix in self._rows or prefix in self._branches

    def below(self, prefix: str) -> list[str]:
        """The next parts of the names that go on from a prefix ("" for the first parts)."""
        return sorted(self._branches.get(prefix, ()))

    @functools.cached_property
    def _branches(self) -> dict[str, set[str]]:
        branches: dict[str, set[str]] = {}
        for name in self._rows:
            head = ""
            for part in name.split("."):
                branches.setdefault(head, set()).add(part)
                head = f"{head}.{part}" if head else part
        return branches

    @functools.cached_property
    def _keys(self) -> dict[str, str]:
        """operationId and "METHOD /path" to name; where several rows share one, the first that is not deprecated."""
        keys: dict[str, str] = {}
        for row in sorted(self._rows.values(), key=lambda row: bool(row.get("deprecated"))):
            fixed = row.get("fixed", {}).get("query", {})
            query = "?" + "&".join(f"{k}={v}" for k, v in fixed.items()) if fixed else ""
            for key in (row.get("id"), f"{row['method']} {row['path']}{query}"):
                if key:
                    keys.setdefault(key, row["name"])
        return keys

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, (*self._branches, *self._rows, *self._keys), n=3, cutoff=0.6)
        last = name.rpartition(".")[2]
        near += [n for n in self._rows if n.endswith(f".{last}") and n not in near][: 3 - len(near)]
        return f"no route {name!r}" + (f"; near it are {', '.join(near)}" if near else "")

    def overlaid(self, rows: Iterable[Row], source: str) -> Table:
        """A new table with these rows laid over this one's; a row with `remove` takes one away."""
        merged = dict(self._rows)
        for i, row in enumerate(rows):
            if row.get("remove"):
                merged.pop(row["name"], None)
                continue
            whole = {**merged.get(row["name"], {}), **row}
            where = f"{source}: routes[{i}] ({row['name']})"
            for needed in ("method", "path"):
                if needed not in whole:
                    raise ConfigError(f"{where}: {needed}: missing, and no bundled row has that name")
            _check_names(whole, where)
            merged[row["name"]] = whole
        return Table(merged.values())


def compile_row(row: Row) -> Route:
    """A row of data as a frozen `Route`."""
    reply, fixed = row.get("reply", {}), row.get("fixed", {})
    path_params = tuple(_BRACES.findall(row["path"]))
    headers = row.get("headers", {})
    where = dict.fromkeys(row.get("query", ()), "query") | dict.fromkeys(headers, "header")
    return Route(
        name=row["name"],
        method=row["method"],
        path=row["path"],
        id=row.get("id"),
        positional=tuple(row.get("positional", ())),
        path_params=path_params,
        where=Frozen(where | dict.fromkeys(path_params, "path")),
        header_names=Frozen(headers),
        fixed_query=Frozen(dict(fixed.get("query", {}))),
        fixed_headers=Frozen(dict(fixed.get("headers", {}))),
        body=_sending(row.get("body", {})),
        reply=Answer(reply.get("kind", "json"), reply.get("or"), reply.get("schema")),
        stream=_stream(row["stream"]) if "stream" in row else None,
        page=_paging(row["page"]) if "page" in row else None,
        lists=row.get("lists", "brackets"),
        safe=row.get("safe", False),
        credential=row.get("credential", "api_key"),
        deprecated=row.get("deprecated", False),
        query_schema=row.get("query_schema"),
    )


def _sending(rule: Row) -> Sending:
    parts = Frozen(dict(rule.get("parts", {})))
    return Sending(rule.get("kind", "none"), rule.get("or"), parts, rule.get("sole"), rule.get("schema"))


def _stream(rule: Row) -> Stream:
    members: dict[str, Any] = {name: frozenset(v) if isinstance(v, list) else v for name, v in rule.items() if name != "ask"}
    return Stream(**members, **{f"ask_{name}": value for name, value in rule.get("ask", {}).items()})


def _paging(rule: Row) -> Paging:
    members: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in rule.items()}
    return Paging(**members)


def _check_names(row: Row, where: str) -> None:
    """What a schema cannot say: positional parameters stand in the path, and no parameter twice."""
    params = _BRACES.findall(row["path"])
    if missing := [name for name in row.get("positional", ()) if name not in params]:
        raise ConfigError(f"{where}: positional: {missing[0]!r} is not in the path {row['path']!r}")
    names = [*params, *row.get("query", ()), *row.get("headers", {})]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ConfigError(f"{where}: {twice[0]!r} stands in two places")


@functools.cache
def bundled() -> Table:
    """The table of the package, one object per process."""
    return Table(packaged("routes.json")["routes"])


def load(source: Any, base: Table, check: Callable[[Any], list[Fault]]) -> Table:
    """Lay the user's rows over a table: a path to JSON or TOML, or the same as a dict. With `alone` they are the whole table.

    check: finds what a document of rows has wrong (`validate.route_table_faults`).
    Raises `ConfigError` with file, row and field.
    """
    if isinstance(source, str | Path):
        name, document = str(source), _of_file(str(source), _stamp(source), check)
    else:
        name, document = "routes", _checked(source, "routes", check)
    return (Table(()) if document.get("alone") else base).overlaid(document["routes"], name)


def _checked(document: Any, name: str, check: Callable[[Any], list[Fault]]) -> Any:
    if faults := check(document):
        raise ConfigError(f"{name}: " + "; ".join(str(fault) for fault in faults[:3]))
    return document


@functools.lru_cache(maxsize=16)
def _of_file(name: str, stamp: Any, check: Callable[[Any], list[Fault]]) -> Any:
    """A file of rows, checked once as long as it is the same: a thousand rows take half a second."""
    document = _checked(read(name), name, check)
    return {**document, "routes": [_beside(row, Path(name).absolute().parent) for row in document["routes"]]}


def _stamp(name: str | Path) -> Any:
    with contextlib.suppress(OSError, ValueError):  # reading it says why it cannot be read
        found = os.stat(name)
        return found.st_ino, found.st_size, found.st_mtime_ns
    return None


def _beside(row: Row, folder: Path) -> Row:
    """The row with the schema files that it names by where they are: beside its own file."""
    out = dict(row)
    for key in ("body", "reply", "stream"):
        if "schema" in row.get(key, {}):
            out[key] = {**row[key], "schema": anchored(row[key]["schema"], folder)}
    if "query_schema" in row:
        out["query_schema"] = anchored(row["query_schema"], folder)
    return out
