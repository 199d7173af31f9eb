"""Deviations as data: the files of tests/vectors/deviations, and what a client makes of each case.

One file for each provider: {"provider": NAME, "differences": [entry, ...]}. An entry has an `id` (which list of the facts, and
the place in it), a `tag`, a `status` (held, refused, not held), `by` (rule, core, profile, family), and cases; `note` where there
is nothing to do, `reason` where it is not held. A case has one of these forms:

    given, wanted [, losses]        the body of a request, and what is sent; places of what is lost
    given, refused                  the place that the `ValidationError` names
    [given,] url [, sent]           where a request goes, and headers that it has
    raises                          the class of the error of a call that cannot be made
    given | text | events, wanted   a service's reply, as JSON or as text, or the events of its stream, and what is handed over
    stream, wanted [, error]        the raw text of a stream, its events, and the error that ends it
    status, body | text, wanted     an error's answer, and members of the error that is raised

and may have `row`, `path` (positional parameters), `model`, `variables`, `headers`, `content_type`, and `as` where it is of
another kind than its difference (request, reply). In `wanted` the text "<any>" stands for anything that is made, "<any:REGEX>"
for what the expression takes.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from oai_dyn import APIError, LossWarning, OaiDynError, Reply, ValidationError
from oai_dyn.errors import place
from oai_dyn.plan import make_call
from oai_dyn.profiles import load
from oai_dyn.testing import Answer, ScriptedClient
from oai_dyn.wire import Call

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "vectors" / "deviations"

#: The facts, where they are there: a list of services and their differences.
FACTS = Path(__file__).parents[2] / "shared" / "providers" / "catalogue.json"

#: The lists of differences, by what an id begins with.
LISTS = {"request": "request_mismatches", "reply": "response_mismatches", "stream": "stream_quirks", "error": "error_shape"}

ROW = "chat.completions.create"

_ANY = re.compile(r"<any(?::(.*))?>")


class Difference(NamedTuple):
    """One entry of a provider's file."""

    provider: str
    entry: Json

    @property
    def cases(self) -> list[Json]:
        """Its cases."""
        return list(self.entry.get("cases", ()))

    def kind(self, case: Json) -> str:
        """What a case is about: request, reply, stream, error."""
        if any(name in case for name in ("refused", "url", "raises")):
            return "request"
        return str(case.get("as", self.entry["id"])).partition("/")[0]


def differences() -> list[Difference]:
    """Every entry of every file."""
    files = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    return [Difference(file["provider"], entry) for file in files for entry in file["differences"]]


def facts() -> dict[str, Json]:
    """The services of the facts, by name; {} where they are not there."""
    return {row["name"]: row for row in json.loads(FACTS.read_text())} if FACTS.exists() else {}


def bare(provider: str, by: str) -> Json:
    """A provider's profile without that by which a difference is held: its rules, or all but an address of OpenAI's form."""
    profile = load(provider)
    if by == "profile":
        return {"name": provider, "base_url": "https://bare.example/v1", "variables": profile.get("variables", {})}
    return {name: value for name, value in profile.items() if name not in ("request", "reply", "errors", "extends", "families")}


def settings(provider: Any, case: Json) -> Json:
    """Arguments of a client for a provider: the case's variables, and something for all others."""
    profile = load(provider)
    base = profile.get("base_url", "")
    filled = {
        name: f"https://{name}.example" if base.startswith(f"{{{name}}}") else name.replace("_", "-")
        for name in profile.get("variables", {})
    }
    return {"provider": provider, "variables": filled | case.get("variables", {}), "api_key": "test-key", "max_retries": 0}


def scripted(provider: Any, case: Json, *script: Answer, **more: Any) -> ScriptedClient:
    """A client that plays answers, at the provider's own address."""
    return ScriptedClient(script, **{"base_url": None, **settings(provider, case), **more})


def planned(provider: Any, case: Json, given: Any = None) -> Call:
    """A request's call as it would be sent. Nothing is lost on the way but what `losses` tells."""
    client = scripted(provider, case, normalize=False)
    body = case.get("given") if given is None else given
    arguments = [*case.get("path", ()), *([] if body is None else [body])]
    return make_call(client.routes.find(case.get("row", ROW)), tuple(arguments), {}, client._provider.config)


