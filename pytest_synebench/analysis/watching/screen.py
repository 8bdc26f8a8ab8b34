"""The live view on a terminal, by rich; what it shows is text, never markup.

Invariants (tests/analysis/watching/test_watch.py):
- whatever is in a status, a screen can be made of it, and has its numbers.
"""

from __future__ import annotations

from typing import Any

from pytest_synebench.analysis.watching.status import Status

_BAR = 24  #: signs of a bar of a rung
_COLOURS = {
    "completed": "green",
    "stopped": "yellow",
    "paused": "cyan",
    "failed": "red",
    "running": "magenta",
}


def screen(now: Status) -> Any:
    """Return what rich shows of a status."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    head = Text()
    for state, number in now.states.items():
        head.append(f"{number} {state}   ", style=_COLOURS.get(state, ""))
    asked = f"of {now.asked} trials   " if now.asked is not None else ""
    head.append(f"{asked}{now.units} {now.unit}s, {now.rate:.3g} a minute   {now.at_s:.0f} s")
    parts: list[Any] = [head, Text()]
    if now.best is not None:
        best = Text("best ", style="bold")
        best.append(f"{now.metric} {now.best:.6g}", style="bold green")
        best.append(f"  trial {now.best_trial}, {now.unit} {now.best_level}  ")
        best.append(now.best_config, style="dim")
        parts.append(best)
    if now.rungs:
        parts += [Text(), _rungs(now)]
    if now.running:
        parts += [Text(), _running(now)]
    if now.ended:
        colour = "green" if now.finished else "yellow"
        word = "finished" if now.finished else "interrupted"
        parts += [Text(), Text(f"{word}: {now.ended}", style=f"bold {colour}")]
    return Panel(Group(*parts), title=Text(now.name), title_align="left", padding=(1, 2))


def _rungs(now: Status) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in (now.unit, "reached", "moved on", ""):
        table.add_column(Text(name), justify="left" if not name else "right")
    most = max(moved + ended for _, moved, ended in now.rungs) or 1
    for level, moved, ended in now.rungs:
        bar = Text("█" * round(_BAR * moved / most), style="green")
        bar.append("░" * round(_BAR * ended / most), style="yellow")
        table.add_row(str(level), str(moved + ended), str(moved), bar)
    return table


def _running(now: Status) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("running", now.unit, now.metric, "config"):
        table.add_column(Text(name), no_wrap=True, overflow="ellipsis")
    for one in now.running:
        until = f"/{one.until}" if one.until else ""
        value = "" if one.value is None else f"{one.value:.5g}"
        row = (f"#{one.trial}", f"{one.level}{until}", value, one.config)
        table.add_row(*(Text(text) for text in row))
    if now.running_more:
        table.add_row(Text(f"and {now.running_more} more"))
    return table
