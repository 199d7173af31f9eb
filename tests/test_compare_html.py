"""A comparison as a page: whole, escaped, readable without its script, and in a real browser."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import NONE, PROGRAM, Browser

from oai_dyn.compare import Comparison, Side, as_html, compare
from oai_dyn.compare.html import MOST_PLACES, element
from oai_dyn.compare.report import Place

VOID = {"meta", "input", "br", "link", "img"}

Schema = dict[str, Any]

#: How many routes the first side alone has.
ALONE = 13


class Reader(HTMLParser):
    """A strict reader of a page: its elements with their attributes, and the text of each."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), attrs
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, *tags: str) -> list[str]:
        """The texts directly in elements of some names."""
        return [text for name, text in self.texts if name in tags]


def row(name: str, **members: Any) -> Schema:
    """A row of a table."""
    return {"name": name, "method": "POST", "path": f"/{name}", **members}


def of_kinds() -> Comparison:
    """A comparison that has something of everything: routes of both sides, all severities, unions, places beside others."""
    text: Schema = {"properties": {"type": {"const": "text"}, "text": {"type": "string"}}, "required": ["type", "text"]}
    image: Schema = {"properties": {"type": {"const": "image"}, "url": {"type": "string"}}, "required": ["type"]}
    parts = {"items": {"anyOf": [{"$ref": "#/$defs/Text"}, {"$ref": "#/$defs/Image"}]}}

    def create(**members: Any) -> Schema:
        schema = {"properties": {"parts": parts, **members}}
        return row("chat.create", body={"kind": "json", "schema": schema}, reply={"schema": "Text"})

    change = row("chat.change", reply={"schema": {"properties": {"last": {"$ref": "#/$defs/Text"}}}})
    a_rows = [create(n={"type": "integer"}, user={}), change, *(row(f"admin.r{i}") for i in range(ALONE))]
    b_rows = [create(n={"type": "integer", "maximum": 5}), change, row("extra")]
    other = {**text, "properties": {"type": {"const": "text"}, "text": {"type": "integer"}, "more": {}}}
    a, b = (
        Side("left", a_rows, {"Text": text, "Image": image}),
        Side("right", b_rows, {"Text": other, "Image": image}, ["a note"]),
    )
    return compare(a, b)


HOSTILE = [
    "<script>window.hacked = 1</script>",
    "\"><img src=x onerror='window.hacked = 1'>",
    "' onmouseover='window.hacked = 1",
    "</table></main><script>window.hacked = 1</script>",
    "</script><script>window.hacked = 1</script>",
    "</style><style>* { display: none }",
    "javascript:window.hacked=1",
    "&lt;b&gt; &amp; ${policy} $title",
    "\u202egnp.exe\u2066\u0000\u001b[2J\x7f",
    "<!--",
    "x" * 4000,
]


def of_hostile_names() -> Comparison:
    """A comparison in which every name and value is somebody's attempt on the page."""
    members: Schema = {name: {"type": "string", "const": name} for name in HOSTILE}
    branches = [{"$ref": "#/$defs/" + name.replace("~", "~0").replace("/", "~1")} for name in HOSTILE]
    defs: Schema = {
        name: {"type": "object", "properties": {"type": {"const": name}, name: {}}, "required": [name]} for name in HOSTILE
    }
    schema = {"type": "object", "properties": {**members, "union": {"anyOf": branches}}}
    names = [f"s{name}" for name in HOSTILE]
    shared: list[Schema] = [row(name, path=f"/s{i}", body={"kind": "json", "schema": schema}) for i, name in enumerate(names)]
    a_rows = [row(name, method=name, path=f"/{i}{name}") for i, name in enumerate(HOSTILE)]
    a_rows += [row("one", reply={"schema": {"anyOf": branches[2:]}}), *shared]
    nothing = {"kind": "json", "schema": {"type": "object", "properties": {}}}
    b_rows = [row("one", reply={"schema": {"anyOf": branches[:4]}})]
    b_rows += [{**one, "credential": HOSTILE[0], "body": nothing} for one in shared]
    b_defs = {name: {**one, "properties": {"type": {"const": name}}} for name, one in defs.items()}
    return compare(Side(HOSTILE[0], a_rows, defs, HOSTILE), Side(HOSTILE[1], b_rows, b_defs))


PAGES = {"kinds": of_kinds(), "hostile": of_hostile_names(), "nothing": compare(Side("a", [], {}), Side("a", [], {}))}


@pytest.fixture(params=PAGES)
def found(request: pytest.FixtureRequest) -> Comparison:
    """Each of the comparisons."""
    return PAGES[request.param]


# --- The text of the page -----------------------------------------------------------------------------------


