"""Runs as records, made by hand and by Hypothesis: for what is said and drawn of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import strategies as st

from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.store.results import RunRecord
from pytest_synebench.testing.histories import CONFIGS, TEXTS
from pytest_synebench.testing.strategies import LOSSES
from pytest_synebench.trial import Report, Scalar, TrialId, TrialState

Trials: TypeAlias = Sequence[tuple[Mapping[str, Scalar], Sequence[float]]]
HOSTILE = "</script><script>bad()</script><img src=x onerror=bad()>'\"`|%{x}@0$a$"


def trials_of(trials: Trials, sign: float = 1.0) -> tuple[TrialRecord, ...]:
    """Return trials of these configs and losses, one after the other in time."""
    out, at_s = [], 0.0
    for number, (config, losses) in enumerate(trials):
        trial = TrialRecord(TrialId(number), config, None)
        for level, loss in enumerate(losses, 1):
            at_s += 1.0
            metrics: dict[str, Scalar] = {"score": sign * loss, "size": float(level * number)}
            trial.reports.append(
                Report(trial_id=trial.id, resource=level, loss=loss, at_s=at_s, metrics=metrics)
            )
            trial.attempts_of.append(0)
        trial.state = list(TrialState)[number % 5]
        out.append(trial)
    return tuple(out)


def record(
    trials: Trials,
    *,
    run_id: int = 0,
    finished: bool = True,
    mode: str = "min",
    benchmark: str = "toy",
    setup: str = "base-fifo-random",
    day: int = 1,
    **params: Any,
) -> RunRecord:
    """Return a run of these trials."""
    told = trials_of(trials, -1.0 if mode == "max" else 1.0)
    return RunRecord(
        directory=Path(f"/runs/{benchmark}/{setup}/r{run_id}-{day}"),
        metadata={
            "benchmark": benchmark,
            "setup": setup,
            "variant": "base",
            "run_id": run_id,
            "seed": run_id,
            "metric": "score",
            "mode": mode,
            "resource_attr": "epoch",
            "created_utc": f"2024-05-{day:02d}T12:00:00+00:00",
            "space": {"x": {"domain": "loguniform", "lower": 0.1, "upper": 9.0}},
            "params": params,
        },
        finished=finished,
        reason="all trials ended" if finished else "",
        read=lambda: told,
    )


TRIALS: st.SearchStrategy[Trials] = st.lists(
    st.tuples(CONFIGS, st.lists(LOSSES, max_size=4)), max_size=9
)
#: As trials of one space have them: the same names everywhere.
ALIKE: st.SearchStrategy[Trials] = st.lists(
    st.tuples(
        st.fixed_dictionaries(
            {"x": st.floats(0.1, 9.0), HOSTILE: TEXTS, "n": st.integers(), "b": st.booleans()}
        ),
        st.lists(LOSSES, min_size=1, max_size=4),
    ),
    min_size=2,
    max_size=12,
)
RUNS: st.SearchStrategy[list[RunRecord]] = st.lists(
    st.builds(
        record,
        TRIALS | ALIKE,
        run_id=st.integers(0, 3),
        finished=st.booleans(),
        mode=st.just("min"),
        benchmark=st.sampled_from(["toy", "tower"]) | TEXTS,
        setup=st.sampled_from(["base-fifo-random", "base-pbt-random", HOSTILE]),
        day=st.integers(1, 9),
        mo_metric=st.sampled_from(["", "size"]),
    ),
    min_size=1,
    max_size=4,
)
