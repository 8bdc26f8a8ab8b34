"""The checkpoint helpers in scripts: by hand and inside a trial, with torch and without."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pytest_synebench.checkpoints import manifest
from pytest_synebench.errors import CheckpointError
from pytest_synebench.training import (
    add_checkpointing_to_argparse,
    checkpoint_model_at_rung_level,
    resume_from_checkpointed_model,
)

if TYPE_CHECKING:
    from tests.training.conftest import Runner

#: A script of one's own: JSON, no torch, and chance in every epoch.
OWN = """
    import argparse, json, os, random
    from pytest_synebench.training import (Reporter, add_checkpointing_to_argparse,
        checkpoint_model_at_rung_level, resume_from_checkpointed_model)
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    add_checkpointing_to_argparse(parser)
    config = vars(parser.parse_args())
    report = Reporter()
    state = {"w": 0.0}
    def save_model_fn(local_path, epoch):
        with open(os.path.join(local_path, "state.json"), "w") as f:
            json.dump({"epoch": epoch, **state}, f)
    def load_model_fn(local_path):
        with open(os.path.join(local_path, "state.json")) as f:
            got = json.load(f)
        state["w"] = got["w"]
        return got["epoch"]
    start = resume_from_checkpointed_model(config, load_model_fn)
    for epoch in range(start + 1, config["epochs"] + 1):
        state["w"] += random.random()
        checkpoint_model_at_rung_level(config, save_model_fn, epoch)
        report(epoch=epoch, w=state["w"])
