"""The small files that the local server sends: a picture, a sound, a recording's text, rows of a batch, an archive.

Rules of this file: every file is a whole one of its kind, and the same each time.
"""

from __future__ import annotations

import io
import wave
import zipfile
from collections.abc import Callable
from typing import NamedTuple


class File(NamedTuple):
    """A file with its content type."""

    content_type: str
    content: bytes


#: The smallest PNG there is: one transparent pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c63000100000500010d0a2db4"
    "0000000049454e44ae426082"
)

#: Any bytes: each byte value, four times.
BYTES = bytes(range(256)) * 4

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=oai_dyn\r\nt=0 0\r\n"


def sound() -> bytes:
    """A WAV of a tenth of a second: a square wave of 200 Hz, 16 bits, 8,000 samples a second."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((b"\x00\x10" * 20 + b"\x00\xf0" * 20) * 20)
    return held.getvalue()


def archive() -> bytes:
    """A ZIP with one skill in it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr(zipfile.ZipInfo("example/SKILL.md"), "---\nname: example\ndescription: An example.\n---\n")
    return held.getvalue()


def box(kind: bytes, *content: bytes) -> bytes:
    """One box of an MP4 file: its length, its kind, what is in it."""
    inner = b"".join(content)
    return (len(inner) + 8).to_bytes(4) + kind + inner


def film() -> bytes:
    """An MP4 without a track: its kind, and the header of a film that lasts no time at all."""
    matrix = b"".join(one.to_bytes(4) for one in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
    times = bytes(12) + (1000).to_bytes(4) + bytes(4)
    speed = (0x10000).to_bytes(4) + (0x100).to_bytes(2) + bytes(10)
    header = box(b"mvhd", times, speed, matrix, bytes(24), (1).to_bytes(4))
    return box(b"ftyp", b"isom", (512).to_bytes(4), b"isommp41") + box(b"moov", header)


def file_for(row: str, variant: str = "") -> File:
    """The file that a row answers."""
    if row.startswith("videos.") and variant in ("thumbnail", "spritesheet"):
        return File("image/png", PIXEL)
    return next((make for start, make in FILES.items() if row.startswith(start)), lambda: ANY)()


ANY = File("application/octet-stream", BYTES)

#: The files of the rows that answer bytes of a kind, by how the row's name begins.
FILES: dict[str, Callable[[], File]] = {
    "audio.speech.": lambda: File("audio/wav", sound()),
    "live.sessions.download_recording": lambda: File("audio/wav", sound()),
    "skills.": lambda: File("application/zip", archive()),
    "videos.": lambda: File("video/mp4", film()),
}
