"""The tests that the page on testing shows are tests: pytest runs them, and they pass."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from oai_dyn.server.faults import FAULTS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    """In a file of their own, as whoever copies them has them."""
    (block,) = (block for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if "def test_" in block)
    (tmp_path / "test_application.py").write_text(block, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_every_fault_is_on_the_page() -> None:
    """In the table of kinds."""
    listed = {
        kind for line in PAGE.splitlines() if line.startswith("| `") for kind in re.findall(r"`([\w-]+)`", line.split("|")[1])
    }
    assert not FAULTS.keys() - listed
