"""Promise 2: a cut stream is an error that carries what had come, and the row says what a whole one is."""

from __future__ import annotations

import json
import pickle
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from faces import SyncFace
from hostile import Bytes, Close, HostileServer, Reset, Stall, Step, Steps, Wait, chunk, cut, head, json_reply, reply, sse_reply

from oai_dyn import APIConnectionError, APIError, APITimeoutError, DecodeError, Limits, StreamTruncated, Timeout


def data(value: object, name: str | None = None) -> bytes:
    """One event of JSON."""
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {json.dumps(value)}\n\n".encode()


def typed(kind: str) -> bytes:
    """An event that is named and says its type, as most of the API's are."""
    return data({"type": kind}, kind)


def choice(index: int = 0, finish: str | None = None) -> dict[str, Any]:
    """A chunk of a chat completion."""
    return {"choices": [{"index": index, "delta": {}, "finish_reason": finish}]}


DONE = b"data: [DONE]\n\n"
OPEN = data(choice())


class Kind(NamedTuple):
    """A row that streams: events that leave its stream open, and those of which each one makes it whole."""

    row: str
    call: tuple[tuple[Any, ...], dict[str, Any]]
    open: list[bytes]
    ends: list[bytes]


STREAM: tuple[tuple[Any, ...], dict[str, Any]] = ((), {"stream": True})
RESPONSE_ENDS = [typed(f"response.{end}") for end in ("completed", "failed", "incomplete")]
RESPONSE_OPEN = [typed("response.created"), typed("response.output_text.delta"), typed("response.output_text.done")]
RUN_OPEN = [data({"id": "run"}, "thread.run.created"), data({"id": "run"}, "thread.run.completed")]
RUN_ENDS = [b"event: done\ndata: [DONE]\n\n", b"event: done\ndata:\n\n", DONE]
AGENT_OPEN = [typed("agent.session.created")]
AGENT_ENDS = [typed(f"agent.session.{end}") for end in ("idle", "requires_action", "failed")]
FINISHES = [data(choice(finish=reason)) for reason in ("stop", "length", "tool_calls", "content_filter")]

KINDS = [
    Kind("chat.completions.create", STREAM, [OPEN, data({"choices": [], "usage": {}})], [DONE, *FINISHES]),
    Kind("completions.create", STREAM, [OPEN], [DONE, *FINISHES]),
    Kind("responses.create", STREAM, RESPONSE_OPEN, [*RESPONSE_ENDS, data({"type": "response.completed"})]),
    Kind("responses.retrieve", (("resp-1",), {"stream": True}), RESPONSE_OPEN, RESPONSE_ENDS),
    Kind("beta.responses.create", STREAM, RESPONSE_OPEN, RESPONSE_ENDS),
    Kind("beta.threads.create_and_run", STREAM, RUN_OPEN, RUN_ENDS),
    Kind("beta.threads.runs.create", (("thread-1",), {"stream": True}), RUN_OPEN, RUN_ENDS),
    Kind("beta.threads.runs.submit_tool_outputs", (("run-1",), {"thread_id": "thread-1", "stream": True}), RUN_OPEN, RUN_ENDS),
    Kind("images.generate", STREAM, [typed("image_generation.partial_image")], [typed("image_generation.completed"), DONE]),
    Kind("images.edit", STREAM, [typed("image_edit.partial_image")], [typed("image_edit.completed"), DONE]),
    Kind("audio.speech.create", ((), {"stream_format": "sse"}), [typed("speech.audio.delta")], [typed("speech.audio.done")]),
    Kind("audio.transcriptions.create", STREAM, [typed("transcript.text.delta")], [typed("transcript.text.done")]),
    Kind("beta.agents.sessions.create", STREAM, AGENT_OPEN, AGENT_ENDS),
    Kind("beta.agents.sessions.events.stream", (("session-1",), {}), AGENT_OPEN, AGENT_ENDS),
]


