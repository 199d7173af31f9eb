"""Objects of the user's own classes: to plain values and back, by each kind's own protocol.

Rules of this file: no class library is imported. Whoever defined the class has loaded its library, so
it is found in `sys.modules`. A new kind is one function and one line in the table at the end.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from .errors import Fault, place


class Codec(NamedTuple):
    """How objects of one class are written and read: `encode(object)` to something plainer, `decode(data)` back."""

    encode: Callable[[Any], Any] | None = None
    decode: Callable[[Any], Any] | None = None


Codecs = Mapping[type, Codec]


class Misfit(ValueError):
    """Data that does not fit a class, with the place."""


def plain(value: Any, codecs: Codecs = types.MappingProxyType({})) -> Any:
    """One step from an object to JSON: its dict, list or text. Raises TypeError for an unknown kind."""
    for cls in type(value).__mro__ if codecs else ():
        if cls in codecs and (own := codecs[cls].encode):
            return own(value)
    if isinstance(value, bytes | bytearray | memoryview | os.PathLike) or hasattr(value, "read"):
        raise TypeError(f"{type(value).__name__}: a file goes into a multipart row; in JSON it must be base64 text")
    for knows, write in WRITERS:
        if knows(value):
            return write(value)
    raise TypeError(f"{type(value).__name__} has no to_dict and is no kind that is known; see Client(codecs=...)")


def reader(into: Any, codecs: Codecs = types.MappingProxyType({})) -> Callable[[Any], Any]:
    """The function that makes `into` of decoded JSON."""
    if (own := codecs.get(into)) and own.decode:
        return own.decode
    for knows, read in READERS:
        if knows(into):
            return read(into)
    if callable(into):
        return typing.cast(Callable[[Any], Any], into)
    raise TypeError(f"into={into!r}: wanted a class with from_dict, a known kind of class, or a callable")


def _dataclass_dict(value: Any) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def _attrs_dict(value: Any) -> dict[str, Any]:
    return {a.name: getattr(value, a.name) for a in type(value).__attrs_attrs__}


def _structure(hint: Any, value: Any, path: tuple[str | int, ...] = ()) -> Any:
    """Build what a type hint says from plain data: classes, lists, tuples, dicts and options of them."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _structure_union(arguments, value, path)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return _structure(arguments[0], value, path)
    if isinstance(value, list) and origin in (list, Sequence, tuple) and arguments:
        items = [_structure(arguments[0], item, (*path, i)) for i, item in enumerate(value)]
        return tuple(items) if origin is tuple else items
    if isinstance(value, dict):
        if origin in (dict, Mapping) and len(arguments) == 2:
            return {key: _structure(arguments[1], item, (*path, key)) for key, item in value.items()}
        if dataclasses.is_dataclass(hint) or hasattr(hint, "__attrs_attrs__"):
            return _build(hint, value, path)
        if isinstance(hint, type) and hint is not dict:
            return _known(hint, value)
    return value


def _known(hint: type, value: dict[str, Any]) -> Any:
    return next((read(hint)(value) for knows, read in READERS if knows(hint)), value)


def _structure_union(arguments: tuple[Any, ...], value: Any, path: tuple[str | int, ...]) -> Any:
    """The first branch that the data fits; the data as it is where it fits none."""
    for branch in arguments:
        if value is None or branch is type(None):
            continue
        try:
            built = _structure(branch, value, path)
        except (TypeError, ValueError):
            continue
        if built is not value:
            return built
    return value


def _build(cls: Any, data: dict[str, Any], path: tuple[str | int, ...] = ()) -> Any:
    """Make a dataclass or attrs class; unknown keys are passed over, a missing one is named with its place."""
    if callable(make := getattr(cls, "from_dict", None)):
        return make(data)
    hints = typing.get_type_hints(cls, include_extras=True)
    given: dict[str, Any] = {}
    for name, argument, required in _fields(cls):
        if name in data:
            given[argument] = _structure(hints.get(name, Any), data[name], (*path, name))
        elif required:
            raise Misfit(str(Fault((*path, name), f"missing, and {cls.__name__} has no default for it")))
    try:
        return cls(**given)
    except (TypeError, ValueError) as error:
        raise Misfit(f"{place(path) or cls.__name__}: {error}") from error


def _fields(cls: Any) -> list[tuple[str, str, bool]]:
    """Name, name of the argument, and whether it must be there."""
    if dataclasses.is_dataclass(cls):
        missing = dataclasses.MISSING
        return [
            (f.name, f.name, f.default is missing and f.default_factory is missing)
            for f in dataclasses.fields(cls)
            if f.init
        ]
    nothing = sys.modules["attr"].NOTHING
    return [(a.name, a.alias or a.name, a.default is nothing) for a in cls.__attrs_attrs__ if a.init]


def _has(name: str) -> Callable[[Any], bool]:
    return lambda value: callable(getattr(value, name, None))


def _is_dataclass_object(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


WRITERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (lambda value: isinstance(value, type), lambda value: _refuse_class(value)),
    (_has("to_dict"), lambda value: value.to_dict()),
    (_is_dataclass_object, _dataclass_dict),
    (_has("model_dump"), lambda value: value.model_dump(mode="json", by_alias=True)),
    (lambda value: hasattr(value, "__attrs_attrs__"), _attrs_dict),
    (lambda value: hasattr(value, "__struct_fields__"), lambda value: sys.modules["msgspec"].to_builtins(value)),
    (lambda value: isinstance(value, Mapping), dict),
    (lambda value: isinstance(value, Sequence | Set | Iterator), list),
)


def _refuse_class(value: type) -> Any:
    raise TypeError(f"{value.__name__} is a class, wanted an object of it")


READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Callable[[Any], Any]]], ...] = (
    (_has("from_dict"), lambda cls: cls.from_dict),
    (dataclasses.is_dataclass, lambda cls: lambda data: _build(cls, data) if isinstance(data, dict) else cls(data)),
    (_has("model_validate"), lambda cls: cls.model_validate),
    (lambda cls: hasattr(cls, "__attrs_attrs__"), lambda cls: lambda data: _build(cls, data)),
    (lambda cls: hasattr(cls, "__struct_fields__"), lambda cls: lambda data: sys.modules["msgspec"].convert(data, cls)),
    (lambda cls: typing.get_origin(cls) is not None, lambda cls: lambda data: _structure(cls, data)),
)
