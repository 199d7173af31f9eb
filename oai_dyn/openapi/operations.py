"""The paths of a document as rows of the route table, and its webhooks as definitions.

Rules of this file: an operation is a row or a note; what the document leaves open is taken from the bundled row of the same
request (with or without /v1), and what it says wins; rows name definitions, which are read when all have been converted.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from ..catalog import packaged
from ..errors import ConfigError
from .bodies import UNKNOWN_END, Found, read_answers, read_body
from .converting import Converter
from .flattening import Definitions, Schema
from .naming import Asked, camel, known_row, named
from .parameters import Parameters, read_parameters
from .references import DEFS, Note
from .serving import credential

METHODS = ("get", "post", "put", "patch", "delete")

#: Members of a path that are no operation.
_BESIDE = {"parameters", "servers", "summary", "description", "$ref"}

#: What an operation may say that no row holds.
_NOT_HELD = {
    "callbacks": "left out: they are requests that the server sends",
    "servers": "left out: all rows of a table go to one address",
}

#: How many schemas are looked at to find the members of one.
_MOST = 500


class Draft(NamedTuple):
    """A row before its definitions are read: what the operation was, and the stream that the document shows.

    streams  nothing but the stream is described
    """

    asked: Asked
    row: dict[str, Any]
    shown: dict[str, Any] | None
    streams: bool


def read_operations(
    document: Mapping[str, Any], names: Mapping[str, str], converter: Converter, source: str = "names"
) -> list[Draft]:
    """A draft for each operation that a row can hold. What rows refer to is taken into the converter. Raises `ConfigError`.

    names, source: names of rows by operationId or method and path, and where they are from
    """
    notes = converter.notes
    asked = list(_asked(document, converter))
    drafts = (_draft(name, one, converter) for name, one in named(asked, names, source, notes).items())
    return [draft for draft in drafts if draft is not None]


def _asked(document: Mapping[str, Any], converter: Converter) -> Iterator[Asked]:
    paths = document.get("paths", {})
    if not isinstance(paths, Mapping):
        raise ConfigError(f"paths: of type {type(paths).__name__}, wanted an object")
    for path, item in paths.items():
        if path.startswith("x-"):
            continue
        place = f"#/paths/{path.replace('~', '~0').replace('/', '~1')}"
        found, place = converter.references.follow(item, place, converter.notes)
        if isinstance(item, Mapping) and "$ref" in item and item.keys() & {"parameters", *METHODS}:
            converter.notes.append(Note(f"paths {path[:80]}", "operations beside $ref", "left out: a reference stands alone"))
        if not isinstance(found, Mapping):
            converter.notes.append(Note(f"paths {path[:80]}", f"of type {type(found).__name__}", "left out: wanted an object"))
            continue
        yield from _of_path(path, found, place, converter.notes)


def _of_path(path: str, item: Mapping[str, Any], place: str, notes: list[Note]) -> Iterator[Asked]:
    for method, operation in item.items():
        where = f"{method.upper()[:20]} {path[:200]}"
        if method in _BESIDE or method.startswith("x-"):
            continue
        if method not in METHODS:
            notes.append(Note(where, f"the method {method[:20]}", f"left out: a row has one of {', '.join(METHODS).upper()}"))
        elif not isinstance(operation, Mapping):
            notes.append(Note(where, f"of type {type(operation).__name__}", "left out: wanted an object"))
        elif not _fits(path.partition("?")[0]):
            notes.append(Note(where, "the path", "left out: it cannot stand below a base URL, or has a parameter twice"))
        else:
            name = operation.get("operationId")
            name = name if isinstance(name, str) and name else None
            known = known_row(method.upper(), path)
            yield Asked(method.upper(), path, name, operation, item.get("parameters"), f"{place}/{method}", known)
            for key, why in _NOT_HELD.items():
                if operation.get(key) or item.get(key):
                    notes.append(Note(where, key, why))


def _fits(path: str) -> bool:
    """Whether a path can be a row's."""
    places = re.findall(r"\{([^{}]*)\}", path)
    return len(places) == len(set(places)) and bool(_path_rule().fullmatch(re.sub(r"\{[^{}/]+\}", "{x}", path)))


@functools.cache
def _path_rule() -> re.Pattern[str]:
    """What a path of the table looks like."""
    return re.compile(packaged("schemas/route-table.json")["$defs"]["path"]["pattern"])


