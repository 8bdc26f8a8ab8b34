"""How one setup is settled: seeds that are ignored, re-runs, declared scores, pairs, marks."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from gate_story import BASE, COMPARE, Go, reported, save

from pytest_synebench.searchers import catalog as searchers

FIELD = 'dataset="none (toy)",'


@pytest.fixture
def saved(go: Go) -> None:
    """A baseline of ten run ids."""
    save(go)


def declares(toy: Path, text: str) -> None:
    """Have the benchmark say more."""
    conftest = toy / "conftest.py"
    conftest.write_text(conftest.read_text().replace(FIELD, f"{FIELD} {text},"))


def by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no two reports be the same: what a script does that ignores its seed."""
    drawn = itertools.count()
    reported(monkeypatch, lambda loss: loss + 1e-9 * next(drawn))


def test_a_run_that_differs_from_itself_is_an_error(
    go: Go, saved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_chance(monkeypatch)
    result = go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["ERROR: toy::base-fifo-random: a seed is ignored: run id 0 was run twice and differs *"]
    )


def test_where_runs_are_said_not_to_repeat_scores_alone_decide(
    go: Go, toy: Path, saved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    declares(toy, "repeatable=False")
    by_chance(monkeypatch)
    result = go(*COMPARE)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["PASS: toy::base-fifo-random: not shown to be worse"])


def test_run_ids_that_try_the_same_configs_are_an_error(
    go: Go, saved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = searchers.build
    monkeypatch.setattr(searchers, "build", lambda *a, **more: honest(*a, **{**more, "seed": 0}))
    result = go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["ERROR: toy::base-fifo-random: a seed is ignored: run ids 0 and 1 try the same configs*"]
    )


def test_a_gate_that_is_run_again_adds_to_what_it_has_seen(
    go: Go, toy: Path, saved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported(monkeypatch, lambda loss: loss + 1.0)
    assert go(*COMPARE, "--synebench-rerun").ret == 1, "there is nothing to add to"
    result = go(*COMPARE, "--synebench-rerun")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "FAIL: toy::base-fifo-random: worse: final, area",
            "  30 runs against 10 of the baseline, look 2; *",
            "  run ids 25 to 39, of which 25 to 39 were run in here",
            "  gate 2 of 3 on this change: 15 runs seen before",
        ]
    )
    go(*COMPARE, "--synebench-rerun").stdout.fnmatch_lines(["  45 runs against 10 of *"])
    result = go(*COMPARE, "--synebench-rerun")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["ERROR: *: it was run again 2 times already, and stays worse; *"])
    looks = json.loads((toy / ".synebench/gates/reruns.json").read_text())["changes"]
    [[*told]] = looks.values()
    assert [one["run_ids"][0] for one in told] == [10, 25, 40], "no run id counts twice"


def test_to_run_again_takes_a_comparison(go: Go) -> None:
    result = go(*BASE, "--synebench-rerun")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --synebench-rerun is given without --synebench-compare*"])


def test_a_count_that_may_not_move_stops_a_change_that_moves_it(
    go: Go, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declares(toy, 'scores={"diverged": "same", "incumbent:epoch": "max"}, floor=-9.0')
    save(go)
    reported(monkeypatch, lambda loss: loss if loss < 1.3 else float("nan"))
    result = go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["FAIL: toy::base-fifo-random: worse: diverged", "  diverged: median *; shift +*"]
    )


def test_a_score_that_the_baseline_does_not_have_is_said_not_to_be_judged(
    go: Go, toy: Path, saved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    declares(toy, 'scores={"trials": "same"}')
    reported(monkeypatch, lambda loss: loss + 1.0)
    go(*COMPARE).stdout.fnmatch_lines(
        ["  declared since the baseline was made, and not judged: trials; save it again"]
    )


def test_pairs_see_what_is_smaller_than_the_noise(
    go: Go, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declares(toy, "paired=True")
    save(go)
    go(*COMPARE).stdout.fnmatch_lines(["PASS: *: equal decisions on equal run ids*"])
    reported(monkeypatch, lambda loss: loss + 1e-6)
    result = go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "FAIL: toy::base-fifo-random: worse: final, area",
            "  10 runs against 10 of the baseline, look 2, pair by pair; *",
            "  run ids 0 to 9, of which 2 to 9 were run in here",
        ]
    )
    result = go(*COMPARE, "--random_seed_offset", "7")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: *: the baseline was made with random_seed_offset 0, *"])


@pytest.mark.parametrize(("says", "code"), [("tolerance=5.0", 0), ("tolerance=0.5", 1)])
def test_a_mark_says_what_a_variant_puts_up_with(
    go: Go, toy: Path, saved: None, monkeypatch: pytest.MonkeyPatch, says: str, code: int
) -> None:
    mark(toy, says)
    reported(monkeypatch, lambda loss: loss + 1.0)
    assert go(*COMPARE).ret == code


def test_a_share_takes_random_search_to_compare_with(
    go: Go, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declares(toy, 'tolerance="10%"')
    result = go(*BASE, "--synebench-save", "main", "--num_runs", "6", "--searcher", "evolution")
    assert result.ret == 0
    why = "the tolerance of toy::base-fifo-evolution is '10%'*no random search of it; save one*"
    result.stdout.fnmatch_lines([why])
    assert go(*COMPARE, "--searcher", "evolution").ret == 0, "nothing has changed"
    reported(monkeypatch, lambda loss: loss + 1.0)
    result = go(*COMPARE, "--searcher", "evolution")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"ERROR: toy::base-fifo-evolution: {why}"])


def test_a_share_of_the_gap_to_random_search_is_put_up_with(
    go: Go, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declares(toy, 'tolerance="50%"')
    good = ("--points_to_evaluate", '[{"x": 0.0}]')
    go(
        *BASE,
        "--synebench-save",
        "main",
        "--num_runs",
        "10",
        "--searcher",
        "random,evolution",
        *good,
    )
    data = json.loads((toy / ".synebench/baselines/main.json").read_text())["setups"]
    for run in data["toy::base-fifo-random"]["runs"].values():
        run["final"] += 4.0
    (toy / ".synebench/baselines/main.json").write_text(json.dumps({"schema": 1, "setups": data}))
    for shift, code in ((1.0, 0), (3.0, 1)):
        with monkeypatch.context() as changed:
            reported(changed, lambda loss, shift=shift: loss + shift)  # type: ignore[misc]
            result = go(*COMPARE, "--searcher", "evolution", *good)
        assert result.ret == code, result.stdout.str()
        if code:
            result.stdout.fnmatch_lines(["  final: *tolerance 2*"])


def mark(toy: Path, says: str) -> None:
    conftest = toy / "conftest.py"
    marked = f'variant("base", marks=pytest.mark.synebench_gate({says}))'
    conftest.write_text("import pytest\n" + conftest.read_text().replace('variant("base")', marked))


@pytest.mark.parametrize("says", ["", "0.5", "tolerance=-1", "tolerance=1, rule='lax'"])
def test_a_mark_that_says_anything_else_is_refused(
    go: Go, toy: Path, saved: None, says: str
) -> None:
    mark(toy, says)
    result = go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: *synebench_gate is given *; it takes tolerance=NUMBER*"])


def test_no_benchmark_is_called_gate(go: Go, toy: Path) -> None:
    conftest = toy / "conftest.py"
    conftest.write_text(conftest.read_text().replace("def toy(", "def gate("))
    result = go("--synebench-list")
    assert result.ret != 0
    told = result.stdout.str() + result.stderr.str()
    assert "a benchmark is called 'gate', which begins the node ids of gates" in told
