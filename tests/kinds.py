"""The kinds of classes that people bring: one small model of data, written once in each kind.

A chat has text, a list of messages and an optional object; every kind writes it to the same JSON (apart from
what `extra` adds) and reads it back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, Self, TypedDict

import attrs
import msgspec
import pydantic

from oai_dyn import Codec

MESSAGE = {"role": "user", "content": "Grüße"}
CHAT = {"model": "m", "messages": [MESSAGE, {"role": "assistant", "content": ""}], "usage": {"total": 3}}

#: A chat that no class takes: its messages are missing.
MISFIT = {"model": "m", "usage": None}


class Frozen(Mapping[str, Any]):
    """A Mapping that is no dict, with its like inside."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = {key: frozen(value) for key, value in data.items()}

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


def frozen(value: Any) -> Any:
    """A value with every dict in it made a `Frozen`."""
    if isinstance(value, list):
        return [frozen(item) for item in value]
    return Frozen(value) if isinstance(value, dict) else value


def thawed(value: Any) -> Any:
    """A value with every Mapping in it made a dict."""
    if isinstance(value, list):
        return [thawed(item) for item in value]
    return {key: thawed(item) for key, item in value.items()} if isinstance(value, Mapping) else value


@dataclass
class DataMessage:
    """A dataclass."""

    role: str
    content: str


@dataclass
class DataUsage:
    """A dataclass."""

    total: int


@dataclass
class DataChat:
    """A dataclass with others inside: in a list, and one that may be missing."""

    model: str
    messages: list[DataMessage]
    usage: DataUsage | None = None


class TypedMessage(TypedDict):
    """A TypedDict."""

    role: str
    content: str


class TypedChat(TypedDict):
    """A TypedDict."""

    model: str
    messages: list[TypedMessage]
    usage: NotRequired[dict[str, int]]


class OwnMessage:
    """A plain class with to_dict and from_dict."""

    def __init__(self, role: str, content: str) -> None:
        self.role, self.content = role, content

    def to_dict(self) -> dict[str, Any]:
        """Its JSON."""
        return {"role": self.role, "content": self.content}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """From its JSON."""
        return cls(data["role"], data["content"])


class OwnChat:
    """A plain class whose to_dict leaves the objects inside as they are."""

    def __init__(self, model: str, messages: list[OwnMessage], usage: Any) -> None:
        self.model, self.messages, self.usage = model, messages, usage

    def to_dict(self) -> dict[str, Any]:
        """Its JSON, with messages still objects."""
        return {"model": self.model, "messages": self.messages, "usage": self.usage}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """From its JSON."""
        return cls(data["model"], [OwnMessage.from_dict(one) for one in data["messages"]], data.get("usage"))


class PydanticMessage(pydantic.BaseModel):
    """A pydantic model."""

    role: str
    content: str


class PydanticChat(pydantic.BaseModel):
    """A pydantic model whose first field is named otherwise in JSON."""

    which: str = pydantic.Field(alias="model")
    messages: list[PydanticMessage]
    usage: dict[str, int] | None = None


@attrs.define
class AttrsMessage:
    """An attrs class."""

    role: str
    content: str


@attrs.define
class AttrsUsage:
    """An attrs class."""

    total: int


@attrs.define
class AttrsChat:
    """An attrs class: the argument of a private attribute has no underscore, another has a name of its own."""

    model: str
    messages: list[AttrsMessage]
    usage: AttrsUsage | None = None
    _note: str = "none"
    sender: str = attrs.field(default="nobody", alias="sent_by")
    counted: int = attrs.field(default=0, init=False)


class MsgspecMessage(msgspec.Struct):
    """A msgspec structure."""

    role: str
    content: str


class MsgspecChat(msgspec.Struct, rename={"which": "model"}):
    """A msgspec structure whose first field is named otherwise in JSON."""

    which: str
    messages: list[MsgspecMessage]
    usage: dict[str, int] | None = None


class Opaque:
    """A class with no protocol at all."""

    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner


class OpaqueMessage(Opaque):
    """Registered by itself; its base is registered too, and the nearer class wins."""

    __slots__ = ()


def read_opaque(data: Any) -> Opaque:
    """The codec's decode."""
    return Opaque((data["model"], [read_opaque_message(one) for one in data["messages"]], data.get("usage")))


def read_opaque_message(data: Any) -> OpaqueMessage:
    """The codec's decode."""
    return OpaqueMessage([data["role"], data["content"]])


CODECS: dict[type, Codec] = {
    Opaque: Codec(lambda one: dict(zip(("model", "messages", "usage"), one.inner, strict=True)), read_opaque),
    OpaqueMessage: Codec(lambda one: OwnMessage(*one.inner), read_opaque_message),
}


def as_pair(data: Any) -> tuple[Any, ...]:
    """A bare callable, for `into` only."""
    return ("chat", data["model"], data["messages"], data.get("usage"))


