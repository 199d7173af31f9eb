"""Start real servers on this machine, and run the tests that ask them: tests/test_real_servers.py.

    python scripts/real_servers.py [NAME ...] [--folder FOLDER]

Each server gets a virtual environment of its own below FOLDER (build/real-servers beside the package) and keeps it for the
next time; the first run downloads about a gigabyte. Nothing but the package index is asked over the network: their models
answer by themselves or are made here, of chance. Exit status 1 if a server does not start or a test fails.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from servers import execute, free_ports, installed, running

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "real-servers"

#: Where the tests find the servers: a JSON object, name to address, key, provider and model.
VARIABLE = "OAI_DYN_REAL_SERVERS"


class Server(NamedTuple):
    """A server to test against.

    packages     what is installed, as pip has it
    start        the command that starts it, given its folder, its programs' folder and a port
    provider     the profile it is asked with
    model        the name of its model
    prepare      what is made in its folder first
    environment  variables it needs
    """

    packages: tuple[str, ...]
    start: Callable[[Path, Path, int], list[str]]
    provider: str
    model: str
    prepare: Callable[[Path, Path], None]
    environment: Mapping[str, str] = {}


#: Models of LiteLLM that answer by themselves, or fail.
_MOCKED = {
    "small": "hello there",
    "busy": "litellm.RateLimitError",
    "long": "litellm.ContextWindowExceededError",
    "broken": "litellm.InternalServerError",
}


def _litellm_settings(folder: Path, programs: Path) -> None:
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "none", "mock_response": answer}}
        for name, answer in _MOCKED.items()
    ]
    (folder / "settings.yaml").write_text(json.dumps({"model_list": models}), "utf-8")


def _litellm(folder: Path, programs: Path, port: int) -> list[str]:
    return [f"{programs}/litellm", "--config", f"{folder}/settings.yaml", "--host", "127.0.0.1", "--port", str(port)]


def _made_by(script: str, name: str) -> Callable[[Path, Path], None]:
    """A model that a script of ours makes in the server's own environment."""

    def prepare(folder: Path, programs: Path) -> None:
        if not (folder / name).exists():
            execute([f"{programs}/python", str(ROOT / "scripts" / script), str(folder / name)])

    return prepare


def _llama(folder: Path, programs: Path, port: int) -> list[str]:
    model = ["--model", f"{folder}/tiny.gguf", "--model_alias", "tiny", "--chat_format", "chatml", "--n_ctx", "512"]
    return [f"{programs}/python", "-m", "llama_cpp.server", *model, "--host", "127.0.0.1", "--port", str(port)]


def _transformers(folder: Path, programs: Path, port: int) -> list[str]:
    return [f"{programs}/transformers", "serve", "--host", "127.0.0.1", "--port", str(port), "tiny"]


SERVERS = {
    "litellm": Server(
        ("litellm[proxy]",), _litellm, "litellm-proxy", "small", _litellm_settings, {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    ),
    "llama-cpp-python": Server(
        ("llama-cpp-python[server]", "gguf"),
        _llama,
        "llama-cpp-python",
        "tiny",
        _made_by("tiny_gguf.py", "tiny.gguf"),
        {"CMAKE_ARGS": "-DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF"},
    ),
    "transformers": Server(
        ("torch==2.13.0", "transformers[serving]"),
        _transformers,
        "transformers",
        "tiny",
        _made_by("tiny_transformers.py", "tiny"),
        {"HF_HUB_OFFLINE": "1"},
    ),
}


def started(stack: ExitStack, name: str, folder: Path) -> dict[str, Any]:
    """Start a server for as long as the stack lasts, and say where it is."""
    server, key = SERVERS[name], f"sk-{secrets.token_hex(32)}"
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **server.environment, "LITELLM_MASTER_KEY": key}
    programs = installed(server.packages, folder, environment)
    server.prepare(folder, programs)
    (port,) = free_ports(1)
    origin = stack.enter_context(running([server.start(folder, programs, port)], folder, environment, port))
    return {"origin": origin, "key": key, "provider": server.provider, "model": server.model}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Run the tests against real servers on this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SERVERS)} (default: all)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the environments and models are kept")
    options = parser.parse_args(arguments)
    places, failed = {}, False
    with ExitStack() as stack:
        for name in options.names or SERVERS:
            try:
                places[name] = started(stack, name, options.folder.resolve() / name)
            except Exception as error:  # one server that fails must not hide the others
                failed = True
                print(f"{name}: FAILED: {type(error).__name__}: {error}", file=sys.stderr)
        tests = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "tests/test_real_servers.py"]
        code = subprocess.run(tests, cwd=ROOT, env={**os.environ, VARIABLE: json.dumps(places)}, check=False).returncode  # noqa: S603 (our own)
    return int(failed or code != 0)


if __name__ == "__main__":
    sys.exit(main())
