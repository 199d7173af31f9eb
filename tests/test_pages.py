"""Pages: every paging rule of the table, what ends a list, and servers that do it differently."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import orjson
import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply

from oai_dyn import APIError, AuthenticationError, Limits, Page, Record, Reply
from oai_dyn.pages import BasePage, Turn
from oai_dyn.routes import bundled
from oai_dyn.wire import Headers, Paging

HEADERS = [("X-Request-Id", "req-1")]

#: Where the next cursor is found, and the parameter that it goes to, in the rows that list.
BY_ITEM = Paging("data", ("data", -1, "id"), "after", "has_more")
BY_LAST_ID = Paging("data", ("last_id",), "after", "has_more")
BY_NEXT = Paging("data", ("next",), "after", "has_more")
BY_PAGE = Paging("data", ("next",), "page", "has_more")
ONE_PAGE = Paging("data")

ROWS: list[tuple[str, Paging]] = [
    ("files.list", BY_ITEM),
    ("admin.organization.projects.list", BY_LAST_ID),
    ("admin.organization.groups.list", BY_NEXT),
    ("beta.agents.environments.files.list", BY_PAGE),
    ("models.list", ONE_PAGE),
]


def test_these_are_all_the_rules() -> None:
    """The table has five ways to page, and each has a row here."""
    rules = {route.page for route in map(bundled().find, bundled().names) if route.page is not None}
    assert rules == {rule for _, rule in ROWS}
    assert [bundled().find(name).page for name, _ in ROWS] == [rule for _, rule in ROWS]


def body(rule: Paging, ids: str, more: bool) -> dict[str, Any]:
    """A page of that rule with an item for each letter, and what leads to the next one."""
    page: dict[str, Any] = {"data": [{"id": one} for one in ids], "has_more": more}
    if rule.cursor[:1] != ("data",) and rule.cursor:
        page[str(rule.cursor[0])] = ids[-1] if more else None
    return page


@pytest.mark.parametrize(("name", "rule"), ROWS)
def test_every_rule_walks_every_page(face: SyncFace, name: str, rule: Paging) -> None:
    """Three pages, each asked for with the cursor of the one before and the call's own arguments; then it ends."""
    pages = [body(rule, "ab", True), body(rule, "c", True), body(rule, "d", False)]
    with HostileServer([json_reply(page) for page in pages]) as server:
        client = face.client(base_url=server.url, admin_key="k")
        call = client.call(name, *["x"] * len(bundled().find(name).positional), limit=2, extra_headers={"X-A": "1"})
        ids = "".join(item.id for item in face.iterate(call))
        queries = [one.target.partition("?")[2].split("&") for one in server.requests]
        assert {one.header("X-A") for one in server.requests} == {"1"}
    wanted = [{"limit=2"}, {f"{rule.param}=b", "limit=2"}, {f"{rule.param}=c", "limit=2"}]
    assert list(map(set, queries)) == (wanted if rule.cursor else wanted[:1])
    assert ids == ("abcd" if rule.cursor else "ab")


# --- What ends a list ---------------------------------------------------------------------------------------


def page(data: Any, rule: Paging = BY_ITEM, seen: tuple[str, ...] = ()) -> BasePage[Any]:
    """A page by hand."""
    reply = Reply(200, Headers(HEADERS), b"body")
    return BasePage(data, Turn(rule, frozenset(seen), lambda cursor: None, None, None, reply))


NESTED = Paging("items", ("meta", "next"), "cursor")

CURSORS: list[tuple[Any, Paging, str | None]] = [
    ({"data": [{"id": "a"}], "has_more": True}, BY_ITEM, "a"),
    ({"data": [{"id": "a"}], "has_more": False}, BY_ITEM, None),
    ({"data": [{"id": "a"}]}, BY_ITEM, "a"),
    ({"data": [{"id": "a"}], "has_more": None}, BY_ITEM, "a"),
    ({"data": [], "has_more": True}, BY_ITEM, None),
    ({"data": None, "has_more": True}, BY_ITEM, None),
    ({"has_more": True}, BY_ITEM, None),
    ({"data": ["text"], "has_more": True}, BY_ITEM, None),
    ({"data": [{"name": "a"}], "has_more": True}, BY_ITEM, None),
    ({"data": [{"id": ""}], "has_more": True}, BY_ITEM, None),
    ({"data": [{"id": None}], "has_more": True}, BY_ITEM, None),
    ({"data": [{"id": {"x": 1}}], "has_more": True}, BY_ITEM, None),
    ({"data": [{"id": 7}], "has_more": True}, BY_ITEM, "7"),
    ({"data": [{"id": True}], "has_more": True}, BY_ITEM, None),
    ({"data": [], "last_id": "z", "has_more": True}, BY_LAST_ID, "z"),
    ({"data": [], "next": "z", "has_more": False}, BY_NEXT, None),
    ({"data": [{"id": "a"}], "has_more": True}, ONE_PAGE, None),
    ({"items": [], "meta": {"next": "z"}}, NESTED, "z"),
    ({"items": [], "meta": None}, NESTED, None),
    ([{"id": "a"}], BY_ITEM, "a"),
    ([], BY_ITEM, None),
    (None, BY_ITEM, None),
]


@pytest.mark.parametrize(("data", "rule", "cursor"), CURSORS, ids=lambda value: repr(value)[:60])
def test_the_next_cursor(data: Any, rule: Paging, cursor: str | None) -> None:
    """Found where the rule says; none at the end, or where there is nothing that could be one."""
    assert page(data, rule).next_cursor() == cursor


