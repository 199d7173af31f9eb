"""Everything in which an error, a notice or a log record could carry a secret away, as text to look through.

`shown(error)` gives pairs of a place and what is printed there: its text, its members, its pickle, and the same of
every error that it came from; `shown_by_frames(error)` the locals of the library's own frames in its traceback.
"""

from __future__ import annotations

import contextlib
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import oai_dyn

PACKAGE = Path(oai_dyn.__file__).parent


def chain(error: BaseException) -> list[BaseException]:
    """The error, its causes and its contexts."""
    found = [error]
    for link in found:
        found += [e for e in (link.__cause__, link.__context__) if e is not None and e not in found]
    return found


def frame_locals(trace: TracebackType | None) -> Iterator[tuple[str, str]]:
    """Every local of the library's own frames, as a crash reporter prints it."""
    while trace is not None:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).parent == PACKAGE:
            for name, value in trace.tb_frame.f_locals.items():
                with contextlib.suppress(AttributeError):  # a client whose making failed has nothing to show
                    yield f"{Path(code.co_filename).name} {code.co_name}() {name}", repr(value)
        trace = trace.tb_next


def shown(error: BaseException) -> Iterator[tuple[str, str]]:
    """All that an error itself shows, each with its place."""
    for link in chain(error):
        kind = type(link).__name__
        yield f"{kind} str", str(link)
        yield f"{kind} repr", repr(link)
        yield f"{kind} args", repr(link.args)
        yield from ((f"{kind}.{name}", repr(value)) for name, value in vars(link).items())
        yield f"{kind} printed", "".join(traceback.format_exception_only(link))
        yield f"{kind} pickle", pickle.dumps(link).decode("latin-1") if isinstance(link, oai_dyn.OaiDynError) else ""


def shown_by_frames(error: BaseException) -> Iterator[tuple[str, str]]:
    """All locals of our frames in the traceback of an error and of what it came from."""
    for link in chain(error):
        yield from frame_locals(link.__traceback__)


def leaks(found: Iterator[tuple[str, str]], *secrets: str) -> list[str]:
    """The places where one of the secrets is shown."""
    return sorted({place for place, text in found for secret in secrets if secret in text})
