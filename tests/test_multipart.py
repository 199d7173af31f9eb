"""Multipart bodies: read back by a strict reader, opened again for every attempt, never whole in memory."""

from __future__ import annotations

import email
import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_dyn.errors import ValidationError
from oai_dyn.multipart import Copies, Multipart, keeping


class Part(NamedTuple):
    """One part: its header lines in order, and its content."""

    headers: list[str]
    content: bytes


def read(form: Multipart) -> list[Part]:
    """The parts of a body, by the letter of RFC 7578 and 2046: nothing before, between or after them."""
    kind, _, boundary = form.content_type.partition("; boundary=")
    assert kind == "multipart/form-data"
    with form() as reader:
        body = reader.read()
    assert len(body) == form.length
    mark = f"--{boundary}".encode()
    assert body.startswith(mark + b"\r\n")
    assert body.endswith(b"\r\n" + mark + b"--\r\n")
    parts = []
    for raw in body[len(mark) + 2 : -len(mark) - 6].split(b"\r\n" + mark + b"\r\n"):
        head, blank, content = raw.partition(b"\r\n\r\n")
        assert blank
        parts.append(Part(head.decode().split("\r\n"), content))
    return parts


def one(name: str, value: Any, types: Mapping[str, str] | None = None) -> Part:
    """The only part of a body."""
    (part,) = read(Multipart([(name, value)], types))
    return part


def disposition(name: str, filename: str | None = None) -> str:
    """The first line of a part's head."""
    return f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A file with a known type."""
    path = tmp_path / "report.json"
    path.write_bytes(b'{"a": 1}')
    return path


OCTETS = "Content-Type: application/octet-stream"


def test_fields_are_bare() -> None:
    """Text is a part with a name and nothing else, in UTF-8."""
    assert one("prompt", "Grüße") == ([disposition("prompt")], "Grüße".encode())
    assert one("prompt", "") == ([disposition("prompt")], b"")


def test_a_field_may_have_a_type() -> None:
    """A row may give a field its own content type, but a file's own goes before it."""
    types = {"session": "application/json"}
    assert one("session", "{}", types).headers == [disposition("session"), "Content-Type: application/json"]
    assert one("session", ("n", b"", "text/plain"), types).headers[1:] == ["Content-Type: text/plain"]
    assert one("session", (None, b""), types).headers[1:] == ["Content-Type: application/json"]
    assert one("other", "{}", types).headers == [disposition("other")]


def test_bytes_have_no_name() -> None:
    """Bytes and streams in memory are called upload."""
    for value in (b"\xff\r\n--", bytearray(b"\xff\r\n--"), io.BytesIO(b"\xff\r\n--")):
        assert one("file", value) == ([disposition("file", "upload"), OCTETS], b"\xff\r\n--")


def test_files_have_their_names(report: Path) -> None:
    """A path and an open file give their last name, and the type that it stands for."""
    wanted = Part([disposition("file", "report.json"), "Content-Type: application/json"], b'{"a": 1}')
    assert one("file", report) == wanted
    with report.open("rb") as file:
        file.read(3)
        assert one("file", file) == wanted
        assert not file.closed


def test_tuples_say_it_all(report: Path) -> None:
    """`(filename, content[, type[, headers]])`: the name stays as it is, without one there is no type either."""
    assert one("file", ("p/q.txt", b"x")).headers == [disposition("file", "p/q.txt"), "Content-Type: text/plain"]
    assert one("file", ("a.bin", report)) == ([disposition("file", "a.bin"), OCTETS], b'{"a": 1}')
    assert one("file", ("a", b"x", "t/t")).headers == [disposition("file", "a"), "Content-Type: t/t"]
    assert one("file", (None, b"x")).headers == one("file", ("", b"x")).headers == [disposition("file")]
    assert one("file", (None, b"x", "t/t")).headers == [disposition("file"), "Content-Type: t/t"]
    extra = one("file", ("a", b"x", "t/t", {"X-A": "1"})).headers
    assert extra == [disposition("file", "a"), "X-A: 1", "Content-Type: t/t"]


def test_no_parts_at_all() -> None:
    """A form without members is its last boundary alone."""
    form = Multipart([])
    with form() as reader:
        assert reader.read() == f"--{form.content_type.partition('=')[2]}--\r\n".encode()


