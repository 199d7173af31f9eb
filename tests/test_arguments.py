"""Bad arguments are refused before anything is sent: with the place, what stood there and what was wanted."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import io
import math
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply

from oai_dyn import ConfigError, Limits, RouteError, Timeout, ValidationError

NOWHERE = "http://127.0.0.1:1/v1"


@pytest.fixture
def client(face: SyncFace) -> Iterator[Any]:
    """A client whose server must never be asked."""
    with HostileServer() as server:
        yield face.client(base_url=server.url, api_key="k")
    assert server.accepted == 0


def refusal(client: Any, name: str, *arguments: Any, **keywords: Any) -> str:
    """The text of the error that a call is refused with. It is raised by the call, not by what awaits it."""
    with pytest.raises((ValidationError, ConfigError)) as caught:
        client.call(name, *arguments, **keywords)
    assert str(caught.value)
    str(caught.value).encode()  # printable anywhere
    return str(caught.value)


# Paths and positions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "place"),
    [
        ("files.retrieve", (), {}, "file_id"),
        ("files.retrieve", (None,), {}, "file_id"),
        ("files.retrieve", (), {"fileid": "f"}, "file_id"),
        ("files.retrieve", ({"file_id_": "f"},), {}, "file_id"),
        ("files.retrieve", (1.5,), {}, "file_id"),
        ("files.retrieve", (b"f",), {}, "file_id"),
        ("files.retrieve", (), {"file_id": True}, "file_id"),
        ("files.retrieve", (), {"file_id": ["f"]}, "file_id"),
        ("vector_stores.files.retrieve", ("f",), {}, "vector_store_id"),
        ("vector_stores.files.retrieve", (), {"vector_store_id": "v"}, "file_id"),
    ],
)
def test_a_path_parameter_is_missing_or_no_text(
    client: Any, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], place: str
) -> None:
    """The parameter is named."""
    assert place in refusal(client, name, *arguments, **keywords)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("files.retrieve", ("f", "g")), ("files.retrieve", ("f", {}, {})), ("models.list", ({}, {})), ("models.list", ("m",))],
)
def test_too_many_positions(client: Any, name: str, arguments: tuple[Any, ...]) -> None:
    """The row says what it takes, and that is what the error says."""
    text = refusal(client, name, *arguments)
    assert name in text or "wanted" in text


def test_a_parameter_given_twice(client: Any) -> None:
    """By position and by keyword: as Python has it, that is an error, not a choice."""
    assert "file_id" in refusal(client, "files.delete", "f", file_id="g")


@pytest.mark.parametrize("name", ["chat.completion.create", "modles.list", "", "files", "GET /nowhere", "files.retrieve.x"])
def test_a_row_that_is_not_there(client: Any, name: str) -> None:
    """A RouteError that quotes the name, with the nearest right ones where there are any."""
    with pytest.raises(RouteError) as caught:
        client.call(name)
    assert repr(name) in str(caught.value) or name in str(caught.value)
    with pytest.raises(RouteError, match=r"chat\.completions"):
        client.call("chat.completion.create")


# About the call ---------------------------------------------------------------------------------------------------------

SECONDS: tuple[Any, ...] = (-1, 0, -0.0, "x", "5", True, False, math.nan, -math.inf, [], {}, object(), (1, 2))


@pytest.mark.parametrize("value", SECONDS)
def test_a_timeout_is_a_number_above_zero(client: Any, value: Any) -> None:
    """On the client, on a call, and in each member of a Timeout."""
    assert "timeout" in refusal(client, "models.list", timeout=value)
    for name in ("connect", "first_event", "idle", "total"):
        assert f"timeout.{name}" in refusal(client, "models.list", timeout=Timeout(**{name: value}))
    with pytest.raises(ConfigError, match="timeout"):
        type(client)(api_key="k", base_url=NOWHERE, timeout=value)


@pytest.mark.parametrize("value", [math.inf, 1e10, 1e300, 10**30, 5, None, Timeout(), Timeout(total=math.inf, idle=1e12)])
def test_any_other_timeout_works(face: SyncFace, value: Any) -> None:
    """For ever and longer than any clock counts are waits like others."""
    with HostileServer([json_reply({"id": "m"})], after="repeat") as server:
        client = face.client(base_url=server.url, timeout=value)
        assert face.wait(client.models.retrieve("m")).id == "m"
        assert face.wait(client.models.retrieve("m", timeout=value)).id == "m"


@pytest.mark.parametrize("value", [-1, 1.0, 1.5, "1", True, False, None, math.inf, []])
def test_retries_are_a_count(client: Any, value: Any) -> None:
    """On the client and on a call."""
    assert "max_retries" in refusal(client, "models.list", max_retries=value)
    with pytest.raises(ConfigError, match="max_retries"):
        type(client)(api_key="k", base_url=NOWHERE, max_retries=value)


@pytest.mark.parametrize("value", [None, 5, "1", {"event": 1}, (1, 2, 3)])
def test_limits_are_limits(client: Any, value: Any) -> None:
    """On the client and on a call."""
    assert "limits" in refusal(client, "models.list", limits=value)
    with pytest.raises(ConfigError, match="limits"):
        type(client)(api_key="k", base_url=NOWHERE, limits=value)


@pytest.mark.parametrize("value", [0, -1, 1.5, "1", True, None, math.inf])
@pytest.mark.parametrize("name", ["event", "error_body", "reply"])
def test_a_limit_is_a_number_of_bytes(client: Any, name: str, value: Any) -> None:
    """The member is named."""
    assert f"limits.{name}" in refusal(client, "models.list", limits=Limits(**{name: value}))


@pytest.mark.parametrize("value", [5, "Reply", 1.5, True, b"", object(), [dict], {"a": 1}, [], ...])
@pytest.mark.parametrize("name", ["models.retrieve", "models.list", "files.content", "chat.completions.create"])
def test_into_is_a_class_or_a_callable(client: Any, name: str, value: Any) -> None:
    """Nonsense is refused, whatever the row answers, before anything is sent."""
    arguments = ("m",) if name in ("models.retrieve", "files.content") else ({"stream": True},) if "chat" in name else ()
    assert "into" in refusal(client, name, *arguments, into=value)


@pytest.mark.parametrize("value", ["yes", 5, [], "replies"])
def test_validate_is_one_of_its_words(client: Any, value: Any) -> None:
    """On the client and on a call."""
    assert "validate" in refusal(client, "models.list", validate=value)
    with pytest.raises(ConfigError, match="validate"):
        type(client)(api_key="k", base_url=NOWHERE, validate=value)


@pytest.mark.parametrize("name", ["extra_headers", "extra_query"])
@pytest.mark.parametrize("value", [5, "a=b", [("a", "b")], [1], True])
def test_extra_headers_and_query_are_mappings(client: Any, name: str, value: Any) -> None:
    """Anything else is refused by name."""
    assert name in refusal(client, "models.list", **{name: value})


@pytest.mark.parametrize("value", [5, "a=b", [1], True, b"x"])
@pytest.mark.parametrize("row", ["responses.create", "batches.cancel"])
def test_extra_body_is_an_object(client: Any, row: str, value: Any) -> None:
    """For a row with a body and for one without."""
    arguments = ("b",) if row == "batches.cancel" else ()
    assert "body" in refusal(client, row, *arguments, extra_body=value)


@pytest.mark.parametrize("value", [[], True, b"key", "key\n", "\N{SNOWMAN}"])
def test_an_idempotency_key_is_a_header_value(client: Any, value: Any) -> None:
    """One line of text."""
    assert "Idempotency-Key" in refusal(client, "responses.create", idempotency_key=value)


@pytest.mark.parametrize("name", ["", " ", "a b", "a:b", "a\n", "\u00e9", "a\0", "(a)", 5, None, b"a"])
def test_a_header_name_is_a_token(client: Any, name: Any) -> None:
    """RFC 9110 section 5.6.2, on the client and on a call."""
    assert "header" in refusal(client, "models.list", extra_headers={name: "v"})
    with pytest.raises(ConfigError, match="header"):
        type(client)(api_key="k", base_url=NOWHERE, headers={name: "v"})


@pytest.mark.parametrize(
    "value", ["a\nb", "a\r\nHost: x", "a\0", "\x7f", "\N{SNOWMAN}", "\ud800", b"bytes", [], ["a"], {}, True, object()]
)
def test_a_header_value_is_a_line(client: Any, value: Any) -> None:
    """The header is named, the value is not shown."""
    text = refusal(client, "models.list", extra_headers={"X-Name": value})
    assert "X-Name" in text
    assert not isinstance(value, str) or value not in text
    with pytest.raises(ConfigError, match="X-Name"):
        type(client)(api_key="k", base_url=NOWHERE, headers={"X-Name": value})


# Settings of a client ---------------------------------------------------------------------------------------------------


URLS = ("", "x", "localhost:8000", "ftp://x", "http://", "//x", "http://a b", "http://x:y", "http://x:99999", 5)
NO_ROWS: tuple[Any, ...] = (5, "nowhere.json", {"routes": [{}]}, {"rows": []})
NO_PROVIDERS: tuple[Any, ...] = (5, "no-such-provider", "nowhere.toml", {"base_url": 5}, {"nonsense": 1}, {"auth": "x"})
WRONG_SETTINGS: dict[str, tuple[Any, ...]] = {
    "base_url": URLS,
    "api_key": (5, b"key", ["key"]),
    "headers": (5, "a: b", [("a", "b")]),
    "query": (5, "a=b", [("a", "b")]),
    "hook": (5, "print"),
    "codecs": (5, [1]),
    "routes": NO_ROWS,
    "provider": NO_PROVIDERS,
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_SETTINGS.items() for value in values])
def test_a_wrong_setting_is_named(face: SyncFace, name: str, value: Any) -> None:
    """A ConfigError, whatever kind of nonsense; the setting's name is in it."""
    given: dict[str, Any] = {"base_url": NOWHERE, "api_key": "k", name: value}
    with pytest.raises(ConfigError) as caught:
        face.client(**given)
    assert name in str(caught.value) or str(value) in str(caught.value) or (name == "provider" and isinstance(value, dict))


