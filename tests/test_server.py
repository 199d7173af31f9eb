"""The local server: what people read in its answers, what it counts, whom it lets in, how it starts and stops."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from faces import SyncFace

from oai_dyn import APIStatusError, AuthenticationError, BadRequestError, NotFoundError
from oai_dyn.routes import bundled
from oai_dyn.server import running
from oai_dyn.server.answers import ITEMS
from oai_dyn.server.asked import Asked, last_said, text_of
from oai_dyn.server.files import SDP

HELLO = [{"role": "user", "content": "Hello there, you"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """One server for the whole file."""
    with running() as url:
        yield url


def seen(url: str) -> dict[str, Any]:
    """What the server says it has seen."""
    return dict(json.loads(exchange(url, "GET", "/_seen")[1]))


def exchange(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """One request by hand: status, body, headers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


def refused(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
    """A request by hand that is refused: its status and what the error's body says."""
    status, content, _ = exchange(url, method, path, body, **{"Authorization": "Bearer k", **headers})
    error = json.loads(content)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return status, error


def test_a_chat_says_what_was_said(url: str, face: SyncFace) -> None:
    """Model and last message come back, whole and in pieces that make up the same text."""
    client = face.client(base_url=url)
    reply = face.wait(client.chat.completions.create(model="m-1", messages=HELLO, n=2))
    assert (reply.model, [c.message.content for c in reply.choices]) == ("m-1", ["You said: Hello there, you"] * 2)
    request = {"model": "m-1", "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    chunks = list(face.iterate(client.chat.completions.create(request)))
    assert [c.choices[0].delta.get("content") for c in chunks[:-1]] == ["", "You ", "said: ", "Hello ", "there, ", "you", None]
    assert chunks[-1]["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert chunks[-1]["usage"].items() <= reply["usage"].items()


@pytest.mark.parametrize(
    ("row", "body"),
    [
        (
            "chat.completions.create",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "refusal"}]}]},
        ),
        ("chat.completions.create", {"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]}),
        ("beta.threads.create_and_run", {"thread": {"messages": [{"role": "user", "content": "one"}]}}),
        ("responses.create", {"input": "one"}),
        ("completions.create", {"prompt": ["zero", "one"]}),
        ("audio.translations.create", {"prompt": "one"}),
    ],
)
def test_what_was_said_is_found_in_every_form(row: str, body: dict[str, Any]) -> None:
    """The last text of the user's is found wherever a request may hold it."""
    assert last_said(body) == "one"
    assert text_of(Asked(bundled().find(row), {}, {}, body, 1, 0)) == "You said: one"


def test_pieces_come_with_a_delay(face: SyncFace) -> None:
    """With a delay the first event is there long before the last."""
    with running(delay=0.03) as url:
        events = face.iterate(face.client(base_url=url).responses.create(model="m", input="a b c", stream=True))
        assert next(events)["type"] == "response.created"
        first = time.monotonic()
        assert [event["type"] for event in events][-1] == "response.completed"
        assert time.monotonic() - first > 0.2


def test_answers_have_the_shapes_people_read(url: str, face: SyncFace) -> None:
    """Embeddings and moderations by input, ids from the path, deletions, limits, uploads, transcripts in their format."""
    client = face.client(base_url=url)
    assert len(face.wait(client.embeddings.create(model="m", input=["a", "b"])).data) == 2
    assert len(face.wait(client.embeddings.create(model="m", input=[1, 2])).data) == 1
    assert len(face.wait(client.moderations.create(input=["a", "b"])).results) == 2
    assert len(face.wait(client.images.generate(prompt="p", n=3)).data) == 3
    assert face.wait(client.files.retrieve("file-7"))["id"] == "file-7"
    assert face.wait(client.files.delete("file-7")) == {"id": "file-7", "object": "file", "deleted": True}
    assert len(face.wait(client.files.list(limit=1)).data) == 1
    run = face.wait(client.beta.threads.runs.create("thread_7", assistant_id="a", metadata={"k": "v"}))
    assert (run["object"], run["thread_id"], run["metadata"]) == ("thread.run", "thread_7", {"k": "v"})
    message = face.wait(client.beta.threads.messages.create("thread_7", role="user", content="hi"))
    assert message["content"][0]["text"]["value"] == "hi"
    assert face.wait(client.audio.transcriptions.create(file=b"RIFF", model="m"))["text"] == "Hello from the local server."
    as_text = face.wait(client.audio.transcriptions.create(file=b"RIFF", model="m", response_format="srt"))
    assert as_text == "Hello from the local server."
    assert face.wait(client.realtime.calls.create(sdp="v=0")) == SDP
    assert face.wait(client.realtime.calls.create(sdp="v=0", session={"type": "realtime"})) == SDP


