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
from .answers import completed, json_answer, output_item
from .asked import Asked, choices, count, model, noun, pieces, text_of, thought, usage
from .calls import Call, call_of, chat_call
from .files import PIXEL, sound
from .settling import OMIT
from .words import new_id


class Sent(NamedTuple):
    """One event: its name (None for none) and its data, `[DONE]` or an object."""

    event: str | None
    data: Any

    def encoded(self) -> bytes:
        """The event as it stands on the wire."""
        data = self.data.encode() if isinstance(self.data, str) else encode(self.data, plain)
        return (b"" if self.event is None else f"event: {self.event}\n".encode()) + b"data: " + data + b"\n\n"


Events = Iterator[Sent]

#: Events of a response: their names, with what they hold.
Steps = Iterator[tuple[str, dict[str, Any]]]

DONE = "[DONE]"


def events(asked: Asked) -> Events:
    """All events of a row's stream, the last one included."""
    rule = asked.route.stream
    assert rule is not None
    if rule.finish:
        return chunks(asked)
    return next(make for mark, make in STREAMS.items() if mark in rule.last | rule.complete)(asked)


def made(asked: Asked, **given: Any) -> Any:
    """The data of an event: what is given, and what its schema wants beside it."""
    rule = asked.route.stream
    return completed(rule.schema if rule else None, given, asked, noun(asked.route.name), lean=True)


def typed(asked: Asked, kind: str, **given: Any) -> Sent:
    """An event whose name is also its `type`."""
    return Sent(kind, made(asked, type=kind, **given))


def enclosed(asked: Asked, kind: str, **given: Any) -> Sent:
    """An event whose name tells what its data is."""
    return Sent(kind, made(asked, event=kind, data=given)["data"])


def chunks(asked: Asked) -> Events:
    """Chunks of a completion of either kind, a finish reason for each choice, then `[DONE]`."""
    chat = noun(asked.route.name) == "chat.completion"

    def chunk(content: str | None, reason: str | None = None, **more: str) -> Sent:
        delta = {**more, "content": content} if more or content is not None else {}
        change: dict[str, Any] = {"delta": delta} if chat else {"text": content or "", "logprobs": None}
        return sent([{"index": i, **change, "finish_reason": reason} for i in choices(asked)])

    def sent(every: list[dict[str, Any]], **more: Any) -> Sent:
        data = made(asked, model=model(asked), choices=every, **more)
        return Sent(None, data)

    called = list(_chat_call(asked)) if chat else []
    if chat:
        yield chunk(None if called else "", role="assistant")
        yield from (_thinking(chunk(None), piece) for piece in pieces(thought(asked)))
    for deltas in called:
        yield sent([{"index": i, "delta": {"tool_calls": [one]}, "finish_reason": None} for i, one in enumerate(deltas)])
    yield from map(chunk, [] if called else pieces(text_of(asked)))
    yield chunk(None, "tool_calls" if called else "stop")
    options = asked.members.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        yield sent([], usage=usage(asked))
    yield Sent(None, DONE)


def _thinking(sent: Sent, piece: str) -> Sent:
    """An event with a piece of reasoning in each of its choices; its schema has no place for one."""
    for choice in sent.data["choices"]:
        choice["delta"]["reasoning_content"] = piece
    return sent


def _chat_call(asked: Asked) -> Iterator[list[dict[str, Any]]]:
    """The pieces of a call, each as a delta for every choice: its id and name, then the halves of its arguments."""
    if (call := call_of(asked)) is None:
        return
    whole = [chat_call(call, asked.number, i) for i in choices(asked)]
    yield [{"index": 0, **one, "function": {"name": call.name, "arguments": ""}} for one in whole]
    for half in call.halves():
        yield [{"index": 0, "function": {"arguments": half}} for _ in whole]


def response_events(asked: Asked) -> Events:
    """A response as it grows, numbered, to `response.completed`."""
    for number, (kind, members) in enumerate(_response_steps(asked)):
        yield typed(asked, kind, sequence_number=number, **members)


def _response_steps(asked: Asked) -> Steps:
    whole = json_answer(asked)
    item = output_item(asked)
    begun = {**whole, "status": "in_progress", "output": [], "usage": OMIT, "completed_at": OMIT}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    yield from (_message_steps if item["type"] == "message" else _call_steps)(item)
    yield "response.output_item.done", {"output_index": 0, "item": item}
    yield "response.completed", {"response": whole}


