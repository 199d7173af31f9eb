"""A call made without a network: its flow is fed by hand, on a clock that stands still until it is moved.

    call = by_hand(max_retries=1).chat.completions.create(model="m", stream=True)
    call.head(503, {"retry-after": "7"}); call.read()          # an error status, and the end of its body
    assert call.slept == [7.0]
    call.head(); call.read(b'data: {"id": 1}\\n\\n')
    assert call.given == [{"id": 1}]
    call.time_out()                                            # raises what the user would get

`step` is the Ask, Send or Read that the flow waits on; every answer goes on to the next one. Sleeps pass at
once and move the clock, what is given to the user is collected. When the call is over, `step` is None and
`result` is what it returned; an error is raised out of the answer that caused it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oai_dyn.client import BaseClient
from oai_dyn.errors import APIConnectionError, APITimeoutError
from oai_dyn.flow import run
from oai_dyn.wire import Ask, Call, Given, Head, Headers, Opened, Read, Reply, Secret, Send, Sleep

#: Where both clocks begin: the monotonic one, and the seconds since the epoch.
START, EPOCH = 1000.0, 1_800_000_000.0

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


class Hand:
    """One call that waits for its outcomes to be given."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.clock = START
        self.sent: list[Send] = []
        self.slept: list[float] = []
        self.given: list[Any] = []
        self.opened: list[Reply] = []
        self.result: Any = None
        self.pause = 0.0  # how long the user takes over each batch of events
        self._flow = run(call, lambda: self.clock, lambda: EPOCH + self.clock - START)
        self.step: Ask | Send | Read | None = None
        self._advance(None)

    @property
    def patience(self) -> float | None:
        """How much longer the flow would wait in the step it stands at; None for ever."""
        assert self.step is not None
        return None if self.step.deadline is None else round(self.step.deadline - self.clock, 6)

    @property
    def why(self) -> str:
        """What set that wait."""
        assert self.step is not None
        return self.step.why

    def head(self, status: int = 200, headers: Mapping[str, str] = SSE, *, after: float = 0.0) -> None:
        """The head of an answer comes, so many seconds later."""
        assert isinstance(self.step, Send), self.step
        self.clock += after
        self._advance(Head(status, Headers(headers.items())))

    def token(self, text: str, *, after: float = 0.0) -> None:
        """The callable that was asked gives a token, so many seconds later."""
        assert isinstance(self.step, Ask), self.step
        self.clock += after
        self._advance(Secret(text))

    def read(self, data: bytes = b"", *, after: float = 0.0) -> None:
        """Bytes of the body come, or (without any) its end, so many seconds later."""
        assert isinstance(self.step, Read), self.step
        self.clock += after
        self._advance(data)

    def fail(self, *, sent: bool = True, after: float = 0.0) -> None:
        """The connection fails, so many seconds later."""
        error = APIConnectionError("the connection failed: by hand")
        error.sent = sent
        self.clock += after
        self._advance(error)

    def time_out(self) -> None:
        """Nothing comes until the flow's patience ends."""
        assert self.step is not None
        assert self.step.deadline is not None
        self.clock = max(self.clock, self.step.deadline)
        self._advance(APITimeoutError(f"time ran out: {self.step.why}"))

    def _advance(self, outcome: Any) -> None:
        resume = self._flow.throw if isinstance(outcome, Exception) else self._flow.send
        self.step = None
        while True:
            try:
                step = resume(outcome)
            except StopIteration as end:
                self.result = end.value
                return
            resume, outcome = self._flow.send, None
            match step:
                case Sleep(seconds):
                    self.slept.append(seconds)
                    self.clock += seconds
                case Opened(reply):
                    self.opened.append(reply)
                case Given(items):
                    self.given += items
                    self.clock += self.pause
                case Send():
                    self.sent.append(step)
                    break
                case _:
                    break
        self.step = step


class _ByHand(BaseClient):
    """A client whose calls are `Hand`s."""

    def _start(self, call: Call) -> Hand:
        return Hand(call)


def by_hand(**settings: Any) -> Any:
    """A client without a network."""
    return _ByHand(**{"api_key": "test-key", "base_url": "http://127.0.0.1:9", "max_retries": 0, **settings})
