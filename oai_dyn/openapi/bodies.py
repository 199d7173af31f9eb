"""Bodies of an operation: what is sent, what answers, and how a stream is asked for and ends.

Rules of this file: a media type goes by what a row can do with it; what a document leaves open is taken from the bundled row of
the same request; what cannot be sent or read is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .naming import Asked
from .parameters import types
from .references import Note, References

_MEDIA = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+/[A-Za-z0-9!#$%&'*+.^_`|~-]+")

_FORM, _URLENCODED, _EVENTS = "multipart/form-data", "application/x-www-form-urlencoded", "text/event-stream"

#: What ends a stream of which nothing is known: the usual mark, or the end of the body.
UNKNOWN_END: Mapping[str, Any] = {"last": ["[DONE]"], "eof": True}


class Found(NamedTuple):
    """A member of a row, and the schema that describes it in the document; `schema` is None where nothing does.

    repeats  a list in it is sent as its name again and again
    """

    rule: dict[str, Any]
    schema: Any = None
    place: str = ""
    repeats: bool = False


class Answers(NamedTuple):
    """The answer of an operation, its stream where it has one, and what to ask for where that is not JSON.

    streams  nothing but the stream is described
    """

    reply: Found
    stream: Found | None = None
    accept: str | None = None
    streams: bool = False


class Media(NamedTuple):
    """One media type of a body: its name in small letters without parameters, and what is said of it."""

    name: str
    said: Mapping[str, Any]
    place: str

    @property
    def schema(self) -> Any:
        """The schema, or None where it says nothing."""
        schema = self.said.get("schema", self.said.get("itemSchema"))
        return None if schema is True or schema == {} else schema

    @property
    def kind(self) -> str:
        """How a row reads it: json, events, text or bytes."""
        if self.name == _EVENTS:
            return "events"
        if self.name == "application/json" or self.name.endswith("+json"):
            return "json"
        return "text" if self.name.startswith("text/") or self.name == "application/sdp" else "bytes"


def read_body(asked: Asked, references: References, notes: list[Note]) -> Found | None:
    """The request body as a row has it; None where no row can send it."""
    given, place = references.follow(asked.operation.get("requestBody", {}), f"{asked.place}/requestBody", notes)
    media = {one.name: one for one in _media(asked, given, place, notes)}
    if not media:
        return Found({})
    json = next((one for one in media.values() if one.kind == "json"), media.get("*/*"))
    if json is not None and json.name == "*/*":
        notes.append(Note(asked.key, "a body of any type", "it is sent as JSON"))
    form, text = media.get(_FORM), media.get(_URLENCODED)
    left = set(media) - {_FORM} - {one.name for one in media.values() if one.kind == "json"} - {"*/*"}
    if form is not None:
        found = _form(asked, form, references, notes)
        found.rule.update({"or": "json"} if json is not None else _sole(found.rule.get("parts", {}), left))
        left -= {found.rule["parts"][found.rule["sole"]]} if "sole" in found.rule else set()
    elif json is not None:
        found = Found({"kind": "json"}, json.schema, json.place)
        if (kinds := types(json.schema, references)) and "object" not in kinds:
            notes.append(Note(asked.key, f"a body of type {' or '.join(sorted(kinds))}", "left out: a row sends objects"))
            return None
    elif text is not None:
        found = Found({"kind": "form"}, text.schema, text.place, _repeats(asked, text.schema, references, notes))
        left -= {_URLENCODED}
    else:
        notes.append(Note(asked.key, f"a body of {', '.join(sorted(left))}", "left out: a row sends JSON or a form"))
        return None
    for name in sorted(left):
        notes.append(Note(asked.key, f"a body of {name}", f"left out: the row sends it as {found.rule['kind']}"))
    return found


def _media(asked: Asked, given: Any, place: str, notes: list[Note]) -> Iterator[Media]:
    """What `content` lists, each media type once."""
    content = given.get("content", {}) if isinstance(given, Mapping) else None
    if not isinstance(content, Mapping):
        notes.append(Note(asked.key, place, "left out: wanted an object with content, an object of media types"))
        return
    for name, said in content.items():
        plain = name.partition(";")[0].strip().lower()
        if isinstance(said, Mapping):
            yield Media(plain, said, f"{place}/content/{name.replace('~', '~0').replace('/', '~1')}/schema")
        else:
            notes.append(Note(asked.key, f"{place}: {name[:80]}", "left out: wanted an object"))


def _form(asked: Asked, form: Media, references: References, notes: list[Note]) -> Found:
    """A multipart body: its parts' own content types, as `encoding` says or, for objects, as OpenAPI has it."""
    parts: dict[str, str] = {}
    encoding = form.said.get("encoding", {})
    for name, said in encoding.items() if isinstance(encoding, Mapping) else ():
        kind = said.get("contentType") if isinstance(said, Mapping) else None
        if isinstance(kind, str) and _MEDIA.fullmatch(kind) and "*" not in kind and name:
            parts[name] = kind
        elif kind is not None:
            notes.append(
                Note(asked.key, f"part {name[:80]} of {kind!r:.80}", "left to the file's own type: no single type is named")
            )
        for key in ("headers", "style", "explode", "allowReserved") if isinstance(said, Mapping) else ():
            if key in said:
                notes.append(Note(asked.key, f"{key} of part {name[:80]}", "left out: parts are written in one way"))
    if asked.known is None:
        for name, kinds in _properties(form.schema, references):
            if name and kinds == {"object"}:
                parts.setdefault(name, "application/json")
    repeats = asked.known is None and _repeats(asked, form.schema, references, notes)
    return Found({"kind": "multipart", **({"parts": parts} if parts else {})}, form.schema, form.place, repeats)


