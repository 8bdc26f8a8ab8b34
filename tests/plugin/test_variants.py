"""Variants: chosen by name, on request, and never a silent default."""

from __future__ import annotations

import pytest

from .conftest import CONFTEST, Go


def launches(result: pytest.RunResult) -> list[str]:
    return [line.split("::")[2] for line in result.outlines if line.endswith("::launch")]


def test_variants_on_request_run_only_when_named(go: Go) -> None:
    args = ("--synebench", "toy", "-k", "launch", "--collect-only", "-q")
    assert launches(go(*args)) == ["base-fifo-random-r0", "small-fifo-random-r0"]
    named = go(*args, "--variant", "tiny,base")
    assert launches(named) == ["tiny-fifo-random-r0", "base-fifo-random-r0"]
    by_set = go(*args, "--synebench-set", "variant=tiny")
    assert launches(by_set) == ["tiny-fifo-random-r0"]


@pytest.mark.parametrize("nothing", ["", ",", " "])
def test_a_variant_option_that_names_none_is_a_usage_error(go: Go, nothing: str) -> None:
    result = go("--synebench", "toy", f"--variant={nothing}", "--collect-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--variant is {nothing!r}, which names none; --synebench-list*"])


def test_an_unknown_variant_is_a_usage_error(go: Go) -> None:
    result = go("--synebench", "toy", "--variant", "base,tyny")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*benchmark 'toy' has no variant 'tyny'; known: base, small, tiny. Did you mean 'tiny'?"]
    )


def test_a_test_names_a_variant_by_parametrize(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_ordinary="""
        import pytest

        @pytest.mark.parametrize("toy", ["tiny", "small"], indirect=True)
        def test_ordinary(toy, request):
            print("SCALE", toy.config_space["scale"])
        """
    )
    result = go("-s")
    result.stdout.fnmatch_lines(["*SCALE 1.0*", "*SCALE 0.5*"])
    result.assert_outcomes(passed=2)


def test_a_misspelt_variant_in_a_test_is_an_error_not_the_defaults(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_ordinary="""
        import pytest

        @pytest.mark.parametrize("toy", ["smal"], indirect=True)
        def test_ordinary(toy): pass
        """
    )
    result = go()
    result.stdout.fnmatch_lines(
        ["*benchmark 'toy' has no variant 'smal'; known: base, small, tiny*"]
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_a_benchmark_asked_for_by_getfixturevalue_must_be_unambiguous(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_ordinary="def test_it(request): request.getfixturevalue('toy')")
    result = go()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*fixture 'toy' was asked for without a variant, and has several*"]
    )


def test_marks_select_variants(go: Go) -> None:
    result = go("--synebench", "toy", "-m", "synebench(variant='small')", "--strict-markers")
    assert result.parseoutcomes() == {"passed": 6, "deselected": 6}


def test_an_expected_failure_is_that_of_the_verdict_alone(
    go: Go, pytester: pytest.Pytester
) -> None:
    marked = CONFTEST.replace(
        'variant("base")', 'variant("base", marks=pytest.mark.xfail(reason="diverges"))'
    )
    pytester.makeconftest("import pytest\n" + marked)
    result = go("--synebench", "toy", "--variant", "base", "--behave", "0:nan 1:nan 2:nan 3:nan")
    assert result.parseoutcomes() == {"passed": 5, "xfailed": 1}


def test_run_ids_are_named_or_counted(go: Go) -> None:
    args = ("--synebench", "toy", "--variant=tiny", "-k", "launch", "--collect-only", "-q")
    assert launches(go(*args, "--run_id", "3,1")) == ["tiny-fifo-random-r3", "tiny-fifo-random-r1"]
    assert launches(go(*args, "--num_runs", "2")) == ["tiny-fifo-random-r0", "tiny-fifo-random-r1"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--run_id", "-1"), "*run_id is -1; it must be an integer from 0 up"),
        (("--run_id", "a"), "*run_id is 'a'; it must be an integer from 0 up"),
        (("--num_runs", "0"), "*num_runs is 0; it must be an integer from 1 up"),
        (("--num_runs", "1000000000"), "*num_runs is 1000000000; one command runs at most 100000*"),
        (("--run_id", "0,4294967296"), "*run_id is 4294967296; it must be below 4294967296*"),
        (("--num_runs", "2", "--run_id", "1"), "*both --run_id 1 and --num_runs 2 are given;*"),
    ],
)
def test_a_run_id_that_is_none_is_a_usage_error(
    go: Go, args: tuple[str, ...], message: str
) -> None:
    result = go("--synebench", "toy", *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_random_offset_is_drawn_once_and_printed(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_ordinary="def test_ordinary(toy, request):\n"
        "    print('OFFSET', request.node.callspec.params['toy'].params['random_seed_offset'])\n"
    )
    args = ("--synebench", "toy", "--random_seed_offset", "random", "test_ordinary.py")
    result = go(*args, "-s", "-q", "-k", "ordinary", "-v")
    (drawn,) = [line.split()[2] for line in result.outlines if line.endswith(", drawn")]
    offset = drawn.rstrip(",")
    assert [line for line in result.outlines if "OFFSET" in line]
    assert all(f"OFFSET {offset}" in line for line in result.outlines if "OFFSET" in line)
