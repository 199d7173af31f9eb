"""Calls that end by themselves, badly: what a server sends for it, and how the call is made."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from faces import SyncFace
from hostile import Bytes, Forever, Stall, Steps, chunk, head, json_reply, reply, sse_reply
from leaving import Left, fetch
from streamed import CHUNK, chat

from oai_dyn import Limits, OaiDynError

ONE, TWO = json_reply({"id": "one"}), json_reply({"id": "two"})

#: A stream of two events that goes on.
OPEN = sse_reply([CHUNK, CHUNK, Stall()])


class Refusing:
    """A class of the user's that takes no answer."""

    @classmethod
    def from_dict(cls, data: Any) -> Refusing:
        raise Left


class Ending(NamedTuple):
    """What a server sends, and how the call is made that fails on it."""

    steps: Steps
    streamed: bool
    keywords: dict[str, Any]


def fail(face: SyncFace, client: Any, ending: Ending) -> OaiDynError:
    """Make the call, and return the error that it must end in."""
    with pytest.raises(OaiDynError) as caught:
        list(face.iterate(chat(client, **ending.keywords))) if ending.streamed else fetch(face, client, **ending.keywords)
    return caught.value


ERROR_HEAD = head(400, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
ENDINGS: dict[str, Ending] = {
    "an endless error body": Ending([ERROR_HEAD, Forever(chunk(b"x" * 999), 0.0)], False, {}),
    "a stalled error body": Ending([ERROR_HEAD, Bytes(b"5\r\nab"), Stall()], False, {"timeout": 0.1}),
    "an endless error body of a stream": Ending([ERROR_HEAD, Forever(chunk(b"x" * 999), 0.0)], True, {}),
    "an error status": Ending(json_reply({"error": {"message": "x"}}, 404), False, {}),
    "an error under status 200": Ending(json_reply({"error": {"code": 400}}), False, {}),
    "no JSON": Ending(reply([b"x"], headers=[("Content-Type", "application/json")]), False, {}),
    "a class that refuses": Ending(ONE, False, {"into": Refusing}),
    "a class that refuses an event": Ending(OPEN, True, {"into": Refusing}),
    "a page instead of a stream": Ending(reply([b"<html>"], headers=[("Content-Type", "text/html")]), True, {}),
    "an endless page instead of a stream": Ending(
        [head(200, [("Content-Type", "text/html"), ("Connection", "close")]), Forever(b"x" * 999, 0.0)],
        True,
        {"limits": Limits(reply=9999)},
    ),
    "an event that is no JSON": Ending(sse_reply([CHUNK, "{", Stall()]), True, {}),
    "an error in the stream": Ending(sse_reply([CHUNK, {"error": {"code": 500}}, Stall()]), True, {}),
    "an event too long": Ending(sse_reply([CHUNK, "x" * 9999, Stall()]), True, {"limits": Limits(event=999)}),
    "a reply too long": Ending(json_reply("x" * 9999), False, {"limits": Limits(reply=999)}),
    "an unknown coding": Ending(reply([b"x", Stall()], headers=[("Content-Encoding", "br")], end=False), False, {}),
    "a wrong coding": Ending(reply([b"x" * 99, Stall()], headers=[("Content-Encoding", "gzip")], end=False), False, {}),
    "a cut stream": Ending(sse_reply([CHUNK]), True, {}),
    "silence": Ending([Stall()], False, {"timeout": 0.1}),
    "silence in the body": Ending([*json_reply({}, end=False), Stall()], False, {"timeout": 0.1}),
    "silence in the stream": Ending(OPEN, True, {"timeout": 0.1}),
    "a redirect to another origin": Ending(json_reply({}, 307, [("Location", "http://127.0.0.2/")]), False, {}),
    "redirects without end": Ending(json_reply({}, 307, [("Location", "/v1/models/m")]), False, {}),
    "a redirect with an endless body": Ending(
        [head(307, [("Location", "http://127.0.0.2/"), ("Connection", "close")]), Forever(b"x" * 999, 0.0)], False, {}
    ),
}
