"""What each attempt is told: config, seed, where it may end, what it may resume from.

Invariants (tests/experiment/tuner/test_launch.py):
- ``horizon="full"`` leaves the script's last level alone, ``"rung"`` sets it to the stop level;
- an attempt never loads a checkpoint beyond the last level that the journal has;
- what a lost attempt saved beyond that level is dropped before the next one begins;
- a copy of another trial has that one's checkpoint as its own before anybody is told to start it,
  the newest whole one up to the level that was decided; without one it starts from scratch;
- checkpoints are off unless the scheduler pauses trials or the user asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.checkpoints.protocol import CheckpointStore
from pytest_synebench.errors import CheckpointError
from pytest_synebench.events import Start
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.kept import KeptStore
from pytest_synebench.experiment.store import directories
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.trial import CheckpointRef, Scalar, TrialId


class Launch:
    """Makes the attempts' specs of one experiment."""

    def __init__(
        self, plan: Plan, scheduler: Scheduler, directory: Path, store: CheckpointStore
    ) -> None:
        """Say what attempts of an experiment share.

        Args:
            plan: of the experiment.
            scheduler: its levels are where checkpoints are written.
            directory: of the run; each trial gets one of its own below ``trials/``.
            store: says which checkpoints can be trusted.
        """
        self._plan = plan
        self._real = not plan.simulated  #: whether trials have directories, with files in them
        self._directory = directory
        self._trials = directory / "trials"
        self._store = store
        self.checkpoint_at = checkpoint_levels(plan, scheduler)
        self.ledger: Ledger | None = None  #: of what the archive has, where there is one
        #: brings a trial's checkpoint back from the archive, up to a level, where it is not here
        self.fetch: Callable[[TrialId, int], object] | None = None

    def open_ledger(self) -> Ledger:
        """Return the ledger of what jobs keep, which is the store's as well."""
        self.ledger = Ledger(self._directory)
        if isinstance(self._store, KeptStore):
            self._store.ledger = self.ledger
        return self.ledger

    def trial_directory(self, trial_id: TrialId) -> Path:
        """Return the directory of a trial: config, logs, checkpoints."""
        return self._trials / str(trial_id)

    def spec(self, trial: TrialRecord) -> AttemptSpec:
        """Return what the trial's current attempt is told; one that is real gets a directory."""
        return AttemptSpec(
            key=AttemptKey(trial.id, trial.attempts - 1),
            config=self.config(trial),
            seed=self._plan.trial_seed(trial.id),
            directory=self._prepared(trial) if self._real else self._trials,
            resource_attr=self._plan.definition.resource_attr,
            until=trial.until,
            resume_at_most=trial.level,
            checkpoint_at=self.checkpoint_at,
            started_s=trial.started_s,
            started_from=trial.started_from,
            copied_from=trial.checkpoint,
        )

    def _prepared(self, trial: TrialRecord) -> Path:
        directory = self.trial_directory(trial.id)
        directory.mkdir(parents=True, exist_ok=True)
        if self.checkpoint_at is not None:
            # What a lost attempt saved beyond the journal belongs to a history that never was.
            self._store.discard_beyond(directory / "checkpoints", trial.level)
        return directory

    def pin(self, start: Start) -> tuple[Start, str]:
        """Return a decision with the bytes it starts from, which are the trial's own afterwards.

        May be repeated: a controller that dies before the decision is written down leaves a copy
        that the next one replaces.

        Returns:
            The decision, and a remark where it is not what the scheduler asked for, else "".

        Raises:
            RunError: the disk is full.
        """
        asked = start.checkpoint
        if asked is None or asked.sha256:
            return start, ""
        found, problem = None, "checkpoints are off"
        if self.checkpoint_at is not None:
            found, problem = self._adopt(start, asked)
        wanted = f"trial {start.trial_id} was to go on from level {asked.level} of trial"
        wanted += f" {asked.trial_id}, "
        if found is None:
            return replace(
                start, checkpoint=None
            ), wanted + f"but {problem}: it starts from scratch"
        earlier = found.level < asked.level
        remark = wanted + f"whose newest good checkpoint is of level {found.level}"
        return replace(start, checkpoint=found), remark if earlier else ""

    def _adopt(self, start: Start, asked: CheckpointRef) -> tuple[CheckpointRef | None, str]:
        source, target = (
            self.trial_directory(trial_id) / "checkpoints"
            for trial_id in (asked.trial_id, start.trial_id)
        )
        try:
            found = self._store.adopt(source, target, asked.level, start.trial_id)
            if self.fetch is not None and (found is None or found.level < asked.level):
                self.fetch(asked.trial_id, asked.level)
                found = self._store.adopt(source, target, asked.level, start.trial_id)
        except CheckpointError as error:
            self.check_space()
            return None, str(error).replace(str(self._directory), "the run")
        return found, "that one has no good checkpoint"

    def check_space(self) -> None:
        """Refuse to go on where the disk is all but full: what fails there tells nothing.

        Raises:
            RunError: with the free space and the rule.
        """
        directories.check_space(self._directory)

    def unverified(self, trial: TrialRecord) -> str:
        """Return why a paused trial cannot go on from its level, or "" where it can."""
        if not self._real or self._is_kept(trial):
            return ""
        checkpoints = self.trial_directory(trial.id) / "checkpoints"
        newest = self._store.newest(checkpoints, at_most=trial.level, fresh=True)
        if newest is not None and newest.level == trial.level:
            return (
                f"its checkpoint of level {trial.level} is not in the checkpoint_store"
                if self.ledger is not None
                else ""
            )
        return (
            f"there is no good checkpoint of level {trial.level} "
            f"(newest: {newest.level if newest else 'none'}); call "
            "checkpoint_model_at_rung_level at the end of every level"
        )

    def _is_kept(self, trial: TrialRecord) -> bool:
        """Whether the archive has it: then its bytes were compared on their way there."""
        return self.ledger is not None and self.ledger.level(trial.id, trial.level) == trial.level

    def config(self, trial: TrialRecord) -> dict[str, Scalar]:
        """Return the complete config of a trial's attempt, constants included."""
        definition = self._plan.definition
        config = definition.space.merged(trial.config)
        if definition.horizon == "rung" and definition.max_resource_attr and trial.until:
            config[definition.max_resource_attr] = trial.until
        return config


def checkpoint_levels(plan: Plan, scheduler: Scheduler) -> tuple[int, ...] | None:
    """Return the levels at which checkpoints are written: () every one, None no checkpoints."""
    asked = plan.params["checkpointing"]
    if asked == "off" or (asked == "auto" and not scheduler.pauses):
        return None
    if asked == "every" or not scheduler.levels:
        return ()
    last = () if plan.max_resource is None else (plan.max_resource,)
    return tuple(sorted({*scheduler.levels, *last}))
