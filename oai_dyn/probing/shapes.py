"""What a reply, a stream or a call of a tool has that OpenAI's has not, and the rules that mend it.

Rules of this file: as in `readings`. Each look gives pairs: what is odd in a few words, and the rule for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .finding import Finding, Known
from .seen import Seen, short

Rule = dict[str, Any]
Odd = tuple[str, Rule | None]

FINISHED = ("stop", "length", "tool_calls", "content_filter", "function_call")

#: Words of other services for how an answer ended, in lower case, and OpenAI's.
_ENDINGS = {
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "completed": "stop",
    "finished": "stop",
    "": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "error": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "safety": "content_filter",
    "sensitive": "content_filter",
}

_MESSAGE = "choices[].message"


def choices_of(data: Any) -> list[Mapping[str, Any]]:
    """The choices of a reply or an event."""
    found = data.get("choices") if isinstance(data, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def message_of(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a choice says: its message, or in an event its delta."""
    found = choice.get("message") or choice.get("delta")
    return found if isinstance(found, Mapping) else {}


def text_of(data: Any) -> str:
    """The text of the first choice, that of blocks put together."""
    content = next((message_of(choice).get("content") for choice in choices_of(data)), None)
    if isinstance(content, list):
        content = "".join(text for part in content if isinstance(part, Mapping) and isinstance(text := part.get("text"), str))
    return content if isinstance(content, str) else ""


def usage_of(data: Any) -> Mapping[str, Any]:
    """What a reply or an event says of tokens."""
    found = data.get("usage") if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def calls_in(data: Any) -> list[Mapping[str, Any]]:
    """The calls of tools in a reply or an event."""
    lists = [message_of(choice).get("tool_calls") for choice in choices_of(data)]
    return [call for some in lists if isinstance(some, list) for call in some if isinstance(call, Mapping)]


def odd(
    look: Callable[[Seen], Iterator[Odd]], fine: str, there: Callable[[Seen], bool] = lambda seen: True
) -> Callable[..., Finding]:
    """A reading of a look: `differs` with the rules for all that is odd. there: whether there is anything to look at."""

    def read(seen: Seen, known: Known) -> Finding:
        if not seen.good or not there(seen):
            return Finding("unknown", "nothing to look at")
        found = list(look(seen))
        if not found:
            return Finding("works", fine)
        rules: list[Rule] = []
        for words, rule in found:
            if rule is not None and rule not in rules:
                rules.append({**rule, "why": words})
        return Finding("differs", "; ".join(dict.fromkeys(words for words, _ in found)), {"reply": rules} if rules else {})

    return read


def reply(seen: Seen) -> Iterator[Odd]:
    """The reply itself: what it is wrapped in, its ids."""
    data = seen.data
    for name in ("result", "data", "response", "body"):
        if not choices_of(data) and isinstance(data, Mapping) and choices_of(data.get(name)):
            yield f"the answer stands in `{name}`", {"verb": "unwrap", "member": name}
            return
    if not choices_of(data):
        yield "no choices", None
        return
    yield from _of_whole(data, "chat.completion", ["reply"])


def _of_whole(data: Mapping[str, Any], kind: str, on: list[str]) -> Iterator[Odd]:
    if not data.get("id"):
        yield "no id", {"verb": "default", "member": "id", "make": "id"}
    if not data.get("created"):
        yield "no `created`", {"verb": "default", "member": "created", "make": "created"}
    if not data.get("object"):
        yield "no `object`", {"verb": "default", "member": "object", "value": kind, "on": on}
    elif (found := data["object"]) != kind:
        yield f"`object` is {found!r}", {"verb": "map", "member": "object", "values": [[found, kind]], "on": on}
    if any(choice.get("index") is None for choice in choices_of(data)):
        yield "choices without index", {"verb": "default", "member": "choices[].index", "make": "index"}