def request_outcome(provider: Any, case: Json) -> Json:
    """What comes of a request's case, under the same names as in the case."""
    if "raises" in case:
        return {"raises": _raised(provider, case)}
    try:
        call = planned(provider, case)
    except ValidationError as error:
        return {"refused": place(error.errors[0].path) if error.errors else str(error)}
    if "url" in case:
        headers = {name: str(value) for name, value in call.plan.headers.items() if name in case.get("sent", ())}
        return {"url": call.plan.url} | ({"sent": headers} if "sent" in case else {})
    return {"wanted": body_of(call, case.get("given")), "losses": [place(loss.path) for loss in call.losses]}


def body_of(call: Call, given: Any) -> Any:
    """The body that a call sends; of a form, its members before they become one."""
    if isinstance(call.plan.body, bytes) and call.plan.route.body.kind == "json":
        return json.loads(call.plan.body)
    rules = call.config.transformations
    return given if rules is None else rules.request(call.plan.route, given)[0]


def expected_of_request(case: Json) -> Json:
    """What a request's case wants, in the form of `request_outcome`."""
    names = ("raises", "refused", "url", "sent", "wanted")
    wanted = {name: case[name] for name in names if name in case}
    return {**wanted, "losses": case.get("losses", [])} if "wanted" in case else wanted


def _raised(provider: Any, case: Json) -> str | None:
    try:
        planned(provider, case)
    except OaiDynError as error:
        return type(error).__name__
    return None


def pieces_of(case: Json) -> tuple[int, dict[str, str], bytes]:
    """The answer of a case: status, headers, body."""
    streams = "stream" in case or "events" in case
    if "events" in case:
        body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in case["events"]) + b"data: [DONE]\n\n"
    else:
        text = next((case[name] for name in ("stream", "text") if name in case), None)
        body = (json.dumps(case.get("body", case.get("given"))) if text is None else text).encode()
    kind = case.get("content_type", "text/event-stream" if streams else "application/json")
    return case.get("status", 200), {"content-type": kind, **case.get("headers", {})}, body


def ask(client: Any, case: Json, into: Any = None) -> Any:
    """Make the call whose answer a case has: the result, or its stream."""
    streams = "stream" in case or "events" in case
    row = case.get("row", ROW)
    body = {"model": case.get("model", "m")} if client.routes.find(row).body.kind != "none" else None
    arguments = [*case.get("path", ()), *([] if body is None else [body])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)
        return client.call(row, *arguments, **({"stream": True} if streams else {"into": into}))


def answer_outcome(provider: Any, case: Json, **more: Any) -> Json:
    """What comes of an answer's case: what was handed over, and the error, if it raised one."""
    status, headers, body = pieces_of(case)
    client = scripted(provider, case, Answer(status, headers, (body,)), **more)
    events: list[Any] = []
    try:
        result = ask(client, case, Reply)
        if isinstance(result, Reply):
            return {"wanted": result.data}
        events.extend(result)
    except APIError as error:
        return {"wanted": events, "error": error}
    return {"wanted": events}


def fits(found: Any, wanted: Any) -> bool:
    """Whether a value is the one that is wanted, where "<any>" stands for any text or number that says something."""
    if isinstance(wanted, str) and (made := _ANY.fullmatch(wanted)):
        return isinstance(found, str | int) and bool(found) and re.fullmatch(made[1] or ".*", str(found), re.DOTALL) is not None
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and found.keys() == wanted.keys() and all(fits(found[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(fits, found, wanted))
    return type(found) is type(wanted) and bool(found == wanted)


def error_fits(error: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether an error has the class and the members that are wanted; a message may have the status in front of it."""
    members: Iterable[tuple[str, Any]] = ((name, value) for name, value in wanted.items() if name not in ("class", "message"))
    return (
        type(error).__name__ == wanted["class"]
        and str(wanted.get("message", "")) in str(error)
        and all(getattr(error, name, None) == value for name, value in members)
    )


def answer_fits(outcome: Json, case: Json, kind: str) -> bool:
    """Whether an answer's case came out as it wants."""
    if kind == "error" or "status" in case:
        return "error" in outcome and error_fits(outcome["error"], case["wanted"])
    if ("error" in outcome) != ("error" in case):
        return False
    return fits(outcome["wanted"], case["wanted"]) and ("error" not in case or error_fits(outcome["error"], case["error"]))
