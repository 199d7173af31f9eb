"""Profiles as documents: laid over each other, filled in, with paths, rows and models of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from oai_dyn import ConfigError, RouteError, ValidationError
from oai_dyn.catalog import packaged_names
from oai_dyn.profiles import MEMBERS, load, unknown_rows
from oai_dyn.providers import settle
from oai_dyn.routes import bundled
from oai_dyn.testing import ScriptedClient, answer
from oai_dyn.wire import Config

#: A key from the environment goes to the service itself or to this machine, never over a plain connection.
SAFE = re.compile(r"https://|http://(localhost|127\.0\.0\.1)[:/]|\{\w+\}/")


def settled(profile: Any, environ: dict[str, str], **given: Any) -> Config:
    """Address and credentials in an environment of the test's."""
    return settle(load(profile), environ.get, **given)


def sent(provider: Any, *routes: tuple[str, dict[str, Any]], **settings: Any) -> list[str]:
    """The addresses that calls of these rows go to."""
    client = ScriptedClient([answer({})] * len(routes), provider=provider, **{"base_url": None, **settings})
    for name, arguments in routes:
        client.call(name, **arguments)
    return [plan.url for plan in client.sent]


@pytest.mark.parametrize("name", packaged_names("providers"))
def test_bundled_profiles_are_sound(name: str) -> None:
    """Each is called as its file, has members that are known, and an address that a key may go to."""
    profile = load(name)
    assert profile["name"] == name
    assert profile.keys() <= MEMBERS.keys()
    assert SAFE.match(profile.get("base_url", "https://")), profile["base_url"]
    environ = {variable: f"v-{i}" for i, names in enumerate(profile.get("variables", {}).values()) for variable in names}
    given = {variable: "here" for variable, names in profile.get("variables", {}).items() if not names}
    if "base_url" in profile and "{endpoint}" not in profile["base_url"]:
        place = settled(name, environ, variables=given)
        assert "{" not in place.base_url
        assert place.provider == name


def test_a_profile_is_found_by_another_name() -> None:
    """Aliases are names too, but a file of that name goes first."""
    aliases = {alias: name for name in packaged_names("providers") for alias in load(name).get("aliases", ())}
    assert aliases
    for alias, name in aliases.items():
        assert load(alias)["name"] in (name, alias)


def test_no_two_profiles_share_a_name() -> None:
    """An alias belongs to one profile, and is the name of none."""
    names = packaged_names("providers")
    aliases = [alias for name in names for alias in load(name).get("aliases", ())]
    assert len({*names, *aliases}) == len(names) + len(aliases)


BASE: dict[str, Any] = {"extends": "groq"}


def test_what_is_laid_over_a_profile() -> None:
    """Tables merge by key, lists of rules go on behind the base's, and all else replaces."""
    rule = {"verb": "drop", "member": "x"}
    below = load("groq")
    above = load({"extends": "groq", "name": "mine", "query": {"a": "b"}, "request": [rule], "auth": "none"})
    assert (above["name"], above["base_url"], above["query"]) == ("mine", below["base_url"], {"a": "b"})
    assert above["request"] == [*below.get("request", []), rule]
    assert above["auth"] == "none"
    assert above["api_key_env"] == ["GROQ_API_KEY"]
    assert load("groq") == below


def test_a_credential_belongs_to_an_address() -> None:
    """A profile with an address of its own inherits no variable that holds a key."""
    above = load({"extends": "openai", "base_url": "https://other.example/v1"})
    assert not {"api_key_env", "admin_key_env", "base_url_env", "headers_env"} & above.keys()
    place = settled({"extends": "openai", "base_url": "https://other.example/v1"}, {"OPENAI_API_KEY": "k", "OPENAI_ORG_ID": "o"})
    assert (place.auth["api_key"], place.headers) == ({}, {})


@pytest.mark.parametrize(
    "over",
    [
        {"base_url_env": ["MINE"]},
        {"paths": {"/models": "https://elsewhere.example/models"}},
        {"paths": {"chat.completions.create": "http://127.0.0.1:1/x"}},
    ],
)
def test_nor_do_keys_follow_to_another_address(over: dict[str, Any]) -> None:
    """One that the environment names, or that a path of the profile's own leads to."""
    place = settled({"extends": "groq", **over}, {"GROQ_API_KEY": "k", "MINE": "https://mine.example"})
    assert place.auth["api_key"] == {}


def test_a_path_at_the_same_address_keeps_the_keys() -> None:
    """As does one below the base URL."""
    over = {"extends": "groq", "paths": {"/models": "https://api.groq.com/catalog", "/embeddings": "/e"}}
    assert settled(over, {"GROQ_API_KEY": "k"}).auth["api_key"]


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"absent": ["nope.*"]}, r"absent\[0\]: 'nope\.\*' is no row"),
        ({"paths": {"model.list": "/x"}}, r"paths\.model\.list: 'model\.list' is no row; near it are models\.list"),
        (
            {"request": [{"verb": "drop", "member": "x", "rows": ["chat.completion.create"]}]},
            r"request\[0\]\.rows\[0\]: .*near it are chat",
        ),
        (
            {"reply": [{"verb": "set", "member": "x", "value": 1, "rows": ["POST /embeddings"]}]},
            r"reply\[0\]\.rows\[0\]: 'POST /",
        ),
    ],
)
def test_rows_that_a_profile_names_have_to_be_there(over: dict[str, Any], words: str) -> None:
    """A slip in a name would be a rule that never applies."""
    with pytest.raises(ConfigError, match=words):
        ScriptedClient([], provider={"name": "own", "base_url": "http://own", **over})


