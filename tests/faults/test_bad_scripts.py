"""A script that does what it should not, in one trial of four: one message, no harm to the others.

Every case runs the real pytest on a real project. The lines of a case are what trial 0 does.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from bad_project import BAD_X, assert_others_unharmed, make_bad_project, only_run, run_bounded

from pytest_synebench.trial import TrialState

SILENT = "ended with exit code 0 without one report of 'loss'; call report() at the end of each"
EARLY = "ended with exit code 0 after epoch 1 of 3; a script runs to its last level unless it is"
AGAIN = "trial 0 reported epoch {} after {}; levels go up: report once at the end of each"
NO_NUMBER = "trial 0 reported loss={}; the metric must be a number"
HANGS = "no report for 5 s, which is its progress_timeout (--progress_timeout raises it, none"
STOP = ("--progress_timeout", "5")
FAILURES = {
    "never_reports": ("pass", SILENT),
    "exits_0_early": ("report(epoch=1, loss=1.0); sys.exit(0)", EARLY),
    "exits_0_without_cleaning_up": ("report(epoch=1, loss=1.0); os._exit(0)", EARLY),
    "metric_of_another_name": (
        "report(epoch=1, los=1.0)",
        "a report of trial 0 has no 'loss', the metric (its keys: epoch, los); report",
    ),
    "metric_is_missing_later": (
        "report(epoch=1, loss=1.0); report(epoch=2, los=1.0)",
        "has no 'loss', the metric (its keys: epoch, los); report it at every level",
    ),
    "no_level": (
        "report(loss=1.0)",
        "report() got loss, but not 'epoch', under which the benchmark expects the resource level",
    ),
    "level_is_a_float": (
        "report(epoch=1.0, loss=1.0)",
        "report() got epoch=1.0 (float); a resource level is an integer from 1 up",
    ),
    "metric_is_text": ("report(epoch=1, loss='low')", NO_NUMBER.format("'low'")),
    "metric_is_none": ("report(epoch=1, loss=None)", NO_NUMBER.format("None")),
    "metric_is_a_bool": ("report(epoch=1, loss=True)", NO_NUMBER.format("True")),
    "metric_is_a_list": (
        "report(epoch=1, loss=[1.0])",
        "report() got loss=[1.0] of type list; a metric is an int, float, bool, str or None",
    ),
    "report_is_too_long": (
        "report(epoch=1, loss=1.0, note='x' * 100_000)",
        "is longer than the 65536 a message may have; report fewer or shorter values",
    ),
    "level_twice": ("report(epoch=1, loss=1.0); good()", AGAIN.format(1, 1)),
    "levels_out_of_order": (
        "report(epoch=2, loss=1.0); report(epoch=1, loss=1.0); signal.pause()",
        AGAIN.format(1, 2),
    ),
    "crash": (
        "report(epoch=1, loss=1.0); raise RuntimeError('the data has no rows')",
        "trial 0 failed at level 1, attempt 1: exit code 1\nTraceback (most recent call last):",
    ),
    "wrong_arguments": ("parser.error('no such thing')", "exit code 2\nusage: train.py"),
    "asks_the_user": ("input('go on? ')", "EOFError: EOF when reading a line"),
    "segfault": ("os.kill(os.getpid(), signal.SIGSEGV)", "level 0, attempt 1: signal 11 (SIGSEGV)"),
    "killed": (
        "report(epoch=1, loss=1.0); os.kill(os.getpid(), signal.SIGKILL)",
        "signal 9 (SIGKILL): killed from outside (out of memory?)",
    ),
    "hangs": ("report(epoch=1, loss=1.0); signal.pause()", HANGS),
    "stops_itself": ("report(epoch=1, loss=1.0); os.kill(os.getpid(), signal.SIGSTOP)", HANGS),
    "ignores_sigterm": (
        (
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); report(epoch=1, loss=1.0)\n"
            "while True: signal.pause()"
        ),
        HANGS,
    ),
    "closes_what_is_not_its_own": (
        "os.closerange(3, 100); good()",
        "the script has closed a descriptor it did not open",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_one_bad_trial_fails_alone(tmp_path: Path, case: str) -> None:
    lines, message = FAILURES[case]
    options = STOP if message is HANGS else ()
    done = run_bounded(make_bad_project(tmp_path, lines), "-v", *options)

    assert done.returncode == 1, done.stdout + done.stderr
    assert message in done.stdout
    assert done.stdout.count(message) == 1, "one message, said once"
    assert "1 failed, 5 passed" in done.stdout
    assert "by hand: python" in done.stdout
    assert only_run(tmp_path).trials[0].state is TrialState.FAILED
    assert_others_unharmed(tmp_path)


HARMLESS = {
    "binary_junk": "sys.stdout.buffer.write(bytes(range(256)) * 2000); good()",
    "a_line_without_end": "sys.stderr.write('x' * 3_000_000); good()",
    "a_forged_report_on_stdout": """
