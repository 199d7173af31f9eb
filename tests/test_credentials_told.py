"""Credentials from a callable: what goes wrong with one, what is shown of it, and which header a profile gives it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from by_hand import by_hand
from faces import SyncFace
from hostile import HostileServer, json_reply
from leaks import leaks, shown, shown_by_frames
from tokens import TOKEN, WAYS, AsyncSource, Source, a_turn, lasting, sent

from oai_dyn import APITimeoutError, AuthenticationError, Client, ConfigError, Notice
from oai_dyn.testing import AsyncScriptedClient, ScriptedClient, answer
from oai_dyn.wire import PENDING

# What goes wrong ------------------------------------------------------------------------------------------------------


class Unreadable:
    """An object whose expiry cannot be had."""

    token = f"{TOKEN}x"

    @property
    def expires_on(self) -> float:
        """Raise, with the token in the words."""
        raise RuntimeError(self.token)


WRONG: dict[str, tuple[Any, str]] = {
    "None": (None, "an object of type NoneType, wanted text"),
    "number": (12345678, "an object of type int"),
    "bytes": (TOKEN.encode(), "an object of type bytes"),
    "dict": ({"access_token": TOKEN}, "an object of type dict"),
    "triple": ((TOKEN, 1, 2), "an object of type tuple"),
    "bytes within": ((TOKEN.encode(), 1), "an object of type tuple with a token of type bytes"),
    "expiry as text": ((TOKEN, "1700000000"), "an expiry of type str, wanted seconds since the epoch or a datetime"),
    "expiry as bool": ((TOKEN, True), "an expiry of type bool"),
    "unreadable": (Unreadable(), "an object of type Unreadable that raises RuntimeError"),
    "empty": ("", "an empty text"),
}


@pytest.mark.parametrize("way", ["function", "async function"])
@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_token_is_told_by_its_type(face: SyncFace, case: str, way: str) -> None:
    """A ConfigError that names the setting and the type, and shows nothing of the value; nothing is sent."""
    value, words = WRONG[case]
    notices: list[Notice] = []
    with HostileServer() as server:
        client = face.client(base_url=server.url, api_key=WAYS[way](Source(lambda _: value)), hook=notices.append)
        with pytest.raises(ConfigError, match=f"^api_key: its callable gave {words}") as caught:
            face.wait(client.models.list())
    assert server.accepted == 0
    assert [(one.kind, one.error) for one in notices] == [("end", "ConfigError")]
    for found in (shown(caught.value), shown_by_frames(caught.value)):
        assert leaks(found, TOKEN, "12345678", "1700000000") == []


@pytest.mark.parametrize("scheme", ["bearer", "header:api-key", "query:key"])
@pytest.mark.parametrize("bad", ["\n", "\x00", "\N{SNOWMAN}", "\ud800"], ids=ascii)
def test_a_token_that_cannot_be_sent(face: SyncFace, scheme: str, bad: str) -> None:
    """The same rule as for a key, without the value."""
    with HostileServer() as server:
        client = face.client(provider={"base_url": server.url, "auth": scheme}, api_key=lambda: TOKEN + bad)
        with pytest.raises(ConfigError, match=r"^api_key: .*control or non-ASCII characters") as caught:
            face.wait(client.models.list())
    assert server.accepted == 0
    for found in (shown(caught.value), shown_by_frames(caught.value)):
        assert leaks(found, TOKEN) == []


@pytest.mark.parametrize("way", WAYS)
def test_what_the_callable_raises_is_the_cause(face: SyncFace, way: str) -> None:
    """An AuthenticationError without a status, once, with the callable's own exception behind it and none of its words."""

    def fail(text: str) -> str:
        raise LookupError(f"no {text} in the vault")

    with HostileServer() as server:
        client = face.client(base_url=server.url, api_key=WAYS[way](Source(fail)), max_retries=2)
        with pytest.raises(AuthenticationError, match=r"^api_key: its callable failed with LookupError$") as caught:
            face.wait(client.models.list())
    error = caught.value
    assert (error.status, len(error.attempts), server.accepted) == (None, 1, 0)
    assert isinstance(error.__cause__, LookupError)


@pytest.mark.parametrize("way", WAYS)
def test_a_runtime_error_of_its_own_is_no_missing_loop(face: SyncFace, way: str) -> None:
    """Only a synchronous client that awaited something takes it for one."""

    def fail(text: str) -> str:
        raise RuntimeError("no vault")

    kind = ConfigError if face.name == "sync" and "async" in way else AuthenticationError
    with pytest.raises(kind) as caught:
        face.wait(face.client(base_url="http://127.0.0.1:9", api_key=WAYS[way](Source(fail))).models.list())
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_what_is_ours_passes_as_it_is(face: SyncFace) -> None:
    """A callable that has a client of its own tells of its errors."""

    def fail(_: str) -> str:
        raise APITimeoutError("time ran out: connect")

    with pytest.raises(APITimeoutError, match="time ran out: connect"):
        face.wait(face.client(base_url="http://127.0.0.1:9", api_key=Source(fail)).models.list())


