"""Three providers, one silent, one failing: what becomes of each call; and what a list of three costs where the first answers.

Calls are made at once, plain ones and streams, 64 threads or as many tasks as there are calls. The server counts what
reaches each provider, by the `user` of the request.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from .measure import Candidate, Run
from .payloads import API_KEY, BODY, require
from .report import Line
from .topic import OURS, Reading, Size, Topic

_TITLE: Final = "failover"
_THREADS: Final = 64
_PATIENCE: Final = 1.0
_ALONE: Final = f"{OURS}, one provider"

#: What the server plays at each of the providers, and what must come of a call.
_ANSWERED: Final = ("silent", "failing", "good")
_BROKEN: Final = ("cut", "good")


def measure(url: str, quick: bool) -> list[Line]:
    """Make the calls on both faces; count those that were lost, and those that were sent too often."""
    count = 64 if quick else 640
    found: dict[str, list[Line]] = {}

    def note(face: str, what: str, number: int) -> None:
        found.setdefault(what, []).append(Line(_TITLE, what, f"{OURS}, {face}", "calls", number, number, number, limit=0))

    for face, crowd in (("sync", _threads), ("async", _tasks)):
        seen = crowd(url, _ANSWERED, count)
        sent = _tell(url)
        require(
            {name: len(users) for name, users in sent.items()} == dict.fromkeys(_ANSWERED, count), "all of the calls everywhere"
        )
        note(face, f"one silent, one failing, one good: lost of {count}", count - len(set(seen)))
        note(face, "the same: answered twice, or sent twice to one provider", _more_than_once(seen, sent))
        seen = crowd(url, _BROKEN, count)
        sent = _tell(url)
        require((len(seen), len(sent["cut"])) == (0, count), "a cut of every stream")
        note(face, f"cut after the first event: sent again of {count}", _more_than_once(seen, sent) + len(sent.get("good", ())))
    return [line for lines in found.values() for line in lines]


def _more_than_once(seen: list[int], sent: Mapping[str, Mapping[str, int]]) -> int:
    """How many answers came beside the first of a call, and how many requests went to one provider beside the first."""
    return len(seen) - len(set(seen)) + sum(number - 1 for users in sent.values() for number in users.values())


def _places(url: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Settings of a client whose providers are of these kinds."""
    from oai_dyn import Timeout

    places = [{"name": kind, "base_url": f"{url}/counted/{kind}/v1", "api_key": API_KEY} for kind in kinds]
    return {"provider": places, "max_retries": 0, "timeout": Timeout(connect=10, first_event=_PATIENCE)}


def _tell(url: str) -> Mapping[str, Mapping[str, int]]:
    """How often each provider has had each call; the counts begin anew."""
    from oai_dyn import Client

    with Client(base_url=url, api_key=API_KEY) as client:
        told: Mapping[str, Mapping[str, int]] = client.request("POST", "/counted/tell", {}, into=dict)
        return told


def _threads(url: str, kinds: tuple[str, ...], count: int) -> list[int]:
    """Make the calls on threads; the numbers of those that were answered whole, in any order."""
    from oai_dyn import APIError, Client

    with Client(**_places(url, kinds)) as client, ThreadPoolExecutor(_THREADS) as pool:

        def call(number: int) -> list[int]:
            answered: list[int] = []
            body = {**BODY, "user": str(number)}
            try:
                if number % 2 and kinds is not _BROKEN:
                    answered.append(int(client.chat.completions.create(body)["user"]))
                else:
                    answered += [int(event["user"]) for event in client.chat.completions.create(body, stream=True)]
            except APIError:
                return []
            return answered

        return [number for answered in pool.map(call, range(count)) for number in answered]


def _tasks(url: str, kinds: tuple[str, ...], count: int) -> list[int]:
    """Make the calls as tasks."""
    from oai_dyn import APIError, AsyncClient

    async def crowd() -> list[int]:
        async with AsyncClient(**_places(url, kinds)) as client:

            async def call(number: int) -> list[int]:
                body = {**BODY, "user": str(number)}
                try:
                    if number % 2 and kinds is not _BROKEN:
                        return [int((await client.chat.completions.create(body))["user"])]
                    return [int(event["user"]) async for event in client.chat.completions.create(body, stream=True)]
                except APIError:
                    return []

            return [number for answered in await asyncio.gather(*map(call, range(count))) for number in answered]

    return asyncio.run(crowd())


def _settings(url: str, several: bool) -> dict[str, Any]:
    """A client of one provider, or of three of which the first answers."""
    if not several:
        return {"base_url": f"{url}/v1", "api_key": API_KEY, "max_retries": 0}
    places = [{"base_url": f"{url}/{path}v1", "api_key": API_KEY} for path in ("", "second/", "third/")]
    return {"provider": places, "max_retries": 0}


def _sync(several: bool) -> Candidate:
    @contextmanager
    def candidate(url: str) -> Iterator[Run]:
        from oai_dyn import Client

        with Client(**_settings(url, several)) as client:

            def run(count: int) -> None:
                for _ in range(count):
                    require(client.chat.completions.create(BODY)["object"] == "chat.completion", "reply")

            yield run

    return candidate


def _async(several: bool) -> Candidate:
    @contextmanager
    def candidate(url: str) -> Iterator[Run]:
        from oai_dyn import AsyncClient

        with asyncio.Runner() as runner:
            client = AsyncClient(**_settings(url, several))

            async def calls(count: int) -> None:
                for _ in range(count):
                    require((await client.chat.completions.create(BODY))["object"] == "chat.completion", "reply")

            yield lambda count: runner.run(calls(count))
            runner.run(client.close())

    return candidate


def _cost(face: str, made: Callable[[bool], Candidate]) -> Topic:
    return Topic(
        title=f"three providers of which the first answers, {face}",
        candidates={OURS: made(True), _ALONE: made(False)},
        readings=[Reading("CPU per call", "µs", lambda sample, count: sample.cpu / count * 1e6, {_ALONE: 1.1})],
        full=Size(count=400, rounds=15),
        quick=Size(count=50, rounds=3),
        warm_up=50,
    )


FAILOVER_SYNC: Final = _cost("sync", _sync)
FAILOVER_ASYNC: Final = _cost("async", _async)
