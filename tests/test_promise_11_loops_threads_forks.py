"""Promise 11: loops, threads, forks. One client goes through all of them, and leaves nothing open and nothing said.

The programs are in `lifetimes.py`; each runs in an interpreter of its own with `-X dev -W error`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lifetimes
import pytest
from faces import SyncFace
from hostile import HostileServer, Request, Step, Steps, Wait, json_reply, sse_reply
from sessions import close, session_of
from tls import make_certificate, tls_server

from oai_dyn import AsyncClient, Client, ConfigError, OaiDynError

CHAT: dict[str, Any] = {"model": "m", "messages": [], "stream": True}


def answering() -> tuple[HostileServer, threading.Event]:
    """A server that answers each call with its own id, and streams whose second event waits for a call of `go-on`."""
    go = threading.Event()

    def script(request: Request) -> Steps:
        if request.method == "POST":
            second: list[str | Step] = [Wait(go), '{"n": 2}', '{"n": 3}', "[DONE]"]
            return sse_reply(['{"n": 1}', *second])
        name = request.target.rpartition("/")[2]
        if name == "go-on":
            go.set()
        return json_reply({"id": name})

    return HostileServer(script), go


def run(scenario: str, url: str, **environ: str) -> None:
    """Run a program of `lifetimes.py`; it must end well and, where the program closes its loops, write nothing."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", lifetimes.__file__, scenario, url],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, "" if scenario == "bare_loops" else done.stderr) == (0, "", "")


@pytest.mark.parametrize("scenario", [name for name in lifetimes.SCENARIOS if not name.startswith("forked")])
def test_a_program_ends_in_silence(scenario: str) -> None:
    """No ResourceWarning, no unclosed session or transport, no coroutine never awaited, no hanging exit."""
    server, _ = answering()
    with server:
        run(scenario, server.url)
    assert server.requests or scenario == "a_stream_never_begun"


@pytest.mark.parametrize("scenario", ["several_runs", "never_closed", "closed_elsewhere", "plainly_closed"])
def test_a_program_ends_in_silence_over_tls(scenario: str, tmp_path: Path) -> None:
    """The same where closing takes a goodbye."""
    certificate = make_certificate(tmp_path)
    with tls_server(certificate) as url:
        run(scenario, url, SSL_CERT_FILE=str(certificate.file))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("scenario", [name for name in lifetimes.SCENARIOS if name.startswith("forked")])
def test_parent_and_child_use_connections_of_their_own(scenario: str) -> None:
    """Nobody's bytes are on anybody else's connection, and every answer came to the one who asked."""
    server, _ = answering()
    with server:
        run(scenario, server.url)
    who = defaultdict(set)
    for request in server.requests:
        who[request.connection].add(request.target.rpartition("/")[2])
    family = {"child", "grandchild"}
    assert [names for names in who.values() if names & family and len(names) > 1] == []
    assert {"child"} in who.values()


# Threads ----------------------------------------------------------------------------------------------------------------

THREADS = 64


def in_threads(work: Callable[[int], None]) -> None:
    """Run it in 64 threads that begin at once."""
    start = threading.Barrier(THREADS)

    def begin(number: int) -> None:
        start.wait(10)
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(begin, number) for number in range(THREADS)]:
            done.result(30)


def test_each_of_64_threads_gets_its_own_answer() -> None:
    """Calls and streams of one Client, all at once; connections are shared one after the other, never at a time."""
    server, go = answering()
    go.set()

    def work(number: int) -> None:
        for turn in range(5):
            name = f"{number}-{turn}"
            assert client.models.retrieve(name).id == name
            assert [event.n for event in client.chat.completions.create(CHAT)] == [1, 2, 3]

    with server, Client(api_key="k", base_url=server.url) as client:
        in_threads(work)
    assert len(server.requests) == THREADS * 10
    assert server.accepted <= THREADS


def test_64_threads_each_with_a_loop() -> None:
    """One AsyncClient in as many loops at once."""
    server, go = answering()
    go.set()

    async def main(number: int) -> None:
        for turn in range(3):
            name = f"{number}-{turn}"
            assert (await client.models.retrieve(name)).id == name
            assert [event.n async for event in client.chat.completions.create(CHAT)] == [1, 2, 3]

    with server:
        client = AsyncClient(api_key="k", base_url=server.url)
        in_threads(lambda number: asyncio.run(main(number)))
        asyncio.run(client.close())
    assert len(server.requests) == THREADS * 6
    assert server.accepted <= THREADS


