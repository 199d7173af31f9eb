"""Write docs/routes.md from the route table and from the schema of its rows, docs/api/*.md from the rows' schemas, and
docs/providers.md from the profiles and what is known of their deviations.

    python scripts/write_docs.py [FOLDER] [--check]

Without FOLDER it is docs/. With --check nothing is written: exit status 1 if a page is not what the package gives.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import group_pages
import provider_page
from doc_tables import KINDS, MARKS, marks_of, quoted, table_of, where_of

from oai_dyn.catalog import packaged
from oai_dyn.routes import bundled
from oai_dyn.wire import Route

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGE = "routes.md"

Json = dict[str, Any]

#: The row that the page shows as an example: it has most kinds of members.
EXAMPLE = "beta.threads.runs.create"

INTRO = """\
<!-- Written by scripts/write_docs.py. Do not edit: `make docs` writes it anew. -->

# Routes

The table has {count} rows, in `oai_dyn/data/routes.json`. A row is found by its name (`client.files.list`,
`client.call("files.list")`), by its operationId and by its method and path (`client.call("GET /files")`).
Where several rows share an operationId or a path, the first that is not deprecated is found by it.
`oai-dyn routes NAME` and `help()` say the same of a row as this page, with its parameters; so does the page of its group, with
what they hold and the schemas of what is sent and answered.

