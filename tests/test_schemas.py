"""The schemas of the whole API: every row has its own, files hang together, and they are what the facts give."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from oai_dyn.openapi.flattening import walk
from oai_dyn.openapi.grouping import DIALECT, SHARED, file_of, grouped, index, renamed, same, written
from oai_dyn.openapi.overlays import overlaid

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "schemas"
SCRIPTS = ROOT / "scripts"
FACTS = ROOT.parent / "shared" / "spec"

needs_facts = pytest.mark.skipif(
    not (FACTS / "operations.jsonl").is_file(), reason="the API's facts (../shared/spec) are not beside the repository"
)

ROWS: list[Json] = json.loads((ROOT / "oai_dyn" / "data" / "routes.json").read_text("utf-8"))["routes"]
SCHEMALESS: Json = tomllib.loads((SCRIPTS / "route_decisions.toml").read_text("utf-8"))["schemaless"]["rows"]
TEXTS = {
    path.name: path.read_text("utf-8")
    for path in SCHEMAS.glob("*.json")
    if path.name not in ("index.json", "route-table.json", "provider.json")
}
FILES: dict[str, Json] = {name: json.loads(text) for name, text in TEXTS.items()}
WHERE: dict[str, str] = json.loads((SCHEMAS / "index.json").read_text("utf-8"))["definitions"]


def local(schema: Any) -> Any:
    """A definition with all its references as if there were one file."""
    return renamed(schema, lambda reference: f"#/$defs/{reference.rpartition('/')[2]}")


DEFINITIONS: dict[str, Json] = {name: local(schema) for file in FILES.values() for name, schema in file["$defs"].items()}

#: What no row names: the events of sockets, and what the API sends by itself.
UNASKED = {
    "realtime": [
        "RealtimeClientEvent",
        "RealtimeServerEvent",
        "RealtimeBetaClientEvent",
        "RealtimeBetaServerEvent",
        "RealtimeTranslationClientEvent",
        "RealtimeTranslationServerEvent",
    ],
    "responses": ["ResponsesClientEvent", "ResponsesServerEvent"],
    "beta": ["BetaResponsesClientEvent", "BetaResponsesServerEvent"],
    "webhooks": ["WebhookEvent"],
}

#: Everything that may stand in a schema; prose may not.
KEYWORDS = {
    *("$ref", "additionalProperties", "anyOf", "const", "default", "deprecated", "enum", "exclusiveMinimum", "format", "items"),
    *("maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minimum", "pattern", "properties"),
    *("propertyNames", "required", "type", "x-decide"),
}


def parts(row: Json) -> dict[str, str | None]:
    """The parts that a row has, with their schemas' names."""
    found: dict[str, str | None] = {}
    if "body" in row:
        found["body"] = row["body"].get("schema")
    if row.get("query") or "query_schema" in row:
        found["query"] = row.get("query_schema")
    if row.get("reply", {}).get("kind", "json") == "json":
        found["reply"] = row.get("reply", {}).get("schema")
    if "stream" in row:
        found["event"] = row["stream"].get("schema")
    return found


def roots() -> dict[str, list[str]]:
    """The names that each group of rows gives."""
    found = {group: list(names) for group, names in UNASKED.items()}
    for row in ROWS:
        found.setdefault(row["name"].partition(".")[0], []).extend(name for name in parts(row).values() if name)
    return found


def schemas() -> Iterator[tuple[str, Json]]:
    """Every schema of every definition, with its place."""
    seen: list[tuple[str, Json]] = []

    def see(schema: Mapping[str, Any], place: str) -> Mapping[str, Any]:
        seen.append((place, dict(schema)))
        return schema

    for name, schema in DEFINITIONS.items():
        walk(schema, name, see)
    yield from seen


# --- Rows ---------------------------------------------------------------------------------------------------


def test_every_part_of_every_row_has_its_schema() -> None:
    """Each body, query, JSON reply and event of the 391 rows has a schema that is there, or a written reason."""
    without = {(row["name"], part) for row in ROWS for part, name in parts(row).items() if name is None}
    assert without == {(name, part) for name, reasons in SCHEMALESS.items() for part in reasons}
    assert all(isinstance(reason, str) and len(reason) > 20 for reasons in SCHEMALESS.values() for reason in reasons.values())
    assert Counter(part for row in ROWS for part, name in parts(row).items() if name) == {
        "body": 143,
        "query": 97,
        "reply": 367,
        "event": 15,
    }
    assert {name for row in ROWS for name in parts(row).values() if name} <= DEFINITIONS.keys()
    assert len(ROWS) == 391


def test_a_query_schema_knows_the_parameters_of_its_row() -> None:
    """A query is an object; every query parameter of the row is a member of it."""
    for row in ROWS:
        if name := row.get("query_schema"):
            assert DEFINITIONS[name]["type"] == "object"
            assert set(row["query"]) <= DEFINITIONS[name]["properties"].keys(), row["name"]


def test_a_body_schema_knows_the_keys_of_its_row() -> None:
    """Every key that a row is known to send is a member of its body's schema, or of a branch of it."""

    def members(schema: Mapping[str, Any]) -> set[str]:
        behind = DEFINITIONS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
        below = [*schema.get("anyOf", ()), *([behind] if behind else [])]
        return {*schema.get("properties", {}), *(name for one in below for name in members(one))}

    for row in ROWS:
        if "body" in row:
            assert set(row["body"].get("keys", ())) <= members(DEFINITIONS[row["body"]["schema"]]), row["name"]


