"""The pages keep up with the package: what is generated is fresh, and what can be named is named."""

from __future__ import annotations

import configparser
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_architecture import LAYERS, SOURCES

import oai_dyn
from oai_dyn.client import BaseClient
from oai_dyn.command import EXITS
from oai_dyn.plan import RESERVED
from oai_dyn.profiles import MEMBERS
from oai_dyn.wire import Answer, Paging, Sending, Stream

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "write_docs.py"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
GUIDE, ARCHITECTURE, ROUTES, PROFILES = (
    (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("guide", "architecture", "routes", "profiles")
)


def write_docs(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the generator, with warnings as errors."""
    command = [sys.executable, "-W", "error", SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def prose(page: Path) -> str:
    """A page without its blocks and pieces of code, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "code", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL))


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings are linked by: lower case, blanks as hyphens, without other marks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_generated_pages_are_fresh() -> None:
    """They are what the table, its schema and the schemas of its rows give; `make docs` writes them."""
    done = write_docs("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_page_is_told(tmp_path: Path) -> None:
    """The check fails for a page that differs or is not there; writing mends it."""
    assert write_docs(tmp_path, "--check").returncode == 1
    assert write_docs(tmp_path).returncode == 0
    assert write_docs(tmp_path, "--check").returncode == 0
    for name in ("routes.md", "api/files.md"):
        page = tmp_path / name
        page.write_text(page.read_text("utf-8").replace("`GET /files`", "`PUT /files`"), "utf-8")
    (tmp_path / "api" / "gone.md").write_text("")
    done = write_docs(tmp_path, "--check")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "api/files.md, api/gone.md, routes.md: stale; `make docs` writes them anew\n"
    assert write_docs(tmp_path).returncode == write_docs(tmp_path, "--check").returncode == 0


def test_make_docs_runs_the_generator() -> None:
    """The page is written by the command that CONTRIBUTING and the page itself name."""
    assert re.search(r"^docs:.*\n\t.*scripts/write_docs\.py$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_every_row_is_listed() -> None:
    """Once, with its method and path, in the section of its group."""
    listed = re.findall(r"^\| \[`([\w.]+)`\]\(api/\S+\) \| `[A-Z]+ /", ROUTES, re.MULTILINE)
    assert sorted(listed) == sorted(oai_dyn.routes.bundled().names)


def test_every_row_has_its_section() -> None:
    """In the page of its group, with its path and query parameters, and the schemas of its parts."""
    table = oai_dyn.routes.bundled()
    sections = {}
    for page in (ROOT / "docs" / "api").glob("*.md"):
        for text in page.read_text("utf-8").split("\n## ")[1:]:
            sections[text.partition("\n")[0]] = text
    for name in table.names:
        route, text = table.find(name), sections[name]
        assert f"`{route.method} {route.path}" in text
        assert not [one for one in (*route.path_params, *route.where) if f"| `{one}` |" not in text], name
        parts = (route.query_schema, route.body.schema, route.reply.schema, route.stream.schema if route.stream else None)
        assert not [one for one in parts if one and f"[`{one}`](../../schemas/" not in text], name


def test_every_member_of_a_row_is_explained() -> None:
    """Whatever a row is compiled from has a line of its own in the page, with a meaning."""
    lines = {found[1]: found[2] for found in re.finditer(r"^\| `([a-z_.]+)` \|.*\| (.*) \|$", ROUTES, re.MULTILINE)}
    fields = [*Sending._fields, *Answer._fields, *Stream._fields, *Paging._fields]
    wanted = {re.sub("^ask_", "ask.", {"other": "or"}.get(field, field)) for field in fields}
    assert not wanted - lines.keys()
    assert not [member for member in wanted if not lines[member]]


@pytest.mark.parametrize("name", oai_dyn.__all__)
def test_every_exported_name_is_in_the_guide(name: str) -> None:
    """Whoever finds a name in the package finds it in the guide."""
    assert re.search(rf"\b{name}\b", GUIDE)


def test_every_setting_is_in_the_guide() -> None:
    """Of a client and of a call; the members of a profile have a page of their own."""
    settings = set(inspect.signature(BaseClient.__init__).parameters) - {"self"}
    assert not [name for name in settings | {*RESERVED} if f"`{name}`" not in GUIDE]
    assert not [name for name in MEMBERS if f"`{name}`" not in PROFILES]


def test_the_exit_codes_are_in_the_guide() -> None:
    """Each with the meaning that `--help` gives it."""
    assert not [code for code, _, meaning in EXITS if f"| {code} | {meaning} |" not in GUIDE]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_resolves(page: Path) -> None:
    """To a file of the repository, and to a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target:
            path, _, fragment = target.partition("#")
            there = (page.parent / path) if path else page
            assert there.exists(), target
            assert not fragment or fragment in anchors(there), target


def test_pages_that_the_sources_name_are_there() -> None:
    """A docstring that sends its reader to a page sends them somewhere."""
    named = {name for text in SOURCES.values() for name in re.findall(r"\bdocs/[\w/]+\.md\b", text)}
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_files_stand_in_their_layers() -> None:
    """The table of files is the one that the order of imports is checked against."""
    stated: dict[int, set[str]] = {}
    for number, cells in re.findall(r"^\| (\d+) \| ([^|]*) \|", ARCHITECTURE, re.MULTILINE):
        stated.setdefault(int(number), set()).update(re.findall(r"`([\w]+)(?:\.py|/)`", cells))
    outermost = {name.partition(".")[0] for name in SOURCES} - {one for layer in LAYERS for one in layer}
    assert [stated[number] for number in sorted(stated)] == [*map(set, LAYERS), outermost]


def test_every_dependency_has_its_reason() -> None:
    """What is installed, for users and for developers, is in the tables of architecture.md."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    extras = config["options.extras_require"]
    lines = f"{config['options']['install_requires']}\n{extras['yaml']}\n{extras['dev']}".split()
    names = {re.split(r"[<>=~\[]", line)[0] for line in lines}
    rows = "\n".join(line for line in ARCHITECTURE.splitlines() if line.startswith("| "))
    assert not [name for name in names - {"oai_dyn"} if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", rows)]
