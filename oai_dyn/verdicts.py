"""What an answer means: the error that a status, a body or an event stands for, and the default type of a good one.

Rules of this file: an answer is read, never waited for. `complete` is the one place that every error passes on its
way out: there it gets what is known of the answer, within the limits, and loses what a server quoted of our keys.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from .codec import Record, decode
from .errors import APIError, DecodeError, StreamError, for_status
from .form import spellings
from .meanings import MEANINGS, Verdict, meaning, read_body
from .wire import Call, Headers, Reply, Secret

#: A key that a server quotes with its middle starred out: "sk-ab***yz".
_STARRED = re.compile(r"[\w-]*\*{3,}[\w-]*")

#: The shortest piece of a key that is taken out; a shorter one would take words with it.
_SHORTEST = 4

#: What a starred key is no longer than, in bytes.
_LONGEST = 256


def status_error(status: int, reply: Reply, body: bytes, call: Call) -> APIError:
    """Make the error for a status and a body of any shape."""
    try:
        decoded = decode(body) if body else None
    except DecodeError:
        decoded = conceal(body.decode("utf-8", "replace"), _secrets(call))
    verdict = read_body(decoded)
    return _classed(status, verdict, meaning(call.config.errors, status, verdict, body), reply, body, call)


def _classed(status: int, verdict: Verdict, word: str | None, reply: Reply, body: bytes, call: Call) -> APIError:
    """The error of the class that its word stands for, or else its status."""
    why = _why_keyless(call) if status == 401 else ""
    return for_status(MEANINGS[word] if word else status)(
        "; ".join(part for part in (f"HTTP {status}: {verdict.message}" if verdict.message else f"HTTP {status}", why) if part),
        status=status,
        headers=reply.headers,
        body=body,
        code=word or verdict.code,
        type=verdict.type,
        param=verdict.param,
        native_code=verdict.code if word and word != verdict.code else None,
    )


def in_band_error(data: Any, body: bytes, reply: Reply, call: Call) -> APIError:
    """The error that an event of a stream is: its class by its code, type or meaning, `StreamError` where none is known."""
    verdict = read_body(conceal(data, _secrets(call)) if isinstance(data, str) else data)
    word = meaning(call.config.errors, verdict.status or reply.status, verdict, body)
    status = verdict.status or (MEANINGS[word] if word else None)
    if status is not None:
        return _classed(status, verdict, word, reply, body, call)
    message = f"the stream holds an error: {verdict.message}" if verdict.message else "the stream holds an error"
    return StreamError(message, body=body, code=verdict.code, type=verdict.type, param=verdict.param)


def refuse_disguised(data: Any, reply: Reply, body: bytes, call: Call) -> None:
    """An error under a good status. A stored object (a failed job, say) tells of its own error and is none."""
    inner = data[0] if isinstance(data, list) and len(data) == 1 else data
    if not isinstance(inner, dict):
        return
    failed = inner.get("error") or inner.get("object") == "error" or (inner.get("success") is False and inner.get("errors"))
    if failed and "id" not in inner and inner.get("object") in (None, "error"):
        raise status_error(read_body(inner).status or reply.status, reply, body, call)


def as_record(data: Any, reply: Reply) -> Any:
    """The default type of an answer: a `Record` where it is an object, else the value itself."""
    if type(data) is not dict:
        return data
    record = Record(data)
    record._request_id, record._provider = reply.request_id, reply.provider
    return record


def complete(error: APIError, reply: Reply | None, call: Call) -> None:
    """Give an error what is known of its answer, and take out of it what a server quoted of our keys."""
    if reply is not None:
        error.status = error.status or reply.status
        error.headers = error.headers or reply.headers
    secrets = _secrets(call)
    limit = call.limits.error_body
    error.message = conceal(error.message, secrets)
    for name in ("code", "type", "param", "native_code"):
        if isinstance(value := getattr(error, name), str):
            setattr(error, name, conceal(value, secrets))
    error.headers = concealed_headers(error.headers, secrets)
    decoded = isinstance(error, DecodeError) and error.data is not None
    # What was decoded came from all of the body; else no more is looked through than can be shown.
    seen = error.body if decoded else error.body[: limit + max([_LONGEST, *map(len, secrets)])]
    body = conceal(seen.decode("latin-1"), secrets).encode("latin-1")
    if isinstance(error, DecodeError) and decoded and body != seen:
        try:
            error.data = decode(body)
        except DecodeError:
            error.data = None
    error.body = _without_cut_key(body[:limit], secrets) if len(body) >= limit or len(seen) < len(error.body) else body


def conceal(text: str, secrets: list[Secret]) -> str:
    """A text of a server's without our keys, whole or starred."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _STARRED.sub("***", text) if "***" in text else text


def concealed_headers(headers: Any, secrets: list[Secret]) -> Any:
    """The headers of an answer without our keys."""
    if not isinstance(headers, Headers):
        return headers
    pairs = [(name, conceal(value, secrets)) for name, value in headers.pairs]
    return Headers(pairs) if tuple(pairs) != headers.pairs else headers


def concealed_reply(reply: Reply | None, call: Call) -> Reply | None:
    """The head of an answer as a hook may see it."""
    return reply and reply._replace(headers=concealed_headers(reply.headers, _secrets(call)), body=b"", data=None)


def _secrets(call: Call) -> list[Secret]:
    """What must not be quoted: credentials as they were sent, and without their scheme; the longest first."""
    sent = [value for value in call.plan.headers.values() if isinstance(value, Secret)]
    bare = [Secret(value.rpartition(" ")[2]) for value in sent]
    if call.plan.hidden or call.refused:
        in_query = unquote((call.plan.hidden or "").partition("=")[2])
        bare += [Secret(one) for text in (in_query, *call.refused) for one in spellings(text)]
    return sorted((s for s in {*sent, *bare} if len(s) >= _SHORTEST), key=len, reverse=True)


def _without_cut_key(body: bytes, secrets: list[Secret]) -> bytes:
    """A body cut at its limit without the beginning of a key that the cut left at its end."""
    for secret in secrets:
        key = secret.encode("latin-1")
        for length in range(len(key) - 1, _SHORTEST - 1, -1):
            if body.endswith(key[:length]):
                return body[:-length] + b"***"
    return body


def _why_keyless(call: Call) -> str:
    """Why no credential went out with a request that was refused for it; nothing where one did."""
    sent = call.plan.hidden or any(isinstance(value, Secret) for value in call.plan.headers.values())
    return "" if sent else call.config.keyless.get(call.plan.route.credential, "")
