"""The vocabulary all layers share: frozen records, and the steps that a flow asks a backend to take.

Rules of this file: records hold data and nothing acts; no other module of the package is imported but `rates`.
What may be secret shows as `***` wherever it is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from .rates import RateLimits, rate_limits


class Secret(str):
    """Text that is sent as it is but printed and pickled as `***`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __reduce__(self) -> tuple[Any, ...]:
        return str, ("***",)


#: Stands in a plan for a credential that is asked for when the request is sent; it is told from others by being this one.
PENDING = Secret()

#: What is said where a synchronous client is given a callable that waits.
NEEDS_LOOP = "its callable waits for an event loop: use AsyncClient, or give a synchronous one"


class Frozen(dict[str, Any]):
    """A dict that is not changed any more, and travels (a mappingproxy does not)."""

    __slots__ = ()

    def _refuse(self, *arguments: Any, **keywords: Any) -> NoReturn:
        raise TypeError("what the table and the settings hold is frozen")

    __setitem__ = __delitem__ = pop = popitem = clear = update = setdefault = __ior__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return Frozen, (dict(self),)


class Headers(Mapping[str, str]):
    """Headers of an answer: names in any case, a repeated one joined with ", " (RFC 9110 section 5.3).

    pairs: names and values as text or as the bytes of the wire, which are Latin-1 (RFC 9112 section 2.2).
    """

    __slots__ = ("_map", "_raw")

    def __init__(self, pairs: Iterable[tuple[str, str] | tuple[bytes, bytes]] = ()) -> None:
        self._raw: tuple[Any, ...] = tuple(pairs)
        self._map: dict[str, str] | None = None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every line of the head, in order."""
        if self._raw and isinstance(self._raw[0][0], bytes):  # decoded when the first of them is looked at
            self._raw = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._raw])
        return self._raw

    def _folded(self) -> dict[str, str]:
        """Lower-case name to value."""
        if self._map is None:
            self._map = {}
            for name, value in self.pairs:
                key = name.lower()
                self._map[key] = f"{self._map[key]}, {value}" if key in self._map else value
        return self._map

    def get(self, name: str, default: Any = None) -> Any:
        """The header's value, or `default`."""
        return self._folded().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return self._folded()[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._folded())

    def __len__(self) -> int:
        return len(self._folded())

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Headers, (self.pairs,)


@dataclass(frozen=True)
class Timeout:
    """How long to wait, in seconds; None waits for ever.

    connect      for the connection (name lookup, TCP, TLS)
    first_event  from the start of an attempt to the first event of a stream, or to the head of any other answer
    idle         between two events of a stream (comments do not count), or two pieces of any other body
    total        for the whole call, all attempts and waits between them included
    """

    connect: float | None = None
    first_event: float | None = None
    idle: float | None = None
    total: float | None = None


@dataclass(frozen=True)
class Limits:
    """The most that is held in memory, in decoded bytes.

    event       one event of a stream, its fields together
    error_body  what is kept of an error's body, and of a stream for the error that cuts it
    reply       an answer that is read whole
    """

    event: int = 64 * 2**20
    error_body: int = 64 * 2**10
    reply: int = 1 * 2**30


class Validation(NamedTuple):
    """What is held against the row's schemas, and what comes of a fault: "raise", "warn", or None for no look at it.

    request   the body and the query, before they are sent
    reply     the answer; of a stream, each event
    strict    keys that a schema does not list are faults too
    """

    request: str | None = None
    reply: str | None = None
    strict: bool = False


class Stream(NamedTuple):
    """When a row streams and what ends it (docs/routes.md explains the members)."""

    ask_in: str | None = None
    ask_key: str = ""
    ask_value: Any = True
    last: frozenset[str] = frozenset()
    complete: frozenset[str] = frozenset()
    reopen: frozenset[str] = frozenset()
    finish: bool = False
    eof: bool = False
    envelope: bool = False
    schema: str | None = None


