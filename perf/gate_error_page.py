"""The page and the picture of the gate's error rates."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from gate_cells import EFFECTS, FAMILIES, KS, Cell, upper_limit

_ROW, _LEFT, _WIDTH = 16, 190, 760
_COLOURS = {"strict": "#1f6f8b", "sensitive": "#c98a2b"}


def page(cells: Sequence[Cell]) -> str:
    """Return the page."""
    false = [one for one in cells if one.effect == "none"]
    lines = [
        "# Error rates of the gate",
        "",
        "Simulated, seeds fixed; made by `python perf/gate_error_rates.py`. A suite has K tests",
        "with 20 baseline runs each. Sizes are in robust standard deviations of a score",
        "(IQR / 1.349).",
        "",
        "## False alarms",
        "",
        f"Nothing has changed. Percent of {false[0].suites:,} suites that are red, with the 95 %",
        "upper limit in brackets; runs: of the candidate, per test.",
        "",
        "| noise | K | strict | sensitive | runs |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.family} | {one.tests} | {_rate(one.strict, one.suites)} | "
        f"{_rate(one.sensitive, one.suites)} | {one.runs:.1f} |"
        for one in false
    ]
    lines += [
        "",
        "![False alarms by noise and number of tests](error-rates.svg)",
        "",
        "## Power",
        "",
        "Percent of suites that are red, strict / sensitive",
        f"({cells[1].suites:,} suites per cell: ± 3 points).",
        "",
    ]
    effects = [effect for effect in EFFECTS if effect != "none"]
    lines += ["| noise | K | " + " | ".join(effects) + " |", "|---|---|" + "---|" * len(effects)]
    for family in [*FAMILIES, "mixture"]:
        for tests in KS:
            row = {c.effect: c for c in cells if (c.family, c.tests) == (family, tests)}
            shown = [
                f"{100 * row[e].strict / row[e].suites:.0f} / "
                f"{100 * row[e].sensitive / row[e].suites:.0f}"
                for e in effects
            ]
            lines.append(f"| {family} | {tests} | " + " | ".join(shown) + " |")
    lines += [
        "",
        "Tests of one suite are independent here, and baselines are drawn anew for each suite.",
        "With a pinned baseline the rate over many baselines is the same, but false alarms of",
        "one baseline come together: an unlucky one alarms more often. Confirmation on fresh runs",
        "of the base commit is not simulated here: it only takes alarms back.",
        "",
        "See also: [false alarms on real tuning runs](tuning-runs.md); [commits that change",
        "nothing](unchanged.md); faults planted [in the tuner](planted.md) and [in a training",
        "script](scripts.md), seen by whole suites.",
        "",
    ]
    return "\n".join(lines)


def _rate(alarmed: int, suites: int) -> str:
    return f"{100 * alarmed / suites:.2f} ({100 * upper_limit(alarmed, suites):.2f})"


def picture(cells: Sequence[Cell]) -> str:
    """Return false alarms as dots with their upper limits, a row per noise and K."""
    false = [one for one in cells if one.effect == "none"]
    height = 40 + _ROW * len(false) + 20

    def x(rate: float) -> float:
        return _LEFT + rate / 0.07 * (_WIDTH - _LEFT - 30)

    parts = []
    for percent in range(8):
        at = x(percent / 100)
        dash = ' stroke-dasharray="4 3"' if percent in (1, 5) else ""
        colour = {1: _COLOURS["strict"], 5: _COLOURS["sensitive"]}.get(percent, "#e4e6e8")
        parts.append(f'<path d="M{at:.1f} 30V{height - 20}" stroke="{colour}"{dash}/>')
        parts.append(f'<text x="{at:.1f}" y="24" text-anchor="middle">{percent} %</text>')
    for row, one in enumerate(false):
        y = 40 + _ROW * row
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">'
            f"{escape(one.family)}, K = {one.tests}</text>"
        )
        for profile, colour in _COLOURS.items():
            alarmed = getattr(one, profile)
            rate, limit = alarmed / one.suites, upper_limit(alarmed, one.suites)
            parts.append(f'<path d="M{x(rate):.1f} {y}H{x(limit):.1f}" stroke="{colour}"/>')
            parts.append(f'<circle cx="{x(rate):.1f}" cy="{y}" r="3.5" fill="{colour}"/>')
    legend = "strict (at most 1 %) and sensitive (at most 5 %), with 95 % upper limits"
    parts.append(f'<text x="{_LEFT}" y="{height - 4}">{legend}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="11" fill="#222222">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
