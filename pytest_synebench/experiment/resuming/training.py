"""Trains one config, without a break or with pauses at given levels, and says what came of it.

Invariants (tests/experiment/resuming/test_elsewhere.py):
- every training of a subject has the same config and the same seed, whatever its pauses are;
- with pauses, each resume is from the store; what a run does differently from others is nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from pytest_synebench.checkpoints import manifest
from pytest_synebench.experiment.assembly import Site
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.keeping.opening import LOCAL
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.resuming.elsewhere import LEFT, ProbedRun, RunElsewhere
from pytest_synebench.experiment.run import Run
from pytest_synebench.trial import Scalar, TrialId, TrialState

Horizon: TypeAlias = Literal["full", "rung"]
_PUMP_S = 0.2
_TRIAL = TrialId(0)
#: What ends a run, or tries a trial again: neither belongs into a proof.
_ALONE = {
    "backend": "local",
    "scheduler": "pausing",
    "num_trials": 1,
    "num_workers": 1,
    "max_failures": 0,
    "max_retries": 0,
    "scheduler_timeout": None,
    "resource_budget": None,
    "target_value": None,
    "deterministic": False,
    "strict_checkpoints": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """One way to train."""

    pauses: tuple[int, ...] = ()  #: levels at which it is paused; (): never
    horizon: Horizon | None = None  #: another than the benchmark's
    saving: Literal["auto", "every"] = "auto"
    probed: bool = False  #: whether the script's variables are looked at
    again: int = 0  #: tells trainings apart that are alike

    def __str__(self) -> str:
        where = ", ".join(map(str, self.pauses))
        return f"paused at {where}" if where else "without a break"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What came of one resume."""

    paused_at: int
    began_from: int
    told: str  #: as the summary counts it: resumed@3, fresh, REJECTED: …


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What came of one training."""

    how: How
    directory: Path  #: of the run
    reports: Mapping[int, Mapping[str, Scalar]]  #: by level
    resumes: tuple[Resumed, ...]
    problem: str  #: why it did not come to its last level; "": it did
    remarks: tuple[str, ...] = ()

    @property
    def trial(self) -> Path:
        """The trial's directory."""
        return self.directory / "trials" / str(_TRIAL)

    @property
    def saved(self) -> list[int]:
        """Levels of the checkpoints that are still here."""
        return manifest.levels(str(self.trial / "checkpoints"))

    def discard_checkpoints(self) -> None:
        """Free the space that they take here; journal and logs stay."""
        for name in ("checkpoints", LEFT):
            shutil.rmtree(self.trial / name, ignore_errors=True)

    def checkpoint(self, level: int) -> Path:
        """Return where the checkpoint of a level is."""
        return Path(manifest.directory_of(str(self.trial / "checkpoints"), level))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is trained, where its checkpoints go, and who wants to know how it goes."""

    plan: Plan
    root: Path  #: directory of the runs
    store: str  #: checkpoint_store of trainings with pauses
    site: Site = field(default_factory=Site)
    tick: Callable[[How, str], None] = lambda how, status: None  # noqa: ARG005 - nobody

    def planned(self, how: How) -> Plan:
        """Return the plan of one training."""
        last = self.plan.max_resource or 1
        params = {
            **self.plan.params,
            **_ALONE,
            "rung_levels": list(how.pauses) or [last],
            "checkpointing": how.saving,
            "checkpoint_store": self.store if how.pauses else LOCAL,
        }
        definition = self.plan.definition
        if how.horizon is not None:
            definition = replace(definition, horizon=how.horizon)
        return replace(self.plan, params=params, definition=definition)

    def train(self, how: How) -> Training:
        """Train, from the first level to the last.

        Raises:
            SynebenchError: it cannot be launched, or the store cannot be used.
        """
        kind = ProbedRun if how.probed else RunElsewhere
        run = kind.open(self.planned(how), root=self.root, site=self.site)
        try:
            while not run.done:
                run.pump(_PUMP_S)
                self.tick(how, run.status())
        finally:
            run.close()
        return _told(how, run)


def _told(how: How, run: Run) -> Training:
    trial = run.trials.get(_TRIAL)
    if trial is None:
        return Training(
            how=how, directory=run.directory, reports={}, resumes=(), problem=run.reason
        )
    done = trial.state is TrialState.COMPLETED
    return Training(
        how=how,
        directory=run.directory,
        reports={one.resource: dict(one.metrics) for one in trial.reports},
        resumes=tuple(_resumes(trial)),
        problem="" if done else trial.reason or run.reason,
        remarks=run.summary().remarks,
    )


def _resumes(trial: TrialRecord) -> list[Resumed]:
    return [
        Resumed(paused_at=level, began_from=began, told=trial.resumes.get(attempt, "fresh"))
        for attempt, (began, level) in sorted(trial.beginnings.items())
        if attempt
    ]
