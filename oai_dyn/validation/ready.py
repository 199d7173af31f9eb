"""Schemas made ready: by name, by file or as a dict; for the walk, and with the extra `fast` for jsonschema-rs.

Rules of this file: jsonschema-rs gives the verdict where it is installed; what it refuses is looked at by our own
walk, so that the answers are the same. Schemas are made ready when they are first used, and kept within a bound.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ..catalog import packaged
from ..definitions import gather
from ..errors import Fault
from .strict import closed
from .wording import in_order, told

#: How many schemas are kept ready.
KEPT = 256


class Checker:
    """A self-contained schema, ready to be held against values."""

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._whole = whole
        self._takes = verdict(whole)
        self._engine: Any = None

    def accepts(self, value: Any) -> bool:
        """Whether jsonschema-rs takes a value; never without it, or for what is no JSON."""
        try:
            return self._takes is not None and self._takes(value)
        except ValueError:
            return False  # an object, a lone surrogate, a key that is no text

    def faults(self, value: Any) -> list[Fault]:
        """What a value has wrong, most telling first."""
        if self.accepts(value):
            return []
        if self._engine is None:
            self._engine = import_module("oai_dyn.validation.keywords").engine(self._whole)
        found = self._engine.found(value)
        return list(dict.fromkeys(map(told, in_order(found, value)))) if found else []


def verdict(whole: Mapping[str, Any]) -> Callable[[Any], bool] | None:
    """Whether jsonschema-rs takes a value; None where it is not installed, or cannot read a pattern of the schema."""
    fast = fast_engine()
    try:
        return None if fast is None else fast.Draft202012Validator(whole).is_valid
    except ValueError:
        return None


@functools.cache
def fast_engine() -> Any:
    """jsonschema-rs, where the extra `fast` is installed."""
    try:
        return import_module("jsonschema_rs")
    except ImportError:
        return None


def checker(schema: Any, strict: bool) -> Checker:
    """A schema by any of its names, made ready. Raises `ConfigError` for one that is not there, or is none."""
    return _made(schema if isinstance(schema, str) else _Same(schema), strict)


class _Same:
    """A schema as a key: the very object, for a dict cannot be one."""

    __slots__ = ("schema",)

    def __init__(self, schema: Any) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.schema is other.schema


@functools.lru_cache(maxsize=KEPT)
def _made(key: str | _Same, strict: bool) -> Checker:
    schema = key.schema if isinstance(key, _Same) else key
    whole, own = gather(schema)
    if not isinstance(schema, str) or own["$defs"]:
        import_module("oai_dyn.validation.checking").check(whole, own)
    return Checker(closed(whole) if strict else whole)


@functools.cache
def of(name: str) -> Checker:
    """What documents of a kind are held against: `route-table`, `provider`."""
    return Checker(packaged(f"schemas/{name}.json"))
