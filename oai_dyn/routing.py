"""Several providers of one client: in which order a call asks them, and the call made ready for each.

Rules of this file: no I/O, and no lock: what is known of a provider is one record, replaced as a whole. A provider that
cannot be given a call (its profile refuses a parameter, it has no such row) is passed by, in silence unless all do.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from .errors import ConfigError, LossWarning, OaiDynError, RouteError
from .multipart import keeping
from .routes import Table
from .wire import Call, Config

log = logging.getLogger("oai_dyn")

#: A provider that was not heard of for so long, in seconds, is asked again by one call.
STALE = 60.0

#: How long a provider that fails is put behind the others, in seconds: at first, and at most. Each further failure doubles it.
FIRST_BEHIND, LONGEST_BEHIND = 15.0, 240.0

#: After so many seconds a new figure counts as much as all before it.
HALF_LIFE = 10.0

#: What a new figure counts for at least, however soon it comes.
LEAST_WEIGHT = 0.1


class Provider(NamedTuple):
    """One provider of a client: its settings, and its rows."""

    config: Config
    routes: Table


class Standing(NamedTuple):
    """What is known of a provider: the mean of its seconds to the head of a good answer, and of when that is.

    due is when a call is to find out anew; behind is until when it stands behind the others, after so many failures in a row.
    """

    mean: float | None = None
    at: float = 0.0
    due: float = float("-inf")
    behind: float = float("-inf")
    failures: int = 0

    def rank(self, now: float) -> tuple[int, float]:
        """Where a provider stands among the others; the lower, the sooner it is asked."""
        if self.behind > now:
            return 3, self.behind
        if self.due <= now:
            return 0, 0.0
        return (2, 0.0) if self.mean is None else (1, self.mean)


class Latency:
    """The provider first whose answers began soonest, of late.

    One that is unknown, or was not heard of for a minute, is asked first by one call, which finds out. One that fails goes
    behind all others for a while, and then one call finds out.
    """

    def __init__(self, count: int, clock: Callable[[], float]) -> None:
        self._standings = [Standing()] * count
        self._clock = clock

    def order(self) -> Sequence[int]:
        """The providers as a call that begins now asks them."""
        now = self._clock()
        found = sorted(range(len(self._standings)), key=lambda number: self._standings[number].rank(now))
        first = self._standings[found[0]]
        if first.rank(now) == (0, 0.0):
            self._standings[found[0]] = first._replace(due=now + STALE)
        return found

    def heard(self, number: int, seconds: float | None) -> None:
        """What a provider did: seconds to the head of a good answer, or None where it failed."""
        now, known = self._clock(), self._standings[number]
        if seconds is None:
            if now >= known.behind:  # what was under way meanwhile fails for the same reason
                until = now + min(FIRST_BEHIND * 2**known.failures, LONGEST_BEHIND)
                self._standings[number] = Standing(None, now, until, until, known.failures + 1)
            return
        if known.mean is None:
            mean = seconds
        else:
            mean = known.mean + (seconds - known.mean) * max(LEAST_WEIGHT, 1 - 0.5 ** ((now - known.at) / HALF_LIFE))
        self._standings[number] = Standing(mean, now, now + STALE)


class Routing:
    """What a client with several providers makes of a call."""

    def __init__(self, kind: str, providers: Sequence[Provider], clock: Callable[[], float] = time.monotonic) -> None:
        self.providers = providers
        self._order, self._heard = ORDERS[kind](len(providers), clock)

    def table(self, name: str) -> Table:
        """The rows of the first provider that has some of that name; of the first of all where none has."""
        for provider in self.providers:
            if provider.routes.has_below(name):
                return provider.routes
        return self.providers[0].routes

    def call(self, make: Callable[[Provider], Call]) -> Call:
        """The call to the first provider that takes it. Raises what the first one says where none does."""
        refusals: list[OaiDynError] = []
        call = self._next(self._order(), partial(keeping, {}, make), refusals)
        if call is not None:
            return call
        try:
            raise next((one for one in refusals if not isinstance(one, RouteError)), refusals[0])
        finally:
            refusals.clear()  # the error has this frame, which would have the error

    def _next(
        self, order: Sequence[int], make: Callable[[Provider], Call], refusals: list[OaiDynError], like: Call | None = None
    ) -> Call | None:
        """The call to the first of these providers that takes it, and to those behind it after that."""
        for at, number in enumerate(order, 1):
            try:
                call = make(self.providers[number])
            except LossWarning:  # the user has made an error of it: it is meant for him, and no refusal
                raise
            except OaiDynError as error:
                refusals.append(error.with_traceback(None))
                log.debug("%s is passed by: %s", self.providers[number].config.provider, type(error).__name__)
                continue
            if like is not None and _face(call) != _face(like):
                continue
            following = partial(self._next, order[at:], make, [], call) if order[at:] else None
            return call._replace(next=following, heard=self._heard and partial(self._heard, number))
        return None


def _face(call: Call) -> tuple[bool, bool]:
    """What the user was given for a call before it was sent: a stream, a binary answer, or neither."""
    return call.plan.streaming, call.plan.route.reply.kind == "bytes"


Order = tuple[Callable[[], Sequence[int]], Callable[[int, float | None], None] | None]


def _as_given(count: int, clock: Callable[[], float]) -> Order:
    order = range(count)
    return lambda: order, None


def _in_turn(count: int, clock: Callable[[], float]) -> Order:
    turns = [[*range(first, count), *range(first)] for first in range(count)]
    numbers = itertools.count()
    return lambda: turns[next(numbers) % count], None


def _soonest(count: int, clock: Callable[[], float]) -> Order:
    latency = Latency(count, clock)
    return latency.order, latency.heard


def routed(kind: str, providers: Sequence[Provider]) -> Routing | None:
    """What chooses among several providers, None where there is one. Raises `ConfigError` for a way that there is not."""
    if kind not in ORDERS:
        raise ConfigError(f"routing: {kind!r}, wanted {', '.join(ORDERS)}")
    return None if len(providers) == 1 else Routing(kind, providers)


#: The ways to choose, and what each makes of a number of providers: their order for a call, and who is told of answers.
ORDERS: dict[str, Callable[[int, Callable[[], float]], Order]] = {
    "order": _as_given,
    "round_robin": _in_turn,
    "latency": _soonest,
}
