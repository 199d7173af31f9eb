"""What goes wrong when the local server is told to fail: each fault is, for a client, the error that it stands for."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from faces import SyncFace

from oai_dyn import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    ConfigError,
    DecodeError,
    InternalServerError,
    RateLimitError,
    StreamTruncated,
    Timeout,
)
from oai_dyn.command import main
from oai_dyn.retry import wait_before
from oai_dyn.server import running
from oai_dyn.server.faults import FAULTS, Faults

HELLO = [{"role": "user", "content": "Hello there, you"}]

#: Rows that stream, each with a request.
SAID: dict[str, dict[str, Any]] = {
    "chat.completions.create": {"model": "m", "messages": HELLO},
    "completions.create": {"model": "m", "prompt": "p"},
    "responses.create": {"model": "m", "input": "hi"},
    "beta.threads.create_and_run": {"assistant_id": "asst_1"},
}

#: How long is waited for an answer: a stall is an error soon, what is slow is none.
WAITS = {"stall": Timeout(first_event=0.2), "stall-mid": Timeout(first_event=10, idle=0.2)}
PATIENT = Timeout(first_event=10, idle=10)

#: The error of each fault in a plain call, and in a stream.
ERRORS: dict[str, tuple[type[APIError], type[APIError]]] = {
    "429": (RateLimitError, RateLimitError),
    "429-date": (RateLimitError, RateLimitError),
    "429-ms": (RateLimitError, RateLimitError),
    "500": (InternalServerError, InternalServerError),
    "502": (InternalServerError, InternalServerError),
    "503": (InternalServerError, InternalServerError),
    "reset": (APIConnectionError, APIConnectionError),
    "reset-mid": (APIConnectionError, StreamTruncated),
    "stall": (APITimeoutError, APITimeoutError),
    "stall-mid": (APITimeoutError, APITimeoutError),
    "truncate": (APIConnectionError, StreamTruncated),
    "error-event": (InternalServerError, InternalServerError),
    "malformed": (DecodeError, DecodeError),
}

#: Faults that come before anything of an answer.
EARLY = {"429", "429-date", "429-ms", "500", "502", "503", "reset", "stall"}


def seen(url: str) -> dict[str, Any]:
    """What the server says it has seen."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", "/_seen")
        return dict(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


@pytest.fixture(params=FAULTS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each fault by itself."""
    return str(request.param)


@pytest.fixture
def url(kind: str) -> Iterator[str]:
    """A server on which every request meets the fault."""
    with running(faults=[kind]) as url:
        yield url


def test_every_fault_has_an_error() -> None:
    """The table of this file is that of the server."""
    assert list(ERRORS) == list(FAULTS)
    assert {kind for kind, fault in FAULTS.items() if fault.early} == EARLY


def test_a_plain_call_meets_the_error(url: str, kind: str, face: SyncFace) -> None:
    """Of its class exactly, and the server has counted it."""
    with pytest.raises(ERRORS[kind][0]) as caught:
        face.wait(face.client(base_url=url, timeout=WAITS.get(kind, PATIENT)).chat.completions.create(model="m", messages=HELLO))
    assert type(caught.value) is ERRORS[kind][0]
    counts = seen(url)
    assert (counts["requests"], counts["faults"]) == (1, {kind: 1})
    assert counts["rows"] == ({} if kind in EARLY else {"chat.completions.create": 1})
    answered = [] if kind in ("reset", "stall") else [str(caught.value.status) if kind[0].isdigit() else "200"]
    assert list(counts["statuses"]) == answered


@pytest.mark.parametrize("row", SAID)
def test_a_stream_meets_the_error(url: str, kind: str, face: SyncFace, row: str) -> None:
    """In the middle, after some of its events, where the fault comes in the middle."""
    client, events = face.client(base_url=url, timeout=WAITS.get(kind, PATIENT)), []
    with pytest.raises(ERRORS[kind][1]) as caught:
        for event in face.iterate(client.call(row, {**SAID[row], "stream": True})):
            events.append(event)
    assert type(caught.value) is ERRORS[kind][1]
    assert bool(events) == (kind not in EARLY)


def test_what_has_no_body_has_no_middle(url: str, kind: str, face: SyncFace) -> None:
    """An answer without content comes whole where the fault is one of the middle; an error may take its place."""
    client = face.client(base_url=url, timeout=WAITS.get(kind, PATIENT))
    if kind in EARLY | {"error-event"}:
        with pytest.raises(ERRORS[kind][0]):
            face.wait(client.responses.delete("resp_1"))
    else:
        assert face.wait(client.responses.delete("resp_1")) is None
        assert face.wait(client.responses.delete("resp_1")) is None


@pytest.mark.parametrize("kind", ["429", "500", "reset"])
def test_an_upload_meets_the_error(url: str, kind: str, face: SyncFace) -> None:
    """It is read to its end first, so that the error is seen and no broken pipe."""
    with pytest.raises(ERRORS[kind][0]):
        face.wait(face.client(base_url=url).files.create(file=b"x" * 5_000_000, purpose="batch"))


@pytest.mark.parametrize(("kind", "least", "most"), [("429", 1.0, 1.0), ("429-date", 0.5, 2.0), ("429-ms", 0.25, 0.25)])
def test_the_wait_that_is_asked_for_is_obeyed(url: str, kind: str, least: float, most: float, face: SyncFace) -> None:
    """Retry-After in seconds, as a date, and in milliseconds."""
    with pytest.raises(RateLimitError) as caught:
        face.wait(face.client(base_url=url).models.list())
    assert caught.value.code == "rate_limit_exceeded"
    assert least <= (wait_before(1, caught.value, False, time.time()) or 0) <= most


def test_a_fault_that_passes_is_retried(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a rate below 1 it meets some requests; the answer is the one that comes without the fault."""
    monkeypatch.setattr("backoff.full_jitter", lambda bound: 0.0)
    seed = next(seed for seed in range(99) if [bool(Faults(["500:0.5"], seed).met_by(n)) for n in (1, 2)] == [True, False])
    with running(faults=["500:0.5"], seed=seed) as url, running() as fine:
        replies = [
            face.wait(face.client(base_url=one, max_retries=1).chat.completions.create(model="m", messages=HELLO))
            for one in (url, fine)
        ]
        assert seen(url)["statuses"] == {"500": 1, "200": 1}
        assert replies[0]["choices"][0]["message"] == replies[1]["choices"][0]["message"]


def test_the_same_requests_meet_a_fault_each_time() -> None:
    """By their numbers and the seed alone; about as many as the rate says; of several faults the first that comes."""

    def met(*wanted: str, seed: int = 0) -> list[str | None]:
        faults = Faults(wanted, seed)
        return [faults.met_by(number) for number in range(1, 1001)]

    assert met("429:0.3") == met("429:0.3")
    assert met("429:0.3") != met("429:0.3", seed=1)
    assert 250 < met("429:0.3").count("429") < 350
    both = met("429:0.5", "500:0.5", "503")
    assert None not in both
    assert 450 < both.count("429") < 550
    assert 200 < both.count("500") < 300
    assert met() == met("reset:0") == [None] * 1000
    assert met("reset") == met("reset:1") == ["reset"] * 1000


@pytest.mark.parametrize("wanted", ["", "418", "429:", "429:often", "429:1.5", "429:-0.1", "429:nan", "stall-mid:1:1"])
def test_a_fault_that_is_none_is_refused(wanted: str) -> None:
    """Before anything listens, with the kinds that there are or what the rate should be."""
    says = "wanted a number from 0 to 1" if ":" in wanted else "429, 429-date, 429-ms, 500, 502, 503, reset, reset-mid"
    with pytest.raises(ConfigError, match=says), running(faults=[wanted]):
        pytest.fail("a server with a fault that is none")


@pytest.mark.parametrize("kind", ["stall", "stall-mid"])
def test_a_stall_ends_when_the_client_leaves(kind: str, face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left that the server would have to wait for."""
    monkeypatch.setattr("oai_dyn.server.PATIENCE", 60)
    with running(faults=[kind]) as url:
        client = face.client(base_url=url, timeout=WAITS.get(kind, PATIENT))
        with pytest.raises(APITimeoutError):
            face.wait(client.models.list())
        with pytest.raises(APITimeoutError):
            list(face.iterate(client.chat.completions.create(model="m", messages=HELLO, stream=True)))
        started = time.monotonic()
    assert time.monotonic() - started < 10


def test_a_refused_request_may_meet_a_fault_too(face: SyncFace) -> None:
    """What is wrong with the request is said in an answer, and that may break off."""
    with running(faults=["truncate"]) as url, pytest.raises(APIError):
        face.wait(face.client(base_url=url).chat.completions.create(model="m", messages="none"))


def test_the_command_refuses_a_fault_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with exit code 2."""
    assert main(["serve", "--port", "0", "--fault", "429", "--fault", "teapot"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("oai-dyn: serve: fault 'teapot': wanted KIND or KIND:RATE, with a kind of 429, 429-date,")
