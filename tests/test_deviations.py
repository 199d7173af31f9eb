"""Every known difference of every provider, from data: held by its profile, refused, or said not to be."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from deviations import (
    FACTS,
    LISTS,
    Difference,
    Json,
    answer_fits,
    answer_outcome,
    ask,
    bare,
    body_of,
    differences,
    expected_of_request,
    facts,
    fits,
    pieces_of,
    planned,
    request_outcome,
    settings,
)
from faces import SyncFace
from hostile import HostileServer, reply

from oai_dyn import APIError, Reply, validation
from oai_dyn.catalog import packaged, packaged_names
from oai_dyn.profiles import load

ALL = differences()

STATUSES = ("held", "refused", "not held")

#: How much of what is known has to be held or refused.
SHARE = 0.9

needs_facts = pytest.mark.skipif(not FACTS.exists(), reason="the facts on providers (../shared) are not here")


def cases(*kinds: str) -> pytest.MarkDecorator:
    """A decorator: the cases of these kinds, one test each."""
    found = [
        pytest.param(difference, case, id=f"{difference.provider}-{difference.entry['id']}-{i}")
        for difference in ALL
        for i, case in enumerate(difference.cases)
        if difference.kind(case) in kinds
    ]
    return pytest.mark.parametrize(("difference", "case"), found)


def came_out(provider: Any, difference: Difference, case: Json) -> bool:
    """Whether a case comes out as it should with a profile."""
    if difference.kind(case) == "request":
        return fits(request_outcome(provider, case), expected_of_request(case))
    return answer_fits(answer_outcome(provider, case), case, difference.kind(case))


# --- Each case ----------------------------------------------------------------------------------------------


@cases("request")
def test_requests(difference: Difference, case: Json) -> None:
    """What is sent is what the service takes, what is lost is told, and what it cannot take is refused with its place."""
    assert request_outcome(difference.provider, case) == Fitting(expected_of_request(case))


@cases("request")
def test_requests_are_mended_once(difference: Difference, case: Json) -> None:
    """What was sent, put in again, is sent as it is: so is a request told that the service takes."""
    if isinstance(case.get("wanted"), dict):
        assert body_of(planned(difference.provider, case, case["wanted"]), case["wanted"]) == case["wanted"]


@cases("reply", "stream", "error")
def test_answers(difference: Difference, case: Json) -> None:
    """What is handed over is in OpenAI's form with all that the service sent, and errors are of their class."""
    kind, outcome = difference.kind(case), answer_outcome(difference.provider, case)
    if kind != "error" and "error" not in case and "status" not in case:
        assert outcome == {"wanted": Fitting(case["wanted"])}
    assert answer_fits(outcome, case, kind), outcome


@cases("reply", "stream", "error")
def test_answers_over_a_connection(difference: Difference, case: Json, face: SyncFace) -> None:
    """The same with both clients and a server."""
    status, headers, body = pieces_of(case)
    with HostileServer([reply([body], status=status, headers=list(headers.items()))]) as server:
        client = face.client(**settings(difference.provider, case), base_url=server.url)
        events: list[Any] = []
        outcome: Json = {"wanted": events}
        try:
            result = ask(client, case, Reply)
            if "stream" in case or "events" in case:
                events += face.iterate(result)
            else:
                outcome["wanted"] = face.wait(result).data
        except APIError as error:
            outcome["error"] = error
    assert answer_fits(outcome, case, difference.kind(case)), outcome


@cases("reply")
def test_what_came_stays_within_reach(difference: Difference, case: Json) -> None:
    """With `normalize=False` an answer is what the service sent."""
    if "given" in case and "status" not in case:
        assert answer_outcome(difference.provider, case, normalize=False) == {"wanted": case["given"]}


class Fitting:
    """Equal to what fits, so that a failed comparison shows both sides."""

    def __init__(self, wanted: Any) -> None:
        self._wanted = wanted

    def __eq__(self, found: object) -> bool:
        return fits(found, self._wanted)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._wanted)


# --- The files as a whole -----------------------------------------------------------------------------------


@pytest.mark.parametrize("difference", ALL, ids=lambda d: f"{d.provider}-{d.entry['id']}")
def test_an_entry_says_what_it_should(difference: Difference) -> None:
    """Held and refused ones have cases and what holds them; the others say why not."""
    entry = difference.entry
    assert entry["status"] in STATUSES
    if entry["status"] == "not held":
        assert entry["reason"]
        assert not entry.keys() & {"cases", "by"}
        return
    assert entry["by"] in ("rule", "core", "profile", "family")
    assert difference.cases
    refused = any("refused" in case or "raises" in case for case in difference.cases)
    assert refused or entry["status"] == "held"


@pytest.mark.parametrize(
    "difference",
    [d for d in ALL if d.entry.get("by") in ("rule", "family", "profile") and "note" not in d.entry],
    ids=lambda d: f"{d.provider}-{d.entry['id']}",
)
def test_what_a_profile_holds_it_holds(difference: Difference) -> None:
    """Without the profile's rules (or without more than its address) a case comes out otherwise."""
    without = bare(difference.provider, difference.entry["by"])
    assert not all(came_out(without, difference, case) for case in difference.cases)


@needs_facts
def test_every_known_difference_has_an_entry() -> None:
    """Ids and tags are those of the facts, each once."""
    known = [
        (name, f"{kind}/{i}", one.get("tag"))
        for name, row in facts().items()
        for kind, member in LISTS.items()
        for i, one in enumerate(row.get(member, ()))
    ]
    have = [(d.provider, d.entry["id"], d.entry.get("tag")) for d in ALL]
    assert sorted(have, key=str) == sorted(known, key=str)


def test_most_of_what_is_known_is_held() -> None:
    """The share of all differences that are held or refused."""
    count = Counter(difference.entry["status"] for difference in ALL)
    assert count["held"] + count["refused"] >= SHARE * count.total(), count


# --- The profiles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", packaged_names("providers"))
def test_profiles_fit_their_schema(name: str) -> None:
    """Each loads, and it and what it comes to with what it extends are what the schema says."""
    assert validation.profile_faults(packaged(f"providers/{name}.toml")) == []
    assert validation.profile_faults(dict(load(name))) == []


@pytest.mark.parametrize("name", packaged_names("providers"))
def test_rules_say_what_they_are_about(name: str) -> None:
    """Each has a reason in a line, where it is known from, and, in a request or reply, a tag."""
    profile = load(name)
    for member in ("request", "reply", "errors"):
        for rule in profile.get(member, ()):
            assert rule["why"], rule
            assert "\n" not in rule["why"], rule
            assert rule["sources"], rule
            assert member == "errors" or rule["tag"], rule


@needs_facts
@pytest.mark.parametrize("name", packaged_names("providers"))
def test_tags_are_those_of_the_facts(name: str) -> None:
    """A rule's tag is a class of differences that the facts know."""
    tags = {one.get("tag") for row in facts().values() for member in LISTS.values() for one in row.get(member, ())}
    profile = load(name)
    assert {rule["tag"] for member in ("request", "reply") for rule in profile.get(member, ())} <= tags


@pytest.mark.parametrize("name", packaged_names("families"))
def test_families_are_used_and_apply(name: str) -> None:
    """A family has models and rules, and a profile takes it."""
    family = packaged(f"families/{name}.toml")
    assert family.keys() <= {"models", "why", "request", "reply"}
    assert family["models"]
    assert family["request" if "request" in family else "reply"]
    assert any(name in load(provider).get("families", ()) for provider in packaged_names("providers"))
