"""Promise 12: sync and async are one behaviour. Names, bytes on the wire, results, errors and notices are the same.

On the wire nothing differs but the order of headers (aiohttp writes Host first and its own last) and the random
boundary of a multipart body. What the two HTTP parsers take differently is listed, with the reason, in LENIENT.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from faces import FACES, SyncFace
from hostile import Bytes, Close, HostileServer, Reset, Stall, Steps, Wait, cut, head, json_reply, nobody, reply, sse_reply
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import close

import oai_dyn
from oai_dyn import APIError, AsyncClient, Client, Limits, Notice, OaiDynError, Reply, Timeout, ValidationError

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

Use = Callable[[SyncFace, Any], Any]


# Names ------------------------------------------------------------------------------------------------------------------

PAIRS = [("Client", "AsyncClient"), ("Stream", "AsyncStream"), ("Binary", "AsyncBinary"), ("Page", "AsyncPage")]
TWINS = {"__iter__": "__aiter__", "__next__": "__anext__", "__enter__": "__aenter__", "__exit__": "__aexit__"}


def public(cls: type) -> dict[str, Any]:
    """The public members of a class."""
    return {name: inspect.getattr_static(cls, name) for name in dir(cls) if not name.startswith("_")}


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_the_classes_have_the_same_members(plain: str, awaited: str) -> None:
    """The same public names, of the same kind, with the same parameters."""
    left, right = getattr(oai_dyn, plain), getattr(oai_dyn, awaited)
    assert public(left).keys() == public(right).keys()
    for name, member in public(left).items():
        other = public(right)[name]
        assert type(other) is type(member), name
        if inspect.isfunction(member):
            assert parameters(other) == parameters(member), name


def parameters(function: Any) -> list[Any]:
    """Names, kinds and defaults."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_the_classes_have_twin_protocols(plain: str, awaited: str) -> None:
    """What iterates or is a context manager on one face does so on the other."""
    left, right = getattr(oai_dyn, plain), getattr(oai_dyn, awaited)
    own = {name for cls in left.__mro__ for name in vars(cls) if cls not in (object, dict)}
    for name, twin in TWINS.items():
        assert (name in own) == hasattr(right, twin), name


def test_the_constructors_are_the_same() -> None:
    """Every setting exists on both, and in the documentation of both."""
    assert parameters(Client.__init__) == parameters(AsyncClient.__init__)
    assert Client.__doc__ == AsyncClient.__doc__


@pytest.mark.parametrize("name", ["", "chat", "chat.completions", "files", "files.content", "admin.organization"])
def test_the_names_below_a_client_are_the_same(name: str) -> None:
    """Tab completion, signatures and help of every row."""
    found = []
    for face_class in FACES.values():
        with face_class() as face:
            client = face.client(base_url="http://127.0.0.1:1")
            at = client
            for part in name.split(".") if name else ():
                at = getattr(at, part)
            is_row = name in client.routes.names
            doc = inspect.getdoc(at) if name else ""
            found.append((dir(at)[-30:], doc, str(inspect.signature(at)) if is_row else "", repr(at).replace("Async", "")))
    assert found[0] == found[1]


# The wire ---------------------------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """What a call came to: the requests as they were sent, the result, and what the hook was told."""

    requests: list[Any]
    value: Any
    notices: list[Any]


def request_lines(request: Any) -> Any:
    """A request without what may differ: the order of its headers, the port, the boundary."""
    boundary = re.search(rb"boundary=(\w+)", b"\n".join(request.lines))

    def same(data: bytes) -> bytes:
        return data.replace(boundary.group(1), b"BOUNDARY") if boundary else data

    lines = sorted(re.sub(rb"(?i)^(host: 127\.0\.0\.1):\d+$", rb"\1", line) for line in request.lines[1:])
    return request.lines[0], [same(line) for line in lines], same(request.body)


