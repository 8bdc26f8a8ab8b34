"""The libraries of a forked process compute with the threads of its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from warm_runs import Both, Supervised, variables

from pytest_synebench.backends.supervisor.warm import threads
from pytest_synebench.backends.supervisor.warm.threads import physical_cores, use_threads, wanted

NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

COUNTS = """
    import ctypes, numpy, os, torch
    torch.manual_seed(1)
    def count(part, function):
        for line in open("/proc/self/maps"):
            if part in line.rpartition("/")[2]:
                return getattr(ctypes.CDLL(line.split()[-1]), function)()
    print(torch.get_num_threads(), count("openblas", "scipy_openblas_get_num_threads64_"))
    print(count("libgomp", "omp_get_max_threads"))
    left, right = numpy.random.rand(300, 300), numpy.random.rand(300, 300)
    print((left @ right).sum().hex(), torch.mm(torch.tensor(left), torch.tensor(right)).sum())
    layer = torch.nn.Linear(400, 300)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        loss = layer(torch.rand(256, 400)).pow(2).mean()
        optimiser.zero_grad(); loss.backward(); optimiser.step()
    print(loss.item().hex(), layer.weight.sum().item().hex())
    print(len(os.listdir("/proc/self/task")) > 1)
"""


@pytest.fixture(scope="module")
def supervisors() -> Iterator[tuple[Supervised, Supervised]]:
    warm, cold = Supervised("numpy", "torch"), Supervised()
    yield warm, cold
    warm.close()
    cold.close()


@pytest.fixture
def both(supervisors: tuple[Supervised, Supervised], tmp_path: Path) -> Both:
    return Both(*supervisors, tmp_path)


@pytest.mark.parametrize("count", ["1", "2", "64"])
def test_a_number_is_what_it_is_in_a_process_of_its_own(both: Both, count: str) -> None:
    warm, cold = both(COUNTS, **dict.fromkeys(NAMES, count))
    assert warm == cold
    assert warm.code == 0
    assert warm.stdout.splitlines()[-1] == str(count != "1")


@pytest.mark.parametrize("given", [{}, {"OMP_NUM_THREADS": "2"}, {"MKL_NUM_THREADS": "1"}])
def test_a_library_has_its_own_variable_or_the_common_one(
    both: Both, given: dict[str, str]
) -> None:
    script = both.script(COUNTS)
    environment = both.attempt(script)
    for name in NAMES:
        del environment[name]
    environment |= given
    warm, cold = (way.run(script, environment=environment) for way in (both.warm, both.cold))
    assert warm == cold
    assert warm.code == 0


def test_a_number_that_is_none_counts_as_unset() -> None:
    assert wanted({"A": "0", "B": " 3 "}, ("A", "B")) == 3
    assert wanted({"A": "many", "B": "-1"}, ("A", "B")) == 0
    assert wanted({}, ("A",)) == 0


def test_where_one_thread_is_wanted_nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def mapped() -> Iterator[str]:
        asked.append("maps")
        yield from ()

    monkeypatch.setattr(threads, "mapped_libraries", mapped)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    use_threads(dict.fromkeys(NAMES, "1"))
    assert asked == []
    use_threads(dict.fromkeys(NAMES, "2"))
    assert asked == ["maps"]


def test_there_are_no_more_cores_than_processors() -> None:
    assert 1 <= physical_cores() <= len(os.sched_getaffinity(0))


def test_a_core_of_two_processors_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    monkeypatch.setattr(threads, "_siblings", lambda cpu: f"{cpu % 2},{cpu % 2 + 2}")
    assert physical_cores() == 2


def test_a_warm_process_has_one_thread_with_numpy_and_torch(both: Both) -> None:
    assert both.warm.first == {"is": "warm"}
    assert len(list(Path(f"/proc/{both.warm.process.pid}/task").iterdir())) == 1
    assert variables()["OMP_NUM_THREADS"] == "1"
