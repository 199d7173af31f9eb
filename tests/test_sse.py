"""Promise 1: server-sent events as the standard has them, however their bytes are cut.

The vectors are data (`vectors/sse/*.json`); each is fed whole, byte by byte, at every split point, with
empty pieces and with every line ending, and compared with a slow decoder written from the standard's text.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_dyn.errors import StreamError
from oai_dyn.sse import Decoder
from oai_dyn.wire import Event

LIMIT = 1 << 20
ENDINGS = {"LF": ["\n"], "CR": ["\r"], "CRLF": ["\r\n"], "mixed": ["\n", "\r\n", "\r", "\r", "\r\n"]}
Triple = tuple[str | None, str, str]  # type (None: the default one), data, last event ID


class Outcome(NamedTuple):
    """What a stream amounts to."""

    events: list[Triple]
    retry: int | None
    last_id: str


@dataclass(frozen=True)
class Vector:
    """One stream of the vector files and what it amounts to."""

    name: str
    stream: bytes
    outcome: Outcome
    endings: bool

    def __str__(self) -> str:
        return self.name

    def forms(self) -> list[bytes]:
        """The stream in every line ending it allows."""
        if not self.endings:
            return [self.stream]
        lines = self.stream.split(b"\n")
        return [with_endings(lines, cycle) for cycle in ENDINGS.values()]


def with_endings(lines: Sequence[bytes], cycle: Iterable[str]) -> bytes:
    """The lines joined by the endings in turn; a CR and an LF that follow each other stay two endings."""
    joined, endings = lines[0], itertools.cycle(cycle)
    for line in lines[1:]:
        ending = next(endings).encode()
        if joined.endswith(b"\r") and ending == b"\n":
            ending = b"\r\n"
        joined += ending + line
    return joined


def load() -> Iterator[Vector]:
    """All vectors."""
    for path in sorted((Path(__file__).parent / "vectors" / "sse").glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8"))["vectors"]:
            raw = base64.b64decode(row["stream_base64"]) if "stream_base64" in row else row["stream"].encode()
            events = [(event["event"], event["data"], event["id"]) for event in row["events"]]
            outcome = Outcome(events, row["retry"], row["last_id"])
            yield Vector(f"{path.stem}: {row['name']}", raw, outcome, row.get("endings", True))


VECTORS = list(load())
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=str)


def plain(item: bytes | Event) -> Triple:
    """Both shapes of an event as one: bare bytes are data of the default type with no last event ID."""
    if isinstance(item, bytes):
        return None, item.decode("utf-8", "replace"), ""
    event = None if item.event == "message" else item.event
    return event, item.data.decode("utf-8", "replace"), item.id


def decode(pieces: Iterable[bytes], limit: int = LIMIT) -> Outcome:
    """What our decoder makes of the pieces."""
    decoder = Decoder(limit=limit)
    events = [plain(item) for piece in pieces for item in decoder.feed(piece)]
    return Outcome(events, decoder.retry, decoder.last_id)


def bytewise(stream: bytes) -> list[bytes]:
    """The stream in pieces of one byte."""
    return [bytes([byte]) for byte in stream]


def reference(stream: bytes) -> Outcome:
    """The standard's text as it stands, over a whole stream at once."""
    text = stream.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    events: list[Triple] = []
    data = event_type = id_buffer = last_id = ""
    retry: int | None = None
    for line in re.split("\r\n|\n|\r", text)[:-1]:  # what follows the last ending is no line yet
        if line == "":
            last_id = id_buffer
            if data:
                event = None if event_type in ("", "message") else event_type
                events.append((event, data.removesuffix("\n"), last_id))
            data = event_type = ""
            continue
        if line.startswith(":"):
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event_type = value
        elif field == "data":
            data += value + "\n"
        elif field == "error" and value.startswith("{"):  # the one thing that is not in the standard
            event_type = field
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            id_buffer = value
        elif field == "retry" and re.fullmatch("[0-9]+", value):
            retry = int(value)
    return Outcome(events, retry, last_id)


