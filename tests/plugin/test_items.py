"""What each item of an experiment says when things go well, and when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_synebench.errors import RunError
from pytest_synebench.experiment import run as run_module
from pytest_synebench.plugin.nodes import experiment as experiment_module
from pytest_synebench.plugin.nodes.items import last_lines

from .conftest import CONFTEST, Go, InstantBackend

ONE = ("--synebench", "toy", "--variant", "base")


def test_a_failed_trial_is_a_failed_test_with_all_it_takes_to_look_into_it(
    go: Go, pytester: pytest.Pytester
) -> None:
    result = go(*ONE, "--behave", "1:fail")
    assert result.parseoutcomes() == {"passed": 5, "failed": 1}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*toy::base-fifo-random-r0::trial[[]1]*",
            "trial 1 failed at level 0, attempt 1: exit code 3",
            "config: {'x': 0.*}",
            f"by hand: python {pytester.path}/train.py --scale 1.0 --behave 1:fail --epochs 3*",
            f"logs: {pytester.path}/.synebench/runs/toy/base-fifo-random/r0-*/trials/1",
            "last lines of stderr:",
            "  the last words",
            r"  \xff",
        ]
    )


def test_trials_that_were_never_started_are_skipped_with_the_reason(go: Go) -> None:
    result = go(*ONE, "--resource_budget", "3", "--num_workers", "1", "-rs")
    assert result.parseoutcomes() == {"passed": 2, "unfinished": 1, "skipped": 3}
    result.stdout.fnmatch_lines(
        ["SKIPPED [[]3] conftest.py:5: not started: resource_budget of 3 *"]
    )


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        (("--behave", "0:fail 1:fail"), "- 2 trials failed, max_failures is 1"),
        (
            ("--behave", "0:nan 1:nan 2:nan 3:nan"),
            "- no trial reported a finite 'loss': nothing was measured",
        ),
    ],
)
def test_an_experiment_that_cannot_be_believed_is_not_sound(
    go: Go, args: tuple[str, ...], wrong: str
) -> None:
    result = go(*ONE, *args)
    result.stdout.fnmatch_lines(["toy::base-fifo-random-r0 is not sound:", wrong])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_definition_that_needs_pytest_is_one_error_at_launch(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        CONFTEST.replace("def toy(params)", "def toy(params, request)").replace(
            'metric="loss"', 'metric=""'
        )
    )
    result = go(*ONE, "-rs")
    assert result.parseoutcomes() == {"errors": 1, "skipped": 5}
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of toy::base-fifo-random-r0::launch*",
            "*conftest.py:5: benchmark 'toy': metric is ''; it must be the name of a key, e.g. 'l*",
            "SKIPPED [[]5] *experiment not launched: *metric is ''*",
        ]
    )


def test_a_run_that_cannot_be_opened_is_one_error_at_launch(
    go: Go, pytester: pytest.Pytester
) -> None:
    (pytester.path / ".synebench").write_text("in the way")
    result = go(*ONE)
    assert result.parseoutcomes() == {"errors": 1, "skipped": 5}
    result.stdout.fnmatch_lines(["the run directory *cannot be made: *; make it writable, or*"])


def test_storage_names_another_place(go: Go, pytester: pytest.Pytester) -> None:
    go(*ONE, "--synebench-storage", "elsewhere").assert_outcomes(passed=6)
    assert (pytester.path / "elsewhere" / "runs" / "toy").is_dir()
    assert not (pytester.path / ".synebench").exists()


def test_a_run_that_breaks_off_is_one_failure_and_not_sound(
    go: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(InstantBackend):
        polls = 0

        def poll(self, timeout_s: float) -> list[object]:  # type: ignore[override] # raises
            self.polls += 1
            if self.polls > 4:
                raise OSError(28, "No space left on device")
            return super().poll(timeout_s)  # type: ignore[return-value] # a list of observations

    monkeypatch.setattr(run_module, "build_backend", lambda *_: Full())
    result = go(*ONE)
    assert result.parseoutcomes() == {"passed": 1, "failed": 2, "skipped": 3}
    result.stdout.fnmatch_lines(
        [
            "the experiment broke off: the run in *cannot go on: No space left on device*",
            "*is not sound:",
            "- it did not end *",
        ]
    )


def test_above_a_thousand_trials_one_item_stands_for_them(go: Go) -> None:
    result = go(*ONE, "--num_trials", "1001", "--collect-only", "-q")
    result.stdout.fnmatch_lines(
        [f"synebench::toy::base-fifo-random-r0::{name}" for name in ("launch", "trials", "sound")]
    )
    result = go(*ONE, "--num_trials", "1001", "--collect-only", "-q", "--synebench-items", "trial")
    result.stdout.fnmatch_lines(["synebench::toy::base-fifo-random-r0::trial[[]1000]"])


def test_the_one_item_fails_with_the_trials_that_failed(go: Go) -> None:
    behave = "0:fail 1:fail 2:fail 3:fail"
    args = ("--synebench-items=experiment", "--max_failures", "9", "--num_workers", "9")
    result = go(*ONE, *args, "--behave", behave, "-v")
    result.stdout.fnmatch_lines(
        ["*::trials FAILED*", "4 of 4 trials failed", "trial 0 failed *", "* and 1 more"]
    )
    go(*ONE, *args).assert_outcomes(passed=3)


def test_a_lone_trial_launches_the_experiment_itself(go: Go) -> None:
    go(*ONE, "-k", "trial and 2").assert_outcomes(passed=1, deselected=5)


def test_what_launch_remarks_is_shown_with_the_summary(go: Go) -> None:
    result = go(*ONE, "--synebench-resume")
    result.stdout.fnmatch_lines(["  note: there is no run to go on with: a new one is started"])


def test_a_finished_run_is_reported_again_and_nothing_is_started(go: Go) -> None:
    go(*ONE).assert_outcomes(passed=6)
    result = go(*ONE, "--synebench-resume")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["  note: this run had finished: it is reported again, nothing *"])


def test_opening_is_looked_up_late(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RunError("not today")

    monkeypatch.setattr(experiment_module, "open_run", refuse)
    go(*ONE).stdout.fnmatch_lines(["not today"])


def test_the_last_lines_of_a_log_are_few_and_readable(tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"
    log.write_bytes(b"".join(b"line %d\n" % i for i in range(100_000)) + b"\xfe end")
    lines = last_lines(log)
    assert len(lines) == 20
    assert lines[-1] == r"\xfe end"
    assert last_lines(tmp_path / "missing") == ()
