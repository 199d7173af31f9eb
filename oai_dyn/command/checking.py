"""`oai-dyn check`: ask a live service small questions, tell what it does, and write a profile that fits.

Rules of this file: what will be sent is told before anything is, and nothing is sent without consent; the plan and the
question stand on standard error, what was found on standard output.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import oai_dyn

from ..catalog import packaged_names
from ..client import BaseClient
from ..errors import APIError, ConfigError, LossWarning
from ..plan import is_sensitive
from ..probing import Course, Probe, Step, chosen, composed, written
from ..probing.seen import short
from ..profiles import Profile, load
from ..wire import Limits, Secret, Timeout
from .output import Output

#: How long a service may take, in seconds.
_PATIENCE = Timeout(connect=10, first_event=30, idle=30, total=60)

#: The most that is read of an answer, in bytes: some lists of models are long.
_MOST = 8 * 2**20

#: What a profile holds that is no address and no credential: without these a service is seen as it is.
_RULES = ("extends", "families", "request", "reply", "absent", "aliases")

#: Where a profile finds its credentials.
_CREDENTIALS = ("api_key_env", "admin_key_env", "token_env", "headers_env", "placeholder_key")

#: Verdicts of a service that does something.
_TELLING = ("works", "ignored", "differs")

_COLUMNS = (27, 16)


class _Service(NamedTuple):
    """Who is asked: three clients, what a written profile begins with, and the profile that there is."""

    name: str
    plain: BaseClient
    amended: BaseClient | None
    keyless: BaseClient | None
    begins: Mapping[str, Any]
    profile: Profile


def run(options: argparse.Namespace, key: str | None, variables: Mapping[str, str]) -> None:
    """Tell the plan, ask for consent, probe, and tell what was found."""
    probes = chosen(options.only)
    if options.write:
        _check_target(Path(options.write))
    with contextlib.ExitStack() as clients:
        service = _service(options.what, options.key_env, {"api_key": key, "variables": variables}, clients)
        _check(options, service, probes)


def _check(options: argparse.Namespace, service: _Service, probes: tuple[Probe, ...]) -> None:
    course = Course(probes, service.plain, service.amended, service.keyless, options.model or "", service.profile)
    _tell(_plan(service, course, options.model))
    _consent(options.yes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)  # what a profile takes is what is being looked at
        steps = _probed(course, not options.json)
    profile = composed(service.begins, steps, course.known)
    if options.json:
        Output().text(json.dumps(_as_data(service, course, steps, profile), ensure_ascii=False, indent=2) + "\n")
    if options.write and any(step.finding.verdict in _TELLING for step in steps):
        _write(Path(options.write), profile)
    elif options.write:
        _tell([f"{options.write} is not written: nothing was found that a profile could say"])
    if course.stopped:
        raise course.refusal or APIError(course.stopped)


def _check_target(path: Path) -> None:
    """Refuse at once what could not be written at the end."""
    if path.suffix != ".toml" or path.exists() or not path.parent.is_dir():
        raise ConfigError(f"--write {path}: wanted a new file whose name ends in .toml, in a folder that is there")


def _service(what: str, key_env: str | None, given: Mapping[str, Any], clients: contextlib.ExitStack) -> _Service:
    """The clients for a service by its name, its profile's file or its address; `clients` closes them."""
    settings = {**given, "max_retries": 0, "timeout": _PATIENCE, "limits": Limits(reply=_MOST, error_body=_MOST)}

    def client(provider: Any, **own: Any) -> BaseClient:
        return clients.enter_context(oai_dyn.Client(provider, **{**settings, **own}))

    if what.startswith(("http://", "https://")):
        plain = client(what)
        keyless = client(what, api_key=None) if given["api_key"] else None
        return _Service(what, plain, None, keyless, _of_address(plain, key_env), {})
    profile = load(what, import_module("oai_dyn.validation").profile_faults)
    bare = {name: value for name, value in profile.items() if name not in _RULES}
    plain = client(bare)
    amended = client(what) if any(profile.get(name) for name in _RULES) else None
    keyless = None
    if _has_key(plain):
        nameless = {name: value for name, value in bare.items() if name not in _CREDENTIALS}
        public = {name: value for name, value in bare.get("headers", {}).items() if not is_sensitive(name)}
        keyless = client({**nameless, "auth": "none", "headers": public}, api_key=None)
    return _Service(what, plain, amended, keyless, _of_profile(what, profile), profile)


