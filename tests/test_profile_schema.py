"""The schema of profiles: it fits the code that reads them, takes all that are bundled, and says what is wrong with another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from oai_dyn import Client, ConfigError
from oai_dyn.catalog import packaged, packaged_names
from oai_dyn.meanings import MEANINGS
from oai_dyn.profiles import MEMBERS
from oai_dyn.transformations import replies, requests
from oai_dyn.transformations.conditions import TESTS
from oai_dyn.transformations.values import COERCIONS
from oai_dyn.validation import profile_faults

Json = dict[str, Any]

SCHEMA: Json = packaged("schemas/provider.json")
DEFINITIONS: Json = SCHEMA["$defs"]
VECTORS: list[Json] = json.loads((Path(__file__).parent / "vectors" / "transformations" / "requests.json").read_text("utf-8"))


def described(schema: Json, place: str = "") -> Iterator[tuple[str, Json]]:
    """Every member that a schema of an object lists, with its place."""
    for name, member in schema.get("properties", {}).items():
        yield f"{place}.{name}", member
        yield from described(member, f"{place}.{name}")


def test_it_is_a_schema() -> None:
    """It is of 2020-12, and every reference in it leads somewhere."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    assert {part.partition('"')[0] for part in text.split("#/$defs/")[1:]} == DEFINITIONS.keys()


def test_every_member_is_described() -> None:
    """Each member has a sentence of its own or the one of what it refers to; the verb's own name needs none."""
    schemas = [("", SCHEMA), *DEFINITIONS.items()]
    for place, member in (found for name, schema in schemas for found in described(schema, name)):
        told = (
            member if "description" in member else DEFINITIONS[member["$ref"].rpartition("/")[2]] if "$ref" in member else member
        )
        assert "const" in member or told["description"].endswith("."), place


def test_it_lists_what_the_code_reads() -> None:
    """Members, verbs, tests, kinds and meanings are those of the tables."""
    assert SCHEMA["properties"].keys() == MEMBERS.keys()
    for kind, verbs in (("request", requests.VERBS), ("reply", replies.VERBS)):
        branches = [branch["$ref"].rpartition(".")[2] for branch in DEFINITIONS[kind]["oneOf"]]
        assert sorted(branches) == sorted(verbs)
        for verb in verbs:
            rule = DEFINITIONS[f"{kind}.{verb}"]
            assert rule["properties"]["verb"] == {"const": verb}
            assert rule["additionalProperties"] is False
            assert "verb" in rule["required"]
    assert DEFINITIONS["test"]["properties"].keys() == TESTS.keys()
    assert set(DEFINITIONS["error"]["properties"]["means"]["enum"]) == set(MEANINGS)
    assert set(DEFINITIONS["request.coerce"]["properties"]["to"]["enum"]) == COERCIONS.keys()


@pytest.mark.parametrize("name", packaged_names("providers"))
def test_bundled_profiles_pass(name: str) -> None:
    """Each is of the form that the schema describes."""
    assert profile_faults(packaged(f"providers/{name}.toml")) == []


@pytest.mark.parametrize("name", packaged_names("families"))
def test_rules_of_families_pass(name: str) -> None:
    """So are the rules for a family of models."""
    family = packaged(f"families/{name}.toml")
    assert family.keys() <= {"models", "why", "request", "reply"}
    assert profile_faults({member: family[member] for member in ("request", "reply") if member in family}) == []


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_examples_of_rules_pass(vector: Json) -> None:
    """What the engine is shown to do can be written in a profile."""
    assert profile_faults({"request": vector["rules"]}) == []