class Sending(NamedTuple):
    """What a row sends: `kind` json, multipart, form or none; `other` is the kind where a multipart call has no file.

    `parts` gives members of a form their own content type; `sole` names the one that, alone, is the whole body.
    """

    kind: str = "none"
    other: str | None = None
    parts: Mapping[str, str] = Frozen()
    sole: str | None = None
    schema: str | None = None


class Answer(NamedTuple):
    """What a row answers: `kind` json, bytes, text or none; `other` is a kind that is also normal."""

    kind: str = "json"
    other: str | None = None
    schema: str | None = None


_SENDS_NOTHING, _ANSWERS_JSON = Sending(), Answer()


class Paging(NamedTuple):
    """Where the items of a page are, and where the next page's cursor is found and goes."""

    items: str = "data"
    cursor: tuple[str | int, ...] = ()
    param: str = "after"
    more: str | None = None


class Route(NamedTuple):
    """One row of the table. `where` tells for every known keyword where it travels."""

    name: str
    method: str
    path: str
    id: str | None = None
    positional: tuple[str, ...] = ()
    path_params: tuple[str, ...] = ()
    where: Mapping[str, str] = Frozen()
    header_names: Mapping[str, str] = Frozen()
    fixed_query: Mapping[str, str] = Frozen()
    fixed_headers: Mapping[str, str] = Frozen()
    body: Sending = _SENDS_NOTHING
    reply: Answer = _ANSWERS_JSON
    stream: Stream | None = None
    page: Paging | None = None
    lists: str = "brackets"
    safe: bool = False
    credential: str = "api_key"
    deprecated: bool = False
    query_schema: str | None = None


#: A body of known length that can be opened again for every attempt.
BodyFactory = Callable[[], Any]


class Plan(NamedTuple):
    """One request, ready to be sent by any HTTP library: nothing in it is looked up again.

    hidden is the part of the query that holds a key. It is no part of `url`, which may be shown, and joins it when it is sent.
    """

    route: Route
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | BodyFactory | None = None
    streaming: bool = False
    hidden: Secret | None = None

    def __repr__(self) -> str:
        return f"<Plan {self.route.name}: {self.method} {self.url.partition('?')[0]}>"


class Config(NamedTuple):
    """Everything a client has settled before a call: where it goes, as whom, and how patiently.

    own_headers are the user's: they win over all others, and None takes one away.
    timeouts are those of a plain call and of a stream.
    auth holds, for each credential, the headers that carry it, auth_query the name and text of a member of the query, asked
    the callable that gives it; `keyless` says why there is none.
    transformations are the rules of the provider's profile; models has the provider's names for the caller's,
    variables what the braces in its texts stand for, paths its own for the table's, absent the rows it does not have,
    errors what its errors mean (`meanings.ErrorRule`).
    """

    base_url: str
    headers: Mapping[str, str] = Frozen()
    own_headers: Mapping[str, str | None] = Frozen()
    query: Mapping[str, Any] = Frozen()
    auth: Mapping[str, Mapping[str, str]] = Frozen()
    keyless: Mapping[str, str] = Frozen()
    timeouts: tuple[Timeout, Timeout] = (Timeout(), Timeout())
    limits: Limits = Limits()
    max_retries: int = 2
    allow_truncated: bool = False
    codecs: Mapping[Any, Any] = Frozen()
    hook: Callable[[Notice], Any] | None = None
    validate: Validation | None = None
    provider: str = "openai"
    normalize: bool = True
    strict_params: bool = False
    transformations: Any = None
    models: Mapping[str, str] = Frozen()
    variables: Mapping[str, str] = Frozen()
    paths: Mapping[str, str] = Frozen()
    absent: tuple[str, ...] = ()
    errors: tuple[Any, ...] = ()
    auth_query: Mapping[str, tuple[str, Secret]] = Frozen()
    asked: Mapping[str, Any] = Frozen()

    def __repr__(self) -> str:
        return f"<Config {self.base_url}>"


