"""A whole answer as the stream it might have been, and a stream as the answer it amounts to.

Rules of this file: nothing here knows a provider; what is given is never changed; `joined(replayed(x)) == x` for
every answer in OpenAI's form, whatever else it holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Event = dict[str, Any]

#: What a member called `object` says of a whole chat completion, and of a chunk of one.
_WHOLE, _CHUNK = "chat.completion", "chat.completion.chunk"

#: Text that is sent whole: the last that says something stands. All other text of a delta comes in pieces.
_NO_PIECES = frozenset({"role", "id", "type", "status", "format", "channel", "call_id", "object", "model"})

_ENDS = {"failed": "response.failed", "incomplete": "response.incomplete"}


def replayed(answer: Any) -> list[Event]:
    """The events of a stream that amounts to this answer; none where it is neither a completion nor a response."""
    if not isinstance(answer, Mapping):
        return []
    if answer.get("object") == "response":
        return _response_events(answer)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not all(map(_is_whole, choices)):
        return []
    base = {**answer, "choices": []}
    if answer.get("object") == _WHOLE:
        base["object"] = _CHUNK
    usage = base.get("usage")
    if usage is not None:
        base["usage"] = None
    pairs = [_chunks_of(choice, position) for position, choice in enumerate(choices)]
    chunks = [{**base, "choices": [first]} for first, _ in pairs] + [{**base, "choices": [last]} for _, last in pairs]
    return chunks + [{**base, "usage": usage}] * (usage is not None)


def as_stream(events: Iterable[Any]) -> bytes:
    """Events as the body of a stream; nothing where they are nested too deeply to be written."""
    try:  # with what orjson does not write: NaN, halves of characters, long integers
        return b"".join([b"data: %b\n\n" % json.dumps(event).encode() for event in events])
    except RecursionError:
        return b""


def joined(events: Iterable[Any]) -> Event | None:
    """The whole answer that the events of a stream amount to; None where they are of neither kind."""
    chunks, response = [], None
    for event in events:
        if isinstance(event, Mapping):
            if isinstance(event.get("response"), Mapping):
                response = dict(event["response"])
            elif "choices" in event:
                chunks.append(event)
    if response is not None or not chunks:
        return response
    answer = {key: _last(pieces) for key, pieces in _members(chunks).items() if key != "choices"}
    if answer.get("object") == _CHUNK:
        answer["object"] = _WHOLE
    return {**answer, "choices": _joined_choices(chunks)}


def _is_whole(choice: Any) -> bool:
    return isinstance(choice, Mapping) and (isinstance(choice.get("message"), Mapping) or isinstance(choice.get("text"), str))


def _chunks_of(choice: Mapping[str, Any], position: int) -> tuple[Event, Event]:
    """A choice as its first chunk has it, with all that was said, and as its last has it, with how it ended."""
    index = choice.get("index", position)
    first, last = {"index": index}, {"index": index}
    if isinstance(message := choice.get("message"), Mapping):
        said: tuple[str, ...] = ("message", "delta")
        first["delta"], last["delta"] = _delta_of(message), {}
    else:
        said = ("text",)
        first["text"], last["text"] = choice["text"], ""
    if "logprobs" in choice:
        first["logprobs"] = choice["logprobs"]
    if "finish_reason" in choice:
        first["finish_reason"] = None
    return first, last | {key: value for key, value in choice.items() if key not in (*said, "index", "logprobs")}


def _delta_of(message: Mapping[str, Any]) -> Event:
    """A message as one delta: its calls are numbered."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return dict(message)
    numbered = [{"index": i, **_without_index(call)} if isinstance(call, Mapping) else call for i, call in enumerate(calls)]
    return {**message, "tool_calls": numbered}


def _without_index(call: Any) -> Any:
    return {key: value for key, value in call.items() if key != "index"} if isinstance(call, Mapping) else call


def _response_events(response: Mapping[str, Any]) -> list[Event]:
    """What those read who print a response as it comes, and the whole of it at the end."""
    begun = {**response, "status": "in_progress", "output": []}
    events: list[Event] = [{"type": "response.created", "response": begun}]
    output = response.get("output")
    for position, item in enumerate(output if isinstance(output, list) else ()):
        if not isinstance(item, Mapping):
            continue
        place = {"output_index": position, "item_id": item.get("id")}
        events.append({"type": "response.output_item.added", "output_index": position, "item": dict(item)})
        content = item.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, Mapping) and isinstance(text := part.get("text"), str):
                here = {**place, "content_index": number}
                events.append({"type": "response.output_text.delta", **here, "delta": text})
                events.append({"type": "response.output_text.done", **here, "text": text})
        if isinstance(arguments := item.get("arguments"), str):
            events.append({"type": "response.function_call_arguments.delta", **place, "delta": arguments})
            events.append({"type": "response.function_call_arguments.done", **place, "arguments": arguments})
        events.append({"type": "response.output_item.done", "output_index": position, "item": dict(item)})
    status = response.get("status")
    end = _ENDS.get(status, "response.completed") if isinstance(status, str) else "response.completed"
    events.append({"type": end, "response": dict(response)})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _joined_choices(chunks: list[Any]) -> list[Event]:
    """The choices of all chunks, each from its pieces."""
    pieces: dict[Any, list[Any]] = {}
    for chunk in chunks:
        choices = chunk["choices"]
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, Mapping):
                index = choice.get("index", position)
                index = index if isinstance(index, int) else position
                if chunk.get("object") == _WHOLE and not isinstance(choice.get("delta"), Mapping):
                    pieces[index] = [*map(_without_delta, pieces.get(index, ())), choice]  # the whole message, at the end
                else:
                    pieces.setdefault(index, []).append(choice)
    return [{"index": index, **_joined_choice(pieces[index])} for index in sorted(pieces)]


