"""A server like a provider's: its paths, whom it lets in, what it refuses and in which words, and how it streams."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from faces import SyncFace
from test_server import exchange

from oai_dyn import Client, ConfigError, LossWarning, RateLimitError
from oai_dyn.profiles import load
from oai_dyn.server import Settings, running

Json = dict[str, Any]

HELLO = [{"role": "user", "content": "Hello"}]
CHAT: Json = {"model": "m", "messages": HELLO}
STREAM: Json = {**CHAT, "stream": True}
KEY = {"Authorization": "Bearer k"}


def acme(**more: Any) -> Json:
    """A provider of our own."""
    return {"name": "acme", "base_url": "https://acme.example/v7", **more}


def send(url: str, method: str, path: str, body: Json | None = None, **headers: str) -> tuple[int, bytes]:
    """A request by hand to a path below the base URL, or from the root with "//". Without other headers it has a key."""
    content = b"" if body is None else json.dumps(body).encode()
    whole = path[1:] if path.startswith("//") else urlsplit(url).path + path
    status, answer, _ = exchange(url, method, whole, content, **(headers or KEY))
    return status, answer


def post(url: str, body: Json, path: str = "/chat/completions", **headers: str) -> tuple[int, Any]:
    """The same with a body: its status, and what the answer says."""
    status, answer = send(url, "POST", path, body, **headers)
    return status, json.loads(answer)


# --- Where what is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://acme.example/v7", "/v7"),
        ("https://acme.example/", ""),
        ("http://localhost:8080/api/v1/", "/api/v1"),
        ("https://{host}/{account}/v1", "/account/v1"),
        ("{endpoint}/v1", "/v1"),
        ("https://{region}.acme.example/{region}", "/region"),
    ],
)
def test_the_base_url_has_the_providers_path(base_url: str, path: str) -> None:
    """A variable stands for itself, and so does anything else in its place; one of the host is not there."""
    with running(like=acme(base_url=base_url)) as url:
        assert urlsplit(url).path == path
        assert post(url, CHAT)[0] == 200
        if path == "/account/v1":
            assert send(url, "POST", "//another/v1/chat/completions", CHAT)[0] == 200


def test_a_provider_without_an_address() -> None:
    """Where a profile has no base URL the rows are where OpenAI's are."""
    with running(like={"name": "acme"}) as url:
        assert urlsplit(url).path == "/v1"


def test_rows_are_at_the_providers_paths() -> None:
    """By the path of a row or by its name, with the model in it, or at another host, whose paths are here too."""
    paths = {
        "/chat/completions": "/deployments/{model}/chat",
        "models.list": "https://other.example/catalog/{account}/models",
        "/embeddings": "{vectors?}/v9/embeddings",
    }
    row = {"name": "x.y", "method": "POST", "path": "/x", "body": {"kind": "json"}}
    profile = acme(paths=paths, variables={"account": [], "vectors": []}, routes=[row])
    with running(like=profile) as url:
        assert post(url, CHAT, "/deployments/a%2Fb/chat")[0] == 200
        assert post(url, CHAT)[0] == 404
        assert send(url, "GET", "//catalog/anything/models")[0] == 200
        assert send(url, "GET", "/models")[0] == 404
        embed = {"model": "m", "input": "x"}
        assert [send(url, "POST", path, embed)[0] for path in ("/embeddings", "//v9/embeddings")] == [200, 200]
        assert post(url, {"a": 1}, "/x") == (200, {"a": 1})
        assert send(url, "GET", "//_seen")[0] == 200
        with Client({**profile, "variables": {"account": []}}, base_url=url, api_key="k", variables={"account": "me"}) as client:
            assert client.chat.completions.create(CHAT).model == "m"
            assert client.models.list().object == "list"


def test_a_file_of_a_profile(tmp_path: Path) -> None:
    """A profile of the user's own, and its rows in a file beside it."""
    (tmp_path / "rows.json").write_text('{"routes": [{"name": "x.y", "method": "GET", "path": "/x"}]}')
    (tmp_path / "acme.toml").write_text('name = "acme"\nbase_url = "https://a.example/v3"\nroutes = "rows.json"\n')
    with running(like=tmp_path / "acme.toml") as url:
        assert send(url, "GET", "/x") == (200, b"{}")