def _has_key(client: BaseClient) -> bool:
    """Whether a client's requests have a credential."""
    plan = client._ready(client._provider, "models.list", (), {}).plan
    return plan.hidden is not None or any(isinstance(value, Secret) for value in plan.headers.values())


def _of_address(client: BaseClient, key_env: str | None) -> dict[str, Any]:
    """What a profile for an address begins with."""
    name = re.sub(r"[^a-z0-9]+", "-", urlsplit(client.base_url).netloc.lower()).strip("-")
    query = {name: value for name, value in client._provider.config.query.items() if not is_sensitive(name)}
    key = {"api_key_env": [key_env]} if key_env else {"auth": "none"}
    return {"name": name, "base_url": client.base_url, **key, **({"query": query} if query else {})}


def _of_profile(what: str, profile: Profile) -> dict[str, Any]:
    """What a profile that adds to another begins with: a bundled one is extended, a file's is taken as it is."""
    if profile["name"] in packaged_names("providers") and not Path(what).exists():
        return {"name": profile["name"], "extends": profile["name"]}
    return {name: value for name, value in profile.items() if name not in ("extends", "families")}


def _plan(service: _Service, course: Course, model: str | None) -> Iterator[str]:
    """What will be sent, at most."""
    yield f"{service.name}: requests to {service.plain.base_url}, in this order"
    yield _columns("PROBE", "TOKENS AT MOST", "REQUEST")
    for probe in (probe for probe in course.probes if probe.body is not None):
        route = service.plain.routes.find(probe.row)
        yield _columns(probe.name, str(probe.tokens), f"{route.method} {route.path}: {probe.says}")
    yield f"model: {model or 'the first of the list of models that chats, a small one if its name says so'}"
    if service.amended is not None:
        yield "what the service does not take as it is will be asked again as its profile has it"
    yield (
        f"at most {course.most_requests} requests, and {course.most_tokens} tokens of answers; questions are of a line."
        " It stops at the first 429; nothing is tried again, and no wrong key is sent."
    )


def _consent(given: bool) -> None:
    """Go on only with consent. Raises `ConfigError` without."""
    if given:
        return
    if not sys.stdin.isatty():
        raise ConfigError("check: nothing was sent; --yes lets it where there is no terminal to ask at")
    sys.stderr.write("Send these? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ConfigError("check: nothing was sent")


def _probed(course: Course, shown: bool) -> list[Step]:
    """All findings, each shown as it comes."""
    steps: list[Step] = []
    output = Output()
    if shown:
        output.text(_columns("PROBE", "VERDICT", "SEEN") + "\n")
    for step in course.run():
        steps.append(step)
        if step.probe.name == "models":
            _tell([f"model: {short(course.known.model) or 'none that chats'}"])
        if shown:
            verdict = step.finding.verdict + (", handled" if step.finding.handled else "")
            output.text(_columns(step.probe.name, verdict, step.finding.seen) + "\n")
    if shown:
        output.text(f"{course.requests} requests, {course.tokens} tokens of answers\n")
        if any(step.finding.handled for step in steps):
            output.text("handled: the profile mends it, or refuses it before it is sent\n")
        if course.stopped:
            output.text(f"stopped: {course.stopped}\n")
    return steps


def _as_data(service: _Service, course: Course, steps: list[Step], profile: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "provider": service.name,
        "base_url": service.plain.base_url,
        "model": course.known.model or None,
        "requests": course.requests,
        "tokens": course.tokens,
        "stopped": course.stopped or None,
        "findings": [{"probe": probe.name, **finding._asdict()} for probe, finding in steps],
        "profile": profile,
    }


def _write(path: Path, profile: Mapping[str, Any]) -> None:
    """Write the profile. Raises `ConfigError` where it is none."""
    if faults := import_module("oai_dyn.validation").profile_faults(json.loads(json.dumps(profile))):
        raise ConfigError(f"--write {path}: {faults[0]}")
    with path.open("x", encoding="utf-8") as file:
        file.write(written(profile, "What `oai-dyn check` has seen; see docs/profiles.md."))
    _tell([f"written: {path}"])


def _columns(*cells: str) -> str:
    return "  ".join([*(cell.ljust(width) for cell, width in zip(cells, _COLUMNS, strict=False)), cells[-1]])


def _tell(lines: Iterable[str]) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
