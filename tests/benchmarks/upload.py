"""An upload of 1 GiB given as a path: by how much the peak of memory rises, each run in a new process.

The file is sparse, so that no disk is measured; the server counts the bytes and keeps none. The upload by
hand is aiohttp's own multipart writer, which streams; requests by hand would hold the file twice.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .measure import Run, Sample
from .payloads import API_KEY, require
from .topic import OURS, SDK, Reading, Size, Topic

_MIB: Final = 1024 * 1024


@contextmanager
def _file(mebibytes: int) -> Iterator[Path]:
    """A sparse file of that size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batch.jsonl"
        with path.open("wb") as file:
            file.truncate(mebibytes * _MIB)
        yield path


def _arrived(received: int, mebibytes: int) -> None:
    require(received > mebibytes * _MIB, f"{received} bytes arrived")


@contextmanager
def _ours(url: str) -> Iterator[Run]:
    from oai_dyn import Client

    with Client(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0) as client:

        def run(count: int) -> None:
            with _file(count) as path:
                _arrived(client.files.create(file=path, purpose="batch")["bytes"], count)

        yield run


@contextmanager
def _ours_async(url: str) -> Iterator[Run]:
    from oai_dyn import AsyncClient

    async def upload(count: int) -> None:
        async with AsyncClient(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0) as client:
            with _file(count) as path:
                reply = await client.files.create(file=path, purpose="batch")
                _arrived(reply["bytes"], count)

    yield lambda count: asyncio.run(upload(count))


@contextmanager
def _aiohttp(url: str) -> Iterator[Run]:
    import aiohttp

    async def upload(count: int) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {API_KEY}"}) as session:
            with _file(count) as path, path.open("rb") as file:
                form = aiohttp.FormData()
                form.add_field("purpose", "batch")
                form.add_field("file", file, filename=path.name)
                async with session.post(f"{url}/v1/files", data=form) as response:
                    _arrived((await response.json())["bytes"], count)

    yield lambda count: asyncio.run(upload(count))


@contextmanager
def _sdk(url: str) -> Iterator[Run]:
    from openai import OpenAI

    with OpenAI(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0) as client:

        def run(count: int) -> None:
            with _file(count) as path:
                _arrived(client.files.create(file=path, purpose="batch").bytes, count)

        yield run


def _growth(sample: Sample, _count: int) -> float:
    return sample.grown / _MIB


def _cpu(sample: Sample, _count: int) -> float:
    return sample.cpu


UPLOAD: Final = Topic(
    title="upload of 1 GiB",
    candidates={f"{OURS}, sync": _ours, f"{OURS}, async": _ours_async, "aiohttp by hand": _aiohttp, f"{SDK}, sync": _sdk},
    readings=[Reading("rise of peak memory", "MiB", _growth, {}, limit=32), Reading("CPU", "s", _cpu, {})],
    full=Size(count=1024, rounds=3),
    quick=Size(count=64, rounds=1),
    warm_up=1,
    fresh=True,
)
