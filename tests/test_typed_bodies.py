"""What judges the corpus and what makes bodies from types: strict, and without a gap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Required

import pytest
from sdk_types import ROWS, Judge, hint, judge
from typed_bodies import bodies, whole_bodies
from typing_extensions import TypedDict


class Point(TypedDict, total=False):
    """An object within an object."""

    x: Required[int]
    name: str | None


class Tree(TypedDict, total=False):
    """An object that holds its like."""

    kind: Required[Literal["leaf", "twig"]]
    below: Iterable[Tree]
    at: str | Point | list[int]
    async_: bool


def test_bodies_take_every_branch_and_key() -> None:
    """All keys come first, then each other branch, literal and null at least once, then what must be there alone."""
    made = bodies(Tree)
    assert made[0] == {"kind": "leaf", "below": [{"kind": "leaf"}], "at": "a few words", "async": True}
    assert made[-1] == {"kind": "leaf"}
    ats = [one["at"] for one in made if "at" in one]
    assert ats == ["a few words", {"x": 3, "name": "forecast"}, {"x": 3, "name": None}, {"x": 3}, [3]]
    assert {one["kind"] for one in made} == {"leaf", "twig"}
    assert bodies(Tree) == made


def test_whole_bodies_leave_no_key_out() -> None:
    """Bodies for replies hold every key each time."""
    made = whole_bodies(Tree)
    assert all(one.keys() == {"kind", "below", "at", "async"} for one in made)
    assert [3] in [one["at"] for one in made]
    assert all(Judge(Tree).accepts(one) for one in made)


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "root"},
        {"at": "x"},
        {"kind": "leaf", "async_": True},
        {"kind": "leaf", "below": [{"kind": "leaf"}, {"kind": 1}]},
        {"kind": "leaf", "at": {"x": 1.5}},
        {"kind": "leaf", "at": [True]},
        {"kind": "leaf", "at": None},
    ],
)
def test_the_judge_is_strict(bad: Any) -> None:
    """A wrong literal, a missing or unknown key, a wrong type at the end of a list: refused."""
    assert not Judge(Tree).accepts(bad)
    assert Judge(Tree).accepts({"kind": "leaf", "below": [{"kind": "twig"}], "at": {"x": 1, "name": None}, "async": False})


def test_the_judge_of_a_row() -> None:
    """A row is judged by its method: what it takes in body and query, what it gives, what its stream brings."""
    chat = judge("chat.completions.create", "event")
    assert chat is not None
    assert not chat.accepts({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "more": 1})
    assert chat.accepts({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []})
    assert judge("files.content", "reply") is None
    assert judge("files.list", "request") is None
    assert hint(ROWS["evals.runs.cancel_run"], "reply") is None
    automation = judge("beta.agents.automations.create", "request")
    assert automation is not None
    target = {"type": "existing_session", "session_id": "s", "instructions": "i"}
    assert automation.accepts({"type": "once", "name": "n", "run_at": 1, "target": target})
    assert not automation.accepts({"type": "once", "name": "n", "expression": "* * * * *", "timezone": "UTC", "target": target})
