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

#: The parts of a row, and whether the caller sends them (True) or receives them.
PARTS: dict[str, bool] = {
    "route": True,
    "path": True,
    "query": True,
    "header": True,
    "body": True,
    "reply": False,
    "event": False,
}


class Kind(NamedTuple):
    """How a kind of difference hurts in what is sent and in what is received, and how it is said.

    title   what it is, where what was before and is after stand beside it
    words   the same as a whole: they may hold {before} and {after}
    """

    request: str
    reply: str
    title: str
    words: str


KINDS: dict[str, Kind] = {
    # routes
    "route-missing": Kind(BREAKS, BREAKS, "route missing", "route missing; was {before}"),
    "method": Kind(BREAKS, BREAKS, "method changed", "method changed from {before} to {after}"),
    "path": Kind(BREAKS, BREAKS, "path changed", "path changed from {before} to {after}"),
    "credential": Kind(BREAKS, BREAKS, "another credential", "takes {after}, was {before}"),
    "body-kind": Kind(BREAKS, BREAKS, "another kind of body", "body is {after}, was {before}"),
    "reply-kind": Kind(BREAKS, BREAKS, "another kind of answer", "answers {after}, was {before}"),
    "reply-unsaid": Kind(MAY_BREAK, MAY_BREAK, "answer not described", "says of its answer only {after}, was {before}"),
    "reply-also": Kind(MAY_BREAK, MAY_BREAK, "more kinds of answer", "also answers {after}, was {before}"),
    "stream-missing": Kind(BREAKS, BREAKS, "does not stream", "does not stream"),
    "stream-ask": Kind(BREAKS, BREAKS, "a stream is asked for otherwise", "a stream is asked for by {after}, was {before}"),
    "page-changed": Kind(BREAKS, BREAKS, "pages go on otherwise", "pages go on by {after}, was {before}"),
    "stream-unsaid": Kind(MAY_BREAK, MAY_BREAK, "not said to stream", "is not said to stream"),
    "body-missing": Kind(MAY_BREAK, MAY_BREAK, "not said to take a body", "is not said to take a body, was {before}"),
    "page-missing": Kind(MAY_BREAK, MAY_BREAK, "has no pages", "has no pages; was {before}"),
    "page-added": Kind(MAY_BREAK, MAY_BREAK, "comes in pages", "comes in pages: {after}"),
    "stream-end": Kind(MAY_BREAK, MAY_BREAK, "a stream ends otherwise", "a stream is whole by {after}, was {before}"),
    "fixed": Kind(MAY_BREAK, MAY_BREAK, "wants something with every request", "wants {after} with every request, was {before}"),
    "body-added": Kind(MAY_BREAK, MAY_BREAK, "takes a body", "takes a body: {after}"),
    "unsafe": Kind(MAY_BREAK, MAY_BREAK, "not safe to send twice any more", "is not safe to send twice any more"),
    # members and parameters
    "required-missing": Kind(BREAKS, BREAKS, "missing, was required", "missing; was {before}, required"),
    "required-added": Kind(BREAKS, HARMLESS, "new and required", "required, and new: {after}"),
    "required-renamed": Kind(BREAKS, BREAKS, "seems renamed", "seems renamed to {after}"),
    "now-required": Kind(BREAKS, HARMLESS, "required, was optional", "required, was optional"),
    "refused": Kind(BREAKS, MAY_BREAK, "refused as unknown", "refused as unknown; was {before}"),
    "renamed": Kind(MAY_BREAK, MAY_BREAK, "seems renamed", "seems renamed to {after}"),
    "missing": Kind(MAY_BREAK, MAY_BREAK, "missing", "missing; was {before}"),
    "not-required": Kind(HARMLESS, MAY_BREAK, "optional, was required", "optional, was required"),
    "closed": Kind(MAY_BREAK, HARMLESS, "unknown members are refused", "unknown members are refused"),
    # values
    "type-changed": Kind(BREAKS, BREAKS, "another type", "type is {after}, was {before}"),
    "type-narrowed": Kind(BREAKS, HARMLESS, "fewer types", "type narrowed to {after}, was {before}"),
    "type-widened": Kind(HARMLESS, MAY_BREAK, "more types", "type widened to {after}, was {before}"),
    "branch-missing": Kind(BREAKS, HARMLESS, "a shape is missing", "may no longer be {before}"),
    "branch-added": Kind(HARMLESS, MAY_BREAK, "a shape is new", "may also be {after}"),
    "values-removed": Kind(BREAKS, HARMLESS, "values removed", "values removed: {before}"),
    "values-added": Kind(HARMLESS, MAY_BREAK, "values added", "values added: {after}"),
    "values-closed": Kind(BREAKS, HARMLESS, "only these values, was any", "only these values: {after}; was any"),
    "values-opened": Kind(HARMLESS, MAY_BREAK, "any value, was only these", "any value; was only {before}"),
    "null-removed": Kind(MAY_BREAK, HARMLESS, "may not be null any more", "may not be null any more"),
    "null-added": Kind(HARMLESS, MAY_BREAK, "may be null", "may be null"),
    "bounds-tighter": Kind(MAY_BREAK, HARMLESS, "bounds are tighter", "bounds are tighter: {after}, was {before}"),
    "bounds-changed": Kind(MAY_BREAK, MAY_BREAK, "bounds changed", "bounds changed: {after}, was {before}"),
    "rule": Kind(MAY_BREAK, MAY_BREAK, "a rule changed", "rule changed: {after}, was {before}"),
    "default": Kind(MAY_BREAK, HARMLESS, "another default", "left out, it is {after}; was {before}"),
    "undescribed": Kind(HARMLESS, MAY_BREAK, "not described", "not described; was {before}"),
    # what a caller does not notice
    "bounds-wider": Kind(HARMLESS, HARMLESS, "bounds are wider", "bounds are wider: {after}, was {before}"),
    "format": Kind(HARMLESS, HARMLESS, "another format", "format changed: {after}, was {before}"),
    "described": Kind(HARMLESS, HARMLESS, "described, was not", "described as {after}; was not described"),
    "opened": Kind(HARMLESS, HARMLESS, "unknown members are allowed", "unknown members are allowed"),
    "added": Kind(HARMLESS, HARMLESS, "new", "new: {after}"),
    "body-also": Kind(HARMLESS, HARMLESS, "more kinds of body", "body is also {after}, was {before}"),
    "reply-added": Kind(HARMLESS, HARMLESS, "answers something", "answers {after}, was nothing"),
    "reply-fewer": Kind(HARMLESS, HARMLESS, "fewer kinds of answer", "answers only {after}, was {before}"),
    "route-added": Kind(HARMLESS, HARMLESS, "route new", "route new: {after}"),
    "route-name": Kind(HARMLESS, HARMLESS, "has another name", "is called {after} there"),
    "path-name": Kind(
        HARMLESS, HARMLESS, "has another name, in the same place", "is called {after}, in the same place of the path"
    ),
    "stream-added": Kind(HARMLESS, HARMLESS, "streams", "streams, asked for by {after}"),
    "fixed-gone": Kind(HARMLESS, HARMLESS, "wants less with every request", "needs no {before} with every request"),
    "safe": Kind(HARMLESS, HARMLESS, "safe to send twice", "is safe to send twice"),
    "deprecated": Kind(HARMLESS, HARMLESS, "deprecated", "deprecated"),
}

#: Kinds in the order of telling.
RANK: dict[str, int] = {kind: rank for rank, kind in enumerate(KINDS)}


def severity(kind: str, part: str) -> str:
    """How badly a difference of this kind hurts in this part of a row."""
    found = KINDS[kind]
    return found.request if PARTS[part] else found.reply
