"""The bundled route table: its format, the facts it holds, and each decision made by hand, written out."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT.parent / "shared" / "spec"
ROUTES = ROOT / "oai_dyn" / "data" / "routes.json"
SCRIPT = ROOT / "scripts" / "derive_routes.py"

ROWS: list[Json] = json.loads(ROUTES.read_text("utf-8"))["routes"]
BY_NAME = {row["name"]: row for row in ROWS}
SCHEMA: Json = json.loads((ROOT / "schemas" / "route-table.json").read_text("utf-8"))
TABLE_V1 = ROOT / "tests" / "table_v1.json"
TABLE_V1_SHA256 = "7038e1920e7c7f1e5e3df8d059f8b66b0b373ac34e0950519c8c59411a53391c"

needs_facts = pytest.mark.skipif(
    not (FACTS / "operations.jsonl").is_file(), reason="the API's facts (../shared/spec) are not beside the repository"
)


def validator(definition: str = "") -> Draft202012Validator:
    """A validator of the schema file, or of one of its definitions."""
    return Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{definition}"} if definition else SCHEMA)


def named(**members: Any) -> set[str]:
    """Names of the rows that have these members with these values."""
    return {row["name"] for row in ROWS if all(row.get(key) == value for key, value in members.items())}


# --- What was decided by hand -------------------------------------------------------------------------------

SAFE_POSTS = {
    "beta.responses.input_tokens.count",
    "fine_tuning.alpha.graders.validate",
    "moderations.create",
    "responses.input_tokens.count",
    "vector_stores.search",
}

ASKED_IN_BODY = {"in": "body", "key": "stream", "value": True}
ASKED_IN_QUERY = {"in": "query", "key": "stream", "value": True}
SESSION_GOES_ON = ["agent.session.in_progress"]
RESPONSE_ENDS = ["response.completed", "response.failed", "response.incomplete"]
SESSION_RESTS = ["agent.session.idle", "agent.session.requires_action", "agent.session.failed"]
SESSION = {"complete": SESSION_RESTS, "reopen": SESSION_GOES_ON, "schema": "AgentSessionEvent"}
ASSISTANT = {"ask": ASKED_IN_BODY, "last": ["done", "[DONE]"], "envelope": True, "schema": "AssistantStreamEvent"}

STREAMS: dict[str, Json] = {
    "audio.speech.create": {
        "ask": {"in": "body", "key": "stream_format", "value": "sse"},
        "last": ["speech.audio.done"],
        "schema": "CreateSpeechResponseStreamEvent",
    },
    "audio.transcriptions.create": {
        "ask": ASKED_IN_BODY,
        "last": ["transcript.text.done"],
        "schema": "CreateTranscriptionResponseStreamEvent",
    },
    "beta.agents.sessions.create": {"ask": ASKED_IN_BODY, **SESSION},
    "beta.agents.sessions.events.stream": SESSION,
    "beta.responses.create": {"ask": ASKED_IN_BODY, "last": RESPONSE_ENDS, "schema": "BetaResponseStreamEvent"},
    "beta.responses.retrieve": {"ask": ASKED_IN_QUERY, "last": RESPONSE_ENDS, "schema": "BetaResponseStreamEvent"},
    "beta.threads.create_and_run": ASSISTANT,
    "beta.threads.runs.create": ASSISTANT,
    "beta.threads.runs.submit_tool_outputs": ASSISTANT,
    "chat.completions.create": {
        "ask": ASKED_IN_BODY,
        "last": ["[DONE]"],
        "finish": True,
        "schema": "CreateChatCompletionStreamResponse",
    },
    "completions.create": {"ask": ASKED_IN_BODY, "last": ["[DONE]"], "finish": True, "schema": "CreateCompletionResponse"},
    "images.edit": {
        "ask": ASKED_IN_BODY,
        "last": ["[DONE]"],
        "complete": ["image_edit.completed"],
        "schema": "ImageEditStreamEvent",
    },
    "images.generate": {
        "ask": ASKED_IN_BODY,
        "last": ["[DONE]"],
        "complete": ["image_generation.completed"],
        "schema": "ImageGenStreamEvent",
    },
    "responses.create": {"ask": ASKED_IN_BODY, "last": RESPONSE_ENDS, "schema": "ResponseStreamEvent"},
    "responses.retrieve": {"ask": ASKED_IN_QUERY, "last": RESPONSE_ENDS, "schema": "ResponseStreamEvent"},
}

# Every reply that is not plain JSON.
REPLIES: dict[str, Json] = {
    "audio.speech.create": {"kind": "bytes"},
    "audio.transcriptions.create": {"or": "text", "schema": "AudioTranscriptionCreateResponse"},
    "audio.translations.create": {"or": "text", "schema": "AudioTranslationCreateResponse"},
    "beta.agents.sessions.artifacts.content": {"kind": "bytes", "or": "text"},
    "beta.agents.sessions.events.create": {"kind": "none"},
    "beta.responses.delete": {"kind": "none"},
    "containers.delete": {"kind": "none"},
    "containers.files.content.retrieve": {"kind": "bytes", "or": "text"},
    "containers.files.delete": {"kind": "none"},
    "files.content": {"kind": "bytes", "or": "text"},
    "files.retrieve_content": {"kind": "text"},
    "live.sessions.accept": {"kind": "none"},
    "live.sessions.download_recording": {"kind": "bytes"},
    "live.sessions.hangup": {"kind": "none"},
    "live.sessions.refer": {"kind": "none"},
    "live.sessions.reject": {"kind": "none"},
    "realtime.calls.accept": {"kind": "none"},
    "realtime.calls.create": {"kind": "text"},
    "realtime.calls.hangup": {"kind": "none"},
    "realtime.calls.refer": {"kind": "none"},
    "realtime.calls.reject": {"kind": "none"},
    "responses.delete": {"kind": "none"},
    "skills.content.retrieve": {"kind": "bytes", "or": "text"},
    "skills.versions.content.retrieve": {"kind": "bytes", "or": "text"},
    "videos.download_content": {"kind": "bytes"},
}


# Every body that is more than its kind.
BODIES: dict[str, Json] = {
    "containers.files.create": {"or": "json"},
    "realtime.calls.create": {"parts": {"sdp": "application/sdp", "session": "application/json"}, "sole": "sdp"},
    "skills.create": {"or": "json"},
    "skills.versions.create": {"or": "json"},
}


def test_bodies_with_more_than_a_kind() -> None:
    """Forms that may be JSON and parts with a content type of their own are those listed here."""
    plain = {"kind", "keys", "schema"}
    extras = {row["name"]: {key: value for key, value in row.get("body", {}).items() if key not in plain} for row in ROWS}
    assert {name: extra for name, extra in extras.items() if extra} == BODIES


def test_safe_rows() -> None:
    """Safe to resend are all GET and DELETE rows and the POST rows listed here, no other."""
    by_method = {row["name"] for row in ROWS if row["method"] in ("GET", "DELETE")}
    assert named(safe=True) == by_method | SAFE_POSTS


def test_streaming_rows() -> None:
    """The rows that stream, how they are asked to and what ends them are those listed here."""
    assert {row["name"]: row["stream"] for row in ROWS if "stream" in row} == STREAMS


def test_replies_that_are_not_json() -> None:
    """Replies that are not JSON, or not only, are those listed here."""
    found = {row["name"]: row["reply"] for row in ROWS if {"kind", "or"} & row.get("reply", {}).keys()}
    assert found == REPLIES


def test_admin_rows_take_the_admin_key() -> None:
    """All of admin.* takes the admin key, and nothing else does."""
    assert named(credential="admin_key") == {name for name in BY_NAME if name.startswith("admin.")}
    assert len(named(credential="admin_key")) == 143


def test_deprecated_rows_are_those_the_sdk_marks() -> None:
    """A row is deprecated exactly when the official SDK marks its method so."""
    openai = pytest.importorskip("openai")
    marked = set()
    with openai.OpenAI(api_key="key", admin_api_key="key", base_url="http://127.0.0.1:9") as client:
        for name in BY_NAME.keys() - {"evals.runs.cancel_run"}:
            method: Any = client
            for part in name.split("."):
                method = getattr(method, part)
            if hasattr(method, "__deprecated__"):
                marked.add(name)
    assert named(deprecated=True) == marked
    assert len(marked) == 37


# --- The format ---------------------------------------------------------------------------------------------


def test_schema_file_is_a_schema() -> None:
    """The schema file is itself valid, and closed wherever it lists members."""
    Draft202012Validator.check_schema(SCHEMA)
    pending: list[Any] = [SCHEMA]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert "additionalProperties" in node, node.get("description")
            pending.extend(node.values())


def test_every_row_is_complete() -> None:
    """The file fits the schema, and every bundled row fits the definition of a complete row."""
    validator().validate({"routes": ROWS})
    for row in ROWS:
        validator("row").validate(row)


def test_names_are_unique() -> None:
    """391 rows with 391 names; only the two pairs of twins share an operationId."""
    assert len(ROWS) == len(BY_NAME) == 391
    ids = [row["id"] for row in ROWS if "id" in row]
    assert {one for one in ids if ids.count(one) > 1} == {"downloadFile", "listFineTuningCheckpointPermissions"}


def test_no_name_is_a_prefix_of_another_by_accident() -> None:
    """A method that is also a namespace would hide what stands below it: there is none."""
    namespaces = {name.rsplit(".", cut)[0] for name in BY_NAME for cut in range(1, name.count(".") + 1)}
    assert not namespaces & BY_NAME.keys()


def test_parameters_have_one_place() -> None:
    """A path parameter is in braces once; positional ones are path parameters; no name has two places."""
    for row in ROWS:
        path = re.findall(r"{(.*?)}", row["path"])
        assert len(path) == len(set(path)), row["name"]
        assert set(row.get("positional", [])) <= set(path), row["name"]
        places = [*path, *row.get("query", []), *row.get("headers", {}), *row.get("body", {}).get("keys", [])]
        assert len(places) == len(set(places)), row["name"]


def test_members_fit_together() -> None:
    """A stream or page that refers to a body key or query parameter refers to one the row has."""
    for row in ROWS:
        if ask := row.get("stream", {}).get("ask"):
            assert ask["key"] in (row["body"]["keys"] if ask["in"] == "body" else row["query"]), row["name"]
        if "param" in row.get("page", {}):
            assert row["page"]["param"] in row["query"], row["name"]
        if row["method"] in ("GET", "DELETE"):
            assert "body" not in row, row["name"]
        assert row.get("body", {}).get("kind") != "none", row["name"]


def test_layout_of_the_file() -> None:
    """One row a line, members in one order, and none that only repeats a default."""
    lines = ROUTES.read_text("utf-8").split("\n")
    assert [lines[0], *lines[-2:]] == ['{"routes": [', "]}", ""]
    assert [json.loads(line.removesuffix(",")) for line in lines[1:-2]] == ROWS
    members = list(SCHEMA["$defs"]["row"]["properties"])
    for row in ROWS:
        assert list(row) == [member for member in members if member in row], row["name"]
        assert all(value not in (False, [], {}, "api_key") for value in row.values()), row["name"]
        assert row.get("reply", {}).get("kind") != "json", row["name"]


GOOD = {"name": "a.b", "method": "POST", "path": "/a/{b}"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None},
        {"name": "a..b"},
        {"name": "_a"},
        {"name": "a\n"},
        {"method": "post"},
        {"path": "a"},
        {"path": "/a?b=1"},
        {"path": "/a/{b"},
        {"path": "/a/../b"},
        {"path": "/a\n"},
        {"positional": ["b", "b"]},
        {"positional": "b"},
        {"query": [1]},
        {"headers": {"b": "X Y"}},
        {"headers": {"b-c": "X"}},
        {"fixed": {"body": {}}},
        {"fixed": {"query": {"b": True}}},
        {"fixed": {"headers": {"X": "1\r\nY: 2"}}},
        {"body": {"keys": ["b"]}},
        {"body": {"kind": "xml"}},
        {"reply": {"kind": "sse"}},
        {"reply": {"or": "json"}},
        {"stream": {"last": []}},
        {"stream": {"end": ["done"]}},
        {"stream": {"ask": {"in": "header", "key": "b", "value": True}}},
        {"stream": {"ask": {"in": "body", "key": "b"}}},
        {"page": {}},
        {"page": {"items": "data", "cursor": ["next"]}},
        {"page": {"items": "data", "cursor": [], "param": "after"}},
        {"safe": "yes"},
        {"credential": "none"},
        {"retry": 3},
        {"remove": False},
        {"remove": True},
    ],
    ids=json.dumps,
)
def test_bad_rows_are_refused(wrong: Json) -> None:
    """A member that is unknown, misspelled or of the wrong shape is refused, in a row and in an overlay."""
    validator("row").validate(GOOD)
    row = {key: value for key, value in {**GOOD, **wrong}.items() if value is not None}
    assert not validator("row").is_valid(row)
    assert not validator().is_valid({"routes": [row]})


@pytest.mark.parametrize("row", [{"name": "a.b"}, {"name": "a.b", "safe": False}, {"name": "a.b", "remove": True}, GOOD])
def test_overlays_name_what_they_change(row: Json) -> None:
    """A row of a user's file needs its name only; it may change members or remove the route."""
    validator().validate({"routes": [row]})


