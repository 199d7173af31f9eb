"""The route table: how a row is found, what a wrong name says, and rows of the user's laid over the bundled ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oai_dyn import Client, ConfigError, RouteError
from oai_dyn.routes import Table, bundled, compile_row, load
from oai_dyn.validation import route_table_faults
from oai_dyn.wire import Answer, Paging, Route, Sending, Stream

TABLE_V1 = Path(__file__).parent / "table_v1.json"


@pytest.fixture
def zoo() -> Table:
    """The frozen old table, as a user would load it over an empty one."""
    return load(TABLE_V1, Table([]), route_table_faults)


# --- Finding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chat.completions.create", "createChatCompletion", "POST /chat/completions"])
def test_a_row_is_found_three_ways(name: str) -> None:
    """By dotted name, by operationId and by method and path template."""
    assert bundled().find(name).name == "chat.completions.create"


def test_every_row_is_found_by_each_of_its_names() -> None:
    """All 391 by name; by id and by method and path a row of the same id and the same request line."""
    table = bundled()
    assert len(table.names) == 391
    for name in table.names:
        route, row = table.find(name), table.row(name)
        assert route.name == name
        if "id" in row:
            assert table.row(row["id"])["id"] == row["id"]
        fixed = "&".join(f"{key}={value}" for key, value in route.fixed_query.items())
        found = table.find(f"{route.method} {route.path}" + (f"?{fixed}" if fixed else ""))
        assert (found.method, found.path, found.fixed_query) == (route.method, route.path, route.fixed_query)


def test_twins_are_told_apart() -> None:
    """Where two rows share a request line, the one that is not deprecated is found; a fixed query tells others apart."""
    table = bundled()
    assert table.find("GET /files/{file_id}/content").name == "files.content"
    assert table.find("POST /responses").name == "responses.create"
    assert table.find("POST /responses?beta=true").name == "beta.responses.create"


def test_a_row_is_compiled_once() -> None:
    """The same frozen object each time."""
    assert bundled().find("models.list") is bundled().find("models.list")
    with pytest.raises(AttributeError):
        bundled().find("models.list").name = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        bundled().find("models.list").where["x"] = "y"  # type: ignore[index]


def test_one_table_however_many_clients() -> None:
    """Clients without rows of their own share the bundled table."""
    assert Client(api_key="k").routes is Client("groq", api_key="k").routes is bundled()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("chat.completion.create", "chat.completions.create"),
        ("chat.completions.crate", "chat.completions.create"),
        ("createChatCompletions", "createChatCompletion"),
        ("POST /chat/completion", "POST /chat/completions"),
        ("completions.stream.list_everything", ""),
        ("respones.create", "responses.create"),
        ("filez", "files"),
        ("chat.retrieve", ".retrieve"),
    ],
)
def test_a_wrong_name_is_answered_with_near_ones(name: str, near: str) -> None:
    """The message has the name and at most three that are like it, or end like it."""
    with pytest.raises(RouteError) as caught:
        bundled().find(name)
    message = str(caught.value)
    assert message.startswith(f"no route {name!r}")
    assert near in message
    assert message.count(", ") <= 2


def test_a_name_like_no_other() -> None:
    """Where nothing is near, nothing is proposed."""
    with pytest.raises(RouteError, match=r"^no route 'qqqqqq'$"):
        bundled().find("qqqqqq")


def test_the_next_parts_of_names(zoo: Table) -> None:
    """What stands below a prefix, sorted; a name that leads nowhere has nothing below it."""
    assert zoo.below("") == ["animals", "keepers"]
    assert zoo.below("animals") == ["create", "delete", "list", "photos"]
    assert zoo.below("animals.photos") == ["add", "download"]
    assert zoo.below("animals.create") == zoo.below("nothing") == []
    assert zoo.has_below("animals")
    assert zoo.has_below("animals.photos.add")
    assert not zoo.has_below("animal")
    assert not zoo.has_below("animals.photos.ad")


# --- The row format -----------------------------------------------------------------------------------------


def test_an_old_table_still_loads(zoo: Table) -> None:
    """Every member that a row has ever had is understood as it was."""
    create, chat = zoo.find("animals.create"), zoo.find("keepers.chat")
    assert (create.id, create.method, create.path) == ("createAnimal", "POST", "/animals")
    assert create.where == {"dry_run": "query", "token": "header"}
    assert create.header_names == {"token": "X-Gate-Token"}
    assert (create.fixed_query, create.fixed_headers) == ({"beta": "true"}, {"X-Zoo": "animals=v1"})
    assert (create.body.kind, create.body.schema, create.reply) == ("json", "NewAnimal", Answer(schema="Animal"))
    assert chat.stream == Stream(
        "body", "stream", True, frozenset({"[DONE]", "chat.closed"}), frozenset({"chat.paused"}),
        reopen=frozenset({"chat.resumed"}), finish=True, envelope=True, schema="ChatEvent",
    )  # fmt: skip
    assert zoo.find("animals.list").page == Paging("data", ("data", -1, "id"), "after", "has_more")
    assert zoo.find("keepers.wake").page == Paging("keepers")
    assert zoo.find("keepers.follow").stream == Stream(
        "query", "follow", "live", complete=frozenset({"keeper.resting"}), eof=True
    )
    add = zoo.find("animals.photos.add")
    assert add.body == Sending("multipart", "json", {"caption": "text/plain"}, "caption")
    assert (add.deprecated, add.reply.other) == (True, "text")
    download = zoo.find("animals.photos.download")
    assert (download.positional, download.path_params) == (("photo_id",), ("animal_id", "photo_id"))
    delete = zoo.find("animals.delete")
    assert (delete.reply.kind, delete.safe, delete.credential) == ("none", True, "admin_key")


def test_a_row_may_say_almost_nothing() -> None:
    """Name, method and path are enough; all else has its default."""
    assert compile_row({"name": "a", "method": "GET", "path": "/a"}) == Route("a", "GET", "/a")


# --- Rows of the user's -------------------------------------------------------------------------------------

ROWS: dict[str, Any] = {
    "routes": [
        {"name": "rerank", "method": "POST", "path": "/rerank", "body": {"kind": "json"}},
        {"name": "models.list", "path": "/v2/models"},
        {"name": "chat.completions.create", "remove": True},
        {"name": "never.there", "remove": True},
    ]
}

TOML = """
[[routes]]
name = "rerank"
method = "POST"
path = "/rerank"
body = {kind = "json"}
[[routes]]
name = "models.list"
path = "/v2/models"
[[routes]]
name = "chat.completions.create"
remove = true
[[routes]]
name = "never.there"
remove = true
"""


@pytest.mark.parametrize("form", ["dict", "json", "toml", "profile"])
def test_rows_are_laid_over(tmp_path: Path, form: str) -> None:
    """A new row, a changed member, a row taken away; from a dict, JSON, TOML or a profile. The bundled table stays."""
    path = tmp_path / f"rows.{form}"
    path.write_text({"json": json.dumps(ROWS), "toml": TOML}.get(form, ""))
    if form == "profile":
        client = Client({"base_url": "http://own", "routes": ROWS["routes"]})
    else:
        client = Client(api_key="k", routes=ROWS if form == "dict" else path if form == "json" else str(path))
    table = client.routes
    assert table.find("rerank") == Route("rerank", "POST", "/rerank", body=Sending("json"))
    assert table.find("models.list").path == "/v2/models"
    assert table.find("models.list").page == bundled().find("models.list").page
    with pytest.raises(RouteError):
        table.find("chat.completions.create")
    assert "rerank" in dir(client)
    assert bundled().find("models.list").path == "/models"
    assert "rerank" not in bundled().names


def test_the_users_rows_lie_over_the_profiles() -> None:
    """Profile first, then the user's own."""
    profile = {"base_url": "http://own", "routes": [{"name": "a", "method": "GET", "path": "/p"}]}
    assert Client(profile, routes={"routes": [{"name": "a", "path": "/u"}]}).routes.find("a").path == "/u"


