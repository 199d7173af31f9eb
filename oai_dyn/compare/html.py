"""A comparison as one HTML page that needs nothing else: no other file, no network, no script to be read.

Rules of this file: the page's frame, with its style and its script for filtering, is `data/compare.html`; here its
parts are made. All that is text is escaped where it becomes a part of the page, in `element` and nowhere else; the
page forbids by its policy any style and script but those two.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from string import Template

from .kinds import KINDS, MEANINGS, SEVERITIES
from .report import Comparison, Difference, Named
from .words import said

#: The most routes of one side alone that are shown at once.
MOST_UNFOLDED = 12

#: Elements without an end.
_VOID = frozenset({"input"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *inside: str | None, **attributes: str) -> Markup:
    """An element; text in it and in its attributes is escaped.

    In the name of an attribute a _ at the end is dropped and others become -; one that is empty stands without a value.
    """
    named = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    given = "".join(f' {key}="{_escaped(value)}"' if value else f" {key}" for key, value in named)
    content = "".join(part if isinstance(part, Markup) else _escaped(part) for part in inside if part is not None)
    return Markup(f"<{name}{given}>" if name in _VOID else f"<{name}{given}>{content}</{name}>")


def joined(parts: Iterable[Markup]) -> Markup:
    """Elements one after the other, each on a line of its own."""
    return Markup("\n".join(parts))


def as_html(found: Comparison) -> str:
    """The comparison as a page."""
    frame, policy = _frame()
    return frame.substitute(
        policy=policy,
        title=_escaped(f"{found.a} → {found.b}: what differs"),
        header=joined(_header(found)),
        switches=joined(_switch(found, severity) for severity in SEVERITIES),
        main=joined(_main(found)),
    )


@functools.cache
def _frame() -> tuple[Template, str]:
    """The page's frame, and the policy that lets its own style and script alone through."""
    text = (files("oai_dyn") / "data" / "compare.html").read_text("utf-8")
    allowed = {kind: _fingerprint(text, kind) for kind in ("style", "script")}
    rules = [f"{kind}-src '{digest}'" for kind, digest in allowed.items()]
    return Template(text), "; ".join(["default-src 'none'", *rules, "base-uri 'none'", "form-action 'none'"])


