"""What every test has: a face of each kind, an environment without proxies and keys, and each engine of validation."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from engines import ENGINES, using
from faces import FACES, SyncFace

#: Variables that would reach into a test from outside.
FOREIGN = (
    "OPENAI_",
    "GROQ_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT",
    "REQUESTS_CA",
    "CURL_CA",
    "NETRC",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, proxy or certificate of the machine's."""
    for name in os.environ:
        if name.upper().startswith(FOREIGN):
            monkeypatch.delenv(name)


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> Iterator[SyncFace]:
    """The sync and the async client, behind the same plain calls."""
    with FACES[request.param]() as one:
        yield one


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Validation with each engine; what is fast may be missing."""
    if request.param == "fast":
        pytest.importorskip("jsonschema_rs", reason="the extra `fast` is not installed")
    with using(request.param):
        yield request.param
