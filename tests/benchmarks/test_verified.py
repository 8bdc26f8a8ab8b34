"""The shipped benchmarks that train resume bit for bit, from an S3 on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import run_pytest

VERIFY = ("--synebench-verify-resume", "--resume_examples", "1")


def verified(folder: Path, *options: str) -> str:
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = run_pytest(folder, *VERIFY, "--synebench", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_height_with_cost_resumes(tmp_path: Path) -> None:
    told = verified(tmp_path, "height_with_cost", "--checkpoint_store=kept")
    assert "height_with_cost::instant\n  resumes bit for bit: paused at epoch 1" in told


@pytest.mark.slow
def test_lstm_wikitext2_resumes_in_both_forms(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("moto")
    told = verified(tmp_path, "lstm_wikitext2", "--variant", "tiny", "--model", "lstm,transformer")
    for model in ("lstm", "transformer"):
        assert f"lstm_wikitext2::tiny-model={model}\n  resumes bit for bit: paused" in told


@pytest.mark.slow
def test_mlp_fashionmnist_resumes(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    options = ("--variant", "tiny", "--dataset_name", "digits", "--checkpoint_store=kept")
    told = verified(tmp_path, "mlp_fashionmnist", *options)
    assert "mlp_fashionmnist::tiny\n  resumes bit for bit: paused at epoch 1" in told