def test_the_page_is_whole_and_alone(found: Comparison) -> None:
    """Every element ends where it should, and nothing is fetched: the only links lead into the page itself."""
    page = Reader(as_html(found))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("href", "src", "action", "data")
    ]
    assert {link and link.removeprefix("#") for link in links} <= set(ids)
    assert all(link and link.startswith("#") for link in links)
    assert not {"link", "img", "iframe", "object", "base"} & {name for name, _ in page.elements}


def test_the_page_lets_only_its_own_style_and_script_through(found: Comparison) -> None:
    """The policy names them by their digest; there is one of each, and no handler in an attribute."""
    text = as_html(found)
    page = Reader(text)
    policy = next(
        attributes["content"] for attributes in page.all("meta") if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None and policy.startswith("default-src 'none'; ")
    for kind in ("style", "script"):
        assert len(page.all(kind)) == 1
        (inside,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on") or name == "style"]


def test_headings_and_tables_are_real(found: Comparison) -> None:
    """One h1, no level is left out, every table has a caption, heads of columns and heads of rows."""
    page = Reader(as_html(found))
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    assert len(page.all("table")) == len(page.all("caption")) == len(page.all("thead"))
    scopes = [attributes.get("scope") for attributes in page.all("th")]
    assert set(scopes) <= {"col", "row"}
    assert scopes.count("row") == len(page.all("tr")) - len(page.all("thead"))


def test_the_page_says_what_is_found() -> None:
    """Numbers, both sides, notes, every difference with its place, branches and other places."""
    page = Reader(as_html(PAGES["kinds"]))
    assert page.text("h1") == ["left → right"]
    assert page.text("h2") == ["Breaks (14)", "May break (2)", "Harmless (3)"]
    assert page.text("h3")[0] == "Routes that right has not (13)"
    everything = " ".join(text for _, text in page.texts)
    for text in (
        "right: a note",
        "parts[].text",
        'where parts[]: type "text"',
        "in Text",
        "chat.change reply last.text",
        "maximum 5",
    ):
        assert text in everything


def test_where_nothing_differs_the_page_says_so() -> None:
    """And has no tables."""
    page = Reader(as_html(PAGES["nothing"]))
    assert "No differences." in page.text("strong")
    assert page.all("table") == []


def test_other_places_are_told_and_cut() -> None:
    """Those that are listed, and how many there are in all."""
    one = next(one for one in PAGES["kinds"].differences if one.also)
    also = (*one.also, *[Place("chat.create", "reply")] * MOST_PLACES)
    page = Reader(as_html(PAGES["kinds"]._replace(differences=(one._replace(also=also),))))
    assert f"also at {len(also)} other places" in page.text("summary")
    assert f"and {len(also) - MOST_PLACES} more" in page.text("li")


def test_hostile_names_stay_text() -> None:
    """No element comes of a name, and what turns a line round or moves a cursor is written out."""
    page = Reader(as_html(PAGES["hostile"]))
    assert {name for name, _ in page.elements} == {name for name, _ in Reader(as_html(PAGES["kinds"])).elements}
    everything = " ".join(text for kind, text in page.texts if kind not in ("script", "style"))
    assert "\\u202egnp.exe" in everything and "\\x1b" in everything
    assert all(char.isprintable() or char in "\n" for char in everything)
    assert "<script>window.hacked = 1</script>" in everything
    assert "$title" in everything


def test_an_element_escapes() -> None:
    """Text and attributes; what is an element already stays one; None is nothing."""
    inner = element("b", "<i>", None)
    assert inner == "<b>&lt;i&gt;</b>"
    assert (
        element("p", inner, "&", class_='"x"', data_a="", hidden="")
        == '<p class="&quot;x&quot;" data-a hidden><b>&lt;i&gt;</b>&amp;</p>'
    )


# --- In a browser -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    if PROGRAM is None:
        pytest.skip(NONE)
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages as files."""
    folder = tmp_path_factory.mktemp("pages")
    for name, comparison in PAGES.items():
        (folder / f"{name}.html").write_text(as_html(comparison), "utf-8")
    return {name: folder / f"{name}.html" for name in PAGES}


#: How many rows of differences can be seen.
SHOWN = "[...document.querySelectorAll('[data-find]')].filter((row) => row.checkVisibility()).length"

ALL = len(PAGES["kinds"].differences)


@pytest.mark.parametrize("name", PAGES)
def test_a_browser_has_nothing_to_complain_of(browser: Browser, files: dict[str, Path], name: str) -> None:
    """Nothing but the file is asked for, nothing is logged or refused, and no name has become a script."""
    browser.show(files[name])
    assert browser.evaluate("typeof window.hacked") == "undefined"
    assert browser.evaluate("document.readyState") == "complete"
    asked = [event["params"]["request"]["url"] for event in browser.heard if event["method"] == "Network.requestWillBeSent"]
    assert asked == [files[name].as_uri()]
    loud = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Page.javascriptDialogOpening")
    assert [event for event in browser.heard if event["method"] in loud] == []
    assert browser.evaluate("document.compatMode") == "CSS1Compat"


def test_without_its_script_the_page_is_read(browser: Browser, files: dict[str, Path]) -> None:
    """All is there but the filter, which would do nothing; what is folded can be unfolded."""
    browser.show(files["kinds"], script=False)
    assert browser.evaluate("document.getElementById('filter').checkVisibility()") is False
    assert browser.evaluate(SHOWN) == ALL - ALONE - 1
    browser.evaluate("document.querySelectorAll('details[data-group] > summary').forEach((summary) => summary.click())")
    assert browser.evaluate(SHOWN) == ALL


def test_the_filter_finds_routes_and_places(browser: Browser, files: dict[str, Path]) -> None:
    """Words of a route or place leave what has all of them, unfolded; groups without any are gone, and the count says it."""
    browser.show(files["kinds"])

    def wanted(text: str) -> tuple[int, str, int]:
        typed = f"document.getElementById('wanted').value = {text!r}"
        browser.evaluate(f"{typed}; document.getElementById('wanted').dispatchEvent(new Event('input', {{bubbles: true}}))")
        headings = browser.evaluate("[...document.querySelectorAll('h2, h3')].filter((head) => head.checkVisibility()).length")
        return browser.evaluate(SHOWN), browser.evaluate("document.getElementById('shown').textContent"), headings

    assert wanted("Admin.R1") == (4, f"4 of {ALL} shown", 2)
    assert wanted("chat.change last.text")[0] == 1
    assert wanted("no such route") == (0, f"0 of {ALL} shown", 0)
    assert wanted("")[0] == ALL


def test_the_filter_leaves_severities_out(browser: Browser, files: dict[str, Path]) -> None:
    """A severity that is switched off is gone with its heading, and comes back."""
    browser.show(files["kinds"])
    harmless = sum(one.severity == "harmless" for one in PAGES["kinds"].differences)
    for count in (ALL - harmless, ALL):
        browser.evaluate("document.querySelector('input[value=harmless]').click()")
        assert browser.evaluate("document.getElementById('shown').textContent") == f"{count} of {ALL} shown"
        assert browser.evaluate("document.getElementById('harmless').checkVisibility()") is (count == ALL)


def test_the_page_is_used_by_keyboard(browser: Browser, files: dict[str, Path]) -> None:
    """Tab reaches links, filter, switches and what can be unfolded, each with a mark that is seen; Enter unfolds."""
    browser.show(files["kinds"])
    reached = []
    for _ in range(60):
        browser.press("Tab")
        reached.append(browser.evaluate("document.activeElement.tagName"))
        if reached[-1] == "BODY":
            break
        assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        if reached[-1] == "SUMMARY":
            before = browser.evaluate("document.activeElement.parentElement.open")
            browser.press("Enter")
            assert browser.evaluate("document.activeElement.parentElement.open") is not before
    assert {"A", "INPUT", "SUMMARY"} <= set(reached)
    assert reached.count("INPUT") == 4


#: The least contrast of a text that can be seen with what is behind it (WCAG 2, 1.4.3).
CONTRAST = """
(() => {
  const light = (color) => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  let least = 21;
  for (const node of document.body.querySelectorAll("*")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.tagName === "CAPTION") continue;
    const [one, two] = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
    least = Math.min(least, (one + 0.05) / (two + 0.05));
  }
  return least;
})()
"""


def test_light_and_dark_can_be_read(browser: Browser, files: dict[str, Path]) -> None:
    """Each scheme has a ground of its own, and every text stands out from it."""
    grounds = {}
    for scheme in ("light", "dark"):
        browser.show(files["kinds"], scheme=scheme)
        grounds[scheme] = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        assert browser.evaluate(CONTRAST) >= 4.5
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}


@pytest.mark.parametrize("width", [320, 700, 1200])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_fits_its_window(browser: Browser, files: dict[str, Path], name: str, width: int) -> None:
    """Nothing is wider than the window, long names included, and what stands side by side or stacked is seen."""
    browser.show(files[name], width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("document.querySelectorAll('[data-find]').length") == len(PAGES[name].differences)


def test_a_screen_reader_hears_what_is_there(browser: Browser, files: dict[str, Path]) -> None:
    """Headings with their levels, tables with names and heads, the filter and its switches with labels."""
    browser.show(files["kinds"])
    nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
    heard: dict[str, list[str]] = {}
    for node in nodes:
        if not node["ignored"]:
            heard.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    assert heard["main"] and heard["banner"] and heard["search"]
    assert "Breaks (14)" in heard["heading"]
    assert "chat.create: breaks" in heard["table"]
    assert {"Part", "Where", "What", "left", "right"} <= set(heard["columnheader"])
    assert any(name.startswith("parts[].text") for name in heard["rowheader"])
    assert [name.partition(" (")[0] for name in heard["checkbox"]] == ["breaks", "may break", "harmless"]
    assert heard["searchbox"] == ["Route or place"]
