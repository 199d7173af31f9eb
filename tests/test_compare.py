"""Two tables with their schemas: what is found, how it is judged, that it is bounded, ends, and is the same each time."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_dyn.compare import Comparison, Side, compare, comparing, shapes
from oai_dyn.compare.kinds import BREAKS, HARMLESS, KINDS, MAY_BREAK, PARTS, RANK, SEVERITIES, severity
from oai_dyn.compare.pairing import likeness
from oai_dyn.compare.words import said

VECTORS = sorted((Path(__file__).parent / "vectors" / "compare").glob("*.json"))
CASES = [(file.stem, case) for file in VECTORS for case in json.loads(file.read_bytes())]

Schema = dict[str, Any]


def row(name: str = "r", **members: Any) -> Schema:
    """A row of a table."""
    return {"name": name, "method": "POST", "path": f"/{name}", **members}


def of_part(part: str, schema: Any) -> list[Schema]:
    """One row with a schema for its body or its reply."""
    return [row(body={"kind": "json", "schema": schema}) if part == "body" else row(reply={"schema": schema})]


def sides(case: Mapping[str, Any]) -> tuple[Side, Side]:
    """Both sides of a case: its rows, or one row with its schemas."""
    found = []
    for label in "ab":
        definitions = {**case.get("defs", {}), **case.get(f"{label}_defs", {})}
        rows = case["rows"][label] if "rows" in case else of_part(case["part"], case[label])
        found.append(Side(label.upper(), rows, definitions))
    return found[0], found[1]


def schemas(a: Any, b: Any, part: str = "body", defs: Any = None) -> Comparison:
    """Two schemas for the same part of a row."""
    return compare(*sides({"part": part, "a": a, "b": b, "defs": defs or {}}))


def lines(found: Comparison) -> list[str]:
    """Each difference as the vectors write it."""
    out = []
    for one in found.differences:
        place = " ".join(filter(None, one.place[:3])) + "".join(f" [{branch}]" for branch in one.place.branches)
        more = f" (+{len(one.also)})" if one.also else ""
        out.append(f"{one.severity}: {place}: {one.kind}: {one.message}{more}")
    return out


# --- Vectors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "case"), CASES, ids=[f"{file}: {case['about']}" for file, case in CASES])
def test_the_vectors(file: str, case: dict[str, Any]) -> None:
    """What two schemas or rows differ in, in the order of telling, with its kind, place and words."""
    found = compare(*sides(case))
    assert lines(found) == case["expected"]
    assert list(found.notes) == case.get("notes", [])


@pytest.mark.parametrize(("file", "case"), CASES, ids=[f"{file}: {case['about']}" for file, case in CASES])
def test_nothing_differs_from_itself(file: str, case: dict[str, Any]) -> None:
    """Each side of a vector compared with itself, the same object and a copy, has no difference."""
    for side in sides(case):
        assert lines(compare(side, side)) == []
        assert lines(compare(side, copy.deepcopy(side))) == []


def test_every_kind_has_a_vector() -> None:
    """No kind of difference is without a case that shows it."""
    expected = [line for _, case in CASES for line in case["expected"]]
    assert not [kind for kind in KINDS if not any(f": {kind}: " in line for line in expected)]


# --- How it is judged ---------------------------------------------------------------------------------------


def test_the_table_of_kinds_is_whole() -> None:
    """Every kind has a severity both ways, a title, and a rank."""
    for judged in KINDS.values():
        assert {judged.request, judged.reply} <= SEVERITIES.keys()
        assert judged.title
    assert list(RANK) == list(KINDS)


def test_the_table_of_kinds_is_in_the_docs() -> None:
    """As it stands here, in its order."""
    page = (Path(__file__).parents[1] / "docs" / "importing.md").read_text("utf-8")
    told = [f"| `{kind}` | {one.title} | {SEVERITIES[one.request]} | {SEVERITIES[one.reply]} |" for kind, one in KINDS.items()]
    assert "\n".join(told) in page


def test_what_is_sent_and_what_is_received_are_judged_apart() -> None:
    """A narrower type hurts who sends, a wider one who receives."""
    assert {part: severity("type-narrowed", part) for part in PARTS} == {
        "route": BREAKS, "path": BREAKS, "query": BREAKS, "header": BREAKS, "body": BREAKS, "reply": HARMLESS, "event": HARMLESS,
    }  # fmt: skip
    assert severity("values-added", "body") == HARMLESS
    assert severity("values-added", "event") == MAY_BREAK


def test_the_worst_comes_first() -> None:
    """Severity, then the row's place in A's table, then the part, the kind and the path."""
    a = [row("z", body={"kind": "json", "keys": ["p", "q"]}, query=["s"]), row("y"), row("x")]
    b = [row("z", body={"kind": "json", "keys": []}), row("x", credential="admin_key")]
    found = compare(Side("a", a, {}), Side("b", b, {}))
    assert [(one.severity, one.kind, one.place.route, one.place.path) for one in found.differences] == [
        (BREAKS, "credential", "x", ""),
        (BREAKS, "route-missing", "y", ""),
        (MAY_BREAK, "missing", "z", "s"),
        (HARMLESS, "undescribed", "z", ""),
    ]
    assert found.counts == {BREAKS: 2, MAY_BREAK: 1, HARMLESS: 1}
    assert (found.same, [one.name for one in found.only_a]) == (0, ["y"])


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("max_tokens", "maxTokens", 1, 1),
        ("MAXTokens", "max-tokens", 1, 1),
        ("", "", 1, 1),
        ("a", "b", 0, 0),
        ("max_tokens", "max_completion_tokens", 0.6, 0.9),
        ("prompt_tokens", "input_tokens", 0.6, 0.9),
        ("temperature", "top_p", 0, 0.5),
    ],
)
def test_likeness_of_names(one: str, other: str, least: float, most: float) -> None:
    """The same letters, some of them, none; the same both ways."""
    assert least <= likeness(one, other) == likeness(other, one) <= most


def test_text_of_values_is_short() -> None:
    """Long values and long lists are cut, with how many more there are."""
    assert said(["x" * 100]) == f'"{"x" * 56}...'
    assert said(list(range(20))) == "0, 1, 2, 3, 4, 5, 6, 7 and 12 more"
    assert (said(1.5), said({}), said("x")) == ("1.5", "none", "x")


def test_long_values_and_names_are_cut() -> None:
    """Of values and of a name in a path the beginning is told; the record has the values whole."""
    name = "n" * 500
    values = ["v" * 2000, *range(300)]
    removed = next(iter(schemas({"properties": {name: {"enum": values}}}, {"properties": {name: {"enum": [0]}}}).differences))
    assert removed.place.path == f"{'n' * 200}..."
    (removed,) = schemas({"properties": {name: {"enum": values[1:]}}}, {"properties": {name: {"enum": [0]}}}).differences
    assert (len(removed.before), removed.message) == (299, "values removed: 1, 2, 3, 4, 5, 6, 7, 8 and 291 more")


def test_a_union_in_words_is_short() -> None:
    """Many branches are a few names and a number."""
    of_many = {"anyOf": [{"$ref": f"#/$defs/N{i}"} for i in range(9)]}
    defs: dict[str, Any] = {f"N{i}": {"type": "object", "properties": {f"m{i}": {}}} for i in range(9)}
    (found,) = schemas({"properties": {"a": of_many}}, {"properties": {"a": {"type": "string"}}}, defs=defs).differences
    assert found.before == "N0, N1, N2, N3 or 5 more"


# --- Where it is found --------------------------------------------------------------------------------------


def test_a_place_is_told_with_the_branches_that_lead_there() -> None:
    """A path as in an error of validation, the branches by their tags, the innermost definitions of both sides."""

    def definitions(url: str) -> Schema:
        part = {"properties": {"type": {"const": "image_url"}, "image_url": {"properties": {"url": {"type": url}}}}}
        text = {"properties": {"type": {"const": "text"}}}
        user = {"properties": {"role": {"const": "user"}, "content": {"items": {"anyOf": [{"$ref": "#/$defs/Part"}, text]}}}}
        return {"Part": part, "User": user, "Tool": {"properties": {"role": {"const": "tool"}}}}

    body = {"properties": {"messages": {"items": {"anyOf": [{"$ref": "#/$defs/User"}, {"$ref": "#/$defs/Tool"}]}}}}
    rows = of_part("body", body)
    (one,) = compare(Side("a", rows, definitions("string")), Side("b", rows, definitions("integer"))).differences
    assert one.place == (
        "r",
        "body",
        "messages[].content[].image_url.url",
        ('messages[]: role "user"', 'messages[].content[]: type "image_url"'),
    )
    assert one.definitions == ("Part", "Part")


def test_a_difference_between_two_definitions_is_told_once() -> None:
    """At the first place of each part that leads to it, with the others beside it."""
    defs = {"X": {"properties": {"v": {"type": "string"}}}}
    rows = [row(f"r{i:03}", reply={"schema": "X"}, body={"kind": "json", "schema": "X"}) for i in range(60)]
    other = {"X": {"properties": {"v": {"type": "integer"}}}}
    found = compare(Side("a", rows, defs), Side("b", rows, other))
    assert [(one.place[:3], len(one.also)) for one in found.differences] == [(("r000", "body", "v"), 119)]
    assert found.differences[0].also[0] == ("r000", "reply", "v", ())
    assert found.same == 0


def test_only_the_rows_that_are_wanted_are_compared() -> None:
    """By their name on either side."""
    a, b = Side("a", [row("x"), row("y"), row("z")], {}), Side("b", [row("w", path="/x"), row("q")], {})
    assert lines(compare(a, b, {"w", "y"}.__contains__)) == [
        "breaks: y route: route-missing: route missing: POST /y",
        "harmless: x route: route-name: has another name: x -> w",
    ]


@pytest.mark.parametrize(
    ("route", "names"),
    [
        ("x.a", {"x.a"}),
        ("x", {"x.a", "x.b"}),
        ("x.*", {"x.a", "x.b"}),
        ("opA", {"x.a"}),
        ("POST /x.b", {"x.b"}),
        ("/x?b", {"x.b"}),
        ("y", set()),
    ],
)
def test_rows_are_found_by_what_they_are_called(route: str, names: set[str]) -> None:
    """Name, beginning of a name, operationId, method and path, and patterns of these."""
    assert Side("a", [row("x.a", id="opA"), row("x.b"), row("xyz")], {}).find(route) == names


# --- The record ---------------------------------------------------------------------------------------------


def test_the_json_form() -> None:
    """Every member, on a small case: whoever reads it may count on these."""
    a, b = sides(
        {
            "part": "body",
            "a": {"properties": {"n": {"$ref": "#/$defs/N"}}},
            "b": {"$ref": "#/$defs/N"},
            "defs": {"N": {"properties": {"n": {"enum": [1]}}}},
        }
    )
    assert compare(a, b).to_dict() == {
        "format": 1,
        "a": {"label": "A", "routes": 1},
        "b": {"label": "B", "routes": 1},
        "summary": {
            "differences": 1,
            "severities": {"breaks": 1, "may-break": 0, "harmless": 0},
            "routes": {"both": 1, "same": 0, "only_a": 0, "only_b": 0},
        },
        "notes": [],
        "routes": {
            "both": [{"a": {"name": "r", "method": "POST", "path": "/r"}, "b": {"name": "r", "method": "POST", "path": "/r"}}],
            "only_a": [],
            "only_b": [],
        },
        "differences": [
            {
                "severity": "breaks",
                "kind": "type-changed",
                "route": "r",
                "part": "body",
                "path": "n",
                "branches": [],
                "before": "N",
                "after": "1",
                "message": "another type: N -> 1",
                "definitions": {"a": "N", "b": None},
                "also": [],
            }
        ],
    }


SCRIPT = """
import json, sys
from test_compare import CASES, compare, sides
sys.stdout.write(json.dumps([compare(*sides(case)).to_dict() for _, case in CASES]))
"""


def test_it_is_the_same_each_time() -> None:
    """Whatever the order of sets is: another hash seed gives the same record."""
    texts = set()
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        texts.add(done.stdout)
    assert len(texts) == 1


def test_objects_that_are_used_twice_are_two_places() -> None:
    """A schema of Python's may be the same object in two members: each is told."""
    text, number = {"type": "string"}, {"type": "integer"}
    found = schemas({"properties": {"a": text, "b": text}}, {"properties": {"a": number, "b": number}})
    assert [(one.place.path, [place.path for place in one.also]) for one in found.differences] == [("a", ["b"])]


