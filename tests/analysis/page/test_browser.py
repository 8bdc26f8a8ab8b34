"""The page in a real browser: what is drawn, what a click does, what is asked of the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Page, browsing, path
from pictured_runs import HOSTILE, Trials, record

from pytest_synebench.analysis.gate.verdicts import Judgement, SuiteJudgement, Verdict
from pytest_synebench.analysis.page.content import content
from pytest_synebench.analysis.page.render import html
from pytest_synebench.experiment.store.results import Runs

pytest.importorskip("jinja2", reason="needs the extra 'report'")
pytest.importorskip("plotly", reason="needs the extra 'report'")
pytestmark = pytest.mark.skipif(
    path() is None, reason="needs Chromium: apt-get install chromium (the page was not looked at)"
)


def verdict() -> dict[str, Any]:
    """Return a verdict as a gate writes it, with names and lines that do not break."""
    judgement = Judgement(
        name=f"toy::{HOSTILE}",
        verdict=Verdict.FAIL,
        reason=f"worse: {HOSTILE}",
        details=("behaviour changed: line 8 is now " + '{"e":{"m":"' + 90 * "x" + '"}}',),
    )
    suite = SuiteJudgement(
        verdict=Verdict.FAIL, reason="1 FAIL", rule="strict", baseline="m", judgements=(judgement,)
    )
    told: dict[str, Any] = json.loads(suite.to_json())
    return told


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trials: Trials = [
        ({"x": (i + 1) / 9, HOSTILE: f"{HOSTILE}{i}"}, [1 / (i + 1), i / 8][: 1 + i % 2])
        for i in range(9)
    ]
    runs = [
        record(trials, setup=setup, run_id=i, mo_metric="size", day=1 + i)
        for setup in ("base-fifo", HOSTILE)
        for i in range(2)
    ]
    page = tmp_path_factory.mktemp("page") / "report.html"
    shown = content(Runs(records=tuple(runs)), title=HOSTILE, verdict=verdict())
    page.write_text(html(shown), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page, file: Path) -> Page:
    browser.complaints.clear()
    browser.asked.clear()
    browser.open(file, height=700)
    return browser


def test_every_figure_is_drawn_nothing_is_complained_of_and_nothing_is_fetched(
    page: Page, file: Path
) -> None:
    number = page.draw_all()
    # By work, by time, history; two standings; per setup curves, rungs, shares, lines, trade-off.
    assert number == 3 + 2 + 2 * 5
    traces = "document.querySelectorAll('.scatterlayer .trace, .barlayer .trace').length"
    assert page.run(traces) > number
    assert page.run("typeof bad") == "undefined"
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.complaints == []
    assert [url for url in page.asked if not url.startswith("data:")] == [file.as_uri()]


def test_a_filter_shows_the_rows_that_have_all_its_words(page: Page) -> None:
    page.run(
        """const box = document.querySelector('[data-filter="trials-table"]');
        box.value = "Base-Fifo completed"; box.dispatchEvent(new Event("input"));"""
    )
    shown = page.run(
        "[...document.querySelectorAll('#trials-table tbody tr')].filter((r) => r.offsetHeight)"
        ".map((r) => r.cells[1].textContent + ' ' + r.cells[4].textContent.trim())"
    )
    assert set(shown) == {"base-fifo completed"}
    assert page.run("document.querySelector('[data-count=\"trials-table\"]').textContent") == (
        f"{len(shown)} of 36 rows"
    )


def test_a_click_sorts_by_number_and_another_one_the_other_way(page: Page) -> None:
    column = "[...document.querySelectorAll('#trials-table tbody tr')].map((r) => r.cells[6])"
    click = "document.querySelectorAll('#trials-table thead button')[6].click()"
    values = f"{column}.map((cell) => Number(cell.textContent))"
    up = page.run(f"{click}; {values}")
    assert up == sorted(up)
    assert page.run(f"{click}; {values}") == sorted(up, reverse=True)
    head = "document.querySelectorAll('#trials-table th')[6].getAttribute('aria-sort')"
    assert page.run(head) == "descending"


def test_the_theme_follows_the_system_until_it_is_switched(page: Page, file: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    page.open(file, dark=True)
    dark = page.run(ground)
    assert dark != light
    assert page.run(f"document.getElementById('theme').click(); {ground}") == light
    page.run("localStorage.clear()")


def test_a_config_is_copied_as_it_is(page: Page) -> None:
    copied = page.run(
        """new Promise((resolve) => {
          document.addEventListener("copy", () => resolve(String(getSelection())), { once: true });
          Object.defineProperty(navigator, "clipboard", { value: undefined });
          document.querySelector("#trials-table [data-copy]").click();
        })"""
    )
    assert copied.startswith("--x=1.0 ")  # the best trial comes first
    assert "bad()" in copied


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, file: Path) -> None:
    page.open(file, width=390, height=800)
    page.draw_all()
    assert page.run("document.documentElement.scrollWidth") == 390
    # What is cut off cannot be read: a table scrolls, text has to be broken.
    cut = page.run(
        """[...document.querySelectorAll("h2, h3, h4, p, li, dd")].filter((one) => {
          const words = document.createRange();
          words.selectNodeContents(one);
          return !one.closest(".scroll") && words.getBoundingClientRect().right > 390;
        }).map((one) => one.textContent)"""
    )
    assert cut == []


def test_a_config_can_be_copied_without_scrolling_to_it(page: Page) -> None:
    edges = "(one) => one.getBoundingClientRect().right"
    right = page.run(f"({edges})(document.querySelector('#trials-table').closest('.scroll'))")
    buttons = f"[...document.querySelectorAll('#trials-table [data-copy]')].map({edges})"
    assert max(page.run(buttons)) < right


def test_what_is_operated_has_a_name(page: Page) -> None:
    nameless = page.run(
        """[...document.querySelectorAll("button, a, input, [role]")].filter((one) =>
          !(one.getAttribute("aria-label") || one.getAttribute("aria-labelledby")
            || one.textContent.trim() || one.closest("label"))).length"""
    )
    assert nameless == 0