def gather(face: SyncFace, make: Callable[[], Any]) -> tuple[list[Any], APIError | None]:
    """The events of a call, and the error that ended it."""
    seen: list[Any] = []
    try:
        for event in face.iterate(make()):
            seen.append(event)
    except APIError as error:
        return seen, error
    return seen, None


def chat(client: Any, **keywords: Any) -> Any:
    """A streamed chat completion."""
    return client.chat.completions.create(model="m", messages=[], stream=True, **keywords)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.row)
def test_what_makes_a_row_whole(face: SyncFace, kind: Kind) -> None:
    """Each of a row's marks ends its stream, though the connection just closes behind it; nothing else does."""
    arguments, keywords = kind.call
    scripts = [sse_reply([*kind.open, end], framing="close") for end in kind.ends]
    with HostileServer([*scripts, sse_reply(kind.open, framing="close"), sse_reply([], framing="close")]) as server:
        client = face.client(base_url=server.url)
        for _ in kind.ends:
            seen, error = gather(face, lambda: client.call(kind.row, *arguments, **keywords))
            assert error is None
            assert len(seen) >= len(kind.open)
        seen, error = gather(face, lambda: client.call(kind.row, *arguments, **keywords))
        assert isinstance(error, StreamTruncated)
        assert (len(seen), error.received) == (len(kind.open), len(kind.open))
        seen, error = gather(face, lambda: client.call(kind.row, *arguments, **keywords))
        assert isinstance(error, StreamTruncated)
        assert (seen, error.received) == ([], 0)


@pytest.mark.parametrize("mark", [DONE, b"event: done\ndata: [DONE]\n\n"])
def test_nothing_behind_the_end_is_given_out(face: SyncFace, mark: bytes) -> None:
    """What a server sends after the mark is not the stream's."""
    with HostileServer([sse_reply([data({"id": 1}, "e"), mark, data({"id": 2}, "e")])]) as server:
        client = face.client(base_url=server.url)
        seen, error = gather(face, lambda: client.beta.threads.runs.create("t", assistant_id="a", stream=True))
        assert (seen, error) == ([{"event": "e", "data": {"id": 1}}], None)


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("ending", [[choice(0, "stop")], [choice(1, "stop")], [choice(0, "stop"), choice(1, "length")]])
def test_every_choice_must_finish(face: SyncFace, ending: list[Any], framing: Any) -> None:
    """With two choices open, a stream without its mark is whole only when both have a finish reason."""
    events = [choice(0), choice(1), *ending]
    with HostileServer([sse_reply(events, framing=framing)]) as server:
        seen, error = gather(face, lambda: chat(face.client(base_url=server.url), n=2))
        assert seen == events
        assert isinstance(error, StreamTruncated) == (len(ending) == 1)


def test_choices_may_share_a_chunk(face: SyncFace) -> None:
    """Two choices that finish in one chunk are both seen."""
    both = {"choices": [{"index": 0, "finish_reason": "stop"}, {"index": 1, "finish_reason": "stop"}]}
    with HostileServer([sse_reply([choice(0), choice(1), both], framing="close")]) as server:
        assert gather(face, lambda: chat(face.client(base_url=server.url), n=2)) == ([choice(0), choice(1), both], None)


# What of a cut reply has arrived is worked out here, from the bytes on the wire.


def dechunked(raw: bytes) -> bytes:
    """The data in a chunked body that may end anywhere."""
    found = b""
    while (at := raw.find(b"\r\n")) >= 0 and (size := int(raw[:at], 16)):
        found += raw[at + 2 : at + 2 + size]
        raw = raw[at + 4 + size :]
    return found


def arrived(raw: bytes, framing: str, coding: str | None) -> tuple[int, bool]:
    """How many events are in this much of a body, and whether one that makes the stream whole is among them."""
    body = dechunked(raw) if framing == "chunked" else raw
    if coding:
        body = zlib.decompressobj(31).decompress(body)
    blocks = body.split(b"\n\n")[:-1]
    return sum(b"[DONE]" not in block for block in blocks), any(b"stop" in block or b"[DONE]" in block for block in blocks)


