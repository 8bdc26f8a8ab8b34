"""The trivial trials as a user runs them: one ``pytest`` command, its start-up included."""

from __future__ import annotations

import scripts
from bench import Bench

_CONFTEST = """\
from pathlib import Path

from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.space import uniform


@benchmark(default_params={"num_workers": 2}, variants=[variant("one")])
def toy(params):
    return Benchmark(
        script=Path(__file__).parent / "train_synebench.py",
        config_space={"x": uniform(0, 1), "epochs": 5},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
"""
_TRIALS = 40


def trivial(bench: Bench) -> dict[str, float]:
    """Return what the command takes, per trial."""
    folder = bench.fresh()
    scripts.write(folder, "synebench", torch=False)
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist")
    ours = ("--synebench=toy", f"--num_trials={_TRIALS}")
    out = bench.measure([bench.python(""), "-m", "pytest", *options, *ours], cwd=folder)
    return {"wall_ms": out["wall_s"] / _TRIALS * 1000, "cpu_s": out["cpu_s"]}
