"""Provider profiles as documents: found by name, alias, path or as a dict, checked, and laid over what they extend.

Rules of this file: a profile is data (`data/providers/NAME.toml`, or the user's file or dict; docs/profiles.md explains
the members); nothing here knows what a rule of one does. A credential belongs to an address: a profile with an address
of its own inherits none.
"""

from __future__ import annotations

import difflib
import fnmatch
import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .catalog import is_packaged, packaged, packaged_names, read
from .errors import ConfigError, Fault
from .errors import Path as Place

Profile = Mapping[str, Any]

#: Finds what a profile has wrong (`validation.profile_faults`).
Check = Callable[[Any], list[Fault]]

DEFAULT = "openai"

#: Members of a profile and the type each must have.
MEMBERS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "title": str,
    "kind": str,
    "aliases": list,
    "docs": str,
    "status": str,
    "notes": str,
    "sources": list,
    "extends": str,
    "base_url": str,
    "base_url_env": list,
    "api_key_env": list,
    "admin_key_env": list,
    "placeholder_key": str,
    "auth": str,
    "token_auth": str,
    "token_env": list,
    "headers": Mapping,
    "headers_env": Mapping,
    "query": Mapping,
    "variables": Mapping,
    "paths": Mapping,
    "absent": list,
    "routes": (list, str),
    "models": Mapping,
    "families": list,
    "request": list,
    "reply": list,
    "errors": list,
    "error_body": (Mapping, list, str),
    "stream": Mapping,
}

#: Members whose lists go on behind those of the profile below. Of the others, tables merge by key, and all else replaces.
_APPENDED = ("absent", "families", "request", "reply", "errors")

#: What belongs to an address, and goes with it.
_OF_ADDRESS = ("base_url_env", "api_key_env", "admin_key_env", "token_env", "headers_env", "placeholder_key")

#: What only a profile's schema can check.
_DEEP = ("request", "reply", "errors", "paths", "variables", "models", "families", "stream")


def load(provider: str | Path | Profile | None, check: Check | None = None) -> Profile:
    """A profile by the name of a bundled one, by the path of a file, or as a dict. Raises `ConfigError`.

    check: looks at what is the user's own where it has more than an address and keys.
    """
    if isinstance(provider, Mapping):
        return _whole(_checked(provider, str(provider.get("name", "provider")), check))
    if not isinstance(provider, str | Path | None):
        raise ConfigError(f"provider: of type {type(provider).__name__}, wanted a name, the path of a file, or a dict")
    source = str(DEFAULT if provider is None else provider)
    if is_packaged("providers", source):
        return _bundled(source)
    path = Path(source, "provider.toml") if Path(source).is_dir() else Path(source)
    if path.exists() or (path.suffix and source not in _aliases()):
        return _whole(_with_routes(_checked(read(path), str(path), check), path))
    if (name := _aliases().get(source.lower().replace("_", "-"))) is not None:
        return _bundled(name)
    near = difflib.get_close_matches(source, _aliases(), n=3)
    hint = f"near it are {', '.join(near)}" if near else "`oai-dyn providers` lists the bundled ones"
    raise ConfigError(f"no provider {source!r}, and no file of that name; {hint}")


def is_bundled(profile: Profile) -> bool:
    """Whether a profile is a bundled one as it stands."""
    name = str(profile.get("name"))
    return is_packaged("providers", name) and _bundled(name) is profile


def unknown_rows(profile: Profile, names: Iterable[str], paths: Iterable[str]) -> list[Fault]:
    """What a profile says of rows that there are not; names and paths are those of all rows there are."""
    known, places = list(names), {*names, *paths}
    found: list[tuple[Place, str]] = [(("absent", i), row) for i, row in enumerate(profile.get("absent", ()))]
    for member in ("request", "reply"):
        for i, rule in enumerate(profile.get(member, ())):
            found += [((member, i, "rows", j), row.removeprefix("!")) for j, row in enumerate(rule.get("rows", ()))]
    wrong = [(path, row) for path, row in found if not fnmatch.filter(known, row)]
    wrong += [(("paths", name), name) for name in profile.get("paths", {}) if name not in places]
    return [Fault(path, f"{row!r} is no row{_near(row, places)}") for path, row in wrong]


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, n=3)
    return f"; near it are {', '.join(near)}" if near else ""


