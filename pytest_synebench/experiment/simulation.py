"""What an experiment is simulated by: its benchmark's blackbox, played by the simulated back-end.

Invariants (tests/experiment/test_simulation.py):
- a benchmark without a blackbox, or with one that does not fit, is refused before anything starts;
- a function is called once, however often an experiment asks for what it makes;
- equal plans choose equal curves: which of several seeds a run takes is keyed by its own;
- what is reported is the curve's, under the benchmark's keys.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from pytest_synebench.backends.protocol import AttemptSpec
from pytest_synebench.backends.simulated.backend import Delays, Keys, Play, SimulatedBackend
from pytest_synebench.blackboxes.protocol import Blackbox, Point
from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import TrialError, UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.space import keyed_random


def blackbox_of(plan: Plan) -> Blackbox:
    """Return the blackbox of a plan's benchmark; where it is a function, what that returns.

    Raises:
        UsageError: it has none, or one that does not fit it.
    """
    given = plan.definition.blackbox
    if given is None:
        raise UsageError(
            f"backend is 'simulated', and the benchmark {plan.benchmark!r} has no blackbox to be "
            "simulated by; give its Benchmark one, blackbox=..., a table or a formula "
            "(docs/guide/simulation.md), or run its script with --backend local"
        )
    blackbox: Blackbox = _made(given) if callable(given) else given
    _check_fits(plan, blackbox)
    return blackbox


@functools.lru_cache(maxsize=4)
def _made(make: Callable[[], Blackbox]) -> Blackbox:
    """Return what a function makes: once, since an experiment asks for it several times."""
    return make()


def _check_fits(plan: Plan, blackbox: Blackbox) -> None:
    definition, levels = plan.definition, plan.definition.resource_attr is not None
    mode = blackbox.metrics.get(definition.metric)
    if mode != definition.mode:
        has = ", ".join(f"{name!r} ({mode})" for name, mode in blackbox.metrics.items())
        raise UsageError(
            f"metric is {definition.metric!r} with mode {definition.mode!r}, and the blackbox of "
            f"{plan.benchmark} has {has}; name one of these, with its mode"
        )
    if not levels and blackbox.last_level > 1:
        raise UsageError(
            f"the blackbox of {plan.benchmark} has levels up to {blackbox.last_level}, and the "
            "benchmark no resource_attr; name the key under which levels are reported"
        )
    if levels and plan.max_resource is not None and plan.max_resource > blackbox.last_level:
        raise UsageError(
            f"max_resource_level is {plan.max_resource}, and the blackbox of {plan.benchmark} ends "
            f"at {blackbox.last_level}; levels that were not measured are not made up: give at "
            "most that"
        )


def table_seed(plan: Plan, blackbox: Blackbox) -> int:
    """Return which of a blackbox's seeds a run takes.

    Raises:
        UsageError: blackbox_seed names one that there is not.
    """
    asked: int | None = plan.params["blackbox_seed"]
    if asked is None:
        return keyed_random(plan.seed, "blackbox seed").randrange(blackbox.seeds)
    if asked >= blackbox.seeds:
        raise UsageError(
            f"blackbox_seed is {asked}; the blackbox of {plan.benchmark} has the seeds from 0 to "
            f"{blackbox.seeds - 1}"
        )
    return asked


def backend(plan: Plan, blackbox: Blackbox, clock: VirtualClock) -> SimulatedBackend:
    """Return the back-end of a simulated run."""
    params = plan.params
    delays = Delays(
        start=params["delay_start"],
        report=params["delay_on_trial_result"],
        stop=params["delay_stop"],
        completion=params["delay_complete_after_final_report"],
    )
    acts = play(blackbox, table_seed(plan, blackbox))
    keys = Keys(level=plan.definition.resource_attr, elapsed=plan.definition.elapsed_time_attr)
    return SimulatedBackend(acts, clock, delays, keys)


def play(blackbox: Blackbox, seed: int) -> Play:
    """Return what acts an attempt: it goes along the curve of its config."""

    def points(spec: AttemptSpec) -> Iterator[Point]:
        try:
            yield from blackbox.curve(spec.config, seed)
        except UsageError as error:
            raise TrialError(f"cannot be simulated: {error}") from None

    return points


def remarks(plan: Plan, blackbox: Blackbox) -> list[str]:
    """Return what people should know of a simulated run."""
    seeds = blackbox.seeds
    which = f", seed {table_seed(plan, blackbox)} of {seeds} of its blackbox" if seeds > 1 else ""
    told = [f"simulated{which}: every time is virtual, nothing was trained"]
    if plan.params["trial_timeout"] is not None:
        told.append("trial_timeout does not apply: a simulated trial takes what its curve says")
    if (store := plan.params["checkpoint_store"]) != "local":
        told.append(f"checkpoint_store is {store}, and nothing is kept there: there are no bytes")
    return told + [text for text in (blackbox.remark(plan.definition.metric),) if text]
