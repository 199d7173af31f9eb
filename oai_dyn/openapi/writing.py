"""What was imported as a folder: `routes.json`, a file of schemas per group, `provider.toml`, `notes.txt`.

Rules of this file: nothing is written outside the folder, and no file that an earlier import did not write is touched; all
texts are made and written under other names before the first one takes its place, so that a failure leaves what was there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..catalog import packaged, packaged_names
from ..codec import decode
from ..errors import ConfigError, OaiDynError
from .flattening import Schema
from .grouping import index, written
from .references import DEFS, Note

#: Files of every import, beside those of schemas; the profile is what a client opens, so it takes its place last.
_FIXED = ("routes.json", "index.json", "notes.txt", "provider.toml")

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.json")

#: Members of a row that name a definition in `schema`, and the one that does so itself.
_DESCRIBED, _NAMING = ("body", "reply", "stream"), "query_schema"

#: Where the bundled profiles of servers that people run themselves have them.
_OWN_MACHINE = ("localhost", "127.0.0.1")

#: What no import holds, said once.
_NEVER = "Never held: prose, examples, links, the types of path and header parameters, answers other than of a success."


class Imported(NamedTuple):
    """What a document became.

    name         of the profile
    rows         of the route table; their schemas are names of definitions
    definitions  JSON Schemas (2020-12) by name, which refer to each other as `#/$defs/NAME`
    files        the same by file and name, as they are written; one of several groups is in `shared.json`
    notes        what could not be held
    undecided    places of unions of which a value can mean more than one branch
    webhooks     the definition of each webhook's payload, by the webhook's name
    profile      members of `provider.toml`
    """

    name: str
    rows: tuple[dict[str, Any], ...]
    definitions: Mapping[str, Schema]
    files: Mapping[str, Mapping[str, Schema]]
    notes: tuple[Note, ...]
    undecided: tuple[str, ...]
    webhooks: Mapping[str, str]
    profile: Mapping[str, Any]

    @property
    def table(self) -> dict[str, Any]:
        """The rows as they are written: a table that stands alone, each schema by its file."""
        home = self._home
        return {"alone": True, "routes": [_with_files(row, home) for row in self.rows]}

    @property
    def payloads(self) -> dict[str, str]:
        """The definition of each webhook's payload by its file, by the webhook's name."""
        home = self._home
        return {name: _reference(definition, home) for name, definition in self.webhooks.items()}

    @property
    def _home(self) -> dict[str, str]:
        return {name: file for file, definitions in self.files.items() for name in definitions}


def write(imported: Imported, folder: str | Path) -> Path:
    """Write the folder, and give its path. Raises `ConfigError` where something else is in the way, or a name is another's."""
    _refuse_key_of_another(imported)
    home = Path(folder)
    try:
        home = home.resolve()
        texts = _texts(imported)
        there = home.exists()
        earlier = _earlier(home)
        for file in texts:
            if os.path.lexists(home / file) and file not in earlier:
                raise ConfigError(f"{home / file}: there already, and not of an earlier import; choose another folder")
        home.mkdir(parents=True, exist_ok=True)
        try:
            _replace(home, texts, earlier - texts.keys())
        except BaseException:
            if not there:
                shutil.rmtree(home)
            raise
    except (OSError, ValueError) as error:
        if isinstance(error, OaiDynError):
            raise
        raise ConfigError(f"{folder}: {getattr(error, 'strerror', None) or error}") from None
    return home


def _refuse_key_of_another(imported: Imported) -> None:
    """Raise where the profile would take the key of a service that people have a key of to the address in the document."""
    url = str(imported.profile.get("base_url", ""))
    own = {*imported.profile["api_key_env"], *imported.profile["admin_key_env"]}
    for name in packaged_names("providers") if url else ():
        other = packaged(f"providers/{name}.toml")
        keys = own & {*other.get("api_key_env", ()), *other.get("admin_key_env", ())}
        there = urlsplit(other.get("base_url", "")).netloc
        if keys and there not in ("", urlsplit(url).netloc) and there.partition(":")[0] not in _OWN_MACHINE:
            whose = f"{min(keys)} holds the key of {name}, at {there}, and would go to {url}"
            raise ConfigError(f"name {imported.name!r}: {whose}; choose another name")


def _texts(imported: Imported) -> dict[str, bytes]:
    """Every file's content by its name, in the order in which they take their places."""
    for file in imported.files:
        if not _FILE.fullmatch(file) or file in _FIXED:
            raise ConfigError(f"{file!r} is no name for a file of schemas")
    texts = {file: written(definitions) for file, definitions in imported.files.items()}
    rows = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in imported.table["routes"])
    texts["routes.json"] = f'{{"alone": true, "routes": [\n{rows}\n]}}\n'
    texts["index.json"] = index(imported.files, imported.payloads)
    texts["notes.txt"] = "".join(f"{line}\n" for line in _notes(imported))
    texts["provider.toml"] = _toml({"name": imported.name, **imported.profile, "routes": "routes.json"})
    return {file: text.encode() for file, text in texts.items()}


def _notes(imported: Imported) -> Iterator[str]:
    counts = {"row": imported.rows, "definition": imported.definitions, "note": imported.notes}
    yield f"{imported.name}: {', '.join(counted(len(values), noun) for noun, values in counts.items())}"
    yield _NEVER
    yield from (one_line(str(note)) for note in imported.notes)
    yield from (
        one_line(f"{place}: a union: some values fit more than one branch, and all of them are tried")
        for place in imported.undecided
    )


def counted(number: int, noun: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """A text as one line that cannot move a cursor."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in " ".join(text.split()))


def _with_files(row: Mapping[str, Any], home: Mapping[str, str]) -> dict[str, Any]:
    """The row with each definition's name as `FILE.json#/$defs/NAME`."""
    out = dict(row)
    for key in _DESCRIBED:
        if "schema" in row.get(key, {}):
            out[key] = {**row[key], "schema": _reference(row[key]["schema"], home)}
    if _NAMING in row:
        out[_NAMING] = _reference(row[_NAMING], home)
    return out


def _reference(name: str, home: Mapping[str, str]) -> str:
    return f"{home[name]}{DEFS}{name}"


def _toml(members: Mapping[str, Any]) -> str:
    """A profile as TOML: its strings, and lists of them, are written as JSON has them."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in members.items())


def _earlier(home: Path) -> set[str]:
    """The files that an earlier import wrote into the folder; none where it is not one's."""
    try:
        files = decode((home / "index.json").read_bytes())["definitions"].values()
        if (home / "routes.json").read_bytes()[:16] != b'{"alone": true, ':
            return set()
    except (OSError, OaiDynError, LookupError, TypeError, AttributeError):
        return set()
    return {*_FIXED, *(file for file in files if isinstance(file, str) and _FILE.fullmatch(file))}


def _replace(home: Path, texts: Mapping[str, bytes], stale: set[str]) -> None:
    """Write all under other names, then let each take its place; what an earlier import had besides goes last."""
    mark = f".{secrets.token_hex(4)}.part"
    try:
        for file, text in texts.items():
            (home / (file + mark)).write_bytes(text)
        for file in texts:
            os.replace(home / (file + mark), home / file)
    finally:
        for file in texts:
            with contextlib.suppress(OSError):
                (home / (file + mark)).unlink()
    for file in stale:
        (home / file).unlink(missing_ok=True)
