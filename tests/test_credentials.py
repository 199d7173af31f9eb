"""Credentials from a callable: asked per request, kept to their expiry, and asked again once after a 401.

What promise 7 says of keys and of tokens alike is in `test_promise_07_*.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from by_hand import EPOCH
from faces import SyncFace
from hostile import HostileServer, json_reply, sse_reply
from tokens import FORMS, REFUSED, TOKEN, WAYS, GoogleLike, Source, lasting, sent

from oai_dyn import AuthenticationError, OaiDynError, Reply
from oai_dyn.asking import MARGIN_SECONDS, Credential
from oai_dyn.exchange import at_once
from oai_dyn.wire import Secret

# Asking and keeping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["api_key", "admin_key"])
def test_text_alone_is_asked_for_each_request(face: SyncFace, way: str, name: str) -> None:
    """Whoever gives it keeps it; nothing of it is kept here."""
    with HostileServer([json_reply({})], after="repeat") as server:
        client = face.client(base_url=server.url, **{name: WAYS[way](Source())})
        for _ in range(3):
            rows = client.models if name == "api_key" else client.admin.organization.projects
            face.wait(rows.retrieve("m"))
    assert sent(server) == ["1", "2", "3"]


@pytest.mark.parametrize("form", FORMS)
def test_a_token_with_an_expiry_is_kept(face: SyncFace, form: str) -> None:
    """Until a minute before it, by the clock of this machine; then it is asked for again."""
    source = Source(lambda text: FORMS[form](text, time.time() + MARGIN_SECONDS + (10 if text.endswith("1") else -10)))
    with HostileServer([json_reply({})], after="repeat") as server:
        client = face.client(base_url=server.url, api_key=source)
        for _ in range(3):
            face.wait(client.models.list())
        assert sent(server) == ["1", "1", "1"]
        client._provider.config.asked["api_key"].source.forget(Secret(f"{TOKEN}1"))
        for _ in range(2):
            face.wait(client.models.list())
    assert sent(server)[3:] == ["2", "3"]


@pytest.mark.parametrize("form", FORMS)
def test_the_last_minute_of_a_token_is_not_used(form: str) -> None:
    """On a clock that is moved by hand: kept up to a minute before its end, and not from then on."""
    expires = EPOCH + 1000
    credential = Credential("api_key", Source(lambda text: FORMS[form](text, expires)))

    def token(now: float) -> str:
        return str(at_once(credential.ask(now, lambda others: others.result(5), False)).removeprefix(TOKEN))

    assert [token(EPOCH), token(expires - 61), token(expires - 60), token(expires)] == ["1", "1", "2", "3"]


def test_a_time_without_a_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever this machine stands."""
    monkeypatch.setenv("TZ", "XXX+10")
    time.tzset()
    try:
        credential = Credential("api_key", Source(lambda text: GoogleLike(text, EPOCH)))
        asked = [at_once(credential.ask(EPOCH - left, lambda others: others.result(5), False)) for left in (61, 61, 60)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert asked == [f"{TOKEN}{n}" for n in (1, 1, 2)]


def test_another_token_than_the_one_kept_is_not_forgotten() -> None:
    """A call that was refused with the one before forgets nothing that came since."""
    credential = Credential("api_key", Source(lambda text: (text, EPOCH)))
    for refused, wanted in (("older", "1"), (f"{TOKEN}1", "2")):
        at_once(credential.ask(0.0, lambda others: others.result(5), False))
        credential.forget(Secret(refused))
        assert at_once(credential.ask(0.0, lambda others: others.result(5), False)) == TOKEN + wanted


def test_an_expiry_that_is_none_is_text_alone(face: SyncFace) -> None:
    """As credentials of google.auth that do not expire say it, and a pair that says nothing."""
    for make in (lambda text: GoogleLike(text, None), lambda text: (text, None)):
        with HostileServer([json_reply({})], after="repeat") as server:
            client = face.client(base_url=server.url, api_key=Source(make))
            for _ in range(2):
                face.wait(client.models.list())
        assert sent(server) == ["1", "2"]


@pytest.mark.parametrize("where", ["client", "call"])
@pytest.mark.parametrize("value", ["Basic dXNlcg==", None])
def test_a_header_of_the_users_is_not_asked_for(face: SyncFace, where: str, value: str | None) -> None:
    """What the user sends himself, or takes away, needs no token; and a 401 asks for none."""
    source, given = Source(lasting), {"authorization": value}
    settings, keywords = ({"headers": given}, {}) if where == "client" else ({}, {"extra_headers": given})
    with HostileServer([json_reply({}, 401)], after="repeat") as server:
        client = face.client(base_url=server.url, api_key=source, max_retries=2, **settings)
        with pytest.raises(AuthenticationError):
            face.wait(client.request("GET", "/x", **keywords))
    assert source.asked == 0
    assert [request.header("Authorization") for request in server.requests] == [value]


def test_each_row_asks_for_its_own_credential(face: SyncFace) -> None:
    """The callable of the other credential is not asked."""
    keys, admins = Source(), Source(lambda text: f"admin-{text}")
    with HostileServer([json_reply({})], after="repeat") as server:
        client = face.client(base_url=server.url, api_key=keys, admin_key=admins)
        face.wait(client.admin.organization.projects.retrieve("p"))
        assert (keys.asked, admins.asked) == (0, 1)
        face.wait(client.models.list())
        face.wait(face.client(base_url=server.url, api_key=keys).admin.organization.projects.retrieve("p"))
    assert sent(server) == [f"admin-{TOKEN}1", "1", None]
    assert keys.asked == 1


def test_every_page_and_redirect_has_its_token(face: SyncFace) -> None:
    """A page is a request of its own; a redirect within the origin goes on with the same token."""
    page = {"object": "list", "data": [{"id": "a"}], "has_more": True, "last_id": "a"}
    moved = [json_reply({}, 307, headers=[("Location", "/there")]), json_reply({**page, "has_more": False})]
    with HostileServer([json_reply(page), *moved]) as server:
        client = face.client(base_url=server.url, api_key=Source())
        result = client.files.list()
        assert [item.id for item in face.iterate(result)] == ["a", "a"]
    assert sent(server) == ["1", "2", "2"]


# Retries and a 401 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [str, lasting], ids=["text", "with expiry"])
@pytest.mark.parametrize("kind", ["unsafe", "stream", "bytes", "upload"])
def test_a_401_asks_once_more(face: SyncFace, make: Callable[[str], Any], kind: str) -> None:
    """The request goes out again, though it is not safe to send twice: the server refused it. The next call has the new token."""
    good = {"stream": sse_reply([{"id": "c"}, "[DONE]"]), "bytes": json_reply({"id": "c"})}.get(kind, json_reply({"id": "c"}))
    calls: dict[str, Callable[[Any], Any]] = {
        "unsafe": lambda client: client.request("POST", "/x", {"a": 1}),
        "stream": lambda client: client.chat.completions.create(model="m", messages=[], stream=True),
        "bytes": lambda client: client.files.content("f"),
        "upload": lambda client: client.files.create(file=b"x" * 1000, purpose="batch"),
    }
    source = Source(make)
    with HostileServer([REFUSED, good, json_reply({})]) as server:
        client = face.client(base_url=server.url, api_key=source, max_retries=1)
        result = calls[kind](client)
        if kind == "stream":
            assert [event.id for event in face.iterate(result)] == ["c"]
        elif kind == "bytes":
            face.wait(face.wait(result).read())
        else:
            assert face.wait(result).id == "c"
        face.wait(client.models.list())
    assert sent(server) == ["1", "2", "3" if make is str else "2"]
    assert server.requests[0].body == server.requests[1].body


def test_the_attempts_tell_of_it(face: SyncFace) -> None:
    """It is one of the retries, at once, and every attempt is on the result."""
    with HostileServer([REFUSED, json_reply({})]) as server:
        client = face.client(base_url=server.url, api_key=Source(), max_retries=1)
        reply = face.wait(client.request("POST", "/x", {}, into=Reply))
    assert [(one.number, one.status, one.error, one.wait) for one in reply.attempts] == [
        (1, 401, "AuthenticationError", 0.0),
        (2, 200, None, None),
    ]


@pytest.mark.parametrize("retries", [1, 2, 5])
def test_a_second_401_is_the_error(face: SyncFace, retries: int) -> None:
    """However many retries there are; and no more than those are used."""
    with HostileServer([REFUSED], after="repeat") as server:
        client = face.client(base_url=server.url, api_key=Source(lasting), max_retries=retries)
        with pytest.raises(AuthenticationError, match="HTTP 401: expired") as caught:
            face.wait(client.models.list())
    assert sent(server) == ["1", "2"]
    assert [one.status for one in caught.value.attempts] == [401, 401]


def test_without_retries_a_401_is_the_error_and_the_token_is_forgotten(face: SyncFace) -> None:
    """`max_retries` bounds what is sent; the next call asks anew."""
    with HostileServer([REFUSED, json_reply({})]) as server:
        client = face.client(base_url=server.url, api_key=Source(lasting), max_retries=0)
        with pytest.raises(AuthenticationError):
            face.wait(client.models.list())
        face.wait(client.models.list())
    assert sent(server) == ["1", "2"]


def test_a_401_for_what_no_token_mends_is_the_error(face: SyncFace) -> None:
    """An account that is closed stays so."""
    for member in ("code", "type"):
        with HostileServer([json_reply({"error": {"message": "m", member: "account_deactivated"}}, 401)]) as server:
            client = face.client(base_url=server.url, api_key=Source(lasting), max_retries=2)
            with pytest.raises(AuthenticationError):
                face.wait(client.models.list())
        assert sent(server) == ["1"]


def test_other_errors_keep_the_token(face: SyncFace) -> None:
    """Attempts after 429 and 503 send the same, though text alone would be asked for; a 403 forgets nothing."""
    wait = [("retry-after", "0")]
    script = [json_reply({}, 429, headers=wait), json_reply({}, 503, headers=wait), json_reply({}), json_reply({}, 403)]
    with HostileServer([*script, json_reply({})]) as server:
        client = face.client(base_url=server.url, api_key=Source(), max_retries=2)
        face.wait(client.models.list())
        with pytest.raises(OaiDynError):
            face.wait(client.models.list())
    assert sent(server) == ["1", "1", "1", "2"]


def test_a_401_after_a_429_asks_again(face: SyncFace) -> None:
    """In whatever order they come, all within the retries; what came of the last is the result."""
    script = [json_reply({}, 429, headers=[("retry-after", "0")]), REFUSED, json_reply({}, 429, headers=[("retry-after", "0")])]
    with HostileServer([*script, json_reply({"id": "m"})]) as server:
        client = face.client(base_url=server.url, api_key=Source(), max_retries=3)
        assert face.wait(client.models.retrieve("m")).id == "m"
    assert sent(server) == ["1", "1", "2", "2"]


def test_a_key_that_is_text_is_not_sent_again(face: SyncFace) -> None:
    """There is nobody to ask."""
    with HostileServer([REFUSED], after="repeat") as server, pytest.raises(AuthenticationError):
        face.wait(face.client(base_url=server.url, api_key="k", max_retries=2).models.list())
    assert len(server.requests) == 1


def test_a_401_within_a_stream_that_was_given_out_is_the_error(face: SyncFace) -> None:
    """Once an event was handed over nothing is sent again; but the token is not used any more."""
    error = {"error": {"message": "expired", "type": "authentication_error"}}
    with HostileServer([sse_reply([{"id": 1}, error]), json_reply({})]) as server:
        client = face.client(base_url=server.url, api_key=Source(lasting), max_retries=2)
        events = face.iterate(client.chat.completions.create(model="m", messages=[], stream=True))
        assert next(events) == {"id": 1}
        with pytest.raises(AuthenticationError):
            next(events)
        face.wait(client.models.list())
    assert sent(server) == ["1", "2"]
