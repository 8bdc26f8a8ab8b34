"""Writes the page of figures: ``README.md``, ``figures.svg`` and ``measurements.json``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plot
from rows import ROWS, Row

_OURS = "pytest-synebench"
_INTRODUCTION = """\
# Performance

<!-- written by perf/run.py: change that, and run `tox -e perf` -->

What pytest-synebench costs, beside other systems on the same work: {date}, {processor},
{processors} processors, {memory_gib} GiB, {system}, Python {python}.

![each system's figure in each row, on a logarithmic scale](figures.svg)

Dashed: what was set as the most that ours may take.

## How it is measured

- `tox -e perf` makes an environment for each system and measures. `tox -e perf -- --quick` takes
  less than five minutes and leaves slow systems out; `-- --ours` measures this project alone. Both
  write their page elsewhere.
- Each figure is the median of *n* runs, with the smallest and the largest. Within a row the systems
  take turns.
- *load* is the one-minute load average before a run; *others* is the share of all processors that
  other programs had during it; the largest of the *n* runs is shown. Where they are high, compare
  ratios only.
- Wall times begin when the system is about to start its first trial. CPU is that of the whole
  process tree.
- Every system runs the same script, which reports in that system's way. *Bare script*: it prints
  the line that Syne Tune's `Reporter` would print, and so saves its import. Syne Tune asks for news
  every `sleep_time`, 5 s by default; 0.01 s is a tuned value.
- *warm* and *cold* are values of `--launch`; everything else of ours is at its defaults: journal,
  logs and fsync are on.
{quick}
"""
_GROWTH = """\
## From 1,000 to 10,000 trials

![what an event, a simulated report and a trial's memory cost, on logarithmic scales](growth.svg)

A level line: what one costs does not depend on how many there were before."""
_QUICK = "- **These are the figures of a quick run: one measurement each.**\n"


def write(folder: Path, outcomes: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> None:
    """Write the page, the plot and the data."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for row in ROWS.values() if any(one["row"] == row.key for one in outcomes)]
    quick = _QUICK if facts.get("quick") else ""
    parts = [_INTRODUCTION.format(date=facts["date"], quick=quick, **facts["machine"]).rstrip()]
    growing = [lines for row in rows if (lines := _growth(row, outcomes)).ends]
    parts += [_GROWTH] * bool(growing)
    parts += [_section(row, outcomes) for row in rows]
    parts.append(_versions(facts["versions"]))
    (folder / "README.md").write_text("\n\n".join(parts) + "\n")
    data = {**facts, "outcomes": list(outcomes)}
    (folder / "measurements.json").write_text(json.dumps(data, indent=1) + "\n")
    panels = [_panel(row, outcomes) for row in rows]
    (folder / "figures.svg").write_text(plot.draw([panel for panel in panels if panel.bars]))
    if growing:
        (folder / "growth.svg").write_text(plot.draw_growth(growing))


def _by_system(
    row: Row, outcomes: Sequence[Mapping[str, Any]]
) -> dict[str, list[Mapping[str, Any]]]:
    out: dict[str, list[Mapping[str, Any]]] = {}
    for one in outcomes:
        if one["row"] == row.key:
            out.setdefault(one["system"], []).append(one)
    return out


def _section(row: Row, outcomes: Sequence[Mapping[str, Any]]) -> str:
    goal = f" To reach: {row.goal}." if row.goal else ""
    head = ["system", "n", *row.columns.values(), "load", "others"]
    lines = [
        f"## {row.title[0].upper()}{row.title[1:]}",
        "",
        f"{row.what}{goal}",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    for system, ones in _by_system(row, outcomes).items():
        lines.append(f"| {' | '.join(_cells(row, system, ones))} |")
    return "\n".join(lines)


def _cells(row: Row, system: str, ones: Sequence[Mapping[str, Any]]) -> list[str]:
    good = [one for one in ones if "figures" in one]
    name = f"**{system}**" if system.startswith(_OURS) else system
    if not good:
        reason = " ".join(ones[-1]["failed"].split()).replace("|", "/")[:160]
        return [name, "0", f"failed: {reason}", *[""] * (len(row.columns) + 1)]
    cells = [
        _spread([one["figures"][key] for one in good if key in one["figures"]])
        for key in row.columns
    ]
    load = max(one.get("load", 0.0) for one in good)
    others = [f"{one['others']:.0%}" for one in sorted(good, key=_others) if "others" in one]
    return [name, str(len(good)), *cells, f"{load:.1f}", *(others[-1:] or [""])]


def _others(one: Mapping[str, Any]) -> float:
    return float(one.get("others", 0.0))


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle = number(statistics.median(values))
    if len(values) == 1 or min(values) == max(values):
        return middle
    return f"{middle} [{number(min(values))}-{number(max(values))}]"


def number(value: float) -> str:
    """Return a number with three digits that count.

    >>> number(1234.5), number(12.345), number(0.012345), number(0.0)
    ('1,234', '12.3', '0.0123', '0')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".") if value else "0"


def _versions(versions: Mapping[str, Mapping[str, str]]) -> str:
    lines = ["## Versions", "", "| environment | versions |", "|---|---|"]
    for name, found in versions.items():
        told = ", ".join(f"{key} {value}" for key, value in found.items())
        lines.append(f"| {name} | {told} |")
    return "\n".join(lines)


def _growth(row: Row, outcomes: Sequence[Mapping[str, Any]]) -> plot.Growth:
    late, ends = next(iter(row.columns)), []
    for system, ones in _by_system(row, outcomes).items():
        good = [one["figures"] for one in ones if row.early in one.get("figures", {})]
        if good:
            early, last = (statistics.median(one[key] for one in good) for key in (row.early, late))
            text = f"{number(early)} → {number(last)}"
            ends.append(plot.Ends(system, early, last, text, system.startswith(_OURS)))
    return plot.Growth(f"{row.title}, μs", tuple(ends))


def _panel(row: Row, outcomes: Sequence[Mapping[str, Any]]) -> plot.Panel:
    key, unit = next(iter(row.columns.items()))
    bars = []
    for system, ones in _by_system(row, outcomes).items():
        values = [one["figures"][key] for one in ones if "figures" in one]
        if values and statistics.median(values) > 0:
            middle = statistics.median(values)
            text = number(middle)
            ours = system.startswith(_OURS)
            bars.append(
                plot.Bar(system, middle, max(min(values), middle / 20), max(values), text, ours)
            )
    return plot.Panel(f"{row.title} ({unit})", tuple(bars), row.limit)
