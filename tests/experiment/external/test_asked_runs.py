"""Whole runs whose configs a process suggests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asked import GOOD, command, saying
from toy_project import SCRIPT, attempts_alive

from pytest_synebench.backends.local.machine import this_machine
from pytest_synebench.backends.supervision import leftovers
from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import SearcherError
from pytest_synebench.events import Closed
from pytest_synebench.experiment.external.process import TAG, Process
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.preview import preview
from pytest_synebench.experiment.run import Run
from pytest_synebench.plugin.nodes.replayed import difference
from pytest_synebench.space import uniform
from pytest_synebench.trial import TrialId

FAMILY = Synthetic(dimensions=1, last_level=9)
#: As good as one that learns: the next config depends on all that was told.
LEARNING = """
import json, random, sys

best = (float("inf"), 0.5)
configs = {}
for line in sys.stdin:
    told = json.loads(line)
    if "hello" in told:
        seed, names = told["seed"], list(told["space"])
    elif told.get("tell") == "trial":
        configs[told["trial"]] = told["config"]
    elif told.get("tell") == "report":
        best = min(best, (told["value"], configs[told["trial"]][names[0]]))
    elif "ask" in told:
        draw = random.Random(f"{seed} {told['ask']}").uniform(-0.2, 0.2)
        config = {names[0]: min(max(best[1] + draw, 0.0), 1.0)}
        print(json.dumps({"answer": told["ask"], "config": config}))
"""
#: Suggests three configs, then dies, the first time it is run in a folder.
FAILING = """
import json, pathlib, sys

first = not pathlib.Path("seen").exists()
pathlib.Path("seen").touch()
for line in sys.stdin:
    number = json.loads(line).get("ask")
    if number is not None:
        if first and number == 3:
            sys.exit("CUDA out of memory")
        print(json.dumps({"answer": number, "config": {"x": number / 100}}))
"""


def plan_in(folder: Path, program: str = GOOD, **params: Any) -> Plan:
    script = folder / "train.py"
    script.write_text(SCRIPT)
    simulated = params.get("backend") == "simulated"
    definition = Benchmark(
        script=script,
        config_space={"x0" if simulated else "x": uniform(0, 1), "epochs": 9, "work": 0},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
        blackbox=FAMILY if simulated else None,
    )
    mine: dict[str, Any] = {
        "scheduler": "asha_promotion",
        "searcher": "external",
        "searcher_command": command(folder, program),
        "num_workers": 2,
        "num_trials": 6,
        **params,
    }
    values = resolve(GLOBALS, [("user", mine)], "toy")
    return Plan(benchmark="toy", variant="v", params=values, definition=definition)


def finish(run: Run) -> Run:
    try:
        while not run.done:
            run.pump(10.0)
    finally:
        run.close()
    return run


def configs(run: Run) -> list[float]:
    return [float(trial.config["x"] or 0.0) for trial in run.trials.values()]


def asking(run: Run) -> list[leftovers.Seen]:
    return leftovers.tree(f"{TAG}={run.directory}")


def test_a_run_takes_its_configs_and_leaves_no_process(tmp_path: Path) -> None:
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    assert run.finished
    assert configs(run) == [0.5, 0.01, 0.02, 0.03, 0.04, 0.05]
    assert asking(run) == []
    log = (run.directory / "searcher.log").read_text()
    assert log.count('"hello"') == 1
    assert '"tell":"report"' in log


def test_a_searcher_that_dies_breaks_off_a_run_that_goes_on_once_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = plan_in(tmp_path, FAILING)
    run = Run.open(plan, root=tmp_path / "s")
    with pytest.raises(SearcherError, match=r"exit code 1; its last lines:\nCUDA out of memory\n"):
        finish(run)
    assert run.done
    assert not run.finished
    assert "CUDA out of memory" in run.reason
    assert attempts_alive(run.directory) == []
    assert asking(run) == []
    _, entries = read_journal(run.directory / "journal.jsonl")
    assert isinstance(entries[-1].event, Closed)

    again = finish(Run.open(plan, root=tmp_path / "s", resume=True, audit=True))
    assert again.finished
    assert configs(again) == [0.5, 0.01, 0.02, 0.03, 0.04, 0.05]


def test_a_replay_asks_nobody_audited_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    monkeypatch.setattr(Process, "__init__", pytest.fail)
    assert difference(run, audit=False) == difference(run, audit=True) == ""
    again = Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True, audit=True)
    assert again.done
    assert again.finished
    again.close()


def journal_of(folder: Path) -> list[str]:
    """Return the lines of a simulated run, but for the header, which has the command."""
    folder.mkdir()
    plan = plan_in(folder, LEARNING, backend="simulated", num_trials=40)
    run = finish(Run.open(plan, root=folder / "s"))
    assert run.finished
    return (run.directory / "journal.jsonl").read_text().splitlines()[1:]


def test_one_that_draws_by_seed_and_number_makes_equal_journals_in_virtual_time(
    tmp_path: Path,
) -> None:
    one, two = (journal_of(tmp_path / name) for name in "ab")
    assert one == two
    assert sum('"k":"start"' in line for line in one) == 40


def test_a_preview_starts_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Process, "__init__", pytest.fail)
    expected = preview(plan_in(tmp_path), this_machine())
    assert expected.trials == 6
    assert expected.lines()[-1] == (
        "  searcher: no process is started: in its place configs are drawn at random"
    )
    assert "searcher:" not in preview(plan_in(tmp_path, searcher="random"), this_machine()).lines()


def test_an_interrupted_run_leaves_no_process(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, saying('{"answer": N, "config": {"x": 0.N}}'))
    run = Run.open(plan, root=tmp_path / "s")
    while TrialId(1) not in run.trials:
        run.pump(10.0)
    assert len(asking(run)) == 1
    run.interrupt("Ctrl-C")
    run.close()
    assert asking(run) == []
