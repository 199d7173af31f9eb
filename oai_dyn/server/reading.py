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
from .checking import Refusal
from .forms import folded, read


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
    return read(rule.schema, folded(await _form(request)))


def _object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    value = _json(body)
    if not isinstance(value, dict):
        raise Refusal(400, f"the body is JSON of type {type(value).__name__}, wanted an object")
    return value


def _json(body: bytes) -> Any:
    try:
        return decode(body)
    except DecodeError as error:
        raise Refusal(400, str(error)) from None


async def _form(request: web.Request) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or not part.name:
                raise Refusal(400, "a part of the form has no name")
            pairs.append((part.name, await _content(part)))
    except (ValueError, AssertionError) as error:
        raise Refusal(400, f"the body is no form: {error}") from None
    if not pairs:
        raise Refusal(400, "the form is empty")
    return pairs


async def _content(part: BodyPartReader) -> Any:
    if part.filename is None:
        body = await part.read()
        return _json(body) if part.headers.get("Content-Type") == "application/json" else body.decode("utf-8", "replace")
    size = 0
    while piece := await part.read_chunk(2**16):
        size += len(piece)
    return Upload(part.filename, size)
