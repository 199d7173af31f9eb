"""The command line, `oai-dyn`: call a route, list routes and providers, probe a service, import, compare, run the local server.

Rules of this file: a message is one line on standard error, starting with what it is about; no key is taken
from the command line and none is printed; the exit codes are in `EXITS`.
"""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

import oai_dyn

from ..client import describe
from ..errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    ConfigError,
    Fault,
    LossWarning,
    OaiDynError,
    RouteError,
    ValidationError,
)
from ..routes import Table, bundled
from ..version import __version__
from ..wire import Notice, Route
from .output import Output
from .request import Request, read_request

#: Exit codes, what leads to each (the first that fits), and what it means; 0 is success.
EXITS: tuple[tuple[int, tuple[type[BaseException], ...], str], ...] = (
    (130, (KeyboardInterrupt,), "interrupted"),
    (3, (APIConnectionError,), "no connection, or time ran out"),
    (4, (APIStatusError,), "the server said no"),
    (5, (APIError, RecursionError), "the answer was not understood, or a stream was cut"),
    (2, (OaiDynError, OSError), "wrong usage or input; nothing was sent"),
)


class _Parser(argparse.ArgumentParser):
    """argparse, with one line for a message."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: what it returns itself, or 0. `--help` and `--version` raise SystemExit."""
    try:
        options = _parser().parse_args(arguments)
        return options.run(options) or 0
    except BrokenPipeError:
        # Whoever read our output has had enough; Python must not try to flush the rest on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except tuple(kind for _, kinds, _ in EXITS for kind in kinds) as error:
        if not isinstance(error, KeyboardInterrupt):
            _complain(_message(error))
        return next(code for code, kinds, _ in EXITS if isinstance(error, kinds))
    return 0


def _parser() -> argparse.ArgumentParser:
    codes = "; ".join(f"{code} {meaning}" for code, _, meaning in sorted(EXITS, key=lambda line: line[0]))
    what = "Call the OpenAI API and what is compatible with it."
    parser = _Parser("oai-dyn", description=what, epilog=f"exit codes: 0 success; 1 compare found differences; {codes}")
    parser.add_argument("--version", action="version", version=f"oai-dyn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_call(commands.add_parser("call", help="send a request and print what comes back"))
    routes = commands.add_parser("routes", help="list the routes, or describe one")
    routes.add_argument(
        "pattern", nargs="?", default="", metavar="PATTERN", help="part of a name or path, a pattern with *, or a route"
    )
    routes.add_argument("--provider", metavar="P", help="a profile's name or file: its routes (default: the bundled ones)")
    routes.set_defaults(run=_routes)
    _add_providers(commands.add_parser("providers", help="list the bundled profiles of providers, or explain one"))
    _add_import(commands.add_parser("import", help="make a provider of an OpenAPI document: routes, schemas and a profile"))
    _add_compare(commands.add_parser("compare", help="what breaks for a caller who wrote for A and now talks to B"))
    _add_check(commands.add_parser("check", help="probe a live service, and write a profile that fits"))
    _add_serve(commands.add_parser("serve", help="run a local server that answers every route"))
    return parser


def _add_call(call: argparse.ArgumentParser) -> None:
    call.add_argument("what", metavar="FILE|ROUTE", help="a JSON, TOML or YAML file, - for standard input, or a route")
    call.add_argument("--set", action="append", default=[], metavar="MEMBER.KEY=VALUE", help="set path, query, headers, body ...")
    call.add_argument("--stream", action="store_true", help="ask for a stream")
    call.add_argument("--raw", action="store_true", help="print JSON, one event a line")
    call.add_argument("--output", metavar="FILE", help="write there instead of to standard output")
    call.add_argument("--provider", metavar="P", help="a profile's name or file, over the file's provider and base_url")
    call.add_argument("--base-url", metavar="U", help="over the provider's")
    call.add_argument("--key-env", metavar="NAME", help="the environment variable that holds the API key")
    call.add_argument("--async", action="store_true", dest="asynchronous", help="use the asynchronous client")
    call.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable of the provider's profile")
    call.add_argument("--validate", action="store_true", help="refuse a request that does not fit its schema")
    call.add_argument("--strict-params", action="store_true", help="refuse what the provider's profile would lose")
    call.add_argument("--no-normalize", action="store_true", help="leave what the provider answers as it comes")
    call.set_defaults(run=_call)


def _add_providers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="a profile's name or file: explain it")
    parser.add_argument("--kind", choices=("hosted", "self-hosted", "gateway"), help="list only these (without NAME)")
    parser.add_argument("--json", action="store_true", help="print the profiles themselves, as JSON")
    parser.set_defaults(run=lambda options: import_module("oai_dyn.command.providing").run(options))


