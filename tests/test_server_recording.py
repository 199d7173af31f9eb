"""Exchanges with a service are written down as they pass, and given again: the same for a client, and without a key."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from faces import SyncFace
from hostile import Bytes, Close, HostileServer, Reset, Stall, Steps, json_reply, nobody, reply, sse_reply
from leaving import turn

from oai_dyn import (
    APIConnectionError,
    APIError,
    BadRequestError,
    ConfigError,
    InternalServerError,
    NotFoundError,
    StreamTruncated,
)
from oai_dyn.command import main
from oai_dyn.server import Settings, running
from oai_dyn.server.exchanges import Exchange, read, without, written
from oai_dyn.server.files import BYTES

KEY = "sk-never-to-be-seen"
HELLO = [{"role": "user", "content": "Hello there, you"}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where it is written."""
    return tmp_path / "exchanges.jsonl"


def lines(file: Path) -> list[dict[str, Any]]:
    """What was written."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def by_hand(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """One request: status, body, headers."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/v1{path}", body, {"Content-Type": "application/json", **fields})
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


def message(url: str, method: str, path: str, body: bytes | None = None) -> str:
    """What a replay says of a request that it does not know."""
    status, content, _ = by_hand(url, method, path, body)
    error = json.loads(content)["error"]
    assert (status, error["code"], error["type"]) == (404, "not_recorded", "invalid_request_error")
    return str(error["message"])


def work(face: SyncFace, url: str, key: str) -> list[Any]:
    """A little of everything that an application does, and what comes of it."""
    client = face.client(base_url=url, api_key=key)
    found = [
        face.wait(client.chat.completions.create(model="m", messages=HELLO)),
        list(face.iterate(client.chat.completions.create(model="m", messages=HELLO, stream=True))),
        list(face.iterate(client.responses.create(model="m", input="é", stream=True))),
        face.wait(client.files.create(file=("notes.bin", BYTES), purpose="batch")),
        face.wait(face.wait(client.files.content("file-1")).read()),
        face.wait(client.responses.delete("resp_1")),
        [item.id for item in face.iterate(client.files.list(limit=2, order="desc"))],
        face.wait(client.files.list(extra_query={"purpose": "a b&c"})),
    ]
    with pytest.raises(BadRequestError) as caught:
        face.wait(client.chat.completions.create(model="m", messages="none"))
    return [*found, (str(caught.value), caught.value.param, caught.value.request_id)]


# --- Both ways ----------------------------------------------------------------------------------------------


def test_what_was_recorded_is_replayed(face: SyncFace, file: Path) -> None:
    """Plain answers, streams, uploads, bytes, pages and errors are those of the service; the file holds no key."""
    with running(key=KEY) as upstream:
        with running(record=file, upstream=upstream) as url:
            recorded = work(face, url, KEY)
        with running(key=KEY) as fresh:
            assert work(face, fresh, KEY) == recorded
    with running(replay=file) as url:
        assert work(face, url, "another") == recorded
        assert work(face, url, "another") == recorded
    content = file.read_text("utf-8")
    assert KEY not in content
    assert "uthorization" not in content
    assert [line["path"] for line in lines(file)][:4] == ["/chat/completions", "/chat/completions", "/responses", "/files"]
    assert lines(file)[0]["body"] == {"json": {"model": "m", "messages": HELLO}}
    assert "base64" in lines(file)[3]["body"]
    assert all(piece["after"] == round(piece["after"], 3) for line in lines(file) for piece in line["pieces"])
    assert ["limit", "2"] in lines(file)[6]["query"]


def test_a_file_goes_on_where_it_ended(face: SyncFace, file: Path) -> None:
    """What is recorded later stands behind; the same request has its answers in order, and then the last one again."""
    with running() as upstream:
        for _ in range(2):
            with running(record=file, upstream=upstream) as url:
                face.wait(face.client(base_url=url).chat.completions.create(model="m", messages=HELLO))
    recorded = [json.loads(line["pieces"][0]["text"])["id"] for line in lines(file)]
    with running(replay=file) as url:
        client = face.client(base_url=url)
        ids = [face.wait(client.chat.completions.create(model="m", messages=HELLO)).id for _ in range(4)]
    assert ids == [recorded[0], *[recorded[1]] * 3]
    assert recorded[0] != recorded[1]


# --- Recording ----------------------------------------------------------------------------------------------


