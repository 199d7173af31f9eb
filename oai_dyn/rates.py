"""What an answer's headers say of rate limits, in whatever dialect, as one record.

A name is read by its parts, in any order: what it counts (requests, tokens...), which of limit, remaining and reset it
tells, and of which window. So a service that nobody has heard of is understood too. Beside these names stand the fields
`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers, its forms of 2022 and of 2025).

Dialects seen: OpenAI, Groq (durations), Cerebras, Mistral, DigitalOcean (a window in the name; docs.digitalocean.com: Unix
times), Anthropic (docs: RFC 3339), Fireworks (tokens-prompt, tokens-generated), Together and GitHub (a bare remaining),
OpenRouter (epoch milliseconds, quoted in the body), Azure (x-rate-limit-reset-tokens, and -1 for unknown: openai-python
937, openai-dotnet 838), Kong and APISIX (x-ai-ratelimit), LiteLLM (OpenAI's), Hugging Face (`"fixed window";"api"`).

Rules of this file: no other module of the package is imported; no header text raises; what cannot be read is not said.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple


class RateLimit(NamedTuple):
    """One limit. What the service does not tell is None.

    unit       what is counted: "requests", "tokens", "input_tokens", "output_tokens", or the service's own word
    window     "second", "minute", "hour", "day", "month", or another as "300s"
    name       what else stands in the headers' name ("project"), or the name that the service gives to this limit
    limit, remaining  of that unit
    reset      seconds from the answer until it is full again
    """

    unit: str
    window: str | None = None
    name: str = ""
    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None


class RateLimits(NamedTuple):
    """All limits that an answer's headers tell. `requests` and its like are the tightest of their unit's windows.

    all          every one of them
    retry_after  seconds that the service asks to be left alone for
    """

    all: tuple[RateLimit, ...] = ()
    retry_after: float | None = None

    def of(self, unit: str) -> RateLimit:
        """The limit of a unit with the smallest share left; where the service tells none, one that says nothing."""
        return min((one for one in self.all if one.unit == unit), key=_left, default=RateLimit(unit))

    @property
    def requests(self) -> RateLimit:
        """The tightest limit on requests."""
        return self.of("requests")

    @property
    def tokens(self) -> RateLimit:
        """The tightest limit on tokens of both kinds together."""
        return self.of("tokens")

    @property
    def input_tokens(self) -> RateLimit:
        """The tightest limit on tokens of prompts."""
        return self.of("input_tokens")

    @property
    def output_tokens(self) -> RateLimit:
        """The tightest limit on tokens of answers."""
        return self.of("output_tokens")


def _left(one: RateLimit) -> tuple[float, float]:
    """How much of a limit is left, and, among equals, the longest wait first."""
    share = 0.0 if one.remaining == 0 else one.remaining / one.limit if one.limit and one.remaining is not None else 1.0
    return share, -(one.reset or 0.0)


def rate_limits(headers: Mapping[str, str], now: float | None = None) -> RateLimits | None:
    """What headers say of rate limits; None where they say nothing.

    now: seconds since the epoch, for a reset that is a time of day; by default the answer's own Date, else the clock's.
    """
    headers = {name.lower(): text for name, text in headers.items()}
    if now is None:
        now = _date(headers.get("date", ""))
    now = time.time() if now is None else now
    found: dict[_Key, dict[str, Any]] = {}
    for name, text in headers.items():
        for key, field, value in _told(name, text, now):
            if value is not None:
                found.setdefault(key, {}).setdefault(field, value)
    wait = retry_after(headers, now)
    every = tuple(RateLimit(*key, **fields) for key, fields in _settled(found).items())
    return RateLimits(every, wait) if every or wait is not None else None


def quoted_headers(body: bytes) -> dict[str, str]:
    """Headers that the body of an error quotes, as OpenRouter's does: `{"error": {"metadata": {"headers": {...}}}}`."""
    found: Any = {}
    if b'"headers"' in body:
        try:
            found = json.loads(body)["error"]["metadata"]["headers"]
        except (ValueError, TypeError, LookupError, RecursionError):
            return {}
    return {name.lower(): text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The wait a server asks for in seconds: `retry-after-ms`, or Retry-After in seconds or as a date; None if unsaid."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if seconds >= 0:
            return seconds
    date = _date(headers.get("retry-after", ""))
    return None if date is None else max(0.0, date - now)


#: Unit, window and name of a limit.
_Key = tuple[str, str | None, str]

_Told = Iterator[tuple[_Key, str, float | None]]

#: What makes a header's name one of these.
_MARKS = {"ratelimit", "ratelimitbysize", "tokenlimit", "priority"}

#: What a part of a name says.
_FIELDS = {"limit": "limit", "remaining": "remaining", "reset": "reset"}
_UNITS = {
    **dict.fromkeys(("requests", "request", "reqs", "req"), "requests"),
    **dict.fromkeys(("tokens", "token", "ratelimitbysize", "tokenlimit", "ai"), "tokens"),
}
_SIDES = {"input": "input_", "prompt": "input_", "output": "output_", "generated": "output_", "completion": "output_"}
_WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 2592000}
_SILENT = {"x", "per", "date", "ratelimit"}

