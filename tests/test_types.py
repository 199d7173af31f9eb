"""Bring your own types: one suite over every kind of class (`kinds.py`), for requests, replies, events and pages."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from faces import SyncFace
from hostile import HostileServer, Script, json_reply, reply, sse_reply
from kinds import CHAT, KINDS, MESSAGE, MISFIT, Kind

from oai_dyn import DecodeError, Page, Record, Reply, ValidationError

HEADERS = [("X-Request-Id", "req-1")]
TYPED = [kind for kind in KINDS if kind.misfit is not None]
CLASSES = [kind for kind in KINDS if kind.name != "callable"]


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind in turn."""
    found: Kind = request.param
    return found


@contextlib.contextmanager
def served(face: SyncFace, script: Script, kind: Kind | None = None) -> Iterator[tuple[Any, HostileServer]]:
    """A client and the server that it talks to."""
    with HostileServer(script) as server:
        yield face.client(base_url=server.url, codecs=kind.codecs if kind else None), server


def as_body(value: Any) -> Any:
    """The value in a reply, as its JSON."""
    return json_reply(value, headers=HEADERS)


def alias(origin: Any, *arguments: Any) -> Any:
    """A generic alias of what is only known when the test runs: `alias(list, T)` is `list[T]`."""
    return origin[arguments if len(arguments) > 1 else arguments[0]]


# --- Requests -----------------------------------------------------------------------------------------------


def test_a_request_is_an_object(face: SyncFace, kind: Kind) -> None:
    """An object given as the body is sent as its JSON, and stays as it was."""
    with served(face, [as_body({}), as_body({})], kind) as (client, server):
        chat = kind.chat()
        face.wait(client.chat.completions.create(chat))
        face.wait(client.call("chat.completions.create", chat))
        assert [one.json() for one in server.requests] == [kind.json, kind.json]


def test_objects_stand_anywhere_in_a_request(face: SyncFace, kind: Kind) -> None:
    """Inside a dict body, in lists, tuples and deeper, and as a keyword, an object is sent as its JSON."""
    with served(face, [as_body({})], kind) as (client, server):
        body = {"messages": [kind.message(), MESSAGE], "deep": {"er": [[kind.chat()]]}, "pair": (1, kind.message())}
        face.wait(client.chat.completions.create(body, prediction=kind.message(), extra_body={"more": kind.message()}))
        assert server.requests[0].json() == {
            "messages": [MESSAGE, MESSAGE],
            "deep": {"er": [[kind.json]]},
            "pair": [1, MESSAGE],
            "prediction": MESSAGE,
            "more": MESSAGE,
        }


def test_keywords_win_over_the_members_of_an_object(face: SyncFace, kind: Kind) -> None:
    """A keyword takes the place of the object's own member, without changing the object."""
    with served(face, [as_body({}), as_body({})], kind) as (client, server):
        chat = kind.chat()
        face.wait(client.chat.completions.create(chat, model="other"))
        face.wait(client.chat.completions.create(chat))
        assert [one.json() for one in server.requests] == [{**kind.json, "model": "other"}, kind.json]


def test_an_object_asks_for_a_stream(face: SyncFace, kind: Kind) -> None:
    """With an object for a body, `stream=True` beside it makes a stream of it."""
    with served(face, [sse_reply(["[DONE]"])], kind) as (client, server):
        assert list(face.iterate(client.chat.completions.create(kind.chat(), stream=True))) == []
        assert server.requests[0].json() == {**kind.json, "stream": True}


def test_an_object_is_a_query_too(face: SyncFace, kind: Kind) -> None:
    """A row without a body takes the object for its query, and nests it as the API does."""
    with served(face, [as_body({"data": []})], kind) as (client, server):
        face.wait(client.files.list({"filter": kind.message()}))
        query = server.requests[0].target.partition("?")[2]
        assert query == "filter%5Brole%5D=user&filter%5Bcontent%5D=Gr%C3%BC%C3%9Fe"


