"""What a provider's profile comes to for one client: where the service is, and which credential belongs to it.

Rules of this file: the profile is loaded, whole and checked. A key from the environment goes only to the address it
belongs to: the profile's own, or the one that the profile's own variable names. With any other address given in code, a
key must be given in code too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from . import credentials
from .credentials import names, put
from .errors import ConfigError
from .filling import BRACES, Filler, first
from .form import normal_path
from .meanings import compile_errors
from .wire import Config, Frozen

#: An address whose host is a variable: given in code, it is an address given in code.
_WHOLE_HOST = re.compile(r"(?:https?://)?\{(\w+)\??\}(?:[/:]|$)")


def settle(
    profile: Mapping[str, Any],
    lookup: Callable[[str], str | None],
    base_url: str | None = None,
    api_key: Any = None,
    admin_key: Any = None,
    variables: Mapping[str, Any] = Frozen(),
) -> Config:
    """Decide address and credentials from what is given in code, the environment and the profile, in that order.

    lookup: the value of an environment variable, if it is set. variables: what the braces in the profile stand for.
    A key is text, a callable, or what `credentials.taken` made of one.
    """
    fill = Filler(profile, lookup, variables)
    found = first(profile.get("base_url_env", ()), lookup)
    from_env = None if found is None else str(found)
    own = _own_address(profile, fill, base_url is None and from_env is None)
    chosen = next((url for url in (base_url, from_env, own) if url is not None), None)
    if chosen is None:
        raise ConfigError(f"no base URL: give base_url=, or set {names(profile, 'base_url_env')}")
    address, query = check_url(chosen)
    at_home = chosen.rstrip("/") in _at_home(profile, fill, from_env, own)
    return Config(
        address,
        headers=_headers(profile, lookup if at_home else lambda variable: None, fill),
        query=query | fill.all_of("query"),
        provider=str(profile.get("name", "provider")),
        models=Frozen(profile.get("models", {})),
        variables=Frozen(fill.values()),
        paths=Frozen(_paths(profile, fill, address, at_home and chosen.rstrip("/") == str(own).rstrip("/"))),
        absent=tuple(profile.get("absent", ())),
        errors=compile_errors(profile.get("errors", ())),
        **credentials.settled(profile, {"api_key": api_key, "admin_key": admin_key}, lookup, at_home),
    )


def _headers(profile: Mapping[str, Any], lookup: Callable[[str], str | None], fill: Filler) -> dict[str, str]:
    """The profile's headers; those whose values stand in the environment go only where `lookup` finds them."""
    headers: dict[str, str] = {}
    for name, variable in profile.get("headers_env", {}).items():
        if value := lookup(variable):
            put(headers, name, value, variable)
    for name, value in fill.all_of("headers").items():
        put(headers, name, value, f"headers.{name}")
    return headers


def _own_address(profile: Mapping[str, Any], fill: Filler, needed: bool) -> str | None:
    """The profile's base URL with its variables filled in. Raises `ConfigError` where it is needed and one is missing."""
    try:
        address: str | None = fill(profile.get("base_url"), "base_url")
    except ConfigError:
        if needed:
            raise
        return None
    return address


def _at_home(profile: Mapping[str, Any], fill: Filler, from_env: str | None, own: str | None) -> list[str]:
    """The addresses that keys from the environment go to."""
    host = _WHOLE_HOST.match(profile.get("base_url", ""))
    in_code = host is not None and fill.in_code(host.group(1))
    return [url.rstrip("/") for url in (from_env, None if in_code else own) if url]


def _paths(profile: Mapping[str, Any], fill: Filler, address: str, at_home: bool) -> dict[str, str]:
    """The provider's own paths, by the table's. Another address than the profile's stands for all of its hosts."""
    found = {}
    for name, template in profile.get("paths", {}).items():
        kept = tuple(match.group(1) for match in BRACES.finditer(template) if match.group(1) not in profile.get("variables", {}))
        if (path := fill(template, f"paths.{name}", kept)) is None:
            continue
        if "://" in path and not at_home:
            here, there = urlsplit(address), urlsplit(path)
            path = f"{here.scheme}://{here.netloc}{there.path}"
        found[name] = path
    return found


def check_url(url: Any) -> tuple[str, dict[str, str]]:
    """A base URL without its query and trailing slash, and the query. Raises `ConfigError` without quoting a password."""
    if not isinstance(url, str):
        raise ConfigError(f"base_url: of type {type(url).__name__}, wanted text")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = str(parts.hostname or "")
        host = host if host.isascii() else host.encode("idna").decode()
        path = normal_path(parts.path.rstrip("/"))
    except ValueError as error:
        raise ConfigError(f"base_url: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError("base_url: it holds a user name or password; give api_key= or headers= instead")
    if parts.scheme not in ("http", "https") or not host or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise ConfigError(f"base_url: {url!r}, wanted http:// or https:// with a host")
    host = f"[{host}]" if ":" in host else host
    address = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"
    return address, dict(parse_qsl(parts.query))
