"""Validation with one engine or the other, for tests that want the same of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from oai_dyn.validation import ready

#: Our own walk alone, and jsonschema-rs' verdict before it (the extra `fast`).
ENGINES = ("walk", "fast")


@contextmanager
def using(engine: str) -> Iterator[None]:
    """Within it schemas are made ready for that engine."""
    ready._made.cache_clear()
    try:
        if engine == "walk":
            with mock.patch.object(ready, "fast_engine", return_value=None):
                yield
        else:
            assert ready.fast_engine() is not None, "the extra `fast` is part of the extra `dev`"
            yield
    finally:
        ready._made.cache_clear()
