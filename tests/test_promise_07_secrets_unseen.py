"""Promise 7, second half: no credential is shown, in a repr, log, notice, error, pickle or local of our own frames.

The first half, that credentials stay at their origin, is in `test_promise_07_credentials.py`.
"""

from __future__ import annotations

import logging
import pickle
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from faces import SyncFace
from hostile import Close, HostileServer, Reset, Steps, cut, head, json_reply, nobody, reply, sse_reply
from leaks import leaks, shown, shown_by_frames

from oai_dyn import APIError, ConfigError, DecodeError, Limits, Notice, OaiDynError, RateLimitError, RouteError, ValidationError

KEY = "sk-secret-0123456789"
OTHER = "other-secret-9876543210"
CHAT: dict[str, Any] = {"model": "m", "messages": []}


def bare(body: bytes, status: int = 200, kind: str = "text/html", coding: str = "identity") -> Steps:
    """A reply of any kind."""
    return reply([body], status=status, headers=[("Content-Type", kind), ("Content-Encoding", coding)])


def stays_unseen(error: BaseException, *secrets: str) -> None:
    """Fail with the places, in the error itself and in our frames, where a secret is shown."""
    assert leaks(shown(error), *(secrets or (KEY,))) == []
    assert leaks(shown_by_frames(error), *(secrets or (KEY,))) == []


def test_a_leak_would_be_found(face: SyncFace) -> None:
    """The search these tests rest on sees text, members, pickles, and the locals of our frames."""
    with pytest.raises(RouteError) as caught:
        face.client(base_url="http://127.0.0.1:1", api_key=OTHER).call(KEY)
    found = leaks(shown(caught.value), KEY)
    assert {f"RouteError {place}" for place in ("args", "pickle", "printed", "repr", "str")} <= set(found)
    assert "client.py call() name" in leaks(shown_by_frames(caught.value), KEY)


# What a server says back ------------------------------------------------------------------------------------------------

SAID = {"message": f"bad {KEY}!", "code": KEY, "type": f"a {KEY}", "param": KEY}
CHUNK = {"choices": [{"index": 0, "delta": {"content": f"hi {KEY}"}, "finish_reason": None}]}

#: What a server answers that quotes our key; the mark says whether it is asked for a stream.
ECHOES: dict[str, tuple[bool, Steps]] = {
    **{f"{status} json": (False, json_reply({"error": SAID}, status)) for status in (400, 401, 403, 404, 409, 422, 429, 500)},
    "401 starred": (False, json_reply({"error": {"message": "Incorrect API key provided: sk-secr***6789."}}, 401)),
    "text error": (False, bare(f"no {KEY}".encode(), 500, "text/plain")),
    "title": (False, bare(f"<title>no {KEY}</title>".encode(), 502)),
    "detail": (False, json_reply({"detail": [{"loc": ["header", KEY], "msg": KEY}]}, 422)),
    "flat": (False, json_reply(SAID, 400)),
    "list": (False, json_reply([{"error": SAID}], 400)),
    "number": (False, json_reply({"error": {"message": KEY, "code": 400}}, 418)),
    "cut error": (False, cut(json_reply({"error": SAID}, 500), -2)),
    "packed error": (False, json_reply({"error": SAID}, 400, coding="gzip")),
    "header": (False, json_reply({"error": {}}, 400, [("X-Seen-Authorization", f"Bearer {KEY}"), ("X-Request-Id", KEY)])),
    "retry header": (False, json_reply({}, 429, [("Retry-After", KEY)])),
    "redirect": (False, reply([b""], status=302, headers=[("Location", f"http://{KEY}.example/?key={KEY}")])),
    "odd redirect": (False, reply([b""], status=302, headers=[("Location", f"http://{KEY}:{KEY}@[::1/")])),
    "disguised": (False, json_reply({"error": SAID})),
    "not json": (False, bare(f"<p>{KEY}</p>".encode())),
    "broken json": (False, bare(b'{"a": "%b' % KEY.encode(), kind="application/json")),
    "cut reply": (False, cut(bare(b'{"a": "%b"}' % KEY.encode(), kind="application/json"), -1)),
    "unknown coding": (False, bare(KEY.encode(), coding=KEY)),
    "stream refused": (True, json_reply({"error": SAID}, 400)),
    "stream disguised": (True, json_reply({"error": SAID})),
    "stream as html": (True, bare(f"<p>{KEY}</p>".encode())),
    "known event": (True, sse_reply([{"error": {**SAID, "type": "invalid_request_error"}}])),
    "unknown event": (True, sse_reply([{"error": SAID}])),
    "named event": (True, sse_reply([f"event: error\ndata: {KEY}\n\n".encode()])),
    "event that is no json": (True, sse_reply([f"{{{KEY}"])),
    "event cut": (True, sse_reply([CHUNK])),
    "event reset": (True, [*sse_reply([CHUNK], end=False), Reset()]),
    "long event": (True, sse_reply([KEY + "x" * 5000, "[DONE]"])),
    "early end": (False, [head(200, [("Content-Length", "100"), ("X-Key", KEY)]), Close()]),
}