def test_a_setting_that_is_not_there(face: SyncFace) -> None:
    """Python's own error for a keyword that nobody knows."""
    with pytest.raises(TypeError, match="retries"):
        face.client(base_url=NOWHERE, retries=5)


# Bodies -----------------------------------------------------------------------------------------------------------------


class Unknown:
    """An object that no protocol covers."""


class Failing:
    """An object that cannot be written."""

    def to_dict(self) -> dict[str, Any]:
        raise LookupError("out of ink")


class Endless:
    """An object that is never plain."""

    def to_dict(self) -> Any:
        return {"more": self}


class Circle:
    """An object whose to_dict gives an object."""

    def to_dict(self) -> Any:
        return self


@dataclasses.dataclass
class Holder:
    """An object of the user's with something inside."""

    inside: Any


class Kind(enum.Enum):
    """Kinds, one of which is no number."""

    BROKEN = math.nan


class Pair(NamedTuple):
    """A tuple by another name."""

    left: Any
    right: Any


class Number(float):
    """A number of the user's."""


UNWRITABLE: dict[str, Any] = {
    "object": Unknown(),
    "class": Unknown,
    "function": print,
    "failing": Failing(),
    "bytes": b"x",
    "bytearray": bytearray(b"x"),
    "path": Path("a.txt"),
    "open file": io.BytesIO(b"x"),
    "named file": ("a.txt", b"x"),
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "NaN in a dataclass": Holder(math.nan),
    "NaN in a pair": Pair(1, math.nan),
    "NaN of a kind": Kind.BROKEN,
    "object in a dataclass": Holder(Holder([Unknown()])),
    "large integer": 2**64,
    "small integer": -(2**63) - 1,
    "surrogate": "a\ud800b",
    "surrogate in a key": {"\udfff": 1},
    "None as a key": {None: 1},
    "tuple as a key": {(1, 2): 3},
    "bytes as a key": {b"k": 1},
    "true as a key": {True: 1},
    "set of objects": {Unknown},
    "complex": 1j,
    "generator": iter("ab"),
    "endless": Endless(),
    "number of the user's": Number("nan"),
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_what_json_cannot_hold_is_refused_with_its_place(client: Any, case: str) -> None:
    """Deep inside a body, the path to it is written as people read it."""
    content = [{"type": "text", "text": "hi"}, {"image_url": {"url": UNWRITABLE[case]}}]
    messages = [{}, {}, {}, {"role": "user", "content": content}]
    assert "messages[3].content[1].image_url.url" in refusal(client, "chat.completions.create", model="m", messages=messages)
    assert "messages[3].content[1].image_url.url" in refusal(
        client, "chat.completions.create", {"model": "m", "messages": messages}
    )
    assert "messages[3].content[1].image_url.url" in refusal(client, "chat.completions.create", extra_body={"messages": messages})
    assert "a.b[0]" in refusal(client, "responses.create", Holder(None).__dict__ | {"a": {"b": [UNWRITABLE[case]]}})


def test_the_place_the_finding_and_the_wish(client: Any) -> None:
    """An error's members say the same as its text, for programs."""
    with pytest.raises(ValidationError) as caught:
        client.responses.create(model="m", input=[{"content": Unknown()}])
    (fault,) = caught.value.errors
    assert fault.path == ("input", 0, "content")
    assert "Unknown" in fault.message
    assert str(caught.value) == str(fault)


WRITABLE: dict[str, Any] = {
    "date": (datetime.date(2024, 2, 29), "2024-02-29"),
    "time stamp": (datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC), "2024-02-29T12:00:00+00:00"),
    "uuid": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "enum": (enum.Enum("E", {"A": "a"}).A, "a"),  # type: ignore[attr-defined]
    "tuple": ((1, 2), [1, 2]),
    "pair": (Pair(1, None), [1, None]),
    "integer keys": ({50256: -100}, {"50256": -100}),
    "largest integer": (2**64 - 1, 2**64 - 1),
    "null": (None, None),
    "text of null": ("null", "null"),
    "control characters": ("\0\n\x7f\u2028", "\0\n\x7f\u2028"),
    "deep": ([[[[[[]]]]]], [[[[[[]]]]]]),
}


