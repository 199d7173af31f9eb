"""The shape of the inside, as tests: who may import whom, what an import loads, and how large things may be."""

from __future__ import annotations

import ast
import graphlib
import inspect
import io
import json
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import oai_dyn

PACKAGE = Path(oai_dyn.__file__).parent

#: The layers, from the innermost. A file that stands in none of them belongs to the outermost.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("rates",),
    ("errors", "wire", "version"),
    ("codec", "coding", "environment", "form", "meanings", "multipart", "objects", "retry", "sse", "asking"),
    ("catalog", "events", "filling", "pages", "plan", "verdicts"),
    ("credentials", "definitions", "profiles", "warned"),
    ("progress", "providers", "routes", "transformations"),
    ("answers", "routing", "validation"),
    ("flow", "checks"),
    ("exchange", "_timed", "_connecting", "settings"),
    ("streams", "async_streams", "client"),
    ("_requests", "_aiohttp", "testing"),
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
OUTERMOST = len(LAYERS)

#: The only imports inside functions: backoff loads asyncio, which a call that is never retried should not pay.
INSIDE_FUNCTIONS = {("retry", "_own_wait", "backoff")}

#: The only imports by call: a name's home, what only those pay for who validate, extras, and commands' own modules.
BY_CALL = {
    ("__init__", "f'oai_dyn.{_HOME[name]}'"),
    ("answers", "'oai_dyn.transformations.assembly'"),
    ("catalog", "'yaml'"),
    ("checks", "'oai_dyn.validation'"),
    ("credentials", "'oai_dyn.asking'"),
    ("settings", "'oai_dyn.transformations'"),
    ("settings", "'oai_dyn.validation'"),
    ("validation.ready", "'jsonschema_rs'"),
    ("validation.ready", "'oai_dyn.validation.checking'"),
    ("validation.ready", "'oai_dyn.validation.keywords'"),
    ("command.__init__", "'oai_dyn.command.checking'"),
    ("command.__init__", "'oai_dyn.command.comparing'"),
    ("command.__init__", "'oai_dyn.command.importing'"),
    ("command.__init__", "'oai_dyn.command.providing'"),
    ("command.__init__", "'oai_dyn.command.serving'"),
    ("command.checking", "'oai_dyn.validation'"),
    ("openapi.yaml_text", "'yaml'"),
}

#: Libraries that are not Python's own, and the only files that may import each.
OWNERS: dict[str, set[str]] = {
    "orjson": {"codec"},
    "backoff": {"retry"},
    "jsonschema": {"validation"},
    "jsonschema_rs": {"validation"},
    "requests": {"_requests", "_timed"},
    "urllib3": {"_requests", "_timed"},
    "aiohttp": {"_aiohttp", "_connecting", "server"},
    "yarl": {"_aiohttp", "_connecting", "server"},
    "yaml": {"catalog", "openapi"},
}

#: Lines of code (neither blank nor comment nor docstring).
BACKEND_MOST, FUNCTION_MOST = 150, 40

#: Of all but the outermost layer: what every call goes through, what a provider's profile comes to, and what only those
#: load who validate, or whose profile has rules.
CORE_MOST, PROVIDERS_MOST, VALIDATION_MOST, TRANSFORMATIONS_MOST = 3680, 930, 1110, 2360

#: The files of the second part.
OF_PROVIDERS = {"asking", "credentials", "filling", "meanings", "profiles", "providers", "rates", "routing"}

#: All lines.
FILE_MOST = 320

#: What is longer than it should be, with the reason.
LONG_FILES = {"wire": "the vocabulary that all layers share"}
LONG_FUNCTIONS: dict[str, str] = {}

PUBLIC_NAMES = [
    "APIConnectionError", "APIError", "APIStatusError", "APITimeoutError", "AsyncBinary", "AsyncClient", "AsyncPage",
    "AsyncStream", "Attempt", "AuthenticationError", "BadRequestError", "Binary", "Client", "Codec", "ConfigError",
    "ConflictError", "DecodeError", "Event", "Fault", "Headers", "InternalServerError", "Limits", "Loss", "LossWarning",
    "NotFoundError", "Notice", "OaiDynError", "Page", "PermissionDeniedError", "Plan", "RateLimit", "RateLimitError",
    "RateLimits", "Record", "Reply", "Route", "RouteError", "SchemaWarning", "Stream", "StreamError", "StreamTruncated",
    "Timeout", "UnprocessableEntityError", "Validation", "ValidationError", "__version__", "validate",
]  # fmt: skip


