"""What a client is given, settled before any call: what holds for all of its calls, and where they go.

Rules of this file: a wrong setting is refused here, with its name and without its value where that may be secret; no
network.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from . import checks, credentials, profiles, providers, routes
from .coding import ACCEPT_ENCODING
from .errors import ConfigError, Fault
from .plan import checked, is_sensitive, mapping
from .routing import Provider
from .version import __version__
from .wire import Config, Frozen, Limits, Secret, Timeout

#: Ten minutes, as the official SDK has it: a model may think for long. No bound on the whole of a stream.
DEFAULT_TIMEOUT = Timeout(connect=10.0, first_event=600.0, idle=600.0)

DEFAULT_LIMITS = Limits()

#: Headers of every request, under the profile's and the user's.
_OF_OURS = {"User-Agent": f"oai_dyn/{__version__}", "Accept-Encoding": ACCEPT_ENCODING}

#: Members of a dict for a provider that a file has not: a key is no data.
_KEYS = ("api_key", "admin_key")


def for_all_calls(*, headers: Any, query: Any, codecs: Any, hook: Any, validate: Any, **others: Any) -> dict[str, Any]:
    """The settings that are the same wherever a call goes, as `Config` has them."""
    own_headers = mapping("headers", headers)
    for name, value in own_headers.items():
        credentials.put({}, name, value, "headers")
    if hook is not None and not callable(hook):
        raise ConfigError(f"hook: {hook!r}, wanted a callable")
    settled = {"own_headers": own_headers, "query": mapping("query", query), "codecs": mapping("codecs", codecs), "hook": hook}
    return {**settled, "validate": checks.settle(validate), **checked(others)}


def for_providers(
    provider: Any, address: Mapping[str, Any], variables: Mapping[str, Any], rows: Any, shared: Mapping[str, Any]
) -> list[Provider]:
    """The settings and the rows of each provider that a client was given.

    address: base_url and the keys, None where they are not given. shared: what `for_all_calls` made.
    """
    if not isinstance(provider, list | tuple):
        provider = [provider]
    given = [_element(one) for one in provider]
    if len(given) != 1:
        _check_several(given, address, variables, shared)
    found: list[Provider] = []
    names: Counter[str] = Counter()
    for profile, own in given:
        values = {name: value for name, value in variables.items() if len(given) == 1 or name in profile.get("variables", {})}
        place = {name: own.get(name) if value is None else value for name, value in address.items()}
        config = _for_provider(profile, shared, variables=values, **place)
        name = own.get("name", config.provider)
        names[name] += 1
        config = config._replace(provider=name if names[name] == 1 else f"{name}-{names[name]}")
        found.append(Provider(config, _rows_of(profile, rows)))
    return found


def concealed(provider: Any) -> Any:
    """A provider, or several, with the keys in dicts made secret, which no traceback prints."""
    if isinstance(provider, list | tuple):
        return [concealed(one) for one in provider]
    if isinstance(provider, Mapping):
        return {name: credentials.taken(name, value) if name in _KEYS else value for name, value in provider.items()}
    return provider


def _element(provider: Any) -> tuple[profiles.Profile, dict[str, Any]]:
    """One provider as it may be given: its profile, and the address and keys that stand beside it."""
    if isinstance(provider, str) and provider.startswith(("http://", "https://")):
        return _profile_of(None), {"base_url": provider, "name": urlsplit(provider).netloc}
    if isinstance(provider, Mapping):
        profile = {name: value for name, value in provider.items() if name not in _KEYS}
        return _profile_of(profile), {name: provider[name] for name in _KEYS if name in provider}
    return _profile_of(provider), {}


def _check_several(
    given: list[tuple[profiles.Profile, dict[str, Any]]],
    address: Mapping[str, Any],
    variables: Mapping[str, Any],
    shared: Mapping[str, Any],
) -> None:
    """What belongs to one provider is not for several. Raises `ConfigError`."""
    if not given:
        raise ConfigError("provider: an empty list, wanted names, files, dicts or base URLs")
    for name in (name for name, value in address.items() if value is not None):
        raise ConfigError(f"{name}: each of several providers has its own: {{'extends': 'groq', {name!r}: ...}} in the list")
    for name in (name for name, value in shared["own_headers"].items() if value is not None and is_sensitive(name)):
        raise ConfigError(f"headers.{name}: all of the providers would get it: give it in `headers` of its own provider's dict")
    for name in (name for name in variables if not any(name in profile.get("variables", {}) for profile, _ in given)):
        raise ConfigError(f"variables: {name!r}: none of the providers has such a variable")


def _for_provider(profile: profiles.Profile, shared: Mapping[str, Any], **given: Any) -> Config:
    """All settings of a client's calls to one provider. given: what `providers.settle` takes beside the profile."""
    place = providers.settle(profile, os.getenv, **given)
    return place._replace(
        **{
            **shared,
            "headers": Frozen({**_OF_OURS, **place.headers}),
            "query": Frozen({**place.query, **shared["query"]}),
            "transformations": _transformations(profile, place.variables),
        }
    )


def _profile_of(provider: Any) -> profiles.Profile:
    return profiles.load(provider, _profile_faults)


def _rows_of(profile: profiles.Profile, rows: Any) -> routes.Table:
    """The table of a profile; what it says of rows is held against it. Raises `ConfigError` where there is no such row."""
    table, bundled = _table(profile.get("routes"), rows), routes.bundled()
    if not profiles.is_bundled(profile):
        names = dict.fromkeys((*table.names, *bundled.names))
        paths = {one.row(name)["path"] for one in (table, bundled) for name in one.names}
        if faults := profiles.unknown_rows(profile, names, paths):
            raise ConfigError(f"{profile.get('name', 'provider')}: {'; '.join(map(str, faults[:3]))}")
    return table


def _table(*sources: Any) -> routes.Table:
    """The bundled rows, with the profile's and then the user's laid over them."""
    found = routes.bundled()
    for source in sources:
        if source is not None:
            engine = import_module("oai_dyn.validation")
            document = {"routes": source} if isinstance(source, list) else source
            found = routes.load(document, found, engine.route_table_faults)
    return found


def _profile_faults(document: Any) -> list[Fault]:
    faults: list[Fault] = import_module("oai_dyn.validation").profile_faults(document)
    return faults


def _transformations(profile: profiles.Profile, variables: Mapping[str, str]) -> Any:
    """What a profile's rules come to, None where it has none."""
    request, reply = profile.get("request", ()), profile.get("reply", ())
    if not request and not reply:
        return None
    return import_module("oai_dyn.transformations").Transformations(str(profile.get("name")), request, reply, variables)


def hidden_values(headers: Mapping[Any, Any]) -> dict[Any, Any]:
    """Headers with the text of their values made secret, which no traceback prints."""
    return {name: Secret(value) if isinstance(value, str) else value for name, value in headers.items()}
