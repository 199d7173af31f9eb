"""Start-up: CPU of a child interpreter that imports a library or makes a client ready, less a bare one's.

CPU is what the system charges for the ended child (`getrusage` of children), so that reading compiled files
and loading shared objects is in it. Peak memory is the child's own, the interpreter included.

The children run without `site` (`-S`) and are told where packages are: the import hook that an editable
install puts there costs as much as the interpreter, and loads modules that the libraries would have loaded.
"""

import os
import resource
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Final

from .measure import Sample, field_of_status, in_turn
from .processes import ROOT, AbsentError, environment
from .report import Line
from .topic import OURS, SDK, Reading, Size

_TITLE: Final = "start-up"
_BARE: Final = "bare interpreter"
_LAZY: Final = ("requests", "aiohttp", "jsonschema", "asyncio")

#: `schemas/` is a folder beside the package until it is installed.
_VALIDATE: Final = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("oai_dyn.schemas", "schemas/__init__.py", submodule_search_locations=["schemas"])
sys.modules["oai_dyn.schemas"] = module_from_spec(spec)
import oai_dyn
oai_dyn.validate("chat.completions.create", {"model": "m", "messages": [{"role": "user", "content": "hi"}]})
"""
_WITHOUT_FAST: Final = "import sys; sys.modules['jsonschema_rs'] = None"

_CODE: Final[Mapping[str, Mapping[str, str]]] = {
    "interpreter": {_BARE: "pass"},
    "import": {OURS: "import oai_dyn", SDK: "import openai"},
    "ready Client": {
        OURS: "from oai_dyn import Client; Client(api_key='k')",
        "import requests, orjson": "import requests, orjson",
        SDK: "from openai import OpenAI; OpenAI(api_key='k')",
    },
    "ready AsyncClient": {
        OURS: "from oai_dyn import AsyncClient; AsyncClient(api_key='k')",
        "import aiohttp, orjson": "import aiohttp, orjson",
        SDK: "from openai import AsyncOpenAI; AsyncOpenAI(api_key='k')",
    },
    "first validation of a chat request": {
        OURS: _WITHOUT_FAST + _VALIDATE,
        f"{OURS}, extra fast": f"import jsonschema_rs{_VALIDATE}",
        "import jsonschema": "import jsonschema",
    },
}
_RATIOS: Final[Mapping[str, Mapping[str, float | None]]] = {
    "interpreter": {},
    "import": {SDK: 0.05},
    "ready Client": {"import requests, orjson": 1.2, SDK: None},
    "ready AsyncClient": {"import aiohttp, orjson": 1.2, SDK: None},
    "first validation of a chat request": {"import jsonschema": None},
}
_SAY_STATUS: Final = """
import os, resource
if os.path.exists("/proc/self/status"):
    print(open("/proc/self/status").read())
else:
    print("VmHWM:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_SAY_LOADED: Final = f"""
import sys
before = set(sys.modules)
import {OURS}
print(*(set(sys.modules) - before))
"""


def measure(quick: bool) -> list[Line]:
    """Start the interpreters in turn; the lines of a library that is absent have no value."""
    size = Size(count=1, rounds=2 if quick else 15)
    codes = {(group, name): code for group, named in _CODE.items() for name, code in named.items()}
    present = {key: code for key, code in codes.items() if _works(code)}
    keys = {" / ".join(key): key for key in present}
    taken = in_turn({label: partial(_sample, present[key]) for label, key in keys.items()}, size.rounds)
    samples: dict[tuple[str, str], list[Sample]] = {key: [] for key in codes}
    samples |= {keys[label]: found for label, found in taken.items()}
    bare = median(one.cpu for one in samples["interpreter", _BARE])
    lines: list[Line] = []
    for group, named in _CODE.items():
        less = 0.0 if group == "interpreter" else bare
        found = {name: [replace(one, cpu=one.cpu - less) for one in samples[group, name]] for name in named}
        for reading in _readings(group):
            lines += reading.lines(_TITLE, found, size.count)
    return [*lines, _loaded()]


def _readings(group: str) -> list[Reading]:
    ratios = _RATIOS[group]
    untargeted = dict.fromkeys(ratios)
    return [
        Reading(f"{group}, CPU", "ms", lambda sample, _: sample.cpu * 1000, ratios),
        Reading(f"{group}, peak memory", "MiB", lambda sample, _: sample.grown / 2**20, untargeted),
    ]


def _run(code: str) -> str:
    command = [sys.executable, "-S", "-c", code]
    packages = os.pathsep.join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    env = environment() | {"PYTHONPATH": packages}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AbsentError(done.stderr)
    return done.stdout


def _works(code: str) -> bool:
    """Whether it runs; this first run also writes the compiled files and warms the disk's cache."""
    try:
        _run(code)
    except AbsentError as absent:
        if "ImportError" in str(absent) or "ModuleNotFoundError" in str(absent):
            return False
        raise
    return True


def _sample(code: str) -> Sample:
    """CPU of one interpreter, and in `grown` its peak memory."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    said = _run(code + _SAY_STATUS)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - wall
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(cpu, wall, field_of_status(said, "VmHWM"))


def _loaded() -> Line:
    """Which of the libraries that should wait until they are needed `import oai_dyn` loads."""
    line = Line(_TITLE, f"loaded by import {OURS} of {', '.join(_LAZY)}", OURS, "modules", limit=0)
    try:
        loaded = set(_run(_SAY_LOADED).split())
    except AbsentError:
        return line
    found = [name for name in _LAZY if name in loaded]
    return replace(line, value=len(found), low=len(found), high=len(found), note=", ".join(found))
