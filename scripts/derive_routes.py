"""Make oai_dyn/data/routes.json from the API's facts, from what route_decisions.toml decides, and from the schemas' names.

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
from collections.abc import Iterable, Iterator
from pathlib import Path

from facts import DECISIONS, FACTS, ROOT, Facts, Json, read_decisions, read_facts
from make_schemas import make

ROUTES = ROOT / "oai_dyn" / "data" / "routes.json"

#: The names of the schemas of a row's parts.
Names = dict[str, str]

# How each of the SDK's page classes finds the next page.
PAGES: dict[str, Json] = {
    "SyncPage": {"items": "data"},
    "SyncCursorPage": {"items": "data", "cursor": ["data", -1, "id"], "param": "after", "more": "has_more"},
    "SyncConversationCursorPage": {"items": "data", "cursor": ["last_id"], "param": "after", "more": "has_more"},
    "SyncNextCursorPage": {"items": "data", "cursor": ["next"], "param": "after", "more": "has_more"},
    "SyncTokenPage": {"items": "data", "cursor": ["next"], "param": "page", "more": "has_more"},
}


def derive(facts: Facts, decisions: Json) -> list[Json]:
    """All rows, in the order of the facts."""
    refuse_unknown(decisions, {operation["name"] for operation in facts.operations})
    names = make(facts, decisions).names
    return [row_of(operation, facts, decisions, names[operation["name"]]) for operation in facts.operations]


def refuse_unknown(decisions: Json, names: set[str]) -> None:
    """A decision about a row that does not exist is a slip of the pen."""
    decided = {
        "safe.posts": decisions["safe"]["posts"],
        "reply.rows": decisions["reply"]["rows"],
        "stream": decisions["stream"],
        "deprecated.rows": decisions["deprecated"]["rows"],
        "body.rows": decisions["body"]["rows"],
        "schemaless.rows": decisions["schemaless"]["rows"],
    }
    for section, entries in decided.items():
        if unknown := sorted(set(entries) - names):
            raise SystemExit(f"{DECISIONS.name}: {section}: no such row: {', '.join(unknown)}")


def row_of(operation: Json, facts: Facts, decisions: Json, names: Names) -> Json:
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
        "query_schema": names.get("query"),
        "headers": operation.get("header_keywords", {}),
        "fixed": given(fixed),
        "body": body_of(operation, facts.newer, decisions["body"]["rows"], names.get("body")),
        "reply": reply_of(operation, decisions["reply"], names.get("reply")),
        "stream": stream_of(operation, decisions["stream"], names.get("event")),
        "page": PAGES[operation["paging"]] if operation.get("paging") else None,
        "safe": method in decisions["safe"]["methods"] or name in decisions["safe"]["posts"],
        "credential": None if operation.get("credential") in (None, "api_key") else operation["credential"],
        "deprecated": documented.get("deprecated", False) or name in decisions["deprecated"]["rows"],
    }
    return given(row)


def given(members: Json) -> Json:
    """The members that say something: no absent, false or empty ones."""
    return {key: value for key, value in members.items() if value}


def body_of(operation: Json, newer: Json, decided: Json, schema: str | None) -> Json:
    """The body: its kind, the names known in it, its schema."""
    keys = operation.get("body_keywords", [])
    if keys == []:
        return {}
    kind = "multipart" if operation["multipart"] else "json"
    if keys is None:
        keys = remaining_keywords(operation, newer.get(operation["name"], {}).get("request"))
    return given({"kind": kind, "keys": keys, **decided.get(operation["name"], {}), "schema": schema})


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


def reply_of(operation: Json, decided: Json, schema: str | None) -> Json:
    """The reply: its kind by the Accept header the SDK sends, its schema."""
    accept = operation.get("headers", {}).get("Accept")
    reply = {"kind": decided["accept"][accept] if accept else "json", **decided["rows"].get(operation["name"], {})}
    if reply["kind"] == "json":
        del reply["kind"]
    return given({**reply, "schema": schema})


def stream_of(operation: Json, decided: Json, schema: str | None) -> Json | None:
    """The stream as decided, and the schema of an event."""
    name = operation["name"]
    stream = decided.get(name)
    if stream is None and not operation.get("streams"):
        return None
    if not stream:
        raise SystemExit(f"{DECISIONS.name}: stream: nothing says how {name} streams and what ends it")
    return given({**stream, "schema": schema})


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
    decisions = read_decisions()
    rows = derive(read_facts(options.facts, decisions), decisions)
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