def test_a_usual_reader_reads_it(report: Path) -> None:
    """Python's own reader of MIME finds names, types and bytes."""
    form = Multipart([("purpose", "batch"), ("file", report), ("file", ("b.png", b"\x89PNG\r\n"))])
    with form() as reader:
        message = email.message_from_bytes(f"Content-Type: {form.content_type}\r\n\r\n".encode() + reader.read())
    found = [(part.get_param("name", header="content-disposition"), part.get_filename()) for part in message.walk()][1:]
    assert found == [("purpose", None), ("file", "report.json"), ("file", "b.png")]
    assert [part.get_content_type() for part in message.walk()][2:] == ["application/json", "image/png"]
    assert [part.get_payload(decode=True) for part in message.walk()][2:] == [b'{"a": 1}', b"\x89PNG\r\n"]


texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\r\n\0;=%'), max_size=12)


def escaped(text: str) -> str:
    """What stands between the quotes for a name."""
    out = ""
    for char in text:
        out += "\\\\" if char == "\\" else f"%{ord(char):02X}" if char == '"' or char < " " or char == "\x7f" else char
    return out


@settings(deadline=None, database=None)
@given(st.lists(st.tuples(texts, texts.filter(bool), st.binary(max_size=40)), max_size=4))
def test_no_name_breaks_out(members: list[tuple[str, str, bytes]]) -> None:
    """Whatever names and contents hold, the same parts come out, each with two lines of head."""
    form = Multipart((name, (filename, content, "t/t")) for name, filename, content in members)
    if members:
        wanted = [([disposition(escaped(n), escaped(f)), "Content-Type: t/t"], c) for n, f, c in members]
        assert read(form) == wanted


@pytest.mark.parametrize(
    "value",
    [("a", b"x", "t/t\r\nX: 1"), ("a", b"x", "t/t", {"X": "1\n2"}), ("a", b"x", "t/t", {"X\r\n": "1"}), ("a", b"x", "t\0")],
    ids=repr,
)
def test_no_header_breaks_out(value: Any) -> None:
    """A line break in a type or a header of the user's is refused."""
    with pytest.raises(ValidationError, match="file: a part's header holds a line break"):
        Multipart([("file", value)])


# --- Attempts -----------------------------------------------------------------------------------------------


class Pipe(io.RawIOBase):
    """A stream that cannot seek, as a socket or a pipe."""

    name = "/dev/pipe.txt"

    def __init__(self, content: bytes) -> None:
        self._left = io.BytesIO(content)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """A few bytes at a time."""
        return self._left.readinto(memoryview(buffer)[:1000])


class Bare:
    """An object with `read` and nothing else."""

    def __init__(self, content: bytes) -> None:
        self.read = io.BytesIO(content).read


class Seeking(Bare):
    """An object with `read` and `seek`, which does not say whether it can."""

    def __init__(self, content: bytes) -> None:
        inner = io.BytesIO(content)
        self.read, self.seek = inner.read, inner.seek


CONTENT = os.urandom(3_000_000)


@pytest.mark.parametrize("make", [io.BytesIO, Pipe, Bare, Seeking], ids=lambda make: make.__name__)
def test_every_attempt_sends_the_same_bytes(make: Any) -> None:
    """Opened again, half-read or whole, the body has the same bytes, boundary included; a length is known before."""
    form = Multipart([("file", make(CONTENT)), ("again", "x"), ("more", b"yy")])
    with form() as first:
        half = first.read(1_000_000)
    bodies = []
    for _ in range(2):
        with form() as reader:
            assert len(reader) == form.length
            bodies.append(reader.read())
            assert reader.tell() == form.length
    assert bodies[0] == bodies[1]
    assert bodies[0].startswith(half)
    assert bodies[0].count(CONTENT) == 1


def test_a_path_is_opened_for_each_attempt(report: Path) -> None:
    """Nothing is held open between attempts, nor after one that was broken off."""
    form = Multipart([("file", report)])
    for size in (1, 150, -1):
        reader = form()
        reader.read(size)
        reader.close()
    assert not [name for name in os.listdir("/proc/self/fd") if _leads_to(name, report)]


