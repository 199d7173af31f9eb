"""Promise 4 where no stream is open: what status 200 says is fine and is none, and stored errors that are fine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from faces import SyncFace
from hostile import HostileServer, Steps, json_reply, reply
from streamed import SOON, chat

from oai_dyn import APIStatusError, DecodeError, RateLimitError, Reply

#: Events and bodies that only tell of an error, of themselves or of something else, and are none.
FAILED_RESPONSE = {"id": "resp", "object": "response", "status": "failed", "error": {"code": "server_error", "message": "x"}}
STORED: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "a failed job": (
        "fine_tuning.jobs.retrieve",
        ("j",),
        {
            "object": "fine_tuning.job",
            "id": "j",
            "status": "failed",
            "error": {"code": "server_error", "message": "x", "param": None},
        },
    ),
    "a failed response": ("responses.retrieve", ("resp",), FAILED_RESPONSE),
    "a new response that failed": ("responses.create", (), FAILED_RESPONSE),
    "a failed video": ("videos.retrieve", ("v",), {"object": "video", "id": "v", "error": {"code": "x", "message": "y"}}),
    "a failed tool call": ("conversations.items.retrieve", ("i",), {"type": "mcp_call", "id": "i", "error": "no such tool"}),
    "a failed file": (
        "vector_stores.files.retrieve",
        ("f",),
        {"object": "vector_store.file", "last_error": {"code": "server_error"}},
    ),
    "a batch with errors": ("batches.retrieve", ("b",), {"object": "batch", "id": "b", "errors": {"data": [{"code": "x"}]}}),
    "a job without an error": ("fine_tuning.jobs.retrieve", ("j",), {"object": "fine_tuning.job", "id": "j", "error": None}),
    "a list of failed jobs": ("fine_tuning.jobs.list", (), {"object": "list", "data": [{"id": "j", "error": {"code": 500}}]}),
}


PARENTS = {"conversation_id": "c", "vector_store_id": "v"}


@pytest.mark.parametrize("what", STORED)
def test_a_stored_object_with_an_error_is_none(face: SyncFace, what: str) -> None:
    """What failed earlier is told by an object that is there; the call that fetches it is fine."""
    row, arguments, body = STORED[what]
    with HostileServer([json_reply(body)]) as server:
        client = face.client(base_url=server.url, max_retries=2)
        parents = {name: value for name, value in PARENTS.items() if name in client.routes.find(row).path_params}
        assert face.wait(client.call(row, *arguments, **parents)) == body
    assert len(server.requests) == 1


#: Rows of every kind of answer, and errors under status 200 that each of them meets.
ROWS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "json": ("models.retrieve", ("m",), {}),
    "page": ("models.list", (), {}),
    "post": ("embeddings.create", (), {"model": "m", "input": "x"}),
    "text": ("audio.transcriptions.create", (), {"model": "m", "file": b"x"}),
    "none": ("containers.delete", ("c",), {}),
    "binary": ("audio.speech.create", (), {"model": "m", "input": "x", "voice": "v"}),
}


BODIES: dict[str, Any] = {
    "object": {"error": {"message": "x", "code": 429}},
    "text": {"error": "x"},
    "flat": {"object": "error", "message": "x", "code": 429},
    "empty data beside": {"error": {"message": "x", "code": 429}, "data": [], "object": None},
    "list": [{"error": {"message": "x", "code": 429}}],
    "code beside the text": {"code": 429, "error": "x"},
    "envelope": {"result": None, "success": False, "errors": [{"message": "x", "code": 429}], "messages": []},
}


def take(face: SyncFace, client: Any, row: str, **more: Any) -> Any:
    """The whole answer of one of the rows."""
    name, arguments, keywords = ROWS[row]
    result = face.wait(client.call(name, *arguments, **keywords, **more))
    return face.wait(result.read()) if row == "binary" and not more else result


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("row", ROWS)
def test_an_error_under_status_200(face: SyncFace, row: str, body: str) -> None:
    """Whatever the row answers: a body that is an error is one, with headers, body and attempts."""
    steps = json_reply(BODIES[body], headers=[("x-request-id", "req-4")])
    with HostileServer([steps]) as server, pytest.raises(APIStatusError) as caught:
        take(face, face.client(base_url=server.url), row)
    assert type(caught.value) is (APIStatusError if body == "text" else RateLimitError)
    assert caught.value.status == (200 if body == "text" else 429)
    assert (caught.value.request_id, len(caught.value.attempts)) == ("req-4", 1)
    assert json.loads(caught.value.body) == BODIES[body]


@pytest.mark.parametrize("into", [Reply, bytes, str, dict])
def test_an_error_under_status_200_for_every_type(face: SyncFace, into: Any) -> None:
    """Who asks for the raw answer is told as well; the body is on the error."""
    with HostileServer([json_reply(BODIES["object"])], after="repeat") as server:
        client = face.client(base_url=server.url)
        for row in ("json", "page", "post"):
            with pytest.raises(RateLimitError):
                take(face, client, row, into=into)


@pytest.mark.parametrize(
    ("framing", "coding"), [("chunked", None), ("close", None), ("length", "gzip"), ("chunked", "deflate-raw")]
)
@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-8", "application/problem+json"])
def test_an_error_under_status_200_in_every_framing(face: SyncFace, framing: Any, coding: Any, content_type: str) -> None:
    """Compressed, chunked, mislabelled: it is read all the same."""
    body = json.dumps(BODIES["object"]).encode()
    steps = reply([body], headers=[("Content-Type", content_type)], framing=framing, coding=coding)
    with HostileServer([steps]) as server, pytest.raises(RateLimitError):
        face.wait(face.client(base_url=server.url).models.retrieve("m"))


HTML = b"<!doctype html><html><head><title>Sign in</title></head><body>Welcome</body></html>"


def page(body: bytes = HTML, content_type: str = "text/html; charset=utf-8") -> Steps:
    """A whole answer of some content type."""
    return reply([body], headers=[("Content-Type", content_type), ("x-request-id", "req-5")])


@pytest.mark.parametrize("row", ["json", "page", "post", "binary"])
def test_a_web_page_is_no_answer(face: SyncFace, row: str) -> None:
    """A portal's or a proxy's page under status 200 is a `DecodeError` that says what came."""
    with HostileServer([page()]) as server, pytest.raises(DecodeError, match="text/html") as caught:
        take(face, face.client(base_url=server.url, max_retries=2), row)
    assert (caught.value.status, caught.value.request_id, caught.value.body) == (200, "req-5", HTML)
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b'{"id": 1}', b'{"custom_id": "a", "error": {"code": 1}}\n{"custom_id": "b"}\n', b"[1]", b""])
@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream", "application/jsonl"])
def test_a_json_file_can_be_downloaded(face: SyncFace, body: bytes, content_type: str) -> None:
    """What a file holds is nobody's business: JSON that is no error is content like any other."""
    with HostileServer([page(body, content_type)]) as server:
        client = face.client(base_url=server.url)
        assert face.wait(face.wait(client.files.content("f")).read()) == body


