"""How often the gate alarms falsely, and how often it sees a loss: simulated, seeds fixed.

Run ``python perf/gate_error_rates.py`` (some minutes), or with ``--quick`` for a tenth of the
suites. It writes docs/gate/README.md and docs/gate/error-rates.svg.

Five families of noise, and a mixture in which each test draws its own. A suite has K tests with 20
baseline runs each; sizes are in robust standard deviations (IQR / 1.349). The rule is the one of
pytest_synebench.analysis.gate, made on arrays; tests/analysis/gate/test_error_rates.py holds that
both say the same.
"""

from __future__ import annotations

import argparse
import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from gate_cells import EFFECTS, FAMILIES, KS, Cell
from gate_error_page import page, picture

from pytest_synebench.analysis.gate import rules
from pytest_synebench.analysis.gate.engine import Suite
from pytest_synebench.analysis.gate.rules import SENSITIVE, STRICT, Rule
from pytest_synebench.analysis.statistics.ranks import (
    _convolved,
    doubled_ranks,
    rank_sum_p,
    subset_sums,
)

BASELINE_RUNS = 20
SUITES = 10_000
SEED = 20_260_101
DOCS = Path(__file__).resolve().parents[1] / "docs" / "gate"


@lru_cache
def robust_sd(family: str) -> float:
    """Return the robust standard deviation of a family."""
    sample = FAMILIES[family](np.random.default_rng(SEED), (200_000,))
    low, high = np.quantile(sample, [0.25, 0.75])
    return float(high - low) / 1.349


class Data(NamedTuple):
    """Runs of many suites: suite, test, run."""

    baseline: np.ndarray
    candidate: np.ndarray  #: those of the last look
    scores: int = 1  #: so many tests in a row are scores of the same runs


def draw(family: str, tests: int, suites: int, shifts: np.ndarray, seed: int) -> Data:
    """Return runs; ``shifts`` says, per test, how much worse the candidate is."""
    chance = np.random.default_rng(seed)
    runs = rules.final_runs(tests)
    shape = (suites, tests, BASELINE_RUNS + runs)
    names = [family] if family in FAMILIES else list(FAMILIES)
    which = chance.integers(len(names), size=(suites, tests, 1))
    values = np.zeros(shape)
    for number, name in enumerate(names):
        # In units of its own robust standard deviation.
        values = np.where(which == number, FAMILIES[name](chance, shape) / robust_sd(name), values)
    candidate = values[..., BASELINE_RUNS:] + shifts[None, :, None]
    return Data(values[..., :BASELINE_RUNS], candidate)


