"""One live line on a terminal, a line now and then elsewhere, nothing with -q."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import UsageError
from pytest_synebench.plugin.session.progress import Progress, heartbeat_s

from .conftest import Go


class Reporter:
    def __init__(self, file: io.StringIO, terminal: bool) -> None:
        self.file, self.terminal = file, terminal

    def isatty(self) -> bool:
        return self.terminal

    def ensure_newline(self) -> None: ...

    def write_line(self, text: str) -> None:
        self.file.write(text + "\n")


def made(terminal: bool, verbosity: int = 0) -> tuple[Progress, VirtualClock, io.StringIO]:
    file = io.StringIO()
    plugins = {"terminalreporter": Reporter(file, terminal), "capturemanager": None}
    config: Any = SimpleNamespace(
        pluginmanager=SimpleNamespace(get_plugin=plugins.get),
        get_verbosity=lambda: verbosity,
        getoption=lambda _: "fd",
        getini=lambda _: "60",
        get_terminal_writer=lambda: SimpleNamespace(_file=file, fullwidth=20),
    )
    clock = VirtualClock()
    return Progress(config, clock), clock, file


def test_a_terminal_shows_a_line_below_the_cursor_and_erases_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    progress, clock, file = made(terminal=True)
    progress.tick("toy::base", lambda: "1/4 ended, and more")
    assert file.getvalue() == ""
    clock.advance(0.2)
    progress.tick("toy::base", lambda: "1/4 ended, and more")
    # Scroll, save the place, one down, erase, at most the width of the terminal, restore.
    shown = "\033D\033[A\0337\033[1B\r\033[2Ktoy::base: 1/4 ende\0338"
    assert file.getvalue() == shown
    progress.clear()
    progress.clear()
    assert file.getvalue() == shown + "\0337\033[1B\r\033[2K\0338"


def test_a_log_gets_a_line_each_heartbeat() -> None:
    progress, clock, file = made(terminal=False)
    for _ in range(130):
        clock.advance(1)
        progress.tick("toy::base", lambda: "1/4 ended")
    assert file.getvalue() == "synebench: toy::base: 1/4 ended\n" * 2


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_shows_nothing(terminal: bool) -> None:
    progress, clock, file = made(terminal=terminal, verbosity=-1)
    clock.advance(1000)
    progress.tick("toy::base", lambda: "1/4 ended")
    assert file.getvalue() == ""


def test_the_live_line_is_erased_before_an_item_is_run(
    go: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def tick(_: Progress, title: str, status: object) -> None:
        told.append("shown")

    def clear(_: Progress) -> None:
        told.append("erased")

    class Recorder:
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(self, item: pytest.Item) -> None:
            if item.name.startswith(("trial", "sound")):
                told.append("item")

    monkeypatch.setattr(Progress, "tick", tick)
    monkeypatch.setattr(Progress, "clear", clear)
    go("--synebench", "toy", "--variant", "base", plugins=[Recorder()])
    assert "shown" in told
    before = [told[at - 1] for at, what in enumerate(told) if what == "item"]
    assert set(before) <= {"erased"}


def test_heartbeat_lines_appear_in_a_run(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\naddopts = -p no:randomly -p no:hypothesispytest\n"
        "synebench_heartbeat = 0.000001\n"
    )
    result = go("--synebench", "toy", "--variant", "tiny")
    result.stdout.fnmatch_lines(["synebench: toy::tiny-fifo-random-r0: */2 ended*"])
    result = go("--synebench", "toy", "--variant", "tiny", "-q")
    result.stdout.no_fnmatch_line("synebench: toy*")


@pytest.mark.parametrize("text", ["often", "-1", "nan"])
def test_a_heartbeat_that_is_no_number_is_refused(text: str) -> None:
    config: Any = SimpleNamespace(getini=lambda _: text)
    with pytest.raises(UsageError, match=f"synebench_heartbeat is '{text}'; it must be seconds"):
        heartbeat_s(config)


def test_a_wrong_heartbeat_is_a_usage_error(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsynebench_heartbeat = often\n")
    result = go("--synebench", "toy")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*synebench_heartbeat is 'often'; it must be seconds from 0 up*"])
