"""Make oai_dyn/data/routes.json from the API's facts and from what route_decisions.toml decides by hand.

    python scripts/derive_routes.py [FACTS] [--check]

FACTS is the folder with operations.jsonl, openai-openapi.json and newer-schemas.json; without it, it is
../shared/spec beside the repository. With --check nothing is written: exit status 1 if the file differs.
A row leaves out every member that has its default value; members stand in one fixed order.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROUTES = ROOT / "oai_dyn" / "data" / "routes.json"
DECISIONS = Path(__file__).resolve().with_name("route_decisions.toml")
FACTS = ROOT.parent / "shared" / "spec"

Json = dict[str, Any]

# How each of the SDK's page classes finds the next page.
PAGES: dict[str, Json] = {
    "SyncPage": {"items": "data"},
    "SyncCursorPage": {"items": "data", "cursor": ["data", -1, "id"], "param": "after", "more": "has_more"},
    "SyncConversationCursorPage": {"items": "data", "cursor": ["last_id"], "param": "after", "more": "has_more"},
    "SyncNextCursorPage": {"items": "data", "cursor": ["next"], "param": "after", "more": "has_more"},
    "SyncTokenPage": {"items": "data", "cursor": ["next"], "param": "page", "more": "has_more"},
}

MEDIA = {"json": "application/json", "multipart": "multipart/form-data"}


@dataclass(frozen=True)
class Facts:
    """The three files of facts, read."""

    operations: list[Json]
    document: Json
    newer: Json


def read_facts(folder: Path) -> Facts:
    """Read the folder of facts."""
    lines = (folder / "operations.jsonl").read_text("utf-8").splitlines()
    return Facts(
        operations=[json.loads(line) for line in lines if line.strip()],
        document=json.loads((folder / "openai-openapi.json").read_text("utf-8")),
        newer=json.loads((folder / "newer-schemas.json").read_text("utf-8")),
    )


def derive(facts: Facts, decisions: Json) -> list[Json]:
    """All rows, in the order of the facts."""
    unnamed = {entry["id"]: entry for entry in decisions["unnamed"]}
    operations = [
        operation if operation["name"] else {**operation, **unnamed[operation["operationId"]]} for operation in facts.operations
    ]
    refuse_unknown(decisions, {operation["name"] for operation in operations})
    return [row_of(operation, facts, decisions) for operation in operations]


def refuse_unknown(decisions: Json, names: set[str]) -> None:
    """A decision about a row that does not exist is a slip of the pen."""
    decided = {
        "safe.posts": decisions["safe"]["posts"],
        "reply.rows": decisions["reply"]["rows"],
        "stream": decisions["stream"],
        "deprecated.rows": decisions["deprecated"]["rows"],
        "body.rows": decisions["body"]["rows"],
    }
    for section, entries in decided.items():
        if unknown := sorted(set(entries) - names):
            raise SystemExit(f"{DECISIONS.name}: {section}: no such row: {', '.join(unknown)}")


def row_of(operation: Json, facts: Facts, decisions: Json) -> Json:
    """One row: the facts of an operation, what the document adds, what was decided."""
    name, method = operation["name"], operation["method"]
    path, _, fixed_query = operation["path"].partition("?")
    documented = facts.document["paths"].get(operation["path"], {}).get(method.lower(), {})
    fixed = {
        "query": dict(pair.split("=", 1) for pair in fixed_query.split("&") if pair),
        "headers": operation.get("headers", {}),
    }
    row = {
        "name": name,
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "positional": operation.get("positional", []),
        "query": operation.get("query_keywords", []),
        "headers": operation.get("header_keywords", {}),
        "fixed": given(fixed),
        "body": body_of(operation, documented, facts.newer, decisions["body"]["rows"]),
        "reply": reply_of(operation, documented, decisions["reply"]),
        "stream": stream_of(operation, documented, decisions["stream"]),
        "page": PAGES[operation["paging"]] if operation.get("paging") else None,
        "safe": method in decisions["safe"]["methods"] or name in decisions["safe"]["posts"],
        "credential": None if operation.get("credential") in (None, "api_key") else operation["credential"],
        "deprecated": documented.get("deprecated", False) or name in decisions["deprecated"]["rows"],
    }
    return given(row)


def given(members: Json) -> Json:
    """The members that say something: no absent, false or empty ones."""
    return {key: value for key, value in members.items() if value}


def body_of(operation: Json, documented: Json, newer: Json, decided: Json) -> Json:
    """The body: its kind, the names known in it, its schema in the document."""
    keys = operation.get("body_keywords", [])
    if keys == []:
        return {}
    kind = "multipart" if operation["multipart"] else "json"
    if keys is None:
        keys = remaining_keywords(operation, newer.get(operation["name"], {}).get("request"))
    content = documented.get("requestBody", {}).get("content", {})
    extra = decided.get(operation["name"], {})
    return given({"kind": kind, "keys": keys, **extra, "schema": component(content.get(MEDIA[kind]))})


def remaining_keywords(operation: Json, request: Json | None) -> list[str]:
    """The keywords that travel nowhere else; where a request schema lists what is sent, only those it lists.

    The SDK's agent sessions take keywords that it uses by itself and never sends: a schema tells them apart.
    """
    elsewhere = {*re.findall(r"{(\w+)}", operation["path"]), *operation["query_keywords"], *operation.get("header_keywords", {})}
    left = [keyword for keyword in operation["keywords"] if keyword not in elsewhere]
    if request is None:
        return left
    sent = set(property_names(request, request))
    return [keyword for keyword in left if keyword in sent]


def property_names(schema: Json, root: Json) -> Iterator[str]:
    """Every top-level property that some branch of a schema names."""
    if "$ref" in schema:
        yield from property_names(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    yield from schema.get("properties", ())
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from property_names(branch, root)


def component(media: Json | None) -> str | None:
    """The name of the component that describes a media type, where it is one."""
    reference = ((media or {}).get("schema") or {}).get("$ref", "")
    return reference.removeprefix("#/components/schemas/") or None


def success(documented: Json) -> Json:
    """The media types of the answer that a success has."""
    answers = [answer for status, answer in documented.get("responses", {}).items() if status.startswith("2")]
    return answers[0].get("content", {}) if answers else {}


def reply_of(operation: Json, documented: Json, decided: Json) -> Json:
    """The reply: its kind by the Accept header the SDK sends, its schema in the document."""
    accept = operation.get("headers", {}).get("Accept")
    reply = {"kind": decided["accept"][accept] if accept else "json", **decided["rows"].get(operation["name"], {})}
    if reply["kind"] == "json":
        reply["schema"] = component(success(documented).get(MEDIA["json"]))
        del reply["kind"]
    return given(reply)


def stream_of(operation: Json, documented: Json, decided: Json) -> Json | None:
    """The stream as decided; the schema of an event from the document unless the decision names one."""
    name = operation["name"]
    stream = decided.get(name)
    if stream is None and not operation.get("streams"):
        return None
    if not stream:
        raise SystemExit(f"{DECISIONS.name}: stream: nothing says how {name} streams and what ends it")
    schema = stream.get("schema") or component(success(documented).get("text/event-stream"))
    return {**stream, "schema": schema} if schema else dict(stream)


def render(rows: Iterable[Json]) -> str:
    """The file's text: one row a line."""
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return '{"routes": [\n' + ",\n".join(lines) + "\n]}\n"


