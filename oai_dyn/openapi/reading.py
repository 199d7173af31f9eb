"""A document from a file, from a running server or from a dict: JSON or YAML, within bounds.

Rules of this file: whatever is read is measured before anything else looks at it, with what aliases share counted each time it
is met; every refusal is a `ConfigError` that names the document and the place in it; what is returned is plain JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urljoin, urlsplit, urlunsplit

import oai_dyn

from ..codec import decode
from ..errors import ConfigError, NotFoundError, OaiDynError, place
from ..wire import Limits
from .yaml_text import parse_yaml


class Bounds(NamedTuple):
    """The most that is read of a document.

    size   bytes of a file or an answer, or characters of all texts together
    yaml   bytes of YAML, which takes far longer to read
    nodes  keys and values, with what aliases share counted each time
    depth  levels of objects and lists
    wait   seconds for a server to answer
    """

    size: int = 16 * 2**20
    yaml: int = 8 * 2**20
    nodes: int = 1_000_000
    depth: int = 150
    wait: float = 60.0


BOUNDS = Bounds()

#: Where a server is asked for its document when its address alone is given.
USUAL_PATH = "/openapi.json"

_VERSION = re.compile(r"3\.[012](\.[0-9A-Za-z.-]{1,20})?")

_Trail = tuple[Any, ...]


def load(source: str | Path | Mapping[str, Any], bounds: Bounds = BOUNDS) -> dict[str, Any]:
    """The OpenAPI document in a file, at a URL (of the document, or of a server that has `/openapi.json`), or given as a dict.

    What is read from a URL has its `servers` made absolute. Raises `ConfigError`.
    """
    if isinstance(source, Mapping):
        return _checked(source, "document", bounds)
    if not isinstance(source, str | Path):
        raise ConfigError(f"document: of type {type(source).__name__}, wanted a path, a URL or a dict")
    if str(source).startswith(("http://", "https://")):
        content, name = _served(_whole_url(str(source)), bounds)
        return _with_servers(_checked(_parsed(content, name, bounds), name, bounds), name)
    return _checked(_parsed(_content(Path(source), bounds), str(source), bounds), str(source), bounds)


def _content(path: Path, bounds: Bounds) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(bounds.size + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > bounds.size:
        raise ConfigError(f"{path}: longer than the {bounds.size} bytes that are read of a document")
    return content


def _whole_url(url: str) -> str:
    """The URL, with the usual path where it has none. One that holds a password is refused before anything quotes it."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError(f"document: {error}") from None
    if "@" in parts.netloc:
        raise ConfigError("document: its URL holds a user name or password, and none is sent; save the document to a file")
    return url if parts.path not in ("", "/") else urlunsplit(parts._replace(path=USUAL_PATH, fragment=""))


def _served(url: str, bounds: Bounds) -> tuple[bytes, str]:
    """What is at a URL, or near one that is no file's, where people have a server's base URL or its documentation at hand."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    near = [] if "." in path.rpartition("/")[2] else [path + USUAL_PATH, USUAL_PATH]
    names = []
    for there in (url, *(urlunsplit(parts._replace(path=one, fragment="")) for one in near)):
        names.append(name := there.partition("?")[0])
        try:
            content = _fetched(there, name, bounds)
        except ConfigError as error:
            if not near or not isinstance(error.__cause__, NotFoundError):
                raise
        else:
            if not near or not _is_markup(content):
                return content, name
    raise ConfigError(f"{names[0]}: no OpenAPI document, nor is one at {' or '.join(names[1:])}")


def _fetched(url: str, name: str, bounds: Bounds) -> bytes:
    """The body at a URL. No key is sent: a document is public, or it is saved to a file first."""
    parts = urlsplit(url)
    try:
        with oai_dyn.Client(
            {"name": "document", "auth": "none"},
            base_url=f"{parts.scheme}://{parts.netloc}",
            timeout=bounds.wait,
            max_retries=0,
            limits=Limits(reply=bounds.size),
            headers={"Accept": "application/json, application/yaml;q=0.9, */*;q=0.5"},
        ) as client:
            content: bytes = client.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), into=bytes)
    except OaiDynError as error:
        raise ConfigError(f"{name}: {error}") from error
    return content


def _parsed(content: bytes, name: str, bounds: Bounds) -> Any:
    """JSON where the first character says so, else YAML."""
    try:
        if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
            return decode(content.removeprefix(b"\xef\xbb\xbf"))
        if _is_markup(content):
            raise ConfigError("HTML or XML, wanted an OpenAPI document of JSON or YAML")
        if len(content) > bounds.yaml:
            raise ConfigError(f"longer than the {bounds.yaml} bytes that are read of YAML; JSON may have {bounds.size}")
        return parse_yaml(content, bounds.nodes, bounds.depth)
    except (OaiDynError, RecursionError) as error:
        raise ConfigError(f"{name}: {str(error).removeprefix('the body is ')}") from None


def _is_markup(content: bytes) -> bool:
    """Whether it is a page and no document: neither JSON nor YAML begins so."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def _checked(document: Any, name: str, bounds: Bounds) -> dict[str, Any]:
    """The document, if it is within bounds, plain JSON, and of a version that is known."""
    if not isinstance(document, Mapping):
        raise ConfigError(f"{name}: of type {type(document).__name__}, wanted an OpenAPI document, which is an object")
    _measure(document, name, bounds)
    version = document.get("openapi")
    if not isinstance(version, str | float) or not _VERSION.fullmatch(str(version)):  # YAML reads 3.1 as a number
        found = f"swagger: {document['swagger']!r}" if "swagger" in document else f"openapi: {version!r}"
        raise ConfigError(f"{name}: {found[:80]}, wanted openapi: 3.0 or 3.1")
    return {**document, "openapi": str(version)}


