"""``python -m pytest_synebench gate`` on stored runs, with the same engine."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from pytest_synebench.__main__ import main
from pytest_synebench.durable import replace_file
from pytest_synebench.events import Closed, Reported, SlotFreed, Start
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.trial import Report, TrialId

ZERO = TrialId(0)


def write_run(root: Path, run_id: int, loss: float, *, setup: str = "s", trials: int = 1) -> None:
    directory = root / f"r{run_id}-20260101T000000.{run_id:06d}Z-ab"
    directory.mkdir(parents=True)
    params = {"num_trials": trials, "random_seed_offset": 0}
    metadata = {
        "benchmark": "toy",
        "setup": setup,
        "run_id": run_id,
        "seed": run_id,
        "params": params,
    }
    replace_file(directory / "metadata.json", json.dumps(metadata).encode())
    journal = Journal(directory / "journal.jsonl", sync=False)
    journal.begin(metadata)
    journal.append(SlotFreed(at_s=0.0), (Start(trial_id=ZERO, config={"x": run_id}),))
    for level in (1, 2):
        value = loss + 1 / level
        report = Report(trial_id=ZERO, resource=level, loss=value, at_s=level, metrics={})
        journal.append(Reported(report=report))
    journal.append(Closed(at_s=2.0, finished=True, reason="all trials ended"))
    journal.close()


def write_runs(root: Path, first: int, count: int, by: float = 0.0) -> Path:
    for run_id in range(first, first + count):
        write_run(root, run_id, math.sin(run_id) + by)
    return root


def test_runs_that_are_worse_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write_runs(tmp_path / "a", 0, 20)
    b = write_runs(tmp_path / "b", 20, 10, by=3.0)
    code = main(["gate", str(a), str(b), "--json", str(tmp_path / "v.json")])
    assert code == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "FAIL: toy::s: worse: final, area"
    assert out[-1] == "FAIL: 1 FAIL (rule strict, baseline a)"
    first = (tmp_path / "v.json").read_bytes()
    main(["gate", str(a), str(b), "--json", str(tmp_path / "v.json")])
    assert (tmp_path / "v.json").read_bytes() == first, "the same bytes each time"


def test_runs_that_are_alike_pass(tmp_path: Path) -> None:
    a = write_runs(tmp_path / "a", 0, 20)
    b = write_runs(tmp_path / "b", 20, 15)
    page = tmp_path / "v.md"
    assert main(["gate", str(a), str(b), "--markdown", str(page)]) == 0
    assert page.read_text().startswith("### ✅ synebench gate: PASS")


def test_the_same_runs_pass_by_their_decisions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write_runs(tmp_path / "a", 0, 6)
    assert main(["gate", str(a), str(a)]) == 0
    assert "equal decisions on equal run ids" in capsys.readouterr().out


def test_equal_run_ids_that_decide_otherwise_are_no_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write_runs(tmp_path / "a", 0, 20)
    b = write_runs(tmp_path / "b", 0, 20, by=3.0)
    assert main(["gate", str(a), str(b)]) == 2
    out = capsys.readouterr().out
    assert "ERROR: toy::s: there is no run of the candidate" in out
    assert "decisions first differ at line 3 of the journal" in out


def test_other_parameters_are_not_comparable(tmp_path: Path) -> None:
    a = write_runs(tmp_path / "a", 0, 6)
    write_run(tmp_path / "b", 6, 0.0, trials=2)
    assert main(["gate", str(a), str(tmp_path / "b")]) == 3


def test_a_setup_on_one_side_only_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write_runs(tmp_path / "a", 0, 6)
    write_run(tmp_path / "b", 6, 0.0, setup="t")
    assert main(["gate", str(a), str(tmp_path / "b")]) == 2
    out = capsys.readouterr().out
    assert "ERROR: toy::s: the candidate has no run of it" in out
    assert "ERROR: toy::t: the baseline has no run of it" in out


def test_a_report_is_one_page_of_all_the_runs_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("jinja2", reason="needs the extra 'report'")
    pytest.importorskip("plotly", reason="needs the extra 'report'")
    a = write_runs(tmp_path / "a", 0, 2)
    write_runs(tmp_path / "a" / "b", 2, 1)
    page, text = tmp_path / "r.html", tmp_path / "r.md"
    files = ["--html", str(page), "--markdown", str(text)]
    assert main(["report", str(a), str(a / "b"), *files, "--title", "<i>"]) == 0
    assert capsys.readouterr().out == f"written: {page}\nwritten: {text}\n"
    assert "<title>&lt;i&gt;</title>" in page.read_text(encoding="utf-8")
    assert "| s | 3 | 3 | 6 |" in text.read_text(encoding="utf-8")


def test_a_report_may_be_of_some_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, 0, 1.0)
    write_run(tmp_path, 1, 1.0, setup="t")
    (tmp_path / "r0-20260101T000000.000000Z-ff").mkdir()
    page = tmp_path / "r.md"
    assert main(["report", str(tmp_path), "--setup", "t", "--markdown", str(page)]) == 0
    assert "| t | 1 |" in page.read_text(encoding="utf-8")
    assert "| s |" not in page.read_text(encoding="utf-8")
    assert "named like a run and has no journal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["gate", "a"], "the following arguments are required: candidate"),
        (["gate", "a", "b"], "'a' holds no run"),
        (["report", "a"], "'a' holds no run"),
        (["report", ".", "--setup", "x"], "no run fits"),
        (["report", ".", "--verdict", "x.json"], "x.json is no verdict of a gate"),
        (["report", ".", "--markdown", "r.md/x"], "r.md/x cannot be written"),
        (["report", ".", "--verdict", "part.json"], "part.json is no verdict of a gate"),
        (["gate", "a", "b", "--gate", "lax"], "no rule of the gate is called 'lax'"),
        (["gate", "a", "b", "--gate", f"best:{'9' * 400}"], "no rule of the gate is called"),
        (["gate", "none.json", "."], "none.json holds no baseline"),
        (["gate", ".", ".", "--json", "r.md/x"], "r.md/x cannot be written"),
        (["gate", ".", ".", "--markdown", "r.md/x"], "r.md/x cannot be written"),
    ],
)
def test_wrong_usage_is_four(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "one", 0, 1.0)
    (tmp_path / "r.md").write_text("")
    told = {"verdict": "FAIL", "rule": "strict", "baseline": "m", "reason": "", "judgements": [{}]}
    (tmp_path / "part.json").write_text(json.dumps(told))
    assert main(arguments) == 4
    assert message in capsys.readouterr().err
