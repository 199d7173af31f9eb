"""Promise 10: errors travel. Pickled, copied and raised across processes they keep all, and hold no socket and no key."""

from __future__ import annotations

import contextlib
import copy
import gc
import itertools
import multiprocessing
import pickle
import socket
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from types import MappingProxyType
from typing import Any

import pytest
from faces import FACES, SyncFace
from hostile import Close, HostileServer, Reset, Stall, Steps, cut, json_reply, nobody, reply, sse_reply
from sessions import close

import oai_dyn
from oai_dyn import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ConflictError,
    DecodeError,
    Fault,
    Headers,
    InternalServerError,
    Limits,
    NotFoundError,
    OaiDynError,
    PermissionDeniedError,
    RateLimitError,
    RouteError,
    StreamError,
    StreamTruncated,
    Timeout,
    UnprocessableEntityError,
    ValidationError,
)
from oai_dyn.client import BaseClient
from oai_dyn.wire import Secret

KEY = "sk-secret-0123456789"
CHAT: dict[str, Any] = {"model": "m", "messages": [], "stream": True}
CLASSES = [
    found for name in oai_dyn.__all__ if isinstance(found := getattr(oai_dyn, name), type) and issubclass(found, OaiDynError)
]

WAYS: dict[str, Callable[[Any], Any]] = {
    **{f"pickle {n}": lambda error, n=n: pickle.loads(pickle.dumps(error, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)},  # type: ignore[misc]
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "twice": lambda error: pickle.loads(pickle.dumps(copy.deepcopy(pickle.loads(pickle.dumps(error))))),
}

#: What people read from an error, whatever its class.
MEMBERS = (
    *("message", "args", "status", "status_code", "headers", "request_id", "body", "code", "type", "param", "attempts"),
    *("errors", "data", "sent", "received", "__notes__"),
)


def same(error: OaiDynError, travelled: Any) -> None:
    """Fail unless both are the same error."""
    assert type(travelled) is type(error)
    assert (str(travelled), repr(travelled)) == (str(error), repr(error))
    for name in MEMBERS:
        assert getattr(travelled, name, "none") == getattr(error, name, "none"), name
    assert vars(travelled).keys() == vars(error).keys()


# Made by hand -----------------------------------------------------------------------------------------------------------


def by_hand(cls: type[OaiDynError]) -> OaiDynError:
    """An error of that class with every member set."""
    if issubclass(cls, ValidationError):
        return cls(errors=(Fault(("messages", 3, "content"), "of type int, wanted text"),))
    if not issubclass(cls, APIError):
        return cls("it is wrong")
    error = cls(
        "it failed",
        status=418,
        headers=Headers([("X-Request-Id", "req-1"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]),
        body=b"\x00\xff{}",
        code=7,
        type="teapot",
        param="messages[3].content",
        attempts=(Attempt(1, 500, "InternalServerError", 0.1, 0.5), Attempt(2, 418, None, 0.2)),
    )
    for name, value in (("sent", False), ("received", 3), ("data", {"a": [1]})):
        if hasattr(cls, name):
            setattr(error, name, value)
    return error


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_made_by_hand(cls: type[OaiDynError], way: str) -> None:
    """Every class, with all it can hold, and with nothing."""
    same(by_hand(cls), WAYS[way](by_hand(cls)))
    same(cls(), WAYS[way](cls()))


@pytest.mark.parametrize("way", WAYS)
def test_what_a_user_adds_travels_too(way: str) -> None:
    """Notes, members of their own, a plain dict or a read-only mapping as headers."""
    error = APIStatusError("it failed", status=400, headers={"x-request-id": "req-1"})
    error.add_note("while counting")
    error.mine = [1, 2]  # type: ignore[attr-defined]
    same(error, WAYS[way](error))
    assert WAYS[way](error).mine == [1, 2]
    read_only = BadRequestError("it failed", status=400, headers=MappingProxyType({"x-request-id": "req-1"}))
    assert WAYS[way](read_only).request_id == "req-1"


class OwnError(RateLimitError):
    """A class of the user's, with a constructor of its own."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds}", status=429)
        self.seconds = seconds


@pytest.mark.parametrize("way", WAYS)
def test_a_class_of_the_users_own(way: str) -> None:
    """A subclass need not know how its constructor is called."""
    same(OwnError(1.5), WAYS[way](OwnError(1.5)))
    assert WAYS[way](OwnError(1.5)).seconds == 1.5


def test_a_copy_is_a_copy() -> None:
    """Changing one changes the other no more than it should."""
    error = by_hand(DecodeError)
    other, deep = copy.copy(error), copy.deepcopy(error)
    other.message = "another"
    deep.data["a"].append(2)  # type: ignore[attr-defined]
    assert (error.message, str(error), error.data) == ("it failed", "it failed", {"a": [1]})  # type: ignore[attr-defined]


# Over the wire ----------------------------------------------------------------------------------------------------------

SAID = {"error": {"message": "no", "type": "teapot", "code": "c", "param": "p"}}
ID = [("X-Request-Id", "req-1"), ("X-Should-Retry", "false")]


def refuse(_: Any) -> Any:
    """A class of the user's that takes no answer."""
    raise LookupError("not this")


Make = Callable[[SyncFace, Any], Any]
PLAIN: Make = lambda face, client: face.wait(client.models.retrieve("m"))  # noqa: E731 - one of a table of calls
STREAM: Make = lambda face, client: list(face.iterate(client.chat.completions.create(CHAT)))  # noqa: E731
INTO: Make = lambda face, client: face.wait(client.models.retrieve("m", into=refuse))  # noqa: E731

STATUSES: dict[int, type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    418: APIStatusError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    503: InternalServerError,
}


def use_after_close(face: SyncFace, client: Any) -> Any:
    """A call of a client that is closed."""
    close(face, client)
    return PLAIN(face, client)


HALF = sse_reply(['{"n": 1}'], 200, ID, end=False)

#: For each case the class, the call, and the answers to it (None: nobody is there).
WIRE: dict[str, tuple[type[OaiDynError], Make, list[Steps] | None]] = {
    **{str(status): (cls, PLAIN, [json_reply(SAID, status, ID)]) for status, cls in STATUSES.items()},
    "retried": (RateLimitError, PLAIN, [json_reply(SAID, 500, [("Retry-After", "0")]), json_reply(SAID, 429, ID)]),
    "disguised": (NotFoundError, PLAIN, [json_reply({"error": {"message": "no", "code": 404}}, 200, ID)]),
    "redirect": (APIStatusError, PLAIN, [reply([b""], status=307, headers=[("Location", "http://elsewhere.example/"), *ID])]),
    "not json": (DecodeError, PLAIN, [reply([b"<p>\xff"], headers=[("Content-Type", "text/html"), *ID])]),
    "not wanted": (DecodeError, INTO, [json_reply({"id": "m", "n": [1]}, 200, ID)]),
    "too long": (StreamError, PLAIN, [json_reply({"x": "y" * 9000}, 200, ID)]),
    "cut": (APIConnectionError, PLAIN, [cut(json_reply({"id": "m"}, 200, ID), -3)]),
    "reset": (APIConnectionError, PLAIN, [[Reset()]]),
    "nobody": (APIConnectionError, PLAIN, None),
    "stall": (APITimeoutError, PLAIN, [[Stall()]]),
    "stream refused": (RateLimitError, STREAM, [json_reply(SAID, 429, ID)]),
    "stream stall": (APITimeoutError, STREAM, [[*HALF, Stall()]]),
    "stream cut": (StreamTruncated, STREAM, [[*HALF, Close()]]),
    "stream ended": (StreamTruncated, STREAM, [sse_reply(['{"n": 1}'], 200, ID)]),
    "stream error": (StreamError, STREAM, [sse_reply(['{"n": 1}', {"error": {"message": "no"}}], 200, ID)]),
    "stream error known": (InternalServerError, STREAM, [sse_reply([{"error": {"message": "no", "code": 500}}], 200, ID)]),
    "stream not json": (DecodeError, STREAM, [sse_reply(["{"], 200, ID)]),
    "no row": (RouteError, lambda face, client: client.chat.completions.creat(), []),
    "no row by name": (RouteError, lambda face, client: client.call("modles.list"), []),
    "bad body": (ValidationError, lambda face, client: client.responses.create(input=[{None: 2}]), []),
    "bad setting": (ConfigError, lambda face, client: client.models.list(timeout=-1), []),
    "closed": (ConfigError, use_after_close, []),
}


@contextlib.contextmanager
def answering(case: str) -> Iterator[str]:
    """The address of a server that plays a case, its last answer again and again."""
    script = WIRE[case][2]
    if script is None:
        with nobody() as url:
            yield url
    else:
        with HostileServer(script, after="repeat" if script else "refuse") as server:
            yield server.url


def fail(face: SyncFace, case: str, url: str) -> None:
    """Make the call of a case against the server."""
    timeout = Timeout(first_event=0.1, idle=0.1) if "stall" in case else Timeout(first_event=10, idle=10)
    retries = 1 if case == "retried" else 0
    client = face.client(base_url=url, api_key=KEY, max_retries=retries, timeout=timeout, limits=Limits(reply=5000))
    WIRE[case][1](face, client)


def caught(face: SyncFace, case: str) -> OaiDynError:
    """The error of a case."""
    cls = WIRE[case][0]
    with answering(case) as url, pytest.raises(cls) as found:
        fail(face, case, url)
    assert type(found.value) is cls
    return found.value


@pytest.mark.parametrize("case", WIRE)
def test_an_error_from_the_wire(face: SyncFace, case: str) -> None:
    """Each way in which a call fails gives an error that travels every way, and no key with it."""
    error = caught(face, case)
    for way in WAYS.values():
        same(error, way(error))
    assert KEY.encode() not in pickle.dumps(error)
    if isinstance(error, APIStatusError | DecodeError | StreamError):
        travelled = pickle.loads(pickle.dumps(error))
        assert (travelled.request_id, travelled.headers["X-REQUEST-ID"]) == ("req-1", "req-1")
    if isinstance(error, APIError):
        assert [attempt.number for attempt in error.attempts] == list(range(1, len(error.attempts) + 1))
        assert len(error.attempts) == (2 if case == "retried" else 1)


#: What an error must not lead to, by any path of references; tracebacks are the interpreter's and do not travel.
HELD = (socket.socket, BaseClient, Secret, types.GeneratorType, types.CoroutineType)
PASSED_BY = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.TracebackType,
    types.FrameType,
    types.CodeType,
)


def reachable(start: Any) -> Iterator[Any]:
    """Every object that an error leads to."""
    seen, todo = {id(start)}, [start]
    while todo:
        found = todo.pop()
        yield found
        for other in gc.get_referents(found):
            if id(other) not in seen and not isinstance(other, PASSED_BY):
                seen.add(id(other))
                todo.append(other)


@pytest.mark.parametrize("case", WIRE)
def test_an_error_holds_no_socket_and_no_credential(face: SyncFace, case: str) -> None:
    """Nothing that it leads to is a connection, a client or a secret."""
    error = caught(face, case)
    found = list(reachable(error))
    libraries = [type(held).__module__.partition(".")[0] for held in found]
    texts = [held if isinstance(held, str) else held.decode("latin-1") for held in found if isinstance(held, str | bytes)]
    assert [held for held in found if isinstance(held, HELD)] == []
    assert set(libraries) & {"requests", "urllib3", "aiohttp", "yarl", "asyncio"} == set()
    assert [text for text in texts if KEY in text] == []


# Across processes -------------------------------------------------------------------------------------------------------

IN_A_PROCESS = (
    "429",
    "retried",
    "not json",
    "not wanted",
    "stall",
    "stream cut",
    "stream error",
    "no row",
    "bad body",
    "bad setting",
)


def fail_elsewhere(name: str, case: str, url: str) -> None:
    """In another process: the same failure, which comes back by pickle."""
    with FACES[name]() as face:
        fail(face, case, url)


def compared(error: Any) -> dict[str, Any]:
    """What must be equal between two errors of one case; how long it took may differ."""
    members = ("message", "status", "request_id", "body", "code", "type", "param", "errors", "data", "received")
    attempts = [attempt._replace(elapsed=0, wait=0) for attempt in getattr(error, "attempts", ())]
    return {"class": type(error), "attempts": attempts} | {name: getattr(error, name, None) for name in members}


def test_errors_come_back_from_other_processes() -> None:
    """Raised in a worker of a pool, an error is raised again where its result is asked for, and the pool lives on."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for case, (name, face_class) in itertools.product(IN_A_PROCESS, FACES.items()):
            with answering(case) as url, pytest.raises(WIRE[case][0]) as found:
                pool.submit(fail_elsewhere, name, case, url).result(30)
            with face_class() as face:
                assert compared(found.value) == compared(caught(face, case))
