"""Ways in which programs use a client over loops, threads, forks and its end, each as a program of its own.

    python -X dev -W error lifetimes.py SCENARIO URL

A scenario fails by an assertion; whatever else goes wrong (an unclosed connection, a coroutine never awaited) the
interpreter writes to standard error, which the test wants empty. The server answers a call of `models.retrieve(ID)`
with `{"id": ID}`, and a stream with events one at a time.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from oai_dyn import AsyncClient, Client, ConfigError

CHAT: dict[str, Any] = {"model": "m", "messages": [], "stream": True}

#: Kept until the interpreter ends, as a program does that never closes anything.
KEPT: list[Any] = []


async def ask(client: AsyncClient, name: str = "m", times: int = 3) -> None:
    """Some calls one after the other."""
    for _ in range(times):
        assert (await client.models.retrieve(name)).id == name


def ask_plainly(client: Client, name: str = "m", times: int = 3) -> None:
    """The same on the synchronous face."""
    for _ in range(times):
        assert client.models.retrieve(name).id == name


def several_runs(url: str) -> None:
    """One client, made outside any loop, through one loop after the other; closed in the last."""
    client = AsyncClient(api_key="k", base_url=url)
    for _ in range(3):
        asyncio.run(ask(client))
    asyncio.run(client.close())


def tokens_asked_for(url: str) -> None:
    """A key from a callable through loops: kept from one to the next, asked for by a task that is cancelled, and in vain."""
    asked = 0

    async def token() -> tuple[str, float]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(30 if asked == 1 else 0.01)
        return "t", time.time() + 3600

    async def cancelled() -> None:
        tasks = [asyncio.ensure_future(ask(client)) for _ in range(3)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [True, False, False]

    async def left() -> None:
        KEPT.append(asyncio.ensure_future(ask(client)))
        await asyncio.sleep(0.05)

    client = AsyncClient(api_key=token, base_url=url)
    asyncio.run(left())
    asked = 0
    asyncio.run(cancelled())
    asyncio.run(ask(client))
    asyncio.run(client.close())
    assert asked == 2
    with Client(api_key=token, base_url=url) as plain:
        for _ in range(2):
            try:
                ask_plainly(plain)
            except ConfigError:
                continue
            raise AssertionError("there is no loop to wait in")


def never_closed(url: str) -> None:
    """A client that is forgotten after its loop."""
    client = AsyncClient(api_key="k", base_url=url)
    asyncio.run(ask(client))
    asyncio.run(ask(client))
    del client
    gc.collect()


def forgotten_within(url: str) -> None:
    """A client that is forgotten while its loop goes on."""

    async def main() -> None:
        await ask(AsyncClient(api_key="k", base_url=url))
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(main())


def bare_loops(url: str) -> None:
    """Loops that are closed without any ceremony, as older code does: the calls work, and asyncio itself complains."""
    client = AsyncClient(api_key="k", base_url=url)
    for _ in range(3):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask(client))
        loop.close()
        del loop
        gc.collect()
    del client
    gc.collect()


def loops_in_turn(url: str) -> None:
    """Two loops that live side by side in one thread, used in turn."""
    client = AsyncClient(api_key="k", base_url=url)
    with asyncio.Runner() as first, asyncio.Runner() as second:
        for _ in range(3):
            first.run(ask(client))
            second.run(ask(client))
        second.run(client.close())
    gc.collect()


def closed_elsewhere(url: str) -> None:
    """Closed in one loop while another, in which it was used, stands still and then ends."""
    client = AsyncClient(api_key="k", base_url=url)
    with asyncio.Runner() as first:
        first.run(ask(client))
        asyncio.run(client.close())
        gc.collect()
    gc.collect()


def closed_from_a_thread(url: str) -> None:
    """Closed in one loop while another, in which it was used, goes on in a thread."""
    client = AsyncClient(api_key="k", base_url=url)
    used, over = threading.Event(), threading.Event()

    async def main() -> None:
        await ask(client)
        used.set()
        while not over.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.01)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    used.wait()
    asyncio.run(client.close())
    over.set()
    thread.join()
    gc.collect()


def loops_at_once(url: str) -> None:
    """One client in eight loops of eight threads at the same time."""
    client = AsyncClient(api_key="k", base_url=url)
    start = threading.Barrier(8)

    def work(number: int) -> None:
        async def main() -> None:
            start.wait()
            await asyncio.gather(*(ask(client, f"{number}-{i}") for i in range(4)))

        asyncio.run(main())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    asyncio.run(client.close())


def a_stream_left(url: str) -> None:
    """A loop over a stream that is left in the middle, and nothing closed after it."""
    client = AsyncClient(api_key="k", base_url=url)

    async def main() -> None:
        async for _ in client.chat.completions.create(CHAT):
            break

    asyncio.run(main())
    gc.collect()


def a_stream_kept(url: str) -> None:
    """An unfinished stream that outlives its loop, and its client."""
    client = AsyncClient(api_key="k", base_url=url)

    async def main() -> None:
        stream = await client.chat.completions.create(CHAT)
        await anext(stream)
        KEPT.append(stream)

    asyncio.run(main())
    asyncio.run(ask(client))
    asyncio.run(client.close())
    KEPT.clear()
    gc.collect()


def a_stream_never_begun(url: str) -> None:
    """Calls that are made and never awaited are nobody's loss."""
    client = AsyncClient(api_key="k", base_url=url)
    client.chat.completions.create(CHAT)
    client.models.retrieve("m")
    client.files.content("f")
    gc.collect()
    asyncio.run(client.close())