def _measure(document: Any, name: str, bounds: Bounds) -> None:
    """Walk through all of it, without recursion, and stop at the first thing that is too much or no JSON."""
    nodes, size = 0, 0
    left: list[tuple[Any, int, _Trail]] = [(document, 0, ())]
    while left:
        value, depth, trail = left.pop()
        nodes += 1
        size += len(value) if isinstance(value, str) else 0
        if nodes + len(left) > bounds.nodes or size > bounds.size:
            _refuse(name, trail, f"by here it holds more than {bounds.nodes} values or {bounds.size} characters")
        if isinstance(value, Mapping | list):
            if depth >= bounds.depth:
                _refuse(name, trail, f"nested deeper than {bounds.depth} levels, or in a circle")
            left.extend((inner, depth + 1, (trail, step)) for step, inner in _inner(value, name, trail, bounds))
        elif fault := _fault(value):
            _refuse(name, trail, fault)


def _inner(value: Mapping[Any, Any] | list[Any], name: str, trail: _Trail, bounds: Bounds) -> Iterator[tuple[str | int, Any]]:
    if len(value) > bounds.nodes:
        _refuse(name, trail, f"it holds {len(value)} values, more than the {bounds.nodes} that are read")
    if isinstance(value, list):
        yield from enumerate(value)
        return
    for key, inner in value.items():
        if fault := _fault(key) if isinstance(key, str) else f"a key of type {type(key).__name__}, wanted text":
            _refuse(name, trail, fault)
        yield key, inner


def _fault(value: Any) -> str:
    """Why a value that is no object and no list cannot stand in JSON; "" if it can."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}, which no JSON can hold"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "a lone surrogate, wanted text that UTF-8 can hold"
        return ""
    return "" if value is None or isinstance(value, bool | int | float) else f"of type {type(value).__name__}, wanted JSON"


def _refuse(name: str, trail: _Trail, why: str) -> NoReturn:
    """Raise with the place, in which long keys are cut."""
    steps: list[str | int] = []
    while trail:
        trail, step = trail
        steps.append(step if isinstance(step, int) else step[:60].encode("utf-8", "backslashreplace").decode())
    where = place(tuple(reversed(steps[-8:])))
    raise ConfigError(f"{name}: {where}{'...' if len(steps) > 8 else ''}: {why}" if where else f"{name}: {why}")


def _with_servers(document: dict[str, Any], url: str) -> dict[str, Any]:
    """The document with the addresses of its servers made absolute; without any it is the server it came from."""
    servers = document.get("servers") or [{"url": "/"}]
    if not isinstance(servers, list):
        return document
    return {**document, "servers": [_absolute(server, url) for server in servers]}


def _absolute(server: Any, url: str) -> Any:
    if not isinstance(server, Mapping) or not isinstance(server.get("url"), str):
        return server
    try:
        return {**server, "url": urljoin(url, server["url"])}
    except ValueError:
        return server
