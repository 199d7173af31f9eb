"""What a client is given, settled before any call: what holds for all of its calls, and where they go.

Rules of this file: a wrong setting is refused here, with its name and without its value where that may be secret; no
network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from . import checks, credentials, profiles, providers, routes
from .coding import ACCEPT_ENCODING
from .errors import ConfigError, Fault
from .plan import checked, mapping
from .version import __version__
from .wire import Config, Frozen, Limits, Secret, Timeout

#: Ten minutes, as the official SDK has it: a model may think for long. No bound on the whole of a stream.
DEFAULT_TIMEOUT = Timeout(connect=10.0, first_event=600.0, idle=600.0)

DEFAULT_LIMITS = Limits()

#: Headers of every request, under the profile's and the user's.
_OF_OURS = {"User-Agent": f"oai_dyn/{__version__}", "Accept-Encoding": ACCEPT_ENCODING}


def for_all_calls(*, headers: Any, query: Any, codecs: Any, hook: Any, validate: Any, **others: Any) -> dict[str, Any]:
    """The settings that are the same wherever a call goes, as `Config` has them."""
    own_headers = mapping("headers", headers)
    for name, value in own_headers.items():
        credentials.put({}, name, value, "headers")
    if hook is not None and not callable(hook):
        raise ConfigError(f"hook: {hook!r}, wanted a callable")
    settled = {"own_headers": own_headers, "query": mapping("query", query), "codecs": mapping("codecs", codecs), "hook": hook}
    return {**settled, "validate": checks.settle(validate), **checked(others)}


def for_provider(profile: profiles.Profile, shared: Mapping[str, Any], **given: Any) -> Config:
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


def profile_of(provider: Any) -> profiles.Profile:
    """The profile that a setting names."""
    return profiles.load(provider, _profile_faults)


def table(*sources: Any) -> routes.Table:
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
