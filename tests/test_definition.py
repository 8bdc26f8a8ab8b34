"""What a benchmark may be, and how each broken rule is named."""

from __future__ import annotations

from copy import copy
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.definition import Benchmark, Variant, product, variant
from pytest_synebench.errors import BenchmarkError
from pytest_synebench.space import loguniform

SCRIPT = Path(__file__)  # any file that exists


def benchmark(**fields: Any) -> Benchmark:
    space = {"lr": loguniform(1, 100), "epochs": 9, "dataset_path": "./"}
    sound: dict[str, Any] = {"script": SCRIPT, "config_space": space, "metric": "loss"}
    return Benchmark(**{**sound, **fields})


def test_a_sound_definition_is_kept_as_written() -> None:
    made = benchmark(
        mode="max",
        resource_attr="epoch",
        max_resource_attr="epochs",
        points_to_evaluate=[{"lr": 3}],
        preload=["torch"],
        tolerance=0.5,
    )
    assert made.max_resource == 9
    assert made.space.constants == {"epochs": 9, "dataset_path": "./"}
    assert made.points_to_evaluate == ({"lr": 3},)
    assert made.preload == ("torch",)
    assert benchmark().max_resource is None


def test_a_script_may_be_a_text() -> None:
    assert benchmark(script=str(SCRIPT)).script == SCRIPT


def test_two_benchmarks_may_share_a_script() -> None:
    assert benchmark().script == benchmark(metric="accuracy").script


def test_a_definition_does_not_change() -> None:
    made = benchmark()
    with pytest.raises(FrozenInstanceError):
        made.metric = "other"  # type: ignore[misc] # what the test is about
    space = dict(made.config_space)
    again = benchmark(config_space=space)
    space["lr"] = 3
    assert again == made


def test_a_changed_copy_is_checked_anew() -> None:
    narrowed = replace(benchmark(), config_space={"lr": loguniform(2, 3)})
    assert narrowed.space.domains == {"lr": loguniform(2, 3)}
    with pytest.raises(BenchmarkError, match="mode is 'best'"):
        replace(benchmark(), mode="best")  # type: ignore[arg-type] # what the test is about


@pytest.mark.parametrize("missing", ["script", "config_space", "metric"])
def test_what_is_mandatory_cannot_be_left_out(missing: str) -> None:
    fields: dict[str, Any] = {"script": SCRIPT, "config_space": {}, "metric": "loss"}
    del fields[missing]
    with pytest.raises(BenchmarkError, match=rf"is given no {missing}; it needs script=\.\.\., "):
        Benchmark(**fields)


def test_a_field_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(BenchmarkError, match=r"no field 'metrik'; its .* Did you mean 'metric'\?"):
        benchmark(metrik="loss")
    with pytest.raises(BenchmarkError, match=r"no field 'space'; its fields: script, config_space"):
        benchmark(space={})  # computed, not given


def test_fields_are_given_by_name() -> None:
    with pytest.raises(BenchmarkError, match=r"fields are given by name: Benchmark\(script="):
        Benchmark(SCRIPT, {}, "loss")  # type: ignore[call-arg] # what the test is about


def test_a_copy_is_equal() -> None:
    assert copy(benchmark()) == benchmark()


