"""Verbs of replies and events about the whole, its counts and its tokens.

Rules of this file: those of `replies`.
"""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError
from .places import MISSING, Steps
from .reaching import Act, Few, Rule, Target


def unwrap(rule: Rule, target: Target) -> Act:
    """The object or the list at `member` becomes the whole."""

    def act(batch: Few) -> Steps | None:
        changed = False
        for i, root in enumerate(batch.roots):
            inner = target.place.first(root) if target.takes(root) else MISSING
            if inner is not root and isinstance(inner, dict | list):
                batch.roots[i] = inner
                changed = True
        return () if changed else None

    return act


def wrap(rule: Rule, target: Target) -> Act:
    """A bare list as OpenAI's list object."""

    def act(batch: Few) -> Steps | None:
        lists = [i for i, root in enumerate(batch.roots) if isinstance(root, list) and target.takes(root)]
        for i in lists:
            batch.roots[i] = {"object": "list", "data": batch.roots[i]}
        return () if lists else None

    return act


def recount(rule: Rule, target: Target) -> Act:
    """Counts of tokens that do not add up: `what` is the one that is mended, `prompt`, `completion` or `total`."""
    if (mend := _COUNTS.get(rule["what"])) is None:
        raise ConfigError(f"what: {rule['what']!r}, wanted one of {', '.join(_COUNTS)}")
    key = f"{rule['what']}_tokens"

    def act(batch: Few) -> Steps | None:
        changed = False
        for usage in target.chosen(target.within(batch).objects(target.place.steps)):
            count = mend(usage)
            if count is not None:
                usage[key] = count
                changed = True
        return target.place.steps if changed else None

    return act


def _whole_prompt(usage: dict[str, Any]) -> int | None:
    """What was read from a cache was left out: it cannot be more than the whole."""
    sent, cached = counts(usage)[0], _detail(usage, "prompt", "cached_tokens")
    return sent + cached if 0 <= sent < cached else None


def _detail(usage: dict[str, Any], of: str, name: str) -> int:
    """A count among the details of another, -1 where there is none."""
    details = usage.get(f"{of}_tokens_details")
    count = details.get(name) if isinstance(details, dict) else None
    return count if type(count) is int else -1


def _whole_completion(usage: dict[str, Any]) -> int | None:
    """Reasoning was left out: the total counts more, or there was more of it than of all."""
    sent, got, total = counts(usage)
    if got < 0 or sent < 0:
        return None
    thought = _detail(usage, "completion", "reasoning_tokens")
    return total - sent if total > sent + got else got + thought if thought > got else None


def _whole_total(usage: dict[str, Any]) -> int | None:
    """The total leaves something out, or there is none."""
    sent, got, total = counts(usage)
    return sent + got if sent >= 0 and got >= 0 and total < sent + got else None


def counts(usage: dict[str, Any]) -> list[int]:
    """Tokens sent, got and in all; -1 where none are told."""
    told = map(usage.get, ("prompt_tokens", "completion_tokens", "total_tokens"))
    return [count if type(count) is int else -1 for count in told]


_COUNTS = {"prompt": _whole_prompt, "completion": _whole_completion, "total": _whole_total}


def logprobs(rule: Rule, target: Target) -> Act:
    """{tokens, token_logprobs}, or in an event one number, as the list `content` that OpenAI has."""

    def act(batch: Few) -> Steps | None:
        if {*map(type, batch.level(target.place.steps))} <= {type(None)}:
            return None
        changed = False
        for choice in target.holders(batch):
            found = choice.get(target.key)
            said = choice.get(target.said)
            if type(found) in (int, float):
                text = said.get("content") if isinstance(said, dict) else None
                choice[target.key] = {"content": _told([text], [found])}
                choice.setdefault(f"native_{target.key}", found)
                changed = True
            elif isinstance(found, dict) and found.get("content") is None:
                tokens, numbers = found.get("tokens"), found.get("token_logprobs")
                if isinstance(tokens, list) and isinstance(numbers, list):
                    found["content"] = _told(tokens, numbers)
                    changed = True
        return target.parents if changed else None

    return act


def _told(tokens: list[Any], numbers: list[Any]) -> list[dict[str, Any]]:
    pairs = [(token, number) for token, number in zip(tokens, numbers, strict=False) if isinstance(token, str)]
    return [
        {"token": token, "logprob": number, "bytes": list(token.encode("utf-8", "replace")), "top_logprobs": []}
        for token, number in pairs
    ]
