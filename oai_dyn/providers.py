"""Provider profiles: where a service is, and which credential belongs to it.

Rules of this file: a profile is data (`data/providers/NAME.toml`, or the user's file or dict). A key from
the environment goes only to the address it belongs to: the profile's own, or the one that the profile's
own variable names. With any other address given in code, a key must be given in code too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .catalog import packaged, packaged_names, read
from .errors import ConfigError, ValidationError
from .form import normal_path
from .plan import put_header
from .wire import Config, Frozen, Secret

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


def load(provider: str | Path | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A profile by the name of a bundled one, by the path of a file, or as a dict. Raises `ConfigError`."""
    if isinstance(provider, Mapping):
        return _checked(provider, str(provider.get("name", "provider")))
    if not isinstance(provider, str | Path | None):
        raise ConfigError(f"provider: of type {type(provider).__name__}, wanted a name, the path of a file, or a dict")
    source, names = str(DEFAULT if provider is None else provider), packaged_names("providers")
    if source in names:
        return _checked(packaged(f"providers/{source}.toml"), source)
    path = Path(source, "provider.toml") if Path(source).is_dir() else Path(source)
    if path.suffix or path.exists():
        return _with_routes(_checked(read(path), str(path)), path)
    raise ConfigError(f"no provider {source!r}, and no file of that name; bundled are {', '.join(names)}")


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
    lookup: Callable[[str], str | None],
    base_url: str | None = None,
    api_key: str | None = None,
    admin_key: str | None = None,
) -> Config:
    """Decide address and credentials from what is given in code, the environment and the profile, in that order.

    lookup: the value of an environment variable, if it is set.
    """
    from_env = _first(profile.get("base_url_env", ()), lookup)
    own = [str(url).rstrip("/") for url in (from_env, profile.get("base_url")) if url]
    chosen = base_url if base_url is not None else next(iter(own), None)
    if chosen is None:
        raise ConfigError(f"no base URL: give base_url=, or set {_names(profile, 'base_url_env')}")
    address, query = check_url(chosen)
    at_home = chosen.rstrip("/") in own
    headers: dict[str, str] = {}
    for name, variable in profile.get("headers_env", {}).items() if at_home else ():
        if value := lookup(variable):
            put(headers, name, value, variable)
    for name, value in profile.get("headers", {}).items():
        put(headers, name, value, f"headers.{name}")
    auth, keyless = {}, {}
    for credential, given in (("api_key", api_key), ("admin_key", admin_key)):
        variables = profile.get(f"{credential}_env", ())
        key = given if given is not None else _first(variables, lookup) if at_home else None
        auth[credential] = _auth_headers(profile.get("auth", "bearer"), key, credential)
        keyless[credential] = "" if key else _why_keyless(credential, _names(profile, f"{credential}_env"), at_home)
    query |= profile.get("query", {})
    return Config(address, headers=headers, query=query, auth=Frozen(auth), keyless=Frozen(keyless))


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
    put({}, name or "Authorization", value, credential)
    return {name or "Authorization": value}


def put(headers: dict[str, str], name: str, value: Any, source: str) -> None:
    """Set a header that comes from settings. Raises `ConfigError` that names the source, without the value."""
    try:
        put_header(headers, name, value)
    except ValidationError as error:
        raise ConfigError(f"{source}: {error}") from None


def _first(variables: Any, lookup: Callable[[str], str | None]) -> Secret | None:
    found = (Secret((lookup(name) or "").strip()) for name in variables)
    return next(filter(None, found), None)


def _names(profile: Mapping[str, Any], member: str) -> str:
    return " or ".join(profile.get(member, ())) or "no variable"


def _why_keyless(credential: str, variables: str, at_home: bool) -> str:
    if at_home:
        return f"no key was sent: neither {credential}= nor {variables} is set"
    return f"no key was sent: {variables} belongs to another address than base_url, which needs {credential}= beside it"
