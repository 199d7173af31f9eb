"""The body of a request as its members: JSON, a form, or the one part that may be sent alone.

Rules of this file: a file of a form is counted, not kept; what is not what it says it is, is refused.
"""

from __future__ import annotations

from typing import Any

from aiohttp import BodyPartReader, web

from ..codec import decode
from ..errors import DecodeError
from ..wire import Route
from .asked import Upload


class Refusal(Exception):
    """An error for the client, in the API's own form."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


async def members_of(request: web.Request, route: Route) -> dict[str, Any]:
    """The members of a body, files as `Upload`. Raises `Refusal`."""
    media = request.content_type if "Content-Type" in request.headers else ""
    rule = route.body
    if rule.kind == "none":
        await request.read()
        return {}
    if rule.kind == "json" or (rule.other == "json" and media == "application/json"):
        return _object(await request.read())
    if rule.sole and media == rule.parts[rule.sole]:
        return {rule.sole: (await request.read()).decode("utf-8", "replace")}
    if media != "multipart/form-data":
        raise Refusal(400, f"the body is {media or 'of no type'}, wanted multipart/form-data")
    return await _form(request)


def _object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        value = decode(body)
    except DecodeError as error:
        raise Refusal(400, str(error)) from None
    if not isinstance(value, dict):
        raise Refusal(400, f"the body is JSON of type {type(value).__name__}, wanted an object")
    return value


async def _form(request: web.Request) -> dict[str, Any]:
    members: dict[str, Any] = {}
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or not part.name:
                raise Refusal(400, "a part of the form has no name")
            members[part.name] = await _content(part)
    except (ValueError, AssertionError) as error:
        raise Refusal(400, f"the body is no form: {error}") from None
    if not members:
        raise Refusal(400, "the form is empty")
    return members


async def _content(part: BodyPartReader) -> Upload | str:
    if part.filename is None:
        return (await part.read()).decode("utf-8", "replace")
    size = 0
    while piece := await part.read_chunk(2**16):
        size += len(piece)
    return Upload(part.filename, size)