CREDENTIALS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "api_key": ({"api_key": KEY}, {}),
    "extra_headers": ({"api_key": OTHER}, {"extra_headers": {"Authorization": f"Bearer {KEY}"}}),
    "headers": ({"api_key": "", "headers": {"X-Api-Key": KEY}}, {}),
    "header scheme": ({"provider": {"base_url": "http://127.0.0.1", "auth": "header:X-Subscription"}, "api_key": KEY}, {}),
    "admin": ({"api_key": OTHER, "admin_key": KEY}, {}),
    "query scheme": ({"provider": {"base_url": "http://127.0.0.1", "auth": "query:key"}, "api_key": KEY}, {}),
    "callable": ({"api_key": lambda: KEY}, {}),
    "callable in query": ({"provider": {"base_url": "http://127.0.0.1", "auth": "query:key"}, "api_key": lambda: KEY}, {}),
}


def fail(face: SyncFace, steps: Steps, given: str, stream: bool = False) -> APIError:
    """Make a call that is answered with these steps, with the key given in one of the ways."""
    settings, keywords = CREDENTIALS[given]
    with HostileServer([steps]) as server:
        client = face.client(base_url=server.url, limits=Limits(event=4000), **settings)
        row = client.admin.organization.projects.create if given == "admin" else client.chat.completions.create
        use = partial(row, {**CHAT, "stream": True} if stream else CHAT, **keywords)
        with pytest.raises(APIError) as caught:
            list(face.iterate(use())) if stream else face.wait(use())
    assert KEY in server.requests[0].target or any(KEY in value for _, value in server.requests[0].headers)
    return caught.value


#: No admin row streams.
ASKED = [(case, given) for case in ECHOES for given in CREDENTIALS if not (given == "admin" and ECHOES[case][0])]


@pytest.mark.parametrize(("case", "given"), ASKED)
def test_what_a_server_quotes_is_taken_out(face: SyncFace, case: str, given: str) -> None:
    """Message, body, code, type, param, headers, pickle and causes: our key stands in none of them."""
    stream, steps = ECHOES[case]
    assert leaks(shown(fail(face, steps, given, stream)), KEY, "sk-secr", "6789.") == []


#: Their first event was given out, and is the user's.
GIVEN = ("event cut", "event reset")


@pytest.mark.parametrize("case", [case for case in ECHOES if case not in GIVEN])
def test_what_a_server_quotes_is_in_no_local(face: SyncFace, case: str) -> None:
    """The frames of ours that an error leaves behind hold no more of it than the error."""
    stream, steps = ECHOES[case]
    assert leaks(shown_by_frames(fail(face, steps, "api_key", stream)), KEY, "sk-secr", "6789.") == []


@pytest.mark.parametrize(
    ("given", "stream"),
    [(given, stream) for given in CREDENTIALS for stream in (False, True) if not (given == "admin" and stream)],
)
def test_what_we_send_is_in_no_local(face: SyncFace, given: str, stream: bool) -> None:
    """The key is in no local of ours, however it was given."""
    stays_unseen(fail(face, json_reply({}, 401), given, stream), KEY, OTHER)


