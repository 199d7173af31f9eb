"""Samples are values of their schemas: plausible, the same each time, and over the turns every branch is met."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from asking import ROUTES, made, members, sample

from oai_dyn.definitions import bundle, names
from oai_dyn.server.answers import completed
from oai_dyn.server.asked import Asked
from oai_dyn.server.plausible import UNUSUAL
from oai_dyn.server.samples import BEAT, Maker
from oai_dyn.server.settling import ABSENT, OMIT, Schemas, merged

#: The schemas that a row names, for any part of it.
SCHEMAS = sorted(
    {
        schema
        for route in ROUTES
        for schema in (route.reply.schema, route.body.schema, route.query_schema, route.stream.schema if route.stream else None)
        if schema
    }
)

REPLIES = sorted({route.reply.schema for route in ROUTES if route.reply.schema})

#: Replies with many unions inside each other, looked at beside all that have few branches; and the most turns that takes.
WIDE = ["ConversationItemList", "EvalRunList"]
FEW, MOST = 40, 2_000


def test_there_are_schemas_to_sample() -> None:
    """The tests below look at hundreds."""
    assert len(SCHEMAS) > 400


@pytest.mark.parametrize("start", sorted({name[:1] for name in SCHEMAS}))
def test_a_sample_of_every_row_is_valid(start: str) -> None:
    """Replies, bodies, queries and events, by jsonschema itself: the whole ones of three turns, and the barest."""
    for name in SCHEMAS:
        if name.startswith(start):
            validator = jsonschema.Draft202012Validator(bundle(name))
            for value in (made(name), *(made(name, lean=False, turn=turn) for turn in range(3))):
                validator.validate(value)


def test_every_definition_has_a_sample() -> None:
    """Those of webhooks and of realtime events too, which no row leads to."""
    for name in sorted(set(names()).difference(*(bundle(schema)["$defs"] for schema in SCHEMAS))):
        jsonschema.Draft202012Validator(bundle(name)).validate(Maker(Schemas(bundle(name))).value())


def test_a_sample_is_the_same_each_time() -> None:
    """By schema, what is given, turn and number alone."""
    for name in SCHEMAS[::7]:
        one, other = (Maker(Schemas(bundle(name)), "kind").value(turn=3, number=7) for _ in range(2))
        assert one == other, name


def branches(schema: Any) -> Iterator[Any]:
    """Every branch of every union in a schema, but for those that are null."""
    if isinstance(schema, dict):
        yield from (one for one in schema.get("anyOf", ()) if one.get("type") != "null")
        for key, inner in schema.items():
            if key not in ("x-decide", "enum", "default", "const"):
                yield from branches(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from branches(inner)


@pytest.mark.parametrize("start", [*WIDE, *sorted({name[:1] for name in REPLIES})])
def test_every_branch_is_met(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting the turns up comes by every branch of every union of a reply, however deep it stands."""
    met: set[int] = set()
    choose = Maker._next

    def noted(maker: Maker, options: list[Any], nulls: list[Any], spot: Any) -> Any:
        found = choose(maker, options, nulls, spot)
        met.add(id(found[0]))
        return found

    monkeypatch.setattr(Maker, "_next", noted)
    for whole in map(bundle, [start] if start in WIDE else [name for name in REPLIES if name.startswith(start)]):
        wanted = {id(branch) for branch in branches(whole)}
        if start in WIDE or len(wanted) < FEW:
            maker, turn = Maker(Schemas(whole)), 0
            while not wanted <= met:
                assert turn < MOST, [branch for branch in branches(whole) if id(branch) not in met]
                maker.value(turn=turn)
                turn += 1


def test_unions_and_enums_take_turns() -> None:
    """Each turn takes the next branch and the next value; inside a branch the turns go on."""
    inner = {"enum": ["x", "y"]}
    schema = members(a={"anyOf": [members(b=inner), {"type": "integer"}]}, c={"enum": ["u", "v", "w"]})
    found = [sample(schema, turn=turn) for turn in range(6)]
    assert [value["a"] for value in found] == [{"b": "x"}, 1, {"b": "y"}, 1, {"b": "x"}, 1]
    assert [value["c"] for value in found] == ["u", "v", "w", "u", "v", "w"]


def test_the_likely_comes_first() -> None:
    """A default, a status that is good, a message rather than anything else."""
    assert sample({"enum": ["failed", "completed"]}) == "completed"
    assert sample({"enum": ["auto", "low"], "default": "low"}) == "low"
    call, said = (members(type={"enum": [kind]}) for kind in ("function_call", "message"))
    whole = {"anyOf": [{"$ref": "#/$defs/call"}, said], "$defs": {"call": call}}
    assert [sample(whole, turn=turn)["type"] for turn in (0, 1, 0)] == ["message", "function_call", "message"]


