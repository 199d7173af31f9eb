"""Content codings of a body: gzip and deflate, undone within a bound (RFC 9110 section 8.4.1).

Rules of this file: both backends hand over the bytes of the wire, so that a bomb, a cut and a wrong
checksum are found here, once. Neither HTTP library reports a cut gzip body.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from .errors import DecodeError, StreamTruncated

#: Most that one step gives out, so that a bomb is met piece by piece.
_STEP = 2**18

#: The codings that are undone, each with zlib's word for it.
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}

#: What the client says it takes.
ACCEPT_ENCODING = "gzip, deflate"


class Inflate:
    """gzip (RFC 1952) or deflate: zlib-wrapped (RFC 1950) or, as some servers send it, raw (RFC 1951)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._zlib = zlib.decompressobj(_WINDOWS[name])
        self._fed = False
        self._head = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decode a piece of the body, in steps of at most 256 KiB. Raises `DecodeError` if it is no such coding."""
        if not self._fed:
            # Two bytes tell a wrapped deflate from a raw one; zlib would take one and make up its mind.
            self._head += chunk
            chunk = self._head if len(self._head) > 1 else b""
        while chunk:
            if self._zlib.eof:  # another member follows: gzip files may be strung together
                self._zlib = zlib.decompressobj(31)
            try:
                out = self._zlib.decompress(chunk, _STEP)
            except zlib.error as error:
                if self._fed or self.name != "deflate":
                    raise DecodeError(f"the body is not what Content-Encoding: {self.name} says: {error}") from None
                self._zlib = zlib.decompressobj(-15)
                self._fed = True
                continue
            self._fed = True
            chunk = self._zlib.unconsumed_tail or self._zlib.unused_data
            if out:
                yield out

    def finish(self) -> None:
        """Raise `StreamTruncated` if the coding's own end has not come."""
        if (self._fed or self._head) and not self._zlib.eof:
            raise StreamTruncated(f"the {self.name} body was cut before its end")


def for_encoding(value: str | None) -> Inflate | None:
    """What undoes a Content-Encoding header, None where there is nothing to undo.

    Raises `DecodeError` for a coding that was not asked for.
    """
    name = (value or "identity").strip().lower()
    if name == "identity":
        return None
    if name not in _WINDOWS:
        raise DecodeError(f"the body has Content-Encoding {name!r}; asked for were {ACCEPT_ENCODING}")
    return Inflate(name)
