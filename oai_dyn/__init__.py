"""oai_dyn: a bring-your-own-types, dynamic client for the OpenAI API and what claims to be compatible with it.

A call is a row of a table and a dictionary. Nothing is loaded before its name is used: not even the HTTP
libraries before their client is named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._aiohttp import AsyncBinary, AsyncClient, AsyncPage, AsyncStream
    from ._requests import Binary, Client, Page, Stream
    from .codec import Record
    from .errors import (
        APIConnectionError,
        APIError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConfigError,
        ConflictError,
        DecodeError,
        Fault,
        InternalServerError,
        NotFoundError,
        OaiDynError,
        PermissionDeniedError,
        RateLimitError,
        RouteError,
        StreamError,
        StreamTruncated,
        UnprocessableEntityError,
        ValidationError,
    )
    from .objects import Codec
    from .version import __version__
    from .wire import Attempt, Event, Headers, Limits, Notice, Plan, Reply, Route, Timeout

_HOMES = {
    "_aiohttp": "AsyncBinary AsyncClient AsyncPage AsyncStream",
    "_requests": "Binary Client Page Stream",
    "codec": "Record",
    "errors": "APIConnectionError APIError APIStatusError APITimeoutError AuthenticationError BadRequestError ConfigError "
    "ConflictError DecodeError Fault InternalServerError NotFoundError OaiDynError PermissionDeniedError RateLimitError "
    "RouteError StreamError StreamTruncated UnprocessableEntityError ValidationError",
    "objects": "Codec",
    "version": "__version__",
    "wire": "Attempt Event Headers Limits Notice Plan Reply Route Timeout",
}

_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'oai_dyn' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"oai_dyn.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return list(__all__)
