"""What the promise tests say again and again: a streamed chat completion, its events, and how it went."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from faces import SyncFace

from oai_dyn import APIError, Timeout

#: What is held back is an error after this time, not a test that hangs.
PATIENT = Timeout(connect=5, first_event=5, idle=5)

#: A wait that a server may ask for, short enough for a test.
SOON = [("retry-after-ms", "1")]

DONE = b"data: [DONE]\n\n"


def data(value: object, name: str | None = None, end: bytes = b"\n\n") -> bytes:
    """One event: a value as JSON, text as it is."""
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {value if isinstance(value, str) else json.dumps(value)}".encode() + end


def choice(index: int = 0, finish: str | None = None) -> dict[str, Any]:
    """A chunk of a chat completion."""
    return {"choices": [{"index": index, "delta": {}, "finish_reason": finish}]}


#: An event that leaves its stream open.
CHUNK = choice()
EVENT = data(CHUNK)


def chat(client: Any, **keywords: Any) -> Any:
    """A streamed chat completion."""
    return client.chat.completions.create(model="m", messages=[], stream=True, **keywords)


def gather(face: SyncFace, make: Callable[[], Any]) -> tuple[list[Any], APIError | None]:
    """The events of a call, and the error that ended it."""
    seen: list[Any] = []
    try:
        for event in face.iterate(make()):
            seen.append(event)
    except APIError as error:
        return seen, error
    return seen, None
