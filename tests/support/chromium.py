"""A real browser, driven over a pipe by the DevTools protocol: no port, no driver, no network."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--hide-scrollbars", "--mute-audio",
    "--remote-debugging-pipe",
)  # fmt: skip


def path() -> str | None:
    """Return where a browser is, or None: there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


#: The browser reads commands at 3 and answers at 4.
_AT_3_AND_4 = """
import fcntl, os, sys
aside = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]]
os.dup2(aside[0], 3), os.dup2(aside[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
    """A tab, and what it complained about."""

    def __init__(self, send: int, receive: Iterator[bytes]) -> None:
        self._send, self._receive = send, receive
        self._number = 0
        self._session = ""
        self.complaints: list[str] = []  #: errors of the console, of scripts, of the policy
        self.asked: list[str] = []  #: every URL it asked for
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Have a command carried out, and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, f"{method}: {told.get('error')}"
                result: dict[str, Any] = told["result"]
                return result

    def _next(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(next(self._receive))
        params = told.get("params", {})
        match told.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(str([one.get("value") for one in params["args"]]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.complaints.append(str(params["entry"]["text"]))
            case "Network.requestWillBeSent":
                self.asked.append(str(params["request"]["url"]))
            case _:
                pass
        return told

    def open(self, file: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file, and wait until it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=file.absolute().as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """Return what a script returns; a promise is waited for."""
        told = self.call(
            "Runtime.evaluate",
            expression=script, awaitPromise=True, returnByValue=True, userGesture=True,
        )  # fmt: skip
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def draw_all(self) -> int:
        """Have every figure drawn, closed parts opened; return how many there are."""
        drawn = self.run(
            """(async () => {
              document.querySelectorAll("details").forEach((one) => { one.open = true; });
              const plots = [...document.querySelectorAll(".plot")];
              for (const one of plots) {
                one.scrollIntoView({behavior: "instant"});
                while (!one.querySelector(".main-svg")) await new Promise(requestAnimationFrame);
              }
              scrollTo({top: 0, behavior: "instant"});
              await new Promise(requestAnimationFrame);
              return plots.length;
            })()"""
        )
        return int(drawn)

    def screenshot(self, to: Path, clip: Sequence[float] | None = None) -> None:
        """Write a picture of the window, or of a part of the page: x, y, width, height."""
        more: dict[str, Any] = {}
        if clip is not None:
            keys = ("x", "y", "width", "height")
            more = {"clip": {**dict(zip(keys, clip, strict=True)), "scale": 1},
                    "captureBeyondViewport": True}  # fmt: skip
        told = self.call("Page.captureScreenshot", format="png", **more)
        to.write_bytes(base64.b64decode(told["data"]))


@contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    """Run a browser with an empty profile."""
    found = path()
    assert found is not None
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()

    process = subprocess.Popen(
        [sys.executable, "-c", _AT_3_AND_4, str(to_read), str(back_write), found, *_FLAGS,
         f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(to_read, back_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    os.close(to_read)
    os.close(back_write)
    try:
        yield Page(to_write, _messages(back_read))
    finally:
        process.kill()
        process.wait()
        os.close(to_write)
        os.close(back_read)


def _messages(descriptor: int) -> Iterator[bytes]:
    rest = b""
    while data := os.read(descriptor, 1 << 20):
        *whole, rest = (rest + data).split(b"\0")
        yield from whole
    raise AssertionError("the browser has ended")
