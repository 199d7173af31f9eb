"""What a probe found, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..wire import Frozen

#: Every verdict, and what it says.
VERDICTS = {
    "works": "as OpenAI has it",
    "refused": "the service says no",
    "ignored": "the service takes it, and does not do it",
    "differs": "it works, in a form of its own",
    "absent": "there is no such row",
    "unknown": "not seen",
}


class Finding(NamedTuple):
    """A verdict, what was seen in a few words, and the members of a profile that follow.

    handled: the profile that was probed through has it already.
    """

    verdict: str
    seen: str
    profile: Mapping[str, Any] = Frozen()
    handled: bool = False


class Known:
    """What is known of a service by now.

    model, embedder   the models that requests name, "" where there is none
    limit             the member that bounds an answer, "" until one has worked
    findings          by probe
    """

    def __init__(self, model: str = "", embedder: str = "", limit: str = "") -> None:
        self.model = model
        self.embedder = embedder
        self.limit = limit
        self.findings: dict[str, Finding] = {}

    def works(self, name: str) -> bool:
        """Whether a probe found that something works."""
        return name in self.findings and self.findings[name].verdict == "works"