def test_a_stream_goes_on_as_it_comes(face: SyncFace, file: Path) -> None:
    """An event is there while the service keeps the next one back; who leaves is written with what they had."""
    held = sse_reply([{"id": "c1", "choices": []}, Stall()])
    with HostileServer([held]) as service, running(record=file, upstream=service.url) as url:
        events = face.iterate(face.client(base_url=url).chat.completions.create(model="m", messages=HELLO, stream=True))
        assert next(events)["id"] == "c1"
        events.close()  # type: ignore[attr-defined]
        turn(face)
        assert service.closed(0).wait(5)
    (line,) = lines(file)
    assert line["cut"]
    assert "c1" in line["pieces"][0]["text"]


def broken(face: SyncFace, url: str) -> tuple[list[Any], type[APIError]]:
    """The events of a stream that breaks off, and its error."""
    events = []
    with pytest.raises(APIError) as caught:
        for event in face.iterate(face.client(base_url=url).chat.completions.create(model="m", messages=HELLO, stream=True)):
            events.append(event)
    return events, type(caught.value)


@pytest.mark.parametrize(
    "steps",
    [
        sse_reply([{"id": "c1", "choices": []}, Reset()]),
        [*sse_reply([{"id": "c1", "choices": []}], end=False), Close()],
        sse_reply([{"id": "c1", "choices": []}, Reset()], framing="length", end=False),
    ],
)
def test_what_breaks_off_breaks_off_again(face: SyncFace, file: Path, steps: Steps) -> None:
    """Whatever the service had sent comes, and no end."""
    with HostileServer([steps]) as service, running(record=file, upstream=service.url) as url:
        assert broken(face, url) == ([{"id": "c1", "choices": []}], StreamTruncated)
    with running(replay=file) as url:
        assert broken(face, url) == ([{"id": "c1", "choices": []}], StreamTruncated)


def test_a_request_goes_on_as_it_is(file: Path) -> None:
    """Path, query, headers and body; what is the connection's own is not handed on, either way."""
    answer = json_reply(
        {"ok": True}, 307, [("Location", "/x"), ("Set-Cookie", "id=12345678"), ("X-Own", "7"), ("Keep-Alive", "t")]
    )
    with (
        HostileServer([answer, answer]) as service,
        running(record=file, upstream=f"{service.url}/openai/v1/?api-version=2") as url,
    ):
        sent = {"Authorization": f"Bearer {KEY}", "X_Mine": "8", "Accept_Encoding": "gzip"}
        status, content, headers = by_hand(url, "PUT", "/a%2Fb/%C3%A9?x=1&y=%26", b"{}", **sent)
        by_hand(url, "GET", "/plain")
    first, second = service.requests
    assert (first.method, first.target) == ("PUT", "/openai/v1/a%2Fb/%C3%A9?api-version=2&x=1&y=%26")
    assert [first.header(name) for name in ("authorization", "x-mine", "host")] == [
        f"Bearer {KEY}",
        "8",
        urlsplit(service.url).netloc,
    ]
    assert first.header("accept-encoding") in (None, "identity")
    assert second.target == "/openai/v1/plain?api-version=2"
    assert (status, json.loads(content), headers["Location"], headers["Set-Cookie"]) == (307, {"ok": True}, "/x", "id=12345678")
    assert "Keep-Alive" not in headers
    line = lines(file)[0]
    assert (line["path"], line["query"], line["body"]) == ("/a%2Fb/%C3%A9", [["x", "1"], ["y", "&"]], {"json": {}})
    assert line["headers"] == [["Content-Type", "application/json"], ["Location", "/x"], ["X-Own", "7"]]
    assert "body" not in lines(file)[1]


def test_what_comes_compressed_is_written_plain(face: SyncFace, file: Path) -> None:
    """A service may compress whatever was asked for; the client and the file have what it says."""
    with HostileServer([json_reply({"id": "m"}, coding="gzip")]) as service, running(record=file, upstream=service.url) as url:
        assert face.wait(face.client(base_url=url).models.retrieve("m")) == {"id": "m"}
    assert lines(file)[0]["pieces"][0]["text"] == '{"id": "m"}'
    with running(replay=file) as url:
        assert face.wait(face.client(base_url=url).models.retrieve("m")) == {"id": "m"}


def unreached(face: SyncFace, file: Path, upstream: str) -> str:
    """What is said of a service that does not answer."""
    with running(record=file, upstream=upstream) as url, pytest.raises(InternalServerError) as caught:
        face.wait(face.client(base_url=url).models.list())
    assert (caught.value.status, caught.value.code) == (502, "upstream_error")
    return caught.value.message


