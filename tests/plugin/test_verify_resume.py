"""``--synebench-verify-resume``: a check per variant, in place of the experiments."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from planted import SCRIPT, forgetting
from toy_project import run_pytest

from pytest_synebench.plugin.nodes import resume

CONFTEST = '''
from pathlib import Path

from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.space import uniform


@benchmark(
    default_params={"max_resource_level": 6, "scheduler": "asha_promotion", "resume_examples": 3},
    variants=[variant("one"), variant("tiny", on_request=True, max_resource_level=4)],
)
def toy(params):
    """A toy."""
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={"x": uniform(0, 1), "epochs": params["max_resource_level"]},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
'''
VERIFY = ("--synebench", "toy", "--synebench-verify-resume")
FOLDER = ("--checkpoint_store=kept",)
BARE = (
    SCRIPT.replace("add_checkpointing_to_argparse(parser)\n", "")
    .replace("resume_from_checkpointed_model(config, load)", "0")
    .replace("    checkpoint_model_at_rung_level(config, save, epoch)\n", "")
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path


def test_a_check_takes_the_place_of_the_experiments_and_of_no_result(project: Path) -> None:
    done = run_pytest(project, *VERIFY, *FOLDER, "--variant", "one,tiny", "-v", "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "synebench::toy::one::resume" in done.stdout
    assert "2 passed" in done.stdout
    assert "toy::tiny\n  resumes bit for bit: paused at epoch 1; " in done.stdout
    assert not (project / ".synebench" / "runs").exists()
    assert any((project / "kept").iterdir())


@pytest.mark.skipif(find_spec("moto") is None, reason="needs the extra 'emulator'")
def test_unless_a_store_is_named_it_is_an_s3_on_loopback(project: Path) -> None:
    done = run_pytest(project, *VERIFY, "-v", "--resume_examples", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "resumes bit for bit: paused at epoch 1" in done.stdout
    ledgers = project.glob(".synebench/resume/runs/toy/one-pausing-random/*/checkpoints.jsonl")
    assert '"level": 1' in next(ledgers).read_text()


def test_a_script_that_resumes_wrongly_fails_and_its_id_runs_again(project: Path) -> None:
    (project / "train.py").write_text(forgetting("velocity"))
    (project / "pytest.ini").write_text("[pytest]\nsynebench_heartbeat = 0.001\n")
    done = run_pytest(project, "synebench::toy::tiny::resume", *FOLDER, "--resume_examples", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    for line in (
        "synebench: toy::tiny::resume: training 1, without a break: ",
        "synebench: toy::tiny::resume: training 2, paused at 1: ",
        "train.py resumes wrongly when it is paused at 1",
        "first difference: epoch 2, loss: ",
        "hint: `state['velocity']` (list) is not what it was when level 1 was saved",
        "by hand: pytest --synebench toy --variant tiny --scheduler pausing --rung_levels '1'",
    ):
        assert line in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("options", "outcome", "told"),
    [
        ((), "1 failed", "train.py saves no checkpoints: a trial that is paused begins again"),
        (("--scheduler", "fifo"), "1 skipped", "has no checkpoints, and fifo pauses no trial"),
        (("--max_resource_level", "1"), "1 skipped", "one epoch only"),
    ],
)
def test_a_script_without_checkpoints_fails_where_it_would_be_paused(
    project: Path, options: tuple[str, ...], outcome: str, told: str
) -> None:
    (project / "train.py").write_text(BARE)
    done = run_pytest(project, *VERIFY, *FOLDER, *options, "-rs")
    assert outcome in done.stdout, done.stdout + done.stderr
    assert told in done.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--synebench-save", "main"), "--synebench-verify-resume and --synebench-save are both"),
        (("--synebench-compare", "main"), "and --synebench-compare are both given"),
        (("--synebench-dry-run",), "and --synebench-dry-run are both given"),
        (("--synebench-resume",), "and --synebench-resume are both given"),
        (("--backend", "simulated"), "backend is 'simulated'; leave --backend out, or the check"),
        (("--checkpointing", "off"), "checkpointing is 'off'; leave --checkpointing out"),
        (("--resume_examples", "0"), "resume_examples is 0; it must be an integer from 1 up"),
        (("--resume_tolerance", "-1"), "resume_tolerance is -1"),
    ],
)
def test_what_does_not_go_with_it_is_refused_before_anything_runs(
    toy: Path, pytester: pytest.Pytester, options: tuple[str, ...], told: str
) -> None:
    result = pytester.runpytest_inprocess(*VERIFY, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told in result.stderr.str()
    assert not (toy / ".synebench").exists()


def test_one_that_is_interrupted_is_not_said_to_go_on(
    toy: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(resume, "verify", interrupted)
    result = pytester.runpytest_inprocess(*VERIFY, *FOLDER, no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "--synebench-resume" not in result.stdout.str()


def test_alone_it_is_refused_and_help_tells_of_it(toy: Path, pytester: pytest.Pytester) -> None:
    alone = pytester.runpytest_inprocess("--synebench-verify-resume")
    assert alone.ret == pytest.ExitCode.USAGE_ERROR
    assert "--synebench-verify-resume is given without --synebench" in alone.stderr.str()
    shown = pytester.runpytest_inprocess("--synebench", "toy", "--help").stdout.str()
    for option in ("--synebench-verify-resume", "--resume_examples", "--resume_tolerance"):
        assert option in shown
