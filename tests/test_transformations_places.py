"""Paths of rules, tests of values and tables of them: what they find, what they say, and what they refuse."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from oai_dyn import ConfigError
from oai_dyn.transformations.conditions import TESTS, conditions, globs, picking, predicate, same
from oai_dyn.transformations.places import MISSING, Place, keys_at, read_path
from oai_dyn.transformations.triggers import lacks, needs
from oai_dyn.transformations.values import GONE, table

BODY: Any = {
    "messages": [{"role": "user", "name": "n"}, {"role": "tool"}, "odd"],
    "stop": ["a", "b"],
    "deep": [[1, 2], [3], 4],
    "by": {"x": {"v": 1}, "y": {"v": 2}, "z": 3},
    "none": None,
}

VECTORS: list[Any] = json.loads((Path(__file__).parent / "vectors" / "transformations" / "places.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["path"] or "the whole")
def test_a_path_leads_to_its_members(vector: Any) -> None:
    """What is found in order, and what could hold more; and nothing is changed."""
    place, body = Place(vector["path"]), copy.deepcopy(BODY)
    assert place.values(body) == vector["values"]
    holders = place.holders(body)
    assert len(holders) == len(vector["holders"])
    for path, holder in zip(vector["holders"], holders, strict=True):
        at = body
        for key in path:
            at = at[key]
        assert at is holder
    assert [holder[key] for holder in holders for key in keys_at(holder, place.last)] == (vector["values"] if place.steps else [])
    assert body == BODY


def test_the_first_value_is_the_first_that_says_something() -> None:
    """Null is passed over; where there is nothing, that is said."""
    assert Place("messages[].name").first(BODY) == "n"
    assert Place("none").first(BODY) is MISSING
    assert Place("").first(None) is MISSING
    assert Place("nothing.at.all").first(BODY) is MISSING


def test_a_path_from_the_root_says_so() -> None:
    """A slash before it is no part of it."""
    assert Place("/usage.total").rooted
    assert Place("/usage.total").steps == ("usage", "total")
    assert not Place("usage").rooted
    assert repr(Place("usage.total")) == "<Place usage.total>"


@pytest.mark.parametrize("text", [".", "a.", ".a", "a..b", "a[", "a]", "a[1]", "a[]b", "*a", "a*", "a/b", "a.**"])
def test_what_is_no_path_is_refused(text: str) -> None:
    """Each is told with an example of one."""
    with pytest.raises(ConfigError, match="is no path; one is like"):
        read_path(text)


def test_keys_of_a_step() -> None:
    """The keys of a value that a step stands for; none where the value is of another kind."""
    assert list(keys_at([1, 2], "[]")) == [0, 1]
    assert list(keys_at({"a": 1}, "*")) == ["a"]
    assert list(keys_at({"a": 1}, "a")) == ["a"]
    assert [list(keys_at(value, step)) for value, step in (({}, "[]"), ([], "*"), ("a", "a"), ({}, "a"))] == [[]] * 4


# --- Tests ----------------------------------------------------------------------------------------------------

EVERY: dict[str, Any] = {
    "missing": MISSING, "null": None, "true": True, "false": False, "0": 0, "1": 1, "2.5": 2.5, "empty": "", "a": "a", "ab": "ab",
    "[]": [], "[1]": [1], "{}": {}, "{a}": {"a": 1},
}  # fmt: skip

PASSING: list[tuple[Any, str]] = [
    ("a", "a"),
    (["a", "ab"], "a ab"),
    (1, "1"),
    (True, "true"),
    ([0, "a"], "0 a"),
    ([[1]], "[1]"),
    ({}, " ".join(EVERY)),
    ({"present": True}, "null true false 0 1 2.5 empty a ab [] [1] {} {a}"),
    ({"present": False}, "missing"),
    ({"null": True}, "missing null"),
    ({"null": False}, "true false 0 1 2.5 empty a ab [] [1] {} {a}"),
    ({"empty": True}, "missing null empty [] {}"),
    ({"empty": False}, "true false 0 1 2.5 a ab [1] {a}"),
    ({"type": "array"}, "[] [1]"),
    ({"type": "object"}, "{} {a}"),
    ({"type": "string"}, "empty a ab"),
    ({"type": "number"}, "0 1 2.5"),
    ({"type": "integer"}, "0 1"),
    ({"type": "boolean"}, "true false"),
    ({"type": "null"}, "null"),
    ({"not": ["a", 1]}, "missing null true false 0 2.5 empty ab [] [1] {} {a}"),
    ({"above": 0}, "1 2.5"),
    ({"below": 1}, "0"),
    ({"above": 0, "below": 2}, "1"),
    ({"matches": "^a$"}, "a"),
    ({"matches": "b"}, "ab"),
]


@pytest.mark.parametrize(("spec", "names"), PASSING, ids=[str(spec) for spec, _ in PASSING])
def test_a_test_passes_what_it_says(spec: Any, names: str) -> None:
    """Each kind of test over values of every kind, and over none."""
    holds = predicate(spec)
    assert [name for name, value in EVERY.items() if holds(value)] == names.split()
    if (pick := picking(spec)) is not None:
        values = [value for value in EVERY.values() if value is not MISSING]
        assert {i for i, value in enumerate(values) if holds(value)} <= set(pick(values))
        texts = [value for value in values if isinstance(value, str)] + [None]
        assert [texts[i] for i in pick(texts)] == [value for value in texts if holds(value)]
        assert not pick(["other", 7])


def test_every_test_is_tried() -> None:
    """No test of the table is without an example."""
    assert {name for spec, _ in PASSING if isinstance(spec, dict) for name in spec} == TESTS.keys()


def test_true_is_no_number() -> None:
    """Equality is JSON's."""
    assert same(1, 1.0)
    assert not same(1, True)
    assert not same(False, 0)
    assert same({"a": [1]}, {"a": [1]})


