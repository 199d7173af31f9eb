"""One request as the answers see it: its row and members, what the row is about, and what the user said.

Rules of this file: no network, no clock, no chance; what a row is about is read off its name, and only what
would read wrongly has a line in a table.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..wire import Route
from .fitting import json_text
from .words import new_id


class Upload(NamedTuple):
    """A file of a form, as far as the server keeps it."""

    filename: str
    size: int


class Asked(NamedTuple):
    """One request: its row, path and query parameters, members of its body, and its number since the start.

    turn     how many requests of this row came before it
    thinks   a chat of which `reasoning_effort` asks for it tells its reasoning, as some services do; OpenAI's schemas know
             no such member
    """

    route: Route
    path: Mapping[str, str]
    query: Mapping[str, Any]
    members: Mapping[str, Any]
    number: int
    turn: int
    thinks: bool = False

    @property
    def verb(self) -> str:
        """The last part of the row's name."""
        return self.route.name.rpartition(".")[2]


@functools.cache
def noun(name: str) -> str:
    """What a row is about, as the API names objects: `fine_tuning.jobs.list` is about a `fine_tuning.job`."""
    parts = [singular(part) for part in name.split(".")[:-1] if part not in ("beta", "admin")]
    about = ".".join(parts)
    return NOUNS.get(name) or NOUNS.get(about, about)


def listed(asked: Asked) -> str:
    """What the items of a list are: `jobs.list_events` lists a job's events."""
    about, (_, _, inner) = noun(asked.route.name), asked.verb.partition("list_")
    return about if not inner or about.endswith(singular(inner)) else f"{about}.{singular(inner)}"


def singular(word: str) -> str:
    """`batches` -> `batch`, `files` -> `file`."""
    return re.sub(r"(?<=ch)es$|(?<!s)s$", "", word)


def own_param(asked: Asked) -> str | None:
    """The path parameter that is the object's own id, None where the request makes a new object."""
    return None if asked.verb.startswith(("create", "list")) or not asked.path else asked.route.path_params[-1]


def own_id(asked: Asked, about: str) -> str:
    """The id that stands in the path, or a new one."""
    owner = own_param(asked)
    return new_id(about, asked.number) if owner is None else asked.path[owner]


def last_said(members: Mapping[str, Any]) -> str:
    """The text of the last message of a user, in whatever form a request holds it."""
    if isinstance(members.get("thread"), Mapping):
        return last_said(members["thread"])
    for name in ("messages", "additional_messages", "input", "prompt", "text"):
        for entry in reversed(entries(members.get(name))):
            if isinstance(entry, str) and entry:
                return entry
            if isinstance(entry, Mapping) and entry.get("role", "user") == "user" and (text := joined_text(entry.get("content"))):
                return text
    return ""


def entries(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def inner(value: Any, *names: str) -> Any:
    """The member that the names lead to, None where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def joined_text(content: Any) -> str:
    """The text of a message's content: text itself, or parts of which some are text."""
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in entries(content)]
    return " ".join(part for part in parts if isinstance(part, str))


def text_of(asked: Asked) -> str:
    """What the model of this server says to a request: JSON where that was asked for."""
    for form, schema in (
        (inner(asked.members, "response_format"), ("json_schema", "schema")),
        (inner(asked.members, "text", "format"), ("schema",)),
    ):
        if inner(form, "type") in ("json_schema", "json_object"):
            return json_text(inner(form, *schema))
    said = last_said(asked.members)
    return f"You said: {said}" if said else "Hello from the local server."


def thought(asked: Asked) -> str:
    """What the model of this server thinks before it speaks in a chat; nothing where nobody asks."""
    effort = asked.members.get("reasoning_effort")
    return "The user expects an answer." if asked.thinks and effort not in (None, "none") else ""


def pieces(text: str) -> list[str]:
    """The text as a stream sends it: a word at a time, with the space behind it."""
    return re.findall(r"\S+\s*|\s+", text)


def usage(asked: Asked, read: str = "prompt_tokens", written: str = "completion_tokens") -> dict[str, int]:
    """Tokens, counted as words."""
    counts = {read: len(pieces(last_said(asked.members))), written: len(pieces(text_of(asked)))}
    return {**counts, "total_tokens": sum(counts.values())}


def model(asked: Asked) -> str:
    """The model that was asked for."""
    return str(asked.members.get("model", "local"))


def choices(asked: Asked) -> Iterator[int]:
    """The indexes of the choices that were asked for."""
    return iter(range(min(count(asked, "n", 1), 128)))


def count(asked: Asked, name: str, usual: int) -> int:
    """The number that a member is, also as text; what is usual where it is none."""
    wanted = str(asked.members.get(name))
    return int(wanted) if wanted.isdecimal() else usual


#: What rows and plurals are about where `noun` would read them otherwise.
NOUNS = {
    "beta.threads.create_and_run": "thread.run",
    "completion": "text_completion",
    "organization.project.role": "role",
    "organization.role": "role",
    "vector_store.file_batch": "vector_store.files_batch",
    "webhook": "webhook_endpoint",
}
