"""Validation with one engine or the other, for tests that want the same of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

# The function `checker` hides the module of that name.
checker: Any = import_module("oai_dyn.validation.checker")

#: Our own walk alone, and jsonschema-rs' verdict before it (the extra `fast`).
ENGINES = ("walk", "fast")


@contextmanager
def using(engine: str) -> Iterator[None]:
    """Within it schemas are made ready for that engine."""
    checker._made.cache_clear()
    try:
        if engine == "walk":
            with mock.patch.object(checker, "fast_engine", return_value=None):
                yield
        else:
            assert checker.fast_engine() is not None, "the extra `fast` is part of the extra `dev`"
            yield
    finally:
        checker._made.cache_clear()
