"""`oai-dyn import`: an OpenAPI document becomes a folder that a client takes as its provider.

Rules of this file: what was imported stands on standard output, one line a fact, and after it every note in full.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..errors import ConfigError
from ..openapi import Imported, convert, load, write
from ..openapi.writing import counted, one_line
from .output import Output

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

#: How many notes are told where nothing else came of a document.
_SHOWN = 3


def run(options: argparse.Namespace) -> None:
    """Read the document, convert it, write the folder, and tell what came of it."""
    if not _NAME.fullmatch(options.name):
        raise ConfigError(f"--name {options.name!r}: wanted letters, digits, '.', '_' and '-', a letter or digit first")
    imported = convert(load(options.document), options.name, names=options.names, overlays=options.overlays)
    if not imported.rows and not imported.webhooks:
        why = "; ".join(one_line(str(note)) for note in imported.notes[:_SHOWN]) or "it has no paths"
        raise ConfigError(f"{options.document.partition('?')[0]}: no operation that a row can hold: {why}")
    folder = write(imported, options.out or options.name)
    lines = [*map(one_line, _told(imported, folder)), *(f"  {one_line(str(note))}" for note in imported.notes)]
    Output().text("\n".join(lines) + "\n")


def _told(imported: Imported, folder: Path) -> Iterator[str]:
    """What is in the folder, and how to use it."""
    described = sum("schema" in row.get(part, {}) for row in imported.rows for part in ("body", "reply", "stream"))
    defined = sum(map(len, imported.files.values()))
    yield f"{counted(len(imported.rows), 'row')}: {_grouped(row['name'].partition('.')[0] for row in imported.rows)}"
    holding = f"{counted(defined, 'definition')} in {counted(len(imported.files), 'file')}"
    yield f"{holding}, for {described} {'body, reply or event' if described == 1 else 'bodies, replies and events'}"
    if hooks := imported.payloads:
        yield f"{counted(len(hooks), 'webhook')}: {', '.join(f'{name} ({there})' for name, there in hooks.items())}"
    instead = f"none in the document: set {imported.profile['base_url_env'][0]}, or give `oai-dyn call` --base-url"
    yield f"base URL: {imported.profile.get('base_url', instead)}"
    yield f"written: {folder}; use it with --provider {folder / 'provider.toml'}"
    yield f"{counted(len(imported.notes), 'note')}{' on what could not be held as it stands:' if imported.notes else ''}"


def _grouped(names: Iterator[str]) -> str:
    counts = Counter(names).most_common()
    shown = ", ".join(f"{name} {count}" for name, count in counts[:12])
    return f"{shown}, and {len(counts) - 12} groups more" if len(counts) > 12 else shown or "none"
