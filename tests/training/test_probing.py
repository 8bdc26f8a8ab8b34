"""What is seen of a script's variables, and what is left alone."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.training import probing
from pytest_synebench.training.probing import FOLDER, Probe

if TYPE_CHECKING:
    from tests.training.conftest import Runner

BODY = """
import argparse, json, os, random
from pytest_synebench.training import (
    Reporter, add_checkpointing_to_argparse, checkpoint_model_at_rung_level,
    resume_from_checkpointed_model,
)

class Average:
    def __init__(self):
        self.shadow = [0.0]

def save(path, epoch):
    with open(os.path.join(path, "s.json"), "w") as file:
        json.dump(epoch, file)

def load(path):
    with open(os.path.join(path, "s.json")) as file:
        return json.load(file)

def train(config):
    average, rng, hidden = Average(), random.Random(1), {"lr": 0.5}
    report = Reporter()
    start = resume_from_checkpointed_model(config, load)
    for epoch in range(start + 1, 4):
        hidden["lr"] /= 2
        average.shadow[0] += rng.random()
        checkpoint_model_at_rung_level(config, save, epoch)
        report(epoch=epoch, loss=average.shadow[0])

parser = argparse.ArgumentParser()
add_checkpointing_to_argparse(parser)
train(vars(parser.parse_args()))
"""


def seen(attempt: Runner, number: int = 0) -> list[dict[str, Any]]:
    lines = (attempt.directory / FOLDER / f"{number}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_look_is_taken_at_each_call_of_the_script_and_changes_nothing(attempt: Runner) -> None:
    plain = attempt(BODY, "--st_checkpoint_dir", str(attempt.directory / "plain"))
    (attempt.directory / FOLDER).mkdir()
    probed = attempt(BODY, "--st_checkpoint_dir", str(attempt.checkpoints))
    assert probed.code == 0, probed.stderr
    metrics = [
        [m.fields["metrics"] for m in one.messages if m.kind == "report"] for one in (plain, probed)
    ]
    assert metrics[0] == metrics[1]

    looks = seen(attempt, 1)
    assert [(one["at"], one["level"]) for one in looks[:3]] == [
        ("resumed", 0), ("checkpoint", 1), ("report", 1),
    ]  # fmt: skip
    first, second = looks[1]["state"], looks[3]["state"]
    assert first["train():hidden['lr']"][::2] == ["float", "0.25"]
    for name in ("train():average.shadow", "train():rng", "train():hidden['lr']"):
        assert first[name][1] != second[name][1]
    assert first["generators:random"] == second["generators:random"]
    assert not any(name.startswith(("train():parser", ":parser.")) for name in first)


def test_without_the_folder_nothing_is_imported_or_written(attempt: Runner) -> None:
    body = BODY + "\nimport sys\nassert 'pytest_synebench.training.probing' not in sys.modules\n"
    done = attempt(body, "--st_checkpoint_dir", str(attempt.checkpoints))
    assert done.code == 0, done.stderr
    assert not (attempt.directory / FOLDER).exists()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(VALUES, VALUES)
def test_equal_values_have_equal_digests_and_others_have_others(one: Any, two: Any) -> None:
    same = repr(one) == repr(two)
    assert (probing._digest([one]) == probing._digest([two])) is same
    assert probing._digest([one]) == probing._digest(json.loads(json.dumps([one])))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.random.default_rng(3), "generator"),
        (np.random.RandomState(3), "generator"),
        (np.arange(3.0), "array"),
        (np.float64(2.0), "float"),
        (deque([1, 2]), "deque"),
        (iter([1, 2]), "iterator"),
        ({1, 2}, "set"),
        (SimpleNamespace(state_dict=lambda: {"step": 3}), "stateful"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_is_looked_at_as_a_whole(value: Any, kind: str) -> None:
    leaf = probing._leaf(value, 3)
    assert leaf is not None
    assert leaf[0] == kind


def test_torchs_objects_say_what_they_are() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 1)
    sgd = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(sgd, 1)
    things = [sgd, schedule, model, torch.Generator(), torch.zeros(2)]
    leaves = [probing._leaf(thing, 3) for thing in things]
    assert [leaf[0] if leaf else "" for leaf in leaves] == [
        "optimizer", "schedule", "module", "generator", "array",
    ]  # fmt: skip
    before = probing._digest(model.state_dict())
    with torch.no_grad():
        model.weight.add_(1.0)
    assert probing._digest(model.state_dict()) != before


def test_what_cannot_be_read_is_passed_over_and_the_rest_is_bounded(tmp_path: Path) -> None:
    class Broken:
        @property
        def state_dict(self) -> object:
            raise RuntimeError("not now")

    broken = Broken()
    many = {str(i): {str(j): [[j]] for j in range(90)} for i in range(90)}
    circle: list[Any] = [{}]
    circle[0]["self"] = circle
    Probe(str(tmp_path), 0, __file__).look("report", 1)
    state = json.loads((tmp_path / "0.jsonl").read_text())["state"]
    assert len(state) <= probing._MOST
    assert not any("broken" in name for name in state)
    assert len(many) + len(circle) == 91
    assert isinstance(broken, Broken)
