"""The hostile server itself: what the other tests lean on, seen through plain sockets."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Mapping

import pytest
from hostile import (
    Bytes,
    Close,
    Drain,
    Forever,
    HostileServer,
    Request,
    Reset,
    Stall,
    Step,
    Steps,
    Wait,
    chunk,
    cut,
    json_reply,
    nobody,
    reply,
    sse_reply,
)

GET = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
OK = json_reply({"ok": True})
ENDLESS = [Stall(), Forever(b": ping\n\n", 0.005), Wait(60), Wait(threading.Event())]
OK_BYTES = b"".join(step.data for step in OK if isinstance(step, Bytes))


@contextlib.contextmanager
def connected(server: HostileServer) -> Iterator[socket.socket]:
    """A plain socket connected to the server."""
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        yield sock


def read(sock: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or what came before the end."""
    data = b""
    while len(data) < size and (more := sock.recv(size - len(data))):
        data += more
    return data


def read_all(sock: socket.socket) -> bytes:
    """Everything up to the end."""
    return read(sock, 1 << 30)


def talk(steps: Steps) -> tuple[bytes, bytes]:
    """The head and the body that the steps, ended by a close, put on the wire."""
    with HostileServer([[*steps, Close()]]) as server, connected(server) as sock:
        sock.sendall(GET)
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
        return head, body


def test_requests_are_recorded_as_sent() -> None:
    """Head lines, target and body are kept as they came, with connection and request numbers."""
    post = b"POST /a/../b?q=%7e HTTP/1.1\r\nHoSt: h\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 7\r\n\r\n"
    started = time.monotonic()
    with HostileServer([OK], after="repeat") as server:
        with connected(server) as sock:
            for part in (post + b'{"a"', b":1}", GET):  # a body in two parts; a request right behind it
                sock.sendall(part)
            assert read(sock, 2 * len(OK_BYTES)) == 2 * OK_BYTES
        with connected(server) as sock:
            sock.sendall(GET)
            assert read(sock, len(OK_BYTES)) == OK_BYTES
    first = server.requests[0]
    assert (first.method, first.target) == ("POST", "/a/../b?q=%7e")
    assert first.lines == post.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert first.headers == [("HoSt", "h"), ("X-A", "1"), ("x-a", "2"), ("Content-Length", "7")]
    assert (first.header("x-A"), first.header("none")) == ("1", None)
    assert (first.body, first.raw, first.json()) == (b'{"a":1}', b'{"a":1}', {"a": 1})
    assert [(request.connection, request.number) for request in server.requests] == [(0, 0), (0, 1), (1, 0)]
    assert started <= first.time <= server.requests[2].time <= time.monotonic()
    assert server.accepted == 2


def test_a_chunked_request_is_joined_and_its_raw_bytes_are_kept() -> None:
    """Chunk sizes, extensions and the end are read; `raw` is what was on the wire."""
    raw = b"3;x=y\r\nabc\r\n" + chunk(b"\r\n0\r\n") + chunk(b"")
    with HostileServer([OK]) as server, connected(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + raw)
        assert read(sock, len(OK_BYTES)) == OK_BYTES
        assert (server.requests[0].body, server.requests[0].raw) == (b"abc\r\n0\r\n", raw)


def test_a_script_may_be_a_function_of_the_request() -> None:
    """A callable script answers by path."""

    def script(request: Request) -> Steps:
        return json_reply(request.target)

    with HostileServer(script) as server, connected(server) as sock:
        for target in (b"/one", b"/two"):
            sock.sendall(b"GET %b HTTP/1.1\r\n\r\n" % target)
            expected = b"".join(step.data for step in json_reply(target.decode()) if isinstance(step, Bytes))
            assert read(sock, len(expected)) == expected


def test_beyond_the_script_a_request_is_refused() -> None:
    """By default a request more than the script has is recorded and reset."""
    with HostileServer([OK]) as server, connected(server) as sock:
        sock.sendall(GET + GET)
        with pytest.raises(ConnectionResetError):
            read_all(sock)
        assert len(server.requests) == 2


