from __future__ import annotations

import gc

import pytest

from pytest_synebench.experiment.tuner.budget import Budget
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.machinery import Limits


def limits(*, instant: bool) -> Limits:
    return Limits(
        num_workers=1,
        max_retries=0,
        budget=Budget(num_trials=1, max_failures=0),
        deadlines=Deadlines(),
        wind_down_s=0.0,
        instant=instant,
    )


def test_cycles_are_not_looked_for_where_waiting_takes_no_time() -> None:
    with limits(instant=True).undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled()
    with limits(instant=False).undisturbed():
        assert gc.isenabled()


def test_they_are_again_whatever_happens_and_only_if_they_were_before() -> None:
    with pytest.raises(KeyError), limits(instant=True).undisturbed():
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    try:
        with limits(instant=True).undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
