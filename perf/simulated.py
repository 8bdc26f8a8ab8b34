"""How many reports the simulator takes in per CPU second, journal written: 1,000 and 10,000 trials.

    python -m perf.simulated [--profile]

The synthetic table of ``performance.md``: 1,000 configs (here as many as trials) times 50 levels, 4
workers, random search; what is timed is the loop alone, from the first start to the closed journal.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import math
import pstats
import sys
import tempfile
import time
from pathlib import Path

from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.definition import Benchmark
from pytest_synebench.durable import frame
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run

_LEVELS = 50
_SCHEDULERS = ("fifo", "asha_stopping", "asha_promotion")


def plan(scheduler: str, trials: int, table: Table) -> Plan:
    """Return an experiment over the table."""
    family = Synthetic(last_level=_LEVELS)
    definition = Benchmark(
        script=Path(__file__),
        config_space={**family.config_space, "epochs": _LEVELS},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
        elapsed_time_attr="elapsed_time",
        points_to_evaluate=[],
        blackbox=table,
    )
    params = {name: row.default for name, row in GLOBALS.items()}
    chosen = {"backend": "simulated", "scheduler": scheduler, "num_trials": trials}
    return Plan(benchmark="table", variant="v", params={**params, **chosen}, definition=definition)


def measure(scheduler: str, trials: int, table: Table, profile: cProfile.Profile | None) -> str:
    """Return a line on one experiment."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.open(plan(scheduler, trials, table), root=Path(folder))
        tuner = run._tuner
        if tuner is None:
            raise SystemExit(run.reason)
        if profile is not None:
            profile.enable()
        began_s = time.process_time()
        while not tuner.done:
            tuner.pump(math.inf)
        took_s = time.process_time() - began_s
        if profile is not None:
            profile.disable()
        reports = sum(len(trial.reports) for trial in run.trials.values())
        lines = (run.directory / "journal.jsonl").read_bytes().count(b"\n")
        run._tuner = None
        run.close()
    return (
        f"{scheduler:15} {trials:6} trials {reports:8} reports {lines:8} lines {took_s:7.2f} CPU s "
        f"{reports / took_s:10,.0f} reports/s {lines / took_s:10,.0f} lines/s"
    )


def json_alone() -> str:
    """Return how fast this machine writes such lines just now: a busy one is slower by half."""
    report = {"loss": 0.123456789012345, "epoch": 17, "elapsed_time": 123.456789}
    event = {
        "k": "report",
        "t": 123.456789,
        "trial": 123,
        "r": 17,
        "loss": 0.123456789,
        "m": report,
    }
    encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
    began_s, count = time.process_time(), 50_000
    for _ in range(count):
        frame(encode({"e": event}).encode())
    took_s = time.process_time() - began_s
    return f"JSON and checksum of as many lines alone: {count / took_s:,.0f}/s"


def main() -> int:
    """Measure each scheduler at each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    parser.add_argument("--trials", default="1000,10000")
    parser.add_argument("--schedulers", default=",".join(_SCHEDULERS))
    given = parser.parse_args()
    profile = cProfile.Profile() if given.profile else None
    for trials in map(int, given.trials.split(",")):
        table = Synthetic(last_level=_LEVELS).table(trials)
        for scheduler in given.schedulers.split(","):
            print(measure(scheduler, trials, table, profile), flush=True)
        print(json_alone(), flush=True)
    if profile is not None:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(32)
    return 0


if __name__ == "__main__":
    sys.exit(main())