# --- Bounds -------------------------------------------------------------------------------------------------


def ring(length: int, **more: Any) -> Schema:
    """Definitions of which each leads to the next, and the last to the first."""
    return {f"N{i}": {"properties": {"next": {"$ref": f"#/$defs/N{(i + 1) % length}"}, **more}} for i in range(length)}


def test_rings_of_other_lengths_end() -> None:
    """Every pair of their members could be met: it ends at the bound of steps, and says so."""
    rows = of_part("body", "N0")
    a, b = Side("a", rows, ring(997)), Side("b", rows, ring(1009, v={"type": "string"}))
    found = compare(a, b)
    assert len(found.differences) == comparing.MOST_STEPS + 1
    assert found.notes == ("the schemas lead to more places than are looked at; what lies deeper was not compared",)


def test_what_is_looked_at_and_told_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs of schemas and places together; a note says that there is more."""
    rows = of_part("body", "N0")
    for most in range(10, 14):
        monkeypatch.setattr(comparing, "MOST", most)
        found = compare(Side("a", rows, ring(20)), Side("b", rows, ring(20, v={"type": "string"})))
        assert (0 < len(found.differences) < most / 2, len(found.notes)) == (True, 1)


def test_a_union_of_thousands_is_cut() -> None:
    """The first branches are compared, and a note says so; a union of unions is no more."""
    many: Schema = {"anyOf": [{"properties": {f"m{i}": {}}} for i in range(2000)]}
    start = time.monotonic()
    found = schemas({"properties": {"m": {}}}, {"anyOf": [many, many]})
    assert time.monotonic() - start < 20
    assert [note.partition(":")[2] for note in found.notes] == [
        f" of unions with more than {shapes.MOST_BRANCHES} branches only the first were compared"
    ]


def test_unions_nested_without_end_are_cut() -> None:
    """A union in a union in a union, deeper than anybody's, says nothing from some level on."""
    deep: Schema = {"type": "string"}
    for _ in range(500):
        deep = {"anyOf": [deep]}
    assert lines(schemas({"properties": {"a": deep}}, {"properties": {"a": {}}})) == []


