"""One client, several origins: what a provider's own paths and other providers ask for."""

from __future__ import annotations

from typing import Any

import pytest
from faces import SyncFace
from hostile import HostileServer, json_reply
from sessions import session_of

from oai_dyn import APIStatusError

OK = json_reply({"id": "m"})


def two_hosts(face: SyncFace, base: str, other: str, **settings: Any) -> Any:
    """A client of a provider that has its models on another host."""
    return face.client(
        provider={"base_url": base, "paths": {"/models/{model}": f"{other}/catalog/{{model}}"}}, base_url=None, **settings
    )


def ask_both(face: SyncFace, client: Any) -> None:
    """One call to each host, one after the other."""
    face.wait(client.embeddings.create(model="m", input="x"))
    face.wait(client.models.retrieve("m"))


@pytest.mark.parametrize("times", [1, 3])
def test_each_origin_gets_its_own_requests(face: SyncFace, times: int) -> None:
    """A full URL among a provider's paths leads there; each host keeps its one connection."""
    with HostileServer([OK], after="repeat") as base, HostileServer([OK], after="repeat") as other:
        client = two_hosts(face, f"{base.url}/v1", other.url)
        for _ in range(times):
            ask_both(face, client)
    assert [request.target for request in base.requests] == ["/v1/embeddings"] * times
    assert [request.target for request in other.requests] == ["/catalog/m"] * times
    assert (base.accepted, other.accepted) == (1, 1)
    assert [server.requests[0].header("Host") for server in (base, other)] == [f"127.0.0.1:{s.port}" for s in (base, other)]


def test_each_origin_has_its_own_proxy(face: SyncFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What NO_PROXY names is asked directly, the other host through the proxy."""
    with HostileServer([OK]) as proxy, HostileServer([OK]) as base:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        ask_both(face, two_hosts(face, base.url, "http://other.example"))
    assert [request.target for request in base.requests] == ["/embeddings"]
    assert [request.target for request in proxy.requests] == ["http://other.example/catalog/m"]


def test_a_session_of_the_users_serves_all_origins(face: SyncFace) -> None:
    """It goes where a plan says."""
    with HostileServer([OK]) as base, HostileServer([OK]) as other, session_of(face) as session:
        ask_both(face, two_hosts(face, base.url, other.url, session=session))
    assert (len(base.requests), len(other.requests)) == (1, 1)


def test_a_redirect_to_a_known_origin_is_not_followed(face: SyncFace) -> None:
    """That a client speaks with an origin is no leave for another to send it there."""
    with HostileServer([OK], after="repeat") as other:
        away = json_reply({}, 307, [("Location", f"{other.url}/catalog/m")])
        with HostileServer([OK, away], after="repeat") as base:
            client = two_hosts(face, base.url, other.url)
            ask_both(face, client)
            with pytest.raises(APIStatusError, match="a redirect to another origin"):
                face.wait(client.embeddings.create(model="m", input="x"))
    assert len(other.requests) == 1
