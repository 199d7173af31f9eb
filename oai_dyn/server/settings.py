"""How a local server is to answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Settings(NamedTuple):
    """The settings of one server, as `running` and `oai-dyn serve` take them."""

    key: str | None = None
    delay: float = 0.0
    faults: Sequence[str] = ()
    seed: int = 0
