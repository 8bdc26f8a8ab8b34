"""Histories of trials that were all told at once: for tests of searchers."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_synebench.searchers.protocol import History
from pytest_synebench.trial import Config, Report, Scalar, TrialId


def report(trial: int, loss: float, level: int = 1, **metrics: Scalar) -> Report:
    return Report(
        trial_id=TrialId(trial), resource=level, loss=loss, at_s=float(level), metrics=metrics
    )


def history(
    configs: Sequence[Config],
    reports: Sequence[Report] = (),
    *,
    ended: Sequence[int] = (),
    paused: Sequence[int] = (),
) -> History:
    return History(
        configs={TrialId(i): config for i, config in enumerate(configs)},
        reports=list(reports),
        ended={TrialId(i) for i in ended},
        paused={TrialId(i) for i in paused},
    )
