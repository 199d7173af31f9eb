"""A server that answers from a file of recorded exchanges.

Rules of this file: a request is answered by an exchange with the same method, path, query and body, JSON being compared
as JSON; several of the same come in their order, and the last one again and again. Nothing is waited for but `delay`.
"""

from __future__ import annotations

import difflib
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from ..errors import ConfigError, place
from .checking import Refusal, check_key
from .exchanges import Exchange, asked_for, read, secrets_of, settled, without
from .recording import below
from .rows import Place
from .sending import Answer

#: What two exchanges have in common that are the same to a replay.
Key = tuple[str, str, tuple[tuple[str, str], ...], str | bytes]

#: How many differences are told, and how much of a value.
TOLD, SHOWN = 3, 60

#: Stands where one side has nothing.
NOTHING = object()


class Replayer:
    """Everything below `/v1`, from a file. Raises `ConfigError`."""

    def __init__(self, file: str | Path, key: str | None) -> None:
        self._key = key
        self._recorded: dict[Key, deque[Exchange]] = {}
        try:
            lines = Path(file).read_bytes().splitlines()
        except OSError as error:
            raise ConfigError(f"replay: {file}: {error.strerror}") from None
        for number, line in enumerate(lines, 1):
            if line.strip():
                exchange = read(line, f"replay: {file}:{number}")
                self._recorded.setdefault(key_of(exchange), deque()).append(exchange)

    def places(self) -> Iterator[Place]:
        """Everything, in one place."""
        yield Place("*", "/v1/{path:.*}", self.answer)

    async def answer(self, request: web.Request) -> Answer:
        """The recorded answer. Raises `Refusal` where there is none."""
        if self._key is not None:
            check_key(request.headers.get("Authorization", ""), self._key)
        body = settled(await request.read(), request.headers.get("Content-Type", ""))
        sent = Exchange(request.method, below(request), asked_for(request.query.items()), body, 0, (), ())
        sent = without(secrets_of(request.headers.items(), request.query.items()), sent)
        found = self._recorded.get(key_of(sent))
        if found is None:
            raise Refusal(404, f"no recorded exchange for {_name(sent)}; {self._nearest(sent)}", "not_recorded")
        return answer_of(found.popleft() if len(found) > 1 else found[0])

    def _nearest(self, sent: Exchange) -> str:
        """What of all that was recorded comes nearest to a request, in words."""
        every = [exchange for found in self._recorded.values() for exchange in found]
        alike = [exchange for exchange in every if _name(exchange) == _name(sent)]
        if alike:
            found = min((list(_differences(_parts(sent), _parts(one), ())) for one in alike), key=len)
            return f"the nearest differs: {'; '.join(found[:TOLD])}" + "; ..." * (len(found) > TOLD)
        names = difflib.get_close_matches(_name(sent), dict.fromkeys(map(_name, every)), n=TOLD, cutoff=0)
        return f"near it are {', '.join(names)}" if names else "the file is empty"


def answer_of(exchange: Exchange) -> Answer:
    """The answer of an exchange, as it came."""
    pieces = [piece for _, piece in exchange.pieces]
    kinds = [value for name, value in exchange.headers if name.lower() == "content-type"]
    streamed = exchange.cut or any(kind.startswith("text/event-stream") for kind in kinds)
    length = None if streamed else sum(map(len, pieces))
    return Answer(exchange.status, exchange.headers, pieces, length, ending="reset" if exchange.cut else "end")


def key_of(exchange: Exchange) -> Key:
    """What a request has in common with those that are the same."""
    content = exchange.content
    if not isinstance(content, bytes):
        try:
            content = json.dumps(_evened(content), sort_keys=True)
        except RecursionError:
            content = exchange.body
    return exchange.method, exchange.path, tuple(sorted(exchange.query)), content


def _evened(value: Any) -> Any:
    """JSON in which 1.0 is 1."""
    if isinstance(value, dict):
        return {name: _evened(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_evened(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _name(exchange: Exchange) -> str:
    return f"{exchange.method} {exchange.path}"


def _parts(exchange: Exchange) -> dict[str, Any]:
    return {"query": dict(exchange.query), "body": exchange.content}


def _differences(sent: Any, recorded: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Where two values differ, with what stands there."""
    if isinstance(sent, dict) and isinstance(recorded, dict):
        for name in dict.fromkeys([*sent, *recorded]):
            yield from _differences(sent.get(name, NOTHING), recorded.get(name, NOTHING), (*path, name))
    elif isinstance(sent, list) and isinstance(recorded, list):
        for i in range(max(len(sent), len(recorded))):
            one, other = (side[i] if i < len(side) else NOTHING for side in (sent, recorded))
            yield from _differences(one, other, (*path, i))
    elif sent != recorded or isinstance(sent, bool) != isinstance(recorded, bool):
        yield f"{place(path)}: was {_shown(sent)}, recorded {_shown(recorded)}"


def _shown(value: Any) -> str:
    """A value in few words."""
    text = "nothing" if value is NOTHING else f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
