"""How many reports the simulator takes in per CPU second, journal written: 1,000 and 10,000 trials.

    python perf/simulated.py [--profile]

The synthetic table of ``performance.md``: 1,000 configs (here as many as trials) times 50 levels, 4
workers, random search; what is timed is the loop alone, from the first start to the closed journal.
With `--memory` it is traced what memory the experiment keeps, which takes its time: see that alone.
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
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import HERE, Bench

from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.definition import Benchmark
from pytest_synebench.durable import frame
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run

TRIALS = (1_000, 10_000)
_LEVELS = 50
_SPARE = 64  # rows: Syne Tune may start some trials more than it is asked for
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


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one experiment took."""

    reports: int
    lines: int  #: of its journal
    cpu_s: float
    grown: int  #: bytes of memory that it keeps; 0: not asked

    def told(self) -> str:
        """Return it as a line."""
        reports, lines = self.reports / self.cpu_s, self.lines / self.cpu_s
        return (
            f"{self.reports:8} reports {self.lines:8} lines {self.cpu_s:7.2f} CPU s "
            f"{reports:10,.0f} reports/s {lines:10,.0f} lines/s {self.grown / 2**20:7.1f} MiB"
        )


def measure(
    scheduler: str,
    trials: int,
    table: Table,
    profile: cProfile.Profile | None = None,
    *,
    memory: bool = False,
) -> Taken:
    """Return what one experiment takes."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.open(plan(scheduler, trials, table), root=Path(folder))
        tuner = run._tuner
        if tuner is None:
            raise SystemExit(run.reason)
        if profile is not None:
            profile.enable()
        if memory:
            tracemalloc.start()
        began_s = time.process_time()
        while not tuner.done:
            tuner.pump(math.inf)
        took_s = time.process_time() - began_s
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        if profile is not None:
            profile.disable()
        reports = sum(len(trial.reports) for trial in run.trials.values())
        lines = (run.directory / "journal.jsonl").read_bytes().count(b"\n")
        run._tuner = None
        run.close()
    return Taken(reports=reports, lines=lines, cpu_s=took_s, grown=grown)


def take(bench: Bench, *, scheduler: str, environment: str = "") -> dict[str, float]:
    """Return the figures of a row: what a report costs in a long experiment, and in a short one.

    Args:
        bench: where it is measured.
        scheduler: which one.
        environment: of Syne Tune, whose simulator plays the same tables; "": ours.
    """
    few, many = (
        told["cpu_s"] / told["reports"]
        for told in _played(bench, scheduler, environment, memory=False)
    )
    return {"us": many * 1e6, "early_us": few * 1e6, "growth": many / few, "per_s": 1 / many}


def take_memory(bench: Bench, *, scheduler: str, environment: str = "") -> dict[str, float]:
    """Return the figures of a row: what a trial takes of memory, in a long one and a short one."""
    few, many = (
        told["bytes"] / trials / 1024
        for trials, told in zip(
            TRIALS, _played(bench, scheduler, environment, memory=True), strict=True
        )
    )
    return {"kib": many, "early_kib": few, "growth": many / few}


def _played(
    bench: Bench, scheduler: str, environment: str, *, memory: bool
) -> Iterator[dict[str, float]]:
    """Yield what a short experiment took, and a long one, each in a process of its own."""
    folder = bench.fresh()
    out = folder / "took.json"
    for trials in TRIALS:
        command = [bench.python(environment)]
        if environment:
            write_table(folder / "table.json", trials + _SPARE)
            command += [str(HERE / "peers" / "syne_tune_simulator.py"), str(folder / "table.json")]
            command += [str(out), scheduler, str(trials)]
        else:
            command += [str(HERE / "simulated.py"), "--schedulers", scheduler]
            command += ["--trials", str(trials), "--out", str(out)]
        command += ["--memory"] * memory
        bench.measure(command, cwd=folder, timeout_s=1800)
        yield json.loads(out.read_text())


def write_table(path: Path, rows: int) -> None:
    """Write the synthetic table for whoever reads JSON."""
    table = Synthetic(last_level=_LEVELS).table(rows)
    configs = [table.rows.config(row) for row in range(rows)]
    told = {
        "configs": {name: [one[name] for one in configs] for name in table.rows.space.domains},
        "loss": table.values["loss"][:, 0].tolist(),
        "elapsed_s": table.elapsed_s[:, 0].tolist(),
    }
    path.write_text(json.dumps(told))


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
    parser.add_argument("--memory", action="store_true", help="trace the memory that is kept")
    parser.add_argument("--trials", default=",".join(map(str, TRIALS)))
    parser.add_argument("--out", type=Path, help="write what the last one took here, as JSON")
    parser.add_argument("--schedulers", default=",".join(_SCHEDULERS))
    given = parser.parse_args()
    profile = cProfile.Profile() if given.profile else None
    for trials in map(int, given.trials.split(",")):
        table = Synthetic(last_level=_LEVELS).table(trials)
        for scheduler in given.schedulers.split(","):
            taken = measure(scheduler, trials, table, profile, memory=given.memory)
            print(f"{scheduler:15} {trials:6} trials {taken.told()}", flush=True)
        print(json_alone(), flush=True)
    if given.out is not None:
        told = {"cpu_s": taken.cpu_s, "reports": taken.reports, "bytes": taken.grown}
        given.out.write_text(json.dumps(told))
    if profile is not None:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(32)
    return 0


if __name__ == "__main__":
    sys.exit(main())