def on_wire(steps: Steps) -> list[bytes]:
    """The bytes that steps send, one piece for each."""
    return [step.data for step in steps if isinstance(step, Bytes)]


CUTS: list[tuple[Any, Any, Step]] = [
    ("chunked", None, Close()),
    ("length", None, Close()),
    ("close", None, Close()),
    ("chunked", "gzip", Close()),
    ("length", "gzip", Close()),
    ("close", "gzip", Close()),
    ("chunked", None, Reset()),
    ("length", None, Reset()),
]
#: Those where the framing or the coding shows that something is missing.
SHOWN = [way for way in CUTS if way[:2] != ("close", None)]

cut_ways = pytest.mark.parametrize(("framing", "coding", "then"), CUTS, ids=lambda value: str(value).lower())


@cut_ways
def test_cut_at_every_byte(face: SyncFace, framing: Any, coding: Any, then: Step) -> None:
    """Wherever the body of a short stream is cut: its events, then an error unless the stream was whole by then."""
    steps = sse_reply([choice(), choice(finish="stop"), "[DONE]"], framing=framing, coding=coding)
    top, *rest = on_wire(steps)
    raw = b"".join(rest)
    sizes = range(len(raw) + (then == Close()))
    with HostileServer([cut(steps, len(top) + size, then) for size in sizes]) as server:
        client = face.client(base_url=server.url)
        for size in sizes:
            seen, error = gather(face, lambda: chat(client))
            events, whole = arrived(raw[:size], framing, coding)
            if then == Reset():  # a reset may overtake what was sent before it
                assert len(seen) <= events, size
                assert whole or error is not None, size
                continue
            assert (len(seen), error is None) == (events, whole), (size, error)
            if error is not None:
                assert isinstance(error, StreamTruncated)
                assert error.received == len(seen)


