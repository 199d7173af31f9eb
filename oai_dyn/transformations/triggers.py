"""Whether a rule can have anything to do with a body, told from the body's JSON: most rules have nothing, and cost nothing then.

    needs(rule, ...)   groups of texts: where the JSON has none of a group, the rule changes nothing
    gives(rule)        the JSON that a rule may add to a body; None where that cannot be told
    lacks(text, needs) the JSON has none of some group;  may_bring(gives, needs) a rule may add what another one needs

Rules of this file: it may say too much, never too little. Only texts count that JSON writes in one way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..codec import written
from .places import EACH, VALUES, Place

Rule = Mapping[str, Any]

#: Of each group one has to be there.
Needs = tuple[tuple[bytes, ...], ...]

#: Text that JSON writes as it is.
_PLAIN = re.compile(r'[^"\\\x00-\x1f\x7f-\U0010ffff]*')

#: Verbs that act where their member is, and on no other occasion.
_ABOUT_A_MEMBER = frozenset(
    {"drop", "move", "map", "clamp", "coerce", "flatten", "template", "clean", "tag", "block", "merge", "insert", "reorder"}
    | {"warn", "reject"}
)

#: What the verbs that tell it write: members of a rule that hold names, and those that hold values.
_WRITES: dict[str, tuple[str, ...]] = {
    "drop": (),
    "keep": (),
    "exclusive": (),
    "clamp": (),
    "warn": (),
    "reject": (),
    "set": ("value",),
    "default": ("value",),
    "map": ("values", "other"),
    "move": ("values", "other"),
    "clean": ("objects", "beside", "rename"),
}


def needs(rule: Rule) -> Needs:
    """What a body's JSON has to have, for the rule to have anything to do."""
    verb, groups = rule["verb"], []
    if verb in _ABOUT_A_MEMBER and "member" in rule:
        steps = Place(rule["member"]).steps
        name = next((step for step in reversed(steps) if step not in (EACH, VALUES)), None)
        groups.append(None if name is None else _key(name))
        groups.append(_tested(rule.get("is")))
        groups += [_tested(wanted) for wanted in rule.get("where", {}).values()]
        groups.append(_OF_VERBS[verb](rule) if verb in _OF_VERBS else None)
    return tuple(group for group in groups if group is not None)


Group = tuple[bytes, ...] | None


def _key(name: str) -> Group:
    return (f'"{name}":'.encode(),) if _PLAIN.fullmatch(name) else None


def _words(values: Any) -> Group:
    """Texts of which one is there; None where another value is among them."""
    if not all(isinstance(value, str) and _PLAIN.fullmatch(value) for value in values):
        return None
    return tuple(f'"{value}"'.encode() for value in values)


def _tested(spec: Any) -> Group:
    """Texts of which a test asks for one."""
    if spec is None or isinstance(spec, Mapping):
        return (b"null",) if spec == {"null": True} else None
    return _words(spec if isinstance(spec, list) else [spec])


def _of_map(rule: Rule) -> Group:
    return _words([old for old, _ in rule["values"]]) if "other" not in rule else None


def _of_flatten(rule: Rule) -> Group:
    last = Place(rule["member"]).last
    key = None if last in (EACH, VALUES) or rule.get("null") else _key(last)
    return None if key is None else (key[0] + b"[",)


def _of_clean(rule: Rule) -> Group:
    if "objects" in rule:
        return None
    names = [name if isinstance(name, str) else name[0] for name in rule.get("remove", ())]
    names += [old for old, _ in rule.get("rename", ())]
    groups = [_key(name) for name in (*names, *rule.get("beside", ()), *rule.get("inward", ()))]
    return None if None in groups else tuple(key for group in groups if group is not None for key in group)


_OF_VERBS = {"map": _of_map, "flatten": _of_flatten, "clean": _of_clean}


def gives(rule: Rule) -> bytes | None:
    """The JSON that a rule may add; None for any."""
    verb = rule["verb"]
    if verb not in _WRITES or (verb == "map" and Place(rule["member"]).last in (EACH, VALUES)):
        return None
    names = [*Place(rule["member"]).steps] if verb in ("set", "default") else []
    if verb == "move":
        names += rule["to"].lstrip("./").split(".")
    last = names[-1] if names else Place(rule["member"]).last if verb == "map" else ""
    made: list[Any] = [{name: 0} for name in names]
    for member in _WRITES[verb]:
        made += _made(rule, member, last) if member in rule or member == "value" else []
    if verb == "move":
        made += [{last: [0]}, {last: {"": 0}}]
    return written(made)


def _made(rule: Rule, member: str, last: str) -> list[Any]:
    """Values that a member of a rule stands for, each under the name that it gets."""
    value: Any = rule.get(member)
    if member == "other":
        value = value["to"] if isinstance(value, Mapping) else None
    if member == "values":
        return [{last: new} for _, new in value]
    if member == "rename":
        return [{new: 0} for _, new in value]
    return [{last: value}, value]


def lacks(text: bytes, wanted: Needs) -> bool:
    """Whether a body's JSON has none of the texts of some group."""
    for group in wanted:
        for needle in group:
            if needle in text:
                break
        else:
            return True
    return False


def may_bring(given: bytes | None, wanted: Needs) -> bool:
    """Whether what a rule adds may be what another one needs."""
    return given is None or any(needle in given for group in wanted for needle in group)
