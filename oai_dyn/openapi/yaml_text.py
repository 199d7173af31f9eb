"""YAML read by its events, so that nothing in it can grow, call or surprise.

Rules of this file: keys are always text (`200:` is "200"); plain words are read as JSON has them (`true`, `false`, `null` and
numbers; `yes`, `on` and dates are text); an alias shares what its anchor holds, and only what is complete; a tag is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, NoReturn

from ..errors import ConfigError

_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)

#: Tags that say no more than a plain reading does.
_TAGS = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}

_TEXT_TAGS = {"!", "tag:yaml.org,2002:str"}


class _Open:
    """A list or mapping that is being read; `key` is the mapping's key that waits for its value."""

    __slots__ = ("anchor", "holder", "key", "merges")

    def __init__(self, holder: Any, anchor: str | None) -> None:
        self.holder = holder
        self.anchor = anchor
        self.key: str | None = None
        self.merges: list[Any] = []


def parse_yaml(content: bytes, nodes: int, depth: int) -> Any:
    """The one document in a text of YAML. Raises `ConfigError` with the line.

    nodes, depth: the most that is read before it is refused.
    """
    try:
        yaml = import_module("yaml")
    except ImportError:
        raise ConfigError("YAML needs the extra: pip install oai_dyn[yaml]") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(nodes, depth).build(yaml.parse(content, Loader=loader))
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split()).replace('in "<byte string>", ', "at ")
        raise ConfigError(f"neither JSON nor YAML: {said}") from None


class _Builder:
    """Makes values of events; holds what is open and what is anchored."""

    def __init__(self, nodes: int, depth: int) -> None:
        self._left = nodes
        self._depth = depth
        self._stack: list[_Open] = []
        self._anchors: dict[str, Any] = {}
        self._roots: list[Any] = []

    def build(self, events: Iterable[Any]) -> Any:
        """Read all events; gives the value of the document."""
        for event in events:
            _TAKE.get(type(event).__name__, _Builder._nothing)(self, event)
        if len(self._roots) != 1:
            found = f"{len(self._roots)} documents in one text, wanted one"
            raise ConfigError(found if self._roots else "there is nothing in it")
        return self._roots[0]

    def _nothing(self, event: Any) -> None:
        """Starts and ends of documents say nothing here."""

    def _scalar(self, event: Any) -> None:
        if event.tag not in _TAGS:
            self._refuse(event, f"the tag {event.tag[:60]!r}, wanted none")
        if self._wants_key():
            self._put_key(event, event.value, merge=event.value == "<<" and event.implicit[0])
            return
        value = event.value
        if event.implicit[0] and event.tag not in _TEXT_TAGS:
            value = self._plain(event)
        self._done(event, value, event.anchor)

    def _plain(self, event: Any) -> Any:
        """The value of a word without quotes."""
        text = event.value
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if len(text) <= 400 and _NUMBER.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                self._refuse(event, "a number that is too large")
            return number
        return text

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            self._refuse(event, f"*{event.anchor} stands for nothing, or for what it stands in")
        value = self._anchors[event.anchor]
        if self._wants_key():
            if not isinstance(value, str):
                self._refuse(event, "a key that is no text")
            self._put_key(event, value, merge=False)
            return
        self._done(event, value, None)

    def _start(self, event: Any) -> None:
        if event.tag not in _TAGS:
            self._refuse(event, f"the tag {event.tag[:60]!r}, wanted none")
        if self._wants_key():
            self._refuse(event, "a key that is no text")
        if len(self._stack) >= self._depth:
            self._refuse(event, f"nested deeper than {self._depth} levels")
        holder: Any = {} if type(event).__name__ == "MappingStartEvent" else []
        self._stack.append(_Open(holder, event.anchor))

    def _end(self, event: Any) -> None:
        closed = self._stack.pop()
        if closed.merges:
            closed.holder = self._merged(event, closed)
        self._done(event, closed.holder, closed.anchor)

    def _merged(self, event: Any, closed: _Open) -> dict[str, Any]:
        """The mapping with what `<<` brings in; its own keys win, then the earlier of those brought in."""
        whole: dict[str, Any] = {}
        for value in reversed(closed.merges):
            if not isinstance(value, dict):
                self._refuse(event, "<< stands before what is no mapping")
            self._spend(event, len(value))
            whole.update(value)
        return {**whole, **closed.holder}

    def _wants_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].holder, dict) and self._stack[-1].key is None

    def _put_key(self, event: Any, key: str, merge: bool) -> None:
        self._spend(event, 1)
        if event.__class__.__name__ == "ScalarEvent" and event.anchor:
            self._anchors[event.anchor] = key
        # No mapping can hold this key: it is not text that UTF-8 can carry.
        self._stack[-1].key = _MERGE if merge else key

    def _done(self, event: Any, value: Any, anchor: str | None) -> None:
        """A value is whole: it goes into what is open, and stands for its anchor from now on."""
        self._spend(event, 1)
        if anchor:
            self._anchors[anchor] = value
        if not self._stack:
            self._roots.append(value)
            return
        top = self._stack[-1]
        if isinstance(top.holder, list):
            top.holder.append(value)
        elif top.key == _MERGE:
            top.merges += value if isinstance(value, list) else [value]
        else:
            top.holder[top.key] = value
        top.key = None

    def _spend(self, event: Any, nodes: int) -> None:
        self._left -= nodes
        if self._left < 0:
            self._refuse(event, "more values than are read")

    def _refuse(self, event: Any, why: str) -> NoReturn:
        raise ConfigError(f"line {event.start_mark.line + 1}: {why}")


#: Stands for the key `<<`, which no text can equal: it holds a lone surrogate.
_MERGE = "\ud800<<"

_TAKE: dict[str, Callable[[_Builder, Any], None]] = {
    "ScalarEvent": _Builder._scalar,
    "AliasEvent": _Builder._alias,
    "SequenceStartEvent": _Builder._start,
    "MappingStartEvent": _Builder._start,
    "SequenceEndEvent": _Builder._end,
    "MappingEndEvent": _Builder._end,
}
