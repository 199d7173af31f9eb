"""Data documents: JSON, TOML and YAML, of the package and of the user."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from oai_dyn import catalog
from oai_dyn.errors import ConfigError

VALUE = {"routes": [{"name": "a"}]}
JSON = b'{"routes": [{"name": "a"}]}'
TOML = b'[[routes]]\nname = "a"\n'
YAML = b"routes:\n  - name: a\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", JSON),
        ("A.JSON", JSON),
        ("a.toml", TOML),
        ("a.yaml", YAML),
        ("a.yml", YAML),
        ("a", JSON),
        ("a", TOML),
        ("a.conf", TOML),
    ],
)
def test_a_document_is_read_by_its_ending(tmp_path: Path, name: str, content: bytes) -> None:
    """The ending says what it is, in any case; without a known one JSON is tried, then TOML."""
    if name.endswith(("yaml", "yml")):
        pytest.importorskip("yaml", reason="the extra yaml is not installed")
    path = tmp_path / name
    path.write_bytes(content)
    assert catalog.read(path) == VALUE
    assert catalog.read(str(path)) == VALUE


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{"a": }', r"a\.json: not JSON: .*line 1 column 7"),
        ("a.toml", b"a = \n", r"a\.toml: .*\(at line 1, column 5\)"),
        ("a.toml", b"a = '\xff'", r"a\.toml: .*utf-8"),
        ("a", b"{", r"a: not JSON: .*line 1 column.*; .*line 1, column 1"),
        ("a.json", b"[" * 100_000, r"a\.json: "),
        ("a.toml", b"a = " + b"[" * 100_000, r"a\.toml: "),
    ],
    ids=["json", "toml", "no text", "unknown", "deep json", "deep toml"],
)
def test_a_broken_document_is_told_with_file_and_place(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """The error names the file and, where there is one, the line."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"^{path.parent}/{message}"):
        catalog.read(path)


def test_a_document_that_is_not_there(tmp_path: Path) -> None:
    """The error names the file and why it cannot be read."""
    with pytest.raises(ConfigError, match=r"nowhere\.json: No such file or directory"):
        catalog.read(tmp_path / "nowhere.json")
    with pytest.raises(ConfigError, match="Is a directory"):
        catalog.read(tmp_path)
    with pytest.raises(ConfigError, match="embedded null"):
        catalog.read("a\0b")


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    """What the YAML reader says over several lines becomes one."""
    pytest.importorskip("yaml", reason="the extra yaml is not installed")
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: [1\nb: 2")
    with pytest.raises(ConfigError, match=r"a\.yaml: .*line 2") as caught:
        catalog.read(path)
    assert "\n" not in str(caught.value)


def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    """A document is data: a tag that would call Python is refused."""
    pytest.importorskip("yaml", reason="the extra yaml is not installed")
    path = tmp_path / "a.yaml"
    path.write_bytes(b"!!python/object/apply:os.getcwd []")
    with pytest.raises(ConfigError, match="python/object"):
        catalog.read(path)


def test_yaml_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the error says what to install."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "a.yml"
    path.write_bytes(YAML)
    with pytest.raises(ConfigError, match=r"a\.yml: YAML needs the extra: pip install oai_dyn\[yaml\]"):
        catalog.read(path)


def test_packaged_documents_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same object each time, without opening the file again."""
    first = catalog.packaged("routes.json")
    monkeypatch.setattr(builtins, "open", _no_file)
    assert catalog.packaged("routes.json") is first
    assert len(first["routes"]) > 300


def _no_file(*arguments: Any) -> Any:
    raise AssertionError("a file was opened")


def test_packaged_schemas_are_found() -> None:
    """`schemas/` is beside the package in the sources and inside it when installed."""
    assert catalog.packaged("schemas/route-table.json")["$schema"].startswith("https://json-schema.org/draft/2020-12")


def test_packaged_names() -> None:
    """The names of a folder's documents, sorted, without what is no document."""
    names = catalog.packaged_names("providers")
    assert names == sorted(names)
    assert {"openai", "groq", "ollama"} <= set(names)
    assert not any(name.endswith(".toml") or name.startswith("_") for name in names)
