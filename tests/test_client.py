"""The clients' names, help and settings."""

from __future__ import annotations

import copy
import inspect
import pickle
import pydoc
from typing import Any

import pytest
from by_hand import by_hand
from faces import SyncFace
from hostile import HostileServer, json_reply, reply, sse_reply

from oai_dyn import AsyncClient, Client, ConfigError, RouteError, ValidationError
from oai_dyn.plan import RESERVED
from oai_dyn.routes import bundled

BOTH = pytest.mark.parametrize("cls", [Client, AsyncClient])


# --- Names --------------------------------------------------------------------------------------------------


@BOTH
def test_names_lead_to_rows(cls: Any) -> None:
    """A dotted name is there as far as a row has it; `hasattr` works; a name costs nothing."""
    client = cls(api_key="k")
    assert repr(client.chat.completions.create) == f"<chat.completions.create of {client!r}>"
    assert hasattr(client, "chat")
    assert hasattr(client.chat, "completions")
    assert not hasattr(client, "chatt")
    assert not hasattr(client.chat, "create")


@BOTH
@pytest.mark.parametrize(
    ("reach", "message"),
    [
        (lambda c: c.chatt, r"no route 'chatt'; near it are chat\b"),
        (lambda c: c.chat.completion, r"no route 'chat\.completion'; near it are chat\.completions"),
        (lambda c: c.chat.completions.crate, r"near it are chat\.completions\.create"),
        (lambda c: c.call("chat.completions.crate"), r"near it are chat\.completions\.create"),
        (lambda c: c.chat(), r"no route 'chat'"),
    ],
)
def test_a_wrong_name_is_answered_with_near_ones(cls: Any, reach: Any, message: str) -> None:
    """As an AttributeError, so that `getattr` with a default and tab completion go on."""
    with pytest.raises(RouteError, match=message) as caught:
        reach(cls(api_key="k"))
    assert isinstance(caught.value, AttributeError)


@BOTH
@pytest.mark.parametrize("name", ["_private", "__wrapped__", "_ipython_display_", "__deepcopy__"])
def test_private_names_are_no_rows(cls: Any, name: str) -> None:
    """What tools ask of any object is answered plainly, on the client and below it."""
    client = cls(api_key="k")
    assert not hasattr(client, name)
    assert not hasattr(client.chat, name)


@BOTH
def test_completion_lists_what_is_there(cls: Any) -> None:
    """`dir()` at every level: methods and first parts on the client, the next parts below it, nothing at a row."""
    client = cls(api_key="k")
    assert {"chat", "models", "beta", "admin", "call", "request", "close", "base_url"} <= set(dir(client))
    assert dir(client.chat) == ["completions"]
    assert {"create", "list", "messages"} <= set(dir(client.chat.completions))
    assert dir(client.chat.completions.create) == []
    reached = [name for name in bundled().names if all(part in dir(at) for at, part in walk(client, name))]
    assert len(reached) == len(bundled().names)


def walk(client: Any, name: str) -> Any:
    """Each object on the way to a row, with the next part of the name."""
    for part in name.split("."):
        yield client, part
        client = getattr(client, part)


def test_rows_may_be_reached_in_every_way(face: SyncFace) -> None:
    """Attribute, `call` by name, operationId and request line, `request`: one and the same request."""
    with HostileServer([json_reply({})], after="repeat") as server:
        client = face.client(base_url=server.url)
        body = {"model": "m"}
        face.wait(client.chat.completions.create(body))
        face.wait(client.call("chat.completions.create", body))
        face.wait(client.call("createChatCompletion", body))
        face.wait(client.call("POST /chat/completions", body))
        face.wait(client.request("POST", "/chat/completions", body))
        face.wait(client.request("post", "/chat/completions", model="m"))
    first, *others = server.requests
    for other in others:
        assert (other.lines, other.body) == (first.lines, first.body)


def test_a_row_named_as_a_method() -> None:
    """A row of the user's that is called as a method of the client is reached by `call`."""
    client = by_hand(routes=[{"name": "close", "method": "GET", "path": "/close"}])
    assert client.call("close").call.plan.url.endswith("/close")


# --- help() -------------------------------------------------------------------------------------------------


@BOTH
def test_help_says_what_a_row_is(cls: Any) -> None:
    """Method, path, parameters, body, what it answers, how it streams and pages, what is reserved."""
    client = cls(api_key="k", admin_key="a")
    text = client.chat.completions.create.__doc__
    assert text.startswith("POST /chat/completions\n")
    assert "body: json; members: " in text
    assert "temperature" in text
    assert "streams when stream is True in the body, until [DONE]" in text
    assert "credential: api_key; not safe to send twice" in text
    assert all(word in text for word in RESERVED)
    assert "path parameters: file_id\n" in client.files.retrieve.__doc__
    assert "query parameters: " in client.files.list.__doc__
    assert "pages: items in data, next by after" in client.files.list.__doc__
    assert "pages: items in data\n" in client.models.list.__doc__
    assert "reply: json or text" in client.audio.transcriptions.create.__doc__
    assert client.completions.create.__doc__.count("(deprecated)") == bundled().find("completions.create").deprecated
    assert "(deprecated)" in client.beta.assistants.list.__doc__
    assert "header parameters: betas (sent as OpenAI-Beta)\n" in client.beta.responses.create.__doc__
    kept = {"name": "a", "method": "GET", "path": "/a", "headers": {"accept": "Accept", "x_req": "X-Req"}}
    assert "header parameters: accept (sent as Accept), x_req (sent as X-Req)\n" in by_hand(routes=[kept]).a.__doc__
    assert "always" in by_hand(routes=[{"name": "a", "method": "GET", "path": "/a", "stream": {"eof": True}}]).a.__doc__


