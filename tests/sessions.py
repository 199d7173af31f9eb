"""A session of the user's own for either face: what `session=` takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, cast

import aiohttp
import requests
from faces import AsyncFace, SyncFace
from requests.adapters import HTTPAdapter


@contextlib.contextmanager
def own_session(face: SyncFace, *, slots: int = 0) -> Iterator[Any]:
    """A session that is closed at the end, by its owner. With `slots` it has no more connections than that."""
    if face.name == "sync":
        with requests.Session() as session:
            if slots:
                session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=slots, pool_block=True))
            yield session
        return
    run = cast("AsyncFace", face).run

    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=slots or 100))

    async_session = run(opened)
    try:
        yield async_session
    finally:
        run(async_session.close)
