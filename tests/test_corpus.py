"""No false alarm: what is good by the official SDK's types is good by the bundled schemas, with either engine.

The corpus is written by hand where it matters and made from the SDK's types elsewhere; a second set of bodies is made on
the spot, so that every branch and every optional key of the SDK's types is taken at least once. What the SDK and the
schemas do not agree on is listed here, each with its reason.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from corpus_bodies import bodies, by_schema, groups, of_group, oracle, parts, schema_of
from engines import ENGINES, using
from openai._base_client import BasePage
from sdk_types import NO_SDK_METHOD, ROWS, hint, judge
from typed_bodies import bodies as typed_bodies
from typed_bodies import whole_bodies

from oai_dyn.validation import faults

#: Bodies that the SDK's types refuse, and why they are good.
NOT_BY_THE_SDK: dict[str, str] = {
    "RealtimeServerEvent event: session.created": "the SDK types the session as it was asked for, without id and object",
    "RealtimeServerEvent event: session.updated": "the SDK types the session as it was asked for, without id and object",
}
#: Parts of rows that have no type in the SDK to be judged by.
NO_TYPE = {
    ("audio.speech.create", "event"): "the SDK gives the bytes of the stream, not its events",
    **{(name, "reply"): "the SDK has no such method" for name in NO_SDK_METHOD},
}
#: Parts of rows that have a schema and no body, and why.
NO_BODY: dict[tuple[str, str], str] = {}
#: Definition and place where a schema refuses what the SDK's types let pass, and why it does well to.
STRICTER = {
    ("CreateSkillBody", "files"): "the SDK leaves out the files that a skill is made of, for uploads in parts",
    ("CreateSkillVersionBody", "files"): "the SDK leaves out the files that a skill is made of, for uploads in parts",
    ("CreateVectorStoreFileBatchRequest", ""): "one of file_ids and files must be there; the SDK's types know no such rule",
}

GROUPS = sorted({name.partition(".")[0] for name in ROWS})


@pytest.mark.parametrize("group", groups())
def test_the_sdk_takes_every_body(group: str) -> None:
    """Each body of the corpus is one that the SDK's types take, no key unknown: the corpus is good."""
    refused = []
    for body in of_group(group):
        one = judge(body.row, body.part)
        assert one is not None or (body.row, body.part) in NO_TYPE, body
        if one is not None and one.accepts(body.body) == (str(body) in NOT_BY_THE_SDK):
            refused.append(str(body))
    assert refused == []


@pytest.mark.parametrize("group", groups())
def test_the_schemas_take_every_body(group: str) -> None:
    """jsonschema by itself finds nothing wrong with any body of the corpus."""
    refused = []
    for body in of_group(group):
        assert body.schema, body
        refused += [f"{body}: {error.json_path}: {error.message:.200}" for error in oracle(body.schema).iter_errors(body.body)]
    assert refused == []


@pytest.mark.parametrize("engine", ENGINES)
def test_validation_takes_every_body(engine: str) -> None:
    """Our validation finds nothing wrong with any body of the corpus, with either engine."""
    with using(engine):
        assert [f"{body}: {fault}" for body in by_schema(bodies()) for fault in faults(body.schema, body.body)] == []


def test_every_part_of_every_row_has_a_body() -> None:
    """Each schema of a row has at least one body, but for those listed; and the corpus is as big as it is said to be."""
    held = Counter((body.row, body.part) for body in bodies())
    assert {part for part in parts() if not held[part]} == set(NO_BODY)
    assert {row for row, _ in held if row in ROWS} == {row for row, _ in parts()}
    assert len(bodies()) >= 1300


def test_every_body_says_what_it_is() -> None:
    """No two bodies of a part go by one name."""
    assert [name for name, count in Counter(map(str, bodies())).items() if count > 1] == []


@pytest.mark.parametrize("group", GROUPS)
def test_the_schemas_take_what_the_sdk_takes(group: str) -> None:
    """Bodies and queries with every branch and key of the SDK's parameters at least once are refused only where listed."""
    check(group, ("request", "query"))


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_the_schemas_take_what_the_sdk_gives(group: str) -> None:
    """Replies and events with every branch and key of the SDK's reply types at least once are refused only where listed."""
    check(group, ("reply", "event"))


def check(group: str, which: tuple[str, ...]) -> None:
    """Hold bodies made from the SDK's types against the schemas of a group's rows."""
    refused: dict[tuple[str, str, str], str] = {}
    for name, part in parts():
        if name.partition(".")[0] != group or part not in which or (name, part) in NO_TYPE:
            continue
        schema = schema_of(ROWS[name], part)
        for body in made(name, part):
            for fault in faults(schema, body):
                place = ".".join("*" if isinstance(step, int) else step for step in fault.path)
                if (str(schema), place) not in STRICTER:
                    refused.setdefault((name, part, place), fault.message)
    assert refused == {}


def made(name: str, part: str) -> list[Any]:
    """Bodies of one part of a row, made from the SDK's types."""
    annotation = hint(ROWS[name], part)
    assert annotation is not None, (name, part)
    if part in ("request", "query"):
        return typed_bodies(annotation)
    if not (isinstance(annotation, type) and issubclass(annotation, BasePage)):
        return [body for body in whole_bodies(annotation) if not isinstance(body, str)]
    envelope = next(body.body for body in bodies() if (body.row, body.part) == (name, part))
    return [{**envelope, "data": page["data"]} for page in whole_bodies(annotation)]


def test_a_difference_that_is_gone_is_no_longer_listed() -> None:
    """Each place listed as stricter than the SDK's types still is."""
    found = set()
    for name, part in parts():
        schema = schema_of(ROWS[name], part)
        if schema in {known for known, _ in STRICTER} and (name, part) not in NO_TYPE:
            for body in made(name, part):
                for fault in faults(schema, body):
                    found.add((schema, ".".join("*" if isinstance(step, int) else step for step in fault.path)))
    assert set(STRICTER) <= found
    assert all(re.search(r"\w", reason) for reason in STRICTER.values())