class Import(NamedTuple):
    """One import: the file's module, the function it stands in ("" outside), and what it names.

    A module of the package starts with a dot.
    """

    module: str
    function: str
    target: str


def module_of(path: Path) -> str:
    """The dotted name of a file below the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def layer(module: str) -> int:
    """The layer of a module; a folder is in one as a whole."""
    return LAYER.get(module.partition(".")[0], OUTERMOST)


def sources() -> dict[str, str]:
    """Every file of the package: its module and its text."""
    return {module_of(path): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str, text: str) -> Iterator[Import]:
    """Every import statement of a file."""
    folder = module.split(".")[:-1]

    def visit(node: ast.AST, function: str) -> Iterator[Import]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.Import):
            yield from (Import(module, function, inside(alias.name)) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            home = folder[: len(folder) + 1 - node.level]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from (Import(module, function, "." + ".".join([*home, name])) for name in names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(module, function, inside(node.module or ""))
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function)

    yield from visit(ast.parse(text), "")


def inside(name: str) -> str:
    """A module's absolute name as the tables here have it: the library's, or a dotted one below the package."""
    head, _, rest = name.partition(".")
    return f".{rest or '__init__'}" if head == "oai_dyn" else head


def import_calls(module: str, text: str) -> Iterator[tuple[str, str]]:
    """Every call of `import_module` and of what else imports by name, with its argument as written."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__", "exec", "eval"):
                yield module, ast.unparse(node.args[0])


SOURCES = sources()
ALL_IMPORTS = [found for module, text in SOURCES.items() for found in imports(module, text)]
ALL_CALLS = {call for module, text in SOURCES.items() for call in import_calls(module, text)}
CORE = {module: text for module, text in SOURCES.items() if layer(module) < OUTERMOST}


def edges() -> set[tuple[str, str]]:
    """Who imports whom within the package, by statement or by call; a name's home in `__init__` apart."""
    stated = {(one.module, one.target[1:]) for one in ALL_IMPORTS if one.target.startswith(".")}
    called = {(module, inside(ast.literal_eval(name))[1:]) for module, name in ALL_CALLS if name.startswith("'oai_dyn.")}
    whole = {(module, target if target in SOURCES else f"{target}.__init__") for module, target in stated | called}
    return {(module, target) for module, target in whole if module not in ("__init__", target)}


