"""The scripted clients that people use in tests of their own: the same plan and flow, without a network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from kinds import DataChat, DataUsage

from oai_dyn import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    InternalServerError,
    RateLimitError,
    Reply,
    StreamTruncated,
    ValidationError,
)
from oai_dyn.testing import Answer, AsyncScriptedClient, ScriptedClient, answer, stream

Run = Callable[..., Any]


class Sync:
    """The synchronous face."""

    client = ScriptedClient

    def wait(self, result: Any) -> Any:
        """A call's result."""
        return result

    def items(self, result: Any) -> list[Any]:
        """Everything that a call gives."""
        return list(result)


class Async(Sync):
    """The asynchronous face, on a loop of its own for each call."""

    client = AsyncScriptedClient  # type: ignore[assignment]

    def wait(self, result: Any) -> Any:
        """A call's result."""

        async def waited() -> Any:
            return await result

        return asyncio.run(waited())

    def items(self, result: Any) -> list[Any]:
        """Everything that a call gives."""

        async def walked() -> list[Any]:
            return [item async for item in result]

        return asyncio.run(walked())


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def scripted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sync:
    """Both faces, where no connection can be made."""

    def refuse(*arguments: Any, **keywords: Any) -> Any:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("time.sleep", refuse)
    face: Sync = request.param()
    return face


def test_answers_are_played(scripted: Sync) -> None:
    """JSON as it is given, in the order of the script; what was sent can be looked at."""
    client = scripted.client([answer({"id": "c1"}), answer([1]), answer(None)])
    made = scripted.wait(client.chat.completions.create(model="m", messages=[]))
    assert (made.id, scripted.wait(client.request("GET", "/x")), scripted.wait(client.request("GET", "/y"))) == ("c1", [1], None)
    first, second, _ = client.sent
    assert (first.method, first.url) == ("POST", "http://scripted.invalid/v1/chat/completions")
    assert first.body == b'{"model":"m","messages":[]}'
    assert first.headers["Authorization"].startswith("Bearer ")
    assert (second.method, second.url) == ("GET", "http://scripted.invalid/v1/x")


def test_answers_of_the_users_own_classes(scripted: Sync) -> None:
    """An object in an answer is written by its own protocol, and `into` reads it back."""
    chat = DataChat("m", [], DataUsage(1))
    client = scripted.client([answer(chat)])
    assert scripted.wait(client.chat.completions.create(model="m", into=DataChat)) == chat


def test_status_headers_and_bytes(scripted: Sync) -> None:
    """An answer may be anything that a server sends."""
    client = scripted.client([answer(b"raw", 202, {"X-Request-Id": "req-1", "Content-Type": "text/plain"})])
    whole = scripted.wait(client.request("GET", "/x", into=Reply))
    assert (whole.status, whole.request_id, whole.body) == (202, "req-1", b"raw")
    assert answer({}, headers={"content-type": "text/json"}).headers == {"content-type": "text/json"}


def test_streams_are_played(scripted: Sync) -> None:
    """Events as JSON, then what ends a stream."""
    client = scripted.client([stream([{"a": 1}, {"a": 2}]), stream([{"type": "response.completed"}], done=None)])
    assert [one.a for one in scripted.items(client.chat.completions.create(model="m", stream=True))] == [1, 2]
    assert len(scripted.items(client.responses.create(model="m", stream=True))) == 1


def test_a_stream_may_be_cut(scripted: Sync) -> None:
    """Without its end it is as any cut stream."""
    client = scripted.client([stream([{"a": 1}], done=None)])
    with pytest.raises(StreamTruncated) as caught:
        scripted.items(client.chat.completions.create(model="m", stream=True))
    assert caught.value.received == 1


def test_pieces_are_the_users_to_choose(scripted: Sync) -> None:
    """An answer's pieces come one by one; empty ones do not end it."""
    pieces = (b"data: {", b"", b'"a": 1}\n', b"\ndata: [DONE]\n\n")
    client = scripted.client([Answer(200, {"content-type": "text/event-stream"}, pieces)])
    assert [one.a for one in scripted.items(client.chat.completions.create(model="m", stream=True))] == [1]


def test_a_file_is_played(scripted: Sync) -> None:
    """A binary answer as any other."""
    client = scripted.client([Answer(200, {}, (b"ab", b"c"))])
    assert scripted.items(client.files.content("f")) == [b"ab", b"c"]


