"""One call as a generator: it yields the steps to take, is sent what came of them, and returns the result or raises.

Retries, redirects, errors, the ends of streams and every wait are decided here, once, for both backends;
a test sends outcomes by hand and needs no socket.

    Ask   -> a token, or an error thrown in
    Send  -> Head(status, headers), or an APIConnectionError thrown in
    Read  -> bytes of the body as they stand on the wire, b"" at its end, or an APIConnectionError thrown in
    Sleep -> anything
    Opened, Given -> anything, when the user wants more (streams and binary answers only)

Rules of this file: no clock and no I/O of its own, time comes as `clock` (monotonic seconds) and `now`
(seconds since the epoch); once something was given to the user nothing is sent again; no credential is in
a local that prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from .answers import READERS, Flow, comes_whole, read_whole
from .credentials import is_pending, with_token
from .errors import APIError, APIStatusError, APITimeoutError, OaiDynError
from .form import normal_path, without
from .progress import Progress, log
from .retry import FINAL_CODES, another_may_answer, wait_before
from .verdicts import complete, status_error
from .wire import Ask, Call, Head, Plan, Reply, Secret, Send, Sleep

#: Redirects followed in one attempt (RFC 9110 section 15.4 asks for a bound; browsers take 20).
MAX_REDIRECTS = 10


def run(call: Call, clock: Callable[[], float], now: Callable[[], float]) -> Flow:
    """Make one call, with all its attempts."""
    progress = Progress(call, clock)
    while True:
        progress.begin_attempt()
        try:
            if progress.call.config.asked:
                yield from _authorised(progress, now)
            reply = yield from _exchange(progress.call.plan, progress)
            progress.tell("attempt")
            if progress.call.heard is not None:
                progress.call.heard(progress.clock() - progress.attempt_started)
            result = yield from READERS[_kind(progress.call)](reply, progress)
            progress.tell("end")
            return result
        except GeneratorExit:
            progress.tell("close")
            raise
        except APIError as error:
            complete(error, progress.reply, progress.call)
            wait = _wait_after(error, progress, now)
            error.attempts = progress.attempts = progress.with_this(error.status, type(error).__name__, wait)
            following = None if wait is not None else _passed_on(error, progress)
            progress.tell("attempt" if wait is not None else "end" if following is None else "failover", error)
            if following is not None:
                progress.turn_to(following)
                continue
            if wait is None:
                raise
        except OaiDynError as error:  # the user's own check of an answer
            progress.tell("end", error)
            raise
        yield Sleep(wait)


def _authorised(progress: Progress, now: Callable[[], float]) -> Generator[Any, Any, None]:
    """Have a token where the credential comes from a callable and the plan still waits for it: once a call, or after a 401."""
    call = progress.call
    asked = call.config.asked.get(call.plan.route.credential)
    if asked is None or not is_pending(call.plan):
        return
    until, why = progress.deadline(call.timeout.first_event, progress.attempt_started, "first event")
    token: Secret = yield Ask(asked.source, now(), until, why)
    if until is not None and progress.clock() > until:
        late = APITimeoutError(f"time ran out: {why}")
        late.sent = False
        raise late
    plan = with_token(call.plan, asked.carrier, token)
    progress.call = call._replace(plan=plan, asked=asked._replace(token=token, plan=call.plan))


def _renewing(error: APIError, progress: Progress) -> bool:
    """Forget a token that was refused; whether the request is worth another. It may be: the server did not do its work."""
    call, asked = progress.call, progress.call.asked
    if asked is None or error.status != 401:
        return False
    asked.source.forget(asked.token)
    progress.call = call._replace(plan=asked.plan, asked=None, refused=(*call.refused, asked.token))
    return not call.refused and error.code not in FINAL_CODES and error.type not in FINAL_CODES


def _kind(call: Call) -> str:
    if call.plan.streaming:
        return "events"
    kind = call.plan.route.reply.kind
    return "json" if kind == "bytes" and call.into is not None else kind


def _wait_after(error: APIError, progress: Progress, now: Callable[[], float]) -> float | None:
    """Seconds to wait before another attempt, None where this error is the end."""
    renewing = _renewing(error, progress)
    if progress.given or progress.tries > progress.call.max_retries:
        return None
    wait = 0.0 if renewing else wait_before(progress.tries, error, progress.call.plan.route.safe, now())
    if wait is not None and progress.end is not None and progress.clock() + wait >= progress.end:
        return None
    return wait


def _passed_on(error: APIError, progress: Progress) -> Call | None:
    """The same call for another provider, None where this error is the end."""
    call = progress.call
    if not another_may_answer(error, call.plan.route.safe or not _has_begun(progress)):
        return None
    if call.heard is not None:
        call.heard(None)
    if progress.given or call.next is None or (progress.end is not None and progress.clock() >= progress.end):
        return None
    return call.next()


def _has_begun(progress: Progress) -> bool:
    """Whether a good answer has: a stream begins with its first event (`given`), any other answer with its head."""
    reply = progress.reply
    if reply is None or reply.status >= 300:
        return False
    return not progress.call.plan.streaming or comes_whole(reply.headers.get("content-type", "").lower())


def _exchange(plan: Plan, progress: Progress) -> Generator[Any, Any, Reply]:
    """Send, follow redirects, and refuse an error status; the reply's body is still to be read."""
    timeout = progress.call.timeout
    for _ in range(MAX_REDIRECTS + 1):
        until = progress.deadline(timeout.first_event, progress.attempt_started, "first event")
        head: Head = yield Send(plan, timeout.connect, *until)
        progress.reply = reply = Reply(head.status, head.headers)
        if head.status < 300:
            return reply
        if head.status not in (301, 302, 303, 307, 308) or "location" not in head.headers:
            raise (yield from _refused(reply, progress))
        plan = _redirected(plan, reply)
    raise APIStatusError(f"more than {MAX_REDIRECTS} redirects")


def _redirected(plan: Plan, reply: Reply) -> Plan:
    """The plan for where a redirect points (RFC 9110 section 15.4). Another origin gets nothing of the user's."""
    try:
        target = urljoin(plan.url, reply.headers["location"]).partition("#")[0]
        here, there = urlsplit(plan.url), urlsplit(target)
        same = (here.scheme, here.hostname, here.port) == (there.scheme, there.hostname, there.port)
        same = same and there.username is None and not any(c <= " " or c == "\x7f" for c in target)
        query = there.query if plan.hidden is None else without(there.query, unquote(plan.hidden.partition("=")[0]))
        path = normal_path(there.path or "/", query)
    except ValueError:
        there, same, path = urlsplit(""), False, ""
    if not same:
        where = f"{there.scheme}://{there.hostname}" if there.hostname else "no valid address"
        raise APIStatusError(f"HTTP {reply.status}: a redirect to another origin ({where}) is not followed")
    target = f"{here.scheme}://{here.netloc}{path}"
    if reply.status == 303 or (reply.status in (301, 302) and plan.method == "POST"):
        headers = {name: value for name, value in plan.headers.items() if name.lower() != "content-type"}
        return plan._replace(method="GET", url=target, headers=headers, body=None)
    return plan._replace(url=target)


def _refused(reply: Reply, progress: Progress) -> Generator[Any, Any, APIError]:
    """The error that an answer's status stands for, with as much of its body as the limit lets in."""
    try:
        body = yield from read_whole(reply, progress, progress.call.limits.error_body)
    except APIError as cut:
        # The status is known and tells more than the cut does; a body too long or cut is shown as far as it came.
        log.debug("an error's body was not read to its end: %s", type(cut).__name__)
        body = cut.body
    return status_error(reply.status, reply, body, progress.call)
