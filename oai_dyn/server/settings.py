"""How a local server is to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigError


class Settings(NamedTuple):
    """The settings of one server, as `running` and `oai-dyn serve` take them."""

    key: str | None = None
    delay: float = 0.0
    faults: Sequence[str] = ()
    seed: int = 0
    record: str | Path | None = None
    upstream: str | None = None
    replay: str | Path | None = None
    like: str | Path | Mapping[str, Any] | None = None

    def check(self) -> None:
        """Refuse what does not go together. Raises `ConfigError`."""
        if (self.record is None) != (self.upstream is None):
            raise ConfigError("record and upstream: wanted both, or none of them")
        against = {
            "replay": self.replay is not None,
            "faults": bool(self.faults),
            "key": self.key is not None,
            "like": self.like is not None,
        }
        if self.replay is not None and self.like is not None:
            raise ConfigError("replay: it does not go with like")
        if self.record is not None and (wrong := [name for name, given in against.items() if given]):
            raise ConfigError(f"record: it does not go with {' and '.join(wrong)}")
