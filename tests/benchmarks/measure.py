"""What a sample is, how one is taken, and how those of several candidates are taken in turn."""

import gc
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

Run = Callable[[int], None]
"""Do the work `count` times, and raise if it was not done whole."""

Candidate = Callable[[str], AbstractContextManager[Run]]
"""Given the server's URL, import a library, open what is needed, hand over a Run."""


@dataclass(frozen=True)
class Sample:
    """One run: CPU and wall seconds, and by how many bytes memory rose above its level at the start."""

    cpu: float
    wall: float
    grown: int


def resident() -> int:
    """Bytes of memory this process has now."""
    return _memory("VmRSS")


def peak() -> int:
    """The most bytes of memory this process ever had."""
    return _memory("VmHWM")


def _memory(field: str) -> int:
    """Read /proc: `ru_maxrss` also counts the parent, whose memory a child has until it is replaced."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return field_of_status(status.read_text(), field)


def field_of_status(status: str, field: str) -> int:
    """A figure of /proc/PID/status, in bytes."""
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) * 1024


def allow_many_sockets() -> None:
    """Raise the soft limit of open files to the hard one: a thousand streams need a socket each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def sample(run: Run, count: int) -> Sample:
    """Measure one run of this process."""
    gc.collect()
    before = resident()
    wall, cpu = time.perf_counter(), time.process_time()
    run(count)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Sample(cpu, wall, peak() - before)


def in_turn(takers: Mapping[str, Callable[[], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Take a sample of every candidate, `rounds` times over: A B C A B C ..."""
    taken: dict[str, list[Sample]] = {name: [] for name in takers}
    for _ in range(rounds):
        for name, take in takers.items():
            taken[name].append(take())
    return taken