def _without_delta(choice: Mapping[str, Any]) -> Event:
    return {key: value for key, value in choice.items() if key not in ("delta", "message")}


def _joined_choice(pieces: list[Any]) -> Event:
    choice: Event = {}
    for key, values in _members(pieces).items():
        if key in ("text", "logprobs"):
            choice[key] = _combined(key, values)
        elif key not in ("index", "delta", "message"):
            choice[key] = _last(values)
    said = [delta if isinstance(delta := piece.get("delta"), Mapping) else piece.get("message") for piece in pieces]
    deltas = [delta for delta in said if isinstance(delta, Mapping)]
    if deltas:
        choice["message"] = {key: _combined(key, values) for key, values in _members(deltas).items()}
    return choice


def _members(pieces: list[Any]) -> dict[str, list[Any]]:
    """Each member that any piece has, with its values in order."""
    found: dict[str, list[Any]] = {}
    for piece in pieces:
        for key, value in piece.items():
            found.setdefault(key, []).append(value)
    return found


def _last(values: list[Any]) -> Any:
    """The last value that says something."""
    return next((value for value in reversed(values) if value is not None and value != ""), values[-1])


def _combined(key: str, values: list[Any]) -> Any:
    """One member from its pieces: text is put together, lists and objects too; of all else the last stands."""
    if len(values) == 1 and key != "tool_calls":
        return values[0]
    some = [value for value in values if value is not None] or values[-1:]
    if all(isinstance(value, str) for value in some):
        if key in _NO_PIECES:
            return _last(some)
        return _name(some) if key == "name" else "".join(some)
    if all(isinstance(value, Mapping) for value in some):
        return {key: _combined(key, pieces) for key, pieces in _members(some).items()}
    if all(isinstance(value, list) for value in some):
        return _calls(some) if key == "tool_calls" else _joined_lists(some)
    full = [value for value in some if value not in ("", [], {})]
    return _combined(key, full) if 0 < len(full) < len(some) else some[-1]


def _name(pieces: list[str]) -> str:
    """A function's name: some servers send it again with every delta, few in pieces."""
    name = ""
    for piece in pieces:
        name += piece if piece != name else ""
    return name


def _joined_lists(lists: list[list[Any]]) -> list[Any]:
    """Elements that say their place are put together by it; all others stand behind each other."""
    elements = [element for some in lists for element in some]
    if not elements or not all(isinstance(one, Mapping) and isinstance(one.get("index"), int) for one in elements):
        return elements
    groups: dict[int, list[Any]] = {}
    for element in elements:
        groups.setdefault(element["index"], []).append(element)
    return [_combined("", group) for group in groups.values()]


def _calls(lists: list[list[Any]]) -> list[Any]:
    """Calls of tools from their deltas: by place, else by id, else the one before goes on."""
    groups: list[list[Any]] = []
    places: dict[Any, list[Any]] = {}
    for call in (call for some in lists for call in some):
        keys = _keys(call)
        group = places.get(keys[0]) if keys else None
        if group is not None and _begins(call) and _id(call) not in ("", _id(group[0])):
            group = None  # some servers give every call the same place
        if group is None and not keys and groups and not _begins(call):
            group = groups[-1]
        if group is None:
            groups.append(group := [])
        group.append(call)
        places.update(dict.fromkeys(keys, group))
    return [_without_index(_combined("", group)) for group in groups]


def _keys(call: Any) -> list[Any]:
    """By what a delta tells which call it belongs to, the surest first."""
    index = call.get("index") if isinstance(call, Mapping) else None
    return [index] * isinstance(index, int) + [_id(call)] * bool(_id(call))


def _id(call: Any) -> str:
    known = call.get("id") if isinstance(call, Mapping) else None
    return known if isinstance(known, str) else ""


def _begins(call: Any) -> bool:
    """Whether a delta names its function, as the first of a call does."""
    function = call.get("function") if isinstance(call, Mapping) else None
    return not isinstance(function, Mapping) or bool(function.get("name"))
