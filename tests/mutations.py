"""Damage to good bodies: one fault at one place, and whether validation finds it there.

`mutants(body)` lists what can be broken in a body of the corpus, led by its schema: at every depth, a value of a wrong
type, null, a bad enum value or tag, a number out of range, a text or list too short or too long, a pattern not met, a
required key missing or misspelled. A mutant counts when jsonschema by itself, on the schema without our decisions,
refuses it. `python tests/mutations.py` gives the figures for the whole corpus by kind and by the number of unions above.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

from corpus_bodies import Body, bodies, oracle, whole
from jsonschema.exceptions import best_match
from places import Path, Place, Schema, is_of, options, places

from oai_dyn.validation import faults

#: Longer texts and lists than this are not made.
LONGEST = 20_000
#: Values of each JSON type, of which one is put where the type is wrong.
WRONG: dict[str, tuple[Any, ...]] = {
    "string": ("text", "", "7"),
    "integer": (7, 0, -1),
    "number": (0.5, 7.25),
    "boolean": (True, False),
    "array": (["x"], [], [{}]),
    "object": ({"x": "y"}, {}, {"type": "text"}),
}


@dataclass(frozen=True)
class Mutant:
    """A body with one fault: what was put (or taken away) where."""

    body: Body
    kind: str
    path: Path
    unions: int
    value: Any
    key: str | None = None

    @property
    def place(self) -> Path:
        """Where the fault is to be told."""
        return self.path if self.key is None else (*self.path, self.key)

    @property
    def damaged(self) -> Any:
        """The body with the fault in it."""
        return _put(self.body.body, self.path, self.value)


def _put(whole_value: Any, path: Path, value: Any) -> Any:
    """A copy of a value with another at one place."""
    if not path:
        return value
    copy = whole_value.copy()
    copy[path[0]] = _put(whole_value[path[0]], path[1:], value)
    return copy


def mutants(body: Body) -> Iterator[Mutant]:
    """All faults that can be put into a body, the same each time; not all of them are faults to its schema."""
    assert body.schema
    for place in places(whole(body.schema), body.body):
        for kind, value in _values(place):
            yield Mutant(body, kind, place.path, place.unions, value)
        for kind, key, value in _keys(place):
            yield Mutant(body, kind, place.path, place.unions, value, key)


def _values(place: Place) -> Iterator[tuple[str, Any]]:
    """Other values to put at a place, and the kind of fault each is."""
    turn = crc32(".".join(map(str, place.path)).encode())
    taken = place.types | ({"integer"} if "number" in place.types else set())
    yield from (("type", values[turn % len(values)]) for kind, values in WRONG.items() if kind not in taken)
    if place.value is not None:
        yield "null", None
    if isinstance(place.value, str) and any(map(options, place.schemas)):
        kind = "tag" if place.path and place.path[-1] in place.tags else "enum"
        yield kind, _slip(place.value)
        yield kind, "zebra"
    for schema in place.schemas:
        yield from _out_of_bounds(schema, place.value)


def _out_of_bounds(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    """Values beyond each bound of a schema."""
    if is_of(value, "number"):
        yield from (("range", schema[key] - 1) for key in ("minimum", "exclusiveMinimum") if key in schema)
        yield from (("range", schema[key] + 1) for key in ("maximum", "exclusiveMaximum") if key in schema)
    if isinstance(value, str):
        if schema.get("minLength", 0):
            yield "length", value[: schema["minLength"] - 1]
        if schema.get("maxLength", math.inf) < LONGEST:
            yield "length", (value or "x") * (schema["maxLength"] + 1)
        if "pattern" in schema:
            yield "pattern", "§ \n"
    if isinstance(value, dict) and value and "maxProperties" in schema:
        yield "length", {f"k{turn}": next(iter(value.values())) for turn in range(schema["maxProperties"] + 1)}
    if isinstance(value, list):
        if schema.get("minItems", 0):
            yield "length", value[: schema["minItems"] - 1]
        if value and schema.get("maxItems", math.inf) < LONGEST:
            yield "length", (value * (schema["maxItems"] + 1))[: max(schema["maxItems"] + 1, len(value) + 1)]


def _keys(place: Place) -> Iterator[tuple[str, str, Any]]:
    """The object without each of its required keys, and with each misspelled."""
    if not isinstance(place.value, dict):
        return
    required = {key for schema in place.schemas for key in schema.get("required", ()) if key in place.value}
    for key in sorted(required):
        yield "missing", key, {name: value for name, value in place.value.items() if name != key}
        yield "misspelled", key, _renamed(place.value, key)
    if any(schema.get("additionalProperties") is False for schema in place.schemas):
        yield from (("unknown", _slip(key), _renamed(place.value, key)) for key in place.value if key not in required)


def _renamed(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object with one of its keys misspelled."""
    return {_slip(name) if name == key else name: one for name, one in value.items()}