def test_steps_wait_for_events_and_run_in_order() -> None:
    """Nothing is sent before the event is set, all after it; a timed wait ends by itself."""
    go = threading.Event()
    with (
        HostileServer([[Bytes(b"a"), Wait(go), Bytes(b"b"), Wait(0.01), Bytes(b"c"), Close()]]) as server,
        connected(server) as sock,
    ):
        sock.sendall(GET)
        assert read(sock, 1) == b"a"
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        go.set()
        sock.settimeout(5)
        assert read_all(sock) == b"bc"


def test_close_is_an_end_and_reset_is_a_reset() -> None:
    """The peer can tell the two apart, and neither counts as closed by the peer."""
    with HostileServer([[Bytes(b"x"), Close()], [Bytes(b"x"), Reset()]]) as server:
        with connected(server) as sock:
            sock.sendall(GET)
            assert read_all(sock) == b"x"
            assert not server.closed(0).is_set()
        assert server.closed(0).wait(2)
        with connected(server) as sock:
            sock.sendall(GET)
            with pytest.raises(ConnectionResetError):
                read_all(sock)
    assert not server.closed(1).is_set()


@pytest.mark.parametrize("step", ENDLESS)
@pytest.mark.parametrize("bodies", [True, False])
def test_the_server_stops_by_itself(step: Step, bodies: bool) -> None:
    """Whatever a connection is doing, leaving the context ends it at once, and the peer sees an end."""
    with HostileServer([[Bytes(b"x"), step]], bodies=bodies) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), 5)
        sock.sendall(GET)
        assert read(sock, 1) == b"x"
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert not server.closed(0).is_set()
    with sock:
        read_all(sock)


@pytest.mark.parametrize("step", [*ENDLESS, Close()])
def test_a_hang_up_is_noticed_at_every_step(step: Step) -> None:
    """`closed(n)` is set soon after the peer closes, and not before."""
    with HostileServer([[Bytes(b"x"), step]]) as server:
        with connected(server) as sock:
            sock.sendall(GET)
            assert read(sock, 1) == b"x"
            assert not server.closed(0).wait(0.02)
        assert server.closed(0).wait(2)


def test_a_hang_up_is_noticed_on_idle_and_blocked_connections() -> None:
    """Before a first request, between two, and when the server is stuck in sending."""
    with HostileServer([OK, [Bytes(bytes(1 << 24))]]) as server:
        with connected(server):
            assert server.opened(0).wait(2)
        assert server.closed(0).wait(2)
        with connected(server) as sock:
            sock.sendall(GET)
            assert read(sock, len(OK_BYTES)) == OK_BYTES
            assert not server.closed(1).wait(0.02)
        assert server.closed(1).wait(2)
        with connected(server) as sock:
            sock.sendall(GET)
            assert server.seen(1).wait(2)
            assert read(sock, 1) == b"\0"
        assert server.closed(2).wait(2)


def test_bytes_can_be_pushed_and_idle_connections_dropped() -> None:
    """Unasked bytes reach the peer; a dropped connection answers nothing more."""
    with HostileServer([OK], after="repeat") as server, connected(server) as sock:
        sock.sendall(GET)
        assert read(sock, len(OK_BYTES)) == OK_BYTES
        server.push(0, b"unasked")
        assert read(sock, 7) == b"unasked"
        server.drop(0)
        assert read_all(sock) == b""
        sock.sendall(GET)
        sock.close()
        assert server.closed(0).wait(2)
        assert len(server.requests) == 1


def test_steps_on_connect_come_before_any_request() -> None:
    """A server may speak, or hang up, before it is asked."""
    with HostileServer(on_connect=[Bytes(b"HTTP/1.1 408 x\r\n\r\n"), Close()]) as server, connected(server) as sock:
        assert read_all(sock) == b"HTTP/1.1 408 x\r\n\r\n"
    assert not server.requests


