"""When is a copy of PBT first compared? By training, where the past of a copy counts.

    python perf/pbt_rules.py [--run_ids N] [--only TASK ...] [--continue] [--minutes M]

Over a table a config's loss does not depend on what was trained before, which favours whoever
judges early. Here every trial trains a small network, in virtual time (an epoch takes a second,
more or less), and a copy goes on from its parent's weights, momentum and random state. The same run
id gives every rule the same data, first configs and first weights. A run's score is the lowest loss
in validation that was reported within the budget; beside it stands the loss in test at that time.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from non_inferiority_cases import FirstLevelAlone
from pbt_tasks import SPACE, TASKS, Task, Training

from pytest_synebench.events import Ended, Event, Pause, Reported, Resume, SlotFreed, Start, Stop
from pytest_synebench.schedulers.population.pbt import Pbt, Selection
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import Report, TrialId, TrialState

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance" / "pbt-rules.md"
RULES = ("paper", "first level")
POPULATION = 4  #: and as many workers
_HEAD = (
    "task", "trials of", "rule", "n", "mean loss", "median", "in test", "apart", "better : worse"
)  # fmt: skip
_PAGE = """\
# When a copy of PBT is first compared

<!-- written by perf/pbt_rules.py: change that, and run it -->

The paper's rule compares a copy an interval after it was made; Syne Tune's at its first report.
Over tables the early comparison finds better configs ([non-inferiority](non-inferiority.md)), but
there a config's loss does not depend on what was trained before. Here it does: every trial trains.

{table}

- *paper*: `--pbt_rule paper`, the default. *first level*: its shares, and a copy is compared at its
  first report.
- Loss: the lowest in validation that was reported within the budget; *in test*: at that time.
- *apart*: the mean of this rule - paper by equal run ids, and what its one-sided 95 % bounds lie
  away; *better : worse*: of how many run ids the loss was lower, and higher.
- A population of {population} on as many workers, trials of {horizons}, an interval of a tenth of
  them. Tuned are learning rate, momentum, weight decay and dropout. A copy goes on from its
  parent's weights, momentum and random state. The same run id gives each rule the same data, first
  configs and first weights.

| task | a perceptron of two hidden layers of 32 learns |
|---|---|
{tasks}

