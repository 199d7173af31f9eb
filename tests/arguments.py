"""Arguments for every row of the table, made from the official SDK's own annotations: the same each time.

A row says where each keyword travels, the SDK's signature says what type it has. Values are as awkward as
their place allows, so that a difference in quoting, nesting or number form shows. What is chosen where
several would do (a member of a union, a literal, null) hangs on a checksum of the value's place and variant.
"""

import collections.abc
import functools
import inspect
import io
import os
import re
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NotRequired, Required, Union
from zlib import crc32

import typing_extensions
from openai import NotGiven, Omit

Row = Mapping[str, Any]

# Of the SDK itself: how to call, or a helper that never reaches the wire.
NOT_SENT = {"extra_headers", "extra_query", "extra_body", "timeout", "output_type", "tool_handlers"}
DEEP, DEEPEST = 3, 6  # from here on only what is required; from here on lists are empty
CONTENT = bytes(range(256)) + b"\r\n--\r\n\r\n"
TEXTS = {
    "path": "{name}/50% é+&=?#:@☃",
    "query": "{name}/50% é+&=?#:@☃ \n",
    "header": "{name}-1",
    "json": '{name}/50% é"\\\n\x7f\u2028☃😀',
    "multipart": '{name}/50% é"\\\r\n+&=☃😀',
}


class Files:
    """Files of every kind a body may hold, made in one folder; leaving the context closes the open ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened = ExitStack()

    def __enter__(self) -> "Files":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def path(self, name: str) -> Path:
        """A path to a file of that name, its content telling it from all others."""
        path = self._folder / name
        if not path.exists():
            path.write_bytes(name.encode() + CONTENT)
        return path

    def open(self, name: str) -> io.BufferedReader:
        """That file, open."""
        return self._opened.enter_context(self.path(name).open("rb"))


FILE_KINDS: dict[str, Callable[[Files, str], object]] = {
    "bytes": lambda _, place: place.encode() + CONTENT,
    "named": lambda _, place: (f"dir/{place} é.png", place.encode()),
    "typed": lambda _, place: (f"{place}.txt", CONTENT, "text/x-odd; charset=utf-8"),
    "path": lambda files, place: files.path(f"{place} é.json"),
    "open": lambda files, place: files.open(f"{place}.wav"),
    "buffer": lambda _, place: io.BytesIO(place.encode()),
    "named path": lambda files, place: (f"other {place}.unknown", files.path(f"{place}.bin")),
    "typed open": lambda files, place: (f"{place}.mp3", files.open(f"{place}.x"), "audio/mpeg"),
    "empty": lambda _, place: (f"{place}.bin", b""),
}


@dataclass(frozen=True)
class Arguments:
    """What both clients are given, and which of the keywords are the body (or the query, without a body)."""

    positional: tuple[object, ...]
    keywords: dict[str, object]
    content: frozenset[str]


@dataclass(frozen=True)
class Spot:
    """Where a value stands: the kind of place, the names that lead there, and the files at hand."""

    where: str
    trail: tuple[str, ...]
    salt: str
    files: Files
    file_kind: str | None

    @property
    def seed(self) -> int:
        """A number that hangs on the trail and the salt alone."""
        return crc32("/".join((self.salt, *self.trail)).encode())

    def below(self, name: str) -> "Spot":
        """The place of a member."""
        return replace(self, trail=(*self.trail, name))

    @property
    def depth(self) -> int:
        """How many objects and lists stand above, the row's name and the keyword not counted."""
        return len(self.trail) - 2


