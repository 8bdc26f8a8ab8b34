"""What PyTorch's objects are is known by themselves: no name is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import planted_plan

from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.experiment.assembly import Site
from pytest_synebench.experiment.resuming.training import Subject
from pytest_synebench.experiment.resuming.verifying import Outcome, verify

SCRIPT = """
import argparse
import torch
from pytest_synebench.training import (
    Reporter, add_checkpointing_to_argparse, checkpoint_model_at_rung_level,
    pytorch_load_save_functions, resume_from_checkpointed_model,
)

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--epochs", type=int)
add_checkpointing_to_argparse(parser)
config = vars(parser.parse_args())
torch.set_num_threads(1)
torch.manual_seed(0)
data = torch.randn(32, 4)
net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.2), torch.nn.Linear(4, 1))
a = torch.optim.Adam(net.parameters(), lr=0.05)
b = torch.optim.lr_scheduler.StepLR(a, 2, 0.1)
g = torch.Generator().manual_seed(3)
objects = {"net": net, "a": a, "b": b}
load, save = pytorch_load_save_functions(objects, {})
report = Reporter()
for epoch in range(resume_from_checkpointed_model(config, load) + 1, config["epochs"] + 1):
    batch = data[torch.randperm(32, generator=g)[:16]]
    loss = ((net(batch) - batch.sum(1, keepdim=True)) ** 2).mean()
    a.zero_grad()
    loss.backward()
    a.step()
    b.step()
    checkpoint_model_at_rung_level(config, save, epoch)
    report(epoch=epoch, loss=loss.item())
"""


@pytest.mark.proof
def test_each_object_that_is_forgotten_is_called_what_it_is(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    nursery = Nursery()
    told = {}
    for name, script in {
        "generator": SCRIPT,
        "optimizer": SCRIPT.replace('"a": a, ', "").replace("generator=g", ""),
        "schedule": SCRIPT.replace(', "b": b', "").replace("generator=g", ""),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        plan = planted_plan(folder, script, epochs=3)
        subject = Subject(
            plan=plan, root=folder, store=str(folder / "s"), site=Site(nursery=nursery)
        )
        told[name] = verify(subject, examples=1)
    nursery.close()
    assert all(one.outcome is Outcome.DIFFERS for one in told.values()), told
    assert "hint: `g` (generator) is not what it was" in told["generator"].text
    assert "`a` (optimizer) is not what it was" in told["optimizer"].text
    assert "It looks like the optimiser's state (momentum, moments)" in told["optimizer"].text
    assert "`b` (schedule) is not what it was" in told["schedule"].text
    assert "the checkpoint holds: " in told["schedule"].text
    assert "checkpoint.pt (net, a)" in told["schedule"].text
