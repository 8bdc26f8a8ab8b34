from __future__ import annotations

import json
import re
import sys
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from pictured_runs import HOSTILE, RUNS, record

from pytest_synebench.analysis.markup import escaped
from pytest_synebench.analysis.page import render
from pytest_synebench.analysis.page.content import Content, content
from pytest_synebench.analysis.page.markdown import markdown
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.store.results import RunRecord, Runs

pytest.importorskip("jinja2", reason="needs the extra 'report'")
pytest.importorskip("plotly", reason="needs the extra 'report'")


class Elements(HTMLParser):
    """Counts the elements of a page, and what their attributes are called."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plotly is five megabytes, which an HTML parser in Python takes seconds to read."""
    monkeypatch.setattr(render, "_installed", lambda: (sys.modules["jinja2"], "plotly();"))


def made(*records: RunRecord, **more: object) -> Content:
    return content(Runs(records=records), title=str(more.pop("title", "t")), **more)  # type: ignore[arg-type] # the tests' own


@settings(max_examples=10, deadline=None)
@given(runs=RUNS)
def test_whatever_names_and_values_are_they_are_text(runs: list[RunRecord]) -> None:
    page = Elements(render.html(made(*runs, title=HOSTILE)))
    assert page.tags["script"] == 3
    assert page.tags["img"] == 0
    assert not {one for one in page.attributes if one.startswith("on")}


def test_hostile_names_are_shown_as_they_are() -> None:
    run = record([({HOSTILE: HOSTILE}, [1.0, 2.0])] * 9, setup=HOSTILE, benchmark=HOSTILE)
    page = Elements(render.html(made(run, title=HOSTILE)))
    assert page.tags["script"] == 3
    assert page.text.count(HOSTILE) > 5


def test_the_policy_names_the_scripts_and_shuts_the_network_out() -> None:
    text = render.html(made(record([({}, [1.0])])))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src ")
    assert policy[1].count("sha256-") == 2
    assert "unsafe-eval" not in policy[1]
    assert "script-src 'unsafe-inline'" not in policy[1]
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)


def test_equal_runs_give_equal_bytes() -> None:
    pages = {render.html(made(record([({"x": float(i)}, [1.0]) for i in range(9)]))) for _ in "ab"}
    assert len(pages) == 1


def test_the_data_of_the_figures_are_strict_json() -> None:
    run = record([({"x": float(i)}, [float(i), float("inf")]) for i in range(9)])
    found = re.search(r'id="data">(.*?)</script>', render.html(made(run)), re.DOTALL)
    assert found is not None
    data = json.loads(found[1], parse_constant=pytest.fail)
    assert len(data["figures"]) >= 4


def test_a_verdict_is_shown_with_its_numbers() -> None:
    comparison = {
        "score": "final", "p": 0.001, "adjusted_p": 0.002, "shift": 0.5, "low": 0.25,
        "high": "inf", "baseline_median": 1.0, "candidate_median": 1.5,
    }  # fmt: skip
    verdict = {
        "verdict": "FAIL", "reason": "1 FAIL", "rule": "strict", "baseline": "main",
        "judgements": [
            {"name": "toy::s", "verdict": "FAIL", "reason": "worse: final", "details": ["<b>"],
             "comparisons": [comparison]}
        ],
    }  # fmt: skip
    told = made(record([({}, [1.0])]), verdict=verdict)
    text = Elements(render.html(told)).text
    for one in ("worse: final", "0.25 … inf", "0.002", "<b>"):
        assert one in text
    assert "**Gate: FAIL**, 1 FAIL" in markdown(told)


def test_markdown_has_a_row_per_setup_and_no_cell_that_ends_early() -> None:
    runs = [record([({"a": HOSTILE}, [1.0])], setup=one) for one in ("a", HOSTILE)]
    page = markdown(made(*runs, title=HOSTILE))
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}
    assert escaped("<script>") == r"\<script\>"


def test_without_the_extra_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    render._installed.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError, match=r"needs jinja2: pip install 'pytest-synebench\[report\]'"):
        render.html(made(record([({}, [1.0])])))
