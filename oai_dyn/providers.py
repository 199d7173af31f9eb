"""Provider profiles: where a service is, and which credential belongs to it.

Rules of this file: a profile is data (`data/providers/NAME.toml`, or the user's file or dict). A key from
the environment goes only to the address it belongs to: the profile's own, or the one that the profile's
own variable names. With any other address given in code, a key must be given in code too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from .catalog import packaged, packaged_names, read
from .errors import ConfigError, ValidationError
from .form import normal_path
from .plan import put_header
from .wire import Frozen, Secret

DEFAULT = "openai"

#: Members of a profile and the type each must have.
MEMBERS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "base_url": str,
    "base_url_env": list,
    "api_key_env": list,
    "admin_key_env": list,
    "auth": str,
    "headers": Mapping,
    "headers_env": Mapping,
    "query": Mapping,
    "routes": (list, str),
}


class Place(NamedTuple):
    """Where requests go and as whom: the base URL, and the headers and query they always carry."""

    base_url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    auth: Mapping[str, Mapping[str, str]]
    keyless: Mapping[str, str]


def load(provider: str | Path | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A profile by the name of a bundled one, by the path of a file, or as a dict. Raises `ConfigError`."""
    if provider is None:
        provider = DEFAULT
    if not isinstance(provider, str | Path | Mapping):
        raise ConfigError(f"provider: of type {type(provider).__name__}, wanted a name, the path of a file, or a dict")
    if isinstance(provider, Mapping):
        return _checked(provider, str(provider.get("name", "provider")))
    names = packaged_names("providers")
    if str(provider) in names:
        return _checked(packaged(f"providers/{provider}.toml"), str(provider))
    if Path(provider).suffix or Path(provider).exists():
        return _with_routes(_checked(read(provider), str(provider)), Path(provider))
    raise ConfigError(f"no provider {str(provider)!r}, and no file of that name; bundled are {', '.join(names)}")


def _with_routes(profile: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """The profile with the file of its routes, if it names one, by where it is: beside the profile."""
    routes = profile.get("routes")
    return {**profile, "routes": str(path.parent / routes)} if isinstance(routes, str) else profile


def _checked(profile: Any, source: str) -> Mapping[str, Any]:
    if not isinstance(profile, Mapping):
        raise ConfigError(f"{source}: wanted a table of {', '.join(MEMBERS)}")
    for name, value in profile.items():
        if name not in MEMBERS:
            raise ConfigError(f"{source}: {name}: no such member; a profile has {', '.join(MEMBERS)}")
        if not isinstance(value, MEMBERS[name]):
            raise ConfigError(f"{source}: {name}: of type {type(value).__name__}")
        variables: Any = value.values() if isinstance(value, Mapping) else value
        if name.endswith("_env") and not all(isinstance(variable, str) for variable in variables):
            raise ConfigError(f"{source}: {name}: wanted names of environment variables")
    return profile


def settle(
    profile: Mapping[str, Any],
    lookup: Callable[[str], str],
    base_url: str | None = None,
    api_key: str | None = None,
    admin_key: str | None = None,
) -> Place:
    """Decide address and credentials from what is given in code, the environment and the profile, in that order.

    lookup: the value of an environment variable, "" where it is not set.
    """
    from_env = _first(profile.get("base_url_env", ()), lookup)
    own = [str(url).rstrip("/") for url in (from_env, profile.get("base_url")) if url]
    if base_url is not None and not isinstance(base_url, str):
        raise ConfigError(f"base_url: of type {type(base_url).__name__}, wanted text")
    chosen = base_url if base_url is not None else next(iter(own), None)
    if chosen is None:
        raise ConfigError(f"no base URL: give base_url=, or set {_names(profile, 'base_url_env')}")
    address, query = check_url(chosen)
    at_home = chosen.rstrip("/") in own
    headers: dict[str, str] = {}
    for name, variable in profile.get("headers_env", {}).items() if at_home else ():
        if lookup(variable):
            _put(headers, name, lookup(variable), variable)
    for name, value in profile.get("headers", {}).items():
        _put(headers, name, value, f"headers.{name}")
    auth, keyless = {}, {}
    for credential, given in (("api_key", api_key), ("admin_key", admin_key)):
        variables = profile.get(f"{credential}_env", ())
        key = given if given is not None else _first(variables, lookup) if at_home else None
        auth[credential] = _auth_headers(profile.get("auth", "bearer"), key, credential)
        keyless[credential] = "" if key else _why_keyless(credential, _names(profile, f"{credential}_env"), at_home)
    return Place(address, Frozen({**query, **profile.get("query", {})}), Frozen(headers), Frozen(auth), Frozen(keyless))


def check_url(url: str) -> tuple[str, dict[str, str]]:
    """A base URL without its query and trailing slash, and the query. Raises `ConfigError` without quoting a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = str(parts.hostname or "")
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:
        raise ConfigError(f"base_url: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError("base_url: it holds a user name or password; give api_key= or headers= instead")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise ConfigError(f"base_url: {url!r}, wanted http:// or https:// with a host")
    host = f"[{host}]" if ":" in host else host
    try:
        path = normal_path(parts.path.rstrip("/"))
    except ValueError:
        raise ConfigError("base_url: its path holds a lone surrogate") from None
    address = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"
    return address, dict(parse_qsl(parts.query))


def _auth_headers(scheme: str, key: str | None, credential: str) -> Mapping[str, str]:
    """The header that carries a key: `bearer`, `header:NAME`, or `none`."""
    if key is None or key == "" or scheme == "none":
        return {}
    kind, _, name = scheme.partition(":")
    if kind not in ("bearer", "header") or (kind == "header") != bool(name):
        raise ConfigError(f"auth: {scheme!r}, wanted bearer, header:NAME or none")
    if not isinstance(key, str):
        raise ConfigError(f"{credential}: of type {type(key).__name__}, wanted text")
    value = Secret(key if name else f"Bearer {key}")
    _put({}, name or "Authorization", value, credential)
    return {name or "Authorization": value}


def _put(headers: dict[str, str], name: str, value: Any, source: str) -> None:
    try:
        put_header(headers, name, value)
    except ValidationError as error:
        raise ConfigError(f"{source}: {error}") from None


def _first(variables: Any, lookup: Callable[[str], str]) -> Secret | None:
    return next((Secret(lookup(name).strip()) for name in variables if lookup(name).strip()), None)


def _names(profile: Mapping[str, Any], member: str) -> str:
    return " or ".join(profile.get(member, ())) or "no variable"


def _why_keyless(credential: str, variables: str, at_home: bool) -> str:
    if at_home:
        return f"no key was sent: neither {credential}= nor {variables} is set"
    return f"no key was sent: {variables} belongs to another address than base_url, which needs {credential}= beside it"
