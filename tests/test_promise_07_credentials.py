"""Promise 7, first half: credentials stay at their origin, whatever redirects, variables and files say.

The second half, that no credential is ever shown, is in `test_promise_07_secrets_unseen.py`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from faces import SyncFace
from hostile import Forever, HostileServer, Steps, head, json_reply, nobody, reply, sse_reply
from sessions import close, session_of
from tls import Certificate, make_certificate, tls_server, tunnel

from oai_dyn import APIConnectionError, APIStatusError, AuthenticationError, ConfigError
from oai_dyn.profiles import load
from oai_dyn.providers import settle

KEY = "sk-secret-0123456789"
PROMPT = "a prompt of the user's"
REDIRECTS = (301, 302, 303, 307, 308)


def moved(status: int, location: str) -> Steps:
    """A redirect."""
    return reply([b""], status=status, headers=[("Location", location)])


# Redirects --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("location", ["{url}/v1/there?x=1", "/v1/there?x=1", "there?x=1", "../v1/./there?x=1", "there?x=1#part"])
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_within_the_origin_is_followed(face: SyncFace, status: int, location: str) -> None:
    """Same origin: method and body as RFC 9110 section 15.4 has them, and the key goes along."""
    script: list[Steps] = []
    with HostileServer(script) as server:
        script += [moved(status, location.format(url=server.url)), json_reply({"id": "there"})]
        client = face.client(base_url=f"{server.url}/v1", api_key=KEY)
        assert face.wait(client.request("POST", "/here", {"prompt": PROMPT})).id == "there"
    first, second = server.requests
    assert second.target == "/v1/there?x=1"
    assert second.header("Authorization") == f"Bearer {KEY}"
    if status in (307, 308):
        assert (second.method, second.body, second.header("Content-Type")) == ("POST", first.body, "application/json")
    else:
        assert (second.method, second.body, second.header("Content-Type")) == ("GET", b"", None)


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_other_methods_are_kept_through_a_redirect(face: SyncFace, method: str, status: int) -> None:
    """Only 303 makes a GET of a method that is not POST; what is resent is the same body."""
    body = {"a": 1} if method == "PUT" else None
    with HostileServer([moved(status, "/there"), json_reply({})]) as server:
        face.wait(face.client(base_url=server.url).request(method, "/here", body))
    first, second = server.requests
    assert (second.method, second.body) == (("GET", b"") if status == 303 else (method, first.body))


def test_a_multipart_body_is_sent_again_whole(face: SyncFace) -> None:
    """A 307 gets the same bytes, boundary included."""
    with HostileServer([moved(307, "/there"), json_reply({"id": "f"})]) as server:
        client = face.client(base_url=server.url)
        assert face.wait(client.files.create(file=("a.txt", io.BytesIO(b"x" * 100_000)), purpose="batch")).id == "f"
    first, second = server.requests
    assert first.body == second.body
    assert first.header("Content-Type") == second.header("Content-Type")


@pytest.mark.parametrize("kind", ["json", "stream", "bytes", "multipart", "page", "session"])
@pytest.mark.parametrize("status", REDIRECTS)
def test_another_origin_is_sent_nothing_at_all(face: SyncFace, status: int, kind: str) -> None:
    """The other port is not even connected to; the error says where the redirect pointed, and is not retried."""
    with HostileServer() as other, HostileServer([moved(status, f"{other.url}/v1/here")]) as server:
        client = face.client(base_url=f"{server.url}/v1", api_key=KEY, max_retries=2)
        with pytest.raises(APIStatusError, match="redirect") as caught:
            face.wait(CALLS[kind](client))
    assert (other.accepted, len(server.requests)) == (0, 1)
    assert (caught.value.status, "127.0.0.1" in str(caught.value)) == (status, True)


CALLS: dict[str, Any] = {
    "json": lambda client: client.embeddings.create(input=PROMPT, model="m"),
    "stream": lambda client: client.chat.completions.create(messages=[{"content": PROMPT}], model="m", stream=True),
    "bytes": lambda client: client.files.content("file-1"),
    "multipart": lambda client: client.files.create(file=b"x", purpose="batch"),
    "page": lambda client: client.files.list(),
    "session": lambda client: client.request("POST", "/x", {"prompt": PROMPT}, extra_headers={"api-key": KEY}),
}

#: Ways to say another origin that look like this one, or like nothing. {here} and {there} are host and port.
CROSSINGS = (
    "//{there}/v1",
    "///{there}/v1",
    "////{there}/v1",
    "/\\{there}/v1",
    "\\\\{there}/v1",
    "http:\\\\{there}/v1",
    "http:{there}/v1",
    "http:/{there}/v1",
    "http:///{there}/v1",
    "HTTP://{there}/v1",
    "ht\ttp://{there}/v1",
    "http://{here}@{there}/v1",
    "http://user:password@{here}/v1",
    "http://{there}#@{here}/v1",
    "http://{there}?@{here}/v1",
    "http://{there}\\@{here}/v1",
    "http://{here}\\@{there}/v1",
    "http://{here}.{there}/v1",
    "https://{here}/v1",
    "ftp://{here}/v1",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://localhost:{port}/v1",
    "http://[::1]:{port}/v1",
    "http://127.1:{port}/v1",
    "http://2130706433:{port}/v1",
    "http://127.0.0.1:{port}0/v1",
    "http://[{here}/v1",
    "http://127.0.0.1:99999/v1",
    "http://127.0.0.1:x/v1",
    "http://\x7f{here}/v1",
    "http://\N{FULLWIDTH LATIN SMALL LETTER L}ocalhost:{port}/v1".encode().decode("latin-1"),
)


@pytest.mark.parametrize("location", CROSSINGS)
def test_no_spelling_of_a_redirect_crosses(face: SyncFace, location: str) -> None:
    """Whatever a Location looks like: this origin is asked again, or nobody is, and the error is ours."""
    script: list[Steps] = []
    with HostileServer() as other, HostileServer(script) as server:
        here, there = f"127.0.0.1:{server.port}", f"127.0.0.1:{other.port}"
        script += [moved(307, location.format(here=here, there=there, port=server.port)), json_reply({})]
        client = face.client(base_url=f"{server.url}/v1", api_key=KEY)
        refused = None
        try:
            face.wait(client.request("POST", "/here", {"prompt": PROMPT}))
        except APIStatusError as error:
            refused = error
    assert other.accepted == 0
    assert [request.header("Host") for request in server.requests] == [here] * (1 if refused else 2)
    if refused:
        assert (refused.status, "password" in str(refused)) == (307, False)


def test_redirects_end(face: SyncFace) -> None:
    """A circle is left after ten, a chain of other origins at the first, and a redirect that says nowhere at once."""
    with HostileServer([moved(302, "/again")], after="repeat") as server, pytest.raises(APIStatusError, match="redirects"):
        face.wait(face.client(base_url=server.url).models.list())
    assert len(server.requests) == 11
    for status in (300, 304, 305, 307):
        with HostileServer([reply([b""], status=status)]) as server:
            with pytest.raises(APIStatusError) as caught:
                face.wait(face.client(base_url=server.url).models.list())
            assert caught.value.status == status


def test_the_body_of_a_redirect_is_not_waited_for(face: SyncFace) -> None:
    """A redirect whose body never ends is followed all the same."""
    endless: Steps = [head(307, [("Location", "/there"), ("Transfer-Encoding", "chunked")]), Forever(b"1\r\nx\r\n", 0.01)]
    with HostileServer([endless, json_reply({"id": "there"})]) as server:
        assert face.wait(face.client(base_url=server.url, timeout=5).request("GET", "/here")).id == "there"


# Keys of the environment ------------------------------------------------------------------------------------------------

OWN = "http://127.0.0.1:{own}/v1"
THEIRS = "http://127.0.0.1:{theirs}/v1"
PROFILE = {"name": "p", "base_url_env": ["P_BASE_URL"], "api_key_env": ["P_API_KEY"], "headers_env": {"X-Org": "P_ORG"}}


def ask(face: SyncFace, **settings: Any) -> AuthenticationError:
    """Make a call that is answered with 401."""
    with pytest.raises(AuthenticationError) as caught:
        face.wait(face.client(**settings).models.list())
    return caught.value


@pytest.mark.parametrize("in_env", [True, False], ids=["key in env", "no key in env"])
@pytest.mark.parametrize("env_url", [None, OWN, THEIRS], ids=["no url in env", "own url in env", "other url in env"])
@pytest.mark.parametrize("base_url", [None, OWN, OWN + "/", THEIRS], ids=["no url", "own url", "own url/", "other url"])
@pytest.mark.parametrize("api_key", [None, KEY, ""], ids=["no key", "key", "empty key"])
def test_a_key_goes_where_it_belongs(
    face: SyncFace, monkeypatch: pytest.MonkeyPatch, in_env: bool, env_url: str | None, base_url: str | None, api_key: str | None
) -> None:
    """A profile's key and headers go to its own address or its variable's; a given key goes to the given address."""
    with HostileServer([json_reply({}, 401)]) as own, HostileServer([json_reply({}, 401)]) as theirs:

        def at(url: str | None) -> str | None:
            return url and url.format(own=own.port, theirs=theirs.port)

        for name, value in (("P_API_KEY", "env-key" if in_env else None), ("P_BASE_URL", at(env_url)), ("P_ORG", "org")):
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
        error = ask(face, provider={**PROFILE, "base_url": at(OWN)}, base_url=at(base_url), api_key=api_key)
        (request,) = own.requests + theirs.requests
    address = base_url or env_url or OWN
    at_home = address.rstrip("/") in (OWN, env_url)
    key = api_key if api_key is not None else "env-key" if in_env and at_home else ""
    assert own.requests == ([request] if address.startswith(OWN) else [])
    assert request.header("Authorization") == (f"Bearer {key}" if key else None)
    assert request.header("X-Org") == ("org" if at_home else None)
    assert ("no key was sent" in str(error)) == (not key)
    if not key:
        assert "P_API_KEY" in str(error)
        assert "api_key=" in str(error)
    assert "env-key" not in str(error)


OPENAI = "https://api.openai.com/v1"


@pytest.mark.parametrize("env_url", [None, "http://proxy.example/v1"])
@pytest.mark.parametrize(
    "base_url", [None, OPENAI, OPENAI + "/", "http://localhost:8000/v1", "https://api.openai.com.evil.example/v1"]
)
@pytest.mark.parametrize("member", ["api_key", "admin_key"])
def test_openais_own_variables(env_url: str | None, base_url: str | None, member: str) -> None:
    """OPENAI_API_KEY and OPENAI_ADMIN_KEY go to OPENAI_BASE_URL or OpenAI's own address, organisation and project too."""
    environ = {f"OPENAI_{member.upper()}": f" {KEY}\n", "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}
    if env_url:
        environ["OPENAI_BASE_URL"] = env_url
    place = settle(load(None), lambda name: environ.get(name, ""), base_url)
    at_home = (base_url or env_url or OPENAI).rstrip("/") in (OPENAI, env_url)
    other = {"api_key": "admin_key", "admin_key": "api_key"}[member]
    assert place.base_url == (base_url or env_url or OPENAI).rstrip("/")
    assert place.auth[member] == ({"Authorization": f"Bearer {KEY}"} if at_home else {})
    assert place.auth[other] == {}
    assert place.headers == ({"OpenAI-Organization": "org-1", "OpenAI-Project": "proj-1"} if at_home else {})


@pytest.mark.parametrize("provider", ["groq", "openrouter", "ollama", "vllm", "mistral"])
def test_no_provider_gets_the_key_of_another(provider: str) -> None:
    """OPENAI_API_KEY means nothing to another profile, even where OPENAI_BASE_URL names its address."""
    address = str(load(provider)["base_url"])
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": address, "OPENAI_ORG_ID": "org-1"}
    place = settle(load(provider), lambda name: environ.get(name, ""))
    assert place.base_url == address
    instead = load(provider).get("placeholder_key")
    assert dict(place.auth) == {"api_key": {"Authorization": f"Bearer {instead}"} if instead else {}, "admin_key": {}}
    assert not place.headers
    assert instead or f"{provider.upper()}_API_KEY" in place.keyless["api_key"]


def test_an_admin_row_takes_the_admin_key_alone(face: SyncFace) -> None:
    """The two credentials are never confused, and a missing one is named."""
    with HostileServer([json_reply({}, 401)], after="repeat") as server:
        client = face.client(base_url=server.url, api_key=KEY)
        with pytest.raises(AuthenticationError, match="admin_key= beside it"):
            face.wait(client.admin.organization.projects.retrieve("p"))
        client = face.client(base_url=server.url, api_key=KEY, admin_key="admin")
        with pytest.raises(AuthenticationError):
            face.wait(client.admin.organization.projects.retrieve("p"))
    assert [request.header("Authorization") for request in server.requests] == [None, "Bearer admin"]


@pytest.mark.parametrize("where", ["client", "call"])
@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("api_key", ["", KEY], ids=["no key", "key"])
def test_a_credential_given_as_a_header_is_the_one_that_is_sent(face: SyncFace, where: str, name: str, api_key: str) -> None:
    """One Authorization header, the user's; and a 401 does not claim that there was none."""
    given = {name: "Basic dXNlcg=="}
    client_headers, call_headers = (given, {}) if where == "client" else ({}, given)
    with HostileServer([json_reply({}, 401)]) as server:
        client = face.client(base_url=server.url, api_key=api_key, headers=client_headers)
        with pytest.raises(AuthenticationError) as caught:
            face.wait(client.request("GET", "/x", extra_headers=call_headers))
    sent = [value for key, value in server.requests[0].headers if key.lower() == "authorization"]
    assert sent == ["Basic dXNlcg=="]
    assert "no key was sent" not in str(caught.value)


@pytest.mark.parametrize("where", ["client", "call"])
def test_a_credential_taken_away_is_not_sent(face: SyncFace, where: str) -> None:
    """A header given as None is taken away, the key's own too."""
    given: dict[str, None] = {"authorization": None}
    client_headers, call_headers = (given, {}) if where == "client" else ({}, given)
    with HostileServer([json_reply({})]) as server:
        client = face.client(base_url=server.url, api_key=KEY, headers=client_headers)
        face.wait(client.request("GET", "/x", extra_headers=call_headers))
    assert server.requests[0].header("Authorization") is None


@pytest.mark.parametrize("scheme", ["bearer", "header:api-key", "header:X-Subscription", "none"])
def test_each_scheme_sends_its_header_and_no_other(face: SyncFace, scheme: str) -> None:
    """The profile says which header carries the key; it stays at its origin like any."""
    name = scheme.partition(":")[2] or "Authorization"
    expected = {"bearer": f"Bearer {KEY}", "none": None}.get(scheme, KEY)
    with HostileServer() as other, HostileServer([json_reply({}), moved(307, other.url)]) as server:
        client = face.client(provider={"base_url": server.url, "auth": scheme}, api_key=KEY)
        face.wait(client.request("GET", "/x"))
        with pytest.raises(APIStatusError, match="redirect"):
            face.wait(client.request("GET", "/x"))
    assert other.accepted == 0
    assert [server.requests[0].header(n) for n in {name, "Authorization"}].count(expected) >= 1
    assert sum(KEY in value for _, value in server.requests[0].headers) == (expected is not None)


@pytest.mark.parametrize("given", ["key", "callable"])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/there", "/there?key={}"),
        ("/there?a=1", "/there?a=1&key={}"),
        ("/there?key={}&a=1", "/there?a=1&key={}"),
        ("/there?%6Bey=other", "/there?key={}"),
    ],
)
def test_a_key_in_the_query_goes_along_within_its_origin(face: SyncFace, location: str, target: str, given: str) -> None:
    """Once, whether the server puts it into the redirect or not; and to no other origin."""
    script: list[Steps] = [moved(307, location.format(KEY)), json_reply({"id": "there"})]
    with HostileServer() as other, HostileServer(script) as server:
        script.append(moved(307, f"{other.url}/there?key={KEY}"))
        client = face.client(
            provider={"base_url": server.url, "auth": "query:key"}, api_key=KEY if given == "key" else lambda: KEY
        )
        assert face.wait(client.request("GET", "/here", extra_query={"b": "2"})).id == "there"
        with pytest.raises(APIStatusError, match="redirect"):
            face.wait(client.request("GET", "/here"))
    assert other.accepted == 0
    assert [one.target for one in server.requests] == [f"/here?b=2&key={KEY}", target.format(KEY), f"/here?key={KEY}"]
    assert [one.header("Authorization") for one in server.requests] == [None] * 3