@pytest.mark.parametrize("case", WRITABLE)
def test_what_json_can_hold_is_sent(face: SyncFace, case: str) -> None:
    """The other side of the line."""
    value, expected = WRITABLE[case]
    with HostileServer([json_reply({})]) as server:
        face.wait(face.client(base_url=server.url).responses.create(input=value))
    assert server.requests[0].json() == {"input": expected}


@pytest.mark.parametrize(
    "value", [5, "text", b"bytes", [1], [("a", 1)], True, Unknown(), Unknown, Failing(), Circle(), io.BytesIO()]
)
@pytest.mark.parametrize("row", ["responses.create", "files.create", "models.list"])
def test_a_body_is_an_object(client: Any, row: str, value: Any) -> None:
    """At its top level: a dict, or what has one; the error says what came."""
    text = refusal(client, row, value)
    assert type(value).__name__ in text or "Unknown" in text


def circle() -> dict[str, Any]:
    """A dict that holds itself."""
    made: dict[str, Any] = {}
    made["self"] = [made]
    return made


def deep(levels: int) -> Any:
    """A list in a list in a list."""
    made: Any = []
    for _ in range(levels):
        made = [made]
    return made


@pytest.mark.parametrize("row", ["responses.create", "files.create", "models.list"])
@pytest.mark.parametrize("make", [circle, lambda: {"a": deep(2000)}, lambda: {"a": Endless()}, lambda: {"a": deep(100_000)}])
def test_circles_and_depth_are_refused(client: Any, row: str, make: Any) -> None:
    """As JSON, as a form and as a query: an error of ours, no RecursionError."""
    assert "nested" in refusal(client, row, make())


