"""Reasoning put among what is said, as some providers send it: in blocks, between tags, twice.

Rules of this file: those of `backwards`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from ..transformations.places import EACH
from ..transformations.reaching import Batch, Rule, Target
from ..transformations.reasoning import REASONING
from .oddities import Act

#: How many letters of a text are kept back, so that a stream splits a tag.
KEPT = 3


def blocks(rule: Rule, target: Target) -> Act:
    """Text and reasoning as a list of blocks."""
    key, to = target.key, rule.get("to", REASONING)

    def act(batch: Batch) -> bool:
        changed = False
        for holder in target.holders(batch):
            text, thought = holder.get(key), holder.get(to)
            found: list[Any] = []
            if isinstance(thought, str) and thought:
                found.append({"type": "thinking", "thinking": [{"type": "text", "text": thought}]})
                del holder[to]
            if isinstance(text, str) and text:
                found.append({"type": "text", "text": text})
            if found:
                holder[key], changed = found, True
        return changed

    return act


def tags(rule: Rule, target: Target) -> Act:
    """Reasoning between tags, before the text. Of a stream a few letters come with the next event, and so tags are split."""
    name, opened = rule.get("tags", ["think"])[0], bool(rule.get("open"))
    key, to = target.key, rule.get("to", REASONING)
    tellers: dict[Any, _Teller] = {}

    def act(batch: Batch) -> bool:
        changed = False
        for position, choice in enumerate(batch.objects(("choices", EACH))):
            said = choice.get(target.said, {})
            if not isinstance(said, dict) or not target.chosen([said]):
                continue
            index = choice.get("index", position)
            teller = tellers.setdefault(index, _Teller(name, opened)) if target.event else _Teller(name, opened)
            ends = not target.event or choice.get("finish_reason", "") is not None or bool(said.get("tool_calls"))
            if teller.tell(said, key, to, ends):
                choice[target.said], changed = said, True
        return changed

    return act


class _Teller:
    """One choice's reasoning and text as one text with tags."""

    def __init__(self, name: str, opened: bool) -> None:
        self._open, self._close = ("" if opened else f"<{name}>\n"), f"\n</{name}>\n\n"
        self._inside = opened
        self._begun = opened
        self._kept = ""

    def tell(self, said: dict[str, Any], key: str, to: str, ends: bool) -> bool:
        """Put what one event or message says between tags; at the end all that was kept back. Whether it changed."""
        text, thought = (value if isinstance(value := said.get(name), str) else "" for name in (key, to))
        if not self._begun and not thought:
            return False
        said.pop(to, None)
        if not self._begun:
            self._begun, self._inside, thought = True, True, self._open + thought
        if self._inside and (text or ends):
            self._inside, thought = False, thought + self._close
        whole = self._kept + thought + text
        cut = len(whole) if ends else max(len(whole) - KEPT, 0)
        if whole[:cut] or text:
            said[key] = whole[:cut]
        self._kept = whole[cut:]
        return True


def repeat(rule: Rule, target: Target) -> Act:
    """An event with enough reasoning, and nothing else, comes twice."""
    least, key = rule.get("least", 8), target.key

    def twice(event: Any) -> bool:
        level = Batch([event]).objects(("choices", EACH, target.said))
        return bool(level) and all(len(str(said.get(key) or "")) >= least and _says_only(said, key) for said in level)

    def act(batch: Batch) -> bool:
        before = len(batch.roots)
        batch.roots[:] = [one for root in batch.roots for one in ([root, deepcopy(root)] if twice(root) else [root])]
        return len(batch.roots) != before

    return act


def _says_only(said: dict[str, Any], key: str) -> bool:
    return not any(value for name, value in said.items() if name not in (key, "role"))
