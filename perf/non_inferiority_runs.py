"""Plays what ``non_inferiority.py`` compares, a batch of run ids at a time, and keeps the regrets.

A batch is played by every system before the next one begins, so that there are equally many of
each whenever somebody interrupts. What a batch found is on disk at once: ``--continue`` goes on
with what is missing. Of each environment one process plays a batch, since to import a system takes
as long as to play dozens of run ids.
"""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import environments
from non_inferiority_cases import Algorithm, Setting, curves, first_configs
from non_inferiority_page import INTERVAL, OPTUNA, SYNE_TUNE, WORKERS

from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.preview import played

HERE = Path(__file__).resolve().parent
PROGRAMS = {SYNE_TUNE: "syne_tune_simulated.py", OPTUNA: "optuna_tabulated.py"}
OURS = "ours"


class Player(NamedTuple):
    """Who plays which table."""

    system: str  #: OURS, or an environment
    table: str
    algorithm: str  #: ours by the name of its row, a reference by its own


class Regrets:
    """What was found so far, by player and run id; kept in a file of JSON lines."""

    def __init__(self, path: Path, *, go_on: bool) -> None:
        self._path = path
        self._found: dict[Player, dict[int, float]] = {}
        if not go_on:
            path.unlink(missing_ok=True)
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                *player, run_id, regret = json.loads(line)
            except ValueError:
                continue  # torn: played again
            self._found.setdefault(Player(*player), {})[run_id] = regret

    def of(self, player: Player) -> Mapping[int, float]:
        """Return a player's regrets by run id."""
        return self._found.get(player, {})

    def missing(self, player: Player, run_ids: Iterable[int]) -> list[int]:
        """Return those that the player has not played."""
        return [run_id for run_id in run_ids if run_id not in self.of(player)]

    def add(self, player: Player, run_ids: Sequence[int], regrets: Sequence[float]) -> None:
        """Take some in."""
        pairs = list(zip(run_ids, regrets, strict=True))
        self._found.setdefault(player, {}).update(pairs)
        with self._path.open("a") as file:
            file.writelines(json.dumps([*player, *pair]) + "\n" for pair in pairs)


@dataclass
class Games:
    """Every game that is to be played."""

    settings: Mapping[str, Setting]
    algorithms: Mapping[Player, Algorithm]
    regrets: Regrets
    made: Path  #: environments
    work: Path  #: where curves and tasks are written

    def __post_init__(self) -> None:
        self.cpu_s = dict.fromkeys({player.system for player in self.algorithms}, 0.0)
        for name, setting in self.settings.items():
            self._curves(name).write_text(json.dumps(curves(setting)))

    def play(self, run_ids: Sequence[int]) -> None:
        """Have everyone play a batch, less what was played before.

        Raises:
            CalledProcessError: an environment is not there, or failed.
        """
        for system in self.cpu_s:
            players = [player for player in self.algorithms if player.system == system]
            asked = {player: self.regrets.missing(player, run_ids) for player in players}
            asked = {player: missing for player, missing in asked.items() if missing}
            began_s = _cpu_s(system)
            if system == OURS:
                for player, missing in asked.items():
                    setting, algorithm = self.settings[player.table], self.algorithms[player]
                    found = [ours(setting, algorithm, run_id) for run_id in missing]
                    self.regrets.add(player, missing, found)
            elif asked:
                self._by_reference(system, asked)
            self.cpu_s[system] += _cpu_s(system) - began_s

    def _by_reference(self, system: str, asked: Mapping[Player, Sequence[int]]) -> None:
        tasks = [self._task(player, run_ids) for player, run_ids in asked.items()]
        task, answer = self.work / "tasks.json", self.work / "regrets.json"
        task.write_text(json.dumps(tasks))
        program = str(HERE / "peers" / PROGRAMS[system])
        python = str(environments.interpreter(self.made, system))
        command = [python, program, str(task), str(answer)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = json.loads(answer.read_text())
        for (player, run_ids), regrets in zip(asked.items(), found, strict=True):
            self.regrets.add(player, run_ids, regrets)

    def _task(self, player: Player, run_ids: Sequence[int]) -> dict[str, Any]:
        setting = self.settings[player.table]
        return {
            "algorithm": self.algorithms[player].reference,
            "curves": str(self._curves(player.table)),
            "last_level": setting.family.last_level if setting.family else 1,
            "budget_s": setting.budget_s,
            "num_trials": setting.num_trials,
            "workers": WORKERS,
            "interval": INTERVAL,
            "floors": setting.floors(),
            "run_ids": list(run_ids),
            "points": [first_configs(setting, run_id) for run_id in run_ids],
        }

    def _curves(self, table: str) -> Path:
        return self.work / f"curves-{table}.json"


def _cpu_s(system: str) -> float:
    who = resource.RUSAGE_SELF if system == OURS else resource.RUSAGE_CHILDREN
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def ours(setting: Setting, algorithm: Algorithm, run_id: int) -> float:
    """Return the regret of one run of ours."""
    blackbox = setting.blackbox(run_id)
    levels, metric = blackbox.last_level > 1, next(iter(blackbox.metrics))
    constants = {"epochs": blackbox.last_level} if levels else {}
    definition = Benchmark(
        script=Path(__file__),
        config_space={**setting.space().domains, **constants},
        metric=metric,
        resource_attr="epoch" if levels else None,
        max_resource_attr="epochs" if levels else None,
        points_to_evaluate=first_configs(setting, run_id),
        blackbox=blackbox,
    )
    params = {name: row.default for name, row in GLOBALS.items()}
    params |= {
        "backend": "simulated",
        **algorithm.params,
        "num_trials": setting.num_trials,
        "num_workers": WORKERS,
        "scheduler_timeout": setting.budget_s,
        "perturbation_interval": INTERVAL,
        "blackbox_seed": run_id % blackbox.seeds,
    }
    plan = Plan(
        benchmark=setting.name, variant="v", params=params, definition=definition, run_id=run_id
    )
    scheduler = build_scheduler(plan)
    if algorithm.part is not None:
        scheduler.__class__ = algorithm.part
    table, _ = played(plan, scheduler, WORKERS)
    reports = itertools.chain.from_iterable(trial.reports for trial in table.trials.values())
    floors = setting.floors()
    best = min(report.loss for report in reports if report.at_s <= setting.budget_s)
    return best - floors[run_id % len(floors)]
