"""How surely the gate sees faults in a training script: real runs, stored, gates resampled of them.

    python perf/gate_scripts.py [--runs N] [--gates N] [--docs DIR]

Run ids 0 to N - 1 of ``lstm_wikitext2``, variant ``tiny``, are trained with the script as it is and
with each fault; those that are stored already are not trained again. Their four configs are fixed;
they pause after epoch 8, and two go on to epoch 10. A gate draws 20 run ids for its baseline and as
many for the candidate, paired (the same ones) or not (others), seeds fixed.

It writes docs/gate/scripts.json, the runs, and docs/gate/scripts.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from script_page import page

from pytest_synebench.analysis.curves import Curve, Step, incumbent
from pytest_synebench.analysis.gate.engine import Ask, Case, Suite, judge
from pytest_synebench.analysis.gate.rules import LEAST_BASELINE_RUNS, SENSITIVE, STRICT, Rule
from pytest_synebench.analysis.gate.verdicts import Verdict
from pytest_synebench.analysis.scores import run_scores
from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.durable import replace_file
from pytest_synebench.experiment.assembly import Site
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.directories import versions
from pytest_synebench.plugin.compat import walk_declarations
from pytest_synebench.scoring import Declared
from pytest_synebench.space import keyed_random

DOCS = Path(__file__).resolve().parents[1] / "docs" / "gate"
BASELINE_RUNS, RUNS, GATES = 20, 60, 100
HONEST = "as it is"


class Fault(NamedTuple):
    """A fault: a line of the script, and what stands there instead."""

    name: str
    right: str
    wrong: str


FAULTS = (
    Fault(
        "learning-rate schedule lost on resume",
        "    report = Reporter()\n",
        '    mutable_state["lr"] = config["lr"]\n    report = Reporter()\n',
    ),
    Fault("learning rate never annealed", 'state["lr"] /= lr_factor', "pass"),
    Fault("dropout ignored", 'nn.Dropout(config["dropout"])', "nn.Dropout(0.0)"),
    Fault("dropout left on in validation", "model.eval()", "model.train()"),
    Fault(
        "trained on half of the data",
        "batchify(corpus.train, ",
        "batchify(corpus.train[: len(corpus.train) // 2], ",
    ),
    Fault(
        "validated on training data",
        "batchify(corpus.valid, ",
        "batchify(corpus.train[: len(corpus.valid)], ",
    ),
    Fault(
        "gradients not clipped",
        'nn.utils.clip_grad_norm_(model.parameters(), config["clip"])',
        "pass",
    ),
    Fault(
        "weights lost on resume",
        "    report = Reporter()\n",
        "    if resume_from:\n"
        "        model.load_state_dict(kind(len(corpus.words), config).state_dict())\n"
        "    report = Reporter()\n",
    ),
    Fault(
        "batch size ignored",
        'batchify(corpus.train, config["batch_size"], device)',
        "batchify(corpus.train, 20, device)",
    ),
)
#: Learning rate times bound of the gradient is 5 to 10: the largest at which nothing diverges.
CONFIGS = [
    {"lr": 20.0, "clip": 0.25, "batch_size": 8, "dropout": 0.2, "lr_factor": 4.0},
    {"lr": 10.0, "clip": 0.5, "batch_size": 8, "dropout": 0.2, "lr_factor": 4.0},
    {"lr": 20.0, "clip": 0.5, "batch_size": 8, "dropout": 0.1, "lr_factor": 4.0},
    {"lr": 10.0, "clip": 0.5, "batch_size": 16, "dropout": 0.4, "lr_factor": 4.0},
]
PARAMS = {
    "points_to_evaluate": CONFIGS,
    "grace_period": 8,  # by then most configs have annealed their learning rate once
    "max_resource_level": 10,
    "deterministic": True,
}
DECLARED = {"sum:val_loss": Declared("same"), "sum:train_loss": Declared("same")}


class Told(NamedTuple):
    """What is stored of a run."""

    curve: Curve
    declared: Mapping[str, float]  #: scores by name


Runs = Mapping[str, Mapping[str, Told]]  #: by side, by run id


def trained(fault: Fault | None, run_id: int, folder: Path, nursery: Nursery) -> Told:
    """Train one run; trials of all runs are forked from the same processes."""
    definition = import_module("pytest_synebench.benchmarks.lstm_wikitext2.benchmark")
    [declaration] = walk_declarations(definition)
    [tiny] = [one for one in declaration.variants if one.id == "tiny"]
    params = {name: row.default for name, row in GLOBALS.items()}
    params |= {**declaration.default_params, **tiny.overrides, **PARAMS}
    benchmark = declaration.function(params)
    benchmark = dataclasses.replace(benchmark, script=_script(benchmark.script, fault, folder))
    plan = Plan(
        benchmark="lstm_wikitext2",
        variant="tiny",
        params=params,
        definition=benchmark,
        run_id=run_id,
    )
    run = Run.open(plan, root=folder / "runs", site=Site(nursery=nursery))
    try:
        while not run.done:
            run.pump(0.2)
    finally:
        run.close()
    trials = list(run.trials.values())
    told = run_scores(trials, 1, mode="max", declared=DECLARED)
    return Told(incumbent(trials), {name: told[name] for name in DECLARED})


def _script(script: Path, fault: Fault | None, folder: Path) -> Path:
    where = folder / "lstm_wikitext2"
    if not where.exists():
        shutil.copytree(script.parent, where)
        text = (where / script.name).read_text()
        if fault is not None:
            if text.count(fault.right) != 1:
                raise SystemExit(f"{fault.name}: the script has no single {fault.right!r}")
            (where / script.name).write_text(text.replace(fault.right, fault.wrong))
    return where / script.name


def detected(number: int, sides: tuple[Runs, str], rule: Rule, *, paired: bool) -> bool:
    """Return whether a gate, drawn anew from the stored runs, fails a side."""
    curves, side = sides
    both = sorted(set(curves[HONEST]) & set(curves[side]), key=int)
    drawn = keyed_random("scripts", number).sample(both, min(len(both), 2 * BASELINE_RUNS))
    first = drawn[: len(drawn) // 2]
    second = first if paired else drawn[len(drawn) // 2 :]
    before = [curves[HONEST][run_id] for run_id in first]
    now = [curves[side][run_id] for run_id in second]
    units = max(one.curve.units for one in before)
    suite, runs = Suite(rule=rule, setups=1, declared=len(DECLARED)), 0
    while True:
        case = Case(
            name=side,
            baseline=_scores(before, units),
            candidate=_scores(now[:runs], units),
            declared=DECLARED,
            paired=paired,
            same=False,
        )
        answer = judge(case, suite)
        if not isinstance(answer, Ask):
            return answer.verdict is Verdict.FAIL
        runs = answer.runs


def _scores(runs: Sequence[Told], units: int) -> dict[str, list[float]]:
    each = [one.curve.scores(units) for one in runs]
    return {
        "final": [one["final"] for one in each],
        "area": [one["area"] for one in each],
        **{name: [one.declared[name] for one in runs] for name in DECLARED},
    }


def rates(curves: Runs, fault: str, gates: int) -> list[int]:
    """Return in how many gates a fault is detected: strict and sensitive, paired; then not."""
    ways = [(rule, paired) for paired in (True, False) for rule in (STRICT, SENSITIVE)]
    return [
        sum(detected(i, (curves, fault), rule, paired=paired) for i in range(gates))
        for rule, paired in ways
    ]


def read(path: Path) -> dict[str, dict[str, Told]]:
    """Return the stored runs."""
    told: dict[str, Any] = json.loads(path.read_text())["runs"] if path.exists() else {}
    return {
        side: {run_id: _told(one["steps"], one["scores"]) for run_id, one in runs.items()}
        for side, runs in told.items()
    }


def _told(steps: Sequence[Sequence[float]], scores: Mapping[str, float | str]) -> Told:
    curve = Curve(tuple(Step(int(u), loss) for u, loss in steps), min(loss for _, loss in steps))
    return Told(curve, {name: float(value) for name, value in scores.items()})


def write(path: Path, curves: Runs) -> None:
    """Store runs."""
    runs = {
        side: {
            run_id: {
                "steps": _short(one.curve.steps),
                "scores": {
                    name: _rounded(value) if math.isfinite(value) else str(value)
                    for name, value in one.declared.items()
                },
            }
            for run_id, one in of.items()
        }
        for side, of in curves.items()
    }
    text = json.dumps({"versions": versions(), "runs": runs}, sort_keys=True) + "\n"
    replace_file(path, text.encode())


def _short(steps: Sequence[Step]) -> list[list[float]]:
    """Return steps without those at which nothing has changed."""
    after = [*(step.loss for step in steps[1:]), None]
    return [
        [step.units, _rounded(step.loss)]
        for step, loss in zip(steps, after, strict=True)
        if loss != step.loss
    ]


def _rounded(value: float) -> float:
    return float(f"{value:.8g}")


def main() -> None:
    """Train what is not stored yet, and write what gates make of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=RUNS, help="per side")
    parser.add_argument("--gates", type=int, default=GATES, help="per fault")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the runs and the page go")
    given = parser.parse_args()
    kept = given.docs / "scripts.json"
    curves, seen = read(kept), {}
    for fault in (None, *FAULTS):
        side = HONEST if fault is None else fault.name
        of = curves.setdefault(side, {})
        with tempfile.TemporaryDirectory() as folder, Nursery() as nursery:
            for run_id in range(given.runs):
                if str(run_id) not in of:
                    of[str(run_id)] = trained(fault, run_id, Path(folder), nursery)
                    print(side, run_id, of[str(run_id)].curve.final, sep="\t", flush=True)
                    write(kept, curves)
        if fault is not None and given.runs >= 2 * LEAST_BASELINE_RUNS:
            seen[side] = rates(curves, side, given.gates)
            print(side, *seen[side], sep="\t", flush=True)
            (given.docs / "scripts.md").write_text(page(seen, curves, given.gates))
    if given.runs < 2 * LEAST_BASELINE_RUNS:
        raise SystemExit(f"{given.runs} runs are too few to draw gates from; they are stored")


if __name__ == "__main__":
    main()
