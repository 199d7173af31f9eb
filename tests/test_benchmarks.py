"""The benchmarks run: server, candidates, report; no figure is asserted."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks import failover
from benchmarks.payloads import STREAM_EVENTS, completion, stream_events
from benchmarks.processes import ROOT, server
from benchmarks.report import Line, table
from benchmarks.topics import TOPICS

BY_HAND = [(topic, name) for topic, one in TOPICS.items() for name in one.candidates if "by hand" in name]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The benchmark server in its own process."""
    with server() as found:
        yield found


def test_the_command_measures_and_reports(tmp_path: Path) -> None:
    """`python -m tests.benchmarks --quick --only NAME --json FILE` prints a table and writes its figures."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--only", "plain-sync"]
    done = subprocess.run([*command, "--json", str(figures)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "plain call, sync" in done.stdout
    lines = {line["candidate"]: line for line in json.loads(figures.read_text())["figures"]}
    assert lines["requests by hand"]["value"] > 0
    assert lines["requests by hand"]["ratio_limit"] == 0.60


@pytest.mark.parametrize(("topic", "name"), BY_HAND)
def test_candidates_by_hand_do_the_whole_work(url: str, topic: str, name: str) -> None:
    """Every yardstick receives all that the server sends; its own check raises otherwise."""
    with TOPICS[topic].candidates[name](url) as run:
        run(2)


def test_work_left_out_is_noticed(url: str) -> None:
    """A candidate that was given fewer events than a stream should have does not pass."""
    short = TOPICS["stream-sync"].candidates["requests by hand"](f"{url}/crowd/1/50/1")
    with short as run, pytest.raises(RuntimeError, match="50 events"):
        run(1)


def test_failover_is_counted(url: str) -> None:
    """Of each face the calls that were lost, and those that were sent again: there are none."""
    lines = failover.measure(url, quick=True)
    assert [line.candidate for line in lines] == ["oai_dyn, sync", "oai_dyn, async"] * 3
    assert [(line.value, line.verdict) for line in lines] == [(0, "met")] * 6


def test_the_payloads_have_the_sizes_they_are_described_with() -> None:
    """Events of about 250 bytes, a reply of about 1 KB."""
    events = stream_events()
    assert len(events) == STREAM_EVENTS
    assert 240 <= sum(map(len, events)) / len(events) <= 260
    assert 900 <= len(completion()) <= 1100


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (Line("t", "r", "peer", "µs", 10.0, 9.0, 11.0, True, 0.5, 0.6), "0.500   ≤ 0.6  met"),
        (Line("t", "r", "peer", "µs", 10.0, 9.0, 11.0, True, 0.7, 0.6), "0.700   ≤ 0.6  MISSED"),
        (Line("t", "r", "oai_dyn", "MiB", 33.0, limit=32), "≤ 32 MiB  MISSED"),
        (Line("t", "r", "oai_dyn", "MiB", 31.0, limit=32), "≤ 32 MiB  met"),
        (Line("t", "r", "oai_dyn", "µs"), "not installed"),
    ],
)
def test_the_table_says_met_or_missed(line: Line, shown: str) -> None:
    """A verdict compares the ratio, or the value where only that has a limit."""
    assert table([line]).splitlines()[-1].endswith(shown)
