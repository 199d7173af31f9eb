"""Both engines and plain jsonschema come to the same: any schema, any value; within bounds, on any number of threads."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemas_any import VALUES, WHOLE
from test_validation_words import stands

from oai_dyn import ConfigError, Fault, Record
from oai_dyn.definitions import bundle, names, where
from oai_dyn.openapi.deciding import decide
from oai_dyn.validation import faults, ready
from oai_dyn.validation.keywords import compiled, engine
from oai_dyn.validation.strict import closed
from oai_dyn.wire import Secret

VALUES_OF_EACH_TYPE: list[Any] = [{}, [], "x", None, 5, True]
SOME_VALUES = st.lists(VALUES, min_size=1, max_size=5)


def found(whole: Any, value: Any) -> list[Fault]:
    """What a walk of its own finds, without jsonschema-rs."""
    checker = ready.Checker(whole)
    checker._takes = None
    return checker.faults(value)


def decided(whole: dict[str, Any]) -> dict[str, Any]:
    """A self-contained schema with its unions decided."""
    definitions, _ = decide({"root": {key: value for key, value in whole.items() if key != "$defs"}, **whole["$defs"]})
    return {**definitions.pop("root"), "$defs": definitions}


@given(WHOLE, SOME_VALUES)
def test_a_walk_comes_to_what_jsonschema_says(schema: Any, values: list[Any]) -> None:
    """The verdict is that of Draft202012Validator, and every fault has a place in the value."""
    whole = bundle(schema)
    validator = Draft202012Validator(whole)
    for value in values:
        told = found(whole, value)
        assert validator.is_valid(value) == (not told)
        assert all(stands(fault.path, value) for fault in told)


@given(WHOLE, SOME_VALUES)
def test_what_is_decided_changes_no_verdict(schema: Any, values: list[Any]) -> None:
    """With `x-decide` beside each union one branch is walked, and the verdict is the same."""
    whole = bundle(schema)
    validator, ours = Draft202012Validator(whole), decided(whole)
    for value in values:
        told = found(ours, value)
        assert validator.is_valid(value) == (not told)
        assert all(stands(fault.path, value) for fault in told)


@given(WHOLE, SOME_VALUES)
def test_both_engines_agree(schema: Any, values: list[Any]) -> None:
    """On schemas as they are and on strict ones, whose faults are those of the schema and more."""
    fast = pytest.importorskip("jsonschema_rs", reason="the extra `fast` is not installed").Draft202012Validator
    whole = bundle(schema)
    strict = closed(whole)
    for value in values:
        assert fast(whole).is_valid(value) == (not found(whole, value))
        assert fast(strict).is_valid(value) == (not found(strict, value)) == (not found(decided(strict), value))
        assert found(strict, value) or not found(whole, value)


def nested(levels: int, bottom: Any = None) -> Any:
    """Arrays in arrays."""
    for _ in range(levels):
        bottom = [] if bottom is None else [bottom]
    return bottom


def test_depth_costs_no_stack() -> None:
    """A value deeper than Python's stack is walked, and a fault at its bottom has its whole path."""
    schema = {"$ref": "#/$defs/Nest", "$defs": {"Nest": {"type": ["array", "integer"], "items": {"$ref": "#/$defs/Nest"}}}}
    assert found(bundle(schema), nested(5_000)) == []
    (fault,) = found(bundle(schema), nested(5_000, "x"))
    assert fault.path == (0,) * 5_000


@pytest.mark.parametrize("keyword", ["$ref", "$anchor"])
def test_what_needs_the_stack_ends_in_a_fault(keyword: str) -> None:
    """Unions that are tried nest on the stack: beyond it there is a fault that says so, and no RecursionError."""
    union = {"anyOf": [{"items": {"$ref": "#/$defs/Nest"}, "minItems": 1, "type": "array"}, {"type": "integer"}]}
    nest = union if keyword == "$ref" else {**union, "$anchor": "nest"}
    (fault,) = found(bundle({"$ref": "#/$defs/Nest", "$defs": {"Nest": nest}}), nested(5_000, 1))
    assert str(fault) == "nested deeper than can be checked"