class Call(NamedTuple):
    """One call: its plan, and what was settled for it.

    adapter brings what a provider answers into OpenAI's form; losses are what its profile took of the request.
    next makes the same call for another provider, None where no other takes it; heard is told of what this provider did:
    the seconds to the head of a good answer, or None when it failed.
    asked tells what gave the token in the plan, where something did; refused are tokens that earlier attempts sent, which an
    answer may still quote.
    """

    plan: Plan
    timeout: Timeout
    limits: Limits
    max_retries: int
    allow_truncated: bool
    read: Callable[[Any], Any] | None
    check: Callable[[Any], None] | None
    into: Any
    config: Config
    adapter: Any = None
    losses: tuple[Loss, ...] = ()
    next: Callable[[], Call | None] | None = None
    heard: Callable[[float | None], None] | None = None
    asked: Any = None
    refused: tuple[Secret, ...] = ()

    def __repr__(self) -> str:
        return f"<Call {self.plan!r}>"


class Loss(NamedTuple):
    """What the user asked for and a provider's profile could not keep: where it stood, which verb took it, and why."""

    provider: str
    path: tuple[str | int, ...]
    verb: str
    message: str


class Event(NamedTuple):
    """One server-sent event. `event` is None for the default type, `data` is UTF-8 as it came."""

    event: str | None
    data: bytes
    id: str = ""


class Attempt(NamedTuple):
    """One try of one provider: what came of it and how long was waited after it, in seconds."""

    number: int
    status: int | None
    error: str | None
    elapsed: float
    wait: float | None = None
    provider: str = ""


class Reply(NamedTuple):
    """A whole answer. `data` is the decoded body (None for a stream, an empty or a binary body).

    elapsed is in seconds, from the start of the call to the answer's last byte (for a stream: its head); provider is the
    name of the profile that answered.
    """

    status: int
    headers: Headers
    body: bytes = b""
    data: Any = None
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = 0.0
    provider: str = ""

    @property
    def request_id(self) -> str | None:
        """The server's name for this request (`x-request-id`)."""
        found: str | None = self.headers.get("x-request-id")
        return found

    @property
    def rate_limits(self) -> RateLimits | None:
        """What the headers say of rate limits, in any dialect; None where they say nothing."""
        return rate_limits(self.headers)


class Notice(NamedTuple):
    """What a hook is told. kind: "attempt" (an attempt's head came, or it failed and there is another), "failover" (it failed
    and another provider is asked), "first_event", "end", "close", "loss".

    `plan` has neither body nor secrets; `reply` is the head where there is one; `error` the error's class name;
    `loss` what the provider's profile took of the request, told once by each client; `provider` the name of the profile.
    """

    kind: str
    plan: Plan
    reply: Reply | None
    attempt: int
    elapsed: float
    error: str | None = None
    loss: Loss | None = None
    provider: str = ""


class Ask(NamedTuple):
    """Step: have a token from the callable that gives a credential; the outcome is the token, a `Secret`.

    now is in seconds since the epoch; `deadline` is on the flow's clock, and `why` names what set it.
    """

    source: Any
    now: float
    deadline: float | None
    why: str


class Send(NamedTuple):
    """Step: send the request; the outcome is a `Head`.

    connect is in seconds; `deadline`, for the head, is on the flow's clock, and `why` names what set it.
    """

    plan: Plan
    connect: float | None
    deadline: float | None
    why: str


class Head(NamedTuple):
    """Outcome of `Send`: the status line and headers are here, the body is still to be read."""

    status: int
    headers: Headers


class Read(NamedTuple):
    """Step: wait for the next piece of the body as it comes off the wire; the outcome is bytes, empty at its end.

    `deadline` is on the flow's clock, and `why` names what set it.
    """

    deadline: float | None
    why: str


class Sleep(NamedTuple):
    """Step: wait so many seconds."""

    seconds: float


class Opened(NamedTuple):
    """Step of a stream or a binary answer: hand this head to the user."""

    reply: Reply


class Given(NamedTuple):
    """Step of a stream or a binary answer: hand these to the user, in order."""

    items: list[Any]
