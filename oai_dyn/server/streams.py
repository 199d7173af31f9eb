"""The streams of the local server: the events a row sends, and the end that its own rule wants.

Rules of this file: no network, no clock; a stream is a generator of events, and which one serves a row is
read off the marks that end it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..codec import encode
from ..objects import plain
from .answers import BYTES, CREATED, PIXEL, chat_completion, output_item, response, text_completion, thing
from .asked import Asked, choices, model, noun, own_id, pieces, text_of, usage


class Sent(NamedTuple):
    """One event: its name (None for none) and its data, `[DONE]` or an object."""

    event: str | None
    data: Any

    def encoded(self) -> bytes:
        """The event as it stands on the wire."""
        data = self.data.encode() if isinstance(self.data, str) else encode(self.data, plain)
        return (b"" if self.event is None else f"event: {self.event}\n".encode()) + b"data: " + data + b"\n\n"


Events = Iterator[Sent]

DONE = "[DONE]"


def events(asked: Asked) -> Events:
    """All events of a row's stream, the last one included."""
    rule = asked.route.stream
    assert rule is not None
    if rule.finish:
        return chunks(asked)
    return next(make for mark, make in STREAMS.items() if mark in rule.last | rule.complete)(asked)


def typed(kind: str, **members: Any) -> Sent:
    """An event whose name is also its `type`."""
    return Sent(kind, {"type": kind, **members})


def chunks(asked: Asked) -> Events:
    """Chunks of a completion of either kind, a finish reason for each choice, then `[DONE]`."""
    about = noun(asked.route.name)
    chat = about == "chat.completion"
    whole = (chat_completion if chat else text_completion)(asked, about)
    head = {name: whole[name] for name in ("id", "object", "created", "model")} | ({"object": f"{about}.chunk"} if chat else {})

    def chunk(content: str | None, reason: str | None = None, **more: str) -> Sent:
        delta = {**more, "content": content} if content is not None else {}
        change: dict[str, Any] = {"delta": delta} if chat else {"text": content or ""}
        every = [{"index": i, **change, "logprobs": None, "finish_reason": reason} for i in choices(asked)]
        return Sent(None, {**head, "choices": every})

    if chat:
        yield chunk("", role="assistant")
    yield from map(chunk, pieces(text_of(asked)))
    yield chunk(None, "stop")
    options = asked.members.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        yield Sent(None, {**head, "choices": [], "usage": usage(asked)})
    yield Sent(None, DONE)


def response_events(asked: Asked) -> Events:
    """A response as it grows, numbered, to `response.completed`."""
    for number, (kind, members) in enumerate(_response_steps(asked)):
        yield typed(kind, sequence_number=number, **members)


def _response_steps(asked: Asked) -> Iterator[tuple[str, dict[str, Any]]]:
    whole = response(asked, "response")
    item = output_item(asked)
    (part,) = item["content"]
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    here: dict[str, Any] = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    yield "response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}
    yield "response.content_part.added", {**here, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield "response.output_text.delta", {**here, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**here, "text": part["text"], "logprobs": []}
    yield "response.content_part.done", {**here, "part": part}
    yield "response.output_item.done", {"output_index": 0, "item": item}
    yield "response.completed", {"response": whole}


def transcript_events(asked: Asked) -> Events:
    """The text of a recording, piece by piece."""
    for piece in pieces(text_of(asked)):
        yield typed("transcript.text.delta", delta=piece)
    counts = {"type": "tokens", **usage(asked, "input_tokens", "output_tokens")}
    yield typed("transcript.text.done", text=text_of(asked), usage=counts)


def speech_events(asked: Asked) -> Events:
    """Speech in two pieces."""
    for half in (BYTES[: len(BYTES) // 2], BYTES[len(BYTES) // 2 :]):
        yield typed("speech.audio.delta", audio=b64encode(half).decode())
    yield typed("speech.audio.done", usage=usage(asked, "input_tokens", "output_tokens"))


def image_events(asked: Asked) -> Events:
    """The partial pictures that were asked for, then the whole one."""
    kind = "image_edit" if asked.verb == "edit" else "image_generation"
    about = {"created_at": CREATED, "size": "auto", "quality": "auto", "background": "auto", "output_format": "png"}
    picture = b64encode(PIXEL).decode()
    wanted = str(asked.members.get("partial_images", 1))
    for i in range(min(int(wanted), 3) if wanted.isdecimal() else 1):
        yield typed(f"{kind}.partial_image", b64_json=picture, partial_image_index=i, **about)
    yield typed(f"{kind}.completed", b64_json=picture, usage=usage(asked, "input_tokens", "output_tokens"), **about)


def run_events(asked: Asked) -> Events:
    """A run of a thread and the message it writes; what each event is stands in its name."""
    thread_id = asked.path.get("thread_id") or asked.new_id("thread")
    run = {**thing(asked, "thread.run"), "thread_id": thread_id}
    text = text_of(asked)
    begun = {"id": asked.new_id("thread.message"), "object": "thread.message", "created_at": CREATED}
    begun |= {"thread_id": thread_id, "run_id": run["id"], "role": "assistant"}
    if not asked.path:
        yield Sent("thread.created", {"id": thread_id, "object": "thread", "created_at": CREATED})
    for status in ("created", "queued", "in_progress"):
        yield Sent(f"thread.run.{status}", {**run, "status": "queued" if status == "created" else status})
    yield Sent("thread.message.created", {**begun, "status": "in_progress", "content": []})
    for piece in pieces(text):
        delta = {"content": [{"index": 0, "type": "text", "text": {"value": piece, "annotations": []}}]}
        yield Sent("thread.message.delta", {"id": begun["id"], "object": "thread.message.delta", "delta": delta})
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    yield Sent("thread.message.completed", {**begun, "status": "completed", "content": content})
    yield Sent("thread.run.completed", run)
    yield Sent("done", DONE)


def agent_events(asked: Asked) -> Events:
    """One turn of an agent's session, until it idles."""
    session = asked.path.get("session_id") or own_id(asked, "agent.session")
    about = {"session_id": session, "turn_id": asked.new_id("turn"), "created_at": CREATED}
    if not asked.path:
        yield typed("agent.session.created", model=model(asked), **about)
    yield typed("agent.session.in_progress", **about)
    yield typed("agent.session.turn.created", **about)
    for piece in pieces(text_of(asked)):
        yield typed("agent.session.turn.output_text.delta", delta=piece, **about)
    yield typed("agent.session.turn.output_text.done", text=text_of(asked), **about)
    yield typed("agent.session.turn.completed", **about)
    yield typed("agent.session.idle", **about)


#: Who makes a stream, by a mark that ends it.
STREAMS: dict[str, Callable[[Asked], Events]] = {
    "agent.session.idle": agent_events,
    "done": run_events,
    "image_edit.completed": image_events,
    "image_generation.completed": image_events,
    "response.completed": response_events,
    "speech.audio.done": speech_events,
    "transcript.text.done": transcript_events,
}
