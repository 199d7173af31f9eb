"""What comes back where no class is asked for: Records, and the raw forms of `into`."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import orjson
import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply, reply, sse_reply

from oai_dyn import DecodeError, Event, Record, Reply, ValidationError

CHOICE = {"index": 0, "message": {"content": "hi"}, "more": [[{"deep": 1}]]}
CHAT = {"id": "c1", "choices": [CHOICE], "usage": {"total": 3}, "items": 1}


def record() -> Record:
    """A fresh Record with dicts and lists inside, plain ones."""
    return Record(json.loads(json.dumps(CHAT)))


# --- Record -------------------------------------------------------------------------------------------------


def test_a_record_is_a_dict() -> None:
    """It equals the dict, orjson and json write it, and no copy of it is needed for either."""
    one = record()
    assert one == CHAT
    assert json.loads(json.dumps(one)) == CHAT
    assert orjson.loads(orjson.dumps(one)) == CHAT
    assert repr(one) == repr(CHAT)
    assert {**one} == CHAT
    assert list(one) == list(CHAT)


def test_attributes_are_keys() -> None:
    """Keys read as attributes all the way down, through lists and lists of lists."""
    one = record()
    assert one.choices[0].message.content == "hi"
    assert one.choices[0].more[0][0].deep == 1
    assert one.usage.total == 3
    assert getattr(one, "id") == "c1"  # noqa: B009


def test_attributes_and_subscripts_reach_the_same_object() -> None:
    """What an attribute reached is a Record from then on, in place: a change made one way is seen the other way."""
    one = record()
    assert type(one["usage"]) is dict
    assert one.usage is one["usage"]
    assert one.choices is one["choices"]
    assert one.choices[0].message is one["choices"][0]["message"]
    one.usage["total"] = 4
    assert one["usage"] == {"total": 4}


def test_nothing_is_turned_before_it_is_reached() -> None:
    """Reading lazily: neighbours of what an attribute reached stay plain dicts."""
    one = record()
    one.choices  # noqa: B018
    assert type(one["choices"][0]) is Record
    assert type(one["choices"][0]["message"]) is dict
    assert type(one["usage"]) is dict


def test_a_method_of_dict_is_no_key() -> None:
    """A key that is also a dict's method is read by subscript only."""
    one = record()
    assert callable(one.items)
    assert one["items"] == 1


def test_a_missing_attribute_says_what_is_there() -> None:
    """The message names the key and the keys there are; `hasattr` and `getattr` with a default work."""
    one = record()
    with pytest.raises(AttributeError, match=r"no key 'choice' here; there are \['choices', 'id', 'items', 'usage'\]") as caught:
        one.choice  # noqa: B018
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not hasattr(one, "choice")
    assert getattr(one, "choice", 5) == 5


def test_a_record_lists_its_keys_for_completion() -> None:
    """`dir()` has the keys that can be written as attributes, beside the methods."""
    names = dir(Record({"content": 1, "no-name": 2, "copy": 3}))
    assert "content" in names
    assert "no-name" not in names
    assert "update" in names


def test_a_record_takes_no_attributes() -> None:
    """Attributes are for reading: a mistyped assignment does not vanish in silence."""
    with pytest.raises(AttributeError):
        setattr(record(), "usage", 1)  # noqa: B010


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_record_travels(protocol: int) -> None:
    """Pickled it stays a Record with its request id, in every protocol that knows slots."""
    one = record()
    one._request_id = "req-1"
    back = pickle.loads(pickle.dumps(one, protocol))
    assert (type(back), back, back._request_id) == (Record, CHAT, "req-1")
    assert back.usage.total == 3


def test_a_record_is_copied() -> None:
    """Copies keep type, request id and provider; a deep one shares nothing."""
    one = record()
    one._request_id, one._provider = "req-1", "p"
    flat, deep = copy.copy(one), copy.deepcopy(one)
    for other in (flat, deep):
        assert (type(other), other, other._request_id, other._provider) == (Record, CHAT, "req-1", "p")
    assert flat["usage"] is one["usage"]
    assert deep["usage"] is not one["usage"]


def test_a_record_without_an_answer_has_no_request_id() -> None:
    """None, unless the body itself has such a key."""
    assert (record()._request_id, record()._provider) == (None, None)
    assert Record({"_request_id": "own"})._request_id == "own"


def test_an_answer_is_a_record(face: SyncFace) -> None:
    """The default type of an answer, with the request id of its headers."""
    with HostileServer([json_reply(CHAT, headers=[("X-Request-Id", "req-1")])]) as server:
        one = face.wait(face.client(base_url=server.url).chat.completions.create(model="m"))
    assert (type(one), one, one._request_id) == (Record, CHAT, "req-1")


def test_events_are_records(face: SyncFace) -> None:
    """The default type of an event, its lists and dicts read as attributes too."""
    with HostileServer([sse_reply([CHAT, "[1, 2]", "[DONE]"])]) as server:
        stream = face.client(base_url=server.url).chat.completions.create(model="m", stream=True)
        first, second = face.iterate(stream)
    assert (type(first), first.choices[0].message.content) == (Record, "hi")
    assert second == [1, 2]


