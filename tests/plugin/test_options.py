"""Parameters as options: one table, each key with its own type."""

from __future__ import annotations

import pytest

from .conftest import CONFTEST, Go

SHOW = """
def test_ordinary(toy, request):
    print("PARAMS", request.node.callspec.params["toy"].params)
"""


def shown(go: Go, pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    pytester.makepyfile(test_ordinary=SHOW)
    return go("test_ordinary.py", "-s", "-k", "ordinary and base", "--synebench", "toy", *args)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("--num_workers", "3"), "'num_workers': 3"),
        (("--num-workers=3",), "'num_workers': 3"),
        (("--scale", "0"), "'scale': 0.0"),
        (("--flag", "1"), "'flag': True"),
        (("--flag=0",), "'flag': False"),
        (("--layers", "[3, 4]"), "'layers': [[]3, 4]"),
        (("--note", "none"), "'note': None"),
        (("--behave", ""), "'behave': ''"),
        (("--synebench-set", "num_workers=7"), "'num_workers': 7"),
        (("--synebench-set", "toy.num_workers=7"), "'num_workers': 7"),
        (("--synebench-set", "num_workers=7", "--num_workers", "8"), "'num_workers': 8"),
        (("--target_value", "-80.5"), "'target_value': -80.5"),
    ],
)
def test_a_value_reaches_the_benchmark_with_its_type(
    go: Go, pytester: pytest.Pytester, args: tuple[str, ...], expected: str
) -> None:
    shown(go, pytester, *args).stdout.fnmatch_lines([f"*PARAMS*{expected}*"])


def test_the_user_beats_the_ini_file_which_beats_the_variant(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makeini(
        "[pytest]\naddopts = -p no:randomly -p no:hypothesispytest\n"
        "synebench_params =\n  scale=3\n  toy.num_workers=5\n"
        "  of_another=1\n"
    )
    pytester.makepyfile(test_ordinary=SHOW)
    result = go("-s", "-k", "small")
    result.stdout.fnmatch_lines(["*'num_workers': 5*'scale': 3.0*"])
    result = go(
        "test_ordinary.py", "--synebench=toy", "-s", "-k", "ordinary and small", "--scale=0"
    )
    result.stdout.fnmatch_lines(["*'num_workers': 5*'scale': 0.0*"])


def test_a_listed_value_makes_one_setup_each_and_stands_in_the_id(go: Go) -> None:
    result = go(
        *("--synebench", "toy", "--variant", "base", "--scale", "1,2", "--scheduler"),
        *("fifo,asha_promotion", "-k", "launch", "--collect-only", "-q"),
    )
    result.stdout.fnmatch_lines_random(
        [
            "synebench::toy::base-fifo-random-scale=1.0-r0::launch",
            "synebench::toy::base-fifo-random-scale=2.0-r0::launch",
            "synebench::toy::base-asha_promotion-random-scale=1.0-r0::launch",
            "synebench::toy::base-asha_promotion-random-scale=2.0-r0::launch",
        ]
    )


def test_grouped_lists_move_together(go: Go) -> None:
    result = go(
        *("--synebench", "toy", "--variant", "base", "--scale", "1,2", "--num_workers", "3,4"),
        *("--argument_groups", "scale num_workers", "-k", "launch", "--collect-only", "-q"),
    )
    result.stdout.fnmatch_lines(
        [
            "synebench::toy::base-fifo-random-num_workers=3-scale=1.0-r0::launch",
            "synebench::toy::base-fifo-random-num_workers=4-scale=2.0-r0::launch",
            "",
            "2/*",
        ]
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--num_workers", "two"), "*num_workers is 'two'; it must be an integer from 1 up"),
        (("--flag", "maybe"), "*flag is 'maybe'; it must be a truth value (1, 0, true, false)"),
        (("--scheduler", "asha"), "*scheduler is 'asha'; known: *"),
        (("--synebench-set", "num_workers"), "*--synebench-set has 'num_workers'; write *KEY=VAL*"),
        (
            ("--synebench-set", "num_worker=1"),
            "*no chosen benchmark has such a parameter. Did you *",
        ),
        (("--synebench-set", "tox.num_workers=1"), "*benchmark 'tox' is not chosen; chosen: toy.*"),
        (("--synebench-set", "toy.num_worker=1"), "*no chosen benchmark has such a parameter.*"),
        (("--synebench-set", "num_workers=two"), "*num_workers is 'two'; it must be an integer*"),
        (("--scale", "1,1"), "*scale names 1.0 twice in '1,1'*"),
        (("--synebench-items", "all"), "*--synebench-items: invalid choice: 'all'*"),
    ],
)
def test_what_breaks_a_rule_is_a_usage_error(go: Go, args: tuple[str, ...], message: str) -> None:
    result = go("--synebench", "toy", *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_an_ini_value_of_the_wrong_form_is_a_usage_error(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsynebench_params = toy.nothing=1\n")
    result = go("--synebench", "toy")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*benchmark 'toy' has no parameter 'nothing'.*"])


def test_another_plugin_keeps_its_option_and_the_header_says_so(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        CONFTEST + "\ndef pytest_addoption(parser): parser.addoption('--num_workers')\n"
    )
    pytester.makepyfile(test_ordinary=SHOW)
    result = go(
        *("test_ordinary.py", "--synebench", "toy", "-s", "-k", "ordinary and base"),
        *("--num_workers=8", "--synebench-set", "num_workers=3"),
    )
    result.stdout.fnmatch_lines(
        [
            "synebench: --num_workers belongs to another plugin here; use --synebench-set *",
            "*'num_workers': 3*",
        ]
    )


def test_help_shows_the_parameters_of_the_chosen_benchmark(go: Go) -> None:
    result = go("--synebench", "toy", "--help")
    result.stdout.fnmatch_lines_random(
        [
            "synebench: what to run:",
            "  --variant=A,B *",
            "synebench: parameters of every benchmark:",
            "synebench: parameters of toy:",
            "  --scale=FLOAT*",
            "  --layers=JSON*",
            "*(default: [[]1, 2])*",
            "  --num_workers=INT, --num-workers=INT",
        ]
    )


def test_help_without_a_benchmark_shows_the_harness_only(go: Go) -> None:
    result = go("--help")
    result.stdout.fnmatch_lines(["  --synebench=NAME[[],NAME]"])
    result.stdout.no_fnmatch_line("*--num_workers*")


def test_a_takeover_without_a_resume_is_a_usage_error(go: Go) -> None:
    result = go("--synebench", "toy", "--synebench-takeover")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --synebench-takeover is given without --synebench-resume: *give both, or neither*"]
    )


def test_a_takeover_is_not_part_of_the_command_to_go_on_with(go: Go) -> None:
    hang = ("--synebench", "toy", "--variant", "base", "--behave", "0:hang 1:fail", "-x")
    result = go(*hang, "--synebench-resume", "--synebench-takeover")
    (line,) = [one for one in result.outlines if one.startswith("go on with what is unfinished: ")]
    assert line.endswith("-x --synebench-resume")
