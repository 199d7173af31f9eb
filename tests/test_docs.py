"""What the pages say is so: their Python blocks run, their commands work, their links lead somewhere, the demo too."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from oai_dyn.command import main
from oai_dyn.server import running

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

#: Commands of a page that are not run here: the server waits for a signal, and make is for whoever reads.
NOT_RUN = ("make", "oai-dyn serve", "pip")


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line on which the text begins."""

    language: str
    text: str
    line: int


def blocks(page: Path, language: str) -> Iterator[Block]:
    """The fenced blocks of one language."""
    text = page.read_text("utf-8")
    for found in re.finditer(r"^```([\w ]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if found[1] == language:
            yield Block(found[1], found[2], text[: found.start(2)].count("\n"))


async def execute(page: Path) -> None:
    """Run the Python blocks of a page in one namespace, with `await` allowed as it is in the asyncio REPL."""
    space: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page, "python"):
        tree = ast.parse(block.text, str(page))
        ast.increment_lineno(tree, block.line)
        waiting = eval(compile(tree, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True), space)
        if inspect.iscoroutine(waiting):
            await waiting
    for value in space.values():
        close = getattr(value, "close", None)
        if close is not None and type(value).__module__.startswith("oai_dyn") and inspect.isawaitable(waited := close()):
            await waited


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder with docs/ in it, and the local server as the one that the environment names."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    with running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        yield tmp_path


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_python_of_a_page_runs(page: Path, here: Path) -> None:
    """Every ```python block, in order, in one namespace."""
    asyncio.run(execute(page))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_commands_of_a_page_work(page: Path, here: Path) -> None:
    """Every `$ oai-dyn` line of a ```console block succeeds."""
    lines = [line for block in blocks(page, "console") for line in block.text.splitlines() if line.startswith("$ ")]
    for command in (line.removeprefix("$ ") for line in lines):
        if not command.startswith(NOT_RUN):
            program, *arguments = shlex.split(command, comments=True)
            fine = (0, 1) if arguments[0] == "compare" else (0,)  # 1: something differs
            assert program == "oai-dyn" and main(arguments) in fine, command


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Every link to a file of the repository."""
    links = re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_the_readme_has_every_kind_of_block() -> None:
    """The tests above have something to run, and the first example is as short as it is said to be."""
    assert len(list(blocks(ROOT / "README.md", "python"))) > 10
    assert len(list(blocks(ROOT / "README.md", "console"))) == 2
    assert len(next(blocks(ROOT / "README.md", "python")).text.splitlines()) <= 10


def demo(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as `make demo` does."""
    script = ROOT / "docs" / "examples" / "demo.py"
    whole = {**os.environ, **environment}
    return subprocess.run([sys.executable, script], env=whole, capture_output=True, text=True, check=False, timeout=120)


def test_the_demo_runs() -> None:
    """By itself: a server of its own, five calls, the text of each, and the server is gone."""
    done = demo()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("You said: What is a call") == 5
    assert done.stdout.endswith("the local server has stopped (exit code 0)\n")


@pytest.mark.parametrize("named", ["PROVIDER", "BASE_URL"])
def test_the_demo_talks_to_others(named: str) -> None:
    """To a provider with its key from the environment, or to an address; with the model that is asked for."""
    with running(key="k") as url:
        settings = {"PROVIDER": "openai", "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"}
        done = demo(MODEL="m-7", **(settings if named == "PROVIDER" else {"BASE_URL": url, "API_KEY": "k"}))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("You said: What is a call") == 5
    assert "model m-7" in done.stdout
    assert "local server" not in done.stdout


def test_the_demo_says_what_went_wrong() -> None:
    """One line and exit code 1 where the other side says no."""
    with running(key="k") as url:
        done = demo(BASE_URL=url, API_KEY="wrong")
    assert done.returncode == 1
    assert done.stderr.strip().startswith("AuthenticationError: HTTP 401")
