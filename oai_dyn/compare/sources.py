"""What the command line calls A or B, read: the bundled table, a provider, an imported table, or an OpenAPI document.

Rules of this file: what a source is, is told by its form first (a URL, a folder) and by its content then; every
schema that its rows name is gathered at once, so that one name stands for one definition.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import profiles, routes
from ..catalog import packaged_names, read
from ..definitions import bundle, changed, where
from ..errors import ConfigError
from ..openapi import convert, load
from ..openapi.writing import counted
from ..validation import route_table_faults
from .shapes import Schema
from .sides import Row, Side

#: The file of an imported table in its folder.
TABLE = "routes.json"


def side(source: str) -> Side:
    """One side of a comparison by what names it. Raises `ConfigError` where it leads to nothing.

    source  the name of a bundled provider (`openai` is the bundled table), the URL of an OpenAPI document or of a
            server that has one, the folder of an imported table, or the path of a file: of rows, of a provider's
            profile, or of an OpenAPI document
    """
    if source.startswith(("http://", "https://")):
        return _of_document(source)
    if source in packaged_names("providers"):
        return _of_profile(source, profiles.load(source))
    path = Path(source)
    if path.is_dir():
        path /= TABLE
    if not path.is_file():
        known = ", ".join(packaged_names("providers"))
        raise ConfigError(f"{source}: no file, no folder with a {TABLE}, and no provider of that name; bundled are {known}")
    return _of_file(source, path)


def _of_file(source: str, path: Path) -> Side:
    document = read(path)
    if isinstance(document, Mapping) and "routes" in document and not document.keys() - {"routes", "alone"}:
        return _of_table(_label(source), routes.load(path, routes.bundled(), route_table_faults))
    if isinstance(document, Mapping) and ("openapi" in document or "swagger" in document):
        return _of_document(source)
    profile = profiles.load(path)
    return _of_profile(str(profile.get("name") or _label(source)), profile)


def _of_profile(source: str, profile: Mapping[str, Any]) -> Side:
    table, rows = routes.bundled(), profile.get("routes")
    if rows:
        document = {"routes": rows} if isinstance(rows, list) else rows
        return _of_table(source, routes.load(document, table, route_table_faults))
    same = source != profiles.DEFAULT
    return _of_table(source, table, ["its profile has no rows of its own: it is taken to be as openai is"] if same else ())


def _of_table(label: str, table: routes.Table, notes: Iterable[str] = ()) -> Side:
    return Side(label, *_gathered(table), notes)


def _of_document(source: str) -> Side:
    imported = convert(load(source), "imported")
    count = len(imported.notes)
    notes = [f"what could not be held of its document: {counted(count, 'thing')}; `oai-dyn import` lists them"] if count else []
    return Side(_label(source), imported.rows, imported.definitions, notes)


def _label(source: str) -> str:
    """The last part of a path; a URL without its ends and what may be secret in it."""
    if "://" not in source:
        return Path(source).resolve().name
    parts = urlsplit(source)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}".removesuffix("/openapi.json").rstrip("/")


@functools.lru_cache(maxsize=2)
def _gathered(table: routes.Table) -> tuple[list[Row], dict[str, Schema]]:
    """The rows with every schema that they name as a reference (`#/$defs/Name`), and what those lead to."""
    rows: list[Row] = []
    places: list[tuple[str, dict[str, Any], str]] = []
    for name in table.names:
        row = dict(table.row(name))
        holders = [("query", row, "query_schema")]
        for part in ("body", "reply", "stream"):
            if part in row:
                row[part] = dict(row[part])
                holders.append((part, row[part], "schema"))
        rows.append(row)
        places += [(f"{name}.{part}", holder, key) for part, holder, key in holders if holder.get(key) is not None]
    whole = bundle({"anyOf": [_reference(holder[key]) for _, holder, key in places]})
    definitions: dict[str, Schema] = whole["$defs"]
    for (name, holder, key), reference in zip(places, whole["anyOf"], strict=True):
        own = isinstance(holder[key], Mapping) and "$defs" in holder[key]
        holder[key] = _own(holder[key], name, definitions) if own else reference
    return rows, definitions


def _reference(schema: Any) -> Any:
    if isinstance(schema, str):
        return {"$ref": schema if "#" in schema else f"{where(schema)}#/$defs/{schema}"}
    # One with definitions of its own is read by itself: its references are to those.
    return True if isinstance(schema, Mapping) and "$defs" in schema else schema


def _own(schema: Mapping[str, Any], name: str, definitions: dict[str, Schema]) -> Schema:
    """A schema with definitions of its own, which are added to the others under names that begin with its own."""
    whole = bundle(schema)

    def renamed(one: Any) -> Any:
        if not isinstance(one, Mapping):
            return one
        out = changed(one, renamed)
        return {**out, "$ref": f"#/$defs/{name}.{out['$ref'].rpartition('/')[2]}"} if isinstance(out.get("$ref"), str) else out

    for inner, definition in whole.pop("$defs").items():
        definitions[f"{name}.{inner}"] = renamed(definition)
    return renamed(whole)
