"""Ctrl-C at the worst moment: while an attempt is given to its supervisor, or heard of."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.protocol import AttemptEnded
from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.wire import Line
from pytest_synebench.testing.plays import Watcher

from .local_stage import REPORTS, local_stage, spec_of

HANGS = REPORTS + "import signal\nreport(loss=1)\nwhile True: signal.pause()\n"


def test_ctrl_c_while_an_attempt_is_started_comes_once_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Line.send

    def interrupted(line: Line, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        send(line, message, fds)
        signal.raise_signal(signal.SIGINT)  # to this thread: others may not have it blocked

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
        signal.raise_signal(signal.SIGINT)  # to this thread: others may not have it blocked
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
