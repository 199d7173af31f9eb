"""Warnings of ours, told at the line of the user's that led to them."""

from __future__ import annotations

import sys
import warnings


def warn(warning: Warning) -> None:
    """Issue a warning that points at the first line up the stack that is not ours."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "oai_dyn":
        frame, level = frame.f_back, level + 1
    warnings.warn(warning, stacklevel=level)
