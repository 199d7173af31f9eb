"""Which of several providers a call asks first: by the list, in turn, or by how soon they answered of late."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import weakref
from collections import Counter
from typing import Any

import pytest
from by_hand import Hand, by_hand
from faces import AsyncFace, SyncFace
from hostile import HostileServer, Request, Stall, Steps, json_reply, reply
from several import client_of, embed, place

from oai_dyn import Client, ConfigError, Timeout, ValidationError
from oai_dyn.routing import FIRST_BEHIND, LONGEST_BEHIND, ORDERS, STALE, Latency
from oai_dyn.testing import AsyncScriptedClient, ScriptedClient, answer


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's."""
    return Clock()


# --- The rule -----------------------------------------------------------------------------------------------


def test_the_list_is_an_order(clock: Clock) -> None:
    """Each call begins with the first, whatever happened."""
    order, heard = ORDERS["order"](3, clock)
    assert [list(order()) for _ in range(3)] == [[0, 1, 2]] * 3
    assert heard is None


def test_in_turn(clock: Clock) -> None:
    """Each call begins with the next, and goes on from there."""
    order, heard = ORDERS["round_robin"](3, clock)
    assert [list(order()) for _ in range(4)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]
    assert heard is None


def known(clock: Clock, *seconds: float) -> Latency:
    """Providers that have answered once each, after so many seconds."""
    latency = Latency(len(seconds), clock)
    for number, one in enumerate(seconds):
        latency.order()
        latency.heard(number, one)
    return latency


def test_who_is_unknown_is_asked_first(clock: Clock) -> None:
    """One call each finds out; while it does, others go where an answer has come from, or else by the list."""
    latency = Latency(3, clock)
    assert [latency.order()[0] for _ in range(3)] == [0, 1, 2]
    assert latency.order() == [0, 1, 2]
    latency.heard(1, 9.0)
    assert latency.order() == [1, 0, 2]


def test_the_soonest_is_asked_first(clock: Clock) -> None:
    """And the others behind it by their means."""
    assert known(clock, 0.3, 0.1, 0.2).order() == [1, 2, 0]


def test_a_mean_follows_what_comes(clock: Clock) -> None:
    """A new figure counts a tenth at least, half after ten seconds, nearly all after a minute."""
    latency = known(clock, 0.3, 0.1)
    for _ in range(4):
        latency.heard(1, 0.5)
    assert latency._standings[1].mean == pytest.approx(0.5 - 0.4 * 0.9**4)
    assert latency.order() == [1, 0]
    clock.now += 10
    latency.heard(1, 0.7)
    assert latency._standings[1].mean == pytest.approx((0.5 - 0.4 * 0.9**4 + 0.7) / 2)
    assert latency.order() == [0, 1]


def test_who_was_not_heard_of_is_asked_again_by_one(clock: Clock) -> None:
    """A slow one may have become faster: after a minute one call finds out, whether it answers or not."""
    latency = known(clock, 0.1, 0.3)
    clock.now += STALE / 2
    latency.heard(0, 0.1)
    clock.now += STALE / 2
    assert [latency.order()[0] for _ in range(3)] == [1, 0, 0]
    latency.heard(1, 0.01)
    assert latency.order() == [1, 0]


def test_who_fails_goes_behind_for_a_while(clock: Clock) -> None:
    """Longer each time, up to a bound; failures of what was under way count once. Then one call finds out, whatever was known."""
    latency = known(clock, 0.1, 0.3)
    for times in range(7):
        for _ in range(5):
            latency.heard(0, None)
        wait = min(FIRST_BEHIND * 2**times, LONGEST_BEHIND)
        clock.now += wait - 0.5
        latency.heard(1, 0.3)
        assert latency.order() == [1, 0]
        clock.now += 1
        assert [latency.order()[0] for _ in range(3)] == [0, 1, 1]
    latency.heard(0, 0.1)
    assert latency.order()[0] == 0
    latency.heard(0, None)
    clock.now += FIRST_BEHIND + 0.1
    assert latency.order()[0] == 0


def test_where_all_failed_the_one_that_is_back_soonest_is_first(clock: Clock) -> None:
    """Nobody is left out: a call asks all of them still."""
    latency = known(clock, 0.1, 0.2, 0.3)
    for number in (2, 0, 1):
        latency.heard(number, None)
        clock.now += 1
    assert latency.order() == [2, 0, 1]


# --- What the flow tells ------------------------------------------------------------------------------------


def by_latency(**settings: Any) -> Any:
    """A client of three providers without a network."""
    places = [place(name, f"http://{name}") for name in "abc"]
    return by_hand(provider=places, api_key=None, base_url=None, routing="latency", **settings)


def first_asked(client: Any) -> str:
    """Whom a call asks first."""
    call: Hand = client.embeddings.create(model="m", input="x")
    return call.sent[0].plan.url[7]


