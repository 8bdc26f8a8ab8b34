"""PASHA's and MO-ASHA's rankings against the code of the papers' authors, as Syne Tune has it."""

from __future__ import annotations

import gzip
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_synebench.schedulers.halving.ranking import agrees, noise
from pytest_synebench.schedulers.pareto.sorting import best

STREAMS = Path(__file__).parent / "streams"


def recorded(name: str) -> list[dict[str, Any]]:
    lines = gzip.decompress((STREAMS / f"{name}.jsonl.gz").read_bytes()).splitlines()
    return [json.loads(line) for line in lines]


def test_rankings_agree_where_the_authors_code_keeps_the_resources() -> None:
    cases = recorded("agreement")
    for case in cases:
        assert agrees(case["lower"], case["upper"], case["epsilon"]) is case["agrees"]
    assert {case["agrees"] for case in cases} == {True, False}


def test_epsilon_is_the_authors_estimate() -> None:
    cases = recorded("noise")
    for case in cases:
        curves = [dict(enumerate(curve, 1)) for curve in case["curves"]]
        pairs = [noise(one, two) for one, two in combinations(curves, 2)]
        seen = [distance for distance in pairs if distance is not None]
        epsilon = float(np.percentile(seen, 90)) if seen else 0.0
        assert epsilon == pytest.approx(case["epsilon"], rel=1e-12)
    assert sum(case["epsilon"] > 0 for case in cases) > 100


def test_points_come_in_the_authors_order() -> None:
    for case in recorded("order"):
        points = [(x, y) for x, y in case["points"]]
        assert best(points, len(points)) == case["order"]