def test_a_complete_row_needs_more_than_a_name() -> None:
    """What is enough for an overlay is not enough for a row of the table."""
    missing = sorted(error.message for error in validator("row").iter_errors({"name": "a.b"}))
    assert missing == ["'method' is a required property", "'path' is a required property"]


#: Members that the format got later.
SINCE_THEN = {"query_schema", "lists"}


def test_the_first_format_still_holds() -> None:
    """The frozen sample table is unchanged, complete, and uses every member there was in the first format."""
    text = TABLE_V1.read_bytes()
    assert hashlib.sha256(text).hexdigest() == TABLE_V1_SHA256
    table = json.loads(text)
    validator().validate(table)
    used: set[str] = set()
    for row in table["routes"]:
        validator("row").validate(row)
        used |= set(row)
        used |= {f"{key}.{one}" for key, value in row.items() if isinstance(value, dict) for one in value}
    definitions = SCHEMA["$defs"]
    members = set(definitions["row"]["properties"]) - SINCE_THEN
    nested = ("body", "fixed", "page", "reply", "stream")
    inner = {f"{member}.{key}" for member in nested for key in definitions[member]["properties"]}
    assert members | inner <= used


# --- The facts ----------------------------------------------------------------------------------------------

# Where each page class of the SDK finds the next cursor, and the parameter that takes it.
CURSORS: dict[str, tuple[list[str | int], str]] = {
    "SyncCursorPage": (["data", -1, "id"], "after"),
    "SyncConversationCursorPage": (["last_id"], "after"),
    "SyncNextCursorPage": (["next"], "after"),
    "SyncTokenPage": (["next"], "page"),
}