def code_lines(text: str) -> set[int]:
    """The numbers of the lines that hold code: neither blank, nor comment, nor docstring."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in layout:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return lines


# --- The rules can fail -------------------------------------------------------------------------------------


def test_imports_are_found_in_every_form() -> None:
    """The reader of imports sees all forms, and the function that each stands in."""
    text = "import a.b\nfrom . import c\nfrom .d import f\nfrom oai_dyn.g import h\n"
    text += "def i():\n  import oai_dyn.j.k\n  from l.m import n"
    wanted = [("", "a"), ("", ".c"), ("", ".d"), ("", ".g"), ("i", ".j.k"), ("i", "l")]
    assert [(one.function, one.target) for one in imports("o", text)] == wanted
    inner = [one.target for one in imports("p.q", "from . import r\nfrom .s import t\nfrom ..u import v\nfrom .. import w")]
    assert inner == [".p.r", ".p.s", ".u", ".w"]
    assert list(import_calls("m", "import_module('x'); importlib.import_module(y)")) == [("m", "'x'"), ("m", "y")]


def test_code_lines_are_counted() -> None:
    """Docstrings, comments and blank lines are no code; a text over several lines is."""
    text = '"""A\nB"""\n\n# c\nx = """1\n2"""  # d\n\n\ndef f():\n    "doc"\n    return (1,\n        2)\n'
    assert code_lines(text) == {5, 6, 9, 11, 12}


# --- Who imports whom ---------------------------------------------------------------------------------------


def test_every_layered_file_is_there() -> None:
    """The table of layers names files and folders that exist; none is missing."""
    assert LAYER.keys() <= {module.partition(".")[0] for module in SOURCES}


def test_imports_go_down_the_layers() -> None:
    """A file imports only from layers before its own, and its own folder; in the outermost layer they may import each other."""
    assert not {
        f"{module} (layer {layer(module)}) imports {target} (layer {layer(target)})"
        for module, target in edges()
        if layer(module) <= layer(target) and layer(module) < OUTERMOST and module.partition(".")[0] != target.partition(".")[0]
    }


def test_nothing_inside_imports_the_front_door() -> None:
    """`oai_dyn/__init__.py` is for users; the core imports from where a thing lives."""
    assert not {module for module, target in edges() if target == "__init__" and module in CORE}


def test_there_is_no_cycle() -> None:
    """No file reaches itself by imports, wherever they stand."""
    graph: dict[str, set[str]] = {}
    for module, target in edges():
        graph.setdefault(module, set()).add(target)
    graphlib.TopologicalSorter(graph).prepare()


def test_imports_stand_at_the_top() -> None:
    """No import inside a function but those listed, which are still there."""
    assert {tuple(one) for one in ALL_IMPORTS if one.function} == INSIDE_FUNCTIONS


def test_imports_by_call_are_listed() -> None:
    """No module is imported by a call but those listed, which are still there."""
    assert ALL_CALLS == BY_CALL


def test_each_library_has_its_owner() -> None:
    """A library that is not Python's own is imported where the table says, and nowhere else."""
    foreign = {(one.module, one.target) for one in ALL_IMPORTS if not one.target.startswith(".")}
    foreign |= {(module, ast.literal_eval(name)) for module, name in ALL_CALLS if name in ("'yaml'", "'jsonschema_rs'")}
    foreign = {(module, name) for module, name in foreign if name not in sys.stdlib_module_names}
    assert {name for _, name in foreign} <= OWNERS.keys()
    assert not {f"{module} imports {name}" for module, name in foreign if module.partition(".")[0] not in OWNERS[name]}


def test_there_is_no_drawer() -> None:
    """No module is called utils or the like: a helper lives with what needs it."""
    drawers = {"utils", "util", "helpers", "common", "misc"}
    assert not drawers & {part.strip("_") for module in SOURCES for part in module.split(".")}


# --- What an import loads -----------------------------------------------------------------------------------

WATCHED = (
    "requests", "urllib3", "aiohttp", "yarl", "jsonschema", "jsonschema_rs", "oai_dyn.validation", "asyncio", "orjson", "backoff",
    "pydantic", "attr", "msgspec",
)  # fmt: skip

ENGINES = {"jsonschema", "jsonschema_rs", "oai_dyn.validation"}


def loaded_by(statement: str) -> set[str]:
    """Which of the watched libraries a clean interpreter has loaded after a statement."""
    look = f"import json, sys; sys.stdout.write(json.dumps([name for name in {WATCHED!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", f"{statement}\n{look}"], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing() -> None:
    """`import oai_dyn` loads no HTTP library, no schema engine, no asyncio, not even orjson."""
    assert loaded_by("import oai_dyn") == set()


def test_a_ready_client_loads_only_its_own_library() -> None:
    """A Client has requests and orjson; what validates, retries or is asynchronous is not there."""
    assert loaded_by("import oai_dyn; oai_dyn.Client(api_key='k')") & {"aiohttp", "backoff", "asyncio", *ENGINES} == set()


def test_a_ready_async_client_loads_only_its_own_library() -> None:
    """An AsyncClient has aiohttp and orjson; what validates, retries or is synchronous is not there."""
    assert loaded_by("import oai_dyn; oai_dyn.AsyncClient(api_key='k')") & {"requests", "backoff", *ENGINES} == set()


def test_a_call_that_does_not_validate_reads_no_schema() -> None:
    """No engine is loaded and no schema file read for a call whose row names its schemas."""
    call = (
        "from oai_dyn import catalog\n"
        "from oai_dyn.testing import ScriptedClient, answer\n"
        "read = []\n"
        "parse, catalog.parse = catalog.parse, lambda content, name: (read.append(name), parse(content, name))[1]\n"
        "ScriptedClient([answer({})]).chat.completions.create(model='m', messages=[])\n"
        "assert read == ['providers/openai.toml', 'routes.json'], read"
    )
    assert loaded_by(call) & ENGINES == set()