def test_rows_of_a_profiles_own_may_be_named() -> None:
    """And those of the client's."""
    row = {"name": "rerank.create", "method": "POST", "path": "/rerank", "body": {"kind": "json"}}
    rule = {"verb": "drop", "member": "x", "rows": ["rerank.*"]}
    ScriptedClient([], provider={"base_url": "http://own", "routes": [row], "request": [rule]})
    ScriptedClient(
        [], provider={"base_url": "http://own", "request": [rule], "paths": {"/rerank": "/r"}}, routes={"routes": [row]}
    )


@pytest.mark.parametrize("name", packaged_names("providers"))
def test_rows_that_bundled_profiles_name(name: str) -> None:
    """Each is one of the table, or of the profile's own."""
    profile = load(name)
    own = profile.get("routes", [])
    rows = {row["name"]: row["path"] for row in [*map(bundled().row, bundled().names), *own] if "path" in row}
    assert not unknown_rows(profile, rows, rows.values())


@pytest.mark.parametrize("name", ["Groq", "llama_cpp_python", "LM_STUDIO"])
def test_names_in_other_letters(name: str) -> None:
    """As other libraries write them."""
    assert load(name)["name"] == name.lower().replace("_", "-")


@pytest.mark.parametrize("setting", ["normalize", "strict_params"])
def test_a_setting_that_is_true_or_false(setting: str) -> None:
    """A word for one is refused."""
    with pytest.raises(ConfigError, match=f"{setting}: 'no', wanted True or False"):
        ScriptedClient([], **{setting: "no"})


@pytest.mark.parametrize(("member", "value"), [("extends", "nobody"), ("families", ["nobody"])])
def test_what_is_extended_has_to_be_there(member: str, value: Any) -> None:
    """The error names the member and what it says."""
    with pytest.raises(ConfigError, match=f"{member}: 'nobody': there "):
        load({"base_url": "http://own", member: value})


def test_a_profile_of_the_users_is_checked() -> None:
    """A rule of no known verb is told with its place, before anything is sent."""
    with pytest.raises(ConfigError, match=r"mine: request\[0\]"):
        ScriptedClient([], provider={"name": "mine", "base_url": "http://own", "request": [{"verb": "explode", "member": "x"}]})


def test_variables_of_code_and_environment() -> None:
    """Those of code go first; an optional one that is not set takes what holds it away."""
    profile = {
        "base_url": "https://{host}/v1/{account}",
        "variables": {"host": ["HOST"], "account": ["ACCOUNT"], "title": [], "version": ["VERSION"]},
        "headers": {"X-Title": "{title?}", "X-Account": "a-{account}"},
        "query": {"api-version": "{version}", "t": "{title?}"},
    }
    environ = {"HOST": "https://here.example/", "ACCOUNT": "one", "VERSION": "1"}
    place = settled(profile, environ, variables={"account": "two"})
    assert place.base_url == "https://here.example/v1/two"
    assert place.headers == {"X-Account": "a-two"}
    assert place.query == {"api-version": "1"}
    assert place.variables == {"host": "https://here.example/", "account": "two", "version": "1"}
    titled = settled(profile, environ, variables={"title": "t"})
    assert (titled.headers["X-Title"], titled.query["t"]) == ("t", "t")


def test_a_missing_variable_is_told() -> None:
    """The error names where it is wanted, and how it is given."""
    profile = {"base_url": "https://h/{account}", "variables": {"account": ["ACCOUNT", "ACC"], "x": []}, "query": {"q": "{x}"}}
    with pytest.raises(ConfigError, match=r"base_url: give variables=\{'account': \.\.\.\}, or set ACCOUNT or ACC"):
        settled(profile, {})
    with pytest.raises(ConfigError, match=r"query\.q: give variables=\{'x': \.\.\.\}$"):
        settled(profile, {"ACC": "a"})
    assert settled(profile, {}, base_url="https://other", variables={"x": "1"}).base_url == "https://other"
    with pytest.raises(ConfigError, match=r"variables: 'y': the profile has no such variable; it has account, x"):
        settled(profile, {}, variables={"y": "1"})
    with pytest.raises(ConfigError, match=r"it has none"):
        settled("groq", {}, variables={"y": "1"})


@pytest.mark.parametrize("value", ["a/b", "..", "a?b", "a#b", "", "a b", "x@y"])
def test_a_variable_cannot_move_a_request(value: str) -> None:
    """Inside an address it is one part of it."""
    profile = {"base_url": "https://h/{account}/v1", "variables": {"account": []}}
    with pytest.raises(ConfigError, match="base_url: account: "):
        settled(profile, {}, variables={"account": value})


