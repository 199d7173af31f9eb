"""Every bundled profile against a server like its provider: what is sent is taken, and what comes back is in OpenAI's form."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from deviations import FOLDER, settings
from faces import FACES, SyncFace

from oai_dyn import BadRequestError, LossWarning, Reply, RouteError, UnprocessableEntityError, ValidationError
from oai_dyn.catalog import packaged_names
from oai_dyn.errors import place as where
from oai_dyn.profiles import load
from oai_dyn.server import running
from oai_dyn.server.asked import last_said
from oai_dyn.server.backwards import spoiler
from oai_dyn.transformations import Transformations
from oai_dyn.transformations.assembly import joined
from oai_dyn.transformations.conditions import globs
from oai_dyn.validation import faults

Json = dict[str, Any]

#: Requests as a user of OpenAI writes them; a file stands as "<file>".
REFERENCE: list[Json] = json.loads((Path(__file__).parent / "vectors" / "reference.json").read_text())

CHAT = "chat.completions.create"

#: A model of which no profile knows.
MODEL = "some-model"

REASONS = {"stop", "length", "tool_calls", "content_filter", "function_call"}

#: Whose cases are another's too: the profile is laid over the other's, or the other way round.
OF_ANOTHER = {"azure-v1": "azure", "bedrock-openai": "bedrock"}

#: What a stream does not say of a choice where there is nothing to say.
UNSAID = {"message": {"refusal": None}, "logprobs": None}


class Place(NamedTuple):
    """A provider, the server that is like it, and a client of each kind."""

    name: str
    profile: Mapping[str, Any]
    url: str
    clients: Mapping[str, tuple[SyncFace, Any]]

    def sent(self, row: str, body: Json) -> tuple[Json, set[str]]:
        """The body that the profile makes of one, as it goes out, and the members that lost something."""
        client = self.clients["sync"][1]
        transformations = client._provider.config.transformations
        made, losses = (body, ()) if transformations is None else transformations.request(client.routes.find(row), body)
        return made, {str(loss.path[0]) for loss in losses}


@pytest.fixture(scope="module", params=packaged_names("providers"))
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """One server for all requests to a provider."""
    profile = load(request.param)
    with running(like=request.param) as url, FACES["sync"]() as sync, FACES["async"]() as asynchronous:
        given = {**settings(request.param, {"variables": addresses(profile)}), "base_url": url}
        yield Place(request.param, profile, url, {face.name: (face, face.client(**given)) for face in (sync, asynchronous)})


def addresses(profile: Mapping[str, Any]) -> dict[str, str]:
    """An address for each variable that stands for one at the beginning of a path."""
    paths = profile.get("paths", {}).values()
    return {
        name: f"https://{name}.example" for name in profile.get("variables", {}) if any(p.startswith(f"{{{name}") for p in paths)
    }


@cache
def rules(provider: str, row: str) -> list[Mapping[str, Any]]:
    """The rules of a provider that are about a row."""
    profile = load(provider)
    return [rule for rule in (*profile.get("request", ()), *profile.get("reply", ())) if globs(rule.get("rows", [CHAT]))(row)]


@cache
def models(provider: str, row: str) -> list[str]:
    """Names of models, one for each set of models that rules about a row are for."""
    patterns = [rule["models"][0].strip("!*").replace("*", "-") for rule in rules(provider, row) if "models" in rule]
    return list(dict.fromkeys([MODEL, *patterns]))


@cache
def thinks(provider: str, model: str) -> bool:
    """Whether the server that is like a provider tells its thoughts."""
    spoiled = spoiler(load(provider).get("reply", ()), CHAT, model)
    return spoiled is not None and spoiled.thinks


def asked(face: SyncFace, client: Any, row: str, body: Json | None) -> Any:
    """What comes of a request: its reply, or the events of its stream put together."""
    streams = bool(body and body.get("stream"))
    arguments = [] if body is None else [body]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)
        result = client.call(row, *arguments, **({} if streams else {"into": Reply}))
        if streams:
            return joined(face.iterate(result))
        reply = face.wait(result)
        return reply.body if reply.data is None else reply.data


@pytest.mark.parametrize("reference", REFERENCE, ids=lambda reference: reference["name"].replace(" ", "-"))
def test_a_request_goes_there_and_back(place: Place, reference: Json) -> None:
    """The provider takes what the profile makes of a request, and what the profile makes of its answer is in OpenAI's form."""
    row, given = reference["row"], reference.get("body")
    for model in models(place.name, row):
        body = {"model": model, **filed(given)} if given is not None else None
        for face, client in place.clients.values():
            try:
                answer = asked(face, client, row, body)
            except RouteError:
                absent = place.profile["absent"]
                assert [pattern for pattern in absent if fnmatchcase(row, pattern)]
            except ValidationError as error:
                rejects = [rule for rule in rules(place.name, row) if rule["verb"] == "reject"]
                assert [rule for rule in rejects if rule["why"] in str(error)], error  # noqa: PT017
            else:
                check(place, row, answer, body or {})