def test_events_and_payloads_that_no_row_names() -> None:
    """Every event of the realtime and responses sockets, and every webhook payload, is told by its type."""
    for names in UNASKED.values():
        for name in names:
            union = DEFINITIONS[name]
            if "$ref" in union:  # one event only
                continue
            told = union["x-decide"]["type"]["object"]
            assert told["key"] == "type" and len(told["values"]) >= len(union["anyOf"]), name
            assert not {"absent", "other"} & told.keys(), name
    assert len(DEFINITIONS["RealtimeClientEvent"]["anyOf"]) == 11
    assert len(DEFINITIONS["RealtimeServerEvent"]["anyOf"]) == 46
    assert len(DEFINITIONS["WebhookEvent"]["anyOf"]) == 16


# --- Files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_a_valid_schema(name: str) -> None:
    """A file names its dialect, holds definitions only, and is valid against the dialect's own schema."""
    file = FILES[name]
    assert set(file) == {"$schema", "$defs"} and file["$schema"] == DIALECT
    Draft202012Validator.check_schema(file)


@pytest.mark.parametrize("name", sorted(FILES))
def test_references_resolve_offline(name: str) -> None:
    """A file refers to its own definitions and to those of the shared file, and to nothing else."""
    found = re.findall(r'"\$ref":"([^"]*)"', TEXTS[name])
    for reference in found:
        file, _, definition = reference.partition("#/$defs/")
        assert file == "" or (file == SHARED and name != SHARED), reference
        assert definition in FILES[file or name]["$defs"], reference


def test_a_name_stands_in_one_file_only() -> None:
    """No two files define a name, and the index says where each is."""
    assert sum(len(file["$defs"]) for file in FILES.values()) == len(DEFINITIONS)
    assert {name: file for file, found in FILES.items() for name in found["$defs"]} == WHERE
    assert (SCHEMAS / "index.json").read_text("utf-8") == index({file: found["$defs"] for file, found in FILES.items()})


def test_a_definition_is_where_it_is_used() -> None:
    """What one group uses is in its file, what several use is shared; what nothing leads to is not there at all."""
    assert {file: list(found) for file, found in grouped(DEFINITIONS, roots()).items()} == {
        file: list(found["$defs"]) for file, found in sorted(FILES.items())
    }
    assert set(FILES) == {file_of(group) for group in roots()} | {SHARED}


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_order_of_a_file_is_fixed(name: str) -> None:
    """Definitions and keywords are sorted, one definition a line: a file written anew is the same file."""
    assert written(FILES[name]["$defs"]) == TEXTS[name]


def test_there_is_no_prose() -> None:
    """Nothing but keywords that a validator reads, `default`, `deprecated`, `format` and `x-decide`."""
    assert {key for _, schema in schemas() for key in schema} == KEYWORDS


@needs_facts
def test_what_comes_twice_is_one_definition() -> None:
    """Two definitions that say the same are both the document's own, or a part of a row: all others are there once."""
    facts = json.loads((FACTS / "openai-openapi.json").read_text("utf-8"))
    document = overlaid(facts, json.loads((SCRIPTS / "schema_overlays.json").read_text("utf-8")))
    own = {name for row in ROWS for name in parts(row).values()} | document["components"]["schemas"].keys()
    alike: dict[int, list[str]] = {}
    for name, number in same(DEFINITIONS).items():
        if not name.endswith("Query"):
            alike.setdefault(number, []).append(name)
    assert not [names for names in alike.values() if len(names) > 1 and not own.issuperset(names)]


# --- Unions -------------------------------------------------------------------------------------------------


def choices(node: Any) -> Iterator[int]:
    """The branches that a node can lead to."""
    if isinstance(node, int):
        yield node
    elif isinstance(node, list):
        yield from node
    else:
        for key, below in node.items():
            if key in ("type", "values", "has"):
                for one in below.values():
                    yield from choices(one)
            elif key != "key":
                yield from choices(below)


def test_every_union_says_what_decides() -> None:
    """`x-decide` stands beside every `anyOf`, speaks of branches that are there, and leaves none of them out."""
    for place, schema in schemas():
        assert ("anyOf" in schema) == ("x-decide" in schema), place
        if "anyOf" in schema:
            assert set(choices(schema["x-decide"])) <= set(range(len(schema["anyOf"]))), place
            assert len(schema["anyOf"]) > 1, place


def left(node: Any) -> bool:
    """Whether a node can leave several branches."""
    if isinstance(node, dict):
        return any(
            left(one) for key, below in node.items() for one in (below.values() if key in ("type", "values", "has") else [below])
        )
    return isinstance(node, list)


def test_unions_that_are_left_are_known() -> None:
    """Only a handful of unions leave several branches, and schemas/CONTRADICTIONS.md says of each why."""
    found = {place for place, schema in schemas() if "anyOf" in schema and left(schema["x-decide"])}
    assert found == {"AudioTranscriptionCreateResponse", "AudioTranslationCreateResponse", "RealtimeAudioFormats"}
    text = (SCHEMAS / "CONTRADICTIONS.md").read_text("utf-8")
    assert all(f"`{place.partition('.')[0]}`" in text for place in found)


# --- The script ---------------------------------------------------------------------------------------------


def make(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    command = [sys.executable, str(SCRIPTS / "make_schemas.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_facts
def test_the_files_are_as_made() -> None:
    """The files on disk are what the script makes of the facts and the overlays."""
    done = make("--check", "--notes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("schemas: as made\n")
    assert "/properties/modalities: items without a type: read as an array\n" in done.stdout


def test_missing_facts_are_named(tmp_path: Path) -> None:
    """Without the facts the script says where it looked."""
    done = make(tmp_path)
    assert (done.returncode, done.stderr) == (2, f"make_schemas: no operations.jsonl in {tmp_path}\n")
