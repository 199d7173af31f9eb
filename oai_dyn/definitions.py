"""JSON Schemas by name: the bundled definitions, files of the user's, and schemas given as a dict. No engine.

Rules of this file: what comes out is self-contained, whatever files it was gathered from; nothing is fetched from
a network; a schema that is read is never changed. A name is that of a bundled definition, `FILE.json#/$defs/Name`
one in a file; a relative file is one of the package, or one beside the file that names it.
"""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .catalog import packaged, read
from .errors import ConfigError

Schema = Mapping[str, Any]

#: Keywords that hold schemas: one, a list of them, or one for each name. What else a schema holds is data.
ONE = frozenset(("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else", "contentSchema")) | {
    "unevaluatedItems",
    "unevaluatedProperties",
}
SOME = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
NAMED = frozenset(("properties", "patternProperties", "dependentSchemas", "$defs"))


def names() -> list[str]:
    """The names of all bundled definitions."""
    return list(_index())


def is_bundled(name: str) -> bool:
    """Whether there is a bundled definition of that name."""
    return name in _index()


def where(name: str) -> str:
    """The file, below `schemas/`, of a bundled definition. Raises `ConfigError` with the nearest names."""
    found: str | None = _index().get(name)
    if found is None:
        raise ConfigError(f"no schema {name!r}{near(name, _index())}")
    return found


def bundle(schema: Any) -> dict[str, Any]:
    """One self-contained schema: of a bundled name, of `FILE.json#/$defs/Name`, or of a dict that may refer to both.

    Raises `ConfigError`, with the nearest names, for one that leads nowhere or out of the files.
    """
    return gather(schema)[0]


def gather(schema: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A self-contained schema as `bundle` makes it, and so much of it as does not come from the package."""
    if not isinstance(schema, str | Mapping | bool):
        raise ConfigError(f"schema: of type {type(schema).__name__}, wanted a name, FILE.json#/$defs/NAME or a dict")
    gathered = _Gathering(schema.get("$defs", {}) if isinstance(schema, Mapping) else ())
    try:
        if isinstance(schema, str):
            whole: dict[str, Any] = {
                "$ref": gathered.reference(schema if "#" in schema else f"{where(schema)}#/$defs/{schema}", "")
            }
        else:
            whole = gathered.rewritten(schema, None) if isinstance(schema, Mapping) else {} if schema else {"not": {}}
        whole["$defs"] = {**whole.get("$defs", {}), **gathered.rest()}
    except RecursionError:
        raise ConfigError("schema: nested too deep to be read") from None
    return whole, {**whole, "$defs": {name: one for name, one in whole["$defs"].items() if name not in gathered.bundled}}


def anchored(schema: Any, folder: Path) -> Any:
    """The schema with its references to files beside it made absolute; one to a bundled file stays as it is."""
    if isinstance(schema, str):
        return _absolute(schema, folder)
    if not isinstance(schema, Mapping):
        return schema
    out = changed(schema, lambda inner: anchored(inner, folder))
    return {**out, "$ref": _absolute(out["$ref"], folder)} if isinstance(out.get("$ref"), str) else out


def changed(schema: Schema, change: Callable[[Any], Any], keywords: frozenset[str] = ONE | SOME | NAMED) -> dict[str, Any]:
    """A copy of the schema with `change` made to each schema directly below it, under these keywords."""
    out = dict(schema)
    for keyword in keywords & schema.keys():
        value = schema[keyword]
        if keyword in ONE:
            out[keyword] = change(value)
        elif keyword in SOME and isinstance(value, list):
            out[keyword] = [change(one) for one in value]
        elif keyword in NAMED and isinstance(value, Mapping):
            out[keyword] = {name: change(one) for name, one in value.items()}
    return out


class _Gathering:
    """Definitions of any files brought together, each under a name of its own."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._keys: dict[tuple[str, str], str] = {}
        self._waiting: list[tuple[str, str]] = []
        self.bundled: set[str] = set()

    def reference(self, ref: str, file: str | None) -> str:
        """What a reference becomes that stands in a file ("" is the package, None a dict of the user's)."""
        target, _, pointer = ref.partition("#")
        if target:
            where_it_is = _file(target, file)
        elif file is None:
            return ref  # to a place in the dict itself
        else:
            where_it_is = file
        if where_it_is == "" or (pointer and not pointer.startswith("/")):
            raise ConfigError(f"$ref: {ref!r}, wanted FILE.json#/$defs/NAME")
        at = where_it_is, pointer
        if at not in self._keys:
            self._keys[at] = self._free(pointer.rpartition("/")[2] or Path(where_it_is).stem)
            self._waiting.append(at)
            if not os.path.isabs(where_it_is):
                self.bundled.add(self._keys[at])
        return f"#/$defs/{self._keys[at]}"

    def rewritten(self, schema: Any, file: str | None) -> Any:
        """A copy of a schema of this file with every reference in it made one of the whole's."""
        if not isinstance(schema, Mapping):
            return schema
        out = changed(schema, lambda inner: self.rewritten(inner, file))
        out.pop("$id", None)  # it would be the base of the references, which are the whole's by now
        if isinstance(ref := schema.get("$ref"), str):
            out["$ref"] = self.reference(ref, file)
        return out

    def rest(self) -> dict[str, Any]:
        """All that was referred to, by name, and what that refers to."""
        found: dict[str, Any] = {}
        while self._waiting:
            file, pointer = self._waiting.pop()
            found[self._keys[file, pointer]] = self.rewritten(_at(file, pointer), file)
        return found

    def _free(self, name: str) -> str:
        name = free = re.sub(r"[^\w.-]", "_", name)
        number = 1
        while free in self._taken:
            number += 1
            free = f"{name}.{number}"
        self._taken.add(free)
        return free


@functools.cache
def _index() -> Mapping[str, str]:
    found: Mapping[str, str] = packaged("schemas/index.json")["definitions"]
    return found


def _bundled_files() -> set[str]:
    return set(_index().values())


def _file(target: str, file: str | None) -> str:
    """The file that a reference names: bundled by its name alone, any other by its absolute path."""
    if os.path.isabs(target):
        return target
    if file and os.path.isabs(file) and (beside := Path(file).parent / target).exists():
        return str(beside)
    if target in _bundled_files():
        return target
    raise ConfigError(f"$ref: no schema file {target!r}{near(target, _bundled_files())}; nothing is fetched from a network")


def _absolute(ref: str, folder: Path) -> str:
    target, mark, pointer = ref.partition("#")
    if not mark or not target or os.path.isabs(target) or not (folder / target).exists():
        return ref
    return f"{folder / target}#{pointer}"


def _at(file: str, pointer: str) -> Any:
    """The schema that stands at a JSON pointer of a file."""
    value = _document(file)
    for step in pointer.split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            raise ConfigError(f"{file}: nothing stands at {pointer}{near(name, value if isinstance(value, Mapping) else ())}")
    return value


@functools.lru_cache(maxsize=32)
def _document(file: str) -> Any:
    return read(file) if os.path.isabs(file) else packaged(f"schemas/{file}")


def near(name: str, known: Iterable[str]) -> str:
    """The names nearest to one that is not known, in words; nothing where none is near."""
    found = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; near it are {', '.join(found)}" if found else ""
