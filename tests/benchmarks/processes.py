"""Starting and ending the server and the candidates, each by its own process id."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .measure import Sample

ROOT: Final = Path(__file__).resolve().parents[2]
_PACKAGE: Final = "tests.benchmarks"  # as seen from ROOT, by whatever name this file was imported


class AbsentError(Exception):
    """A candidate's library is not installed."""


def environment() -> dict[str, str]:
    """The parent's, without what would make figures depend on it: proxies, keys, a ban on compiled files."""
    unwanted = ("OPENAI_", "PYTHONDONTWRITEBYTECODE")
    return {
        name: value for name, value in os.environ.items() if not name.startswith(unwanted) and not name.lower().endswith("_proxy")
    }


@contextmanager
def python(arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """An interpreter at the root of the repository, ended with the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *arguments], stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment()
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def server() -> Iterator[str]:
    """The loopback server; the value is its URL."""
    with python(["-m", f"{_PACKAGE}.server"]) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


class Child:
    """The parent's end of `child.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        first = self._hear()
        if "absent" in first:
            raise AbsentError(first["absent"])

    def sample(self, count: int) -> Sample:
        """Let the candidate run `count` times."""
        assert self._process.stdin
        print(count, file=self._process.stdin, flush=True)
        return Sample(**self._hear())

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a candidate died: {self._process.args!r}")
        heard: dict[str, Any] = json.loads(line)
        return heard


@contextmanager
def child(topic: str, candidate: str, url: str, warm_up: int) -> Iterator[Child]:
    """A candidate's process, warmed up."""
    with python(["-m", f"{_PACKAGE}.child", topic, candidate, url, str(warm_up)]) as process:
        yield Child(process)