def test_keys_and_an_address_out_of_variables() -> None:
    """A host given in code is an address given in code; one of the environment is the profile's own."""
    profile = {"base_url": "{endpoint}/openai", "variables": {"endpoint": ["ENDPOINT"]}, "api_key_env": ["KEY"]}
    environ = {"ENDPOINT": "https://mine.example/", "KEY": "k"}
    assert settled(profile, environ).base_url == "https://mine.example/openai"
    assert settled(profile, environ).auth["api_key"]
    assert not settled(profile, environ, variables={"endpoint": "https://other.example"}).auth["api_key"]
    part = {"base_url": "https://{name}.example/v1", "variables": {"name": []}, "api_key_env": ["KEY"]}
    assert settled(part, environ, variables={"name": "mine"}).auth["api_key"]


def test_a_key_that_stands_for_none() -> None:
    """What a service wants where no key is needed is sent where none is known."""
    profile = {"base_url": "http://localhost:1/v1", "api_key_env": ["KEY"], "placeholder_key": "none"}
    assert settled(profile, {}).auth["api_key"] == {"Authorization": "Bearer none"}
    assert settled(profile, {"KEY": "k"}).auth["api_key"] == {"Authorization": "Bearer k"}


PATHS: dict[str, Any] = {
    "name": "own",
    "base_url": "https://h.example/v1",
    "api_key_env": ["OWN_KEY"],
    "variables": {"account": [], "region": []},
    "paths": {
        "/models": "/catalog",
        "/embeddings": "/deployments/{model}/embeddings",
        "files.retrieve": "/accounts/{account}/files/{file_id}",
        "/moderations": "https://other.example/check",
        "/batches": "/{region?}/batches",
    },
}

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("models.list", {}),
    ("embeddings.create", {"model": "a/b", "input": "x"}),
    ("files.retrieve", {"file_id": "f 1"}),
    ("moderations.create", {"input": "x"}),
    ("batches.list", {}),
]


def test_paths_of_a_providers_own() -> None:
    """By the table's path or the row's name, with what is in braces from the body, the arguments or the variables."""
    assert sent(PATHS, *CALLS, variables={"account": "acc"}) == [
        "https://h.example/v1/catalog",
        "https://h.example/v1/deployments/a%2Fb/embeddings",
        "https://h.example/v1/accounts/acc/files/f%201",
        "https://other.example/check",
        "https://h.example/v1/batches",
    ]


def test_an_address_in_code_stands_for_all_hosts_of_a_profile() -> None:
    """A path on another host is asked there instead, so that no key and no request leaves for it."""
    found = sent(PATHS, *CALLS, base_url="http://localhost:1/x/v1", variables={"account": "acc"})
    assert found[3] == "http://localhost:1/check"
    assert found[0] == "http://localhost:1/x/v1/catalog"


def test_a_path_elsewhere_belongs_to_an_address() -> None:
    """Who lays a profile with another address over one does not inherit it, nor does one from the environment keep it."""
    mine = {"extends": "cohere", "base_url": "https://mine.example/v1"}
    assert sent(mine, ("rerank.create", {"query": "q"}), api_key="MINE") == ["https://mine.example/v1/rerank"]
    place = settled({**PATHS, "base_url_env": ["OWN_URL"]}, {"OWN_URL": "http://here:1/v1"}, variables={"account": "a"})
    assert place.paths["/moderations"] == "http://here:1/check"


def test_a_path_that_wants_a_member_which_is_not_there() -> None:
    """It is refused with its name, before anything is sent."""
    with pytest.raises(ValidationError, match=r"^model: missing; embeddings\.create is POST /deployments/\{model\}/embeddings"):
        sent(PATHS, ("embeddings.create", {"input": "x"}), variables={"account": "acc"})


def test_rows_that_a_provider_lacks() -> None:
    """Calling one is an error that says so, and nothing is sent."""
    client = ScriptedClient([], base_url=None, provider={"name": "own", "base_url": "http://own", "absent": ["files.*"]})
    with pytest.raises(RouteError, match=r"own has no files\.list"):
        client.files.list()
    assert client.sent == []


def test_the_providers_names_of_models() -> None:
    """The caller's name becomes the provider's, and the caller's own dict keeps his."""
    request = {"model": "fast", "messages": []}
    client = ScriptedClient(
        [answer({})] * 3, base_url=None, provider={"name": "own", "base_url": "http://own", "models": {"fast": "m-1"}}
    )
    client.chat.completions.create(request)
    client.chat.completions.create({"model": "other", "messages": []})
    client.files.list()
    assert [b'"m-1"' in plan.body for plan in client.sent if isinstance(plan.body, bytes)] == [True, False]
    assert request == {"model": "fast", "messages": []}


def test_a_file_that_extends(tmp_path: Path) -> None:
    """The user's own file is laid over a bundled profile as a dict is."""
    (tmp_path / "mine.toml").write_text('name = "mine"\nextends = "groq"\n[models]\nfast = "m"\n')
    assert load(tmp_path / "mine.toml")["base_url"] == load("groq")["base_url"]
