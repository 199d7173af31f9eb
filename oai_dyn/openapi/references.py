"""`$ref`s of a document: where they lead, what their definitions are called, and which of them lead in a circle.

Rules of this file: only references within the document are followed, and nothing is fetched; a reference that leads
nowhere accepts everything and is noted; definitions are read, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..definitions import NAMED
from .flattening import Definitions, Schema

COMPONENTS = "#/components/schemas/"
DEFS = "#/$defs/"


class Note(NamedTuple):
    """What could not be held as the document has it: where, what it was, and what was done and why."""

    where: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.why}"


class MissingReference(LookupError):
    """A reference that leads nowhere; its text says why."""


class References:
    """The references of one document, by their text (`#/components/schemas/Pet`)."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        for name in _members(_members(document, "components"), "schemas"):
            self.name(COMPONENTS + escaped(name))

    def resolve(self, reference: Any) -> Any:
        """What stands at a reference. Raises `MissingReference`."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise MissingReference("only references within the document are followed")
        found: Any = self.document
        for part in steps(reference):
            if isinstance(found, Mapping) and part in found:
                found = found[part]
            elif isinstance(found, list) and part.isdecimal() and len(part) < 9 and int(part) < len(found):
                found = found[int(part)]
            else:
                raise MissingReference("nothing stands there")
        return found

    def follow(self, value: Any, place: str, notes: list[Note]) -> tuple[Any, str]:
        """What a parameter, an answer or a path item that may be a reference is, and where it stands.

        A reference that leads nowhere, or in a circle, is noted; what comes back then is an empty object.
        """
        seen: set[str] = set()
        while isinstance(value, Mapping) and "$ref" in value:
            reference = value["$ref"]
            try:
                found = self.resolve(reference)
                if reference in seen:
                    raise MissingReference("it leads in a circle")
                seen.add(reference)
                value, place = found, reference
            except MissingReference as error:
                notes.append(Note(place, f"$ref {reference!r}", f"left out: {error}"))
                return {}, place
        return value, place

    def name(self, reference: str) -> str:
        """The name of the definition that a reference becomes; the same for the same reference, of its own for each."""
        if reference not in self._names:
            parts = [
                part for part in steps(reference) if part not in ("components", "schemas", "properties", "$defs", "definitions")
            ]
            self._names[reference] = self.free("".join(map(_word, parts)) if len(parts) > 1 else "".join(parts))
        return self._names[reference]

    def free(self, name: str) -> str:
        """This name made of plain characters, with a number behind it if it is taken; it is taken from now on."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", name) or "Schema"
        found, number = name, 2
        while found in self._taken:
            found, number = f"{name}{number}", number + 1
        self._taken.add(found)
        return found


def _members(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def steps(reference: str) -> list[str]:
    """The steps of a reference or a place, unescaped (RFC 6901 section 6)."""
    return [unquote(part).replace("~1", "/").replace("~0", "~") for part in reference.split("/")[1:]]


def escaped(name: str) -> str:
    """A name as one step of a reference."""
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def _word(part: str) -> str:
    return part[:1].upper() + part[1:]


def names_in(schema: Any) -> Iterator[str]:
    """The names of all definitions that a schema refers to, in order."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(DEFS)
            elif key in NAMED and isinstance(value, Mapping):  # its keys are names, whatever they look like
                for inner in value.values():
                    yield from names_in(inner)
            elif key not in ("enum", "const", "default", "required", "x-decide", "discriminator"):
                yield from names_in(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from names_in(value)


def closure(roots: list[str], definitions: Definitions) -> list[str]:
    """The names that some names lead to, themselves first, each once; unknown ones are left out."""
    found: dict[str, None] = {}
    left = list(reversed(roots))
    while left:
        name = left.pop()
        if name not in found and name in definitions:
            found[name] = None
            left += reversed(list(names_in(definitions[name])))
    return list(found)


#: How many references are followed from one value; more are taken for a trap.
_FARTHEST = 64


def without_circles(definitions: Definitions, notes: list[Note]) -> dict[str, Schema]:
    """The definitions without references that come back to the same value: no validator could end on them.

    A union loses that branch, which takes nothing that the others do not; elsewhere it accepts everything.
    """
    done: dict[str, Schema] = {}

    def kept(name: str, path: tuple[str, ...]) -> bool:
        """Whether the definition may be asked about a value that those of the path are asked about."""
        if name in path or len(path) == _FARTHEST:
            why = (
                "it leads back to the same value"
                if name in path
                else f"more than {_FARTHEST} references stand behind one another"
            )
            notes.append(Note(path[-1], f"a reference to {name}", f"left out: {why}"))
            return False
        if name in definitions and name not in done:
            done[name] = _without(definitions[name], lambda inner: kept(inner, (*path, name)))
        return True

    for name in definitions:
        kept(name, ())
    return {name: done[name] for name in definitions}


def _without(schema: Any, kept: Callable[[str], bool]) -> Any:
    """The schema without the references that are not kept, in all that is asked about the schema's own value."""
    if not isinstance(schema, Mapping):
        return schema
    out = dict(schema)
    if "$ref" in out and not kept(out["$ref"].removeprefix(DEFS)):
        del out["$ref"]
    for key in [key for key in ("allOf", "anyOf", "oneOf") if key in out]:
        branches = [_without(branch, kept) for branch in out[key]]
        gone = [not after and bool(before) for before, after in zip(out[key], branches, strict=True)]
        out[key] = [branch for branch, lost in zip(branches, gone, strict=True) if not lost] or [key == "allOf"]
    for key in [key for key in ("not", "if", "then", "else") if key in out]:
        inner = _without(out[key], kept)
        if key == "not" and inner == {} != out[key]:
            del out[key]
        else:
            out[key] = inner
    return out
