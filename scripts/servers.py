"""Real servers in virtual environments of their own: installed once, started on free ports, stopped by their process ids."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

#: How long a server may take to answer, in seconds: some look for a network that is not there first.
PATIENCE = 180.0


def installed(packages: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Path:
    """The programs of a server's environment below a folder, made on the first time."""
    home = folder / "venv"
    programs = home / "bin"
    if not (home / "installed").exists():
        venv.create(home, with_pip=True, clear=True)
        for package in packages:  # one by one: what the first brings is kept by the next
            execute([f"{programs}/pip", "install", "-q", package], environment)
        (home / "installed").touch()
    return programs


def execute(line: list[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a command. Raises `CalledProcessError` where it fails."""
    subprocess.run(line, check=True, env=None if environment is None else dict(environment))  # noqa: S603 (the scripts' own)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running(commands: list[list[str]], folder: Path, environment: Mapping[str, str], port: int) -> Iterator[str]:
    """The server of these commands, from when it listens on its port, for as long as it is needed. Gives its origin."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "server.log").open("wb"))
        processes = []
        for line in commands:
            process = subprocess.Popen(line, stdout=log, stderr=log, env=dict(environment), cwd=folder)  # noqa: S603 (the scripts' own)
            stack.callback(_stop, process)
            processes.append(process)
        _await(port, processes)
        yield f"http://127.0.0.1:{port}"


def _await(port: int, processes: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if any(process.poll() is not None for process in processes):
            raise RuntimeError("it ended by itself; see server.log")
        time.sleep(0.2)
    raise RuntimeError(f"nobody listens after {PATIENCE:.0f} seconds; see server.log")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