def test_answers_and_failures_are_heard_of() -> None:
    """The head of a good answer counts, from the beginning of its attempt; an error that is the request's fault does not."""
    client = by_latency(max_retries=0)
    for after in (0.3, 0.1, 0.2):
        call = client.embeddings.create(model="m", input="x")
        call.head(200, {}, after=after)
        call.read(b"{}", after=5.0)
        call.read()
    assert first_asked(client) == "b"
    call = client.embeddings.create(model="m", input="x")
    call.head(503, {})
    call.read()
    assert call.sent[-1].plan.url == "http://c/embeddings"
    assert first_asked(client) == "c"
    call = client.embeddings.create(model="m", input="x")
    call.head(404, {}, after=9.0)
    with pytest.raises(Exception, match="404"):
        call.read()
    assert first_asked(client) == "c"
    call = client.embeddings.create(model="m", input="x", stream=True)
    assert first_asked(client) == "c"


def test_a_stream_that_breaks_puts_its_provider_behind() -> None:
    """Though it is not sent again."""
    client = by_latency()
    calls = [client.chat.completions.create(model="m", stream=True) for _ in range(3)]
    for after, call in zip((0.1, 0.2, 0.3), calls, strict=True):
        call.head(after=after)
    calls[0].read(b'data: {"a": 1}\n\n')
    with pytest.raises(Exception, match="cut"):
        calls[0].fail()
    assert first_asked(client) == "b"


# --- On the wire --------------------------------------------------------------------------------------------


def test_calls_go_in_turn(face: SyncFace) -> None:
    """Each server gets its share; what one fails the next does."""
    answers = [json_reply({"id": name}) for name in "abc"]
    with (
        HostileServer([answers[0], answers[0], json_reply({}, 500)]) as a,
        HostileServer([answers[1]], after="repeat") as b,
        HostileServer([answers[2]], after="repeat") as c,
    ):
        client = client_of(face, a, b, c, routing="round_robin")
        assert [embed(face, client)["id"] for _ in range(8)] == ["a", "b", "c", "a", "b", "c", "b", "b"]
        assert [len(one.requests) for one in (a, b, c)] == [3, 4, 2]


COUNT = {"sync": 64, "async": 200}


@pytest.mark.parametrize("routing", ORDERS)
@pytest.mark.parametrize("streaming", [False, True], ids=["plain", "streamed"])
def test_many_at_once_are_each_answered_once(face: SyncFace, routing: str, streaming: bool) -> None:
    """One provider is silent, one fails in turns, one is good: no call is lost, none is answered twice."""
    counts: dict[str, Counter[int]] = {name: Counter() for name in "abc"}

    def counted(name: str, request: Request, steps: Steps) -> Steps:
        counts[name][request.json()["user"]] += 1
        return steps

    def good(request: Request) -> Steps:
        number = request.json()["user"]
        body = b'data: {"n": %d}\n\ndata: [DONE]\n\n' % number if streaming else b'{"n": %d}' % number
        kind = "text/event-stream" if streaming else "application/json"
        return counted("c", request, reply([body], headers=[("Content-Type", kind)]))

    with (
        HostileServer(lambda request: counted("a", request, [Stall()])) as a,
        HostileServer(lambda request: counted("b", request, json_reply({}, 503 if request.number % 2 else 429))) as b,
        HostileServer(good) as c,
    ):
        client = client_of(face, a, b, c, routing=routing, timeout=Timeout(connect=20, first_event=1.0))
        found = everyone(face, client, streaming, COUNT[face.name])
    assert sorted(found) == list(range(COUNT[face.name]))
    assert set(counts["c"].values()) == {1}
    assert sorted(counts["c"]) == sorted(found)
    assert max([*counts["a"].values(), *counts["b"].values()], default=1) == 1


def everyone(face: SyncFace, client: Any, streaming: bool, count: int) -> list[int]:
    """So many calls at once, on threads or as tasks; the numbers that were answered."""
    create = client.chat.completions.create

    def asked(number: int) -> Any:
        return create(model="m", messages=[], user=number, stream=streaming)

    if isinstance(face, AsyncFace):

        async def one(number: int) -> list[int]:
            result = asked(number)
            return [event["n"] async for event in result] if streaming else [(await result)["n"]]

        async def all_of_them() -> list[list[int]]:
            return await asyncio.gather(*(one(number) for number in range(count)))

        return [n for numbers in face.run(all_of_them) for n in numbers]
    found: list[int] = []

    def thread(number: int) -> None:
        result = asked(number)
        found.extend([event["n"] for event in result] if streaming else [result["n"]])

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(count)]
    for one_thread in threads:
        one_thread.start()
    for one_thread in threads:
        one_thread.join()
    return found


# --- Settings -----------------------------------------------------------------------------------------------


def test_the_first_is_what_the_client_shows() -> None:
    """Its address and its rows."""
    client = Client([place("a", "http://a/v1"), "http://b/v1", "groq"])
    assert (client.base_url, repr(client)) == ("http://a/v1", "Client(base_url='http://a/v1')")
    assert client.routes is Client("groq").routes


