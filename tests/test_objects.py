"""Objects of the user's own classes: what the suite over all kinds (`test_types.py`) does not reach."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import io
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypedDict

import attrs
import pytest
from kinds import MESSAGE, DataChat, DataMessage, DataUsage, Opaque, OwnMessage

from oai_dyn import Codec, ValidationError
from oai_dyn.objects import Misfit, plain, reader


@dataclass
class Grant:
    """A dataclass with a member that a file has too."""

    read: bool
    write: bool


@dataclass
class Wide:
    """Hints of many kinds."""

    anything: Any = None
    maybe: DataUsage | None = None
    either: DataUsage | DataMessage | None = None
    noted: Annotated[list[DataUsage], "a note"] = field(default_factory=list)
    several: tuple[DataUsage, ...] = ()
    pair: tuple[DataUsage, DataMessage] | None = None
    named: dict[str, DataUsage] = field(default_factory=dict)
    own: OwnMessage | None = None
    opaque: Opaque | None = None
    when: datetime.date | str | None = None
    count: int = 0
    plain_dict: dict[str, Any] = field(default_factory=dict)
    made: int = field(default=7, init=False)


class Level(enum.Enum):
    """An enum."""

    LOW = "low"


@dataclass
class Scalars:
    """Members of scalar classes, which JSON has as text or number."""

    level: Level | str = "?"
    price: Decimal | str = "?"
    at: datetime.datetime | str = "?"
    ratio: float = 0.0


class Options(TypedDict):
    """A TypedDict with a class inside."""

    usage: NotRequired[DataUsage]


@dataclass
class Checked:
    """A dataclass that refuses in its own way."""

    total: int

    def __post_init__(self) -> None:
        if self.total < 0:
            raise ValueError("below zero")


USAGE, TEXT = {"total": 1}, "2026-01-02"

BUILT: list[tuple[str, Any, Any]] = [
    ("anything", {"a": 1}, {"a": 1}),
    ("maybe", USAGE, DataUsage(1)),
    ("maybe", None, None),
    ("either", USAGE, DataUsage(1)),
    ("either", MESSAGE, DataMessage(**MESSAGE)),
    ("noted", [USAGE, USAGE], [DataUsage(1), DataUsage(1)]),
    ("several", [USAGE], (DataUsage(1),)),
    ("pair", [USAGE, MESSAGE], (DataUsage(1), DataMessage(**MESSAGE))),
    ("named", {"a": USAGE}, {"a": DataUsage(1)}),
    ("when", TEXT, TEXT),
    ("count", "no number", "no number"),
    ("plain_dict", {"a": USAGE}, {"a": USAGE}),
]


@pytest.mark.parametrize(("name", "data", "value"), BUILT)
def test_hints_are_followed(name: str, data: Any, value: Any) -> None:
    """Options, lists, tuples, dicts and annotations lead to the classes inside; scalars stay what they are."""
    made = reader(Wide)({name: data, "unknown": 1})
    assert made == Wide(**{name: value})
    assert made.made == 7


def test_classes_inside_are_made_by_their_own_protocol() -> None:
    """A member with from_dict or a codec is made by that, wherever it is hinted."""
    codecs: dict[type, Codec] = {Opaque: Codec(decode=lambda data: Opaque(data["x"]))}
    made = reader(Wide, codecs)({"own": MESSAGE, "opaque": {"x": 1}})
    assert isinstance(made.own, OwnMessage)
    assert isinstance(made.opaque, Opaque)
    assert made.opaque.inner == 1


def test_scalars_of_a_class() -> None:
    """JSON text stays text where a date is hinted, and nothing fails for it."""
    made = reader(Scalars)({"level": "low", "price": "1.5", "at": TEXT, "ratio": 1})
    assert made.level in ("low", Level.LOW)
    assert made.price in ("1.5", Decimal("1.5"))
    assert made.at == TEXT
    assert made.ratio == 1


@dataclass
class Stamped:
    """A date alone, without an option."""

    at: datetime.datetime


def test_a_date_stays_text() -> None:
    """A hint that JSON has no form of does not make an answer unreadable."""
    assert reader(Stamped)({"at": TEXT}).at == TEXT


@pytest.mark.parametrize(
    ("into", "data", "message"),
    [
        (DataChat, {"model": "m"}, "^messages: missing, and DataChat has no default for it"),
        (DataChat, {"model": "m", "messages": [{"role": "user"}]}, r"^messages\[0\]\.content: missing"),
        (DataChat, {"model": "m", "messages": {}}, "^messages: of type dict, wanted a list"),
        (DataChat, {"model": "m", "messages": ["text"]}, r"^messages\[0\]: of type str, wanted an object"),
        (DataChat, {"model": "m", "messages": [], "usage": {"sum": 1}}, r"^usage\.total: missing"),
        (dict[str, DataUsage], {"a": {}}, r"^a\.total: missing"),
        (dict[str, DataUsage], [], "of type list, wanted an object"),
        (list[DataUsage], {}, "of type dict, wanted a list"),
        (dict, [["a", 1]], "of type list, wanted an object"),
        (list, {"a": 1}, "of type dict, wanted a list"),
        (Options, [], "of type list, wanted an object"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(into: Any, data: Any, message: str) -> None:
    """A missing member, or a value of the wrong shape where a class is hinted, is a misfit with its place."""
    with pytest.raises(Misfit, match=message):
        reader(into)(data)


def test_a_choice_of_classes_must_take_an_object() -> None:
    """Where several classes are hinted and none takes the object, the first one's reason is told; other values stay."""
    with pytest.raises(Misfit, match=r"^either\.total: missing"):
        reader(Wide)({"either": {"sum": 1}})
    assert reader(Wide)({"either": "text"}).either == "text"