To run it again (it needs the extra `sklearn`): `python perf/pbt_rules.py`; `--continue` goes on
where one was interrupted.
"""
_Z95 = statistics.NormalDist().inv_cdf(0.95)


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """How long trials train, and how many at once."""

    last_level: int
    generations: int  #: the budget, in whole trainings of one member

    @property
    def name(self) -> str:
        """What the page calls it."""
        return f"{self.last_level} epochs"


HORIZONS = (Horizon(last_level=30, generations=4), Horizon(last_level=100, generations=2))


class World:
    """The workers of one run, as many as the population has members."""

    def __init__(self, task: Task, horizon: Horizon, scheduler: Pbt, run_id: int) -> None:
        self._task, self._run_id, self._scheduler = task, run_id, scheduler
        self._horizon, self._now_s = horizon, 0.0
        self._running: dict[TrialId, Training] = {}
        self._until: dict[TrialId, int] = {}
        self._levels: dict[TrialId, int] = {}
        self._configs: dict[TrialId, Mapping[str, Any]] = {}
        self._kept: dict[TrialId, Mapping[int, Any]] = {}  #: the newest checkpoint, by its level
        self._due: list[tuple[float, TrialId]] = []  #: heap
        self.best = (math.inf, math.inf)  #: losses in validation and test

    def run(self) -> tuple[float, float]:
        """Return the lowest loss in validation, and that in test at the same time."""
        budget_s = self._horizon.last_level * self._horizon.generations
        while True:
            while len(self._due) < POPULATION and self._fill():
                pass
            self._now_s, trial = heapq.heappop(self._due)
            if self._now_s > budget_s:
                return self.best
            self._epoch(trial)

    def _fill(self) -> bool:
        decisions = self._scheduler.handle(SlotFreed(at_s=self._now_s))
        for decision in decisions:
            match decision:
                case Start(trial_id=trial, config=config, until=until, checkpoint=found):
                    self._configs[trial] = config
                    kept = None if found is None else self._kept[found.trial_id][found.level]
                    self._begin(trial, until, kept, found.level if found else 0)
                case Resume(trial_id=trial, until=until):
                    ((level, kept),) = self._kept[trial].items()
                    self._begin(trial, until, kept, level)
        return bool(decisions)

    def _begin(self, trial: TrialId, until: int | None, kept: Any, level: int) -> None:
        seed = keyed_random(self._run_id, "weights", trial).getrandbits(32)
        training = Training(self._task, self._run_id, seed)
        if kept is not None:
            training.load(kept)
        training.set(self._configs[trial])
        self._running[trial], self._levels[trial] = training, level
        self._until[trial] = until or self._horizon.last_level
        self._next(trial)

    def _next(self, trial: TrialId) -> None:
        pace = keyed_random(self._run_id, "pace", trial).uniform(0.9, 1.1)
        heapq.heappush(self._due, (self._now_s + pace, trial))

    def _epoch(self, trial: TrialId) -> None:
        losses = self._running[trial].epoch()
        self._levels[trial] += 1
        level = self._levels[trial]
        if math.isfinite(losses[0]):
            self.best = min(self.best, losses)
        report = Report(trial_id=trial, resource=level, loss=losses[0], at_s=self._now_s)
        verdicts = self._handle(Reported(report=report))
        if level == self._horizon.last_level:
            state = TrialState.COMPLETED
            self._handle(Ended(at_s=self._now_s, trial_id=trial, state=state))
        elif not verdicts:
            self._next(trial)

    def _handle(self, event: Event) -> bool:
        decisions = self._scheduler.handle(event)
        for decision in decisions:
            match decision:
                case Pause(trial_id=trial):
                    self._kept[trial] = {self._levels[trial]: self._running[trial].checkpoint()}
                    del self._running[trial]
                case Stop(trial_id=trial):
                    del self._running[trial]
        return bool(decisions)


def played(task: Task, horizon: Horizon, rule: str, run_id: int) -> tuple[float, float]:
    """Return the losses of one run: in validation, and in test."""
    asked = "paper" if rule == "paper" else "syne_tune"
    scheduler = Pbt(
        RandomSearch(SPACE, seed=run_id),
        space=SPACE,
        max_resource=horizon.last_level,
        selection=Selection(population_size=POPULATION, rule=asked),
        seed=run_id,
    )
    if rule == "first level":
        scheduler.__class__ = FirstLevelAlone
    return World(task, horizon, scheduler, run_id).run()


class Scores:
    """What was found so far, by task, horizon, rule and run id; kept in a file of JSON lines."""

    def __init__(self, path: Path, *, go_on: bool) -> None:
        self._path = path
        self._found: dict[tuple[str, str, str], dict[int, tuple[float, float]]] = {}
        if not go_on:
            path.unlink(missing_ok=True)
        for line in path.read_text().splitlines() if path.exists() else ():
            task, horizon, rule, run_id, valid, test = json.loads(line)
            self._found.setdefault((task, horizon, rule), {})[run_id] = (valid, test)

    def of(self, task: Task, horizon: Horizon, rule: str) -> Mapping[int, tuple[float, float]]:
        """Return the losses of a rule, by run id."""
        return self._found.setdefault((task.name, horizon.name, rule), {})

    def play(self, task: Task, horizon: Horizon, rule: str, run_id: int) -> None:
        """Play a run, unless it was played before."""
        if run_id in self.of(task, horizon, rule):
            return
        losses = played(task, horizon, rule, run_id)
        self._found[task.name, horizon.name, rule][run_id] = losses
        with self._path.open("a") as file:
            told = [task.name, horizon.name, rule, run_id, *losses]
            file.write(json.dumps(told) + "\n")


def lines(scores: Scores, tasks: Sequence[Task]) -> Iterator[str]:
    """Yield the lines of the page's table: each rule beside the first, by equal run ids."""
    for task, horizon in itertools.product(tasks, HORIZONS):
        all_found = [scores.of(task, horizon, rule) for rule in RULES]
        both = sorted(set.intersection(*map(set, all_found)))
        for rule, found in zip(RULES, all_found, strict=True):
            if len(both) < 2:
                continue
            valid, test = ([found[one][place] for one in both] for place in (0, 1))
            means = (statistics.fmean(valid), statistics.median(valid), statistics.fmean(test))
            cells = [task.name, horizon.name, rule, str(len(both))]
            cells += [f"{value:.4g}" for value in means]
            cells += ["", ""]
            if rule != RULES[0]:
                pairs = zip(valid, (all_found[0][one][0] for one in both), strict=True)
                cells[-2:] = _beside([one - other for one, other in pairs])
            yield f"| {' | '.join(cells)} |"


def _beside(apart: Sequence[float]) -> list[str]:
    width = _Z95 * statistics.stdev(apart) / len(apart) ** 0.5
    better, worse = (sum(sign * one > 0 for one in apart) for sign in (-1, 1))
    return [f"{statistics.fmean(apart):+.4f} ± {width:.4f}", f"{better} : {worse}"]


def page(scores: Scores) -> str:
    """Return the page."""
    head = [f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}"]
    return _PAGE.format(
        table="\n".join([*head, *lines(scores, TASKS)]),
        tasks="\n".join(f"| {one.name} | {one.what} |" for one in TASKS),
        horizons=" and ".join(
            f"{one.last_level} epochs (budget: {one.generations} times that)" for one in HORIZONS
        ),
        population=POPULATION,
    )


def main() -> int:
    """Train, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run_ids", type=int, default=30, help="how many")
    parser.add_argument("--only", nargs="+", default=(), help="tasks; the page is not written")
    parser.add_argument("--work", type=Path, default=ROOT / ".tox" / "pbt-rules")
    parser.add_argument("--docs", type=Path, default=PAGE, help="the page to write")
    parser.add_argument("--continue", action="store_true", dest="go_on", help="what is missing")
    parser.add_argument("--minutes", type=float, default=1e9, help="after which no run begins")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    scores = Scores(given.work / "scores.jsonl", go_on=given.go_on)
    tasks = [one for one in TASKS if not given.only or one.name in given.only]
    ends_s = time.monotonic() + given.minutes * 60
    games = itertools.product(range(given.run_ids), tasks, HORIZONS, RULES)
    for run_id, task, horizon, rule in games:
        if time.monotonic() > ends_s:
            break
        scores.play(task, horizon, rule, run_id)
    print("\n".join(lines(scores, tasks)), flush=True)
    if not given.only:
        given.docs.write_text(page(scores))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