- [How to read a row](#how-to-read-a-row)
- [What a row does not say](#what-a-row-does-not-say)
- [Rows of your own](#rows-of-your-own)
- [The rows](#the-rows)

## How to read a row

A file of rows is `{{"routes": [...]}}`, in JSON or TOML; `schemas/route-table.json` describes it. In the bundled file a row is
one line, and a member that has its default is left out. This one, `{example}`, is broken into lines:

```json
{row}
```
"""

SECTIONS: dict[str, str] = {
    "": "The members of a row.",
    "body": "`body` says what is sent.",
    "reply": "`reply` says what comes back when the call does not stream.",
    "stream": "`stream` says when the call streams and what ends the stream. Without it the row never streams.",
    "page": "`page` says how a list goes on. Without it the answer is no list.",
}

NOTES: dict[str, str] = {
    "body": """\
A `multipart` row is written as a form. With `or`, a call that holds no file is written as JSON instead. `parts` gives members of
a form a content type: one of `application/json` is written as a single part of JSON, where another object would become a part
for each of its members. `sole` names a part that, when nothing else is given and it is text, is sent as the whole body, with its
content type from `parts`.
""",
    "stream": """\
A mark is compared with the whole data of an event (`[DONE]`), with its name (its `event:` line), and with the member `type` of
its data. A mark that is an event of its own is handed over like any other; `[DONE]` and an empty named event are not.

- An event with a mark of `last` ends the stream. What follows it is not waited for.
- After a mark of `complete` the body may end; more events may come. A mark of `reopen` takes that back: from there on the body
  may not end until the next mark of `complete`.
- With `finish` the body may end once every choice that was seen has had a `finish_reason`.
- With `eof` the body may end at any time.
- `[DONE]` stops the reading of every stream, for many servers send it; where it is no mark of the row it counts as the end of
  the body.
- A body that ends otherwise was cut, and raises `StreamTruncated`.

With `envelope` an event is handed over as `{"event": name, "data": data}`, for rows whose events say what they are by their name
only.
""",
    "page": """\
`cursor` is followed inside the answer: `["data", -1, "id"]` is the `id` of the last item. The next page is asked for by the same
call with the cursor as `param`. The list ends where `more` is false, where the cursor is not there, null or empty; without
`cursor` there is one page. A cursor that comes twice is an error.
""",
}

OUTRO = """\
## What a row does not say

Query strings and forms are written the same way for every row: a list repeats its key as `name[]`, an object nests as
`name[key]`, booleans are `true` and `false`, and what is `None` is left out. In JSON `None` is `null`. Path values are
percent-encoded, one segment each.

## Rows of your own

`Client(routes=...)` takes the path of a JSON or TOML file, or the same as a dict. A row whose name is in the table is laid over
that row, member by member: a member that it has replaces the other one whole. A row with a new name needs `method` and `path`.
A row with `remove: true` takes the row of that name out. A provider profile's `routes` is a list of such rows; it is laid over
the table first. A wrong row is refused when the client is made, with file, row and member.

## The rows

{legend}

{contents}
"""


def page() -> str:
    """The whole page."""
    table = bundled()
    routes = [table.find(name) for name in table.names]
    example = ",\n ".join(f'"{name}": {json.dumps(value)}' for name, value in table.row(EXAMPLE).items())
    groups: dict[str, list[Route]] = {}
    for route in sorted(routes, key=lambda route: route.name):
        groups.setdefault(group_of(route.name), []).append(route)
    parts = [INTRO.format(count=len(routes), example=EXAMPLE, row=f"{{{example}}}")]
    parts += [section(owner, lead) for owner, lead in SECTIONS.items()]
    legend = table_of(("mark", "means"), ((word, meaning) for word, meaning, _ in MARKS))
    contents = "\n".join(f"- [{name}](#{anchor(name)}): {len(rows)}" for name, rows in groups.items())
    parts.append(OUTRO.format(legend=legend, contents=contents))
    parts += [
        f"### {name}\n\n{table_of(('name', 'method and path', 'marks'), map(line_of, rows))}\n" for name, rows in groups.items()
    ]
    return "\n".join(parts)


def group_of(name: str) -> str:
    """The API group of a row: the first part of its name; of the large groups admin and beta a part more."""
    parts = name.split(".")
    return ".".join(parts[: {"admin": 3, "beta": 2}.get(parts[0], 1)])


def anchor(heading: str) -> str:
    """The fragment that a heading of these is linked by."""
    return heading.replace(".", "").lower()


def line_of(route: Route) -> tuple[str, str, str]:
    """The cells of a row: its name, which leads to its own page, where it goes, and what is particular about it."""
    page = f"api/{route.name.partition('.')[0]}.md#{anchor(route.name)}"
    return f"[`{route.name}`]({page})", f"`{where_of(route)}`", marks_of(route)


def section(owner: str, lead: str) -> str:
    """The members of a row, or of one of its members, as the schema has them."""
    schema = packaged("schemas/route-table.json")["$defs"]
    described = resolved(schema, schema["row"])
    if owner:
        described = resolved(schema, described["properties"][owner])
    inner = [] if owner else list(SECTIONS)
    lines = members(schema, described, inner)
    title = f"### {owner}\n\n" if owner else ""
    notes = f"\n{NOTES[owner]}" if owner in NOTES else ""
    return f"{title}{lead}\n\n{table_of(('member', 'holds', 'default', 'meaning'), lines)}\n{notes}"


def members(schema: Json, described: Json, apart: list[str], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Name, kind, default and meaning of every member, with those of a member below it; `apart` have a section of their own."""
    needed = described.get("required", ())
    for name, reference in described["properties"].items():
        member = resolved(schema, reference)
        default = "needed" if name in needed else quoted(member["default"]) if "default" in member else ""
        yield f"`{prefix}{name}`", kind_of(schema, member), default, member.get("description", "")
        if "properties" in member and name not in apart:
            yield from members(schema, member, apart, f"{prefix}{name}.")


def resolved(schema: Json, member: Json) -> Json:
    """A description with what its references say; its own words win."""
    while "$ref" in member:
        rest = {key: value for key, value in member.items() if key != "$ref"}
        member = {**schema[member["$ref"].removeprefix("#/$defs/")], **rest}
    return member


def kind_of(schema: Json, member: Json) -> str:
    """What a member holds, in words."""
    member = resolved(schema, member)
    if values := member.get("enum", [member["const"]] if "const" in member else []):
        return " or ".join(map(quoted, values))
    if branches := member.get("anyOf", member.get("oneOf")):
        return " or ".join(dict.fromkeys(kind_of(schema, branch) for branch in branches))
    kinds = member["type"] if isinstance(member["type"], list) else [member["type"]]
    words = " or ".join(KINDS[kind] for kind in kinds)
    if "items" in member:
        return f"{words} of {kind_of(schema, member['items'])}"
    if isinstance(inner := member.get("additionalProperties"), dict):
        return f"{words} of {kind_of(schema, inner)}"
    return words


def pages() -> dict[str, str]:
    """All generated pages, by their place below docs/."""
    return {PAGE: page(), "providers.md": provider_page.page()} | {
        f"api/{group}.md": text for group, text in group_pages.pages().items()
    }


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Write the pages that the route table, the schemas and the profiles give.")
    parser.add_argument("folder", nargs="?", type=Path, default=DOCS, help="where to write them")
    parser.add_argument("--check", action="store_true", help="compare only; exit status 1 if a page is stale")
    options = parser.parse_args(arguments)
    wanted = pages()
    found = {path.relative_to(options.folder).as_posix(): path for path in options.folder.glob("api/*.md")}
    found |= {name: options.folder / name for name in wanted if (options.folder / name).is_file()}
    if options.check:
        stale = sorted(
            name for name in found.keys() | wanted if name not in found or found[name].read_text("utf-8") != wanted.get(name)
        )
        if stale:
            print(f"{', '.join(stale)}: stale; `make docs` writes them anew", file=sys.stderr)
            return 1
        print(f"{options.folder}: fresh")
        return 0
    (options.folder / "api").mkdir(parents=True, exist_ok=True)
    for name in found.keys() - wanted.keys():
        found[name].unlink()
    for name, text in wanted.items():
        (options.folder / name).write_text(text, "utf-8")
    print(f"{options.folder}: {len(wanted)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
