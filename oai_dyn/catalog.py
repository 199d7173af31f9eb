"""Finding and reading data documents: JSON and TOML, packaged or the user's own.

Rules of this file: a document is read once per process where it is packaged; an error names the file
and, where there is one, the line. YAML needs the extra `yaml`.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from .codec import decode
from .errors import ConfigError, OaiDynError

#: What names of packaged documents are made of; nothing else leads into their folders.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@functools.cache
def packaged(name: str) -> Any:
    """A document of the package by its path below `data/` or, starting with `schemas/`, below `schemas/`.

    The value is shared: whoever reads it must not change it.
    """
    folder, _, rest = name.partition("/")
    home = files("oai_dyn.schemas") / rest if folder == "schemas" else files("oai_dyn") / "data" / name
    return parse(home.read_bytes(), name)


def is_packaged(folder: str, name: str) -> bool:
    """Whether there is a document of this name in a folder below `data/`: a look at it, where a list of all is a hundred."""
    return _NAME.fullmatch(name) is not None and (files("oai_dyn") / "data" / folder / f"{name}.toml").is_file()


def packaged_names(folder: str) -> list[str]:
    """Names, without ending, of the documents in a folder below `data/`."""
    home = files("oai_dyn") / "data" / folder
    return sorted(Path(entry.name).stem for entry in home.iterdir() if Path(entry.name).suffix in PARSERS)


def read(path: str | Path) -> Any:
    """A document of the user's, by its path. Raises `ConfigError` if it cannot be read."""
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # a null character in a path is a ValueError
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    return parse(content, str(path))


def parse(content: bytes, name: str) -> Any:
    """Read a document by the ending of its name; without a known ending JSON is tried, then TOML."""
    kinds = [PARSERS[suffix]] if (suffix := Path(name).suffix.lower()) in PARSERS else [decode, _toml]
    reasons = []
    for kind in kinds:
        try:
            return kind(content)
        except (OaiDynError, ValueError, RecursionError) as error:
            reasons.append(str(error).removeprefix("the body is "))
    raise ConfigError(f"{name}: {'; '.join(reasons)}")


def _toml(content: bytes) -> Any:
    return tomllib.loads(content.decode())


def _yaml(content: bytes) -> Any:
    try:
        yaml = import_module("yaml")
    except ImportError:
        raise ConfigError("YAML needs the extra: pip install oai_dyn[yaml]") from None
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ConfigError(str(error).replace("\n", " ")) from None


PARSERS: dict[str, Callable[[bytes], Any]] = {".json": decode, ".toml": _toml, ".yaml": _yaml, ".yml": _yaml}
