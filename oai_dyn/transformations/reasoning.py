"""Reasoning that stands among what is said: in blocks, between tags, or twice.

Rules of this file: those of `replies`; no text is lost, but for line breaks beside a tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import ConfigError
from .places import Steps
from .reaching import Act, Few, Rule, Target

#: Where reasoning goes, unless a rule says otherwise (`to`).
REASONING = "reasoning_content"


# --- Blocks ---------------------------------------------------------------------------------------------------


def blocks(rule: Rule, target: Target) -> Act:
    """A list of blocks as text, with the reasoning beside it; the list stays as `content_blocks`."""
    key, to = target.key, rule.get("to", REASONING)

    def act(batch: Few) -> Steps | None:
        if not batch.mixed(target.place.steps):
            return None
        changed = False
        for holder in target.holders(batch):
            found = holder.get(key)
            if not isinstance(found, list):
                continue
            said = [text for block in found if (text := _text(block)) is not None]
            thought = "".join(text for block in found for text in _thoughts(block))
            holder[key] = "".join(said) if said else None
            holder.setdefault(f"{key}_blocks", found)
            if thought and holder.get(to) is None:
                holder[to] = thought
            changed = True
        return target.parents if changed else None

    return act


def _text(block: Any) -> str | None:
    """What a block of text says; None of any other."""
    if isinstance(block, str):
        return block
    if not isinstance(block, dict) or block.get("type", "text") not in ("text", "output_text"):
        return None
    text = block.get("text")
    return text if isinstance(text, str) else None


def _thoughts(block: Any) -> Iterator[str]:
    """The texts of a block of reasoning, however it is nested."""
    if isinstance(block, dict) and block.get("type") in ("thinking", "reasoning"):
        for key in ("thinking", "reasoning", "summary", "text", "content"):
            inner = block.get(key)
            for part in inner if isinstance(inner, list) else (inner,):
                text = part.get("text") if isinstance(part, dict) else part
                if isinstance(text, str):
                    yield text


# --- Tags -----------------------------------------------------------------------------------------------------


def tags(rule: Rule, target: Target) -> Act:
    """Text that begins with `<think>...</think>`: what is inside goes to the reasoning, also where a stream splits it.

    tags   names of the tags, ["think"];  open   the service leaves out the opening one;  to   where the reasoning goes
    """
    names, opened = rule.get("tags", ["think"]), bool(rule.get("open"))
    if not names:
        raise ConfigError("tags: empty")
    key, to = target.key, rule.get("to", REASONING)
    splitters: dict[Any, Splitter] = {}
    done: set[Any] = set()  # choices of which nothing more is to be split

    def split(holder: dict[str, Any], splitter: Splitter, last: bool) -> bool:
        text = holder.get(key)
        text = text if isinstance(text, str) else ""
        thought, said = splitter.feed(text)
        if last:
            more = splitter.end()
            thought, said = thought + more[0], said + more[1]
        if not thought and said == text:
            return False
        holder[key] = said if said or not thought else None
        if thought:
            had = holder.get(to)
            holder[to] = had + thought if isinstance(had, str) else thought
        return True

    def act(batch: Few) -> Steps | None:
        if done and batch.scalars(_INDEX) <= done and len(batch.level(_INDEX)) == len(batch.level(_INDEX[:-1])):
            return None
        changed = False
        if splitters:
            _with_last_words(batch, target)
        for index, choice, said in told(batch, target):
            if index in done or not target.chosen([said]) or (said.get(to) and not target.event):
                continue
            splitter = splitters.setdefault(index, Splitter(names, opened))
            changed |= split(said, splitter, not target.event or bool(choice.get("finish_reason")))
            if not splitter.busy:
                done.add(index)
        return target.parents if changed else None

    return act


def _with_last_words(batch: Few, target: Target) -> None:
    """The end of a choice says something, if only what was held back: it has a delta where it came without one."""
    for choices in target.within(batch).level(_CHOICES):
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("finish_reason") and not isinstance(choice.get(target.said), dict):
                choice[target.said] = {}


def told(batch: Few, target: Target) -> Iterator[tuple[Any, dict[str, Any], dict[str, Any]]]:
    """Each choice with its index, and what it says: its message, or its delta."""
    key = target.said
    for choices in target.within(batch).level(_CHOICES):
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            said = choice.get(key) if isinstance(choice, dict) else None
            if isinstance(said, dict):
                index = choice.get("index")
                yield index if isinstance(index, int) else position, choice, said


_CHOICES: Steps = ("choices",)
_INDEX: Steps = ("choices", "[]", "index")


class Splitter:
    """Takes text in pieces and tells what of it is reasoning and what is said. `busy` until neither can change any more."""

    __slots__ = ("_close", "_held", "_lead", "_opens", "busy")

    def __init__(self, names: Sequence[str], opened: bool) -> None:
        self._opens = {f"<{name}>": f"</{name}>" for name in names}
        self._close = next(iter(self._opens.values())) if opened else ""
        self._held = ""
        self._lead = opened  # line breaks that follow a tag are passed over
        self.busy = True

    def feed(self, text: str) -> tuple[str, str]:
        """The next piece: (reasoning, said)."""
        text, self._held = self._held + text, ""
        thought = said = ""
        if not self._close and not self._lead:
            text = self._opening(text)
            if not self.busy:
                return "", text
        if self._close and (text := self._led(text)):
            thought, text = self._inside(text)
        if text and not self._close and (said := self._led(text)):
            self.busy = False
        return thought, said

    def _opening(self, text: str) -> str:
        """At the very beginning: what stands behind the tag, or everything where there is none."""
        bare = text.lstrip()
        for tag, close in self._opens.items():
            if bare.startswith(tag):
                self._close, self._lead = close, True
                return bare[len(tag) :]
        if any(tag.startswith(bare) for tag in self._opens):
            self._held = text
            return ""
        self.busy = False
        return text

    def _inside(self, text: str) -> tuple[str, str]:
        """Reasoning up to the closing tag, and what stands behind it. Line breaks before the tag, and half of it, are held."""
        thought, close, rest = text.partition(self._close)
        if close:
            self._close, self._lead = "", True
            return thought.rstrip("\n"), rest
        half = next((n for n in range(len(self._close) - 1, 0, -1) if text.endswith(self._close[:n])), 0)
        kept = len(text[: len(text) - half].rstrip("\n"))
        self._held = text[kept:]
        return text[:kept], ""

    def _led(self, text: str) -> str:
        """The text without the line breaks that follow a tag."""
        if self._lead:
            text = text.lstrip("\n")
            self._lead = not text
        return text

    def end(self) -> tuple[str, str]:
        """What was held when the text ended."""
        held, self._held, self.busy = self._held, "", False
        return (held, "") if self._close else ("", held)


# --- Twice ----------------------------------------------------------------------------------------------------


def repeat(rule: Rule, target: Target) -> Act:
    """A reasoning text of some length (`least`, 8) that is the same as the one just before is taken away."""
    least, key = rule.get("least", 8), target.key
    before: dict[Any, str] = {}

    def act(batch: Few) -> Steps | None:
        if target.absent(batch):
            return None
        changed = False
        for index, _, said in told(batch, target):
            text = said.get(key)
            if not isinstance(text, str) or not text:
                continue
            if before.get(index) == text and len(text) >= least:
                said[key] = None
                changed = True
            before[index] = text
        return target.parents if changed else None

    return act
