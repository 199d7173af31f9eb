"""Probing a live service: small requests, what is read out of the answers, and a profile that fits.

    seen       one request sent, and its answer as it came
    finding    what a probe found
    readings   what an answer tells of the request: taken, refused, ignored, absent
    refusals   how a service says no
    shapes     what a reply, a stream or a call of a tool has that OpenAI's has not
    table      the probes: what each sends, and what reads the answer
    course     the probes one after the other, and what ends them early
    composing  findings as a profile

Rules of this folder: no probe asks for more than a few tokens; a key that is known to be wrong is never sent, and nothing
that a service quotes of a key is kept; nothing is sent twice but what a profile changes.
"""

from __future__ import annotations

from .composing import composed, written
from .course import Course, Step
from .finding import Finding
from .table import PROBES, Probe, chosen

__all__ = ["PROBES", "Course", "Finding", "Probe", "Step", "chosen", "composed", "written"]