def _fingerprint(text: str, kind: str) -> str:
    found = re.search(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
    assert found is not None, kind
    return f"sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}"


def _escaped(text: str) -> str:
    """Text as HTML; what cannot be seen or would turn the line round is written out."""
    seen = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return html.escape(seen)


# --- The head -----------------------------------------------------------------------------------------------


def _header(found: Comparison) -> Iterator[Markup]:
    yield element("h1", f"{found.a} → {found.b}")
    who = (
        "What differs for a caller who wrote for ",
        element("strong", found.a),
        " and now talks to ",
        element("strong", found.b),
    )
    yield element("p", *who, ".", class_="soft")
    if not sum(found.counts.values()):
        yield element("p", element("strong", "No differences."))
    yield element("ul", *_counts(found), class_="counts", aria_label="Summary")
    if found.notes:
        yield element("ul", *(element("li", note) for note in found.notes), class_="notes")


def _counts(found: Comparison) -> Iterator[Markup]:
    for severity, words in SEVERITIES.items():
        number = found.counts[severity]
        inside = (element("b", str(number)), words)
        link = element("a", *inside, href=f"#{severity}") if number else element("span", *inside, class_="count")
        yield element("li", link, class_=severity)
    same = len(found.both) - found.touched
    for number, words in (
        (len(found.both), f"routes in both, {same} the same"),
        (len(found.only_a), f"only in {found.a}"),
        (len(found.only_b), f"only in {found.b}"),
    ):
        yield element("li", element("span", element("b", str(number)), words, class_="count"))


def _switch(found: Comparison, severity: str) -> Markup:
    return element(
        "label",
        element("input", type="checkbox", value=severity, checked=""),
        f" {SEVERITIES[severity]} ({found.counts[severity]})",
    )


# --- The differences ----------------------------------------------------------------------------------------


def _main(found: Comparison) -> Iterator[Markup]:
    for severity, routes in found.grouped():
        inside = [element("h2", f"{SEVERITIES[severity].capitalize()} ({found.counts[severity]})")]
        inside.append(element("p", _sentence(MEANINGS[severity].format(a=found.a, b=found.b)), class_="soft"))
        named = [name for name, _ in routes if name]
        if len(named) > 1:
            inside.append(_contents(severity, named))
        inside += [
            _route(found, severity, name, differences) if name else _alone(found, differences) for name, differences in routes
        ]
        yield element("section", Markup("\n"), joined(inside), Markup("\n"), id=severity, class_=severity, data_group="")
    if found.left_out:
        yield element("p", f"{found.left_out} more differences are not listed.")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _contents(severity: str, names: Sequence[str]) -> Markup:
    links = (element("li", element("a", name, href=f"#{_anchor(severity, name)}")) for name in names)
    return element("details", element("summary", f"{len(names)} routes"), element("ul", *links), class_="toc")


def _anchor(severity: str, name: str) -> str:
    return f"{severity}-{name}"


def _alone(found: Comparison, differences: Sequence[Difference]) -> Markup:
    """Routes of one side."""
    missing = differences[0].kind == "route-missing"
    title = f"Routes that {found.b if missing else found.a} has not ({len(differences)})"
    rows = {row.name: row for row in (found.only_a if missing else found.only_b)}
    lines = [_row_alone(one.severity, rows[one.place.route]) for one in differences]
    table = _table(title, ("Route", "Method", "Path"), ("where", "part", ""), lines)
    # Many are folded away: they would stand before all else.
    state = {"open": ""} if len(lines) <= MOST_UNFOLDED else {}
    return element("details", element("summary", element("h3", title)), table, data_group="", **state)


def _row_alone(severity: str, row: Named) -> Markup:
    cells = (
        element("th", element("code", row.name), scope="row"),
        element("td", row.method),
        element("td", element("code", row.path)),
    )
    return element("tr", *cells, data_find=f"{row.name} {row.path}".lower(), data_severity=severity)


def _route(found: Comparison, severity: str, name: str, differences: Sequence[Difference]) -> Markup:
    one, other = found.both[name]
    called = f" (at {found.b}: {other.name})" if other.name != name else ""
    head = element("h3", element("code", name), element("span", f"{one.method} {one.path}{called}", class_="call"))
    columns, classes = ("Part", "Where", "What", found.a, found.b), ("part", "where", "", "value", "value")
    title = f"{name}: {SEVERITIES[severity]}"
    table = _table(title, columns, classes, [_line(found, one) for one in differences])
    return element("section", head, table, id=_anchor(severity, name), data_group="")


def _table(title: str, columns: Sequence[str], classes: Sequence[str], lines: Sequence[Markup]) -> Markup:
    heads = (element("th", column, scope="col", class_=kind) for column, kind in zip(columns, classes, strict=True))
    body = element("tbody", Markup("\n"), joined(lines), Markup("\n"))
    return element("table", element("caption", title), element("thead", element("tr", *heads)), body)


def _line(found: Comparison, one: Difference) -> Markup:
    places = [one.place, *one.also]
    texts = [part for place in places for part in (place.route, place.part, place.path)]
    cells = (
        element("td", one.place.part, class_="part"),
        element("th", *_where(one), scope="row", class_="where"),
        element("td", KINDS[one.kind].title),
        element("td", _value(one.before), class_="before", data_label=found.a),
        element("td", _value(one.after), class_="after", data_label=found.b),
    )
    return element("tr", *cells, data_find=" ".join(dict.fromkeys(texts)).lower(), data_severity=one.severity)


def _value(value: object) -> str | None:
    return None if value is None else said(value)


def _where(one: Difference) -> Iterator[Markup]:
    yield element("span", one.place.path or "(as a whole)", class_="path" if one.place.path else "soft")
    if one.within:
        yield element("ul", *(element("li", line) for line in one.within))
    if one.also:
        yield _also(one)


def _also(one: Difference) -> Markup:
    number = len(one.also) + one.more
    items = [element("li", place.text) for place in one.also]
    if one.more:
        items.append(element("li", f"and {one.more} more"))
    summary = element("summary", f"also at {number} other place{'' if number == 1 else 's'}")
    return element("details", summary, element("ul", *items))
