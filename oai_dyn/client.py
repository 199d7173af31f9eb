"""What both clients are: settings, names that lead to rows, and a row's call made ready. No network.

Rules of this file: a name costs nothing until it is called; nothing here waits. A backend adds `_start`, which
takes a call and returns what its face returns (a value, or something to await).
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from . import checks, credentials, settings
from .errors import Fault, LossWarning, ValidationError
from .form import normal_path, query_values, with_query
from .objects import Codec, reader
from .pages import BasePage, Turn
from .plan import RESERVED, is_sensitive, make_call, mapping, redacted
from .progress import tell
from .routes import Table
from .routing import Provider, routed
from .settings import DEFAULT_LIMITS, DEFAULT_TIMEOUT, hidden_values
from .warned import warn
from .wire import Call, Event, Limits, Loss, Notice, Reply, Route, Sending, Stream, Timeout, Validation

#: A stream asked for through `request()`: no row says what ends it, so the end of the body does too.
_UNKNOWN_STREAM = Stream(ask_in="body", ask_key="stream", last=frozenset({"[DONE]"}), eof=True)

#: What no path of the user's may have, and what is said of it.
_WRONG_PATHS = (
    (re.compile(r"^(?!/)|^[^?]*//|#"), ", wanted one like /rerank, below the base URL"),
    (re.compile(r"(?i)^[^?]*/(\.|%2e){1,2}([/?;]|%3b|$)"), " holds a dot segment"),
    (re.compile(r"[\x00-\x1f\x7f\\]"), " holds a backslash or a control character"),
    (re.compile(r"%(?![0-9a-fA-F]{2})"), " holds a % that encodes nothing"),
    (re.compile(r"[\ud800-\udfff]"), " holds a lone surrogate"),
)

#: What names one provider.
Provided = str | Path | Mapping[str, Any]

_BODILESS = ("GET", "HEAD", "DELETE", "OPTIONS")


class Name:
    """A dotted name below a client: call it if it is a row, or go on from it."""

    __slots__ = ("_client", "_name")

    def __init__(self, client: BaseClient, name: str) -> None:
        self._client = client
        self._name = name

    def __getattr__(self, part: str) -> Name:
        return self._client._name(f"{self._name}.{part}")

    def __call__(self, /, *arguments: Any, **keywords: Any) -> Any:
        hide_headers(keywords)
        return self._client.call(self._name, *arguments, **keywords)

    def __dir__(self) -> list[str]:
        return self._client._table(self._name).below(self._name)

    def __repr__(self) -> str:
        return f"<{self._name} of {self._client!r}>"

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        table = self._client._table(self._name)
        if self._name not in table.names:
            return f"{self._name}: {', '.join(dir(self))}"
        return describe(table.find(self._name), table.row(self._name))

    @property
    def __signature__(self) -> inspect.Signature:
        table = self._client._table(self._name)
        route, row = table.find(self._name), table.row(self._name)
        keyword = [n for n in (*route.where, *row.get("body", {}).get("keys", ())) if n not in route.positional]
        kind = inspect.Parameter
        return inspect.Signature(
            [kind(name, kind.POSITIONAL_OR_KEYWORD) for name in route.positional]
            + [kind("body", kind.POSITIONAL_ONLY if not route.positional else kind.POSITIONAL_OR_KEYWORD, default=None)]
            + [kind(n, kind.KEYWORD_ONLY, default=None) for n in dict.fromkeys([*keyword, *RESERVED]) if n.isidentifier()]
            + [kind("members", kind.VAR_KEYWORD)]
        )


class BaseClient:
    """Settings and names. Use `Client` or `AsyncClient`.

    provider         name of a bundled profile, path of a file, a dict or a base URL; OpenAI's own API by default. A list of
                     them: several providers, each asked where the one before fails
    routing          which of several comes first: "order" as they are listed, "round_robin" each in turn, "latency" the
                     one that has answered soonest of late
    api_key, admin_key, base_url    over the environment's (OPENAI_API_KEY, OPENAI_ADMIN_KEY, OPENAI_BASE_URL); a key may
                     be a callable, synchronous or not, that gives a token, or a token and when it expires
    timeout          seconds (the whole call; of a stream: connect, first event and idle) or a `Timeout`
    max_retries      how often a call is tried again at most
    limits           `Limits`, in decoded bytes
    allow_truncated  a stream that is cut ends as if it were whole
    headers, query   sent with every call; a header given as None is taken away
    routes           more rows: a path to JSON or TOML, or a dict of the same form
    codecs           {class: Codec(encode, decode)} for classes that no protocol covers
    hook             called with a `Notice` at each attempt, first event, end and early close
    validate         "request", "reply" or "both" (True), or a `Validation`: check against the row's JSON Schemas
    variables        what the braces in a provider's profile stand for: {"resource": "my-azure-resource"}
    normalize        bring what a provider answers into OpenAI's form; False leaves it as it comes
    strict_params    refuse a request of which the provider's profile would lose something, instead of a `LossWarning`
    session          your own requests.Session or aiohttp.ClientSession; it stays yours to close

    Raises `ConfigError` for a wrong setting.
    """

    def __init__(
        self,
        provider: Provided | Sequence[Provided] | None = None,
        *,
        routing: str = "order",
        api_key: str | Callable[[], Any] | None = None,
        admin_key: str | Callable[[], Any] | None = None,
        base_url: str | None = None,
        timeout: float | Timeout | None = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        limits: Limits = DEFAULT_LIMITS,
        allow_truncated: bool = False,
        headers: Mapping[str, str | None] | None = None,
        query: Mapping[str, Any] | None = None,
        routes: Any = None,
        codecs: Mapping[type, Codec] | None = None,
        hook: Callable[[Notice], Any] | None = None,
        validate: bool | str | Validation | Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        normalize: bool = True,
        strict_params: bool = False,
        session: Any = None,
    ) -> None:
        provider = settings.concealed(provider)
        api_key, admin_key = credentials.taken("api_key", api_key), credentials.taken("admin_key", admin_key)
        headers = hidden_values(mapping("headers", headers))
        given: dict[str, Any] = {"timeout": timeout, "max_retries": max_retries, "limits": limits, "headers": headers}
        given |= {"allow_truncated": allow_truncated, "normalize": normalize, "strict_params": strict_params, "query": query}
        shared = settings.for_all_calls(**given, codecs=codecs, hook=hook, validate=validate)
        address, values = {"base_url": base_url, "api_key": api_key, "admin_key": admin_key}, mapping("variables", variables)
        several = settings.for_providers(provider, address, values, routes, shared)
        self._provider = several[0]
        self._routing = routed(routing, several)
        self.routes = several[0].routes
        self._told: set[tuple[str, str, tuple[str, ...]]] = set()
        self._session_given = session
        self._set_up()

    def _set_up(self) -> None:
        """What a backend adds of its own."""

    @property
    def base_url(self) -> str:
        """Where requests go, without a trailing slash."""
        return self._provider.config.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds credentials and connections, and is not pickled")

    def __getattr__(self, part: str) -> Name:
        if part.startswith("_") or part == "routes":  # asked for before the client is made, or by a protocol
            raise AttributeError(part)
        return self._name(part)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.routes.below("")]

    def _table(self, name: str) -> Table:
        """The rows that some of this name are among: those of another provider where the first has none."""
        return self.routes if self._routing is None else self._routing.table(name)

    def _name(self, name: str) -> Name:
        if not self.routes.has_below(name) and not self._table(name).has_below(name):
            if "._" in name:
                raise AttributeError(name)
            self.routes.find(name)  # raises, with the nearest names
        return Name(self, name)

    def call(self, name: str, /, *arguments: Any, **keywords: Any) -> Any:
        """Call a row by its name, its operationId or "METHOD /path". Raises `RouteError` if there is none."""
        hide_headers(keywords)
        return self._make(name, arguments, keywords)

    def request(self, method: str, path: str, body: Any = None, /, **keywords: Any) -> Any:
        """Send a request that no row describes: JSON both ways, query by `extra_query`. Raises `ValidationError`."""
        hide_headers(keywords)
        if not isinstance(method, str) or not method.isascii() or not method.isalpha():
            raise ValidationError(f"method: {method!r}, wanted a word like POST")
        method = method.upper()
        sending = Sending("none" if method in _BODILESS and body is None else "json")
        route = Route(f"{method} {path}", method, _checked_path(path), body=sending, stream=_UNKNOWN_STREAM)
        return self._make(route, () if body is None else (body,), keywords)

    def _make(self, row: str | Route, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        if self._routing is None:
            return self._start(self._ready(self._provider, row, arguments, keywords))
        if "extra_headers" in keywords:
            for name, value in mapping("extra_headers", keywords["extra_headers"], ValidationError).items():
                if value is not None and isinstance(name, str) and is_sensitive(name):
                    raise ValidationError(f"extra_headers: {name}: all of the providers would get it")
        return self._start(self._routing.call(lambda one: self._ready(one, row, arguments, {**keywords})))

    def _ready(self, provider: Provider, row: str | Route, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Call:
        """The call to one provider, with all that is to be done with its answer."""
        config, route = provider.config, provider.routes.find(row) if isinstance(row, str) else row
        asked = "validate" in keywords
        setting = checks.settle(keywords["validate"]) if asked else config.validate
        check = checks.of_request(route, setting, asked, config.query)
        call = make_call(route, arguments, keywords, config, check)
        if setting is not None:
            call = call._replace(check=checks.of_reply(route, setting, asked, call.plan.streaming))
        for loss in call.losses:
            self._report(loss, call)
        return self._typed(call) if call.into is not None or route.page is not None else call

    def _report(self, loss: Loss, call: Call) -> None:
        """Tell once of what a profile takes of requests: by a warning, and to the hook."""
        key = loss.provider, loss.verb, tuple(step for step in loss.path if isinstance(step, str))
        if key in self._told:
            return
        tell(call, Notice("loss", redacted(call.plan), None, 0, 0.0, None, loss, call.config.provider))
        warn(LossWarning(str(Fault(loss.path, loss.message)), (loss,)))
        self._told.add(key)  # not where the warning is made an error: the next call loses as much

    def _typed(self, call: Call) -> Call:
        """The call with what makes its answers pages, or of the type that the user asked for."""
        route, into = call.plan.route, call.into
        origin = typing.get_origin(into)
        of_items = isinstance(origin, type) and issubclass(origin, BasePage)
        if of_items and route.page is None:
            raise ValidationError(f"into={into!r}: {route.name} has no pages")
        if any(into is raw for raw in (Reply, bytes, str, Event)):
            return call
        item = typing.get_args(into)[0] if of_items else into
        try:
            make = None if item is None else reader(item, call.config.codecs)
        except TypeError as error:
            raise ValidationError(str(error)) from None
        if of_items or make is None:
            return self._paged(call, make, item)
        if route.reply.kind == "bytes":
            return call._replace(read=lambda reply: make(reply.body))
        return call._replace(read=lambda reply: make(reply.data))

    def _paged(self, call: Call, make: Any, item: Any, seen: frozenset[str] = frozenset()) -> Call:
        """The call with what makes a page of its answer; the next page is the same call with another cursor, to nobody else."""
        plan, rule = call.plan, call.plan.route.page
        assert rule is not None

        def read(reply: Reply) -> Any:
            so_far = seen.union(query_values(plan.url, rule.param))

            def fetch(cursor: str) -> Any:
                there = plan._replace(url=with_query(plan.url, rule.param, cursor))
                return self._start(self._paged(call._replace(plan=there), make, item, so_far))

            return self._page(reply.data, Turn(rule, so_far, fetch, make, item, reply))

        return call._replace(read=read)

    #: What a backend makes of a page's body.
    _page: type[BasePage[Any]] = BasePage

    def _start(self, call: Call) -> Any:
        raise NotImplementedError


def hide_headers(keywords: dict[str, Any]) -> None:
    """Make the values of `extra_headers` secret in the first frame that holds them."""
    if isinstance(given := keywords.get("extra_headers"), Mapping):
        keywords["extra_headers"] = hidden_values(given)


def _checked_path(path: Any) -> str:
    """A path of the user's own: below the base URL, and read by every library alike."""
    for wrong, words in _WRONG_PATHS:
        if not isinstance(path, str) or wrong.search(path):
            raise ValidationError(f"path: {path!r}{words}")
    head, _, query = path.partition("?")
    return normal_path(head, query)


