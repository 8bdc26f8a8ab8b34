"""How often the gate alarms falsely on real tuning runs: suites drawn of stored ones, seeds fixed.

    python perf/gate_tuning_runs.py [--suites N] [--docs DIR]

Noise of real runs has no formula: runs of tuning_bank.py stand for it. Each setup of a suite is of
a source of its own choice; baseline and candidate are different runs of it, drawn without
replacement, so nothing has changed. A setup has both scores of the same runs, which depend on each
other. It writes docs/gate/tuning-runs.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tuning_bank
from gate_cells import KS, Cell, upper_limit
from gate_error_rates import BASELINE_RUNS, SEED, SUITES, Data, alarms, looks

from pytest_synebench.analysis.curves import SCORES
from pytest_synebench.analysis.gate import rules
from pytest_synebench.analysis.gate.rules import SENSITIVE, STRICT

DOCS = Path(__file__).resolve().parents[1] / "docs" / "gate"
PAGE = """\
# False alarms on real tuning runs

<!-- written by perf/gate_tuning_runs.py: change that, and run it -->

Nothing has changed. Percent of {suites:,} suites that are red, with the 95 % upper limit in
brackets; runs: of the candidate, per test. Made by `python perf/gate_tuning_runs.py`, seeds fixed.

| tests | setups | strict | sensitive | runs |
|---|---|---|---|---|
{rows}

A suite is drawn of {sources} sources with {runs} runs each: {searchers} on {tables}, {trials}
trials a run. Baseline and candidate of a setup are different runs of one source; `final` and `area`
are of the same runs, so that they depend on each other. One test: `final` alone. Many runs of an
easy table reach the same best value: ties make the exact test say less than it may.
"""


def data(tests: int, suites: int, seed: Sequence[int]) -> Data:
    """Return suites in which nothing has changed; one test: of the first score alone."""
    runs = BASELINE_RUNS + rules.final_runs(tests)
    setups = max(1, tests // len(SCORES))
    values = tuning_bank.drawn(np.random.default_rng(seed), suites, setups, runs)
    scores = min(tests, len(SCORES))
    values = values[:, :, :scores].reshape(suites, tests, runs)
    return Data(values[..., :BASELINE_RUNS], values[..., BASELINE_RUNS:], scores)


def cell(tests: int, suites: int) -> Cell:
    """Simulate one cell."""
    strict = sensitive = done = 0
    runs = 0.0
    while done < suites:
        chunk = min(500, suites - done)
        now = data(tests, chunk, [SEED, tests, done])
        seen = looks(now)
        strict += int(alarms(now, seen, STRICT).sum())
        sensitive += int(alarms(now, seen, SENSITIVE).sum())
        runs += seen.runs * chunk
        done += chunk
    return Cell("tuning runs", tests, "none", suites, strict, sensitive, runs / suites)


def page(cells: Sequence[Cell]) -> str:
    """Return the page."""
    rows = [
        f"| {one.tests} | {max(1, one.tests // len(SCORES))} | {_rate(one.strict, one.suites)} | "
        f"{_rate(one.sensitive, one.suites)} | {one.runs:.1f} |"
        for one in cells
    ]
    return PAGE.format(
        suites=cells[0].suites,
        rows="\n".join(rows),
        sources=len(tuning_bank.SOURCES),
        runs=tuning_bank.RUNS,
        trials=tuning_bank.TRIALS,
        searchers=" and ".join(f"`{name}`" for name in tuning_bank.SEARCHERS),
        tables=", ".join(f"`{name}_{end}`" for name, end in tuning_bank.TABLES),
    )


def _rate(alarmed: int, suites: int) -> str:
    return f"{100 * alarmed / suites:.2f} ({100 * upper_limit(alarmed, suites):.2f})"


def main() -> None:
    """Simulate all cells, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suites", type=int, default=SUITES, help="per number of tests")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the page goes")
    given = parser.parse_args()
    cells = []
    for tests in KS:
        cells.append(cell(tests, given.suites))
        print(*cells[-1], sep="\t", flush=True)
        (given.docs / "tuning-runs.md").write_text(page(cells))


if __name__ == "__main__":
    main()
