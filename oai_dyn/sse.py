"""Server-sent events: bytes in, events out (WHATWG HTML, section 9.2.6; no clock, no I/O).

Rules of this file: lines are found in bytes, never in text, so that U+2028 or half a character
cannot end one; nothing waits for a later byte than the standard's blank line; what is kept between
two feeds is bounded by `limit`.

Almost every event in the field is one `data:` line. Such an event is given out as its bare bytes; all
others as `Event`. A chunk made of nothing else is split in one call: that is where the speed comes from.
"""

from __future__ import annotations

from .errors import StreamError
from .wire import Event

_BOM = b"\xef\xbb\xbf"
_DATA = b"data: "
_SEPARATOR = b"\n\n" + _DATA


class Decoder:
    """Decodes one stream. `feed` returns the events that a piece of it completes.

    last_id   the last event id seen ("" before any)
    retry     the reconnection time asked for, in milliseconds, or None
    pending   bytes that belong to an event not yet complete
    """

    def __init__(self, limit: int = 2**26) -> None:
        self.limit = limit
        self.last_id = ""
        self.retry: int | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._started = False
        self._skip_lf = False

    @property
    def pending(self) -> bytes:
        return b"".join(self._parts)

    def feed(self, chunk: bytes) -> list[bytes | Event]:
        """Take the next bytes; return the events complete by now, in order.

        Raises `StreamError` for an event of more than `limit` bytes.
        """
        if not self._started:
            chunk = self._strip_bom(chunk)
        if self._skip_lf and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_lf = False
        if b"\r" in chunk:
            # A CR that ends the chunk is a line end at once; the LF that may follow it is dropped later.
            self._skip_lf = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not chunk:
            return []
        # Only the seam and the new bytes can hold the end of an event: a long one is joined once, not per chunk.
        seam = self._parts[-1][-1:] + chunk if self._parts else chunk
        if b"\n\n" not in seam:
            self._keep(chunk)
            return []
        buffer = b"".join((*self._parts, chunk)) if self._parts else chunk
        self._parts.clear()
        self._size = 0
        return self._split(buffer)

    def _split(self, buffer: bytes) -> list[bytes | Event]:
        """Cut at blank lines. The rest after the last one is kept for the next feed."""
        end = buffer.rindex(b"\n\n")
        if end + 2 < len(buffer):
            self._keep(buffer[end + 2 :])
        whole = buffer[:end]
        if whole.startswith(_DATA) and not self.last_id:
            blocks = whole[6:].split(_SEPARATOR)
            if whole.count(b"\n") == 2 * (len(blocks) - 1) and len(whole) <= self.limit:
                return blocks  # type: ignore[return-value]
        found = (self._block(block) for block in whole.split(b"\n\n"))
        return [event for event in found if event is not None]

    def _block(self, block: bytes) -> bytes | Event | None:
        """Interpret the lines between two blank ones; None where they make no event."""
        if len(block) > self.limit:
            raise self._too_long()
        data: list[bytes] = []
        event = b""
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                data.append(value)
            elif name == b"event":
                event = value
            elif name == b"id":
                if b"\0" not in value:
                    self.last_id = value.decode("utf-8", "replace")
            elif name == b"retry" and value.isdigit():
                # Digits beyond 18 are no time that anybody waits; int() of a megabyte of them would take for ever.
                self.retry = int(value[:18])
        if not data:
            return None
        if not event and not self.last_id:
            return b"\n".join(data)
        return Event(event.decode("utf-8", "replace") or None, b"\n".join(data), self.last_id)

    def _strip_bom(self, chunk: bytes) -> bytes:
        """Drop one byte order mark at the very start, though it may come in three pieces."""
        head = b"".join((*self._parts, chunk))
        self._parts.clear()
        if len(head) < 3 and _BOM.startswith(head):
            self._parts = [head]
            return b""
        self._started = True
        return head.removeprefix(_BOM)

    def _keep(self, rest: bytes) -> None:
        self._parts.append(rest)
        self._size += len(rest)
        if self._size > self.limit:
            raise self._too_long()

    def _too_long(self) -> StreamError:
        return StreamError(f"an event of the stream passes the limit of {self.limit} bytes (Limits.event)")
