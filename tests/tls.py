"""A certificate made for the test, a server that speaks TLS with it, and a proxy on the way to it."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest


class Certificate(NamedTuple):
    """A self-signed certificate for 127.0.0.1, and its key."""

    file: Path
    key: Path


def openssl(*arguments: str) -> None:
    """Run the openssl command; the test is skipped where there is none."""
    try:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("a certificate is made with the openssl command, which is not here")


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate, which stands alone in a folder of its own, hashed as openssl wants it."""
    trusted = folder / "trusted"
    trusted.mkdir()
    made = Certificate(trusted / "cert.pem", folder / "key.pem")
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
        *("-keyout", str(made.key), "-out", str(made.file)),
    )
    openssl("rehash", str(trusted))
    return made


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"id": self.path.rpartition("/")[2]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A peer that refuses the certificate hangs up: that is what the test is about."""


@contextlib.contextmanager
def tls_server(certificate: Certificate) -> Iterator[str]:
    """The URL of a server that answers every GET over TLS with the last segment of its path as `id`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        # The handshake is left to the connection's own thread: a peer that stalls in it must not hold up others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join(5)


@contextlib.contextmanager
def tunnel() -> Iterator[tuple[str, list[bytes]]]:
    """The URL of a proxy that opens tunnels (RFC 9110 section 9.3.6), and all that it saw outside of them."""
    seen: list[bytes] = []

    def relay(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    class Tunnel(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n") and (byte := self.request.recv(1)):
                head += byte
            seen.append(head)
            host, _, port = head.split(b" ")[1].decode().rpartition(":")
            with socket.create_connection((host, int(port)), 5) as there:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=relay, args=(there, self.request))
                back.start()
                relay(self.request, there)
                back.join(5)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join(5)
