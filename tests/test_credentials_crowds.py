"""Credentials from a callable, many at once: threads, tasks, loops and forks ask once, and wait no longer than their call."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from by_hand import EPOCH, JSON, by_hand
from hostile import HostileServer, Request, Steps, json_reply
from tokens import REFUSED, TOKEN, AsyncSource, Source, lasting, sent

from oai_dyn import APITimeoutError, AsyncClient, AuthenticationError, Client, Timeout, asking
from oai_dyn.asking import Credential
from oai_dyn.exchange import at_once
from oai_dyn.wire import Ask, Send

# Many at once ---------------------------------------------------------------------------------------------------------


def answers_the_new_token_only(request: Request) -> Steps:
    """A server that has had enough of the first token."""
    return REFUSED if (request.header("Authorization") or "").endswith(f"{TOKEN}1") else json_reply({})


@pytest.mark.parametrize("refused", [False, True])
def test_32_threads_ask_once(refused: bool) -> None:
    """At the start, and after the server refused the token of all of them."""
    go = threading.Barrier(32)
    source = Source(lasting, waits=lambda: time.sleep(0.05))
    with (
        HostileServer(answers_the_new_token_only if refused else lambda request: json_reply({})) as server,
        Client(base_url=server.url, api_key=source, max_retries=1) as client,
    ):

        def call(_: int) -> None:
            go.wait(10)
            client.models.list()

        with ThreadPoolExecutor(32) as pool:
            list(pool.map(call, range(32)))
    assert source.asked == (2 if refused else 1)
    assert set(sent(server)) == ({"1", "2"} if refused else {"1"})


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("kind", [Source, AsyncSource])
def test_100_tasks_ask_once(kind: type[Source], refused: bool) -> None:
    """The same in one event loop."""
    source = kind(lasting, waits=(lambda: asyncio.sleep(0.05)) if kind is AsyncSource else None)

    async def main(url: str) -> None:
        async with AsyncClient(base_url=url, api_key=source, max_retries=1) as client:
            await asyncio.gather(*(client.models.list() for _ in range(100)))

    with HostileServer(answers_the_new_token_only if refused else lambda request: json_reply({})) as server:
        asyncio.run(main(server.url))
    assert source.asked == (2 if refused else 1)


def test_loops_in_threads_ask_once() -> None:
    """One AsyncClient in eight loops at once: whoever asks first asks for all."""
    source = AsyncSource(lasting, waits=lambda: asyncio.sleep(0.1))
    go = threading.Barrier(8)

    async def main(client: AsyncClient) -> None:
        go.wait(10)
        await asyncio.gather(*(client.models.list() for _ in range(4)))

    with HostileServer(lambda request: json_reply({})) as server, ThreadPoolExecutor(8) as pool:
        client = AsyncClient(base_url=server.url, api_key=source)
        list(pool.map(lambda _: asyncio.run(main(client)), range(8)))
        asyncio.run(client.close())
    assert source.asked == 1
    assert sent(server) == ["1"] * 32


def test_one_loop_after_the_other() -> None:
    """Nothing of a loop that is gone is needed."""
    source = AsyncSource(lambda text: (text, time.time()), waits=lambda: asyncio.sleep(0))
    with HostileServer(lambda request: json_reply({})) as server:
        client = AsyncClient(base_url=server.url, api_key=source)
        for _ in range(3):
            asyncio.run(asyncio.wait_for(client.models.list(), 5))
        asyncio.run(client.close())
    assert sent(server) == ["1", "2", "3"]


def test_many_that_get_text_alone_ask_for_themselves() -> None:
    """Even those who waited for the first answer."""
    source = AsyncSource(waits=lambda: asyncio.sleep(0.01))

    async def main(url: str) -> None:
        async with AsyncClient(base_url=url, api_key=source) as client:
            await asyncio.gather(*(client.models.list() for _ in range(10)))

    with HostileServer(lambda request: json_reply({})) as server:
        asyncio.run(main(server.url))
    assert sorted(sent(server), key=str) == sorted(map(str, range(1, 11)))


def test_who_asks_may_be_cancelled() -> None:
    """Another of those who wait asks then; one that stops waiting disturbs nobody."""
    began = 0

    async def slow() -> tuple[str, float]:
        nonlocal began
        began += 1
        await asyncio.sleep(5 if began == 1 else 0.05)
        return lasting(f"{TOKEN}{began}")

    async def main(url: str) -> None:
        async with AsyncClient(base_url=url, api_key=slow) as client:
            tasks = [asyncio.ensure_future(client.models.list()) for _ in range(5)]
            await asyncio.sleep(0.05)
            tasks[0].cancel()
            tasks[1].cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert [isinstance(one, asyncio.CancelledError) for one in done] == [True, True, False, False, False]

    with HostileServer(lambda request: json_reply({})) as server:
        asyncio.run(main(server.url))
    assert (began, sent(server)) == (2, ["2"] * 3)


def test_who_waits_hears_of_the_failure() -> None:
    """A callable that fails is not asked by each of those who wait, one after the other."""
    asked = 0

    async def fails() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        raise LookupError("the vault is closed")

    async def main() -> None:
        async with AsyncClient(base_url="http://127.0.0.1:9", api_key=fails) as client:
            done = await asyncio.gather(*(client.models.list() for _ in range(20)), return_exceptions=True)
            assert {type(one) for one in done} == {AuthenticationError}
            assert {type(one.__cause__) for one in done if isinstance(one, Exception)} == {LookupError}
            assert len(set(map(id, done))) == 20

    asyncio.run(main())
    assert asked == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_asks_for_itself() -> None:
    """Whoever was asking in the parent does not answer in the child."""
    go = threading.Event()
    asked: list[int] = []

    def slow() -> tuple[str, float]:
        asked.append(os.getpid())
        if len(asked) == 1:
            go.wait(10)
        return lasting(TOKEN)

    credential = Credential("api_key", slow)
    join: Any = lambda others: others.result(5)  # noqa: E731
    thread = threading.Thread(target=lambda: at_once(credential.ask(0.0, join, False)))
    thread.start()
    while not asked:
        time.sleep(0.001)
    if (child := os.fork()) == 0:  # pragma: no cover  # another process
        os._exit(0 if at_once(credential.ask(0.0, join, False)) == TOKEN else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    asking._forget_who_asks()  # as the child does; what the parent's thread then tells goes to nobody
    go.set()
    thread.join(10)
    assert at_once(credential.ask(0.0, join, False)) == TOKEN
    assert len(asked) == 1


# Time -----------------------------------------------------------------------------------------------------------------


def test_asking_belongs_to_the_attempt() -> None:
    """It ends with the call, and counts for the deadline of the first event."""
    hand = by_hand(api_key=Source(), timeout=Timeout(first_event=5, total=20), max_retries=1).models.list()
    assert isinstance(hand.step, Ask)
    assert (hand.patience, hand.why, hand.step.now) == (5.0, "first event", EPOCH)
    hand.token("t", after=2.0)
    assert isinstance(hand.step, Send)
    assert hand.patience == 3.0
    assert hand.sent[0].plan.headers["Authorization"] == "Bearer t"
    hand.head(headers=JSON)
    hand.read(b"{}")
    hand.read()
    assert hand.step is None


def test_a_token_that_comes_too_late() -> None:
    """Nothing was sent: it is tried again within the retries, and then raised."""
    hand = by_hand(api_key=Source(), timeout=Timeout(first_event=5), max_retries=1).chat.completions.create(model="m")
    hand.token("t", after=6.0)
    assert isinstance(hand.step, Ask)
    with pytest.raises(APITimeoutError, match=r"^time ran out: first event$") as caught:
        hand.token("t", after=6.0)
    assert caught.value.sent is False
    assert hand.sent == []


def test_a_callable_that_hangs_ends_with_the_call() -> None:
    """On the asynchronous face it is cancelled at the deadline; those who wait for it in threads stop waiting."""
    cancelled: list[bool] = []

    async def hangs() -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return TOKEN

    async def main() -> None:
        async with AsyncClient(base_url="http://127.0.0.1:9", api_key=hangs, timeout=0.1, max_retries=0) as client:
            with pytest.raises(APITimeoutError, match=r"^time ran out: total$") as caught:
                await client.models.list()
            assert caught.value.sent is False

    asyncio.run(main())
    assert cancelled == [True]


def test_a_thread_waits_for_anothers_answer_no_longer_than_its_call() -> None:
    """The one who asks goes on."""
    began, go = threading.Event(), threading.Event()

    def slow() -> tuple[str, float]:
        began.set()
        go.wait(10)
        return lasting(TOKEN)

    with (
        HostileServer([json_reply({})]) as server,
        Client(base_url=server.url, api_key=slow, max_retries=0) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(client.models.list)
        assert began.wait(10)
        with pytest.raises(APITimeoutError, match=r"^time ran out: total$"):
            client.models.list(timeout=0.05)
        go.set()
        first.result(10)
    assert sent(server) == [""]
