"""The local server answers every row of the table as its schemas say, on both faces, whole and as a stream."""

from __future__ import annotations

import http.client
import io
import json
import wave
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from asking import ROUTES, call, made, streamed
from faces import SyncFace

from oai_dyn import Client
from oai_dyn.server import running
from oai_dyn.server.answers import ITEMS, PAGE_SIZE
from oai_dyn.server.files import BYTES, PIXEL, file_for

#: Rows that no request can be told from: the name under which the server counts both.
TWINS = {"fine_tuning.checkpoints.permissions.retrieve": "fine_tuning.checkpoints.permissions.list"}

CORPUS = Path(__file__).parent / "corpus"

#: How many pages a list has.
TURNS = -(-ITEMS // PAGE_SIZE)

PAGED = [route for route in ROUTES if route.page is not None]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """One server for the whole file."""
    with running() as url:
        yield url


def get(url: str, path: str, method: str = "GET", body: Any = None) -> tuple[int, bytes, str]:
    """One request by hand: status, body, content type."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return response.status, response.read(), response.headers.get_content_type()
    finally:
        connection.close()


def test_every_row_answers_as_its_schema_says(url: str, face: SyncFace) -> None:
    """To the barest valid request, and on the other face to a whole one: an answer of the row's kind, and no fault in either."""
    client = face.client(base_url=url, admin_key="admin", validate="both")
    before = json.loads(get(url, "/_seen")[1])["rows"]
    called = [route for route in ROUTES if route.stream is None or route.stream.ask_in]
    for route in called:
        reply = face.wait(call(client, route, lean=face.name == "sync", turn=1))
        kind = route.reply.kind
        if kind == "bytes":
            assert face.wait(reply.read()) in [file_for(route.name, variant).content for variant in ("", "thumbnail")], route.name
        elif kind == "json":
            assert isinstance(reply, dict | str), route.name
            assert reply, route.name
        else:
            assert reply is None if kind == "none" else isinstance(reply, str), route.name
    now = json.loads(get(url, "/_seen")[1])["rows"]
    counted = {name for name in now if now[name] > before.get(name, 0)}
    assert counted == {TWINS.get(route.name, route.name) for route in called}


def test_every_stream_is_valid_and_ends_whole(url: str, face: SyncFace) -> None:
    """Each row that can stream sends several events, each valid, and the end that its own rule wants."""
    client = face.client(base_url=url, validate="both")
    rows = [route for route in ROUTES if route.stream is not None]
    before = json.loads(get(url, "/_seen")[1])["streams"]
    for route in rows:
        events = list(face.iterate(streamed(client, route)))
        assert len(events) > 1, route.name
        assert all(isinstance(event, dict) for event in events), route.name
    assert json.loads(get(url, "/_seen")[1])["streams"] - before == len(rows) == 15


def test_every_list_goes_on_and_ends(url: str, face: SyncFace) -> None:
    """Iterating a list yields every item of every page, once each, over more than one request."""
    client = face.client(base_url=url, admin_key="admin", validate="reply")
    for route in PAGED:
        before = json.loads(get(url, "/_seen")[1])["requests"]
        items = list(face.iterate(call(client, route)))
        turns = route.page is not None and bool(route.page.cursor)
        assert len(items) == (ITEMS if turns else PAGE_SIZE), route.name
        assert json.loads(get(url, "/_seen")[1])["requests"] - before == (TURNS if turns else 1), route.name
        names = [item.get("id") for item in items]
        assert None in names or len(set(names)) == len(names), route.name
    assert len(PAGED) > 80


def test_what_is_made_is_found_again(url: str, face: SyncFace) -> None:
    """An id has the same times whoever is asked for it; a list begins behind the item that was named."""
    client = face.client(base_url=url)
    made_ = face.wait(client.files.create(file=b"abc", purpose="user_data"))
    again = face.wait(client.files.retrieve(made_.id))
    assert (again.id, again.created_at) == (made_.id, made_.created_at)
    assert made_.id.startswith("file-")
    items = list(face.iterate(client.files.list(limit=2)))
    assert [item.id for item in face.wait(client.files.list(after=items[2].id)).data] == [item.id for item in items[3:]]
    assert face.wait(client.files.list(after=items[-1].id)).data == []
    assert len(face.wait(client.files.list(limit=1)).data) == 1
    assert [item.created_at for item in items] == sorted({item.created_at for item in items})


@pytest.mark.parametrize("row", ["chat.completions.create", "responses.create", "batches.list", "beta.threads.runs.retrieve"])
def test_two_servers_give_the_same_bytes(row: str) -> None:
    """Nothing depends on a clock or on chance: the same requests in the same order have the same answers."""
    (route,) = (route for route in ROUTES if route.name == row)
    path = "/v1" + route.path.format_map({name: f"{name}_1" for name in route.path_params})
    body = None if route.body.kind == "none" else made(route.body.schema)
    stream = {"stream": True} if route.stream and route.stream.ask_in == "body" else {}
    found = []
    for _ in range(2):
        with running() as url:
            found.append([get(url, path, route.method, body) for _ in range(3)])
            found[-1] += [get(url, path, route.method, {**body, **stream})] if body is not None else []
    assert found[0] == found[1]
    assert {status for status, _, _ in found[0]} == {200}
    assert len(set(found[0])) > 1


def test_answers_take_turns(url: str, face: SyncFace) -> None:
    """From call to call a union's next branch comes, and an enum's next value: the states of a run, the items of a list."""
    client = face.client(base_url=url)
    states = {face.wait(client.beta.threads.runs.retrieve("run_1", thread_id="thread_1")).status for _ in range(12)}
    assert states >= {"queued", "in_progress", "requires_action", "cancelled", "failed", "completed", "expired"}
    with running() as fresh:
        assert face.wait(face.client(base_url=fresh).beta.threads.runs.retrieve("run_1", thread_id="t")).status == "completed"


def test_the_request_is_said_again(url: str, face: SyncFace) -> None:
    """Model, settings and metadata; ids of the path; the name of an upload; the tools of a response, completed."""
    client = face.client(base_url=url)
    tool = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
    sent = {
        "model": "m-7",
        "input": "hi",
        "temperature": 0.25,
        "metadata": {"k": "v"},
        "instructions": "Be brief.",
        "tools": [tool],
        "tool_choice": "none",
    }
    reply = face.wait(client.responses.create(sent))
    assert [reply[name] for name in ("model", "temperature", "metadata", "instructions")] == [
        "m-7",
        0.25,
        {"k": "v"},
        "Be brief.",
    ]
    assert tool.items() <= reply.tools[0].items()
    assert reply.output[0].content[0].text == "You said: hi"
    store = face.wait(client.vector_stores.files.create("vs_7", file_id="file-7"))
    assert store.vector_store_id == "vs_7"


def test_usage_is_of_the_kind_and_the_time_that_was_asked_for(url: str, face: SyncFace) -> None:
    """Buckets begin at the start that was given, and hold results of the row's own kind."""
    client = face.client(base_url=url, admin_key="admin")
    page = face.wait(client.admin.organization.usage.embeddings(start_time=1_700_000_000))
    assert page.data[0].start_time == 1_700_000_000
    assert page.data[0].results[0].object == "organization.usage.embeddings.result"
    costs = face.wait(client.admin.organization.usage.costs(start_time=1_700_000_000))
    assert costs.data[0].results[0].object == "organization.costs.result"


@pytest.mark.parametrize(
    ("form", "members"), [("json", set()), ("verbose_json", {"language", "duration"}), ("diarized_json", {"segments"})]
)
def test_a_transcript_has_the_form_that_was_asked_for(url: str, face: SyncFace, form: str, members: set[str]) -> None:
    """Every time, whosever turn it is."""
    client = face.client(base_url=url)
    for _ in range(3):
        reply = face.wait(client.audio.transcriptions.create(file=b"RIFF", model="m", response_format=form))
        assert members <= set(reply)
        assert ("language" in reply, "task" in reply) == (form == "verbose_json", form == "diarized_json")


def test_files_are_whole_ones_of_their_kind(url: str, face: SyncFace) -> None:
    """A sound that plays, an archive that opens, a film that begins as one, a picture; any bytes for any file."""
    client = face.client(base_url=url)
    speech = face.wait(face.wait(client.audio.speech.create(model="m", input="hi", voice="alloy")).read())
    with wave.open(io.BytesIO(speech)) as sound:
        assert sound.getnframes() / sound.getframerate() == 0.1
    skill = face.wait(face.wait(client.skills.content.retrieve("skill_1")).read())
    assert zipfile.ZipFile(io.BytesIO(skill)).testzip() is None
    film = get(url, "/v1/videos/video_1/content")
    assert (film[1][4:12], film[2]) == (b"ftypisom", "video/mp4")
    assert len(film[1]) == sum(int.from_bytes(film[1][at : at + 4]) for at in (0, int.from_bytes(film[1][:4])))
    assert get(url, "/v1/videos/video_1/content?variant=thumbnail")[1:] == (PIXEL, "image/png")
    assert face.wait(face.wait(client.files.content("file-1")).read()) == BYTES


def test_the_official_sdk_puts_streams_together() -> None:
    """Its own helpers take the events of a chat, of a response and of a run; an answer is what its models read."""
    with running() as url, openai.OpenAI(api_key="k", base_url=url, max_retries=0) as sdk:
        with sdk.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as chat:
            assert chat.get_final_completion().choices[0].message.content == "You said: hi"
        with sdk.responses.stream(model="m", input="hi") as response:
            assert response.get_final_response().output_text == "You said: hi"
        with pytest.warns(DeprecationWarning, match="Assistants API"):
            manager = sdk.beta.threads.create_and_run_stream(assistant_id="asst_1")
        with manager as run:
            assert run.get_final_run().status == "completed"
            assert "Hello from the local server." in run.get_final_messages()[0].to_json()
        batch = sdk.batches.retrieve("batch_1")
        assert (batch.id, batch.object, batch.status) == ("batch_1", "batch", "completed")


def test_every_good_body_of_the_corpus_is_answered(url: str) -> None:
    """What a real program sends is refused nowhere, whole or in a query."""
    routes = {route.name: route for route in ROUTES}
    count = 0
    with Client(base_url=url, api_key="k", admin_key="admin", max_retries=0) as client:
        for entry in (entry for file in sorted(CORPUS.glob("*.json")) for entry in json.loads(file.read_text("utf-8"))):
            route = routes.get(entry["row"])
            if route is None or entry["part"] not in ("request", "query") or route.body.kind == "multipart":
                continue
            query, body = made(route.query_schema), made(route.body.schema)
            query, body = (entry["body"], body) if entry["part"] == "query" else (query, entry["body"])
            path = {name: f"{name}_1" for name in route.path_params}
            reply = client.call(route.name, *([] if route.body.kind == "none" else [body]), **path, **query)
            if hasattr(reply, "close"):
                reply.close()
            count += 1
    assert count > 100