def test_conditions_hold_together() -> None:
    """All paths have to pass; of several values at a path one has to; where there is none, its absence is tested."""
    assert conditions({}) is None
    both = conditions({"stop[]": "b", "messages[].name": {"present": True}})
    assert both is not None
    assert both(BODY)
    assert not both({**BODY, "stop": ["a"]})
    no_tool = conditions({"messages[].name": {"not": ["n"]}})
    assert no_tool is not None
    assert not no_tool(BODY)
    assert no_tool({})
    own = conditions({"": "a"})
    assert own is not None
    assert own("a")
    name = conditions({"role": "user"})
    assert name is not None
    assert [name(value) for value in ({"role": "user"}, {"role": "tool"}, {}, "user", ["role"])] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_globs_include_and_exclude() -> None:
    """One glob has to fit, none of those with "!" may, and letters are of any case."""
    assert globs([])("anything")
    assert globs(["GPT-*"])("gpt-5")
    assert not globs(["gpt-*", "!*-mini"])("gpt-5-Mini")
    assert globs(["!gpt-4*"])("gpt-5")
    assert not globs(["!gpt-4*"])("gpt-4o")
    assert not globs(["gpt-*"])("")


# --- Tables ---------------------------------------------------------------------------------------------------


def test_a_table_gives_nothing_of_its_own_away() -> None:
    """What is changed in a result does not come again for the next."""
    rule = {"values": [["a", {"b": [1]}]]}
    change = table(rule)
    change("a")["b"].append(2)
    assert change("a") == {"b": [1]}
    assert rule == {"values": [["a", {"b": [1]}]]}


def test_the_first_pair_counts() -> None:
    """Of two pairs for a value the first is taken; values that are kept come back as the same object."""
    change = table({"values": [["a", "b"], ["a", "c"], [1, "one"], [1, "two"]], "other": {"to": "z"}})
    assert [change(value) for value in ("a", 1, "x", "z", "b", True)] == ["b", "one", "z", "z", "b", "z"]
    kept = ["k"]
    assert table({})(kept) is kept
    assert table({"other": "drop"})("a") is GONE
    # Where a result is not met again, one may be changed itself.
    assert table({"values": [["a", "b"], ["b", "c"]]}, again=False)("a") == "b"


# --- What a body's JSON tells ---------------------------------------------------------------------------------

NEEDED: list[tuple[Any, tuple[tuple[bytes, ...], ...]]] = [
    ({"verb": "drop", "member": "messages[].name"}, ((b'"name":',),)),
    ({"verb": "drop", "member": 'a.odd"name'}, ()),
    ({"verb": "drop", "member": "a.größe"}, ()),
    ({"verb": "drop", "member": "a.*"}, ()),
    ({"verb": "drop", "member": "stop[]", "is": ["a", "b"]}, ((b'"a"', b'"b"'),)),
    ({"verb": "drop", "member": "a.b.*", "is": {"null": True}}, ((b'"b":',), (b"null",))),
    ({"verb": "drop", "member": "a.b", "is": {"null": False}}, ((b'"b":',),)),
    ({"verb": "drop", "member": "a.b", "is": 3, "where": {"type": "file", "b": {"empty": True}}}, ((b'"b":',), (b'"file"',))),
    ({"verb": "map", "member": "a.r", "values": [["a", 1]]}, ((b'"r":',), (b'"a"',))),
    ({"verb": "map", "member": "a.r", "values": [["a", 1]], "other": "keep"}, ((b'"r":',), (b'"a"',))),
    ({"verb": "map", "member": "a.r", "values": [["a", 1]], "other": "drop"}, ((b'"r":',),)),
    ({"verb": "flatten", "member": "a.c"}, ((b'"c":',), (b'"c":[',))),
    ({"verb": "flatten", "member": "a.c", "null": True}, ((b'"c":',),)),
    ({"verb": "flatten", "member": "a.c[]"}, ((b'"c":',),)),
    ({"verb": "flatten", "member": "a.ö"}, ()),
    ({"verb": "flatten", "member": "c"}, ()),
    (
        {"verb": "clean", "member": "a.s", "remove": ["x", ["y", False]], "rename": [["z", "w"]]},
        ((b'"s":',), (b'"x":', b'"y":', b'"z":')),
    ),
    ({"verb": "clean", "member": "a.s", "objects": {"a": 1}}, ((b'"s":',),)),
    ({"verb": "clean", "member": "a.s", "remove": ["\x00"]}, ((b'"s":',),)),
    ({"verb": "set", "member": "a.b", "value": 1}, ()),
    ({"verb": "merge", "roles": ["system"]}, ()),
]


@pytest.mark.parametrize(("rule", "wanted"), NEEDED, ids=[str(rule) for rule, _ in NEEDED])
def test_what_a_rule_needs(rule: Any, wanted: Any) -> None:
    """The texts without which a rule does nothing; none where that cannot be said."""
    assert needs(rule) == wanted


def test_a_text_lacks_what_a_group_needs() -> None:
    """Of each group one text has to be there."""
    assert not lacks(b'{"a":1}', ())
    assert not lacks(b'{"a":"x"}', ((b'"a":',), (b'"y"', b'"x"')))
    assert lacks(b'{"a":"z"}', ((b'"a":',), (b'"y"', b'"x"')))
