"""What the local server answers: made from the row, with a little of the request in it, the same each time.

Rules of this file: no network, no clock, no chance; a row gets what any object has, and only where that would
not do it has a shape of its own in the table at the end.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from ..wire import Paging
from .asked import Asked, Upload, choices, entries, joined_text, listed, model, noun, own_id, own_param, prefix, text_of, usage

#: When everything was made, in seconds since the epoch.
CREATED = 1_767_225_600

#: How many items a list has, and how many of them stand on a page at most.
ITEMS, PAGE_SIZE = 5, 2

#: The smallest PNG there is: one transparent pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c63000100000500010d0a2db4"
    "0000000049454e44ae426082"
)

#: The body of every binary answer: each byte value, four times.
BYTES = bytes(range(256)) * 4

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=oai_dyn\r\nt=0 0\r\n"


def json_answer(asked: Asked) -> dict[str, Any]:
    """The answer of a row that answers JSON."""
    about = noun(asked.route.name)
    if asked.route.page is not None:
        return page(asked, asked.route.page)
    if asked.verb == "delete":
        return {"id": own_id(asked, about), "object": f"{about}.deleted", "deleted": True}
    shape = SHAPES.get(about, thing)
    return shape(asked, about)


def thing(asked: Asked, about: str) -> dict[str, Any]:
    """Any object: id, kind and time, what stood in the path, and the plain members of the request."""
    owner = own_param(asked)
    places = {name: value for name, value in asked.path.items() if name != owner}
    echoed = {name: value for name, value in asked.members.items() if name == "metadata" or isinstance(value, str | int | float)}
    return {**places, **echoed, "id": own_id(asked, about), "object": about, "created_at": CREATED, "status": "completed"}


def page(asked: Asked, rule: Paging) -> dict[str, Any]:
    """One page of a list, continued by the row's own cursor rule."""
    about = listed(asked)
    ids = [f"{prefix(about)}{n:06d}" for n in range(1, ITEMS + 1)]
    given = asked.query.get(rule.param) if rule.cursor else None
    start = ids.index(given) + 1 if given in ids else 0
    limit = asked.query.get("limit", "")
    size = min(int(limit), PAGE_SIZE) if limit.isdecimal() and int(limit) else PAGE_SIZE
    here = ids[start : start + size]
    whole = {
        "object": "list",
        rule.items: [{"id": name, "object": about, "created_at": CREATED} for name in here],
        "first_id": here[0] if here else None,
        "last_id": here[-1] if here else None,
        "has_more": bool(rule.cursor) and start + size < len(ids),
    }
    if rule.cursor and isinstance(rule.cursor[0], str) and rule.cursor[0] not in whole:
        whole[rule.cursor[0]] = here[-1] if whole["has_more"] else None
    return whole


def chat_completion(asked: Asked, about: str) -> dict[str, Any]:
    """A chat completion, whole."""
    message = {"role": "assistant", "content": text_of(asked), "refusal": None}
    return {
        "id": own_id(asked, about),
        "object": about,
        "created": CREATED,
        "model": model(asked),
        "choices": [{"index": i, "message": message, "logprobs": None, "finish_reason": "stop"} for i in choices(asked)],
        "usage": usage(asked),
    }


def text_completion(asked: Asked, about: str) -> dict[str, Any]:
    """A completion of the older kind, whole."""
    return {
        "id": own_id(asked, about),
        "object": about,
        "created": CREATED,
        "model": model(asked),
        "choices": [{"index": i, "text": text_of(asked), "logprobs": None, "finish_reason": "stop"} for i in choices(asked)],
        "usage": usage(asked),
    }


def response(asked: Asked, about: str) -> dict[str, Any]:
    """A response, whole."""
    return {
        "id": own_id(asked, about),
        "object": about,
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": asked.members.get("instructions"),
        "metadata": asked.members.get("metadata") or {},
        "model": model(asked),
        "output": [output_item(asked)],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage(asked, "input_tokens", "output_tokens"),
    }


def output_item(asked: Asked) -> dict[str, Any]:
    """The message in a response."""
    part = {"type": "output_text", "text": text_of(asked), "annotations": []}
    return {"id": asked.new_id("message"), "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def message(asked: Asked, about: str) -> dict[str, Any]:
    """A message of a thread."""
    text = asked.members.get("content", text_of(asked))
    content = [{"type": "text", "text": {"value": joined_text(text), "annotations": []}}]
    return {"role": "user", **thing(asked, about), "content": content}


def embeddings(asked: Asked, about: str) -> dict[str, Any]:
    """As many short vectors as there were inputs."""
    vector = [0.6, 0.0, -0.8]
    wanted = asked.members.get("input")
    count = len(wanted) if isinstance(wanted, list) and not all(isinstance(one, int) for one in wanted) else 1
    data = [{"object": about, "index": i, "embedding": vector} for i in range(count)]
    return {"object": "list", "data": data, "model": model(asked), "usage": usage(asked)}


def moderation(asked: Asked, about: str) -> dict[str, Any]:
    """Nothing is ever flagged."""
    names = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")
    result = {"flagged": False, "categories": dict.fromkeys(names, False), "category_scores": dict.fromkeys(names, 0.0)}
    return {"id": own_id(asked, about), "model": model(asked), "results": [result for _ in entries(asked.members.get("input"))]}


def images(asked: Asked, about: str) -> dict[str, Any]:
    """As many pictures of one pixel as were asked for."""
    return {"created": CREATED, "data": [{"b64_json": b64encode(PIXEL).decode()} for _ in choices(asked)]}


def transcript(asked: Asked, about: str) -> dict[str, Any]:
    """The text of a recording."""
    return {"text": text_of(asked)}


def file(asked: Asked, about: str) -> dict[str, Any]:
    """A file, with the name and the size of what was uploaded."""
    uploads = [value for value in asked.members.values() if isinstance(value, Upload)]
    sent = uploads[0] if uploads else Upload("file.txt", len(BYTES))
    return {**thing(asked, about), "filename": sent.filename, "bytes": sent.size, "status": "processed"}


def plain_text(asked: Asked) -> tuple[str, str]:
    """Content type and body of a row that answers text."""
    return ("application/sdp", SDP) if asked.route.path == "/realtime/calls" else ("text/plain", text_of(asked))


#: The answers that need more than an object has, by what the row is about.
SHAPES: dict[str, Callable[[Asked, str], dict[str, Any]]] = {
    "audio.transcription": transcript,
    "audio.translation": transcript,
    "chat.completion": chat_completion,
    "embedding": embeddings,
    "file": file,
    "image": images,
    "moderation": moderation,
    "response": response,
    "text_completion": text_completion,
    "thread.message": message,
}
