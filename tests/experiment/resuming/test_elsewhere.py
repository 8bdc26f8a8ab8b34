"""A training is a run like any other, but for the directory that an attempt finds empty."""

from __future__ import annotations

import json
from pathlib import Path

from planted import planted_plan

from pytest_synebench.experiment.resuming.elsewhere import LEFT
from pytest_synebench.experiment.resuming.training import How, Subject
from pytest_synebench.training.probing import FOLDER


def test_a_resumed_attempt_has_what_the_store_gave_back_and_what_was_here_is_aside(
    tmp_path: Path,
) -> None:
    plan = planted_plan(tmp_path)
    ticks: list[str] = []
    subject = Subject(
        plan=plan,
        root=tmp_path / "runs",
        store=str(tmp_path / "store"),
        tick=lambda how, status: ticks.append(f"{how}: {status}"),
    )
    whole, broken = subject.train(How()), subject.train(How(pauses=(2, 4), probed=True))

    assert [(one.paused_at, one.began_from) for one in broken.resumes] == [(2, 2), (4, 4)]
    assert broken.problem == whole.problem == ""
    assert list(broken.reports) == list(whole.reports) == [1, 2, 3, 4, 5, 6]
    assert broken.reports == whole.reports
    assert [p.name for p in sorted((broken.trial / LEFT).iterdir())] == ["1", "2"]
    assert (broken.trial / LEFT / "2" / "00000004" / "manifest.json").exists()
    assert len(list((broken.trial / FOLDER).iterdir())) == 3
    assert not (whole.trial / FOLDER).exists()
    ledger = (broken.directory / "checkpoints.jsonl").read_text()
    assert all(f'"level": {level},' in ledger for level in (2, 4, 6))
    assert any(one.startswith("paused at 2, 4: ") for one in ticks)

    told = [json.loads((one.trial / "attempt.json").read_text()) for one in (whole, broken)]
    assert told[0]["seed"] == told[1]["seed"]
    assert told[0]["config"] == told[1]["config"]
