"""Verbs of replies and events about the whole, its counts and its tokens.

Rules of this file: those of `replies`.
"""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError
from .places import MISSING
from .reaching import Act, Batch, Rule, Target


def unwrap(rule: Rule, target: Target) -> Act:
    """The object or the list at `member` becomes the whole."""

    def act(batch: Batch) -> bool:
        changed = False
        for i, root in enumerate(batch.roots):
            inner = target.place.first(root) if target.takes(root) else MISSING
            if inner is not root and isinstance(inner, dict | list):
                batch.roots[i] = inner
                changed = True
        return changed

    return act


def wrap(rule: Rule, target: Target) -> Act:
    """A bare list as OpenAI's list object."""

    def act(batch: Batch) -> bool:
        lists = [i for i, root in enumerate(batch.roots) if isinstance(root, list) and target.takes(root)]
        for i in lists:
            batch.roots[i] = {"object": "list", "data": batch.roots[i]}
        return bool(lists)

    return act


def recount(rule: Rule, target: Target) -> Act:
    """Counts of tokens that do not add up: `what` is the one that is mended, `prompt`, `completion` or `total`."""
    if (mend := _COUNTS.get(rule["what"])) is None:
        raise ConfigError(f"what: {rule['what']!r}, wanted one of {', '.join(_COUNTS)}")
    key = f"{rule['what']}_tokens"

    def act(batch: Batch) -> bool:
        changed = False
        for usage in target.chosen(target.within(batch).objects(target.place.steps)):
            count = mend(usage)
            if count is not None:
                usage[key] = count
                changed = True
        return changed

    return act


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _whole_prompt(usage: dict[str, Any]) -> int | None:
    """What was read from a cache was left out: it cannot be more than the whole."""
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    sent = _count(usage.get("prompt_tokens"))
    return sent + cached if sent is not None and cached is not None and cached > sent else None


def _whole_completion(usage: dict[str, Any]) -> int | None:
    """The total counts what the completion leaves out."""
    sent, got, total = counts(usage)
    return total - sent if got >= 0 and 0 <= sent < total - got else None


def _whole_total(usage: dict[str, Any]) -> int | None:
    """The total leaves something out, or there is none."""
    sent, got, total = counts(usage)
    return sent + got if sent >= 0 and got >= 0 and total < sent + got else None


def counts(usage: dict[str, Any]) -> list[int]:
    """Tokens sent, got and in all; -1 where none are told."""
    counts = (_count(usage.get(key)) for key in ("prompt_tokens", "completion_tokens", "total_tokens"))
    return [-1 if count is None else count for count in counts]


_COUNTS = {"prompt": _whole_prompt, "completion": _whole_completion, "total": _whole_total}


def logprobs(rule: Rule, target: Target) -> Act:
    """{tokens, token_logprobs}, or in an event one number, as the list `content` that OpenAI has."""

    def act(batch: Batch) -> bool:
        if {*map(type, batch.level(target.place.steps))} <= {type(None)}:
            return False
        changed = False
        for choice in target.holders(batch):
            found = choice.get(target.key)
            said = choice.get(target.said)
            if _count(found) is not None or isinstance(found, float):
                text = said.get("content") if isinstance(said, dict) else None
                choice[target.key] = {"content": _told([text], [found])}
                choice.setdefault(f"native_{target.key}", found)
                changed = True
            elif isinstance(found, dict) and found.get("content") is None:
                tokens, numbers = found.get("tokens"), found.get("token_logprobs")
                if isinstance(tokens, list) and isinstance(numbers, list):
                    found["content"] = _told(tokens, numbers)
                    changed = True
        return changed

    return act


def _told(tokens: list[Any], numbers: list[Any]) -> list[dict[str, Any]]:
    pairs = [(token, number) for token, number in zip(tokens, numbers, strict=False) if isinstance(token, str)]
    return [
        {"token": token, "logprob": number, "bytes": list(token.encode("utf-8", "replace")), "top_logprobs": []}
        for token, number in pairs
    ]
