"""Promise 8: an id cannot move a request, and both backends send the same bytes.

What a value becomes on the wire is data, in `vectors/paths.json`; whatever text Hypothesis finds must be refused
before anything is sent, or arrive as exactly one segment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply, reply
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_dyn import ValidationError

VECTORS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "vectors" / "paths.json").read_text())

#: What a request line may hold (RFC 9112, section 3.2): anything else is up to the reader.
_PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-F]{2})"
TARGET = re.compile(rf"(?:/{_PCHAR}*)+(?:\?(?:{_PCHAR}|[/?])*)?")


class Call(Protocol):
    """A call of a client with one value."""

    def __call__(self, client: Any, value: Any) -> Any: ...


#: Rows with one path parameter, with two, and with text behind it.
ROWS: dict[str, tuple[Call, str]] = {
    "last": (lambda client, value: client.files.retrieve(value), "/v1/files/{}"),
    "middle": (lambda client, value: client.batches.cancel(value), "/v1/batches/{}/cancel"),
    "keyword": (lambda client, value: client.files.retrieve(file_id=value), "/v1/files/{}"),
    "second of two": (
        lambda client, value: client.vector_stores.files.retrieve(value, vector_store_id="v"),
        "/v1/vector_stores/v/files/{}",
    ),
    "first of two": (
        lambda client, value: client.vector_stores.files.retrieve("f", vector_store_id=value),
        "/v1/vector_stores/{}/files/f",
    ),
    "post": (lambda client, value: client.responses.cancel(value), "/v1/responses/{}/cancel"),
}


def listening() -> HostileServer:
    """A server that answers everything."""
    return HostileServer([json_reply({"id": "x"})], after="repeat")


def targets(server: HostileServer) -> list[str]:
    """The request targets as they stood on the wire, every one of them well-formed."""
    found = [request.lines[0].split(b" ")[1].decode("ascii") for request in server.requests]
    assert [target for target in found if not TARGET.fullmatch(target)] == []
    return found


def ask(face: SyncFace, server: HostileServer, call: Callable[[Any], Any]) -> str | ValidationError:
    """Make a call; the target it had on the wire, or what refused it before anything was sent."""
    before = len(server.requests)
    client = face.client(base_url=f"{server.url}/v1")
    try:
        face.wait(call(client))
    except ValidationError as error:
        assert len(server.requests) == before
        return error
    assert len(server.requests) == before + 1
    return targets(server)[-1]


def outcomes(face: SyncFace, server: HostileServer, vectors: list[dict[str, Any]], key: str, call: Call) -> list[Any]:
    """Each vector beside its target on the wire, or what refused it."""
    return [(vector, ask(face, server, partial(call, value=vector[key]))) for vector in vectors]


def wrong(face: SyncFace, vectors: str, key: str, call: Call, expected: Callable[[dict[str, Any]], str]) -> list[Any]:
    """The vectors whose target is not the expected one, beside what was found."""
    with listening() as server:
        found = outcomes(face, server, VECTORS[vectors], key, call)
    return [(target, expected(vector), vector) for vector, target in found if target != expected(vector)]


def accepted(face: SyncFace, vectors: list[dict[str, Any]], key: str, call: Call, name: str) -> list[Any]:
    """The vectors that were not refused, or without naming the place."""
    with listening() as server:
        found = outcomes(face, server, vectors, key, call)
    assert server.accepted == len(server.requests)
    return [
        (vector, error)
        for vector, error in found
        if isinstance(error, str) or name not in str(error) or not str(error).isprintable()
    ]


@pytest.mark.parametrize("row", ROWS)
def test_every_value_is_one_segment(face: SyncFace, row: str) -> None:
    """Each vector arrives as the segment it must be, byte for byte, wherever in the path it stands."""
    call, template = ROWS[row]
    assert wrong(face, "values", "value", call, lambda vector: template.format(vector["segment"])) == []


@pytest.mark.parametrize("row", ROWS)
def test_what_no_encoding_makes_safe_is_refused(face: SyncFace, row: str) -> None:
    """Before a connection is made, with the name of the parameter."""
    name = {"middle": "batch_id", "first of two": "vector_store_id", "post": "response_id"}.get(row, "file_id")
    by_keyword = row in ("keyword", "first of two")  # by position, an object is the query
    vectors = [vector for vector in VECTORS["refused"] if by_keyword or not isinstance(vector["value"], list | dict)]
    assert accepted(face, vectors, "value", ROWS[row][0], name) == []


def test_paths_of_the_users_own(face: SyncFace) -> None:
    """`client.request` sends its path as it stands, encoded where it must be, below the base URL."""
    assert (
        wrong(face, "paths", "path", lambda client, value: client.request("GET", value), lambda vector: str(vector["target"]))
        == []
    )


def test_paths_that_could_be_read_otherwise_are_refused(face: SyncFace) -> None:
    """Dot segments in any spelling, other addresses, and what libraries disagree on."""
    assert accepted(face, VECTORS["refused_paths"], "path", lambda client, value: client.request("GET", value), "path") == []


@pytest.mark.parametrize("method", ["", "GET /x HTTP/1.1\r\nX:", "G T", "GET\n", "G\u00c9T", "G3T", None, 5])
def test_a_method_is_a_word(face: SyncFace, method: Any) -> None:
    """Nothing but letters stands at the head of a request line."""
    with listening() as server:
        assert isinstance(ask(face, server, lambda client: client.request(method, "/x")), ValidationError)
    assert server.accepted == 0


def test_redirect_targets(face: SyncFace) -> None:
    """A Location is the server's spelling; both backends ask for the same bytes."""
    found = {}
    for vector in VECTORS["redirects"]:
        with HostileServer([reply([b""], status=307, headers=[("Location", vector["location"])]), json_reply({})]) as server:
            face.wait(face.client(base_url=f"{server.url}/v1").request("GET", "/x"))
        found[vector["location"]] = server.requests[1].target
    assert found == {vector["location"]: vector["target"] for vector in VECTORS["redirects"]}