def test_members_nested_without_end_end() -> None:
    """Thousands of levels of members cost no stack; what lies deeper than the bound is not compared."""
    a: Schema = {"type": "string"}
    b: Schema = {"type": "integer"}
    for _ in range(3000):
        a, b = {"properties": {"m": a}}, {"properties": {"m": b}}
    found = schemas(a, b)
    assert (found.differences, len(found.notes)) == ((), 1)


def test_many_names_that_could_be_renamed_are_cut() -> None:
    """Thousands of members that came and went are told in time."""
    start = time.monotonic()
    old, new = ({"properties": {f"{word}_{i}": {"type": "string"} for i in range(3000)}} for word in ("old", "new"))
    found = schemas(old, new)
    assert time.monotonic() - start < 20
    assert sum(found.counts.values()) == 6000 - Counter(one.kind for one in found.differences)["renamed"]


# --- Properties ---------------------------------------------------------------------------------------------

#: What each kind becomes when the sides are swapped, where it becomes another.
MIRROR = {
    "required-missing": "new", "refused": "new", "missing": "new", "required-added": "gone", "added": "gone",
    "type-narrowed": "type-widened", "values-removed": "values-added", "values-closed": "values-opened",
    "null-removed": "null-added", "bounds-tighter": "bounds-wider", "closed": "opened", "described": "undescribed",
    "now-required": "not-required", "branch-missing": "branch-added",
}  # fmt: skip
BACK = {other: one for one, other in MIRROR.items()}


