# ruff: noqa: S101 - it asserts for a suite; pytest shows the values, `testing` has them rewritten
"""What the suite of back-ends is played with: scripts as data, a stage, somebody who watches.

An attempt's script is a *play*: a list of steps in its config, under ``play``. ``PLAYER`` is a
script that acts a play; a back-end which runs real processes runs that file, one which only
pretends interprets the steps itself.

Steps: ``["report", metrics]``; ``["many", n]``: n reports of ``epoch`` 1 to n; ``["echo"]``:
reports the config's ``text`` under that name; ``["end", code]``; ``["crash", words]``: an
exception; ``["lost"]``: killed from outside; ``["hang"]``: runs on until it is ended;
``["deaf"]``: from here on a polite request to end is not heard; ``["junk"]``: writes bytes, and a
forged report, where a protocol does not belong. A play that is over ends with code 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
    AttemptSpec,
    Backend,
    Observation,
)
from pytest_synebench.clock import Clock
from pytest_synebench.trial import Scalar, TrialId

PLAYER = """\
import argparse, json, os, signal, sys
from pytest_synebench.training import Reporter

parser = argparse.ArgumentParser()
parser.add_argument("--play")
parser.add_argument("--text")
args = parser.parse_args()
report = Reporter()
for step, *rest in json.loads(args.play):
    if step == "report":
        report(**rest[0])
    elif step == "many":
        for epoch in range(1, rest[0] + 1):
            report(epoch=epoch)
    elif step == "echo":
        report(epoch=1, text=args.text)
    elif step == "end":
        sys.exit(rest[0])
    elif step == "crash":
        raise RuntimeError(rest[0])
    elif step == "lost":
        os.kill(os.getpid(), signal.SIGKILL)
    elif step == "hang":
        while True:
            signal.pause()
    elif step == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif step == "junk":
        os.write(1, bytes(range(256)) * 9)
        os.write(1, b"\\n" + b"0" * 32 + b' 0 {"kind":"report","metrics":{"loss":-1e9}}\\n')
"""

Play = Iterable[list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the author of a back-end supplies."""

    backend: Backend
    clock: Clock  #: on which the back-end's time passes
    directory: Path  #: empty; the trials' directories are made in it
    alive: Callable[[], int]  #: how many attempts of the run really run, seen from outside
    another: Callable[[], Backend]  #: a controller that continues the run after the first crashed
    patience_s: float = 120.0  #: of a whole test, on this clock: far beyond what any needs

    def spec(
        self,
        trial: int,
        play: Play,
        *,
        number: int = 0,
        until: int | None = None,
        **config: Scalar,
    ) -> AttemptSpec:
        """Return an attempt that acts a play."""
        directory = self.directory / str(trial)
        directory.mkdir(exist_ok=True)
        return AttemptSpec(
            key=AttemptKey(TrialId(trial), number),
            config={"play": json.dumps(list(play)), **config},
            seed=trial,
            directory=directory,
            resource_attr="epoch",
            until=until,
            resume_at_most=0,
            checkpoint_at=None,
        )


@dataclass(slots=True)
class Watcher:
    """Polls, and keeps all that was seen; each step checks the order of the observations."""

    stage: Stage
    backend: Backend
    seen: list[Observation] = field(default_factory=list)
    largest: int = 0  #: most observations that one poll returned

    def look(self, timeout_s: float) -> list[Observation]:
        """Poll once."""
        new = self.backend.poll(timeout_s)
        self.largest = max(self.largest, len(new))
        self.seen += new
        check_story(self.seen)
        return new

    def until(self, happened: Callable[[], object]) -> None:
        """Poll until something is true; fail when it does not become so."""
        give_up_s = self.stage.clock.now_s() + self.stage.patience_s
        while not happened():
            assert self.stage.clock.now_s() < give_up_s, f"did not happen; seen: {self.seen}"
            self.look(1.0)

    def ends(self, *specs: AttemptSpec) -> list[AttemptEnded]:
        """Poll until each of these attempts has ended; return their ends."""
        keys = [spec.key for spec in specs]
        self.until(lambda: {key for key in keys if self.end(key) is None} == set())
        return [end for key in keys if (end := self.end(key)) is not None]

    def reported(self, *specs: AttemptSpec) -> None:
        """Poll until each of these attempts has reported once."""
        self.until(lambda: all(self.reports(spec) for spec in specs))

    def end(self, key: AttemptKey) -> AttemptEnded | None:
        """Return the end of an attempt, None while it has not ended."""
        ends = [o for o in self.seen if isinstance(o, AttemptEnded) and o.key == key]
        return ends[0] if ends else None

    def reports(self, spec: AttemptSpec) -> list[dict[str, Scalar]]:
        """Return what an attempt has reported."""
        of = [o for o in self.seen if isinstance(o, AttemptReported) and o.key == spec.key]
        return [dict(report.metrics) for report in of]

    def kinds(self, spec: AttemptSpec) -> list[type[Observation]]:
        """Return the kinds of an attempt's observations, in order."""
        return [type(o) for o in self.seen if o.key == spec.key]


def check_story(seen: Iterable[Observation]) -> None:
    """Fail unless each key's observations come in the order that the protocol promises."""
    stories: dict[AttemptKey, list[Observation]] = {}
    for observation in seen:
        stories.setdefault(observation.key, []).append(observation)
    for story in stories.values():
        kinds = [type(observation) for observation in story]
        assert AttemptEnded not in kinds[:-1], "the end is the last"
        assert AttemptPlaced not in kinds[1:], "an attempt is placed once, before all else"
        assert kinds[0] is AttemptPlaced or kinds == [AttemptEnded], "placed, or never ran"
        if AttemptReported in kinds:
            assert AttemptBegan in kinds[: kinds.index(AttemptReported)], "a hello goes first"
        numbers = [o.sequence for o in story if isinstance(o, AttemptReported)]
        assert numbers == list(range(len(numbers))), "reports are numbered without a gap"


def levels(last: int) -> list[list[Any]]:
    """Return the steps that report the levels from 1 to ``last``."""
    return [["report", {"epoch": level, "loss": 1 / level}] for level in range(1, last + 1)]
