"""Names for definitions that the facts have no good name for: those of a row, and those of its types in the SDK."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: First parts of a row's name that say who may call it, not what it is about.
_LEFT_OUT = {"admin", "organization", "beta"}

#: Parts of a row's name that say less than the path does: the rows keep endpoints, the API sends the webhooks.
_INSTEAD = {"webhooks": "webhook_endpoints"}

#: More words than this make no name.
_LONGEST = 6


def singular(word: str) -> str:
    """One of many."""
    for end, instead in (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("s", "")):
        if word.endswith(end) and not word.endswith(("ss", "us", "ings")):
            return word[: -len(end)] + instead
    return word


def resource(row: str) -> str:
    """What a row is about: `beta.agents.sessions.list` is about an AgentSession."""
    parts = row.split(".")[:-1]
    told = [part for part in parts if part not in _LEFT_OUT] or parts
    return "".join(word.capitalize() for part in told for word in singular(_INSTEAD.get(part, part)).split("_"))


def method(row: str) -> str:
    """What a row does: List, Create, CreateAndRun."""
    return "".join(word.capitalize() for word in row.rpartition(".")[2].split("_"))


def of_part(row: str, part: str) -> str:
    """What a part of a documented row is called that the document has no name for."""
    told = resource(row) + method(row) + part
    return f"Beta{told}" if row.startswith("beta.responses.") else told  # as the document calls its own for these


def words(name: str) -> list[str]:
    """The words that a name in capitals is made of."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", name)


def shortened(name: str, others: Iterable[str]) -> str:
    """The name if it is short enough, else as many of its last words, at least three, as no other name ends with."""
    told = words(name)
    if len(told) <= _LONGEST:
        return name
    rest = [other for other in others if other != name]
    for count in range(3, len(told)):
        end = "".join(told[-count:])
        if not any(other.endswith(end) for other in rest):
            return end
    return name
