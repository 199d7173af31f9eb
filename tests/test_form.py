"""The API's form convention, in query strings and multipart fields."""

from __future__ import annotations

import datetime
import decimal
import enum
import io
import uuid
from collections import UserDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_dyn.errors import ValidationError
from oai_dyn.form import flatten, is_file, query_string
from oai_dyn.objects import plain


class Size(enum.Enum):
    """An enum."""

    BIG = "big"


@dataclass
class Range:
    """A dataclass."""

    gt: int
    lt: int | None = None


def flat(value: Any) -> list[tuple[str, Any]]:
    """The pairs of one member."""
    return flatten({"k": value}, plain)


PAIRS: list[tuple[Any, list[tuple[str, str]]]] = [
    ("text", [("k", "text")]),
    ("", [("k", "")]),
    (True, [("k", "true")]),
    (False, [("k", "false")]),
    (1, [("k", "1")]),
    (1.0, [("k", "1.0")]),
    (0.5, [("k", "0.5")]),
    (None, []),
    ([], []),
    ({}, []),
    (["a", None, "b"], [("k[]", "a"), ("k[]", "b")]),
    (("a", "b"), [("k[]", "a"), ("k[]", "b")]),
    ({"gt": 1, "none": None}, [("k[gt]", "1")]),
    ({"a": {"b": [1]}}, [("k[a][b][]", "1")]),
    ([{"a": 1}, {"a": 2}], [("k[][a]", "1"), ("k[][a]", "2")]),
    (UserDict(a=1), [("k[a]", "1")]),
    (Range(1), [("k[gt]", "1")]),
    ([Range(1, 2)], [("k[][gt]", "1"), ("k[][lt]", "2")]),
    ({1: "a"}, [("k[1]", "a")]),
    (Size.BIG, [("k", "big")]),
    (decimal.Decimal("1.10"), [("k", "1.10")]),
    (uuid.UUID(int=1), [("k", "00000000-0000-0000-0000-000000000001")]),
    (datetime.date(2026, 1, 2), [("k", "2026-01-02")]),
    (datetime.time(1, 2), [("k", "01:02:00")]),
    (("label", "text"), [("k[]", "label"), ("k[]", "text")]),
]


@pytest.mark.parametrize(("value", "pairs"), PAIRS, ids=lambda value: repr(value)[:30])
def test_members_become_pairs(value: Any, pairs: list[tuple[str, str]]) -> None:
    """Lists repeat `name[]`, objects nest `name[key]`, None leaves out, order is kept."""
    assert flat(value) == pairs


FILES: list[Any] = [b"x", bytearray(b"x"), Path("x"), io.BytesIO(), ("n", b"x"), (None, b"x"), ("n", b"x", "t/t")]
FILES += [("n", Path("x"), None, {})]
NO_FILES: list[Any] = ["x", 5, None, ["n", b"x"], ("n",), (1, b"x"), ("n", "text"), ("n", b"x", "t/t", {}, 5), {"read": 1}]


@pytest.mark.parametrize("value", FILES, ids=lambda value: repr(value)[:40])
def test_files_are_passed_on(value: Any) -> None:
    """A file in any of its forms stays as it is, alone and in a list."""
    assert is_file(value)
    assert flat(value) == [("k", value)]
    assert flat([value]) == [("k[]", value)]


@pytest.mark.parametrize("value", NO_FILES, ids=repr)
def test_what_is_no_file(value: Any) -> None:
    """Text, numbers, lists and tuples of another shape are no files."""
    assert not is_file(value)


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), r"^k: object has no to_dict"),
        ({"a": [object()]}, r"^k\.a\[0\]: object has no to_dict"),
        (["\ud800"], r"^k\[0\]: a lone surrogate"),
        (LOOP, r"^k\[0\]\[0\].*: nested deeper than 250 levels, or in a circle"),
    ],
    ids=["object", "inside", "surrogate", "circle"],
)
def test_what_a_form_cannot_hold_is_refused_with_its_place(value: Any, message: str) -> None:
    """The error names the place."""
    with pytest.raises(ValidationError, match=message):
        flat(value)


def test_a_circle_of_objects_is_refused() -> None:
    """An object whose to_dict leads back to itself ends as an error of ours."""

    class Loop:
        def to_dict(self) -> Any:
            return self

    with pytest.raises(ValidationError, match="circle"):
        flat(Loop())


def test_a_query_is_encoded() -> None:
    """Everything but the unreserved characters is percent-encoded, a space as %20."""
    assert query_string(iter([("a[]", "x y+z"), ("ü", "&=?/#"), ("e", "")])) == "a%5B%5D=x%20y%2Bz&%C3%BC=%26%3D%3F%2F%23&e="
    assert query_string(iter([])) == ""


def test_a_query_takes_no_file() -> None:
    """The error names the member."""
    with pytest.raises(ValidationError, match=r"^k\[\]: a query or a form of text takes no file, and this is bytes"):
        query_string(flatten({"k": [b"x"]}, plain))


text = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None, database=None)
@given(st.lists(st.tuples(text.filter(bool), text)))
def test_any_query_comes_back(found: list[tuple[str, str]]) -> None:
    """Whatever the names and values, a standard reader finds them again, and the URL is ASCII without spaces."""
    query = query_string(iter(found))
    assert query.isascii()
    assert not any(c <= " " or c == "#" for c in query)
    assert parse_qsl(query, keep_blank_values=True, separator="&") == found
