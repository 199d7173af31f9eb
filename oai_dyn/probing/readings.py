"""What an answer tells of the request: taken, refused, ignored, absent; and which rule of a profile follows.

Rules of this file: a reading is a function of an answer and of what is known by then; it sends nothing. What cannot be told
is `unknown`, never a guess.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .finding import Finding, Known
from .seen import Seen, short
from .shapes import called_pieces, calls_in, choices_of, odd, pieces_there, text_of, usage_of

Rule = dict[str, Any]
Reading = Callable[[Seen, Known], Finding]
Rules = Sequence[Rule] | Callable[[Known], Sequence[Rule]]

#: A look at an answer that was given: "" where all is as asked, words where it is not; None where it cannot be told.
Look = Callable[[Seen], str | None]


def taken(rules: Rules = (), look: Look | None = None, note: str = "taken") -> Reading:
    """Whether what was sent is taken. rules: what a profile has to do where it is not."""

    def read(seen: Seen, known: Known) -> Finding:
        if seen.refused:
            return Finding("refused", seen.words, _requests(rules, known, {"why": f"refused: {seen.words}"}))
        if not seen.good:
            return Finding("unknown", seen.words)
        ignored = look(seen) if look else ""
        if ignored is None:
            return Finding("unknown", "taken, but the answer does not tell")
        if not ignored:
            return Finding("works", note)
        return Finding("ignored", ignored, _requests(rules, known, {"service": "ignores", "why": ignored}))

    return read


def _requests(rules: Rules, known: Known, more: Rule) -> dict[str, list[Rule]]:
    found = [{**rule, **more} for rule in (rules(known) if callable(rules) else rules)]
    return {"request": found} if found else {}


def row(*patterns: str) -> Reading:
    """Whether a row is there: what is refused for its empty body is."""

    def read(seen: Seen, known: Known) -> Finding:
        if seen.good:
            return Finding("works", f"HTTP {seen.status}")
        if seen.refused and seen.status != 501:
            return Finding("works", f"there: it refuses an empty request ({seen.words})")
        if seen.status in (404, 405, 501) and not _about_model(seen):
            return Finding("absent", seen.words, {"absent": list(patterns)})
        return Finding("works" if seen.status == 404 else "unknown", seen.words)

    return read


def _about_model(seen: Seen) -> bool:
    """Whether a 404 is about the model, which is missing, and not about the row."""
    return seen.error is not None and (seen.error.code == "model_not_found" or "model" in seen.error.message.lower())


def models(seen: Seen, known: Known) -> Finding:
    """The list of models: its form."""
    if not seen.good:
        return row("models.*")(seen, known)
    names = model_names(seen.data)
    what = f"{len(names)} models"
    if isinstance(seen.data, list):
        rule = {"verb": "wrap", "member": "", "rows": ["models.list"], "why": "a bare list in place of a list object"}
        return Finding("differs", f"{what} in a bare list", {"reply": [rule]})
    listed = isinstance(seen.data, Mapping) and isinstance(seen.data.get("data"), list)
    return Finding("works", what) if listed else Finding("differs", "no list under `data`")


def model_names(data: Any) -> list[str]:
    """The names in a list of models of any form."""
    if isinstance(data, Mapping):
        data = next(
            (value for value in (data.get("data"), data.get("models"), data.get("result")) if isinstance(value, list)), []
        )
    items = data if isinstance(data, list) else []
    names = [one if isinstance(one, str) else _name(one) for one in items]
    return [name for name in names if name]


def _name(model: Any) -> str:
    found = (
        [model[key] for key in ("id", "model", "name") if isinstance(model.get(key), str)] if isinstance(model, Mapping) else []
    )
    return found[0] if found else ""


def bounded(seen: Seen) -> str:
    """Whether the answer keeps to the tokens that it was given."""
    told = usage_of(seen.data).get("completion_tokens")
    over = isinstance(told, int) and told > LIMIT
    return f"{told} tokens came where {LIMIT} were allowed" if over else ""


#: The most tokens that a probe asks for.
LIMIT = 16


def streamed(seen: Seen, known: Known) -> Finding:
    """Whether a stream comes."""
    if not seen.good or seen.is_stream:
        count = f"{len(seen.events)} events"
        return taken([{"verb": "stream", "value": False}], note=count)(seen, known)
    return Finding("differs", "a whole answer in place of a stream; the client hands it over as events")


def usage_in_stream(seen: Seen) -> str:
    """Whether a stream that was asked for its usage tells it."""
    return "" if any(usage_of(event) for event in seen.events) else "no usage in the stream"


def for_usage(known: Known) -> Sequence[Rule]:
    """What becomes of a wish for usage: nothing is lost where it comes in any case."""
    unasked = "usage_unasked" in known.findings and known.findings["usage_unasked"].verdict == "differs"
    return [{"verb": "drop", "member": "stream_options", **({"loses": False} if unasked else {})}]


def several(seen: Seen) -> str:
    """Whether two choices came."""
    return "" if len(choices_of(seen.data)) == 2 else "one choice where two were asked for"


def as_json(seen: Seen) -> str | None:
    """Whether the answer is a JSON object."""
    text = text_of(seen.data)
    if not text.strip():
        return None
    try:
        return "" if isinstance(json.loads(text), dict) else "the answer is no JSON object"
    except ValueError:
        cut = any(choice.get("finish_reason") == "length" for choice in choices_of(seen.data))
        return None if cut and text.lstrip().startswith("{") else f"the answer is no JSON: {short(text, 40)}"


def as_schema(seen: Seen) -> str | None:
    """Whether the answer is of the schema that was given."""
    found = as_json(seen)
    fits = found == "" and isinstance(json.loads(text_of(seen.data)).get("ok"), bool)
    return "" if fits else "the answer is not of the schema" if found == "" else found


def for_schema(known: Known) -> Sequence[Rule]:
    """What becomes of a schema: a wish in words, where JSON can be had."""
    if known.works("json_object"):
        return [{"verb": "prompt_schema"}]
    return [{"verb": "drop", "member": "response_format", "if": {"response_format.type": "json_schema"}}]


def called(seen: Seen) -> str:
    """Whether the model calls the tool that it must call."""
    return "" if calls_in(seen.data) else "no tool was called"


def may_call(seen: Seen) -> str | None:
    """A model that is free to call may not do so."""
    return called(seen) and None


def for_choice(known: Known) -> Sequence[Rule]:
    """What becomes of a choice of one tool."""
    if known.works("tool_required"):
        return [{"verb": "narrow", "word": "required"}]
    return [{"verb": "drop", "member": "tool_choice", "is": {"type": "object"}}]


def called_in_stream(seen: Seen, known: Known) -> Finding:
    """Whether a stream may call tools, and in which form."""
    if seen.refused:
        whole = [{"verb": "stream", "value": False, "if": {"tools": {"empty": False}}}]
        return taken(whole)(seen, known)
    return odd(called_pieces, "index, id, arguments as text", pieces_there)(seen, known)


def logprobs(seen: Seen) -> str:
    """Whether probabilities came."""
    return "" if any(choice.get("logprobs") for choice in choices_of(seen.data)) else "no logprobs in the answer"


def in_base64(seen: Seen) -> str:
    """Whether vectors came as text."""
    data = seen.data.get("data") if isinstance(seen.data, Mapping) else None
    first = data[0] if isinstance(data, list) and data else None
    vector = first.get("embedding") if isinstance(first, Mapping) else None
    return "" if isinstance(vector, str) else "a list of numbers in place of base64"


def stranger(seen: Seen, known: Known) -> Finding:
    """What becomes of a member that nobody knows."""
    if seen.refused:
        return Finding("works", f"an unknown member is refused: {seen.words}")
    return Finding("ignored", "an unknown member goes unnoticed") if seen.good else Finding("unknown", seen.words)