def page_of(paging: str | None) -> Json | None:
    """The paging rule that a page class of the SDK stands for."""
    if paging is None:
        return None
    if paging == "SyncPage":
        return {"items": "data"}
    cursor, param = CURSORS[paging]
    return {"items": "data", "cursor": cursor, "param": param, "more": "has_more"}


def operations() -> list[Json]:
    """The lines of operations.jsonl; the one without a name last."""
    return [json.loads(line) for line in (FACTS / "operations.jsonl").read_text("utf-8").splitlines()]


def document() -> Json:
    """The OpenAPI document."""
    read: Json = json.loads((FACTS / "openai-openapi.json").read_text("utf-8"))
    return read


def full_path(row: Json) -> str:
    """The path with the fixed query, as the facts write it."""
    query = "&".join(f"{key}={value}" for key, value in row.get("fixed", {}).get("query", {}).items())
    return f"{row['path']}?{query}" if query else row["path"]


@needs_facts
def test_every_operation_is_a_row_in_the_same_place() -> None:
    """The table has the facts' operations in the facts' order, with their method, path and operationId."""
    facts = [(one["name"], one["method"], one["path"], one["operationId"]) for one in operations()]
    facts[-1] = ("evals.runs.cancel_run", *facts[-1][1:])
    assert [(row["name"], row["method"], full_path(row), row.get("id")) for row in ROWS] == facts


