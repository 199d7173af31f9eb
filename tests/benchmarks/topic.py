"""How a topic is described, and how a described topic is measured."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from .measure import Candidate, Sample, in_turn
from .processes import AbsentError, child
from .report import Line

OURS: Final = "oai_dyn"
SDK: Final = "official SDK"


@dataclass(frozen=True)
class Size:
    """How often the work is done in a run, and how many runs there are."""

    count: int
    rounds: int


@dataclass(frozen=True)
class Reading:
    """One figure of a sample: its value in `unit`, for work done `count` times, and what it should be.

    `ratios`: with which candidates ours is compared, and how high the quotient may be (None: no target).
    `limit`: how high our own value may be.
    """

    title: str
    unit: str
    value: Callable[[Sample, int], float]
    ratios: Mapping[str, float | None]
    limit: float | None = None

    def lines(self, topic: str, samples: Mapping[str, Sequence[Sample]], count: int) -> list[Line]:
        """A line of the report for each candidate; one without samples has a line without a value."""
        values = {name: [self.value(one, count) for one in taken] for name, taken in samples.items()}
        medians = {name: statistics.median(one) for name, one in values.items() if one}
        return [
            Line(
                topic=topic,
                reading=self.title,
                candidate=name,
                unit=self.unit,
                value=medians.get(name),
                low=min(one, default=None),
                high=max(one, default=None),
                compared=name in self.ratios,
                ratio=self._ratio(medians, name),
                ratio_limit=self.ratios.get(name),
                limit=self.limit if name.startswith(OURS) else None,
            )
            for name, one in values.items()
        ]

    def _ratio(self, medians: Mapping[str, float], name: str) -> float | None:
        compared = name in self.ratios and OURS in medians and name in medians
        return medians[OURS] / medians[name] if compared else None


@dataclass(frozen=True)
class Topic:
    """Candidates that do the same work, and what is read off their runs.

    `warm_up` is the count of a first run that is thrown away; `fresh` says that every run needs a process
    of its own, because it is memory that is read off.
    """

    title: str
    candidates: Mapping[str, Candidate]
    readings: Sequence[Reading]
    full: Size
    quick: Size
    warm_up: int
    fresh: bool = False

    def measure(self, name: str, url: str, quick: bool) -> list[Line]:
        """Run the candidates whose library is there, in turn."""
        size = self.quick if quick else self.full
        samples: dict[str, list[Sample]] = {candidate: [] for candidate in self.candidates}
        with ExitStack() as stack:
            takers: dict[str, Callable[[], Sample]] = {}
            for candidate in self.candidates:
                try:
                    takers[candidate] = self._taker(stack, (name, candidate, url), size.count)
                except AbsentError:
                    continue
            samples |= in_turn(takers, size.rounds)
        return [line for reading in self.readings for line in reading.lines(self.title, samples, size.count)]

    def _taker(self, stack: ExitStack, which: tuple[str, str, str], count: int) -> Callable[[], Sample]:
        if not self.fresh:
            kept = stack.enter_context(child(*which, self.warm_up))
            return lambda: kept.sample(count)
        with child(*which, self.warm_up):
            pass  # a missing library shows here, not in the middle of the runs

        def once() -> Sample:
            with child(*which, self.warm_up) as fresh:
                return fresh.sample(count)

        return once
