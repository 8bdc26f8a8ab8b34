"""A CI story: a baseline is saved, and changes that help, hurt or do nothing are judged by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gate_story import reported

Go = Callable[..., pytest.RunResult]
BASE = ("--synebench", "toy", "--variant", "base")
SAVE = (*BASE, "--synebench-save", "main")
COMPARE = (*BASE, "--synebench-compare", "main")
JUNIT = "--junitxml=junit.xml"
GATE = "synebench::gate::toy::base-fifo-random"


@pytest.fixture(scope="module")
def baseline() -> dict[str, bytes]:
    """The file that saving has written, made once by the first test that needs it."""
    return {}


@pytest.fixture
def saved(go: Go, toy: Path, baseline: dict[str, bytes]) -> Path:
    """A repository whose baseline is committed, as CI finds it: without any runs."""
    path = toy / ".synebench" / "baselines" / "main.json"
    if not baseline:
        result = go(*SAVE)
        assert result.ret == 0, result.stdout.str()
        baseline["main"] = path.read_bytes()
        result.stdout.fnmatch_lines(
            ["baseline main: toy::base-fifo-random, 20 runs", f"saved: {path}; commit it"]
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(baseline["main"])
    return path


def changed(monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    """Have every trial report another loss than on main."""
    reported(monkeypatch, lambda loss: loss + by)


def verdict(toy: Path) -> dict[str, object]:
    data: dict[str, object] = json.loads((toy / ".synebench/gates/main.json").read_bytes())
    return data


def written(toy: Path) -> tuple[str, list[str]]:
    """Return the head of the Markdown, and how the failures in junit begin."""
    page = (toy / ".synebench/gates/main.md").read_text()
    failures = ElementTree.parse(toy / "junit.xml").getroot().findall(".//failure")
    told = [str(one.get("message")).split(":")[0] for one in failures]
    return page.split("\n")[0].removeprefix("### "), told


def test_nothing_has_changed(go: Go, toy: Path, saved: Path) -> None:
    result = go(*COMPARE, "-v", JUNIT)
    assert result.ret == 0
    assert written(toy) == ("✅ synebench gate: PASS", [])
    result.stdout.fnmatch_lines(
        [
            "synebench::toy::base-fifo-random-r0::sound PASSED*",
            "synebench::toy::base-fifo-random-r1::sound PASSED*",
            f"{GATE} PASSED*",
            "synebench::gate::suite PASSED*",
            "PASS: toy::base-fifo-random: equal decisions on equal run ids: nothing has changed",
            "PASS: 1 PASS (rule strict, baseline main)",
        ]
    )
    runs = list((toy / ".synebench/runs/toy/base-fifo-random").glob("r*"))
    assert len(runs) == 2 or len(runs) == 22, "two run ids are repeated, and nothing else is run"
    assert verdict(toy)["verdict"] == "PASS"


def test_a_change_that_hurts_is_stopped(
    go: Go, toy: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, 1.0)
    page = toy / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = go(*COMPARE, JUNIT)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert written(toy) == ("❌ synebench gate: FAIL", ["FAIL", "FAIL"])
    result.stdout.fnmatch_lines(
        [
            "FAIL: toy::base-fifo-random: worse: final, area",
            "  15 runs against 20 of the baseline, look 2; losses, lower is better",
            "  final: median *, baseline *; shift +[01]* (95 %: +* to +*), tolerance 0",
            "    p *, * for all tests; worse in 100 % of pairs; a shift of * would have*",
            "  behaviour changed: run id 0: decisions first differ at line * of the journal, *",
            "  run ids 20 to 34, of which 20 to 34 were run in here",
            "::error title=synebench gate::FAIL: toy::base-fifo-random*%0A*",
            "next: mend what is worse; or *--synebench-rerun; or, *--synebench-save main *",
            f"FAILED {GATE} - FAIL: toy::base-fifo-random*",
            "FAILED synebench::gate::suite - FAIL: 1 FAIL (rule strict, baseline main)*",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert "### ❌ synebench gate: FAIL" in page.read_text()
    assert "next: mend what is worse" in page.read_text()


def test_a_change_that_helps_is_let_through(
    go: Go, toy: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, -1.0)
    result = go(*COMPARE, JUNIT)
    assert result.ret == 0
    assert written(toy) == ("✅ synebench gate: PASS", [])
    result.stdout.fnmatch_lines(["PASS: toy::base-fifo-random: better: final, area"])


def test_a_change_that_makes_no_difference_is_let_through(
    go: Go, toy: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, 1e-9)
    result = go(*COMPARE, "--synebench-gate", "best:50%", "--num_runs", "5", "-v")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "synebench::toy::base-fifo-random-r20::sound PASSED*",
            "synebench::toy::base-fifo-random-r24::sound PASSED*",
            "PASS: toy::base-fifo-random: the median best loss is *; limit best:50%",
        ]
    )


def test_other_parameters_are_not_comparable(go: Go, toy: Path, saved: Path) -> None:
    result = go(*COMPARE, "--num_trials", "3", JUNIT)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = ["NOT COMPARABLE", "NOT COMPARABLE"]
    assert written(toy) == ("❌ synebench gate: NOT COMPARABLE", told)
    result.stdout.fnmatch_lines(
        [
            "NOT COMPARABLE: toy::base-fifo-random: the baseline is of another problem",
            "  params.num_trials: 4 in the baseline, 3 now",
            "next: run what the baseline is of; or, if the change is meant, move the baseline*",
        ]
    )


@pytest.mark.parametrize(
    ("more", "code", "line"),
    [
        ((), 1, "ERROR: toy::base-fifo-random: the baseline main has no toy::base-fifo-random (*"),
        (("--synebench-baseline-missing", "skip"), 0, "*2 skipped*"),
    ],
)
def test_a_missing_baseline_is_an_error_unless_it_may_be_skipped(
    go: Go, toy: Path, more: tuple[str, ...], code: int, line: str
) -> None:
    result = go(*COMPARE, *more, JUNIT)
    assert result.ret == code
    if code:
        assert written(toy) == ("❌ synebench gate: ERROR", ["ERROR", "ERROR"])
    result.stdout.fnmatch_lines([line])


def test_nothing_compared_is_red(
    go: Go, toy: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = toy / "summary.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = go(*COMPARE, "-k", "sound", JUNIT)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert written(toy) == ("❌ synebench gate: ERROR", ["ERROR"])
    assert verdict(toy)["verdict"] == "ERROR"
    assert page.read_text().startswith("before\n### ❌ synebench gate: ERROR")
    told = "ERROR: nothing was compared: no gate has run (rule strict, baseline main)"
    result.stdout.fnmatch_lines(
        [
            told,
            f"::error title=synebench gate::{told}",
            "FAILED synebench::gate::suite - ERROR: nothing was compared: *",
        ]
    )


def test_no_gate_because_nothing_was_collected_is_red(go: Go, toy: Path, saved: Path) -> None:
    result = go(*COMPARE, "-k", "no_such_test", JUNIT)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert written(toy) == ("❌ synebench gate: ERROR", ["ERROR"])


def test_a_gate_is_run_again_by_its_node_id(go: Go, saved: Path) -> None:
    result = go(GATE, "--variant", "base", "--synebench-compare", "main")
    result.assert_outcomes(passed=1, deselected=13)


def test_a_baseline_is_moved_with_a_reason_only(go: Go, saved: Path) -> None:
    result = go(*SAVE, "--num_runs", "6")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: the baseline main has toy::base-fifo-random already, and is pinned*"]
    )
    result = go(*SAVE, "--num_runs", "6", "--synebench-accept", "a better default")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*6 runs; fewer than 10 see little"])
    entry = json.loads(saved.read_bytes())["setups"]["toy::base-fifo-random"]
    assert entry["accepted"] == ["a better default"]
    assert list(entry["runs"]) == ["0", "1", "2", "3", "4", "5"]


def test_a_red_session_saves_nothing(go: Go, toy: Path) -> None:
    result = go(*SAVE, "--num_runs", "1", "--behave", "0:fail 1:fail 2:fail")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["baseline main was not saved: the session is red"])
    assert not (toy / ".synebench/baselines").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--synebench-save", "a", "--synebench-compare", "b"), "both --synebench-save a*"),
        (("--synebench-gate", "strict"), "--synebench-gate strict is given without a baseline*"),
        (("--synebench-accept", "why"), "--synebench-accept is given without --synebench-save*"),
        (("--synebench-compare", "a", "--synebench-gate", "lax"), "no rule of the gate*"),
        (("--synebench-save", "a", "--num_runs", "1001"), "--synebench-save is given with 1001*"),
        (("--synebench-compare", "../a"), "a baseline is called '../a'*"),
        (("--synebench-compare", "a", "--deterministic", "0"), "--deterministic 0 is given*"),
    ],
)
def test_contradictions_are_refused(go: Go, args: tuple[str, ...], message: str) -> None:
    result = go(*BASE, *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_a_benchmark_must_be_named(go: Go) -> None:
    result = go("--synebench-compare", "main")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--synebench names no benchmark*"])