def a_task_cancelled(url: str) -> None:
    """A call and a stream whose task is cancelled when the loop ends."""
    client = AsyncClient(api_key="k", base_url=url)

    async def endless() -> None:
        async for _ in client.chat.completions.create(CHAT):
            pass

    async def main() -> None:
        KEPT.append(asyncio.create_task(endless()))
        await ask(client)

    asyncio.run(main())
    KEPT.clear()
    gc.collect()


def left_open(url: str) -> None:
    """The interpreter ends with clients, streams and loops as they are."""
    client, other = Client(api_key="k", base_url=url), AsyncClient(api_key="k", base_url=url)
    stream = client.chat.completions.create(CHAT)
    next(stream)
    ask_plainly(client)
    asyncio.run(ask(other))
    KEPT.extend([client, other, stream])


def plainly_forgotten(url: str) -> None:
    """Synchronous clients and streams that nobody closes."""
    client = Client(api_key="k", base_url=url)
    ask_plainly(client)
    for _ in client.chat.completions.create(CHAT):
        break
    next(client.chat.completions.create(CHAT))
    stream = client.chat.completions.create(CHAT)
    next(stream)
    client.files.content("f")
    del stream, client
    gc.collect()


def plainly_closed(url: str) -> None:
    """Closed, by hand and by `with`, more than once."""
    with Client(api_key="k", base_url=url) as client:
        ask_plainly(client)
    client.close()
    gc.collect()


# Forks: the test looks at which connection each process used -----------------------------------------------------------


def in_child(work: Callable[[], None]) -> int:
    """Fork; the child does the work and ends. The parent gets the child's process id."""
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def ended_well(child: int) -> None:
    """Wait for a child."""
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def forked(url: str) -> None:
    """A client with an open connection, used by parent and child after a fork, and by a grandchild."""
    client = Client(api_key="k", base_url=url)
    ask_plainly(client, "before")

    def work() -> None:
        ask_plainly(client, "child", 10)
        ended_well(in_child(lambda: ask_plainly(client, "grandchild")))
        ask_plainly(client, "child")

    child = in_child(work)
    ask_plainly(client, "parent", 10)
    ended_well(child)
    ask_plainly(client, "parent")
    client.close()


def forked_async(url: str) -> None:
    """The same between two loops, and with a loop of the parent's still open."""
    client = AsyncClient(api_key="k", base_url=url)
    with asyncio.Runner() as runner:
        runner.run(ask(client, "before"))
        child = in_child(lambda: asyncio.run(ask(client, "child", 10)))
        runner.run(ask(client, "parent", 10))
        ended_well(child)
        runner.run(ask(client, "parent"))
        runner.run(client.close())


def forked_within_a_stream(url: str) -> None:
    """A stream that is open in the parent stays whole, though the child lets go of its copy, in every way."""
    client = Client(api_key="k", base_url=url)
    stream = client.chat.completions.create(CHAT)
    next(stream)

    def work() -> None:
        ask_plainly(client, "child")
        stream.close()
        client.close()
        gc.collect()

    ended_well(in_child(work))
    Client(api_key="k", base_url=url).models.retrieve("go-on")
    assert len(list(stream)) == 2
    client.close()
    gc.collect()


def forked_among_threads(url: str) -> None:
    """Forks while threads are in the middle of calls: no lock of theirs is left locked in the child."""
    client = Client(api_key="k", base_url=url)
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            ask_plainly(client, "thread", 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        ended_well(in_child(lambda: ask_plainly(client, "child", 2)))
        time.sleep(0.005)
    over.set()
    for thread in threads:
        thread.join()
    client.close()


SCENARIOS: dict[str, Callable[[str], None]] = {
    work.__name__: work
    for work in (
        *(
            several_runs,
            tokens_asked_for,
            never_closed,
            forgotten_within,
            bare_loops,
            loops_in_turn,
            closed_elsewhere,
            closed_from_a_thread,
        ),
        *(loops_at_once, a_stream_left, a_stream_kept, a_stream_never_begun, a_task_cancelled, left_open),
        *(plainly_forgotten, plainly_closed, forked, forked_async, forked_within_a_stream, forked_among_threads),
    )
}

if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # -X dev tells of every slow step, and this machine may be busy
    SCENARIOS[sys.argv[1]](sys.argv[2])
