"""What a provider's profile adds to a chat request and its reply, and to streamed events.

The rules are run as a client runs them, without the call around them, so that what they add is not lost in its noise. The
target is for a bundled profile of ten rules on the request of the plain calls. Beside it stand ten rules of which five act,
on that request and on one of eleven messages and two tools.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from .measure import Run, Sample
from .payloads import BODY, LONG_BODY, STREAM_EVENTS, completion, require, stream_events
from .topic import OURS, Reading, Size, Topic

_ACTING: Final = "five of ten act"
_LONG: Final = f"{_ACTING}, eleven messages"

#: The bundled profile that has ten rules for requests and replies.
_OF_TEN: Final = "deepinfra"

#: How many bytes of a stream are taken at once.
_WINDOW: Final = 2**14

REQUEST: Final[list[dict[str, Any]]] = [
    {"verb": "move", "member": "max_completion_tokens", "to": "max_tokens"},
    {"verb": "map", "member": "messages[].role", "values": [["developer", "system"]]},
    {"verb": "drop", "member": "messages[].name"},
    {"verb": "drop", "member": "store"},
    {"verb": "drop", "member": "seed"},
    {"verb": "clamp", "member": "temperature", "most": 0.4},
    {"verb": "clean", "member": "tools[].function.parameters", "remove": ["$schema"]},
]

REPLY: Final[list[dict[str, Any]]] = [
    {"verb": "fill", "member": "choices[].message.reasoning_content", "from": ["reasoning"]},
    {"verb": "map", "member": "choices[].finish_reason", "values": [["eos", "stop"]], "keep_as": "native_finish_reason"},
    {"verb": "fill", "member": "usage.prompt_tokens_details.cached_tokens", "from": ["/usage.prompt_cache_hit_tokens"]},
]


def _rules() -> tuple[Any, Any]:
    from oai_dyn.routes import bundled
    from oai_dyn.transformations import Transformations

    return Transformations("bench", REQUEST, REPLY), bundled().find("chat.completions.create")


#: The request of the plain calls, with what the rules change.
_SHORT: Final[dict[str, Any]] = {**BODY, "temperature": 0.5, "max_completion_tokens": 100}
del _SHORT["max_tokens"]


def _calls(request: dict[str, Any]) -> Callable[[str], Any]:
    @contextmanager
    def candidate(_url: str) -> Iterator[Run]:
        yield _both_ways(request)

    return candidate


def _both_ways(request: dict[str, Any]) -> Run:
    """What amends a request and its reply so many times."""
    rules, route = _rules()
    reply = json.loads(completion())
    choice, message = reply["choices"][0], reply["choices"][0]["message"]

    def run(count: int) -> None:
        for _ in range(count):
            reply["choices"] = [{**choice, "finish_reason": "eos", "message": {**message, "reasoning": "short"}}]
            body, losses = rules.request(route, request)
            adapted = rules.answers(route, body["model"]).reply(reply)
            require(body["max_tokens"] == 100 and len(losses) == 1, "the rules")
            require(adapted["choices"][0]["finish_reason"] == "stop", "a reply")

    return run


@contextmanager
def _bundled(_url: str) -> Iterator[Run]:
    from oai_dyn.profiles import load
    from oai_dyn.routes import bundled
    from oai_dyn.transformations import Transformations

    profile, route = load(_OF_TEN), bundled().find("chat.completions.create")
    require(len(profile["request"]) + len(profile["reply"]) == 10, "ten rules")
    rules: Any = Transformations(_OF_TEN, profile["request"], profile["reply"])
    reply = json.loads(completion())

    def run(count: int) -> None:
        for _ in range(count):
            body, _losses = rules.request(route, BODY)
            adapted = rules.answers(route, body["model"]).reply(reply)
            require(body["messages"] == BODY["messages"] and adapted["choices"], "the rules")

    yield run


@contextmanager
def _events(_url: str) -> Iterator[Run]:
    rules, route = _rules()
    windows: list[list[bytes]] = [[]]
    for event in stream_events():
        data = event.removeprefix(b"data: ").strip()
        if data.startswith(b"{"):
            windows[-1].append(data)
            if sum(map(len, windows[-1])) > _WINDOW:
                windows.append([])
    decoded = [[json.loads(data) for data in window] for window in windows]

    def run(count: int) -> None:
        for _ in range(count):
            adapt = rules.answers(route, "m").stream()
            for values in decoded:
                adapt(values)

    yield run


def _per_call(sample: Sample, count: int) -> float:
    return sample.cpu / count * 1e6


def _per_event(sample: Sample, count: int) -> float:
    return sample.cpu / (count * STREAM_EVENTS) * 1e6


PROFILE_CALL: Final = Topic(
    title="a profile of ten rules",
    candidates={OURS: _bundled, _ACTING: _calls(_SHORT), _LONG: _calls(LONG_BODY)},
    readings=[Reading("CPU added to a call", "µs", _per_call, {}, limit=15)],
    full=Size(count=2000, rounds=15),
    quick=Size(count=50, rounds=2),
    warm_up=100,
)
PROFILE_EVENTS: Final = Topic(
    title="a profile of ten rules, streamed",
    candidates={OURS: _events},
    readings=[Reading("CPU added to an event", "µs", _per_event, {}, limit=0.5)],
    full=Size(count=20, rounds=15),
    quick=Size(count=2, rounds=2),
    warm_up=2,
)