def p_values(baseline: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Return the rank-sum p-value of each row."""
    runs = candidate.shape[-1]
    above = (candidate[..., :, None] > baseline[..., None, :]).sum((-1, -2))
    null = np.array(subset_sums(tuple(range(BASELINE_RUNS + runs)), runs), dtype=float)
    tail = null[::-1].cumsum()[::-1] / null.sum()
    out = tail[above + runs * (runs - 1) // 2]
    for at in np.argwhere(_tied(baseline, candidate)):
        out[tuple(at)] = rank_sum_p(baseline[tuple(at)].tolist(), candidate[tuple(at)].tolist())
    return out


def _tied(baseline: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    pooled = np.sort(np.concatenate([baseline, candidate], axis=-1), axis=-1)
    return (pooled[..., 1:] == pooled[..., :-1]).any(-1)


def a12(baseline: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Return the effect size of each row."""
    c, b = candidate[..., :, None], baseline[..., None, :]
    return ((c > b) + 0.5 * (c == b)).mean((-1, -2))


def broad(data: Data, level: float) -> np.ndarray:
    """Return which suites are worse on the whole at the first look."""
    suites, tests, _ = data.baseline.shape
    if not level:
        return np.zeros(suites, bool)
    first = data.candidate[..., : rules.FIRST_RUNS]
    share = a12(data.baseline, first).sum(-1)
    sd = math.sqrt((BASELINE_RUNS + 6) / (12 * BASELINE_RUNS * rules.FIRST_RUNS) * tests)
    tied = _tied(data.baseline, first).any(-1)
    null = _untied_null(tests)
    pairs = BASELINE_RUNS * rules.FIRST_RUNS
    out = np.zeros(suites, bool)
    for at in range(suites):
        if share[at] <= tests / 2 + 2.0 * sd:
            # Far from any alarm: ties only make the null narrower, p is above 2 %. Scores that
            # depend on each other make it wider by half at most: p is above 5 %.
            continue
        if data.scores > 1 or tied[at]:
            out[at] = broad_p(data.baseline[at], first[at], data.scores) <= level
        else:
            out[at] = null[round(share[at] * pairs) :].sum() <= level
    return out


def broad_p(baseline: np.ndarray, candidate: np.ndarray, scores: int) -> float:
    """Return what ``stratified_p`` does, in floating point: exact integers take too long here.

    Args:
        baseline: test, run; so many tests in a row are scores of the same runs.
        candidate: the same.
        scores: how many.
    """
    observed, null = 0, np.ones(1)
    runs = baseline.shape[-1]
    for at in range(0, len(baseline), scores):
        pooled = np.concatenate([baseline[at : at + scores], candidate[at : at + scores]], axis=1)
        sums = np.array([doubled_ranks(one.tolist()) for one in pooled]).sum(0)
        steps = sums - sums.min()
        observed += int(steps[runs:].sum())
        null = np.convolve(null, _one_null(tuple(sorted(steps.tolist())), len(steps) - runs))
    return float(null[observed:].sum())


@lru_cache(maxsize=4096)
def _one_null(values: tuple[int, ...], size: int) -> np.ndarray:
    """Return, by sum, the share of the subsets of a size that have it."""
    top = sum(values[-size:])
    by_size = np.zeros((size + 1, top + 1))
    by_size[0, 0] = 1.0
    for value in values:
        by_size[1:, value:] += by_size[:-1, : top + 1 - value].copy()
    return by_size[size] / by_size[size].sum()


@lru_cache
def _untied_null(tests: int) -> np.ndarray:
    """Return the null distribution of the number of pairs that are worse, over all tests."""
    runs = rules.FIRST_RUNS
    one = subset_sums(tuple(range(BASELINE_RUNS + runs)), runs)[runs * (runs - 1) // 2 :]
    counts = _convolved([one] * tests)
    total = sum(counts)
    return np.array([count / total for count in counts])


class Looks(NamedTuple):
    """What does not depend on the profile."""

    p: np.ndarray  #: at the last look; 1: it was not made
    large: np.ndarray  #: whether the effect is large enough, and a loss
    runs: float  #: runs per test, on average


def looks(data: Data) -> Looks:
    """Look once, and at suspects twice."""
    first = p_values(data.baseline, data.candidate[..., : rules.FIRST_RUNS])
    suspect = first <= rules.FUTILITY
    # One score that is suspect makes runs for all scores of its setup.
    of_setup = suspect.reshape(len(suspect), -1, data.scores).any(-1)
    suspect = np.repeat(of_setup, data.scores, axis=-1)
    p, large = np.ones(suspect.shape), np.zeros(suspect.shape, bool)
    baseline, candidate = data.baseline[suspect], data.candidate[suspect]
    p[suspect] = p_values(baseline, candidate)
    gaps = (candidate[..., :, None] - baseline[..., None, :]).reshape(len(baseline), -1)
    large[suspect] = (a12(baseline, candidate) >= rules.LEAST_A12) & (np.median(gaps, -1) > 0)
    runs = suspect.mean() * data.candidate.shape[-1] + (1 - suspect.mean()) * rules.FIRST_RUNS
    return Looks(p, large, float(runs))


def alarms(data: Data, seen: Looks, rule: Rule) -> np.ndarray:
    """Return which suites the gate fails."""
    tests = seen.p.shape[1]
    suite = Suite(rule=rule, setups=tests // data.scores, scores=data.scores)
    order = np.argsort(seen.p, axis=1, kind="stable")
    steps = np.take_along_axis(seen.p, order, 1) * (tests - np.arange(tests))
    adjusted = np.minimum(1.0, np.maximum.accumulate(steps, axis=1))
    large = np.take_along_axis(seen.large, order, 1)
    single = ((adjusted <= rule.test_level(suite.setups)) & large).any(1)
    return single | broad(data, rule.broad_level(suite.setups))


def cell(family: str, tests: int, effect: str, suites: int) -> Cell:
    """Simulate one cell."""
    where, size = EFFECTS[effect]
    shifts = np.full(tests, size) if where == "all" else np.eye(1, tests)[0] * size
    strict = sensitive = 0
    runs, done = 0.0, 0
    key = [SEED, sorted([*FAMILIES, "mixture"]).index(family), tests, list(EFFECTS).index(effect)]
    while done < suites:
        chunk = min(500, suites - done)
        data = draw(family, tests, chunk, shifts, [*key, done])  # type: ignore[arg-type]
        seen = looks(data)
        strict += int(alarms(data, seen, STRICT).sum())
        sensitive += int(alarms(data, seen, SENSITIVE).sum())
        runs += seen.runs * chunk
        done += chunk
    return Cell(family, tests, effect, suites, strict, sensitive, runs / suites)


def main() -> None:
    """Simulate all cells, and write page and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the suites; prints only")
    quick = parser.parse_args().quick
    suites = SUITES // 10 if quick else SUITES
    cells = []
    for family in [*FAMILIES, "mixture"]:
        for tests in KS:
            for effect in EFFECTS:
                power = effect != "none"
                cells.append(cell(family, tests, effect, suites // 10 if power else suites))
                print(*cells[-1], sep="\t", flush=True)
    if not quick:
        DOCS.mkdir(exist_ok=True)
        (DOCS / "README.md").write_text(page(cells))
        (DOCS / "error-rates.svg").write_text(picture(cells))


if __name__ == "__main__":
    main()
