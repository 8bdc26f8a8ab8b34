"""``--synebench-dry-run``: what would happen is printed, and nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import run_pytest

ASKED = ("--synebench", "height_with_cost", "--synebench-dry-run")


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_plan_is_looked_into_and_nothing_is_started(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    done = run_pytest(tmp_path, *ASKED, "--num_trials", "9,27", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert "synebench: nothing was started" in done.stdout
    assert "trials: 27; by the epoch they reach: 12: 27, 36: " in done.stdout
    assert "workers, by its blackbox" in done.stdout
    assert not (tmp_path / ".synebench").exists()


def test_a_plan_that_cannot_work_is_refused_as_ever(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, *ASKED, "--grace_period", "200")
    assert done.returncode != 0
    assert "grace_period" in done.stdout
