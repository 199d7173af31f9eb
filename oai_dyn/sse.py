"""Server-sent events: bytes in, events out (WHATWG HTML, section 9.2.6; no clock, no I/O).

Rules of this file: lines are found in bytes, never in text, so that U+2028 or half a character
cannot end one; nothing waits for a later byte than the standard's blank line; what is kept between
two feeds is bounded by `limit`.

Almost every event in the field is one `data:` line. Such an event is given out as its bare bytes; all
others as `Event`. A chunk made of nothing else is split in one call: that is where the speed comes from.

Beyond the standard there is one thing: a field `error` that holds an object is data of an event of that name.
"""

from __future__ import annotations

import re

from .errors import StreamError
from .wire import Event

_COMMENT = re.compile(rb"(?m)^:[^\n]*\n")
_DATA = b"data: "
_SEPARATOR = b"\n\n" + _DATA

#: An unfinished block is looked through for comments whenever it has doubled from here, in bytes.
_COMPACT = 2**16


class Decoder:
    """Decodes one stream. `feed` returns the events that a piece of it completes.

    last_id   the last event id seen ("" before any)
    retry     the reconnection time asked for, in milliseconds, or None
    failed    an event was too long: the next feed raises
    """

    def __init__(self, limit: int = 2**26) -> None:
        self.limit = limit
        self.last_id = ""
        self.retry: int | None = None
        self._rest = bytearray()
        self._compact_at = _COMPACT
        self._started = False
        self._skip_lf = False
        self.failed = False

    def feed(self, chunk: bytes) -> list[bytes | Event]:
        """Take the next bytes; return the events complete by now, in order.

        Raises `StreamError` for an event of more than `limit` bytes; events before it are given out first.
        """
        if self._skip_lf and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_lf = False
        if b"\r" in chunk:
            # A CR that ends the chunk is a line end at once; the LF that may follow it is dropped later.
            self._skip_lf = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        rest = self._rest
        # A long event is joined once, when its end is seen at the seam or in the new bytes, and not per chunk.
        if not rest or len(rest) < _COMPACT or b"\n\n" in rest[-1:] + chunk:
            buffer = bytes(rest) + chunk if rest else chunk
            end = buffer.rfind(b"\n\n")
        else:
            end = -1
        events: list[bytes | Event] = []
        if end >= 0 and not self.failed:
            rest.clear()
            chunk = buffer[end + 2 :]
            self._compact_at = _COMPACT
            events = self._split(buffer, end)
        self._keep(chunk)
        if self.failed and not events:
            raise StreamError(f"an event of the stream passes the limit of {self.limit} bytes (Limits.event)")
        return events

    def _split(self, buffer: bytes, end: int) -> list[bytes | Event]:
        """The events of the whole blocks before `end`, up to one that is too long."""
        if not self._started:  # a byte order mark may stand before the very first
            self._started = True
            if buffer.startswith(b"\xef\xbb\xbf"):
                buffer, end = buffer[3:], end - 3
        if buffer.startswith(_DATA) and not self.last_id and end <= self.limit:
            plain = buffer[6:end].split(_SEPARATOR)
            if buffer.count(b"\n", 0, end) == 2 * (len(plain) - 1):
                return plain  # type: ignore[return-value]
        events = []
        for block in buffer[:end].split(b"\n\n"):
            event = self._block(block)
            if self.failed:
                break
            if event is not None:
                events.append(event)
        return events

    def _block(self, block: bytes) -> bytes | Event | None:
        """Interpret the lines between two blank ones; None where they make no event."""
        data: list[bytes] = []
        event, size = b"", 0
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name:
                size += len(line) + 1
            if name == b"data":
                data.append(value)
            elif name == b"event":
                event = value
            elif name == b"error" and value.startswith(b"{"):
                event = name  # older servers of llama.cpp send an error in a field of its own
                data.append(value)
            elif name == b"id":
                if b"\0" not in value:
                    self.last_id = value.decode("utf-8", "replace")
            elif name == b"retry" and value.isdigit():
                # Digits beyond 18 are no time that anybody waits; int() of a megabyte of them would take for ever.
                self.retry = int(value[:18])
        if size - 1 > self.limit:
            self.failed = True
        if not data:
            return None
        if event in (b"", b"message") and not self.last_id:
            return b"\n".join(data)
        kind = event.decode("utf-8", "replace") if event not in (b"", b"message") else None
        return Event(kind, b"\n".join(data), self.last_id)

    def _keep(self, chunk: bytes) -> None:
        """Hold the bytes of an unfinished block, without the comments that only keep a connection alive."""
        rest = self._rest
        rest += chunk
        if len(rest) > min(self._compact_at, self.limit):
            if rest.startswith(b":") or b"\n:" in rest:
                rest[:] = _COMMENT.sub(b"", rest)
            self._compact_at = max(_COMPACT, 2 * len(rest))
            self.failed = self.failed or len(rest) - rest.endswith(b"\n") > self.limit
