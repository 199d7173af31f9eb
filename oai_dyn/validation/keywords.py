"""What each keyword of JSON Schema does in a walk: what leads into the value is here, single values are jsonschema's.

Rules of this file: a keyword is one function, which is given the schema and makes the step that is done for every
value, and one line in the table at the end; a keyword that is in no table is a remark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ..definitions import Schema
from .foreign import FUNCTIONS, Foreign, is_wholly_theirs
from .unions import any_of, branches_under, one_of
from .walking import Link, Node, Step, Steps, Walk, Walker
from .wording import Finding


def engine(whole: Schema) -> Walker | Foreign:
    """What looks at values for a self-contained schema."""
    return Foreign(whole) if is_wholly_theirs(whole) else Walker(whole, STEPS)


def _members(walker: Walker, node: Node) -> Step:
    """`properties`, `patternProperties` and `additionalProperties` in one, by the members that the value has."""
    schema, place = node.schema, node.place
    listed = {name: walker.node(inner, (*place, "properties", name)) for name, inner in schema.get("properties", {}).items()}
    patterns = [
        (compiled(text), walker.node(inner, (*place, "patternProperties", text)))
        for text, inner in schema.get("patternProperties", {}).items()
    ]
    more = schema.get("additionalProperties", True)
    others = None if more is True or more is False else walker.node(more, (*place, "additionalProperties"))

    def step(walk: Walk, value: Any, at: Link) -> None:
        if not isinstance(value, dict):
            return
        for key, member in value.items():
            inner = listed.get(key)
            if inner is not None and not (inner.plain and (inner.types is None or type(member) in inner.types)):
                walk.waiting.append((member, inner, (at, key)))
            if (inner is None and more is not True) or patterns:
                beside(walk, key, member, at, known=inner is not None)

    def beside(walk: Walk, key: str, member: Any, at: Link, known: bool) -> None:
        for pattern, inner in patterns:
            if pattern.search(key):
                known = True
                walk.waiting.append((member, inner, (at, key)))
        if not known and others is not None:
            walk.waiting.append((member, others, (at, key)))
        elif not known and more is False:
            walk.report(at, node, "additionalProperties", False, member, key, known=tuple(listed))

    return step


def _required(walker: Walker, node: Node) -> Step:
    keys, known = node.schema["required"], tuple(node.schema.get("properties", ()))

    def step(walk: Walk, value: Any, at: Link) -> None:
        if isinstance(value, dict):
            for key in keys:
                if key not in value:
                    walk.report(at, node, "required", key, value, key, known=known)

    return step


def _dependent_required(walker: Walker, node: Node) -> Step:
    needs = node.schema["dependentRequired"]

    def step(walk: Walk, value: Any, at: Link) -> None:
        if isinstance(value, dict):
            for key in needs.keys() & value.keys():
                for needed in needs[key]:
                    if needed not in value:
                        walk.report(at, node, "dependentRequired", key, value, needed)

    return step


def _property_names(walker: Walker, node: Node) -> Step:
    names = walker.node(node.schema["propertyNames"], (*node.place, "propertyNames"))

    def step(walk: Walk, value: Any, at: Link) -> None:
        for key in value if isinstance(value, dict) else ():
            if found := walk.tried(key, names):
                walk.report(at, node, "propertyNames", key, value[key], key, others=tuple(found))

    return step


def _items(walker: Walker, node: Node) -> Step:
    """`items`: what stands behind those that `prefixItems` speaks of."""
    items, before = node.schema["items"], len(node.schema.get("prefixItems", ()))
    inner = walker.node(items, (*node.place, "items"))
    passing = inner.types if inner.plain else ()

    def step(walk: Walk, value: Any, at: Link) -> None:
        if not isinstance(value, list | tuple) or len(value) <= before:
            return
        if items is False:
            walk.report(at, node, "items", before, value)
        elif passing is not None:
            waiting = ((value[i], inner, (at, i)) for i in range(before, len(value)) if type(value[i]) not in passing)
            walk.waiting.extend(waiting)

    return step


def _prefix_items(walker: Walker, node: Node) -> Step:
    inner = [walker.node(one, (*node.place, "prefixItems", i)) for i, one in enumerate(node.schema["prefixItems"])]

    def step(walk: Walk, value: Any, at: Link) -> None:
        if isinstance(value, list | tuple):
            walk.waiting.extend((item, one, (at, i)) for i, (item, one) in enumerate(zip(value, inner, strict=False)))

    return step


def _reference(walker: Walker, node: Node) -> Step:
    """A reference with other keywords beside it."""
    inner = walker.target(node.schema["$ref"])
    return lambda walk, value, at: walk.lift(walk.tried(value, inner), at)


def _all_of(walker: Walker, node: Node) -> Step:
    parts = branches_under(walker, node, "allOf")

    def step(walk: Walk, value: Any, at: Link) -> None:
        for part in parts:
            walk.lift(walk.tried(value, part), at)

    return step


def _enum(walker: Walker, node: Node) -> Step:
    """Texts are looked up; whatever else is compared as JSON has it, by jsonschema."""
    texts = frozenset(value for value in node.schema["enum"] if isinstance(value, str))
    compare = _by_function("enum")(walker, node)

    def step(walk: Walk, value: Any, at: Link) -> None:
        if type(value) is not str or value not in texts:
            compare(walk, value, at)

    return step


def _pattern(walker: Walker, node: Node) -> Step:
    text = node.schema["pattern"]
    pattern = compiled(text)

    def step(walk: Walk, value: Any, at: Link) -> None:
        if isinstance(value, str) and not pattern.search(value):
            walk.report(at, node, "pattern", text, value)

    return step


def _multiple_of(walker: Walker, node: Node) -> Step:
    """As decimals: 0.07 is a multiple of 0.01, whatever binary makes of them."""
    factor = node.schema["multipleOf"]

    def step(walk: Walk, value: Any, at: Link) -> None:
        if walk.is_type(value, "number") and not _is_multiple(value, factor):
            walk.report(at, node, "multipleOf", factor, value)

    return step


def _is_multiple(value: Any, factor: Any) -> bool:
    return (_exactly(value) / _exactly(factor)).denominator == 1


def _exactly(number: Any) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(str(number))


def _by_function(keyword: str) -> Callable[[Walker, Node], Step]:
    """A keyword as jsonschema does it."""
    function = FUNCTIONS[keyword]

    def make(walker: Walker, node: Node) -> Step:
        schema, argument = node.schema, node.schema[keyword]

        def step(walk: Walk, value: Any, at: Link) -> None:
            walk.place = node.place if keyword == "if" else (*node.place, keyword)
            for error in function(walk, argument, value, schema) or ():
                if isinstance(error, Finding):
                    walk.lift([error], at)
                elif isinstance(error.validator, str):  # minContains, say, which `contains` looks at
                    walk.report(at, node, error.validator, error.validator_value, value)
                else:
                    walk.report(at, node, keyword, argument, value)

        return step

    return make


@lru_cache(maxsize=1024)
def compiled(text: str) -> re.Pattern[str]:
    """A pattern as JSON Schema means it (ECMA-262): `$` is the very end, `\\d` and `\\w` are ASCII."""
    in_class = False

    def as_python_has_it(found: re.Match[str]) -> str:
        nonlocal in_class
        text, inside = found.group(), in_class
        in_class = text == "[" or (in_class and text != "]")
        return (_IN_CLASS if inside else _OUTSIDE).get(text, text)

    return re.compile(_TOKENS.sub(as_python_has_it, text))


_TOKENS = re.compile(r"\\.|\[|\]|\$|\(\?<(?![=!])", re.DOTALL)
_OUTSIDE = {"$": r"\Z", r"\d": "[0-9]", r"\D": "[^0-9]", r"\w": "[A-Za-z0-9_]", r"\W": "[^A-Za-z0-9_]", "(?<": "(?P<"}
_IN_CLASS = {r"\d": "0-9", r"\w": "A-Za-z0-9_", "[": r"\["}

#: Keywords that jsonschema looks at.
_THEIRS = (
    "const minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems uniqueItems "
    "minProperties maxProperties contains not if dependentSchemas"
)

STEPS: Steps = {
    **dict.fromkeys(("properties", "patternProperties", "additionalProperties"), _members),
    **{keyword: _by_function(keyword) for keyword in _THEIRS.split()},
    "$ref": _reference,
    "allOf": _all_of,
    "anyOf": any_of,
    "oneOf": one_of,
    "required": _required,
    "dependentRequired": _dependent_required,
    "propertyNames": _property_names,
    "items": _items,
    "prefixItems": _prefix_items,
    "enum": _enum,
    "pattern": _pattern,
    "multipleOf": _multiple_of,
    "false": lambda walker, node: lambda walk, value, at: walk.report(at, node, "false", None, value),
}
