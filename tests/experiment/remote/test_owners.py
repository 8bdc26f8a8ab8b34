from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lease_holders import CLOCK, ELSEWHERE, Controller, forge
from reaped_jobs import RUN

from pytest_synebench.experiment.remote.owners import Owner, owner_of
from pytest_synebench.experiment.store.holder import Holder
from pytest_synebench.experiment.store.lease import NAME, Lease


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "runs" / RUN
    made.mkdir(parents=True)
    return made


@pytest.fixture
def controller(directory: Path) -> Iterator[Controller]:
    made = Controller(directory)
    yield made
    made.kill()


def test_who_lives_owns_its_run_stopped_or_not(tmp_path: Path, controller: Controller) -> None:
    owner, words = owner_of(RUN, tmp_path)
    assert owner is Owner.LIVES
    assert f"pid {controller.pid}" in words
    controller.stop()
    owner, words = owner_of(RUN, tmp_path)
    assert owner is Owner.LIVES
    assert "stopped" in words


def test_a_run_whose_holder_is_gone_is_nobodys(tmp_path: Path, controller: Controller) -> None:
    controller.kill()
    owner, words = owner_of(RUN, tmp_path)
    assert owner is Owner.NOBODY
    assert words.startswith(f"pid {controller.pid} on ")
    assert words.endswith(" is gone")


def test_a_run_that_was_let_go_of_is_nobodys(tmp_path: Path, directory: Path) -> None:
    Lease.take(directory, CLOCK).release()
    owner, words = owner_of(RUN, tmp_path)
    assert owner is Owner.NOBODY
    assert words.endswith("has let go of its run")


def test_a_number_that_another_process_has_by_now_is_not_the_holder(
    tmp_path: Path, directory: Path
) -> None:
    forge(directory, started=Holder.me(CLOCK).started + 1)
    assert owner_of(RUN, tmp_path).owner is Owner.NOBODY


def test_what_cannot_be_told_from_here_is_unknown(tmp_path: Path, directory: Path) -> None:
    assert owner_of(RUN, tmp_path) == (Owner.UNKNOWN, f"its run is not below {tmp_path}")
    assert owner_of("another/run/r0", tmp_path).owner is Owner.UNKNOWN
    (directory / NAME).write_bytes(b"torn")
    assert owner_of(RUN, tmp_path) == (Owner.UNKNOWN, f"{directory / NAME} names nobody")
    forge(directory, **ELSEWHERE)
    owner, words = owner_of(RUN, tmp_path)
    assert owner is Owner.UNKNOWN
    assert words.endswith("is out of sight")