def finish(seen: Seen) -> Iterator[Odd]:
    """How an answer says that it has ended."""
    for choice in choices_of(seen.data):
        word = choice.get("finish_reason")
        if word is None:
            rule: Rule = {"verb": "default", "member": "choices[].finish_reason", "value": "stop", "on": ["reply"]}
            yield "no finish reason", rule
        elif word not in FINISHED:
            meant = _ENDINGS.get(str(word).lower())
            mapped = {"verb": "map", "member": "choices[].finish_reason", "values": [[word, meant]]}
            yield f"finish reason {word!r}", {**mapped, "keep_as": "native_finish_reason"} if meant else None


def usage(seen: Seen) -> Iterator[Odd]:
    """How many tokens it says were used, and where."""
    found = usage_of(seen.data)
    if not found:
        yield "no usage", None
        return
    for name, other in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")):
        if name not in found:
            filled = {"verb": "fill", "member": f"usage.{name}", "from": [other]}
            yield (f"{other} in place of {name}", filled) if other in found else (f"no {name}", None)
    counts = [found.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")]
    if all(isinstance(count, int) for count in counts[:2]) and _less(counts):
        yield "a total that is less than its parts, or none", {"verb": "recount", "what": "total"}


def _less(counts: Sequence[Any]) -> bool:
    return not isinstance(counts[2], int) or counts[2] < counts[0] + counts[1]


#: Members in which services tell what a model thinks.
_THOUGHTS = ("reasoning", "thinking", "reasoning_text", "thought")


def thinks(seen: Seen) -> bool:
    """Whether an answer tells thoughts, wherever."""
    return any(
        message.get("reasoning_content")
        or any(isinstance(message.get(name), str) and message.get(name) for name in _THOUGHTS)
        or isinstance(message.get("content"), list)
        or "<think>" in str(message.get("content"))
        for message in map(message_of, choices_of(seen.data))
    )


def reasoning(seen: Seen) -> Iterator[Odd]:
    """What a model thinks, and where it stands."""
    for message in map(message_of, choices_of(seen.data)):
        content = message.get("content")
        named = [name for name in _THOUGHTS if isinstance(message.get(name), str) and message.get(name)]
        if isinstance(content, list):
            yield "content is a list of blocks", {"verb": "blocks", "member": f"{_MESSAGE}.content"}
        if named and not message.get("reasoning_content"):
            filled = {"verb": "fill", "member": f"{_MESSAGE}.reasoning_content", "from": named}
            yield f"reasoning stands in `{named[0]}`", filled
        if isinstance(content, str) and content.lstrip().startswith("<think>"):
            yield "thoughts stand in the text, between <think> and </think>", {"verb": "tags", "member": f"{_MESSAGE}.content"}


def chunks(seen: Seen) -> Iterator[Odd]:
    """The events of a stream."""
    events = [event for event in seen.events if choices_of(event)]
    if not events:
        yield "no event has choices", None
        return
    first = events[0]
    yield from _of_whole(first, "chat.completion.chunk", ["event"])
    if any("delta" not in choice and "message" in choice for event in events for choice in choices_of(event)):
        rule: Rule = {"verb": "fill", "member": "choices[].delta", "from": ["message"], "on": ["event"]}
        yield "`message` in place of `delta`", rule
    ends = [word for event in events for choice in choices_of(event) if (word := choice.get("finish_reason"))]
    for word in ends:
        if word not in FINISHED and (meant := _ENDINGS.get(str(word).lower())):
            mapped = {"verb": "map", "member": "choices[].finish_reason", "values": [[word, meant]]}
            yield f"finish reason {word!r}", {**mapped, "keep_as": "native_finish_reason"}
    if not ends:
        yield "no event says how the answer ended", None


def calls(seen: Seen) -> Iterator[Odd]:
    """Calls of tools in a whole reply."""
    home = f"{_MESSAGE}.tool_calls[]"
    for call in calls_in(seen.data):
        function = call.get("function")
        if isinstance(function, Mapping) and not isinstance(function.get("arguments"), str):
            rule: Rule = {"verb": "coerce", "member": f"{home}.function.arguments", "to": "json"}
            yield "arguments are no text", rule
        if not call.get("id"):
            yield "calls without id", {"verb": "default", "member": f"{home}.id", "make": "call_id"}
        if not call.get("type"):
            yield "calls without type", {"verb": "default", "member": f"{home}.type", "value": "function"}


def ended_by_call(seen: Seen) -> Iterator[Odd]:
    """What ended an answer that calls a tool."""
    for choice in choices_of(seen.data):
        if message_of(choice).get("tool_calls") and choice.get("finish_reason") in ("stop", "", None):
            yield f"finish reason {choice.get('finish_reason')!r} with calls", {"verb": "called"}


def called_pieces(seen: Seen) -> Iterator[Odd]:
    """Calls of tools in a stream."""
    pieces = [call for event in seen.events for call in calls_in(event)]
    if any(not isinstance(call.get("index"), int) for call in pieces) or not pieces[0].get("id") or not pieces[0].get("type"):
        yield "calls without index, id or type", {"verb": "number"}
    arguments = [function.get("arguments") for call in pieces if isinstance(function := call.get("function"), Mapping)]
    if any(isinstance(one, Mapping) for one in arguments):
        member = f"{_MESSAGE}.tool_calls[].function.arguments"
        yield "arguments are no text", {"verb": "coerce", "member": member, "to": "json"}


def calls_there(seen: Seen) -> bool:
    """Whether a whole reply calls a tool."""
    return bool(calls_in(seen.data))


def anything(seen: Seen) -> bool:
    """Whether an answer is no stream."""
    return not seen.is_stream


def choices_there(seen: Seen) -> bool:
    """Whether an answer has choices."""
    return bool(choices_of(seen.data))


def is_stream(seen: Seen) -> bool:
    """Whether an answer is a stream."""
    return seen.is_stream


def pieces_there(seen: Seen) -> bool:
    """Whether a stream calls a tool."""
    return any(calls_in(event) for event in seen.events)


def framing(seen: Seen, known: Known) -> Finding:
    """How a stream looks as bytes: the client reads all of these alike."""
    if not seen.good or not seen.is_stream:
        return Finding("unknown", "nothing to look at")
    lines = seen.body.splitlines()
    comments = [short(line[1:].decode("utf-8", "replace"), 40) for line in lines if line.startswith(b":")]
    style = {"comment": comments[0] or True} if comments else {}
    if b"\r\n" in seen.body:
        style["crlf"] = True
    marks = {
        "comments": comments,
        "CRLF": b"\r\n" in seen.body,
        "named events": any(frame.event for frame in seen.frames),
        "ids": any(frame.id for frame in seen.frames),
        "no space behind `data:`": any(line.startswith(b"data:") and line[5:6] != b" " for line in lines),
    }
    found = [words for words, holds in marks.items() if holds]
    return Finding("differs" if found else "works", ", ".join(found) or "plain `data:` lines", {"stream": style} if style else {})


def end_mark(seen: Seen, known: Known) -> Finding:
    """What ends a stream."""
    if not seen.good or not seen.is_stream:
        return Finding("unknown", "nothing to look at")
    if any(frame.data == b"[DONE]" for frame in seen.frames):
        return Finding("works", "[DONE]")
    return Finding("differs", "no [DONE]: the end of the body, or a finish reason, ends it", {"stream": {"done": False}})


def unasked_usage(seen: Seen, known: Known) -> Finding:
    """Whether a stream tells its usage without being asked."""
    if not seen.good or not seen.is_stream:
        return Finding("unknown", "nothing to look at")
    told = [bool(usage_of(event)) for event in seen.events if choices_of(event)]
    if not any(bool(usage_of(event)) for event in seen.events):
        return Finding("works", "none, as none was asked for")
    style = "every" if all(told) else "last"
    return Finding("differs", f"usage unasked, in {'every event' if all(told) else 'the last'}", {"stream": {"usage": style}})
