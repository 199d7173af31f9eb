"""Findings as a profile: what it holds, and the file.

Rules of this file: what a profile has already is not said again; what it holds is checked against the schema before it is
written, and holds no key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .course import Step
from .finding import Known

#: Members that hold lists, in the order in which they are written.
_LISTS = ("absent", "request", "reply", "errors")

#: What comes of the bounds of an answer only where the other one works.
_BOUNDS = {"chat": "max_completion_tokens", "max_completion_tokens": "chat"}


def composed(base: Mapping[str, Any], steps: Iterable[Step], known: Known) -> dict[str, Any]:
    """A profile: `base` (name, address or what it extends), and what follows from what was found."""
    profile: dict[str, Any] = dict(base)
    for probe, finding in steps:
        if finding.handled or (probe.name in _BOUNDS and not known.works(_BOUNDS[probe.name])):
            continue
        for member, found in finding.profile.items():
            there = profile.get(member)
            if member in _LISTS:
                found = [*(there or ()), *(one for one in found if _bare(one) not in map(_bare, there or ()))]
            profile[member] = {**(there or {}), **found} if member == "stream" else found
    return profile


def _bare(rule: Any) -> Any:
    """A rule without its reason, by which two are the same."""
    return {name: value for name, value in rule.items() if name != "why"} if isinstance(rule, Mapping) else rule


def written(profile: Mapping[str, Any], head: str = "") -> str:
    """A profile as TOML: plain members first, then one table for each rule."""
    lines = [f"# {head}"] if head else []
    tables = [name for name in _LISTS if name in profile and profile[name] and isinstance(profile[name][0], Mapping)]
    lines += [f"{_key(name)} = {_value(value)}" for name, value in profile.items() if name not in tables]
    for name in tables:
        for rule in profile[name]:
            lines += ["", f"[[{name}]]", *(f"{_key(key)} = {_value(value)}" for key, value in rule.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """A value in one line. Text as JSON has it is text as TOML has it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else json.dumps(name)