def first_difference(found: str, wanted: str) -> str | None:
    """Where two texts part, in words; None if they are the same."""
    if found == wanted:
        return None
    old, new = found.splitlines(), wanted.splitlines()
    for number, (left, right) in enumerate(zip(old, new, strict=False), start=1):
        if left != right:
            return f"line {number} differs; derived is: {right.rstrip(',')}"
    return f"{len(old)} lines found, {len(new)} derived"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Derive oai_dyn/data/routes.json from the API's facts.")
    parser.add_argument("facts", nargs="?", type=Path, default=FACTS, help="folder of the facts")
    parser.add_argument("--check", action="store_true", help="compare only; exit status 1 if the file differs")
    options = parser.parse_args(arguments)
    if not (options.facts / "operations.jsonl").is_file():
        print(f"derive_routes: no operations.jsonl in {options.facts}", file=sys.stderr)
        return 2
    rows = derive(read_facts(options.facts), tomllib.loads(DECISIONS.read_text("utf-8")))
    text = render(rows)
    if not options.check:
        ROUTES.write_text(text, "utf-8")
        print(f"{ROUTES.relative_to(ROOT)}: {len(rows)} rows")
        return 0
    found = ROUTES.read_text("utf-8") if ROUTES.is_file() else ""
    if difference := first_difference(found, text):
        print(f"{ROUTES.relative_to(ROOT)} is not what the facts give: {difference}", file=sys.stderr)
        return 1
    print(f"{ROUTES.relative_to(ROOT)}: as derived, {len(rows)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
