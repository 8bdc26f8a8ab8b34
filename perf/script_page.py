"""The page on faults in a training script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PAGE = """\
# Faults in a training script

<!-- written by perf/gate_scripts.py: change that, and run it -->

How surely the gate stops a change that puts a fault into the training script of `lstm_wikitext2`:
{runs} real runs per side of its variant `tiny`, stored in `scripts.json`, of which {gates} gates
are drawn, seeds fixed. Made by `python perf/gate_scripts.py`.

Four configs are fixed, with learning rates so high that the schedule has work to do; all pause
after epoch 3, two go on to epoch 4. The benchmark declares `sum:objective` and
`incumbent:objective` as `same`: what no change may move, up or down, is the sum of what its trials
reported last, and the best of it.

Percent of gates that FAIL. *Paired*: with `paired=True`, equal run ids share all seeds.

| fault | paired, strict | paired, sensitive | strict | sensitive | runs that differ |
|---|---|---|---|---|---|
{rows}

A fault that is seen in fewer than 95 of 100 gates is smaller than the noise of these runs: at such
learning rates some trials diverge, to perplexities of thousands that drown the sums. Without
dropout a model as small as this is even better, which `final` lets through: only what may not move
stops it. The profile `sensitive` sees more, at five times as many false alarms.

*Runs that differ*: what share of the run ids the fault changes at all. The script has no weight
decay that could be ignored, and reads its data in one order; clipping and half of the data take
their places.
"""


def page(rates: Mapping[str, Sequence[int]], curves: Mapping[str, Any], gates: int) -> str:
    """Return the page."""
    honest = next(iter(curves.values()))
    rows = [
        f"| {name} | {' | '.join(f'{100 * count / gates:.0f} %' for count in counts)} | "
        f"{_differing(honest, curves[name]):.0%} |"
        for name, counts in rates.items()
    ]
    return _PAGE.format(runs=len(honest), gates=gates, rows="\n".join(rows))


def _differing(honest: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    both = set(honest) & set(other)
    return sum(honest[one] != other[one] for one in both) / len(both) if both else 0.0
