"""Which item runs next: trials in the order in which they end, whatever was collected first.

pytest runs items in the order of collection. Here the loop is ours: where trials of an experiment
are next, it waits until any of those that remain is final, and runs that one. Each item is run by
the same hook as ever, so other plugins see nothing unusual. pytest-timeout does not see the wait
between items: deadlines of trials are the experiment's own (trial_timeout, progress_timeout).

Invariants (tests/plugin/test_runloop.py):
- every item runs once; those that are no trials, in the order of collection;
- a trial runs when its outcome is final, earlier ends first;
- choosing n items costs O(n).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from pytest_synebench.plugin.nodes.experiment import Experiment
from pytest_synebench.plugin.nodes.items import Item, LaunchItem, SoundItem, TrialItem
from pytest_synebench.trial import TrialId


def run(session: pytest.Session) -> bool:
    """Run the items of a session; stop where pytest's own loop would."""
    for item, following in in_order(session.items):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
    return True


def in_order(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Yield each item to run and one that stays in the same collectors, or comes after them."""
    at = 0
    while at < len(items):
        item = items[at]
        block = _block(items, at) if isinstance(item, TrialItem) else [item]
        at += len(block)
        after = items[at] if at < len(items) else None
        if isinstance(item, TrialItem):
            yield from _as_they_end(item.experiment, block, after)
        else:
            yield item, after


def _block(items: Sequence[pytest.Item], at: int) -> list[pytest.Item]:
    parent = items[at].parent
    end = at
    while end < len(items) and isinstance(items[end], TrialItem) and items[end].parent is parent:
        end += 1
    return list(items[at:end])


def _as_they_end(
    experiment: Experiment, block: Sequence[pytest.Item], after: pytest.Item | None
) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    remaining = {item.number: item for item in block if isinstance(item, TrialItem)}
    ended: Iterator[TrialId] = iter(())
    waiting = False
    while remaining:
        if experiment.run is not None and not waiting:
            # Where launch is deselected, the first trial to run opens the experiment.
            ended, waiting = _ended(experiment), True
        number = next((n for n in ended if n in remaining), None)
        item = remaining.pop(next(iter(remaining)) if number is None else number)
        experiment.clear_progress()
        yield item, next(iter(remaining.values()), after)


def _ended(experiment: Experiment) -> Iterator[TrialId]:
    """Yield the trials that end, waiting for each; stop when the rest has nothing to wait for."""
    told = 0
    while (run := experiment.run) is not None:
        over = run.done or bool(experiment.error)
        # A list that only grows; it is asked for once more after the end, with the paused ones.
        ended = run.ended
        while told < len(ended):
            told += 1
            yield ended[told - 1]
        if over:
            return
        experiment.pump()


def regroup(items: list[pytest.Item]) -> None:
    """Bring the items of each experiment together again, launch first, trials by number."""
    groups: dict[int, list[pytest.Item]] = {}
    for item in items:
        key = id(item.parent) if isinstance(item, Item) else id(item)
        groups.setdefault(key, []).append(item)
    items[:] = [item for group in groups.values() for item in sorted(group, key=_rank)]


def _rank(item: pytest.Item) -> tuple[int, int]:
    match item:
        case LaunchItem():
            return 0, 0
        case TrialItem():
            return 1, item.number
        case SoundItem():
            return 3, 0
        case _:
            return 2, 0
