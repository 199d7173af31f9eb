"""The wheel holds all that is needed, and works where the sources are not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import oai_dyn
from oai_dyn.server import running

ROOT = Path(__file__).parents[1]

#: What a build reads.
SOURCES = ("oai_dyn", "schemas", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


def execute(command: Sequence[str | Path], cwd: Path, **environment: str) -> str:
    """Run a command in a folder, without this process's Python settings; what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources so that nothing is left in them."""
    if not (ROOT / "setup.cfg").exists():
        pytest.skip("the sources are not here")
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    execute([sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", "dist", "."], folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that has the wheel, and the dependencies of this one."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    programs = home / "bin"
    execute([sys.executable, "-m", "pip", "--python", programs / "python", "install", "--no-deps", "--no-index", wheel], home)
    # A path that a .pth file adds is searched, but its own .pth files, and so an editable install, are not read.
    (site,) = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib"))
    return programs


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    """All of the package, its data and its schemas, and nothing else; notes on the facts stay with the sources."""
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "oai_dyn").rglob("*") if path.is_file()}
    schemas = {f"oai_dyn/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "schemas").glob("*.[jp]*")}
    assert inside == {name for name in package | schemas if "__pycache__" not in name}
    assert {"oai_dyn/data/routes.json", "oai_dyn/schemas/route-table.json", "oai_dyn/py.typed"} <= inside


def test_the_metadata_says_what_it_should(wheel: Path) -> None:
    """Name, version, licence and the dependencies with their floors."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = archive.read(name).decode()
    assert f"\nVersion: {oai_dyn.__version__}\n" in metadata
    for needed in ("requests>=2.33", "aiohttp>=3.14.2", "jsonschema", "orjson", "backoff"):
        assert f"\nRequires-Dist: {needed}" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert any(name.endswith("/LICENSE") for name in archive.namelist())


def test_it_works_where_the_sources_are_not(installed: Path, tmp_path: Path) -> None:
    """Installed from the wheel: the command and both clients call a server; the schemas check rows of a user's own."""
    script = """
import asyncio, json
import oai_dyn
from oai_dyn import AsyncClient, Client

row = {"name": "hello", "method": "POST", "path": "/chat/completions", "body": {"kind": "json"}}
said = [{"role": "user", "content": "Hi"}]

async def ask():
    async with AsyncClient() as client:
        return (await client.models.list()).object

try:
    Client(routes={"routes": [{**row, "method": "SEND"}]})
except oai_dyn.ConfigError as error:
    hello = Client(routes={"routes": [row]}).hello(model="m", messages=said)
    print(json.dumps([oai_dyn.__file__, hello.model, asyncio.run(ask()), str(error)]))
"""
    with running() as url:
        settings = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "any"}
        request = ["--set", "body.model=m", "--set", 'body.messages=[{"role": "user", "content": "Hi"}]']
        said = execute([installed / "oai-dyn", "call", "chat.completions.create", "--stream", *request], tmp_path, **settings)
        printed = execute([installed / "python", "-W", "error::DeprecationWarning", "-c", script], tmp_path, **settings)
    assert said == "You said: Hi\n"
    file, model, kind, error = json.loads(printed)
    assert Path(file).is_relative_to(installed.parent)
    assert (model, kind) == ("m", "list")
    assert error.startswith("routes: routes[0].method: ")
    assert execute([installed / "oai-dyn", "--version"], tmp_path) == f"oai-dyn {oai_dyn.__version__}\n"
