"""A candidate in a process of its own: `python -m tests.benchmarks.child TOPIC CANDIDATE URL WARM_UP`.

It says `{}` when ready, or `{"absent": reason}` when its library cannot be imported; then it answers every
number on standard input with the sample of a run of that count, and ends with its input.
"""

import json
import sys
from dataclasses import asdict

from .measure import allow_many_sockets, sample
from .topics import TOPICS


def main(topic: str, candidate: str, url: str, warm_up: str) -> None:
    """Warm up, then run as often and as long as the parent says."""
    allow_many_sockets()
    try:
        with TOPICS[topic].candidates[candidate](url) as run:
            run(int(warm_up))
            _say({})
            for line in sys.stdin:
                _say(asdict(sample(run, int(line))))
    except ImportError as error:
        _say({"absent": f"{type(error).__name__}: {error}"})


def _say(message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
