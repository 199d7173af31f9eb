"""What takes the steps of a call, with a wire made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from oai_dyn import Client, StreamError
from oai_dyn.exchange import Exchange, Failure, at_once
from oai_dyn.wire import Ask, Head, Headers, Read, Secret, Send, Sleep


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