def test_without_bodies_an_upload_is_not_read() -> None:
    """The head is enough to answer; the body backs up until it is drained."""
    go, size = threading.Event(), 1 << 24
    with HostileServer([[Bytes(b"early"), Wait(go), Drain(), *OK, Close()]], bodies=False) as server, connected(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
        assert read(sock, 5) == b"early"
        sock.setblocking(False)
        sent, left = 0, bytes(size)
        with contextlib.suppress(BlockingIOError):
            while sent < size:
                sent += sock.send(left[sent:])
        assert sent < size
        assert server.requests[0].body == b""
        go.set()
        sock.settimeout(5)
        sock.sendall(left[sent:])
        assert read(sock, len(OK_BYTES)) == OK_BYTES
        assert len(server.requests[0].body) == size


def test_a_broken_script_or_request_fails_the_test() -> None:
    """What goes wrong inside the server is raised when it stops."""

    def script(_: Request) -> Steps:
        raise LookupError("no such path")

    with pytest.raises(LookupError, match="no such path"), HostileServer(script) as server, connected(server) as sock:
        sock.sendall(GET)
        assert read_all(sock) == b""
    with pytest.raises(ValueError), HostileServer([OK]) as server, connected(server) as sock:
        sock.sendall(b"not HTTP\r\n\r\n")
        read_all(sock)


def test_nobody_listens() -> None:
    """The address of `nobody` refuses connections."""
    with nobody() as url, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5)


def test_a_json_reply_is_well_formed() -> None:
    """Status, headers, length and body."""
    head, body = talk(json_reply({"a": "é"}, 429, [("Retry-After", "3")]))
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 429 Scripted",
        b"Content-Type: application/json",
        b"Retry-After: 3",
        b"Content-Length: %d" % len(body),
    ]
    assert body == b'{"a": "\\u00e9"}'


def test_a_stream_in_each_framing() -> None:
    """The same events chunked, with a length, and up to the close; bytes go as they are."""
    events: list[Mapping[str, object] | str | bytes | Step] = [{"n": 1}, b": note\n\n", "[DONE]"]
    chunks = (b'data: {"n": 1}\n\n', b": note\n\n", b"data: [DONE]\n\n", b"")
    plain = b"".join(chunks)
    head, body = talk(sse_reply(events))
    assert b"Transfer-Encoding: chunked" in head
    assert body == b"".join(map(chunk, chunks))
    head, body = talk(sse_reply(events, framing="length"))
    assert (b"Content-Length: %d" % len(plain) in head, body) == (True, plain)
    steps = sse_reply(events, framing="close")
    assert steps[-1] == Close()
    head, body = talk(steps)
    assert (b"Connection: close" in head, body) == (True, plain)


@pytest.mark.parametrize(("coding", "wbits"), [("gzip", 31), ("deflate", 15), ("deflate-raw", -15)])
def test_compressed_replies(coding: str, wbits: int) -> None:
    """Each piece can be unpacked as soon as it is there, and the whole is well-formed."""
    go = threading.Event()
    steps = sse_reply(["one", Wait(go), "two"], framing="close", coding=coding)  # type: ignore[arg-type]
    with HostileServer([steps]) as server, connected(server) as sock:
        sock.sendall(GET)
        unpack, text = zlib.decompressobj(wbits), b""
        stream = sock.makefile("rb")
        head = b"".join(iter(stream.readline, b"\r\n"))
        assert b"Content-Encoding: %b\r\n" % coding.partition("-")[0].encode() in head
        while text != b"data: one\n\n":
            text += unpack.decompress(stream.read1())
        go.set()
        text += unpack.decompress(stream.read())
        assert (text, unpack.eof) == (b"data: one\n\ndata: two\n\n", True)
        stream.close()
    _, body = talk(json_reply([1], coding="gzip"))
    assert gzip.decompress(body) == b"[1]"


def test_a_reply_without_its_end() -> None:
    """`end=False` leaves the peer unable to see that the body is whole."""
    assert talk(reply([b"abc", b""], framing="chunked", end=False))[1] == chunk(b"abc")
    assert b"Content-Length: 4" in talk(reply([b"abc"], end=False))[0]
    assert Close() not in reply([b"abc"], framing="close", end=False)
    with pytest.raises(EOFError):
        gzip.decompress(talk(reply([b"abc"], coding="gzip", end=False))[1])


def test_cut_ends_a_reply_anywhere() -> None:
    """So many bytes from the front, or all but so many; then a close or what is asked for."""
    for size in range(len(OK_BYTES) + 1):
        sent = [step.data for step in cut(OK, size) if isinstance(step, Bytes)]
        assert b"".join(sent) == OK_BYTES[:size]
    assert cut(OK, -1)[-1] == Close()
    assert talk(cut(OK, -1))[1] == b'{"ok": true'
    assert cut(OK, 0, Reset()) == [Reset()]
