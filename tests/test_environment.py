"""Proxies and certificate authorities from the environment, read once for both faces."""

from __future__ import annotations

from pathlib import Path

import pytest

from oai_dyn.environment import ca_bundle, proxy_for
from oai_dyn.errors import ConfigError


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://api.example/v1", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://api.example/v1", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "https://api.example/v1", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://api.example/v1", None),
        ({"http_proxy": "http://p:1"}, "http://api.example/v1", "http://p:1"),
        ({"ALL_PROXY": "http://p:2"}, "https://api.example/v1", "http://p:2"),
        ({"ALL_PROXY": "http://p:2", "HTTPS_PROXY": "http://p:1"}, "https://api.example/v1", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.example"}, "https://api.example:444/v1", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example"}, "https://api.example/v1", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other"}, "https://api.example/v1", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, "https://api.example/v1", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "127.0.0.1"}, "http://127.0.0.1:80", None),
    ],
    ids=str,
)
def test_the_proxy_of_an_address(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None) -> None:
    """By scheme, then for all, in both cases of letters, and not for hosts that are excepted."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


def test_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first of the three variables that is set and not empty; a folder is as good as a file."""
    assert ca_bundle() is None
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        path = tmp_path / name
        path.mkdir()
        monkeypatch.setenv(name, str(path))
        assert ca_bundle() == str(path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    assert ca_bundle() == str(tmp_path / "CURL_CA_BUNDLE")


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names variable and path."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE: /nowhere/ca\.pem"):
        ca_bundle()