def _add_import(parser: argparse.ArgumentParser) -> None:
    what = "a file of JSON or YAML, its URL, or the address of a server that has /openapi.json"
    parser.add_argument("document", metavar="DOCUMENT", help=what)
    parser.add_argument("--name", required=True, metavar="NAME", help="of the profile; its key is read from NAME_API_KEY")
    parser.add_argument("--out", metavar="DIR", help="the folder to write (default: NAME, in the current one)")
    parser.add_argument("--names", metavar="FILE", help='names for rows, by operationId or "METHOD /path"')
    parser.add_argument("--overlays", metavar="FILE", help="corrections to lay over the document first")
    parser.set_defaults(run=lambda options: import_module("oai_dyn.command.importing").run(options))


def _add_compare(parser: argparse.ArgumentParser) -> None:
    what = "a provider's name (openai: the bundled table), a folder or file of rows, a profile, or an OpenAPI document or its URL"
    parser.add_argument("a", metavar="A", help=what)
    parser.add_argument("b", metavar="B", help="the same")
    parser.add_argument("--route", metavar="R", help="only this route, those below a name, or those of a pattern with *")
    parser.add_argument("--format", choices=("text", "json", "html"), default="text", help="(default: text)")
    parser.add_argument("--out", metavar="FILE", help="write there instead of to standard output")
    parser.epilog = "exit codes: 0 nothing differs; 1 something does; others as of all commands"
    parser.set_defaults(run=lambda options: import_module("oai_dyn.command.comparing").run(options))


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="NAME|URL", help="a profile's name or file, or the base URL of a service")
    parser.add_argument("--model", metavar="M", help="(default: one of the service's list that chats)")
    parser.add_argument("--key-env", metavar="NAME", help="the environment variable that holds the API key")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable of the profile")
    parser.add_argument("--only", nargs="+", default=[], metavar="PROBE", help="only these, and what they lean on")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--write", metavar="FILE", help="write a profile that fits what was seen, as TOML")
    parser.add_argument("--yes", action="store_true", help="send without asking; needed where there is no terminal")
    parser.set_defaults(
        run=lambda options: import_module("oai_dyn.command.checking").run(options, _key(options.key_env), _variables(options.var))
    )


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="on 127.0.0.1; 0 takes a free one (default: 8000)")
    parser.add_argument("--key", metavar="K", help="the only API key to accept (default: any)")
    what = "wait after each event of a stream (default: 0)"
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help=what)
    what = "what goes wrong, for that share of the requests (0 to 1; default: all); may be given again"
    parser.add_argument("--fault", action="append", default=[], metavar="KIND[:RATE]", help=what)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which requests meet a fault (default: 0)")
    what = "hand every request to --upstream, and write it down there with its answer, without any key"
    parser.add_argument("--record", metavar="FILE", help=what)
    parser.add_argument("--upstream", metavar="URL", help="the base URL of the service to record")
    parser.add_argument("--replay", metavar="FILE", help="answer from a file that --record wrote")
    what = "answer as a provider would, by its profile: a name, or a file"
    parser.add_argument("--like", metavar="NAME|FILE", help=what)
    parser.set_defaults(run=lambda options: import_module("oai_dyn.command.serving").run(options))


def _call(options: argparse.Namespace) -> None:
    """Send one request and print what comes back."""
    request = read_request(options.what, options.set, sys.stdin.buffer.read)
    if options.stream:
        request = request._replace(stream=True)
    if options.provider:
        request = request._replace(provider=options.provider, base_url=None)
    key = _key(options.key_env)
    settings = {
        "base_url": options.base_url or request.base_url,
        "api_key": key,
        "admin_key": key,
        "variables": _variables(options.var),
        "validate": "request" if options.validate else None,
        "strict_params": options.strict_params,
        "normalize": not options.no_normalize,
        "hook": _tell_loss,
    }
    with Output(options.raw, options.output) as output, warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)  # it is told in a line of ours
        try:
            if options.asynchronous:
                asyncio.run(_send_async(request, settings, output))
            else:
                _send(request, settings, output)
        except OaiDynError as error:
            raise _about(error, request) from None
    if output.silent:
        _complain(f"{request.source}: no text in {output.silent} events; --raw shows them")