def assert_prompt(stream: bytes) -> None:
    """Byte by byte, each event is out with the byte that completes it, or the LF of that CR."""
    decoder = Decoder(limit=LIMIT)
    events: list[Triple] = []
    for at in range(len(stream)):
        events += map(plain, decoder.feed(stream[at : at + 1]))
        if stream[at : at + 2] == b"\r\n" and events == reference(stream[:at]).events:
            continue
        assert events == reference(stream[: at + 1]).events, stream[: at + 1]


def test_there_are_vectors() -> None:
    """The files were found, and no two vectors have the same name."""
    assert len(VECTORS) >= 70
    assert len({vector.name for vector in VECTORS}) == len(VECTORS)


@each_vector
def test_the_vectors_agree_with_the_standard(vector: Vector) -> None:
    """The slow decoder from the standard's text gives what the vector says, in every line ending."""
    for stream in vector.forms():
        assert reference(stream) == vector.outcome, stream


@each_vector
def test_whole(vector: Vector) -> None:
    """Fed in one piece."""
    for stream in vector.forms():
        assert decode([stream]) == vector.outcome, stream


@each_vector
def test_byte_by_byte(vector: Vector) -> None:
    """Fed in pieces of one byte."""
    for stream in vector.forms():
        assert decode(bytewise(stream)) == vector.outcome, stream


@each_vector
def test_every_split_point(vector: Vector) -> None:
    """Fed in two pieces, cut everywhere."""
    for stream in vector.forms():
        for at in range(len(stream) + 1):
            assert decode([stream[:at], stream[at:]]) == vector.outcome, (stream[:at], stream[at:])


@each_vector
def test_empty_pieces(vector: Vector) -> None:
    """Pieces without bytes change nothing, wherever they come."""
    for stream in vector.forms():
        pieces = [piece for byte in bytewise(stream) for piece in (b"", byte, b"")]
        assert decode(pieces) == vector.outcome, stream
        assert decode([b"", stream, b"", b""]) == vector.outcome, stream


@each_vector
def test_trailing_data(vector: Vector) -> None:
    """An unfinished line behind the stream changes nothing; all else is read as the standard says."""
    for stream in vector.forms():
        assert decode([stream + b"data: unfinished"]) == vector.outcome, stream
        for more in (b"\n\n", b"data: more\n\n", b"event: e\r\rdata: more\r\n\r\n"):
            assert decode([stream + more]) == reference(stream + more), stream


@each_vector
def test_events_are_out_at_once(vector: Vector) -> None:
    """No event waits for a byte that it does not need."""
    for stream in vector.forms():
        assert_prompt(stream)


@pytest.mark.parametrize(
    ("line", "blank"), [(b"\n", b"\n"), (b"\r", b"\r"), (b"\r\n", b"\r\n"), (b"\n", b"\r"), (b"\r\n", b"\n"), (b"\n", b"\r\n")]
)
def test_an_event_is_out_with_its_last_byte(line: bytes, blank: bytes) -> None:
    """Nothing before the blank line, the event with it, and not once more with what follows."""
    decoder = Decoder(limit=LIMIT)
    assert [item for byte in bytewise(b"data: a" + line) for item in decoder.feed(byte)] == []
    assert [item for byte in bytewise(blank) for item in decoder.feed(byte)] == [b"a"]
    assert decoder.feed(b"data: b") == []


@pytest.mark.parametrize(
    ("stream", "items"),
    [
        (b"data: a\n\ndata:b\n\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": c\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"event:\ndata: a\n\n", [b"a"]),
        (b"event: e\ndata: a\n\n", [Event("e", b"a", "")]),
        (b"id: 1\ndata: a\n\ndata: b\n\n", [Event(None, b"a", "1"), Event(None, b"b", "1")]),
        (b"data: \xff\n\n", [b"\xff"]),
    ],
)
def test_the_two_shapes_of_an_event(stream: bytes, items: list[bytes | Event]) -> None:
    """Bare bytes where there is nothing but data, `Event` where a type or an id counts; data as it came."""
    assert Decoder(limit=LIMIT).feed(stream) == items
    decoder = Decoder(limit=LIMIT)
    assert [item for byte in bytewise(stream) for item in decoder.feed(byte)] == items


