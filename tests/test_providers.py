"""Provider profiles: data that says where a service is; what promise 7 says of keys is tested there."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from oai_dyn import Client, ConfigError
from oai_dyn.profiles import load
from oai_dyn.providers import check_url, settle
from oai_dyn.wire import Config, Secret

PROFILE: dict[str, Any] = {
    "name": "own",
    "base_url": "https://own.example/v1/",
    "base_url_env": ["OWN_URL", "OLD_OWN_URL"],
    "api_key_env": ["OWN_KEY"],
    "headers": {"X-Title": "t"},
    "headers_env": {"X-Team": "OWN_TEAM"},
    "query": {"api-version": "1"},
}


def settled(profile: Any, environ: dict[str, str], *given: Any, **keys: Any) -> Config:
    """Address and credentials in an environment of the test's."""
    return settle(profile, environ.get, *given, **keys)


def test_a_profile_by_name_path_or_dict(tmp_path: Path) -> None:
    """OpenAI's own where none is named; a bundled one by name; a file by path; a dict or another Mapping."""
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\nbase_url = "http://own"\n')
    bare = tmp_path / "own"
    bare.write_text('{"name": "own", "base_url": "http://own"}')
    assert load(None) is load("openai")
    assert load("groq")["base_url"] == "https://api.groq.com/openai/v1"
    for source in (path, str(path), bare, str(bare), MappingProxyType({"base_url": "http://own"})):
        assert load(source)["base_url"] == "http://own"


def test_a_name_that_is_none() -> None:
    """The error names what is near it, or the command that lists them all."""
    with pytest.raises(ConfigError, match="no provider 'groqq', and no file of that name; near it are groq"):
        load("groqq")
    with pytest.raises(ConfigError, match="no provider 'zzz', and no file of that name; `oai-dyn providers` lists the bundled"):
        load("zzz")
    with pytest.raises(ConfigError, match=r"groqq\.toml: No such file"):
        load("groqq.toml")


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"name": "p", "base_uri": "x"}, "^p: base_uri: no such member of a profile; there is base_url"),
        ({"name": "p", "base_url": 5}, "^p: base_url: of type int"),
        ({"api_key_env": "KEY"}, "^provider: api_key_env: of type str"),
        ({"headers": ["a"]}, "^provider: headers: of type list"),
    ],
)
def test_a_wrong_member_is_told(profile: Any, message: str) -> None:
    """The error names profile, member and what stands there."""
    with pytest.raises(ConfigError, match=message):
        load(profile)


@pytest.mark.parametrize("member", ["base_url_env", "api_key_env", "admin_key_env"])
def test_the_names_of_variables_are_text(member: str) -> None:
    """A number where a variable's name should be is an error of ours."""
    with pytest.raises(ConfigError, match=member):
        Client({"base_url": "http://own", member: [5]})


@pytest.mark.parametrize("source", ["[1]", '"text"', "5"])
def test_a_file_that_is_no_profile(tmp_path: Path, source: str) -> None:
    """The error names the file and what was wanted."""
    path = tmp_path / "own.json"
    path.write_text(source)
    with pytest.raises(ConfigError, match=r"own\.json: wanted a profile: a table of name, base_url"):
        load(path)


@pytest.mark.parametrize("provider", [5, b"groq", ["groq", 5], [["groq"]], []], ids=repr)
def test_what_is_no_provider(provider: Any) -> None:
    """Another type is refused as a setting."""
    with pytest.raises(ConfigError, match="provider"):
        Client(provider)


def test_code_goes_before_environment_and_that_before_the_profile() -> None:
    """The order in which an address is decided; the first variable that is set counts, blank ones do not."""
    assert settled(PROFILE, {}).base_url == "https://own.example/v1"
    assert settled(PROFILE, {"OWN_URL": " ", "OLD_OWN_URL": "http://old/"}).base_url == "http://old"
    assert settled(PROFILE, {"OWN_URL": "http://new", "OLD_OWN_URL": "http://old"}).base_url == "http://new"
    assert settled(PROFILE, {"OWN_URL": "http://new"}, "http://code").base_url == "http://code"


def test_no_address_at_all() -> None:
    """The error says what to give or to set."""
    with pytest.raises(ConfigError, match="no base URL: give base_url=, or set no variable"):
        settled({}, {})
    with pytest.raises(ConfigError, match="no base URL: give base_url=, or set A or B"):
        settled({"base_url_env": ["A", "B"]}, {})