def schema_of(depth: int) -> st.SearchStrategy[Any]:
    """Schemas as documents have them; names are letters, so that none is like another."""
    scalar: st.SearchStrategy[Any] = st.one_of(
        st.just({}),
        st.sampled_from(["string", "integer", "number", "boolean", "null"]).map(lambda kind: {"type": kind}),
        st.lists(st.sampled_from(["string", "integer", "null"]), min_size=1, max_size=3, unique=True).map(
            lambda kinds: {"type": kinds}
        ),
        st.lists(st.sampled_from(["p", "q", 1, None]), min_size=1, max_size=3, unique=True).map(lambda values: {"enum": values}),
        st.fixed_dictionaries(
            {"type": st.just("string")}, optional={"minLength": st.integers(0, 3), "pattern": st.sampled_from("xy")}
        ),
    )
    if not depth:
        return scalar
    inner = schema_of(depth - 1)
    names = st.sampled_from("abcd")
    members = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(names, inner, max_size=3)},
        optional={"required": st.lists(names, unique=True, max_size=2), "additionalProperties": st.one_of(st.booleans(), inner)},
    )
    listed = st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"maxItems": st.integers(0, 3)})
    tagged = st.tuples(st.sampled_from("pqr"), inner).map(
        lambda t: {"type": "object", "properties": {"t": {"const": t[0]}, "u": t[1]}}
    )
    union = st.lists(st.one_of(tagged, listed, scalar), min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})
    return st.one_of(scalar, members, listed, union)