def plain(value: Any) -> Any:
    """A result or an error as data that compares; how long things took, and at which port, is left out."""
    if isinstance(value, APIError):
        message = re.sub(r"(//127\.0\.0\.1):\d+", r"\1", value.message)
        members = ("status", "body", "code", "type", "param", "request_id", "sent", "received", "data")
        attempts = [attempt._replace(elapsed=0, wait=None) for attempt in value.attempts]
        return type(value), message, [getattr(value, name, None) for name in members], dict(value.headers), attempts
    if isinstance(value, OaiDynError):
        return type(value), str(value)
    if isinstance(value, Reply):
        attempts = [attempt._replace(elapsed=0, wait=None) for attempt in value.attempts]
        return value.status, dict(value.headers), value.body, value.data, attempts
    return type(value).__name__.removeprefix("Async"), value


def seen(name: str, script: Any, use: Use, **given: Any) -> Seen:
    """Play a script to a use of one face's client."""
    notices: list[Notice] = []
    with HostileServer(script) as server, FACES[name]() as face:
        client = face.client(**{"base_url": f"{server.url}/v1", "hook": notices.append, "timeout": 5, **given})
        try:
            value = use(face, client)
        except OaiDynError as error:
            value = error
        close(face, client)
    return Seen([request_lines(request) for request in server.requests], plain(value), [told(notice) for notice in notices])


def told(notice: Notice) -> Any:
    """A notice as data that compares."""
    plan = notice.plan
    headers = {name: value.partition("; boundary")[0] for name, value in plan.headers.items()}
    status = notice.reply and notice.reply.status
    return notice.kind, notice.attempt, notice.error, plan.url.partition("/v1")[2], plan.method, headers, status


def both(script: Any, use: Use, **given: Any) -> Seen:
    """The same on both faces; fails where they differ."""
    left, right = (seen(name, script, use, **given) for name in FACES)
    assert left.requests == right.requests
    assert left.value == right.value
    assert left.notices == right.notices
    return left


def call(name: str, *arguments: Any, **keywords: Any) -> Use:
    """The use that makes one call by name."""
    return lambda face, client: face.wait(client.call(name, *arguments, **keywords))


def request(*arguments: Any, **keywords: Any) -> Use:
    """The use that makes one request without a row."""
    return lambda face, client: face.wait(client.request(*arguments, **keywords))


def streamed(name: str, *arguments: Any, **keywords: Any) -> Use:
    """The use that takes every event of a call."""
    return lambda face, client: list(face.iterate(client.call(name, *arguments, **keywords)))