# --- The front door -----------------------------------------------------------------------------------------


def test_the_public_names_are_exactly_these() -> None:
    """`__all__` is sorted and is what this file lists; `dir()` says the same."""
    assert oai_dyn.__all__ == sorted(PUBLIC_NAMES)
    assert dir(oai_dyn) == sorted(oai_dyn.__all__)


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_every_public_name_can_be_had_and_is_documented(name: str) -> None:
    """Each name leads to its object, the same one each time, with a docstring of its own."""
    value = getattr(oai_dyn, name)
    assert value is getattr(oai_dyn, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__
        assert not value.__doc__.startswith(f"{name}(")


def test_an_unknown_name_is_refused() -> None:
    """A name that is not there is an AttributeError that says so."""
    with pytest.raises(AttributeError, match="'oai_dyn' has no attribute 'Klient'"):
        oai_dyn.Klient  # noqa: B018


# --- Words and sizes ----------------------------------------------------------------------------------------


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public(nodes: Iterable[ast.AST]) -> Iterator[Definition]:
    """The classes and functions among some statements that are not private."""
    return (node for node in nodes if isinstance(node, Definition) and not node.name.startswith("_"))


def undocumented(module: str, text: str) -> Iterator[str]:
    """Public classes and functions without a docstring; a method that overrides has the one it inherits."""
    tree = ast.parse(text)
    home = import_module(f"oai_dyn.{module}")
    if not ast.get_docstring(tree):
        yield module
    for node in public(tree.body):
        value = getattr(home, node.name)
        if not ast.get_docstring(node) and not isinstance(value.__doc__, str):
            yield f"{module}.{node.name}"
        for method in public(node.body) if isinstance(node, ast.ClassDef) else ():
            if not inspect.getdoc(getattr(value, method.name)):
                yield f"{module}.{node.name}.{method.name}"


@pytest.mark.parametrize("module", list(CORE))
def test_what_is_public_is_documented(module: str) -> None:
    """Every module, class, function and method of the core that is not private has a docstring."""
    assert not list(undocumented(module, CORE[module]))


@pytest.mark.parametrize("module", ["_requests", "_aiohttp"])
def test_a_backend_is_small(module: str) -> None:
    """A backend moves bytes: there is no room in it for anything else."""
    count = len(code_lines(CORE[module]))
    assert count <= BACKEND_MOST, f"{module} has {count} lines of code, {count - BACKEND_MOST} too many"


@pytest.mark.parametrize(
    ("part", "most"),
    [
        ("core", CORE_MOST),
        ("providers", PROVIDERS_MOST),
        ("validation", VALIDATION_MOST),
        ("transformations", TRANSFORMATIONS_MOST),
    ],
)
def test_the_core_is_small(part: str, most: int) -> None:
    """Each part of what is not outermost keeps to a bound of its own."""
    counts = {module: len(code_lines(text)) for module, text in CORE.items() if part_of(module) == part}
    total = sum(counts.values())
    sys.stdout.write(f"{part}: {total} lines of code\n")
    assert total <= most, f"{total} lines of code, {total - most} too many: {counts}"


def part_of(module: str) -> str:
    """The part that a module's lines are counted in: its folder, or one of the two that the files come to."""
    return module.rpartition(".")[0] or ("providers" if module in OF_PROVIDERS else "core")


def test_files_are_short() -> None:
    """No file is longer than a reader keeps in mind, but those listed with a reason."""
    long = {module: text.count("\n") for module, text in SOURCES.items()}
    assert {name: size for name, size in long.items() if size > FILE_MOST}.keys() == LONG_FILES.keys()


def test_functions_are_short() -> None:
    """No function has more lines of code than fit a screen, but those listed with a reason."""
    long: dict[str, int] = {}
    for module, text in SOURCES.items():
        lines = code_lines(text)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = len(lines & set(range(node.lineno, (node.end_lineno or 0) + 1)))
                if size > FUNCTION_MOST:
                    long[f"{module}.{node.name}"] = size
    assert long.keys() == LONG_FUNCTIONS.keys(), long