def test_neither_text_nor_callable(face: SyncFace) -> None:
    """A setting of another type is refused at once."""
    for name in ("api_key", "admin_key"):
        with pytest.raises(ConfigError, match=f"^{name}: of type bytes, wanted text or a callable$"):
            face.client(base_url="http://127.0.0.1:9", **{name: b"k"})


def a_second() -> Awaitable[None]:
    """A wait that needs a running loop."""
    return asyncio.sleep(1)


@pytest.mark.parametrize("waits", [a_second, a_turn])
def test_a_synchronous_client_cannot_wait(waits: Callable[[], Any]) -> None:
    """A ConfigError says which client can; the client is good for more."""
    source = AsyncSource(waits=waits)
    with HostileServer([json_reply({})]) as server, Client(base_url=server.url, api_key=source) as client:
        for _ in range(2):
            with pytest.raises(ConfigError, match="its callable waits for an event loop: use AsyncClient, or give a synchronous"):
                client.models.list()
        source._waits = None
        client.models.list()
    assert sent(server) == ["1"]


def test_a_synchronous_client_cannot_wait_within_a_loop() -> None:
    """As in a notebook, where a loop runs around it."""
    source = AsyncSource(waits=a_second)

    async def main() -> None:
        with Client(base_url="http://127.0.0.1:9", api_key=source) as client, pytest.raises(ConfigError, match="use AsyncClient"):
            client.models.list()

    asyncio.run(main())


# What is shown --------------------------------------------------------------------------------------------------------


@pytest.fixture
def notices() -> list[Notice]:
    """What a hook was told."""
    return []


