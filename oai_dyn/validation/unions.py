"""What `anyOf` and `oneOf` do in a walk: the branch that is decided on, or the best of those that may be meant.

Rules of this file: those of `keywords.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ConfigError
from .choosing import Miss, Trial, best, branches_of, decision, missing, none_of
from .walking import Link, Node, Step, Walk, Walker
from .wording import Finding


def any_of(walker: Walker, node: Node) -> Step:
    """The branch that `x-decide` leaves, or the best of those that it leaves."""
    branches = branches_under(walker, node, "anyOf")
    rule = node.schema.get("x-decide")
    if rule is None:
        return lambda walk, value, at: _choose(walk, value, at, node, branches)
    try:
        decide = decision(rule)
        by_first = {branches[number]: None for number in branches_of(_for(rule, "array", "items"))}
        tag, keys = _for(rule, "object", "key").get("key"), _for(rule, "object", "else").get("has", {}).keys()
        if not all(0 <= number < len(branches) for number in branches_of(rule)):
            raise IndexError
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration):
        place = "/".join(map(str, node.place))
        raise ConfigError(f"schema: {place}: x-decide: no rule for {len(branches)} branches") from None

    def step(walk: Walk, value: Any, at: Link) -> None:
        choice = decide(value)
        if isinstance(choice, Miss):
            _missed(walk, choice, value, at, node, branches)
        elif tag is not None and isinstance(value, dict) and value.get(tag) is None:
            left = [choice] if isinstance(choice, int) else choice
            _untagged(walk, value, at, node, [branches[number] for number in left], branches, tag)
        elif keys and isinstance(value, dict) and keys.isdisjoint(value):
            _choose(walk, value, at, node, branches)  # of any of them a key may be missing
        elif not isinstance(choice, int):
            _choose(walk, value, at, node, [branches[number] for number in choice])
        elif not by_first or not isinstance(value, list | tuple):
            walk.waiting.append((value, branches[choice], at))
        elif walk.tried(value, branches[choice]):
            # The first element may be the one that is wrong; where nothing tells, it is not.
            _choose(walk, value, at, node, {branches[choice]: None, **by_first})

    return step


def _for(rule: Any, kind: str, word: str) -> Mapping[str, Any]:
    """What decides for values of a JSON type, where it is by that word."""
    node = rule.get("type", {}).get(kind) if isinstance(rule, Mapping) else None
    return node if isinstance(node, Mapping) and word in node else {}


def _untagged(walk: Walk, value: Any, at: Link, node: Node, left: list[Node], branches: list[Node], tag: str) -> None:
    """A tag is not there, or null. What has nothing of the branches without it, and all but one key of another, lacks that."""
    if any(not walk.tried(value, branch) for branch in left):
        return
    if tag in value or not any(key in value for branch in left for key in branch.schema.get("required", ())):
        lacking = {branch: key for branch in branches if (key := _lacks_only(walk, value, branch, tag)) is not None}
        texts = list(dict.fromkeys(text for one, key in lacking.items() if key == tag for text in _tags(walk.walker, one)[tag]))
        if texts:
            miss = Miss((tag,), "enum", texts, None) if tag in value else Miss((tag,), "required", texts, value)
            _missed(walk, miss, value, at, node, branches)
            return
        left = list(lacking) or left
    _choose(walk, value, at, node, left)


def _lacks_only(walk: Walk, value: Any, branch: Node, tag: str) -> str | None:
    """The key without which a branch does not take the value, where that is all, and it has all others that are asked for."""
    found = walk.tried(value, branch)
    key = found[0].path[0] if found and len(found[0].path) == 1 else None
    more = [one for one in branch.schema.get("required", ()) if one != key]
    alone = all(finding.path == (key,) and (finding.keyword == "required" or key == tag) for finding in found)
    return key if isinstance(key, str) and more and alone and (key != tag or tag in _tags(walk.walker, branch)) else None


def _missed(walk: Walk, miss: Miss, value: Any, at: Link, node: Node, branches: list[Node]) -> None:
    """No branch is left: say what all of them want at the place that decides."""
    if miss.keyword == "type" and not miss.path:
        _choose(walk, value, at, node, branches)
        return
    place = (*node.place, "x-decide")
    known = [key for one in (node, *branches) for key in one.schema.get("properties", ())]
    if miss.keyword == "required":
        found = missing(str(miss.path[-1]), miss.wanted, miss.value, place, known)._replace(path=miss.path)
    elif miss.keyword == "has":
        found = none_of(miss.wanted, miss.value, place, known)
    else:
        found = Finding(miss.path, miss.keyword, miss.wanted, miss.value, place, known)
    walk.lift([found], at)


def one_of(walker: Walker, node: Node) -> Step:
    """Exactly one branch; where none takes the value, what the best one says."""
    branches = branches_under(walker, node, "oneOf")

    def step(walk: Walk, value: Any, at: Link) -> None:
        fitting = sum(1 for branch in branches if not walk.tried(value, branch))
        if fitting > 1:
            walk.report(at, node, "oneOf", fitting, value)
        elif not fitting:
            _choose(walk, value, at, node, branches, "oneOf")

    return step


def _choose(walk: Walk, value: Any, at: Link, node: Node, branches: Iterable[Node], keyword: str = "anyOf") -> None:
    """Nothing where a branch takes the value, else what the best one says."""
    trials = []
    for branch in branches:
        found = walk.tried(value, branch)
        if not found:
            return
        keys = [*node.schema.get("properties", ()), *branch.schema.get("properties", ())]
        trials.append(Trial(found, _tags(walk.walker, branch), keys))
    walk.lift(best(trials, value, (*node.place, keyword)), at)


def branches_under(walker: Walker, node: Node, keyword: str) -> list[Node]:
    """The schemas that a keyword lists, made ready."""
    return [walker.node(one, (*node.place, keyword, i)) for i, one in enumerate(node.schema[keyword])]


def _tags(walker: Walker, branch: Node) -> dict[str, tuple[Any, ...]]:
    """The members that have one of some values, by name."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, inner in branch.schema.get("properties", {}).items():
        schema = walker.node(inner, (*branch.place, "properties", name)).schema
        if "enum" in schema or "const" in schema:
            found[name] = tuple(schema.get("enum") or (schema.get("const"),))
    return found
