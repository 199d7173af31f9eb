"""The exception tree. Everything that oai_dyn raises on purpose is below `OaiDynError`.

    OaiDynError
    ├── ConfigError          (ValueError)       a setting, a profile or a table file is wrong
    ├── RouteError           (AttributeError)   no row of that name
    ├── ValidationError      (ValueError)       an argument, a body or, where it is validated, a reply is wrong
    ├── SchemaWarning        (UserWarning)      the same, where it is validated with "warn"
    ├── LossWarning          (UserWarning)      a provider's profile took something from the request
    └── APIError                                something went wrong once a request was under way
        ├── APIConnectionError (ConnectionError)  no whole answer came
        │   └── APITimeoutError (TimeoutError)
        ├── APIStatusError                        the server said no; below it a class per status
        │   ├── BadRequestError 400 · AuthenticationError 401 · PermissionDeniedError 403
        │   ├── NotFoundError 404 · ConflictError 409 · UnprocessableEntityError 422
        │   └── RateLimitError 429 · InternalServerError 5xx
        ├── StreamError                           a stream that cannot go on
        │   └── StreamTruncated (EOFError)        it ended before its end
        └── DecodeError      (ValueError)       the answer is not what was asked for

Rules of this file: an error holds data, never a socket, a request or a credential, so that it can
be pickled, copied and logged. What is to be sent is walked through here, so that what cannot be is refused
with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from .rates import RateLimits, quoted_headers, rate_limits


class OaiDynError(Exception):
    """Root of everything this package raises on purpose."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        """What happened, in words."""
        return str(self.args[0]) if self.args else ""

    @message.setter
    def message(self, message: str) -> None:
        self.args = (message,)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(cls: type[OaiDynError], args: tuple[Any, ...], state: dict[str, Any]) -> OaiDynError:
    """Make an error again from its attributes (pickle and copy come here)."""
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(OaiDynError, ValueError):
    """A setting, a provider profile or a table file is wrong."""


class RouteError(OaiDynError, AttributeError):
    """There is no row of that name, or the row cannot be called this way."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.name = "route"  # else Python would put the client, and its key, into `obj`


Path = tuple[str | int, ...]

#: How much of a key is shown where a place is told.
_KEY_SHOWN = 64


class Fault(NamedTuple):
    """One thing wrong with a value: where it stands, what was wanted, and where in a schema that is said."""

    path: Path
    message: str
    schema_path: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        return f"{place(self.path)}: {self.message}" if self.path else self.message


def place(path: Path) -> str:
    """Write a path as people read it: `messages[3].content[0].text`. A key of any length is shown short."""
    shown = (step if isinstance(step, int) or len(step) <= _KEY_SHOWN else f"{step[:_KEY_SHOWN]}..." for step in path)
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in shown).removeprefix(".")


class ValidationError(OaiDynError, ValueError):
    """What was to be sent is wrong, and was not sent; or a reply does not fit its schema.

    errors  what is wrong, most telling first
    reply   the whole answer, where it is a reply that is wrong; of a stream, the event
    """

    def __init__(self, message: str = "", errors: tuple[Fault, ...] = (), reply: Any = None) -> None:
        super().__init__(message or in_short(errors))
        self.errors = errors
        self.reply = reply

    @classmethod
    def at(cls, path: Path, message: str) -> ValidationError:
        """The error for one fault."""
        return cls(errors=(Fault(path, message),))


class SchemaWarning(OaiDynError, UserWarning):
    """What is sent or came does not fit its schema, and goes on all the same. `errors` lists what is wrong."""

    def __init__(self, message: str = "", errors: tuple[Fault, ...] = ()) -> None:
        super().__init__(message or in_short(errors))
        self.errors = errors


#: How deep a body may be nested, which is orjson's own bound.
_DEEPEST = 250

#: What no place takes as it is.
_ENTERED = (dict, list)


def walk(value: Any, plain: Callable[[Any], Any], take: Callable[[Any, Path], bool], path: Path = (), depth: int = 0) -> None:
    """Go through what is to be sent, in order. `take` is given what is no dict or list, with its place, and says if that is all.

    What it leaves is entered: a tuple as a list, an object as `plain` makes it plainer. One frame a level, for the stack
    has a thousand. Raises `ValidationError` with the place of what neither JSON nor a form can hold.
    """
    if isinstance(value, str):
        check_text(value, path)
    if not isinstance(value, _ENTERED) and take(value, path):
        return
    if depth > _DEEPEST:
        raise ValidationError.at(path[:8], f"nested deeper than {_DEEPEST} levels, or in a circle")
    if isinstance(value, dict):
        for key, item in value.items():
            # Token ids are integers, and logit_bias is keyed by them: JSON has them as text.
            step = str(key) if isinstance(key, int) and not isinstance(key, bool) else key
            if not isinstance(step, str):
                raise ValidationError.at(path, f"the key {key!r} is of type {type(key).__name__}, wanted text")
            check_text(step, path)
            walk(item, plain, take, (*path, step), depth + 1)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            walk(item, plain, take, (*path, i), depth + 1)
    else:
        try:
            plainer = value.value if isinstance(value, Enum) else plain(value)
        except (TypeError, ValidationError) as error:
            raise ValidationError.at(path, str(error)) from error.__cause__
        walk(plainer, plain, take, path, depth + 1)


