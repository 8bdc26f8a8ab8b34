"""What the header says of the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from pytest_synebench.backends.local.machine import Machine
from pytest_synebench.plugin.session import hooks

Go: TypeAlias = Callable[..., pytest.RunResult]
LIST = ("--synebench", "toy", "--collect-only")


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[Machine], None]:
    def this_is(machine: Machine) -> None:
        monkeypatch.setattr(hooks, "this_machine", lambda: machine)

    return this_is


def test_the_header_says_once_that_fewer_trials_run_at_once(
    go: Go, on: Callable[[Machine], None]
) -> None:
    on(Machine(processors=2))
    result = go(*LIST, "--num_workers", "5")
    assert [line for line in result.outlines if "workers asked" in line] == [
        (
            "synebench: 5 workers asked, 2 run at once: this machine has 2 processors "
            "(--oversubscribe 1 lifts it)"
        )
    ]


def test_each_number_of_workers_that_is_bounded_has_its_line(
    go: Go, on: Callable[[Machine], None]
) -> None:
    on(Machine(processors=64, gpus=("0", "1")))
    result = go(*LIST, "--num_workers", "2,3,4")
    asked = [line.split()[1] for line in result.outlines if "workers asked" in line]
    assert asked == ["3", "4"]


@pytest.mark.parametrize("options", [("--num_workers", "2"), ("--oversubscribe", "1")])
def test_the_header_says_nothing_where_all_run_at_once(
    go: Go, on: Callable[[Machine], None], options: tuple[str, ...]
) -> None:
    on(Machine(processors=2))
    result = go(*LIST, "--num_workers", "5", *options)
    result.stdout.no_fnmatch_line("*workers asked*")
