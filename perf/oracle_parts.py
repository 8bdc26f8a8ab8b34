"""Records what the authors' own code makes of the rankings that PASHA and MO-ASHA are about.

Both papers were written by people of Syne Tune, which has their code: whether two rankings agree
and what counts as noise (PASHA), and in which order the points of a rung come (MO-ASHA). Run as
``oracle.py``, in the same environment::

    oracle/bin/python perf/oracle_parts.py tests/oracle/streams
"""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import random
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import numpy as np  # noqa: E402
from syne_tune.optimizer.schedulers.hyperband_pasha import PASHARungSystem  # noqa: E402
from syne_tune.optimizer.schedulers.multiobjective.non_dominated_priority import (  # noqa: E402
    compute_epsilon_net,
    pareto_efficient,
)

CASES = 200


def rungs() -> PASHARungSystem:
    """Return a rung system with the levels 1, 3, 9, whose top is the second."""
    return PASHARungSystem([1, 3, 9], [1 / 3] * 3, "loss", "min", "epoch", 27)


def agreement(rng: random.Random) -> dict[str, Any]:
    """Return two rankings, epsilon, and whether they agree."""
    count = rng.randint(2, 8)
    lower = [round(rng.random(), 2) for _ in range(count)]
    upper = [round(one + rng.gauss(0, 0.1), 4) for one in lower]
    system = rungs()
    system.epsilon = rng.choice([0.0, 0.05, 0.2])
    told = []
    for losses in (upper, lower):
        ranked = sorted(range(count), key=lambda i: losses[i])
        told.append([(str(i), ranked.index(i), losses[i]) for i in range(count)])
    agrees = system._evaluate_soft_ranking(*system._get_sorted_top_rungs(told))
    return {"lower": lower, "upper": upper, "epsilon": system.epsilon, "agrees": bool(agrees)}


def noise(rng: random.Random) -> dict[str, Any]:
    """Return curves up to level 3, and the epsilon that they give."""
    system, curves = rungs(), []
    for trial in range(rng.randint(2, 8)):
        curves.append([round(rng.random(), 6) for _ in range(3)])
        for epoch, loss in enumerate(curves[-1], 1):
            system._update_per_epoch_results(str(trial), {"epoch": epoch, "loss": loss})
    system._update_epsilon()
    return {"curves": curves, "epsilon": float(system.epsilon)}


def order(rng: random.Random) -> dict[str, Any]:
    """Return points, and their order by fronts, within each by the epsilon-net."""
    count = rng.randint(1, 30)
    points = np.array([[round(rng.random(), 4), round(rng.random(), 4)] for _ in range(count)])
    remaining, ordered = np.arange(count), []
    while remaining.size:
        best = pareto_efficient(points[remaining])
        front = remaining[best]
        # It returns the place of each point in the order, not the points in order.
        places = compute_epsilon_net(points[front], dim=0)
        ordered += [int(front[i]) for i in np.argsort(places)]
        remaining = remaining[~best]
    return {"points": points.tolist(), "order": ordered}


def main() -> None:
    """Record every kind."""
    folder = Path(sys.argv[1])
    for record in (agreement, noise, order):
        rngs = (random.Random(f"{record.__name__}/{number}") for number in itertools.count())
        lines = [json.dumps(record(next(rngs))) + "\n" for _ in range(CASES)]
        # Without a time stamp: recorded again, the file is the same.
        data = gzip.compress("".join(lines).encode(), 9, mtime=0)
        (folder / f"{record.__name__}.jsonl.gz").write_bytes(data)


if __name__ == "__main__":
    main()
