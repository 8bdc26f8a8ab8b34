"""Faults that a gate must see, planted in the tuner's own code for the time of a run.

Each is what a slip of the pen makes of a working line; nothing but that line is changed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest import mock

from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.schedulers import catalog as schedulers
from pytest_synebench.schedulers.halving.ladder import Ladder
from pytest_synebench.schedulers.halving.rungs import Rung, rung_levels
from pytest_synebench.searchers import catalog as searchers
from pytest_synebench.searchers.evidence import Reader
from pytest_synebench.searchers.learning import LearningSearcher
from pytest_synebench.searchers.points import initial_configs
from pytest_synebench.searchers.protocol import History
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.trial import Config

Patch = Callable[[], Any]  #: makes a context in which the fault is there


@dataclass(frozen=True, kw_only=True, eq=False)
class Fault:
    """One fault."""

    name: str
    what: str  #: what the code does instead of the right thing
    patch: Patch = nullcontext
    plan: Callable[[Plan], Plan] = lambda plan: plan  #: where the fault is in what a plan says

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have the fault for a while."""
        with self.patch():
            yield


def _changed(target: Any, name: str, by: Callable[..., Any]) -> Patch:
    """Return a patch that hands the right function, and then its arguments, to another one."""
    right = getattr(target, name)

    def wrong(*args: Any, **more: Any) -> Any:
        return by(right, *args, **more)

    return lambda: mock.patch.object(target, name, wrong)


def _both(one: Patch, other: Patch) -> Patch:
    @contextmanager
    def patch() -> Iterator[None]:
        with one(), other():
            yield

    return patch


def _knows_reported(_: Any, reader: Reader, history: History, config: Config) -> bool:
    key = reader._space.key
    return key(config) in {key(history.configs[one.trial_id]) for one in history.reports}


def _halved(plan: Plan) -> Plan:
    params = dict(plan.params)
    params["num_trials"] = max(1, params["num_trials"] // 2)
    if params["scheduler_timeout"] is not None:
        params["scheduler_timeout"] /= 2
    return dataclasses.replace(plan, params=params)


def _without_checkpoints(plan: Plan) -> Plan:
    return dataclasses.replace(plan, params={**plan.params, "checkpointing": "off"})


def _skips(right: Any, ladder: Ladder, report: Any) -> Rung | None:
    """Do not count a report in the rung after the one in which its trial was compared last."""
    rung: Rung | None = right(ladder, report)
    climbed = ladder._climbed.get(report.trial_id, 0)
    return None if rung is not None and 0 < climbed == ladder.rungs.index(rung) else rung


def _most(right: Any, rung: Rung, level: int, factor: int) -> None:
    right(rung, level, factor)
    rung._factor = factor / (factor - 1)  # type: ignore[assignment] # that is the fault


def _diverged_is_best(right: Any, rung: Rung, trial_id: Any, loss: float) -> None:
    right(rung, trial_id, loss if math.isfinite(loss) else -1e9)


FAULTS = (
    Fault(
        name="wrong quantile",
        what="the best 1 - 1/eta of a rung move up, instead of the best 1/eta",
        patch=_changed(Rung, "__init__", _most),
    ),
    Fault(
        name="promotion off by one rung",
        what="a trial that moves up is compared again at the rung after the next one",
        patch=_changed(Ladder, "rung_of", _skips),
    ),
    Fault(
        name="rung levels shifted",
        what="the rungs are 3, 9 and 27 instead of 1, 3, 9 and 27",
        patch=_changed(
            schedulers,
            "rung_levels",
            lambda _, least, last, factor: rung_levels(least * factor, last, factor),
        ),
    ),
    Fault(
        name="metric sign",
        what="the larger loss is taken for the better one where trials are compared",
        patch=_changed(Rung, "add", lambda right, rung, trial, loss: right(rung, trial, -loss)),
    ),
    Fault(
        name="NaN is best",
        what="a trial that diverged ranks first in its rung",
        patch=_changed(Rung, "add", _diverged_is_best),
    ),
    Fault(
        name="waiting trials forgotten",
        what="a rung does not note who is paused in it: nobody moves up",
        patch=_changed(Rung, "wait", lambda *_: None),
    ),
    Fault(
        name="resume from the wrong level",
        what="a trial that moves up begins at level 0 again, and its epochs are run again",
        plan=_without_checkpoints,
    ),
    Fault(
        name="model ignored",
        what="a searcher that learns suggests what random search would",
        patch=_changed(
            LearningSearcher,
            "suggest",
            lambda _, searcher, history, number: searcher._random.suggest(history, number),
        ),
    ),
    Fault(
        name="pending trials forgotten",
        what="a searcher that learns does not know which configs are being evaluated",
        patch=_both(
            _changed(
                Reader,
                "evidence",
                lambda right, reader, history: (
                    None
                    if (found := right(reader, history)) is None
                    else dataclasses.replace(found, pending=())
                ),
            ),
            _changed(Reader, "knows", _knows_reported),
        ),
    ),
    Fault(
        name="points_to_evaluate ignored",
        what="the configs that are to be evaluated first are not",
        patch=_changed(
            searchers, "initial_configs", lambda _, space, __: initial_configs(space, [])
        ),
    ),
    Fault(
        name="configs repeated",
        what="random search draws every config twice",
        patch=_changed(
            RandomSearch,
            "suggest",
            lambda right, searcher, history, number: right(searcher, history, number // 2),
        ),
    ),
    Fault(name="budget halved", what="a run ends at half of what it may spend", plan=_halved),
)
