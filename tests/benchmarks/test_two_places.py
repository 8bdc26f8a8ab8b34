"""What a script needs in order to resume: one argument, one place before its loop, one in it."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

HELPERS = {
    "add_checkpointing_to_argparse",
    "pytorch_load_save_functions",
    "resume_from_checkpointed_model",
    "checkpoint_model_at_rung_level",
}


@pytest.mark.parametrize("name", ["height_with_cost", "lstm_wikitext2", "mlp_fashionmnist"])
def test_a_shipped_script_is_extended_in_two_places(name: str) -> None:
    definition = import_module(f"pytest_synebench.benchmarks.{name}.benchmark")
    tree = ast.parse((Path(str(definition.__file__)).parent / "train.py").read_text())
    (objective,) = (n for n in tree.body if getattr(n, "name", "") == "objective")
    assert isinstance(objective, ast.FunctionDef)
    loops = [n for n in objective.body if isinstance(n, ast.For)]
    places = [statement for statement in objective.body if _helpers(statement)]
    before, (loop,) = places[:-1], places[-1:]
    assert [loop] == loops[-1:], "the second place is the loop over the epochs"
    assert _helpers(loop) == ["checkpoint_model_at_rung_level"]
    first, last = objective.body.index(before[0]), objective.body.index(before[-1])
    assert last - first + 1 == len(before), "the first place is one"
    assert [helper for one in before for helper in _helpers(one)] in (
        ["resume_from_checkpointed_model"],
        ["pytorch_load_save_functions", "resume_from_checkpointed_model"],
    )
    everywhere = [helper for one in tree.body for helper in _helpers(one)]
    assert len(everywhere) == len(set(everywhere)), "each of them once"
    assert "add_checkpointing_to_argparse" in everywhere
    assert _goes_on_behind(loop), "the loop begins behind what was resumed"


def _helpers(node: ast.AST) -> list[str]:
    calls = (n.func for n in ast.walk(node) if isinstance(n, ast.Call))
    return [call.id for call in calls if isinstance(call, ast.Name) and call.id in HELPERS]


def _goes_on_behind(loop: ast.AST) -> bool:
    return isinstance(loop, ast.For) and " + 1, config['epochs'] + 1" in ast.unparse(loop.iter)
