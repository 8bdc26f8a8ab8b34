"""The whole way with real processes: pausing, resuming, crashing, in a user's repository."""

from __future__ import annotations

from pathlib import Path

import pytest

CHECKPOINTING = """
import argparse, json, os
from pytest_synebench.training import (
    Reporter, add_checkpointing_to_argparse, checkpoint_model_at_rung_level,
    resume_from_checkpointed_model,
)

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--scale", type=float)
parser.add_argument("--behave")
parser.add_argument("--epochs", type=int)
add_checkpointing_to_argparse(parser)
config = vars(parser.parse_args())
state = {"sum": 0.0}

def save(path, epoch):
    with open(os.path.join(path, "state.json"), "w") as file:
        json.dump({"epoch": epoch, **state}, file)

def load(path):
    with open(os.path.join(path, "state.json")) as file:
        read = json.load(file)
    state["sum"] = read["sum"]
    return read["epoch"]

report = Reporter()
first = resume_from_checkpointed_model(config, load) + 1
for epoch in range(first, config["epochs"] + 1):
    state["sum"] += abs(config["x"] - 0.3)
    report(epoch=epoch, loss=state["sum"] / epoch / epoch)
    checkpoint_model_at_rung_level(config, save, epoch)
"""


def test_trials_are_paused_and_resumed(toy: Path, pytester: pytest.Pytester) -> None:
    (toy / "train.py").write_text(CHECKPOINTING)
    args = ("--synebench", "toy", "--variant", "base", "--scheduler", "asha_promotion")
    result = pytester.runpytest_inprocess(*args, "--num_trials", "6", "-v")
    assert result.ret == 0
    result.stdout.fnmatch_lines_random(
        [
            "*::trial[[]*] COMPLETED@3 * resumed x1 *",
            "*::trial[[]*] PAUSED@1 *",
            "*::sound PASSED*",
            "  trials: * paused, * completed; epochs: * run, [1-9]* saved by resuming",
        ]
    )
    # Paused trials are final only when the experiment is over: they come last, before sound.
    outcomes = [line.split()[1] for line in result.outlines if "::trial[" in line]
    assert [o.split("@")[0] for o in outcomes] == sorted(o.split("@")[0] for o in outcomes)


def test_a_crash_shows_the_scripts_last_words(toy: Path, pytester: pytest.Pytester) -> None:
    args = ("--synebench", "toy", "--variant", "base", "--behave", "crash", "--num_workers", "1")
    result = pytester.runpytest_inprocess(*args)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "failed": 3, "skipped": 2}
    result.stdout.fnmatch_lines(
        ["trial 0 failed at level 0, attempt 1: exit code 3*", "*the last words"]
    )
    assert result.stdout.str().count("the last words") == 2, "each trial's are shown once"


def test_a_resumed_session_repeats_nothing(toy: Path, pytester: pytest.Pytester) -> None:
    args = ("--synebench", "toy", "--variant", "base", "-v")
    pytester.runpytest_inprocess(*args, "--num_trials", "2").assert_outcomes(passed=4)
    result = pytester.runpytest_inprocess(*args, "--num_trials", "3", "--synebench-resume")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["  trials: 3 completed; epochs: 9 run*"])


@pytest.mark.parametrize("variant", ["tiny"])
def test_a_node_id_from_the_output_runs_again(
    toy: Path, pytester: pytest.Pytester, variant: str
) -> None:
    result = pytester.runpytest_inprocess("--synebench", "toy", "--variant", variant, "-v")
    ids = [line.split()[0] for line in result.outlines if line.startswith("synebench::")]
    pytester.runpytest_inprocess(ids[1]).assert_outcomes(passed=1, deselected=15)
