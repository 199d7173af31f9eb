"""What takes the steps of a call, with a wire made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from oai_dyn import APITimeoutError, Client, StreamError
from oai_dyn.exchange import Exchange, Failure, at_once, failure_of
from oai_dyn.wire import Ask, Head, Headers, Plan, Read, Route, Secret, Send, Sleep


class Torn:
    """A wire whose read fails in a way of its own, after somebody else has closed the call if `closed`."""

    foreign = (OSError,)

    def __init__(self, closed: bool) -> None:
        self.closed = closed
        self.exchange: Exchange | None = None

    async def send(self, step: Send) -> Head:
        return Head(200, Headers([("content-type", "application/json")]))

    async def read(self, step: Read) -> bytes:
        assert self.exchange is not None
        self.exchange.closed = self.closed
        raise ValueError("the buffer is gone")

    async def sleep(self, step: Sleep) -> None:
        raise AssertionError("nothing is tried again")

    async def ask(self, step: Ask) -> Secret:
        raise AssertionError("nothing is asked for")

    def explained(self, error: Exception) -> Failure:
        raise AssertionError("it is no foreign error")

    def release(self) -> None:
        pass

    wake = release


@pytest.mark.parametrize(("closed", "kind"), [(True, StreamError), (False, ValueError)])
def test_what_a_wait_comes_to(closed: bool, kind: type[Exception]) -> None:
    """Of a call that was closed meanwhile it is that; of any other it is the defect that it is, and no weather."""
    with Client(api_key="k", base_url="http://127.0.0.1:9") as client:
        call = client._ready(client._provider, "models.list", (), {})
    wire: Any = Torn(closed)
    wire.exchange = Exchange(call, wire, lambda: 0.0)
    with pytest.raises(kind):
        at_once(wire.exchange.advance())


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure(False, False, "Connection refused"), "no connection to https://[::1]:9: Connection refused"),
        (Failure(False, True, "Connection reset by peer"), "no answer came from https://[::1]:9: Connection reset by peer"),
        (Failure(False, True), "no answer came from https://[::1]:9"),
        (Failure(True, False), "time ran out: connect to https://[::1]:9"),
        (Failure(True, True), "time ran out: first event"),
    ],
)
def test_a_failure_names_the_host(failure: Failure, words: str) -> None:
    """Scheme, host and port are told, so that a wrong address is seen; no user, no path, no query."""
    plan = Plan(Route("r", "GET", "/x"), "GET", "https://user:secret@[::1]:9/secret?secret=1", {}, None, False)
    error = failure_of(failure, Send(plan, None, None, "first event"))
    assert (str(error), error.sent, isinstance(error, APITimeoutError)) == (words, failure.sent, failure.timed_out)