def test_uploads_are_parsed_and_counted(url: str, face: SyncFace) -> None:
    """The bytes of files, not those of the form around them, are counted; name and size come back."""
    before = seen(url)["upload_bytes"]
    content = b"--\r\n" * 40_000
    file = face.wait(face.client(base_url=url).files.create(file=("notes.txt", content), purpose="assistants"))
    assert (file["filename"], file["bytes"], file["purpose"]) == ("notes.txt", len(content), "assistants")
    assert seen(url)["upload_bytes"] - before == len(content)


def test_what_was_seen_is_counted(face: SyncFace) -> None:
    """Requests, streams, rows and statuses, refused requests among them."""
    with running() as url:
        client = face.client(base_url=url)
        face.wait(client.models.list())
        list(face.iterate(client.completions.create(model="m", prompt="p", stream=True)))
        with pytest.raises(NotFoundError):
            face.wait(client.request("GET", "/nothing"))
        assert seen(url) == {
            "requests": 3,
            "streams": 1,
            "upload_bytes": 0,
            "rows": {"models.list": 1, "completions.create": 1},
            "statuses": {"200": 2, "404": 1},
            "faults": {},
        }


def test_a_credential_is_asked_for(url: str, face: SyncFace) -> None:
    """Without a key, with an empty one and with another scheme there is a 401, for admin rows too."""
    keyless = face.client(base_url=url, api_key="")
    with pytest.raises(AuthenticationError, match="there is no API key"):
        face.wait(keyless.models.list())
    with pytest.raises(AuthenticationError):
        face.wait(face.client(base_url=url).admin.organization.roles.list())
    for header in ("Bearer ", "Bearer", "Basic a2V5"):
        status, error = refused(url, "GET", "/v1/models", Authorization=header)
        assert (status, error["type"]) == (401, "invalid_request_error")


def test_a_key_of_its_own(face: SyncFace) -> None:
    """A server that was given a key takes no other."""
    with running(key="right") as url:
        assert face.wait(face.client(base_url=url, api_key="right").models.list()).object == "list"
        with pytest.raises(AuthenticationError) as caught:
            face.wait(face.client(base_url=url, api_key="wrong").models.list())
        assert caught.value.code == "invalid_api_key"


def test_an_unknown_address_is_refused(url: str) -> None:
    """404 for a path that no row has, 405 with the methods that it has, both in the API's form."""
    status, error = refused(url, "GET", "/v1/nothing/here")
    assert (status, error["code"]) == (404, "unknown_url")
    status, error = refused(url, "DELETE", "/v1/chat/completions")
    assert (status, error["code"]) == (405, None)
    assert exchange(url, "DELETE", "/v1/chat/completions")[2]["Allow"] == "GET,POST"


@pytest.mark.parametrize(
    ("path", "body", "media", "says"),
    [
        ("/v1/chat/completions", b'{"model": ', "application/json", "the body is not JSON"),
        ("/v1/chat/completions", b"[1]", "application/json", "JSON of type list, wanted an object"),
        ("/v1/files", b"{}", "application/json", "the body is application/json, wanted multipart/form-data"),
        ("/v1/files", b"{}", "", "the body is of no type"),
        ("/v1/files", b"no form", "multipart/form-data; boundary=x", "the body is no form"),
        ("/v1/files", b"no form", "multipart/form-data", "the body is no form"),
        (
            "/v1/realtime/calls",
            b'--x\r\nContent-Disposition: form-data; name="session"\r\nContent-Type: application/json\r\n\r\n{\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "the body is not JSON",
        ),
        ("/v1/files", b"--x--\r\n", "multipart/form-data; boundary=x", "the form is empty"),
        ("/v1/files", b"--x\r\n\r\ncontent\r\n--x--\r\n", "multipart/form-data; boundary=x", "has no name"),
    ],
)
def test_a_body_that_is_not_what_it_should_be_is_refused(url: str, path: str, body: bytes, media: str, says: str) -> None:
    """400, with what is wrong."""
    headers = {"Content_Type": media} if media else {}
    status, error = refused(url, "POST", path, body, **headers)
    assert status == 400
    assert says in error["message"]


