"""Objects of the user's own classes: to plain values and back, by each kind's own protocol.

Rules of this file: no class library is imported. Whoever defined the class has loaded its library, so
it is found in `sys.modules`. A new kind is one line in a table at the end; what a class raises is told with
its place, and kept as the cause.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from .errors import Fault, Path, ValidationError


class Codec(NamedTuple):
    """How objects of one class are written and read: `encode(object)` to something plainer, `decode(data)` back."""

    encode: Callable[[Any], Any] | None = None
    decode: Callable[[Any], Any] | None = None


Codecs = Mapping[type, Codec]

_NONE: Codecs = types.MappingProxyType({})


class Misfit(ValueError):
    """Data that does not fit a class, with the place."""


def plain(value: Any, codecs: Codecs = _NONE) -> Any:
    """One step from an object to JSON: its dict, list or text.

    Raises TypeError for an unknown kind, and `ValidationError` for what the object's own method raises.
    """
    own = next((codecs[cls].encode for cls in type(value).__mro__ if cls in codecs), None) if codecs else None
    write = own or next((write for knows, write in WRITERS if knows(value) and not isinstance(value, type)), None)
    if write is None:
        name = type(value).__name__
        if isinstance(value, bytes | bytearray | memoryview | os.PathLike) or callable(getattr(value, "read", None)):
            raise TypeError(f"{name}: a file goes into a multipart row; in JSON it must be base64 text")
        if isinstance(value, Iterator):
            raise TypeError(f"{name}: it can be read only once, wanted a list")
        raise TypeError(f"{name} has no to_dict and is no kind that is known; see Client(codecs=...)")
    try:
        return write(value)
    except Exception as error:
        raise ValidationError(f"{type(value).__name__} cannot be written: {type(error).__name__}: {error}") from error


def reader(into: Any, codecs: Codecs = _NONE) -> Callable[[Any], Any]:
    """The function that makes `into` of decoded JSON: a class of any known kind, a generic of them, a callable.

    Raises TypeError where `into` is none of these. The function raises what the class raises, or `Misfit`.
    """
    if typing.get_origin(into) is not None:
        return lambda data: _structure(into, data, (), codecs)
    if make := _maker(into, codecs):
        return lambda data: make(data, ())
    if callable(into):
        return typing.cast("Callable[[Any], Any]", into)
    raise TypeError(f"into={into!r}: wanted a class with from_dict, a known kind of class, or a callable")


def _maker(cls: Any, codecs: Codecs) -> Callable[[Any, Path], Any] | None:
    """What makes an object of a class from data and its place; None for what is no class of a known kind."""
    if not isinstance(cls, type):
        return None
    if cls in codecs and (own := codecs[cls].decode):
        return lambda data, path: own(data)
    read = next((read for knows, read in READERS if knows(cls)), None)
    return None if read is None else lambda data, path: read(cls, data, path, codecs)


def _structure(hint: Any, value: Any, path: Path, codecs: Codecs) -> Any:
    """Build what a type hint says from plain data: classes, lists, tuples, dicts and options of them."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _structure_union(arguments, value, path, codecs)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return _structure(arguments[0], value, path, codecs)
    if origin in (list, Sequence, tuple) and arguments:
        each = itertools.repeat(arguments[0]) if origin is not tuple or arguments[-1] is ... else arguments
        pairs = enumerate(zip(each, _wanted(list, value, path), strict=False))
        items = [_structure(inner, item, (*path, i), codecs) for i, (inner, item) in pairs]
        return tuple(items) if origin is tuple else items
    if origin in (dict, Mapping) and len(arguments) == 2:
        members = _wanted(dict, value, path).items()
        return {key: _structure(arguments[1], item, (*path, key), codecs) for key, item in members}
    make = _maker(hint, codecs) if value is not None else None
    return value if make is None else make(value, path)


