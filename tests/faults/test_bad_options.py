"""What the user types is refused before anything starts: exit code 4, one message, nothing written.

What only a definition can tell (a point outside its space) is refused at collection: exit code 2.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_project import make_bad_project, only_run, reported, run_bounded, run_in_process

TYPED = {
    "benchmark": (
        ("--synebench=toi",),
        (
            "--synebench: no benchmark is called 'toi'. Did you mean 'toy'? "
            "Known: fcnet_*, height_with_cost, lcbench_*, lstm_wikitext2, mlp_fashionmnist, "
            "nasbench201_*, nashpobench_*, toy"
        ),
    ),
    "glob": (
        ("--synebench=x*",),
        "--synebench: no benchmark is called 'x*'. Known: fcnet_*, height_wi",
    ),
    "variant": (("--variant", "two"), "benchmark 'toy' has no variant 'two'; known: one."),
    "option": (
        ("--nun_trials", "4"),
        (
            "no option is called --nun_trials. Did you mean '--num_trials'?\n"
            "All parameters: pytest --synebench toy --help"
        ),
    ),
    "option_of_another_benchmark": (
        ("--vocab_size", "4"),
        "no option is called --vocab_size. It is a parameter of lstm_wikitext2, which is not chos",
    ),
    "setting": (
        ("--synebench-set", "numtrials=3"),
        (
            "--synebench-set numtrials: no chosen benchmark has such a parameter. "
            "Did you mean 'num_trials'?"
        ),
    ),
    "setting_of_another_benchmark": (
        ("--synebench-set", "tey.num_trials=3"),
        "benchmark 'tey' is not chosen; chosen: toy. Did you mean 'toy'?",
    ),
    "setting_without_value": (
        ("--synebench-set", "num_trials"),
        "--synebench-set has 'num_trials'; write [NAME.]KEY=VALUE",
    ),
    "scheduler": (
        ("--scheduler", "asha"),
        "scheduler is 'asha'; known: fifo, asha_stopping, asha_promotion, ",
    ),
    "scheduler_of_ray_tune": (
        ("--scheduler", "raytune_fifo"),
        "Ray Tune's schedulers are not run here: choose fifo.",
    ),
    "searcher": (("--searcher", "rnadom"), "known: random, grid, "),
    "backend": (("--backend", "cloud"), "backend is 'cloud'; known: local, simulated, sagemaker."),
    "type": (("--num_trials", "many"), "num_trials is 'many'; it must be an integer from 1 up"),
    "float_for_int": (("--num_trials", "2.5"), "num_trials is '2.5'; it must be an integer from 1"),
    "below_the_minimum": (("--num_workers", "0"), "num_workers is 0; it must be an integer from 1"),
    "not_finite": (("--trial_timeout", "nan"), "trial_timeout is nan; it must be a finite number"),
    "one_wrong_in_a_list": (("--num_trials", "2,x"), "num_trials is 'x'; it must be an integer"),
    "twice_in_a_list": (("--num_trials", "2,2"), "num_trials names 2 twice in '2,2'; once is it"),
    "rungs": (
        ("--rung_levels", "3 1"),
        "rung_levels is [3, 1]; it must be ascending levels from 1 up, separated by spaces",
    ),
    "run_id": (("--run_id", "-1"), "run_id is -1; it must be an integer from 0 up"),
    "run_id_and_their_number": (
        ("--run_id", "0", "--num_runs", "2"),
        "both --run_id 0 and --num_runs 2 are given; name the run ids, or say how many",
    ),
    "group_without_list": (
        ("--num_trials", "2,3", "--argument_groups", "num_trials num_worker"),
        "argument_groups names 'num_worker', for which no list is given.",
    ),
    "node_id": (("synebench::toy::two-fifo-random-r0",), "synebench::toy::two-fifo-random-r0"),
}


def assert_nothing_happened(folder: Path, output: str) -> None:
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output
    assert not (folder / ".synebench").exists()


@pytest.mark.parametrize("case", TYPED)
def test_what_is_typed_wrong_is_a_usage_error(pytester: pytest.Pytester, case: str) -> None:
    options, message = TYPED[case]
    folder = make_bad_project(pytester.path)
    code, output = run_in_process(pytester, *options)

    assert code == pytest.ExitCode.USAGE_ERROR, output
    assert message in output
    assert_nothing_happened(folder, output)


OUTSIDE = {
    "value_outside_the_space": (
        ("--points_to_evaluate", '[{"x": 3}]'),
        "points_to_evaluate[0]: x: 3 is not in uniform(0, 1); it must be a number from 0 to 1",
    ),
    "name_outside_the_space": (
        ("--points_to_evaluate", '[{"x": 0.5}, {"y": 3}]'),
        "points_to_evaluate[1]: 'y' is not in the space (x, epochs)",
    ),
    "no_list": (
        ("--points_to_evaluate", "x=3"),
        "points_to_evaluate is 'x=3'; it must be a list of configs, such as [{'x': 0.5}]",
    ),
    "rungs_beyond_the_last_level": (
        ("--scheduler", "asha_promotion", "--rung_levels", "1 7"),
        (
            "rung_levels ends with 7; no level may be above max_resource, the benchmark's last "
            "level, which is 3"
        ),
    ),
    "grace_beyond_the_last_level": (
        ("--scheduler", "asha_promotion", "--grace_period", "9"),
        "min_resource (grace_period) is 9; it must be at most max_resource, the benchmark's last",
    ),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_what_the_definition_does_not_admit_is_refused_at_collection(
    pytester: pytest.Pytester, case: str
) -> None:
    options, message = OUTSIDE[case]
    folder = make_bad_project(pytester.path)
    code, output = run_in_process(pytester, *options)

    assert code == pytest.ExitCode.INTERRUPTED, output
    assert output.count(message) == 1
    assert "1 error in" in output
    assert_nothing_happened(folder, output)


CHANGED = {
    "fewer_trials": (("--num_trials", "2"), "with num_trials 3, now it is 2; a resumed run may"),
    "another_seed": (("--random_seed_offset", "3"), "  seed: 0 then, 3 now\n"),
    "another_last_level": (("--max_resource_level", "9"), "  max_resource: 3 then, 9 now\n"),
    "other_points": (("--points_to_evaluate", "[]"), "  params.points_to_evaluate: None then, ["),
    "another_space": (("space",), "  space.x.upper: 1.0 then, 2.0 now\n"),
    "another_script": (("script",), "  script_sha256: '"),
}


def test_a_resume_with_changed_options_says_what_differs_and_touches_nothing(
    tmp_path: Path,
) -> None:
    folder = make_bad_project(tmp_path)
    assert run_bounded(folder, "--num_trials", "3").returncode == 0
    (journal,) = folder.rglob("journal.jsonl")
    before = journal.read_bytes()
    good = {name: (folder / name).read_text() for name in ("train.py", "conftest.py")}
    for options, message in CHANGED.values():
        (folder / "train.py").write_text(good["train.py"] + "#" * (options == ("script",)))
        wide = "uniform(0, 2)" if options == ("space",) else "uniform(0, 1)"
        (folder / "conftest.py").write_text(good["conftest.py"].replace("uniform(0, 1)", wide))
        if options in {("space",), ("script",)}:
            options = ()
        done = run_bounded(folder, "--synebench-resume", "--num_trials", "3", *options)

        assert done.returncode == 1, done.stdout + done.stderr
        assert message in done.stdout
        assert "1 error" in done.stdout
        assert "failed" not in done.stdout
        assert journal.read_bytes() == before


def test_a_resume_with_more_trials_goes_on_and_keeps_what_there_is(tmp_path: Path) -> None:
    folder = make_bad_project(tmp_path)
    assert run_bounded(folder, "--num_trials", "2").returncode == 0
    before = reported(only_run(folder))
    done = run_bounded(folder, "--synebench-resume", "--num_trials", "4", "--audit")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    assert before < reported(only_run(folder))
    assert len(only_run(folder).trials) == 4