def names(*providers: Any, **settings: Any) -> list[str]:
    """What the providers of a client are called."""
    client: Any = Client(list(providers), **settings)
    return [one.config.provider for one in client._routing.providers]


def test_each_has_a_name_of_its_own() -> None:
    """A base URL is called by its host; what comes twice is numbered."""
    own = {"extends": "groq", "api_key": "k"}
    assert names("groq", "http://h:8000/v1", own, "http://h:8000/v2") == ["groq", "h:8000", "groq-2", "h:8000-2"]


def test_one_in_a_list_is_one() -> None:
    """A list of one is as if there were no list, and takes what belongs to one provider."""
    client: Any = Client(["http://h/v1"], api_key="k")
    assert (client._routing, client._provider.config.provider) == (None, "h")
    assert client._provider.config.auth["api_key"] == {"Authorization": "Bearer k"}
    assert Client("http://h/v1").base_url == "http://h/v1"


def test_a_key_in_a_dict() -> None:
    """It belongs to that provider alone; one given beside the dict wins."""
    for given, wanted in [(None, "k"), ("other", "other")]:
        client: Any = Client({"base_url": "http://h", "api_key": "k"}, api_key=given)
        assert client._provider.config.auth["api_key"] == {"Authorization": f"Bearer {wanted}"}
    with pytest.raises(ConfigError, match=r"^api_key: of type int"):
        Client({"base_url": "http://h", "api_key": 5})


def test_variables_go_to_those_that_have_them() -> None:
    """One that nobody has is refused."""
    regional = {"name": "r", "base_url": "https://{region}.example/v1", "variables": {"region": []}}
    client: Any = Client(["groq", regional], variables={"region": "eu"})
    assert client._routing.providers[1].config.base_url == "https://eu.example/v1"
    with pytest.raises(ConfigError, match=r"^variables: 'zone': none of the providers has such a variable"):
        Client(["groq", regional], variables={"region": "eu", "zone": "1"})


@pytest.mark.parametrize(
    ("providers", "settings", "message"),
    [
        (["groq", "together"], {"api_key": "k"}, "^api_key: each of several providers has its own: "),
        (["groq", "together"], {"admin_key": "k"}, "^admin_key: each"),
        (["groq", "together"], {"base_url": "http://h"}, "^base_url: each"),
        (["groq", "together"], {"headers": {"X-Token": "t"}}, "^headers.X-Token: all of the providers would get it"),
        ([], {}, "^provider: an empty list"),
        (["groq", "together"], {"routing": "random"}, "^routing: 'random', wanted order, round_robin, latency"),
        ("groq", {"routing": "random"}, "^routing: 'random'"),
        (["groq", 5], {}, "^provider: of type int"),
    ],
)
def test_settings_that_several_cannot_have(providers: Any, settings: dict[str, Any], message: str) -> None:
    """The error says what belongs where."""
    with pytest.raises(ConfigError, match=message):
        Client(providers, **settings)


def test_a_header_that_is_taken_away_is_no_credential() -> None:
    """It is for all of them."""
    client = by_latency(headers={"Authorization": None})
    assert "Authorization" not in client.embeddings.create(model="m", input="x").sent[0].plan.headers


def test_a_call_that_was_refused_is_let_go_of() -> None:
    """Nothing holds what was to be sent when the error is gone: no garbage collection is needed."""

    class Body(dict[str, Any]):
        pass

    body = Body(model="\ud800")
    gone, client = weakref.ref(body), by_latency()
    gc.disable()
    try:
        with contextlib.suppress(ValidationError):
            client.embeddings.create(body)
        del body
        assert gone() is None
    finally:
        gc.enable()


def test_a_credential_of_one_call_goes_to_nobody() -> None:
    """Whose it is cannot be told. A header taken away, and one that is no secret, go to all."""
    client = by_latency()
    with pytest.raises(ValidationError, match=r"^extra_headers: X-Token: all of the providers would get it"):
        client.embeddings.create(model="m", input="x", extra_headers={"X-Token": "t"})
    call = client.embeddings.create(model="m", input="x", extra_headers={"Authorization": None, "X-A": "b"})
    assert "Authorization" not in call.sent[0].plan.headers
    with pytest.raises(ValidationError, match="is no header name"):
        client.embeddings.create(model="m", input="x", extra_headers={5: "t"})


def test_a_scripted_client_of_several() -> None:
    """The script answers whoever is asked."""
    script = [answer(b"busy", 503), answer({"id": "m"})]
    client = ScriptedClient(script, provider=["groq", "together"], max_retries=0)
    assert client.embeddings.create(model="m", input="x")._provider == "together"
    assert [plan.url for plan in client.sent] == [
        "https://api.groq.com/openai/v1/embeddings",
        "https://api.together.xyz/v1/embeddings",
    ]
    waiting = AsyncScriptedClient(script, provider=["groq", "together"], max_retries=0)
    assert asyncio.run(_awaited(waiting.embeddings.create(model="m", input="x")))._provider == "together"


async def _awaited(call: Any) -> Any:
    return await call