def _repeats(asked: Asked, schema: Any, references: References, notes: list[Note]) -> bool:
    """Whether a form has a list without brackets, which OpenAPI sends as its name again and again; else the row adds them."""
    lists = [name for name, kinds in _properties(schema, references) if "array" in kinds]
    if not all(name.endswith("[]") for name in lists):
        return True
    for name in lists:
        notes.append(Note(asked.key, f"part {name[:80]}", f"a list: give it as {name[:-2]}, which is sent as {name}"))
    return False


def _properties(schema: Any, references: References) -> Iterator[tuple[str, set[str]]]:
    """The members of an object schema with the types that each may have."""
    schema, _ = references.follow(schema, "", [])
    members = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    for name, inner in members.items() if isinstance(members, Mapping) else ():
        yield name, types(inner, references)


def _sole(parts: Mapping[str, str], others: Iterable[str]) -> dict[str, str]:
    """The part that alone may be the whole body: the document takes a body of its type too."""
    return next(({"sole": name} for name, kind in parts.items() if kind in others), {})


def read_answers(asked: Asked, references: References, notes: list[Note]) -> Answers:
    """The answer of a success, and the stream beside it or instead of it."""
    media = list(_of_success(asked, references, notes))
    events = next((one for one in media if one.kind == "events"), None)
    json = [one for one in media if one.kind == "json"]
    others = [one for one in media if one.kind in ("text", "bytes")]
    if others and all(one.schema is None for one in json):
        json = []  # FastAPI writes it, without a schema, beside any type that it was told
    usual = (asked.known or {}).get("reply", {})
    if usual.get("kind", "json") != "json" and all(one.schema in (None, {"type": "string"}) for one in json):
        json = []  # content of files, which the API's own document calls a text of JSON
    stream = None if events is None else _event(events, asked, notes)
    if stream is not None and not others and all(one.schema is None for one in json):
        return Answers(Found({}), stream, streams=True)
    if not json and not others:
        return Answers(_unanswered(asked, notes))
    kinds = {one.kind for one in others}
    rule = {} if json else {"kind": "bytes" if "bytes" in kinds else "text"}
    if ("text" in kinds and rule.get("kind") != "text") or (usual.get("kind") == rule.get("kind") and "or" in usual):
        rule["or"] = "text"
    if json and "bytes" in kinds:
        notes.append(
            Note(asked.key, "an answer that is not JSON", "left out: the row reads JSON, which the document has as well")
        )
    accept = None if json else ", ".join(dict.fromkeys(one.name for one in others if _MEDIA.fullmatch(one.name))) or None
    return Answers(_one_of(rule, json), stream, accept)


def _of_success(asked: Asked, references: References, notes: list[Note]) -> Iterator[Media]:
    """The media types of every answer of a success, 200 first."""
    answers = asked.operation.get("responses", {})
    if not isinstance(answers, Mapping):
        notes.append(Note(asked.key, "responses", "left out: wanted an object of answers by status"))
        return
    good = sorted(
        (status for status in answers if re.fullmatch(r"2[0-9X]{2}", status.upper())), key=lambda one: (one != "200", one)
    )
    for status in good or [status for status in answers if status == "default"]:
        place = f"{asked.place}/responses/{status}"
        answer, place = references.follow(answers[status], place, notes)
        yield from _media(asked, answer, place, notes)


def _unanswered(asked: Asked, notes: list[Note]) -> Found:
    """The reply of an operation whose document shows none: with status 204 there is none, with any other it may be forgotten."""
    statuses = asked.operation.get("responses")
    empty = isinstance(statuses, Mapping) and not statuses.keys().isdisjoint(("204", "205"))
    known = {"kind": "none"} if asked.known is None or empty else asked.known.get("reply", {})
    if known.get("kind") != "none":
        notes.append(Note(asked.key, "no answer is described", f"it is read as that of {(asked.known or {})['name']}"))
    return Found({key: known[key] for key in ("kind", "or") if key in known})


def _one_of(rule: dict[str, Any], json: list[Media]) -> Found:
    """One schema of all JSON answers of a success; none where one of them has none."""
    schemas: list[Any] = []
    for one in json:
        if one.schema not in schemas:
            schemas.append(one.schema)
    if not schemas or None in schemas:
        return Found(rule)
    return Found(rule, schemas[0] if len(schemas) == 1 else {"anyOf": schemas}, json[0].place)


def _event(events: Media, asked: Asked, notes: list[Note]) -> Found:
    """The stream: what ends it as the bundled row says, the schema of an event as the document does."""
    known = (asked.known or {}).get("stream")
    rule = {key: value for key, value in known.items() if key not in ("schema", "ask")} if known else dict(UNKNOWN_END)
    schema = events.schema
    if isinstance(schema, Mapping) and schema.get("type") == "string":
        notes.append(
            Note(asked.key, "a stream described as text", "its events have no schema: what their data holds is not said")
        )
        schema = None
    return Found(rule, schema, events.place)