#: A key with all that is encoded in a query, and a server's spellings of it.
ODD = "a+b/c=d~e!f g:h&i"
SPELLINGS = {
    "plain": ODD,
    "strict": quote(ODD, safe=""),
    "in lower case": quote(ODD, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d").replace("%3A", "%3a"),
    "as a path": quote(ODD),
    "as a form": quote_plus(ODD),
    "as a script has it": quote(ODD, safe="!'()*"),
    "as an address": quote(ODD, safe=";,/?:@&=+$!'()*#"),
}


@pytest.mark.parametrize("given", ["key", "callable"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_key_of_the_query_is_taken_out_however_it_is_encoded(face: SyncFace, spelling: str, given: str) -> None:
    """As servers quote the address that they were asked under: in message, body, header."""
    quoted = SPELLINGS[spelling]
    steps = json_reply(
        {"error": {"message": f"GET /v1/models?limit=1&key={quoted} is refused"}}, 403, [("X-Uri", f"/?key={quoted}")]
    )
    with HostileServer([steps]) as server, pytest.raises(APIError) as caught:
        provider = {"base_url": server.url, "auth": "query:key"}
        face.wait(face.client(provider=provider, api_key=ODD if given == "key" else lambda: ODD).models.list())
    assert server.requests[0].target == f"/models?key={SPELLINGS['strict']}"
    assert str(caught.value) == "HTTP 403: GET /v1/models?limit=1&key=*** is refused"
    assert leaks(shown(caught.value), *SPELLINGS.values()) == []


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_starred_key_is_not_quoted(face: SyncFace, status: int) -> None:
    """Servers quote a refused key with its middle starred out, under more statuses than 401; a part of it is too much."""
    message = "Incorrect API key provided: sk-se***********6789. You can find your key at https://x.example."
    with HostileServer([json_reply({"error": {"message": message}}, status)]) as server, pytest.raises(APIError) as caught:
        face.wait(face.client(base_url=server.url, api_key=KEY).models.list())
    assert leaks(shown(caught.value), "sk-se", "6789.") == []
    assert "You can find your key" in str(caught.value)


@pytest.mark.parametrize("length", [0, 150, 179, 180, 181, 190, 199])
def test_a_cut_does_not_save_a_key(face: SyncFace, length: int) -> None:
    """A message or body that is shortened in the middle of our key shows no part of it that is worth having."""
    text = "x" * length + KEY + "y" * 50
    with HostileServer([bare(text.encode(), 400, "text/plain")], after="repeat") as server:
        for limit in (length + len(KEY) - 1, 64 * 1024):
            client = face.client(base_url=server.url, api_key=KEY, limits=Limits(error_body=limit))
            with pytest.raises(APIError) as caught:
                face.wait(client.models.list())
            assert leaks(shown(caught.value), KEY[:8]) == []


def test_the_data_of_a_misfit_quotes_nothing(face: SyncFace) -> None:
    """An answer that the user's own class refuses is on the error, without our key."""

    def refuse(data: Any) -> Any:
        raise LookupError(f"cannot read {len(data)} members")

    with HostileServer([json_reply({"echo": KEY})]) as server, pytest.raises(DecodeError) as caught:
        face.wait(face.client(base_url=server.url, api_key=KEY).request("GET", "/x", into=refuse))
    assert leaks(shown(caught.value), KEY) == []


# What we say ourselves --------------------------------------------------------------------------------------------------

BAD_VALUES = {
    "line break": KEY + "\r\nX: y",
    "control": KEY + "\x00",
    "not Latin-1": KEY + "\N{SNOWMAN}",
    "surrogate": KEY + "\ud800",
}


WHERE = ("api_key", "admin_key", "scheme", "environment", "headers", "extra_headers")

#: The environment holds neither NUL nor that surrogate.
BAD = [(where, bad) for where in WHERE for bad in BAD_VALUES if not (where == "environment" and bad in ("control", "surrogate"))]


@pytest.mark.parametrize(("where", "bad"), BAD)
def test_an_impossible_header_is_refused_without_its_value(
    face: SyncFace, monkeypatch: pytest.MonkeyPatch, where: str, bad: str
) -> None:
    """The place is named, the value is not; no request is made."""
    value = BAD_VALUES[bad]
    settings: dict[str, Any] = {}
    keywords: dict[str, Any] = {}
    if where == "environment":
        monkeypatch.setenv("P_API_KEY", value)
        settings = {"api_key": None, "provider": {"api_key_env": ["P_API_KEY"]}}
    elif where == "scheme":
        settings = {"api_key": value, "provider": {"auth": "header:x-key"}}
    elif where in ("headers", "extra_headers"):
        (settings if where == "headers" else keywords)[where] = {"Authorization": value}
    else:
        settings[where] = value
    with HostileServer() as server:
        if "provider" in settings:
            settings["provider"]["base_url"] = server.url
        with pytest.raises((ConfigError, ValidationError)) as caught:
            face.wait(face.client(base_url=server.url, **settings).request("GET", "/x", **keywords))
    assert server.accepted == 0
    stays_unseen(caught.value)


WRONG: dict[str, dict[str, Any]] = {
    "timeout": {"timeout": -1},
    "retries": {"max_retries": "x"},
    "limits": {"limits": 3},
    "base_url": {"base_url": "nowhere"},
    "no base_url": {"base_url": None, "provider": {"api_key_env": ["P_API_KEY"]}},
    "provider": {"provider": "no such"},
    "member": {"provider": {"secret": 1}},
    "hook": {"hook": 1},
    "header": {"headers": {"a b": "c"}},
    "routes": {"routes": {"routes": [{"name": 1}]}},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_shows_no_other(face: SyncFace, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """The key stands beside the wrong setting, in code and in the environment, and is in no local of the error's frames."""
    monkeypatch.setenv("P_API_KEY", KEY)
    with pytest.raises(ConfigError) as caught:
        face.client(**{"api_key": KEY, "base_url": "http://127.0.0.1:1", **WRONG[wrong]})
    stays_unseen(caught.value)


WRONG_OF_SEVERAL: dict[str, dict[str, Any]] = {
    "routing": {"routing": "any"},
    "api_key": {"api_key": KEY},
    "headers": {"headers": {"X-Token": KEY}},
    "member": {"provider": [{"base_url": "http://127.0.0.1:1", "api_key": KEY, "secret": 1}, "openai"]},
    "element": {"provider": [{"base_url": "http://127.0.0.1:1", "api_key": KEY}, 5]},
    "scheme": {"provider": [{"base_url": "http://127.0.0.1:1", "api_key": KEY, "auth": "odd"}, "openai"]},
    "value": {"provider": [{"base_url": "http://127.0.0.1:1", "api_key": f"{KEY}\n"}, "openai"]},
}


@pytest.mark.parametrize("wrong", WRONG_OF_SEVERAL)
def test_a_wrong_list_of_providers_shows_no_key(face: SyncFace, wrong: str) -> None:
    """Keys in the dicts of a list are hidden before anything can go wrong."""
    several = [{"base_url": "http://127.0.0.1:1", "api_key": KEY}, {"base_url": "http://127.0.0.1:2", "admin_key": KEY}]
    with pytest.raises(ConfigError) as caught:
        face.client(**{"provider": several, "api_key": None, **WRONG_OF_SEVERAL[wrong]})
    stays_unseen(caught.value)


def test_what_is_passed_on_shows_no_key(face: SyncFace) -> None:
    """Neither of the one that failed nor of the one that was asked then."""
    steps = json_reply({"error": {"message": "no"}}, 503)
    with HostileServer([steps]) as first, HostileServer([steps]) as second, pytest.raises(APIError) as caught:
        several = [{"base_url": first.url, "api_key": KEY}, {"base_url": second.url, "api_key": OTHER}]
        face.wait(face.client(provider=several, api_key=None).models.list())
    assert len(caught.value.attempts) == 2
    stays_unseen(caught.value, KEY, OTHER)


CALLS_REFUSED: dict[str, dict[str, Any]] = {
    "body": {"messages": [{None: 2}]},
    "retries": {"max_retries": -1},
    "query": {"extra_query": {"x": object()}},
    "into": {"into": 5},
}


@pytest.mark.parametrize("wrong", CALLS_REFUSED)
def test_a_refused_call_shows_no_header(face: SyncFace, wrong: str) -> None:
    """A credential among `extra_headers` is in no local of the frames that refuse something else."""
    client = face.client(base_url="http://127.0.0.1:1", api_key=OTHER)
    with pytest.raises(OaiDynError) as caught:
        client.chat.completions.create(model="m", extra_headers={"Authorization": f"Bearer {KEY}"}, **CALLS_REFUSED[wrong])
    stays_unseen(caught.value, KEY, OTHER)


CONNECTIONS: dict[str, Steps] = {
    "reset": [Reset()],
    "no head": [Close()],
    "half a head": cut(json_reply({}), 20),
    "bad head": cut([*bare(b"", 200)], 0),
    "bad chunk": [head(200, [("Transfer-Encoding", "chunked")]), *cut(reply([b"zz\r\n"]), -1)],
}


@pytest.mark.parametrize("case", [*CONNECTIONS, "nobody", "stall"])
def test_a_failed_connection_shows_nothing(face: SyncFace, case: str) -> None:
    """What the HTTP library raises holds the request; ours holds neither the request nor the library's error."""
    with nobody() as closed_port, HostileServer([CONNECTIONS.get(case, [head(200, []), *bare(b"")[:0]])]) as server:
        client = face.client(base_url=closed_port if case == "nobody" else server.url, api_key=KEY, timeout=0.2)
        with pytest.raises(APIError) as caught:
            face.wait(client.request("POST", "/x", {"a": 1}, extra_headers={"X-Token": OTHER}))
    stays_unseen(caught.value, KEY, OTHER)


def test_nothing_is_said_in_passing(face: SyncFace, caplog: pytest.LogCaptureFixture) -> None:
    """Logs of every logger at DEBUG, hook notices, and what the client and its names print."""
    notices: list[Notice] = []
    script = [
        json_reply({"error": {}}, 500, [("Retry-After", "0")]),
        reply([b""], status=307, headers=[("Location", "/there")]),
        json_reply({"error": {"message": KEY}}, 429, [("X-Should-Retry", "false")]),
    ]
    with HostileServer(script) as server, caplog.at_level(logging.DEBUG):
        client = face.client(base_url=f"{server.url}/v1?token={OTHER}", api_key=KEY, hook=notices.append, max_retries=1)
        with pytest.raises(RateLimitError):
            face.wait(client.request("POST", "/x", {"prompt": "p"}, extra_headers={"X-Token": OTHER}))
        printed = f"{client!r} {client} {client.chat.completions!r} {client.chat!s}"
    assert server.requests[0].header("X-Token") == OTHER
    assert len(notices) >= 2
    ours = [record for record in caplog.records if record.name.startswith("oai_dyn")]
    assert ours
    said = repr([vars(record) for record in ours]) + "".join(record.getMessage() for record in caplog.records)
    for place, text in {"repr": printed, "log": said, "notices": repr(notices)}.items():
        assert KEY not in text, place
        if place != "log":
            assert OTHER not in text, place
    for notice in notices:
        assert notice.plan.body is None
        assert all(KEY not in str(value) for value in notice.plan.headers.values())
        assert "?" not in notice.plan.url


@pytest.mark.parametrize("scheme", ["bearer", "header:api-key", "header:X-Subscription", "query:key"])
def test_a_notice_hides_the_header_of_every_scheme(face: SyncFace, scheme: str) -> None:
    """Whatever a profile calls the header that carries the key, it shows as ***."""
    notices: list[Notice] = []
    with HostileServer([json_reply({})]) as server:
        client = face.client(provider={"base_url": server.url, "auth": scheme}, api_key=KEY, hook=notices.append)
        face.wait(client.request("GET", "/x"))
    assert notices
    assert KEY not in repr(notices)
    assert KEY not in "".join(str(value) for notice in notices for value in notice.plan.headers.values())
    assert KEY not in "".join(f"{notice.plan.url} {notice.plan.hidden}" for notice in notices)


def test_a_notice_quotes_no_server_that_quotes_us(face: SyncFace) -> None:
    """The head of an answer that a hook is shown is without our key."""
    notices: list[Notice] = []
    with HostileServer([json_reply({}, headers=[("X-Echo", f"Bearer {KEY}")])]) as server:
        face.wait(face.client(base_url=server.url, api_key=KEY, hook=notices.append).request("GET", "/x"))
    assert notices
    assert KEY not in repr(notices)


@pytest.mark.parametrize("given", ["key", "callable"])
def test_no_log_has_a_key_of_the_query(face: SyncFace, caplog: pytest.LogCaptureFixture, given: str) -> None:
    """Of no logger, urllib3's neither, which writes the address of every request."""
    with HostileServer([json_reply({"object": "list", "data": []})], after="repeat") as server, caplog.at_level(logging.DEBUG):
        client = face.client(
            provider={"base_url": server.url, "auth": "query:key"}, api_key=KEY if given == "key" else lambda: KEY
        )
        face.wait(client.files.list(limit=1))
        face.wait(client.request("POST", "/x", {"a": 1}))
        face.wait(client.files.create(file=b"x" * 100_000, purpose="batch"))
    assert [request.target for request in server.requests] == [f"/files?limit=1&key={KEY}", f"/x?key={KEY}", f"/files?key={KEY}"]
    assert caplog.records
    assert KEY not in "".join(record.getMessage() + repr(vars(record)) for record in caplog.records)


def test_a_client_is_not_pickled(face: SyncFace) -> None:
    """It holds credentials; neither pickle nor an error about it carries them away."""
    with pytest.raises(TypeError, match="credentials") as caught:
        pickle.dumps(face.client(base_url="http://127.0.0.1:1", api_key=KEY))
    stays_unseen(caught.value)