def _draft(name: str, asked: Asked, converter: Converter) -> Draft | None:
    notes, references = converter.notes, converter.references
    body = read_body(asked, references, notes)
    if body is None:
        return None
    parameters = read_parameters(asked, references, notes, body.repeats)
    answers = read_answers(asked, references, notes)
    path, positional = _path(asked, parameters)
    query = parse_qsl(asked.path.partition("?")[2], keep_blank_values=True)
    fixed = {
        "query": {key: value for key, value in query if key},
        "headers": {"Accept": answers.accept} if answers.accept else {},
    }
    title = camel(name)
    row = {
        "name": name,
        "id": asked.id,
        "method": asked.method,
        "path": path,
        "positional": positional,
        "query": parameters.query,
        "query_schema": parameters.schema and converter.add(f"{title}Query", parameters.schema, f"{asked.place}/parameters"),
        "headers": parameters.headers,
        "fixed": _given(fixed),
        "body": _described(body, f"{title}Request", converter),
        "reply": _described(answers.reply, f"{title}Reply", converter),
        "stream": None,
        "page": None,
        "lists": "repeat" if parameters.repeats else None,
        "safe": asked.method in ("GET", "DELETE") or (asked.known or {}).get("safe", False),
        "credential": credential(asked.operation, asked.known),
        "deprecated": asked.operation.get("deprecated") is True,
    }
    return Draft(asked, row, answers.stream and _described(answers.stream, f"{title}Event", converter), answers.streams)


def _described(found: Found, name: str, converter: Converter) -> dict[str, Any]:
    """A member of a row with the name of the definition that describes it."""
    if found.schema is None:
        return found.rule
    return {**found.rule, "schema": converter.add(name, found.schema, found.place)}


def _path(asked: Asked, parameters: Parameters) -> tuple[str, list[str]]:
    """The path with its parameters called as the bundled row calls them, and those that may be given by position."""
    known = asked.known or {}
    path = asked.path.partition("?")[0]
    places = re.findall(r"\{([^{}]*)\}", path)
    own = re.findall(r"\{(\w+)\}", known.get("path", ""))
    if len(own) == len(places) and not {*own} & {*parameters.query, *parameters.headers}:
        names, positional = dict(zip(places, own, strict=True)), list(known.get("positional", ()))
    else:
        names = {place: parameters.path[place] for place in places}
        positional = list(names.values())
    return re.sub(r"\{([^{}]*)\}", lambda found: f"{{{names[found.group(1)]}}}", path), positional


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that say something: no absent, false or empty ones."""
    return {key: value for key, value in members.items() if value}


def finished(draft: Draft, definitions: Definitions, notes: list[Note]) -> dict[str, Any]:
    """The row of a draft: with the members of its body, its stream and its paging rule, which show in the definitions."""
    row, known = dict(draft.row), draft.asked.known or {}
    body = members(row["body"].get("schema"), definitions)
    if row["body"]:
        row["body"] = _given({"kind": None, **row["body"], "keys": [key for key in body if key]})
    row["stream"] = _stream(draft, body, definitions, notes)
    if "page" in known and row["reply"].get("kind", "json") == "json":
        row["page"] = _page(known["page"], row, members(row["reply"].get("schema"), definitions), definitions)
    if row["credential"] == "api_key":
        del row["credential"]
    return _given(row)


def _stream(draft: Draft, body: Mapping[str, Any], definitions: Definitions, notes: list[Note]) -> dict[str, Any] | None:
    """How the row streams: as the document shows, and where it shows no more than a `stream` in the body, as is usual."""
    row, known = draft.row, (draft.asked.known or {}).get("stream")
    ask = _ask(row, known, body, definitions)
    if ask is not None and known is None and draft.streams:
        notes.append(Note(draft.asked.key, f"{ask['key']} in the {ask['in']}", "it always streams: no other answer is described"))
        ask = None
    if draft.shown is not None:
        if ask is None and not draft.streams:
            notes.append(Note(draft.asked.key, "a stream beside another answer", "left out: nothing says how it is asked for"))
            return None
        return _given({"ask": ask, **draft.shown})
    if ask is None:
        return None
    like = "as usual" if known is None else f"as that of {(draft.asked.known or {})['name']}"
    notes.append(Note(draft.asked.key, "a stream is asked for, but not described", f"read {like}; its events have no schema"))
    rule = UNKNOWN_END if known is None else {key: value for key, value in known.items() if key != "schema"}
    return _given({**rule, "ask": ask})


def _ask(row: Mapping[str, Any], known: Any, body: Mapping[str, Any], definitions: Definitions) -> dict[str, Any] | None:
    """What asks for a stream: the bundled row's key where the document has it or is silent, else `stream`, true or false."""
    asked = (known or {}).get("ask")
    if asked is not None and (asked["key"] in (body if asked["in"] == "body" else row["query"]) or (row["body"] and not body)):
        return dict(asked)
    if "stream" in body and _may_be(body["stream"], "boolean", definitions):
        return {"in": "body", "key": "stream", "value": True}
    query = members(row["query_schema"], definitions)
    if "stream" in query and _may_be(query["stream"], "boolean", definitions):
        return {"in": "query", "key": "stream", "value": True}
    return None