def test_null_and_absence_have_their_turn() -> None:
    """One turn in five a member is null or left out; errors, and what is deprecated, are there in that one only."""
    text = {"type": ["string", "null"]}
    schema = {**members(name=text, error=text, tag={"anyOf": [{"enum": ["a", None]}]}), "required": ["name", "error", "tag"]}
    schema["properties"]["there"] = {"type": "string"}
    schema["properties"]["gone"] = {"type": "string", "deprecated": True}
    counts: dict[str, int] = defaultdict(int)
    for turn in range(BEAT):
        value = sample(schema, turn=turn)
        for name in schema["properties"]:
            counts[name] += value.get(name) is not None
    assert dict(counts) == {"name": 4, "error": 1, "tag": 4, "there": 4, "gone": 1}
    assert "name" in sample(schema)
    assert sample(schema)["error"] is None


def test_an_unusual_member_is_whole_when_it_is_there() -> None:
    """Left out, null and empty at once would be met one time in 125."""
    assert "errors" in UNUSUAL
    schema = {"type": "object", "properties": {"errors": {"type": ["array", "null"], "items": {"type": "string"}}}}
    found = [sample(schema, turn=turn) for turn in range(BEAT * BEAT)]
    assert [value for value in found if value.get("errors")]
    assert sum("errors" in value for value in found) == BEAT
    of_any = {"type": "object", "properties": {"metadata": {"type": "object", "additionalProperties": {"type": "string"}}}}
    assert {str(sample(of_any, turn=turn)) for turn in range(BEAT)} == {"{}", "{'metadata': {'key': 'key'}}"}


def test_what_is_given_is_kept_and_completed() -> None:
    """As far as the schema takes it, down to the branch that it is meant for."""
    call, said = (
        members(type={"enum": [kind]}, **more) for kind, more in (("call", {}), ("message", {"text": {"type": "string"}}))
    )
    schema = members(item={"anyOf": [call, said]}, size={"type": "integer"}, ids={"type": "array", "items": {"type": "string"}})
    given = {"item": {"type": "message"}, "size": "no number", "ids": ["a", "b", "c"], "unknown": 1}
    assert sample(schema, given) == {
        "item": {"type": "message", "text": "Hello from the local server."},
        "size": 1,
        "ids": ["a", "b", "c"],
    }
    assert sample(schema, {"ids": "no list", "item": 7}) == sample(schema)
    assert sample({"enum": ["a", "b"]}, "b") == "b"
    assert sample({"type": ["integer", "null"]}, None) is None
    assert sample({}, [1]) == [1]
    assert sample({}, {"a": OMIT, "b": 1}) == {"b": 1}


def test_the_branch_that_knows_most_is_meant() -> None:
    """Of branches that all take what is given; a member to be left out speaks against those that have it."""
    short, long = members(text={"type": "string"}), members(text={"type": "string"}, words={"type": "integer"})
    schema = {"anyOf": [short, {"allOf": [long]}]}
    assert [sample(schema, {"text": "a"}, turn=turn) for turn in (0, 1)] == [{"text": "a"}, {"text": "a", "words": 1}]
    for turn in (0, 1):
        assert sample(schema, {"text": "a", "words": OMIT}, turn=turn) == {"text": "a"}
        assert sample(schema, {"text": "a", "words": ABSENT}, turn=turn) == {"text": "a", "words": 1}


def test_echoes_stand_at_any_depth() -> None:
    """Where their schemas take them."""
    schema = members(model={"type": "string"}, inner=members(model={"type": "string"}, thread_id={"type": "integer"}))
    found = sample(schema, echoes={"model": "m-1", "thread_id": "thread_1"})
    assert found == {"model": "m-1", "inner": {"model": "m-1", "thread_id": 1}}


def test_of_members_named_by_type_there_is_one() -> None:
    """An object whose `type` says which of its members tells the rest."""
    inner = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    schema = {**members(type={"enum": ["a", "b"]}, a=inner, b=inner), "required": ["type"]}
    found = [sample(schema, turn=turn) for turn in range(20)]
    assert all(set(value) <= {"type", value["type"]} for value in found)
    assert {str(value) for value in found} >= {"{'type': 'a', 'a': 1}", "{'type': 'a', 'a': 'a'}", "{'type': 'b', 'b': 1}"}


def test_recursion_ends() -> None:
    """A definition within itself is made of what must be there: null, an empty list, the shortest branch."""
    node = {
        "type": "object",
        "properties": {
            "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            "rest": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"$ref": "#/$defs/pair"}, {"type": "string"}]},
            "map": {"type": "object", "additionalProperties": {"$ref": "#/$defs/node"}},
        },
        "required": ["left", "rest", "next", "map"],
    }
    pair = {"type": "array", "items": {"allOf": [{"$ref": "#/$defs/node"}]}, "minItems": 2}
    whole = {"$ref": "#/$defs/node", "$defs": {"node": node, "pair": pair}}
    end: dict[str, Any] = {"left": None, "rest": [], "next": "next", "map": {}}
    found = sample(whole)
    assert found["left"] == end
    assert end in found["rest"]
    deep: dict[str, Any] = {f"d{i}": {"type": "object", "properties": {"x": {"$ref": f"#/$defs/d{i + 1}"}}} for i in range(30)}
    assert str(sample({"$ref": "#/$defs/d0", "$defs": {**deep, "d30": {"type": "string"}}})).count("x") < 20


