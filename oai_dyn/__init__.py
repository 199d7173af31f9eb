"""oai_dyn: a bring-your-own-types, dynamic client for the OpenAI API and what claims to be compatible with it.

A call is a row of a table and a dictionary. Nothing is loaded before its name is used: not even the HTTP
libraries before their client is named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._aiohttp import AsyncClient as AsyncClient
    from ._requests import Client as Client
    from .async_streams import AsyncBinary as AsyncBinary
    from .async_streams import AsyncStream as AsyncStream
    from .codec import Record as Record
    from .errors import APIConnectionError as APIConnectionError
    from .errors import APIError as APIError
    from .errors import APIStatusError as APIStatusError
    from .errors import APITimeoutError as APITimeoutError
    from .errors import AuthenticationError as AuthenticationError
    from .errors import BadRequestError as BadRequestError
    from .errors import ConfigError as ConfigError
    from .errors import ConflictError as ConflictError
    from .errors import DecodeError as DecodeError
    from .errors import Fault as Fault
    from .errors import InternalServerError as InternalServerError
    from .errors import LossWarning as LossWarning
    from .errors import NotFoundError as NotFoundError
    from .errors import OaiDynError as OaiDynError
    from .errors import PermissionDeniedError as PermissionDeniedError
    from .errors import RateLimitError as RateLimitError
    from .errors import RouteError as RouteError
    from .errors import SchemaWarning as SchemaWarning
    from .errors import StreamError as StreamError
    from .errors import StreamTruncated as StreamTruncated
    from .errors import UnprocessableEntityError as UnprocessableEntityError
    from .errors import ValidationError as ValidationError
    from .objects import Codec as Codec
    from .pages import AsyncPage as AsyncPage
    from .pages import Page as Page
    from .rates import RateLimit as RateLimit
    from .rates import RateLimits as RateLimits
    from .streams import Binary as Binary
    from .streams import Stream as Stream
    from .validation import validate as validate
    from .version import __version__ as __version__
    from .wire import Attempt as Attempt
    from .wire import Event as Event
    from .wire import Headers as Headers
    from .wire import Limits as Limits
    from .wire import Loss as Loss
    from .wire import Notice as Notice
    from .wire import Plan as Plan
    from .wire import Reply as Reply
    from .wire import Route as Route
    from .wire import Timeout as Timeout
    from .wire import Validation as Validation

_HOMES = {
    "_aiohttp": "AsyncClient",
    "_requests": "Client",
    "async_streams": "AsyncBinary AsyncStream",
    "codec": "Record",
    "errors": "APIConnectionError APIError APIStatusError APITimeoutError AuthenticationError BadRequestError ConfigError "
    "ConflictError DecodeError Fault InternalServerError LossWarning NotFoundError OaiDynError PermissionDeniedError "
    "RateLimitError RouteError SchemaWarning StreamError StreamTruncated UnprocessableEntityError ValidationError",
    "objects": "Codec",
    "pages": "AsyncPage Page",
    "rates": "RateLimit RateLimits",
    "streams": "Binary Stream",
    "validation": "validate",
    "version": "__version__",
    "wire": "Attempt Event Headers Limits Loss Notice Plan Reply Route Timeout Validation",
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