def _leads_to(name: str, path: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{name}") == str(path)
    except OSError:
        return False


def test_the_same_file_twice() -> None:
    """One open file in two parts is sent whole in both."""
    file = io.BytesIO(b"abc")
    assert [part.content for part in read(Multipart([("a[]", file), ("a[]", file)]))] == [b"abc", b"abc"]


def test_nothing_is_read_whole() -> None:
    """A read gives what was asked for at most, and a big file is read in pieces of that size."""
    sizes: list[int] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            sizes.append(-1 if size is None else size)
            return super().read(size)

    with Multipart([("file", Watched(CONTENT))])() as reader:
        while piece := reader.read(65536):
            assert len(piece) <= 65536
    assert 0 < min(sizes) <= max(sizes) <= 65536


def test_nothing_asked_for_is_nothing() -> None:
    """Reading no bytes is no end and no error."""
    with Multipart([("file", b"x")])() as reader:
        assert reader.readable()
        assert reader.read(0) == b""
        reader.read(70)
        assert reader.read(0) == b""


def test_a_file_that_shrank_is_an_error(report: Path) -> None:
    """The length was promised: a shorter file breaks the attempt off, and never sends other bytes for it."""
    form = Multipart([("file", report)])
    report.write_bytes(b"{}")
    with form() as reader, pytest.raises(OSError, match="a file ended 6 bytes before the length it had"):
        reader.read()


def test_a_file_that_grew_sends_what_was_promised(report: Path) -> None:
    """What was added after the call was made is not sent."""
    form = Multipart([("file", report)])
    report.write_bytes(b'{"a": 1}, more')
    assert read(form)[0].content == b'{"a": 1}'


def test_a_stream_may_be_needed_again() -> None:
    """Bodies that are made within `keeping` have its bytes, each of them; another stream has its own, where the first was too."""
    pipe, copies = Pipe(b"abc"), Copies()
    bodies = [keeping(copies, lambda file: read(Multipart([("file", file)])), pipe) for _ in range(2)]
    assert [body[0].content for body in bodies] == [b"abc", b"abc"]
    assert [part.content for part in keeping({}, lambda file: read(Multipart([("file", file)])), pipe)] == [b""]
    contents = [b"a", b"b", b"c"]
    several = [keeping(copies, lambda data: read(Multipart([("file", Pipe(data))])), content)[0].content for content in contents]
    assert several == contents


def test_a_small_stream_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that cannot seek goes to disk only beyond a mebibyte."""
    rolled: list[int] = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: rolled.append(1))
    Multipart([("file", Pipe(b"x" * 1000))])
    assert rolled == []


# --- What cannot be sent ------------------------------------------------------------------------------------


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A path that cannot be read is refused with its name; so is a folder."""
    with pytest.raises(ValidationError, match=r"file: the file '.*nowhere' cannot be read: No such file or directory"):
        Multipart([("file", tmp_path / "nowhere")])
    with pytest.raises(ValidationError, match="cannot be read: Is a directory"):
        Multipart([("file", ("name", tmp_path))])


def test_a_text_file_is_refused(report: Path) -> None:
    """A file opened as text has no bytes to send; the message says how to open it."""
    for file in (io.StringIO("x"), report.open()):
        with file, pytest.raises(ValidationError, match='file: the file is open as text, wanted one opened with "rb"'):
            Multipart([("file", file)])


def test_a_closed_file_is_refused(report: Path) -> None:
    """A file that was closed is an error of ours."""
    with report.open("rb") as file:
        pass
    with pytest.raises(ValidationError, match=r"^file: .*closed"):
        Multipart([("file", file)])


@pytest.mark.parametrize("value", [("a", b"x", 5), ("a", b"x", b"t/t")], ids=repr)
def test_a_type_is_text(value: Any) -> None:
    """A content type of another kind is refused."""
    with pytest.raises(ValidationError, match=r"^file: content type .*, wanted text"):
        Multipart([("file", value)])


@pytest.mark.parametrize("member", [("\ud800", "x"), ("file", ("\udcff.txt", b"x")), ("file", ("a", b"x", "\ud800"))], ids=ascii)
def test_a_name_that_is_no_text_is_refused(member: tuple[str, Any]) -> None:
    """A lone surrogate in a name (as file names have for bytes that are no UTF-8) is refused before anything is sent."""
    with pytest.raises(ValidationError, match="surrogate"):
        Multipart([member])


def test_it_prints_its_size_alone() -> None:
    """Nothing of a body is in its repr."""
    form = Multipart([("secret", "hidden")])
    assert repr(form) == f"<Multipart of {form.length} bytes>"