def check_text(text: str, path: Path) -> None:
    """Raises `ValidationError` for a text that UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = f"a lone surrogate (U+{ord(text[error.start]):04X}) at character {error.start}"
        raise ValidationError.at(path, f"{found}, wanted text that UTF-8 can hold") from None


def in_short(errors: Sequence[Fault]) -> str:
    """The first few faults in a line."""
    more = len(errors) - 3
    return "; ".join(map(str, errors[:3])) + (f"; and {more} more" if more > 0 else "")


class LossWarning(OaiDynError, UserWarning):
    """A provider's profile could not keep what was asked for: it was dropped or changed. `losses` lists what."""

    def __init__(self, message: str = "", losses: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.losses = losses


class APIError(OaiDynError):
    """A request was under way. The attributes hold what is known of its end.

    status      the HTTP status, or the one that an error in disguise stands for
    headers     of the answer; request_id is read from them
    body        raw bytes that had come, up to `Limits.error_body`
    code, type, param   as the body tells them, where it does
    native_code what the service calls it, where `code` is OpenAI's word for the same
    attempts    every attempt made, oldest first
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes = b"",
        code: Any = None,
        type: str | None = None,
        param: str | None = None,
        attempts: tuple[Any, ...] = (),
        native_code: Any = None,
    ) -> None:
        super().__init__(message)
        self.status, self.body, self.attempts = status, body, attempts
        self.headers = dict(headers) if isinstance(headers, MappingProxyType) else headers
        self.code, self.type, self.param, self.native_code = code, type, param, native_code

    @property
    def provider(self) -> str | None:
        """The name of the profile whose answer, or silence, this is."""
        return self.attempts[-1].provider if self.attempts else None

    @property
    def request_id(self) -> str | None:
        """The server's name for this request (`x-request-id`), for its support."""
        return self.headers.get("x-request-id")

    @property
    def rate_limits(self) -> RateLimits | None:
        """What the headers say of rate limits, or those that the body quotes; None where neither says anything."""
        return rate_limits(quoted_headers(self.body) | dict(self.headers))

    @property
    def status_code(self) -> int | None:
        """The same as `status`, by the name that the official SDK uses."""
        return self.status


class APIConnectionError(APIError, ConnectionError):
    """No whole answer came. `sent` is False where the server cannot have seen the request."""

    sent = True


class APITimeoutError(APIConnectionError, TimeoutError):
    """Time ran out; the message says which of connect, first event, idle or total."""


class APIStatusError(APIError):
    """The server answered with an error status, or with an error under a good one."""


class BadRequestError(APIStatusError):
    """400"""


class AuthenticationError(APIStatusError):
    """401"""


class PermissionDeniedError(APIStatusError):
    """403"""


class NotFoundError(APIStatusError):
    """404"""


class ConflictError(APIStatusError):
    """409"""


class UnprocessableEntityError(APIStatusError):
    """422"""


class RateLimitError(APIStatusError):
    """429"""


class InternalServerError(APIStatusError):
    """500 and above"""


class StreamError(APIError):
    """A stream that cannot go on: an error event of no known class, or a bound passed."""


class StreamTruncated(StreamError, EOFError):
    """The body ended before the row's terminal rule was met. `received` counts the events given out."""

    received = 0


class DecodeError(APIError, ValueError):
    """The answer is not what was asked for. `data` is what it decoded to, where it did."""

    data: Any = None


def misfit(error: Exception, reply: Any, into: Any) -> DecodeError:
    """The error for data that the user's class does not take; `reply` is the `Reply` whose data it is."""
    what = f"{getattr(into, '__name__', repr(into))} does not take the answer: {type(error).__name__}: {error}"
    found = DecodeError(what, status=reply.status, headers=reply.headers, body=reply.body)
    found.data = reply.data
    return found


def for_status(status: int) -> type[APIStatusError]:
    """The class for an HTTP status: its own, or `InternalServerError` from 500 on."""
    return STATUS_ERRORS.get(status) or (InternalServerError if status >= 500 else APIStatusError)


STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}
