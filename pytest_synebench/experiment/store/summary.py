"""What a person wants to know of an experiment: while it runs, and when it is over.

Invariants (tests/experiment/store/test_summary.py):
- the best value is in the user's sign, with the trial and level it was seen at;
- the command line runs that config by hand; it is quoted for a shell.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.trial import Config, TrialId, TrialState

_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """An experiment, for the lines at the end of a run."""

    name: str  #: benchmark::id
    metric: str
    mode: str
    best: float | None  #: in the user's sign; None: no finite report
    best_trial: TrialId | None
    best_level: int
    command: str  #: runs the best config by hand; "" where there is none
    outcomes: dict[str, int]  #: trials by state, in the order of TrialState
    unit: str  #: what the benchmark calls a resource unit: "epoch"
    units: int  #: resource units of results
    saved: int  #: units that resuming from checkpoints spared
    repeated: int  #: units run again for want of a checkpoint
    wall_s: float
    dataset: str
    directory: Path
    reason: str
    finished: bool
    resumes: dict[str, int] = field(default_factory=dict)  #: how many came to what
    kept: str = ""  #: what the checkpoint_store has; "": there is none
    cost: str = ""  #: of jobs, and by which price; "": there are none
    fenced: bool = False  #: another session has it now
    remarks: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, which any channel can carry."""
        return {**asdict(self), "directory": str(self.directory), "remarks": list(self.remarks)}


def of(plan: Plan, table: TrialTable, ledger: Ledger | None, directory: Path) -> Summary:
    """Return what the journal says of an experiment; how it ended is added by whoever knows."""
    best = table.best
    return Summary(
        name=plan.name,
        metric=plan.definition.metric,
        mode=plan.definition.mode,
        best=None if best is None else signed(best.loss, plan.definition.mode),
        best_trial=None if best is None else best.trial_id,
        best_level=0 if best is None else best.resource,
        command="",
        outcomes=outcomes(table),
        resumes=resumes(table),
        unit=plan.definition.resource_attr or "level",
        units=table.units,
        saved=table.saved,
        repeated=table.repeated,
        wall_s=0.0,
        dataset=plan.definition.dataset,
        directory=directory,
        reason="",
        finished=False,
        kept=kept(plan, table, ledger),
    )


def command_line(plan: Plan, config: Config) -> str:
    """Return the command that runs a complete config by hand."""
    words = [plan.definition.interpreter or "python", str(plan.definition.script)]
    for key, value in config.items():
        if value is not None:
            # argparse takes a value that begins with a dash for an option.
            text = str(value)
            words += [f"--{key}={text}"] if text.startswith("-") else [f"--{key}", text]
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """Return a word for a shell, in signs that a terminal shows and does not obey."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_spelled, word)) + "'"


def _spelled(sign: str) -> str:
    if sign in "\\'":
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    return f"\\x{ord(sign):02x}" if ord(sign) < 0x80 else f"\\U{ord(sign):08x}"


def outcomes(table: TrialTable) -> dict[str, int]:
    """Return how many trials are in each state; states without any are left out."""
    count = Counter(trial.state for trial in table.trials.values())
    return {state.value: count[state] for state in TrialState if count[state]}


def resumes(table: TrialTable) -> dict[str, int]:
    """Return how many resumed attempts began where they should, anew, or after a refusal."""
    kinds = ("resumed", "fresh", "REJECTED")
    texts = [text for trial in table.trials.values() for text in trial.resumes.values()]
    count = Counter(next(k for k in reversed(kinds) if k in text) for text in texts)
    return {kind: count[kind] for kind in kinds if count[kind]}


def counts(table: TrialTable) -> dict[str, dict[str, int]]:
    """Return what a run comes to: trials by state, resource units, and what resuming did."""
    units = {"run": table.units, "saved": table.saved, "repeated": table.repeated}
    return {"trials": outcomes(table), "units": units, "resumes": resumes(table)}


def signed(loss: float, mode: str) -> float:
    """Return a loss as the user's metric."""
    return -loss if mode == "max" else loss


def status(
    plan: Plan, table: TrialTable, at_s: float, ledger: Ledger | None = None, cost: str = ""
) -> str:
    """Return one line on a running experiment; ``cost`` is what its jobs cost so far."""
    trials = table.trials.values()
    ended = sum(trial.state.final for trial in trials)
    paused = sum(trial.state is TrialState.PAUSED for trial in trials)
    parts = [f"{ended}/{plan.num_trials} ended"]
    if paused:
        parts.append(f"{paused} paused")
    running = " ".join(_where(plan, trial, ledger) for trial in table.running())
    if running:
        parts.append(f"running {running}")
    if table.best is not None:
        best = signed(table.best.loss, plan.definition.mode)
        parts.append(f"best {plan.definition.metric}={best:.5g} (#{table.best.trial_id})")
    parts.append(f"{at_s:.0f} s")
    return ", ".join([*parts, cost] if cost else parts)


def _where(plan: Plan, trial: TrialRecord, ledger: Ledger | None) -> str:
    last = trial.until or plan.max_resource
    kept = f" (kept {ledger.level(trial.id, trial.level)})" if ledger and trial.level else ""
    return f"#{trial.id}@{trial.level}" + (f"/{last}" if last else "") + kept


def kept(plan: Plan, table: TrialTable, ledger: Ledger | None) -> str:
    """Return what the store of checkpoints has: the last level of each trial that has one."""
    if ledger is None:
        return ""
    levels = {trial.id: ledger.level(trial.id, trial.level) for trial in table.trials.values()}
    found = [f"#{trial_id}@{level}" for trial_id, level in levels.items() if level]
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    shown = " ".join(found[:_MOST_SHOWN]) or "none"
    where = "the jobs' bucket" if plan.remote else plan.params["checkpoint_store"]
    return f"{shown}{more}, kept in {where}"


def lines(one: Mapping[str, Any]) -> list[str]:
    """Return the lines on one experiment, given as ``Summary.plain`` does."""
    out = [f"{one['name']}"]
    if one["best"] is None:
        out.append(f"  best: no finite {one['metric']} was reported")
    else:
        place = f"trial {one['best_trial']}, {one['unit']} {one['best_level']}, mode {one['mode']}"
        out += [f"  best: {one['metric']} {one['best']:.5g} ({place})", f"    {one['command']}"]
    # Running, although it is over: a criterion or an interruption has cut them off.
    counts = ", ".join(f"{n} {state}" for state, n in one["outcomes"].items()) or "none"
    counts = counts.replace("running", "unfinished")
    out.append(f"  trials: {counts}; {_units(one)}")
    out.append(f"  ended after {one['wall_s']:.1f} s: {one['reason']}")
    if one.get("resumes"):
        told = ", ".join(f"{n} {kind}" for kind, n in one["resumes"].items())
        out.append(f"  resumes: {told}")
    if one.get("kept"):
        out.append(f"  checkpoints: {one['kept']}")
    if one.get("cost"):
        out.append(f"  cost: {one['cost']}")
    if one["dataset"]:
        out.append(f"  data: {one['dataset']}")
    out.append(f"  files: {one['directory']}")
    out += [f"  note: {remark}" for remark in one["remarks"]]
    return out


def _units(one: Mapping[str, Any]) -> str:
    text = f"{one['unit']}s: {one['units']} run, {one['saved']} saved by resuming"
    return text + (f", {one['repeated']} repeated" if one["repeated"] else "")
