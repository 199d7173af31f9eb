"""The probes: what each sends, and what reads the answer.

A probe without a body reads the answer to another one. Rules of this file: what is asked of a model is one short message and
a few tokens; rows other than those of chat and embeddings are asked for with an empty body, which is refused before any work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ConfigError
from . import shapes
from .finding import Known
from .readings import (
    LIMIT,
    Reading,
    Rule,
    as_json,
    as_schema,
    bounded,
    called,
    called_in_stream,
    for_choice,
    for_schema,
    for_usage,
    in_base64,
    logprobs,
    may_call,
    models,
    row,
    several,
    stranger,
    streamed,
    taken,
    usage_in_stream,
)
from .refusals import MISSING_MODEL, no_model, without_key

CHAT = "chat.completions.create"

#: What bounds an answer of the row of responses.
_BOUND = "max_output_tokens"


class Probe(NamedTuple):
    """One question to a service.

    says    what is particular about the request, in words
    read    what reads the answer
    row     that is called
    body    what is sent beside the model, the message and the bound; None where nothing is sent of its own
    of      the probe whose answer it reads, where it sends nothing
    asks    what the request is completed as: chat, embedding, bare, or a GET without a key
    tokens  that the answer may have
    needs   a probe after whose refusal this one is not asked
    """

    name: str
    says: str
    read: Reading
    body: Mapping[str, Any] | None = None
    row: str = CHAT
    of: str = ""
    asks: str = "chat"
    tokens: int = LIMIT
    needs: str = ""


_SAY = [{"role": "user", "content": "Say hi."}]
_COUNT = [{"role": "user", "content": "Count from 1 to 20."}]
_CALL = [{"role": "user", "content": "Call the function ok."}]
_JSON = [{"role": "user", "content": 'Answer with the JSON {"ok": true}.'}]

_TOOLS = [{"type": "function", "function": {"name": "ok", "parameters": {"type": "object", "properties": {}}}}]
_NAMED = {"type": "function", "function": {"name": "ok"}}
_OK = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": False}
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "ok", "strict": True, "schema": _OK}}


def _drop(*members: str, **more: Any) -> list[Rule]:
    return [{"verb": "drop", "member": members[0] if len(members) == 1 else list(members), **more}]


def _member(name: str, **body: Any) -> Probe:
    """Whether members of a chat request are taken."""
    return Probe(name, ", ".join(body), taken(_drop(*body)), body)


def _row(name: str, pattern: str, says: str = "an empty request", **body: Any) -> Probe:
    """Whether a row is there. Where a request without a question might be answered, its bound is all that is sent."""
    return Probe(name, says, row(pattern), body, name, asks="bare", tokens=body.get("max_tokens", 0) or body.get(_BOUND, 0))


def _list(name: str, pattern: str) -> Probe:
    """Whether the row of a list is there."""
    return _row(name, pattern, "a list of one", limit=1)


def _reads(of: str, name: str, says: str, read: Reading) -> Probe:
    return Probe(name, says, read, of=of, tokens=0)


#: In the order in which they are asked; what others need stands before them.
PROBES: tuple[Probe, ...] = (
    Probe("models", "the list of models", models, {}, "models.list", asks="bare", tokens=0),
    Probe("no_key", "the list of models, without a key", without_key, {}, "models.list", asks="keyless", tokens=0),
    Probe(
        "chat",
        "max_tokens",
        taken([{"verb": "move", "member": "max_tokens", "to": "max_completion_tokens"}], bounded),
        {"messages": _COUNT, "max_tokens": LIMIT},
    ),
    Probe(
        "max_completion_tokens",
        "max_completion_tokens",
        taken([{"verb": "move", "member": "max_completion_tokens", "to": "max_tokens"}], bounded),
        {"messages": _COUNT, "max_completion_tokens": LIMIT},
    ),
    _reads("chat", "reply", "ids and form of the reply", shapes.odd(shapes.reply, "id, object, created", shapes.anything)),
    _reads("chat", "finish_reason", "how an answer ended", shapes.odd(shapes.finish, "OpenAI's word", shapes.choices_there)),
    _reads("chat", "usage", "tokens used", shapes.odd(shapes.usage, "prompt, completion, total", shapes.choices_there)),
    _reads("chat", "reasoning", "where thoughts stand", shapes.odd(shapes.reasoning, "reasoning_content", shapes.thinks)),
    Probe("stream", "stream", streamed, {"stream": True}),
    _reads("stream", "stream_done", "what ends a stream", shapes.end_mark),
    _reads("stream", "stream_framing", "comments, CRLF, named events", shapes.framing),
    _reads("stream", "stream_chunks", "form of the events", shapes.odd(shapes.chunks, "id, object, delta", shapes.is_stream)),
    _reads("stream", "usage_unasked", "usage that nobody asked for", shapes.unasked_usage),
    Probe(
        "stream_usage",
        "stream_options.include_usage",
        taken(for_usage, usage_in_stream, "usage at the end"),
        {"stream": True, "stream_options": {"include_usage": True}},
        needs="stream",
    ),
    Probe(
        "developer",
        "a message of the role developer",
        taken([{"verb": "map", "member": "messages[].role", "values": [["developer", "system"]]}]),
        {"messages": [{"role": "developer", "content": "Be brief."}, *_SAY]},
    ),
    Probe(
        "content_parts",
        "a message as a list of parts",
        taken([{"verb": "flatten", "member": "messages[].content"}]),
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Say hi."}]}]},
    ),
    Probe(
        "tools",
        "tools",
        taken([{"verb": "reject", "member": "tools", "is": {"empty": False}}], may_call),
        {"messages": _CALL, "tools": _TOOLS},
    ),
    Probe(
        "tool_required",
        "tools, tool_choice required",
        taken(_drop("tool_choice", **{"is": "required"}), called),
        {"messages": _CALL, "tools": _TOOLS, "tool_choice": "required"},
        needs="tools",
    ),
    Probe(
        "tool_choice",
        "tools, tool_choice of one tool",
        taken(for_choice, called),
        {"messages": _CALL, "tools": _TOOLS, "tool_choice": _NAMED},
        needs="tools",
    ),
    _reads("tool_choice", "tool_calls", "form of calls", shapes.odd(shapes.calls, "id, type, text", shapes.calls_there)),
    _reads("tool_required", "called", "what ends a call", shapes.odd(shapes.ended_by_call, "tool_calls", shapes.calls_there)),
    Probe(
        "tools_stream",
        "the same as a stream",
        called_in_stream,
        {"messages": _CALL, "tools": _TOOLS, "tool_choice": _NAMED, "stream": True},
        needs="tool_choice",
    ),
    Probe(
        "json_object",
        "response_format json_object",
        taken(_drop("response_format", **{"if": {"response_format.type": "json_object"}}), as_json),
        {"messages": _JSON, "response_format": {"type": "json_object"}},
    ),
    Probe(
        "json_schema",
        "response_format json_schema",
        taken(for_schema, as_schema),
        {"messages": _JSON, "response_format": _SCHEMA},
    ),
    _member("seed", seed=1),
    Probe("n", "n = 2", taken([{"verb": "clamp", "member": "n", "most": 1}], several), {"n": 2}, tokens=2 * LIMIT),
    Probe("logprobs", "logprobs", taken(_drop("logprobs", "top_logprobs"), logprobs), {"logprobs": True, "top_logprobs": 1}),
    _member("stop", stop=["\n\n"]),
    _member("penalties", frequency_penalty=0.1, presence_penalty=0.1),
    _member("logit_bias", logit_bias={"1": 1}),
    Probe(
        "parallel_tool_calls",
        "tools, parallel_tool_calls",
        taken(_drop("parallel_tool_calls")),
        {"messages": _CALL, "tools": _TOOLS, "parallel_tool_calls": False},
        needs="tools",
    ),
    _member("metadata", metadata={"probe": "1"}),
    _member("store", store=False),
    _member("user", user="probe"),
    _member("service_tier", service_tier="auto"),
    Probe(
        "name",
        "a message with a name",
        taken(_drop("messages[].name", where={"role": {"not": ["tool"]}})),
        {"messages": [{"role": "user", "name": "probe", "content": "Say hi."}]},
    ),
    Probe("unknown_member", "a member that nobody knows", stranger, {"oai_dyn_probe": True}),
    Probe("wrong_model", f"a model that is not there ({MISSING_MODEL})", no_model, {"model": MISSING_MODEL}),
    Probe("embeddings", "input of one word", taken(), {"input": "hi"}, "embeddings.create", asks="embedding", tokens=0),
    Probe(
        "base64",
        "encoding_format base64",
        taken(_drop("encoding_format", rows=["embeddings.create"]), in_base64),
        {"input": "hi", "encoding_format": "base64"},
        "embeddings.create",
        asks="embedding",
        tokens=0,
        needs="embeddings",
    ),
    _row("embeddings.create", "embeddings.*"),
    _row("completions.create", "completions.*", "only max_tokens", max_tokens=1),
    _row("responses.create", "responses.*", f"only {_BOUND}", max_output_tokens=LIMIT),
    _row("moderations.create", "moderations.*"),
    _row("images.generate", "images.*"),
    _row("audio.speech.create", "audio.speech.*"),
    _row("audio.transcriptions.create", "audio.transcriptions.*"),
    _list("files.list", "files.*"),
    _list("batches.list", "batches.*"),
    _list("fine_tuning.jobs.list", "fine_tuning.*"),
    _list("vector_stores.list", "vector_stores.*"),
)

_BY_NAME = {probe.name: probe for probe in PROBES}

#: Probes on which every request to a model leans.
_FIRST = ("models", "chat", "max_completion_tokens")


def chosen(names: Iterable[str] = ()) -> tuple[Probe, ...]:
    """The probes of these names with all that they lean on, in order; all of them without a name. Raises `ConfigError`."""
    wanted = list(names)
    if unknown := [name for name in wanted if name not in _BY_NAME]:
        raise ConfigError(f"--only {unknown[0]}: there is no such probe; there are {', '.join(_BY_NAME)}")
    if not wanted:
        return PROBES
    found: set[str] = set()
    while wanted:
        probe = _BY_NAME[wanted.pop()]
        found.add(probe.name)
        leans = [probe.of, probe.needs, *(_FIRST if probe.asks == "chat" else ("models",) if probe.asks == "embedding" else ())]
        wanted += [name for name in leans if name and name not in found]
    return tuple(probe for probe in PROBES if probe.name in found)


def request_of(probe: Probe, known: Known) -> dict[str, Any] | None:
    """What a probe sends; None where nothing can be asked by now."""
    assert probe.body is not None
    if probe.asks == "chat":
        own_bound = probe.name in _FIRST
        if not known.model or not (known.limit or own_bound):
            return None
        bound = {} if own_bound else {known.limit: LIMIT}
        return {"model": known.model, "messages": _SAY, **bound, **probe.body}
    if probe.asks == "embedding":
        return {"model": known.embedder, **probe.body} if known.embedder else None
    return dict(probe.body)


def most_tokens(probes: Sequence[Probe]) -> int:
    """How many tokens all answers together may have."""
    return sum(probe.tokens for probe in probes if probe.body is not None)
