"""Draws the figures as one SVG: a panel per row, a bar per system, on logarithmic scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _LABELS, _RIGHT = 960, 390, 70  # pixels
_BAR, _HEAD, _GAP = 18, 36, 16
_OURS, _THEIRS, _INK, _FAINT = "#1f6f8b", "#b9bec4", "#222222", "#e4e6e8"
_LIMIT = "#c0392b"
_HALO = 'stroke="#ffffff" stroke-width="3" paint-order="stroke"'  # a line behind leaves it legible


class Bar(NamedTuple):
    """One system's figure."""

    name: str
    middle: float
    low: float
    high: float
    text: str
    ours: bool


class Panel(NamedTuple):
    """One row."""

    title: str
    bars: tuple[Bar, ...]
    limit: float | None  #: what ours may be at most; drawn as a dashed line


def draw(panels: Sequence[Panel]) -> str:
    """Return the picture."""
    parts, top = [], 10
    for panel in panels:
        parts.append(_panel(panel, top))
        top += _HEAD + _BAR * len(panel.bars) + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}">\n'
        f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _panel(panel: Panel, top: int) -> str:
    values = [value for bar in panel.bars for value in (bar.low, bar.high)]
    values += [panel.limit] if panel.limit else []
    first = math.floor(math.log10(min(values)) - 0.3)
    last = max(math.ceil(math.log10(max(values))), first + 1)

    def x(value: float) -> float:
        share = (math.log10(value) - first) / (last - first)
        return _LABELS + max(0.0, share) * (_WIDTH - _LABELS - _RIGHT)

    begin, end = top + _HEAD, top + _HEAD + _BAR * len(panel.bars)
    lines = [f'<text x="10" y="{top + 14}" font-weight="bold">{escape(panel.title)}</text>']
    lines += [_tick(x(10.0**power), begin, end, power) for power in range(first, last + 1)]
    drawn = [
        _bar(bar, begin + i * _BAR, x(bar.middle), x(bar.low), x(bar.high))
        for i, bar in enumerate(panel.bars)
    ]
    lines += [bars for bars, _ in drawn]
    if panel.limit is not None:
        at = x(panel.limit)
        lines.append(
            f'<path d="M{at:.1f} {begin}V{end}" stroke="{_LIMIT}" stroke-dasharray="4 3"/>'
        )
    lines += [text for _, text in drawn]
    return "\n".join(lines)


def _tick(at: float, begin: int, end: int, power: int) -> str:
    return (
        f'<path d="M{at:.1f} {begin}V{end}" stroke="{_FAINT}"/>'
        f'<text x="{at:.1f}" y="{begin - 4}" text-anchor="middle" fill="#777777" '
        f'font-size="10">{10.0**power:,g}</text>'
    )


def _bar(bar: Bar, top: int, middle: float, low: float, high: float) -> tuple[str, str]:
    """Return the bar with its name, and its value, which stands before everything else."""
    centre = top + _BAR / 2
    colour, weight = (_OURS, "bold") if bar.ours else (_THEIRS, "normal")
    at = f'y="{centre + 4}" font-weight="{weight}"'
    drawn = (
        f'<text x="{_LABELS - 8}" {at} text-anchor="end">{escape(bar.name)}</text>'
        f'<rect x="{_LABELS}" y="{top + 3}" width="{max(1.0, middle - _LABELS):.1f}" '
        f'height="{_BAR - 6}" fill="{colour}"/>'
        f'<path d="M{low:.1f} {centre}H{high:.1f}" stroke="{_INK}"/>'
    )
    value = f'<text x="{max(middle, high) + 6:.1f}" {at} {_HALO}>{escape(bar.text)}</text>'
    return drawn, value


class Ends(NamedTuple):
    """One system's figure in a short experiment and in a long one."""

    name: str
    early: float
    late: float
    text: str
    ours: bool


class Growth(NamedTuple):
    """How the figures of a row grow."""

    title: str
    ends: tuple[Ends, ...]


_HEIGHT, _LEFT, _GROWN = 300, 60, 420  # pixels: of a panel, where its lines begin and end
_FOOT = 24  # pixels: below a panel, where it says how many trials there are


def draw_growth(panels: Sequence[Growth]) -> str:
    """Return a picture of lines, from 1,000 trials on the left to 10,000 on the right."""
    each = _HEAD + _HEIGHT + _FOOT + _GAP
    height = 10 + len(panels) * each
    parts = [_lines(panel, 10 + i * each) for i, panel in enumerate(panels)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _lines(panel: Growth, top: int) -> str:
    values = [value for one in panel.ends for value in (one.early, one.late)]
    first = math.floor(math.log10(min(values)))
    last = max(math.ceil(math.log10(max(values))), first + 1)
    begin, end = top + _HEAD, top + _HEAD + _HEIGHT

    def y(value: float) -> float:
        return end - (math.log10(value) - first) / (last - first) * _HEIGHT

    lines = [f'<text x="10" y="{top + 14}" font-weight="bold">{escape(panel.title)}</text>']
    for power in range(first, last + 1):
        at = y(10.0**power)
        lines.append(
            f'<path d="M{_LEFT} {at:.1f}H{_GROWN}" stroke="{_FAINT}"/>'
            f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end" fill="#777777" '
            f'font-size="10">{10.0**power:,g}</text>'
        )
    for at, anchor, trials in ((_LEFT, "start", "1,000 trials"), (_GROWN, "end", "10,000 trials")):
        lines.append(
            f'<text x="{at}" y="{end + 18}" text-anchor="{anchor}" fill="#777777">{trials}</text>'
        )
    # Names stand beside the right ends, moved apart where these are close.
    below = begin - 14.0
    for one in sorted(panel.ends, key=lambda one: -one.late):
        colour, weight = (_OURS, "bold") if one.ours else ("#8a9097", "normal")
        below = max(below + 14, y(one.late))
        lines.append(
            f'<path d="M{_LEFT} {y(one.early):.1f}L{_GROWN} {y(one.late):.1f}" stroke="{colour}" '
            f'stroke-width="2" fill="none"/>'
            f'<text x="{_GROWN + 8}" y="{below + 4:.1f}" font-weight="{weight}">'
            f"{escape(one.name)}: {escape(one.text)}</text>"
        )
    return "\n".join(lines)