told = {"kind": "report", "metrics": {"epoch": 1, "loss": -9.0}}
print(attempt()["nonce"], 0, json.dumps(told), flush=True)
print("[tune-metric]: " + json.dumps(told["metrics"]), flush=True)
good()
""",
    "a_forged_report_on_the_channel": """
told = json.dumps({"kind": "report", "metrics": {"epoch": 1, "loss": -9.0}})
os.write(attempt()["fd"], b"0" * 32 + b" 0 " + told.encode() + b"\\n" + b"\\xff\\0" * 99 + b"\\n")
good()
""",
    "a_report_of_a_forked_child": """
if os.fork() == 0:
    report(epoch=1, loss=-9.0)
    os._exit(0)
os.wait()
good()
""",
    "a_child_that_stays": """
import subprocess
subprocess.Popen(["sleep", "1000"], start_new_session=True)
good()
""",
    "a_thread_that_stays": """
threading.Thread(target=threading.Event().wait, daemon=True).start()
good()
""",
    "levels_beyond_the_last": """
good()
report(epoch=args.epochs + 1, loss=-9.0)
""",
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_a_script_may_do_changes_no_result(tmp_path: Path, case: str) -> None:
    done = run_bounded(make_bad_project(tmp_path, HARMLESS[case]), "-v")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    losses = [(r.resource, r.loss) for r in only_run(tmp_path).trials[0].reports]
    assert losses[:3] == [(1, BAD_X), (2, BAD_X / 2), (3, BAD_X / 3)]
    assert_others_unharmed(tmp_path)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_diverged_trial_completes_and_is_never_the_best(tmp_path: Path, value: str) -> None:
    lines = f"for epoch in (1, 2, 3): report(epoch=epoch, loss=float('{value}'))"
    done = run_bounded(make_bad_project(tmp_path, lines), "-v")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"trial[0] COMPLETED@3 {value}" in done.stdout
    run = only_run(tmp_path)
    assert run.best is not None
    assert run.best["trial_id"] != 0
    assert not any(math.isfinite(report.loss) for report in run.trials[0].reports)
    assert_others_unharmed(tmp_path)


def test_where_nothing_finite_was_measured_the_experiment_is_not_sound(tmp_path: Path) -> None:
    lines = "for epoch in (1, 2, 3): report(epoch=epoch, loss=float('nan'))"
    done = run_bounded(make_bad_project(tmp_path, lines), "--num_trials", "1")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "- no trial reported a finite 'loss': nothing was measured" in done.stdout
    assert "best: no finite loss was reported" in done.stdout


def test_the_first_bad_trial_harms_no_other_where_they_run_one_by_one(tmp_path: Path) -> None:
    folder = make_bad_project(tmp_path, "report(epoch=1, los=1.0)")
    done = run_bounded(folder, "--num_workers", "1")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "report(loss=...) in the script, or name the right key" in done.stdout
    assert_others_unharmed(tmp_path)


def test_a_second_failure_ends_the_experiment_and_says_which_limit_did(tmp_path: Path) -> None:
    folder = make_bad_project(tmp_path)
    (folder / "train.py").write_text("raise SystemExit('no data in /data')\n")
    done = run_bounded(folder, "--num_workers", "1")

    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("exit code 1\nno data in /data") == 2
    assert "2 trials failed, max_failures is 1" in done.stdout
    assert "3 failed, 1 passed, 2 skipped" in done.stdout


def test_a_trial_that_failed_by_chance_is_tried_again_when_asked(tmp_path: Path) -> None:
    lines = """
mark = os.path.join(here, "once")
if not os.path.exists(mark):
    open(mark, "w").close()
    raise RuntimeError("by chance")
good()
"""
    done = run_bounded(make_bad_project(tmp_path, lines), "--max_retries", "1", "-v")

    assert done.returncode == 0, done.stdout + done.stderr
    assert only_run(tmp_path).trials[0].retries == 1
    assert_others_unharmed(tmp_path)


def test_with_x_the_first_failure_ends_the_run_which_goes_on_later(tmp_path: Path) -> None:
    folder = make_bad_project(tmp_path, "sys.exit(3)")
    done = run_bounded(folder, "-x", "--num_workers", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "stopping after 1 failures" in done.stdout
    assert "go on with what is unfinished: pytest" in done.stdout

    again = run_bounded(folder, "--num_workers", "1", "--synebench-resume")
    assert again.returncode == 1, again.stdout + again.stderr
    assert "1 failed, 5 passed" in again.stdout
    assert_others_unharmed(tmp_path)