def test_a_profile_has_headers_and_query() -> None:
    """They go with every call; those of the environment only to the profile's own address."""
    environ = {"OWN_TEAM": "red", "OWN_KEY": "k"}
    home = settled(PROFILE, environ)
    assert (home.query, home.headers) == ({"api-version": "1"}, {"X-Team": "red", "X-Title": "t"})
    away = settled(PROFILE, environ, "http://other/v1?a=1&api-version=2")
    assert (away.query, away.headers) == ({"a": "1", "api-version": "1"}, {"X-Title": "t"})


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [("bearer", "Authorization", "Bearer k"), ("header:api-key", "api-key", "k"), ("none", None, None)],
)
def test_schemes(auth: str, header: str | None, value: str | None) -> None:
    """How a key is sent; it is a secret whatever its header."""
    place = settled({**PROFILE, "auth": auth}, {}, api_key="k", admin_key="a")
    assert place.auth["api_key"] == ({header: value} if header else {})
    assert all(isinstance(sent, Secret) for sent in place.auth["api_key"].values())


@pytest.mark.parametrize("auth", ["basic", "header", "header:", "bearer:x", ""])
def test_an_unknown_scheme_is_refused(auth: str) -> None:
    """The error names the schemes there are."""
    with pytest.raises(ConfigError, match=f"auth: '{auth}', wanted bearer, header:NAME, query:NAME or none"):
        settled({**PROFILE, "auth": auth}, {}, api_key="k")


@pytest.mark.parametrize("key", ["hidden\n", "ключ", 12345, b"hidden"], ids=ascii)
def test_a_key_that_cannot_be_sent(key: Any) -> None:
    """The error names the setting and does not quote the key."""
    with pytest.raises(ConfigError, match=r"^api_key: ") as caught:
        settled(PROFILE, {}, api_key=key)
    assert not any(part in str(caught.value) for part in ("hidden", "ключ", "12345"))


def test_a_profiles_header_that_cannot_be_sent() -> None:
    """The error names the header, or the variable that it came from."""
    with pytest.raises(ConfigError, match=r"^headers\.X-A: "):
        settled({**PROFILE, "headers": {"X-A": "a\nb"}}, {})
    with pytest.raises(ConfigError, match=r"^OWN_TEAM: "):
        settled(PROFILE, {"OWN_TEAM": "a\nb"})


@pytest.mark.parametrize(
    ("url", "address", "query"),
    [
        ("http://h", "http://h", {}),
        ("HTTPS://H:8443/v1//", "https://h:8443/v1", {}),
        ("http://[::1]:80/v1?a=b%20c", "http://[::1]:80/v1", {"a": "b c"}),
        ("http://bücher.example/v1", "http://xn--bcher-kva.example/v1", {}),
        ("http://h:/v1", "http://h/v1", {}),
        ("http://h/bücher/", "http://h/b%C3%BCcher", {}),
    ],
)
def test_an_address_is_brought_into_one_form(url: str, address: str, query: dict[str, str]) -> None:
    """Scheme and host in lower case, no trailing slash, a host of other letters by its ASCII name, the query apart."""
    assert check_url(url) == (address, query)


@pytest.mark.parametrize(
    "url",
    [
        "h/v1",
        "//h/v1",
        "ftp://h",
        "http://",
        "http:///v1",
        "http://h:port",
        "http://h:99999",
        "http://[::1",
        "http://h /v1",
        "http://h/v1\n",
        "http://" + "ü" * 70 + ".example",
        "http://ü..example",
        "http://h/\ud800",
    ],
    ids=lambda url: ascii(url)[:30],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """Another scheme, no host, a wrong port, spaces: refused before anything is sent."""
    with pytest.raises(ConfigError, match=r"^base_url: "):
        check_url(url)


@pytest.mark.parametrize("url", [5, b"http://h", Path("http://h")], ids=repr)
def test_an_address_is_text(url: Any) -> None:
    """Another type is refused as a setting."""
    with pytest.raises(ConfigError, match="base_url"):
        Client(base_url=url)


def test_a_profile_may_name_a_file_of_routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file stands beside the profile, wherever the program runs; in a dict it is a path like any other."""
    rows = tmp_path / "routes.json"
    rows.write_text('{"alone": true, "routes": [{"name": "hello", "method": "GET", "path": "/"}]}')
    (tmp_path / "provider.toml").write_text('base_url = "http://localhost:1"\nroutes = "routes.json"\n')
    monkeypatch.chdir("/")
    for provider in (tmp_path / "provider.toml", {"base_url": "http://localhost:1", "routes": str(rows)}):
        with Client(provider) as client:
            assert client.routes.names == ("hello",)


def test_a_folder_that_an_import_wrote(tmp_path: Path) -> None:
    """Its profile is meant; a folder without one is told as such."""
    (tmp_path / "provider.toml").write_text('base_url = "http://localhost:8000"\n')
    assert load(tmp_path) == load(str(tmp_path)) == {"base_url": "http://localhost:8000"}
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"provider\.toml: No such file"):
        load(tmp_path / "empty")
