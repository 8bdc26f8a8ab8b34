"""Gates under pytest-xdist: on one worker, after everything else; and a whole session with -n 2."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_synebench.plugin import xdist

NO = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-p", "no:randomly")
GATES = ["synebench::gate::toy::a", "synebench::gate::toy::b", "synebench::gate::suite"]


class Worker:
    """A worker of pytest-xdist that writes down what it is sent."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name, spec=name)
        self.sent: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        assert not self.shutting_down
        self.sent += indices

    def shutdown(self) -> None:
        self.shutting_down = True


class Session:
    """A scheduler with workers that run an item once they know the next, or that none comes."""

    def __init__(self, items: list[str], workers: int) -> None:
        option = SimpleNamespace(loadscopereorder=True)
        config = SimpleNamespace(option=option, getvalue=lambda _: [f"{workers}*popen"])
        self.items = items
        self.scheduler: Any = xdist.scheduling()(config)
        self.workers = [Worker(f"gw{i}") for i in range(workers)]
        self.ran: list[tuple[str, str]] = []  #: worker, item
        self.at: dict[str, int] = {}
        for worker in self.workers:
            self.add(worker)
        self.scheduler.schedule()

    def add(self, worker: Worker) -> None:
        self.at[worker.gateway.id] = 0
        self.scheduler.add_node(worker)
        self.scheduler.add_node_collection(worker, self.items)

    def step(self, worker: Worker) -> bool:
        """Run one item, if the worker may."""
        name = worker.gateway.id
        at = self.at[name]
        if at == len(worker.sent) or (at + 1 == len(worker.sent) and not worker.shutting_down):
            return False
        self.at[name] += 1
        self.ran.append((name, self.items[worker.sent[at]]))
        self.scheduler.mark_test_complete(worker, worker.sent[at])
        if self.scheduler.tests_finished:  # what pytest-xdist does then
            for one in self.scheduler.nodes:
                one.shutdown()
        return True

    def run(self, order: list[int]) -> None:
        """Let the workers run in an order, over and over, until none may."""
        while sum(self.step(self.workers[i % len(self.workers)]) for i in order):
            pass


def items(experiments: int, each: int = 3) -> list[str]:
    return [
        *(f"synebench::toy::e{i}::trial[{k}]" for i in range(experiments) for k in range(each)),
        *GATES,
    ]


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("experiments", [0, 1, 2, 7])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [0, 0, 0, 1, 2, 3, 4]])
def test_gates_run_last_on_one_worker(workers: int, experiments: int, order: list[int]) -> None:
    session = Session(items(experiments), workers)
    session.run(order)
    ran = [item for _, item in session.ran]
    assert sorted(ran) == sorted(session.items), "each once, and no deadlock"
    assert ran[-3:] == GATES
    assert len({worker for worker, item in session.ran if item in GATES}) == 1


@pytest.mark.parametrize("gates", [[], GATES[2:], GATES[:1]])
def test_fewer_gates_are_placed_as_well(gates: list[str]) -> None:
    everything = [*items(2)[:-3], *gates]
    session = Session(everything, 2)
    session.run([0, 1])
    assert sorted(item for _, item in session.ran) == sorted(everything)


def test_where_the_keeper_crashes_another_worker_gets_the_gates() -> None:
    session = Session(items(2), 2)
    scheduler = session.scheduler
    while scheduler._keeper is None:
        assert sum(session.step(worker) for worker in session.workers)
    keeper = scheduler._keeper
    scheduler.remove_node(keeper)
    session.workers = [one for one in session.workers if one is not keeper]
    replacement = Worker("gw9")
    session.workers.append(replacement)
    session.add(replacement)
    scheduler.schedule()
    session.run([0, 1])
    ran = [item for _, item in session.ran]
    assert set(ran) == set(session.items)
    assert ran[-3:] == GATES


def test_a_session_with_two_workers_judges_what_either_has_run(
    toy: Path, pytester: pytest.Pytester
) -> None:
    args = (*NO, "-n", "2", "--synebench", "toy", "--num_trials", "2")
    result = pytester.runpytest_subprocess(*args, "--num_runs", "2", "--synebench-save", "main")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["baseline main: toy::small-fifo-random, 2 runs*", "saved: *"])
    result = pytester.runpytest_subprocess(*args, "--synebench-compare", "main", "-v")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "PASS: toy::base-fifo-random: equal decisions on equal run ids: nothing has changed",
            "PASS: 2 PASS (rule strict, baseline main)",
        ]
    )
    assert len(list(toy.glob(".synebench/runs/toy/*/r*"))) == 8, "the gate ran nothing again"
    done = [line.split()[-1] for line in result.outlines if line.startswith("[gw")]
    assert [name.split("::")[-1] for name in done[-3:]] == [
        "base-fifo-random",
        "small-fifo-random",
        "suite",
    ]


@pytest.mark.slow
def test_with_two_workers_a_script_that_got_worse_is_stopped(
    toy: Path, pytester: pytest.Pytester
) -> None:
    args = (*NO, "-n", "2", "--synebench", "toy", "--variant", "tiny")
    result = pytester.runpytest_subprocess(*args, "--num_runs", "10", "--synebench-save", "main")
    assert result.ret == 0
    script = toy / "train.py"
    script.write_text(script.read_text().replace("+ 1 / epoch)", "+ 2 / epoch + 1)"))
    result = pytester.runpytest_subprocess(
        *(*args, "--num_runs", "5", "--synebench-compare", "main", "--junitxml", "junit.xml")
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "FAIL: toy::tiny-fifo-random: worse: final, area",
            "  run ids 10 to 24, of which 15 to 24 were run in here",
            "FAIL: 1 FAIL (rule strict, baseline main)",
        ]
    )
    assert 'failures="2"' in (toy / "junit.xml").read_text()
    page = (toy / ".synebench/gates/main.md").read_text()
    assert page.startswith("### ❌ synebench gate: FAIL")


@pytest.mark.slow
def test_a_shipped_benchmark_passes_where_nothing_has_changed(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\n")
    size = ("--max_resource_level", "12", "--grace_period", "2", "--num_trials", "4")
    args = (*NO, "--synebench", "height_with_cost", *size)
    result = pytester.runpytest_subprocess(*args, "--num_runs", "6", "--synebench-save", "main")
    assert result.ret == 0
    result = pytester.runpytest_subprocess(*args, "--synebench-compare", "main")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["PASS: height_with_cost::*: equal decisions on equal run ids*"])
    result = pytester.runpytest_subprocess(
        *(*args, "--reduction_factor", "2", "--synebench-compare", "main")
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["NOT COMPARABLE: height_with_cost::*", "  params.reduction_factor: 3 in the baseline, 2 *"]
    )
