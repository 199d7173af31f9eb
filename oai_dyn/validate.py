"""Checking data against JSON Schema (2020-12), on demand. The only user of jsonschema.

Rules of this file: nothing here is loaded by a user who does not validate; a fault names the place, what
stood there and what was wanted.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaFault

from .catalog import packaged
from .errors import ConfigError, Fault

#: The longest message that is told whole, in characters.
_LONGEST = 250


def route_table_faults(document: Any) -> list[Fault]:
    """What a document of rows has wrong, against `schemas/route-table.json`."""
    return [_fault(error) for error in _sorted(_route_table().iter_errors(document))]


def faults(schema: Any, value: Any, what: str) -> list[Fault]:
    """What a value has wrong against a schema given as a dict. Raises `ConfigError` where the row has none.

    what: names the value in that error ("the request of chat.completions.create").
    """
    if not isinstance(schema, Mapping):
        raise ConfigError(f"validate: there is no schema for {what}")
    return [_fault(error) for error in _sorted(Draft202012Validator(schema).iter_errors(value))]


@functools.cache
def _route_table() -> Draft202012Validator:
    return Draft202012Validator(packaged("schemas/route-table.json"))


def _sorted(errors: Any) -> list[SchemaFault]:
    return sorted(errors, key=lambda error: [str(step) for step in error.absolute_path])


def _fault(error: SchemaFault) -> Fault:
    # jsonschema quotes the whole value, which may be a prompt of megabytes.
    message = error.message if len(error.message) <= _LONGEST else f"{error.message[:120]} ... {error.message[-120:]}"
    return Fault(tuple(error.absolute_path), message)
