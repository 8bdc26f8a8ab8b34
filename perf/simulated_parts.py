"""What a simulated report and a simulated trial are made of, each part alone, and how much is run.

    python perf/simulated_parts.py [--instructions]

The parts are those of ``simulated.py``'s experiment, each in a loop of its own: what they sum up to
is less than what they cost together, where one drives the other out of the processor's caches. The
last lines are a floor: what no loop in Python over reports of this form can do without.

With ``--instructions`` it is counted instead how many instructions of the interpreter an experiment
takes per report: a figure that does not depend on the machine, nor on what else it does.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from simulated import plan

from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.durable import frame
from pytest_synebench.events import Began, Reported, SlotFreed, Start
from pytest_synebench.experiment import simulation
from pytest_synebench.experiment.assembly import build_scheduler, build_searcher
from pytest_synebench.experiment.journal.columns import encoded_all
from pytest_synebench.experiment.journal.encoding import encoded
from pytest_synebench.experiment.run import Run
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import Report, TrialId, checked_report

_COUNT = 1_000
_TIMES = 15  #: each is run, of which the fastest counts


def us(work: Callable[[], object], count: int = _COUNT) -> float:
    """Return microseconds of CPU per thing, of which one call does so many."""
    taken_s = []
    for _ in range(_TIMES):
        began_s = time.process_time()
        work()
        taken_s.append(time.process_time() - began_s)
    return min(taken_s) / count * 1e6


def _reports() -> list[Report]:
    rng = keyed_random("parts")
    made = []
    for number in range(_COUNT):
        loss, at_s, elapsed_s = rng.random(), rng.random() * 1e4, rng.random() * 1e2
        metrics = {"loss": loss, "epoch": number % 50 + 1, "elapsed_time": elapsed_s}
        made.append(checked_report(TrialId(number), number % 50 + 1, loss, at_s, metrics))
    return made


def of_a_report() -> dict[str, float]:
    """Return what a report costs in each part."""
    reports = _reports()
    entries: list[Any] = [(Reported(report=report), ()) for report in reports]
    lines = [text.encode() for text in encoded_all(entries)]
    floats = [report.at_s for report in reports]
    return {
        "its lines, column by column": us(lambda: encoded_all(entries)),
        "of which three floats as text": 3 * us(lambda: list(map(repr, floats))),
        "checksums": us(lambda: b"".join(map(frame, lines))),
        "report and event": us(lambda: _again(reports)),
    }


def _again(reports: list[Report]) -> None:
    for one in reports:
        Reported(report=checked_report(one.trial_id, one.resource, one.loss, one.at_s, one.metrics))


def of_a_trial(table: Table) -> dict[str, float]:
    """Return what a trial costs in each part, besides its reports."""
    asked = plan("asha_stopping", _COUNT, table)
    configs = [table.rows.config(row) for row in range(_COUNT)]
    freed = SlotFreed(at_s=0.1234567)
    starts = [Start(trial_id=TrialId(i), config=c, until=50) for i, c in enumerate(configs)]
    began = Began(at_s=0.12345, trial_id=TrialId(3), attempt=0, resumed_from=0, checkpoints=False)
    blackbox = simulation.blackbox_of(asked)
    return {
        "a keyed generator": us(
            lambda: [keyed_random(0, "random", number) for number in range(_COUNT)]
        ),
        "its config, all rows of a table in turn": us(lambda: _suggested(asked)),
        "its curve's first point": us(lambda: [next(blackbox.curve(c, 0)) for c in configs]),
        "two lines, of its start and its beginning": us(
            lambda: [(encoded(freed, (start,)), encoded(began)) for start in starts]
        ),
    }


def _suggested(asked: Any) -> None:
    searcher, history = build_searcher(asked), History()
    for number in range(_COUNT):
        config = searcher.suggest(history, number)
        if config is not None:
            history.configs[TrialId(number)] = config


def instructions(scheduler: str, trials: int, table: Table) -> tuple[float, float]:
    """Return how many instructions of the interpreter are run per report, and per trial."""
    counted: dict[CodeType, int] = {}

    def inside(frame: FrameType, event: str, arg: object) -> Any:  # noqa: ARG001 - as it is called
        if event == "opcode":
            counted[frame.f_code] = counted.get(frame.f_code, 0) + 1
        return inside

    def entered(frame: FrameType, event: str, arg: object) -> Any:  # noqa: ARG001 - as it is called
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return inside

    with tempfile.TemporaryDirectory() as folder:
        run = Run.open(plan(scheduler, trials, table), root=Path(folder))
        tuner = run._tuner
        if tuner is None:
            raise SystemExit(run.reason)
        sys.settrace(entered)
        while not tuner.done:
            tuner.pump(math.inf)
        sys.settrace(None)
        reports = sum(len(trial.reports) for trial in run.trials.values())
        run._tuner = None
        run.close()
    total = sum(counted.values())
    return total / reports, total / trials


def main() -> int:
    """Measure each part, or count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instructions", action="store_true", help="count instead of measuring")
    parser.add_argument("--trials", default="100,1000")
    parser.add_argument("--schedulers", default="fifo,asha_stopping,asha_promotion")
    given = parser.parse_args()
    if given.instructions:
        for trials in map(int, given.trials.split(",")):
            table = Synthetic(last_level=50).table(trials)
            for scheduler in given.schedulers.split(","):
                per_report, per_trial = instructions(scheduler, trials, table)
                print(
                    f"{scheduler:15} {trials:6} trials {per_report:8,.0f} instructions a report "
                    f"{per_trial:8,.0f} a trial",
                    flush=True,
                )
        return 0
    build_scheduler(plan("fifo", 1, Synthetic(last_level=50).table(1)))  # what is loaded late
    for what, parts in {
        "report": of_a_report(),
        "trial": of_a_trial(Synthetic(last_level=50).table(_COUNT)),
    }.items():
        for name, took in parts.items():
            print(f"{what:7} {name:45} {took:6.2f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