def _send(request: Request, settings: dict[str, Any], output: Output) -> None:
    with oai_dyn.Client(request.provider, **settings) as client:
        arguments, keywords = request.arguments(client.routes.find(request.route))
        result = client.call(request.route, *arguments, **keywords)
        if not isinstance(result, oai_dyn.Stream):
            output.whole(result)
            return
        with result:
            for item in result:
                output.piece(item)


async def _send_async(request: Request, settings: dict[str, Any], output: Output) -> None:
    async with oai_dyn.AsyncClient(request.provider, **settings) as client:
        arguments, keywords = request.arguments(client.routes.find(request.route))
        result = await client.call(request.route, *arguments, **keywords)
        if not isinstance(result, oai_dyn.AsyncStream):
            output.whole(result)
            return
        async with result:
            async for item in result:
                output.piece(item)


def _variables(given: Sequence[str]) -> dict[str, str]:
    """Variables of a profile from NAME=VALUE."""
    if wrong := [text for text in given if "=" not in text]:
        raise ConfigError(f"--var {wrong[0]}: wanted NAME=VALUE")
    return dict(text.split("=", 1) for text in given)


def _tell_loss(notice: Notice) -> None:
    if notice.loss is not None:
        _complain(str(Fault(notice.loss.path, notice.loss.message)))


def _key(variable: str | None) -> str | None:
    """The key in a variable of the environment; None leaves it to the provider's profile."""
    if variable is None:
        return None
    if not os.environ.get(variable):
        raise ConfigError(f"--key-env: the environment has no {variable}")
    return os.environ[variable]


def _about(error: OaiDynError, request: Request) -> OaiDynError:
    """The error with the name of the file before it, and the member before a place in it."""
    if isinstance(error, ValidationError) and error.errors:
        error.message = "; ".join(str(Fault((request.member(*fault.path), *fault.path), fault.message)) for fault in error.errors)
    if isinstance(error, RouteError):
        error.message = f"route: {error.message}"
    if not error.message.startswith(f"{request.source}:"):
        error.message = f"{request.source}: {error.message}"
    return error


def _message(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, APIError) and error.request_id:
        return f"{text} (request {error.request_id})"
    if isinstance(error, OSError) and not isinstance(error, OaiDynError):
        return ": ".join(str(part) for part in (error.filename, error.strerror or text) if part)
    return text


def _complain(message: str) -> None:
    """One line on standard error. What a server wrote into it cannot move the cursor."""
    line = " ".join(message.split())
    line = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
    sys.stderr.write(f"oai-dyn: {line}\n")


def _routes(options: argparse.Namespace) -> None:
    """List the routes that a pattern finds, or describe the one that it names."""
    table, pattern = _table(options.provider), options.pattern
    fits = _globs(pattern) if set(pattern) & set("*?[") else _contains(pattern.lower())
    try:
        route = table.find(pattern)
        text = f"{route.name}\n{describe(route, table.row(route.name))}\n"
    except RouteError:
        found = [route for route in map(table.find, table.names) if fits(route)]
        if not found:
            raise
        text = _listing(found)
    Output().text(text)


def _table(provider: str | None) -> Table:
    """The rows of a provider: the bundled ones, or its own."""
    if provider is None:
        return bundled()
    with oai_dyn.Client(provider, base_url="http://localhost") as client:  # nothing is sent
        return client.routes


def _listing(found: Sequence[Route]) -> str:
    wide, long = (max(len(text) for text in texts) for texts in zip(*((r.name, r.path) for r in found), strict=True))
    return "".join(f"{r.name:{wide}}  {r.method:6}  {r.path:{long}}  {' '.join(_marks(r))}".rstrip() + "\n" for r in found)


def _globs(pattern: str) -> Callable[[Route], bool]:
    return lambda route: fnmatch.fnmatchcase(route.name, pattern) or fnmatch.fnmatchcase(route.path, pattern)


def _contains(part: str) -> Callable[[Route], bool]:
    return lambda route: part in f"{route.name}\n{route.path}\n{route.id}".lower()


def _marks(route: Route) -> list[str]:
    """What is particular about a route, in a word each."""
    marks = {
        "stream": route.stream is not None,
        "pages": route.page is not None,
        "upload": route.body.kind == "multipart",
        route.reply.kind: route.reply.kind != "json",
        "admin": route.credential == "admin_key",
        "safe": route.safe,
        "deprecated": route.deprecated,
    }
    return [mark for mark, holds in marks.items() if holds]
