"""A tiny recording server on a loopback port: what came over the wire, kept raw, and ways to read it.

It is told before each call what to answer (`server.answer`; `answer(row)` makes the smallest whole answer to
a row), keeps one `Recorded` per request, and knows nothing of either client. Parsing is strict: bytes that
are not the form they claim to be raise ValueError.
"""

import json
import re
import socketserver
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

# Headers that both clients must send alike; all others are each client's own affair.
COMPARED = ("authorization", "openai-beta", "idempotency-key")
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """What the server sends back: always status 200, these bytes under this content type."""

    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True)
class Part:
    """One part of a multipart body, with its headers as they were written."""

    name: str
    filename: str | None
    content_type: str | None
    content: bytes


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived: nothing decoded, header names in lower case."""

    method: str
    target: str
    headers: Pairs
    body: bytes

    def header(self, name: str) -> tuple[str, ...]:
        """Every value of one header, in the order they came."""
        return tuple(value for key, value in self.headers if key == name.lower())

    @property
    def segments(self) -> tuple[str, ...]:
        """The path cut at its slashes first and decoded after, so that an encoded slash stays data."""
        return tuple(unquote(piece, errors="strict") for piece in self.target.partition("?")[0].split("/"))

    @property
    def query(self) -> Pairs:
        """The query as decoded (name, value) pairs in the order they came."""
        text = self.target.partition("?")[2]
        return tuple(parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")) if text else ()

    @property
    def content(self) -> tuple[str, Any]:
        """The body's media type and value: JSON decoded, multipart as a tuple of parts, all else as bytes."""
        if not self.body:
            return ("", b"")
        media, _, parameters = self.header("content-type")[0].partition(";")
        if media == "application/json":
            return (media, json.loads(self.body, object_pairs_hook=_object))
        if media == "multipart/form-data":
            return (media, parse_multipart(self.body, boundary_of(parameters)))
        return (media, self.body)

    @property
    def exact(self) -> tuple[Any, ...]:
        """All that was sent, headers sorted, the random boundary of a multipart body made a fixed one."""
        _, mark, boundary = dict(self.headers).get("content-type", "").partition("boundary=")
        headers = sorted((name, value.replace(mark + boundary, mark)) for name, value in self.headers)
        return self.method, self.target, headers, self.body.replace(boundary.encode() or b"--", b"--")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that comes twice raises ValueError."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError(f"a key twice in {pairs!r}")
    return found


def answer(row: Mapping[str, Any], *, streaming: bool = False) -> Answer:
    """The smallest whole answer to a row, a stream where one is asked for or the row has nothing else."""
    reply = row.get("reply", {}).get("kind", "json")
    if streaming or "ask" not in row.get("stream", {"ask": None}):
        return Answer(events(row["stream"]), "text/event-stream")
    if reply != "json":
        return {"bytes": Answer(b"\x00\xff", "application/octet-stream"), "text": Answer(b"text", "text/plain")}.get(
            reply, Answer(b"", "application/json")
        )
    page = row.get("page", {})
    members = {"object": "list", page.get("items", "data"): [], page.get("more", "has_more"): False}
    return Answer(json.dumps(members if page else {}).encode())


def events(rule: Mapping[str, Any]) -> bytes:
    """A stream that is whole by the row's rule: a finish reason, then the marker that ends it."""
    text = 'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n' if rule.get("finish") else ""
    for mark in [*rule.get("last", ()), *rule.get("complete", ())][:1]:
        text += "data: [DONE]\n\n" if mark == "[DONE]" else f'event: {mark}\ndata: {{"type": "{mark}"}}\n\n'
    return text.encode()


def boundary_of(parameters: str) -> bytes:
    """The boundary named by the parameters of a multipart content type."""
    found = re.search(r'boundary="?([^";]+)', parameters)
    if found is None:
        raise ValueError(f"no boundary in {parameters!r}")
    return found[1].encode("ascii")


def parse_multipart(body: bytes, boundary: bytes) -> tuple[Part, ...]:
    """Cut a multipart body into its parts; anything before, between or after them raises ValueError."""
    first, *pieces, last = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if first or last not in (b"--", b"--\r\n"):
        raise ValueError(f"stray bytes around a multipart body: {first!r} {last!r}")
    return tuple(_parse_part(piece) for piece in pieces)


def _parse_part(piece: bytes) -> Part:
    """Read one part: a blank line ends its headers, and all that follows is content."""
    head, blank, content = piece.partition(b"\r\n\r\n")
    if not blank or not head.startswith(b"\r\n"):
        raise ValueError(f"not a part: {piece!r}")
    lines = head[2:].decode("utf-8").split("\r\n")
    headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
    form = re.fullmatch(r'form-data; name="([^"]*)"(?:; filename="([^"]*)")?', headers["content-disposition"])
    if form is None:
        raise ValueError(f"not a form field: {headers['content-disposition']!r}")
    return Part(form[1], form[2], headers.get("content-type"), content)


def wire(request: Recorded, row: Mapping[str, Any]) -> dict[str, Any]:
    """A request as it is compared: names in any order, but the values of one name in theirs."""
    media, content = request.content
    if media == "application/json":
        content = canonical(content)
    elif media == "multipart/form-data":
        content = grouped((part.name, comparable(part)) for part in content)
    accept = ("accept",) if "Accept" in row.get("fixed", {}).get("headers", {}) else ()
    return {
        "method": request.method,
        "path": request.segments,
        "query": grouped(request.query),
        "media": media,
        "content": content,
        **{name: request.header(name) for name in (*COMPARED, *accept)},
    }


def comparable(part: Part) -> tuple[str | None, str | None, bytes | str]:
    """A part without its name; one that holds a JSON document and is no file is compared as JSON."""
    if part.filename is None and part.content_type == "application/json":
        return None, part.content_type, canonical(json.loads(part.content))
    return part.filename, part.content_type, part.content


def grouped(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Pairs as name -> values."""
    found = defaultdict(list)
    for name, value in pairs:
        found[name].append(value)
    return dict(found)


def canonical(content: Any) -> str:
    """JSON as text that tells 1 from 1.0 and true, whatever the order of the keys."""
    return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False)


class _Handler(socketserver.StreamRequestHandler):
    """Serve one connection: requests one after another until the client closes it."""

    disable_nagle_algorithm = True
    server: "RecordingServer"

    def handle(self) -> None:
        """Record each request whole, then answer it in one write."""
        while line := self.rfile.readline():
            method, target, _ = line.decode("ascii").split(" ")
            headers = tuple(self._headers())
            self.server.seen.append(Recorded(method, target, headers, self._body(dict(headers))))
            answer = self.server.answer
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {answer.content_type}\r\n"
            self.wfile.write(f"{head}Content-Length: {len(answer.body)}\r\n\r\n".encode() + answer.body)

    def _headers(self) -> list[tuple[str, str]]:
        """Read header lines up to the blank one."""
        found = []
        while (line := self.rfile.readline().rstrip(b"\r\n")) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            found.append((name.lower(), value.strip()))
        return found

    def _body(self, headers: dict[str, str]) -> bytes:
        """Read a body of announced length, or a chunked one."""
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size + 2)[:size]
        self.rfile.readline()
        return body


class RecordingServer(socketserver.ThreadingTCPServer):
    """The server: `answer` is what the next requests get, `take()` hands over what was recorded."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Recorded] = []
        self.answer = Answer(b"{}")
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """The base URL to hand to a client."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def take(self) -> Recorded:
        """The only request since the last call; more or fewer than one is an error."""
        (one,) = self.seen
        self.seen.clear()
        return one

    def __enter__(self) -> "RecordingServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
