"""Several providers behind one client, each a hostile server of a test's."""

from __future__ import annotations

from typing import Any

from faces import SyncFace
from hostile import HostileServer, json_reply, sse_reply

from oai_dyn import Timeout

#: What a good server answers, plain and streamed.
OK = json_reply({"id": "m"})
EVENTS = sse_reply([{"id": 1}, {"id": 2}, "[DONE]"])

#: What is held back makes way for the next provider soon.
HASTY = Timeout(connect=5, first_event=0.4, idle=0.4)


def place(name: str, url: str, **more: Any) -> dict[str, Any]:
    """A provider at an address, with a key of its own."""
    return {"name": name, "base_url": url, "api_key": f"key-of-{name}", **more}


def client_of(face: SyncFace, *providers: Any, **settings: Any) -> Any:
    """A client of several providers: servers are called a, b, c; the others as they are."""
    places = [place("abc"[i], one.url) if isinstance(one, HostileServer) else one for i, one in enumerate(providers)]
    return face.client(**{"provider": places, "api_key": None, "timeout": HASTY, **settings})


def embed(face: SyncFace, client: Any, **keywords: Any) -> Any:
    """A plain call that is not safe to send twice."""
    return face.wait(client.embeddings.create(**{"model": "m", "input": "x", **keywords}))


def tried(attempts: Any) -> list[tuple[Any, ...]]:
    """The attempts of a call, in short."""
    return [(one.number, one.provider, one.status, one.error) for one in attempts]
