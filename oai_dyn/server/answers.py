"""What the local server answers: a value of the row's reply schema, with a little of the request in it.

Rules of this file: no network, no clock, no chance. A row gets what its schema asks; what people read in an answer
(the text of a chat, the cursor of a page) is given by the table at the end, and only that.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from ..wire import Paging
from .asked import Asked, Upload, choices, count, entries, listed, model, noun, own_id, own_param, text_of, thought, usage
from .calls import call_of, chat_call, response_call
from .files import BYTES, PIXEL, SDP
from .samples import Maker
from .settling import ABSENT, OMIT, named
from .words import new_id

#: How many items a list has, and how many of them stand on a page at most.
ITEMS, PAGE_SIZE = 5, 2

#: How long the vector of an embedding is, and at most.
LENGTH, LONGEST = 3, 2**16

Given = dict[str, Any]


def json_answer(asked: Asked) -> Any:
    """The answer of a row that answers JSON."""
    about = noun(asked.route.name)
    if asked.route.page is not None:
        return page(asked, asked.route.page)
    given = {**thing(asked, about), **SHAPES.get(about, nothing)(asked)}
    answer = completed(asked.route.reply.schema, given, asked, about)
    if about == "chat.completion" and (thinking := thought(asked)):
        for choice in answer["choices"]:
            choice["message"]["reasoning_content"] = thinking
    return answer


def completed(schema: str | None, given: Any, asked: Asked, about: str, *, lean: bool = False) -> Any:
    """A whole value of a bundled schema that has what is given, as far as the schema takes it.

    lean: with nothing beside it but what has to be there, the same in every turn
    """
    if schema is None:
        return given
    maker = Maker(named(schema), about, {**asked.path, "model": model(asked), "text": text_of(asked)})
    return maker.value(given, 0 if lean else asked.turn, asked.number, lean=lean)


def thing(asked: Asked, about: str) -> Given:
    """What any object says again: its id where the path has one, and the members of the request."""
    said = {name: value for name, value in asked.members.items() if not isinstance(value, Upload)}
    return said if own_param(asked) is None else {**said, "id": own_id(asked, about)}


def nothing(asked: Asked) -> Given:
    """Nothing is given: the schema says it all."""
    return {}


def page(asked: Asked, rule: Paging) -> Any:
    """One page of a list, continued by the row's own cursor rule."""
    about = listed(asked)
    ids = [new_id(about, n) for n in range(1, ITEMS + 1)]
    if asked.query.get("order") == "desc":
        ids.reverse()
    given = asked.query.get(rule.param) if rule.cursor else None
    start = ids.index(given) + 1 if given in ids else 0
    limit = str(asked.query.get("limit", ""))
    size = min(int(limit), PAGE_SIZE) if limit.isdecimal() and int(limit) else PAGE_SIZE
    here = ids[start : start + size]
    more = bool(rule.cursor) and start + size < len(ids)
    ends = {"first_id": here[0] if here else OMIT, "last_id": here[-1] if here else OMIT}
    whole = {"object": "list", rule.items: [{"id": name} for name in here], **ends, "has_more": more}
    mark = rule.cursor[0] if rule.cursor else None
    if isinstance(mark, str) and mark not in whole:
        whole[mark] = here[-1] if more else None
    return completed(asked.route.reply.schema, whole, asked, about)


def chat_completion(asked: Asked) -> Given:
    """What the model says or calls, as often as was asked for."""
    call = call_of(asked)
    reason = "stop" if call is None else "tool_calls"
    every = []
    for i in choices(asked):
        message: Given = {"role": "assistant", "refusal": None, "audio": OMIT}
        message["content"] = text_of(asked) if call is None else None
        message["tool_calls"] = OMIT if call is None else [chat_call(call, asked.number, i)]
        every.append({"index": i, "message": message, "logprobs": None, "finish_reason": reason})
    return {"model": model(asked), "choices": every, "usage": usage(asked)}


def text_completion(asked: Asked) -> Given:
    """The same of the older kind."""
    choice = {"text": text_of(asked), "logprobs": None, "finish_reason": "stop"}
    return {"model": model(asked), "choices": [{"index": i, **choice} for i in choices(asked)], "usage": usage(asked)}


