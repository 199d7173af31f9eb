"""Sessions of the HTTP libraries, as users make them and hand them over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import aiohttp
import requests
from faces import AsyncFace, SyncFace


async def _aiohttp_session(settings: dict[str, Any]) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(**settings)


@contextlib.contextmanager
def session_of(face: SyncFace, **settings: Any) -> Iterator[Any]:
    """A session of the face's library, closed by its user."""
    if isinstance(face, AsyncFace):
        session = face.run(lambda: _aiohttp_session(settings))
        try:
            yield session
        finally:
            face.run(session.close)
    else:
        with requests.Session() as plain:
            for name, value in settings.items():
                setattr(plain, name, value)
            yield plain


def close(face: SyncFace, client: Any) -> None:
    """Close a client of either face."""
    if (closing := client.close()) is not None:
        face.wait(closing)
