"""What stands where: plausible text, numbers, ids and times, by the name of a member.

Rules of this file: no clock, no chance: a value follows from its name, its schema and the number of the object it
stands in. What a name says (plausible.py) gives way to what its schema asks.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil, floor, inf
from string import printable
from typing import Any

from .files import PIXEL
from .plausible import LATER, NUMBERS, PREFIXES, SIZES, TEXTS
from .settling import Schema

#: When the first object was made, in seconds since the epoch; each later one a minute after the one before.
CREATED, APART = 1_767_225_600, 60

#: How far the number of an object in a list is from that of the one before it.
STRIDE = 100_000

#: The parts of a pattern, each with the count behind it, and the longest pattern whose groups are opened.
COUNT = r"(?:\{(\d+)[^}]*\}|([*?])|\+)?"
ATOM = re.compile(r"(\[\^?\]?[^\]]*\]|\\.|[^^$])" + COUNT)
GROUP = re.compile(r"(?<!\\)\((?:\?:|\?P<\w+>)?([^()|]*)(?:\|[^()]*)?\)" + COUNT)
LONGEST = 1_000


def text(name: str, schema: Schema, number: int, kind: str) -> str:
    """A string for a member of an object: `kind` says of what kind that is, `number` which one."""
    wanted = FORMATS.get(schema.get("format", ""))
    if wanted is not None:
        said = wanted(name, number)
    elif name == "id" or name.endswith("_id"):
        said = new_id(kind if name == "id" else name.removesuffix("_id"), number)
    elif name in ("object", "type") and kind:
        said = kind
    elif said := TEXTS.get(f"{kind.rpartition('.')[2]}.{name}") or TEXTS.get(name, ""):
        said = said.format(number=number, rank=rank(number))
    else:
        said = next((make(name, number) for ending, make in ENDINGS.items() if name.endswith(ending)), _plainly(name))
    return fitted(said, schema)


def fitted(said: str, schema: Schema) -> str:
    """The text within the bounds of its schema, or one made of its pattern."""
    least, most = schema.get("minLength", 0), schema.get("maxLength", 2**20)
    pattern = schema.get("pattern")
    said = said.ljust(least, "x")[:most]
    return said if pattern is None or re.search(pattern, said) else patterned(pattern).ljust(least, "x")[:most]


def patterned(pattern: str) -> str:
    """A text that a simple pattern takes: classes, escapes, letters and groups with counts; of alternatives the first."""
    while len(pattern) < LONGEST and (opened := GROUP.sub(lambda found: found[1] * _times(found), pattern)) != pattern:
        pattern = opened
    return "".join(_one_of(found[1]) * _times(found) for found in ATOM.finditer(pattern))


def _times(found: re.Match[str]) -> int:
    """How often a part of a pattern has to stand, by the count behind it."""
    return int(found[2]) if found[2] else 0 if found[3] else 1


def _one_of(atom: str) -> str:
    letters = atom.removeprefix("\\") if len(atom) == 2 and not atom[1].isalnum() else f"a0Z_- .:/@{printable}"
    try:
        return next((letter for letter in letters if re.fullmatch(atom, letter)), atom)
    except re.error:
        return atom


def number_for(name: str, schema: Schema, number: int, place: int, kind: str, *, whole: bool) -> int | float:
    """A number for a member of an object: a time, a count or a measure, within the bounds of its schema."""
    value: float = 1 if whole else 0.5
    if schema.get("format") == "unixtime" or is_time(name):
        value = time_of(name, number)
    elif kind.endswith("scores"):
        value = 0.01
    elif name == "index":
        value = place
    elif name in NUMBERS:
        value = NUMBERS[name]
    else:
        value = next((size for ending, size in SIZES.items() if name.endswith(ending)), value)
    step = 1 if whole else 2**-10
    least = max(schema.get("minimum", -inf), schema.get("exclusiveMinimum", -inf) + step)
    most = min(schema.get("maximum", inf), schema.get("exclusiveMaximum", inf) - step)
    value = min(max(value, least), most)
    if apart := schema.get("multipleOf"):
        times = ceil(value / apart)
        value = round(apart * (times if apart * times <= most else floor(value / apart)), 12)
    return int(value) if whole else value


def is_time(name: str) -> bool:
    """Whether a number of this name is a time, in seconds since the epoch."""
    return name.endswith("_at") or name in ("created", "start_time", "end_time", "estimated_finish")


def time_of(name: str, number: int) -> int:
    """The time of a step in the life of an object: created, then started, then completed, then expired."""
    stem = name.removesuffix("_at").removesuffix("_time")
    return CREATED + APART * rank(number) + next((later for word, later in LATER.items() if word in stem), 0)


def new_id(kind: str, number: int) -> str:
    """An id as those of its kind look."""
    return f"{prefix(kind)}{number:06d}"


def prefix(kind: str) -> str:
    """How the ids of a kind of object begin: by the whole of its name, its last part, or its last word."""
    last = kind.rpartition(".")[2]
    return next((PREFIXES[name] for name in (kind, last, last.rpartition("_")[2]) if name in PREFIXES), f"{last or 'id'}_")


def rank(number: int) -> int:
    """A small number for an object: that of the answer, and one more for each place in a list."""
    return number % STRIDE + number // STRIDE


def number_of(name: Any, otherwise: int) -> int:
    """The number at the end of an id, so that the same id has the same times everywhere."""
    found = re.search(r"\d{1,6}$", name) if isinstance(name, str) else None
    return int(found[0]) if found else otherwise


def _plainly(name: str) -> str:
    return re.sub(r"[_\W]+", " ", name).strip() or "text"


def _moment(name: str, number: int) -> str:
    return datetime.fromtimestamp(time_of(name, number), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(name: str, number: int) -> str:
    return f"https://example.com/{_plainly(name).replace(' ', '-')}/{number:06d}"


Words = Callable[[str, int], str]

FORMATS: dict[str, Words] = {
    "date-time": _moment,
    "date": lambda name, number: _moment(name, number)[:10],
    "time": lambda name, number: _moment(name, number)[11:],
    "uri": _address,
    "url": _address,
    "email": lambda name, number: f"person{number}@example.com",
    "uuid": lambda name, number: f"00000000-0000-4000-8000-{number:012d}",
    "hostname": lambda name, number: "example.com",
    "ipv4": lambda name, number: "192.0.2.1",
    "ipv6": lambda name, number: "2001:db8::1",
    "byte": lambda name, number: b64encode(PIXEL).decode(),
}

ENDINGS: dict[str, Words] = {
    "_at": _moment,
    "_url": _address,
    "_uri": _address,
    "url": _address,
    "email": FORMATS["email"],
    "b64": FORMATS["byte"],
    "b64_json": FORMATS["byte"],
}
