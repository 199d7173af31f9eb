"""What two plain schemas ask of a value of one type: its named values, its bounds, and all that is written there else.

Rules of this file: schemas without references and unions come in, differences without a place of their own go out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .shapes import CEILINGS, FLOORS, Alternative, exact, is_number, values_in

#: Keywords that bind or do not: where one comes or goes the bounds are tighter or wider, where it differs they are changed.
_YES_OR_NO = ("pattern", "multipleOf", "uniqueItems")

#: What a text holds, for whoever reads it: no value is wrong for it.
_FORMATS = ("format", "contentMediaType", "contentEncoding")

#: Keywords whose differences are told elsewhere.
_ELSEWHERE = {"properties", "required", "additionalProperties", "unevaluatedProperties", "items", "prefixItems", "enum"}

_SIZES = tuple(name for name in FLOORS if "inimum" not in name)

#: The kind of a difference by whether a bound is tighter, and whether one is wider.
_BOUNDS = {(True, False): "bounds-tighter", (False, True): "bounds-wider", (True, True): "bounds-changed"}

#: A difference: its kind, before, after.
Told = tuple[str, Any, Any]


def of_values(a: Sequence[Alternative], b: Sequence[Alternative]) -> Iterator[Told]:
    """What came and went among the values that are allowed by name."""
    values_a, values_b = _values(a), _values(b)
    if values_a is None and values_b is None:
        return
    if values_a is None or values_b is None:
        kind, values = ("values-closed", values_b) if values_a is None else ("values-opened", values_a)
        told = list((values or {}).values())
        yield (kind, None, told) if values_a is None else (kind, told, None)
        return
    if gone := [value for key, value in values_a.items() if key not in values_b]:
        yield "values-removed", gone, None
    if come := [value for key, value in values_b.items() if key not in values_a]:
        yield "values-added", None, come


def _values(alternatives: Sequence[Alternative]) -> dict[str, Any] | None:
    """All values that some alternatives allow by name, or None where one of them allows any."""
    found = [values_in(one.schema) for one in alternatives]
    if None in found:
        return None
    return {exact(value): value for values in found for value in values or ()}


def of_several(a: Sequence[Alternative], b: Sequence[Alternative]) -> Iterator[Told]:
    """The rules for values that may be of several alternatives: what one of them alone asks, the value need not keep."""
    yield from of_one(_shared(a), _shared(b))


def _shared(alternatives: Sequence[Alternative]) -> Mapping[str, Any]:
    first, *rest = [one for one in alternatives if values_in(one.schema) is None] or alternatives
    return {k: v for k, v in first.schema.items() if all(k in one.schema and exact(one.schema[k]) == exact(v) for one in rest)}


def of_one(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Told]:
    """Bounds, format, and every other rule."""
    a, b = ({key: value for key, value in side.items() if key not in _ELSEWHERE} for side in (a, b))
    if a == b:
        return
    moves = {key: _move(key, a.get(key), b.get(key)) for key in (*FLOORS, *CEILINGS, *_YES_OR_NO)}
    changed = [key for key, move in moves.items() if move != (False, False)]
    if changed:
        kind = _BOUNDS[any(moves[key][0] for key in changed), any(moves[key][1] for key in changed)]
        yield kind, {key: a[key] for key in changed if key in a}, {key: b[key] for key in changed if key in b}
    others = sorted({**a, **b}.keys() - {*FLOORS, *CEILINGS, *_YES_OR_NO, *_FORMATS})
    for kind, keys in (("format", _FORMATS), ("rule", others)):
        names = [key for key in keys if exact(a.get(key)) != exact(b.get(key))]
        if names:
            before, after = ({key: side[key] for key in names if key in side} for side in (a, b))
            yield kind, before, after


def _move(key: str, a: Any, b: Any) -> tuple[bool, bool]:
    """Whether a bound is tighter at B, and whether it is wider."""
    if key in _YES_OR_NO:
        a, b = (None if value is False else value for value in (a, b))
        return b is not None and exact(a) != exact(b), a is not None and exact(a) != exact(b)
    none = 0 if key in _SIZES else float("-inf") if key in FLOORS else float("inf")
    a, b = (value if is_number(value) else none for value in (a, b))
    return (b > a, b < a) if key in FLOORS else (b < a, b > a)
