"""JSON both ways: what is written, what is refused and where, and what is read although it is no strict JSON."""

from __future__ import annotations

import datetime
import enum
import json
import math
import uuid
from collections import OrderedDict, UserDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_dyn.codec import decode, encode, to_dict
from oai_dyn.errors import DecodeError, ValidationError
from oai_dyn.objects import plain


class Colour(enum.StrEnum):
    """An enum of text."""

    RED = "red"


@dataclass
class Point:
    """A dataclass."""

    x: Any


class Loop:
    """An object whose to_dict leads back to itself."""

    def to_dict(self) -> Any:
        """Itself."""
        return self


Pair = namedtuple("Pair", "a b")

CIRCLE: dict[str, Any] = {}
CIRCLE["again"] = [CIRCLE]

DEEP: Any = 1
for _ in range(260):
    DEEP = [DEEP]

WRITTEN: list[tuple[Any, str]] = [
    ({"a": None, "b": [1, 2.5, True, "ü", "\u2028"]}, '{"a":null,"b":[1,2.5,true,"ü","\u2028"]}'),
    (1.0, "1.0"),
    ((1, 2), "[1,2]"),
    (Pair(1, 2), "[1,2]"),
    ({1, 2}, "[1,2]"),
    (range(2), "[0,1]"),
    (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
    (UserDict(a=1), '{"a":1}'),
    (Point(Point(None)), '{"x":{"x":null}}'),
    ({"a": None, "at": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)}, '{"a":null,"at":"2026-01-02T00:00:00+00:00"}'),
    (Colour.RED, '"red"'),
    (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (datetime.date(2026, 1, 2), '"2026-01-02"'),
    ({"logit_bias": {50256: -100}}, '{"logit_bias":{"50256":-100}}'),
    (2**64 - 1, "18446744073709551615"),
    (-(2**63), "-9223372036854775808"),
]

REFUSED: list[tuple[Any, str]] = [
    ({"a": [{"b": object()}]}, r"a\[0\]\.b: object has no to_dict .*codecs"),
    ({"a": b"x"}, r"a: bytes.*base64"),
    ({"a": {1.5: 2}}, r"a: the key 1\.5 is of type float, wanted text"),
    ({"a": {True: 2}}, r"a: the key True is of type bool, wanted text"),
    ({"a": {None: 2}}, r"a: the key None is of type NoneType, wanted text"),
    ({"a": ["\ud83d"]}, r"a\[0\]: a lone surrogate \(U\+D83D\) at character 0"),
    ({"a": {"x\udc00": 1}}, r"a: a lone surrogate \(U\+DC00\) at character 1"),
    ({"a": math.nan}, "a: nan cannot be written in JSON, wanted a finite number"),
    ({"a": None, "b": (math.inf,)}, r"b\[0\]: inf cannot be written in JSON"),
    ({"a": Point(-math.inf)}, r"a\.x: -inf cannot be written in JSON"),
    ({"a": 2**64}, "a: an integer beyond 64 bits"),
    ({"a": -(2**63) - 1}, "a: an integer beyond 64 bits"),
    (CIRCLE, r"again\[0\].*: nested deeper than 250 levels, or in a circle"),
    ({"a": Loop()}, "a.*: nested deeper than 250 levels, or in a circle"),
    ({"a": DEEP}, "a.*: nested deeper than 250 levels"),
    ({"a": Point}, "a: type has no to_dict"),
    ({"a": Pair(1, object())}, r"a\[1\]: object has no to_dict"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN, ids=lambda value: repr(value)[:30])
def test_what_is_passed_is_written(value: Any, text: str) -> None:
    """Values, their order, floats and nulls stay what they are."""
    assert encode(value, plain).decode() == text


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=lambda value: repr(value)[:30])
def test_what_json_cannot_hold_is_refused_with_its_place(value: Any, message: str) -> None:
    """The error names the place, what stood there and what was wanted."""
    with pytest.raises(ValidationError, match=f"^{message}") as caught:
        encode(value, plain)
    assert len(caught.value.errors) == 1


class Fickle:
    """An object that gives something else each time."""

    calls = 0

    def to_dict(self) -> Any:
        """Nothing that can be written at first, then an empty dict, and so on."""
        self.calls += 1
        return object() if self.calls % 2 else {}


def test_nothing_of_orjson_escapes() -> None:
    """Also where no place can be found, the error is ours."""
    with pytest.raises(ValidationError, match=r"^the body cannot be written as JSON: "):
        encode({"a": Fickle()}, plain)


@pytest.mark.parametrize("others", [{"logit_bias": {1: 2}}, {"b": None}, {"b": object()}], ids=repr)
def test_an_iterator_loses_nothing(others: dict[str, Any]) -> None:
    """An iterator can be read once only: its items are written, or the body is refused."""
    try:
        body = encode({"a": iter([1]), **others}, plain)
    except ValidationError:
        return
    assert json.loads(body)["a"] == [1]
    assert "object" not in repr(others)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, database=None)
@given(values)
def test_what_is_written_is_read(value: Any) -> None:
    """Every value of JSON comes back as it was."""
    assert decode(encode(value, plain)) == value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b' {"a": 1} ', {"a": 1}),
        (b'{"a": NaN, "b": [Infinity, -Infinity]}', None),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"a": 1180591620717411303424}', {"a": 2**70}),
        (b'{"a": 1e400}', {"a": math.inf}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"null", None),
    ],
)
def test_what_can_be_read_is_read(body: bytes, value: Any) -> None:
    """NaN, lone surrogates, long integers, a byte order mark: real servers send them."""
    found = decode(body)
    if value is None and body != b"null":
        assert math.isnan(found["a"])
        assert found["b"] == [math.inf, -math.inf]
    else:
        assert found == value


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", r"the body is not JSON: .*line 1 column 1"),
        (b'{"a": }', r"the body is not JSON: .*line 1 column 7"),
        (b"<html>", r"the body is not JSON: .*line 1 column 1"),
        (b'{"a": "\xff"}', r"the body is not JSON: UnicodeDecodeError"),
        (b"[" * 100_000, "the body is not JSON: RecursionError"),
        (b"1" * 5000, "the body is not JSON: ValueError"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_json_is_a_decode_error(body: bytes, message: str) -> None:
    """The error says where or why, has the bytes, and chains nothing of the parsers'."""
    with pytest.raises(DecodeError, match=message) as caught:
        decode(body)
    assert caught.value.body == body
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert not isinstance(caught.value, json.JSONDecodeError)


@pytest.mark.parametrize("value", [{"a": 1}, UserDict(a=1), Point(1), Pair(1, 2)._asdict()], ids=repr)
def test_the_top_of_a_body_becomes_a_dict(value: Any) -> None:
    """Mappings and objects do; a dict is the same one."""
    found = to_dict(value, plain)
    assert type(found) is dict
    assert (found is value) == isinstance(value, dict)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "the body is of type int, wanted a dict or an object with to_dict"),
        ("text", "the body is of type str"),
        ([1], "the body is of type list"),
        (Point, "the body is of type type"),
        (Loop(), "the body is of type Loop, whose to_dict gives no dict"),
    ],
    ids=repr,
)
def test_a_body_that_is_no_object_is_refused(value: Any, message: str) -> None:
    """A number, a text, a list or a class is no body."""
    with pytest.raises(ValidationError, match=message):
        to_dict(value, plain)
