"""Median stopping against Syne Tune's: by its rule the same, by the paper's explained."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict

from recorded_streams import Difference, Stream, differences, streams

from pytest_synebench.events import Ended, Reported
from pytest_synebench.schedulers.median_stopping import MedianRule, MedianStopping
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, uniform
from pytest_synebench.trial import TrialState

SPACE = ConfigSpace({"x": uniform(0, 1)})

PAPER_STOPS = "the paper compares with completed trials alone, which did better than all on average"
PAPER_GOES_ON = "the paper judges a trial by its best loss, and by completed trials alone"


def scheduler(stream: Stream, rule: MedianRule) -> MedianStopping:
    searcher = RandomSearch(SPACE, seed=0)
    return MedianStopping(searcher, max_resource=stream.args["max_resource"], rule=rule)


def rule_of(stream: Stream) -> MedianRule:
    args = stream.args
    return MedianRule(
        rule="syne_tune",
        grace_time=args["grace_time"],
        grace_population=args["grace_population"],
        running_average=args["running_average"],
    )


def paper_stops(difference: Difference) -> bool:
    """Apply the paper's rule, word for word, to all that came before."""
    assert isinstance(difference.event, Reported)
    now = difference.event.report
    curves: dict[int, list[float]] = defaultdict(list)
    completed = set()
    for event, _ in difference.before:
        if isinstance(event, Reported):
            curves[event.report.trial_id].append(event.report.loss)
        elif isinstance(event, Ended) and event.state is TrialState.COMPLETED:
            completed.add(event.trial_id)
    averages = [statistics.fmean(curves[trial][: now.resource]) for trial in sorted(completed)]
    best = min([*curves[now.trial_id], now.loss])
    return bool(averages) and best > statistics.median(averages)


def why(difference: Difference) -> str:
    assert paper_stops(difference) == bool(difference.ours)
    return PAPER_STOPS if difference.ours else PAPER_GOES_ON


def test_by_their_rule_every_decision_is_theirs() -> None:
    decided = stopped = 0
    for stream in streams("median_stopping"):
        decided += len(stream.steps)
        stopped += sum(
            bool(theirs) for event, theirs in stream.steps if isinstance(event, Reported)
        )
        assert list(differences(scheduler(stream, rule_of(stream)), stream)) == []
    assert (decided, stopped) == (10_000, 1_591)


def test_by_the_paper_what_differs_is_the_paper() -> None:
    reasons: Counter[str] = Counter()
    for stream in streams("median_stopping"):
        reasons.update(map(why, differences(scheduler(stream, MedianRule()), stream)))
    assert reasons == {PAPER_STOPS: 722, PAPER_GOES_ON: 967}
