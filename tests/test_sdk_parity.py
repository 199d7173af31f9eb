"""The same arguments through the official SDK and through ours put the same request on the wire.

Every row of the table, sync and async: with every keyword, with only the required ones, with the body as one
object, with a stream asked for where the row can stream; multipart rows also with each kind of file. Compared
are method, path, query, body and the headers in `recording.COMPARED`. What differs on purpose is listed in
`DIFFERENCES`, with the reason.
"""

import asyncio
import inspect
import json
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from operator import attrgetter
from pathlib import Path
from typing import Any

import arguments
import openai
import pytest
from arguments import FILE_KINDS, Arguments, Files, Row
from recording import Answer, RecordingServer, answer, canonical, wire

import oai_dyn

TABLE: list[Row] = json.loads(resources.files("oai_dyn").joinpath("data/routes.json").read_bytes())["routes"]
NO_SDK_METHOD = {"evals.runs.cancel_run"}
ROWS: dict[str, Row] = {row["name"]: row for row in TABLE if row["name"] not in NO_SDK_METHOD}
STREAMING = [name for name, row in ROWS.items() if "ask" in row.get("stream", {})]
UPLOADING = [name for name, row in ROWS.items() if row.get("body", {}).get("kind") == "multipart"]
VARIANTS = ("everything", "required", "object")


@dataclass(frozen=True)
class Difference:
    """What differs on purpose in some variants of a row; `undo` makes the SDK's request like ours."""

    reason: str
    variants: tuple[str, ...]
    undo: Callable[[dict[str, Any]], dict[str, Any]]


