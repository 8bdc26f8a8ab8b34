"""Runs whose trials lose their local checkpoints whenever they pause, as on another machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field

from pytest_synebench.experiment.run import Run
from pytest_synebench.trial import TrialState


@dataclass
class Wiped:
    """What was seen while a run was driven."""

    times: int = 0  #: directories of checkpoints that were removed
    statuses: list[str] = field(default_factory=list)


def wipe_paused(run: Run) -> int:
    """Remove the checkpoints of the trials that are paused; return how many had any."""
    assert run._tuner is not None
    count = 0
    for trial in run.trials.values():
        idle = trial.id not in run._tuner.live and trial.id not in run._tuner._waiting
        checkpoints = run.launch.trial_directory(trial.id) / "checkpoints"
        if trial.state is TrialState.PAUSED and idle and checkpoints.exists():
            shutil.rmtree(checkpoints)
            count += 1
    return count


def finish_wiping(run: Run) -> Wiped:
    """Drive a run to its end."""
    seen = Wiped()
    while not run.done:
        run.pump(10.0)
        seen.statuses.append(run.status())
        if not run.done:
            seen.times += wipe_paused(run)
    run.close()
    return seen