def test_nested_unions_take_no_exponential_time() -> None:
    """Each value is tried once at each schema, however many branches lead there."""
    tree = {
        "anyOf": [{"type": "array", "items": {"$ref": "#/$defs/T"}, "maxItems": n} for n in (1, 2, 3)] + [{"type": "integer"}]
    }
    started = time.process_time()
    (fault,) = found(bundle({"$ref": "#/$defs/T", "$defs": {"T": tree}}), nested(60, "x"))
    assert len(fault.path) == 60
    assert time.process_time() - started < 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]], ids=repr)
def test_what_is_no_number_in_json_is_none_here(value: Any, engine: str) -> None:
    """NaN and the infinities come from real servers: where a number is wanted they are faults."""
    (fault,) = faults({"type": ["number", "array"], "items": {"type": "number"}}, value)
    assert "wanted a number" in fault.message


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "maximum": 2**80}, 2**70),
        ({"properties": {"a": {"type": "string"}}}, {"a": "\ud800"}),
        ({"type": "object", "properties": {"5": {"type": "integer"}}}, {5: "x"}),
        ({"type": "array", "items": {"type": "integer"}}, (1, 2)),
        ({"multipleOf": 0.1}, 1e300),
        ({"multipleOf": 2}, 2**70),
        ({"pattern": r"^[\w[]+\D\W(?<name>a)$"}, "[b-!a"),
    ],
    ids=repr,
)
def test_odd_values_are_taken(schema: Any, value: Any, engine: str) -> None:
    """Large integers, lone surrogates, keys that are no text, tuples."""
    assert faults(schema, value) == []


def test_numbers_of_any_length(engine: str) -> None:
    """Longer than Python writes in digits; they are told by their size."""
    assert faults({"multipleOf": 0.5, "minimum": 5}, 10**5000) == []
    (fault,) = faults({"type": "string", "multipleOf": 0.5}, 10**5000)
    assert fault.message == "was an integer of 16610 bits, wanted a string"


def test_infinity_is_a_multiple_of_nothing_and_stops_nothing(engine: str) -> None:
    """What is no number in JSON is not looked at as one."""
    assert found({"items": {"multipleOf": 2}}, [float("inf"), float("nan")]) == []


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "text"}, "schema: type: "),
        ({"allOf": 5, "dependentSchemas": 5}, "schema: (allOf|dependentSchemas): 5 is not of type"),
        ({"properties": 5}, "schema: properties: 5 is not of type 'object'"),
        ({"exclusiveMinimum": True}, "schema: exclusiveMinimum: "),
        ({"items": {"pattern": "["}}, r"schema: the pattern '\[' cannot be read"),
        (
            {"patternProperties": {"(": {}}, "allOf": [{"dependentSchemas": {"a": {}}}]},
            r"schema: the pattern '\(' cannot be read",
        ),
        ({"anyOf": [{}], "x-decide": {"type": {"object": 1}}}, "schema: : x-decide: no rule for 1 branches"),
        ({"anyOf": [{}], "x-decide": {"by": {}}}, "x-decide: no rule for 1 branches"),
        ({"anyOf": [{}], "x-decide": "a"}, "x-decide: no rule for 1 branches"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}, r"\$ref: a circle"),
        ({"allOf": [{"$ref": "#"}]}, r"\$ref: a circle that no value leads out of: # -> #"),
        ({"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/B"}]}, "B": {"not": {"$ref": "#/$defs/A"}}}}, "a circle that no value"),
        ({"$defs": {"A": {"dependentSchemas": {"a": {"$ref": "#/$defs/A"}}}}}, "a circle that no value leads out of: A -> A"),
        ({"$defs": {"A": {"if": True, "then": {"$ref": "#/$defs/A"}}}}, "a circle that no value leads out of: A -> A"),
        ({"$ref": "#/nowhere"}, r"\$ref: nothing stands at #/nowhere"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, r"\$ref: a circle"),
    ],
)
def test_a_schema_that_is_none_is_a_config_error(schema: Any, message: str, engine: str) -> None:
    """With its place, whatever the engine, before any value is looked at wrongly."""
    with pytest.raises(ConfigError, match=message):
        faults(schema, {"a": 1})


