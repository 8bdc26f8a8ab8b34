"""Text and colours of figures: both come from elsewhere, and neither may do anything.

Figures name colours by their place in a theme: ``@0`` to ``@7``, ``@3/0.2`` (with an opacity),
``@muted``. The page puts in those of its light or dark theme; ``resolved`` those of the light one.

Invariants (tests/analysis/pictures/test_ink.py):
- no text, whatever it is, becomes markup, a link or a placeholder of a figure;
- every colour of a figure is resolved, and what is no colour stays.

The first colours: Okabe and Ito, Color Universal Design, 2008, without black and yellow, which one
of the two themes would not show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LIGHT = {
    "0": "#0072b2",
    "1": "#d55e00",
    "2": "#00835f",
    "3": "#b5478a",
    "4": "#b07d00",
    "5": "#2f9fd8",
    "6": "#6a51c7",
    "7": "#7a5c3a",
    "muted": "#8a93a3",
    "ink": "#1b2230",
}
DARK = {
    "0": "#5ab0ee",
    "1": "#ff8a4c",
    "2": "#3ecf9f",
    "3": "#ee8cc3",
    "4": "#edc04d",
    "5": "#8ad4ff",
    "6": "#ae9bff",
    "7": "#cfa982",
    "muted": "#7f8a9c",
    "ink": "#e8ecf3",
}
COLOURS = 8
_PLACE = re.compile(r"@([0-7]|muted|ink)(?:/(0?\.\d+))?")
_TEXT_AT_MOST = 80
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "%": "&#37;", "@": "&#64;"})

Figure = dict[str, Any]  #: as of plotly: data, layout


def colour(number: int, opacity: float = 1.0) -> str:
    """Return the colour of the number-th of several things."""
    place = f"@{number % COLOURS}"
    return place if opacity == 1.0 else f"{place}/{opacity:g}"


def text(value: object) -> str:
    """Return any value as text that a figure shows as it is.

    >>> text("<b>x</b>")
    '&lt;b&gt;x&lt;/b&gt;'
    """
    told = " ".join(f"{value:.4g}".split() if isinstance(value, float) else str(value).split())
    told = "".join(c if c.isprintable() else "\ufffd" for c in told)
    if len(told) > _TEXT_AT_MOST:
        told = f"{told[: _TEXT_AT_MOST - 1]}…"
    return told.translate(_MARKUP)


def resolved(figure: Any, theme: Mapping[str, str] = LIGHT) -> Any:
    """Return a figure with the colours of a theme put in."""
    match figure:
        case dict():
            return {key: resolved(value, theme) for key, value in figure.items()}
        case list():
            return [resolved(value, theme) for value in figure]
        case str() if found := _PLACE.fullmatch(figure):
            return _with_opacity(theme[found[1]], found[2])
        case _:
            return figure


def _with_opacity(code: str, opacity: str | None) -> str:
    if opacity is None:
        return code
    red, green, blue = (int(code[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{float(opacity):g})"
