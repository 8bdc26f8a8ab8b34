from __future__ import annotations

import math

import pytest
from histories_by_hand import history, report
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.searchers.evidence import Evidence, Reader, penalised
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace, randint, uniform
from pytest_synebench.testing.strategies import LOSSES
from pytest_synebench.trial import Config, TrialId

SPACE = ConfigSpace({"x": uniform(0, 9)})  # one hyperparameter: three trials are enough
CONFIGS: list[Config] = [{"x": float(i)} for i in range(8)]


def read(told: History, constraint_attr: str | None = None) -> Evidence:
    evidence = Reader(SPACE, constraint_attr=constraint_attr).evidence(told)
    assert evidence is not None
    return evidence


def test_the_highest_level_with_more_than_d_plus_one_trials_is_modelled() -> None:
    reports = [report(i, float(i), level) for level in (1, 3) for i in range(3)]
    assert read(history(CONFIGS[:3], reports)).level == 3
    assert read(history(CONFIGS[:3], reports[:-1])).level == 1
    assert Reader(SPACE).evidence(history(CONFIGS[:2], reports[:2])) is None


def test_losses_come_in_the_order_of_their_reports() -> None:
    told = history(CONFIGS[:3], [report(2, 5.0), report(0, 4.0), report(1, 6.0)])
    evidence = read(told)
    assert evidence.configs == (CONFIGS[2], CONFIGS[0], CONFIGS[1])
    assert evidence.losses == (5.0, 4.0, 6.0)


def test_a_level_that_comes_again_counts_once() -> None:
    told = history(CONFIGS[:3], [report(i, float(i)) for i in (0, 1, 2)] + [report(0, 9.0)])
    assert read(told).losses == (0.0, 1.0, 2.0)


def test_what_runs_is_pending_until_it_reports_at_the_level() -> None:
    reports = [report(i, 1.0, 2) for i in range(3)] + [report(3, 1.0), report(4, 1.0)]
    told = history(CONFIGS[:7], reports, paused=[4], ended=[6])
    # 3 runs below the level, 5 has reported nothing; 4 is paused, 6 has ended.
    assert read(told).pending == (CONFIGS[3], CONFIGS[5])


def test_a_breakdown_is_worse_than_all_that_was_measured() -> None:
    told = history(
        CONFIGS[:7],
        [report(0, 1.0), report(1, math.nan), report(2, 3.0), report(3, -math.inf)],
        ended=[5],
    )
    evidence = read(told)
    # 5 ended without a word; 4 and 6 run.
    assert evidence.losses == (1.0, 5.0, 3.0, 5.0, 5.0)
    assert evidence.configs[-1] == CONFIGS[5]


def test_a_trial_that_diverged_below_the_level_is_evidence_against_it() -> None:
    reports = [report(i, float(i), 2) for i in range(3)]
    reports += [report(3, math.nan), report(4, math.nan), report(5, 0.0)]
    told = history(CONFIGS[:6], reports, ended=[3], paused=[4, 5])
    assert read(told).configs == tuple(CONFIGS[:5])
    assert read(told).losses == (0.0, 1.0, 2.0, 4.0, 4.0)


def test_where_nothing_finite_was_measured_nothing_can_be_learnt() -> None:
    told = history(CONFIGS[:3], [report(i, math.inf) for i in range(3)])
    assert Reader(SPACE).evidence(told) is None


def test_a_constraint_that_was_not_reported_counts_as_violated() -> None:
    told = history(
        CONFIGS[:4],
        [report(0, 1.0, c=-2), report(1, 1.0, c=3.0), report(2, 1.0), report(3, 1.0, c="no")],
    )
    assert read(told, "c").constraints == (-2.0, 3.0, 3.0, 3.0)
    assert read(told).constraints == ()


@given(losses=st.lists(LOSSES, min_size=1))
def test_penalised_losses_are_finite_and_keep_the_order(losses: list[float]) -> None:
    shown = penalised(losses)
    assert all(map(math.isfinite, shown))
    finite = [new for old, new in zip(losses, shown, strict=True) if math.isfinite(old)]
    broken = [new for old, new in zip(losses, shown, strict=True) if not math.isfinite(old)]
    assert not finite or all(value > max(finite) for value in broken)
    pairs = list(zip(losses, shown, strict=True))
    for one, shown_one in pairs:
        for other, shown_other in pairs:
            if math.isfinite(one) and math.isfinite(other) and one < other:
                assert shown_one <= shown_other


def test_what_was_read_of_one_history_is_forgotten_with_another() -> None:
    reader = Reader(SPACE)
    long = history(CONFIGS[:4], [report(i, float(i)) for i in range(4)])
    short = history(CONFIGS[:3], [report(i, 7.0) for i in range(3)])
    for told, count in ((long, 4), (short, 3), (long, 4)):
        evidence = reader.evidence(told)
        assert evidence is not None
        assert len(evidence.losses) == count
    assert reader.knows(long, CONFIGS[3])
    assert not reader.knows(short, CONFIGS[3])


@pytest.mark.parametrize(("count", "told"), [(1, False), (2, True)])
def test_a_finite_space_is_exhausted_by_its_configs(count: int, told: bool) -> None:
    space = ConfigSpace({"a": randint(0, 1)})
    assert Reader(space).exhausted(history([{"a": i} for i in range(count)])) is told


def test_evidence_grows_as_the_history_does() -> None:
    told, reader = History(), Reader(SPACE)
    for i, config in enumerate(CONFIGS):
        told.configs[TrialId(i)] = config
        assert reader.evidence(told) == Reader(SPACE).evidence(told)
        told.reports.append(report(i, float(i)))
        assert reader.evidence(told) == Reader(SPACE).evidence(told)