@pytest.mark.parametrize("where", ["base_url", "client", "call", "extra_query"])
def test_a_member_of_the_query_of_the_users_is_the_one_that_is_sent(face: SyncFace, where: str) -> None:
    """What the user calls like the key's takes its place, or takes it away; a callable is not asked for it."""

    def never() -> str:
        raise AssertionError("nobody needs it")

    for value, expected in (("own", "?key=own"), (None, ""))[: 1 if where == "base_url" else 2]:
        keywords: Any = {"base_url": {}, "client": {}, "call": {"key": value}, "extra_query": {"extra_query": {"key": value}}}
        for api_key in (KEY, never):
            with HostileServer([json_reply({})]) as server:
                settings: dict[str, Any] = {"query": {"key": value}} if where == "client" else {}
                address = f"{server.url}?key={value}" if where == "base_url" else server.url
                client = face.client(provider={"auth": "query:key"}, base_url=address, api_key=api_key, **settings)
                face.wait(client.models.list(**keywords[where]))
            assert server.requests[0].target == f"/models{expected}"


def test_every_page_has_the_key_of_the_query(face: SyncFace) -> None:
    """It is no part of the cursor's address, and joins it each time."""
    pages = [{"data": [{"id": "a"}], "has_more": True, "last_id": "a"}, {"data": [{"id": "b"}], "has_more": False}]
    with HostileServer([json_reply({"object": "list", **page}) for page in pages]) as server:
        client = face.client(provider={"base_url": server.url, "auth": "query:key"}, api_key=KEY)
        assert [item.id for item in face.iterate(client.files.list())] == ["a", "b"]
    assert [one.target for one in server.requests] == [f"/files?key={KEY}", f"/files?after=a&key={KEY}"]