def test_a_service_that_cannot_be_reached_is_an_error(face: SyncFace, file: Path) -> None:
    """502 in the API's form, and nothing is written."""
    with nobody() as upstream:
        assert unreached(face, file, upstream).endswith("no answer of the upstream: Connection refused")
    with HostileServer([[Bytes(b"no HTTP\r\n\r\n"), Close()]]) as service:
        assert unreached(face, file, service.url).endswith("no answer of the upstream: ClientResponseError")
    assert lines(file) == []


# --- No credential ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/models?a=1", {"Authorization": f"Bearer {KEY}"}),
        ("/models?a=1", {"api_key": KEY}),
        ("/models?a=1", {"X_Goog_Api_Key": KEY}),
        ("/models?a=1", {"Cookie": f"a=b; session={KEY}"}),
        (f"/models?a=1&key={KEY}", {}),
        (f"/models?a=1&API-KEY={KEY}", {}),
    ],
)
def test_no_credential_is_written(file: Path, path: str, headers: dict[str, str]) -> None:
    """Wherever it was sent, and wherever the service says it again: in pieces, in a header, in the path."""
    half = len(KEY) // 2
    said = f"no such key: {KEY}, and again {KEY}".encode()
    answer = reply(
        [said[:20], said[20 : 20 + half], said[20 + half :]], framing="chunked", headers=[("X-Key", KEY), ("Set-Cookie", KEY)]
    )
    with HostileServer([answer]) as service, running(record=file, upstream=service.url) as url:
        status, content, _ = by_hand(
            url, "POST", path.replace("/models", f"/models/{KEY}"), f'{{"k":"{KEY}"}}'.encode(), **headers
        )
        assert (status, content) == (200, said)
        assert KEY in service.requests[0].target
    text = file.read_text("utf-8")
    assert not [part for part in (KEY, KEY[half:], "session") if part in text]
    (line,) = lines(file)
    assert "".join(piece["text"] for piece in line["pieces"]) == "no such key: ***, and again ***"
    assert (line["path"], line["query"], line["body"]) == ("/models/***", [["a", "1"]], {"json": {"k": "***"}})
    with running(replay=file) as url:
        again = path.replace("/models", f"/models/{KEY}")
        assert by_hand(url, "POST", again, f'{{"k":"{KEY}"}}'.encode(), **headers)[:2] == (
            200,
            b"no such key: ***, and again ***",
        )


def test_a_credential_in_two_pieces_is_found() -> None:
    """Then the pieces are one; a short word is no credential."""
    pieces = [(0.5, b"it is sk-ne"), (0.1, b"ver-to-be-seen!")]
    found = without([KEY.encode()], Exchange("GET", "/", (), b"", 200, (), pieces))
    assert found.pieces == [(0.5, b"it is ***!")]


# --- The file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "held"),
    [
        (b"", None),
        (b'{"a": [1, 2.5, null]}', {"json": {"a": [1, 2.5, None]}}),
        (b"plain", {"text": "plain"}),
        (b"\xff\xfe", {"base64": base64.b64encode(b"\xff\xfe").decode()}),
        (b'{"a": NaN}', {"text": '{"a": NaN}'}),
        (b'"\\ud800"', {"text": '"\\ud800"'}),
        (b"[" * 500 + b"]" * 500, {"text": "[" * 500 + "]" * 500}),
    ],
)
def test_a_line_holds_what_was_there(body: bytes, held: Any) -> None:
    """A body is JSON where that is the same again, else text or base64; a line that is read is the exchange."""
    sent = Exchange("POST", "/x", (("a", "é"),), body, 201, (("X-A", "b"),), [(0.25, b"a\xc3\xa9"), (1.0, b"\xff")], cut=True)
    line = json.loads(written(sent))
    assert line.get("body") == held
    assert line["pieces"] == [{"after": 0.25, "text": "aé"}, {"after": 1.0, "base64": "/w=="}]
    again = read(written(sent), "here")
    assert again._replace(body=b"") == sent._replace(body=b"")
    assert again.content == sent.content or b"NaN" in body


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        "{}",
        '{"method": "GET", "path": "/", "status": 200}',
        '{"method": "GET", "path": "/", "status": "good", "pieces": []}',
        '{"method": "GET", "path": "/", "status": 200, "pieces": [1]}',
        '{"method": "GET", "path": "/", "status": 200, "pieces": [{"base64": "?"}]}',
        '{"method": "GET", "path": "/", "status": 200, "pieces": [], "headers": [["a"]]}',
    ],
)
def test_a_line_that_is_none_is_refused(file: Path, line: str) -> None:
    """With the file and the number of the line; a blank one is passed over."""
    good = '{"method": "GET", "path": "/", "status": 200, "pieces": []}'
    file.write_text(f"{good}\n\n{line}\n")
    with pytest.raises(ConfigError, match=r"exchanges\.jsonl:3: no recorded exchange"), running(replay=file):
        pytest.fail("a server without a whole file")


