"""`python -m tests.benchmarks [--quick] [--only NAME ...] [--json FILE]`.

Prints a table of figures, their ratios and targets. A missed target is a figure, not a failure: the exit
code is 0 unless a candidate did not do its work.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import failover, report, startup
from .processes import server
from .report import Line
from .topics import TOPICS

#: Topics that are no candidates beside each other, by name.
_OF_THEIR_OWN: dict[str, Callable[[str, bool], list[Line]]] = {
    "failover": failover.measure,
    "startup": lambda _url, quick: startup.measure(quick),
}


def main(arguments: Sequence[str]) -> None:
    """Measure what was asked for, print it, save it."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description="oai_dyn beside its peers.")
    names = [*TOPICS, *_OF_THEIR_OWN]
    parser.add_argument("--quick", action="store_true", help="few runs, to see that it works")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    asked = parser.parse_args(arguments)
    lines: list[Line] = []
    with server() as url:
        for name in asked.only or names:
            started = time.monotonic()
            lines += _measured(name, url, asked.quick)
            print(f"{name}: {time.monotonic() - started:.1f} s", file=sys.stderr)
    measured = report.conditions() | ({"quick": "too few runs for figures"} if asked.quick else {})
    print(*(f"{name}: {value}" for name, value in measured.items()), sep=", ")
    print(report.table(lines))
    if asked.json:
        report.save(lines, measured, asked.json)


def _measured(name: str, url: str, quick: bool) -> list[Line]:
    own = _OF_THEIR_OWN.get(name)
    return own(url, quick) if own else TOPICS[name].measure(name, url, quick)


if __name__ == "__main__":
    main(sys.argv[1:])
