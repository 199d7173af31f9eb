"""How a service says no: the form of its errors, what it says of a wrong model and to whom has no key.

Rules of this file: those of `readings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..meanings import read_body
from .finding import Finding, Known
from .seen import Seen, short

Rule = dict[str, Any]


def no_model(seen: Seen, known: Known) -> Finding:
    """How an error looks: that of a model that is not there."""
    if seen.good:
        return Finding("ignored", "a model that is not there answers all the same")
    error = seen.error
    if error is None or not 400 <= seen.status < 500:
        return Finding("unknown", seen.words)
    shape = error_shape(seen.data)
    words = f"HTTP {error.status}, {shape}, code {error.code}: {seen.words}"
    known_word = error.code == "model_not_found" or seen.status == 404
    if known_word and shape == "OpenAI's form":
        return Finding("works", words)
    found: dict[str, Any] = {"errors": _meaning(seen, MISSING_MODEL)} if not known_word else {}
    if shape != "OpenAI's form" and (form := error_form(seen.data, seen.status)):
        found["error_body"] = form
    return Finding("differs", words, {name: value for name, value in found.items() if value})


#: A model that no service has.
MISSING_MODEL = "no-such-model"


def _meaning(seen: Seen, model: str) -> list[Rule]:
    """The rule that tells this error by its words, where they name the model."""
    message = seen.words.removeprefix(f"HTTP {seen.status}: ").removesuffix("...")
    around = message.replace(model, "")
    if model not in message or "model" not in around.lower():
        return []
    rule = {"status": [seen.status], "pattern": re.escape(message).replace(re.escape(model), ".+"), "means": "model_not_found"}
    return [{**rule, "why": "told in words only"}]


def error_shape(body: Any) -> str:
    """The form of an error's body, in words."""
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, Mapping):
        return "no JSON object"
    prefix = "in a list, " if isinstance(body, list) else ""
    inner = first.get("error")
    if isinstance(inner, Mapping):
        whole = isinstance(inner.get("message"), str) and "type" in inner
        return prefix + ("OpenAI's form" if whole else "an object under `error` without message or type")
    return prefix + next((words for name, words in _SHAPES.items() if name in first), "an object of its own")


def error_form(body: Any, status: int) -> Any:
    """The body of an error with what is told in it as `{message}` and the like, as a profile has it; None for nothing."""
    if isinstance(body, Mapping):
        parts = {name: _part(str(name), value, status) for name, value in body.items()}
        return {name: part for name, part in parts.items() if part is not None} or None
    if isinstance(body, list):
        return [form for one in body[:1] if (form := error_form(one, status)) is not None] or None
    return None


def _part(name: str, value: Any, status: int) -> Any:
    if isinstance(value, Mapping | list):
        return error_form(value, status)
    if isinstance(value, bool):
        return value
    if name in ("code", "status") and value in (status, str(status)):
        return "{status}"
    return _TOLD.get(name)


#: What members of an error's body tell.
_TOLD = {
    "message": "{message}",
    "msg": "{message}",
    "detail": "{message}",
    "error": "{message}",
    "title": "{type}",
    "type": "{type}",
    "error_type": "{type}",
    "param": "{param}",
    "code": "{code}",
}

_SHAPES = {
    "error": "a text under `error`",
    "detail": "under `detail`",
    "errors": "a list under `errors`",
    "message": "a flat object",
    "title": "a problem (RFC 9457)",
}


def without_key(seen: Seen, known: Known) -> Finding:
    """What is said to whom has no key."""
    if seen.good:
        return Finding("works", "the models are listed without a key")
    said = short(f"without a key: HTTP {seen.status}: {read_body(seen.data).message}")
    if seen.status == 401:
        return Finding("works", said)
    return Finding("differs" if seen.status in (400, 403) else "unknown", said)