@pytest.mark.parametrize("then", [Close(), Reset()], ids=["close", "reset"])
def test_a_head_cut_at_every_byte(face: SyncFace, then: Step) -> None:
    """Half a head is no answer, of a stream and of a plain call."""
    steps = json_reply({}, headers=[("a", "b")])
    size = len(on_wire(steps)[0])
    with HostileServer([cut(steps, at // 2, then) for at in range(2 * size)]) as server:
        client = face.client(base_url=server.url)
        for _ in range(size):
            with pytest.raises(APIConnectionError) as caught:
                face.wait(client.models.retrieve("m"))
            assert not isinstance(caught.value, APITimeoutError)
            assert caught.value.status is None
            seen, error = gather(face, lambda: chat(client))
            assert (seen, type(error)) == ([], APIConnectionError)


@cut_ways
def test_a_plain_reply_cut_at_every_byte(face: SyncFace, framing: Any, coding: Any, then: Step) -> None:
    """A reply without its last bytes is an error, whatever shows that they are missing."""
    steps = json_reply({"id": "m", "n": 1}, framing=framing, coding=coding)
    top, *rest = on_wire(steps)
    # Behind the line of the last chunk only an empty trailer is missing.
    sizes = range(sum(map(len, rest)) - (2 if framing == "chunked" else 0))
    with HostileServer([*(cut(steps, len(top) + size, then) for size in sizes), steps]) as server:
        client = face.client(base_url=server.url)
        for size in sizes:
            with pytest.raises(APIError) as caught:
                face.wait(client.models.retrieve("m"))
            assert isinstance(caught.value, APIConnectionError | StreamTruncated | DecodeError), size
            assert caught.value.status == 200
        assert face.wait(client.models.retrieve("m")) == {"id": "m", "n": 1}


@pytest.mark.parametrize("into", [bytes, str])
def test_a_raw_reply_is_cut_too(face: SyncFace, into: Any) -> None:
    """Who asks for raw bytes is not given half of them, allow_truncated or not: that flag is for streams."""
    scripts = [json_reply({"id": "m"}, framing=framing, coding=coding, end=False) for framing, coding, _ in SHOWN[:4]]
    with HostileServer([[*script, Close()] for script in scripts]) as server:
        client = face.client(base_url=server.url, allow_truncated=True)
        for _ in scripts:
            with pytest.raises(APIError):
                face.wait(client.models.retrieve("m", into=into))


@pytest.mark.parametrize(("framing", "coding"), [("chunked", None), ("length", None), ("close", "gzip"), ("chunked", "gzip")])
def test_a_binary_reply_is_cut_too(face: SyncFace, tmp_path: Path, framing: Any, coding: Any) -> None:
    """Reading, iterating and saving a binary answer all end in the error, after the pieces that had come."""
    steps = [*reply([b"abc", b"def"], framing=framing, coding=coding, end=False), Close()]
    with HostileServer([steps], after="repeat") as server:
        client = face.client(base_url=server.url)
        reads: list[Callable[[Any], Any]] = [lambda binary: binary.read(), lambda binary: binary.save(tmp_path / "file")]
        for read in reads:
            with pytest.raises((APIConnectionError, StreamTruncated)):
                face.wait(read(face.wait(client.files.content("f"))))
        seen, error = gather(face, lambda: client.files.content("f"))
        assert b"".join(seen) == b"abcdef"
        assert isinstance(error, APIConnectionError | StreamTruncated)


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_the_error_carries_what_had_come(face: SyncFace, framing: Any) -> None:
    """Events given out, last bytes, headers, request id, status and attempts; all of it survives pickling."""
    half = b'data: {"choi'
    steps = [*sse_reply([OPEN, OPEN, half], headers=[("x-request-id", "req-7")], framing=framing, end=False), Close()]
    with HostileServer([steps]) as server:
        seen, error = gather(face, lambda: chat(face.client(base_url=server.url, max_retries=2)))
    assert len(seen) == 2
    assert isinstance(error, StreamTruncated)
    assert isinstance(error, EOFError)
    for known in (error, pickle.loads(pickle.dumps(error))):
        assert known.received == 2
        assert known.body == OPEN + OPEN + half
        assert (known.status, known.request_id, known.headers["Content-Type"]) == (200, "req-7", "text/event-stream")
        assert [(attempt.number, attempt.status, attempt.error, attempt.wait) for attempt in known.attempts] == [
            (1, 200, "StreamTruncated", None)
        ]
    assert "2 events" in str(error)


def test_an_event_without_data_is_passed_over(face: SyncFace) -> None:
    """Some servers open or keep alive a stream with an empty event: it is neither an error nor a chunk."""
    with HostileServer([sse_reply(["", choice(), b"data:\n\n", b"event: ping\ndata\n\n", "[DONE]"])]) as server:
        assert gather(face, lambda: chat(face.client(base_url=server.url))) == ([choice()], None)


def test_the_error_says_what_was_wanted(face: SyncFace) -> None:
    """The message names the marks that did not come."""
    with HostileServer([sse_reply([OPEN]), sse_reply(RESPONSE_OPEN)]) as server:
        client = face.client(base_url=server.url)
        with pytest.raises(StreamTruncated, match=r"\[DONE\].*finish_reason"):
            list(face.iterate(chat(client)))
        with pytest.raises(StreamTruncated, match=r"response\.completed"):
            list(face.iterate(client.responses.create(model="m", input="", stream=True)))


def test_the_error_keeps_the_last_bytes_within_the_limit(face: SyncFace) -> None:
    """`Limits.error_body` bounds what is carried: the end of what came, not its start."""
    pieces = [data({"n": n}) for n in range(100)]
    with HostileServer([sse_reply(pieces)]) as server:
        _, error = gather(face, lambda: chat(face.client(base_url=server.url, limits=Limits(error_body=30))))
    assert isinstance(error, StreamTruncated)
    assert (error.received, error.body) == (100, b"".join(pieces)[-30:])


@cut_ways
@pytest.mark.parametrize("where", ["client", "call"])
def test_one_flag_relaxes_the_rule(face: SyncFace, framing: Any, coding: Any, then: Step, where: str) -> None:
    """`allow_truncated` makes a cut stream end quietly after its events, however it was cut."""
    steps = [*sse_reply([choice(), choice(), b"data: {"], framing=framing, coding=coding, end=False)]
    steps = [step for step in steps if step != Close()]
    flag = {"allow_truncated": True}
    with HostileServer([[*steps, then]]) as server:
        client = face.client(base_url=server.url, **(flag if where == "client" else {}))
        seen, error = gather(face, lambda: chat(client, **(flag if where == "call" else {})))
    assert error is None
    assert seen == [choice(), choice()][: len(seen)]
    assert then == Reset() or len(seen) == 2


def test_the_call_overrules_the_client(face: SyncFace) -> None:
    """A call may be strict where its client is not."""
    with HostileServer([sse_reply([OPEN])]) as server:
        _, error = gather(face, lambda: chat(face.client(base_url=server.url, allow_truncated=True), allow_truncated=False))
    assert isinstance(error, StreamTruncated)


def test_the_flag_does_not_turn_silence_into_an_end(face: SyncFace) -> None:
    """A stalled stream is not a cut one."""
    script = sse_reply([OPEN], end=False)
    with HostileServer([script]) as server:
        seen, error = gather(
            face, lambda: chat(face.client(base_url=server.url, allow_truncated=True), timeout=Timeout(idle=0.15))
        )
    assert (len(seen), type(error)) == (1, APITimeoutError)


EOF_ROW = {"name": "chat.completions.create", "stream": {"ask": {"in": "body", "key": "stream", "value": True}, "eof": True}}


def test_a_provider_may_have_a_rule_of_its_own(face: SyncFace) -> None:
    """A profile's row says that the end of the body is the end of the stream."""
    with HostileServer([sse_reply([OPEN]), sse_reply([OPEN])]) as server:
        strict = face.client(provider={"base_url": server.url})
        relaxed = face.client(provider={"base_url": server.url, "routes": [EOF_ROW]})
        assert isinstance(gather(face, lambda: chat(strict))[1], StreamTruncated)
        assert gather(face, lambda: chat(relaxed)) == ([choice()], None)


@pytest.mark.parametrize(("framing", "coding", "then"), SHOWN)
def test_the_end_of_a_body_is_not_its_cut(face: SyncFace, framing: Any, coding: Any, then: Step) -> None:
    """Where the end of the body ends the stream, a body that breaks off is still no end of it."""
    whole = sse_reply([choice(), choice()], framing=framing, coding=coding)
    broken = [step for step in sse_reply([choice(), choice()], framing=framing, coding=coding, end=False) if step != Close()]
    with HostileServer([whole, [*broken, then]]) as server:
        client = face.client(base_url=server.url)
        assert gather(face, lambda: client.request("POST", "/x", {"stream": True})) == ([choice(), choice()], None)
        seen, error = gather(face, lambda: client.request("POST", "/x", {"stream": True}))
    assert isinstance(error, StreamTruncated)
    assert error.received == len(seen)


@pytest.mark.parametrize("bad", [b"zz\r\n", b"-5\r\n", b"\r\n\r\n", b"5 5\r\nabcde\r\n"])
@pytest.mark.parametrize("then", [Stall(), Close()], ids=["stall", "close"])
def test_a_bad_chunk_is_a_cut(face: SyncFace, bad: bytes, then: Step) -> None:
    """Framing that cannot be read ends the stream at once, though the server stays silent behind it."""
    go = threading.Event()
    fields = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
    with HostileServer([[head(200, fields), Bytes(chunk(OPEN)), Wait(go), Bytes(bad), then]]) as server:
        events = face.iterate(chat(face.client(base_url=server.url, timeout=Timeout(idle=0.5))))
        assert next(events) == choice()
        go.set()
        with pytest.raises(StreamTruncated) as caught:
            next(events)
    assert caught.value.received == 1