@needs_facts
def test_parameters_headers_and_credential_are_the_facts() -> None:
    """Positional, query and header parameters, fixed headers and credential of each row are the facts'."""
    for fact in operations()[:-1]:
        row = BY_NAME[fact["name"]]
        assert row.get("positional", []) == fact["positional"], fact["name"]
        assert row.get("query", []) == fact["query_keywords"], fact["name"]
        assert row.get("headers", {}) == fact.get("header_keywords", {}), fact["name"]
        assert row.get("fixed", {}).get("headers", {}) == fact["headers"], fact["name"]
        assert row.get("credential", "api_key") == fact["credential"], fact["name"]


@needs_facts
def test_bodies_are_the_facts() -> None:
    """A row has a body of the facts' kind with the facts' keys; a keyword of the facts travels somewhere."""
    used_by_the_sdk_itself = {"beta.agents.sessions.create": {"output_type", "tool_handlers"}}
    for fact in operations()[:-1]:
        row = BY_NAME[fact["name"]]
        body = row.get("body", {"kind": "none"})
        kind = "multipart" if fact["multipart"] else "none" if fact["body_keywords"] == [] else "json"
        assert body["kind"] == kind, fact["name"]
        if fact["body_keywords"] is not None:
            assert body.get("keys", []) == fact["body_keywords"], fact["name"]
        places = {*re.findall(r"{(\w+)}", row["path"]), *row.get("query", []), *row.get("headers", {})}
        homeless = set(fact["keywords"]) - places - set(body.get("keys", []))
        assert homeless == used_by_the_sdk_itself.get(fact["name"], set()), fact["name"]