def test_absent_rows() -> None:
    """What the provider is known not to have is not found, in its own form."""
    with running(like=acme(absent=["models.*"], error_body={"oops": "{message}"})) as url:
        assert send(url, "GET", "/models") == (404, b'{"oops":"Not Found: GET /v7/models"}')
        assert send(url, "GET", "/nowhere") == (404, b'{"oops":"Not Found: GET /v7/nowhere"}')


def test_wrong_profiles_are_told() -> None:
    """A name that is none, a profile with a wrong member, and settings that do not go together."""
    for wrong in (
        "no-such-provider",
        {"name": "a", "request": [{"verb": "fly"}]},
        {"name": "a", "nope": 1},
        acme(stream={"usage": 1}),
    ):
        with pytest.raises(ConfigError), running(like=wrong):
            pass
    for settings in (Settings(replay="x", like="groq"), Settings(record="x", upstream="http://x", like="groq")):
        with pytest.raises(ConfigError, match="like"):
            settings.check()


# --- Who is let in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "key", "path", "headers", "status"),
    [
        ({}, None, "", {"Authorization": "Bearer any"}, 200),
        ({}, None, "", {"Authorization": "Basic any"}, 401),
        ({}, None, "", {"x": "y"}, 401),
        ({}, "k", "", {"Authorization": "Bearer k"}, 200),
        ({}, "k", "", {"Authorization": "Bearer other"}, 401),
        ({"auth": "header:X-Key"}, "k", "", {"X-Key": "k"}, 200),
        ({"auth": "header:X-Key"}, None, "", {"Authorization": "Bearer k"}, 401),
        ({"auth": "header:X-Key", "token_auth": "bearer"}, "k", "", {"Authorization": "Bearer k"}, 200),
        ({"auth": "query:key"}, "k", "?key=k", {"x": "y"}, 200),
        ({"auth": "query:key"}, None, "", {"Authorization": "Bearer k"}, 401),
        ({"auth": "none"}, None, "", {"x": "y"}, 200),
        ({"placeholder_key": "nothing"}, None, "", {"x": "y"}, 200),
        ({"placeholder_key": "nothing"}, "k", "", {"Authorization": "Bearer nothing"}, 401),
        ({"placeholder_key": "nothing"}, "k", "", {"x": "y"}, 401),
    ],
)
def test_who_is_let_in(profile: Json, key: str | None, path: str, headers: dict[str, str], status: int) -> None:
    """The credential travels as the profile says; where none is needed none is asked for, unless the server was given one."""
    with running(like=acme(**profile), key=key) as url:
        found, answer = post(url, CHAT, f"/chat/completions{path}", **headers)
        assert found == status
        assert found == 200 or "API key" in answer["error"]["message"]


def test_how_a_key_is_asked_for() -> None:
    """A refusal says how the key is sent."""
    for auth, says in (("bearer", "Authorization: Bearer KEY"), ("header:X-Key", "X-Key: KEY"), ("query:key", "?key=KEY")):
        with running(like=acme(auth=auth)) as url:
            assert says in post(url, CHAT, x="y")[1]["error"]["message"]


def test_the_providers_own_query_is_wanted() -> None:
    """A parameter of all requests has to be there; one with a variable that need not be set may be missing."""
    profile = acme(query={"api-version": "{version}", "tag": "{tag?}"}, variables={"version": [], "tag": []})
    with running(like=profile) as url:
        status, answer = post(url, CHAT)
        assert (status, answer["error"]["param"]) == (400, "api-version")
        assert send(url, "GET", "/files?api-version=1&limit=1")[0] == 200


# --- What is refused ----------------------------------------------------------------------------------------

RULES: list[Json] = [
    {"verb": "drop", "member": "seed", "why": "there is no seed"},
    {"verb": "drop", "member": "user", "service": "ignores"},
    {"verb": "reject", "member": "messages[].name"},
]


