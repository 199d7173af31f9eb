"""Bad bodies are refused, and the fault is told first where it is: a seeded sample of damage to the corpus.

The full figures: `python tests/mutations.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from corpus_bodies import Body
from engines import ENGINES, using
from mutations import Mutant, Score, mutants, sample, score, table, told_elsewhere

from oai_dyn.validation import faults

#: How many mutants are drawn, and the seed they are drawn by.
COUNT, SEED = 600, 3


@pytest.fixture(scope="module")
def drawn() -> list[Mutant]:
    """The sample, ordered so that each schema is made ready once."""
    return sorted(sample(COUNT, SEED), key=lambda one: str(one.body.schema))


@pytest.fixture(scope="module")
def scores(drawn: list[Mutant]) -> list[Score]:
    """What validation makes of those of them that are faults."""
    return [one for mutant in drawn if (one := score(mutant))]


def share(values: Iterator[bool]) -> float:
    """The share of the true ones in percent."""
    listed = list(values)
    return 100 * sum(listed) / len(listed)


def test_bad_bodies_are_refused(scores: list[Score]) -> None:
    """At least 99.5 % of what the schemas forbid is noticed."""
    assert len(scores) > COUNT * 0.8
    assert share(one.caught for one in scores) >= 99.5


def test_the_fault_is_told_where_it_is(scores: list[Score]) -> None:
    """For at least 97 % of the faults (and of late for 99 %) the first thing said names the very place."""
    missed = [told_elsewhere(one) for one in scores if not one.exact]
    assert share(one.exact for one in scores) >= 99, "\n".join(missed)


@pytest.mark.parametrize("kind", ["type", "null", "missing", "misspelled", "enum", "tag"])
def test_the_fault_is_told_where_it_is_whatever_its_kind(scores: list[Score], kind: str) -> None:
    """Each kind of fault by itself is told at its very place nine times out of ten."""
    of_kind = [one for one in scores if one.mutant.kind == kind]
    assert len(of_kind) >= 10
    assert share(one.exact for one in of_kind) >= 90


def test_both_engines_say_the_same(drawn: list[Mutant]) -> None:
    """With jsonschema-rs before it, validation says of every mutant, fault or not, what it says without."""
    said = {}
    for engine in ENGINES:
        with using(engine):
            said[engine] = [faults(one.body.schema, one.damaged) for one in drawn[::2]]
    assert said["walk"] == said["fast"]


def test_what_is_broken() -> None:
    """Each place of a body is broken in each way that its schema forbids, and only there."""
    body = Body(
        "chat.completions.create", "request", "one", {"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 1}
    )
    made = {(one.kind, one.place): one.damaged for one in mutants(body)}
    assert made["missing", ("messages", 0, "role")]["messages"] == [{"content": "hi"}]
    assert made["misspelled", ("model",)] == {"moddel": "m", "messages": body.body["messages"], "n": 1}
    assert made["tag", ("messages", 0, "role")]["messages"][0]["role"] == "zebra"
    assert made["length", ("messages",)]["messages"] == []
    assert made["range", ("n",)]["n"] == 129
    assert ("type", ("messages", 0, "content")) in made
    assert body.body == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 1}


def test_the_figures_are_a_table(drawn: list[Mutant]) -> None:
    """The figures say for each kind and each depth how many faults were noticed and told at their place."""
    some = [one for mutant in drawn[:: COUNT // 40] if (one := score(mutant, guess=True))]
    lines = table(some).splitlines()
    assert lines[1].split()[:2] == ["all", str(len(some))]
    assert {line.split()[0] for line in lines[2:]} >= {one.mutant.kind for one in some}
