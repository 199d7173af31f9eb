"""What the body of an error says, whatever its shape, and which of OpenAI's words it stands for.

Services have their own codes, statuses and texts for the same few things. The rules of a provider's profile name them
(`errors`: conditions, and the word they mean); a few that all services share need no profile. A meaning decides the
error's `code` and class; its status stays the one that came.

Rules of this file: nothing raises for a body; of a text no more is searched than a person would read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .errors import STATUS_ERRORS, ConfigError


class Verdict(NamedTuple):
    """What an error body says, whatever its shape."""

    message: str
    code: Any = None
    type: str | None = None
    param: str | None = None
    status: int | None = None


def read_body(decoded: Any, depth: int = 0) -> Verdict:
    """Find message, code, type and param in an error body of any shape.

    Known shapes: `{"error": {...}}`, `{"error": "text"}`, `{"detail": "text" | [{"loc", "msg"}]}`, `{"errors": [...]}`,
    `[{...}]`, flat `{"message", "code"}`, problem+json (RFC 9457), an upstream's error under `metadata.raw`, plain text, HTML.
    """
    if isinstance(decoded, str):
        return Verdict(_plain_text(decoded))
    if depth > _DEPTH or not decoded or not isinstance(decoded, list | Mapping):
        return Verdict("" if decoded is None or isinstance(decoded, bool | list | Mapping) else str(decoded))
    if isinstance(decoded, list):
        return read_body(decoded[0], depth + 1)
    kind, code = _kind(decoded), decoded.get("code")
    where = ".".join(map(str, steps[:_DEPTH])) if isinstance(steps := decoded.get("loc"), list) else ""
    param = where or decoded.get("param")
    inner = [read_body(v, depth + 1) for k in _INNER if (v := decoded.get(k)) and not isinstance(v, bool)]
    found = next((verdict for verdict in inner if verdict.message), inner[0] if inner else Verdict(""))
    if not found.message and isinstance(text := decoded.get("message"), Mapping) and text:
        found = found._replace(message=str(text)[:200])
    # "Field required" alone does not say which.
    said = f"{where}: {found.message}" if where and found.message and where not in found.message else found.message
    found = found._replace(message=_with_upstream(said, decoded.get("metadata"), depth))
    code, kind = code if isinstance(code, str | int) else found.code, kind or found.type
    status = found.status or _meant_status(code, kind, *map(decoded.get, _STATUSES))
    if any(isinstance(decoded.get(k), Mapping | list) for k in _INNER) and found.message:
        # The inner object is the error; what stands beside it describes the answer ("type": "error").
        code, kind = (found.code if found.code is not None else code), found.type or kind
    return Verdict(found.message, code, kind, found.param if param in (None, "") else str(param), status)


#: Members that hold an error or its text, in the order in which they are believed.
_INNER = ("error", "message", "msg", "detail", "errors", "title")

#: How deep an error is looked for in a body.
_DEPTH = 8

#: Members that hold a status: Google's, Cerebras', text-generation-inference's.
_STATUSES = ("status", "status_code", "http_status_code")

#: Members that hold an error's type: OpenAI's, text-generation-inference's, Novita's; Google's is a status in words.
_KINDS = ("type", "error_type", "reason", "status")

#: What a gateway says of another's error (OpenRouter).
_UPSTREAM = "Provider returned error"


def _kind(body: Mapping[str, Any]) -> str | None:
    for name in _KINDS:
        value = body.get(name)
        if (isinstance(value, str) and (name != "status" or value.isupper())) or (name == "type" and isinstance(value, int)):
            return str(value)
    return None


def _with_upstream(message: str, metadata: Any, depth: int) -> str:
    """A message that says nothing but that another server failed, with what that one said: text, JSON text or an object."""
    raw = metadata.get("raw") if isinstance(metadata, Mapping) and message == _UPSTREAM else None
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return f"{message}: {raw[:200]}" if raw else message
    said = read_body(raw, depth + 1).message or (str(raw)[:200] if raw else "")
    return f"{message}: {said}" if said else message


def _meant_status(*clues: Any) -> int | None:
    """The HTTP status that a code or type inside a body stands for."""
    for clue in clues:
        if isinstance(clue, str) and clue.isdecimal() and len(clue) == 3:
            clue = int(clue)
        if isinstance(clue, int) and 400 <= clue <= 599:
            return clue
        if isinstance(clue, str) and (status := MEANT_STATUS.get(_bare(clue))):
            return status
    return None


def _bare(word: str) -> str:
    """A word by its letters: `rate_limit_error`, RateLimitError and "Rate limit" are the same."""
    return "".join(filter(str.isalpha, word[:64].lower())).removesuffix("error")


def _plain_text(body: str) -> str:
    title = re.search(r"<title[^>]*>([^<]{1,200})", body[:4096], re.IGNORECASE)
    return (title.group(1) if title else body[:200]).strip()


#: Words that servers use as `type` or `code` of an error, by the status that they stand for; Google's are those of
#: google.rpc.Code (googleapis: google/rpc/code.proto).
_WORDS = {
    400: "invalid_request context_length_exceeded content_filter bad_request invalid_argument failed_precondition",
    401: "authentication_error invalid_api_key unauthorized unauthenticated",
    402: "payment_required",
    403: "permission_error permission_denied forbidden",
    404: "not_found model_not_found",
    409: "conflict_error aborted already_exists",
    422: "unprocessable_entity",
    429: "insufficient_quota rate_limit rate_limit_exceeded rate_limited too_many_requests requests tokens resource_exhausted",
    500: "api_error server_error internal_error internal_server_error",
    503: "overloaded_error unavailable service_unavailable",
    504: "timeout_error deadline_exceeded",
}
MEANT_STATUS: dict[str, int] = {_bare(word): status for status, words in _WORDS.items() for word in words.split()}


# --- What a service's own words mean ------------------------------------------------------------------------

#: OpenAI's words for what programs must tell apart, each with the status whose class it has.
MEANINGS = {
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "overloaded": 503,
}

#: How much of a message a pattern is looked for in.
_SEARCHED = 2000


class ErrorRule(NamedTuple):
    """When an error means one of `MEANINGS`: all conditions that are given hold."""

    means: str
    status: frozenset[int] = frozenset()
    code: frozenset[str] = frozenset()
    type: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    empty: bool | None = None

    def fits(self, status: int, verdict: Verdict, body: bytes) -> bool:
        """Whether an error is of this rule."""
        return (
            (not self.status or status in self.status)
            and (not self.code or str(verdict.code) in self.code)
            and (not self.type or verdict.type in self.type)
            and (self.pattern is None or self.pattern.search(verdict.message[:_SEARCHED]) is not None)
            and (self.empty is None or self.empty is not bool(body.strip()))
        )


def compile_errors(rules: Sequence[Any]) -> tuple[ErrorRule, ...]:
    """The `errors` of a profile, ready for use. Raises `ConfigError` with the place of what is wrong."""
    return tuple(_compiled(rule, f"errors[{i}]") for i, rule in enumerate(rules))


#: The conditions of a rule: the type of each, and whether there may be several.
_CONDITIONS = {
    "status": (int, True),
    "code": (str | int, True),
    "type": (str, True),
    "pattern": (str, False),
    "empty": (bool, False),
}

#: What a rule has beside its conditions; the last two are for its reader.
_BESIDE = ("means", "why", "sources")


def _compiled(rule: Any, place: str) -> ErrorRule:
    """One rule. A list of values holds where any of them does."""
    if not isinstance(rule, Mapping) or str(rule.get("means")) not in MEANINGS:
        raise ConfigError(f"{place}: wanted a table with means = {' or '.join(MEANINGS)}")
    if unknown := rule.keys() - {*_CONDITIONS, *_BESIDE}:
        raise ConfigError(f"{place}.{min(unknown)}: no such member; a rule has {', '.join((*_CONDITIONS, *_BESIDE))}")
    found: dict[str, Any] = {}
    for name, (kind, several) in _CONDITIONS.items():
        if name not in rule:
            continue
        values = rule[name] if several and isinstance(rule[name], list) else [rule[name]]
        if not values or not all(isinstance(value, kind) and isinstance(value, bool) is (name == "empty") for value in values):
            raise ConfigError(f"{place}.{name}: {rule[name]!r} is no such condition")
        found[name] = frozenset(values if name != "code" else map(str, values)) if several else values[0]
    if not found:
        raise ConfigError(f"{place}: without a condition it would be every error")
    if "pattern" in found:
        try:
            found["pattern"] = re.compile(found["pattern"], re.IGNORECASE)
        except re.error as error:
            raise ConfigError(f"{place}.pattern: {error}") from None
    return ErrorRule(rule["means"], **found)


#: What all services share. The texts are those of vLLM, OpenRouter and OpenAI's older models; OpenAI; llama.cpp; LM Studio;
#: MiniMax; Mistral; Anthropic; Bedrock; Gemini; xAI; Moonshot; Groq (badlogic/pi-mono: packages/ai/src/utils/overflow.ts).
_OVERFLOW = re.compile(
    r"""
    maximum\ context\ length\ is\ \d | exceeds\ the\ context\ window | exceeds\ the\ available\ context\ size
    | greater\ than\ the\ context\ length | context\ window\ exceeds\ limit | with\ \d+\ maximum\ context\ length
    | prompt\ is\ too\ long | input\ is\ too\ long\ for\ requested\ model | input\ token\ count\b.{0,80}\bexceeds\ the\ maximum
    | maximum\ prompt\ length\ is\ \d | exceeded\ model\ token\ limit | reduce\ the\ length\ of\ the\ messages
    """,
    re.IGNORECASE | re.VERBOSE,
)

#: xAI (continuedev/continue 10778) and Gemini refuse a key as a bad request.
_WRONG_KEY = re.compile("(incorrect|invalid) api key|api key not valid", re.IGNORECASE)

GENERAL = (
    ErrorRule("context_length_exceeded", frozenset({400, 413, 422}), pattern=_OVERFLOW),
    ErrorRule("insufficient_quota", frozenset({402})),  # Payment Required: DeepSeek, OpenRouter, StepFun
    ErrorRule("invalid_api_key", frozenset({400, 403}), pattern=_WRONG_KEY),
)


def meaning(rules: Sequence[ErrorRule], status: int, verdict: Verdict, body: bytes) -> str | None:
    """The word that an error stands for: by the profile's rules, else, where it has none of these words, by the general ones."""
    known = isinstance(verdict.code, str) and verdict.code in MEANINGS
    # A status without a class of its own, 402 say, has the class of its code.
    own = verdict.code if known and status < 500 and status not in STATUS_ERRORS else None
    return next((rule.means for rule in (*rules, *(() if known else GENERAL)) if rule.fits(status, verdict, body)), own)
