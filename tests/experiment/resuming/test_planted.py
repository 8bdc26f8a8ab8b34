"""Ten scripts that each forget one thing: each is found, and told what it has forgotten."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from planted import FORGETFUL, SCRIPT, forgetting, planted_plan

from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.assembly import Site
from pytest_synebench.experiment.resuming.training import How, Subject, Training
from pytest_synebench.experiment.resuming.verifying import Outcome, Proof, verify


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    nursery = Nursery()
    yield Site(nursery=nursery)
    nursery.close()


def proof_of(folder: Path, site: Site, script: str, **more: object) -> Proof:
    plan = planted_plan(folder, script, **more)
    subject = Subject(plan=plan, root=folder / "runs", store=str(folder / "store"), site=site)
    return verify(subject, examples=5)


def changed(*changes: tuple[str, str]) -> str:
    script = SCRIPT
    for before, after in changes:
        assert before in script
        script = script.replace(before, after)
    return script


def test_the_script_that_forgets_nothing_resumes(tmp_path: Path, site: Site) -> None:
    proof = proof_of(tmp_path, site, SCRIPT)
    assert proof.outcome is Outcome.RESUMES, proof.text
    assert proof.lines[0].startswith("resumes bit for bit: paused at epoch 1; ")
    assert len(proof.tried) == 5
    trials = [path for path in tmp_path.glob("runs/runs/toy/*/*/trials/0") if path.is_dir()]
    assert len(trials) == proof.trainings
    assert not any((trial / "checkpoints").exists() for trial in trials)


@pytest.mark.parametrize("name", FORGETFUL)
def test_each_thing_that_is_forgotten_has_its_own_hint(
    tmp_path: Path, site: Site, name: str
) -> None:
    proof = proof_of(tmp_path, site, forgetting(name))
    assert proof.outcome is Outcome.DIFFERS, proof.text
    hints = [line for line in proof.lines if line.startswith("hint: ")]
    found = [other for other, words in FORGETFUL.items() if any(words in one for one in hints)]
    assert found == [name], proof.text
    if name != "epoch":
        assert re.search(rf"hint: `.*{name}", proof.text)
        holds = next(one for one in hints if "the checkpoint holds: state.json (" in one)
        assert name not in holds
    first = r"first difference: (epoch \d, (loss|best|checkpoint: )|after the pause)"
    assert re.search(first, proof.text)
    assert "--scheduler pausing --rung_levels" in proof.text


def test_a_loop_that_begins_at_1_again_is_told_so(tmp_path: Path, site: Site) -> None:
    proof = proof_of(tmp_path, site, changed(("range(start + 1,", "range(1,")))
    assert proof.outcome is Outcome.DIFFERS
    assert "the loop went on with epoch 1, although the state is that of 1" in proof.text


def test_a_global_generator_that_is_seeded_again_is_told_so(tmp_path: Path, site: Site) -> None:
    script = changed(
        ("report = Reporter()\n", "report = Reporter()\nunused = 0\n"),
        ("for epoch in range(start", "random.seed(1)\nfor epoch in range(start"),
        ("noise.gauss(0, 0.01)", "random.gauss(0, 0.01)"),
    )
    proof = proof_of(tmp_path, site, script)
    assert proof.outcome is Outcome.DIFFERS
    assert "the global random generator (random) was put back by the resume" in proof.text


def test_what_is_made_anew_after_the_resume_is_found(tmp_path: Path, site: Site) -> None:
    script = changed(
        ("for epoch in range(start", "best_ever = 1e9\nfor epoch in range(start"),
        ("best=state[", "ever=(best_ever := min(best_ever, loss)), best=state["),
    )
    proof = proof_of(tmp_path, site, script)
    assert proof.outcome is Outcome.DIFFERS
    assert "hint: `best_ever` (float) is made anew after the resume" in proof.text


def test_what_the_loop_does_behind_the_checkpoint_is_told(tmp_path: Path, site: Site) -> None:
    script = changed(
        ('    state["lr"] *= 0.9\n    checkpoint', "    checkpoint"),
        ('best=state["best"])\n', 'best=state["best"])\n    state["lr"] *= 0.9\n'),
    )
    proof = proof_of(tmp_path, site, script)
    assert proof.outcome is Outcome.DIFFERS
    line = script.splitlines().index('    state["lr"] *= 0.9') + 1
    assert f"behind checkpoint_model_at_rung_level (line {line})" in proof.text


def test_a_save_that_changes_the_training_is_told(tmp_path: Path, site: Site) -> None:
    script = changed(("def save(path, epoch):\n", "def save(path, epoch):\n    noise.random()\n"))
    proof = proof_of(tmp_path, site, script)
    assert proof.outcome is Outcome.DIFFERS
    assert "hint: saving a checkpoint changes the training" in proof.text


SCHEDULE = ('state["lr"] *= 0.9\n', 'state["lr"] *= 1 - epoch / (config["epochs"] + 1)\n')


def test_a_schedule_over_all_levels_needs_the_full_horizon(tmp_path: Path, site: Site) -> None:
    proof = proof_of(tmp_path, site, changed(SCHEDULE), horizon="rung")
    assert proof.outcome is Outcome.DIFFERS
    assert "hint: horizon is 'rung', so the script is given --epochs 1 where it is" in proof.text


def test_the_setting_that_is_not_the_benchmarks_own_is_advice(tmp_path: Path, site: Site) -> None:
    proof = proof_of(tmp_path, site, changed(SCHEDULE), horizon="full")
    assert proof.outcome is Outcome.RESUMES
    assert "advice: keep horizon='full'; with 'rung', and so another --epochs" in proof.text


def test_a_script_that_differs_from_itself_is_told_apart(tmp_path: Path, site: Site) -> None:
    script = changed(("dropout = random.Random(3)", "dropout = random.SystemRandom()"))
    script = script.replace("noise.getstate()", "[]").replace('("noise", noise), ', "")
    script = script.replace('held.pop("epoch", 0)', 'held.pop("noise") or held.pop("epoch", 0)')
    proof = proof_of(tmp_path, site, script)
    assert proof.outcome is Outcome.UNSTEADY, proof.text
    assert "train.py is not deterministic: trained twice without a break" in proof.text
    assert proof.lines[1].startswith("first difference: epoch 1, loss: ")


def test_what_is_measured_is_named_and_left_out(tmp_path: Path, site: Site) -> None:
    script = changed(
        ("import random\n", "import random\nimport time\n"),
        ("best=state[", "seconds=time.perf_counter(), took=time.perf_counter(), best=state["),
    )
    proof = proof_of(tmp_path, site, script, elapsed_time_attr="seconds")
    assert proof.outcome is Outcome.RESUMES, proof.text
    assert "not compared, since it differs without a break as well: took" in proof.text


def test_a_script_without_checkpoints_is_told_how_to_have_some(tmp_path: Path, site: Site) -> None:
    script = changed(
        ("add_checkpointing_to_argparse(parser)\n", ""),
        ("resume_from_checkpointed_model(config, load)", "0"),
        ("    checkpoint_model_at_rung_level(config, save, epoch)\n", ""),
    )
    for text in (script, script.replace("parse_args()", "parse_known_args()[0]")):
        proof = proof_of(tmp_path, site, text)
        assert proof.outcome is Outcome.BARE
        assert "saves no checkpoints" in proof.text
        assert "  checkpoint_model_at_rung_level(config, save, epoch)" in proof.text


def test_a_script_that_fails_without_a_break_is_told_as_that(tmp_path: Path, site: Site) -> None:
    proof = proof_of(tmp_path, site, changed(("    judge(loss)\n", "    judge(loss, 1)\n")))
    assert proof.outcome is Outcome.FAILS
    assert "fails without a break: exit code 1" in proof.text


def test_a_script_that_fails_on_resuming_is_told_why(tmp_path: Path, site: Site) -> None:
    script = changed(
        ("report = Reporter()\n", "report = Reporter()\nassert not state['pending']\n")
    )
    script = script.replace(
        "resume_from_checkpointed_model(config, load)\n",
        "resume_from_checkpointed_model(config, load)\nassert not start, 'on resuming'\n",
    )
    proof = proof_of(tmp_path, site, script)
    assert proof.outcome is Outcome.DIFFERS
    assert "on resuming" in proof.text


def test_one_level_is_nothing_to_pause_at(tmp_path: Path, site: Site) -> None:
    proof = proof_of(tmp_path, site, SCRIPT, epochs=1)
    assert (proof.outcome, proof.trainings) == (Outcome.SHORT, 0)


def test_equal_plans_try_equal_pauses_and_other_seeds_others(tmp_path: Path, site: Site) -> None:
    class Counted(Subject):
        def train(self, how: How) -> Training:
            tried.append(how.pauses)
            reports = {level: {"loss": 0.5} for level in range(1, 7)}
            return Training(how=how, directory=tmp_path, reports=reports, resumes=(), problem="")

    several = []
    for offset in (0, 0, 5):
        (tmp_path / "trials" / "0" / "checkpoints" / "00000006").mkdir(parents=True)
        plan, tried = planted_plan(tmp_path, random_seed_offset=offset), list[tuple[int, ...]]()
        subject = Counted(plan=plan, root=tmp_path, store="store", site=site)
        assert verify(subject, examples=6).outcome is Outcome.RESUMES
        assert len(tried) == 8  # without a break, six times with, and for the other horizon
        several.append(tried)
    assert several[0] == several[1] != several[2]


def test_without_hypothesis_the_error_names_the_extra(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(UsageError, match=r"pip install 'pytest-synebench\[testing\]'"):
        proof_of(tmp_path, site, SCRIPT)


def test_a_benchmark_without_a_last_level_is_refused(tmp_path: Path, site: Site) -> None:
    plan = planted_plan(tmp_path)
    plan = replace(plan, definition=replace(plan.definition, max_resource_attr=None))
    subject = Subject(plan=plan, root=tmp_path, store="store", site=site)
    with pytest.raises(UsageError, match="toy names no last resource level"):
        verify(subject, examples=1)