FAULTS: list[tuple[Json, list[str]]] = [
    ({"name": 1}, ["name: was 1, wanted a string"]),
    ({"kind": "cloud"}, ["kind: was 'cloud', wanted one of 'hosted', 'self-hosted', 'gateway'"]),
    ({"base_ulr": "x"}, ["base_ulr: no such key; did you mean 'base_url'?"]),
    ({"auth": "basic"}, ["auth: was 'basic', wanted text that matches"]),
    ({"variables": {"a": "B"}}, ["variables.a: was the string 'B', wanted an array"]),
    ({"paths": {"/models": "catalog"}}, ["paths./models: was 'catalog', wanted text that matches"]),
    ({"request": [{"verb": "drop"}]}, ["request[0].member: missing"]),
    ({"request": [{"verb": "drop", "member": "a", "valu": 1}]}, ["request[0].valu: no such key; known are"]),
    ({"request": [{"verb": "dorp", "member": "a"}]}, ["request[0].verb: was 'dorp', wanted one of 'drop', "]),
    ({"request": [{"member": "a"}]}, ["request[0].verb: missing, wanted one of 'drop', "]),
    ({"request": [{"verb": "drop", "member": "a..b"}]}, ["request[0].member: was 'a..b', wanted text that matches"]),
    ({"request": [{"verb": "drop", "member": ["a", "b."]}]}, ["request[0].member[1]: was 'b.', wanted text that matches"]),
    ({"request": [{"verb": "drop", "member": ""}]}, ["request[0].member: was '', wanted text that matches"]),
    ({"request": [{"verb": "move", "member": "a", "to": "b[]"}]}, ["request[0].to: was 'b[]', wanted text that matches"]),
    (
        {"request": [{"verb": "map", "member": "a", "values": [["a"]]}]},
        ["request[0].values[0]: has 1 element, wanted at least 2"],
    ),
    (
        {"request": [{"verb": "map", "member": "a", "values": [["a", "b"]], "other": "go"}]},
        ["request[0].other: was 'go', wanted text"],
    ),
    ({"request": [{"verb": "clamp", "member": "a"}]}, ["request[0]: has none of the keys 'least' or 'most'"]),
    ({"request": [{"verb": "insert", "value": {}}]}, ["request[0]: has none of the keys 'between' or 'append'"]),
    (
        {"request": [{"verb": "drop", "member": "a", "if": {"b": {"presnt": True}}}]},
        ["request[0].if.b.presnt: no such key; did you mean"],
    ),
    (
        {"request": [{"verb": "drop", "member": "a", "service": "hates"}]},
        ["request[0].service: was 'hates', wanted one of 'refuses'"],
    ),
    ({"request": [{"verb": "fill", "member": "a", "from": ["b"]}]}, ["request[0].verb: was 'fill', wanted one of"]),
    ({"reply": [{"verb": "fill", "member": "a"}]}, ["reply[0].from: missing"]),
    (
        {"reply": [{"verb": "fill", "member": "a", "from": ["b"], "on": ["chunk"]}]},
        ["reply[0].on[0]: was 'chunk', wanted one of"],
    ),
    ({"reply": [{"verb": "default", "member": "a", "make": "uuid"}]}, ["reply[0].make: was 'uuid', wanted one of"]),
    ({"errors": [{"means": "overloaded"}]}, ["errors[0]: has none of the keys 'status', 'code', 'type', 'pattern' or 'empty'"]),
    ({"errors": [{"means": "broken", "status": [500]}]}, ["errors[0].means: was 'broken', wanted one of 'insufficient_quota'"]),
]


@pytest.mark.parametrize(("document", "wanted"), FAULTS, ids=[str(document) for document, _ in FAULTS])
def test_a_fault_is_told_with_its_place(document: Json, wanted: list[str]) -> None:
    """What is wrong with a profile is told where it stands, and in a sentence."""
    found = [str(fault) for fault in profile_faults(document)]
    assert len(found) == len(wanted)
    assert all(one.startswith(start) for one, start in zip(found, wanted, strict=True)), found


def test_a_profile_of_the_user_is_held_against_it() -> None:
    """A wrong rule in a profile given to a client is told with its place when the client is made."""
    with pytest.raises(ConfigError, match=r"mine: request\[0\]\.valu: no such key"):
        Client({"name": "mine", "extends": "groq", "request": [{"verb": "drop", "member": "seed", "valu": 1}]}, api_key="k")