def test_a_class_may_refuse() -> None:
    """What the class itself raises comes through."""
    with pytest.raises(ValueError, match="below zero"):
        reader(Checked)({"total": -1})


def test_from_dict_comes_first() -> None:
    """A dataclass or attrs class with from_dict is made by it, at the top and inside."""

    @dataclass
    class Own:
        total: int

        @classmethod
        def from_dict(cls, data: dict[str, Any]) -> Own:
            return cls(data["total"] + 1)

    @attrs.define
    class OwnAttrs:
        total: int

        @classmethod
        def from_dict(cls, data: dict[str, Any]) -> OwnAttrs:
            return cls(data["total"] + 1)

    assert reader(Own)(USAGE) == Own(2)
    assert reader(OwnAttrs)(USAGE).total == 2
    assert reader(list[Own])([USAGE]) == [Own(2)]


def test_attrs_fields_with_defaults() -> None:
    """A factory is a default; what the class does not take as an argument is not asked for."""

    @attrs.define
    class Box:
        a: int
        b: list[int] = attrs.Factory(list)
        c: int = attrs.field(init=False, default=3)

    assert reader(Box)({"a": 1, "c": 9}) == Box(1)
    with pytest.raises(Misfit, match="a: missing"):
        reader(Box)({})


@pytest.mark.parametrize("into", [5, "text", None, DataUsage(1)], ids=repr)
def test_what_makes_nothing_is_refused(into: Any) -> None:
    """The message shows what was given."""
    with pytest.raises(TypeError, match="into="):
        reader(into)


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), memoryview(b"x"), Path("x"), io.BytesIO(), io.StringIO()], ids=repr)
def test_a_file_is_no_json(value: Any) -> None:
    """The message says where files go."""
    with pytest.raises(TypeError, match="a file goes into a multipart row; in JSON it must be base64 text"):
        plain(value)


def test_a_member_called_read_makes_no_file() -> None:
    """An object that has a protocol is written by it, whatever its members are called."""
    assert plain(Grant(True, False)) == {"read": True, "write": False}


COLLECTIONS: list[tuple[Any, list[Any]]] = [(deque([1, 2]), [1, 2]), ({1}, [1]), (frozenset({1}), [1])]
COLLECTIONS += [(range(2), [0, 1]), ({"a": 1}.keys(), ["a"])]


@pytest.mark.parametrize(("value", "written"), COLLECTIONS, ids=repr)
def test_collections_become_lists(value: Any, written: list[Any]) -> None:
    """Sequences and sets that are no list are written as lists."""
    assert plain(value) == written


def test_the_nearest_codec_wins() -> None:
    """A class's own codec comes before its base's, and a codec before the class's protocol."""

    class Nearer(OwnMessage):
        pass

    codecs: dict[type, Codec] = {OwnMessage: Codec(lambda one: "base"), Nearer: Codec(lambda one: "nearer")}
    assert plain(OwnMessage("a", "b"), codecs) == "base"
    assert plain(Nearer("a", "b"), codecs) == "nearer"
    assert plain(DataUsage(1), codecs) == USAGE


def test_a_codec_may_do_one_half() -> None:
    """Where a codec has no encode or decode, the class's own protocol serves."""
    assert plain(OwnMessage("a", "b"), {OwnMessage: Codec(decode=dict)}) == {"role": "a", "content": "b"}
    assert isinstance(reader(OwnMessage, {OwnMessage: Codec(encode=str)})(MESSAGE), OwnMessage)


def test_a_failing_encode_names_its_class() -> None:
    """What a codec raises is the cause of an error of ours."""

    def fail(one: Any) -> Any:
        raise RuntimeError("no way")

    with pytest.raises(ValidationError, match="DataUsage cannot be written: RuntimeError: no way") as caught:
        plain(DataUsage(1), {DataUsage: Codec(fail)})
    assert isinstance(caught.value.__cause__, RuntimeError)


if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


@dataclass
class Hinted:
    """A hint that only a type checker can resolve."""

    known: DataUsage
    unknown: Unknown


def test_a_hint_that_cannot_be_resolved() -> None:
    """What a hint of another kind leads to is left as it is, and the others are followed."""
    assert reader(Hinted)({"known": USAGE, "unknown": USAGE}) == Hinted(DataUsage(1), USAGE)


def test_no_class_library_is_loaded() -> None:
    """Writing and reading dicts, dataclasses and plain classes loads none of the class libraries."""
    program = (
        "import sys, dataclasses\n"
        "from oai_dyn.objects import plain, reader\n"
        "A = dataclasses.make_dataclass('A', ['x'])\n"
        "assert plain(A(1)) == {'x': 1} and reader(A)({'x': 1}) == A(1)\n"
        "assert not {'pydantic', 'attr', 'attrs', 'msgspec'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_dataclass_is_not_copied() -> None:
    """Members are taken as they are, not deeply copied as `dataclasses.asdict` does."""
    messages = [DataMessage(**MESSAGE)]
    assert plain(DataChat("m", messages))["messages"] is messages
    assert dataclasses.is_dataclass(DataChat)