def as_message_pair(data: Any) -> tuple[Any, ...]:
    """A bare callable, for `into` only."""
    return ("message", data["role"], data["content"])


@dataclass(frozen=True)
class Kind:
    """One kind: how to make its objects, what to ask for with `into`, and how to look at what came.

    chat, message              the two objects for a request
    into_chat, into_message    what a reply is asked to become
    plain                      an object as the JSON it stands for
    made                       the type of what `into_chat` makes
    extra                      members of the chat's JSON that only this kind has
    misfit                     what its own reader raises for `MISFIT`; None where it takes anything
    """

    name: str
    chat: Callable[[], Any]
    message: Callable[[], Any]
    into_chat: Any
    into_message: Any
    plain: Callable[[Any], Any]
    made: type
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    misfit: type[Exception] | None = None
    codecs: Mapping[type, Codec] = dataclasses.field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        """The JSON of the chat."""
        return {**CHAT, **self.extra}

    def __str__(self) -> str:
        return self.name


def _own_plain(value: Any) -> Any:
    if isinstance(value, OwnChat):
        return {**value.to_dict(), "messages": [one.to_dict() for one in value.messages]}
    return value.to_dict()


def _opaque_plain(value: Opaque) -> Any:
    if isinstance(value, OpaqueMessage):
        return dict(zip(("role", "content"), value.inner, strict=True))
    model, messages, usage = value.inner
    return {"model": model, "messages": [_opaque_plain(one) for one in messages], "usage": usage}


def _pair_plain(value: tuple[Any, ...]) -> Any:
    keys = {"chat": ("model", "messages", "usage"), "message": ("role", "content")}
    return dict(zip(keys[value[0]], value[1:], strict=True))


def _attrs_plain(value: Any) -> Any:
    return attrs.asdict(value)


def two(make: Callable[..., Any]) -> list[Any]:
    """The chat's two messages."""
    return [make(role="user", content="Grüße"), make(role="assistant", content="")]


KINDS = [
    Kind("dict", lambda: dict(CHAT), lambda: dict(MESSAGE), dict, dict, dict, dict),
    Kind("Mapping", lambda: Frozen(CHAT), lambda: Frozen(MESSAGE), Frozen, Frozen, thawed, Frozen),
    Kind(
        "dataclass",
        lambda: DataChat("m", two(DataMessage), DataUsage(3)),
        lambda: DataMessage("user", "Grüße"),
        DataChat,
        DataMessage,
        dataclasses.asdict,
        DataChat,
        misfit=ValueError,
    ),
    Kind(
        "TypedDict",
        lambda: TypedChat(model="m", messages=two(TypedMessage), usage={"total": 3}),
        lambda: TypedMessage(role="user", content="Grüße"),
        TypedChat,
        TypedMessage,
        dict,
        dict,
    ),
    Kind(
        "to_dict",
        lambda: OwnChat("m", two(OwnMessage), {"total": 3}),
        lambda: OwnMessage("user", "Grüße"),
        OwnChat,
        OwnMessage,
        _own_plain,
        OwnChat,
        misfit=KeyError,
    ),
    Kind(
        "pydantic",
        lambda: PydanticChat(model="m", messages=two(PydanticMessage), usage={"total": 3}),
        lambda: PydanticMessage(role="user", content="Grüße"),
        PydanticChat,
        PydanticMessage,
        lambda value: value.model_dump(by_alias=True),
        PydanticChat,
        misfit=pydantic.ValidationError,
    ),
    Kind(
        "attrs",
        lambda: AttrsChat("m", two(AttrsMessage), AttrsUsage(3), note="kept", sent_by="me"),
        lambda: AttrsMessage("user", "Grüße"),
        AttrsChat,
        AttrsMessage,
        _attrs_plain,
        AttrsChat,
        extra={"_note": "kept", "sender": "me", "counted": 0},
        misfit=ValueError,
    ),
    Kind(
        "msgspec",
        lambda: MsgspecChat("m", two(MsgspecMessage), {"total": 3}),
        lambda: MsgspecMessage("user", "Grüße"),
        MsgspecChat,
        MsgspecMessage,
        msgspec.to_builtins,
        MsgspecChat,
        misfit=msgspec.ValidationError,
    ),
    Kind(
        "codec",
        lambda: Opaque(("m", [OpaqueMessage(["user", "Grüße"]), OpaqueMessage(["assistant", ""])], {"total": 3})),
        lambda: OpaqueMessage(["user", "Grüße"]),
        Opaque,
        OpaqueMessage,
        _opaque_plain,
        Opaque,
        misfit=KeyError,
        codecs=CODECS,
    ),
    Kind("callable", lambda: dict(CHAT), lambda: dict(MESSAGE), as_pair, as_message_pair, _pair_plain, tuple, misfit=KeyError),
]