def test_64_tasks_of_one_loop() -> None:
    """One AsyncClient, 64 calls and streams at once in one loop."""
    server, go = answering()

    async def one(client: AsyncClient, number: int) -> None:
        stream = client.chat.completions.create(CHAT)
        assert (await anext(aiter(stream))).n == 1
        assert (await client.models.retrieve(str(number))).id == str(number)

    async def main() -> None:
        async with AsyncClient(api_key="k", base_url=server.url) as client:
            await asyncio.gather(*(one(client, number) for number in range(THREADS)))

    with server:
        asyncio.run(main())
    assert not go.is_set()


def test_clients_share_one_table() -> None:
    """However many clients there are, and from however many threads they come."""
    made: list[Client] = []
    in_threads(lambda _: made.append(Client(api_key="k", base_url="http://127.0.0.1:1")))
    assert len({id(client.routes) for client in made}) == 1


# close() ----------------------------------------------------------------------------------------------------------------


USES: dict[str, Callable[[SyncFace, Any], Any]] = {
    "call": lambda face, client: face.wait(client.models.retrieve("m")),
    "stream": lambda face, client: list(face.iterate(client.chat.completions.create(CHAT))),
    "file": lambda face, client: face.wait(
        client.files.content("f") if face.name == "sync" else client.files.content("f").read()
    ),
    "pages": lambda face, client: list(face.iterate(client.files.list())),
    "request": lambda face, client: face.wait(client.request("GET", "/x")),
}


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("use", USES)
def test_use_after_close_is_a_clear_error(face: SyncFace, use: str, used: bool) -> None:
    """It says that the client is closed; nothing is sent, and nothing is opened again."""
    server, _ = answering()
    with server:
        client = face.client(base_url=server.url, max_retries=2)
        if used:
            face.wait(client.models.retrieve("m"))
        close(face, client)
        with pytest.raises(ConfigError, match="closed"):
            USES[use](face, client)
        assert len(server.requests) == server.accepted == used


def test_close_ends_the_connections(face: SyncFace) -> None:
    """At once, and as often as one likes."""
    server, _ = answering()
    with server:
        client = face.client(base_url=server.url)
        face.wait(client.models.retrieve("m"))
        assert not server.closed(0).is_set()
        close(face, client)
        assert server.closed(0).wait(2)
        close(face, client)


def test_close_ends_an_open_stream(face: SyncFace) -> None:
    """The stream's connection goes with its client, and going on with it is an error of ours, not a wait."""
    server, _ = answering()
    with server:
        client = face.client(base_url=server.url, timeout=1)
        events = face.iterate(client.chat.completions.create(CHAT))
        assert next(events).n == 1
        close(face, client)
        assert server.closed(0).wait(2)
        with pytest.raises(OaiDynError):
            next(events)


def test_a_session_that_was_handed_over_stays_open(face: SyncFace) -> None:
    """It is the user's to close; the client that used it is closed all the same."""
    server, _ = answering()
    with server, session_of(face) as session:
        client = face.client(base_url=server.url, session=session)
        face.wait(client.models.retrieve("m"))
        close(face, client)
        assert not server.closed(0).wait(0.05)
        with pytest.raises(ConfigError, match="closed"):
            face.wait(client.models.retrieve("m"))
        again = face.client(base_url=server.url, session=session)
        assert face.wait(again.models.retrieve("n")).id == "n"
        assert server.accepted == 1


def test_a_client_made_outside_a_loop_works_in_any() -> None:
    """Making an AsyncClient, and calls of it, needs no loop; each loop opens a connection of its own."""
    server, _ = answering()
    with server:
        client = AsyncClient(api_key="k", base_url=server.url)
        call = client.models.retrieve("m")

        async def wait(pending: Any) -> Any:
            return await pending

        assert asyncio.run(wait(call)).id == "m"
        assert asyncio.run(wait(client.models.retrieve("n"))).id == "n"
        asyncio.run(client.close())
        assert [request.connection for request in server.requests] == [0, 1]
        assert server.closed(0).wait(2)
        assert server.closed(1).wait(2)
