"""How much of the workers' time deterministic mode leaves unused, through the real tuner.

``python perf/deterministic_utilisation.py`` plays promotion ASHA (400 trials, 27 epochs, eta 3) on
a back-end whose attempts take virtual time only, so it is exact, the same on every machine, and
takes seconds. The epochs of a trial take equally long; between trials that is spread ten times,
log-uniformly. A worker is busy while an attempt of its slot runs: the share is that time over
workers times the time of the whole run.

In deterministic mode an attempt that has ended keeps its slot until its end counts, which is when
all slower ones have come as far. Where the cost of an epoch is declared, nobody waits.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
    AttemptSpec,
    Observation,
)
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.clock import VirtualClock
from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.tuner.budget import Budget
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.intake import Intake
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.experiment.tuner.machinery import Limits, Machinery
from pytest_synebench.experiment.tuner.order import AsItComes, Order
from pytest_synebench.experiment.tuner.sequencer import Sequencer, one_per_level
from pytest_synebench.experiment.tuner.tuner import Tuner
from pytest_synebench.space import loguniform
from pytest_synebench.trial import Config

WORKERS = (2, 8)
MODES = ("measured", "deterministic", "deterministic, cost declared")
RUNS = 5  #: seeds, of which the median is told


@dataclass
class _Epochs:
    """A back-end of attempts that take virtual time, and no process."""

    clock: VirtualClock
    queue: list[tuple[float, int, Observation]] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def start(self, spec: AttemptSpec) -> None:
        at_s, first = self.clock.now_s(), spec.resume_at_most
        self._push(at_s, AttemptPlaced(key=spec.key))
        self._push(at_s, AttemptBegan(key=spec.key, resumed_from=first, checkpoints=False))
        for number, level in enumerate(range(first + 1, (spec.until or 0) + 1)):
            at_s += _epoch_s(spec.config)
            loss = float(spec.config["x"] or 0) + 1 / level
            metrics = {"epoch": level, "loss": loss}
            self._push(at_s, AttemptReported(key=spec.key, sequence=number, metrics=metrics))
        self._push(at_s, AttemptEnded(key=spec.key, ok=True, detail="exit code 0"))

    def _push(self, at_s: float, seen: Observation) -> None:
        heapq.heappush(self.queue, (at_s, next(self.numbers), seen))

    def stop(self, key: AttemptKey) -> None:
        raise AssertionError(f"{key} ends by itself at its rung")

    def poll(self, timeout_s: float) -> list[Observation]:
        if not self.queue:
            self.clock.advance(timeout_s)
            return []
        self.clock.advance(max(0.0, self.queue[0][0] - self.clock.now_s()))
        out = []
        while self.queue and self.queue[0][0] <= self.clock.now_s():
            out.append(heapq.heappop(self.queue)[2])
        return out

    def close(self) -> None:
        self.queue.clear()


def _epoch_s(config: Config) -> float:
    return float(config["seconds"] or 0)


def busy_share(workers: int, mode: str, run_id: int, folder: Path) -> float:
    """Return the share of their time in which the workers were busy, of one run.

    Args:
        workers: how many.
        mode: one of ``MODES``.
        run_id: which seed.
        folder: an empty one, for the run's files.
    """
    tuner = _tuner(_plan(workers, run_id, folder), mode, folder)
    tuner.open()
    while not tuner.done:
        tuner.pump(60.0)
    tuner.parts.journal.close()
    busy_s = 0.0
    for line in tuner.timings:
        busy_s += getattr(line, "ended_s", 0.0) - getattr(line, "began_s", 0.0)
    return busy_s / (workers * tuner.measured_s())


def _plan(workers: int, run_id: int, folder: Path) -> Plan:
    script = folder / "train.py"
    script.touch()
    definition = Benchmark(
        script=script,
        config_space={"x": loguniform(0.1, 1), "seconds": loguniform(1, 10), "epochs": 27},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
    asked = {
        "scheduler": "asha_promotion",
        "checkpointing": "off",
        "num_workers": workers,
        "num_trials": 400,
        "points_to_evaluate": [],
    }
    params = resolve(GLOBALS, [("perf", asked)], "utilisation")
    return Plan(
        benchmark="utilisation", variant="v", params=params, definition=definition, run_id=run_id
    )


def _tuner(plan: Plan, mode: str, folder: Path) -> Tuner:
    clock, scheduler, table = VirtualClock(), build_scheduler(plan), TrialTable()
    journal = Journal(folder / "journal.jsonl", sync=False)
    journal.begin({})
    intake = Intake(plan.definition)
    order: Order = AsItComes()
    if mode != "measured":
        order = Sequencer(intake.level, _epoch_s if "declared" in mode else one_per_level)
    return Tuner(
        Machinery(
            scheduler=scheduler,
            backend=_Epochs(clock),
            journal=journal,
            table=table,
            launch=Launch(plan, scheduler, folder, LocalStore()),
            intake=intake,
            clock=clock,
            order=order,
        ),
        Limits(
            num_workers=plan.params["num_workers"],
            max_retries=0,
            budget=Budget.of(plan),
            deadlines=Deadlines(),
            wind_down_s=1.0,
        ),
    )


def measure(workers: int, mode: str) -> float:
    """Return the median share over ``RUNS`` seeds."""
    shares = []
    for run_id in range(RUNS):
        with TemporaryDirectory() as name:
            shares.append(busy_share(workers, mode, run_id, Path(name)))
    return median(shares)


def lost(workers: int, mode: str = "deterministic") -> float:
    """Return the share of the workers' busy time that a mode loses against measured time."""
    return 1 - measure(workers, mode) / measure(workers, "measured")


def main() -> None:
    """Print the table."""
    for workers in WORKERS:
        for mode in MODES:
            busy = measure(workers, mode)
            print(f"{workers} workers, {mode}: busy {busy:.1%}, lost {lost(workers, mode):.1%}")


if __name__ == "__main__":
    main()
