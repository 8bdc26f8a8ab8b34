"""Under pytest-xdist: an experiment stays on one worker, and its summary comes home."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_synebench.plugin import xdist

SUBPROCESS = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-n", "2")


def test_each_experiment_runs_on_one_worker_and_is_summed_up_once(
    toy: Path, pytester: pytest.Pytester
) -> None:
    result = pytester.runpytest_subprocess(
        *(*SUBPROCESS, "--synebench", "toy", "-v", "--num_trials", "2", "test_ordinary.py")
    )
    assert result.parseoutcomes() == {"passed": 10}
    workers: dict[str, set[str]] = {}
    for line in result.outlines:
        if line.startswith("[gw") and "synebench::" in line:
            experiment = line.split("synebench::")[1].split("::")[1]
            workers.setdefault(experiment, set()).add(line[:5])
    assert {name: len(where) for name, where in workers.items()} == {
        "base-fifo-random-r0": 1,
        "small-fifo-random-r0": 1,
    }
    result.stdout.fnmatch_lines(["*synebench::toy::base-fifo-random-r0::trial[[]1]*"])
    summaries = [line for line in result.outlines if line.startswith("toy::")]
    assert summaries == ["toy::base-fifo-random-r0", "toy::small-fifo-random-r0"]


def test_with_x_a_failure_that_is_not_waited_for_ends_the_waiting(
    toy: Path, pytester: pytest.Pytester
) -> None:
    script = pytester.path / "train.py"
    script.write_text(
        "import os, sys, time\n"
        "trial = os.path.basename(os.path.dirname(os.environ['SYNEBENCH_ATTEMPT']))\n"
        "sys.exit(3) if trial == '1' else time.sleep(1000)\n"
    )
    result = pytester.runpytest_subprocess(
        *(*SUBPROCESS, "--synebench", "toy", "--variant", "base", "-x", "--stop_grace", "0.1")
    )
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    result.stdout.fnmatch_lines(["trial 1 failed at level 0*"])


def test_the_scheduler_keeps_experiments_whole_and_ordinary_tests_single() -> None:
    split = xdist.scheduling()._split_scope
    assert split(None, "synebench::a::b::trial[3]") == "synebench::a::b"
    assert split(None, "tests/test_a.py::test_b") == "tests/test_a.py::test_b"


def test_workers_have_the_offset_that_the_controller_drew(
    toy: Path, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_ordinary="import pathlib\n"
        "def test_ordinary(toy, request, worker_id):\n"
        "    offset = request.node.callspec.params['toy'].params['random_seed_offset']\n"
        "    pathlib.Path(f'offset-{request.node.callspec.id}').write_text(str(offset))\n"
    )
    args = ("--synebench", "toy", "--random_seed_offset", "random", "test_ordinary.py")
    result = pytester.runpytest_subprocess(*SUBPROCESS, *args, "-k", "ordinary")
    result.assert_outcomes(passed=2)
    offsets = {path.read_text() for path in pytester.path.glob("offset-*")}
    assert len(offsets) == 1
    result.stdout.fnmatch_lines([f"synebench: random_seed_offset {offsets.pop()}, drawn"])