def _structure_union(arguments: tuple[Any, ...], value: Any, path: Path, codecs: Codecs) -> Any:
    """The first branch that makes something of the data; a single one besides None must."""
    branches = [branch for branch in arguments if branch is not type(None)]
    if value is None or len(branches) == 1:
        return None if value is None else _structure(branches[0], value, path, codecs)
    failed: Exception | None = None
    for branch in branches:
        try:
            built = _structure(branch, value, path, codecs)
        except (TypeError, ValueError, LookupError) as error:
            failed = failed or error
            continue
        if built is not value:
            return built
    if failed is not None and isinstance(value, dict):
        raise failed
    return value


def _wanted(kind: type, value: Any, path: Path = ()) -> Any:
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "a list"
        raise Misfit(str(Fault(path, f"of type {type(value).__name__}, wanted {wanted}")))
    return value


def _build(cls: Any, data: Any, path: Path, codecs: Codecs) -> Any:
    """Make a dataclass or attrs class; unknown keys are passed over, a missing one is named with its place."""
    hints = _hints(cls)
    given: dict[str, Any] = {}
    _wanted(dict, data, path)
    for name, argument, required in _fields(cls):
        if name in data:
            given[argument] = _structure(hints.get(name, Any), data[name], (*path, name), codecs)
        elif required:
            raise Misfit(str(Fault((*path, name), f"missing, and {cls.__name__} has no default for it")))
    return cls(**given)


def _hints(cls: Any) -> dict[str, Any]:
    """The type hints of a class; one that names what is not there at run time counts as Any."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except NameError:
        pass
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, hint in vars(base).get("__annotations__", {}).items():
            alone = type(base.__name__, (), {"__annotations__": {name: hint}, "__module__": base.__module__})
            with contextlib.suppress(NameError):
                found |= typing.get_type_hints(alone, include_extras=True)
    return found


def _fields(cls: Any) -> list[tuple[str, str, bool]]:
    """Name, name of the argument, and whether it must be there."""
    if dataclasses.is_dataclass(cls):
        none = dataclasses.MISSING
        fields = (f for f in dataclasses.fields(cls) if f.init)
        return [(f.name, f.name, f.default is none and f.default_factory is none) for f in fields]
    nothing = sys.modules["attr"].NOTHING
    return [(a.name, a.alias or a.name, a.default is nothing) for a in cls.__attrs_attrs__ if a.init]


def _has(name: str) -> Callable[[Any], bool]:
    return lambda value: callable(getattr(value, name, None))


def _members(value: Any) -> dict[str, Any]:
    names = value.__attrs_attrs__ if hasattr(value, "__attrs_attrs__") else dataclasses.fields(value)
    return {f.name: getattr(value, f.name) for f in names}


#: How an object is recognised, and what makes it plainer; the first that knows it is taken.
WRITERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (_has("to_dict"), lambda value: value.to_dict()),
    (dataclasses.is_dataclass, _members),
    (_has("model_dump"), lambda value: value.model_dump(mode="json", by_alias=True)),
    (lambda value: hasattr(value, "__attrs_attrs__"), _members),
    (lambda value: hasattr(type(value), "__struct_fields__"), lambda value: sys.modules["msgspec"].to_builtins(value)),
    (lambda value: isinstance(value, Mapping), dict),
    (lambda value: isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray | memoryview), list),
)

#: How a class is recognised, and what makes an object of it from data; the first that knows it is taken.
READERS: tuple[tuple[Callable[[type], bool], Callable[[Any, Any, Path, Codecs], Any]], ...] = (
    (_has("from_dict"), lambda cls, data, path, codecs: cls.from_dict(data)),
    (dataclasses.is_dataclass, _build),
    (_has("model_validate"), lambda cls, data, path, codecs: cls.model_validate(data)),
    (lambda cls: hasattr(cls, "__attrs_attrs__"), _build),
    (lambda cls: hasattr(cls, "__struct_fields__"), lambda cls, data, path, codecs: sys.modules["msgspec"].convert(data, cls)),
    (lambda cls: cls is dict or typing.is_typeddict(cls), lambda cls, data, path, codecs: _wanted(dict, data, path)),
    (lambda cls: cls is list, lambda cls, data, path, codecs: _wanted(list, data, path)),
)