def test_an_object_stands_in_a_form(face: SyncFace, kind: Kind) -> None:
    """In a multipart body an object's members nest as the API has it."""
    with served(face, [as_body({})], kind) as (client, server):
        face.wait(client.files.create(file=b"x", purpose="batch", expires_after=kind.message()))
        assert b'name="expires_after[role]"\r\n\r\nuser\r\n' in server.requests[0].body


# --- Replies ------------------------------------------------------------------------------------------------


def test_a_reply_becomes_an_object(face: SyncFace, kind: Kind) -> None:
    """`into` makes the whole answer an object of the user's, nested ones included."""
    with served(face, [as_body({**kind.json, "unknown": 1}), as_body(kind.json)], kind) as (client, _):
        for _ in range(2):
            made = face.wait(client.chat.completions.create(CHAT, into=kind.into_chat))
            assert type(made) is kind.made
            assert kind.plain(made).items() >= kind.json.items()


@pytest.mark.parametrize("kind", CLASSES, ids=str)
def test_what_came_can_be_sent(face: SyncFace, kind: Kind) -> None:
    """An object made of a reply goes into the next request as it is."""
    with served(face, [as_body(kind.json), as_body({})], kind) as (client, server):
        made = face.wait(client.chat.completions.create(CHAT, into=kind.into_chat))
        face.wait(client.chat.completions.create(made))
        assert server.requests[1].json() == kind.json


def test_what_may_be_missing_may_be_missing(face: SyncFace, kind: Kind) -> None:
    """An optional member that the answer lacks, or has as null, is no trouble."""
    without = {key: value for key, value in kind.json.items() if key != "usage"}
    with served(face, [as_body(without), as_body({**without, "usage": None})], kind) as (client, _):
        for _ in range(2):
            made = face.wait(client.chat.completions.create(CHAT, into=kind.into_chat))
            assert kind.plain(made).get("usage") is None


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind.name != "Mapping"], ids=str)
def test_generic_aliases(face: SyncFace, kind: Kind) -> None:
    """`into=list[T]`, `dict[str, T]`, `T | None` and tuples of T reach the classes inside, but not what is merely callable."""
    one = kind.into_message
    script = [as_body([MESSAGE]), as_body({"a": MESSAGE}), as_body(MESSAGE), as_body({"a": [MESSAGE, None]}), as_body([MESSAGE])]
    with served(face, script, kind) as (client, _):
        many = face.wait(client.request("GET", "/x", into=alias(list, one)))
        named = face.wait(client.request("GET", "/x", into=alias(dict, str, one)))
        maybe = face.wait(client.request("GET", "/x", into=one | None))
        deep = face.wait(client.request("GET", "/x", into=alias(dict, str, alias(list, one | None))))
        row = face.wait(client.request("GET", "/x", into=alias(tuple, one, ...)))
    for made in (many[0], named["a"], maybe, deep["a"][0], row[0]):
        assert isinstance(made, one if kind.name != "TypedDict" else dict)
        assert kind.plain(made) == MESSAGE
    assert (type(many), type(named), deep["a"][1], type(row)) == (list, dict, None, tuple)


@pytest.mark.parametrize("kind", TYPED, ids=str)
def test_what_a_class_refuses_is_a_decode_error(face: SyncFace, kind: Kind) -> None:
    """An answer that the user's class does not take: the error has all that came, and the class's own error."""
    assert kind.misfit is not None
    with served(face, [as_body(MISFIT)], kind) as (client, _), pytest.raises(DecodeError) as caught:
        face.wait(client.chat.completions.create(CHAT, into=kind.into_chat))
    assert_whole(caught.value, kind, 200, json.dumps(MISFIT).encode())


