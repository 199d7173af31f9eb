"""What goes over the wire: one request body, one reply, one stream; the server and the checks share them."""

import json
from typing import Any, Final

MODEL: Final = "gpt-4o-mini-2024-07-18"
API_KEY: Final = "k"

BODY: Final[dict[str, Any]] = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "You answer in plain words, in at most three sentences."},
        {
            "role": "user",
            "content": "Our reading room closes at six. A visitor asks by letter whether the maps of the "
            "“old harbour” may be copied, and what a copy costs. Write the answer we should send.",
        },
    ],
    "temperature": 0.2,
    "max_tokens": 400,
    "user": "reader-4711",
}


def _call(number: int, name: str) -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": '{"sheet": 12}'}}


def _tool(name: str, description: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"sheet": {"type": "integer"}}, "required": ["sheet"]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


LONG_BODY: Final[dict[str, Any]] = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "You answer letters to a reading room."},
        {"role": "user", "content": "May the maps be copied?"},
        {"role": "assistant", "content": "Which of them?"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "This one."},
                {"type": "image_url", "image_url": {"url": "https://maps.example/12.png", "detail": "low"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [_call(1, "state_of")]},
        {"role": "tool", "tool_call_id": "call_1", "content": "brittle"},
        {"role": "assistant", "content": "It is too brittle to copy; a photograph may be had."},
        {"role": "user", "content": "At what price?"},
        {"role": "assistant", "content": None, "tool_calls": [_call(2, "price_of")]},
        {"role": "tool", "tool_call_id": "call_2", "content": "4.50"},
        {"role": "user", "content": "Then send one, please."},
    ],
    "tools": [_tool("state_of", "Whether a sheet can be copied."), _tool("price_of", "What a copy costs.")],
    "tool_choice": "auto",
    "temperature": 0.5,
    "max_completion_tokens": 100,
}
"""Eleven messages and two tools: what is validated."""

_ANSWER: Final = (
    "Dear reader, thank you for your letter. The maps of the “old harbour” may be copied for private study; "
    "a copy in A3 costs 4.50 €, and we send it within a week.\n\nTwo of the sheets are too brittle for the "
    "scanner: for those we can offer a photograph. Please tell us the numbers of the sheets you need, and "
    "whether the copies may be folded; unfolded ones travel in a tube, for which the post asks 3.20 €."
)

STREAM_EVENTS: Final = 2000
"""Events in one stream, the mark that ends it not counted."""

CONTENT_OF_STREAM: Final = [_ANSWER[i % len(_ANSWER)] + " sheet"[: i % 7] for i in range(STREAM_EVENTS - 2)]
"""The text of each event that carries some: the first names the role, the last the reason to finish."""


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def completion() -> bytes:
    """A chat completion of about 1 KB."""
    details = {"audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}
    message: dict[str, object] = {"role": "assistant", "content": _ANSWER, "refusal": None, "annotations": []}
    return _compact(
        {
            "id": "chatcmpl-BnR7xq2LwT0aYd5u",
            "object": "chat.completion",
            "created": 1767225600,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": 71,
                "completion_tokens": 93,
                "total_tokens": 164,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, **details},
            },
            "service_tier": "default",
            "system_fingerprint": "fp_8bda4d3a2c",
        }
    )


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-BnR7xq2LwT0aYd5u", "object": "chat.completion.chunk"}
    tail = {"system_fingerprint": "fp_8bda4d3a2c", "choices": [choice]}
    return b"data: " + _compact({**head, "created": 1767225600, "model": MODEL, **tail}) + b"\n\n"


def stream_events(count: int = STREAM_EVENTS) -> list[bytes]:
    """The events of a stream, about 250 bytes each: role, texts, finish."""
    texts = (CONTENT_OF_STREAM[i % len(CONTENT_OF_STREAM)] for i in range(count - 2))
    first = _chunk({"role": "assistant", "content": ""})
    return [first, *(_chunk({"content": text}) for text in texts), _chunk({}, "stop")]


END_OF_STREAM: Final = b"data: [DONE]\n\n"


def require(holds: bool, what: str) -> None:
    """Stop a benchmark whose candidate did not do the whole work."""
    if not holds:
        raise RuntimeError(f"the candidate did not do the work: {what}")