@needs_facts
def test_multipart_keys_include_the_documents() -> None:
    """Every property of the document's multipart requests is a known key of the row."""
    described = document()
    for row in ROWS:
        if row.get("body", {}).get("kind") != "multipart":
            continue
        content = described["paths"][row["path"]]["post"]["requestBody"]["content"]["multipart/form-data"]
        schema = described["components"]["schemas"][row["body"]["schema"]]
        assert content["schema"]["$ref"].endswith(f"/{row['body']['schema']}"), row["name"]
        branches = [schema, *schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]
        assert {key for branch in branches for key in branch.get("properties", {})} <= set(row["body"]["keys"])


@needs_facts
def test_pages_and_streams_are_the_facts() -> None:
    """A row pages as the SDK's page class does, and every operation that streams in the SDK streams here."""
    for fact in operations()[:-1]:
        row = BY_NAME[fact["name"]]
        assert row.get("page") == page_of(fact["paging"]), fact["name"]
        assert not fact["streams"] or "stream" in row, fact["name"]
    streaming_in_the_sdk = {fact["name"] for fact in operations() if fact.get("streams")}
    assert STREAMS.keys() - streaming_in_the_sdk == {"audio.speech.create"}


@needs_facts
def test_schemas_are_the_facts() -> None:
    """A request, answer or event that the document has as a component is called as there."""
    components = document()["components"]["schemas"]
    for fact in operations():
        row = BY_NAME[fact["name"] or "evals.runs.cancel_run"]
        body, reply, stream = (row.get(member, {}) for member in ("body", "reply", "stream"))
        media = {"json": "application/json", "multipart": "multipart/form-data"}.get(body.get("kind", ""))
        answers = {key.partition(" ")[2]: value for key, value in (fact.get("response") or {}).items()}
        if "response" in fact:
            expected = [(fact["request"] or {}).get(media), answers.get("application/json")]
            expected = [name if name in components else None for name in expected]
            for member, name in zip((body, reply), expected, strict=True):
                assert name is None or member["schema"] == name, fact["name"]
            event = answers.get("text/event-stream")
            assert event is None or stream["schema"] == event, fact["name"]
    assert BY_NAME["evals.runs.cancel_run"]["reply"] == {"schema": "EvalRun"}