def test_a_body_beyond_the_bound_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON is held in memory, and so has a bound: 413, in the API's form."""
    monkeypatch.setattr("oai_dyn.server.app.LARGEST_BODY", 1000)
    with running() as small:
        status, error = refused(small, "POST", "/v1/responses", b'"' + b"x" * 2000 + b'"', Content_Type="application/json")
    assert (status, error["type"]) == (413, "invalid_request_error")


def test_json_where_a_form_is_not_needed(url: str, face: SyncFace) -> None:
    """A row that takes JSON when there is no file is answered for JSON; no body at all is an empty object."""
    assert exchange(url, "POST", "/v1/conversations", Authorization="Bearer k")[0] == 200
    created = face.wait(face.client(base_url=url).containers.files.create("cntr_1", file_id="file-1"))
    assert (created["container_id"], created["object"], created["id"][:6]) == ("cntr_1", "container.file", "cfile_")


def test_rows_with_one_address_are_told_apart(url: str, face: SyncFace) -> None:
    """By the query and the headers that the table fixes."""
    client = face.client(base_url=url)
    before = seen(url)["rows"]
    face.wait(client.beta.responses.create(model="m", input="hi"))
    face.wait(client.files.retrieve_content("file-1"))
    now = seen(url)["rows"]
    assert now["beta.responses.create"] - before.get("beta.responses.create", 0) == 1
    assert now["files.retrieve_content"] - before.get("files.retrieve_content", 0) == 1


def test_a_client_may_leave_early(face: SyncFace) -> None:
    """A stream that is left does the server no harm, and does not keep it from stopping."""
    with running(delay=0.01) as url:
        client = face.client(base_url=url)
        events = face.iterate(client.chat.completions.create(model="m", messages=HELLO * 50, stream=True))
        next(events)
        events.close()  # type: ignore[attr-defined]
        assert face.wait(client.models.list()).object == "list"


def test_it_stops_with_a_stream_open(face: SyncFace) -> None:
    """Stopping waits for nobody for long."""
    with running(delay=30) as url:
        events = face.iterate(face.client(base_url=url).chat.completions.create(model="m", messages=HELLO, stream=True))
        next(events)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    with pytest.raises(Exception, match=r"connection|stream"):
        list(events)


def test_a_taken_port_is_an_error(url: str) -> None:
    """The block is not entered where the server cannot listen."""
    with pytest.raises(OSError, match="address already in use"), running(port=urlsplit(url).port or 0):
        pytest.fail("two servers on one port")


def test_the_official_sdk_reads_it(url: str) -> None:
    """Answers, streams, pages and errors are what the official SDK's own models take."""
    with openai.OpenAI(api_key="k", admin_api_key="a", base_url=url, max_retries=0) as sdk:
        assert (
            sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}]).choices[0].message.content
            == "You said: hi"
        )
        assert sdk.responses.create(model="m", input="hi").output_text == "You said: hi"
        with sdk.responses.stream(model="m", input="hi") as stream:
            assert stream.get_final_response().output_text == "You said: hi"
        assert len(list(sdk.files.list())) == len(list(sdk.admin.organization.roles.list())) == ITEMS
        assert sdk.files.create(file=b"abc", purpose="assistants").bytes == 3
        with pytest.raises(openai.NotFoundError, match="Not Found"):
            sdk.get("/nothing", cast_to=object)


def test_refusals_carry_a_request_id(url: str, face: SyncFace) -> None:
    """Good answers, streams and errors all have x-request-id."""
    client = face.client(base_url=url)
    with pytest.raises(APIStatusError) as caught:
        face.wait(client.request("GET", "/nothing"))
    assert str(caught.value.request_id).startswith("req_")
    assert face.wait(client.models.list())._request_id.startswith("req_")
    stream = face.wait(client.chat.completions.create(model="m", messages=HELLO, stream=True))
    assert stream.reply.request_id.startswith("req_")
    face.wait(stream.close())


def test_a_bad_request_is_one(url: str, face: SyncFace) -> None:
    """The client's own error for it."""
    with pytest.raises(BadRequestError, match="wanted multipart"):
        face.wait(face.client(base_url=url).request("POST", "/files", {}))
