"""Synchronous Hyperband against Syne Tune's: where the two part is explained, by rule, and counted.

Once a trial has moved up in one and not in the other, their rungs hold different trials for good:
so a stream is compared up to the first decision that differs.
"""

from __future__ import annotations

from collections import Counter

from recorded_streams import Difference, Stream, differences, streams

from pytest_synebench.events import Ended, Reported, Resume, SlotFreed
from pytest_synebench.schedulers.halving.rungs import rung_levels
from pytest_synebench.schedulers.halving.synchronous_hyperband import (
    SynchronousHyperband,
    first_size,
)
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, uniform
from pytest_synebench.trial import TrialId, TrialState

SPACE = ConfigSpace({"x": uniform(0, 1)})

TIES = "of equal losses theirs takes the one whose attempt began earlier, ours the first to arrive"
FAILED = "theirs lets a failed trial move up where too few others are left"
SIZES = "theirs rounds the sizes of all rungs up, the paper down"


def levels_of(stream: Stream) -> tuple[int, ...]:
    args = stream.args
    return rung_levels(args["grace_period"], args["max_resource"], args["reduction_factor"])


def first_difference(stream: Stream, *, round_up: bool) -> Difference | None:
    scheduler = SynchronousHyperband(
        RandomSearch(SPACE, seed=0),
        levels=levels_of(stream),
        reduction_factor=stream.args["reduction_factor"],
        brackets=stream.args["brackets"],
        round_up=round_up,
    )
    return next(differences(scheduler, stream), None)


def loss_of(difference: Difference, trial_id: TrialId) -> float:
    """Return the last loss of a trial: that of the rung in which it waits."""
    reports = [event.report for event, _ in difference.before if isinstance(event, Reported)]
    return [report.loss for report in reports if report.trial_id == trial_id][-1]


def began(difference: Difference, trial_id: TrialId) -> int:
    """Return at which step the last attempt of a trial began."""
    steps = enumerate(difference.before)
    slots = [(n, step) for n, (event, step) in steps if isinstance(event, SlotFreed)]
    return [n for n, step in slots if step[0].trial_id == trial_id][-1]


def why(difference: Difference) -> str:
    """Return why the two differ although both round up."""
    (theirs,) = difference.theirs
    assert isinstance(theirs, Resume)
    if theirs.trial_id in failed(difference):
        return FAILED
    (ours,) = difference.ours
    assert isinstance(ours, Resume)
    assert ours.until == theirs.until
    assert loss_of(difference, ours.trial_id) == loss_of(difference, theirs.trial_id)
    assert began(difference, theirs.trial_id) < began(difference, ours.trial_id)
    return TIES


def failed(difference: Difference) -> set[TrialId]:
    ends = [event for event, _ in difference.before if isinstance(event, Ended)]
    return {end.trial_id for end in ends if end.state is TrialState.FAILED}


def sizes(stream: Stream, skip: int, *, round_up: bool) -> list[int]:
    """Return how many places the rungs of a bracket have."""
    levels, factor = levels_of(stream), stream.args["reduction_factor"]
    places = [first_size(len(levels), skip, factor)]
    for _ in levels[skip + 1 :]:
        more = factor - 1 if round_up else 0
        places.append(max(1, (places[-1] + more) // factor))
    return places


def bracket_of(stream: Stream, trial_id: TrialId) -> tuple[int, range]:
    """Return how many levels the bracket of a trial skips, and which trials are its own."""
    first = number = 0
    while True:
        skip = number % stream.args["brackets"]
        trials = range(first, first + sizes(stream, skip, round_up=True)[0])
        if trial_id in trials:
            return skip, trials
        first, number = trials.stop, number + 1


def why_the_paper(difference: Difference) -> str:
    """Return why the paper's rule differs first at this decision.

    Where the paper's rung has no place left, theirs has the one that the trial takes: so many of
    its bracket have been resumed up to that level before.
    """
    (theirs,) = difference.theirs
    if not isinstance(theirs, Resume):
        return why(difference)
    stream, levels = difference.stream, levels_of(difference.stream)
    skip, trials = bracket_of(stream, theirs.trial_id)
    rung = levels.index(theirs.until or 0) - skip
    decided = [step for event, step in difference.before if isinstance(event, SlotFreed)]
    up = [
        step[0]
        for step in decided
        if isinstance(step[0], Resume)
        and step[0].until == theirs.until
        and step[0].trial_id in trials
    ]
    if len(up) < sizes(stream, skip, round_up=False)[rung]:
        return why(difference)
    assert len(up) < sizes(stream, skip, round_up=True)[rung]
    return SIZES


def test_rounded_up_it_differs_from_theirs_where_it_is_said_to() -> None:
    reasons: Counter[str] = Counter()
    compared = 0
    for stream in streams("synchronous_hyperband"):
        difference = first_difference(stream, round_up=True)
        if difference is None:
            compared += len(stream.steps)
        else:
            compared += difference.number
            reasons[why(difference)] += 1
    assert (compared, reasons) == (7_912, {TIES: 9, FAILED: 1})


def test_by_the_paper_what_differs_besides_is_the_size_of_a_rung() -> None:
    reasons: Counter[str] = Counter()
    for stream in streams("synchronous_hyperband"):
        difference = first_difference(stream, round_up=False)
        if difference is not None:
            reasons[why_the_paper(difference)] += 1
    assert reasons == {SIZES: 20, TIES: 7}