@BOTH
def test_help_works(cls: Any) -> None:
    """`help()` shows a row's words, and of a name above rows what is below it."""
    client = cls(api_key="k")
    assert "POST /chat/completions" in pydoc.render_doc(client.chat.completions.create)
    assert client.chat.__doc__ == "chat: completions"
    assert "create" in client.chat.completions.__doc__


@BOTH
def test_signatures(cls: Any) -> None:
    """Positional path parameters, the body, then every keyword that is known, and any other."""
    client = cls(api_key="k")
    assert list(inspect.signature(client.files.retrieve).parameters)[:1] == ["file_id"]
    create = inspect.signature(client.chat.completions.create).parameters
    assert next(iter(create)) == "body"
    assert {"model", "messages", "stream", "into", "timeout"} <= create.keys()
    assert create["model"].kind is inspect.Parameter.KEYWORD_ONLY
    assert list(create.values())[-1].kind is inspect.Parameter.VAR_KEYWORD


def test_every_row_has_help_and_a_signature() -> None:
    """None of the 391 rows is in the way of it."""
    client = Client(api_key="k")
    for name in bundled().names:
        *_, (holder, part) = walk(client, name)
        row = getattr(holder, part)
        assert row.__doc__.startswith(bundled().find(name).method)
        assert list(inspect.signature(row).parameters)[-1] == "members"


@BOTH
def test_the_clients_show_their_settings(cls: Any) -> None:
    """The constructor's signature names every setting, and the docstring explains each."""
    names = [name for name in inspect.signature(cls).parameters if name != "provider"]
    assert {"api_key", "base_url", "timeout", "max_retries", "limits", "hook", "codecs", "session"} <= set(names)
    assert all(name in cls.__doc__ for name in names)


@BOTH
def test_a_setting_that_is_none(cls: Any) -> None:
    """A mistyped keyword is a TypeError at once."""
    with pytest.raises(TypeError, match="time_out"):
        cls(api_key="k", time_out=5)


# --- The object ---------------------------------------------------------------------------------------------


@BOTH
def test_a_client_prints_its_address_alone(cls: Any) -> None:
    """Its repr and base_url, without the trailing slash."""
    client = cls(api_key="hidden", base_url="http://h/v1/")
    assert repr(client) == f"{cls.__name__}(base_url='http://h/v1')"
    assert client.base_url == "http://h/v1"


@BOTH
@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_does_not_travel(cls: Any, way: Any) -> None:
    """It holds credentials and connections: pickling and copying say so."""
    with pytest.raises(TypeError, match="holds credentials and connections, and is not pickled"):
        way(cls(api_key="k"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hook": 5}, "^hook: 5, wanted a callable"),
        ({"headers": {"X A": "1"}}, "^headers: 'X A' is no header name"),
        ({"headers": {"X-A": "a\nb"}}, "^headers: header X-A: "),
        ({"headers": 5}, "^headers: "),
        ({"query": 5}, "^query: "),
        ({"codecs": 5}, "^codecs: "),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_at_once(settings: dict[str, Any], message: str) -> None:
    """Not at the first call."""
    with pytest.raises(ConfigError, match=message):
        Client(api_key="k", **settings)


def test_settings_are_checked_before_anything_is_sent(face: SyncFace) -> None:
    """A call that is refused has not reached the server, on both faces before it is awaited."""
    with HostileServer([]) as server:
        client = face.client(base_url=server.url)
        with pytest.raises(ValidationError):
            client.files.retrieve("..")
        with pytest.raises(ConfigError):
            client.models.list(timeout=-1)
        assert server.accepted == 0


def test_a_client_is_a_context_manager() -> None:
    """Entering it gives itself."""
    with Client(api_key="k") as client:
        assert isinstance(client, Client)


def test_request_without_a_row(face: SyncFace) -> None:
    """`request` reads JSON, streams by `stream`, ends with the body, and takes `into`."""
    script = [json_reply({"a": 1}), sse_reply(['{"a": 2}']), sse_reply(['{"a": 3}', "[DONE]"]), reply([b"plain"])]
    with HostileServer(script) as server:
        client = face.client(base_url=server.url)
        assert face.wait(client.request("GET", "/a")).a == 1
        assert [one.a for one in face.iterate(client.request("POST", "/a", {"stream": True}))] == [2]
        assert [one.a for one in face.iterate(client.request("POST", "/a", stream=True))] == [3]
        assert face.wait(client.request("GET", "/a", into=str)) == "plain"