@pytest.mark.parametrize(
    ("form", "status", "answer"),
    [
        ({"message": "{message}", "status": "{status}"}, 400, {"message": "seed: there is no seed", "status": 400}),
        ([{"error": {"text": "no: {message}", "of": "{param}", "n": 1}}], 400, [
            {"error": {"text": "no: seed: there is no seed", "of": "seed", "n": 1}}
        ]),
        ({"detail": [{"loc": ["body", "{param}"], "msg": "{message}"}]}, 422, {
            "detail": [{"loc": ["body", "seed"], "msg": "seed: there is no seed"}]
        }),
        ({"detail": "{message}"}, 400, {"detail": "seed: there is no seed"}),
        ({"a": "{nothing}", "b": "{type} {code}"}, 400, {"a": "{nothing}", "b": "invalid_request_error unsupported_parameter"}),
    ],
)  # fmt: skip
def test_what_a_rule_would_change_is_refused(form: Any, status: int, answer: Any) -> None:
    """With the place and the reason, in the provider's own form; what it ignores is taken."""
    with running(like=acme(request=RULES, error_body=form)) as url:
        assert post(url, {**CHAT, "seed": 1, "user": "me"}) == (status, answer)
        assert post(url, {**CHAT, "user": "me"})[0] == 200


def test_errors_without_a_form_are_openais() -> None:
    """Where a profile has no form of its own; a rule without a reason says that much."""
    with running(like=acme(request=[{"verb": "drop", "member": "seed"}, *RULES[1:]])) as url:
        status, answer = post(url, {**CHAT, "seed": 1})
        assert (status, answer["error"]) == (400, {
            "message": "seed: not supported", "type": "invalid_request_error", "param": "seed", "code": "unsupported_parameter"
        })  # fmt: skip
        named = {"role": "user", "content": "x", "name": "me"}
        answer = post(url, {"model": "m", "messages": [named]})[1]
        assert answer["error"]["message"] == "messages[0].name: the service does not take it"


def test_errors_as_text_and_in_lists() -> None:
    """A form that is text is no JSON, and of what is not there nothing stands in a list."""
    with running(like=acme(error_body="{status}: {message}")) as url:
        assert send(url, "GET", "/nowhere") == (404, b"404: Not Found: GET /v7/nowhere")
    with running(like=acme(error_body={"detail": [{"loc": ["{param}"]}]})) as url:
        assert send(url, "GET", "/nowhere") == (404, b'{"detail":[{"loc":[]}]}')


def test_faults_are_told_in_the_providers_form() -> None:
    """A fault keeps its status and its headers."""
    with (
        running(like=acme(error_body={"message": "{message}"}), faults=["429"]) as url,
        Client(acme(), base_url=url, api_key="k", max_retries=0) as client,
        pytest.raises(RateLimitError, match="slow down") as info,
    ):
        client.models.list()
    assert json.loads(info.value.body) == {"message": "too many requests: slow down"}
    assert info.value.headers["retry-after"] == "1"


def test_what_openai_does_not_know_is_taken() -> None:
    """A request in the provider's own form is not held against OpenAI's schemas."""
    with running(like=acme()) as url:
        assert post(url, {**CHAT, "top_k": "many", "temperature": "high", "n": "x"})[0] == 200
        assert post(url, {"input": "x", "dimensions": [2]}, "/embeddings")[0] == 200


# --- What is answered ---------------------------------------------------------------------------------------


def test_members_are_looked_for_where_they_were_moved() -> None:
    """What the answer depends on is found under its name here: whole messages, a schema, how much is thought."""
    moves: list[Json] = [
        {"verb": "move", "member": "messages", "to": "dialogue.turns"},
        {"verb": "move", "member": "response_format.json_schema.schema", "to": "/response_format.schema"},
        {"verb": "move", "member": ["reasoning_effort"], "to": "thinking", "values": [["none", False], ["high", True]]},
        {"verb": "move", "member": "messages[].content[].file.file_id", "to": "../file_id"},
        {"verb": "move", "member": "prompt", "to": "text", "rows": ["completions.create"]},
        {"verb": "move", "member": "seed", "to": "random_seed", "models": ["other"]},
    ]
    fill = {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]}
    schema = {"type": "object", "properties": {"a": {"const": 7}}, "required": ["a"]}
    with running(like=acme(request=moves, reply=[fill])) as url:
        body: Json = {"model": "m", "dialogue": {"turns": HELLO}}
        message = post(url, body)[1]["choices"][0]["message"]
        assert (message["content"], message["reasoning"]) == ("You said: Hello", "The user expects an answer.")
        assert "reasoning_content" not in message
        body |= {"response_format": {"type": "json_object", "schema": schema}, "thinking": False}
        message = post(url, body)[1]["choices"][0]["message"]
        assert json.loads(message["content"]) == {"a": 7}
        assert "reasoning" not in message


