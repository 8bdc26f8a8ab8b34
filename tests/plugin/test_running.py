"""``run()``: benchmarks by name, by declaration, by record; wrong names; real experiments."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from toy_project import CONFTEST, SCRIPT, environment, run_pytest

import pytest_synebench
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.plugin.declare import benchmark, extend
from pytest_synebench.plugin.running import Request, subject_of
from pytest_synebench.space import ordinal, randint, uniform

height_with_cost = import_module(
    "pytest_synebench.benchmarks.height_with_cost.benchmark"
).height_with_cost


def plan(given: object, variant: str | None = None, **params: Any) -> Plan:
    return Request(params=params).plan(subject_of(given, variant))


def record(folder: Path) -> Benchmark:
    script = folder / "train_toy.py"
    script.write_text(SCRIPT)
    return Benchmark(
        script=script,
        config_space={"x": uniform(0, 1), "epochs": 3},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )


def test_a_name_a_declaration_and_an_extension_are_the_same_benchmark() -> None:
    extended = extend("height_with_cost", default_params={"num_trials": 4})
    for given in ("height_with_cost", height_with_cost, extended):
        made = plan(given)
        assert (made.benchmark, made.variant) == ("height_with_cost", "instant")
        assert made.setup == "instant-asha_promotion-random"
        assert made.params["num_trials"] == (4 if given is extended else 9)


def test_a_record_is_called_by_its_script(tmp_path: Path) -> None:
    made = plan(record(tmp_path), scheduler="fifo")
    assert (made.benchmark, made.setup) == ("train_toy", "base-fifo-random")


def test_what_is_given_beats_the_variant_which_beats_the_benchmark() -> None:
    assert plan("height_with_cost", "sleeping").params["num_workers"] == 4
    assert plan("height_with_cost", "sleeping", num_workers=3).params["num_workers"] == 3
    assert plan("height_with_cost", max_resource_level=7).definition.max_resource == 7
    assert plan("height_with_cost", dont_sleep=False).definition.config_space["dont_sleep"] is False


def test_an_offset_may_be_drawn() -> None:
    drawn = {plan("height_with_cost", random_seed_offset="random").seed for _ in range(3)}
    assert len(drawn) == 3


def test_entries_of_the_space_can_be_replaced() -> None:
    request = Request(params={}, config_space={"width": randint(1, 2)})
    made = request.plan(subject_of("height_with_cost", None))
    assert made.definition.config_space["width"] == randint(1, 2)
    assert made.definition.config_space["height"] == randint(-100, 100)


@pytest.mark.parametrize(
    ("given", "how", "message"),
    [
        ("height_with_kost", {}, r"no installed benchmark is called .* mean 'height_with_cost'\?"),
        ("zzz", {}, r"no installed benchmark is called 'zzz'\. Known: .*lstm_wikitext2"),
        (3, {}, r"run\(\) was given 3; it takes the name of a benchmark, what @benchmark has made"),
        ("lstm_wikitext2", {}, r"several variants.*lstm, transformer, tiny, full; say which: var"),
        ("height_with_cost", {"variant": "instent"}, r"'instent'; .* Did you mean 'instant'\?"),
        ("height_with_cost", {"variant": 3}, r"has no variant 3; known: instant, sleeping\."),
        ("height_with_cost", {"num_trails": 4}, r"no parameter 'num_trails'\. .*'num_trials'\?"),
        (
            "height_with_cost",
            {"num_trials": "4"},
            r"num_trials is '4'; it must be an integer from 1",
        ),
        ("height_with_cost", {"num_trials": [4, 8]}, r"num_trials is \[4, 8\]; it must be an int"),
        ("height_with_cost", {"scheduler": "asha2"}, r"scheduler is 'asha2'; known: "),
        ("height_with_cost", {"num_runs": 3}, r"has no num_runs, .* once for each run_id"),
        ("height_with_cost", {"audit": True}, r"has no audit, .* --synebench-resume --audit"),
        ("height_with_cost", {"run_id": [0, 1]}, r"run_id is \[0, 1\]; it must be one integer"),
        ("height_with_cost", {"run_id": -1}, r"run_id is -1; it must be an integer from 0 up"),
        ("height_with_cost", {"config_space": {"with": 1}}, r"has 'with', which .*mean 'width'\?"),
        ("height_with_cost", {"config_space": {"epochs": 3}}, r"is 3 although max_resource_level"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_nothing_is_made(
    tmp_path: Path, given: object, how: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        pytest_synebench.run(given, storage=tmp_path, **how)
    assert list(tmp_path.iterdir()) == []


def test_a_variant_of_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"variant is 'tiny', and a Benchmark\(\.\.\.\) has none"):
        subject_of(record(tmp_path), "tiny")


def test_a_benchmark_that_takes_fixtures_is_left_to_pytest() -> None:
    @benchmark
    def needs(params: Any, tmp_path: Path) -> Any: ...

    with pytest.raises(
        UsageError, match=r"'needs' \(.*test_running.py:\d+\) takes fixtures, which"
    ):
        subject_of(needs, None)


def test_a_trial_may_not_start_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNEBENCH_ATTEMPT", "/x")
    with pytest.raises(UsageError, match=r"inside of a trial .*would start trials without end"):
        plan("height_with_cost")


def test_an_experiment_runs_and_its_result_is_a_table(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    result = pytest_synebench.run(
        "height_with_cost",
        storage=tmp_path,
        config_space={"width": ordinal([1, 2])},
        scheduler="asha_promotion",
        num_trials=4,
    )
    assert result.finished
    assert [trial.id for trial in result.trials] == [0, 1, 2, 3]
    assert {trial.config["width"] for trial in result.trials} <= {1, 2}
    assert result.best is not None
    assert result.best["mean_loss"] == min(r.loss for t in result.trials for r in t.reports)
    frame = result.dataframe()
    assert list(frame.columns[:3]) == ["trial_id", "attempt", "epoch"]
    assert len(frame) == len(result.rows)


SCRIPTED = """
import conftest, pytest_synebench, sys
result = pytest_synebench.run(conftest.toy, num_trials=3, progress=print)
print("RESULT", result.finished, len(result.trials), result.directory)
assert "pandas" not in sys.modules
"""


def test_the_command_line_goes_on_with_what_a_plain_script_began(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "launch.py").write_text(SCRIPTED)
    done = subprocess.run(
        [sys.executable, "launch.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "toy::one-asha_promotion-random-r0\n  best: loss " in done.stdout
    where = done.stdout.rpartition("RESULT True 3 ")[2].strip()

    went_on = run_pytest(tmp_path, "--synebench=toy", "--synebench-resume", "--num_trials=5")
    assert went_on.returncode == 0, went_on.stdout
    assert f"files: {tmp_path / where}" in went_on.stdout
