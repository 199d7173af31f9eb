"""The local server's application: places to handlers, errors in the API's form, faults, and what was seen.

Rules of this file: what an answer holds is made elsewhere; whatever goes wrong is answered as the API would.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from . import rows
from .checking import Refusal
from .faults import FAULTS, NOTHING, Faults
from .likeness import Likeness
from .recording import Recorder
from .replaying import Replayer
from .rows import Manner, Place
from .seen import NUMBER, Seen
from .sending import Answer, of_json, send
from .settings import Settings

#: Bodies of JSON up to here are read, in bytes; files of a form have no bound.
LARGEST_BODY = 2**28

#: Where a request keeps the kind of fault that it meets.
FAULT = web.RequestKey("fault", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Service:
    """One server: its settings, what it has seen, and its handlers. Raises `ConfigError`."""

    def __init__(self, settings: Settings) -> None:
        settings.check()
        self.seen = Seen()
        self._manner = Manner(settings.key) if settings.like is None else Likeness(settings.like, settings.key)
        self.base = self._manner.base
        self._delay = settings.delay
        self._faults = Faults(settings.faults, settings.seed)
        self._recorder = Recorder(settings.record, settings.upstream) if settings.record and settings.upstream else None
        if self._recorder is not None:
            self._places = self._recorder.places()
        elif settings.replay is not None:
            self._places = Replayer(settings.replay, settings.key).places()
        else:
            self._places = rows.places(self._manner, self.seen)

    def application(self) -> web.Application:
        """What is answered under `base`, and `/_seen` beside it."""
        application = web.Application(middlewares=[self._in_form], client_max_size=LARGEST_BODY)
        application.router.add_get("/_seen", self._tell, allow_head=False)
        for place in self._places:
            application.router.add_route(place.method, place.path, self._handler(place))
        if self._recorder is not None:
            application.cleanup_ctx.append(self._recorder.lifetime)
        return application

    @web.middleware
    async def _in_form(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Number and count the request, see to early faults, and give every refusal the API's form."""
        if request.path == "/_seen":
            return await handler(request)
        self.seen.requests += 1
        request[NUMBER] = self.seen.requests
        kind = self._faults.met_by(self.seen.requests)
        if kind is not None:
            self.seen.faults[kind] += 1
            request[FAULT] = kind
            if FAULTS[kind].early:
                await _drained(request)
                return await self._send(request, NOTHING)
        try:
            return await handler(request)
        except Refusal as refusal:
            return await self._send(request, self._manner.refusal(refusal))
        except web.HTTPException as error:
            message = f"{error.reason}: {request.method} {request.path}"
            wrong = Refusal(error.status, message, "unknown_url" if error.status == 404 else None)
            allowed = [("Allow", error.headers["Allow"])] if "Allow" in error.headers else []
            return await self._send(request, self._manner.refusal(wrong, *allowed))

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        return await send(request, of_json(vars(self.seen)))

    def _handler(self, place: Place) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._send(request, await place.answer(request))

        return handle

    async def _send(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        """Send the answer, or what the request's fault makes of it."""
        if (kind := request.get(FAULT)) is not None:
            answer = FAULTS[kind].change(answer)
            if answer.refusal is not None:
                more = [header for header in answer.headers if header[0] != "Content-Type"]
                answer = self._manner.refusal(answer.refusal, *more)
        if not answer.silent:
            self.seen.statuses[str(answer.status)] += 1
        if not any(name.lower() == "x-request-id" for name, _ in answer.headers):
            answer = answer._replace(headers=(*answer.headers, ("x-request-id", f"req_{request[NUMBER]:06d}")))
        return await send(request, answer, self._delay)


async def _drained(request: web.Request) -> None:
    """Read the body, so that whoever sends it is ready for an answer."""
    async for _ in request.content.iter_chunked(2**16):
        pass