@pytest.mark.parametrize("scheme", ["bearer", "header:X-Sub", "query:key"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_token_is_shown_nowhere(
    face: SyncFace, caplog: pytest.LogCaptureFixture, notices: list[Notice], scheme: str, stream: bool
) -> None:
    """Not by a server that quotes it, the first one neither; not in notices, logs, reprs, locals and pickles."""
    source = Source(lasting)
    said = {"error": {"message": f"no {TOKEN}1 and {TOKEN}2", "code": f"{TOKEN}1", "param": f"{TOKEN}2"}}
    script = [json_reply(said, 401, [("X-Echo", f"{TOKEN}1")]), json_reply(said, 401, [("X-Echo", f"Bearer {TOKEN}2")])]
    with HostileServer(script) as server, caplog.at_level(logging.DEBUG):
        client = face.client(
            provider={"base_url": server.url, "auth": scheme}, api_key=source, hook=notices.append, max_retries=1
        )
        with pytest.raises(AuthenticationError) as caught:
            result = client.chat.completions.create(model="m", messages=[], stream=stream)
            list(face.iterate(result)) if stream else face.wait(result)
        printed = [repr(client), repr(client._provider.config), repr(client._provider.config.asked), repr(vars(client))]
    assert [f"{TOKEN}{n}" in repr((one.target, one.headers)) for n, one in enumerate(server.requests, 1)] == [True, True]
    assert leaks(shown(caught.value), TOKEN) == []
    assert leaks(shown_by_frames(caught.value), TOKEN) == []
    logged = "".join(record.getMessage() + repr(vars(record)) for record in caplog.records)
    assert [one.kind for one in notices] == ["attempt", "end"]
    assert TOKEN not in logged + repr(notices) + "".join(printed)
    for one in notices:
        assert TOKEN not in repr((one.plan.headers, one.plan.url, one.plan.hidden))


def test_a_function_is_not_shown(face: SyncFace) -> None:
    """It may have secrets of its own, as a partial of one shows."""
    from functools import partial

    function = partial(lambda secret: None, f"{TOKEN}p")
    with pytest.raises(ConfigError) as wrong:
        face.client(base_url="nowhere", api_key=function)
    client = face.client(base_url="http://127.0.0.1:9", api_key=function)
    with pytest.raises(ConfigError) as caught:
        face.wait(client.models.list())
    for error in (wrong.value, caught.value):
        assert leaks(shown(error), TOKEN) == []
        assert leaks(shown_by_frames(error), TOKEN) == []


# Schemes and the environment ------------------------------------------------------------------------------------------


AZURE = {"auth": "header:api-key", "token_auth": "bearer", "api_key_env": ["P_API_KEY"], "token_env": ["P_TOKEN"]}


@pytest.mark.parametrize(
    ("environ", "api_key", "key", "token"),
    [
        ({}, "k", "k", None),
        ({}, lambda: "t", None, "Bearer t"),
        ({"P_API_KEY": "k"}, None, "k", None),
        ({"P_TOKEN": " t\n"}, None, None, "Bearer t"),
        ({"P_API_KEY": "k", "P_TOKEN": "t"}, None, None, "Bearer t"),
        ({"P_TOKEN": "t"}, "k", "k", None),
        ({"P_TOKEN": "t"}, "", None, None),
    ],
)
def test_a_token_travels_otherwise_than_a_key(
    face: SyncFace, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], api_key: Any, key: str | None, token: str | None
) -> None:
    """As Azure has it: a key in `api-key`, a token as bearer; one of the environment's goes before a key of its."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with HostileServer([json_reply({})]) as server:
        face.wait(face.client(provider={**AZURE, "base_url": server.url}, api_key=api_key).models.list())
    assert (server.requests[0].header("api-key"), server.requests[0].header("Authorization")) == (key, token)


def test_a_token_of_the_environments_stays_at_home(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes to the profile's own address alone, and is no admin key; a callable goes where the client goes."""
    monkeypatch.setenv("P_TOKEN", "t")
    with HostileServer([json_reply({}, 401), json_reply({}, 401), json_reply({})]) as server:
        home = face.client(provider={**AZURE, "base_url": server.url}, api_key=None)
        with pytest.raises(AuthenticationError):
            face.wait(home.admin.organization.projects.retrieve("p"))
        away = {"provider": {**AZURE, "base_url": "http://elsewhere"}, "base_url": server.url}
        with pytest.raises(AuthenticationError, match="P_API_KEY or P_TOKEN belongs to another address"):
            face.wait(face.client(**away, api_key=None).models.list())
        face.wait(face.client(**away, api_key=lambda: "mine").models.list())
    assert sent(server) == [None, None, "mine"]


@pytest.mark.parametrize("scheme", ["basic", "query", "query:", "none:x"])
@pytest.mark.parametrize("member", ["auth", "token_auth"])
def test_an_unknown_scheme(member: str, scheme: str) -> None:
    """The error names the member and the schemes there are."""
    with pytest.raises(ConfigError, match=f"^{member}: '{scheme}', wanted bearer, header:NAME, query:NAME or none$"):
        Client({"base_url": "http://127.0.0.1:9", member: scheme}, api_key=lambda: "t")


def test_a_header_that_is_no_name() -> None:
    """Told when the client is made, not at the first call."""
    with pytest.raises(ConfigError, match=r"^api_key: 'a b' is no header name"):
        Client({"base_url": "http://127.0.0.1:9", "auth": "header:a b"}, api_key=lambda: "t")


def test_a_service_that_wants_no_key_is_given_none(face: SyncFace) -> None:
    """And the callable is not asked."""
    source = Source()
    with HostileServer([json_reply({})]) as server:
        face.wait(face.client(provider={"base_url": server.url, "auth": "none"}, api_key=source).models.list())
    assert (source.asked, sent(server)) == (0, [None])


# Scripted clients -----------------------------------------------------------------------------------------------------


def test_a_script_asks_too() -> None:
    """The plans that were sent have the tokens; the wait before the second is none."""
    for source in (Source(lasting), AsyncSource(lasting)):
        scripted = ScriptedClient([answer({}, 401), answer({})], api_key=source)
        scripted.models.list()
        assert [plan.headers["Authorization"] for plan in scripted.sent] == [f"Bearer {TOKEN}1", f"Bearer {TOKEN}2"]
        assert scripted.waits == [0.0]


def test_a_script_asks_for_many_tasks() -> None:
    """Once."""
    source = AsyncSource(lasting, waits=a_turn)

    async def main() -> None:
        scripted = AsyncScriptedClient([answer({})] * 5, api_key=source)
        await asyncio.gather(*(scripted.models.list() for _ in range(5)))
        assert {plan.headers["Authorization"] for plan in scripted.sent} == {f"Bearer {TOKEN}1"}

    asyncio.run(main())
    assert source.asked == 1


def test_a_script_asks_for_many_threads() -> None:
    """Once."""
    source = Source(lasting, waits=lambda: time.sleep(0.05))
    scripted = ScriptedClient([answer({})] * 4, api_key=source)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: scripted.models.list(), range(4)))
    assert source.asked == 1


def test_a_plan_waits_for_its_token() -> None:
    """What stands in it until then is nothing, and is known by being that one object."""
    hand = by_hand(api_key=Source()).models.list()
    assert hand.call.plan.headers["Authorization"] is PENDING
    assert PENDING == ""
