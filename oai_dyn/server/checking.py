"""What a request sends, held against the schemas of its row; what is wrong is refused as the API refuses it.

Rules of this file: a file of a form is a string to a schema; of all faults the most telling one is told.
"""

from __future__ import annotations

from typing import Any

from ..errors import Fault, place
from ..validation import faults
from ..validation.wording import TYPE_WORDS
from .asked import Upload

#: The most that is told of a fault, in characters.
LONGEST = 500


class Refusal(Exception):
    """An error for the client, in the API's own form."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


def check_key(authorization: str, key: str | None) -> None:
    """Refuse a request without a key; any will do, unless the server was given one."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        raise Refusal(401, "there is no API key: send it as Authorization: Bearer KEY")
    if key is not None and given.strip() != key:
        raise Refusal(401, "the API key is not the one this server was given", "invalid_api_key")


def check(schema: Any, value: Any) -> None:
    """Refuse a value that its schema does not take, naming the place."""
    if schema is None or not (found := faults(schema, sent(value))):
        return
    fault = found[0]
    where = place(fault.path)
    message = f"{where}: {fault.message}" if where else fault.message
    raise Refusal(400, message[:LONGEST], code_of(fault), where or None)


def code_of(fault: Fault) -> str:
    """The API's word for a kind of fault."""
    if fault.message.startswith("missing"):
        return "missing_required_parameter"
    of_type = any(f"wanted {words}" in fault.message for words in TYPE_WORDS.values())
    keyword = fault.schema_path[-1] if fault.schema_path else ""
    return CODES.get(str(keyword), "invalid_type" if of_type else "invalid_value")


def sent(value: Any) -> Any:
    """The value as a schema sees it: a file is a string."""
    if isinstance(value, Upload):
        return "file"
    if isinstance(value, dict):
        return {name: sent(one) for name, one in value.items()}
    return [sent(one) for one in value] if isinstance(value, list) else value


#: What the API calls what a keyword refuses; a union is told by what it wanted.
CODES = {
    "type": "invalid_type",
    "required": "missing_required_parameter",
    "additionalProperties": "unknown_parameter",
    "minimum": "integer_below_min_value",
    "exclusiveMinimum": "integer_below_min_value",
    "maximum": "integer_above_max_value",
    "exclusiveMaximum": "integer_above_max_value",
    "minItems": "array_below_min_length",
    "maxItems": "array_above_max_length",
    "minLength": "string_below_min_length",
    "maxLength": "string_above_max_length",
}