@pytest.mark.parametrize("body", [b"", b" ", b"{", b"\xff\xfe", b"OK"])
def test_a_body_that_is_no_json(face: SyncFace, body: bytes) -> None:
    """Labelled as JSON, and none."""
    with HostileServer([page(body, "application/json")]) as server, pytest.raises(DecodeError) as caught:
        face.wait(face.client(base_url=server.url).models.retrieve("m"))
    assert (caught.value.status, caught.value.body) == (200, body)


def test_a_web_page_is_no_stream(face: SyncFace) -> None:
    """Asked for a stream, given a page: an error before any event, not a stream without events."""
    with HostileServer([page()]) as server, pytest.raises(DecodeError, match="text/html") as caught:
        list(face.iterate(chat(face.client(base_url=server.url, max_retries=2))))
    assert (caught.value.status, caught.value.body) == (200, HTML)
    assert len(server.requests) == 1


def test_a_whole_answer_is_no_stream(face: SyncFace) -> None:
    """JSON that is no completion, where a stream was asked for: the error carries it, decoded."""
    whole = {"id": "c", "object": "chat.completion", "choices": []}
    with HostileServer([json_reply(whole)]) as server, pytest.raises(DecodeError, match="application/json") as caught:
        list(face.iterate(chat(face.client(base_url=server.url))))
    assert caught.value.data == whole


@pytest.mark.parametrize("body", BODIES)
def test_an_error_instead_of_a_stream(face: SyncFace, body: str) -> None:
    """JSON under status 200 where a stream was asked for: the error that it is."""
    with HostileServer([json_reply(BODIES[body])]) as server, pytest.raises(APIStatusError) as caught:
        list(face.iterate(chat(face.client(base_url=server.url))))
    assert caught.value.status == (200 if body == "text" else 429)


def test_under_status_200_it_is_retried_too(face: SyncFace) -> None:
    """A plain call's error in disguise counts as the status it stands for."""
    body = {"error": {"code": 503, "message": "x"}}
    with HostileServer([json_reply(body, headers=SOON), json_reply({"id": "m"})]) as server:
        reply_ = face.wait(face.client(base_url=server.url, max_retries=1).models.retrieve("m", into=Reply))
    assert reply_.data == {"id": "m"}
    assert [(attempt.status, attempt.error) for attempt in reply_.attempts] == [(503, "InternalServerError"), (200, None)]