def _slip(text: str) -> str:
    """A text with a slip of the pen in it: a letter too few, one too many, two that have changed places, another hand."""
    half = len(text) // 2
    head, tail = text[:half], text[half:]
    slips = (head + tail[1:], head + tail[:1] + tail, head[:-1] + tail[:1] + head[-1:] + tail[1:], text.title().replace("_", ""))
    turn = crc32(text.encode())
    return next(one for one in (slips[(turn + more) % 4] for more in range(4)) if one not in (text, ""))


class Score(NamedTuple):
    """What became of one mutant: noticed at all, told first at its very place, and so by jsonschema's best guess."""

    mutant: Mutant
    caught: bool
    exact: bool
    guessed: bool | None = None


def score(mutant: Mutant, guess: bool = False) -> Score | None:
    """What validation makes of a mutant; None for one that is no fault. `guess` asks jsonschema's `best_match` too."""
    assert mutant.body.schema
    damaged = mutant.damaged
    if oracle(mutant.body.schema).is_valid(damaged):
        return None
    found = faults(mutant.body.schema, damaged)
    first = found[0].path if found else None
    return Score(mutant, bool(found), first == mutant.place, _guess(mutant, damaged) == mutant.place if guess else None)


def _guess(mutant: Mutant, damaged: Any) -> Path:
    """Where jsonschema's `best_match` sees the fault, a missing key counted as its own place."""
    assert mutant.body.schema
    error = best_match(oracle(mutant.body.schema).iter_errors(damaged))
    place = tuple(error.absolute_path)
    if error.validator != "required":
        return place
    return (*place, next(key for key in error.validator_value if error.message.startswith(repr(key))))


def sample(count: int | None, seed: int = 1) -> list[Mutant]:
    """So many mutants of the whole corpus, drawn by a seed; all of them without a count."""
    everything = [mutant for body in bodies() for mutant in mutants(body)]
    random.Random(seed).shuffle(everything)
    return everything[:count]


def table(scores: Sequence[Score]) -> str:
    """The figures by kind and by the number of unions above."""
    rows = {"all": list(scores)}
    for one in sorted(scores, key=lambda one: one.mutant.kind):
        rows.setdefault(one.mutant.kind, []).append(one)
    for one in sorted(scores, key=lambda one: one.mutant.unions):
        rows.setdefault(f"{one.mutant.unions} unions", []).append(one)
    lines = [f"{'':12} {'faults':>8} {'caught %':>9} {'exact %':>8} {'best_match exact %':>19}"]
    for name, some in rows.items():
        caught, exact, guessed = (100 * sum(map(bool, values)) / len(some) for values in list(zip(*some, strict=True))[1:])
        lines.append(f"{name:12} {len(some):8} {caught:9.2f} {exact:8.2f} {guessed:19.2f}")
    return "\n".join(lines)


def told_elsewhere(one: Score) -> str:
    """One mutant whose fault was told at another place, or not at all, in a line."""
    assert one.mutant.body.schema
    told = [str(fault) for fault in faults(one.mutant.body.schema, one.mutant.damaged)[:2]]
    return f"{one.mutant.body} | {one.mutant.kind} at {'.'.join(map(str, one.mutant.place))} | {told}"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Damage good bodies and see whether validation finds the place.")
    parser.add_argument("--count", type=int, help="how many mutants are drawn (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--missed", type=int, default=0, help="how many of those told at another place are listed")
    given = parser.parse_args()
    scores = [one for mutant in sample(given.count, given.seed) if (one := score(mutant, guess=True))]
    for one in [one for one in scores if not one.exact][: given.missed]:
        print(told_elsewhere(one))
    print(table(scores))


if __name__ == "__main__":
    main()
