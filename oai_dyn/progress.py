"""What one call has come to so far, and who is told of it.

Rules of this file: no waiting; time is read from the clock that the flow was given.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .plan import redacted
from .verdicts import concealed_reply
from .wire import Attempt, Call, Notice, Reply

log = logging.getLogger("oai_dyn")


class Progress:
    """What one call has come to so far. `reply` is the answer of this attempt, as far as it is known.

    number counts attempts over all providers, tries those of this one.
    """

    def __init__(self, call: Call, clock: Callable[[], float]) -> None:
        self.call = call
        self.clock = clock
        self.started = self.attempt_started = clock()
        self.number = self.tries = 0
        self.attempts: tuple[Attempt, ...] = ()
        self.given = False
        self.unheard = call.config.hook is None and not log.isEnabledFor(logging.DEBUG)
        self.reply: Reply | None = None
        self.end = None if call.timeout.total is None else self.started + call.timeout.total

    def begin_attempt(self) -> None:
        """Another try: number it, and start its clock."""
        self.number, self.tries = self.number + 1, self.tries + 1
        self.attempt_started = self.clock()
        self.reply = None

    def turn_to(self, call: Call) -> None:
        """Go on with the call to another provider. The end of the whole stays where it is."""
        self.call, self.tries = call, 0

    def deadline(self, seconds: float | None, since: float, why: str) -> tuple[float | None, str]:
        """The sooner of a wait that began at `since` and the end of the whole call, and which of them it is."""
        if seconds is None or (self.end is not None and self.end <= since + seconds):
            return self.end, "total"
        return since + seconds, why

    def with_this(self, status: int | None, error: str | None = None, wait: float | None = None) -> tuple[Attempt, ...]:
        """All attempts so far, and this one."""
        elapsed = self.clock() - self.attempt_started
        return (*self.attempts, Attempt(self.number, status, error, elapsed, wait, self.call.config.provider))

    def answered(self, reply: Reply, body: bytes = b"", data: Any = None) -> Reply:
        """The answer with all that is known of it by now."""
        attempts, elapsed = self.with_this(reply.status), self.clock() - self.started
        return Reply(reply.status, reply.headers, body, data, attempts, elapsed, self.call.config.provider)

    def tell(self, kind: str, error: BaseException | None = None) -> None:
        """Tell the hook and the log; a hook that raises is logged and changes nothing."""
        if self.unheard:
            return
        name = None if error is None else type(error).__name__
        reply = concealed_reply(self.reply, self.call)
        elapsed, provider = self.clock() - self.started, self.call.config.provider
        notice = Notice(kind, redacted(self.call.plan), reply, self.number, elapsed, name, None, provider)
        status, what = reply and reply.status, f" {name}" if name else ""
        log.debug("%s %r attempt %d status %s after %.3f s%s", kind, notice.plan, self.number, status, notice.elapsed, what)
        tell(self.call, notice)


def tell(call: Call, notice: Notice) -> None:
    """Give a notice to the hook, if there is one; a hook that raises is logged and changes nothing."""
    if call.config.hook is not None:
        try:
            call.config.hook(notice)
        except Exception:
            log.exception("the hook failed")
