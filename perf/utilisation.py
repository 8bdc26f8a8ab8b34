"""What deterministic mode costs: the share of the workers' time that goes into training.

Twice: in virtual time, where it is exact (``deterministic_utilisation.py``), one seed per repeat;
and with real trials that sleep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bench import Bench

WHAT = (
    "ASHA that pauses and resumes; the epochs of the slowest trial take ten times as long as those "
    "of the fastest, log-uniform. Utilisation: the share of the workers' time in which they train. "
    "Virtual time: 400 trials, 27 epochs, exact, one seed per repeat; *declared*: the cost of an "
    "epoch is known beforehand. Real trials: 40 trials, 9 epochs of 20 to 200 ms."
)
COLUMNS: Mapping[str, str] = {
    "lost": "% lost",
    "free": "% free",
    "deterministic": "% deterministic",
    "declared": "% declared",
}


def virtual(bench: Bench, *, workers: int) -> Mapping[str, float]:
    """Measure one seed in virtual time."""
    from deterministic_utilisation import MODES, busy_share

    names = ("free", "deterministic", "declared")
    shares = {
        name: busy_share(workers, mode, bench.repeat, bench.folder("utilisation"))
        for name, mode in zip(names, MODES, strict=True)
    }
    return _percent(shares)


def real(bench: Bench, *, workers: int) -> Mapping[str, float]:
    """Measure real trials once, free and deterministic."""
    shares = {"free": _share(bench, workers, 0), "deterministic": _share(bench, workers, 1)}
    return _percent(shares)


def _percent(shares: Mapping[str, float]) -> Mapping[str, float]:
    lost = 1 - shares["deterministic"] / shares["free"]
    return {key: value * 100 for key, value in {"lost": lost, **shares}.items()}


def _share(bench: Bench, workers: int, deterministic: int) -> float:
    out = bench.drive(
        "engine.py",
        "",
        "synebench",
        trials=40,
        epochs=9,
        epoch_s=0.02,
        spread=10.0,
        asha=1,
        megabytes=1,
        workers=workers,
        deterministic=deterministic,
    )
    return float(out["trained_s"] / (workers * out["wall_s"]))


CASES: Mapping[str, Callable[[Bench], Mapping[str, float]]] = {
    "pytest-synebench, 2 workers, virtual time": partial(virtual, workers=2),
    "pytest-synebench, 8 workers, virtual time": partial(virtual, workers=8),
    "pytest-synebench, 2 workers, real trials": partial(real, workers=2),
    "pytest-synebench, 8 workers, real trials": partial(real, workers=8),
}
