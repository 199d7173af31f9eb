"""Make schemas/*.json from the API's facts: the schemas of all rows, of realtime events and of webhook payloads.

    python scripts/make_schemas.py [FACTS] [--check]

The facts are read by the package's own importer, after schema_overlays.json has mended what is wrong in them. With
--check nothing is written: exit status 1 if a file differs. `derive_routes.py` asks here for the names that rows give.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import naming
import newer
from facts import DECISIONS, FACTS, ROOT, Facts, Json, read_decisions, read_facts

from oai_dyn.openapi.converting import Converter
from oai_dyn.openapi.deciding import decide
from oai_dyn.openapi.flattening import flattened
from oai_dyn.openapi.grouping import grouped, index, written
from oai_dyn.openapi.merging import merged
from oai_dyn.openapi.overlays import overlaid
from oai_dyn.openapi.references import COMPONENTS, Note, References, without_circles

SCHEMAS = ROOT / "schemas"
OVERLAYS = Path(__file__).resolve().with_name("schema_overlays.json")

MEDIA = {"json": "application/json", "multipart": "multipart/form-data"}
PARTS = {"body": "Request", "query": "Query", "reply": "Response", "event": "Event"}

#: What no row names: events of a socket, and payloads that the API sends by itself.
SOCKETS = {
    "realtime": (
        "RealtimeClientEvent",
        "RealtimeServerEvent",
        "RealtimeTranslationClientEvent",
        "RealtimeTranslationServerEvent",
    ),
    "responses": ("ResponsesClientEvent", "ResponsesServerEvent"),
    "beta": ("BetaResponsesClientEvent", "BetaResponsesServerEvent"),
}

#: Events that the document lists one by one: those whose names begin so are one union of that name.
LISTED = {"realtime": ("RealtimeBetaClientEvent", "RealtimeBetaServerEvent")}

#: Any payload that the API sends to an endpoint of the user's.
WEBHOOKS = "WebhookEvent"


@dataclass(frozen=True)
class Made:
    """What was made: the files by name, the schema names of each row's parts, and what was noted and left undecided."""

    files: dict[str, dict[str, Any]]
    names: dict[str, dict[str, str]]
    notes: list[Note]
    left: list[str]


def make(facts: Facts, decisions: Json) -> Made:
    """Everything, from the facts."""
    notes: list[Note] = []
    document = newer.added(facts.document, facts.newer, facts.operations)
    document = overlaid(document, json.loads(OVERLAYS.read_text("utf-8")), OVERLAYS.name)
    converter = Converter(References(document), notes)
    names = {
        operation["name"]: {
            part: converter.add(naming.of_part(operation["name"], PARTS[part]), schema, place)
            for part, (schema, place) in parts_of(operation, document, decisions).items()
        }
        for operation in facts.operations
    }
    roots = roots_of(names, document, converter)
    definitions = flattened(merged(without_circles(converter.definitions(), notes)))
    definitions, called = newer.once(definitions, {parts["query"] for parts in names.values() if "query" in parts})
    definitions, left = decide(definitions)
    names = {row: {part: called[name] for part, name in parts.items()} for row, parts in names.items()}
    for row, stream in decisions["stream"].items():
        names[row].setdefault("event", stream.get("schema", ""))
    refuse_unexplained(facts, names, decisions)
    files = grouped(definitions, {group: [called[name] for name in found] for group, found in roots.items()})
    return Made(files, names, notes, left)


def parts_of(operation: Json, document: Json, decisions: Json) -> dict[str, tuple[Json, str]]:
    """The schemas of a row's parts as the facts have them, each with its place."""
    documented = document["paths"].get(operation["path"], {}).get(operation["method"].lower())
    if documented is None or operation["operationId"] is None:
        reply = decisions["reply"]["rows"].get(operation["name"], {}).get("schema")
        return newer.parts_of(operation, document) | (
            {"reply": ({"$ref": COMPONENTS + reply}, operation["name"])} if reply else {}
        )
    place = f"#/paths/{operation['path'].replace('/', '~1')}/{operation['method'].lower()}"
    found: dict[str, tuple[Any, str]] = {}
    kind = "multipart" if operation.get("multipart") else "json"
    if operation.get("body_keywords") != []:
        found["body"] = media(documented.get("requestBody", {}), MEDIA[kind]), f"{place}/requestBody"
    if parameters := [one for one in documented.get("parameters", []) if one["in"] == "query"]:
        found["query"] = query_of(parameters), f"{place}/parameters"
    answers = [answer for status, answer in documented["responses"].items() if status.startswith("2")]
    if answers and reply_kind(operation, decisions) == "json":
        found["reply"] = media(answers[0], MEDIA["json"]), f"{place}/responses"
    if name := decisions["stream"].get(operation["name"], {}).get("schema"):
        found["event"] = {"$ref": COMPONENTS + name}, place
    elif operation["name"] in decisions["stream"]:
        found["event"] = media(answers[0], "text/event-stream"), f"{place}/responses"
    return {part: (schema, where) for part, (schema, where) in found.items() if schema is not None}