@pytest.mark.parametrize("base", ["/v1", "/a%2fb/v1", "/~x", "/a:b@c", "/p/", ""])
def test_the_path_of_a_base_url(face: SyncFace, base: str) -> None:
    """It stays as it is, with its encoding in capitals, and paths go behind it."""
    with listening() as server:
        face.wait(face.client(base_url=server.url + base).models.retrieve("m"))
    assert targets(server) == [base.rstrip("/").replace("%2f", "%2F") + "/models/m"]


QUERIES: dict[str, Call] = {
    "keyword": lambda client, value: client.files.list(purpose=value),
    "object": lambda client, value: client.files.list({"purpose": value}),
    "extra_query": lambda client, value: client.files.list(extra_query={"purpose": value}),
    "request": lambda client, value: client.request("GET", "/files", extra_query={"purpose": value}),
}


@pytest.mark.parametrize("way", QUERIES)
def test_query_values(face: SyncFace, way: str) -> None:
    """Each vector is percent-encoded the same by both, and reads back as itself."""
    assert wrong(face, "queries", "value", QUERIES[way], lambda vector: f"/v1/files?purpose={vector['encoded']}") == []


@pytest.mark.parametrize("way", QUERIES)
def test_queries_that_cannot_be_sent_are_refused(face: SyncFace, way: str) -> None:
    """With the name of the parameter, before anything is sent."""
    assert accepted(face, VECTORS["refused_queries"], "value", QUERIES[way], "purpose") == []


@pytest.mark.parametrize("name", ["a b", "a&b", "a=b", "a#b", "\u00e9", "a[b]", "?"])
def test_query_names(face: SyncFace, name: str) -> None:
    """A name is encoded like a value; one that UTF-8 cannot hold is refused."""
    with listening() as server:
        found = ask(face, server, lambda client: client.request("GET", "/x", extra_query={name: "v"}))
        assert isinstance(found, str)
        assert parse_qsl(found.partition("?")[2]) == [(name, "v")]
        bad = ask(face, server, lambda client: client.request("GET", "/x", extra_query={name + "\ud800": "v"}))
        assert isinstance(bad, ValidationError)


#: Text in which what moves requests is likelier than chance has it.
PIECES = st.sampled_from(
    ["..", ".", "/", "\\", "%", "%2e", "%2F", "%5c", ";", "?", "#", "@", ":", "//", "\r\n", "\t", "\0", "\ud800", "é", " "]
)
TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=12)
VALUES = TEXT | st.lists(PIECES | TEXT, max_size=6).map("".join)


def test_any_text_is_refused_or_one_segment(face: SyncFace) -> None:
    """Whatever the text: no request, or one whose path has as many segments as the row's and gives the text back."""
    with listening() as server:
        client = face.client(base_url=f"{server.url}/v1")

        @settings(max_examples=150, deadline=None)
        @given(VALUES, VALUES)
        def check(first: str, second: str) -> None:
            sent = len(server.requests)
            try:
                face.wait(client.vector_stores.files.retrieve(second, vector_store_id=first))
            except ValidationError:
                assert len(server.requests) == sent
                assert any(
                    value in ("", ".", "..") or re.search("[\x00-\x1f\x7f\ud800-\udfff]", value) for value in (first, second)
                )
                return
            target = server.requests.pop().lines[0].split(b" ")[1].decode("ascii")
            assert TARGET.fullmatch(target)
            assert "?" not in target
            start, stores, one, files, two = target.split("/")[1:]
            assert (start, stores, files) == ("v1", "vector_stores", "files")
            assert (unquote(one, errors="strict"), unquote(two, errors="strict")) == (first, second)
            assert all(unquote(segment).partition(";")[0] not in (".", "..") or ";" not in segment for segment in (one, two))

        check()


def test_any_path_and_query_stay_below_the_base_url(face: SyncFace) -> None:
    """Whatever is given to `client.request`: refused, or a target below the base URL that no reader normalises away."""
    with listening() as server:
        client = face.client(base_url=f"{server.url}/v1")

        @settings(max_examples=150, deadline=None)
        @given(VALUES.map(lambda text: "/" + text), VALUES)
        def check(path: str, value: str) -> None:
            sent = len(server.requests)
            try:
                face.wait(client.request("GET", path, extra_query={"q": value}))
            except ValidationError:
                assert len(server.requests) == sent
                return
            target = server.requests.pop().lines[0].split(b" ")[1].decode("ascii")
            assert TARGET.fullmatch(target)
            found, _, query = target.partition("?")
            assert found.startswith("/v1/")
            assert not {".", ".."} & {unquote(segment) for segment in found.split("/")}
            assert ("q", value) in parse_qsl(query, keep_blank_values=True, errors="strict")

        check()


def test_the_bytes_are_the_same_through_a_proxy(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The absolute form of a target is not normalised either: no value loses its end, no path its dots."""
    with listening() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        client = face.client(base_url="http://api.example/v1")
        for vector in VECTORS["values"]:
            face.wait(client.files.retrieve(vector["value"]))
        for vector in VECTORS["paths"]:
            face.wait(client.request("GET", vector["path"]))
    expected = [f"/v1/files/{vector['segment']}" for vector in VECTORS["values"]] + [
        vector["target"] for vector in VECTORS["paths"]
    ]
    found = [request.target.removeprefix("http://api.example") for request in proxy.requests]
    assert [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]] == []
