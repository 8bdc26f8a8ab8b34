"""ASHA against Syne Tune's: every decision that differs is explained, by rule, and counted.

The counts are those of the recorded streams: a change of a rule changes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from recorded_streams import Difference, Stream, differences, streams

from pytest_synebench.events import Reported, Resume, SlotFreed
from pytest_synebench.schedulers.halving.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.halving.asha_stopping import AshaStopping
from pytest_synebench.schedulers.halving.rungs import rung_levels
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, uniform

SPACE = ConfigSpace({"x": uniform(0, 1)})

QUANTILE = "theirs interpolates between two losses, and lets one more through than floor(n/eta)"
TIES = "theirs lets every loss through that equals the cut-off, ours of equal losses the earlier"
SHARE = "below a last level that is no power of eta, theirs lets the ratio of the levels through"


def levels_of(stream: Stream) -> tuple[int, ...]:
    args = stream.args
    return rung_levels(args["grace_period"], args["max_resource"], args["reduction_factor"])


def share_at(stream: Stream, level: int) -> float:
    """Return the share of a rung that Syne Tune lets through: its level over the next one."""
    levels = levels_of(stream)
    return level / levels[levels.index(level) + 1]


def losses_at(difference: Difference, level: int) -> dict[int, float]:
    """Return the losses that had come to a level, by trial, in the order of arrival."""
    reports = [event.report for event, _ in difference.before if isinstance(event, Reported)]
    return {report.trial_id: report.loss for report in reports if report.resource == level}


def why(difference: Difference, level: int, losses: Sequence[float], loss: float) -> str:
    """Return why theirs lets a loss through at a level and ours does not."""
    share = share_at(difference.stream, level)
    assert loss <= np.quantile(losses, share), "theirs does not keep the rule that it states"
    factor = difference.stream.args["reduction_factor"]
    if sum(other < loss for other in losses) < len(losses) // factor:
        return TIES
    return SHARE if share > 1 / factor else QUANTILE


def why_stopping(difference: Difference) -> str:
    event = difference.event
    assert isinstance(event, Reported)
    assert difference.theirs == (), "ours never lets a loss through that theirs stops"
    report = event.report
    losses = [*losses_at(difference, report.resource).values(), report.loss]
    return why(difference, report.resource, losses, report.loss)


def why_promotion(difference: Difference) -> str:
    assert isinstance(difference.event, SlotFreed)
    (theirs,) = difference.theirs
    assert isinstance(theirs, Resume), "ours never promotes where theirs finds nobody"
    rungs = {level: losses_at(difference, level) for level in levels_of(difference.stream)}
    level = max(level for level, losses in rungs.items() if theirs.trial_id in losses)
    losses = rungs[level]
    return why(difference, level, list(losses.values()), losses[theirs.trial_id])


def test_stopping_differs_from_theirs_where_it_is_said_to() -> None:
    reasons: Counter[str] = Counter()
    decided = 0
    for stream in streams("asha_stopping"):
        scheduler = AshaStopping(
            RandomSearch(SPACE, seed=0),
            levels=levels_of(stream),
            reduction_factor=stream.args["reduction_factor"],
        )
        decided += len(stream.steps)
        reasons.update(map(why_stopping, differences(scheduler, stream)))

    assert decided == 10_001
    assert reasons == {QUANTILE: 145, SHARE: 11}


def test_promotion_differs_from_theirs_where_it_is_said_to() -> None:
    reasons: Counter[str] = Counter()
    decided = 0
    for stream in streams("asha_promotion"):
        scheduler = AshaPromotion(
            RandomSearch(SPACE, seed=0),
            levels=levels_of(stream),
            reduction_factor=stream.args["reduction_factor"],
        )
        decided += len(stream.steps)
        reasons.update(map(why_promotion, differences(scheduler, stream)))

    assert decided == 10_002
    assert reasons == {QUANTILE: 384, TIES: 200, SHARE: 57}