@pytest.mark.parametrize(
    "stream",
    [
        b"data: " + b"x" * 200 + b"\n\n",
        b"data: " + b"x" * 200,
        b"data: x\n" * 30,
        b"event: " + b"x" * 200,
        b": " + b"x" * 200,
        b"x" * 200,
        b"data: a\n\n" * 30 + b"data: " + b"x" * 200 + b"\n\n",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_above_the_limit_is_an_error(stream: bytes, size: int) -> None:
    """Whatever makes it long, in whatever pieces, whether or not it ever ends."""
    with pytest.raises(StreamError):
        decode([*(stream[at : at + size] for at in range(0, len(stream), size)), b""], limit=100)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_of_just_the_limit_is_none(end: bytes, size: int) -> None:
    """The limit counts the lines of the event without the blank one, in whatever pieces they come."""
    stream = b"data: " + b"x" * 94 + end
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert decode(pieces, limit=100).events == [(None, "x" * 94, "")]


@pytest.mark.parametrize("block", [b"data: a\n\n", b": ping\n\n", b"\n", b"id: 1\n\n", b": ping\n"])
@pytest.mark.parametrize("size", [1, 7, 10000])
def test_the_limit_is_for_one_event(block: bytes, size: int) -> None:
    """A stream of small events, comments or blank lines may be as long as it likes."""
    stream = block * 200
    decode([stream[at : at + size] for at in range(0, len(stream), size)], limit=100)


def test_a_number_too_long_for_int_is_no_trouble() -> None:
    """Python refuses to read numbers of many digits; a `retry` of that kind costs nobody his stream."""
    outcome = decode([b"retry: " + b"9" * 5000 + b"\ndata: a\n\n"])
    assert outcome.events == [(None, "a", "")]


def text() -> st.SearchStrategy[str]:
    """Any text that fits on a line."""
    return st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8)


blocks = st.lists(st.tuples(st.none() | text(), st.lists(text(), max_size=3), st.none() | text()), max_size=6)
cycles = st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=1, max_size=5)
cuts = st.lists(st.integers(0, 400), max_size=12)
PIECES = [b"data", b"event", b"id", b"retry", b":", b" ", b"1", b"a", b"\0", b"data: ", b"data:x\n\n", b"message"]
PIECES += [b"\r", b"\n", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xbf", b"\xff"]
soups = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


def cut_at(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in the pieces between the places."""
    bounds = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    return [stream[start:stop] for start, stop in itertools.pairwise(bounds)]


@settings(deadline=None, database=None)
@given(blocks, cycles, cuts, st.booleans(), st.booleans())
def test_what_is_encoded_is_decoded(
    written: list[tuple[str | None, list[str], str | None]], cycle: list[str], places: list[int], bom: bool, space: bool
) -> None:
    """Any events, in any endings, with any split, come back as they were."""
    lines, expected, last_id = [], list[Triple](), ""
    for event, data, id_ in written:
        lines += [f"data: {line}" if space else f"data:{' ' * line.startswith(' ')}{line}" for line in data]
        lines += [] if event is None else [f"event: {event}"]
        lines += [] if id_ is None else [f"id: {id_}"]
        lines += [": comment", ""]
        last_id = last_id if id_ is None else id_
        if data:
            expected.append((None if event in ("", "message") else event, "\n".join(data), last_id))
    stream = with_endings([line.encode() for line in [*lines, ""]], cycle)
    pieces = cut_at(b"\xef\xbb\xbf" * bom + stream, places)
    assert decode(pieces) == Outcome(expected, None, last_id)


@settings(deadline=None, database=None, max_examples=400)
@given(soups, cuts)
def test_byte_soup_is_decoded_as_the_standard_says(soup: bytes, places: list[int]) -> None:
    """On arbitrary bytes, however cut, ours and the slow decoder agree, at every byte."""
    stream = soup + b"\n\n"  # a last blank line, so that nothing is left open
    assert decode(cut_at(stream, places)) == reference(stream)
    assert decode(bytewise(stream)) == reference(stream)
    assert_prompt(stream)
