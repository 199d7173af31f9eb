"""The local server's application: rows to handlers, the credential, errors in the API's form, and what was seen.

Rules of this file: what an answer holds is made elsewhere; a request that no row describes is refused as the
API would refuse it, and so is one that its row's schemas do not take.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from ..codec import encode
from ..objects import plain
from ..routes import bundled
from ..wire import Route
from .answers import json_answer, plain_text
from .asked import Asked, Upload
from .checking import Refusal, check
from .files import file_for
from .forms import folded, lists_marked, read
from .reading import members_of
from .streams import events

#: Bodies of JSON up to here are read, in bytes; files of a form have no bound.
LARGEST_BODY = 2**28

#: Where a request keeps its number.
NUMBER = web.RequestKey("number", int)

#: Formats of a transcript that are no JSON.
TEXT_FORMATS = ("text", "srt", "vtt")


class Seen:
    """What the server has seen: `GET /_seen` answers it."""

    def __init__(self) -> None:
        self.requests = 0
        self.streams = 0
        self.upload_bytes = 0
        self.rows: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()


class Service:
    """The settings of one server, and its handlers."""

    def __init__(self, key: str | None, delay: float) -> None:
        self.key = key
        self.delay = delay
        self.seen = Seen()

    def application(self) -> web.Application:
        """The table under `/v1`, and `/_seen` beside it."""
        application = web.Application(middlewares=[self._in_form], client_max_size=LARGEST_BODY)
        application.router.add_get("/_seen", self._tell, allow_head=False)
        sharing: dict[tuple[str, str], list[Route]] = {}
        for route in map(bundled().find, bundled().names):
            sharing.setdefault((route.method, route.path), []).append(route)
        for (method, path), routes in sharing.items():
            application.router.add_route(method, f"/v1{path}", self._handler(routes))
        return application

    @web.middleware
    async def _in_form(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Number and count the request, and give every refusal the API's form."""
        if request.path == "/_seen":
            return await handler(request)
        self.seen.requests += 1
        request[NUMBER] = self.seen.requests
        try:
            response = await handler(request)
        except Refusal as refusal:
            response = _error(refusal)
        except web.HTTPException as error:
            message = f"{error.reason}: {request.method} {request.path}"
            response = _error(Refusal(error.status, message, "unknown_url" if error.status == 404 else None))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        if not response.prepared:
            response.headers["x-request-id"] = _request_id(request)
        self.seen.statuses[str(response.status)] += 1
        return response

    async def _tell(self, request: web.Request) -> web.Response:
        return _json(vars(self.seen))

    def _handler(self, routes: list[Route]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            route = _meant(routes, request)
            self._check_credential(request)
            pairs = [(name, value) for name, value in request.query.items() if name not in route.fixed_query]
            query = read(route.query_schema, folded(lists_marked(route.query_schema, pairs)))
            check(route.query_schema, query)
            members = await members_of(request, route)
            check(route.body.schema, members)
            asked = Asked(route, dict(request.match_info), query, members, request[NUMBER], self.seen.rows[route.name])
            self.seen.rows[route.name] += 1
            self.seen.upload_bytes += sum(value.size for value in members.values() if isinstance(value, Upload))
            if _streams(asked):
                return await self._stream(request, asked)
            return _whole(asked)

        return handle

    def _check_credential(self, request: web.Request) -> None:
        """Any key will do, unless the server was given one."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise Refusal(401, "there is no API key: send it as Authorization: Bearer KEY")
        if self.key is not None and given.strip() != self.key:
            raise Refusal(401, "the API key is not the one this server was given", "invalid_api_key")

    async def _stream(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        self.seen.streams += 1
        head = {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-cache",
            "x-request-id": _request_id(request),
        }
        response = web.StreamResponse(headers=head)
        try:
            await response.prepare(request)
            for event in events(asked):
                await response.write(event.encoded())
                if self.delay:
                    await asyncio.sleep(self.delay)
            await response.write_eof()
        except ConnectionError:
            pass  # the client has left, which is its right
        return response


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


def _whole(asked: Asked) -> web.Response:
    kind = asked.route.reply.kind
    if asked.route.reply.other == "text" and asked.members.get("response_format") in TEXT_FORMATS:
        kind = "text"
    return WHOLE[kind](asked)


def _text(asked: Asked) -> web.Response:
    content_type, text = plain_text(asked)
    return web.Response(text=text, content_type=content_type)


def _bytes(asked: Asked) -> web.Response:
    file = file_for(asked.route.name, str(asked.query.get("variant", "")))
    return web.Response(body=file.content, content_type=file.content_type)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(value, plain), status=status, content_type="application/json")


def _error(refusal: Refusal) -> web.Response:
    kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
    error = {"message": str(refusal), "type": kind, "param": refusal.param, "code": refusal.code}
    return _json({"error": error}, refusal.status)


def _request_id(request: web.Request) -> str:
    return f"req_{request[NUMBER]:06d}"


#: How an answer of each kind is sent.
WHOLE: dict[str, Callable[[Asked], web.Response]] = {
    "json": lambda asked: _json(json_answer(asked)),
    "text": _text,
    "bytes": _bytes,
    "none": lambda asked: web.Response(status=204),
}