# --- Answers that are no object -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, [], [{"a": {"b": 1}}], "text", "", 0, 1.5, True, False], ids=repr)
def test_any_json_is_an_answer(face: SyncFace, value: Any) -> None:
    """null, lists and scalars come back as what they are, with their type; `into=Reply` has them as data."""
    with HostileServer([json_reply(value), json_reply(value)]) as server:
        client = face.client(base_url=server.url)
        plain = face.wait(client.request("GET", "/x"))
        whole = face.wait(client.request("GET", "/x", into=Reply))
    assert (plain, type(plain)) == (value, type(value))
    assert (whole.data, whole.body) == (value, json.dumps(value).encode())


def test_no_body_is_none(face: SyncFace) -> None:
    """204 has no body, and None stands for it; an empty body under 200 is no JSON."""
    with HostileServer([reply([], status=204), reply([], status=200)]) as server:
        client = face.client(base_url=server.url)
        assert face.wait(client.request("GET", "/x")) is None
        with pytest.raises(DecodeError, match="HTTP 200, but the body is empty"):
            face.wait(client.request("GET", "/x"))


# --- The raw forms ------------------------------------------------------------------------------------------


def test_bytes_and_text_are_not_decoded(face: SyncFace) -> None:
    """`into=bytes` and `into=str` give what came, JSON or not."""
    body = '{"a": "ü"} and more'.encode()
    with HostileServer([reply([body])], after="repeat") as server:
        client = face.client(base_url=server.url)
        assert face.wait(client.request("GET", "/x", into=bytes)) == body
        assert face.wait(client.request("GET", "/x", into=str)) == body.decode()


def test_a_binary_row_in_raw_forms(face: SyncFace) -> None:
    """On a binary row `into=bytes` and `into=str` read it whole, and `into=Reply` has the bytes without data."""
    with HostileServer([reply([b"\xffabc"])], after="repeat") as server:
        client = face.client(base_url=server.url)
        assert face.wait(client.files.content("f", into=bytes)) == b"\xffabc"
        assert face.wait(client.files.content("f", into=str)) == "\ufffdabc"
        whole = face.wait(client.files.content("f", into=Reply))
    assert (whole.body, whole.data) == (b"\xffabc", None)


def test_a_text_row(face: SyncFace) -> None:
    """A row that answers with text gives a str, however it looks."""
    with HostileServer([reply([b'{"a": 1}'])]) as server:
        assert face.wait(face.client(base_url=server.url).files.retrieve_content("f")) == '{"a": 1}'


def test_a_row_without_an_answer(face: SyncFace) -> None:
    """It gives None whatever came, and the whole answer to who asks for it."""
    with HostileServer([reply([b"ok"], status=202)], after="repeat") as server:
        client = face.client(base_url=server.url)
        assert face.wait(client.responses.delete("r")) is None
        assert face.wait(client.responses.delete("r", into=bytes)) == b"ok"
        whole = face.wait(client.responses.delete("r", into=Reply))
    assert (whole.status, whole.body) == (202, b"ok")


def test_events_in_raw_forms(face: SyncFace) -> None:
    """`into=Event` has name, data and id of each event; `into=bytes` and `into=str` its data alone; `into=dict` plain dicts."""
    events: list[Any] = [b'id: 7\nevent: chunk\ndata: {"a":\ndata: 1}\n\n', '{"a": 2}', "[DONE]"]
    wanted: list[tuple[Any, list[Any]]] = [
        (Event, [Event("chunk", b'{"a":\n1}', "7"), Event(None, b'{"a": 2}', "7")]),
        (bytes, [b'{"a":\n1}', b'{"a": 2}']),
        (str, ['{"a":\n1}', '{"a": 2}']),
        (dict, [{"a": 1}, {"a": 2}]),
    ]
    with HostileServer([sse_reply(events)], after="repeat") as server:
        client = face.client(base_url=server.url)
        for into, items in wanted:
            found = list(face.iterate(client.chat.completions.create(model="m", stream=True, into=into)))
            assert found == items
            assert {type(one) for one in found} == {into}


def test_raw_events_need_not_be_json(face: SyncFace) -> None:
    """Raw, an event that is no JSON is given out; decoded, it is an error with its bytes."""
    with HostileServer([sse_reply(["half {", "[DONE]"])], after="repeat") as server:
        client = face.client(base_url=server.url)
        assert list(face.iterate(client.chat.completions.create(model="m", stream=True, into=str))) == ["half {"]
        with pytest.raises(DecodeError) as caught:
            list(face.iterate(client.chat.completions.create(model="m", stream=True)))
    assert caught.value.body == b"half {"


@pytest.mark.parametrize("into", [5, "dict", [dict], {"a": 1}], ids=repr)
def test_into_must_make_something(face: SyncFace, into: Any) -> None:
    """What is no class and cannot be called is refused before anything is sent."""
    with HostileServer([]) as server:
        with pytest.raises(ValidationError, match="into"):
            face.wait(face.client(base_url=server.url).chat.completions.create(model="m", into=into))
        assert server.requests == []