def test_a_lean_sample_has_what_must_be_there() -> None:
    """And what is given, whole."""
    schema = {**members(a={"type": "string"}, b={"type": ["string", "null"]}, c={"type": "string"}), "required": ["a", "b"]}
    assert sample(schema, lean=True) == {"a": "a", "b": None}
    assert sample(schema, {"c": "x"}, lean=True) == {"a": "a", "b": None, "c": "x"}


def test_lists_and_maps_keep_their_bounds() -> None:
    """Fixed items, none beyond them, at most so many; keys of their own form, as many as there must be."""
    assert sample({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False}) == [1, "text"]
    assert sample({"type": "array", "items": {"type": "integer"}, "maxItems": 1}, [1, 2]) == [1]
    assert sample({"type": "object", "minProperties": 2, "propertyNames": {"maxLength": 5}}) == {"key": "key", "key_2": "key 2"}
    assert sample({"type": "object", "additionalProperties": {"type": "integer"}, "propertyNames": {"enum": ["up"]}}) == {"up": 1}
    assert sample({"type": "object", "additionalProperties": False}, {"a": 1}) == {}
    assert sample({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 7}) == {"a": 7}


def test_a_member_that_cannot_be_is_left_out() -> None:
    """`false` takes no value; a required name of no schema takes any."""
    schema = {"type": "object", "properties": {"never": False, "any": True}, "required": ["more"]}
    assert sample(schema) == {"any": "any", "more": "more"}
    assert sample({**schema, "properties": {"any": {}}}, {"more": OMIT})["more"] == "more"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"allOf": [members(a={"type": "string"}), members(b={"type": "integer"})]}, {"a": "a", "b": 1}),
        ({"allOf": [members(a={"type": "number"}), members(a={"type": "integer", "minimum": 4})]}, {"a": 4}),
        ({**members(a={}), "anyOf": [members(b={"const": 1}), {"type": "string"}]}, {"a": "a", "b": 1}),
        ({"allOf": [{"anyOf": [{"minimum": 3}]}, {"anyOf": [{"maximum": 3}]}], "type": "integer"}, 3),
        ({"allOf": [{"allOf": [{"type": "integer"}]}, {"allOf": [{"minimum": 9}]}]}, 9),
        ({"oneOf": [{"type": "boolean"}]}, False),
        ({"type": "array", "allOf": [{"items": {"type": "string"}, "minItems": 1}, {"items": {"maxLength": 2}}]}, ["te"]),
        ({"enum": ["a", "b"], "allOf": [{"enum": ["b", "c"]}]}, "b"),
        ({"properties": {"deleted": {"type": "boolean"}}}, {"deleted": True}),
        ({"minLength": 6}, "textxx"),
        ({"maximum": 0}, 0),
        (members(a={"$ref": "#/properties/b"}, b={"type": "integer"}), {"a": 1, "b": 1}),
        (members(**{"a/b": {"type": "integer"}, "c": {"$ref": "#/properties/a~1b"}}), {"a/b": 1, "c": 1}),
        ({"$defs": {"l": {"anyOf": [{"type": "null"}]}}, "$ref": "#/$defs/l/anyOf/0"}, None),
    ],
)
def test_parts_are_read_as_one(schema: Any, value: Any) -> None:
    """Parts, unions beside members, unions beside unions, types that keywords imply, any pointer."""
    assert sample(schema) == value


def test_two_references_are_both_kept() -> None:
    """A place that refers twice asks what both ask; `false` wins."""
    both = merged({"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"})
    assert both == {"$ref": "#/$defs/a", "allOf": [{"$ref": "#/$defs/b"}]}
    assert merged({"additionalProperties": False}, {"additionalProperties": {}}) == {"additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"type": "integer"}, 1.0, True),
        ({"type": "integer"}, True, False),
        ({"const": 1}, True, False),
        ({"enum": [0, 1]}, 1, True),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}, {"b": 1}, False),
        ({"type": "object", "required": ["a"]}, {}, True),
        ({"pattern": "^a"}, "b", False),
        ({"minItems": 1}, [], False),
        ({"maxItems": 1}, [1, 2], False),
        ({"prefixItems": [{}], "items": {"type": "string"}}, [1, "a"], True),
        ({"minimum": 1, "exclusiveMaximum": 3, "exclusiveMinimum": 0, "maximum": 9}, 3, False),
        ({"minLength": 2, "maxLength": 3}, "ab", True),
        ({"allOf": [{"type": "string"}], "oneOf": [{"maxLength": 1}]}, "ab", False),
        (False, 1, False),
    ],
)
def test_fit_asks_nothing_that_is_missing(schema: Any, value: Any, fits: bool) -> None:
    """What is there has to do; what is not is made later."""
    assert Schemas({}).fits(schema, value) is fits


def test_no_schema_gives_what_is_given() -> None:
    """A row of a user's own need not have one."""
    asked = Asked(ROUTES[0], {}, {}, {}, 1, 0)
    assert completed(None, {"a": 1}, asked, "thing") == {"a": 1}