def assert_whole(error: DecodeError, kind: Kind, status: int, body: bytes) -> None:
    """The error carries status, headers, bytes, data and cause."""
    assert kind.misfit is not None
    assert (error.status, error.request_id, error.body, error.data) == (status, "req-1", body, MISFIT)
    assert isinstance(error.__cause__, kind.misfit)
    assert getattr(kind.into_chat, "__name__", "?") in str(error)
    assert type(error.__cause__).__name__ in str(error)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name in ("dataclass", "attrs")], ids=str)
def test_the_place_of_a_misfit(face: SyncFace, kind: Kind) -> None:
    """Where a dataclass or an attrs class misses a member, the error says where."""
    body = {**kind.json, "messages": [MESSAGE, {"role": "user"}]}
    with served(face, [as_body(body)], kind) as (client, _), pytest.raises(DecodeError, match=r"messages\[1\]\.content: missing"):
        face.wait(client.chat.completions.create(CHAT, into=kind.into_chat))


@pytest.mark.parametrize("value", [None, [], [MESSAGE], "text", 7, True], ids=repr)
def test_a_class_takes_no_answer_that_is_no_object(face: SyncFace, kind: Kind, value: Any) -> None:
    """null, a list, a text or a number where an object is asked for is a DecodeError, never an object of nonsense."""
    with served(face, [as_body(value)], kind) as (client, _), pytest.raises(DecodeError) as caught:
        face.wait(client.chat.completions.create(CHAT, into=kind.into_message))
    assert caught.value.body == json.dumps(value).encode()


# --- Streams ------------------------------------------------------------------------------------------------


def test_events_become_objects(face: SyncFace, kind: Kind) -> None:
    """With `into` every event of a stream is an object of the user's."""
    with served(face, [sse_reply([MESSAGE, {**MESSAGE, "more": 1}, "[DONE]"])], kind) as (client, _):
        events = list(face.iterate(client.chat.completions.create(CHAT, stream=True, into=kind.into_message)))
    assert len(events) == 2
    for event in events:
        assert kind.plain(event).items() >= MESSAGE.items()


@pytest.mark.parametrize("kind", TYPED, ids=str)
def test_an_event_that_a_class_refuses(face: SyncFace, kind: Kind) -> None:
    """Events before it are given out; then comes a DecodeError with the event's bytes, data and cause."""
    events: list[Any] = [kind.json, MISFIT, kind.json, "[DONE]"]
    with served(face, [sse_reply(events, headers=HEADERS)], kind) as (client, _):
        seen, error = [], None
        try:
            for event in face.iterate(client.chat.completions.create(CHAT, stream=True, into=kind.into_chat)):
                seen.append(event)
        except DecodeError as caught:
            error = caught
    assert len(seen) == 1
    assert error is not None
    assert_whole(error, kind, 200, json.dumps(MISFIT).encode())


# --- Pages --------------------------------------------------------------------------------------------------

ITEMS = [{"id": "a", **MESSAGE}, {"id": "b", **MESSAGE}, {"id": "c", **MESSAGE}]
PAGES = [{"data": ITEMS[:2], "has_more": True}, {"data": ITEMS[2:], "has_more": False}]


def test_a_whole_page_becomes_an_object(face: SyncFace, kind: Kind) -> None:
    """`into=T` on a list row makes the page a T, and nothing more is fetched."""
    with served(face, [as_body({**kind.json, **PAGES[0]})], kind) as (client, server):
        made = face.wait(client.files.list(into=kind.into_chat))
        assert type(made) is kind.made
        assert kind.plain(made).items() >= kind.json.items()
        assert len(server.requests) == 1


def test_items_become_objects(face: SyncFace, kind: Kind) -> None:
    """`into=Page[T]`: each item of every page is a T, iterated right away or after the page was had."""
    with served(face, [as_body(page) for page in PAGES * 2], kind) as (client, server):
        at_once = list(face.iterate(client.files.list(into=alias(Page, kind.into_message))))
        page = face.wait(client.files.list(into=alias(Page, kind.into_message)))
        assert (page.has_more, page["data"]) == (True, ITEMS[:2])
        later = list(face.iterate(page))
        assert [one.target for one in server.requests] == ["/files", "/files?after=b"] * 2
    for items in (at_once, later):
        assert len(items) == 3
        assert all(kind.plain(item).items() >= MESSAGE.items() for item in items)


