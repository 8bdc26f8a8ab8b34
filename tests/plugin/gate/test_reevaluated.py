"""A change that adds noise is no improvement where the best config is trained anew."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = """
from pathlib import Path
from pytest_synebench import Benchmark, benchmark
from pytest_synebench.blackboxes.protocol import Point
from pytest_synebench.space import keyed_random, uniform

class Noisy:
    metrics = {{"loss": "min"}}
    seeds = 2**30
    last_level = 9

    def curve(self, config, seed):
        for level in range(1, 10):
            noise = keyed_random(seed, level, config["x"]).gauss(0, {sd})
            yield Point(level, float(level), {{"loss": {worth} + noise}})

    def space(self, asked):
        return asked

    def remark(self, metric):
        return ""

@benchmark(
    default_params=dict(
        backend="simulated", scheduler="fifo", max_resource_level=1, num_trials=8, num_workers=2,
    )
)
def noisy(params):
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={{"x": uniform(0, 1), "epochs": params["max_resource_level"]}},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
        blackbox=Noisy(),
        scores={scores},
    )
"""
ASKED = {"reevaluated:3": "min"}
SAVE = ("--synebench", "noisy", "--synebench-save", "main")
COMPARE = ("--synebench", "noisy", "--synebench-compare", "main")


class Repository:
    """A repository whose trainer is as noisy as is said."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:hypothesispytest\n")
        pytester.makepyfile(train="")

    def has(self, *, sd: float, worth: float = 0.0, scores: object = None) -> None:
        told = ASKED if scores is None else scores
        self._pytester.makeconftest(CONFTEST.format(sd=sd, worth=worth, scores=told))

    def go(self, *arguments: str) -> pytest.RunResult:
        return self._pytester.runpytest_inprocess(*arguments)

    def saves(self, *arguments: str) -> None:
        result = self.go(*SAVE, *arguments)
        assert result.ret == 0, result.stdout.str()


@pytest.fixture
def repository(pytester: pytest.Pytester) -> Repository:
    return Repository(pytester)


def test_noise_alone_looks_like_an_improvement(repository: Repository) -> None:
    repository.has(sd=0.05, scores={})
    repository.saves("--num_runs", "12")
    repository.has(sd=0.2, scores={})
    result = repository.go(*COMPARE)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["PASS: noisy::base-fifo-random: better: final*"])


def test_noise_alone_is_no_improvement_where_the_best_config_is_trained_anew(
    repository: Repository, pytester: pytest.Pytester
) -> None:
    repository.has(sd=0.05)
    repository.saves("--num_runs", "12")
    repository.has(sd=0.2)
    result = repository.go(*COMPARE)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["PASS: noisy::base-fifo-random: better: final*, but not reevaluated:3"]
    )
    trained = list(pytester.path.glob(".synebench/runs/*/*/*/reevaluated/runs/*/*/r*"))
    assert len(trained) % 3 == 0
    assert len({one.parents[4] for one in trained}) == len(trained) / 3 > 12


def test_a_loss_that_noise_hides_is_seen(repository: Repository) -> None:
    repository.has(sd=0.05)
    repository.saves("--num_runs", "12")
    repository.has(sd=0.4, worth=0.3)
    result = repository.go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["FAIL: noisy::base-fifo-random: worse: reevaluated:3", "  final: median -*; shift -*"]
    )


def test_what_changes_nothing_trains_nothing_anew(
    repository: Repository, pytester: pytest.Pytester
) -> None:
    repository.has(sd=0.05)
    repository.saves("--num_runs", "6")
    trained = list(pytester.path.glob(".synebench/runs/*/*/*/reevaluated"))
    assert len(trained) == 6
    assert repository.go(*COMPARE).ret == 0
    assert list(pytester.path.glob(".synebench/runs/*/*/*/reevaluated")) == trained


def test_a_baseline_whose_best_configs_were_not_trained_anew_is_not_saved(
    repository: Repository, pytester: pytest.Pytester
) -> None:
    repository.has(sd=0.05)
    result = repository.go(*SAVE, "--num_runs", "6", "-k", "not sound")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["baseline main was not saved: noisy::* trained anew 0 times*"])
    assert not Path(pytester.path, ".synebench/baselines").exists()


def test_a_schedule_cannot_be_trained_anew_and_is_refused_before_the_first_trial(
    repository: Repository, pytester: pytest.Pytester
) -> None:
    repository.has(sd=0.05)
    more = ("--num_runs", "1", "--scheduler", "pbt", "--max_resource_level", "9")
    result = repository.go(*SAVE, *more)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["noisy is judged by its best config trained anew *"])
    assert not list(pytester.path.glob(".synebench/runs/*/*/r*"))


def test_stored_runs_without_it_are_an_error(
    repository: Repository, pytester: pytest.Pytester
) -> None:
    repository.has(sd=0.05)
    repository.saves("--num_runs", "6")
    more = ("--synebench-storage", "other", "--run_id", "6,7,8", "--deterministic", "1")
    assert repository.go("--synebench", "noisy", *more).ret == 0
    result = pytester.runpython_c(
        "from pytest_synebench.__main__ import main\n"
        "raise SystemExit(main(['gate', '.synebench/baselines/main.json', 'other']))"
    )
    assert result.ret == 2
    result.stdout.fnmatch_lines(["ERROR: noisy::base-fifo-random: noisy::* trained anew 0 times*"])
