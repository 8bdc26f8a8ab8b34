"""LocalBackend with fewer places than attempts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.local.admission import Admission
from pytest_synebench.backends.local.devices import VISIBLE, Devices
from pytest_synebench.backends.protocol import AttemptEnded, AttemptPlaced, AttemptReported
from pytest_synebench.errors import BackendError
from pytest_synebench.testing.plays import Watcher

from .local_stage import REPORTS, local_stage, spec_of

HANGS = REPORTS + "import signal\nreport(loss=1)\nwhile True: signal.pause()\n"
SHOWS = REPORTS + (
    "import os, signal\n"
    f"report(loss=1, gpus=os.environ.get({VISIBLE!r}, 'all'))\n"
    "while True: signal.pause()\n"
)


def test_an_attempt_beyond_the_capacity_is_placed_when_another_one_has_ended(
    tmp_path: Path,
) -> None:
    with local_stage(tmp_path, HANGS, admission=Admission(1)) as stage:
        first, second = spec_of(stage, 0), spec_of(stage, 1)
        watcher = Watcher(stage, stage.backend)
        for spec in (first, second):
            stage.backend.start(spec)
            stage.backend.start(spec)
        watcher.reported(first)
        assert stage.alive() == 1
        stage.backend.stop(first.key)
        watcher.reported(second)
        assert stage.alive() == 1
        kinds = [(type(seen), seen.key) for seen in watcher.seen]
        ended, placed = (AttemptEnded, first.key), (AttemptPlaced, second.key)
        assert kinds.index(ended) < kinds.index(placed)


def test_an_attempt_that_waits_is_stopped_at_once(tmp_path: Path) -> None:
    with local_stage(tmp_path, HANGS, admission=Admission(1)) as stage:
        specs = [spec_of(stage, trial) for trial in range(3)]
        watcher = Watcher(stage, stage.backend)
        for spec in specs:
            stage.backend.start(spec)
        watcher.reported(specs[0])
        stage.backend.stop(specs[1].key)
        stage.backend.stop(specs[1].key)
        told = watcher.look(0.0)
        assert told == [
            AttemptEnded(key=specs[1].key, ok=False, detail="told to stop: it never ran")
        ]
        assert not (specs[1].directory / "attempt.json").exists()
        stage.backend.stop(specs[0].key)
        watcher.reported(specs[2])


@pytest.mark.parametrize("config", [{"text": "a\0b"}, {f"k{i}": "x" * 100_000 for i in range(40)}])
def test_an_attempt_that_cannot_run_leaves_its_place_to_the_next(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    with local_stage(tmp_path, HANGS, admission=Admission(1)) as stage:
        bad, good = spec_of(stage, 0, **config), spec_of(stage, 1)
        watcher = Watcher(stage, stage.backend)
        stage.backend.start(bad)
        stage.backend.start(good)
        watcher.reported(good)


def test_a_trial_has_no_second_attempt_while_its_first_one_waits(tmp_path: Path) -> None:
    with local_stage(tmp_path, HANGS, admission=Admission(1)) as stage:
        stage.backend.start(spec_of(stage, 0))
        stage.backend.start(spec_of(stage, 1))
        with pytest.raises(BackendError, match=r"trial 1 \(attempt 1\) .* attempt 0 of the trial"):
            stage.backend.start(spec_of(stage, 1, number=1))


def test_closing_drops_those_that_wait(tmp_path: Path) -> None:
    admission = Admission(1)
    with local_stage(tmp_path, HANGS, admission=admission) as stage:
        watcher = Watcher(stage, stage.backend)
        for trial in range(3):
            stage.backend.start(spec_of(stage, trial))
        watcher.reported(spec_of(stage, 0))
        assert len(admission.waiting()) == 2
        stage.backend.close()
        assert stage.alive() == 0
        assert admission.waiting() == ()


def test_trials_at_the_same_time_see_different_gpus(tmp_path: Path) -> None:
    admission = Admission(2, Devices(["0", "GPU-5e"], per_trial=1))
    with local_stage(tmp_path, SHOWS, admission=admission) as stage:
        specs = [spec_of(stage, trial) for trial in range(3)]
        watcher = Watcher(stage, stage.backend)
        for spec in specs:
            stage.backend.start(spec)
        for spec in specs[:2]:
            watcher.reported(spec)
        stage.backend.stop(specs[0].key)
        watcher.reported(specs[2])
        seen = {
            one.key.trial_id: one.metrics["gpus"]
            for one in watcher.seen
            if isinstance(one, AttemptReported)
        }
        assert seen == {0: "0", 1: "GPU-5e", 2: "0"}