def without(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Take a key out of the JSON body."""

    def undo(request: dict[str, Any]) -> dict[str, Any]:
        content = json.loads(request["content"])
        del content[key]
        return {**request, "content": canonical(content)}

    return undo


DIFFERENCES = {
    "embeddings.create": Difference(
        "without an encoding_format the SDK asks for base64 by itself; we send what the user passes",
        ("required",),
        without("encoding_format"),
    )
}


class Sync:
    """Both sync clients, on one recording server."""

    def __init__(self, url: str) -> None:
        self.sdk: Any = openai.OpenAI(api_key="test-key", admin_api_key="test-admin", base_url=url, max_retries=0)
        self.own: Any = oai_dyn.Client(api_key="test-key", admin_key="test-admin", base_url=url, max_retries=0)

    def theirs(self, call: Callable[..., Any], *positional: object, **keywords: object) -> None:
        """Send with the SDK, whose raw answer is closed unread."""
        call(*positional, **keywords).http_response.close()

    def ours(self, call: Callable[..., Any], *positional: object, **keywords: object) -> None:
        """Send with ours; a stream is read to its end."""
        result = call(*positional, **keywords)
        if isinstance(result, oai_dyn.Stream):
            for _ in result:
                pass

    def close(self) -> None:
        """Close both."""
        self.sdk.close()
        self.own.close()


class Async:
    """Both async clients, on one recording server, each call run to its end in one loop."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.Runner()
        self.sdk: Any = openai.AsyncOpenAI(api_key="test-key", admin_api_key="test-admin", base_url=url, max_retries=0)
        self.own: Any = oai_dyn.AsyncClient(api_key="test-key", admin_key="test-admin", base_url=url, max_retries=0)

    def theirs(self, call: Callable[..., Any], *positional: object, **keywords: object) -> None:
        """Send with the SDK, whose raw answer is closed unread."""

        async def send() -> None:
            await (await call(*positional, **keywords)).http_response.aclose()

        self.loop.run(send())

    def ours(self, call: Callable[..., Any], *positional: object, **keywords: object) -> None:
        """Send with ours; a stream is read to its end."""

        async def send() -> None:
            result = await call(*positional, **keywords)
            if isinstance(result, oai_dyn.AsyncStream):
                async for _ in result:
                    pass

        self.loop.run(send())

    def close(self) -> None:
        """Close both, and the loop."""
        self.loop.run(self.sdk.close())
        self.loop.run(self.own.close())
        self.loop.close()


@pytest.fixture(scope="module")
def server() -> Iterator[RecordingServer]:
    """One recording server for the whole file, reached without the machine's proxies."""
    with pytest.MonkeyPatch.context() as patch, RecordingServer() as server:
        for name in [name for name in os.environ if name.upper().endswith("_PROXY")]:
            patch.delenv(name)
        yield server


@pytest.fixture(scope="module", params=[Sync, Async], ids=["sync", "async"])
def face(request: pytest.FixtureRequest, server: RecordingServer) -> Iterator[Any]:
    """One pair of clients, sync or async, for all tests."""
    face = request.param(server.url)
    yield face
    face.close()


@pytest.fixture(scope="module")
def pair(server: RecordingServer) -> Iterator[tuple[Sync, Async]]:
    """Both pairs of clients at once."""
    pair = Sync(server.url), Async(server.url)
    yield pair
    for face in pair:
        face.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files to be uploaded lie."""
    return tmp_path_factory.mktemp("files")


@dataclass(frozen=True)
class Bench:
    """What a comparison needs: the clients, the server they talk to, the folder for files."""

    face: Any
    server: RecordingServer
    folder: Path

    def theirs(self, row: Row, *positional: object, **keywords: object) -> dict[str, Any]:
        """What the SDK's method sends, called so that it leaves the answer unparsed."""
        parent, _, name = row["name"].rpartition(".")
        method = getattr(attrgetter(parent)(self.face.sdk).with_raw_response, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.face.theirs(method, *positional, **keywords)
        return wire(self.server.take(), row)

    def ours(self, row: Row, call: Callable[..., Any], *positional: object, **keywords: object) -> dict[str, Any]:
        """What one of our client's methods sends."""
        self.face.ours(call, *positional, **keywords)
        return wire(self.server.take(), row)

    def both(self, row: Row, variant: str, kind: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the SDK and we send for one variant of a call, each given arguments of its own making."""
        self.server.answer = answer(row, streaming=variant == "stream")
        method = attrgetter(row["name"])(self.face.sdk)
        with Files(self.folder) as files:
            given = prepared(row, method, files, variant, kind)
            theirs = self.theirs(row, *given.positional, **given.keywords)
        with Files(self.folder) as files:
            given = prepared(row, method, files, variant, kind)
            if variant == "object":
                body = {key: given.keywords.pop(key) for key in given.content}
                return theirs, self.ours(row, self.face.own.call, row["name"], *given.positional, body, **given.keywords)
            return theirs, self.ours(row, attrgetter(row["name"])(self.face.own), *given.positional, **given.keywords)


@pytest.fixture
def bench(face: Any, server: RecordingServer, folder: Path) -> Bench:
    """The bench, its server's record empty whatever the test before left."""
    server.seen.clear()
    return Bench(face, server, folder)


def prepared(row: Row, method: Callable[..., Any], files: Files, variant: str, file_kind: str | None) -> Arguments:
    """The arguments of one variant of a call."""
    given = arguments.make(row, method, files, variant, file_kind)
    if variant == "stream":
        ask = row["stream"]["ask"]
        given.keywords[ask["key"]] = ask.get("value", True)
    return given


def check(bench: Bench, row: Row, variant: str, file_kind: str | None = None) -> None:
    """Assert that both requests are one, but for what is listed as different on purpose."""
    theirs, ours = bench.both(row, variant, file_kind)
    listed = DIFFERENCES.get(row["name"])
    if listed is not None and variant in listed.variants:
        assert ours != theirs, f"no longer different: {listed.reason}"
        theirs = listed.undo(theirs)
    assert ours == theirs


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ROWS)
def test_same_request(bench: Bench, name: str, variant: str) -> None:
    """A row's request is the SDK's: keywords, required ones alone, the body as one object."""
    check(bench, ROWS[name], variant)


@pytest.mark.parametrize("name", STREAMING)
def test_same_request_for_a_stream(bench: Bench, name: str) -> None:
    """A row that can stream asks for it as the SDK does."""
    check(bench, ROWS[name], "stream")


@pytest.mark.parametrize("kind", FILE_KINDS)
@pytest.mark.parametrize("name", UPLOADING)
def test_same_request_for_every_kind_of_file(bench: Bench, name: str, kind: str) -> None:
    """A file in any form becomes the same part: name, filename, type, bytes."""
    check(bench, ROWS[name], "everything", kind)


EXTRAS: dict[str, Any] = {
    "extra_headers": {"OpenAI-Beta": "mine=v1", "Idempotency-Key": "key-1"},
    "extra_query": {"a b": ["é", True, None, 1.5], "o": {"k": {"l": "&"}}, "none": None},
}
EXTRA_BODY: dict[str, Any] = {"extra_body": {"a b": ["é", True, 1.5], "o": {"k": {"l": "&"}}}}


@pytest.mark.parametrize(
    ("name", "positional", "keywords"),
    [
        ("models.retrieve", ["m"], EXTRAS),
        ("models.delete", ["m"], EXTRAS),
        ("files.list", [], {"after": "f", **EXTRAS}),
        ("beta.assistants.create", [], {"model": "m", **EXTRAS, **EXTRA_BODY}),
        ("beta.responses.cancel", ["r"], {"betas": ["one=v1", "two=v1"]}),
        ("files.create", [], {"file": b"f", "purpose": "batch", **EXTRAS, **EXTRA_BODY}),
    ],
)
def test_same_request_with_extras(bench: Bench, name: str, positional: list[str], keywords: dict[str, Any]) -> None:
    """Extra headers, query and body members are merged in as the SDK merges them."""
    row = ROWS[name]
    bench.server.answer = answer(row)
    theirs = bench.theirs(row, *positional, **keywords)
    assert bench.ours(row, bench.face.own.call, name, *positional, **keywords) == theirs


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/rerank", {"query": "q é", "n": [1, None, 0.5]}), ("GET", "/models/a%2Fb", None), ("DELETE", "/x", None)],
)
def test_same_request_without_a_row(bench: Bench, method: str, path: str, body: dict[str, Any] | None) -> None:
    """`request` sends what the SDK's method of that verb sends."""
    bench.server.answer = Answer(b"{}")
    content = {} if body is None else {"body": body}
    raw = {"options": {"headers": {"X-Stainless-Raw-Response": "true"}}}
    bench.face.theirs(getattr(bench.face.sdk, method.lower()), path, cast_to=object, **content, **raw)
    theirs = wire(bench.server.take(), {})
    assert bench.ours({}, bench.face.own.request, method, path, *content.values()) == theirs


@pytest.mark.parametrize("name", ROWS)
def test_both_of_ours_send_the_same_bytes(pair: tuple[Sync, Async], server: RecordingServer, folder: Path, name: str) -> None:
    """Ours, sync and async, do not differ in a byte: target, every header, body."""
    server.answer = answer(ROWS[name])
    sent = []
    for face in pair:
        with Files(folder) as files:
            given = prepared(ROWS[name], attrgetter(name)(pair[0].sdk), files, "everything", None)
            face.ours(attrgetter(name)(face.own), *given.positional, **given.keywords)
        sent.append(server.take().exact)
    assert sent[0] == sent[1]


def test_390_of_390(bench: Bench) -> None:
    """All rows but the one the SDK has no method for are compared, and are equal or listed."""
    for row in ROWS.values():
        check(bench, row, "required")
    assert (len(ROWS), len(TABLE)) == (390, 391)


# What the SDK builds from its own operations: polling, parsing, managed streams, WebSockets, old aliases.
HELPER = re.compile(r"beta\.chat\..*|.*\b(connect|parse|poll|upload|prepare|prepare_directory)|.*_(poll|stream)")
HELPERS = {"responses.stream", "chat.completions.stream", "beta.threads.runs.stream", "beta.agents.sessions.stream"}


def test_the_rows_are_the_methods_of_the_sdk(face: Any) -> None:
    """Every method of the SDK that sends one request is a row, and no other row but the listed one."""
    found = {name for name in methods(face.sdk, "") if not HELPER.fullmatch(name)} - HELPERS
    assert found == set(ROWS)


def methods(resource: Any, prefix: str) -> Iterator[str]:
    """The dotted names of all methods below a resource of the SDK that take `extra_headers`."""
    for name in dir(type(resource)):
        member = inspect.getattr_static(type(resource), name)
        if name.startswith(("_", "with_")):
            continue
        if isinstance(member, cached_property):
            yield from methods(getattr(resource, name), f"{prefix}{name}.")
        elif inspect.isfunction(member) and "extra_headers" in inspect.signature(member).parameters:
            yield prefix + name