@pytest.mark.parametrize("kind", TYPED, ids=str)
def test_an_item_that_a_class_refuses(face: SyncFace, kind: Kind) -> None:
    """A DecodeError with all of the page and the item as data."""
    page = {"data": [kind.json, MISFIT]}
    with served(face, [as_body(page)], kind) as (client, _), pytest.raises(DecodeError) as caught:
        list(face.iterate(client.files.list(into=alias(Page, kind.into_chat))))
    assert_whole(caught.value, kind, 200, json.dumps(page).encode())


def test_a_page_of_records(face: SyncFace) -> None:
    """Without `into`, a page reads like a Record and its items are Records, on both faces."""
    with served(face, [as_body(page) for page in PAGES * 2]) as (client, _):
        page = face.wait(client.files.list(limit=2))
        assert isinstance(page, Record)
        assert page == PAGES[0]
        assert page.data[0].id == "a"
        assert page._request_id == "req-1"
        assert [item.id for item in face.iterate(page)] == ["a", "b", "c"]
        assert [item.id for item in face.iterate(client.files.list(limit=2))] == ["a", "b", "c"]


def test_only_a_list_has_items(face: SyncFace) -> None:
    """`Page[T]` where the row has no paging rule is refused before anything is sent."""
    with served(face, []) as (client, server), pytest.raises(ValidationError, match=r"chat\.completions\.create"):
        face.wait(client.chat.completions.create(CHAT, into=alias(Page, dict)))
    assert server.requests == []


# --- What the user's own code raises ------------------------------------------------------------------------


class Broken:
    """A class whose to_dict fails."""

    def to_dict(self) -> dict[str, Any]:
        """Fail."""
        raise KeyError("lost")


@pytest.mark.parametrize(("body", "place"), [(Broken(), ""), ({"messages": [Broken()]}, r"messages\[0\]: ")], ids=["top", "in"])
def test_a_failing_to_dict_is_a_validation_error(face: SyncFace, body: Any, place: str) -> None:
    """The error says where, and has the class's own error as its cause; nothing is sent."""
    with served(face, []) as (client, server), pytest.raises(ValidationError, match=f"^{place}.*lost") as caught:
        face.wait(client.chat.completions.create(body))
    assert isinstance(caught.value.__cause__, KeyError)
    assert server.requests == []


def test_a_binary_answer_becomes_what_a_callable_makes(face: SyncFace) -> None:
    """A callable for `into` gets the bytes of a binary row."""
    with served(face, [reply([b"abc"]), reply([b"abc"], headers=HEADERS)]) as (client, _):
        assert face.wait(client.files.content("f", into=len)) == 3
        with pytest.raises(DecodeError) as caught:
            face.wait(client.files.content("f", into=int))
    assert (caught.value.body, caught.value.request_id) == (b"abc", "req-1")
    assert isinstance(caught.value.__cause__, ValueError)


def test_reply_keeps_what_was_decoded(face: SyncFace) -> None:
    """`into=Reply` has status, headers, bytes and data, the data as a Record."""
    with served(face, [json_reply(CHAT, 201, headers=HEADERS)]) as (client, _):
        whole = face.wait(client.chat.completions.create(CHAT, into=Reply))
    assert (whole.status, whole.request_id, whole.data, whole.body) == (201, "req-1", CHAT, json.dumps(CHAT).encode())
    assert whole.headers["X-REQUEST-ID"] == "req-1"
    assert whole.data.messages[0].role == "user"
    assert [attempt.status for attempt in whole.attempts] == [201]
    assert whole.elapsed > 0
