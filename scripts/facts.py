"""The API's facts: the three files that the scripts make the package's data from."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT.parent / "shared" / "spec"
DECISIONS = Path(__file__).resolve().with_name("route_decisions.toml")

Json = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """The files of facts, read. An operation without a method of the SDK has the name that was decided for it."""

    operations: list[Json]
    document: Json
    newer: Json


def read_facts(folder: Path, decisions: Json) -> Facts:
    """Read the folder of facts."""
    lines = (folder / "operations.jsonl").read_text("utf-8").splitlines()
    operations = [json.loads(line) for line in lines if line.strip()]
    unnamed = {entry["id"]: entry for entry in decisions["unnamed"]}
    return Facts(
        operations=[one if one["name"] else {**one, **unnamed[one["operationId"]]} for one in operations],
        document=json.loads((folder / "openai-openapi.json").read_text("utf-8")),
        newer=json.loads((folder / "newer-schemas.json").read_text("utf-8")),
    )


def read_decisions() -> Json:
    """What was decided by hand, with its reasons."""
    return tomllib.loads(DECISIONS.read_text("utf-8"))
