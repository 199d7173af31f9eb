"""Faults that the local server was told to have: which request meets one, and what becomes of its answer.

Rules of this file: no chance: the number of a request and the seed say which fault it meets. The one clock is that of
a Retry-After that is a date.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import AsyncIterable, Callable, Sequence
from email.utils import formatdate
from functools import partial
from typing import NamedTuple

from ..codec import encode
from ..errors import ConfigError
from ..objects import plain
from .checking import Refusal
from .sending import Answer, error_of, of_json, of_refusal, whole

#: One event of a stream, with the blank line behind it.
EVENT = re.compile(rb".+?(?:\r?\n\r?\n|\Z)", re.DOTALL)

#: What is refused, and what goes wrong in the middle.
BUSY = Refusal(429, "too many requests: slow down", "rate_limit_exceeded")
FAILED = Refusal(500, "the server had an error", "server_error")
OVERLOADED = Refusal(503, "the server is overloaded: try again later", "overloaded")

GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"

#: An answer to a request that nobody looked at.
NOTHING = Answer(200, (), (), silent=True)


class Fault(NamedTuple):
    """What becomes of an answer; an early fault comes before the request is looked at."""

    change: Callable[[Answer], Answer]
    early: bool = False


class Faults:
    """The faults of one server: each is `KIND` or `KIND:RATE`. Raises `ConfigError`."""

    def __init__(self, wanted: Sequence[str] = (), seed: int = 0) -> None:
        self._seed = seed
        self._chances = [_read(text) for text in wanted]

    def met_by(self, number: int) -> str | None:
        """The kind that the request of this number meets: of those that were given, the first whose turn it is."""
        return next((kind for place, (kind, rate) in enumerate(self._chances) if self._lot(place, number) < rate), None)

    def _lot(self, place: int, number: int) -> float:
        """A number from 0 on, below 1: the same each time."""
        digest = hashlib.sha256(f"{self._seed} {place} {number}".encode()).digest()
        return int.from_bytes(digest[:6]) / 2**48


def _read(text: str) -> tuple[str, float]:
    kind, given, rate = text.partition(":")
    if kind not in FAULTS:
        raise ConfigError(f"fault {text!r}: wanted KIND or KIND:RATE, with a kind of {', '.join(FAULTS)}")
    try:
        chance = float(rate) if given else 1.0
    except ValueError:
        chance = -1.0
    if not 0 <= chance <= 1:
        raise ConfigError(f"fault {text!r}: the rate was {rate!r}, wanted a number from 0 to 1")
    return kind, chance


def _refused(refusal: Refusal, header: str = "", value: Callable[[], str] = str) -> Fault:
    return Fault(lambda answer: of_refusal(refusal, *([(header, value())] if header else [])), early=True)


def _soon() -> str:
    """A date two seconds from now: dates know no fractions."""
    return formatdate(time.time() + 2, usegmt=True)


def _gateway(answer: Answer) -> Answer:
    """What stands before the server cannot reach it, and says so in its own way."""
    return whole(GATEWAY, "text/html", 502)


def _silent(answer: Answer, ending: str) -> Answer:
    return NOTHING._replace(ending=ending)


def _halved(answer: Answer) -> tuple[list[bytes], list[bytes]]:
    """The pieces of an answer in two halves: the events of a stream, the bytes of a body."""
    assert not isinstance(answer.pieces, AsyncIterable)
    content = b"".join(answer.pieces)
    if answer.length is not None:
        middle = len(content) // 2
        return [content[:middle]], [content[middle:]]
    events = EVENT.findall(content)
    return events[: len(events) // 2], events[len(events) // 2 :]


def _cut(answer: Answer, ending: str) -> Answer:
    """Half of the answer, and what is not its end; where nothing is sent there is no middle."""
    return answer if answer.length == 0 else answer._replace(pieces=_halved(answer)[0], ending=ending)


def _truncated(answer: Answer) -> Answer:
    """Half of the answer: a stream ends as if it were whole, of a body more was promised."""
    return _cut(answer, "end" if answer.length is None else "close")


def _error_event(answer: Answer) -> Answer:
    """An error in the middle of a stream, which ends with it; under a good status in place of a body."""
    error = {"error": error_of(FAILED)}
    if answer.length is not None:
        return of_json(error)
    first, rest = _halved(answer)
    named = any(event.startswith(b"event:") for event in rest)
    content = encode({"type": "error", **error} if named else error, plain)
    return answer._replace(pieces=[*first, b"event: error\n" * named + b"data: " + content + b"\n\n"])


def _malformed(answer: Answer) -> Answer:
    """A body of which half is sent as the whole; a stream with one event more, which is no JSON."""
    first, rest = _halved(answer)
    if answer.length is not None:
        return answer._replace(pieces=first, length=len(first[0]))
    return answer._replace(pieces=[*first, b'data: {"id": \n\n', *rest])


#: What can go wrong.
FAULTS: dict[str, Fault] = {
    "429": _refused(BUSY, "Retry-After", lambda: "1"),
    "429-date": _refused(BUSY, "Retry-After", _soon),
    "429-ms": _refused(BUSY, "retry-after-ms", lambda: "250"),
    "500": _refused(FAILED),
    "502": Fault(_gateway, early=True),
    "503": _refused(OVERLOADED),
    "reset": Fault(partial(_silent, ending="reset"), early=True),
    "reset-mid": Fault(partial(_cut, ending="reset")),
    "stall": Fault(partial(_silent, ending="stall"), early=True),
    "stall-mid": Fault(partial(_cut, ending="stall")),
    "truncate": Fault(_truncated),
    "error-event": Fault(_error_event),
    "malformed": Fault(_malformed),
}