def filed(body: Json) -> Json:
    """The body with a file where one is wanted."""
    return {name: ("a.wav", b"RIFF") if value == "<file>" else value for name, value in body.items()}


def check(place: Place, row: str, answer: Any, body: Json) -> None:
    """An answer is what the row's schema says, and what the request asked for."""
    route = place.clients["sync"][1].routes.find(row)
    if route.reply.kind != "json":
        assert answer
        return
    sent, lost = place.sent(row, body)
    if "choices" in answer and sent.get("stream"):
        answer["choices"] = [over(UNSAID, choice) for choice in answer["choices"]]
    assert faults(route.reply.schema, answer) == []
    if row == CHAT:
        check_chat(place, answer, body, sent, lost)
    elif row == "responses.create":
        check_response(answer, body)
    elif row == "embeddings.create":
        assert [one["index"] for one in answer["data"]] == [0, 1]
    elif row == "models.list":
        assert [one["object"] for one in answer["data"]] == ["model"] * len(answer["data"]) != []


def over(below: Json, value: Json) -> Json:
    """A value with what it lacks of another one, at the places that both have."""
    both = {name: over(below[name], part) if isinstance(below.get(name), dict) else part for name, part in value.items()}
    return {**{name: part for name, part in below.items() if part is None}, **both}


def check_chat(place: Place, answer: Json, body: Json, sent: Json, lost: set[str]) -> None:
    """A chat's answer has what the user of OpenAI reads, in the same places."""
    (choice,) = answer["choices"]
    message = choice["message"]
    calls = message.get("tool_calls") or []
    assert choice["finish_reason"] in REASONS
    assert (choice["finish_reason"] == "tool_calls") == bool(calls)
    for call in calls:
        assert call["id"]
        assert call["type"] == "function"
        assert isinstance(json.loads(call["function"]["arguments"]), dict)
    if not calls and "response_format" in sent:
        schema = body["response_format"].get("json_schema", {}).get("schema", {})
        assert faults({} if "response_format" in lost else schema, json.loads(message["content"])) == []
    elif not calls:
        assert message["content"] == f"You said: {last_said(body)}"
    if thinks(place.name, sent["model"]):
        assert message["reasoning_content"] == "The user expects an answer."
    if "stream_options" in sent or not body.get("stream"):
        assert answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"] == answer["usage"]["total_tokens"]


def check_response(answer: Json, body: Json) -> None:
    """A response has its text, or its call with an id of its own."""
    (item,) = answer["output"]
    assert item["id"]
    if "tools" in body:
        assert item["call_id"]
        assert isinstance(json.loads(item["arguments"]), dict)
    else:
        assert item["content"][0]["text"] == "You said: Hello there"


def test_what_deviates_is_refused(place: Place) -> None:
    """Without the rules for requests an OpenAI user's request is refused where a rule says so, and the error says of what."""
    refusing = [rule for rule in place.profile.get("request", ()) if rule.get("service", "refuses") == "refuses"]
    possible = [rule for rule in refusing if "?}" not in rule.get("template", "")]  # else a variable is not set
    transformations = Transformations(place.name, place.profile.get("request", ()))
    bare = {name: value for name, value in place.profile.items() if name not in ("request", "extends", "families")}
    face, client = place.clients["sync"]
    raw = face.client(**{**settings(bare, {"variables": addresses(place.profile)}), "base_url": place.url})
    refused = 0
    for row, body in given_bodies(place) if possible else [(CHAT, {"model": MODEL, **REFERENCE[0]["body"]})]:
        loss = transformations.refused(client.routes.find(row), body)
        if loss is None and body["model"] == MODEL:
            asked(face, raw, row, body)
        elif loss is not None:
            refused += 1
            with pytest.raises((BadRequestError, UnprocessableEntityError)) as info:
                asked(face, raw, row, body)
            assert where(loss.path) in str(info.value)
    assert bool(refused) == bool(possible)


def given_bodies(place: Place) -> Iterator[tuple[str, Json]]:
    """Bodies as users of OpenAI write them: those of the reference set, and those of the cases for this provider."""
    absent = place.profile.get("absent", ())
    for reference in REFERENCE:
        for model in models(place.name, reference["row"]):
            yield from wanted(absent, reference["row"], {"model": model, **filed(reference.get("body", {}))})
    for case in cases(place.name) + cases(OF_ANOTHER.get(place.name, "")):
        if "given" in case and ("wanted" in case or "refused" in case):
            yield from wanted(absent, case.get("row", CHAT), {"model": MODEL, **case["given"]})


def wanted(absent: list[str], row: str, body: Json) -> list[tuple[str, Json]]:
    """A request, unless the provider does not have its row."""
    return [] if [pattern for pattern in absent if fnmatchcase(row, pattern)] else [(row, body)]


def cases(name: str) -> list[Json]:
    """The cases of a provider's requests."""
    path = FOLDER / f"{name}.json"
    entries = json.loads(path.read_text())["differences"] if path.exists() else []
    return [case for entry in entries if entry["id"].startswith("request/") for case in entry.get("cases", ())]
