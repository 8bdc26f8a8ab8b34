"""The page on faults in a training script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PAGE = """\
# Faults in a training script

<!-- written by perf/gate_scripts.py: change that, and run it -->

How surely the gate stops a change that puts a fault into the training script of `lstm_wikitext2`:
{runs} real runs of its variant `tiny` with the script as it is, and as many with each fault where
the table does not say otherwise, stored in `scripts.json`; {gates} gates are drawn of them, seeds
fixed, with 20 run ids a side, or half of what there is. Made by `python perf/gate_scripts.py`,
which trains what is not stored yet.

The setting was fixed before the runs. It is that of somebody who tests a training script, not a
search: four fixed configs with the largest learning rates at which nothing diverges, since plain
SGD that anneals on a plateau is used so; 10 epochs, because the schedule has annealed most configs
by then; a pause after epoch 8, from which two of four go on, so that what a resume loses is in what
is reported last. The script reports the losses on training and validation data, and the benchmark
declares `sum:val_loss` and `sum:train_loss` as `same`: what no change may move, up or down, is the
sum of what its trials reported last. Losses are logarithms of perplexities, so no trial drowns the
others. The learning rates were chosen by curves of the script as it is; three runs of each of the
first three faults, which are not among the stored ones, showed that they change something.

Percent of gates that FAIL. *Paired*: with `paired=True`, equal run ids share all seeds.

| fault | runs | paired, strict | paired, sensitive | strict | sensitive | runs that differ |
|---|---|---|---|---|---|---|
{rows}

A fault whose runs are not all there yet may be missing: the program lists them all. One that is
seen in fewer than 95 of 100 gates is smaller than the noise of 20 such runs. Pairing takes away
what the seeds do, as long as a fault does not change how they are used; without it only large
faults are seen. Learning rates that made a trial in four diverge, and sums of perplexities, were
the setting before: two of these faults were seen then.

A gate sees what a fault does to results. That a script resumes wrongly need not be guessed from
them: `--synebench-verify-resume` compares bit by bit, and names the schedule that is lost, as soon
as it has trained until the schedule anneals (`--max_resource_level 12` here).

*Runs that differ*: what share of the run ids the fault changes at all. The script has no weight
decay that could be ignored, no momentum to be lost, and reads its data in one order.
"""


def page(rates: Mapping[str, Sequence[int]], curves: Mapping[str, Any], gates: int) -> str:
    """Return the page."""
    honest = next(iter(curves.values()))
    rows = []
    for name, counts in rates.items():
        shares = " | ".join(f"{100 * count / gates:.0f} %" for count in counts)
        differing = f"{_differing(honest, curves[name]):.0%}"
        rows.append(f"| {name} | {len(curves[name])} | {shares} | {differing} |")
    return _PAGE.format(runs=len(honest), gates=gates, rows="\n".join(rows))


def _differing(honest: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    both = set(honest) & set(other)
    return sum(honest[one] != other[one] for one in both) / len(both) if both else 0.0
