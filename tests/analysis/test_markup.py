"""Names and values in Markdown are text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.markup import code, escaped, prose

TEXTS = st.text(max_size=30) | st.text(alphabet="a |`\\<\n*@[]&~", max_size=12)


@given(text=TEXTS)
def test_no_text_ends_a_line_or_a_cell(text: str) -> None:
    for shown in (escaped(text), prose(text), code(text)):
        assert len(shown.splitlines()) <= 1
        assert not re.search(r"(?<!\\)(\\\\)*\|", shown) or shown.startswith("`")
    assert not re.search(r"(?<!\\)\|", code(text))


@given(text=TEXTS)
def test_code_is_ended_by_its_own_ticks_alone(text: str) -> None:
    shown = code(text)
    if not shown:
        return
    found = re.match("`+", shown)
    assert found is not None
    runs = re.findall("`+", shown)
    assert [len(run) for run in runs].count(len(found[0])) == 2
    assert max(map(len, runs)) == len(found[0])


@pytest.mark.parametrize("of", [escaped, prose])
@pytest.mark.parametrize("text", ["<b>", "[a](b)", "*a*", "`a`", "@team", "&lt;", "a|b", "~~a~~"])
def test_markup_is_shown_as_it_is(of: object, text: str) -> None:
    assert callable(of)
    active = r"(?<!\\)[<>\[\]*`@&|~]"
    assert re.search(active, text)
    assert not re.search(active, of(text))