def test_settings_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    """And files and addresses that are none, before anything listens."""
    here, nowhere = tmp_path / "file", tmp_path / "none" / "file"
    address = "http://127.0.0.1:9/v1"
    for says, settings in {
        "record and upstream: wanted both": Settings(record=here),
        "upstream: wanted both": Settings(upstream=address),
        "record: it does not go with replay and faults and key": Settings("k", 0, ["429"], 0, here, address, here),
        "upstream: 'ftp://x', wanted http": Settings(record=here, upstream="ftp://x"),
        f"record: {nowhere}: No such file": Settings(record=nowhere, upstream=address),
        f"replay: {nowhere}: No such file": Settings(replay=nowhere),
    }.items():
        with pytest.raises(ConfigError, match=says), running(**settings._asdict()):
            pytest.fail("a server with wrong settings")


def test_the_command_takes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And passes them on as they are; what is wrong is told in one line."""
    found: list[Settings] = []
    monkeypatch.setattr("oai_dyn.command.serving.serve", lambda port, settings, announce: found.append(settings))
    assert main(["serve", "--record", "f", "--upstream", "http://h/v1", "--delay", "0.5"]) == 0
    assert main(["serve", "--replay", "f", "--key", "k", "--fault", "429:0.5", "--fault", "reset", "--seed", "7"]) == 0
    assert found == [
        Settings(None, 0.5, [], 0, "f", "http://h/v1", None),
        Settings("k", 0.0, ["429:0.5", "reset"], 7, None, None, "f"),
    ]
    monkeypatch.undo()
    assert main(["serve", "--port", "0", "--replay", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"oai-dyn: serve: replay: {tmp_path / 'none'}: No such file or directory\n"


# --- Replaying ----------------------------------------------------------------------------------------------


@pytest.fixture
def url(file: Path) -> Iterator[str]:
    """A replay of a few exchanges."""
    said = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 1, "stop": ["a", "b"]}
    exchanges: list[dict[str, Any]] = [
        {"method": "POST", "path": "/chat/completions", "body": {"json": said}},
        {"method": "POST", "path": "/chat/completions", "body": {"json": {"model": "other"}}},
        {"method": "GET", "path": "/files", "query": [["limit", "2"], ["after", "a"]]},
        {"method": "PUT", "path": "/blob", "body": {"base64": "//4="}},
        {"method": "GET", "path": "/slow", "headers": [["Content-Type", "text/event-stream"]]},
    ]
    text = "".join(json.dumps({**one, "status": 200, "pieces": [{"text": "{}"}]}) + "\n" for one in exchanges)
    file.write_text(text)
    with running(replay=file) as url:
        yield url


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            "/chat/completions",
            b'{"n":1.0,"stop":["a","b"],"messages":[{"content":"h\\u0069","role":"user"}],\n"model":"m"}',
        ),
        ("GET", "/files?after=a&limit=2", None),
        ("GET", "/files?limit=2&after=a&key=sk-anything", None),
        ("PUT", "/blob", b"\xff\xfe"),
    ],
)
def test_the_same_request_is_known(url: str, method: str, path: str, body: bytes | None) -> None:
    """However its JSON is written and its query ordered, whatever key it has."""
    assert by_hand(url, method, path, body)[:2] == (200, b"{}")


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("GET", "/file", None, "no recorded exchange for GET /file; near it are GET /files, "),
        (
            "GET",
            "/files?limit=3",
            None,
            "the nearest differs: query.limit: was '3', recorded '2'; query.after: was nothing, recorded 'a'",
        ),
        ("POST", "/chat/completions", b'{"model":"others"}', "the nearest differs: body.model: was 'others', recorded 'other'"),
        ("POST", "/chat/completions", b"[]", "the nearest differs: body: was [], recorded {'model': 'm', 'messages': [{'role': "),
        (
            "POST",
            "/chat/completions",
            b'{"model":"m","messages":[{"role":"user","content":"ho"}],"n":true,"stop":["a","b","c"]}',
            "the nearest differs: body.messages[0].content: was 'ho', recorded 'hi'; body.n: was True, recorded 1; "
            "body.stop[2]: was 'c', recorded nothing",
        ),
        (
            "POST",
            "/chat/completions",
            b'{"model":"x","messages":[],"n":2,"stop":[]}',
            "the nearest differs: body.model: was 'x', recorded 'other'; body.messages: was [], recorded nothing; "
            "body.n: was 2, recorded nothing; ...",
        ),
        ("PUT", "/blob", b"\xff", "the nearest differs: body: was 1 bytes, recorded 2 bytes"),
        ("PUT", "/blob", b'"' + b"x" * 99 + b'"', "body: was 'xxxx"),
    ],
)
def test_an_unknown_request_is_refused(url: str, method: str, path: str, body: bytes | None, says: str) -> None:
    """404 in the API's form, with what comes nearest and where it differs."""
    assert says in message(url, method, path, body)


