"""Validation: a chat request of eleven messages and two tools, and each event of a streamed chat; CPU for each.

Plain jsonschema holds the request against OpenAI's published document, where `../shared` has it, else against the
schemas of the package, which are smaller. A stream is read as in `streamed_events`, with each event validated or not.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .measure import Run, Sample
from .payloads import API_KEY, BODY, LONG_BODY, STREAM_EVENTS, require
from .topic import OURS, Reading, Size, Topic

_DOCUMENT: Final = Path(__file__).parents[3] / "shared" / "spec" / "openai-openapi.json"
_NAME: Final = "CreateChatCompletionRequest"
_FAST: Final = f"{OURS}, extra fast"
_PLAIN: Final = "jsonschema"


def _walk_only() -> None:
    from oai_dyn.validation import ready

    ready.fast_engine = lambda: None  # type: ignore[assignment]


def _fast_too() -> None:
    import jsonschema_rs  # noqa: F401  # absent: the candidate is left out


def _requests(prepare: Callable[[], None]) -> Callable[[str], Any]:
    @contextmanager
    def candidate(_url: str) -> Iterator[Run]:
        prepare()
        from oai_dyn.validation import faults

        require(len(faults(_NAME, {**LONG_BODY, "n": "x"})) == 1, "a fault")

        def run(count: int) -> None:
            for _ in range(count):
                require(faults(_NAME, LONG_BODY) == [], "no fault")

        yield run

    return candidate


@contextmanager
def _jsonschema(_url: str) -> Iterator[Run]:
    from jsonschema import Draft202012Validator

    if _DOCUMENT.exists():
        components = json.loads(_DOCUMENT.read_bytes())["components"]
        schema = {"$ref": f"#/components/schemas/{_NAME}", "components": components}
    else:
        from oai_dyn.definitions import bundle

        schema = bundle(_NAME)
    validator = Draft202012Validator(schema)
    require(not validator.is_valid({**LONG_BODY, "n": "x"}), "a fault")

    def run(count: int) -> None:
        for _ in range(count):
            require(not list(validator.iter_errors(LONG_BODY)), "no fault")

    yield run


def _streams(validate: str | None, prepare: Callable[[], None]) -> Callable[[str], Any]:
    @contextmanager
    def candidate(url: str) -> Iterator[Run]:
        prepare()
        from oai_dyn import Client

        with Client(api_key=API_KEY, base_url=f"{url}/v1", max_retries=0, validate=validate) as client:

            def run(count: int) -> None:
                for _ in range(count):
                    seen = sum(1 for _ in client.chat.completions.create(BODY, stream=True))
                    require(seen == STREAM_EVENTS, f"{seen} events")

            yield run

    return candidate


def _per_request(sample: Sample, count: int) -> float:
    return sample.cpu / count * 1e6


def _per_event(sample: Sample, count: int) -> float:
    return sample.cpu / (count * STREAM_EVENTS) * 1e6


_FULL: Final = Size(count=100, rounds=15)
_QUICK: Final = Size(count=5, rounds=2)
_READING: Final = "CPU per chat request"

VALIDATION: Final = Topic(
    title="validation",
    candidates={OURS: _requests(_walk_only), _PLAIN: _jsonschema},
    readings=[Reading(_READING, "µs", _per_request, {_PLAIN: 0.1})],
    full=_FULL,
    quick=_QUICK,
    warm_up=3,
)
VALIDATION_FAST: Final = Topic(
    title="validation, fast",
    candidates={_FAST: _requests(_fast_too)},
    readings=[Reading(_READING, "µs", _per_request, {}, limit=10)],
    full=Size(count=5000, rounds=15),
    quick=_QUICK,
    warm_up=100,
)
VALIDATED_STREAM: Final = Topic(
    title="validation of a stream",
    candidates={
        OURS: _streams("reply", _walk_only),
        _FAST: _streams("reply", _fast_too),
        "not validated": _streams(None, _walk_only),
    },
    readings=[Reading("CPU per event", "µs", _per_event, {_FAST: None, "not validated": None})],
    full=Size(count=5, rounds=15),
    quick=Size(count=1, rounds=2),
    warm_up=2,
)
