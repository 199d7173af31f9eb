"""A local server that answers every row of the table, to try things out and to test against, without a network.

    with oai_dyn.server.running() as base_url:      # in a test: on a thread of its own
        client = Client(base_url=base_url, api_key="any")

`oai-dyn serve` is the same as a process. The answers are made from the schemas of the row, and requests are checked
against them; see docs/guide.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from aiohttp import web

from .app import Service
from .settings import Settings

__all__ = ["Settings", "running", "serve"]

#: How long open streams may go on once the server is told to stop, in seconds.
PATIENCE = 0.5


@contextlib.contextmanager
def running(
    *,
    port: int = 0,
    key: str | None = None,
    delay: float = 0.0,
    faults: Sequence[str] = (),
    seed: int = 0,
    record: str | Path | None = None,
    upstream: str | None = None,
    replay: str | Path | None = None,
    like: str | Path | Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """Run the server on a thread of its own for as long as the block lasts, and give its base URL.

    port      on 127.0.0.1; 0 takes a free one
    key       the only API key let in; any is, by default
    delay     seconds between two events of a stream
    faults    what goes wrong, each as `KIND` or `KIND:RATE` (docs/testing.md lists them)
    seed      which requests meet a fault of a rate below 1
    record    a file: every request goes to `upstream`, and is written there with its answer, without any credential
    upstream  the base URL of a service
    replay    such a file: requests are answered from it
    like      a provider's name, or a profile's file or dict: it answers as that provider would, at its paths

    What it has seen is at `/_seen`, beside `/v1`. Raises OSError if the port is taken, `ConfigError` for a wrong setting.
    """
    service = Service(Settings(key, delay, faults, seed, record, upstream, replay, like))
    started: Future[tuple[str, Callable[[], object]]] = Future()

    async def work() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with _listening(port, service) as url:
            started.set_result((url, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(work())
        except Exception as error:
            started.set_exception(error)

    thread = threading.Thread(target=run, name="oai-dyn server", daemon=True)
    thread.start()
    url, stop = started.result()
    try:
        yield url
    finally:
        stop()
        thread.join()


def serve(port: int, settings: Settings, announce: Callable[[str], object]) -> None:
    """Run the server until SIGINT or SIGTERM. `announce` is called with the base URL once it answers.

    Raises OSError and `ConfigError` as `running` does.
    """
    service = Service(settings)

    async def work() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with _listening(port, service) as url:
            announce(url)
            await stop.wait()

    asyncio.run(work())


@contextlib.asynccontextmanager
async def _listening(port: int, service: Service) -> AsyncIterator[str]:
    application = service.application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=PATIENCE, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{service.base}"
    finally:
        await runner.cleanup()
