"""A streamed event: 2,000 events of 250 bytes, some 33 in an HTTP chunk, each made an object; CPU per event.

The request that opens the stream is in the figure. The loops by hand do the least that is right for this
server: they join the tail of a chunk with the next chunk, split at blank lines, cut `data: ` off, stop at
`[DONE]`, and read the body to its end so that the connection can be used again. They know nothing of the
rest of the grammar, of errors in a stream, or of a stream cut short.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from .measure import Run, Sample
from .payloads import API_KEY, BODY, STREAM_EVENTS, require
from .topic import OURS, SDK, Reading, Size, Topic

_STREAM_BODY: Final = {**BODY, "stream": True}
_HEADERS: Final = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json", "Accept": "text/event-stream"}
_PATH: Final = "/v1/chat/completions"
_READ: Final = 65536


def _whole(seen: int, last: Any) -> None:
    require(seen == STREAM_EVENTS, f"{seen} events")
    require(last["choices"][0]["finish_reason"] == "stop", "last event")


@contextmanager
def _ours(url: str) -> Iterator[Run]:
    from oai_dyn import Client

    with Client(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0) as client:

        def run(count: int) -> None:
            for _ in range(count):
                seen = 0
                for event in client.chat.completions.create(BODY, stream=True):  # noqa: B007
                    seen += 1
                _whole(seen, event)

        yield run


@contextmanager
def _requests(url: str) -> Iterator[Run]:
    import orjson
    import requests

    loads = orjson.loads
    url += _PATH
    with requests.Session() as session:

        def run(count: int) -> None:
            for _ in range(count):
                seen, tail, event = 0, b"", None
                body = orjson.dumps(_STREAM_BODY)
                with session.post(url, data=body, headers=_HEADERS, stream=True) as response:
                    for chunk in response.raw.stream(_READ):
                        *blocks, tail = (tail + chunk).split(b"\n\n")
                        for block in blocks:
                            data = block[6:]
                            if data == b"[DONE]":
                                break
                            event = loads(data)
                            seen += 1
                _whole(seen, event)

        yield run


@contextmanager
def _sdk(url: str) -> Iterator[Run]:
    from openai import OpenAI

    with OpenAI(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0) as client:

        def run(count: int) -> None:
            for _ in range(count):
                seen = 0
                for event in client.chat.completions.create(**BODY, stream=True):  # noqa: B007
                    seen += 1
                _whole(seen, event.model_dump())

        yield run


@contextmanager
def _ours_async(url: str) -> Iterator[Run]:
    from oai_dyn import AsyncClient

    with asyncio.Runner() as runner:
        client = AsyncClient(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0)

        async def streams(count: int) -> None:
            for _ in range(count):
                seen = 0
                async for event in client.chat.completions.create(BODY, stream=True):  # noqa: B007
                    seen += 1
                _whole(seen, event)

        yield lambda count: runner.run(streams(count))
        runner.run(client.close())


@contextmanager
def _aiohttp(url: str) -> Iterator[Run]:
    import aiohttp
    import orjson

    loads = orjson.loads
    url += _PATH

    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    with asyncio.Runner() as runner:
        session = runner.run(opened())

        async def streams(count: int) -> None:
            for _ in range(count):
                seen, tail, event = 0, b"", None
                body = orjson.dumps(_STREAM_BODY)
                async with session.post(url, data=body, headers=_HEADERS) as response:
                    async for chunk in response.content.iter_any():
                        *blocks, tail = (tail + chunk).split(b"\n\n")
                        for block in blocks:
                            data = block[6:]
                            if data == b"[DONE]":
                                break
                            event = loads(data)
                            seen += 1
                _whole(seen, event)

        yield lambda count: runner.run(streams(count))
        runner.run(session.close())


@contextmanager
def _sdk_async(url: str) -> Iterator[Run]:
    from openai import AsyncOpenAI

    with asyncio.Runner() as runner:
        client = AsyncOpenAI(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0)

        async def streams(count: int) -> None:
            for _ in range(count):
                seen = 0
                async for event in await client.chat.completions.create(**BODY, stream=True):  # noqa: B007
                    seen += 1
                _whole(seen, event.model_dump())

        yield lambda count: runner.run(streams(count))
        runner.run(client.close())


def _microseconds(sample: Sample, count: int) -> float:
    return sample.cpu / (count * STREAM_EVENTS) * 1e6


_FULL: Final = Size(count=5, rounds=15)
_QUICK: Final = Size(count=1, rounds=3)

STREAM_SYNC: Final = Topic(
    title="streamed event, sync",
    candidates={OURS: _ours, "requests by hand": _requests, SDK: _sdk},
    readings=[Reading("CPU per event", "µs", _microseconds, {"requests by hand": 1.2, SDK: 1 / 40})],
    full=_FULL,
    quick=_QUICK,
    warm_up=2,
)
STREAM_ASYNC: Final = Topic(
    title="streamed event, async",
    candidates={OURS: _ours_async, "aiohttp by hand": _aiohttp, SDK: _sdk_async},
    readings=[Reading("CPU per event", "µs", _microseconds, {"aiohttp by hand": 1.2, SDK: 1 / 40})],
    full=_FULL,
    quick=_QUICK,
    warm_up=2,
)
