"""Documents that mean harm, or nothing: each ends in rows and notes or in a ConfigError, soon, and in no other way."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imported import FLAG, JSON, TEXT, Json, answer, body, document, obj, table
from jsonschema_rs import meta

from oai_dyn import ConfigError
from oai_dyn.openapi import Imported, convert, load, write
from oai_dyn.openapi.reading import BOUNDS

#: The most that any of these may take, in seconds; alone on a machine each takes a fraction of it.
pytestmark = pytest.mark.timeout(60)


def ref(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def with_schemas(schemas: Json, first: str = "A0") -> Json:
    """A document whose one operation takes the first of these schemas."""
    return document({"/x": {"post": {**body({JSON: {"schema": ref(first)}}), "responses": {}}}}, schemas=schemas)


def ended(source: Any) -> Imported | str:
    """What a document became, checked as a whole, or what was said of it."""
    try:
        found = convert(load(source), "hostile")
    except ConfigError as error:
        return str(error)[:300]
    table(found)
    assert all(meta.is_valid(dict(definition)) for definition in found.definitions.values())
    return found


# --- Schemas that never end, or grow ------------------------------------------------------------------------

NULL = {"type": "null"}

KINDS = ("allOf", "anyOf", "oneOf")


def chain(length: int, link: Callable[[int, Json], Json]) -> Json:
    """Schemas each of which is made of the next."""
    return {f"A{n}": link(n, ref(f"A{n + 1}")) for n in range(length)} | {f"A{length}": TEXT}


GROWING: dict[str, Callable[[str], Json]] = {
    "each ten times the next": lambda kind: chain(30, lambda n, after: {kind: [after] * 10}),
    "each the next twice and more": lambda kind: chain(30, lambda n, after: {kind: [after, after, obj(**{f"p{n}": after})]}),
    "each with members of the next": lambda kind: chain(
        30, lambda n, after: {kind: [obj(**{f"a{n}": after, f"b{n}": after}), obj(**{f"a{n}": after, f"c{n}": after})]}
    ),
    "unions joined": lambda kind: chain(
        30, lambda n, after: {"allOf": [{kind: [after, FLAG]}, {kind: [after, {"type": "null"}]}]}
    ),
    "a long chain": lambda kind: chain(1000, lambda n, after: {kind: [after, obj(**{f"p{n}": TEXT})]}),
    "very wide": lambda kind: {"A0": {kind: [obj("t", t={"const": str(n)}, v=TEXT) for n in range(1500)]}},
    "wide, told apart by nothing": lambda kind: {"A0": {kind: [obj(**{f"p{n}": TEXT}) for n in range(500)]}},
    "wide, with many values": lambda kind: {
        "A0": {kind: [obj(**{f"p{m}": {"enum": [f"{(n + v) % 9}" for v in range(5)]} for m in range(10)}) for n in range(150)]}
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GROWING)
def test_schemas_that_would_grow(name: str, kind: str) -> None:
    """Schemas that mean more than could be written are not written out."""
    found = ended(with_schemas(GROWING[name](kind)))
    assert isinstance(found, str) or len(json.dumps(found.definitions)) < 5_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_circles(kind: str) -> None:
    """References that come back to the same value are cut and noted; those that lead into a value are what they are."""
    found = ended(with_schemas({"A0": {kind: [ref("A1")]}, "A1": {kind: [ref("A0")]}}))
    assert isinstance(found, Imported)
    assert "leads back to the same value" in str(found.notes)
    found = ended(with_schemas({"A0": obj(next={kind: [ref("A0"), TEXT]})}))
    assert isinstance(found, Imported)
    assert not found.notes


@pytest.mark.parametrize("place", ["parameters", "requestBody", "responses", "path"])
def test_circles_of_other_references(place: str) -> None:
    """Parameters, bodies, answers and paths that refer to themselves are left out and noted."""
    loop = {"$ref": "#/components/loop"}
    paths = {
        "parameters": {"/x": {"post": {"parameters": [loop]}}},
        "requestBody": {"/x": {"post": {"requestBody": loop}}},
        "responses": {"/x": {"post": {"responses": {"200": loop}}}},
        "path": {"/x": loop},
    }[place]
    found = ended(document(paths, components={"loop": loop}))
    assert isinstance(found, Imported)
    assert "it leads in a circle" in str(found.notes)


@pytest.mark.parametrize(
    "reference",
    ["#/components/schemas/No", "#/" + "9" * 5000, "#/paths/٣", "other.json#/X", "http://h/x", "#x", "", "#", 7, None, [], {}],
)
def test_references_that_lead_nowhere(reference: Any) -> None:
    """Within the document or out of it: the schema takes everything, which is noted; nothing is fetched."""
    found = ended(with_schemas({"A0": obj(a={"$ref": reference})}))
    assert isinstance(found, Imported)
    assert found.notes or reference == "#"


# --- Large and deep -----------------------------------------------------------------------------------------


def test_an_enum_of_megabytes() -> None:
    """It is kept, and is written once; a larger document than the bound is refused."""
    values = [f"value-{n}" for n in range(100_000)]
    found = ended(with_schemas({"A0": {"enum": values}}))
    assert isinstance(found, Imported)
    assert found.definitions["A0"]["enum"] == values
    assert "more than" in str(ended(with_schemas({"A0": {"enum": ["x" * 1000] * 20_000}})))


@pytest.mark.parametrize("levels", [30, 70, 100_000])
@pytest.mark.parametrize("around", ["properties", "items", "allOf", "anyOf", "not"])
def test_deep_schemas(levels: int, around: str) -> None:
    """Deep ones are converted as far as the bound, and refused beyond it, from a dict and from a file."""
    value: Any = TEXT
    for _ in range(levels):
        inner = {"x": value} if around == "properties" else [value] if around.endswith("Of") else value
        value = {around: inner}
    found = ended(with_schemas({"A0": value}))
    deep = levels * (2 if around in ("properties", "allOf", "anyOf") else 1) > BOUNDS.depth - 10
    assert isinstance(found, str) == deep
    assert not deep or "nested deeper than 150 levels" in str(found)


def test_many_operations_of_one_name() -> None:
    """Each gets a name of its own, in time that grows with their number alone."""
    found = ended(document({f"/a/{{x{n}}}": {"get": {"operationId": "same", "responses": {}}} for n in range(3000)}))
    assert isinstance(found, Imported)
    assert len({row["name"] for row in found.rows}) == 3000


def test_many_parameters_of_one_name() -> None:
    """Parameters that would be called alike are told apart."""
    parameters = [{"in": "header", "name": "-" * n + "x"} for n in range(1, 300)]
    found = ended(document({"/x": {"get": {"parameters": parameters}}}))
    assert isinstance(found, Imported)
    assert len(found.rows[0]["headers"]) == 299


@pytest.mark.parametrize("content", ["[" * 1_000_000, '{"a":' * 1_000_000, "- " * 100_000, "? " * 100_000, "{a: " * 100_000])
def test_deep_texts(tmp_path: Path, content: str) -> None:
    """JSON and YAML that only open are refused, without a crash."""
    (tmp_path / "deep").write_text(content)
    assert isinstance(ended(tmp_path / "deep"), str)


@pytest.mark.parametrize(
    ("levels", "line"),
    [(40, lambda n: "[" + f"*b{n - 1}, " * 9 + "x]"), (2000, lambda n: f"{{<<: [*b{n - 1}, *b{n - 1}], k{n}: 1}}")],
    ids=["aliases", "merges"],
)
def test_yaml_bombs(tmp_path: Path, levels: int, line: Callable[[int], str]) -> None:
    """Aliases of aliases are counted as what they stand for; merges are counted as they are made."""
    lines = "".join(f"b{n}: &b{n} {line(n)}\n" for n in range(1, levels))
    (tmp_path / "bomb.yaml").write_text(f"openapi: 3.1.0\npaths: {{}}\nb0: &b0 {{x: x, y: y}}\n{lines}")
    assert "more" in str(ended(tmp_path / "bomb.yaml"))


# --- Names that lead out ------------------------------------------------------------------------------------

EVIL = [
    *("../../etc/passwd", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "con", "a\0b", "\u202e.txt", "-rf"),
    *("routes", "index", "shared", "x" * 5000),
]


@pytest.mark.parametrize("name", EVIL)
def test_nothing_is_written_outside_the_folder(tmp_path: Path, name: str) -> None:
    """Whatever paths, ids, schemas and webhooks are called, all files are in the folder, and none takes another's place."""
    escaped = {"$ref": f"#/components/schemas/{name.replace('/', '~1')}"}
    operation = {"operationId": f"{name}.{name}", **body({JSON: {"schema": escaped}})}
    paths = {f"/{name}/x": {"post": operation}, "/x": {"post": operation}}
    found = ended(document(paths, schemas={name: obj(a=TEXT)}, webhooks={name: {"post": operation}}))
    if isinstance(found, str):
        return
    home = write(found, tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert all(path.is_file() and path.parent == home for path in home.rglob("*"))
    table(found)


# --- Wrong types everywhere ---------------------------------------------------------------------------------

FORM = {"schema": ref("Ask"), "encoding": {"a": {"contentType": "a/b"}}}

GOOD = document(
    {
        "/v1/chat/{id}": {
            "parameters": [{"in": "path", "name": "id", "schema": TEXT}],
            "post": {
                "operationId": "chat.do",
                "parameters": [{"in": "query", "name": "q", "style": "form", "schema": {"type": ["string", "null"]}}],
                **body({JSON: {"schema": ref("Ask")}, "multipart/form-data": FORM}),
                **answer({JSON: {"schema": ref("Reply")}, "text/event-stream": {"schema": ref("Reply")}}),
                "security": [{"key": []}],
            },
        }
    },
    schemas={
        "Ask": {"allOf": [obj("a", a=TEXT, stream=FLAG), {"nullable": True}]},
        "Reply": {
            "oneOf": [ref("Ask"), {"type": "array", "items": ref("Reply"), "minItems": 1}, {"enum": ["a", None]}],
            "discriminator": {"propertyName": "a", "mapping": {"x": "Ask"}},
        },
    },
    securitySchemes={"key": {"type": "apiKey", "in": "header", "name": "x"}},
    servers=[{"url": "https://{h}/", "variables": {"h": {"default": "h"}}}],
    webhooks={"w": {"post": body({JSON: {"schema": ref("Ask")}})}},
)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a value but the whole."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*above, step)
        yield from places(inner, (*above, step))


PLACES = list(places(GOOD))


def changed(place: tuple[Any, ...], value: Any) -> Json:
    """The good document with another value at a place."""
    whole: Json = copy.deepcopy(GOOD)
    functools.reduce(lambda holder, step: holder[step], place[:-1], whole)[place[-1]] = value
    return whole


def test_the_good_document_is_good() -> None:
    """What the tests below spoil is converted without a word."""
    found = ended(GOOD)
    assert isinstance(found, Imported)
    assert not found.notes


@pytest.mark.parametrize(
    "value", [None, True, 7, -1.5, "", "x", [], [7], {}, {"x": 7}, {"$ref": "#/components/schemas/Ask"}], ids=repr
)
def test_wrong_types_everywhere(value: Any) -> None:
    """Another value at each place of a good document, one at a time."""
    for place in PLACES:
        ended(changed(place, value))


#: Anything that JSON can hold, the words of OpenAPI among it.
WORDS = st.sampled_from(
    [
        *("$ref", "type", "object", "properties", "anyOf", "oneOf", "allOf", "items", "enum", "const", "required", "schema"),
        *("content", "in", "query", "name", "parameters", "200", "responses", "requestBody", "#", "nullable", "discriminator"),
        *("get", "propertyName", "mapping", "default", "minimum", "pattern", "(", "additionalProperties", "prefixItems", "not"),
        *("string", "null", "Ask", "#/components/schemas/Ask", JSON),
    ]
)
TEXTS = WORDS | st.text(max_size=5)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=4))
def test_documents_that_are_partly_anything(changes: list[tuple[Any, Any]]) -> None:
    """Any values at some places of a good document."""
    whole: Json = copy.deepcopy(GOOD)
    for place, value in changes:
        with contextlib.suppress(LookupError, TypeError):  # an earlier change took the place away
            functools.reduce(lambda holder, step: holder[step], place[:-1], whole)[place[-1]] = value
    ended(whole)


@FUZZ
@given(VALUES, VALUES)
def test_documents_that_are_anything(paths: Any, components: Any) -> None:
    """Any value for the paths, and any for the schemas."""
    ended({"openapi": "3.0.3", "paths": paths, "components": components})
    ended({"openapi": "3.1.0", "paths": {"/x": {"post": paths}}, "components": {"schemas": {"Ask": components}}})


@FUZZ
@given(VALUES)
def test_schemas_that_are_anything(schema: Any) -> None:
    """Any value for the schema of a body, in both versions."""
    for version in ("3.0.3", "3.1.0"):
        ended(document({"/x": {"post": body({JSON: {"schema": schema}})}}, version, schemas={"Ask": schema}))
