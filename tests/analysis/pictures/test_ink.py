from __future__ import annotations

import html

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.pictures.ink import DARK, LIGHT, colour, resolved, text
from pytest_synebench.testing.histories import SCALARS, TEXTS


@given(value=TEXTS | SCALARS)
def test_no_text_becomes_markup_a_template_or_a_colour(value: object) -> None:
    shown = text(value)
    assert not set("<>%@") & set(shown)
    assert resolved(shown) == shown
    assert len(html.unescape(shown)) <= 80


@given(value=st.text("ab<&>% @0", max_size=20))
def test_what_is_shown_is_what_was_there(value: str) -> None:
    assert html.unescape(text(value)) == " ".join(value.split())


@given(number=st.integers(0, 20))
def test_every_colour_of_a_figure_is_resolved(number: int) -> None:
    figure = {"a": [{"color": colour(number)}, colour(number, 0.25), "@muted", 5, "x@0"]}
    for theme in (LIGHT, DARK):
        [one, shade, muted, *rest] = resolved(figure, theme)["a"]
        assert one["color"] == theme[str(number % 8)]
        assert shade.startswith("rgba(")
        assert shade.endswith(",0.25)")
        assert (muted, rest) == (theme["muted"], [5, "x@0"])
