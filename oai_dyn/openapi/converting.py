"""One schema of an OpenAPI 3.0 or 3.1 document as JSON Schema 2020-12.

Rules of this file: what a good value is stays the same, and every keyword that cannot be held, or says nothing where it
stands, is noted. Prose is left out. Unions become `anyOf` (`oneOf` refuses values that two branches take, and documents
rarely mean that); a `discriminator` stays beside its union, with `mapping` to `#/$defs/Name`, for `deciding.py`, which
takes it away. `allOf`, and keywords beside `$ref`, stay as they are for `merging.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .deciding import TYPES
from .flattening import Schema
from .keywords import HOLDS_MANY, HOLDS_ONE, KEYWORDS, KNOWN, LIST, NUMBER, PROSE, SAID_BESIDE, TYPED_ELSEWHERE, is_number
from .references import COMPONENTS, DEFS, MissingReference, Note, References, escaped


class Converter:
    """The schemas of one document, converted; what they refer to is converted along with them, and named.

    references  of the document
    notes       where what could not be held is noted
    """

    def __init__(self, references: References, notes: list[Note]) -> None:
        self.references = references
        self.notes = notes
        self._old = str(references.document.get("openapi", "")).startswith("3.0")
        self._done: dict[str, Any] = {}
        self._waiting: dict[str, tuple[Any, str]] = {}

    def add(self, name: str, schema: Any, place: str) -> str:
        """Take a schema in as a definition; what comes back is the name it got. One that only refers gives the name of that."""
        if isinstance(schema, Mapping) and set(schema) - PROSE == {"$ref"}:
            target = self._reference(schema["$ref"], place, place)
            if "$ref" in target:
                return str(target["$ref"]).removeprefix(DEFS)
        name = self.references.free(name)
        self._waiting[name] = schema, place
        return name

    def definitions(self) -> dict[str, Schema]:
        """All that was taken in and all that it refers to, by name; a definition is a schema with keywords."""
        while self._waiting:
            name = next(iter(self._waiting))
            schema, place = self._waiting.pop(name)
            done = self.convert(schema, place, place)
            self._done[name] = done if isinstance(done, dict) else {} if done else {"not": {}}
        return dict(self._done)

    def convert(self, schema: Any, place: str, root: str, *, part: bool = False) -> Any:
        """One schema, converted. `place` is where it stands and `root` the definition it stands in; `part`: others say more."""
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            self._note(place, f"{_shown(schema)} as a schema", "accepts everything: a schema is an object")
            return True
        out: dict[str, Any] = {}
        for reference in ("$ref", "$recursiveRef", "$dynamicRef"):
            if reference in schema:
                out |= self._reference(schema[reference] if reference == "$ref" else root, place, root)
        if self._old and "$ref" in schema:
            schema = self._alone(schema, place)
        types = self._types(schema, place, part)
        if types:
            out["type"] = types[0] if len(types) == 1 else types
        out |= self._plain(schema, types, place)
        out |= self._exclusive(schema, types, place)
        out |= self._inner(schema, types, place, root)
        null = self._is_true(schema, "nullable", place)
        unions = [self._branches(schema, key, place, root, part or bool(out)) for key in ("anyOf", "oneOf") if key in schema]
        joined = self._branches(schema, "allOf", place, root, True) if "allOf" in schema else []
        if joined and (nulls := [one for one in schema["allOf"] if _only_nullable(one)]):
            null, joined = True, [one for one, was in zip(joined, schema["allOf"], strict=True) if was not in nulls]
        if unions and unions[0]:
            out["anyOf"] = unions[0]
            out |= self._discriminator(schema, place)
        joined += [{"anyOf": union} for union in unions[1:] if union]
        if joined:
            out["allOf"] = joined
        return _or_null(out) if null else out

    def _note(self, place: str, what: str, why: str) -> None:
        self.notes.append(Note(place, what, why))

    def _reference(self, reference: Any, place: str, root: str) -> dict[str, Any]:
        """A reference to a definition, which is taken in; an empty schema where the reference leads nowhere."""
        why = ""
        own = [root + reference[1:]] if isinstance(reference, str) and reference.startswith("#/") else []
        for tried in (reference, *own):  # in 3.1 a definition may have definitions of its own
            try:
                schema = self.references.resolve(tried)
            except MissingReference as error:
                why = why or str(error)
                continue
            name = self.references.name(tried)
            if name not in self._done and name not in self._waiting:
                self._done[name] = {}  # keeps its place in the order
                self._waiting[name] = schema, tried
            return {"$ref": DEFS + name}
        self._note(place, f"$ref {_shown(reference)}", f"accepts everything: {why}")
        return {}

    def _alone(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        """In 3.0 a reference stands alone; what people write beside it and mean is kept."""
        meant = {key: schema[key] for key in ("nullable", *SAID_BESIDE) if key in schema}
        for key in schema:
            if not (key in meant or key in PROSE or key == "$ref" or key.startswith("x-")):
                self._note(place, f"{key} beside $ref", "left out: in OpenAPI 3.0 a reference stands alone")
        return meant

    def _is_true(self, schema: Mapping[str, Any], key: str, place: str) -> bool:
        if key in schema and not isinstance(schema[key], bool):
            self._note(place, f"{key}: {_shown(schema[key])}", "left out: wanted true or false")
        return schema.get(key) is True

    def _types(self, schema: Mapping[str, Any], place: str, part: bool) -> list[str]:
        """The types a schema names, without those that are none; where it names none, the one that it speaks of."""
        given = schema.get("type", [])
        named = [given] if isinstance(given, str) else given if isinstance(given, list) else [given]
        for name in named:
            if name not in TYPES:
                self._note(place, f"type {_shown(name)}", "left out: JSON has no such type")
        if not named and not part and not schema.keys() & TYPED_ELSEWHERE:
            for key, name in (("properties", "object"), ("items", "array")):
                if key in schema:
                    self._note(place, f"{key} without a type", f"read as an {name}")
                    return [name]
        return list(dict.fromkeys(name for name in named if name in TYPES))

    def _plain(self, schema: Mapping[str, Any], types: list[str], place: str) -> dict[str, Any]:
        """The keywords that hold no schema."""
        out = {}
        for key, value in schema.items():
            if (rule := KEYWORDS.get(key)) is not None:
                if not rule.right(value):
                    self._note(place, f"{key}: {_shown(value)}", f"left out: wanted {rule.wanted}")
                elif self._speaks(key, rule.types, types, place):
                    out[key] = value
            elif not (isinstance(key, str) and (key in KNOWN or key.startswith("x-"))):
                self._note(place, f"{_shown(key)}", "left out: JSON Schema has no such keyword")
        if "required" in out:
            out["required"] = list(dict.fromkeys(out["required"]))
        return {key: value for key, value in out.items() if value != [] or key != "required"}

    def _speaks(self, key: str, spoken: frozenset[str], types: list[str], place: str) -> bool:
        """Whether a keyword says anything of values of these types."""
        if not types or not spoken or spoken & set(types):
            return True
        self._note(place, f"{key} on type {' or '.join(types)}", "left out: it says nothing there")
        return False

    def _exclusive(self, schema: Mapping[str, Any], types: list[str], place: str) -> dict[str, Any]:
        """`exclusiveMinimum` and `exclusiveMaximum`: a bound of their own, or in 3.0 a remark on the bound beside them."""
        out: dict[str, Any] = {}
        for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            value = schema.get(key, False)
            if value is True and is_number(schema.get(bound)) and self._speaks(key, NUMBER, types, place):
                out[key] = schema[bound]
            elif is_number(value) and self._speaks(key, NUMBER, types, place):
                out[key] = value
            elif value is not False and not is_number(value):
                self._note(place, f"{key}: {_shown(value)}", f"left out: wanted a number, or true beside {bound}")
        return out

    def _inner(self, schema: Mapping[str, Any], types: list[str], place: str, root: str) -> dict[str, Any]:
        """The keywords that hold schemas asked about other values, or under a condition."""
        out: dict[str, Any] = {}
        for key in (key for key in schema if key in HOLDS_ONE):
            if self._speaks(key, HOLDS_ONE[key], types, place):
                out[key] = self.convert(schema[key], f"{place}/{key}", root, part=not HOLDS_ONE[key])
        for key in (key for key in schema if key in HOLDS_MANY):
            if not isinstance(schema[key], Mapping):
                self._note(place, f"{key}: {_shown(schema[key])}", "left out: wanted an object of schemas")
            elif self._speaks(key, HOLDS_MANY[key], types, place):
                out[key] = {
                    str(name): self.convert(inner, f"{place}/{key}/{escaped(str(name))}", root, part=key == "dependentSchemas")
                    for name, inner in schema[key].items()
                }
        return out | self._items(schema, types, place, root)

    def _items(self, schema: Mapping[str, Any], types: list[str], place: str, root: str) -> dict[str, Any]:
        """`items`, and what older drafts wrote for `prefixItems`."""
        first, items = schema.get("prefixItems"), schema.get("items")
        if isinstance(items, list):
            first, items = items, schema.get("additionalItems")
        out: dict[str, Any] = {}
        if (first is not None or items is not None) and self._speaks("items", LIST, types, place):
            if isinstance(first, list) and first:
                out["prefixItems"] = [self.convert(one, f"{place}/prefixItems/{n}", root) for n, one in enumerate(first)]
            if items is not None:
                out["items"] = self.convert(items, f"{place}/items", root)
        return out

    def _branches(self, schema: Mapping[str, Any], key: str, place: str, root: str, part: bool) -> list[Any]:
        if not isinstance(schema[key], list):
            self._note(place, f"{key}: {_shown(schema[key])}", "left out: wanted a list of schemas")
            return []
        return [self.convert(one, f"{place}/{key}/{n}", root, part=part) for n, one in enumerate(schema[key])]

    def _discriminator(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        """The `discriminator` of a union, its mapping by definition."""
        declared = schema.get("discriminator")
        if not isinstance(declared, Mapping) or not isinstance(declared.get("propertyName"), str):
            return {}
        mapping = {}
        for text, target in _members(declared, "mapping").items():
            reference = target if {"#", "/"} & set(str(target)) else COMPONENTS + escaped(str(target))
            if found := self._reference(reference, f"{place}/discriminator", place).get("$ref"):
                mapping[str(text)] = found
        return {"discriminator": {"propertyName": declared["propertyName"], **({"mapping": mapping} if mapping else {})}}


def _members(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def _only_nullable(schema: Any) -> bool:
    """Whether a part of an `allOf` says `nullable: true` and no more: it speaks of the whole."""
    return isinstance(schema, Mapping) and schema.get("nullable") is True and not (schema.keys() - PROSE - {"nullable"})


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with `null` allowed as well."""
    remarks: dict[str, Any] = {key: schema.pop(key) for key in SAID_BESIDE if key in schema}
    if not schema:
        return remarks
    if schema.keys() & {"$ref", "allOf", "not", "if", "const"} or (
        "anyOf" in schema and schema.keys() - {"anyOf", "discriminator"}
    ):
        return {"anyOf": [schema, {"type": "null"}], **remarks}
    if "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    if "type" in schema:
        types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        schema["type"] = [*types, "null"] if "null" not in types else types
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return {**schema, **remarks}


def _shown(value: Any) -> str:
    """A value in a note, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