@needs_facts
def test_the_document_agrees_on_credentials_and_deprecation() -> None:
    """Where the document asks for the admin key or deprecates, so does the row."""
    paths = document()["paths"]
    for row in ROWS:
        documented = paths.get(full_path(row), {}).get(row["method"].lower())
        if documented is not None:
            admin = documented.get("security") == [{"AdminApiKeyAuth": []}]
            assert admin == (row.get("credential") == "admin_key"), row["name"]
            assert row.get("deprecated", False) or not documented.get("deprecated"), row["name"]


# --- The script ---------------------------------------------------------------------------------------------


def derive(*arguments: str | Path, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    return subprocess.run([sys.executable, str(script), *map(str, arguments)], capture_output=True, text=True, check=False)


@needs_facts
def test_the_file_is_as_derived() -> None:
    """The table on disk is what the script derives from the facts and the decisions."""
    done = derive(FACTS, "--check")
    assert (done.returncode, done.stderr) == (0, "")


@needs_facts
def test_a_changed_file_is_seen(tmp_path: Path) -> None:
    """The check fails on one changed row and says which line; without --check the file is made anew."""
    shutil.copytree(SCRIPT.parent, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    copy = tmp_path / "oai_dyn" / "data" / "routes.json"
    copy.parent.mkdir(parents=True)
    copy.write_text(ROUTES.read_text("utf-8").replace('"name":"batches.cancel"', '"name":"batches.stop"'), "utf-8")
    script = tmp_path / "scripts" / SCRIPT.name
    done = derive(FACTS, "--check", script=script)
    line = [row["name"] for row in ROWS].index("batches.cancel") + 2
    assert done.returncode == 1
    assert f'line {line} differs; derived is: {{"name":"batches.cancel",' in done.stderr
    assert derive(FACTS, script=script).returncode == 0
    assert copy.read_bytes() == ROUTES.read_bytes()


def test_missing_facts_are_named(tmp_path: Path) -> None:
    """Without the facts the script says where it looked."""
    done = derive(tmp_path, "--check")
    assert (done.returncode, done.stderr) == (2, f"derive_routes: no operations.jsonl in {tmp_path}\n")


def test_a_decision_without_a_row_is_refused(tmp_path: Path) -> None:
    """A decision about a row that the facts do not have stops the script, naming section and row."""
    operation = {"name": "models.list", "method": "GET", "path": "/models", "operationId": "listModels"}
    (tmp_path / "operations.jsonl").write_text(json.dumps(operation), "utf-8")
    (tmp_path / "openai-openapi.json").write_text('{"paths": {}}', "utf-8")
    (tmp_path / "newer-schemas.json").write_text("{}", "utf-8")
    done = derive(tmp_path, "--check")
    assert done.returncode == 1
    assert "route_decisions.toml: safe.posts: no such row: beta.responses.input_tokens.count, " in done.stderr
