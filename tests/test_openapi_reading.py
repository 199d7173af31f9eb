"""Documents as they are read: from a file, a server or a dict, JSON or YAML, and what is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import HostileServer, json_reply, nobody, reply

from oai_dyn import ConfigError
from oai_dyn.openapi import BOUNDS, Bounds, load

DOCUMENT: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}

SMALL = Bounds(size=2000, yaml=1000, nodes=200, depth=8, wait=5.0)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Write a file and give its path."""

    def write(content: str | bytes, name: str = "document.json") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refused(source: Any, bounds: Bounds = BOUNDS) -> str:
    """What is said of a document that is not taken."""
    with pytest.raises(ConfigError) as caught:
        load(source, bounds)
    return str(caught.value)


# --- Where it comes from ------------------------------------------------------------------------------------


def test_a_file_of_json(file: Callable[..., Path]) -> None:
    """JSON is read whatever the file is called, by path or by text, with a byte order mark too."""
    text = json.dumps(DOCUMENT)
    assert (
        load(file(text))
        == load(str(file(text, "noname")))
        == load(file(b"\xef\xbb\xbf \n" + text.encode(), "d.yaml"))
        == DOCUMENT
    )


def test_a_file_of_yaml(file: Callable[..., Path]) -> None:
    """YAML is read, with statuses as text and an unquoted version."""
    text = "openapi: 3.1\npaths:\n  /x:\n    get:\n      responses:\n        200: {description: ok}\n"
    assert load(file(text, "d.yaml")) == {
        "openapi": "3.1",
        "paths": {"/x": {"get": {"responses": {"200": {"description": "ok"}}}}},
    }


def test_a_dict_is_taken_and_not_changed() -> None:
    """A dict is its own document; what comes back is another dict."""
    given = dict(DOCUMENT)
    assert load(given) == given
    assert load(given) is not given


def test_a_url_of_a_document() -> None:
    """A document is fetched without any key, once, and its servers are absolute afterwards."""
    with HostileServer(
        [json_reply({**DOCUMENT, "servers": [{"url": "/v1"}, {"url": "https://other.test/v2"}, {"no": 1}, 7]})]
    ) as server:
        found = load(f"{server.url}/docs/openapi.json?token=1#part")
    assert found["servers"] == [{"url": f"{server.url}/v1"}, {"url": "https://other.test/v2"}, {"no": 1}, 7]
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/docs/openapi.json?token=1")
    assert request.header("authorization") is None


@pytest.mark.parametrize("path", ["", "/"])
def test_a_servers_address(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's address alone leads to /openapi.json; a key in the environment is not sent; no servers means this one."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with HostileServer([json_reply(DOCUMENT)]) as server:
        found = load(server.url + path)
    assert found["servers"] == [{"url": f"{server.url}/"}]
    assert server.requests[0].target == "/openapi.json"
    assert server.requests[0].header("authorization") is None


MISSING, PAGE = reply([b"no"], status=404), reply([b" <html>"], headers=[("Content-Type", "text/html")])


@pytest.mark.parametrize(
    ("path", "answers", "asked"),
    [
        ("/v1", [MISSING, json_reply(DOCUMENT)], ["/v1?k=1", "/v1/openapi.json?k=1"]),
        ("/v1/", [MISSING, MISSING, json_reply(DOCUMENT)], ["/v1/?k=1", "/v1/openapi.json?k=1", "/openapi.json?k=1"]),
        ("/docs", [PAGE, MISSING, json_reply(DOCUMENT)], ["/docs?k=1", "/docs/openapi.json?k=1", "/openapi.json?k=1"]),
        ("/schema", [json_reply(DOCUMENT)], ["/schema?k=1"]),
    ],
)
def test_an_address_near_the_document(path: str, answers: list[Any], asked: list[str]) -> None:
    """A base URL and a page of documentation lead to the document; what has none is the server that it came from."""
    with HostileServer(answers) as server:
        found = load(f"{server.url}{path}?k=1")
    assert found["servers"] == [{"url": f"{server.url}/"}]
    assert [request.target for request in server.requests] == asked


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([MISSING, PAGE, MISSING], "URL/v1: no OpenAPI document, nor is one at URL/v1/openapi.json or URL/openapi.json"),
        ([MISSING, reply([b"no"], status=403)], "URL/v1/openapi.json: HTTP 403: no"),
        ([reply([b"no"], status=403)], "URL/v1: HTTP 403: no"),
    ],
)
def test_an_address_near_no_document(answers: list[Any], why: str) -> None:
    """All places are named; any other error than that it is not there is told as it is."""
    with HostileServer(answers) as server:
        assert refused(f"{server.url}/v1") == why.replace("URL", server.url)


def test_a_url_of_yaml() -> None:
    """A server may answer with YAML, whatever it calls that; servers of a wrong type stay as they are."""
    with HostileServer([reply([b"openapi: 3.0.3\nservers: none\n"], headers=[("Content-Type", "text/plain")])]) as server:
        assert load(f"{server.url}/openapi.yaml") == {"openapi": "3.0.3", "servers": "none"}


