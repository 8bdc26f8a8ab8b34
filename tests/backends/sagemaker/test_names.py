from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.backends.sagemaker.names import LONGEST, Names
from pytest_synebench.errors import BackendError
from pytest_synebench.trial import TrialId

PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
KEYS = st.builds(AttemptKey, st.integers(0, 10**6 - 1).map(TrialId), st.integers(0, 10**4 - 1))


@given(benchmark=st.text(), run=st.text(), key=KEYS)
def test_every_name_is_one_that_the_service_takes(
    benchmark: str, run: str, key: AttemptKey
) -> None:
    name = Names(benchmark, run).job(key)
    assert PATTERN.fullmatch(name)
    assert len(name) <= LONGEST
    assert Names(benchmark, run).job(key) == name


@given(runs=st.lists(st.text(), min_size=2, max_size=2, unique=True), key=KEYS, other=KEYS)
def test_a_name_gives_back_its_attempt_and_only_in_its_run(
    runs: list[str], key: AttemptKey, other: AttemptKey
) -> None:
    ours, theirs = (Names("toy", run) for run in runs)
    assert ours.attempt(ours.job(key)) == key
    assert theirs.attempt(ours.job(key)) is None
    assert ours.job(key) != theirs.job(key)
    if other != key:
        assert not ours.job(other).startswith(ours.job(key))


@pytest.mark.parametrize("name", ["", "000001-0001", "toy-000001-0001", "x-1-1"])
def test_a_strangers_name_is_nobodys(name: str) -> None:
    assert Names("toy", "r0").attempt(name) is None
    assert Names("toy", "r0").attempt(Names("toy", "r0").prefix + name[1:]) is None


@pytest.mark.parametrize("key", [(10**6, 0), (0, 10**4), (-1, 0)])
def test_numbers_that_no_name_can_hold_are_refused(key: tuple[int, int]) -> None:
    with pytest.raises(BackendError, match="hold trials below 1000000 and attempts below 10000"):
        Names("toy", "r0").job(AttemptKey(TrialId(key[0]), key[1]))