def test_a_refused_key_of_the_query_is_no_missing_one(face: SyncFace) -> None:
    """A 401 does not claim that none was sent."""
    with HostileServer([json_reply({}, 401)]) as server:
        error = ask(face, provider={"base_url": server.url, "auth": "query:key"}, api_key=KEY)
    assert str(error) == "HTTP 401"


@pytest.mark.parametrize("given", ["key", "callable"])
def test_a_session_of_the_users_sends_the_key_of_the_query(face: SyncFace, given: str) -> None:
    """Whole, for nobody else can put it there."""
    with HostileServer([json_reply({})]) as server, session_of(face) as session:
        provider = {"base_url": server.url, "auth": "query:key"}
        client = face.client(provider=provider, api_key=KEY if given == "key" else lambda: KEY, session=session)
        face.wait(client.models.list())
    assert server.requests[0].target == f"/models?key={KEY}"


def test_a_proxy_gets_the_key_of_the_query(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the absolute address of a plain request, as it gets a header."""
    with HostileServer([json_reply({})]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        provider = {"base_url": "http://api.example/v1", "auth": "query:key"}
        face.wait(face.client(provider=provider, api_key=KEY).models.list())
    assert proxy.requests[0].target == f"http://api.example/v1/models?key={KEY}"


@pytest.mark.parametrize("url", ["http://user:pass-word@127.0.0.1:1/v1", "http://:pass-word@127.0.0.1:1", "http://pass-word@x"])
def test_a_base_url_holds_no_password(face: SyncFace, url: str) -> None:
    """It is refused, and not quoted."""
    with pytest.raises(ConfigError) as caught:
        face.client(base_url=url)
    assert "pass-word" not in str(caught.value)


# ~/.netrc ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", [False, True], ids=["own session", "session of the user's"])
@pytest.mark.parametrize("api_key", [KEY, ""], ids=["key", "no key"])
@pytest.mark.parametrize("by", ["NETRC", "HOME"])
def test_netrc_is_never_read(
    face: SyncFace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str, api_key: str, session: bool
) -> None:
    """A machine entry for the very host replaces no key and makes none up, on a redirect neither."""
    file = tmp_path / ".netrc"
    file.write_text("machine 127.0.0.1 login user password hunter2\ndefault login user password hunter2\n")
    file.chmod(0o600)
    monkeypatch.setenv(by, str(file if by == "NETRC" else tmp_path))
    with HostileServer([moved(307, "/there"), json_reply({"id": "m"})]) as server, session_of(face) as given:
        client = face.client(base_url=server.url, api_key=api_key, session=given if session else None)
        face.wait(client.request("POST", "/here", {}))
    expected = f"Bearer {KEY}" if api_key else None
    assert [request.header("Authorization") for request in server.requests] == [expected, expected]


# Proxies and certificates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(face: SyncFace, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """The request goes to the proxy with an absolute target, the proxy's password with it and nowhere else."""
    with HostileServer([json_reply({"id": "m"})]) as proxy:
        monkeypatch.setenv(variable, f"http://user:hunter2@127.0.0.1:{proxy.port}")
        client = face.client(base_url="http://api.example:8080/v1", api_key=KEY)
        assert face.wait(client.models.retrieve("a/b:c")).id == "m"
    (request,) = proxy.requests
    assert request.target == "http://api.example:8080/v1/models/a%2Fb:c"
    assert request.header("Host") == "api.example:8080"
    assert request.header("Authorization") == f"Bearer {KEY}"
    assert request.header("Proxy-Authorization") == "Basic dXNlcjpodW50ZXIy"


@pytest.mark.parametrize(
    ("excluded", "through"),
    [("127.0.0.1", False), ("localhost,127.0.0.1", False), ("*", False), ("example.com", True), ("", True)],
)
def test_hosts_without_a_proxy_are_asked_directly(
    face: SyncFace, monkeypatch: pytest.MonkeyPatch, excluded: str, through: bool
) -> None:
    """NO_PROXY is honoured, in either case."""
    for variable in ("NO_PROXY", "no_proxy"):
        with HostileServer([json_reply({})]) as proxy, HostileServer([json_reply({})]) as server:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv(variable, excluded)
            face.wait(face.client(base_url=server.url).request("GET", "/x"))
        monkeypatch.delenv(variable)
        assert (len(proxy.requests), len(server.requests)) == ((1, 0) if through else (0, 1))


def test_a_tls_proxy_sees_a_connect_and_no_key(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY is asked for a tunnel; what it refuses is a connection error without any secret."""
    with HostileServer([[head(403, [("Content-Length", "0")])]], after="repeat") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@127.0.0.1:{proxy.port}")
        client = face.client(base_url="https://api.example/v1", api_key=KEY)
        with pytest.raises(APIConnectionError) as caught:
            face.wait(client.request("POST", "/x", {"prompt": PROMPT}))
    assert {(request.method, request.target) for request in proxy.requests} == {("CONNECT", "api.example:443")}
    seen = repr(proxy.requests)
    assert KEY not in seen
    assert PROMPT not in seen
    assert "hunter2" not in str(caught.value)


def test_a_proxy_that_is_not_there_is_a_connection_error(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent, and the proxy's password is not shown."""
    with nobody() as url:
        monkeypatch.setenv("HTTP_PROXY", url.replace("//", "//user:hunter2@"))
        with pytest.raises(APIConnectionError) as caught:
            face.wait(face.client(base_url="http://api.example/v1").request("GET", "/x"))
    assert not caught.value.sent
    assert "hunter2" not in repr(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """One certificate for all tests of this file."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("form", ["file", "folder"])
def test_certificate_authorities_of_the_environment(
    face: SyncFace, monkeypatch: pytest.MonkeyPatch, certificate: Certificate, variable: str, form: str
) -> None:
    """A server whose certificate the variable names is trusted, by file or by folder."""
    monkeypatch.setenv(variable, str(certificate.file if form == "file" else certificate.file.parent))
    with tls_server(certificate) as url:
        assert face.wait(face.client(base_url=url).models.retrieve("m")).id == "m"


def test_a_tunnel_hides_the_key_from_the_proxy(face: SyncFace, monkeypatch: pytest.MonkeyPatch, certificate: Certificate) -> None:
    """Through HTTPS_PROXY the call works, and the proxy is told the host, its own password and no more."""
    with tls_server(certificate) as url, tunnel() as (proxy, seen):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//user:hunter2@"))
        client = face.client(base_url=url, api_key=KEY)
        assert face.wait(client.models.retrieve("m")).id == "m"
        assert face.wait(client.models.retrieve("n")).id == "n"
        close(face, client)
    assert seen
    for request in seen:
        assert request.startswith(b"CONNECT 127.0.0.1:")
        assert b"proxy-authorization: basic dxnlcjpodw50zxiy" in request.lower()
        assert KEY.encode() not in request


def test_an_unknown_certificate_is_refused(face: SyncFace, certificate: Certificate) -> None:
    """Without the variable nobody trusts the server, and it gets no request."""
    with tls_server(certificate) as url, pytest.raises(APIConnectionError) as caught:
        face.wait(face.client(base_url=url).models.retrieve("m"))
    assert not caught.value.sent


def test_a_certificate_file_that_is_not_there_is_a_clear_error(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the file, and is one of ours."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with HostileServer(), pytest.raises((ConfigError, APIConnectionError), match=r"/nowhere/ca\.pem"):
        face.wait(face.client(base_url="https://127.0.0.1:1/v1").models.retrieve("m"))


def test_the_streams_of_redirects_are_followed_too(face: SyncFace) -> None:
    """A stream behind a redirect is the stream that was asked for."""
    events = [{"choices": [{"index": 0, "delta": {"content": c}, "finish_reason": None}]} for c in "ab"]
    with HostileServer([moved(308, "/there"), sse_reply([*events, "[DONE]"])]) as server:
        client = face.client(base_url=server.url)
        stream = face.wait(client.chat.completions.create(messages=[], model="m", stream=True))
        texts = [chunk.choices[0].delta.content for chunk in face.iterate(stream)]
    assert (texts, stream.reply.status) == (["a", "b"], 200)