def test_a_servers_url_that_cannot_be_joined() -> None:
    """An address that no address can be made of is left to be noted later."""
    with HostileServer([json_reply({**DOCUMENT, "servers": [{"url": "http://[::1"}]})]) as server:
        assert load(server.url)["servers"] == [{"url": "http://[::1"}]


# --- What is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (reply([b"no"], status=404), "HTTP 404"),
        (json_reply([1]), "of type list, wanted an OpenAPI document"),
        (json_reply({"swagger": "2.0"}), "swagger: '2.0', wanted openapi: 3.0 or 3.1"),
        (reply([b"x" * 3000]), "passes the limit of 2000 bytes"),
        (reply([b"<!doctype html><html></html>"], headers=[("Content-Type", "text/html")]), "wanted an OpenAPI document"),
    ],
)
def test_what_a_server_may_answer_instead(answer: Any, why: str) -> None:
    """An error, another document, too much: each is a ConfigError with the URL, without its query."""
    with HostileServer([answer]) as server:
        said = refused(f"{server.url}/x.json?token=secret", SMALL)
    assert said.startswith(f"{server.url}/x.json: ")
    assert why in said
    assert "secret" not in said


def test_nobody_listens() -> None:
    """A server that is not there is a ConfigError that says so."""
    with nobody() as url:
        assert "refused" in refused(f"{url}/openapi.json").lower()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (7, "document: of type int, wanted a path, a URL or a dict"),
        ("http://user:secret@host/x.json", "document: its URL holds a user name or password"),
        ("http://[::1", "document: Invalid IPv6 URL"),
        ("https:///x.json", "https:///x.json: base_url: 'https://', wanted http:// or https:// with a host"),
        ("http://host/a/../b", "dot segment"),
        ("nowhere.json", "nowhere.json: No such file or directory"),
        ("no\0where", "null"),
        ({}, "document: openapi: None, wanted openapi: 3.0 or 3.1"),
        ({"openapi": "4.0.0"}, "document: openapi: '4.0.0', wanted"),
        ({"openapi": True}, "document: openapi: True, wanted"),
        ({"openapi": "3.1" + "0" * 99}, "wanted openapi: 3.0 or 3.1"),
        ({**DOCUMENT, "x": {"a": [float("nan")]}}, "document: x.a[0]: nan, which no JSON can hold"),
        ({**DOCUMENT, "x": {1: 2}}, "document: x: a key of type int, wanted text"),
        ({**DOCUMENT, "x": {"\ud800": 2}}, "document: x: a lone surrogate, wanted text that UTF-8 can hold"),
        ({**DOCUMENT, "x": {"k": "\ud800"}}, "document: x.k: a lone surrogate, wanted text that UTF-8 can hold"),
        ({**DOCUMENT, "x": {"k": b"1"}}, "document: x.k: of type bytes, wanted JSON"),
    ],
)  # fmt: skip
def test_what_is_no_document(source: Any, why: str) -> None:
    """Each is refused with its place, and no secret is quoted."""
    said = refused(source)
    assert why in said
    assert "secret" not in said


def deep(levels: int) -> Any:
    """A list in a list in a list."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def test_too_deep() -> None:
    """A document that is nested too deep, or in a circle, is refused with the start of the place."""
    assert "document: x[0][0][0][0][0][0][0]: nested deeper than 8 levels, or in a circle" in refused(
        {**DOCUMENT, "x": deep(20)}, SMALL
    )
    circle: dict[str, Any] = dict(DOCUMENT)
    circle["again"] = circle
    assert "again.again.again" in refused(circle)


def test_too_much() -> None:
    """Too many values, too much text, a list that is too long: refused before all of it is looked at."""
    assert "more than 200 values or 2000 characters" in refused({**DOCUMENT, "x": [[0] * 90] * 3}, SMALL)
    assert "more than 200 values or 2000 characters" in refused({**DOCUMENT, "x": "y" * 2001}, SMALL)
    assert "document: x: it holds 300 values, more than the 200 that are read" in refused({**DOCUMENT, "x": [0] * 300}, SMALL)


def test_too_long_a_file(file: Callable[..., Path]) -> None:
    """A file is not read beyond the bound; YAML, which is slow, has a lower one."""
    assert "longer than the 2000 bytes" in refused(file(" " * 2001), SMALL)
    assert "longer than the 1000 bytes that are read of YAML; JSON may have 2000" in refused(
        file("a: " + "b" * 1500, "d.yaml"), SMALL
    )


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"openapi": ', b"[" * 100000, b"a: b: c", b"\x00", b""])
def test_what_cannot_be_read(file: Callable[..., Path], content: bytes) -> None:
    """Bytes that are neither JSON nor YAML, in one line, with the file's name."""
    path = file(content)
    said = refused(path)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
