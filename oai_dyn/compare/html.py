"""A comparison as one HTML page that needs nothing else: no other file, no network, no script to be read.

Rules of this file: the page's frame, with its style and its script for filtering, is `data/compare.html`; here its
parts are made. All that is text is escaped where it becomes a part of the page, in `element` and nowhere else; the
page's policy forbids any style and script but those two, which it names by their digests.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from string import Template

from ..openapi.writing import counted
from .kinds import KINDS, MEANINGS, SEVERITIES
from .report import Comparison, Difference
from .text import printable
from .words import said

#: The most other places of a difference that are listed.
MOST_PLACES = 40


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
    return Markup(f"<{name}{given}>{content}</{name}>")


def joined(parts: Iterable[Markup]) -> Markup:
    """Elements one after the other, each on a line of its own."""
    return Markup("\n".join(parts))


def as_html(found: Comparison) -> str:
    """The comparison as a page."""
    frame = Template((files("oai_dyn") / "data" / "compare.html").read_text("utf-8"))
    title = _escaped(f"{found.a} → {found.b}: what differs")
    return frame.substitute(title=title, header=joined(_header(found)), main=joined(_main(found)))


def _escaped(text: str) -> str:
    """Text as HTML; what cannot be seen or would turn the line round is written out."""
    return html.escape(printable(text))


# --- The head -----------------------------------------------------------------------------------------------


def _header(found: Comparison) -> Iterator[Markup]:
    yield element("h1", f"{found.a} → {found.b}")
    a, b = element("strong", found.a), element("strong", found.b)
    yield element("p", "What differs for a caller who wrote for ", a, " and now talks to ", b, ".", class_="soft")
    if not found.differences:
        yield element("p", element("strong", "No differences."))
    yield element("ul", *_counts(found), class_="counts", aria_label="Summary")
    yield element("ul", *(element("li", note) for note in found.notes), class_="notes")


def _counts(found: Comparison) -> Iterator[Markup]:
    for severity, number in found.counts.items():
        inside = element("b", str(number)), SEVERITIES[severity]
        link = element("a", *inside, href=f"#{severity}") if number else element("span", *inside, class_="count")
        yield element("li", link, class_=severity)
    for number, words in (
        (len(found.both), f"routes in both, {found.same} the same"),
        (len(found.only_a), f"only in {found.a}"),
        (len(found.only_b), f"only in {found.b}"),
    ):
        yield element("li", element("span", element("b", str(number)), words, class_="count"))


# --- The differences ----------------------------------------------------------------------------------------


def _main(found: Comparison) -> Iterator[Markup]:
    for severity, routes in found.grouped():
        meaning = MEANINGS[severity].format(a=found.a, b=found.b)
        inside = [
            element("h2", f"{SEVERITIES[severity].capitalize()} ({found.counts[severity]})"),
            element("p", f"{meaning[0].upper()}{meaning[1:]}.", class_="soft"),
            *(_route(found, severity, *route) if route[0] else _alone(found, route[1]) for route in routes),
        ]
        yield element("section", joined(inside), id=severity, class_=severity, data_group="")


def _alone(found: Comparison, differences: Sequence[Difference]) -> Markup:
    """Routes of one side, folded away: they would stand before all else."""
    side = found.b if differences[0].kind == "route-missing" else found.a
    title = f"Routes that {side} has not ({len(differences)})"
    lines = (
        (element("th", element("code", one.place.route), scope="row"), element("td", said(one.before or one.after)))
        for one in differences
    )
    table = _table(title, (("Route", "where"), ("Call", "")), differences, lines)
    return element("details", element("summary", element("h3", title)), table, data_group="")


def _route(found: Comparison, severity: str, name: str, differences: Sequence[Difference]) -> Markup:
    head = element("h3", element("code", name), element("span", found.call(name), class_="call"))
    columns = ("Part", "part"), ("Where", "where"), ("What", ""), (found.a, "value"), (found.b, "value")
    table = _table(f"{name}: {SEVERITIES[severity]}", columns, differences, (_cells(found, one) for one in differences))
    return element("section", head, table, data_group="")


def _table(
    title: str, columns: Sequence[tuple[str, str]], differences: Sequence[Difference], lines: Iterable[Sequence[Markup]]
) -> Markup:
    """A table with a line for each difference, which the filter finds by its places."""
    heads = (element("th", column, scope="col", class_=kind) for column, kind in columns)
    body = []
    for one, cells in zip(differences, lines, strict=True):
        places = dict.fromkeys(place.text for place in (one.place, *one.also))
        body.append(element("tr", *cells, data_find=" ".join(places).lower(), data_severity=one.severity))
    return element("table", element("caption", title), element("thead", element("tr", *heads)), element("tbody", joined(body)))


def _cells(found: Comparison, one: Difference) -> Sequence[Markup]:
    before, after = (None if value is None else said(value) for value in (one.before, one.after))
    return (
        element("td", one.place.part, class_="part"),
        element("th", *_where(one), scope="row", class_="where"),
        element("td", KINDS[one.kind].title),
        element("td", before, class_="before", data_label=found.a),
        element("td", after, class_="after", data_label=found.b),
    )


def _where(one: Difference) -> Iterator[Markup]:
    yield element("span", one.place.path or "(as a whole)", class_="path" if one.place.path else "soft")
    yield element("ul", *(element("li", line) for line in one.within))
    if one.also:
        texts = [place.text for place in one.also[:MOST_PLACES]]
        texts += [f"and {len(one.also) - MOST_PLACES} more"] * (len(one.also) > MOST_PLACES)
        summary = element("summary", f"also at {counted(len(one.also), 'other place')}")
        yield element("details", summary, element("ul", *(element("li", text) for text in texts)))
