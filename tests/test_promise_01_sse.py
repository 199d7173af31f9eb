"""Promise 1 over the wire: server-sent events as the standard has them, in every framing, as soon as they are there.

The vectors of `vectors/sse` (which `test_sse.py` feeds to the decoder alone) come from a real connection here, cut
into single bytes, compressed, with and without a length. That both backends see the same is that both are held
to the same expectation.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from faces import SyncFace
from hostile import LAST_CHUNK, Bytes, Close, HostileServer, Request, Step, Steps, Wait, chunk, head, sse_reply
from test_sse import VECTORS, Triple, Vector

from oai_dyn import APIError, Event, Timeout

FAMILIES = sorted({vector.name.partition(":")[0] for vector in VECTORS})
FRAMINGS: list[tuple[Any, Any]] = [("chunked", None), ("length", None), ("close", None), ("chunked", "gzip")]
CODINGS: list[tuple[Any, Any]] = [
    (framing, coding) for framing in ("chunked", "length", "close") for coding in (None, "gzip", "deflate", "deflate-raw")
]

#: An event that is held back is an error after this time, not a test that hangs.
PATIENT = Timeout(connect=5, first_event=5, idle=5)

FIRST = {"id": "1", "choices": []}
SECOND = {"id": "2", "choices": []}
DONE = b"data: [DONE]\n\n"


def data(value: object, end: bytes = b"\n\n") -> bytes:
    """One event of JSON."""
    return b"data: " + json.dumps(value).encode() + end


def chat(face: SyncFace, server: HostileServer, **keywords: Any) -> Iterator[Any]:
    """The events of a streamed chat completion."""
    client = face.client(base_url=server.url, timeout=PATIENT)
    return face.iterate(client.chat.completions.create(model="m", messages=[], stream=True, **keywords))


def wanted(vector: Vector) -> tuple[list[Triple], bool]:
    """What a client gives out of a vector: its events up to a mark of the end, and whether an error comes then."""
    events: list[Triple] = []
    for event in vector.outcome.events:
        if event[1] == "[DONE]":
            break
        if event[0] == "error" or event[1].startswith('{"error"'):
            return events, True
        events.append(event)
    return events, False


def pieces(stream: bytes, framing: str) -> list[bytes | Step]:
    """The stream in single bytes where each can be a chunk, else in threes."""
    size = 1 if framing == "chunked" else 3
    return [stream[at : at + size] for at in range(0, len(stream), size)]


@pytest.mark.parametrize(("framing", "coding"), FRAMINGS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_vector(face: SyncFace, family: str, framing: Any, coding: Any) -> None:
    """A vector gives the same events whatever its line endings and its framing."""
    streams = [(v, form) for v in VECTORS if v.name.partition(":")[0] == family for form in v.forms()]

    def script(request: Request) -> Steps:
        return sse_reply(pieces(streams[request.json()["n"]][1], framing), framing=framing, coding=coding)

    with HostileServer(script) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        for number, (vector, form) in enumerate(streams):
            seen: list[Triple] = []
            failed = False
            try:
                for event in face.iterate(client.request("POST", "/v", {"stream": True, "n": number}, into=Event)):
                    seen.append((event.event, event.data.decode("utf-8", "replace"), event.id))
            except APIError:
                failed = True
            assert (seen, failed) == wanted(vector), (vector, form)


@pytest.mark.parametrize(("framing", "coding"), CODINGS)
def test_an_event_is_there_with_its_bytes(face: SyncFace, framing: Any, coding: Any) -> None:
    """The server goes on only once the first event was seen."""
    go = threading.Event()
    steps = sse_reply([FIRST, Wait(go), SECOND, "[DONE]"], framing=framing, coding=coding)
    with HostileServer([steps]) as server:
        events = chat(face, server)
        assert next(events) == FIRST
        go.set()
        assert list(events) == [SECOND]


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_an_event_does_not_wait_for_its_neighbours(face: SyncFace, framing: Any) -> None:
    """Two events and half of a third in one piece: two are there."""
    go = threading.Event()
    third = data({"id": "3"})
    steps = sse_reply([data(FIRST) + data(SECOND) + third[:9], Wait(go), third[9:] + DONE], framing=framing)
    with HostileServer([steps]) as server:
        events = chat(face, server)
        assert [next(events), next(events)] == [FIRST, SECOND]
        go.set()
        assert list(events) == [{"id": "3"}]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r", b"\n\r"])
def test_an_event_ends_with_the_first_byte_of_its_blank_line(face: SyncFace, end: bytes) -> None:
    """A CR is a line end, whether or not an LF follows it some time."""
    go = threading.Event()
    with HostileServer([sse_reply([data(FIRST, end), Wait(go), b"\n" + data(SECOND) + DONE])]) as server:
        events = chat(face, server)
        assert next(events) == FIRST
        go.set()
        assert list(events) == [SECOND]


def test_an_event_does_not_wait_for_its_chunk(face: SyncFace) -> None:
    """A chunk of which only the first part has come holds back nothing of that part."""
    go = threading.Event()
    whole = data(FIRST) + data(SECOND) + DONE
    framed, at = chunk(whole), len(chunk(whole)) - len(whole) + len(data(FIRST)) - 2
    steps: list[Step] = [
        head(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]),
        Bytes(framed[:at]),
        Wait(go),
        Bytes(framed[at:] + LAST_CHUNK),
    ]
    with HostileServer([steps]) as server:
        events = chat(face, server)
        assert next(events) == FIRST
        go.set()
        assert list(events) == [SECOND]


def test_the_head_is_there_before_the_first_event(face: SyncFace) -> None:
    """A stream has its `reply` as soon as the head has come."""
    go = threading.Event()
    steps = sse_reply([Wait(go), FIRST, "[DONE]"], headers=[("x-request-id", "req-1")])
    with HostileServer([steps]) as server:
        client = face.client(base_url=server.url, timeout=PATIENT)
        stream = face.wait(client.chat.completions.create(model="m", messages=[], stream=True))
        assert (stream.reply.status, stream.reply.request_id) == (200, "req-1")
        go.set()
        assert list(face.iterate(stream)) == [FIRST]


@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "text/event-stream; charset=latin-1", "Text/Event-Stream;charset=utf-8"]
)
@pytest.mark.parametrize("text", ["a\u2028b\u2029c", "a\x85b\x0bc\x0cd\x1ce", "é€😀", "\ufeffa"])
def test_text_is_utf8_and_only_cr_and_lf_end_lines(face: SyncFace, text: str, content_type: str) -> None:
    """Whatever the charset says, and with every character cut into its bytes."""
    line = b'data: {"text": "' + text.encode() + b'"}\n\n'
    if "\x0b" in text:  # these controls must be escaped in JSON: they are sent as a bare string's bytes instead
        line = b"data: " + text.encode() + b"\n\n"
    steps = sse_reply([*(line[at : at + 1] for at in range(len(line))), DONE])
    steps[0] = head(200, [("Content-Type", content_type), ("Transfer-Encoding", "chunked")])
    with HostileServer([steps]) as server:
        into = str if "\x0b" in text else None
        assert list(chat(face, server, into=into)) == [text if into else {"text": text}]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_byte_order_mark_is_dropped_once(face: SyncFace, at: int) -> None:
    """At the very start, in pieces too; a second one belongs to the name of the field, which nobody knows then."""
    stream = b"\xef\xbb\xbf" + data(FIRST) + b"\xef\xbb\xbf" + data(SECOND) + DONE
    with HostileServer([sse_reply([stream[:at], stream[at:]])]) as server:
        assert list(chat(face, server)) == [FIRST]


def test_blocks_without_data_are_no_events(face: SyncFace) -> None:
    """Comments, id-only, retry-only and event-only blocks, and blank lines."""
    noise = b": ping\n\nid: 7\n\nretry: 10\n\nevent: x\n\n\n\n:\n\n"
    with HostileServer([sse_reply([noise, FIRST, noise, SECOND, noise, "[DONE]"])]) as server:
        assert list(chat(face, server)) == [FIRST, SECOND]


def test_data_in_several_lines_and_without_a_space(face: SyncFace) -> None:
    """Lines of data are joined by LF; the space behind the colon is optional, a second one is data."""
    stream = b'data:{"id":\ndata: "1",\ndata:"text":"x"}\n\n' + b'data:  {"id": "2"}\n\ndata:[DONE]\n\n'
    with HostileServer([sse_reply([stream])]) as server:
        assert list(chat(face, server)) == [{"id": "1", "text": "x"}, {"id": "2"}]
    with HostileServer([sse_reply([stream])]) as server:
        assert list(chat(face, server, into=bytes)) == [b'{"id":\n"1",\n"text":"x"}', b' {"id": "2"}']


def test_crlf_across_pieces_makes_no_blank_line(face: SyncFace) -> None:
    """CR at the end of one chunk, LF at the start of the next: still one line end."""
    lines = [b"event: e\r", b"\ndata: a\r", b"\ndata: b\r", b"\n\r", b"\ndata: [DONE]\r\n\r\n"]
    with HostileServer([sse_reply(lines)]) as server:
        assert list(chat(face, server, into=Event)) == [Event("e", b"a\nb", "")]


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_a_line_may_be_long(face: SyncFace, framing: Any) -> None:
    """A megabyte in one line, which line readers of HTTP libraries refuse."""
    long = {"text": "x" * 2**20}
    with HostileServer([sse_reply([FIRST, long, SECOND, "[DONE]"], framing=framing)]) as server:
        assert list(chat(face, server)) == [FIRST, long, SECOND]


def test_many_events_in_one_piece(face: SyncFace) -> None:
    """Thousands of events in one segment come in order, none twice."""
    events = [{"n": n} for n in range(3000)]
    with HostileServer([sse_reply([b"".join(map(data, events)), "[DONE]"])]) as server:
        assert list(chat(face, server)) == events


def test_an_unfinished_event_is_not_given_out(face: SyncFace) -> None:
    """Without its blank line an event is none, though the mark of the end came before it."""
    with HostileServer([[*sse_reply([FIRST, DONE + b"data: {}"], framing="close"), Close()]]) as server:
        assert list(chat(face, server)) == [FIRST]
