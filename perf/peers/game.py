"""The game in which a scheduler alone is timed. Standard library only.

Four trials run at a time, 27 levels each at most; which reports next is drawn, and so is its loss.
Timed are the events of 500 trials, up to the ``--early``-th and up to the ``--trials``-th: CPU.
"""

import argparse
import json
import random
import time
from pathlib import Path
from typing import Protocol

LEVELS, SLOTS, WINDOW = 27, 4, 500


class Player(Protocol):
    """A scheduler."""

    def slot(self, number: int) -> int:
        """Return the trial that gets a free slot: a paused one, or the new one of this number."""

    def report(self, trial: int, level: int, loss: float) -> bool:
        """Return whether the trial leaves its slot."""

    def ended(self, trial: int) -> None:
        """Take in that a trial came to its end."""


def options() -> argparse.Namespace:
    """Return what a driver is told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--scheduler", required=True)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--early", type=int, required=True)
    return parser.parse_args()


class Game:
    """The trials of a game, and the events so far."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.rng = random.Random(1)
        self.levels: list[int] = []
        self.running: list[int] = []
        self.events = 0

    def until(self, trials: int) -> None:
        """Play until so many trials have started."""
        while len(self.levels) < trials:
            self.step()

    def step(self) -> None:
        """Let one thing happen."""
        self.events += 1
        if len(self.running) < SLOTS:
            trial = self.player.slot(len(self.levels))
            if trial == len(self.levels):
                self.levels.append(0)
            self.running.append(trial)
            return
        place = self.rng.randrange(SLOTS)
        trial = self.running[place]
        self.levels[trial] += 1
        leaves = self.player.report(trial, self.levels[trial], self.rng.random())
        if self.levels[trial] == LEVELS:
            self.player.ended(trial)
            self.events += 1
        if leaves or self.levels[trial] == LEVELS:
            del self.running[place]


def play(player: Player, given: argparse.Namespace) -> None:
    """Play to the end, and write what was seen."""
    game = Game(player)
    seen = {}
    for key, trials in (("early_us", given.early), ("us", given.trials)):
        game.until(trials - WINDOW)
        events, cpu_s = game.events, time.process_time()
        game.until(trials)
        seen[key] = (time.process_time() - cpu_s) / (game.events - events) * 1e6
    seen["growth"] = seen["us"] / seen["early_us"]
    Path(given.out).write_text(json.dumps(seen))
