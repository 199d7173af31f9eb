"""`oai-dyn serve`: the local server as a process.

Rules of this file: the first line on standard output is the base URL alone, once the server answers; a wrong setting is
told before that.
"""

from __future__ import annotations

import argparse
import os

from ..errors import ConfigError
from ..server import Settings, serve
from .output import Output


def run(options: argparse.Namespace) -> None:
    """Run the local server until it is told to stop."""
    if not 0 <= options.port <= 65535 or not options.delay >= 0:
        raise ConfigError("serve: wanted --port from 0 to 65535 and --delay from 0 on")
    others = (options.record, options.upstream, options.replay, options.like)
    settings = Settings(options.key, options.delay, options.fault, options.seed, *others)
    try:
        serve(options.port, settings, lambda url: Output().text(f"{url}\n"))
    except ConfigError as error:
        raise ConfigError(f"serve: {error}") from None
    except OSError as error:
        raise ConfigError(f"serve: --port {options.port}: {os.strerror(error.errno or 0)}") from None
