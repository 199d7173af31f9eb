"""Two tables with their schemas against each other: what breaks for a caller who wrote for A and now talks to B.

    found = compare(side("openai"), side("http://localhost:4000"))     # or `Side(...)` of rows and schemas of your own
    for one in found.differences:                                      # the worst first
        print(one.severity, one.place.route, one.place.part, one.place.path, one.message)

Rules of this folder: nothing is sent to either side but for the document that is asked for; whatever the two hold, a
comparison is bounded, ends, and is the same each time.
"""

from __future__ import annotations

from .comparing import compare
from .html import as_html
from .report import Comparison, Difference, Named, Place
from .sides import Side
from .sources import side
from .text import as_text

__all__ = ["Comparison", "Difference", "Named", "Place", "Side", "as_html", "as_text", "compare", "side"]
