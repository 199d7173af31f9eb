"""multipart/form-data bodies (RFC 7578) of known length that can be opened again for every attempt.

Rules of this file: a file is never whole in memory; what is sent twice is the same bytes, boundary
included. A stream that cannot seek is copied to a temporary file first, for both reasons.
"""

from __future__ import annotations

import io
import mimetypes
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import IO, Any, NamedTuple, TypeVar

from .errors import ValidationError

#: A stream that cannot seek is kept in memory up to here, in bytes, and on disk beyond.
_SPOOL = 2**20

_HEADER_LINE = re.compile(r"[^\r\n\0\ud800-\udfff]*")

_DEFAULT_TYPE = "application/octet-stream"

T = TypeVar("T")
U = TypeVar("U")


class Spool(tempfile.SpooledTemporaryFile[bytes]):
    """A copy of a stream that cannot seek, gone with the last body that is made of it."""

    def __del__(self) -> None:
        self.close()


#: Streams that were copied, by their id, each with its copy.
Copies = dict[int, tuple[Any, Spool]]

_copies: ContextVar[Copies | None] = ContextVar("copies", default=None)


def keeping(copies: Copies, make: Callable[[T], U], of: T) -> U:
    """What `make` gives: bodies that are made within it have the same bytes of a stream that can be read only once."""
    token = _copies.set(copies)
    try:
        return make(of)
    finally:
        _copies.reset(token)


class Source(NamedTuple):
    """Bytes of known length, opened afresh each time; `owned` says whether closing is ours."""

    length: int
    open: Callable[[], IO[bytes]]
    owned: bool = True


class Multipart:
    """A body factory: calling it gives a new reader over the whole body.

    content_type goes into the header (it names the boundary), length is in bytes.
    """

    def __init__(self, pairs: Iterable[tuple[str, Any]], part_types: Mapping[str, str] | None = None) -> None:
        boundary = os.urandom(16).hex()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._sources: list[Source] = []
        for name, value in pairs:
            head, content = _part(name, value, (part_types or {}).get(name))
            self._sources += (_from_bytes(f"--{boundary}\r\n{head}\r\n\r\n".encode()), content, _from_bytes(b"\r\n"))
        self._sources.append(_from_bytes(f"--{boundary}--\r\n".encode()))
        self.length = sum(source.length for source in self._sources)

    def __call__(self) -> Body:
        return Body(self._sources, self.length)

    def __repr__(self) -> str:
        return f"<Multipart of {self.length} bytes>"


class Body(io.RawIOBase):
    """Reads the sources one after the other. It has a length and a position, which requests asks for."""

    def __init__(self, sources: list[Source], length: int) -> None:
        self._waiting = iter(sources)
        self._length = length
        self._position = 0
        self._source: Source | None = None
        self._file: IO[bytes] | None = None
        self._left = 0

    def __len__(self) -> int:
        return self._length

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next. Raises OSError if a file has become shorter than it was."""
        if not len(buffer):
            return 0
        while not self._left:
            self._leave()
            self._source = next(self._waiting, None)
            if self._source is None:
                return 0
            self._file = self._source.open()
            self._left = self._source.length
        assert self._file is not None
        piece = self._file.read(min(len(buffer), self._left))
        if not piece:
            raise OSError(f"a file ended {self._left} bytes before the length it had when the call was made")
        buffer[: len(piece)] = piece
        self._left -= len(piece)
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        self._leave()
        super().close()

    def _leave(self) -> None:
        if self._file is not None and self._source is not None and self._source.owned:
            self._file.close()
        self._file = None


def _part(name: str, value: Any, part_type: str | None) -> tuple[str, Source]:
    """The head of a part, without its blank line, and its content."""
    filename, content, content_type, extra = _unpacked(value)
    if content_type is not None and not isinstance(content_type, str):
        raise ValidationError.at((name,), f"content type {content_type!r}, wanted text")
    if not isinstance(extra or {}, Mapping):
        raise ValidationError.at((name,), f"headers of type {type(extra).__name__}, wanted a dict")
    disposition = f'Content-Disposition: form-data; name="{_escape(name)}"'
    if filename:
        disposition += f'; filename="{_escape(filename)}"'
        content_type = content_type or mimetypes.guess_type(filename)[0] or _DEFAULT_TYPE
    lines = [disposition, *(f"{key}: {text}" for key, text in (extra or {}).items())]
    if content_type or part_type:
        lines.append(f"Content-Type: {content_type or part_type}")
    if not all(map(_HEADER_LINE.fullmatch, lines)):
        raise ValidationError.at((name,), "a part's header holds a line break or a lone surrogate")
    return "\r\n".join(lines), _source(name, content)


def _unpacked(value: Any) -> list[Any]:
    """File name, content, content type and further headers of text, or of a file in any of its forms."""
    if isinstance(value, str):
        return [None, value.encode(), None, None]
    if isinstance(value, tuple):
        return [*value, None, None][:4]
    own_name = os.fspath(value) if isinstance(value, os.PathLike) else getattr(value, "name", None)
    return [os.path.basename(own_name) if isinstance(own_name, str) and own_name else "upload", value, None, None]


def _source(name: str, content: Any) -> Source:
    if isinstance(content, bytes | bytearray):
        return _from_bytes(bytes(content))
    if isinstance(content, os.PathLike):
        try:
            with open(content, "rb") as file:
                length = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise ValidationError.at((name,), f"the file {os.fspath(content)!r} cannot be read: {error.strerror}") from None
        return Source(length, lambda: open(content, "rb"))
    return _from_open_file(name, content)


def _from_bytes(content: bytes) -> Source:
    return Source(len(content), lambda: io.BytesIO(content))


def _from_open_file(name: str, file: Any) -> Source:
    """An open file is sent from its beginning, whole, and stays open. One that cannot seek is copied first."""
    if isinstance(file, io.TextIOBase):
        raise ValidationError.at((name,), 'the file is open as text, wanted one opened with "rb"')
    try:
        seekable = getattr(file, "seekable", None)
        if not (seekable() if seekable else hasattr(file, "seek")):
            file = _copied(file)
        length = file.seek(0, os.SEEK_END)
    except (ValueError, OSError) as error:
        raise ValidationError.at((name,), f"the file cannot be read: {error}") from None

    def rewound() -> IO[bytes]:
        file.seek(0)
        return file  # type: ignore[no-any-return]

    return Source(length, rewound, owned=False)


def _copied(stream: Any) -> Spool:
    """A copy of a stream: the one that was made of it before, where it may be needed again."""
    copies = _copies.get()
    if copies is not None and id(stream) in copies:
        return copies[id(stream)][1]
    spool = Spool(_SPOOL)
    shutil.copyfileobj(stream, spool)
    if copies is not None:
        copies[id(stream)] = stream, spool  # the stream too, so that no other one has its id
    return spool


def _escape(text: str) -> str:
    r"""As browsers do (WHATWG HTML, multipart/form-data): `"` is %22, a control character %XX; `\` is doubled."""
    text = text.replace("\\", "\\\\").replace('"', "%22")
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: f"%{ord(found.group()):02X}", text)