SCHEMAS = schema_of(2)


@given(SCHEMAS, st.sampled_from(["body", "reply"]))
def test_any_schema_is_as_its_copy(schema: Any, part: str) -> None:
    """No difference is found where there is none."""
    assert lines(schemas(schema, copy.deepcopy(schema), part)) == []


@given(SCHEMAS, SCHEMAS)
def test_swapping_the_sides_mirrors_what_is_found(a: Any, b: Any) -> None:
    """What came has gone, what is tighter is wider, at the same places; what is both stays."""

    def found(one: Any, other: Any) -> Counter[tuple[str, str]]:
        told = schemas({"properties": {"a": one}}, {"properties": {"a": other}})
        return Counter((difference.kind, difference.place.path) for difference in told.differences)

    def plain(kind: str) -> str:
        return {"new": "gone", "gone": "new"}.get(MIRROR.get(kind, ""), kind)

    there = Counter({(plain(kind), path): count for (kind, path), count in found(a, b).items()})
    back = Counter[tuple[str, str]]()
    for (kind, path), count in found(b, a).items():
        mirrored = MIRROR.get(kind, BACK.get(kind, kind))
        back[mirrored, path] += count
    assert there == back


@given(SCHEMAS, SCHEMAS)
def test_any_two_schemas_can_be_told_apart_by_a_definition_too(a: Any, b: Any) -> None:
    """Behind a reference the same is found as in place."""
    rows = of_part("reply", {"properties": {"a": {"$ref": "#/$defs/X"}}})
    named = compare(Side("A", rows, {"X": a}), Side("B", rows, {"X": b}))
    plain = schemas({"properties": {"a": a}}, {"properties": {"a": b}}, "reply")
    assert [(one.kind, one.place) for one in named.differences] == [(one.kind, one.place) for one in plain.differences]