ROW = {"name": "a.b", "method": "GET", "path": "/a/{id}"}

BAD: list[tuple[Any, str]] = [
    ({**ROW, "method": "FETCH"}, r"routes\[1\]\.method: was 'FETCH', wanted one of 'GET', 'POST'"),
    ({**ROW, "pth": "/a"}, r"routes\[1\]\.pth: no such key; did you mean 'path'\?"),
    ({"method": "GET", "path": "/a"}, r"routes\[1\]\.name: missing"),
    ({**ROW, "name": "a b"}, r"routes\[1\]\.name: was 'a b', wanted text that matches"),
    ({**ROW, "name": "_a"}, r"routes\[1\]\.name: "),
    ({**ROW, "path": "/a/../b"}, r"routes\[1\]\.path: "),
    ({**ROW, "path": "a"}, r"routes\[1\]\.path: "),
    ({**ROW, "path": "/a?b=c"}, r"routes\[1\]\.path: "),
    ({**ROW, "body": {"kind": "xml"}}, r"routes\[1\]\.body\.kind: was 'xml', wanted one of"),
    ({**ROW, "stream": {"ask": {"in": "body"}}}, r"routes\[1\]\.stream\.ask\.key: missing"),
    ({**ROW, "safe": "yes"}, r"routes\[1\]\.safe: was the string 'yes', wanted true or false"),
    ({**ROW, "page": {"items": "data", "cursor": ["id"]}}, r"routes\[1\]\.page\.param: missing; 'cursor' needs it"),
    ({**ROW, "positional": ["other"]}, r"routes\[1\] \(a\.b\): positional: 'other' is not in the path '/a/\{id\}'"),
    ({**ROW, "query": ["id"]}, r"routes\[1\] \(a\.b\): 'id' stands in two places"),
    ({**ROW, "headers": {"q": "X-Q"}, "query": ["q"]}, r"routes\[1\] \(a\.b\): 'q' stands in two places"),
    ({**ROW, "path": "/a/{id}/{id}"}, r"routes\[1\] \(a\.b\): 'id' stands in two places"),
    ({"name": "new", "path": "/a"}, r"routes\[1\] \(new\): method: missing, and no bundled row has that name"),
    ({"name": "new", "method": "GET"}, r"routes\[1\] \(new\): path: missing, and no bundled row has that name"),
    ("text", r"routes\[1\]: was the string 'text', wanted an object"),
]