def test_pages_are_played(scripted: Sync) -> None:
    """Each page is an answer of the script."""
    pages = [{"data": [{"id": "a"}], "has_more": True}, {"data": [{"id": "b"}], "has_more": False}]
    client = scripted.client([answer(page) for page in pages])
    assert [one.id for one in scripted.items(client.files.list())] == ["a", "b"]
    assert client.sent[1].url.endswith("/files?after=a")


def test_retries_are_played_without_waiting(scripted: Sync) -> None:
    """What would have been waited is written down."""
    failures = [answer({"error": "no"}, 429, {"retry-after": "7"}), answer({}, 500, {"retry-after": "1"})]
    client = scripted.client([*failures, answer({"id": 1})])
    assert scripted.wait(client.models.retrieve("m")).id == 1
    assert client.waits == [7.0, 1.0]
    assert len(client.sent) == 3


def test_errors_are_played(scripted: Sync) -> None:
    """A status is the error that it is; settings are the clients' own."""
    client = scripted.client([answer({"error": {"message": "slow"}}, 429), answer(b"down", 503)], max_retries=0)
    with pytest.raises(RateLimitError, match="HTTP 429: slow"):
        scripted.wait(client.models.retrieve("m"))
    with pytest.raises(InternalServerError, match="HTTP 503: down"):
        scripted.wait(client.models.retrieve("m"))
    with pytest.raises(ValidationError):
        scripted.wait(client.files.retrieve(".."))


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        (ConnectionResetError(104, "reset"), APIConnectionError),
        (TimeoutError(), APITimeoutError),
        (APITimeoutError("own"), APITimeoutError),
        (RateLimitError("own", status=429), RateLimitError),
    ],
    ids=repr,
)
def test_failures_are_played(scripted: Sync, error: Exception, cls: type[Exception]) -> None:
    """An exception in the script is a connection that fails, or the error itself where it is ours."""
    client = scripted.client([error], max_retries=0)
    with pytest.raises(cls):
        scripted.wait(client.models.retrieve("m"))


def test_a_mistake_is_no_failure_of_a_connection(scripted: Sync) -> None:
    """An exception that no connection raises comes through as it is."""
    client = scripted.client([NameError("mistake")])
    with pytest.raises(NameError, match="mistake"):
        scripted.wait(client.models.retrieve("m"))


def test_a_script_that_is_over_is_an_error(scripted: Sync) -> None:
    """A request that nobody wrote an answer for is told with its method and path, and is not tried again."""
    client = scripted.client([])
    with pytest.raises(
        APIError, match=r"the script has no answer to <Plan models\.list: GET http://scripted\.invalid/v1/models>"
    ):
        scripted.wait(client.models.list())
    assert len(client.sent) == 1
    assert client.waits == []


def test_settings_are_the_usual_ones(scripted: Sync) -> None:
    """Provider, key, address and hook as with the real clients."""
    kinds: list[str] = []
    settings = {"provider": "groq", "api_key": "k", "base_url": None}
    client = scripted.client([answer({})], **settings, hook=lambda notice: kinds.append(notice.kind))
    scripted.wait(client.models.retrieve("m"))
    assert client.sent[0].url == "https://api.groq.com/openai/v1/models/m"
    assert client.sent[0].headers["Authorization"] == "Bearer k"
    assert kinds == ["attempt", "end"]


def test_they_are_context_managers() -> None:
    """As the real clients are, and closing them closes nothing."""
    with ScriptedClient([answer({"id": 1})]) as client:
        assert client.models.retrieve("m").id == 1
    client.close()

    async def main() -> None:
        async with AsyncScriptedClient([answer({"id": 1})]) as client:
            assert (await client.models.retrieve("m")).id == 1
        await client.close()

    run(main())


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop of its own."""
    asyncio.run(main)


def test_a_stream_that_is_left_is_closed(scripted: Sync) -> None:
    """Leaving it early drops the rest of its answer, and the next call gets the next one."""
    kinds: list[str] = []
    client = scripted.client([stream([{"a": 1}, {"a": 2}]), answer({"id": 1})], hook=lambda notice: kinds.append(notice.kind))
    opened = scripted.wait(client.chat.completions.create(model="m", stream=True))
    scripted.wait(opened.close()) if isinstance(scripted, Async) else opened.close()
    assert scripted.wait(client.models.retrieve("m")).id == 1
    assert kinds[:2] == ["attempt", "close"]


def test_the_provider_comes_second(scripted: Sync) -> None:
    """As it comes first for a client: the script stands before it."""
    client = scripted.client([answer({"id": "c"})], "groq")
    scripted.wait(client.chat.completions.create(model="m", messages=[]))
    assert client._provider.config.provider == "groq"
