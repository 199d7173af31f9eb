"""The page of the providers: where each is, how many of its deviations are held, and what is not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doc_tables import table_of

from oai_dyn.catalog import packaged_names
from oai_dyn.profiles import load

#: What is known of the deviations, and how each is shown to be held: the tests run these.
DEVIATIONS = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "deviations"

#: What a deviation comes to, and what that means.
STATUSES = {
    "held": "the request is brought into the service's form, or its answer into OpenAI's",
    "refused": "the request is refused before it is sent, with its place and the reason",
    "not held": "it is left as it is, for the reason below",
}

SIDES = {"request": "requests", "reply": "replies", "stream": "streams", "error": "errors"}

INTRO = """\
<!-- Written by scripts/write_docs.py. Do not edit: `make docs` writes it anew. -->

# Other providers

`Client("NAME")` takes one of these {count} profiles. A profile says where a service is, which variable holds its key, and how
it deviates from OpenAI; with it a request in OpenAI's form arrives as the service wants it, and what comes back looks the
same from everywhere. `oai-dyn providers NAME` explains one, rule by rule. What a service cannot do is told: once as a
`LossWarning`, or as a `ValidationError` with `strict_params=True`. `normalize=False` leaves answers as they come. [Writing a
profile](profiles.md) tells how to make one, or to lay yours over one of these.

- [The services](#the-services)
- [What is refused](#what-is-refused)
- [What is not held](#what-is-not-held)

## How they deviate

The deviations are known from the services' own documents and sources, from their SDKs, and from what other clients do; none
was tried against a live service. Each rule of a profile names where it is known from. A test shows each deviation that is
held, with a request, a reply or a stream of the service's kind.

{totals}
"""


def page() -> str:
    """The whole page."""
    known = {document["provider"]: document["differences"] for document in map(_read, sorted(DEVIATIONS.glob("*.json")))}
    names = packaged_names("providers")
    head = ("name", "service", "kind", "address", "rows", "rules", *SIDES.values())
    services = table_of(head, (_line(name, known.get(name, [])) for name in names))
    return "\n".join(
        [
            INTRO.format(count=len(names), totals=_totals(known)),
            "## The services\n",
            "Rows: its own (+), and those that it lacks (-). The last columns: deviations held or refused, of those known.\n",
            services,
            "\n## What is refused\n",
            *_listed(known, "refused"),
            "\n## What is not held\n",
            *_listed(known, "not held"),
            "",
        ]
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _totals(known: dict[str, list[dict[str, Any]]]) -> str:
    counts = Counter((one["status"], one["id"].partition("/")[0]) for every in known.values() for one in every)
    lines = [
        (status, *(str(counts[status, side]) for side in SIDES), str(sum(counts[status, side] for side in SIDES)), meaning)
        for status, meaning in STATUSES.items()
    ]
    return table_of(("deviations", *SIDES.values(), "all", "means"), lines)


def _line(name: str, differences: list[dict[str, Any]]) -> tuple[str, ...]:
    profile = load(name)
    routes = profile.get("routes", ())
    own = [f"+`{row['name']}`" for row in routes] if isinstance(routes, list) else []
    rows = " ".join([*own, *(f"-`{pattern}`" for pattern in profile.get("absent", ()))])
    rules = sum(len(profile.get(member, ())) for member in ("request", "reply", "errors"))
    title = profile.get("title", name)
    service = f"[{title}]({profile['docs']})" if "docs" in profile else title
    address = f"`{profile['base_url']}`" if "base_url" in profile else ""
    kind = ", ".join(profile[member] for member in ("kind", "status") if member in profile)
    return (f"`{name}`", service, kind, address, rows, str(rules or ""), *(_held(differences, side) for side in SIDES))


def _held(differences: list[dict[str, Any]], side: str) -> str:
    of_side = [one["status"] for one in differences if one["id"].startswith(f"{side}/")]
    return f"{sum(status != 'not held' for status in of_side)} of {len(of_side)}" if of_side else ""


def _listed(known: dict[str, list[dict[str, Any]]], status: str) -> Iterator[str]:
    for provider, differences in known.items():
        for one in differences:
            if one["status"] == status:
                why = f": {one['reason']}" if "reason" in one else ""
                yield f"- `{provider}`, {SIDES[one['id'].partition('/')[0]]}, {one['tag'].replace('_', ' ')}{why}"
