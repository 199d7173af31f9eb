"""What the local server has seen, as `GET /_seen` tells it."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

#: Where a request keeps its number.
NUMBER = web.RequestKey("number", int)


class Seen:
    """Counts since the start."""

    def __init__(self) -> None:
        self.requests = 0
        self.streams = 0
        self.upload_bytes = 0
        self.rows: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
