"""Which systems are measured in a row, and how each is measured once.

``take`` of a case returns one number per column of its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import collected
import command
import deciding
import kept
import replayed
import simulated
import startup
import utilisation
from bench import Bench, median, quantile

Figures = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One system in a row."""

    row: str
    system: str
    take: Callable[[Bench], Figures]
    repeats: int = 5  #: at most
    slow: bool = False  #: left out of a quick run
    environment: str = ""  #: "" is our own

    @property
    def ours(self) -> bool:
        """Whether it is this project that is measured."""
        return not self.environment


def _torch(
    bench: Bench,
    *,
    driver: str,
    environment: str,
    dialect: str,
    sizes: tuple[int, int],
    **more: object,
) -> Figures:
    few, many = (
        bench.drive(driver, environment, dialect, torch=1, trials=size, epochs=1, **more)
        for size in sizes
    )
    trials = sizes[1] - sizes[0]
    return {
        "cpu_ms": (many["tree_cpu_s"] - few["tree_cpu_s"]) / trials * 1000,
        "wall_ms": (many["wall_s"] - few["wall_s"]) / trials * 1000,
    }


def _trivial(bench: Bench, *, trials: int = 40, **how: object) -> Figures:
    out = bench.drive(trials=trials, epochs=5, **how)  # type: ignore[arg-type] # drive's own
    return {
        "wall_ms": out["wall_s"] / trials * 1000,
        "controller_ms": out["controller_cpu_s"] / trials * 1000,
        "cpu_s": out["tree_cpu_s"],
    }


def _asha(bench: Bench, **how: object) -> Figures:
    out = bench.drive(trials=40, epochs=9, epoch_s=0.05, asha=1, **how)  # type: ignore[arg-type]
    ideal_s = out["epochs"] * 0.05 / 2
    return {
        "ratio": out["wall_s"] / ideal_s,
        "epochs": out["epochs"],
        "cpu_s": out["tree_cpu_s"],
    }


def _latency(bench: Bench, *, trials: int = 10, epochs: int = 20, **how: object) -> Figures:
    out = bench.drive(trials=trials, epochs=epochs, epoch_s=0.02, **how)  # type: ignore[arg-type]
    decided, on_disk = out["latencies_s"], out.get("on_disk_s")
    figures = {"p50_ms": median(decided), "p95_ms": quantile(decided, 0.95)}
    if on_disk:
        figures |= {"disk_p50_ms": median(on_disk), "disk_p95_ms": quantile(on_disk, 0.95)}
    return {key: value * 1000 for key, value in figures.items()}


_WARM = {"driver": "engine.py", "environment": "", "dialect": "synebench", "launch": "warm"}
_COLD = {**_WARM, "launch": "cold"}


def _syne(version: str, *, script: str = "raw", sleep: float = 0.01) -> dict[str, object]:
    return {
        "driver": f"peers/syne_tune_{version}.py",
        "environment": f"syne_tune_{version}",
        "dialect": f"syne_tune_{script}",
        "sleep": sleep,
    }


_OPTUNA = {
    "driver": "peers/optuna_subprocess.py",
    "environment": "optuna_subprocess",
    "dialect": "json_lines",
}


def _ray(*, reuse: int, torch: bool = False) -> dict[str, object]:
    environment = "ray_tune_torch" if torch else "ray_tune"
    return {
        "driver": "peers/ray_tune.py",
        "environment": environment,
        "dialect": "json_lines",
        "reuse": reuse,
    }


OURS_WARM, OURS_COLD = "pytest-synebench, warm", "pytest-synebench, cold"
_RAW_016 = "Syne Tune 0.16, bare script, sleep 0.01 s"
_RAW_013 = "Syne Tune 0.13, bare script, sleep 0.01 s"
_REPORTER_016 = "Syne Tune 0.16, Reporter, sleep 0.01 s"
_REPORTER_013 = "Syne Tune 0.13, Reporter, sleep 0.01 s"
_DEFAULT_016 = "Syne Tune 0.16, bare script, defaults (sleep 5 s)"
_OPTUNA_NAME = "Optuna 5.0 + one process per trial"
_RAY_NAME = "Ray Tune 2.60, defaults"
_REUSE_NAME = "Ray Tune 2.60, reuse_actors"

_Take = Callable[..., Figures]


def _case(
    row: str, system: str, take: _Take, how: Mapping[str, object], *, repeats: int = 5,
    slow: bool = False, **more: object,
) -> Case:  # fmt: skip
    return Case(
        row=row,
        system=system,
        take=partial(take, **{**how, **more}),
        repeats=repeats,
        slow=slow,
        environment=str(how["environment"]),
    )


