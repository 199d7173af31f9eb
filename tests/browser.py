"""A real browser for tests of pages: headless Chromium, driven over its DevTools protocol on a loopback port."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self

import aiohttp

#: The program, or None where there is none.
PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

NONE = "there is no Chromium here (Debian: apt-get install chromium)"

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
)

#: How long the browser may take to start, and for one command, in seconds.
_STARTING, _COMMAND = 60.0, 30.0


class Browser:
    """One browser with one page. `heard` holds every event that it told of since the page was shown."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._folder = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        self._number = 0

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        arguments = [PROGRAM, *_ARGUMENTS, f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._run(self._connect(self._port()))
        except BaseException:
            self.__exit__()
            raise
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility", "DOM"):
            self.command(f"{domain}.enable")
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(self, "_session"):
            self._run(self._session.close())
        self._process.kill()
        self._process.wait()
        self._loop.close()
        self._folder.cleanup()

    def show(self, page: Path, *, width: int = 1200, scheme: str = "light", script: bool = True) -> None:
        """Load a file, as wide as is said, in a light or dark scheme, with its script or without."""
        self.command("Emulation.setScriptExecutionDisabled", value=not script)
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.heard.clear()
        self.command("Page.navigate", url=page.as_uri())
        deadline = time.monotonic() + _COMMAND
        while not any(event["method"] == "Page.loadEventFired" for event in self.heard):
            assert time.monotonic() < deadline, self.heard
            self.command("Runtime.evaluate", expression="0")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        result = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"Enter": "\r", " ": " "}.get(key)
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        members = {"key": key, "windowsVirtualKeyCode": code, **({"text": text} if text else {})}
        self.command("Input.dispatchKeyEvent", type="keyDown", **members)
        self.command("Input.dispatchKeyEvent", type="keyUp", **members)

    def command(self, method: str, **members: Any) -> Any:
        """One command of the protocol, and its result; events that come meanwhile are heard."""
        return self._run(asyncio.wait_for(self._command(method, members), _COMMAND))

    async def _command(self, method: str, members: dict[str, Any]) -> Any:
        self._number += 1
        number = self._number
        await self._page.send_json({"id": number, "method": method, "params": members})
        while True:
            message = await self._page.receive_json()
            if message.get("id") == number:
                assert "error" not in message, (method, message)
                return message["result"]
            self.heard.append(message)

    async def _connect(self, port: int) -> None:
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            (page,) = [target for target in await answer.json(content_type=None) if target["type"] == "page"]
        self._page = await self._session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)

    def _port(self) -> int:
        """The port that the browser took: it writes it into its folder."""
        file = Path(self._folder.name) / "DevToolsActivePort"
        deadline = time.monotonic() + _STARTING
        while not file.exists() or not file.read_text().strip():
            assert self._process.poll() is None and time.monotonic() < deadline, "the browser did not start"
            time.sleep(0.05)
        return int(file.read_text().splitlines()[0])

    def _run(self, waiting: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(waiting)
