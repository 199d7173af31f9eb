"""Whether a rule can have anything to do with a member of the body, told from its JSON: most have nothing, and cost little then.

    needs(rule)           groups of texts: where the JSON has none of some group, the rule changes nothing
    lacks(text, groups)   the JSON has none of some group

Rules of this file: it may ask for too little, never for too much. Only texts count that JSON writes in one way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .places import EACH, VALUES, Place

Rule = Mapping[str, Any]
Group = tuple[bytes, ...] | None

#: Of each group one has to be there.
Groups = tuple[tuple[bytes, ...], ...]

#: Text that JSON writes as it is.
_PLAIN = re.compile(r'[^"\\\x00-\x1f\x7f-\U0010ffff]*')

#: Verbs that act where their member is, and on no other occasion.
_ABOUT_A_MEMBER = frozenset(
    {"drop", "move", "map", "clamp", "coerce", "flatten", "template", "clean", "tag", "block", "merge", "insert", "reorder"}
    | {"warn", "reject"}
)


def needs(rule: Rule) -> Groups:
    """What the JSON of the member of the body that a rule enters has to have, for the rule to have anything to do."""
    if rule["verb"] not in _ABOUT_A_MEMBER or "member" not in rule:
        return ()
    names = [step for step in Place(rule["member"]).steps[1:] if step not in (EACH, VALUES)]
    groups = [_keys(names[-1:]), _tested(rule.get("is")), *map(_tested, rule.get("where", {}).values())]
    if rule["verb"] in _OF_VERBS:
        groups.append(_OF_VERBS[rule["verb"]](rule))
    return tuple(group for group in groups if group)


def _texts(values: Any, form: str) -> Group:
    """Texts of which one is there; None where another value is among them."""
    if not all(isinstance(value, str) and _PLAIN.fullmatch(value) for value in values):
        return None
    return tuple(form.format(value).encode() for value in values)


def _keys(names: Any) -> Group:
    return _texts(names, '"{}":')


def _words(values: Any) -> Group:
    return _texts(values, '"{}"')


def _tested(spec: Any) -> Group:
    """Texts of which a test asks for one."""
    if spec is None or isinstance(spec, Mapping):
        return (b"null",) if spec == {"null": True} else None
    return _words(spec if isinstance(spec, list) else [spec])


def _of_map(rule: Rule) -> Group:
    return _words([old for old, _ in rule["values"]]) if rule.get("other", "keep") == "keep" else None


def _of_flatten(rule: Rule) -> Group:
    place = Place(rule["member"])
    if rule.get("null") or len(place.steps) == 1 or place.last in (EACH, VALUES):
        return None
    keys = _keys([place.last])
    return keys and (keys[0] + b"[",)


def _of_clean(rule: Rule) -> Group:
    names = [name if isinstance(name, str) else name[0] for name in rule.get("remove", ())]
    names += [old for old, _ in rule.get("rename", ())]
    return None if "objects" in rule else _keys([*names, *rule.get("beside", ()), *rule.get("inward", ())])


_OF_VERBS = {"map": _of_map, "flatten": _of_flatten, "clean": _of_clean}


def lacks(text: bytes, groups: Groups) -> bool:
    """Whether a member's JSON has none of the texts of some group."""
    for group in groups:
        for needle in group:
            if needle in text:
                break
        else:
            return True
    return False
