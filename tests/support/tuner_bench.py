"""A run directory and the sessions that work in it, with a scripted back-end in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scripted_backend import Behaviour, ScriptedBackend

from pytest_synebench.backends.protocol import AttemptSpec
from pytest_synebench.clock import VirtualClock
from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.journal.replay import replay
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.experiment.tuner.machinery import Limits, Machinery
from pytest_synebench.experiment.tuner.timekeeping import Timekeeping
from pytest_synebench.experiment.tuner.tuner import Tuner
from pytest_synebench.space import uniform
from pytest_synebench.trial import CheckpointRef, TrialId, TrialState


@dataclass
class Bench:
    """One run directory, and the sessions that work in it one after another."""

    root: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    behaviour: Behaviour = field(default_factory=Behaviour)
    on_start: Callable[[AttemptSpec], None] = lambda spec: None
    saved: dict[int, list[int]] = field(default_factory=dict)
    mode: str = "min"
    capacity: int | None = None  #: attempts that the machine runs at once

    def __post_init__(self) -> None:
        script = self.root / "train.py"
        script.write_text("")
        definition = Benchmark(
            script=script,
            config_space={"x": uniform(0, 1), "epochs": 9},
            metric="loss",
            mode=self.mode,  # type: ignore[arg-type] # one of the two
            resource_attr="epoch",
            max_resource_attr="epochs",
            elapsed_time_attr="elapsed",
        )
        defaults = {"scheduler": "asha_promotion", "num_workers": 2, "num_trials": 9}
        params = resolve(GLOBALS, [("user", {**defaults, **self.params})], "toy")
        self.plan = Plan(benchmark="toy", variant="v", params=params, definition=definition)

    def newest(
        self, directory: Path, at_most: int | None, *, fresh: bool = False
    ) -> CheckpointRef | None:
        trial_id = TrialId(int(directory.parent.name))
        levels = [v for v in self.saved.get(trial_id, []) if at_most is None or v <= at_most]
        if not levels:
            return None
        return CheckpointRef(trial_id=trial_id, level=max(levels), sha256="")

    def discard_beyond(self, directory: Path, level: int) -> None:
        trial_id = int(directory.parent.name)
        self.saved[trial_id] = [v for v in self.saved.get(trial_id, []) if v <= level]

    def adopt(
        self, source: Path, target: Path, at_most: int, trial_id: TrialId
    ) -> CheckpointRef | None:
        found = self.newest(source, at_most)
        self.saved[trial_id] = [] if found is None else [found.level]
        return None if found is None else replace(found, sha256="0" * 64)

    def session(self) -> Tuner:
        """Open the run as a controller does: replay what is there, go on."""
        clock = VirtualClock()
        scheduler, table = build_scheduler(self.plan), TrialTable()
        journal = Journal(self.root / "journal.jsonl", sync=False)
        if journal.header is None:
            journal.begin({})
        replay(journal.entries, scheduler, table)
        backend = ScriptedBackend(
            clock, self.behaviour, self.saved, on_start=self.on_start, capacity=self.capacity
        )
        launch = Launch(self.plan, scheduler, self.root, self)
        keeping = Timekeeping.of(self.plan, table, self.root)
        tuner = Tuner(
            Machinery(
                scheduler=scheduler,
                backend=backend,
                journal=journal,
                table=table,
                launch=launch,
                intake=keeping.intake,
                clock=clock,
                order=keeping.order,
                spent_s=keeping.spent_s,
            ),
            Limits(
                num_workers=self.plan.params["num_workers"],
                max_retries=self.plan.params["max_retries"],
                budget=keeping.budget,
                deadlines=Deadlines(
                    trial_timeout_s=self.plan.params["trial_timeout"],
                    progress_timeout_s=self.plan.params["progress_timeout"],
                ),
                wind_down_s=1.0,
                session_s=keeping.session_s,
            ),
        )
        tuner.open()
        return tuner

    def backend(self, tuner: Tuner) -> ScriptedBackend:
        assert isinstance(tuner.parts.backend, ScriptedBackend)
        return tuner.parts.backend

    def run(self) -> Tuner:
        tuner = self.session()
        finish(tuner)
        return tuner


def finish(tuner: Tuner) -> None:
    for _ in range(100_000):
        if tuner.done:
            tuner.parts.journal.close()
            return
        tuner.pump(60.0)
    raise AssertionError("the experiment does not end")


def levels(tuner: Tuner, trial_id: int) -> list[int]:
    return [r.resource for r in tuner.parts.table.trials[TrialId(trial_id)].reports]


def states(tuner: Tuner) -> list[TrialState]:
    return [trial.state for trial in tuner.parts.table.trials.values()]


def journaled(tuner: Tuner) -> set[tuple[int, int]]:
    return {(t.id, r.resource) for t in tuner.parts.table.trials.values() for r in t.reports}
