"""A user's repository to run the plugin in, and a back-end that needs no processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pytest_synebench.backends.local.machine import Machine
from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
    AttemptSaved,
    AttemptSpec,
    Observation,
)
from pytest_synebench.experiment import run as run_module
from pytest_synebench.experiment.assembly import Site
from pytest_synebench.plugin.nodes import experiment as experiment_module

# Runs in this process forget what they imported first: have all of it imported before them.
from pytest_synebench.plugin.session import hooks as hooks

CONFTEST = """
from pathlib import Path
from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.space import uniform

@benchmark(
    default_params=dict(
        max_resource_level=3, num_workers=2, num_trials=4, scale=1.0, behave="", flag=False,
        layers=[1, 2], note=None,
    ),
    variants=[
        variant("base"),
        variant("small", scale=0.5),
        variant("tiny", on_request=True, num_trials=2),
    ],
)
def toy(params):
    '''A toy problem.'''
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={
            "x": uniform(0, 1),
            "scale": params["scale"],
            "behave": params["behave"],
            "epochs": params["max_resource_level"],
        },
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
        dataset="none (toy)",
    )
"""

SCRIPT = """
import argparse, sys, time
from pytest_synebench.training import Reporter

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--scale", type=float)
parser.add_argument("--behave")
parser.add_argument("--epochs", type=int)
args = parser.parse_args()
report = Reporter()
for epoch in range(1, args.epochs + 1):
    if args.behave == "crash":
        print("the last words", file=sys.stderr)
        sys.exit(3)
    if args.behave == "hang":
        time.sleep(1000)
    report(epoch=epoch, loss=args.scale * abs(args.x - 0.3) + 1 / epoch)
"""


class InstantBackend:
    """Runs attempts in memory; what a trial does is said by ``behave``: "1:fail 2:late"."""

    def __init__(self) -> None:
        self._queues: dict[AttemptKey, deque[Observation | None]] = {}

    def start(self, spec: AttemptSpec) -> None:
        self._queues[spec.key] = deque(self._story(spec))

    def _story(self, spec: AttemptSpec) -> list[Observation | None]:
        key = spec.key
        behave = dict(part.split(":") for part in str(spec.config["behave"]).split())
        how = behave.get(str(key.trial_id), "")
        (spec.directory / "stderr.log").write_bytes(b"the last words\n\xff\n")
        story: list[Observation | None] = [AttemptPlaced(key=key)]
        if how == "fail":
            return [*story, AttemptEnded(key=key, ok=False, detail="exit code 3")]
        if how == "hang":
            return [*story, *[None] * 1_000_000]
        if how == "late":
            story += [None] * 50
        began = spec.resume_at_most
        story.append(AttemptBegan(key=key, resumed_from=began, checkpoints=True))
        last = spec.until or int(str(spec.config["epochs"]))
        for sequence, epoch in enumerate(range(began + 1, last + 1)):
            loss = float("nan") if how == "nan" else float(str(spec.config["x"])) + 1 / epoch
            metrics = {"epoch": epoch, "loss": loss}
            story.append(AttemptReported(key=key, sequence=sequence, metrics=metrics))
            story.append(AttemptSaved(key=key, level=epoch))
        return [*story, AttemptEnded(key=key, ok=True, detail="exit code 0")]

    def stop(self, key: AttemptKey) -> None:
        if key in self._queues:
            self._queues[key] = deque([AttemptEnded(key=key, ok=False, detail="signal 15")])

    def poll(self, timeout_s: float) -> list[Observation]:
        seen: list[Observation] = []
        for key, queue in list(self._queues.items()):
            one = queue.popleft()
            if one is not None:
                seen.append(one)
            if not queue:
                del self._queues[key]
        return seen

    def close(self) -> None:
        self._queues.clear()


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every experiment of this process run in memory."""
    monkeypatch.setattr(run_module, "build_backend", lambda *_: InstantBackend())
    monkeypatch.setattr(experiment_module, "Site", partial(Site, machine=Machine(processors=64)))


@pytest.fixture
def toy(pytester: pytest.Pytester) -> Path:
    """A repository with a benchmark in its conftest, and one ordinary test."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:hypothesispytest\n")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(train=SCRIPT)
    pytester.makepyfile(test_ordinary="def test_ordinary(toy): assert 'x' in toy.config_space")
    return pytester.path


Go = Callable[..., pytest.RunResult]


@pytest.fixture
def go(toy: Path, instant: None, pytester: pytest.Pytester) -> Go:
    """Run pytest in the repository, in this process, with trials in memory."""
    return pytester.runpytest_inprocess