@pytest.mark.parametrize("case", ["object", "failing", "surrogate", "surrogate in a key", "open file", "bytes", "path"])
def test_what_a_query_cannot_hold(client: Any, case: str) -> None:
    """With its place too."""
    assert "after" in refusal(client, "files.list", after=UNWRITABLE[case])
    assert "after" in refusal(client, "files.list", after=[UNWRITABLE[case]])
    assert "after" in refusal(client, "files.list", extra_query={"after": {"in": UNWRITABLE[case]}})


@pytest.mark.parametrize("case", ["object", "class", "function", "failing", "surrogate", "surrogate in a key", "complex"])
def test_what_a_form_cannot_hold(client: Any, case: str) -> None:
    """With its place too."""
    assert "purpose" in refusal(client, "files.create", file=b"x", purpose=UNWRITABLE[case])
    assert "purpose" in refusal(client, "files.create", file=b"x", purpose={"a": [UNWRITABLE[case]]})


class Untellable(io.RawIOBase):
    """A file that cannot be read."""

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def readinto(self, _: Any) -> int:
        raise io.UnsupportedOperation("not readable")


FILES: dict[str, Any] = {
    "no such file": Path("/nowhere/at/all.bin"),
    "a folder": Path("/"),
    "text file": io.StringIO("text"),
    "closed file": io.BytesIO(),
    "unreadable": Untellable(),
    "line break in the type": ("a.txt", b"x", "text/plain\r\nX: y"),
    "type that is no text": ("a.txt", b"x", 5),
    "headers that are none": ("a.txt", b"x", "text/plain", 5),
    "surrogate in the name": ("a\ud800.txt", b"x"),
}
FILES["closed file"].close()


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_sent(client: Any, case: str) -> None:
    """The member is named, and the file where it has a name."""
    assert "file" in refusal(client, "files.create", file=FILES[case], purpose="batch")


def test_nothing_is_changed_in_what_was_given(face: SyncFace) -> None:
    """Dicts and lists of the user's are as they were, after a call and after a refusal."""
    body: dict[str, Any] = {"input": [{"role": "user"}], "metadata": {}}
    headers, query, extra = {"X-A": "1"}, {"q": [1]}, {"model": "n"}
    before = repr((body, headers, query, extra))
    with HostileServer([json_reply({})]) as server:
        client = face.client(base_url=server.url, headers=headers, query=query)
        face.wait(client.responses.create(body, extra_headers=headers, extra_query=query, extra_body=extra, model="m"))
        with pytest.raises(ValidationError):
            client.responses.create(body, extra_headers=headers, extra_query=query, extra_body=extra, user=Unknown())
    assert repr((body, headers, query, extra)) == before
