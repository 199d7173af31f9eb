"""Servers that say nothing, or next to nothing, and how long that is waited for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from hostile import Bytes, Reset, Step, Wait

from oai_dyn import APITimeoutError

PING = b": ping\n\n"

#: The wait that a stalling test sets, and how late its end may come on a busy machine.
SHORT, SLACK = 0.1, 1.0

#: Silence for longer than any test waits, and an end to it, so that a wait without a bound fails instead of hanging.
SILENCE: list[Step] = [Wait(3), Reset()]


def trickle(data: bytes) -> list[Step]:
    """The data again and again, for as long as the silence."""
    steps: list[Step] = [Bytes(data), Wait(0.02)]
    return [*steps * 150, Reset()]


@contextlib.contextmanager
def expires(why: str, after: float = SHORT) -> Iterator[None]:
    """Time runs out in there, after so long and for that reason."""
    started = time.monotonic()
    with pytest.raises(APITimeoutError, match=f"^time ran out: {why}$"):
        yield
    assert after * 0.9 <= time.monotonic() - started < after + SLACK
