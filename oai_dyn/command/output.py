"""What a call brought, written as it comes: text of a stream piece by piece, other answers as JSON, bytes as they are.

Rules of this file: every write is flushed; a file is opened when there is something to write, so that a call
that fails leaves it alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self


class Output:
    """Standard output or a file.

    raw   JSON, one document a line, where text or indented JSON would be written
    path  of the file, None for standard output
    """

    def __init__(self, raw: bool = False, path: str | None = None) -> None:
        self._raw = raw
        self._path = path
        self._file: IO[bytes] | None = None
        self._last = ""
        self._silent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the terminal on a new line, whatever happened."""
        try:
            if self._last not in ("", "\n") and self._path is None:
                self.text("\n")
        finally:
            if self._file is not None:
                self._file.close()

    def bytes(self, piece: bytes) -> None:
        """Write a piece as it is."""
        if self._path is not None and self._file is None:
            self._file = Path(self._path).open("wb")  # noqa: SIM115 (closed by __exit__)
        stream = self._file or sys.stdout.buffer
        stream.write(piece)
        stream.flush()

    def text(self, text: str) -> None:
        """Write text; what the encoding cannot hold becomes an escape, which in JSON reads the same."""
        self._last = text[-1:]
        encoding = sys.stdout.encoding if self._path is None else "utf-8"
        self.bytes(text.encode(encoding, "backslashreplace"))

    def whole(self, value: Any) -> None:
        """Write an answer that came whole."""
        if value is None:
            return
        if isinstance(value, str) and not self._raw:
            self.text(value)
        else:
            self.text(_line(value) if self._raw else json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def piece(self, item: Any) -> None:
        """Write a piece of a binary answer, or an event of a stream."""
        if isinstance(item, bytes):
            self.bytes(item)
            return
        text = None if self._raw else text_of(item)
        if text is None:
            self.text(_line(item))
        elif text:
            self.text(text)
        else:
            self._silent += 1

    @property
    def silent(self) -> int:
        """How many events went by without a word, where not one had any."""
        return 0 if self._last else self._silent


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def text_of(event: Any) -> str | None:
    """The text in an event of a stream of text, "" where it has none; None for an event of any other stream."""
    if not isinstance(event, dict):
        return None
    if isinstance(event.get("choices"), list):
        return _of_choices(event["choices"])
    kind = str(event.get("type") or event.get("event") or "")
    family = kind.partition(".")[0]
    return _FAMILIES[family](kind, event) if family in _FAMILIES else None


def _of_choices(choices: list[Any]) -> str:
    """The text of the first choice alone: several at once would be a jumble."""
    first = next((choice for choice in choices if isinstance(choice, dict) and choice.get("index", 0) == 0), {})
    delta = first.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else first.get("text")
    return text if isinstance(text, str) else ""


def _of_delta(kind: str, event: dict[str, Any]) -> str:
    delta = event.get("delta")
    return delta if kind.endswith(("text.delta", "refusal.delta")) and "reasoning" not in kind and isinstance(delta, str) else ""


def _of_message(kind: str, event: dict[str, Any]) -> str:
    if kind != "thread.message.delta":
        return ""
    parts = event["data"]["delta"].get("content") or []
    return "".join(part["text"].get("value", "") for part in parts if part.get("type") == "text")


#: Streams of text by the first word of their events' kind, and where the text stands.
_FAMILIES: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "response": _of_delta,
    "thread": _of_message,
    "transcript": _of_delta,
}