def test_a_cursor_that_repeats_is_an_error(face: SyncFace) -> None:
    """A server that gives the same page for ever is found out at the first repetition; what came before was given."""
    again = {"data": [{"id": "a"}], "has_more": True}
    with HostileServer([json_reply(again, headers=HEADERS)], after="repeat") as server:
        items = face.iterate(face.client(base_url=server.url).files.list())
        assert [next(items).id, next(items).id] == ["a", "a"]
        with pytest.raises(APIError, match="the cursor 'a' came twice") as caught:
            next(items)
        assert len(server.requests) == 2
    assert (caught.value.status, caught.value.request_id) == (200, "req-1")
    assert json.loads(caught.value.body) == again


def test_a_circle_of_cursors_is_an_error(face: SyncFace) -> None:
    """Also where the repetition comes later."""
    pages = [json_reply({"data": [{"id": one}], "has_more": True}) for one in "abca"]
    with HostileServer(pages) as server, pytest.raises(APIError, match="the cursor 'a' came twice"):
        list(face.iterate(face.client(base_url=server.url).files.list()))
    assert len(server.requests) == 4


def test_the_cursor_that_the_user_began_with_counts(face: SyncFace) -> None:
    """Who begins at a cursor, and is given that same one for the next page, is not given the page twice."""
    with HostileServer([json_reply({"data": [{"id": "a"}], "has_more": True})], after="repeat") as server:
        with pytest.raises(APIError, match="the cursor 'a' came twice"):
            list(face.iterate(face.client(base_url=server.url).files.list(after="a")))
        assert len(server.requests) == 1


def test_an_error_on_a_later_page(face: SyncFace) -> None:
    """The items before it are given out, then it is raised as it is."""
    script = [json_reply({"data": [{"id": "a"}], "has_more": True}), json_reply({"error": {"message": "no"}}, 401)]
    with HostileServer(script) as server:
        items = face.iterate(face.client(base_url=server.url).files.list())
        assert next(items).id == "a"
        with pytest.raises(AuthenticationError):
            next(items)


def test_pages_are_fetched_as_needed(face: SyncFace) -> None:
    """Who stops early has not asked for more."""
    with HostileServer([json_reply({"data": [{"id": "a"}, {"id": "b"}], "has_more": True})]) as server:
        items = face.iterate(face.client(base_url=server.url).files.list())
        assert [next(items).id, next(items).id] == ["a", "b"]
        items.close()  # type: ignore[attr-defined]
        assert len(server.requests) == 1


# --- What a page is -----------------------------------------------------------------------------------------


def test_a_bare_list_is_a_page(face: SyncFace) -> None:
    """A server that answers with an array alone: it becomes the items, and the last one's id the cursor."""
    with HostileServer([json_reply([{"id": "a"}]), json_reply([])]) as server:
        client = face.client(base_url=server.url)
        assert [item.id for item in face.iterate(client.files.list())] == ["a"]
        assert server.requests[1].target == "/files?after=a"


@pytest.mark.parametrize("data", [{"data": None}, {}, {"data": {"a": 1}}, {"other": [1]}, None, "text", 5], ids=repr)
def test_a_page_without_items_is_empty(face: SyncFace, data: Any) -> None:
    """Whatever else came, iterating it ends."""
    with HostileServer([json_reply(data)]) as server:
        assert list(face.iterate(face.client(base_url=server.url).models.list())) == []


def test_a_page_reads_like_a_record() -> None:
    """Keys and attributes, `==`, JSON, the request id; items are Records once they were reached."""
    data: dict[str, Any] = {"data": [{"id": "a", "x": {"y": 1}}], "has_more": False}
    one = page(data)
    assert isinstance(one, Record)
    assert one == data
    assert one.has_more is False
    assert one.data[0].x.y == one.here[0].x.y == 1
    assert one._request_id == "req-1"
    assert json.loads(json.dumps(one)) == orjson.loads(orjson.dumps(one)) == data
    assert "data" in one


def test_a_page_travels_as_its_record() -> None:
    """Pickled or copied it is a Record of what it holds: a connection does not travel."""
    one = page({"data": [1]})
    for other in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
        assert (type(other), other, other._request_id) == (Record, {"data": [1]}, "req-1")


def test_the_whole_answer_of_a_list(face: SyncFace) -> None:
    """`into=Reply` and `into=dict` give one page as it came."""
    data = {"data": [{"id": "a"}], "has_more": True}
    with HostileServer([json_reply(data)], after="repeat") as server:
        client = face.client(base_url=server.url)
        assert face.wait(client.files.list(into=Reply)).data == data
        assert type(face.wait(client.files.list(into=dict))) is dict
        assert len(server.requests) == 2


def test_what_is_set_for_a_call_holds_for_its_pages(face: SyncFace) -> None:
    """Limits and headers of the first call go with every page."""
    script = [json_reply({"data": [{"id": "a"}], "has_more": True}), json_reply({"data": [{"id": "b" * 100}], "has_more": False})]
    with HostileServer(script) as server, pytest.raises(APIError, match="limit of 60 bytes"):
        list(face.iterate(face.client(base_url=server.url).files.list(limits=Limits(reply=60))))


def test_a_call_without_items_cannot_be_iterated(face: SyncFace) -> None:
    """Iterating the call of another row is a mistake that says so; its Record has keys."""
    with HostileServer([json_reply({"id": "m"})]) as server:
        call = face.client(base_url=server.url).models.retrieve("m")
        if face.name == "sync":
            assert list(face.iterate(call)) == ["id"]
        else:
            with pytest.raises(TypeError, match="has neither events nor pages to iterate"):
                list(face.iterate(call))


def test_the_generic_form_is_a_type() -> None:
    """`Page[T]` is an alias of the class, as type checkers know it."""
    assert repr(Page[dict[str, Any]]).startswith("oai_dyn.pages.Page[")
