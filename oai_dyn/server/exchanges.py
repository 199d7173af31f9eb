"""Exchanges with a service as lines of a file: a request, its answer, and no credential.

Rules of this file: a header of a request is never written, for a key may stand in any of them; what was sent as a key
is taken out of all that is written. JSON stands as JSON and text as text, so that a line can be read and mended by hand.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from ..codec import decode, encode
from ..errors import ConfigError, DecodeError, ValidationError
from ..objects import plain
from .sending import Pairs

#: Parameters of a query that are credentials.
SECRET_QUERY = {"key", "api_key", "api-key", "apikey", "access_token", "subscription-key"}

#: Headers of a request that may be.
SECRET_HEADER = re.compile("authorization|cookie|key|token|secret|password", re.IGNORECASE)

#: Headers of an answer that are the connection's affair, or a credential.
UNWRITTEN = {
    *("connection", "content-encoding", "content-length", "keep-alive", "proxy-authenticate", "set-cookie", "te", "trailer"),
    *("transfer-encoding", "upgrade"),
}

#: What stands in the place of a credential, and how long one is at least: shorter words stand in texts by chance.
TAKEN_OUT, LEAST_SECRET = b"***", 8

#: The boundary of a form, which each request has anew.
BOUNDARY = re.compile(r'boundary="?([^\s";,]+)', re.IGNORECASE)


class Exchange(NamedTuple):
    """A request and its answer.

    path    below the base URL
    pieces  of the answer's body, each with the seconds since the one before, or since the request
    cut     the answer broke off, or the client left
    """

    method: str
    path: str
    query: Pairs
    body: bytes
    status: int
    headers: Pairs
    pieces: Sequence[tuple[float, bytes]]
    cut: bool = False

    @property
    def content(self) -> Any:
        """The body as it is compared: JSON, or else bytes."""
        try:
            return decode(self.body)
        except DecodeError:
            return self.body


def asked_for(query: Iterable[tuple[str, str]]) -> Pairs:
    """The parameters of a query that are no credentials."""
    return tuple((name, value) for name, value in query if name.lower() not in SECRET_QUERY)


def settled(body: bytes, content_type: str) -> bytes:
    """The body with a form's boundary the same each time."""
    found = BOUNDARY.search(content_type) if content_type.lower().startswith("multipart/") else None
    return body if found is None else body.replace(found[1].encode(), b"boundary")


def secrets_of(headers: Iterable[tuple[str, str]], query: Iterable[tuple[str, str]]) -> list[bytes]:
    """What was sent as a credential, as it may come again somewhere, the longest first."""
    values = [value for name, value in query if name.lower() in SECRET_QUERY]
    for name, value in headers:
        if SECRET_HEADER.search(name):
            values += [value, value.rpartition(" ")[2], *re.split("[=;] ?", value)]
    found = {form.encode() for value in values for form in (value, quote(value, safe=""), json.dumps(value)[1:-1])}
    return sorted((secret for secret in found if len(secret) >= LEAST_SECRET), key=len, reverse=True)


def without(secrets: Sequence[bytes], exchange: Exchange) -> Exchange:
    """The exchange without the credentials, wherever they stand in it."""

    def clean(content: bytes) -> bytes:
        for secret in secrets:
            content = content.replace(secret, TAKEN_OUT)
        return content

    def words(pairs: Pairs) -> Pairs:
        return tuple((name, clean(value.encode()).decode()) for name, value in pairs)

    pieces = [(after, clean(piece)) for after, piece in exchange.pieces]
    joined = b"".join(piece for _, piece in pieces)
    if clean(joined) != joined:  # one that was cut in two
        pieces = [(pieces[0][0], clean(joined))]
    return exchange._replace(
        path=clean(exchange.path.encode()).decode(),
        query=words(exchange.query),
        body=clean(exchange.body),
        headers=words(exchange.headers),
        pieces=pieces,
    )


def written(exchange: Exchange) -> bytes:
    """The line of an exchange."""
    line: dict[str, Any] = {"method": exchange.method, "path": exchange.path, "query": exchange.query}
    if exchange.body:
        content = exchange.content
        line["body"] = {"json": content} if _stays(content) else _held(exchange.body)
    line |= {"status": exchange.status, "headers": exchange.headers}
    line["pieces"] = [{"after": round(after, 3), **_held(piece)} for after, piece in exchange.pieces]
    if exchange.cut:
        line["cut"] = True
    return encode(line, plain) + b"\n"


def read(line: bytes, place: str) -> Exchange:
    """The exchange of a line. Raises `ConfigError` with the place."""
    try:
        value = decode(line)
        pieces = [(float(piece.get("after", 0)), _bytes(piece)) for piece in value["pieces"]]
        query, headers = (tuple((str(name), str(text)) for name, text in value.get(part, ())) for part in ("query", "headers"))
        body, status, cut = _bytes(value.get("body", {})), int(value["status"]), bool(value.get("cut"))
        return Exchange(str(value["method"]), str(value["path"]), query, body, status, headers, pieces, cut)
    except (DecodeError, NotBase64, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{place}: no recorded exchange: {type(error).__name__}: {error}") from None


def _stays(content: Any) -> bool:
    """Whether a body is the same JSON once it was written and read again."""
    if isinstance(content, bytes):
        return False
    try:
        return bool(decode(encode({"body": {"json": content}}, plain)) == {"body": {"json": content}})
    except ValidationError:
        return False


def _held(content: bytes) -> dict[str, str]:
    """Bytes as a member of a line."""
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode()}


def _bytes(held: Mapping[str, Any]) -> bytes:
    if "json" in held:
        return encode(held["json"], plain)
    return b64decode(held["base64"], validate=True) if "base64" in held else str(held.get("text", "")).encode()
