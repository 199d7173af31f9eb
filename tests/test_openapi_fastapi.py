"""An application of FastAPI's, from its document and from the running server: imported, listed, called, compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faces import SyncFace
from fastapi_app import KEY, application, running
from jsonschema import Draft202012Validator

from oai_dyn import AuthenticationError, Client, RouteError, UnprocessableEntityError, ValidationError
from oai_dyn.command import main
from oai_dyn.compare import compare, side
from oai_dyn.definitions import bundle
from oai_dyn.openapi import Imported, convert, load, write
from oai_dyn.routes import bundled

NAMES = [
    "models.list", "models.retrieve", "chat.completions.create", "files.create", "files.list", "files.content", "files.delete",
    "trees.grow", "login.create",
]  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The application, running."""
    with running() as url:
        yield url


@pytest.fixture(scope="module")
def found(url: str) -> Imported:
    """What the running server's document becomes."""
    return convert(load(url), "local")


@pytest.fixture(scope="module")
def provider(found: Imported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The profile of what was imported."""
    return write(found, tmp_path_factory.mktemp("imported") / "local") / "provider.toml"


@pytest.fixture
def client(face: SyncFace, provider: Path) -> Any:
    """A client of the imported server that checks both directions."""
    return face.client(provider=provider, api_key=KEY, validate="both")


def test_its_document_imports_as_it_is(found: Imported, url: str) -> None:
    """Rows under OpenAI's names where it has them; what no row can send is noted; the address is the server's own."""
    assert [row["name"] for row in found.rows] == NAMES
    assert found.profile["base_url"] == url
    assert [str(note) for note in found.notes] == [
        "GET /v1/files/{file_id}/content: no answer is described: it is read as that of files.content",
        "POST /v1/rerank: a body of type array: left out: a row sends objects",
    ]
    assert set(NAMES) - {"trees.grow", "login.create"} < set(bundled().names)


def test_the_document_as_a_dict_gives_the_same(found: Imported) -> None:
    """Without a server there is no address; all else is equal."""
    taken = convert(load(application().openapi()), "local")
    assert (taken.rows, taken.definitions, taken.notes) == (found.rows, found.definitions, found.notes)
    assert "base_url" not in taken.profile


def test_each_schema_is_one_of_2020_12(found: Imported, provider: Path) -> None:
    """By the metaschema, each definition and each bundle that a row leads to."""
    for definition in found.definitions.values():
        Draft202012Validator.check_schema(definition)
    table = Client(provider).routes
    rows = [row for row in map(table.row, table.names) if "schema" in row.get("body", {})]
    assert len(rows) == 4
    for row in rows:
        Draft202012Validator.check_schema(bundle(row["body"]["schema"]))


def test_a_form_and_lists_as_such_servers_read_them(client: Any, face: SyncFace) -> None:
    """Lists repeat their names, in the query and in a form that is no multipart."""
    said = face.wait(client.login.create(name="Ada & co", rights=["read", "write"], tags=["a", "b"]))
    assert said == {"name": "Ada & co", "rights": ["read", "write"], "tags": ["a", "b"]}


def test_the_rows_are_listed(provider: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line lists and describes them."""
    assert main(["routes", "--provider", str(provider), "chat*"]) == 0
    assert capsys.readouterr().out == "chat.completions.create  POST    /v1/chat/completions  stream\n"


def test_a_call(face: SyncFace, client: Any) -> None:
    """A chat completion, whole, with text and with parts."""
    said = [{"role": "user", "content": [{"type": "text", "text": "hello there"}]}]
    reply = face.wait(client.chat.completions.create(model="small", messages=said))
    assert reply.choices[0].message.content == "hello there"


def test_a_stream(face: SyncFace, client: Any) -> None:
    """The same, word by word."""
    said = [{"role": "user", "content": "one two"}]
    call = client.chat.completions.create(model="small", messages=said, stream=True)
    assert [chunk["choices"][0]["delta"]["content"] for chunk in face.iterate(call)] == ["one ", "two"]


def test_pages_uploads_and_bytes(face: SyncFace, client: Any) -> None:
    """Lists turn their pages, a file is sent as a form, its content comes as bytes, and nothing after a deletion."""
    assert [item["id"] for item in face.iterate(client.files.list(limit=2))] == ["1", "2", "3", "4", "5", "6"]
    stored = face.wait(client.files.create(file=("a.txt", b"12345"), purpose="test"))
    assert (stored.bytes, stored.filename, stored.purpose) == (5, "a.txt", "test")
    assert face.wait(client.files.content("f-1", into=bytes)) == b"\x00\x01f-1"
    assert face.wait(client.files.delete("f-1")) is None


def test_parameters_travel(face: SyncFace, client: Any) -> None:
    """A path parameter by position, a header by its keyword; a schema that refers to itself."""
    assert face.wait(client.models.retrieve("small", x_trace="t"))["id"] == "small/t"
    assert face.wait(client.trees.grow(value=1, children=[{"value": 2}]))["children"][0]["children"][0]["value"] == 2


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": [{"role": "user"}]}, "messages[0].content: missing"),
        ({"model": "m", "messages": [{"role": "usr", "content": ""}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text: missing"),
        ({"model": "m", "messages": [{"role": "user", "content": ""}], "temperature": 3}, "temperature"),
        ({"model": "m", "messages": [{"role": "user", "content": ""}], "top_k": 0}, "top_k"),
    ],
)
def test_a_bad_body_is_refused_as_the_server_would(face: SyncFace, client: Any, body: dict[str, Any], place: str) -> None:
    """The imported schemas name the place before anything is sent; the server itself refuses each of them too."""
    with pytest.raises(ValidationError) as caught:
        face.wait(client.chat.completions.create(body))
    assert str(caught.value).startswith(place)
    with pytest.raises(UnprocessableEntityError):
        face.wait(client.chat.completions.create(body, validate=False))


def test_what_it_does_not_have(face: SyncFace, client: Any, provider: Path) -> None:
    """The table stands alone: a row of OpenAI's that the server lacks is none; without the key the server says no."""
    with pytest.raises(RouteError, match=r"no route 'embeddings\.create'"):
        client.call("embeddings.create", {})
    with pytest.raises(AuthenticationError):
        face.wait(face.client(provider=provider, api_key="wrong").models.list())


def test_how_it_differs_from_openai(provider: Path) -> None:
    """The imported table can be compared: what is missing, what is new, what is wider."""
    found = compare(side("openai"), side(str(provider.parent)))
    told = {(one.place.route, one.place.part, one.place.path): one.kind for one in found.differences}
    assert told["chat.completions.create", "body", "tools"] == "missing"
    assert told["chat.completions.create", "body", "top_k"] == "added"
    assert told["chat.completions.create", "body", "stop"] == "bounds-wider"
    assert told["trees.grow", "route", ""] == "route-added"
    assert told["embeddings.create", "route", ""] == "route-missing"
