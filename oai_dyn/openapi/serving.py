"""Where a document's server is, and how it wants its key.

Rules of this file: the first address that can be used is taken; a key travels in a header and nowhere else, for an address is
logged and a cookie is sent unasked; what is passed over is noted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ConfigError
from ..providers import check_url
from .references import Note, References

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def base_url(document: Mapping[str, Any], notes: list[Note]) -> str | None:
    """The address of the first server that has one that can be used."""
    servers = document.get("servers", [])
    for number, server in enumerate(servers if isinstance(servers, list) else []):
        place = f"servers[{number}]"
        url = server.get("url") if isinstance(server, Mapping) else None
        if not isinstance(url, str):
            notes.append(Note(place, "a server without url", "passed over"))
            continue
        try:
            found, query = check_url(_filled(url, server.get("variables")))
        except ConfigError:
            notes.append(Note(place, repr(url[:80]), "passed over: wanted http:// or https:// with a host; give base_url="))
            continue
        if query:
            notes.append(Note(place, "a query in the address", "left out: give query="))
        if others := len(servers) - number - 1:
            notes.append(Note("servers", f"{others} more after {found}", "left out: a profile has one address"))
        return found
    return None


def _filled(url: str, variables: Any) -> str:
    """The address with the defaults of its variables; what is left without one is no host."""
    values = variables if isinstance(variables, Mapping) else {}

    def default(found: re.Match[str]) -> str:
        said = values.get(found.group(1))
        value = said.get("default") if isinstance(said, Mapping) else None
        return value if isinstance(value, str) else " "

    return re.sub(r"\{([^{}]*)\}", default, url)


def auth(document: Mapping[str, Any], references: References, notes: list[Note]) -> str:
    """How a profile sends its key: `bearer`, or else `header:NAME` of the first scheme that says so."""
    found: dict[str, str] = {}
    for name, way in _ways(document, references, notes):
        found.setdefault(way, name)
    chosen = "bearer" if "bearer" in found or not found else next(iter(found))
    for way, name in found.items():
        if way != chosen:
            notes.append(
                Note("securitySchemes", f"{name} ({way})", f"left out: the key is sent as {chosen}, and in one way only")
            )
    return chosen


def _ways(document: Mapping[str, Any], references: References, notes: list[Note]) -> list[tuple[str, str]]:
    """Each scheme that can be used, with the way it sends a key."""
    found = []
    for name, said in _schemes(document).items():
        scheme, _ = references.follow(said, f"securitySchemes.{name}", notes)
        kind = scheme.get("type") if isinstance(scheme, Mapping) else None
        way = _WAYS[kind](scheme) if isinstance(kind, str) and kind in _WAYS else None
        if way is not None:
            found.append((name, way))
        else:
            notes.append(Note("securitySchemes", str(name)[:80], "left out: a key is sent as a bearer token or in a header"))
    return found


def _schemes(document: Mapping[str, Any]) -> Mapping[str, Any]:
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, Mapping) else None
    return schemes if isinstance(schemes, Mapping) else {}


def _of_http(scheme: Mapping[str, Any]) -> str | None:
    return "bearer" if str(scheme.get("scheme")).lower() == "bearer" else None


def _of_key(scheme: Mapping[str, Any]) -> str | None:
    name = scheme.get("name")
    if scheme.get("in") != "header" or not isinstance(name, str) or not _HEADER.fullmatch(name):
        return None
    return "bearer" if name.lower() == "authorization" else f"header:{name}"


def _of_token(scheme: Mapping[str, Any]) -> str | None:
    """A token that is had elsewhere is sent like any other."""
    return "bearer"


_WAYS: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    "http": _of_http,
    "apiKey": _of_key,
    "oauth2": _of_token,
    "openIdConnect": _of_token,
}


def credential(operation: Mapping[str, Any], known: Mapping[str, Any] | None) -> str:
    """The key that an operation takes: the bundled row's, or an administrator's where the name of its scheme says so."""
    if known is not None and "credential" in known:
        return str(known["credential"])
    given = operation.get("security")
    first = given[0] if isinstance(given, list) and given and isinstance(given[0], Mapping) else {}
    return "admin_key" if any("admin" in str(name).lower() for name in first) else "api_key"
