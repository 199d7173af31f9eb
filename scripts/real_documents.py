"""Import the documents of real servers, as they are: install each, start it, import, list, check, call, compare.

    python scripts/real_documents.py [NAME ...] [--folder FOLDER]

Each server gets a virtual environment of its own below FOLDER (build/real-documents beside the package) and keeps it for
the next time; the first run downloads some 500 MB and builds llama.cpp, which takes minutes. Nothing but the
package index is asked over the network; the servers listen on this machine alone and are stopped at the end. What each
command printed is left in FOLDER/NAME. Exit status 1 if any step of any server fails.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import secrets
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from servers import execute, free_ports, installed, running

import oai_dyn
from oai_dyn.command import main as command
from oai_dyn.definitions import bundle

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "real-documents"


class Server(NamedTuple):
    """A server that publishes a document.

    packages     what is installed, as pip has it
    start        the commands that start it, given its folder, its programs' folder and a free port for each
    route, body  the call that is made to it
    look         what its answer has to satisfy
    prepare      what is made in its folder first
    environment  variables it needs
    key          the variable that tells it its key, if it wants one
    """

    name: str
    packages: tuple[str, ...]
    start: Callable[[Path, Path, Sequence[int]], list[list[str]]]
    route: str
    body: Mapping[str, Any]
    look: Callable[[Any], bool]
    prepare: Callable[[Path, Path], None] = lambda folder, programs: None
    environment: Mapping[str, str] = {}
    key: str = "NO_KEY"


def _litellm_settings(folder: Path, programs: Path) -> None:
    """One model that answers by itself."""
    model = {"model_name": "small", "litellm_params": {"model": "openai/small", "api_key": "none", "mock_response": "hello"}}
    (folder / "settings.yaml").write_text(json.dumps({"model_list": [model]}), "utf-8")


def _litellm(folder: Path, programs: Path, ports: Sequence[int]) -> list[list[str]]:
    return [[f"{programs}/litellm", "--config", f"{folder}/settings.yaml", "--host", "127.0.0.1", "--port", str(ports[0])]]


#: Where llama.cpp keeps a vocabulary without weights, enough to count tokens, in the sources of its package.
_VOCABULARY = "ggml-vocab-gpt-2.gguf"


def _llama_vocabulary(folder: Path, programs: Path) -> None:
    """The vocabulary, out of the sources."""
    if (folder / _VOCABULARY).exists():
        return
    sources_only = ["--no-deps", "--no-binary", "llama-cpp-python"]
    execute([f"{programs}/pip", "download", "-q", *sources_only, "-d", str(folder), "llama-cpp-python"])
    with tarfile.open(next(folder.glob("llama_cpp_python-*.tar.gz"))) as sources:
        member = next(one for one in sources if one.name.endswith(f"/{_VOCABULARY}"))
        found = sources.extractfile(member)
        assert found is not None
        (folder / _VOCABULARY).write_bytes(found.read())


def _llama(folder: Path, programs: Path, ports: Sequence[int]) -> list[list[str]]:
    where = ["--host", "127.0.0.1", "--port", str(ports[0])]
    return [
        [f"{programs}/python", "-m", "llama_cpp.server", "--model", f"{folder}/{_VOCABULARY}", "--vocab_only", "true", *where]
    ]


def _fastchat(folder: Path, programs: Path, ports: Sequence[int]) -> list[list[str]]:
    def module(name: str, port: int) -> list[str]:
        return [f"{programs}/python", "-m", f"fastchat.serve.{name}", "--host", "127.0.0.1", "--port", str(port)]

    controller = module("controller", ports[1])
    front = module("openai_api_server", ports[0])
    return [[*front, "--controller-address", f"http://127.0.0.1:{ports[1]}"], controller]


def _infinity(folder: Path, programs: Path, ports: Sequence[int]) -> list[list[str]]:
    where = ["--host", "127.0.0.1", "--port", str(ports[0])]
    return [[f"{programs}/infinity_emb", "v2", "--engine", "debugengine", "--model-id", "debug/model", *where]]


SERVERS = (
    Server(
        "litellm",
        ("litellm[proxy]",),
        _litellm,
        "chat.completions.create",
        {"model": "small", "messages": [{"role": "user", "content": "hello"}]},
        lambda reply: reply["choices"][0]["message"]["content"] == "hello",
        _litellm_settings,
        {"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        "LITELLM_MASTER_KEY",
    ),
    Server(
        "llama-cpp-python",
        ("llama-cpp-python[server]",),
        _llama,
        "POST /extras/tokenize/count",
        {"input": "hello there"},
        lambda reply: reply["count"] > 0,
        _llama_vocabulary,
        {"CMAKE_ARGS": "-DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF"},
    ),
    Server("fastchat", ("fschat",), _fastchat, "models.list", {}, lambda reply: reply["data"] == []),
    Server(
        "infinity",
        ("infinity-emb[server]",),
        _infinity,
        "embeddings.create",
        {"model": "debug/model", "input": ["hello"]},
        lambda reply: len(reply["data"][0]["embedding"]) > 0,
    ),
)


NAMES = [server.name for server in SERVERS]


class Result(NamedTuple):
    """What came of a server's document."""

    rows: int
    definitions: int
    notes: int
    differences: str