SPACE = {"lr": loguniform(1, 100), "epochs": 9}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"script": "train.py"}, r"script is 'train.py', a relative path.*Path\(__file__\).parent"),
        ({"script": SCRIPT.with_name("none.py")}, "none.py', and there is no such file; correct"),
        ({"script": SCRIPT.parent}, "there is no such file"),
        ({"script": None}, r"script is None; write Path\(__file__\)"),
        ({"mode": "maximum"}, "mode is 'maximum'; it must be 'min' or 'max'"),
        ({"horizon": None}, "horizon is None; it must be 'full' or 'rung'"),
        ({"report_protocol": "x"}, "report_protocol is 'x'; it must be 'channel' or 'syne_tune'"),
        ({"metric": ""}, "metric is ''; it must be the name of a key, e.g. 'loss'"),
        ({"metric": None}, "metric is None; it must be the name of a key"),
        ({"resource_attr": 1}, "resource_attr is 1; it must be the name of a key"),
        ({"constraint_attr": ""}, "constraint_attr is ''; it must be the name of a key"),
        ({"metric": "trial_id"}, "metric is 'trial_id', which is a column of the results already"),
        ({"cost_attr": "config_lr"}, "cost_attr is 'config_lr', which is a column.*another key"),
        ({"metric": "level", "resource_attr": None}, "metric is 'level', which is a column"),
        ({"metric": "x", "resource_attr": "x"}, "metric and resource_attr are both 'x'.*two keys"),
        ({"preload": "torch"}, "preload is 'torch'; it must be a tuple of module names"),
        ({"preload": [1]}, r"preload is \[1\]; it must be a tuple"),
        ({"tolerance": -1}, "tolerance is -1; it must be a number from 0 up"),
        ({"tolerance": float("nan")}, "tolerance is nan; it must be a number"),
        ({"tolerance": "5"}, "tolerance is '5'; it must be a number .* or a share such as '10%'"),
        (
            {"scores": {"reevaluated:3": "max"}},
            r"scores\['reevaluated:3'\] is 'max', and it is a value .*, whose mode is 'min'",
        ),
        ({"floor": float("inf")}, "floor is inf; it must be a number, in units of the metric"),
        ({"floor": True}, "floor is True; it must be a number"),
        ({"scores": {"trial": "same"}}, r"scores has 'trial', .* Did you mean 'trials'\?"),
        ({"paired": 1}, "paired is 1; it must be True or False"),
        ({"repeatable": None}, "repeatable is None; it must be True or False"),
        ({"config_space": [1]}, r"config_space is \[1\]; it must be a mapping"),
        ({"config_space": {}}, "config_space is {}, all constants; give at least one argument"),
        ({"config_space": {"epochs": 9}}, "all constants; give at least one argument a domain"),
        ({"config_space": {"a b": 9}}, "config_space has the name 'a b'; it becomes"),
        ({"config_space": {"a": [9]}}, r"config_space\['a'\] is \[9\], a list; it must be"),
        ({"points_to_evaluate": {"lr": 3}}, "points_to_evaluate is {'lr': 3}; it must be a list"),
        ({"points_to_evaluate": [{}, {"lr": 0}]}, r"points_to_evaluate\[1\]: lr: 0 is not in"),
        ({"points_to_evaluate": [{"lrr": 3}]}, r"points_to_evaluate\[0\]: 'lrr' is not .*'lr'\?"),
        ({"points_to_evaluate": [3]}, r"points_to_evaluate\[0\]: 3 is no config"),
    ],
)
def test_a_broken_rule_names_field_value_and_fix(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(BenchmarkError, match=text):
        benchmark(**fields)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, r"config_space\['epochs'\] is True; .* a constant integer from 1 up"),
        (0, r"config_space\['epochs'\] is 0; "),
        (9.0, r"config_space\['epochs'\] is 9.0; "),
        (None, r"config_space\['epochs'\] is None; "),
        (loguniform(1, 9), r"config_space\['epochs'\] is loguniform\(1, 9\); "),
    ],
)
def test_the_last_level_is_a_constant_integer(value: Any, text: str) -> None:
    space = {"lr": loguniform(1, 100), "epochs": value}
    with pytest.raises(BenchmarkError, match=text):
        benchmark(config_space=space, resource_attr="epoch", max_resource_attr="epochs")


def test_the_argument_of_the_last_level_is_in_the_space() -> None:
    text = r"'max_steps', which config_space does not have \(its keys: lr, epochs, dataset_path\)"
    with pytest.raises(BenchmarkError, match=text):
        benchmark(resource_attr="epoch", max_resource_attr="max_steps")


def test_a_last_level_needs_a_level_in_the_reports() -> None:
    with pytest.raises(BenchmarkError, match="'epochs' but resource_attr is None; name the key"):
        benchmark(max_resource_attr="epochs")


# --- variants


def test_a_variant_keeps_what_it_changes() -> None:
    tiny = variant("tiny", on_request=True, marks=pytest.mark.slow, epochs=2, fast=False)
    assert tiny.overrides == {"epochs": 2, "fast": False}
    assert (tiny.id, tiny.on_request, tiny.marks) == ("tiny", True, (pytest.mark.slow,))
    assert variant("x", marks=[pytest.mark.slow]).marks == (pytest.mark.slow,)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "-x", "a,b", "ä", "a\n", 3, None])
def test_an_id_that_cannot_be_a_directory_is_refused(name: Any) -> None:
    with pytest.raises(BenchmarkError, match=r"a variant is called .*; it becomes part"):
        variant(name)


IDS = st.from_regex(r"[a-z0-9][a-z0-9_.]{0,4}", fullmatch=True)
VARIANTS = st.builds(
    Variant, IDS, st.dictionaries(st.sampled_from("pqr"), st.integers()), on_request=st.booleans()
)


@given(axes=st.lists(st.lists(VARIANTS, max_size=3), min_size=1, max_size=3))
def test_a_product_has_one_variant_per_combination(axes: list[list[Variant]]) -> None:
    combined = product(*axes)
    count = 1
    for axis in axes:
        count *= len(axis)
    assert len(combined) == count
    if combined:
        last = [axis[-1] for axis in axes]
        merged: dict[str, Any] = {}
        for part in last:
            merged |= part.overrides
        assert combined[-1].id == "-".join(part.id for part in last)
        assert combined[-1].overrides == merged
        assert combined[-1].on_request == any(part.on_request for part in last)


def test_a_product_keeps_all_marks() -> None:
    marks = pytest.mark.slow, pytest.mark.filterwarnings("error")
    [both] = product([variant("a", marks=marks[0])], [variant("b", marks=marks[1])])
    assert both.marks == marks


def test_a_product_of_nothing_is_refused() -> None:
    with pytest.raises(BenchmarkError, match=r"product\(\) has no axis; give it one list"):
        product()
