"""A profile's variables: what the braces in its texts stand for.

Rules of this file: a variable that was not given is told with its name and how it is given; inside an address one is a
part of it and moves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import ConfigError
from .wire import Secret

#: Braces in a profile's texts: `{name}`, or `{name?}` where what holds it may be left out.
BRACES = re.compile(r"\{(\w+)(\??)\}")

#: What a variable may be inside an address or a path; at its beginning it may be the whole of one.
_PART = re.compile(r"(?!\.+$)[\w.~:+-]+")


class Filler:
    """Puts a profile's variables into its texts: those given in code, else those of the environment."""

    def __init__(self, profile: Mapping[str, Any], lookup: Callable[[str], str | None], given: Mapping[str, Any]) -> None:
        self._profile = profile
        self._known = profile.get("variables", {})
        self._lookup = lookup
        self._given = given
        if unknown := [name for name in given if name not in self._known]:
            has = ", ".join(self._known) or "none"
            raise ConfigError(f"variables: {unknown[0]!r}: the profile has no such variable; it has {has}")

    def __call__(self, text: Any, where: str, keep: tuple[str, ...] = ()) -> Any:
        """The text filled in; None where an optional variable is not set. Raises `ConfigError` where another is not."""
        if not isinstance(text, str) or "{" not in text:
            return text
        out, end = "", 0
        for match in BRACES.finditer(text):
            name, optional = match.groups()
            value: Any = match.group() if name in keep else self.value(name)
            if value is None and optional:
                return None
            if value is None:
                env = self._known.get(name, ())
                raise ConfigError(f"{where}: give variables={{{name!r}: ...}}" + (f", or set {' or '.join(env)}" if env else ""))
            out, end = out + text[end : match.start()], match.end()
            out += value if name in keep else _fitting(value, out, f"{where}: {name}")
        return out + text[end:]

    def all_of(self, member: str) -> dict[str, Any]:
        """The texts of a table of the profile, filled in, without those that are left out."""
        filled = {name: self(text, f"{member}.{name}") for name, text in self._profile.get(member, {}).items()}
        return {name: text for name, text in filled.items() if text is not None}

    def value(self, name: str) -> str | None:
        """What a variable stands for."""
        value = self._given.get(name)
        value = first(self._known.get(name, ()), self._lookup) if value is None else value
        return None if value is None else str(value)

    def values(self) -> dict[str, str]:
        """Every variable that is set."""
        return {name: value for name in self._known if (value := self.value(name)) is not None}

    def in_code(self, name: str) -> bool:
        """Whether a variable was given in code."""
        return self._given.get(name) is not None


def _fitting(value: str, before: str, where: str) -> str:
    """A variable's value as it stands behind what is before it: an address at the beginning, a host, or a part."""
    if not before:
        return value.rstrip("/")
    if before.endswith("://"):
        value = value.rpartition("://")[2].rstrip("/")
    if not _PART.fullmatch(value):
        raise ConfigError(f"{where}: {value!r}, wanted letters, digits and .-_~:+")
    return value


def first(variables: Any, lookup: Callable[[str], str | None]) -> Secret | None:
    """The value of the first environment variable that is set, and not blank."""
    found = (Secret((lookup(name) or "").strip()) for name in variables)
    return next(filter(None, found), None)
