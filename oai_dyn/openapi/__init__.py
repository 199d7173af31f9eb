"""OpenAPI documents as route tables: any server's `/openapi.json` becomes rows, schemas and a profile that a client takes.

    document = load("http://localhost:8000")            # or a file of JSON or YAML, or a dict
    imported = convert(document, "local")               # rows, definitions, and a note for all that could not be held
    write(imported, "local")                            # Client("local/provider.toml") calls the server by its own rows

Rules of this folder: a document is somebody else's: whatever it holds ends in rows, in notes or in a `ConfigError`, within
bounds of time and memory; nothing that it asks for is dropped without a note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..catalog import read
from ..errors import ConfigError
from .converting import Converter
from .deciding import decide
from .grouping import grouped
from .merging import merged
from .naming import word
from .operations import finished, read_operations, read_webhooks
from .overlays import overlaid
from .reading import BOUNDS, Bounds, load
from .references import Note, References, without_circles
from .serving import auth, base_url
from .writing import Imported, write

__all__ = ["BOUNDS", "Bounds", "Imported", "Note", "convert", "load", "write"]


def convert(
    document: Mapping[str, Any],
    name: str = "imported",
    *,
    names: Mapping[str, str] | str | Path | None = None,
    overlays: Any = None,
) -> Imported:
    """Rows and schemas of a document that `load` gave.

    name      of the profile; its variables in the environment start with it (`LOCAL_API_KEY`)
    names     names of rows by operationId or "METHOD /path": a dict, or the path of a file of JSON, TOML or YAML
    overlays  corrections to lay over the document first: a list of entries, or the path of a file of them

    Raises `ConfigError` for a document that no rows can be made of.
    """
    if not isinstance(name, str) or not re.search("[A-Za-z0-9]", name):
        raise ConfigError(f"name: {name!r}, wanted one with letters or digits")
    given = read(names) if isinstance(names, str | Path) else names or {}
    source = str(names) if isinstance(names, str | Path) else "names"
    if not isinstance(given, Mapping):
        raise ConfigError(f"{source}: of type {type(given).__name__}, wanted an object of names by operationId or METHOD /path")
    try:
        if overlays is not None:
            entries, where = (read(overlays), str(overlays)) if isinstance(overlays, str | Path) else (overlays, "overlays")
            document = overlaid(document, entries, where)
        return _converted(document, name, given, source)
    except RecursionError:
        raise ConfigError(f"{name}: schemas that are nested too deep, or stand behind too many others") from None


def _converted(document: Mapping[str, Any], name: str, names: Mapping[str, str], source: str) -> Imported:
    notes: list[Note] = []
    if str(document.get("openapi")).startswith("3.2"):
        notes.append(Note("openapi", str(document["openapi"]), "read as 3.1: what is newer is not known"))
    references = References(document)
    converter = Converter(references, notes)
    drafts = read_operations(document, names, converter, source)
    webhooks = read_webhooks(document, converter)
    definitions, undecided = decide(merged(without_circles(converter.definitions(), notes)))
    rows = tuple(finished(draft, definitions, notes) for draft in drafts)
    roots = _roots(rows)
    if webhooks:
        roots.setdefault("webhooks", []).extend(webhooks.values())
    files = grouped(definitions, roots)
    variable = word(name).upper()
    profile = {
        **({"base_url": url} if (url := base_url(document, notes)) else {}),
        "base_url_env": [f"{variable}_BASE_URL"],
        "api_key_env": [f"{variable}_API_KEY"],
        "admin_key_env": [f"{variable}_ADMIN_KEY"],
        "auth": auth(document, references, notes),
    }
    return Imported(name, rows, definitions, files, tuple(dict.fromkeys(notes)), tuple(undecided), webhooks, profile)


def _roots(rows: tuple[dict[str, Any], ...]) -> dict[str, list[str]]:
    """The definitions that rows name, by group: the first part of a dotted name, the first word of the path of any other."""
    roots: dict[str, list[str]] = {}
    for row in rows:
        head, dot, _ = row["name"].partition(".")
        group = head if dot else next((word(part) for part in row["path"].split("/") if part and part[0] != "{"), "root")
        found = [row[key]["schema"] for key in ("body", "reply", "stream") if "schema" in row.get(key, {})]
        found += [row["query_schema"]] if "query_schema" in row else []
        roots.setdefault(group.lower(), []).extend(found)
    return roots
