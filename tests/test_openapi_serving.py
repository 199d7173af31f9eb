"""Where a document's server is, and how it takes its key."""

from __future__ import annotations

from typing import Any

import pytest
from imported import Json, imported, operation

BEARER: Json = {"type": "http", "scheme": "Bearer"}


def profile(**members: Any) -> tuple[Any, list[str]]:
    """The profile of a document, and its notes."""
    found = imported({}, **members)
    return found.profile, [str(note) for note in found.notes]


# --- The address --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("servers", "url"),
    [
        ([{"url": "https://api.test/v1/"}], "https://api.test/v1"),
        ([{"url": "https://{region}.test/{v}", "variables": {"region": {"default": "eu"}, "v": {"default": "v1"}}}], "https://eu.test/v1"),
        (None, None),
        ([], None),
        ("no", None),
    ],
)  # fmt: skip
def test_the_base_url(servers: Any, url: str | None) -> None:
    """The first server's address, with the defaults of its variables; none where the document has none."""
    found, notes = profile(**({} if servers is None else {"servers": servers}))
    assert (found.get("base_url"), notes) == (url, [])


def test_servers_that_cannot_be_used() -> None:
    """What is no address is passed over; a query, and further servers, are left out; each is noted."""
    other = {"url": "https://{no}.test", "variables": {"no": 1}}
    servers = [{"url": "/v1"}, 7, other, {"url": "https://a.test/?v=2"}, {"url": "https://b.test"}]
    found, notes = profile(servers=servers)
    assert found["base_url"] == "https://a.test"
    assert notes == [
        "servers[0]: '/v1': passed over: wanted http:// or https:// with a host; give base_url=",
        "servers[1]: a server without url: passed over",
        "servers[2]: 'https://{no}.test': passed over: wanted http:// or https:// with a host; give base_url=",
        "servers[3]: a query in the address: left out: give query=",
        "servers: 1 more after https://a.test: left out: a profile has one address",
    ]


def test_the_variables_of_a_profile() -> None:
    """Address and keys may come from the environment, under the profile's name."""
    assert profile()[0] == {
        "base_url_env": ["TESTS_BASE_URL"],
        "api_key_env": ["TESTS_API_KEY"],
        "admin_key_env": ["TESTS_ADMIN_KEY"],
        "auth": "bearer",
    }


# --- The key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "auth"),
    [
        (BEARER, "bearer"),
        ({"type": "apiKey", "in": "header", "name": "x-key"}, "header:x-key"),
        ({"type": "apiKey", "in": "header", "name": "Authorization"}, "bearer"),
        ({"type": "oauth2", "flows": {}}, "bearer"),
        ({"type": "openIdConnect"}, "bearer"),
        ({"$ref": "#/components/x"}, "bearer"),
    ],
)
def test_how_a_key_is_sent(scheme: Json, auth: str) -> None:
    """As a bearer token, or in the header that the scheme names; a token is sent like a key."""
    found, notes = profile(components={"securitySchemes": {"s": scheme}, "x": BEARER})
    assert (found["auth"], notes) == (auth, [])


@pytest.mark.parametrize(
    "scheme",
    [
        {"type": "apiKey", "in": "query", "name": "key"},
        {"type": "apiKey", "in": "cookie", "name": "session"},
        {"type": "apiKey", "in": "header", "name": "a b"},
        {"type": "apiKey", "in": "header"},
        {"type": "http", "scheme": "basic"},
        {"type": "mutualTLS"},
        {"type": ["http"]},
        {},
        7,
    ],
)
def test_schemes_that_are_left_out(scheme: Any) -> None:
    """A key in an address, in a cookie, a password: noted, and a bearer token is sent instead."""
    found, notes = profile(securitySchemes={"s": scheme})
    assert found["auth"] == "bearer"
    assert notes == ["securitySchemes: s: left out: a key is sent as a bearer token or in a header"]


def test_several_schemes() -> None:
    """A bearer token goes before a header of the server's own; the others are noted."""
    header = {"type": "apiKey", "in": "header", "name": "x-key"}
    found, notes = profile(securitySchemes={"h": header, "b": BEARER, "c": BEARER})
    assert found["auth"] == "bearer"
    assert notes == ["securitySchemes: h (header:x-key): left out: the key is sent as bearer, and in one way only"]
    found, notes = profile(securitySchemes={"h": header, "i": {**header, "name": "y-key"}})
    assert found["auth"] == "header:x-key"
    assert notes == ["securitySchemes: i (header:y-key): left out: the key is sent as header:x-key, and in one way only"]


@pytest.mark.parametrize("components", [{"securitySchemes": 7}, 7])
def test_schemes_of_a_wrong_type(components: Any) -> None:
    """They say nothing."""
    assert imported({}, components=components).profile["auth"] == "bearer"


@pytest.mark.parametrize(
    ("security", "credential"),
    [([{"AdminApiKeyAuth": []}], "admin_key"), ([{"ApiKey": []}], None), ([], None), ([7], None), (7, None)],
)
def test_whose_key_an_operation_takes(security: Any, credential: str | None) -> None:
    """An administrator's where the name of its scheme says so."""
    assert operation({"security": security})[0].get("credential") == credential