def test_limits_and_counts_are_told() -> None:
    """Every answer has the headers of limits, and a chat says which tokens were thoughts."""
    fill = {"verb": "fill", "member": "usage.completion_tokens_details.reasoning_tokens", "from": ["/usage.reasoning_tokens"]}
    with running(like=acme(reply=[fill])) as url, Client(acme(), base_url=url, api_key="k") as client:
        from_chat = client.chat.completions.create(CHAT)
        assert from_chat.usage.reasoning_tokens == 3
        assert from_chat.usage.prompt_tokens_details.cached_tokens == 0
        _, _, headers = exchange(url, "GET", "/v7/models", Authorization="Bearer k")
        assert headers["x-ratelimit-remaining-requests"] == "9999"
        speech = client.audio.speech.create(model="m", input="x", voice="alloy")
        assert speech.read()


def streamed(profile: Json, body: Json = STREAM) -> str:
    """The raw text of a stream."""
    with running(like=profile) as url:
        return send(url, "POST", "/chat/completions", body)[1].decode()


def usages(text: str) -> list[bool]:
    """Of each event whether it has counts."""
    return ["usage" in json.loads(data) for data in re.findall(r"^data: (\{.*)$", text, re.MULTILINE)]


def test_how_a_stream_looks() -> None:
    """Line ends, comments, the end, and where the counts are."""
    counting = {**STREAM, "stream_options": {"include_usage": True}}
    plain = streamed(acme())
    assert plain.endswith("data: [DONE]\n\n".replace("\\\n", "\n"))
    assert usages(plain) == [False] * 5
    assert usages(streamed(acme(), counting)) == [False] * 5 + [True]
    assert usages(streamed(acme(stream={"usage": "last"}))) == [False] * 4 + [True]
    assert usages(streamed(acme(stream={"usage": "last"}), counting)) == [False] * 4 + [True]
    assert usages(streamed(acme(stream={"usage": "every"}))) == [True] * 5
    assert "[DONE]" not in streamed(acme(stream={"done": False}))
    assert streamed(acme(stream={"comment": "PROCESSING"})).startswith(": PROCESSING\n\ndata: {")
    assert streamed(acme(stream={"comment": True})).startswith(": keep-alive\n\ndata: {")
    ends = streamed(acme(stream={"crlf": True}))
    assert ends.count("\r\n") == ends.count("\n") == 12


def test_events_are_spoiled() -> None:
    """Rules of events hold for streams, of all rows."""
    rule = {"verb": "map", "member": "object", "values": [["chunk", "chat.completion.chunk"]], "on": ["event"]}
    text = streamed(acme(reply=[rule]))
    assert text.count('"object":"chunk"') == 5
    items = {"verb": "items", "rows": ["responses.create"]}
    with running(like=acme(reply=[items])) as url:
        found = send(url, "POST", "/responses", {"model": "m", "input": "x", "stream": True})[1].decode()
    assert "event: response.completed" in found
    assert "output_index" not in found


def test_a_bundled_provider_whole(face: SyncFace) -> None:
    """What an application sends in OpenAI's form is answered; a loss is told as it would be."""
    with running(like="groq", key="k") as url:
        assert urlsplit(url).path == urlsplit(load("groq")["base_url"]).path
        client = face.client(provider="groq", base_url=url, api_key="k")
        with pytest.warns(LossWarning, match="logprobs"):
            reply = face.wait(client.chat.completions.create(CHAT, logprobs=True))
        assert reply.choices[0].message.reasoning_content == "The user expects an answer."
        assert reply.choices[0].message.reasoning == "The user expects an answer."


def test_the_command(tmp_path: Path) -> None:
    """`--like` takes a name or a file; what is neither is told before anything runs."""
    serve = [sys.executable, "-m", "oai_dyn", "serve", "--port", "0", "--like"]
    (tmp_path / "acme.json").write_text(json.dumps(acme()))
    with subprocess.Popen([*serve, "acme.json"], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            assert server.stdout is not None
            assert post(server.stdout.readline().strip(), CHAT)[0] == 200
        finally:
            server.terminate()
    wrong = subprocess.run([*serve, "no-such-provider"], capture_output=True, text=True, check=False, timeout=60)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("oai-dyn: serve: no provider 'no-such-provider', and no file of that name")