def run(server: Server, folder: Path) -> Result:
    """All steps for one server. Raises where one fails."""
    folder.mkdir(parents=True, exist_ok=True)
    key = f"sk-{secrets.token_hex(32)}"
    environment = {**os.environ, **server.environment, server.key: key}
    programs = installed(server.packages, folder, environment)
    server.prepare(folder, programs)
    ports = free_ports(2)
    with running(server.start(folder, programs, ports), folder, environment, ports[0]) as url:
        raw = oai_dyn.Client({"name": "raw", "auth": "none"}, base_url=url).request("GET", "/openapi.json", into=bytes)
        (folder / "openapi.json").write_bytes(raw)
        _command(folder, "import", url, "--name", server.name, "--out", str(folder / "imported"))
        _command(folder, "routes", "--provider", str(folder / "imported" / "provider.toml"))
        described = _checked(folder / "imported")
        with oai_dyn.Client(folder / "imported" / "provider.toml", api_key=key) as client:
            reply = client.call(server.route, dict(server.body))
        assert server.look(reply), f"{server.route} answered {reply}"
        compared = _command(folder, "compare", "openai", str(folder / "imported"), "--format", "json")
    rows, definitions, notes = described
    summary = json.loads(compared)["summary"]
    worst = ", ".join(f"{count} {kind}" for kind, count in summary["severities"].items())
    return Result(rows, definitions, notes, f"{summary['routes']['both']} routes in both; {worst}")


def _command(folder: Path, *arguments: str) -> str:
    """Run one of our commands; what it printed is kept. Raises where it fails."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    errors = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = command(arguments)
    printed = out.buffer.getvalue().decode()
    (folder / f"{arguments[0]}.txt").write_text(printed, "utf-8")
    if code not in (0, 1) or errors.getvalue():
        raise RuntimeError(f"{arguments[0]}: exit code {code}: {errors.getvalue().strip()}")
    return printed


def _checked(imported: Path) -> tuple[int, int, int]:
    """Rows, definitions and notes of a folder; every schema is held against the metaschema, alone and with what it needs."""
    definitions = json.loads((imported / "index.json").read_text("utf-8"))["definitions"]
    for file in set(definitions.values()):
        for definition in json.loads((imported / file).read_text("utf-8"))["$defs"].values():
            Draft202012Validator.check_schema(definition)
    for name, file in definitions.items():
        bundle(f"{imported / file}#/$defs/{name}")
    with oai_dyn.Client(imported / "provider.toml", base_url="http://localhost") as client:
        rows = len(client.routes.names)
    counted = re.search(r"(\d+) notes", (imported / "notes.txt").read_text("utf-8"))
    assert counted is not None
    return rows, len(definitions), int(counted[1])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Import the documents of real servers, as they are.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(server.name for server in SERVERS)} (default: all)"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the environments and the results are kept")
    options = parser.parse_args(arguments)
    failed = False
    for server in SERVERS:
        if options.names and server.name not in options.names:
            continue
        try:
            found = run(server, options.folder.resolve() / server.name)
            print(
                f"{server.name}: {found.rows} rows, {found.definitions} definitions, {found.notes} notes; {server.route} answers"
            )
            print(f"    beside openai: {found.differences}")
        except Exception as error:  # one server that fails must not hide the others
            failed = True
            print(f"{server.name}: FAILED: {type(error).__name__}: {error}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