"""
#: The seed's script: torch, dropout, a value that numpy made, annealing.
TORCH = """
    import argparse, numpy as np, torch
    from pytest_synebench.training import (Reporter, add_checkpointing_to_argparse,
        checkpoint_model_at_rung_level, resume_from_checkpointed_model,
        pytorch_load_save_functions)
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    add_checkpointing_to_argparse(parser)
    config = vars(parser.parse_args())
    report = Reporter()
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3),
        torch.nn.Linear(8, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    mutable_state = {"lr": 0.5, "best_val_loss": None}
    load_model_fn, save_model_fn = pytorch_load_save_functions(
        {"model": model, "optimiser": optimiser}, mutable_state)
    start = resume_from_checkpointed_model(config, load_model_fn)
    for epoch in range(start + 1, config["epochs"] + 1):
        loss = model(torch.randn(16, 4)).square().mean()
        optimiser.zero_grad(); loss.backward(); optimiser.step()
        loss = np.clip(loss.item() + 0.01 * np.random.random(), 1e-10, 10)
        best = mutable_state["best_val_loss"]
        if not best or loss < best:
            mutable_state["best_val_loss"] = loss
        else:
            mutable_state["lr"] /= 2
        report(epoch=epoch, loss=loss, **mutable_state)
        checkpoint_model_at_rung_level(config, save_model_fn, epoch)
"""


def reports(outcome: Any) -> list[dict[str, object]]:
    assert outcome.code == 0, outcome.stderr
    return [dict(m.fields["metrics"]) for m in outcome.messages if m.kind == "report"]


def args(attempt: Runner) -> list[str]:
    return ["--st_checkpoint_dir", str(attempt.checkpoints)]


@pytest.mark.parametrize("body", [OWN, TORCH], ids=["own JSON", "torch"])
def test_a_trial_paused_twice_reports_what_an_uninterrupted_one_does(
    attempt: Runner, body: str
) -> None:
    whole = reports(attempt(body, checkpoint_at=None))
    paused = []
    for resume_at_most, until in ((0, 1), (1, 3), (3, 5)):
        done = attempt(
            body,
            *args(attempt),
            until=until,
            resume_at_most=resume_at_most,
            checkpoint_at=[1, 3, 5],
        )
        assert done.messages[0].fields["resumed_from"] == resume_at_most
        assert done.stderr == ""
        paused += reports(done)
    assert paused == whole
    assert [metrics["epoch"] for metrics in paused] == [1, 2, 3, 4, 5]


def test_by_hand_a_script_resumes_from_its_newest_checkpoint(attempt: Runner) -> None:
    first = attempt.by_hand(OWN, *args(attempt), "--epochs", "2")
    second = attempt.by_hand(OWN, *args(attempt), "--epochs", "3")
    assert [line.split()[1] for line in first.stdout.splitlines()] == ["epoch=1", "epoch=2"]
    assert [line.split()[1] for line in second.stdout.splitlines()] == ["epoch=3"]
    assert manifest.levels(str(attempt.checkpoints)) == [2, 3]


def test_without_the_argument_nothing_is_written_and_nothing_is_said(attempt: Runner) -> None:
    done = attempt.by_hand(OWN, "--epochs", "1")
    assert (done.code, len(done.stdout.splitlines()), done.stderr) == (0, 1, "")
    assert [path.name for path in attempt.directory.iterdir()] == ["train.py"]


def test_only_the_controllers_levels_are_saved(attempt: Runner) -> None:
    done = attempt(OWN, *args(attempt), checkpoint_at=[2, 4])
    assert [m.fields["level"] for m in done.messages if m.kind == "saved"] == [2, 4]
    assert manifest.levels(str(attempt.checkpoints)) == [2, 4]


def test_an_empty_list_of_levels_means_every_one(attempt: Runner) -> None:
    done = attempt(OWN, *args(attempt), checkpoint_at=[])
    assert [m.fields["level"] for m in done.messages if m.kind == "saved"] == [1, 2, 3, 4, 5]
    assert manifest.levels(str(attempt.checkpoints)) == [4, 5]


def test_a_checkpoint_knows_its_trial_and_another_trials_is_refused(attempt: Runner) -> None:
    attempt(OWN, *args(attempt), until=3)
    assert manifest.verify(str(attempt.checkpoints / "00000003"), 3).trial == 3
    done = attempt(OWN, *args(attempt), trial=4, resume_at_most=3, until=1)
    assert done.messages[0].fields["resumed_from"] == 0
    assert "REJECTED: checkpoint of level 3" in done.stderr
    assert "its manifest is of trial 3, not 4" in done.messages[0].fields["remark"]


def test_levels_beyond_the_limit_are_not_loaded(attempt: Runner) -> None:
    attempt(OWN, *args(attempt), until=3)
    for limit, resumed in ((2, 2), (1, 0), (0, 0)):
        done = attempt(OWN, *args(attempt), until=2, resume_at_most=limit, checkpoint_at=[9])
        assert done.messages[0].fields["resumed_from"] == resumed


def test_a_damaged_checkpoint_is_rejected_aloud_and_the_one_before_it_loaded(
    attempt: Runner,
) -> None:
    whole = reports(attempt(OWN, *args(attempt)))
    path = attempt.checkpoints / "00000005" / "state.json"
    path.write_text(path.read_text().replace("5", "6"))

    done = attempt(OWN, *args(attempt), resume_at_most=5)
    hello = done.messages[0].fields
    assert hello["resumed_from"] == 4
    assert done.stderr == hello["remark"] + "\n"
    assert hello["remark"].startswith(f"REJECTED: checkpoint of level 5 ({path.parent}): 'state.j")
    assert reports(done) == whole[4:], "the level is trained again, to the same end"


def test_every_rejection_is_in_the_hello_and_training_starts_at_zero(attempt: Runner) -> None:
    whole = reports(attempt(OWN, *args(attempt)))
    for level in (4, 5):
        (attempt.checkpoints / f"{level:08d}" / "state.json").unlink()
    done = attempt(OWN, *args(attempt), resume_at_most=5)
    hello = done.messages[0].fields
    assert (hello["resumed_from"], hello["checkpoints"]) == (0, True)
    assert hello["remark"].count("REJECTED: checkpoint of level ") == 2
    assert done.stderr.count("REJECTED") == 2
    assert reports(done) == whole


def test_a_full_disk_ends_the_script_with_an_error_and_keeps_the_earlier_checkpoint(
    attempt: Runner,
) -> None:
    body = OWN.replace(
        "json.dump({",
        "epoch == 3 and (open('/dev/full', 'w', buffering=1).write('x\\n')); json.dump({",
    )
    done = attempt(body, *args(attempt))
    assert done.code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("pytest_synebench.errors.CheckpointError: the checkpoint of level 3 in")
    assert "No space left on device; the one of level 2 is intact" in last
    assert manifest.levels(str(attempt.checkpoints)) == [1, 2]
    assert [m.fields["epoch"] for m in done.messages if "epoch" in m.fields] == []
    assert reports(attempt(OWN, *args(attempt), resume_at_most=2))[0]["epoch"] == 3


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """Return the config of a script run by hand, with two checkpoints."""
    config = {"st_checkpoint_dir": str(tmp_path / "checkpoints")}
    for level in (1, 2):
        checkpoint_model_at_rung_level(config, save, level)
    return config


def save(path: str, epoch: int) -> None:
    (Path(path) / "epoch").write_text(str(epoch))


def load(path: str) -> int:
    return int((Path(path) / "epoch").read_text())


def test_an_exception_in_the_load_function_is_a_rejection(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(path: str) -> int:
        if path.endswith("2"):
            raise KeyError("momentum")
        return load(path)

    assert resume_from_checkpointed_model(config, failing) == 1
    assert "REJECTED: checkpoint of level 2" in capsys.readouterr().err


def test_a_load_function_that_returns_zero_loaded_nothing(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert resume_from_checkpointed_model(config, lambda _: 0) == 0
    err = capsys.readouterr().err
    assert "REJECTED: checkpoint of level 2" in err
    assert "load_model_fn returned 0 for the checkpoint of level 2" in err
    assert "REJECTED: checkpoint of level 1" in err


@pytest.mark.parametrize("epoch", [3, None, True, "2", 2.5, [2]])
def test_a_load_function_that_returns_another_epoch_leaves_nothing_to_start_from(
    config: dict[str, Any], epoch: Any
) -> None:
    with pytest.raises(
        CheckpointError, match=r"state is no longer the fresh one: load_model_fn returned .* must "
    ):
        resume_from_checkpointed_model(config, lambda _: epoch)


def test_a_wrong_epoch_is_made_good_by_an_earlier_checkpoint(config: dict[str, Any]) -> None:
    assert resume_from_checkpointed_model(config, lambda _: 1) == 1
    assert resume_from_checkpointed_model(config, lambda p: np.int64(load(p))) == 2  # type: ignore[arg-type,return-value]


def test_no_directory_and_an_empty_one_mean_a_fresh_start(tmp_path: Path) -> None:
    for config in ({}, {"st_checkpoint_dir": None}, {"st_checkpoint_dir": ""}):
        assert resume_from_checkpointed_model(config, load) == 0
        checkpoint_model_at_rung_level(config, save, 1)
    for path in (tmp_path, tmp_path / "none"):
        assert resume_from_checkpointed_model({"st_checkpoint_dir": str(path)}, load) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("level", [0, -1, 1.0, True, "1", None])
def test_a_level_that_is_no_positive_integer_is_refused(tmp_path: Path, level: Any) -> None:
    config = {"st_checkpoint_dir": str(tmp_path)}
    with pytest.raises(
        CheckpointError, match=r"resource=.*; a resource level is an integer from 1"
    ):
        checkpoint_model_at_rung_level(config, save, level)
    assert list(tmp_path.iterdir()) == []


def test_a_level_of_numpys_is_taken(tmp_path: Path) -> None:
    config = {"st_checkpoint_dir": str(tmp_path)}
    checkpoint_model_at_rung_level(config, save, np.int64(3))  # type: ignore[arg-type]
    assert resume_from_checkpointed_model(config, load) == 3


def test_the_parser_gains_exactly_one_optional_argument() -> None:
    parser = argparse.ArgumentParser()
    add_checkpointing_to_argparse(parser)
    assert vars(parser.parse_args([])) == {"st_checkpoint_dir": None}
    args, rest = parser.parse_known_args(["--st_checkpoint_dir", "a b", "--other", "1"])
    assert vars(args) == {"st_checkpoint_dir": "a b"}
    assert rest == ["--other", "1"]