def refuse_unexplained(facts: Facts, names: dict[str, dict[str, str]], decisions: Json) -> None:
    """A part of a row without a schema has a written reason, and a reason has such a part."""
    for operation in facts.operations:
        row = operation["name"]
        there = {
            "body": operation.get("body_keywords", []) != [],
            "query": bool(operation.get("query_keywords")),
            "reply": reply_kind(operation, decisions) == "json",
            "event": row in decisions["stream"],
        }
        missing = {part for part, wanted in there.items() if wanted} - names[row].keys()
        if missing != decisions["schemaless"]["rows"].get(row, {}).keys():
            raise SystemExit(
                f"{DECISIONS.name}: schemaless.rows: {row} has no schema for: {', '.join(sorted(missing)) or 'nothing'}"
            )


def reply_kind(operation: Json, decisions: Json) -> str:
    """json, bytes, text or none."""
    accept = operation.get("headers", {}).get("Accept")
    decided = decisions["reply"]["rows"].get(operation["name"], {}).get("kind")
    return str(decided or (decisions["reply"]["accept"][accept] if accept else "json"))


def media(content: Json, kind: str) -> Any:
    """The schema of a media type, where there is one."""
    return content.get("content", {}).get(kind, {}).get("schema")


def query_of(parameters: list[Json]) -> Json:
    """Query parameters as the object that a call gives."""
    return {
        "type": "object",
        "properties": {one["name"].removesuffix("[]"): one["schema"] for one in parameters},
        "required": [one["name"].removesuffix("[]") for one in parameters if one.get("required")],
    }


def roots_of(names: dict[str, dict[str, str]], document: Json, converter: Converter) -> dict[str, list[str]]:
    """The names that each group needs: those of its rows, and those that no row names."""
    roots: dict[str, list[str]] = {}
    for row, parts in names.items():
        roots.setdefault(row.partition(".")[0], []).extend(parts.values())
    for group, components in SOCKETS.items():
        roots.setdefault(group, []).extend(converter.add(name, {"$ref": COMPONENTS + name}, "") for name in components)
    for group, unions in LISTED.items():
        for name in unions:
            refs = [{"$ref": COMPONENTS + one} for one in document["components"]["schemas"] if one.startswith(name)]
            union = {"oneOf": refs, "discriminator": {"propertyName": "type"}}
            roots.setdefault(group, []).append(converter.add(name, union, COMPONENTS + name))
    payloads = [media(webhook["post"]["requestBody"], MEDIA["json"]) for webhook in document["webhooks"].values()]
    event = {"oneOf": payloads, "discriminator": {"propertyName": "type"}}
    roots.setdefault("webhooks", []).append(converter.add(WEBHOOKS, event, "#/webhooks"))
    return roots


def texts(made: Made) -> dict[str, str]:
    """The text of each file."""
    return {name: written(definitions) for name, definitions in made.files.items()} | {"index.json": index(made.files)}


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Make schemas/*.json from the API's facts.")
    parser.add_argument("facts", nargs="?", type=Path, default=FACTS, help="folder of the facts")
    parser.add_argument("--check", action="store_true", help="compare only; exit status 1 if a file differs")
    parser.add_argument("--notes", action="store_true", help="print what could not be held, and the unions left open")
    options = parser.parse_args(arguments)
    if not (options.facts / "operations.jsonl").is_file():
        print(f"make_schemas: no operations.jsonl in {options.facts}", file=sys.stderr)
        return 2
    decisions = read_decisions()
    made = make(read_facts(options.facts, decisions), decisions)
    if options.notes:
        print(*made.notes, *(f"{place}: not decided" for place in made.left), sep="\n")
    found = {
        path.name: path.read_text("utf-8")
        for path in SCHEMAS.glob("*.json")
        if path.name not in ("route-table.json", "provider.json")
    }
    wanted = texts(made)
    stale = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    if options.check:
        print(
            f"schemas: {', '.join(stale)}: not what the facts give" if stale else "schemas: as made",
            file=sys.stderr if stale else sys.stdout,
        )
        return 1 if stale else 0
    for name in found.keys() - wanted.keys():
        (SCHEMAS / name).unlink()
    for name, text in wanted.items():
        (SCHEMAS / name).write_text(text, "utf-8")
    print(f"schemas: {sum(map(len, made.files.values()))} definitions in {len(made.files)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