def test_a_pattern_that_only_we_can_read(engine: str) -> None:
    """What jsonschema-rs refuses of a schema is left to the walk."""
    assert faults({"pattern": r"^(?P<one>a)(?P=one)$"}, "aa") == []
    assert faults({"pattern": r"^(?P<one>a)(?P=one)$"}, "ab")


def test_without_the_extra_the_walk_gives_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """jsonschema-rs is looked for once, and may be missing."""
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    assert ready.fast_engine.__wrapped__() is None
    monkeypatch.setattr(ready, "fast_engine", lambda: None)
    assert ready.verdict({"type": "string"}) is None
    assert not ready.Checker({"type": "string"}).accepts("x")


def test_what_is_like_a_json_value_counts_as_one(engine: str) -> None:
    """A Record, and text of a class of its own."""
    union = {"anyOf": [{"type": "string"}, {"type": "object"}], "x-decide": {"type": {"string": 0, "object": 1}}}
    assert faults({"items": union}, [Record({"a": 1}), Secret("x"), {}]) == []
    assert [fault.path for fault in faults({"items": union}, [object(), True])] == [(0,), (1,)]


def test_patterns_are_kept() -> None:
    """A pattern is read once."""
    assert compiled("^a") is compiled("^a")


def test_the_place_in_the_schema_is_told_whatever_was_looked_at_before() -> None:
    """A schema that was first seen while a branch was chosen knows where it stands all the same."""
    union = {"anyOf": [{"type": "object", "properties": {"kind": {"const": k}, "size": {"enum": [k]}}} for k in ("a", "b")]}
    for value in (5, {"kind": "a", "size": "z"}):
        told = faults(union, value)
    assert told[0].schema_path == ("anyOf", 0, "properties", "size", "enum")


def test_schemas_are_kept_within_a_bound(engine: str) -> None:
    """A schema is made ready once, by name or as the same dict; of many the oldest are let go."""
    schema: dict[str, Any] = {"type": "object"}
    assert ready.checker(schema, False) is ready.checker(schema, False) is not ready.checker(schema, True)
    assert ready.checker(dict(schema), False) is not ready.checker(schema, False)
    for number in range(ready.KEPT + 10):
        ready.checker({"maximum": number}, False)
    assert ready._made.cache_info().currsize == ready.KEPT


def test_one_schema_on_many_threads() -> None:
    """What is made ready when a value first reaches it is the same for all."""
    whole = bundle("CreateChatCompletionRequest")
    bad = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}
    for _ in range(5):
        walker = engine(whole)
        with ThreadPoolExecutor(16) as pool:
            told = list(pool.map(lambda _, walker=walker: [f.path for f in walker.found(bad)], range(64)))
        assert told == [[("messages", 0, "content", 0, "text")]] * 64


def test_every_bundled_definition_can_be_made_ready() -> None:
    """Each is a schema, leads nowhere in a circle, and takes or refuses a value, as both engines have it; closed as well."""
    fast = ready.fast_engine()
    whole = bundle({"properties": {name: {"$ref": f"{where(name)}#/$defs/{name}"} for name in names()}})
    assert fast.meta.is_valid(whole) if fast else Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(whole)
    for one in (whole, closed(whole)):
        walker, takes = engine(one), fast and fast.Draft202012Validator(one).is_valid
        for value in VALUES_OF_EACH_TYPE:
            refusing = {finding.path[0] for finding in walker.found(dict.fromkeys(names(), value))}
            assert takes is None or refusing == {name for name in names() if not takes({name: value})}