_OF_SECONDS = {seconds: word for word, seconds in _WINDOWS.items()}


def _told(name: str, text: str, now: float) -> _Told:
    """What one header says: whose, which of limit, remaining and reset, and the value."""
    parts = re.split("[-_.]", name.replace("rate-limit", "ratelimit"))
    if not _MARKS.intersection(parts):
        return
    if [part for part in parts if part not in ("x", "policy")] == ["ratelimit"]:
        yield from _listed(text, now)
        return
    field = next((_FIELDS[part] for part in parts if part in _FIELDS), "")
    unit, window, label = _key(parts)
    if field:
        yield (unit, window, label), field, _seconds(text, now) if field == "reset" else _number(text)
    if field == "limit":
        # The draft of 2022, and Whoop's: "100, 100;w=60, 1000;w=3600", the first of which is the nearest to its end.
        yield from _listed(text.partition(",")[2], now, unit, label)


def _key(parts: list[str]) -> _Key:
    """Whose a name is, by its parts."""
    mark = next(i for i, part in enumerate(parts) if part in _MARKS)
    unit, side, window = "", "", None
    before: list[str] = []
    behind: list[str] = []
    for i, part in enumerate(parts):
        if part in _UNITS:
            unit = _UNITS[part]
        elif part in _SIDES:
            side = _SIDES[part]
        elif part in _WINDOWS or re.fullmatch(r"\d{1,3}[smhd]", part):
            window = part
        elif part not in _FIELDS and part not in _SILENT:
            (before if i <= mark else behind).append(part)
    if not unit and not side and behind:  # a service's own: seconds of audio, images
        unit, behind = "_".join(behind), []
    unit = f"{side}tokens" if side else unit or "requests"
    return unit, window, "-".join(before + behind)


def _listed(text: str, now: float, unit: str = "requests", label: str = "") -> _Told:
    """The members of a structured list: policies ("p";q=100;w=60) and states of them ("p";r=50;t=30), of no unit yet."""
    for item in _outside_quotes(",", text):
        bare, told = [label], {}
        for piece in _outside_quotes(";", item):
            word, is_told, value = piece.partition("=")
            if is_told and not word.startswith('"'):
                told[word.strip().lower()] = value.strip()
            else:
                bare.append(piece.strip('" '))
        quota = _number(bare[-1])
        seconds = _number(told.get("w", told.get("window", "")))
        window = None if seconds is None else _OF_SECONDS.get(int(seconds), f"{seconds:g}s")
        counted = "" if told.keys() & {"r", "t"} else told.get("qu", "").strip('"') or unit
        key = counted, window, bare[-1] if quota is None else label
        yield key, "limit", _number(told.get("q", told.get("limit", ""))) if quota is None else quota
        yield key, "remaining", _number(told.get("r", told.get("remaining", "")))
        yield key, "reset", _seconds(told.get("t", told.get("reset", "")), now)


def _outside_quotes(mark: str, text: str) -> list[str]:
    """The pieces of a text between marks that stand in no quotes."""
    return [piece.strip() for piece in re.findall(rf'(?:"[^"]*"|[^"{mark}])+', text)]


def _settled(found: dict[_Key, dict[str, Any]]) -> dict[_Key, dict[str, Any]]:
    """What is told without a window goes to the one window that it does not contradict, if it is one.

    So Mistral's `ratelimitbysize-reset` joins its `-limit-minute`, and a state its policy, whose unit it gets.
    """
    for key in [key for key in found if key[1] is None]:
        fields, (unit, _, name) = found.pop(key), key
        near = [other for other in found if other[2] == name and (unit == "" or (other[0] == unit and other[1] is not None))]
        fitting = [other for other in near if all(found[other].get(said, value) == value for said, value in fields.items())]
        home = fitting[0] if len(fitting) == 1 else (unit or "requests", None, name)
        found[home] = {**fields, **found.get(home, {})}
    return found


def _number(text: str) -> float | None:
    """The count that a text begins with; -1 (Azure: unknown) and words are none."""
    found = re.match(r"\s*(\d{1,15})(\.\d{1,15})?(?=[\s,;/]|$)", text)
    if found is None:
        return None
    return float(found[0]) if found[2] else int(found[1])


_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)(ns|us|µs|ms|s|m|h|d)", re.ASCII)

#: A plain number from here on is no wait but a time since the epoch; from the second on, in ever smaller units.
_EPOCH, _FINER = 1e9, 1e11


def _seconds(text: str, now: float) -> float | None:
    """Seconds from now: a duration (1m12.5s, 6ms), plain seconds, a time since the epoch, an ISO or an HTTP date."""
    text = text.strip().strip('"')
    if text and not _DURATION.sub("", text).strip():
        return sum(float(count) * _UNIT_SECONDS[unit] for count, unit in _DURATION.findall(text))
    number = _number(text)
    if number is None:
        date = _date(text)
        return None if date is None else max(0.0, date - now)
    while number >= _FINER:
        number /= 1000
    return max(0.0, number - now) if number >= _EPOCH else float(number)


def _date(text: str) -> float | None:
    """A date in seconds since the epoch: an ISO one, or HTTP's. Without a zone it is GMT (RFC 9110 section 5.6.7)."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = read(text)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None
