"""The guide's examples with libraries of clouds: they run with stand-ins, which have of each what the examples use."""

from __future__ import annotations

import ast
import asyncio
import datetime
import inspect
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hostile import HostileServer, json_reply
from test_docs import ROOT, blocks

GUIDE = ROOT / "docs" / "guide.md"

#: Addresses of the examples, which stand for the local server here.
ADDRESSES = (
    "https://my-resource.openai.azure.com/openai/v1",
    "https://us-central1-aiplatform.googleapis.com/v1/projects/{project}/locations/us-central1/endpoints/openapi",
)


class AccessToken(NamedTuple):
    """As azure.core's."""

    token: str
    expires_on: int


class AzureCredential:
    """As azure.identity's, both halves."""

    def get_token(self, *scopes: str) -> AccessToken:
        """A token for an hour."""
        return AccessToken(f"token for {scopes[0]}", int(time.time()) + 3600)


def provider(credential: AzureCredential, *scopes: str) -> Any:
    """A function that gives the token's text."""
    return lambda: credential.get_token(*scopes).token


def async_provider(credential: AzureCredential, *scopes: str) -> Any:
    """The same as a coroutine function."""

    async def token() -> str:
        await asyncio.sleep(0)
        return credential.get_token(*scopes).token

    return token


class GoogleCredentials(SimpleNamespace):
    """As google.auth's: nothing before it is refreshed, and then a naive time in UTC."""

    token: str | None = None
    expiry: datetime.datetime | None = None

    def refresh(self, request: Any) -> None:
        """A token for an hour."""
        assert request == "a transport"
        self.token = f"token for {self.scopes[0]}"
        self.expiry = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(hours=1)


STAND_INS: dict[str, dict[str, dict[str, Any]]] = {
    "azure": {
        "azure": {},
        "azure.identity": {"DefaultAzureCredential": AzureCredential, "get_bearer_token_provider": provider},
        "azure.identity.aio": {"DefaultAzureCredential": AzureCredential, "get_bearer_token_provider": async_provider},
    },
    "google": {
        "google": {},
        "google.auth": {"default": lambda scopes: (GoogleCredentials(scopes=scopes), "my-project")},
        "google.auth.transport": {},
        "google.auth.transport.requests": {"Request": lambda: "a transport"},
    },
}

SCOPES = {
    "azure": ["https://cognitiveservices.azure.com/.default"] * 3,
    "google": ["https://www.googleapis.com/auth/cloud-platform"],
}


def stand_in(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Put the modules of a library in place, those within others as their members too."""
    for name, members in STAND_INS[library].items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
        above, _, last = name.rpartition(".")
        if above:
            setattr(sys.modules[above], last, module)


@pytest.mark.parametrize("library", STAND_INS)
def test_the_example_of_a_library_runs(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call carries the library's token as bearer."""
    (block,) = blocks(GUIDE, f"python {library}")
    stand_in(monkeypatch, library)
    with HostileServer([json_reply({"id": "r"})], after="repeat") as server:
        text = block.text
        for address in ADDRESSES:
            text = text.replace(address, server.url)
        tree = ast.increment_lineno(ast.parse(text, str(GUIDE)), block.line)
        waiting = eval(compile(tree, str(GUIDE), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True), {})
        if inspect.iscoroutine(waiting):
            asyncio.run(waiting)
    assert [one.header("Authorization") for one in server.requests] == [f"Bearer token for {scope}" for scope in SCOPES[library]]
