from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_synebench.backends.local.devices import VISIBLE
from pytest_synebench.backends.local.machine import this_machine


@pytest.fixture(autouse=True)
def _eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return root


def test_without_control_groups_the_processors_of_the_affinity_count(tmp_path: Path) -> None:
    assert this_machine({}, tmp_path).processors == 8


@pytest.mark.parametrize(
    ("quota", "processors"),
    [("300000 100000", 3), ("350000 100000", 3), ("50000 100000", 1), ("max 100000", 8)],
)
def test_the_quota_of_a_container_counts(tmp_path: Path, quota: str, processors: int) -> None:
    files = {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": quota}
    assert this_machine({}, write(tmp_path, **files)).processors == processors


def test_the_tightest_control_group_above_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "1:name=systemd:/x\n0::/jobs/mine",
        "sys/fs/cgroup/jobs/mine/cpu.max": "max 100000",
        "sys/fs/cgroup/jobs/cpu.max": "200000 100000",
        "sys/fs/cgroup/other/cpu.max": "100000 100000",
    }
    assert this_machine({}, write(tmp_path, **files)).processors == 2


@pytest.mark.parametrize(("quota", "processors"), [("400000", 4), ("-1", 8)])
def test_the_older_control_groups_count(tmp_path: Path, quota: str, processors: int) -> None:
    old = {
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": quota,
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    assert this_machine({}, write(tmp_path, **old)).processors == processors


def test_the_gpus_are_those_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert this_machine({VISIBLE: "1,0"}, tmp_path).gpus == ("1", "0")
    monkeypatch.setenv(VISIBLE, "3")
    assert this_machine(root=tmp_path).gpus == ("3",)
    assert this_machine({}, tmp_path).gpus == ()
