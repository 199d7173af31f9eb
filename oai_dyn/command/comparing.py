"""`oai-dyn compare`: what differs between two tables with their schemas, for a caller who wrote for the first.

Rules of this file: the exit code is that of diff: 0 where nothing differs, 1 where something does; what is wrong
with the sources is an error as everywhere else.
"""

from __future__ import annotations

import argparse
import difflib
import json
import shutil
import sys
from collections.abc import Callable

from ..compare import Comparison, Side, as_html, as_text, compare, side
from ..errors import RouteError
from .output import Output


def run(options: argparse.Namespace) -> int:
    """Compare, write the result, and give the exit code."""
    a, b = side(options.a), side(options.b)
    if a.label == b.label and options.a != options.b and "://" not in options.a + options.b:  # two of one name
        a.label, b.label = options.a, options.b
    found = compare(a, b, _wanted(a, b, options.route))
    with Output(path=options.out) as output:
        output.text(FORMATS[options.format](found, options.out is None))
    return 1 if sum(found.counts.values()) else 0


def _wanted(a: Side, b: Side, route: str | None) -> Callable[[str], bool]:
    """Whether a row is compared, by its name. Raises `RouteError` where neither side has one that fits."""
    if route is None:
        return lambda name: True
    names = a.find(route) | b.find(route)
    if not names:
        near = difflib.get_close_matches(route, {**a.rows, **b.rows}, n=3, cutoff=0.6)
        raise RouteError(f"--route {route!r}: neither side has it" + (f"; near it are {', '.join(near)}" if near else ""))
    return names.__contains__


def _text(found: Comparison, shown: bool) -> str:
    """As text: as wide as the terminal where it goes to one."""
    return as_text(found, shutil.get_terminal_size().columns if shown and sys.stdout.isatty() else 80)


def _json(found: Comparison, shown: bool) -> str:
    return json.dumps(found.to_dict(), ensure_ascii=False, indent=2) + "\n"


def _html(found: Comparison, shown: bool) -> str:
    return as_html(found)


#: What writes a comparison; told whether it goes to standard output.
FORMATS: dict[str, Callable[[Comparison, bool], str]] = {"text": _text, "json": _json, "html": _html}
