"""How a credential travels: the schemes of a profile, a key from code or the environment, and a token that is asked for.

Rules of this file: a value is never part of a message. What is not known before a call is sent stands in its plan as
`PENDING`, where the user's own header or member of the query takes its place like that of any key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from .errors import ConfigError, ValidationError
from .filling import first
from .form import query_string
from .plan import put_header
from .wire import PENDING, Frozen, Plan, Secret

Lookup = Callable[[str], str | None]


class Carrier(NamedTuple):
    """Where a credential stands in a request: in a header behind a word, or in the query (`header` None); its own name."""

    header: str | None
    member: str
    word: str
    credential: str


class Asked(NamedTuple):
    """A credential from a callable (`asking.Credential`), and what carries it once that is settled.

    Of a call under way: the token that was given, and the plan that waited for it.
    """

    source: Any
    carrier: Any = None
    token: Secret = PENDING
    plan: Plan | None = None


def taken(name: str, given: Any) -> Any:
    """A key given in code: text made secret, a callable made ready to be asked, anything else as it is."""
    if isinstance(given, str):
        return Secret(given)
    return Asked(import_module("oai_dyn.asking").Credential(name, given)) if callable(given) else given


def settled(profile: Mapping[str, Any], given: Mapping[str, Any], lookup: Lookup, at_home: bool) -> dict[str, Any]:
    """What `Config` holds of the credentials. `given`: those in code, by their names; None stands for the environment's."""
    held: dict[str, dict[str, Any]] = {"auth": {}, "auth_query": {}, "asked": {}, "keyless": {}}
    for name, key in given.items():
        member, key = _chosen(profile, name, taken(name, key), lookup if at_home else _nothing)
        carrier = None if key is None or key == "" else _carrier(profile, member, name)
        if carrier is not None:
            place = "auth_query" if carrier.header is None else "auth"
            held[place][name] = _carried(carrier, key)
            if isinstance(key, Asked):
                held["asked"][name] = key._replace(carrier=carrier)
        held["auth"].setdefault(name, {})
        held["keyless"][name] = "" if key else _why_keyless(profile, name, at_home)
    return {name: Frozen(value) for name, value in held.items()}


def with_token(plan: Plan, carrier: Carrier, token: Secret) -> Plan:
    """The plan with a token that was asked for. Raises `ConfigError` for one that cannot be sent."""
    carried = _carried(carrier, token)
    if carrier.header is None:
        return plan._replace(hidden=carried[1])
    return plan._replace(headers={**plan.headers, **carried})


def is_pending(plan: Plan) -> bool:
    """Whether the plan waits for its token: the user may have put something else in its place."""
    return plan.hidden is PENDING or any(value is PENDING for value in plan.headers.values())


def put(headers: dict[str, str], name: str, value: Any, source: str) -> None:
    """Set a header that comes from settings. Raises `ConfigError` that names the source, without the value."""
    try:
        put_header(headers, name, value)
    except ValidationError as error:
        raise ConfigError(f"{source}: {error}") from None


def names(profile: Mapping[str, Any], *members: str) -> str:
    """The environment variables that members of a profile name."""
    return " or ".join(name for member in members for name in profile.get(member, ())) or "no variable"


def _chosen(profile: Mapping[str, Any], name: str, given: Any, lookup: Lookup) -> tuple[str, Any]:
    """A credential, and the member of the profile that says how it travels: a token may do so otherwise than a key."""
    if isinstance(given, Asked):
        return "token_auth", given
    if given is None and name == "api_key" and (token := first(profile.get("token_env", ()), lookup)):
        return "token_auth", token
    key = first(profile.get(f"{name}_env", ()), lookup) if given is None else given
    return "auth", Secret(profile["placeholder_key"]) if not key and name == "api_key" and "placeholder_key" in profile else key


def _carrier(profile: Mapping[str, Any], member: str, credential: str) -> Carrier | None:
    """What carries a credential; None where the profile wants none sent. Raises `ConfigError` for an unknown scheme."""
    member = member if member in profile else "auth"
    scheme = profile.get(member, "bearer")
    kind, _, name = scheme.partition(":")
    if kind not in SCHEMES or SCHEMES[kind] != bool(name):
        raise ConfigError(f"{member}: {scheme!r}, wanted bearer, header:NAME, query:NAME or none")
    if kind == "none":
        return None
    if kind == "query":
        return Carrier(None, name, "", credential)
    return Carrier(name or "Authorization", "", "" if name else "Bearer ", credential)


def _carried(carrier: Carrier, key: Any) -> Any:
    """A header with the key; or the name and the text of a member of the query. A key that is asked for is `PENDING`."""
    source = carrier.credential
    if isinstance(key, Asked):
        put({}, carrier.header or "X", "", source)
        return (carrier.member, PENDING) if carrier.header is None else {carrier.header: PENDING}
    if not isinstance(key, str):
        raise ConfigError(f"{source}: of type {type(key).__name__}, wanted text or a callable")
    if carrier.header is not None:
        value = Secret(carrier.word + key)
        put({}, carrier.header, value, source)
        return {carrier.header: value}
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"{source}: it has control or non-ASCII characters")
    return carrier.member, Secret(query_string([(carrier.member, key)]))


def _why_keyless(profile: Mapping[str, Any], name: str, at_home: bool) -> str:
    variables = names(profile, f"{name}_env", *(["token_env"] if name == "api_key" else ()))
    if at_home:
        return f"no key was sent: neither {name}= nor {variables} is set"
    return f"no key was sent: {variables} belongs to another address than base_url, which needs {name}= beside it"


def _nothing(variable: str) -> None:
    """No variable is set, away from the address that its key belongs to."""


#: The schemes, and whether a name stands behind each.
SCHEMES = {"bearer": False, "header": True, "query": True, "none": False}
