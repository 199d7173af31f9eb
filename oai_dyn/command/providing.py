"""`oai-dyn providers`: the bundled profiles in a list, or one of them (or a file) explained.

Rules of this file: what a profile says is told in words, one line a fact; no variable's value is read, let alone shown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..catalog import packaged_names
from ..profiles import Profile, load
from ..validation import profile_faults
from .output import Output

#: What is said of a rule besides what it is about and why.
_ABOUT = ("tag", "why", "sources", "verb", "member", "service", "loses")

_SERVICE = {"refuses": "the service refuses it", "ignores": "the service ignores it", "changes": "the service changes it"}


def run(options: argparse.Namespace) -> None:
    """List the profiles, or explain the one that is named."""
    names = packaged_names("providers") if options.name is None else [options.name]
    profiles = [load(name, profile_faults) for name in names]
    if options.kind and options.name is None:
        profiles = [profile for profile in profiles if profile.get("kind", "hosted") == options.kind]
    if options.json:
        Output().text(json.dumps(profiles, ensure_ascii=False, indent=2) + "\n")
        return
    lines = listing(profiles) if options.name is None else explained(profiles[0])
    Output().text("\n".join(lines) + "\n")


def listing(profiles: list[Profile]) -> Iterator[str]:
    """Profiles in columns."""
    rows = [("NAME", "KIND", "RULES", "KEY", "BASE URL")]
    for profile in profiles:
        key, address = " ".join(profile.get("api_key_env", ())[:1]), profile.get("base_url", "-")
        rows.append((profile["name"], profile.get("kind", "hosted"), str(_deviations(profile)), key, address))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()


def _deviations(profile: Profile) -> int:
    return sum(len(profile.get(member, ())) for member in ("request", "reply", "errors"))


def explained(profile: Profile) -> Iterator[str]:
    """A profile in words."""
    yield " - ".join(str(profile[name]) for name in ("name", "title", "kind", "status") if name in profile)
    for member, words in _FACTS.items():
        if value := profile.get(member):
            yield f"{words}: {_shown(value)}"
    for member, words in _RULES.items():
        if rules := profile.get(member):
            yield f"{words}:"
            yield from (f"  {_rule(rule)}" for rule in rules)


def _rule(rule: Mapping[str, Any]) -> str:
    """A rule in a line: what it does to what, with what, when, and why."""
    means = [rule["means"]] if "means" in rule else []
    done = " ".join(str(part) for part in (rule.get("verb"), rule.get("member") or None, *means) if part)
    more = [f"{name} {_shown(value)}" for name, value in rule.items() if name not in (*_ABOUT, "means", *_CONDITIONS)]
    when = [f"{_CONDITIONS[name]} {_shown(rule[name])}" for name in _CONDITIONS if name in rule]
    said = [done + (f" ({'; '.join(more)})" if more else ""), *when]
    tail = "; ".join(text for text in (rule.get("why"), _SERVICE[rule["service"]] if "service" in rule else None) if text)
    return ", ".join(said) + (f" - {tail}" if tail else "")


def _shown(value: Any) -> str:
    """A value of a profile as people read it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_shown(one)}" for name, one in value.items())
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


#: What is told of a profile before its rules, and how.
_FACTS = {
    "docs": "documents",
    "aliases": "also called",
    "extends": "laid over",
    "base_url": "base URL",
    "base_url_env": "base URL from",
    "api_key_env": "key from",
    "admin_key_env": "admin key from",
    "token_env": "token from",
    "placeholder_key": "key where none is needed",
    "auth": "key is sent as",
    "token_auth": "token is sent as",
    "variables": "variables, and where they are read",
    "headers": "headers",
    "query": "query",
    "paths": "paths of its own",
    "absent": "rows it lacks",
    "routes": "rows of its own",
    "families": "families of models",
    "stream": "its streams",
    "notes": "notes",
}

_RULES = {"request": "requests", "reply": "replies and events", "errors": "errors"}

_CONDITIONS = {
    "rows": "in",
    "on": "on",
    "models": "for models",
    "if": "if",
    "where": "where",
    "is": "where it is",
    "status": "status",
    "code": "code",
    "type": "type",
    "pattern": "with the words",
}
