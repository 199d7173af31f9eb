"""Promise 2: a cut stream is an error that carries what had come, and the row says what a whole one is."""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

import pytest
from faces import SyncFace
from hostile import Close, HostileServer, sse_reply
from streamed import DONE, EVENT, chat, choice, data, gather

from oai_dyn import APITimeoutError, Limits, StreamTruncated, Timeout


def typed(kind: str) -> bytes:
    """An event that is named and says its type, as most of the API's are."""
    return data({"type": kind}, kind)


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
    Kind("chat.completions.create", STREAM, [EVENT, data({"choices": [], "usage": {}})], [DONE, *FINISHES]),
    Kind("completions.create", STREAM, [EVENT], [DONE, *FINISHES]),
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


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_the_error_carries_what_had_come(face: SyncFace, framing: Any) -> None:
    """Events given out, last bytes, headers, request id, status and attempts; all of it survives pickling."""
    half = b'data: {"choi'
    steps = [*sse_reply([EVENT, EVENT, half], headers=[("x-request-id", "req-7")], framing=framing, end=False), Close()]
    with HostileServer([steps]) as server:
        seen, error = gather(face, lambda: chat(face.client(base_url=server.url, max_retries=2)))
    assert len(seen) == 2
    assert isinstance(error, StreamTruncated)
    assert isinstance(error, EOFError)
    for known in (error, pickle.loads(pickle.dumps(error))):
        assert known.received == 2
        assert known.body == EVENT + EVENT + half
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
    with HostileServer([sse_reply([EVENT]), sse_reply(RESPONSE_OPEN)]) as server:
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


def test_the_call_overrules_the_client(face: SyncFace) -> None:
    """A call may be strict where its client is not."""
    with HostileServer([sse_reply([EVENT])]) as server:
        _, error = gather(face, lambda: chat(face.client(base_url=server.url, allow_truncated=True), allow_truncated=False))
    assert isinstance(error, StreamTruncated)


def test_the_flag_does_not_turn_silence_into_an_end(face: SyncFace) -> None:
    """A stalled stream is not a cut one."""
    script = sse_reply([EVENT], end=False)
    with HostileServer([script]) as server:
        seen, error = gather(
            face, lambda: chat(face.client(base_url=server.url, allow_truncated=True), timeout=Timeout(idle=0.15))
        )
    assert (len(seen), type(error)) == (1, APITimeoutError)


EOF_ROW = {"name": "chat.completions.create", "stream": {"ask": {"in": "body", "key": "stream", "value": True}, "eof": True}}


def test_a_provider_may_have_a_rule_of_its_own(face: SyncFace) -> None:
    """A profile's row says that the end of the body is the end of the stream."""
    with HostileServer([sse_reply([EVENT]), sse_reply([EVENT])]) as server:
        strict = face.client(provider={"base_url": server.url})
        relaxed = face.client(provider={"base_url": server.url, "routes": [EOF_ROW]})
        assert isinstance(gather(face, lambda: chat(strict))[1], StreamTruncated)
        assert gather(face, lambda: chat(relaxed)) == ([choice()], None)
