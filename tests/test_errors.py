"""The exception tree, and what error bodies of every shape mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oai_dyn import errors
from oai_dyn.codec import decode
from oai_dyn.errors import (
    STATUS_ERRORS,
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    DecodeError,
    Fault,
    InternalServerError,
    NotFoundError,
    OaiDynError,
    RateLimitError,
    StreamError,
    StreamTruncated,
    ValidationError,
    for_status,
    place,
)
from oai_dyn.meanings import MEANT_STATUS, Verdict, read_body
from oai_dyn.wire import Headers

VECTORS = json.loads((Path(__file__).parent / "vectors" / "errors.json").read_text("utf-8"))["vectors"]

CLASSES = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, OaiDynError)]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_body_of_any_shape_is_understood(vector: dict[str, Any]) -> None:
    """Message, code, type, param and the status that they stand for."""
    assert read_body(vector.get("text", vector.get("body"))) == Verdict(**vector["says"])


def test_long_text_is_cut() -> None:
    """Of text that is no JSON the first 200 characters are the message, and a title is looked for near the start."""
    assert read_body("x" * 1000).message == "x" * 200
    assert read_body(" " * 5000 + "<title>late</title>").message == ""


LISTS = b"[" * 1000 + b"]" * 1000


@pytest.mark.parametrize("body", [LISTS, b'{"error":' * 1000 + b"1" + b"}" * 1000, b'{"error":{"message":%b}}' % LISTS])
def test_a_deep_body_is_no_trouble(body: bytes) -> None:
    """However deep a body nests, it is read without a RecursionError."""
    assert isinstance(read_body(decode(body)), Verdict)


STATUSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "InternalServerError",
    503: "InternalServerError",
    529: "InternalServerError",
    599: "InternalServerError",
    300: "APIStatusError",
    402: "APIStatusError",
    408: "APIStatusError",
    418: "APIStatusError",
}


@pytest.mark.parametrize(("status", "name"), STATUSES.items())
def test_each_status_has_its_class(status: int, name: str) -> None:
    """The class by which people catch a status."""
    assert for_status(status).__name__ == name
    assert issubclass(for_status(status), APIStatusError)


def test_the_table_is_the_tree() -> None:
    """Every class below APIStatusError is reached by a status, and says in its docstring which."""
    reached = {*STATUS_ERRORS.values(), InternalServerError}
    assert reached == set(APIStatusError.__subclasses__())
    for status, cls in STATUS_ERRORS.items():
        assert cls.__doc__ == str(status)


def test_words_stand_for_error_statuses() -> None:
    """The table of words is in lower case and leads to error statuses only."""
    assert all(word == word.lower() and 400 <= status <= 599 for word, status in MEANT_STATUS.items())


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_everything_has_one_root(cls: type[OaiDynError]) -> None:
    """Each class is below the root, has a docstring, and is made of a message alone."""
    error = cls("what went wrong")
    assert isinstance(error, OaiDynError)
    assert str(error) == error.message == "what went wrong"
    assert error.args == ("what went wrong",)
    assert cls.__doc__


BUILTINS: list[tuple[type[OaiDynError], type[Exception]]] = [
    (errors.ConfigError, ValueError),
    (errors.RouteError, AttributeError),
    (ValidationError, ValueError),
    (APIConnectionError, ConnectionError),
    (APITimeoutError, TimeoutError),
    (StreamTruncated, EOFError),
    (DecodeError, ValueError),
]


@pytest.mark.parametrize(("cls", "builtin"), BUILTINS)
def test_errors_are_also_pythons_own(cls: type[OaiDynError], builtin: type[Exception]) -> None:
    """Who catches Python's own class catches ours."""
    assert issubclass(cls, builtin)


def test_families() -> None:
    """A timeout is a connection error, a cut stream a stream error, and a status error neither."""
    assert issubclass(APITimeoutError, APIConnectionError)
    assert issubclass(StreamTruncated, StreamError)
    assert not issubclass(APIStatusError, APIConnectionError | StreamError)
    assert all(issubclass(cls, APIError) for cls in (APIConnectionError, APIStatusError, StreamError, DecodeError))


def test_an_error_tells_what_is_known() -> None:
    """Status under both names, request id from the headers in any case, body, code, type, param and attempts."""
    headers = Headers([("X-Request-ID", "req-1")])
    error = RateLimitError("m", status=429, headers=headers, body=b"b", code="c", type="t", param="p", attempts=(1, 2))
    assert (error.status, error.status_code, error.request_id) == (429, 429, "req-1")
    assert (error.body, error.code, error.type, error.param, error.attempts) == (b"b", "c", "t", "p", (1, 2))
    assert error.headers is headers


def test_an_error_without_an_answer() -> None:
    """What is not known is None or empty."""
    error = APIConnectionError("m")
    assert (error.status, error.request_id, error.body, dict(error.headers), error.code) == (None, None, b"", {}, None)
    assert error.sent


def test_an_error_is_caught_by_its_family() -> None:
    """The usual ladder of except clauses."""
    with pytest.raises(APIStatusError):
        raise NotFoundError("m", status=404)
    with pytest.raises(OaiDynError):
        raise AuthenticationError("m", status=401)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("messages", 3, "content", 0, "image_url", "url"), "messages[3].content[0].image_url.url"),
        ((0, "a"), "[0].a"),
    ],
)
def test_places_are_written_as_people_read_them(path: tuple[str | int, ...], text: str) -> None:
    """Members with dots, items with brackets."""
    assert place(path) == text
    assert str(Fault(path, "odd")) == (f"{text}: odd" if text else "odd")


def test_a_validation_error_lists_its_faults() -> None:
    """The message names the first three, `errors` has them all; a message of its own comes first."""
    faults = tuple(Fault(("a", i), "odd") for i in range(5))
    assert str(ValidationError(errors=faults)) == "a[0]: odd; a[1]: odd; a[2]: odd; and 2 more"
    assert ValidationError(errors=faults).errors == faults
    assert str(ValidationError("own", faults)) == "own"
