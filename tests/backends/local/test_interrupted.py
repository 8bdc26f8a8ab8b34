"""Ctrl-C at the worst moment: while an attempt is given to its supervisor, or heard of."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.protocol import AttemptEnded
from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.wire import Line
from pytest_synebench.testing.plays import Watcher

from .local_stage import REPORTS, local_stage, spec_of

TAKEN_S = 60.0  #: far more than a signal needs to arrive
HANGS = REPORTS + "import signal\nreport(loss=1)\nwhile True: signal.pause()\n"


@pytest.fixture(autouse=True)
def other_thread() -> Iterator[None]:
    """One of those that a library has, and to which the kernel may give any signal."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    yield
    over.set()
    thread.join()


def ctrl_c() -> None:
    """Press it, and return once the interpreter knows, whichever thread was given the signal."""
    reads, writes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(writes)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        assert select.select([reads], [], [], TAKEN_S)[0]
    finally:
        signal.set_wakeup_fd(before)
        os.close(reads)
        os.close(writes)


def test_ctrl_c_while_an_attempt_is_started_comes_once_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Line.send

    def interrupted(line: Line, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        send(line, message, fds)
        ctrl_c()

    with local_stage(tmp_path, HANGS, launch="cold") as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        with monkeypatch.context() as patch:
            patch.setattr(Line, "send", interrupted)
            with pytest.raises(KeyboardInterrupt):
                stage.backend.start(spec)
        watcher.reported(spec)
        stage.backend.stop(spec.key)
        assert not watcher.ends(spec)[0].ok


def test_ctrl_c_while_an_end_is_heard_of_loses_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Keeper._take

    def interrupted(keeper: Keeper, told: Mapping[str, Any]) -> None:
        ctrl_c()
        take(keeper, told)

    with local_stage(tmp_path, REPORTS + "report(loss=1)\n", launch="cold") as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        with monkeypatch.context() as patch:
            patch.setattr(Keeper, "_take", interrupted)
            seen: list[object] = []
            interruptions = 0
            while not any(isinstance(one, AttemptEnded) for one in seen):
                try:
                    seen += watcher.look(20.0)
                except KeyboardInterrupt:
                    interruptions += 1
        assert interruptions >= 2
        assert [type(one) for one in seen].count(AttemptEnded) == 1
