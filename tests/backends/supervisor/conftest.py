"""A supervisor to speak with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as bench:
        yield bench


@pytest.fixture
def bare(bench: Bench) -> Bench:
    bench.start()
    assert bench.hear() == {"is": "warm"}
    return bench
