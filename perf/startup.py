"""What it costs to be installed, and to be imported: fresh interpreters, one after another.

A difference of two commands is taken pair by pair, the order changing from pair to pair, and the
median of the differences is the figure: a slow moment of the machine hits both or one pair only.
"""

from __future__ import annotations

import json

from bench import Bench, median

_TEST = "def test_nothing() -> None:\n    pass\n"
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
_WITHOUT = ("-p", "no:synebench")

_IMPORT = """\
import sys, time
before, wall, cpu = len(sys.modules), time.perf_counter(), time.process_time()
{imports}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
modules = len(sys.modules) - before
import json
with open("seen.json", "w") as file:
    json.dump({{"wall_ms": wall * 1000, "cpu_ms": cpu * 1000, "modules": modules}}, file)
"""


def unused(bench: Bench) -> dict[str, float]:
    """Return what the plugin adds to a pytest that does not use it."""
    folder = bench.folder("unused")
    (folder / "test_nothing.py").write_text(_TEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [bench.python(""), *_PYTEST]
    seen: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for pair in range(8 if bench.quick else 20):
        for used in (True, False) if pair % 2 else (False, True):
            more = () if used else _WITHOUT
            seen[used].append(bench.measure([*command, *more], cwd=folder))
    with_it, without = seen[True][1:], seen[False][1:]  # the first pair warms the disk cache
    return {
        "wall_ms": _difference(with_it, without, "wall_s"),
        "cpu_ms": _difference(with_it, without, "cpu_s"),
        "whole_ms": median([run["wall_s"] for run in without]) * 1000,
    }


def _difference(first: list[dict[str, float]], second: list[dict[str, float]], key: str) -> float:
    pairs = zip(first, second, strict=True)
    return median([(a[key] - b[key]) * 1000 for a, b in pairs])


def _import(bench: Bench, environment: str, imports: str) -> dict[str, float]:
    """Return what the imports cost in fresh interpreters, the first of which is not counted."""
    folder = bench.folder("import")
    command, seen = [bench.python(environment), "-c", _IMPORT.format(imports=imports)], []
    for _ in range(2 if bench.quick else 4):
        bench.measure(command, cwd=folder)
        seen.append(json.loads((folder / "seen.json").read_text()))
    return {key: median([run[key] for run in seen[1:]]) for key in seen[0]}


def our_reporter(bench: Bench) -> dict[str, float]:
    """Return what our reporter costs, alone and with the json that its first report loads."""
    imports = (
        "from pytest_synebench.training import Reporter; Reporter()\n"
        "import pytest_synebench.training.session"
    )
    alone, with_json = (_import(bench, "", text) for text in (imports, f"{imports}, json"))
    return {**alone, "json_ms": with_json["cpu_ms"]}


def syne_reporter(bench: Bench, *, environment: str) -> dict[str, float]:
    """Return what Syne Tune's reporter costs."""
    return _import(bench, environment, "from syne_tune import Reporter; Reporter()")


def ray_report(bench: Bench) -> dict[str, float]:
    """Return what the module with Ray Tune's ``report`` costs."""
    return _import(bench, "ray_tune", "from ray import tune; tune.report")