def describe(route: Route, row: Mapping[str, Any]) -> str:
    """A row in words, for `help()` and the command line."""
    lines = [f"{route.method} {route.path}" + (" (deprecated)" if route.deprecated else "")]
    shown = {name: f"{name} (sent as {header})" for name, header in route.header_names.items()}
    for place in ("path", "query", "header"):
        if names := [shown.get(name, name) for name, where in route.where.items() if where == place]:
            lines.append(f"{place} parameters: {', '.join(names)}")
    if route.body.kind != "none":
        lines.append(f"body: {route.body.kind}; members: {', '.join(row.get('body', {}).get('keys', ())) or 'any'}")
    lines.append(f"reply: {route.reply.kind}" + (f" or {route.reply.other}" if route.reply.other else ""))
    if (rule := route.stream) is not None:
        asked = f"when {rule.ask_key} is {rule.ask_value!r} in the {rule.ask_in}" if rule.ask_in else "always"
        lines.append(f"streams {asked}, until {' or '.join(sorted(rule.last | rule.complete)) or 'the end of the body'}")
    if route.page is not None:
        lines.append(f"pages: items in {route.page.items}" + (f", next by {route.page.param}" if route.page.cursor else ""))
    lines.append(f"credential: {route.credential}; {'safe' if route.safe else 'not safe'} to send twice")
    lines.append(f"about the call: {', '.join(RESERVED)}")
    return "\n".join(lines)
