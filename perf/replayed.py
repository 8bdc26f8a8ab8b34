"""Resume of a large experiment from what is on disk.

As a program it does one step: ``python replayed.py make|open FOLDER`` with our journal. The journal
is made by our own scheduler and journal classes, without any training; once per folder of work.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench import HERE, Bench

if TYPE_CHECKING:
    from pytest_synebench.events import Event
    from pytest_synebench.experiment.plan.plan import Plan

TRIALS, REPORTS = 1_000, 100


def ours(bench: Bench) -> dict[str, float]:
    """Return what it takes to open a run again."""
    return _opened(bench, bench.python(""), HERE / "replayed.py", "ours")


def optuna(bench: Bench) -> dict[str, float]:
    """Return what it takes to load a study again."""
    python = bench.python("optuna_subprocess")
    return _opened(bench, python, HERE / "peers" / "optuna_replayed.py", "optuna")


def _opened(bench: Bench, python: str, program: Path, name: str) -> dict[str, float]:
    folder = bench.work / f"resume_{name}"
    if not (folder / "made").exists():
        folder = bench.folder(f"resume_{name}")
        bench.measure([python, str(program), "make", str(folder)], cwd=folder)
        (folder / "made").touch()
    bench.measure([python, str(program), "open", str(folder)], cwd=folder)
    told: dict[str, float] = json.loads((folder / "opened.json").read_text())
    return told


def _make(folder: Path) -> None:
    """Play an experiment into a journal: every event is the scheduler's own to decide about."""
    from pytest_synebench.clock import SystemClock
    from pytest_synebench.events import Closed, Opened
    from pytest_synebench.experiment.assembly import build_scheduler
    from pytest_synebench.experiment.journal.journal import Journal
    from pytest_synebench.experiment.store import directories

    plan = _plan(folder)
    clock = SystemClock()
    directory = directories.create(folder / ".synebench", plan, clock)
    directories.write_metadata(directory, directories.describe(plan, clock))
    scheduler = build_scheduler(plan)
    journal = Journal(directory / "journal.jsonl", sync=False)
    journal.begin(directories.identity(plan))
    journal.append(Opened(at_s=0.0))
    for event in _events():
        journal.append(event, scheduler.handle(event))
    journal.append(Closed(at_s=float(TRIALS), finished=False, reason="interrupted"))
    journal.close()


def _plan(folder: Path) -> Plan:
    from engine import make_plan

    script = folder / "train.py"
    script.touch()
    # One trial more than the journal has: the run is not over, and could go on at once.
    return make_plan(script, {"epochs": REPORTS}, scheduler="fifo", num_trials=TRIALS + 1)


def _events() -> Iterator[Event]:
    from pytest_synebench.events import Ended, Reported, SlotFreed
    from pytest_synebench.trial import Report, TrialId, TrialState

    for number in range(TRIALS):
        trial_id, at_s = TrialId(number), float(number)
        yield SlotFreed(at_s=at_s)
        for level in range(1, REPORTS + 1):
            loss = (number * 7919 % 1009) / 1009 + 1 / level
            metrics = {"epoch": level, "loss": loss, "accuracy": 1 - loss / 2}
            report = Report(
                trial_id=trial_id, resource=level, loss=loss, at_s=at_s, metrics=metrics
            )
            yield Reported(report=report)
        yield Ended(at_s=at_s, trial_id=trial_id, state=TrialState.COMPLETED)


def _open(folder: Path) -> None:
    from pytest_synebench.experiment.run import Run

    plan = _plan(folder)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    run = Run.open(plan, root=folder / ".synebench", resume=True)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    if len(run.trials) != TRIALS or run.table.units != TRIALS * REPORTS:
        raise SystemExit(f"{len(run.trials)} trials, {run.table.units} reports were replayed")
    size = (run.directory / "journal.jsonl").stat().st_size
    run.close()
    told = {"wall_s": wall_s, "cpu_s": cpu_s, "megabytes": size / 1e6}
    (folder / "opened.json").write_text(json.dumps(told))


if __name__ == "__main__":
    {"make": _make, "open": _open}[sys.argv[1]](Path(sys.argv[2]))
