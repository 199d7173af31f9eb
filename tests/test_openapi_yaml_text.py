"""YAML as it is read by its events: like JSON, within bounds, and nothing that grows or calls."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import yaml

from oai_dyn import ConfigError
from oai_dyn.openapi.yaml_text import parse_yaml


def parsed(text: str, nodes: int = 1000, depth: int = 50) -> Any:
    """A text of YAML as it is read."""
    return parse_yaml(text.encode(), nodes, depth)


GOOD: list[tuple[str, Any]] = [
    ("a: yes\nb: on\nc: 2024-01-02\nd: 0x10\ne: 1_000", {"a": "yes", "b": "on", "c": "2024-01-02", "d": "0x10", "e": "1_000"}),
    ("[true, False, null, ~, NULL, 1, -2]", [True, False, None, None, None, 1, -2]),
    ("[1.5, 1e3, .5, 7., .inf, .nan]", [1.5, 1000.0, 0.5, 7.0, ".inf", ".nan"]),
    ("['true', \"1\", !!str 1, ! 2]", ["true", "1", "1", "2"]),
    ("200: a\ntrue: b\nnull: c\n1.5: d\ne:", {"200": "a", "true": "b", "null": "c", "1.5": "d", "e": None}),
    ("a: &x {k: 1}\nb: *x", {"a": {"k": 1}, "b": {"k": 1}}),
    ("&x k: 1\nj: *x\nm: {*x : 2}", {"k": 1, "j": "k", "m": {"k": 2}}),
    ("- &x {k: 1, l: 1}\n- &y {l: 2}\n- {<<: [*x, *y], n: 3, k: 4}", [{"k": 1, "l": 1}, {"l": 2}, {"k": 4, "l": 1, "n": 3}]),
    ("a: &x {k: 1}\nc: {<<: *x}\nd: {'<<': 1}", {"a": {"k": 1}, "c": {"k": 1}, "d": {"<<": 1}}),
    ("!!map {a: !!seq [1]}", {"a": [1]}),
    ("9" * 401, "9" * 401),
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_yaml_is_read_as_json_has_it(text: str, value: Any) -> None:
    """Words, keys, aliases and merges; what only YAML knows stays text."""
    assert parsed(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: !!python/object/apply:os.system [x]", "line 1: the tag"),
        ("a: !!binary aGk=", "line 1: the tag"),
        ("a: &x [*x]", "line 1: *x stands for nothing, or for what it stands in"),
        ("a: 1\nb: *y", "line 2: *y stands for nothing"),
        ("? [a]\n: 1", "line 1: a key that is no text"),
        ("a: &x [1]\n*x : 1", "line 2: a key that is no text"),
        ("a: {<<: 1}", "line 1: << stands before what is no mapping"),
        ("a: 1e999", "line 1: a number that is too large"),
        ("--- 1\n--- 2", "2 documents in one text, wanted one"),
        ("", "there is nothing in it"),
        ("a: [b", "line 1"),
    ],
)
def test_yaml_that_is_refused(text: str, why: str) -> None:
    """Tags, circles, keys of other kinds and broken texts are refused with the line."""
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert why in str(caught.value)


def test_yaml_keeps_its_bounds() -> None:
    """Values, merged ones too, are counted while they are read, and so are levels."""
    with pytest.raises(ConfigError, match="line 1: more values than are read"):
        parsed("[1, 2, 3, 4, 5]", nodes=5)
    with pytest.raises(ConfigError, match="line 2: more values than are read"):
        parsed("a: &x {a: 1, b: 1, c: 1}\nb: {<<: [*x, *x, *x, *x, *x]}", nodes=25)
    with pytest.raises(ConfigError, match="nested deeper than 5 levels"):
        parsed("[[[[[[1]]]]]]", depth=5)


def test_yaml_without_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML has no parser in C, its own does."""
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert parsed("a: [1, x]") == {"a": [1, "x"]}


def test_yaml_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyYAML the message says what to install."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigError, match=r"pip install oai_dyn\[yaml\]"):
        parsed("a: 1")
