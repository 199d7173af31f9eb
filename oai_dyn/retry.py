"""Whether to try again, how long to wait before it, and whether to ask another provider. The only user of backoff.

Rules of this file: decisions from values alone, no clock, no sleep, no I/O. The one exception to "no import
inside a function" stands here: importing backoff loads asyncio (some 70 ms), which a call that is never
retried should not pay.
"""

from __future__ import annotations

from itertools import islice

from .errors import APIConnectionError, APIError, APIStatusError, InternalServerError, RateLimitError, StreamTruncated, for_status
from .rates import retry_after

#: The longest that a server's Retry-After is obeyed, in seconds; beyond it the error is raised at once.
RETRY_AFTER_CAP = 120.0

#: Our own waits: full jitter over an exponential, first bound and last bound in seconds.
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0

#: The server answered these without doing the work (RFC 9110 section 15; 409 is OpenAI's lock timeout).
RESENT_STATUSES = frozenset({408, 409, 429})

#: Codes that no waiting mends, under whatever status.
FINAL_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated"})


#: Another provider may have what these lack: time, capacity.
PASSED_ON = frozenset({408, 429})


def wait_before(attempt: int, error: APIError, safe: bool, now: float) -> float | None:
    """Seconds to wait before the attempt after `attempt` (1 is the first); None where there must be none.

    safe: the row may be sent twice. now: seconds since the epoch, for a Retry-After that is a date.
    """
    if not _worth(error, safe):
        return None
    asked = retry_after(error.headers, now)
    if asked is None:
        return _own_wait(attempt)
    return asked if asked <= RETRY_AFTER_CAP else None


def _worth(error: APIError, safe: bool) -> bool:
    if error.code in FINAL_CODES or error.type in FINAL_CODES:
        return False
    if isinstance(error, APIConnectionError | StreamTruncated):
        return safe or not getattr(error, "sent", True)
    if not isinstance(error, APIStatusError) or error.status is None:
        return False
    told = error.headers.get("x-should-retry")
    if told in ("true", "false"):
        return bool(told == "true")
    # A class that is not its status's own is what the error means: a 403 that is a rate limit, a 429 that is an overflow.
    own = type(error) is for_status(error.status) and error.status in RESENT_STATUSES
    return own or isinstance(error, RateLimitError | InternalServerError)


def another_may_answer(error: APIError, resendable: bool) -> bool:
    """Whether what failed is this provider, and not the request: another may do it.

    resendable: nothing is lost where it is sent again after a connection that failed.
    """
    if isinstance(error, APIConnectionError | StreamTruncated):
        return resendable
    if error.code in FINAL_CODES or error.type in FINAL_CODES:
        return True
    if not isinstance(error, APIStatusError) or error.status is None:
        return False
    return error.status in PASSED_ON or error.status >= 500


def _own_wait(attempt: int) -> float:
    from backoff import expo, full_jitter

    bounds = islice(expo(factor=FIRST_WAIT, max_value=LONGEST_WAIT), attempt, None)  # before the first one it says None
    return float(full_jitter(next(bounds)))
