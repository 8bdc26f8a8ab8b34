"""The page on planted faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from planted_faults import FAULTS
from planted_setups import SETUPS

Told = Mapping[str, Mapping[str, Mapping[str, Any]]]  #: by fault, by number of the gate

_PAGE = """\
# Planted faults

<!-- written by perf/gate_planted.py: change that, and run it -->

How surely the gate stops a change that puts a fault into the tuner. Simulated, seeds fixed
beforehand, made by `python perf/gate_planted.py`; `planted.json` has the verdict of each gate.

A gate is that of a suite of four setups with 20 baseline runs each. The fault is planted in the
code that all four share; a setup whose two repeated run ids decide the same passes at once, of the
others the engine asks for as many runs as it wants. No run id is used in two gates. *Detected*: the
verdict on the suite is FAIL.

| fault | what the code does | gates | strict | sensitive | setups that fail |
|---|---|---|---|---|---|
{rows}

| setup | what it is | declared scores |
|---|---|---|
{setups}

Which scores a benchmark declares decides what its gate sees. A wrong quantile, shifted rungs or
epochs that are run again leave the best loss nearly where it was within these budgets: a count of
the trials that were started, or of the epochs run again, shows them.
"""


def page(told: Told) -> str:
    """Return the page."""
    rows = [_row(fault.name, fault.what, told.get(fault.name, {})) for fault in FAULTS]
    setups = [
        f"| {one.name} | {one.what} | {', '.join(f'`{s}`: {d}' for s, d in one.scores.items())} |"
        for one in SETUPS
    ]
    return _PAGE.format(rows="\n".join(rows), setups="\n".join(setups))


def _row(name: str, what: str, gates: Mapping[str, Mapping[str, Any]]) -> str:
    ones = list(gates.values())
    strict, sensitive = (sum(one[rule] for one in ones) for rule in ("strict", "sensitive"))
    return (
        f"| {name} | {what} | {len(ones)} | {_rate(strict, len(ones))} | "
        f"{_rate(sensitive, len(ones))} | {_failing(ones)} |"
    )


def _rate(detected: int, gates: int) -> str:
    return f"{100 * detected / gates:.0f} %" if gates else "-"


def _failing(gates: Sequence[Mapping[str, Any]]) -> str:
    counts = [(name.name, sum(name.name in one["failed"] for one in gates)) for name in SETUPS]
    return ", ".join(f"{name} {count}" for name, count in counts if count) or "-"
