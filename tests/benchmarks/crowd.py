"""A crowd: 1,000 streams open at once on one async client, 50 events each; speed, CPU and memory.

The server sends the head and first event of every stream as it is asked for, waits until all are open, then
writes one event to each of them every 50 ms, as models do: most reads bring a single event, which is the
dearest way to get one. Memory is the rise of the process's peak during the run, each run in a new process.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .measure import Run, Sample
from .payloads import API_KEY, BODY, require
from .topic import OURS, Reading, Size, Topic

_EVENTS: Final = 50
_PACE_MS: Final = 50
_HEADERS: Final = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json", "Accept": "text/event-stream"}
_BY_HAND: Final = "aiohttp by hand"


def _base(url: str, streams: int) -> str:
    """Where that many streams are awaited; the single one of the warm-up need not be slow."""
    return f"{url}/crowd/{streams}/{_EVENTS}/{_PACE_MS if streams > 1 else 1}/v1"


@contextmanager
def _ours(url: str) -> Iterator[Run]:
    from oai_dyn import AsyncClient

    async def crowd(count: int) -> None:
        async with AsyncClient(api_key=API_KEY, base_url=_base(url, count), max_retries=0) as client:

            async def stream() -> None:
                seen = 0
                async for _event in client.chat.completions.create(BODY, stream=True):
                    seen += 1
                require(seen == _EVENTS, f"{seen} events")

            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(stream())

    yield lambda count: asyncio.run(crowd(count))


@contextmanager
def _aiohttp(url: str) -> Iterator[Run]:
    import aiohttp
    import orjson

    loads = orjson.loads
    body = {**BODY, "stream": True}

    async def crowd(count: int) -> None:
        where = _base(url, count) + "/chat/completions"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def stream() -> None:
                seen, tail = 0, b""
                async with session.post(where, data=orjson.dumps(body), headers=_HEADERS) as response:
                    async for chunk in response.content.iter_any():
                        *blocks, tail = (tail + chunk).split(b"\n\n")
                        for block in blocks:
                            data = block[6:]
                            if data == b"[DONE]":
                                break
                            loads(data)
                            seen += 1
                require(seen == _EVENTS, f"{seen} events")

            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(stream())

    yield lambda count: asyncio.run(crowd(count))


def _throughput(sample: Sample, count: int) -> float:
    return count * _EVENTS / sample.wall


def _cpu(sample: Sample, count: int) -> float:
    return sample.cpu / (count * _EVENTS) * 1e6


def _memory(sample: Sample, count: int) -> float:
    return sample.grown / count / 1024


CROWD: Final = Topic(
    title="1,000 streams at once",
    candidates={OURS: _ours, _BY_HAND: _aiohttp},
    readings=[
        Reading("throughput", "events/s", _throughput, {_BY_HAND: None}),
        Reading("CPU per event, opening included", "µs", _cpu, {_BY_HAND: None}),
        Reading("memory per stream", "KiB", _memory, {_BY_HAND: None}),
    ],
    full=Size(count=1000, rounds=5),
    quick=Size(count=50, rounds=1),
    warm_up=1,
    fresh=True,
)
