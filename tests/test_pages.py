"""Pages: every paging rule of the table, what ends a list, and servers that do it differently."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import orjson
import pytest
from faces import SyncFace
from hostile import HostileServer, Request, json_reply

from oai_dyn import APIError, AuthenticationError, Page, Record, Reply
from oai_dyn.pages import BasePage
from oai_dyn.routes import bundled
from oai_dyn.wire import Paging

HEADERS = [("X-Request-Id", "req-1")]

#: Each rule of the table: a row that has it, its arguments, and three pages as a server gives them.
RULES: dict[Paging, tuple[str, list[str], list[dict[str, Any]]]] = {
    Paging("data", ("data", -1, "id"), "after", "has_more"): (
        "files.list",
        [],
        [
            {"data": [{"id": "a"}, {"id": "b"}], "has_more": True},
            {"data": [{"id": "c"}], "has_more": True},
            {"data": [{"id": "d"}], "has_more": False},
        ],
    ),
}


def rules_of_the_table() -> dict[Paging, str]:
    """Every paging rule that a bundled row has, with the first such row."""
    found: dict[Paging, str] = {}
    for name in bundled().names:
        rule = bundled().find(name).page
        if rule is not None:
            found.setdefault(rule, name)
    return found


TABLE = rules_of_the_table()


def body(rule: Paging, ids: list[str], cursor: str | None) -> dict[str, Any]:
    """A page of that rule with these items, and the cursor to the next page, or none."""
    page: dict[str, Any] = {rule.items: [{"id": one} for one in ids]}
    if rule.more is not None:
        page[rule.more] = cursor is not None
    if rule.cursor and not isinstance(rule.cursor[-1], int) and len(rule.cursor) == 1:
        page[str(rule.cursor[0])] = cursor
    return page


def test_the_rules_of_the_table() -> None:
    """There are five: by the last item's id, by `last_id`, by `next_page` and `next`, and one page only."""
    assert len(TABLE) == 5, TABLE


@pytest.mark.parametrize(("rule", "name"), TABLE.items(), ids=[name for name in TABLE.values()])
def test_every_rule_walks_every_page(face: SyncFace, rule: Paging, name: str) -> None:
    """Three pages, each asked for with the cursor of the one before; arguments are kept; then it ends."""
    pages = [body(rule, ["a", "b"], "b"), body(rule, ["c"], "c"), body(rule, ["d"], None)]
    if not rule.cursor:
        pages = pages[:1]
    with HostileServer([json_reply(page, headers=HEADERS) for page in pages]) as server:
        client = face.client(base_url=server.url, admin_key="k")
        route = bundled().find(name)
        arguments = ["x"] * len(route.positional)
        others = {one: "y" for one in route.path_params if one not in route.positional}
        call = client.call(name, *arguments, **others, extra_query={"limit": 2})
        assert [item.id for item in face.iterate(call)] == ["a", "b", "c", "d"][: 4 if rule.cursor else 2]
        targets = [one.target.partition("?")[2] for one in server.requests]
    assert targets == ["limit=2", f"{rule.param}=b&limit=2", f"{rule.param}=c&limit=2"][: len(pages)] or targets == [
        "limit=2", f"limit=2&{rule.param}=b", f"limit=2&{rule.param}=c",
    ][: len(pages)]  # fmt: skip


def page(data: Any, rule: Paging = Paging(cursor=("data", -1, "id"), more="has_more"), seen: Any = ()) -> BasePage[Any]:
    """A page by hand."""
    from oai_dyn.pages import Turn

    return Page(data, Turn(rule, frozenset(seen), lambda cursor: None, None, None, Reply(200, {})))  # type: ignore[arg-type]