def response(asked: Asked) -> Given:
    """A response with one message or call, and the settings of the request or those that it has without."""
    usual: Given = {"instructions": None, "metadata": {}, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return {
        **usual,
        **thing(asked, "response"),
        "error": None,
        "incomplete_details": None,
        "model": model(asked),
        "output": [output_item(asked)],
        "output_text": OMIT,
        "status": "completed",
        "usage": usage(asked, "input_tokens", "output_tokens"),
    }


def output_item(asked: Asked) -> Given:
    """The message in a response, or the call of a function."""
    if (call := call_of(asked)) is not None:
        return response_call(call, asked.number)
    part = {"type": "output_text", "text": text_of(asked), "annotations": [], "logprobs": []}
    about = {"id": new_id("message", asked.number), "type": "message", "status": "completed", "role": "assistant"}
    return {**about, "content": [part]}


def message(asked: Asked) -> Given:
    """A message of a thread: its text, whatever form that was sent in."""
    content = asked.members.get("content", text_of(asked))
    parts = [part.get("text") if isinstance(part, dict) else part for part in entries(content)]
    texts = [{"type": "text", "text": {"value": part, "annotations": []}} for part in parts if isinstance(part, str)]
    return {"role": asked.members.get("role", "user"), "content": texts or ABSENT, "status": "completed"}


def embeddings(asked: Asked) -> Given:
    """As many vectors as there were inputs, as long and in the form that was asked for."""
    wanted = asked.members.get("input")
    several = len(wanted) if isinstance(wanted, list) and not all(isinstance(one, int) for one in wanted) else 1
    vector: list[float] | str = _vector(min(count(asked, "dimensions", LENGTH), LONGEST))
    if asked.members.get("encoding_format") == "base64":
        vector = b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    vectors = [{"index": i, "embedding": vector} for i in range(several)]
    return {"data": vectors, "model": model(asked), "usage": usage(asked)}


def _vector(size: int) -> list[float]:
    """A vector of length one."""
    return [1.0] if size == 1 else [0.6, *[0.0] * (size - 2), -0.8]


def moderation(asked: Asked) -> Given:
    """As many results as there were inputs; nothing is ever flagged."""
    return {"model": model(asked), "results": [{"flagged": False} for _ in entries(asked.members.get("input"))]}


def images(asked: Asked) -> Given:
    """As many pictures of one pixel as were asked for."""
    return {"data": [{"b64_json": b64encode(PIXEL).decode(), "url": OMIT} for _ in choices(asked)]}


def transcript(asked: Asked) -> Given:
    """The text of a recording, in the form that was asked for."""
    form = str(asked.members.get("response_format", "json"))
    marks = {"verbose_json": ("language",), "diarized_json": ("task",)}.get(form, ())
    wanted = {name: ABSENT if name in marks else OMIT for name in ("language", "task")}
    return {"text": text_of(asked), **wanted}


def usage_page(asked: Asked) -> Given:
    """A bucket with results of the row's own kind, from the time that was asked for on."""
    result = {"object": f"organization.{'' if asked.verb == 'costs' else 'usage.'}{asked.verb}.result"}
    start = asked.query.get("start_time", ABSENT)
    return {"data": [{"start_time": start, "results": [result]}], "has_more": False, "next_page": None}


def file(asked: Asked) -> Given:
    """A file, with the name and the size of what was uploaded."""
    uploads = [value for value in asked.members.values() if isinstance(value, Upload)]
    sent = uploads[0] if uploads else Upload("file.txt", len(BYTES))
    return {"filename": sent.filename, "bytes": sent.size, "status": "processed"}


def plain_text(asked: Asked) -> tuple[str, str]:
    """Content type and body of a row that answers text."""
    return ("application/sdp", SDP) if asked.route.path == "/realtime/calls" else ("text/plain", text_of(asked))


#: What is given to the answers of which people read more than their schema says, by what the row is about.
SHAPES: dict[str, Callable[[Asked], Given]] = {
    "audio.transcription": transcript,
    "audio.translation": transcript,
    "chat.completion": chat_completion,
    "embedding": embeddings,
    "file": file,
    "image": images,
    "moderation": moderation,
    "organization.usage": usage_page,
    "response": response,
    "text_completion": text_completion,
    "thread.message": message,
}
