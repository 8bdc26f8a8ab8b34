"""What a scheduler takes for an event, late in a long experiment and early in it.

As a program: ``python deciding.py --out FILE --scheduler NAME --trials N``. The game is that of the
peers' drivers (``peers/game.py``): the scheduler alone is asked, without tuner and back-end.
"""

from __future__ import annotations

import gc
import json

from bench import HERE, Bench

TRIALS, EARLY = 10_000, 1_000


def take(
    bench: Bench, *, scheduler: str, driver: str = "deciding.py", environment: str = ""
) -> dict[str, float]:
    """Return microseconds of CPU per event."""
    folder = bench.fresh()
    out = folder / "outcome.json"
    command = [bench.python(environment), str(HERE / driver), "--out", str(out)]
    command += ["--scheduler", scheduler, "--trials", str(TRIALS), "--early", str(EARLY)]
    bench.measure(command, cwd=folder)
    told: dict[str, float] = json.loads(out.read_text())
    return told


def main() -> None:
    """Play one game with a scheduler of ours."""
    from peers.game import options, play

    from pytest_synebench.events import Ended, Pause, Reported, Resume, SlotFreed, Start, Stop
    from pytest_synebench.schedulers.arguments import Arguments
    from pytest_synebench.schedulers.catalog import build
    from pytest_synebench.searchers.random_search import RandomSearch
    from pytest_synebench.space import ConfigSpace, uniform
    from pytest_synebench.trial import Report, TrialId, TrialState

    given = options()
    # As in the tuner's simulated runs: nothing here is part of a cycle, and one collection of all
    # reports, which falls into the late events or not, would be taken for growth.
    gc.disable()
    space = ConfigSpace({"x": uniform(0, 1)})
    scheduler = build(
        given.scheduler,
        Arguments(
            searcher=RandomSearch(space, seed=1),
            space=space,
            resource_attr="epoch",
            cost_attr="cost",
            max_resource=27,
        ),
    )

    class Ours:
        """Our protocol, as the game speaks."""

        def slot(self, number: int) -> int:
            (decision,) = scheduler.handle(SlotFreed(at_s=0.0))
            if not isinstance(decision, Start | Resume) or decision.trial_id > number:
                raise SystemExit(f"on a free slot it decides {decision}")
            return int(decision.trial_id)

        def report(self, trial: int, level: int, loss: float) -> bool:
            cost = level * (trial * 7919 % 1000 + 500) / 1000  # a second metric, as good as drawn
            told = {"cost": cost}
            report = Report(
                trial_id=TrialId(trial), resource=level, loss=loss, at_s=0.0, metrics=told
            )
            decided = scheduler.handle(Reported(report=report))
            return bool(decided) and isinstance(decided[0], Pause | Stop)

        def ended(self, trial: int) -> None:
            done = Ended(at_s=0.0, trial_id=TrialId(trial), state=TrialState.COMPLETED)
            scheduler.handle(done)

    play(Ours(), given)


if __name__ == "__main__":
    main()