@functools.cache
def _bundled(name: str) -> Profile:
    return _whole(packaged(f"providers/{name}.toml"))


@functools.cache
def _aliases() -> dict[str, str]:
    """All names of the bundled profiles, in small letters."""
    names = packaged_names("providers")
    aliases = {alias.lower(): name for name in names for alias in packaged(f"providers/{name}.toml").get("aliases", ())}
    return aliases | {name: name for name in names}


def _with_routes(profile: Profile, path: Path) -> Profile:
    """The profile with the file of its routes, if it names one, by where it is: beside the profile."""
    routes = profile.get("routes")
    return {**profile, "routes": str(path.parent / routes)} if isinstance(routes, str) else profile


def _checked(profile: Any, source: str, check: Check | None) -> Profile:
    if not isinstance(profile, Mapping):
        raise ConfigError(f"{source}: wanted a profile: a table of name, base_url and other members")
    for name, value in profile.items():
        if name not in MEMBERS:
            near = difflib.get_close_matches(str(name), MEMBERS, n=3) or MEMBERS
            raise ConfigError(f"{source}: {name}: no such member of a profile; there is {', '.join(near)}")
        if not isinstance(value, MEMBERS[name]):
            raise ConfigError(f"{source}: {name}: of type {type(value).__name__}")
        variables: Any = value.values() if isinstance(value, Mapping) else value
        if name.endswith("_env") and not all(isinstance(variable, str) for variable in variables):
            raise ConfigError(f"{source}: {name}: wanted names of environment variables")
    if check is not None and any(name in profile for name in _DEEP) and (faults := check(dict(profile))):
        raise ConfigError(f"{source}: " + "; ".join(map(str, faults[:3])))
    return profile


def _whole(profile: Profile) -> Profile:
    """The profile with the rules of its families behind its own, laid over the one that it extends."""
    own = _with_families(profile)
    if "extends" not in profile:
        return own
    below = {name: value for name, value in _bundled_named(profile["extends"]).items() if name != "aliases"}
    if _leads_elsewhere(own, below):
        below = {name: value for name, value in below.items() if name not in _OF_ADDRESS}
        below["paths"] = {name: path for name, path in below.get("paths", {}).items() if "://" not in path}
    for name, value in own.items():
        under = below.get(name)
        if isinstance(under, list) and name in _APPENDED:
            below[name] = [*under, *value]
        else:
            below[name] = {**under, **value} if isinstance(under, Mapping) else value
    return below


def _leads_elsewhere(own: Profile, below: Profile) -> bool:
    """Whether a profile sends to another address than the one it is laid over, or may be made to by the environment."""
    home = urlsplit(str(below.get("base_url", ""))).netloc
    paths = [str(path) for path in own.get("paths", {}).values()]
    away = any("://" in path and urlsplit(path).netloc != home for path in paths)
    return away or "base_url" in own or "base_url_env" in own


def _bundled_named(name: str) -> Profile:
    if not is_packaged("providers", name):
        raise ConfigError(f"extends: {name!r}: there is no bundled profile of that name")
    return _bundled(name)


def _with_families(profile: Profile) -> Profile:
    """The rules of each family stand behind the profile's own, each for the family's models where it names none itself."""
    out = dict(profile)
    for name in profile.get("families", ()):
        if not is_packaged("families", name):
            raise ConfigError(f"families: {name!r}: there are {', '.join(packaged_names('families'))}")
        family = packaged(f"families/{name}.toml")
        for member in ("request", "reply"):
            rules = [{"models": family["models"], **rule} for rule in family.get(member, ())]
            out[member] = [*out.get(member, ()), *rules]
    return out
