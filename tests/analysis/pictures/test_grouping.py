from __future__ import annotations

from pictured_runs import Trials, record

from pytest_synebench.analysis.pictures.grouping import groups

ONE: Trials = [({"x": 1.0}, [1.0])]


def test_of_several_runs_with_one_run_id_the_latest_is_compared() -> None:
    first, second, other = record(ONE), record(ONE), record(ONE, run_id=1)
    (group,) = groups([first, other, second])
    assert group.runs == (second, other)
    assert group.every == (first, other, second)


def test_unfinished_runs_are_compared_only_where_there_is_nothing_else() -> None:
    done, cut = record(ONE), record(ONE, run_id=1, finished=False)
    assert groups([done, cut])[0].runs == (done,)
    assert groups([cut])[0].runs == (cut,)


def test_setups_come_by_name_and_are_called_without_their_variant_across_benchmarks() -> None:
    runs = [record(ONE, benchmark=b, setup=s) for b, s in (("b", "base-pbt"), ("a", "base-fifo"))]
    found = groups(runs)
    assert [(one.benchmark, one.setup, one.label) for one in found] == [
        ("a", "base-fifo", "fifo"),
        ("b", "base-pbt", "pbt"),
    ]
