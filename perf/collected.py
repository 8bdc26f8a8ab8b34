"""What a trial costs as a pytest item: items of finished runs, which start nothing.

The runs are made once per folder of work, with a back-end that ends every trial at once.
"""

from __future__ import annotations

from pathlib import Path

from bench import Bench

_SIZES = (1_000, 10_000)
_PLAIN = """\
import pytest


@pytest.mark.parametrize("i", range({size}))
def test_nothing(i: int) -> None:
    pass
"""
_CONFTEST = '''\
import os
from collections import deque
from pathlib import Path

from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.space import uniform


@benchmark(default_params={"num_workers": 2}, variants=[variant("one")])
def toy(params):
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={"x": uniform(0, 1), "epochs": 1},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )


class InstantBackend:
    """Every attempt reports once and has ended."""

    def __init__(self):
        self.told = deque()

    def start(self, spec):
        from pytest_synebench.backends import protocol as p

        key, metrics = spec.key, {"epoch": 1, "loss": spec.config["x"]}
        self.told.append(p.AttemptPlaced(key=key))
        self.told.append(p.AttemptBegan(key=key, resumed_from=0, checkpoints=False))
        self.told.append(p.AttemptReported(key=key, sequence=0, metrics=metrics))
        self.told.append(p.AttemptEnded(key=key, ok=True, detail="exit code 0"))

    def stop(self, key):
        pass

    def poll(self, timeout_s):
        told = list(self.told)
        self.told.clear()
        return told

    def close(self):
        self.told.clear()


if os.environ.get("PERF_INSTANT"):
    from pytest_synebench.experiment import run

    run.build_backend = lambda *args, **kwargs: InstantBackend()
'''
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist")


def take(bench: Bench) -> dict[str, float]:
    """Return the cost of an item."""
    cost = {size: _beyond_pytest(bench, size) for size in _SIZES}
    small, large = _SIZES
    return {
        "beyond_ms": (cost[large][0] - cost[large][1]) / large * 1000,
        "growth": cost[large][0] / cost[small][0],
        "plain_ms": cost[large][1] / large * 1000,
    }


def _beyond_pytest(bench: Bench, size: int) -> tuple[float, float]:
    """Return CPU seconds of a run reported again, and of as many empty tests."""
    folder = _project(bench, size)
    python = bench.python("")
    ours = [python, *_PYTEST, *_ours(size), "--synebench-resume"]
    plain = [python, *_PYTEST, "-p", "no:synebench", "test_nothing.py"]
    (folder / "plain" / "test_nothing.py").write_text(_PLAIN.format(size=size))
    return (
        bench.measure(ours, cwd=folder)["cpu_s"],
        bench.measure(plain, cwd=folder / "plain")["cpu_s"],
    )


def _ours(size: int) -> tuple[str, ...]:
    return ("--synebench=toy", f"--num_trials={size}", "--synebench-items=trial")


def _project(bench: Bench, size: int) -> Path:
    """Return a folder with a finished run of so many trials; made once."""
    folder = bench.work / f"items_{size}"
    if (folder / "made").exists():
        return folder
    folder = bench.folder(f"items_{size}")
    (folder / "plain").mkdir()
    for place in (folder, folder / "plain"):
        (place / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "train.py").write_text("")
    command = ["env", "PERF_INSTANT=1", bench.python(""), *_PYTEST, *_ours(size)]
    bench.measure(["/usr/bin/" + command[0], *command[1:]], cwd=folder)
    (folder / "made").touch()
    return folder
