"""`make demo`: the request of chat.toml, sent five ways.

Without settings it goes to a local server that this script starts and stops. The environment says otherwise:
PROVIDER (a profile's name, whose key is in the environment) or BASE_URL, and API_KEY and MODEL if they are needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from oai_dyn import AsyncClient, Client, OaiDynError, Reply

FILE = Path(__file__).with_name("chat.toml")


class Question:
    """A request of our own: any class with to_dict will do."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    def to_dict(self) -> dict[str, Any]:
        """The body as a dict."""
        return self.body


@dataclass
class Answer:
    """An answer of our own: any class with from_dict will do."""

    text: str
    tokens: int

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """What we want to know of an answer."""
        return cls(data["choices"][0]["message"]["content"], data["usage"]["total_tokens"])


@dataclass
class Piece:
    """An event of a stream, as the text in it."""

    text: str

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The text of all choices."""
        return cls("".join(choice["delta"].get("content") or "" for choice in data["choices"]))


def with_sync_client(settings: dict[str, Any], route: str, body: dict[str, Any]) -> None:
    """A dict in and out, a class of our own in and out, a stream."""
    with Client(**settings) as client:
        title("Client: a dict goes out, a dict comes back")
        reply = client.call(route, body, into=Reply)
        print(reply.data["choices"][0]["message"]["content"])
        print(f"(HTTP {reply.status}, request {reply.request_id}, attempt {len(reply.attempts)}, {reply.elapsed * 1000:.0f} ms)")

        title("Client: a class of our own goes out, another comes back")
        print(client.call(route, Question(body), into=Answer))

        title("Client: a stream, piece by piece")
        for chunk in client.call(route, body, stream=True):
            for choice in chunk.choices:
                print(choice.delta.get("content") or "", end="", flush=True)
        print()


async def with_async_client(settings: dict[str, Any], route: str, body: dict[str, Any]) -> None:
    """The same names, awaited."""
    async with AsyncClient(**settings) as client:
        title("AsyncClient: a dict goes out, a dict comes back")
        answer = await client.call(route, body)
        print(answer.choices[0].message.content)

        title("AsyncClient: a stream into a class of our own, piece by piece")
        async for piece in client.call(route, Question(body), stream=True, into=Piece):
            print(piece.text, end="", flush=True)
        print()


def title(text: str) -> None:
    """What comes next."""
    print(f"\n-- {text}")


@contextlib.contextmanager
def local_server() -> Iterator[str]:
    """The local server, in a process of its own: its base URL."""
    # A proxy of the machine's must not be asked for what is on this very machine.
    os.environ["no_proxy"] = "127.0.0.1"
    command = [sys.executable, "-m", "oai_dyn", "serve", "--port", "0", "--delay", "0.05"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 (nothing in it is foreign)
        url = server.stdout.readline().strip() if server.stdout else ""
        if not url:
            sys.exit("the local server did not start")
        print(f"a local server, process {server.pid}: {url}")
        try:
            yield url
        finally:
            server.terminate()
    print(f"\nthe local server has stopped (exit code {server.returncode})")


@contextlib.contextmanager
def settings() -> Iterator[dict[str, Any]]:
    """Where to send: what the environment says, else a local server."""
    if os.environ.get("PROVIDER") or os.environ.get("BASE_URL"):
        names = {"provider": "PROVIDER", "base_url": "BASE_URL", "api_key": "API_KEY"}
        yield {name: os.environ.get(variable) or None for name, variable in names.items()}
    else:
        with local_server() as url:
            yield {"base_url": url, "api_key": "any"}


def main() -> int:
    """Send the request of the file in all its ways."""
    request = tomllib.loads(FILE.read_text("utf-8"))
    body = request["body"]
    if os.environ.get("MODEL"):
        body["model"] = os.environ["MODEL"]
    print(f"{FILE.name}: {request['route']}, model {body['model']}: {body['messages'][-1]['content']!r}")
    try:
        with settings() as chosen:
            with_sync_client(chosen, request["route"], body)
            asyncio.run(with_async_client(chosen, request["route"], body))
    except OaiDynError as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
