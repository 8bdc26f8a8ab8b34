# ruff: noqa: S101 - a suite asserts; pytest shows the values since `testing` has them rewritten
"""What every searcher must do: subclass ``SearcherSuite`` and say how one is made.

    class TestMySearcher(SearcherSuite):
        def make(self, problem: Problem) -> Searcher:
            return MySearcher(problem.space, seed=problem.seed, points=problem.points)

Spaces, histories and seeds are drawn by Hypothesis. A history grows as it would under a scheduler:
trials start with what the searcher suggests, report, pause, resume and end in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pytest_synebench.searchers.points import initial_configs
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import History, Searcher
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace
from pytest_synebench.testing.spaces import LISTED, NAMES, SPACES
from pytest_synebench.testing.strategies import LOSSES, SEEDS
from pytest_synebench.trial import Config, Report, Scalar, TrialId

_SMALL = st.dictionaries(NAMES, LISTED, min_size=1, max_size=2).map(ConfigSpace)
_ANY = SPACES.filter(lambda space: bool(space.domains))


class SearcherSuite:
    """The conformance suite of searchers."""

    #: Whether the first configs are those of random search, so that equal run ids pair experiments.
    paired: ClassVar[bool] = True
    #: Whether a finite space is exhausted exactly, and None comes then.
    exhausts: ClassVar[bool] = True
    #: The spaces it is tried on; restrict them where it takes some only.
    spaces: ClassVar[st.SearchStrategy[ConfigSpace]] = _ANY
    #: How many histories are played, and of how many trials at most.
    examples: ClassVar[int] = 25
    trials: ClassVar[int] = 12
    #: Key of the reports that says whether a config counts.
    constraint_attr: ClassVar[str | None] = None
    #: Arguments of the searcher: few random configs, say, so that what it learns is tried.
    arguments: ClassVar[Mapping[str, Any]] = {}

    def make(self, problem: Problem) -> Searcher:
        """Return a searcher in its first state; equal problems give equal ones."""
        raise NotImplementedError

    def problem(self, space: ConfigSpace, seed: int, *, midpoint: bool = True) -> Problem:
        """Return the problem that the searcher is made for."""
        points = initial_configs(space, None if midpoint else [])
        return Problem(
            space=space,
            seed=seed,
            points=points,
            constraint_attr=self.constraint_attr,
            arguments=self.arguments,
        )

    def test_a_rebuilt_searcher_suggests_what_the_grown_one_does(self) -> None:
        """Purity: after a resume, history and number are all there is."""

        @self._played
        def check(data: st.DataObject, problem: Problem) -> None:
            grown, history = self.make(problem), History()
            for number in range(self.trials):
                config = grown.suggest(history, number)
                rebuilt = self.make(problem)
                again = rebuilt.suggest(_copied(history), number)
                assert _same(config, again), f"config {number}: {config!r} grown, {again!r} rebuilt"
                assert _same(config, grown.suggest(history, number)), "asked twice, told otherwise"
                if config is None:
                    break
                history.configs[TrialId(number)] = config
                self._go_on(data, history)

        check()

    def test_every_config_lies_in_the_space(self) -> None:
        """Whole configs, hyperparameters only, each value in its domain's own form."""

        @self._played
        def check(data: st.DataObject, problem: Problem) -> None:
            searcher, history = self.make(problem), History()
            for number in range(self.trials):
                config = searcher.suggest(history, number)
                if config is None:
                    assert problem.space.size is not None, "an endless space has ended"
                    break
                problem.space.check(config)
                assert config.keys() == problem.space.domains.keys()
                own = {name: problem.space.domains[name].cast(v) for name, v in config.items()}
                assert _same(config, own)
                history.configs[TrialId(number)] = config
                self._go_on(data, history)

        check()

    def test_the_first_configs_are_those_of_random_search(self) -> None:
        """The points, then equal draws: experiments with equal run ids are paired."""

        @self._played
        def check(data: st.DataObject, problem: Problem) -> None:  # noqa: ARG001 - nothing is told
            searcher = self.make(problem)
            reference = RandomSearch(problem.space, seed=problem.seed, points=problem.points)
            for number in range(2 if self.paired else len(problem.points)):
                config = searcher.suggest(History(), number)
                assert _same(config, reference.suggest(History(), number)), f"config {number}"

        check()

    def test_a_finite_space_gives_each_config_once_and_then_none(self) -> None:
        """Whatever was reported meanwhile."""
        if not self.exhausts:
            return

        @settings(max_examples=self.examples, deadline=None, suppress_health_check=_PATIENT)
        @given(data=st.data(), space=_SMALL, seed=SEEDS, midpoint=st.booleans())
        def check(*, data: st.DataObject, space: ConfigSpace, seed: int, midpoint: bool) -> None:
            searcher = self.make(self.problem(space, seed, midpoint=midpoint))
            history, size = History(), space.size or 0
            for number in range(size):
                config = searcher.suggest(history, number)
                assert config is not None, f"{number} of {size} configs came"
                history.configs[TrialId(number)] = config
                self._go_on(data, history)
            assert len({space.key(config) for config in history.configs.values()}) == size
            assert searcher.suggest(history, size) is None

        check()

    def _played(self, check: Callable[[st.DataObject, Problem], None]) -> Callable[[], None]:
        played: Callable[[], None] = settings(
            max_examples=self.examples,
            deadline=None,
            phases=[phase for phase in Phase if phase is not Phase.explain],
            suppress_health_check=_PATIENT,
        )(
            given(
                data=st.data(),
                problem=st.builds(
                    lambda space, seed, midpoint: self.problem(space, seed, midpoint=midpoint),
                    self.spaces,
                    SEEDS,
                    st.booleans(),
                ),
            )(check)
        )
        return played

    def _go_on(self, data: st.DataObject, history: History) -> None:
        """Let some trials report, pause, resume and end."""
        alive = [trial_id for trial_id in history.configs if trial_id not in history.ended]
        for trial_id in data.draw(st.lists(st.sampled_from(alive[::-1]), max_size=3)):
            if trial_id in history.ended:
                continue
            move = data.draw(st.sampled_from(["report", "report", "report", "pause", "end"]))
            if move == "report":
                history.paused.discard(trial_id)
                history.reports.append(self._report(data, history, trial_id))
            else:
                (history.paused if move == "pause" else history.ended).add(trial_id)

    def _report(self, data: st.DataObject, history: History, trial_id: TrialId) -> Report:
        levels = sum(report.trial_id == trial_id for report in history.reports)
        metrics: dict[str, Scalar] = {}
        if self.constraint_attr is not None:
            metrics[self.constraint_attr] = data.draw(st.one_of(st.none(), LOSSES))
        return Report(
            trial_id=trial_id,
            resource=levels + 1,
            loss=data.draw(LOSSES),
            at_s=float(len(history.reports)),
            metrics=metrics,
        )


_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]


def _copied(history: History) -> History:
    """Return an equal history that shares nothing with this one."""
    return History(
        configs={trial_id: dict(config) for trial_id, config in history.configs.items()},
        reports=list(history.reports),
        ended=set(history.ended),
        paused=set(history.paused),
    )


def _same(one: Config | None, other: Config | None) -> bool:
    return repr(one) == repr(other)  # so that True is not 1, nor 1 the 1.0