def test_an_unknown_request_of_an_empty_file_is_refused(file: Path) -> None:
    """There is nothing near it."""
    file.write_bytes(b"")
    with running(replay=file) as url:
        assert message(url, "GET", "/models") == "no recorded exchange for GET /models; the file is empty"


def test_a_body_without_end_is_refused(url: str) -> None:
    """JSON deeper than Python goes is not compared as JSON, and is no matter."""
    deep = b"[" * 900 + b"]" * 900
    assert "the nearest differs" in message(url, "POST", "/chat/completions", deep)


def test_a_client_is_told_what_is_not_recorded(url: str, face: SyncFace) -> None:
    """As of any other 404."""
    with pytest.raises(NotFoundError, match="no recorded exchange for GET /models; near it are"):
        face.wait(face.client(base_url=url).models.list())


def test_a_replay_may_ask_for_a_key(url: str, file: Path) -> None:
    """As the server does that answers from the table."""
    assert by_hand(url, "GET", "/files?limit=2&after=a")[0] == 200
    with running(replay=file, key="right") as guarded:
        assert by_hand(guarded, "GET", "/files?limit=2&after=a", Authorization="Bearer wrong")[0] == 401
        assert by_hand(guarded, "GET", "/files?limit=2&after=a", Authorization="Bearer right")[0] == 200


def test_a_replay_may_fail(file: Path, face: SyncFace) -> None:
    """Faults meet recorded answers as they meet made ones."""
    with running() as upstream, running(record=file, upstream=upstream) as url:
        whole = list(face.iterate(face.client(base_url=url).chat.completions.create(model="m", messages=HELLO, stream=True)))
    with running(replay=file, faults=["truncate"]) as url:
        events, kind = broken(face, url)
    assert kind is StreamTruncated
    assert 0 < len(events) < len(whole)
    assert events == whole[: len(events)]
    with running(replay=file, faults=["reset"]) as url, pytest.raises(APIConnectionError):
        face.wait(face.client(base_url=url).chat.completions.create(model="m", messages=HELLO, stream=True))


def test_a_replay_keeps_to_the_delay(file: Path, face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each piece of a stream, and not as long as it once took."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    events = [{"after": 9.0, "text": f"data: {json.dumps({'id': f'c{i}'})}\n\n"} for i in range(3)]
    whole: dict[str, Any] = {
        "method": "GET",
        "path": "/models",
        "status": 200,
        "pieces": [{"after": 9.0, "text": '{"data": []}'}],
    }
    stream = {
        **whole,
        "method": "POST",
        "path": "/s",
        "body": {"json": {"stream": True}},
        "headers": [["content-type", "text/event-stream"]],
        "pieces": [*events, {"text": "data: [DONE]\n\n"}],
    }
    file.write_text(f"{json.dumps(whole)}\n{json.dumps(stream)}\n")
    monkeypatch.setattr("oai_dyn.server.sending.asyncio", type("Loop", (), {"sleep": staticmethod(sleep)}))
    with running(replay=file, delay=0.125) as url:
        client = face.client(base_url=url)
        assert face.wait(client.models.list()).data == []
        assert [event.id for event in face.iterate(client.request("POST", "/s", {"stream": True}))] == ["c0", "c1", "c2"]
    assert waits == [0.125] * 4