BODYLESS = [(method, None) for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")]
BODIES = [(method, body) for method in ("GET", "POST", "PUT", "PATCH", "DELETE") for body in ({}, {"a": [1, None, "é"]})]

SENT: dict[str, Use] = {
    **{f"{method} {body}": request(method, "/x", body) for method, body in BODYLESS + BODIES},
    "keywords": call("chat.completions.create", model="m", messages=[{"role": "user", "content": "é\N{SNOWMAN}\0"}], n=None),
    "object": call("chat.completions.create", CHAT, temperature=0.5, extra_body={"x": {"y": 1}}, extra_query={"q": "a b+c"}),
    "query": call("files.list", limit=3, order="asc", extra_query={"deep": {"a": [1, True, None]}}),
    "path": call("vector_stores.files.retrieve", "a/b c%é", vector_store_id="vs:1"),
    "no body": call("batches.cancel", "b"),
    "delete": call("files.delete", "f"),
    "beta": call("beta.assistants.list"),
    "admin": call("admin.organization.projects.list"),
    "multipart": call("files.create", file=("a \"é.txt", b"content", "text/plain"), purpose="x", expires_after={"seconds": 1}),
    "multipart of a stream": call("files.create", file=io.BytesIO(b"x" * 200_000), purpose="batch"),
    "several files": call("images.edit", image=[b"1", b"2"], prompt="p", model="m"),
    "binary": call("files.content", "f", into=bytes),
    "text": call("files.retrieve_content", "f"),
    "idempotency key": call("responses.create", model="m", idempotency_key="key-1"),
    "headers": call("models.list", extra_headers={"X-One": "1", "x-two": "2", "ACCEPT": "text/plain", "X-N": 5}),
    "header taken away": call("responses.create", CHAT, extra_headers=dict.fromkeys(("Accept", "User-Agent", "Accept-Encoding"))),
    "content type taken away": call("responses.create", model="m", extra_headers={"content-type": None}),
    "content type": call("responses.create", model="m", extra_headers={"content-type": "application/json; charset=utf-8"}),
    "host": call("models.list", extra_headers={"Host": "api.example"}),
    "connection": call("models.list", extra_headers={"Connection": "close"}),
    "cookie": call("models.list", extra_headers={"Cookie": "a=b"}),
    "empty header": call("models.list", extra_headers={"X-Empty": ""}),
    "stream": streamed("chat.completions.create", {**CHAT, "stream": True}),
    "pages": lambda face, client: list(face.iterate(client.files.list(limit=1))),
}  # fmt: skip


@pytest.mark.parametrize("case", SENT)
def test_the_bytes_sent_are_the_same(case: str) -> None:
    """Request line, every header line and the body, compared as they stood on the wire."""

    def script(sent: Any) -> Steps:
        if case == "stream":
            return sse_reply([{"choices": []}, "[DONE]"])
        if sent.method == "HEAD":
            return [head(200, [("Content-Length", "0")])]
        return json_reply({"data": [{"id": "f"}], "has_more": "after=" not in sent.target, "id": "x"})

    found = both(script, SENT[case], headers={"X-All": "a"}, query={"all": "q"}, admin_key="admin", api_key="plain")
    assert found.requests
    for _, lines, _ in found.requests:
        names = [line.partition(b":")[0].lower() for line in lines]
        assert len(names) == len(set(names)), "a header was sent twice"
        assert b"X-All: a" in lines


def test_a_connection_is_used_again_for_the_same_calls() -> None:
    """The number of connections is the same, whatever the calls before."""
    uses = [SENT["object"], SENT["binary"], SENT["multipart"], SENT["delete"], SENT["text"], SENT["no body"]]
    accepted = []
    for face_class in FACES.values():
        with HostileServer([json_reply({"id": "x"})], after="repeat") as server, face_class() as face:
            client = face.client(base_url=server.url)
            for use in uses:
                use(face, client)
            accepted.append(server.accepted)
    assert accepted == [1, 1]


# Results and errors -----------------------------------------------------------------------------------------------------


def raw(text: bytes, *then: Any) -> Steps:
    """An answer, byte for byte, and the end of the connection."""
    return [Bytes(text), *then, Close()]


def typed(body: bytes, kind: str = "application/json", status: int = 200, **settings: Any) -> Steps:
    """A reply of that type."""
    return reply([body], status=status, headers=[("Content-Type", kind), ("X-Request-Id", "r")], **settings)


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

ANSWERS: dict[str, Steps] = {
    "object": typed(b'{"a": {"b": [1, 2.5, null, "\xc3\xa9"]}}'),
    "list": typed(b'[{"a": 1}]'),
    **{name: typed(name.encode()) for name in ("null", "true", "5", '"text"', "NaN", "")},
    "surrogate": typed(b'"\\ud800"'),
    "latin-1": typed(b'{"a": "\xe9"}'),
    "byte order mark": typed(b"\xef\xbb\xbf{}"),
    "no content": [head(204, [])],
    "no content with a length": [head(204, [("Content-Length", "0")])],
    "reset content": [head(205, [("Content-Length", "0")])],
    "not modified": [head(304, [])],
    "created": typed(b'{"a": 1}', status=201),
    "html": typed(b"<title>Oops</title>", "text/html"),
    "text": typed(b"text", "text/plain"),
    "no type": reply([b'{"a": 1}']),
    "chunked": typed(b'{"a": 1}', framing="chunked"),
    "to the end": typed(b'{"a": 1}', framing="close"),
    "gzip": typed(b'{"a": 1}', coding="gzip"),
    "disguised": typed(b'{"error": {"message": "no", "code": "rate_limit_exceeded"}}'),
    **{f"error {status}": typed(b'{"error": {"message": "no", "type": "t", "code": "c", "param": "p"}}', status=status)
       for status in (400, 401, 402, 403, 404, 408, 409, 410, 413, 418, 422, 429, 451, 500, 501, 502, 503, 529, 599)},
    "html error": typed(b"<html><title>Bad Gateway</title>", "text/html", 502),
    "empty error": typed(b"", "text/plain", 500),
    "redirect": reply([b""], status=302, headers=[("Location", "http://elsewhere.example/x")]),
    "redirect to nowhere": reply([b""], status=302),
    "multiple choices": reply([b""], status=300),
    "set-cookie": reply([b"{}"], headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-A", "1"), ("x-a", "2")]),
    "large header": reply([b"{}"], headers=[("X-Large", "x" * 30_000)]),
    "many headers": reply([b"{}"], headers=[(f"X-{i}", "x") for i in range(90)]),
    "latin-1 header": reply([b"{}"], headers=[("X-Name", "\xe9")]),
    "utf-8 header": reply([b"{}"], headers=[("X-Name", "\xc3\xa9")]),
    "empty header": reply([b"{}"], headers=[("X-Empty", "")]),
    "early hints": raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK),
    "continue": raw(b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
    "two early answers": raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK),
    "no reason": raw(OK.replace(b"200 OK", b"200 ")),
    "no reason and no space": raw(OK.replace(b"200 OK", b"200")),
    "http/1.0": raw(OK.replace(b"HTTP/1.1", b"HTTP/1.0")),
    "nothing": [Close()],
    "reset": [Reset()],
    "half a status line": raw(OK[:10]),
    "half a head": raw(OK[:40]),
    "no body": raw(OK[:-2]),
    "half a body": raw(OK[:-1]),
    "half a chunk": cut(typed(b'{"a": 1}', framing="chunked"), -8),
    "no last chunk": cut(typed(b'{"a": 1}', framing="chunked"), -5),
    "not http": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "http/2": raw(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
    "status of words": raw(OK.replace(b"200 OK", b"abc OK")),
    "length of words": raw(OK.replace(b"Length: 2", b"Length: two")),
    "negative length": raw(OK.replace(b"Length: 2", b"Length: -2")),
    "two lengths": raw(OK.replace(b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 3")),
    "bad chunk size": raw(CHUNKED, Wait(0.05), Bytes(b"xyz\r\n{}\r\n0\r\n\r\n")),
    "negative chunk size": raw(CHUNKED, Wait(0.05), Bytes(b"-2\r\n{}\r\n0\r\n\r\n")),
    "line ends of one byte": raw(OK.replace(b"\r\n", b"\n")),
    "folded header": raw(OK.replace(b"Content-Type: ", b"X-Folded: a\r\n b\r\nContent-Type: ")),
    "header without a colon": raw(OK.replace(b"Content-Type", b"Nonsense\r\nContent-Type")),
    "space before a colon": raw(OK.replace(b"Content-Type:", b"Content-Type :")),
    "length and chunks": raw(OK.replace(b"\r\n\r\n{}", b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")),
    "switching protocols": raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "unknown coding": reply([b"{}"], headers=[("Content-Encoding", "br")]),
    "broken gzip": reply([b"{}"], headers=[("Content-Encoding", "gzip")]),
    "too large": typed(b'"' + b"x" * 3000 + b'"'),
    "stall": [Stall()],
    "stalled body": [*cut(typed(b'{"a": 1}'), -1)[:-1], Stall()],
}  # fmt: skip

#: What one parser takes and the other refuses; both are lawful readers of what no lawful server sends.
LENIENT = {
    "header without a colon": "http.client ends the headers there, aiohttp refuses the answer",
    "space before a colon": "http.client takes it into the name, aiohttp refuses the answer",
    "length and chunks": "http.client goes by the chunks (RFC 9112 section 6.3 allows it), aiohttp refuses the answer",
}
INTO: dict[str, Any] = {"record": None, "dict": dict, "bytes": bytes, "text": str, "reply": Reply}


#: A stall takes its time, and no type changes it.
READ = [
    (case, into) for case in ANSWERS for into in INTO if case not in LENIENT and not (case.startswith("stall") and INTO[into])
]


@pytest.mark.parametrize(("case", "into"), READ)
def test_an_answer_is_read_the_same(case: str, into: str) -> None:
    """The result, or the error with its class, message, status, headers, body and attempts."""
    timeout = Timeout(first_event=0.15, idle=0.15) if case.startswith("stall") else 5
    keywords = {} if INTO[into] is None else {"into": INTO[into]}
    both([ANSWERS[case]], call("responses.create", CHAT, **keywords), max_retries=0, timeout=timeout, limits=Limits(reply=2000))


@pytest.mark.parametrize("case", LENIENT)
def test_a_lenient_reading_is_no_wrong_one(case: str) -> None:
    """Where the parsers differ, each gives the body that was meant or an error of ours."""
    for name in FACES:
        _, value, _ = seen(name, [ANSWERS[case]], call("responses.create", CHAT), max_retries=0)
        assert value == ("Record", {}) or issubclass(value[0], OaiDynError), name


EVENTS: list[Any] = [{"choices": [{"index": 0, "delta": {"content": c}, "finish_reason": None}]} for c in "ab"]
STREAMS: dict[str, Steps] = {
    "whole": sse_reply([*EVENTS, "[DONE]"]),
    "whole, with a length": sse_reply([*EVENTS, "[DONE]"], framing="length"),
    "whole, to the end": sse_reply([*EVENTS, "[DONE]"], framing="close"),
    "gzip": sse_reply([*EVENTS, "[DONE]"], coding="gzip"),
    "no end": sse_reply(EVENTS),
    "cut": [*sse_reply(EVENTS, end=False), Close()],
    "reset": [*sse_reply(EVENTS, end=False), Reset()],
    "stall": [*sse_reply(EVENTS, end=False), Stall()],
    "empty": sse_reply([]),
    "error event": sse_reply([*EVENTS, {"error": {"message": "no", "type": "server_error"}}]),
    "named error": sse_reply([*EVENTS, b"event: error\ndata: no\n\n"]),
    "not json": sse_reply([*EVENTS, "{", "[DONE]"]),
    "too long": [*sse_reply([*EVENTS, "x" * 3000], end=False), Stall()],
    "refused": json_reply({"error": {"message": "no"}}, 429),
    "disguised": json_reply({"error": {"message": "no", "code": 404}}),
    "html": typed(b"<title>no</title>", "text/html"),
    "comments": sse_reply([b": a\n\n", EVENTS[0], b"id: 1\nretry: 5\nevent: x\ndata: {}\n\n", "[DONE]"]),
    "more behind the end": sse_reply([*EVENTS, "[DONE]", *EVENTS]),
    "bad chunk": [*sse_reply(EVENTS, end=False), Wait(0.05), Bytes(b"xyz\r\n"), Close()],
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_is_read_the_same(case: str) -> None:
    """The events up to where it fails, and how it fails."""

    def use(face: SyncFace, client: Any) -> Any:
        taken = []
        try:
            for event in face.iterate(client.chat.completions.create(CHAT, stream=True)):
                taken.append(event)
        except OaiDynError as error:
            return taken, plain(error)
        return taken, None

    idle = 0.2 if case == "stall" else 10
    both([STREAMS[case]], use, max_retries=0, timeout=Timeout(first_event=10, idle=idle), limits=Limits(event=2000))


SOON = [("Retry-After", "0")]
GOOD = json_reply({"id": "x"})

RETRIED: dict[str, list[Steps]] = {
    "later success": [json_reply({}, 500, SOON), json_reply({}, 429, [("retry-after-ms", "1")]), GOOD],
    "exhausted": [json_reply({}, 503, SOON)] * 3,
    "no more": [json_reply({"error": {"code": "insufficient_quota"}}, 429, SOON)],
    "told not to": [json_reply({}, 500, [("X-Should-Retry", "false")])],
    "too long a wait": [json_reply({}, 429, [("Retry-After", "1000")])],
    "reset": [[Reset()], GOOD],
    "closed": [[Close()], GOOD],
    "redirect and error": [reply([b""], status=307, headers=[("Location", "/v1/there")]), json_reply({}, 500, SOON), GOOD],
}


@pytest.mark.parametrize("row", ["models.retrieve", "responses.create", "files.delete"])
@pytest.mark.parametrize("case", RETRIED)
def test_attempts_are_the_same(case: str, row: str) -> None:
    """As many requests, the same attempts on the result, the same notices, for rows that are safe to resend and not."""
    use = call(row, {"model": "m"}, into=Reply) if row == "responses.create" else call(row, "m", into=Reply)
    both(RETRIED[case], use, max_retries=2)


def test_nobody_there() -> None:
    """A refused connection is the same error on both."""
    found = []
    for face_class in FACES.values():
        with nobody() as url, face_class() as face, pytest.raises(OaiDynError) as caught:
            face.wait(face.client(base_url=url).models.list())
        found.append(plain(caught.value))
    assert found[0] == found[1]


# Whatever arguments -----------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT | st.binary(max_size=4) | st.just(object)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(0, 9), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(TEXT, VALUES, max_size=4)


@dataclasses.dataclass
class Pair:
    """Both clients before one server that answers everything with what it was sent."""

    server: HostileServer
    faces: list[tuple[SyncFace, Any]]

    def check(self, make: Callable[[Any], Any]) -> None:
        """Make a call through both, and compare what was sent and what came of it."""
        found = []
        for face, client in self.faces:
            before = len(self.server.requests)
            try:
                value = plain(face.wait(make(client)))
            except ValidationError as error:
                value = plain(error)
                assert len(self.server.requests) == before
            found.append((value, [request_lines(one) for one in self.server.requests[before:]]))
        self.server.requests.clear()
        assert found[0] == found[1]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """One pair of clients for all examples."""
    with HostileServer([json_reply({"id": "x"})], after="repeat") as server, FACES["sync"]() as left, FACES["async"]() as right:
        yield Pair(server, [(face, face.client(base_url=f"{server.url}/v1")) for face in (left, right)])


@settings(max_examples=150, deadline=None)
@given(members=MEMBERS)
def test_any_body_is_sent_or_refused_the_same(pair: Pair, members: dict[str, Any]) -> None:
    """Whatever stands in a JSON body."""
    pair.check(lambda client: client.call("responses.create", members))


@settings(max_examples=150, deadline=None)
@given(members=MEMBERS, extra=MEMBERS)
def test_any_query_is_sent_or_refused_the_same(pair: Pair, members: dict[str, Any], extra: dict[str, Any]) -> None:
    """Whatever stands in a query."""
    pair.check(lambda client: client.call("models.list", members, extra_query=extra))


@settings(max_examples=100, deadline=None)
@given(members=MEMBERS)
def test_any_form_is_sent_or_refused_the_same(pair: Pair, members: dict[str, Any]) -> None:
    """Whatever stands in a multipart body, bytes as files."""
    pair.check(lambda client: client.call("files.create", members))


@settings(max_examples=150, deadline=None)
@given(headers=st.dictionaries(TEXT | st.sampled_from(["X-A", "accept", "Authorization", "Content-Type"]), SCALARS, max_size=3))
def test_any_header_is_sent_or_refused_the_same(pair: Pair, headers: dict[str, Any]) -> None:
    """Whatever stands in a header."""
    framing = {"content-length", "transfer-encoding", "connection", "host", "expect", "te", "trailer", "upgrade"}
    headers = {name: value for name, value in headers.items() if name.lower() not in framing}
    pair.check(lambda client: client.call("responses.create", model="m", extra_headers=headers))
