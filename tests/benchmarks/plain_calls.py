"""A plain call: a body of half a KB goes out as JSON, a reply of 1 KB comes back as an object; CPU per call.

One connection is kept alive. The calls by hand are what one writes with the library's own session and
orjson; all candidates check a field of each reply.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .measure import Run, Sample
from .payloads import API_KEY, BODY, require
from .topic import OURS, SDK, Reading, Size, Topic

_HEADERS: Final = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
_PATH: Final = "/v1/chat/completions"
_OBJECT: Final = "chat.completion"


@contextmanager
def _ours(url: str) -> Iterator[Run]:
    from oai_dyn import Client

    with Client(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0) as client:

        def run(count: int) -> None:
            for _ in range(count):
                reply = client.chat.completions.create(BODY)
                require(reply["object"] == _OBJECT, "reply")

        yield run


@contextmanager
def _requests(url: str) -> Iterator[Run]:
    import orjson
    import requests

    url += _PATH
    with requests.Session() as session:

        def run(count: int) -> None:
            for _ in range(count):
                response = session.post(url, data=orjson.dumps(BODY), headers=_HEADERS)
                reply = orjson.loads(response.content)
                require(reply["object"] == _OBJECT, "reply")

        yield run


@contextmanager
def _sdk(url: str) -> Iterator[Run]:
    from openai import OpenAI

    with OpenAI(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0) as client:

        def run(count: int) -> None:
            for _ in range(count):
                reply = client.chat.completions.create(**BODY)
                require(reply.object == _OBJECT, "reply")

        yield run


@contextmanager
def _ours_async(url: str) -> Iterator[Run]:
    from oai_dyn import AsyncClient

    with asyncio.Runner() as runner:
        client = AsyncClient(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0)

        async def calls(count: int) -> None:
            for _ in range(count):
                reply = await client.chat.completions.create(BODY)
                require(reply["object"] == _OBJECT, "reply")

        yield lambda count: runner.run(calls(count))
        runner.run(client.close())


@contextmanager
def _aiohttp(url: str) -> Iterator[Run]:
    import aiohttp
    import orjson

    url += _PATH

    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    with asyncio.Runner() as runner:
        session = runner.run(opened())

        async def calls(count: int) -> None:
            for _ in range(count):
                async with session.post(url, data=orjson.dumps(BODY), headers=_HEADERS) as response:
                    reply = orjson.loads(await response.read())
                require(reply["object"] == _OBJECT, "reply")

        yield lambda count: runner.run(calls(count))
        runner.run(session.close())


@contextmanager
def _sdk_async(url: str) -> Iterator[Run]:
    from openai import AsyncOpenAI

    with asyncio.Runner() as runner:
        client = AsyncOpenAI(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0)

        async def calls(count: int) -> None:
            for _ in range(count):
                reply = await client.chat.completions.create(**BODY)
                require(reply.object == _OBJECT, "reply")

        yield lambda count: runner.run(calls(count))
        runner.run(client.close())


def _microseconds(sample: Sample, count: int) -> float:
    return sample.cpu / count * 1e6


_FULL: Final = Size(count=400, rounds=15)
_QUICK: Final = Size(count=50, rounds=3)

PLAIN_SYNC: Final = Topic(
    title="plain call, sync",
    candidates={OURS: _ours, "requests by hand": _requests, SDK: _sdk},
    readings=[Reading("CPU per call", "µs", _microseconds, {"requests by hand": 0.60, SDK: 0.40})],
    full=_FULL,
    quick=_QUICK,
    warm_up=50,
)
PLAIN_ASYNC: Final = Topic(
    title="plain call, async",
    candidates={OURS: _ours_async, "aiohttp by hand": _aiohttp, SDK: _sdk_async},
    readings=[Reading("CPU per call", "µs", _microseconds, {"aiohttp by hand": 1.05, SDK: 0.30})],
    full=_FULL,
    quick=_QUICK,
    warm_up=50,
)
