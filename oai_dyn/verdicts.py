"""What an answer means: the error that a status, a body or an event stands for, and the default type of a good one.

Rules of this file: an answer is read, never waited for; what a server quotes of our keys is taken out.
"""

from __future__ import annotations

import re
from typing import Any

from .codec import Record, decode
from .errors import APIError, DecodeError, StreamError, for_status, read_body
from .wire import Call, Reply, Secret

#: A key that a server quotes with its middle starred out: "sk-ab***yz".
_STARRED = re.compile(r"[\w-]*\*{3,}[\w-]*")


def status_error(status: int, reply: Reply, body: bytes, call: Call) -> APIError:
    """Make the error for a status and a body of any shape."""
    try:
        decoded = decode(body) if body else None
    except DecodeError:
        decoded = body.decode("utf-8", "replace")
    verdict = read_body(decoded)
    message = _without_keys(verdict.message, call)
    if status == 401:
        message = "; ".join(part for part in (_STARRED.sub("***", message), _why_keyless(call)) if part)
        body = _STARRED.sub("***", body.decode("latin-1")).encode("latin-1")
    return for_status(status)(
        f"HTTP {status}: {message}" if message else f"HTTP {status}",
        status=status,
        headers=reply.headers,
        body=_without_keys(body.decode("latin-1"), call).encode("latin-1"),
        code=verdict.code,
        type=verdict.type,
        param=verdict.param,
    )


def _why_keyless(call: Call) -> str:
    """Why no credential went out with a request that was refused for it; nothing where one did."""
    sent = any(isinstance(value, Secret) for value in call.plan.headers.values())
    return "" if sent else call.config.keyless.get(call.plan.route.credential, "")


def _without_keys(text: str, call: Call) -> str:
    """Text of a server's with our own keys taken out, should it quote them."""
    for value in call.plan.headers.values():
        if isinstance(value, Secret):
            for secret in {value, value.rpartition(" ")[2]}:
                if len(secret) >= 4:
                    text = text.replace(secret, "***")
    return text


def refuse_disguised(data: dict[str, Any], reply: Reply, body: bytes, call: Call) -> None:
    """An error under a good status. A stored object (a failed job, say) tells of its own error and is none."""
    if not data.get("error") and data.get("object") != "error":
        return
    if data.get("object", "error") != "error" or "id" in data:
        return
    verdict = read_body(data)
    raise status_error(verdict.status or reply.status, reply, body, call)


def as_record(data: Any, reply: Reply) -> Any:
    """The default type of an answer: a `Record` where it is an object, else the value itself."""
    if type(data) is not dict:
        return data
    record = Record(data)
    record._request_id = reply.request_id
    return record


def in_band_error(data: Any, body: bytes, reply: Reply, call: Call) -> APIError:
    """The error that an event of a stream is: its class by its code or type, `StreamError` where neither is known."""
    verdict = read_body(data)
    if verdict.status is not None:
        return status_error(verdict.status, reply, body, call)
    message = _without_keys(verdict.message, call)
    return StreamError(
        f"the stream holds an error: {message}" if message else "the stream holds an error",
        status=reply.status, headers=reply.headers, body=body, code=verdict.code, type=verdict.type, param=verdict.param,
    )  # fmt: skip
