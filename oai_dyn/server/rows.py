"""The rows of the table as what a server answers: which row a request means, whether it may, and what it is given.

Rules of this file: what an answer holds is made elsewhere; a request that its row's schemas do not take is refused as
the API would refuse it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from ..routes import bundled
from ..wire import Route
from .answers import json_answer, plain_text
from .asked import Asked, Upload
from .checking import Refusal, check, check_key
from .files import file_for
from .forms import folded, lists_marked, read
from .reading import members_of
from .seen import NUMBER, Seen
from .sending import Answer, of_json, of_refusal, whole
from .streams import events

#: Formats of a transcript that are no JSON.
TEXT_FORMATS = ("text", "srt", "vtt")

STREAM: tuple[tuple[str, str], ...] = (("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-cache"))


class Place(NamedTuple):
    """A method (`*`: any), a path, and what makes the answer there."""

    method: str
    path: str
    answer: Callable[[web.Request], Awaitable[Answer]]


class Manner:
    """How a server deals with requests: as the API does, for any key or for one.

    base       the path of the base URL
    own_query  parameters that are no row's
    """

    base = "/v1"
    own_query: frozenset[str] = frozenset()

    def __init__(self, key: str | None) -> None:
        self._key = key

    def rows(self) -> Iterator[tuple[str, Route]]:
        """The path of each row, and the row."""
        return ((self.base + route.path, route) for route in map(bundled().find, bundled().names))

    def let_in(self, request: web.Request, route: Route) -> None:
        """Refuse who may not ask."""
        check_key(request.headers.get("Authorization", ""), self._key)

    def check(self, route: Route, members: Mapping[str, Any]) -> None:
        """Refuse a body."""
        check(route.body.schema, members)

    def refusal(self, refusal: Refusal, *more: tuple[str, str]) -> Answer:
        """The answer to what is refused."""
        return of_refusal(refusal, *more)

    def whole(self, asked: Asked) -> Answer:
        """The whole answer."""
        return WHOLE[kind_of(asked)](asked)

    def stream(self, asked: Asked) -> Answer:
        """The answer as a stream."""
        return Answer(200, STREAM, (event.encoded() for event in events(asked)))


def places(manner: Manner, seen: Seen) -> Iterator[Place]:
    """The places of all rows."""
    sharing: dict[tuple[str, str], list[Route]] = {}
    for path, route in manner.rows():
        sharing.setdefault((route.method, path), []).append(route)
    for (method, path), routes in sharing.items():
        yield Place(method, path, _answering(routes, manner, seen))


def _answering(routes: list[Route], manner: Manner, seen: Seen) -> Callable[[web.Request], Awaitable[Answer]]:
    async def answer(request: web.Request) -> Answer:
        route = _meant(routes, request)
        manner.let_in(request, route)
        others = {*route.fixed_query, *manner.own_query}
        pairs = [(name, value) for name, value in request.query.items() if name not in others]
        query = read(route.query_schema, folded(lists_marked(route.query_schema, pairs)))
        check(route.query_schema, query)
        members = await members_of(request, route)
        manner.check(route, members)
        path = {name: value for name, value in request.match_info.items() if name in route.path_params}
        asked = Asked(route, path, query, members, request[NUMBER], seen.rows[route.name])
        seen.rows[route.name] += 1
        seen.upload_bytes += sum(value.size for value in members.values() if isinstance(value, Upload))
        if not _streams(asked):
            return manner.whole(asked)
        seen.streams += 1
        return manner.stream(asked)

    return answer


def _meant(routes: Iterable[Route], request: web.Request) -> Route:
    """Of the rows with one method and path, the one whose fixed query and headers the request has; a current one rather."""

    def fit(route: Route) -> tuple[int, bool]:
        wanted = {**route.fixed_query, **route.fixed_headers}
        found = {**request.query, **{name: request.headers.get(name, "") for name in route.fixed_headers}}
        same = sum(found.get(name) == value for name, value in wanted.items())
        return (same if same == len(wanted) else -1), not route.deprecated

    return max(routes, key=fit)


def _streams(asked: Asked) -> bool:
    """Whether the request asks for a stream, by the row's own rule; in a form and a query all values are text."""
    rule = asked.route.stream
    if rule is None or rule.ask_in is None:
        return rule is not None
    given = (asked.members if rule.ask_in == "body" else asked.query).get(rule.ask_key)
    return given == rule.ask_value or given == str(rule.ask_value).lower()


def kind_of(asked: Asked) -> str:
    """Of which kind of `WHOLE` an answer is."""
    text = asked.route.reply.other == "text" and asked.members.get("response_format") in TEXT_FORMATS
    return "text" if text else asked.route.reply.kind


def _text(asked: Asked) -> Answer:
    content_type, text = plain_text(asked)
    return whole(text.encode(), f"{content_type}; charset=utf-8")


def _bytes(asked: Asked) -> Answer:
    file = file_for(asked.route.name, str(asked.query.get("variant", "")))
    return whole(file.content, file.content_type)


#: How an answer of each kind is made.
WHOLE: dict[str, Callable[[Asked], Answer]] = {
    "json": lambda asked: of_json(json_answer(asked)),
    "text": _text,
    "bytes": _bytes,
    "none": lambda asked: Answer(204, (), (), 0),
}
