"""Names, node ids, paths: what the user types is understood or refused, never guessed."""

from __future__ import annotations

import pytest

from .conftest import CONFTEST, Go

USAGE = pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--synebench", "toi"), "*no benchmark is called 'toi'. Did you mean 'toy'? Known: *toy*"),
        (("--synebench", "x*y"), "*no benchmark is called 'x[*]y'.*Known:*"),
        (
            ("--synebench", "toy", "--num_worker", "3"),
            "*no option is called --num_worker. Did you mean '--num_workers'?*",
        ),
        (("--synebench", "toy", "--emsize=3"), "*no option is called --emsize.* lstm_wikitext2,*"),
        (("--synebench", "toy", "--zzz"), "*All parameters: pytest --synebench toy --help"),
    ],
)
def test_an_unknown_name_is_a_usage_error_with_the_nearest(
    go: Go, args: tuple[str, ...], message: str
) -> None:
    result = go(*args)
    assert result.ret == USAGE
    result.stderr.fnmatch_lines([message])


def test_synebench_alone_runs_no_ordinary_test(go: Go) -> None:
    go("--synebench", "toy", "--variant", "tiny").assert_outcomes(passed=4)


def test_synebench_alone_leaves_testpaths_alone(go: Go, pytester: pytest.Pytester) -> None:
    pytester.mkdir("tests").joinpath("test_more.py").write_text("def test_more(): pass")
    ini = "[pytest]\ntestpaths = tests\naddopts = -p no:randomly -p no:hypothesispytest\n"
    pytester.makeini(ini)
    go("--synebench", "toy", "--variant", "tiny").assert_outcomes(passed=4)
    go().assert_outcomes(passed=1)


def test_synebench_with_a_path_runs_both(go: Go) -> None:
    go("--synebench", "toy", "--variant", "tiny", "test_ordinary.py").assert_outcomes(passed=5)


def test_names_and_globs_are_each_run_once(go: Go) -> None:
    result = go("--synebench", "t*,toy", "--synebench", "toy", "--variant=tiny", "-v")
    result.assert_outcomes(passed=4)


@pytest.mark.parametrize("testpaths", ["testpaths = tests\n", ""], ids=["testpaths", "none"])
def test_a_benchmark_of_a_directory_runs_from_above(
    go: Go, pytester: pytest.Pytester, testpaths: str
) -> None:
    sub = pytester.mkdir("tests")
    (sub / "conftest.py").write_text(CONFTEST.replace("def toy(", "def deep("))
    (sub / "train.py").write_text("")
    pytester.makeini(f"[pytest]\n{testpaths}addopts = -p no:randomly -p no:hypothesispytest\n")
    go("--synebench", "deep", "--variant", "tiny").assert_outcomes(passed=4)


def test_a_trial_by_its_node_id_runs_alone(go: Go) -> None:
    result = go("synebench::toy::small-fifo-random-r0::trial[2]", "-v")
    result.stdout.fnmatch_lines(["synebench::toy::small-fifo-random-r0::trial[[]2] COMPLETED@3*"])
    assert result.parseoutcomes() == {"passed": 1, "deselected": 11}


def test_an_experiment_by_its_node_id_brings_variant_and_run_id(go: Go) -> None:
    result = go("synebench::toy::tiny-fifo-random-r5", "-v")
    result.stdout.fnmatch_lines(["synebench::toy::tiny-fifo-random-r5::sound PASSED*"])
    assert result.parseoutcomes()["passed"] == 4


def test_a_node_id_that_names_nothing_is_a_usage_error(go: Go) -> None:
    result = go("synebench::toy::small-fifo-random-r0::trial[[]9]")
    assert result.ret == USAGE
    result.stderr.fnmatch_lines(
        ["ERROR: not found: synebench::toy::small-*", "  synebench::toy::base-fifo-random-r0"]
    )


def test_a_path_that_stands_apart_must_not_move_the_root(
    go: Go, pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("data")
    result = go("--synebench", "toy", "--behave", str(data))
    assert result.ret == USAGE
    result.stderr.fnmatch_lines([f"*write --behave={data} (with '='): pytest takes a value*"])
    go("--synebench", "toy", f"--behave={data}", "--collect-only").assert_outcomes()


def test_a_value_that_is_a_directory_here_is_no_test_path(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.mkdir("data").joinpath("test_data.py").write_text("def test_data(): pass")
    result = go("--synebench", "toy", "--behave", "data", "--collect-only", "-q")
    result.stdout.no_fnmatch_line("*test_data*")


def test_list_shows_variants_and_places(go: Go, pytester: pytest.Pytester) -> None:
    result = go("--synebench-list")
    result.stdout.fnmatch_lines(
        [
            "height_with_cost",
            "  variants: *",
            "lstm_wikitext2",
            "  variants: *",
            "mlp_fashionmnist",
            "  variants: *",
            "toy",
            "  variants: base, small, tiny (on request)",
            f"  declared at {pytester.path}/conftest.py:5",
        ]
    )
    assert result.ret == 0


def test_list_has_tables_of_one_place_as_one_and_ends_with_the_project_s_own(
    go: Go, pytester: pytest.Pytester
) -> None:
    conftest = pytester.path / "conftest.py"
    extension = """
from pytest_synebench import extend, variant
fcnet_naval = extend("fcnet_naval", variant("ours"))
"""
    conftest.write_text(conftest.read_text() + extension)
    lines = go("--synebench-list").outlines
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles[-2:] == ["fcnet_naval", "toy"]
    assert titles[0] == "fcnet_*"
    assert lines[1] == "  names: fcnet_parkinsons, fcnet_protein, fcnet_slice"
    assert lines[2] == "  variants: base"
    assert titles.count("lcbench_*") == 1


def test_conftests_above_the_root_are_left_alone(
    go: Go, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = pytester.mkdir("inner")
    for name in ("conftest.py", "train.py", "tox.ini"):
        (pytester.path / name).rename(inner / name)
    pytester.makeconftest("raise RuntimeError('not mine')")
    monkeypatch.chdir(inner)
    go("--synebench", "toy", "--variant", "tiny").assert_outcomes(passed=4)


def test_a_name_that_a_conftest_above_the_root_may_have_says_which_and_what_to_do(
    go: Go, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pytester.path / "tox.ini").unlink()
    inner = pytester.mkdir("inner")
    monkeypatch.chdir(inner)
    result = go("--synebench", "toy")
    assert result.ret == USAGE
    above = pytester.path / "conftest.py"
    result.stderr.fnmatch_lines([f"*no benchmark is called 'toy'*{above} was not loaded*{inner}:*"])
    (pytester.path / "pytest.ini").touch()
    go("--synebench", "toy", "--variant", "tiny").assert_outcomes(passed=4)


def test_an_empty_name_is_a_usage_error(go: Go) -> None:
    result = go("--synebench=")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--synebench names no benchmark; --synebench-list shows*"])


def test_a_storage_that_pytest_takes_for_a_test_path_is_refused(
    go: Go, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    result = go("--synebench", "toy", "--synebench-storage", str(elsewhere))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*write --synebench-storage={elsewhere} (with '=')*"])