def _page(
    rule: Mapping[str, Any], row: Mapping[str, Any], reply: Mapping[str, Any], definitions: Definitions
) -> dict[str, Any] | None:
    """The bundled row's paging rule, as far as the answer has its shape; None where it has not even the list."""
    if reply and "array" not in _kinds(reply.get(rule["items"], False), definitions):
        return None
    turns = "cursor" in rule and rule["param"] in row["query"]
    if not turns or (reply and rule["cursor"][0] not in reply):
        return {"items": rule["items"]}
    return {key: value for key, value in rule.items() if key != "more" or not reply or value in reply}


def members(name: Any, definitions: Definitions) -> dict[str, Any]:
    """The members that a definition, or a branch of it, lists, each with its schema."""
    found: dict[str, Any] = {}
    for schema in _parts({"$ref": f"{DEFS}{name}"} if name else {}, definitions):
        for key, inner in schema.get("properties", {}).items():
            found.setdefault(key, inner)
    return found


def _may_be(schema: Any, kind: str, definitions: Definitions) -> bool:
    kinds = _kinds(schema, definitions)
    return kind in kinds or not kinds


def _kinds(schema: Any, definitions: Definitions) -> set[str]:
    """The types that a converted schema names."""
    found: set[str] = set()
    for part in _parts(schema, definitions):
        named = part.get("type", [])
        found |= {named} if isinstance(named, str) else set(named)
    return found


def _parts(schema: Any, definitions: Definitions) -> Iterator[Schema]:
    """A schema and what it refers to, joins and chooses from, outermost first."""
    left, seen = [schema], set[str]()
    for _ in range(_MOST):
        if not left:
            return
        one = left.pop(0)
        if not isinstance(one, Mapping):
            continue
        yield one
        if "$ref" in one and one["$ref"] not in seen:
            seen.add(one["$ref"])
            left.append(definitions.get(one["$ref"].removeprefix(DEFS), {}))
        left += [*one.get("allOf", ()), *one.get("anyOf", ())]


def read_webhooks(document: Mapping[str, Any], converter: Converter) -> dict[str, str]:
    """The definition of each webhook's payload, by the webhook's name."""
    notes, found = converter.notes, dict[str, str]()
    hooks = document.get("webhooks", {})
    if not isinstance(hooks, Mapping):
        notes.append(Note("webhooks", f"of type {type(hooks).__name__}", "left out: wanted an object"))
        return found
    for name, item in hooks.items():
        place = f"#/webhooks/{name.replace('~', '~0').replace('/', '~1')}"
        item, place = converter.references.follow(item, place, notes)
        operation = item.get("post") if isinstance(item, Mapping) else None
        if not isinstance(operation, Mapping):
            notes.append(Note(f"webhook {name[:80]}", "no post", "left out: an event is posted"))
            continue
        asked = Asked("POST", f"webhook {name[:80]}", None, operation, None, f"{place}/post", None)
        body = read_body(asked, converter.references, notes)
        if body is None or body.schema is None:
            notes.append(Note(f"webhook {name[:80]}", "no JSON schema", "left out: there is nothing to hold"))
        else:
            found[name] = converter.add(f"{camel(re.sub(r'[^A-Za-z0-9]+', '_', name))}Webhook", body.schema, body.place)
    return found
