"""Content codings: gzip and deflate in all their forms, in any pieces, cut, broken or a bomb."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable

import pytest

from oai_dyn.coding import ACCEPT_ENCODING, for_encoding
from oai_dyn.errors import DecodeError, StreamTruncated

TEXT = b'{"id": "resp_1", "text": "' + bytes(range(32, 127)) * 3 + b'"}'


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the zlib wrapping, as some servers send it."""
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


CODED = {
    "gzip": [gzip.compress(TEXT), gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])],
    "x-gzip": [gzip.compress(TEXT)],
    "deflate": [zlib.compress(TEXT), raw_deflate(TEXT)],
}
CASES = [(name, body) for name, bodies in CODED.items() for body in bodies]


def decoded(name: str, pieces: Iterable[bytes]) -> bytes:
    """The body of that coding, fed in pieces and found whole."""
    coding = for_encoding(name)
    assert coding is not None
    out = b"".join(part for piece in pieces for part in coding.feed(piece))
    coding.finish()
    return out


@pytest.mark.parametrize(("name", "body"), CASES)
def test_any_pieces_give_the_same(name: str, body: bytes) -> None:
    """Whole, byte by byte, and cut in two everywhere, members strung together included."""
    assert decoded(name, [body]) == TEXT
    assert decoded(name, [bytes([byte]) for byte in body]) == TEXT
    for at in range(len(body) + 1):
        assert decoded(name, [body[:at], body[at:]]) == TEXT


@pytest.mark.parametrize(("name", "body"), CASES)
def test_a_cut_body_is_found_out(name: str, body: bytes) -> None:
    """Wherever a body is cut, but before its first byte, its end is missed (gzip: also between two members it is whole)."""
    whole = {len(gzip.compress(TEXT[:9]))} if name == "gzip" else set()
    for at in set(range(1, len(body))) - whole:
        with pytest.raises(StreamTruncated, match="body was cut before its end"):
            decoded(name, [body[:at]])


def test_an_empty_body_is_whole() -> None:
    """A body without a byte has no coding to end."""
    assert decoded("gzip", []) == b""


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", TEXT),
        ("deflate", b"\xff" * 20),
        ("gzip", gzip.compress(TEXT)[:-8] + b"\0" * 8),
        ("gzip", gzip.compress(TEXT) + b"trailing"),
        ("deflate", zlib.compress(TEXT)[:-4] + b"\0" * 4),
    ],
    ids=["no gzip", "no deflate", "wrong checksum", "bytes after the end", "wrong zlib checksum"],
)
@pytest.mark.parametrize("size", [1, 10_000])
def test_a_broken_body_is_a_decode_error(name: str, body: bytes, size: int) -> None:
    """What is no such coding, or fails its checksum, is an error that names the coding."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    with pytest.raises(DecodeError, match=f"the body is not what Content-Encoding: {name} says"):
        decoded(name, pieces)


def test_a_bomb_goes_off_piece_by_piece() -> None:
    """No step gives out more than 256 KiB, however little came."""
    bomb = gzip.compress(bytes(5_000_000))
    assert len(bomb) < 10_000
    coding = for_encoding("gzip")
    assert coding is not None
    sizes = [len(part) for part in coding.feed(bomb)]
    assert sum(sizes) == 5_000_000
    assert max(sizes) <= 2**18


@pytest.mark.parametrize("value", [None, "", "identity", " Identity "])
def test_nothing_to_undo(value: str | None) -> None:
    """No header, an empty one and identity leave the body as it is."""
    assert for_encoding(value) is None


@pytest.mark.parametrize("value", ["GZIP", " gzip ", "Deflate"])
def test_names_in_any_case(value: str) -> None:
    """Codings are named without regard to case."""
    assert for_encoding(value) is not None


@pytest.mark.parametrize("value", ["br", "zstd", "gzip, gzip", "aes128gcm"])
def test_an_unknown_coding_is_refused(value: str) -> None:
    """What was not asked for cannot be undone, and the error says what was asked for."""
    with pytest.raises(DecodeError, match=f"Content-Encoding '{value}'; asked for were {ACCEPT_ENCODING}"):
        for_encoding(value)
