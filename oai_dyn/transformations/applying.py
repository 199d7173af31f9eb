"""Going over a body with one rule: which values it is about, and putting others in their place.

Rules of this file: a body is changed only through `Work`; what is of another kind than the rule expects is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ConfigError, Path
from ..wire import Frozen
from .conditions import Pick, Test, conditions, picking, predicate
from .places import EACH, MISSING, VALUES, Place, Steps, keys_at
from .values import GONE
from .work import Change, Node, Work, dig, node

#: What goes over a body. It says what it changed, in order.
Run = Callable[[Work], Sequence[Change]]

#: What makes a value of a value and its holder: the same object for no change, or `GONE`.
Turn = Callable[[Any, Any], Any]

#: A change that is still to be made: the number of the holder, the key, what is there and what is to be.
Hit = tuple[int, Any, Any, Any]


class Spec(NamedTuple):
    """A rule with its place and its conditions made ready."""

    rule: Mapping[str, Any]
    place: Place
    when: Callable[[Work], bool] | None
    where: Test | None
    holds: Test | None
    variables: Mapping[str, str] = Frozen()

    @property
    def named(self) -> str:
        """The name of the member at the end of the path. Raises `ConfigError` where there is another end."""
        if self.place.last in ("", EACH, VALUES):
            raise ConfigError(f"member: {self.place.text!r}, wanted the name of a member at its end")
        return self.place.last

    @property
    def holders(self) -> Node | None:
        """The level of what holds the member; None for the body."""
        return node(self.place.parents) if self.place.parents else None

    def guarded(self, turn: Turn) -> Turn:
        """A turn that heeds the tests of the value and of what holds it."""
        holds, where = self.holds, self.where
        if where is None:
            return turn if holds is None else lambda value, holder: turn(value, holder) if holds(value) else value
        of_element = self.place.last == EACH

        def guarded(value: Any, holder: Any) -> Any:
            fits = where(value if of_element else holder) and (holds is None or holds(value))
            return turn(value, holder) if fits else value

        return guarded


def spec_of(rule: Mapping[str, Any], member: str, variables: Mapping[str, str]) -> Spec:
    """Read what all rules have. Raises `ConfigError`."""
    holds = predicate(rule["is"]) if "is" in rule else None
    return Spec(rule, Place(member), _when(rule.get("if", {})), conditions(rule.get("where", {})), holds, variables)


def _when(spec: Mapping[str, Any]) -> Callable[[Work], bool] | None:
    """The conditions on the whole body, as a test of the work."""
    if not spec:
        return None
    parts = [(Place(path), predicate(wanted)) for path, wanted in spec.items()]
    nodes = [(node(place.steps), holds) for place, holds in parts if place.steps]

    def holds_all(work: Work) -> bool:
        for place, holds in nodes:
            values = work.level(place)
            if not (any(map(holds, values)) if values else holds(MISSING)):
                return False
        return True

    return holds_all


def hits(spec: Spec, turn: Turn, pick: Pick | None = None) -> Callable[[Work], list[Hit]]:
    """What finds the values that a rule changes: `turn` is asked for those that `pick` does not rule out, if conditions hold."""
    if not spec.place.steps:
        raise ConfigError("member: the whole body, wanted a member of it")
    if spec.holds is not None:
        pick = picking(spec.rule["is"])
    when, guarded, last, level = spec.when, spec.guarded(turn), spec.place.last, spec.holders
    here, is_name = node(spec.place.steps), last not in (EACH, VALUES)

    def find(work: Work) -> list[Hit]:
        if when is not None and not when(work):
            return []
        values = work.level(here)
        numbers = () if not values else range(len(values)) if pick is None else pick(values)
        if not numbers:
            return []
        holders = [work.body] if level is None else work.level(level)
        if len(holders) == len(values) and is_name:
            places: Any = [(i, last, holders[i], values[i]) for i in numbers]
        else:
            every = [(i, key, holder, holder[key]) for i, holder in enumerate(holders) for key in keys_at(holder, last)]
            places = [every[number] for number in numbers]
        return [(i, key, old, new) for i, key, holder, old in places if (new := guarded(old, holder)) is not old]

    return find


def turned(spec: Spec, turn: Turn, pick: Pick | None = None) -> Run:
    """What puts another value where one is, or takes it away."""
    if len(spec.place.steps) == 1 and spec.place.last not in (EACH, VALUES):
        return _turned_at_top(spec, turn)
    find, holders = hits(spec, turn, pick), spec.holders

    def run(work: Work) -> Sequence[Change]:
        found = find(work)
        if not found:
            return ()
        trails = work.trails(holders, [hit[0] for hit in found])
        for i, key, _, new in reversed(found):  # from the end, so that elements keep their numbers
            holder = work.own(trails[i])
            if new is GONE:
                del holder[key]
            else:
                holder[key] = new
        return done(work, trails, found)

    return run


def _turned_at_top(spec: Spec, turn: Turn) -> Run:
    """The same for a member of the body, which most rules are about."""
    when, guarded, name = spec.when, spec.guarded(turn), spec.named
    path = (name,)

    def run(work: Work) -> Sequence[Change]:
        body = work.body
        if name not in body or (when is not None and not when(work)):
            return ()
        old = body[name]
        new = guarded(old, body)
        if new is old:
            return ()
        own = work.own()
        if new is GONE:
            del own[name]
        else:
            own[name] = new
        work.touched(name)
        return ((path, old, new),)

    return run


def done(work: Work, trails: Mapping[int, Path], found: Iterable[Hit]) -> Sequence[Change]:
    """Changes that have been made, told."""
    changes = [((*trails[i], key), old, new) for i, key, old, new in found]
    work.changed(changes)
    return changes


def told(spec: Spec, turn: Turn) -> Run:
    """What only says which values it would change."""
    find, holders = hits(spec, turn), spec.holders

    def run(work: Work) -> Sequence[Change]:
        found = find(work)
        trails = work.trails(holders, [hit[0] for hit in found])
        return [((*trails[i], key), old, new) for i, key, old, new in found]

    return run


def filled(spec: Spec, turn: Turn) -> Run:
    """What sets a member that may be absent; the objects that hold it are made where they are."""
    steps, name = spec.place.steps, spec.named
    split = max((i for i, step in enumerate(steps, 1) if step in (EACH, VALUES)), default=0)
    base, between, guarded = node(steps[:split]) if split else None, steps[split:-1], spec.guarded(turn)

    def run(work: Work) -> Sequence[Change]:
        if spec.when is not None and not spec.when(work):
            return ()
        found: list[Hit] = []
        for i, value in enumerate((work.body,) if base is None else work.level(base)):
            if (holder := _holder(value, between)) is not None:
                old = holder.get(name, MISSING)
                if (new := guarded(old, holder)) is not old:
                    found.append((i, name, old, new))
        if not found:
            return ()
        trails = work.trails(base, [hit[0] for hit in found])
        for i, _, _, new in found:
            work.put(trails[i], (*between, name), new)
        return done(work, {i: (*trail, *between) for i, trail in trails.items()}, found)

    return run


def _holder(value: Any, names: Steps) -> dict[str, Any] | None:
    """The object below a value that holds a member or could be made to; None where there is something else."""
    if not can_hold(value, names):
        return None
    holder = dig(value, names)
    return holder if isinstance(holder, dict) else {}


def can_hold(value: Any, names: Steps) -> bool:
    """Whether objects are on the way, or can be made: nothing stands there that is neither an object nor null."""
    for name in names:
        if not isinstance(value, dict):
            return False
        value = value.get(name)
        if value is None:
            return True
    return isinstance(value, dict)