def parameters(method: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The SDK method's parameters that reach the wire."""
    return {k: v for k, v in inspect.signature(method).parameters.items() if k not in NOT_SENT}


def required(method: Callable[..., Any]) -> set[str]:
    """The parameters without a default, and the first set that the SDK's overloads ask for beside them."""
    bare = {name for name, parameter in parameters(method).items() if parameter.default is parameter.empty}
    overloads = inspect.getclosurevars(inspect.unwrap(method, stop=_has_variants)).nonlocals.get("variants", [()])
    return bare | set(overloads[0])


def _has_variants(method: Callable[..., Any]) -> bool:
    """Whether this is the wrapper that holds the overloads' required names."""
    return "variants" in method.__code__.co_freevars


def make(row: Row, method: Callable[..., Any], files: Files, variant: str, file_kind: str | None = None) -> Arguments:
    """Arguments for one call: variant "required" has what must be given, any other everything, in its way."""
    hints = typing.get_type_hints(method, include_extras=True)
    wanted = required(method) if variant == "required" else set(parameters(method))
    asks = row.get("stream", {}).get("ask", {}).get("key")
    values: dict[str, object] = {}
    for name in parameters(method):
        if name in wanted:
            spot = Spot(place(row, name), (row["name"], name), variant, files, file_kind)
            values[name] = not_streaming(hints[name]) if name == asks else value(hints[name], spot)
    positional = tuple(values.pop(name) for name in row.get("positional", ()))
    content = "query" if row.get("body", {}).get("kind", "none") == "none" else row["body"]["kind"]
    return Arguments(positional, values, frozenset(k for k in values if place(row, k) == content))


def place(row: Row, name: str) -> str:
    """Where a keyword of a row travels: path, query, header, or the body's kind."""
    if f"{{{name}}}" in row["path"]:
        return "path"
    if name in row.get("query", ()):
        return "query"
    return "header" if name in row.get("headers", {}) else str(row.get("body", {}).get("kind", "none"))


def not_streaming(hint: object) -> object:
    """The value of a keyword that asks for a stream, so that it does not."""
    literals = [literal for member in members(hint) for literal in typing.get_args(member)]
    return next((literal for literal in literals if literal not in (True, "sse")), False)


def members(hint: object) -> list[Any]:
    """The members of a union, the SDK's marks for "not given" and its wrappers taken away."""
    while typing.get_origin(hint) in (typing.Annotated, Required, NotRequired, *_EXTENSIONS):
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) in (Union, types.UnionType):
        return [one for member in typing.get_args(hint) for one in members(member)]
    return [] if hint in (Omit, NotGiven) else [hint]


_EXTENSIONS = (typing_extensions.Required, typing_extensions.NotRequired)


def value(hint: object, spot: Spot) -> object:
    """A value of an annotated type, chosen by its place."""
    choices = members(hint)
    if any(is_file(choice) for choice in choices):
        lists = [choice for choice in choices if typing.get_origin(choice) in _LISTS]
        return plain(lists[0], spot) if lists and spot.file_kind is None and spot.depth == 0 else a_file(spot)
    if type(None) in choices:
        choices.remove(type(None))
        if spot.seed % 7 == 0:
            return None
    return plain(choices[spot.seed % len(choices)], spot)


def is_file(hint: object) -> bool:
    """Whether an annotation is one of those the SDK's file type is made of."""
    return hint is bytes or typing.get_origin(hint) in (os.PathLike, tuple, typing.IO)


def a_file(spot: Spot) -> object:
    """A file of the kind asked for, or of one chosen by its place."""
    kind = spot.file_kind or list(FILE_KINDS)[spot.seed % len(FILE_KINDS)]
    return FILE_KINDS[kind](spot.files, "-".join(spot.trail))


def plain(hint: Any, spot: Spot) -> object:
    """A value of a type that is no union."""
    origin = typing.get_origin(hint) or hint
    if typing_extensions.is_typeddict(origin):
        return an_object(origin, spot)
    if origin is Literal or origin is typing_extensions.Literal:
        literals = typing.get_args(hint)
        return literals[spot.seed % len(literals)]
    if origin in _LISTS:
        (item,) = typing.get_args(hint) or (object,)
        count = 0 if spot.depth >= DEEPEST else 1 + (spot.depth < DEEP)
        items = [value(item, spot.below(str(index))) for index in range(count)]
        return items if spot.seed % 5 or any(map(is_file, members(item))) else tuple(items)
    if origin in (dict, collections.abc.Mapping):
        _, item = typing.get_args(hint)
        return {key: value(item, spot.below(key)) for key in ("plain", "a b&é")}
    return _SIMPLE[origin](spot)


def an_object(kind: Any, spot: Spot) -> dict[str, object]:
    """An object with all members, or deep inside with those it must have; keys as they go on the wire."""
    hints = _hints(kind)
    names = [name for name in hints if spot.depth < DEEP or typing.get_origin(hints[name]) is Required]
    return {name.rstrip("_"): value(hints[name], spot.below(name)) for name in names}


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    """The resolved annotations of an object type, with those it inherits."""
    return typing_extensions.get_type_hints(kind, include_extras=True)


def a_text(spot: Spot) -> str:
    """A string that needs quoting in its place; now and then an empty one, where that is a value too."""
    name = re.sub(r"\W", "_", spot.trail[-1])
    if spot.where in ("json", "query") and spot.seed % 13 == 0:
        return ""
    return TEXTS[spot.where].format(name=name)


def anything(spot: Spot) -> object:
    """A value of no declared type: a bit of everything."""
    return {"k é": [1, 0.5, True, None, a_text(spot)], "empty": {}, "none": None}


_LISTS = {list, collections.abc.Iterable, collections.abc.Sequence}
_SIMPLE: dict[Any, Callable[[Spot], object]] = {
    str: a_text,
    bool: lambda spot: bool(spot.seed % 2),
    int: lambda spot: (0, 7, -1, 2**53)[spot.seed % 4],
    float: lambda spot: (0.5, 1.0, 1e-07)[spot.seed % 3],
    object: anything,
    typing.Any: anything,
}
