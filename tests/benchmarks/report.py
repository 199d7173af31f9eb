"""The report: one line for each candidate and figure, as an aligned table and as JSON."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("oai_dyn", "openai", "requests", "aiohttp", "orjson", "jsonschema", "jsonschema-rs")
_HEAD: Final = ("", "median", "lowest", "highest", "ratio", "target", "")
_NONE: Final = "n/a"


@dataclass(frozen=True)
class Line:
    """A figure of one candidate; `ratio` is our value divided by its value, where the two are compared."""

    topic: str
    reading: str
    candidate: str
    unit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    compared: bool = False
    ratio: float | None = None
    ratio_limit: float | None = None
    limit: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """`met` or `MISSED` where there is a target and a figure."""
        if self.value is None:
            return "not installed"
        figure, limit = (self.ratio, self.ratio_limit) if self.compared else (self.value, self.limit)
        if limit is None or figure is None:
            return ""
        return "met" if figure <= limit else "MISSED"

    @property
    def target(self) -> str:
        """What the ratio or the value should be."""
        if self.ratio_limit is not None:
            return f"≤ {self.ratio_limit:g}"
        return f"≤ {self.limit:g} {self.unit}" if self.limit is not None else ""

    def cells(self) -> tuple[str, ...]:
        """The line as text, a cell for each column."""
        figures = tuple(_figure(one) for one in (self.value, self.low, self.high))
        ratio = (f"{self.ratio:.3f}" if self.ratio is not None else _NONE) if self.compared else ""
        return (f"  {self.candidate}", *figures, ratio, self.target, f"{self.verdict} {self.note}".strip())


def _figure(value: float | None) -> str:
    """Three significant figures are enough; whole numbers from a hundred on, and where things are counted."""
    if value is None:
        return _NONE
    if isinstance(value, int):
        return f"{value:,}"
    digits = next((digits for least, digits in ((100, 0), (10, 1)) if abs(value) >= least), 2)
    return f"{value:,.{digits}f}"


def table(lines: Sequence[Line]) -> str:
    """Every line under the title of its figure, columns aligned."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for title, group in groupby(lines, key=lambda line: f"{line.topic}: {line.reading}, {line.unit}"):
        rows.append((title,))
        rows += [line.cells() for line in group]
    full = [row for row in rows if len(row) == len(_HEAD)]
    widths = [max(len(row[column]) for row in full) for column in range(len(_HEAD))]
    return "\n".join(_aligned(row, widths) if len(row) == len(_HEAD) else f"\n{row[0]}" for row in rows)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    """Names and verdicts to the left, figures to the right."""
    name, *figures, verdict = row
    right = [cell.rjust(width) for cell, width in zip(figures, widths[1:-1], strict=True)]
    return "  ".join([name.ljust(widths[0]), *right, verdict]).rstrip()


def conditions() -> dict[str, str]:
    """What was measured and where: the versions, the processors, and the size of the environment.

    The last weighs on calls by hand with requests, which read every variable in search of a proxy.
    """
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | {"processors": str(os.cpu_count()), "environment variables": str(len(os.environ))}


def save(lines: Sequence[Line], measured: Mapping[str, str], path: Path) -> None:
    """Write the figures as JSON."""
    figures = [asdict(line) | {"verdict": line.verdict} for line in lines]
    path.write_text(json.dumps({**measured, "figures": figures}, indent=1, ensure_ascii=False) + "\n")
