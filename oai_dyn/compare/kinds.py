"""What can differ, and how badly it hurts a caller who wrote for A and now talks to B.

Rules of this file: a table and nothing that acts on schemas. The order of the table is the order of telling
among differences that hurt equally.
"""

from __future__ import annotations

from typing import NamedTuple

#: A call that is right for A fails at B, or its answer lacks what A promised.
BREAKS = "breaks"
#: It depends on the values that are sent or come back, or on how strict the caller is.
MAY_BREAK = "may-break"
#: A caller who wrote for A does not notice.
HARMLESS = "harmless"

#: From the worst on, with the words for a heading.
SEVERITIES: dict[str, str] = {BREAKS: "breaks", MAY_BREAK: "may break", HARMLESS: "harmless"}

#: What each severity means, for a reader: `{a}` and `{b}` are the labels of the two sides.
MEANINGS: dict[str, str] = {
    BREAKS: "a call that is right for {a} fails at {b}, or its answer lacks what {a} promises",
    MAY_BREAK: "depends on the values sent or received, or on how strict the caller is",
    HARMLESS: "a caller who wrote for {a} does not notice",
}

#: The parts of a row, and those of them that the caller receives and does not send.
PARTS = ("route", "path", "query", "header", "body", "reply", "event")
RECEIVED = ("reply", "event")


class Kind(NamedTuple):
    """How a kind of difference hurts in what is sent and in what is received, and what it is."""

    request: str
    reply: str
    title: str


KINDS: dict[str, Kind] = {
    # routes
    "route-missing": Kind(BREAKS, BREAKS, "route missing"),
    "method": Kind(BREAKS, BREAKS, "method changed"),
    "path": Kind(BREAKS, BREAKS, "path changed"),
    "credential": Kind(BREAKS, BREAKS, "another credential"),
    "body-kind": Kind(BREAKS, BREAKS, "another kind of body"),
    "reply-kind": Kind(BREAKS, BREAKS, "another kind of answer"),
    "stream-missing": Kind(BREAKS, BREAKS, "does not stream"),
    "stream-ask": Kind(BREAKS, BREAKS, "a stream is asked for otherwise"),
    "page": Kind(MAY_BREAK, MAY_BREAK, "pages go on otherwise"),
    "reply-unsaid": Kind(MAY_BREAK, MAY_BREAK, "answer not described"),
    "reply-also": Kind(MAY_BREAK, MAY_BREAK, "more kinds of answer"),
    "stream-unsaid": Kind(MAY_BREAK, MAY_BREAK, "not said to stream"),
    "body-missing": Kind(MAY_BREAK, MAY_BREAK, "not said to take a body"),
    # members and parameters
    "required-missing": Kind(BREAKS, BREAKS, "missing, was required"),
    "required-added": Kind(BREAKS, HARMLESS, "new and required"),
    "required-renamed": Kind(BREAKS, BREAKS, "seems renamed"),
    "now-required": Kind(BREAKS, HARMLESS, "required, was optional"),
    "refused": Kind(BREAKS, MAY_BREAK, "refused as unknown"),
    "renamed": Kind(MAY_BREAK, MAY_BREAK, "seems renamed"),
    "missing": Kind(MAY_BREAK, MAY_BREAK, "missing"),
    "not-required": Kind(HARMLESS, MAY_BREAK, "optional, was required"),
    "closed": Kind(MAY_BREAK, HARMLESS, "unknown members are refused"),
    # values
    "type-changed": Kind(BREAKS, BREAKS, "another type"),
    "type-narrowed": Kind(BREAKS, HARMLESS, "fewer types"),
    "type-widened": Kind(HARMLESS, MAY_BREAK, "more types"),
    "branch-missing": Kind(BREAKS, HARMLESS, "a shape is missing"),
    "branch-added": Kind(HARMLESS, MAY_BREAK, "a shape is new"),
    "values-removed": Kind(BREAKS, HARMLESS, "values removed"),
    "values-added": Kind(HARMLESS, MAY_BREAK, "values added"),
    "values-closed": Kind(BREAKS, HARMLESS, "only these values, was any"),
    "values-opened": Kind(HARMLESS, MAY_BREAK, "any value, was only these"),
    "null-removed": Kind(MAY_BREAK, HARMLESS, "may not be null any more"),
    "null-added": Kind(HARMLESS, MAY_BREAK, "may be null"),
    "bounds-tighter": Kind(MAY_BREAK, HARMLESS, "bounds are tighter"),
    "rule": Kind(MAY_BREAK, MAY_BREAK, "a rule changed"),
    "default": Kind(MAY_BREAK, HARMLESS, "another default"),
    "undescribed": Kind(HARMLESS, MAY_BREAK, "not described"),
    # what a caller does not notice
    "bounds-wider": Kind(HARMLESS, HARMLESS, "bounds are wider"),
    "described": Kind(HARMLESS, HARMLESS, "described, was not"),
    "added": Kind(HARMLESS, HARMLESS, "new"),
    "body-also": Kind(HARMLESS, HARMLESS, "more kinds of body"),
    "route-added": Kind(HARMLESS, HARMLESS, "route new"),
    "route-name": Kind(HARMLESS, HARMLESS, "has another name"),
    "path-name": Kind(HARMLESS, HARMLESS, "has another name, in the same place"),
    "stream-added": Kind(HARMLESS, HARMLESS, "streams"),
    "deprecated": Kind(HARMLESS, HARMLESS, "deprecated"),
}

#: Kinds in the order of telling.
RANK: dict[str, int] = {kind: rank for rank, kind in enumerate(KINDS)}


def severity(kind: str, part: str) -> str:
    """How badly a difference of this kind hurts in this part of a row."""
    found = KINDS[kind]
    return found.reply if part in RECEIVED else found.request