@pytest.mark.parametrize(("row", "message"), BAD, ids=[message[:50] for _, message in BAD])
def test_a_bad_row_is_told_with_file_row_and_field(tmp_path: Path, row: Any, message: str) -> None:
    """At load, not at the first call; the same for a dict, without a file's name."""
    document = {"routes": [ROW, row]}
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=rf"^{path}: {message}"):
        Client(api_key="k", routes=path)
    with pytest.raises(ConfigError, match=rf"^routes: {message}"):
        Client(api_key="k", routes=document)


@pytest.mark.parametrize("document", [{}, {"routes": {}}, 5, {"routes": [], "more": 1}], ids=repr)
def test_a_bad_document_is_told(document: Any) -> None:
    """What is no document of rows is a ConfigError of ours."""
    with pytest.raises(ConfigError, match=r"^routes: "):
        Client(api_key="k", routes=document)


def test_at_most_three_faults_are_told() -> None:
    """A message stays readable however bad a table is."""
    with pytest.raises(ConfigError) as caught:
        Client(api_key="k", routes={"routes": [{"name": "a b"}] * 9})
    assert str(caught.value).count(".name: ") == 3


# --- A table of its own -------------------------------------------------------------------------------------

HELLO: dict[str, Any] = {"name": "hello", "method": "GET", "path": "/"}


def test_a_table_that_stands_alone() -> None:
    """With `alone` the rows are not laid over others; without it, or with false, they are."""
    assert load({"alone": True, "routes": [HELLO]}, bundled(), route_table_faults).names == ("hello",)
    for document in ({"routes": [HELLO]}, {"alone": False, "routes": [HELLO]}):
        assert len(load(document, bundled(), route_table_faults).names) == 392
    with pytest.raises(ConfigError, match="alone"):
        load({"alone": 1, "routes": [HELLO]}, bundled(), route_table_faults)


def test_schema_files_stand_beside_the_rows(tmp_path: Path) -> None:
    """A file of schemas that a file of rows names is the one in its folder; bundled names and dicts are left alone."""
    (tmp_path / "chat.json").write_text('{"$defs": {"X": {}}}')
    here = "chat.json#/$defs/X"
    row = {
        **HELLO,
        "query_schema": here,
        "body": {"kind": "json", "schema": {"items": {"$ref": here}}},
        "reply": {"schema": "Model"},
        "stream": {"schema": here},
    }
    (tmp_path / "routes.json").write_text(json.dumps({"alone": True, "routes": [row]}))
    found = load(tmp_path / "routes.json", bundled(), route_table_faults).row("hello")
    there = f"{tmp_path}/{here}"
    assert (found["query_schema"], found["stream"], found["reply"]) == (there, {"schema": there}, {"schema": "Model"})
    assert found["body"]["schema"] == {"items": {"$ref": there}}


def test_a_file_of_rows_is_checked_once(tmp_path: Path) -> None:
    """As long as it is the same file; one that was written again is read again."""
    checks = []

    def check(document: Any) -> list[Any]:
        checks.append(document)
        return []

    path = tmp_path / "routes.json"
    path.write_text(json.dumps({"routes": [HELLO]}))
    for _ in range(3):
        load(path, bundled(), check)
    assert len(checks) == 1
    path.write_text(json.dumps({"routes": [{**HELLO, "path": "/other"}]}))
    assert load(path, bundled(), check).row("hello")["path"] == "/other"
    assert len(checks) == 2


def test_a_file_of_rows_that_is_not_there(tmp_path: Path) -> None:
    """It is refused by its name."""
    with pytest.raises(ConfigError, match=r"no\.json: No such file"):
        load(tmp_path / "no.json", bundled(), route_table_faults)