def _message_steps(item: dict[str, Any]) -> Steps:
    (part,) = item["content"]
    here: dict[str, Any] = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    yield "response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}
    yield "response.content_part.added", {**here, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield "response.output_text.delta", {**here, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**here, "text": part["text"], "logprobs": []}
    yield "response.content_part.done", {**here, "part": part}


def _call_steps(item: dict[str, Any]) -> Steps:
    here: dict[str, Any] = {"item_id": item["id"], "output_index": 0}
    call = Call(item["name"], item["arguments"])
    yield "response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "arguments": ""}}
    for half in call.halves():
        yield "response.function_call_arguments.delta", {**here, "delta": half}
    yield "response.function_call_arguments.done", {**here, **call._asdict()}


def transcript_events(asked: Asked) -> Events:
    """The text of a recording, piece by piece."""
    for piece in pieces(text_of(asked)):
        yield typed(asked, "transcript.text.delta", delta=piece)
    counts = {"type": "tokens", **usage(asked, "input_tokens", "output_tokens")}
    yield typed(asked, "transcript.text.done", text=text_of(asked), usage=counts)


def speech_events(asked: Asked) -> Events:
    """Speech in two pieces."""
    whole = sound()
    for half in (whole[: len(whole) // 2], whole[len(whole) // 2 :]):
        yield typed(asked, "speech.audio.delta", audio=b64encode(half).decode())
    yield typed(asked, "speech.audio.done", usage=usage(asked, "input_tokens", "output_tokens"))


def image_events(asked: Asked) -> Events:
    """The partial pictures that were asked for, then the whole one."""
    kind = "image_edit" if asked.verb == "edit" else "image_generation"
    picture = b64encode(PIXEL).decode()
    for i in range(min(count(asked, "partial_images", 1), 3)):
        yield typed(asked, f"{kind}.partial_image", b64_json=picture, partial_image_index=i)
    yield typed(asked, f"{kind}.completed", b64_json=picture, usage=usage(asked, "input_tokens", "output_tokens"))


def run_events(asked: Asked) -> Events:
    """A run of a thread and the message it writes; what each event is stands in its name."""
    calm = {"required_action": None, "last_error": None, "incomplete_details": None}
    run = {**json_answer(asked), **calm}
    text = text_of(asked)
    about = {"id": new_id("message", asked.number), "thread_id": run["thread_id"], "run_id": run["id"]}
    begun = {**about, "role": "assistant", "assistant_id": run["assistant_id"]}
    if not asked.path:
        yield enclosed(asked, "thread.created", id=run["thread_id"])
    for status in ("created", "queued", "in_progress"):
        here = {**run, "status": "queued" if status == "created" else status, "completed_at": None, "usage": None}
        yield enclosed(asked, f"thread.run.{status}", **here)
    yield enclosed(asked, "thread.message.created", **begun, status="in_progress", content=[])
    for piece in pieces(text):
        delta = {"content": [{"index": 0, "type": "text", "text": {"value": piece, "annotations": []}}]}
        yield enclosed(asked, "thread.message.delta", id=about["id"], delta=delta)
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    yield enclosed(asked, "thread.message.completed", **begun, status="completed", content=content)
    yield enclosed(asked, "thread.run.completed", **{**run, "status": "completed"})
    yield Sent("done", DONE)


def agent_events(asked: Asked) -> Events:
    """One turn of an agent's session, until it idles."""
    name = asked.path.get("session_id") or new_id("session", asked.number)
    session, turn = {"id": name}, new_id("turn", asked.number)
    about = {"session_id": name, "turn_id": turn}
    part = {**about, "item_id": new_id("message", asked.number), "output_index": 0, "content_index": 0}
    if not asked.path:
        yield typed(asked, "agent.session.created", session=session)
    yield typed(asked, "agent.session.in_progress", session={**session, "status": "in_progress"})
    yield typed(asked, "agent.session.turn.created", turn={"id": turn, "status": "in_progress"}, **about)
    for piece in pieces(text_of(asked)):
        yield typed(asked, "agent.session.turn.output_text.delta", delta=piece, **part)
    yield typed(asked, "agent.session.turn.output_text.done", text=text_of(asked), **part)
    yield typed(asked, "agent.session.turn.completed", turn={"id": turn, "status": "completed"}, **about)
    yield typed(asked, "agent.session.idle", session={**session, "status": "idle"})


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
