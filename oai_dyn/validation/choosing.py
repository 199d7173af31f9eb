"""Which branch of a union a value is meant for: decided by `x-decide`, or chosen among the branches that refuse it.

    NODE := integer                                  that branch
          | [integer, ...]                           any of these may hold
          | {"type": {TYPE: NODE}}                   by JSON type; a whole number looks for "integer", then "number"
          | {"key": K, "values": {TEXT: NODE}, "absent": NODE, "null": NODE, "other": NODE}
                                                     by an object's member K: its text, none there, null, anything else
                                                     (null too, where "null" is not set)
          | {"has": {K: NODE}, "else": NODE}         by the first of these members that an object has
          | {"items": NODE, "empty": NODE}           by an array's first element

Rules of this file: a node is read once and becomes a function from a value to the branches that it leaves, or to
the `Miss` that says where and why none is left; no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .wording import Finding, nearest, phrase


class Miss(NamedTuple):
    """Why no branch is left: what the place `path`, below the value, has to have (`keyword` and `wanted`)."""

    path: tuple[str | int, ...]
    keyword: str
    wanted: Any
    value: Any


Choice = int | Sequence[int] | Miss
Decision = Callable[[Any], Choice]


class Trial(NamedTuple):
    """A branch that refused a value: what it found, its tags (members that have one of some values), the keys it lists."""

    found: list[Finding]
    tags: Mapping[str, Sequence[Any]]
    keys: Collection[str] = ()


def decision(node: Any) -> Decision:
    """The function that a node of `x-decide` stands for. Raises LookupError, TypeError or ValueError for what is no node."""
    if isinstance(node, int | list):
        return lambda value: node
    return next(make(node) for word, make in NODES.items() if word in node)


def branches_of(node: Any) -> Iterator[int]:
    """Every branch that a node can lead to."""
    if isinstance(node, int):
        yield node
    elif isinstance(node, list):
        yield from node
    else:
        for word in ("type", "values", "has"):
            for inner in node.get(word, {}).values():
                yield from branches_of(inner)
        for word in ("absent", "null", "other", "else", "items", "empty"):
            if word in node:
                yield from branches_of(node[word])


def type_of(value: Any) -> str:
    """The JSON type of a value; a number without fraction is an "integer"."""
    return TYPES.get(type(value)) or next((name for kind, name in TYPES.items() if isinstance(value, kind)), "")


def _by_type(node: Mapping[str, Any]) -> Decision:
    by_type = {name: decision(inner) for name, inner in node["type"].items()}
    if "number" in by_type:
        by_type.setdefault("integer", by_type["number"])
    names = list(node["type"])

    def decide(value: Any) -> Choice:
        name = TYPES.get(type(value)) or type_of(value)
        if name == "number" and value.is_integer():
            name = "integer"
        go_on = by_type.get(name)
        return Miss((), "type", names, value) if go_on is None else go_on(value)

    return decide


def _by_key(node: Mapping[str, Any]) -> Decision:
    key, texts = node["key"], list(node["values"])
    values = {text: decision(inner) for text, inner in node["values"].items()}
    absent, null, other = (decision(node[word]) if word in node else None for word in ("absent", "null", "other"))

    def decide(value: Any) -> Choice:
        if key not in value:
            return Miss((key,), "required", texts, value) if absent is None else absent(value)
        text = value[key]
        go_on = values.get(text) if isinstance(text, str) else null if text is None else None
        go_on = go_on or other
        return Miss((key,), "enum", texts, text) if go_on is None else go_on(value)

    return decide


def _by_presence(node: Mapping[str, Any]) -> Decision:
    has = {key: decision(inner) for key, inner in node["has"].items()}
    rest = decision(node["else"]) if "else" in node else None
    keys = list(has)

    def decide(value: Any) -> Choice:
        for key, go_on in has.items():
            if key in value:
                return go_on(value)
        if rest is not None:
            return rest(value)
        return Miss((), "has", keys, value) if len(keys) > 1 else Miss((keys[0],), "required", (), value)

    return decide


def _by_first(node: Mapping[str, Any]) -> Decision:
    first = decision(node["items"])
    empty = decision(node["empty"]) if "empty" in node else None

    def decide(value: Any) -> Choice:
        if not value:
            return Miss((), "minItems", 1, value) if empty is None else empty(value)
        found = first(value[0])
        return found._replace(path=(0, *found.path)) if isinstance(found, Miss) else found

    return decide


def best(trials: list[Trial], value: Any, place: tuple[str | int, ...]) -> list[Finding]:
    """What the branch found that the value is most likely meant for: by type, then by tags, then by the fewest faults."""
    fitting = [trial for trial in trials if not any(f.keyword == "type" and not f.path for f in trial.found)]
    if not fitting:
        return [_together([trial.found[0] for trial in trials], place)]
    if isinstance(value, Mapping):
        tags = _telling(fitting)
        fits = [_fit(trial, value, tags) for trial in fitting]
        fitting = [trial for trial, fit in zip(fitting, fits, strict=True) if fit == max(fits)]
        for key in _telling(fitting):
            if missed := _missed(key, fitting, value, place):
                return [missed]
    ranks = [_rank(trial, value) for trial in fitting]
    first = [trial for trial, rank in zip(fitting, ranks, strict=True) if rank == min(ranks)]
    alone = [trial.found[0] for trial in first]
    if len(first) > 1 and all(len(trial.found) == 1 for trial in first):
        if len({finding.path for finding in alone}) == 1 and all(map(phrase, alone)):
            return [_together(alone, place)]
        if len({f.path for f in alone if f.keyword == "required" and len(f.path) == 1}) == len(alone):
            return [
                none_of([str(finding.path[0]) for finding in alone], value, place, [key for trial in first for key in trial.keys])
            ]
    return first[0].found


def _together(alone: list[Finding], place: tuple[str | int, ...]) -> Finding:
    """Findings of one place as one that says all that was wanted there."""
    any_text = any(finding.keyword == "type" and not finding.others and "string" in finding.wanted for finding in alone)
    alone = [finding for finding in alone if not (any_text and _wants_texts(finding))]
    first = alone[0]
    if len(alone) == 1:
        return first._replace(place=place)
    if all(finding.keyword == "type" and not finding.others for finding in alone):
        types = dict.fromkeys(name for f in alone for name in ([f.wanted] if isinstance(f.wanted, str) else f.wanted))
        return first._replace(wanted=list(types), place=place)
    if all(finding.keyword in ("enum", "const") for finding in alone):
        values = [value for f in alone for value in (f.wanted if f.keyword == "enum" else [f.wanted])]
        return first._replace(keyword="enum", wanted=values, place=place)
    return Finding(first.path, "forms", None, first.value, place, others=tuple(alone))


def _wants_texts(finding: Finding) -> bool:
    """Whether it lists texts: they are examples where any other text will do."""
    listed = finding.others[0] if finding.keyword == "type" and finding.others else finding
    return listed.keyword == "enum" and all(isinstance(value, str) for value in listed.wanted)


def _telling(trials: list[Trial]) -> list[str]:
    """The tags that tell branches apart: several have one of that name, with other values each."""
    keys = dict.fromkeys(key for trial in trials for key in trial.tags)
    return [key for key in keys if len({tuple(map(repr, trial.tags[key])) for trial in trials if key in trial.tags}) > 1]


def _missed(key: str, trials: list[Trial], value: Mapping[str, Any], place: tuple[str | int, ...]) -> Finding | None:
    """The fault of a tag that all branches have, and none takes as it is."""
    if not all(key in trial.tags for trial in trials):
        return None
    texts = list(dict.fromkeys(text for trial in trials for text in trial.tags[key]))
    if key in value:
        return None if value[key] in texts else Finding((key,), "enum", texts, value[key], place)
    if not all(any(f.keyword == "required" and f.path == (key,) for f in trial.found) for trial in trials):
        return None
    return missing(key, texts, value, place, [name for trial in trials for name in trial.keys])


def missing(key: str, texts: Sequence[str], value: Any, place: tuple[str | int, ...], known: Collection[str]) -> Finding:
    """A tag that is not there: the texts that it may have are said."""
    others = (Finding((key,), "enum", texts, None, place),) if texts else ()
    return Finding((key,), "required", key, value, place, known, others)


def none_of(keys: Sequence[str], value: Any, place: tuple[str | int, ...], known: Collection[str]) -> Finding:
    """One of several keys has to be there: the one that looks misspelled is missing, else any of them."""
    slips = (near for key in value if key not in known and (near := nearest(key, keys)))
    slip = next(slips, None)
    return Finding((), "has", keys, value, place) if slip is None else missing(slip, (), value, place, known)


def _fit(trial: Trial, value: Mapping[str, Any], tags: list[str]) -> int:
    """How many tags of a branch a value has, less those that it has otherwise."""
    return sum(1 if value[key] in trial.tags[key] else -1 for key in tags if key in value and key in trial.tags)


def _rank(trial: Trial, value: Any) -> tuple[int, int, int]:
    """How little a value looks like a branch: its faults, keys that the branch does not list, how early the faults are."""
    listed = sum(1 for key in value if key in trial.keys) if isinstance(value, Mapping) else 0
    return len(trial.found), -listed, -max(len(finding.path) for finding in trial.found)


#: Python's types, and what JSON calls them.
TYPES: dict[type, str] = {
    bool: "boolean",
    str: "string",
    dict: "object",
    list: "array",
    int: "integer",
    float: "number",
    type(None): "null",
    tuple: "array",
}

#: What a node is told by, and what makes its function.
NODES: dict[str, Callable[[Mapping[str, Any]], Decision]] = {
    "type": _by_type,
    "key": _by_key,
    "has": _by_presence,
    "items": _by_first,
}