CASES = (
    _case("torch", OURS_WARM, _torch, _WARM, sizes=(4, 164)),
    _case("torch", OURS_COLD, _torch, _COLD, sizes=(1, 5)),
    _case("torch", _RAW_016, _torch, _syne("016"), sizes=(1, 5)),
    _case("torch", _REPORTER_016, _torch, _syne("016", script="reporter"), sizes=(1, 5), slow=True),
    _case("torch", _REPORTER_013, _torch, _syne("013", script="reporter"), sizes=(1, 5), slow=True),
    _case("torch", _OPTUNA_NAME, _torch, _OPTUNA, sizes=(1, 5)),
    _case(
        "torch", _RAY_NAME, _torch, _ray(reuse=0, torch=True), sizes=(2, 6), repeats=3, slow=True
    ),
    _case("trivial", OURS_WARM, _trivial, _WARM),
    _case("trivial", OURS_COLD, _trivial, _COLD),
    Case(row="trivial", system=f"{OURS_WARM}, whole pytest command", take=command.trivial),
    _case("trivial", _RAW_016, _trivial, _syne("016")),
    _case("trivial", _REPORTER_016, _trivial, _syne("016", script="reporter"), slow=True),
    _case("trivial", _DEFAULT_016, _trivial, _syne("016", sleep=5), repeats=1, slow=True),
    _case("trivial", _RAW_013, _trivial, _syne("013")),
    _case("trivial", _OPTUNA_NAME, _trivial, _OPTUNA),
    _case("trivial", _RAY_NAME, _trivial, _ray(reuse=0), repeats=3, slow=True),
    _case("trivial", _REUSE_NAME, _trivial, _ray(reuse=1)),
    _case("asha", OURS_WARM, _asha, _WARM, megabytes=1),
    _case("asha", OURS_COLD, _asha, _COLD, megabytes=1),
    _case("asha", _RAW_013, _asha, _syne("013"), megabytes=1),
    _case("asha", f"{_RAW_016} (stopping: no pauses)", _asha, _syne("016")),
    _case("latency", OURS_WARM, _latency, _WARM),
    _case("latency", OURS_COLD, _latency, _COLD),
    _case("latency", _RAW_016, _latency, _syne("016")),
    _case("latency", _DEFAULT_016, _latency, _syne("016", sleep=5), repeats=1, slow=True, trials=4),
    _case("latency", _RAW_013, _latency, _syne("013")),
    _case("latency", _OPTUNA_NAME, _latency, _OPTUNA),
    _case("latency", _RAY_NAME, _latency, _ray(reuse=0), repeats=3, slow=True),
    _case("latency", _REUSE_NAME, _latency, _ray(reuse=1)),
    *(
        Case(
            row="event",
            system=f"pytest-synebench, {scheduler}",
            take=partial(deciding.take, scheduler=scheduler),
        )
        for scheduler in (
            "asha_stopping",
            "asha_promotion",
            "asha_cost_promotion",
            "pasha",
            "synchronous_hyperband",
            "median_stopping",
            "pbt",
            "mo_asha",
            "fifo",
        )
    ),
    *(
        Case(
            row="event",
            system=f"Syne Tune 0.13, {scheduler}",
            take=partial(
                deciding.take,
                scheduler=scheduler,
                driver="peers/syne_tune_013_deciding.py",
                environment="syne_tune_013",
            ),
            repeats=3,
            environment="syne_tune_013",
        )
        for scheduler in ("asha_stopping", "asha_promotion", "fifo")
    ),
    *(
        Case(
            row="event",
            system=f"{name}, {scheduler}",
            take=partial(
                deciding.take,
                scheduler=scheduler,
                driver=f"peers/{driver}_deciding.py",
                environment=environment,
            ),
            repeats=1,
            slow=True,
            environment=environment,
        )
        for name, scheduler, driver, environment in (
            ("Syne Tune 0.16", "asha_stopping", "syne_tune_016", "syne_tune_016"),
            ("Syne Tune 0.16", "fifo", "syne_tune_016", "syne_tune_016"),
            ("Optuna 5.0", "SuccessiveHalvingPruner", "optuna", "optuna_subprocess"),
        )
    ),
    *(
        Case(
            row="simulator",
            system=f"pytest-synebench, {scheduler}",
            take=partial(simulated.take, scheduler=scheduler),
        )
        for scheduler in ("fifo", "asha_stopping", "asha_promotion")
    ),
    *(
        Case(
            row="simulator",
            system=f"Syne Tune {version}, {scheduler}",
            take=partial(
                simulated.take,
                scheduler=scheduler,
                environment=f"syne_tune_{version.replace('.', '')}",
            ),
            repeats=1,
            slow=True,
            environment=f"syne_tune_{version.replace('.', '')}",
        )
        for version, scheduler in (
            ("0.16", "fifo"),
            ("0.16", "asha_stopping"),
            ("0.13", "asha_promotion"),
        )
    ),
    *(
        Case(
            row="memory",
            system=f"pytest-synebench, {scheduler}",
            take=partial(simulated.take_memory, scheduler=scheduler),
        )
        for scheduler in ("fifo", "asha_stopping", "asha_promotion")
    ),
    *(
        Case(
            row="memory",
            system=f"Syne Tune {version}, fifo",
            take=partial(
                simulated.take_memory,
                scheduler="fifo",
                environment=f"syne_tune_{version.replace('.', '')}",
            ),
            repeats=1,
            slow=True,
            environment=f"syne_tune_{version.replace('.', '')}",
        )
        for version in ("0.13", "0.16")
    ),
    Case(row="unused", system="pytest-synebench", take=startup.unused),
    Case(row="reporter", system="pytest-synebench", take=startup.our_reporter),
    Case(
        row="reporter",
        system="Syne Tune 0.16",
        take=partial(startup.syne_reporter, environment="syne_tune_016"),
        environment="syne_tune_016",
    ),
    Case(
        row="reporter",
        system="Syne Tune 0.13",
        take=partial(startup.syne_reporter, environment="syne_tune_013"),
        environment="syne_tune_013",
    ),
    Case(row="reporter", system="Ray Tune 2.60", take=startup.ray_report, environment="ray_tune"),
    Case(row="items", system="pytest-synebench", take=collected.take),
    Case(row="resume", system="pytest-synebench", take=replayed.ours),
    Case(
        row="resume",
        system="Optuna 5.0, journal storage",
        take=replayed.optuna,
        environment="optuna_subprocess",
        slow=True,
    ),
    *(Case(row=row, system="pytest-synebench", take=take) for row, take in kept.TAKES.items()),
    *(Case(row="utilisation", system=name, take=take) for name, take in utilisation.CASES.items()),
)
