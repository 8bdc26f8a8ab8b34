"""The guide: its commands are run, what they print is compared, its links and its picture hold."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from guide_pages import GUIDE, RUN, SHOWN, blocks, commands, first_missing, run_page, write
from toy_project import run_pytest

ROOT = GUIDE.parents[1]
PAGES = sorted(GUIDE.glob("*.md"))
TORCH = {"getting-started.md"}  # its command imports torch once per attempt
_LINK = re.compile(r"\]\(([^)#\s]+)?(?:#([^)\s]+))?\)")
_TRIAL = re.compile(r"::trial\[(\d+)\] (PAUSED|COMPLETED)@(\d+)")
_STEP = {1: (1,), 3: (1, 3), 9: (1, 3, 9)}  # the levels an attempt of each trial ended at


def has_commands(page: Path) -> bool:
    return any(block.language in RUN and not block.option("file") for block in blocks(page))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=pytest.mark.slow if page.name in TORCH else ())
        for page in PAGES
        if has_commands(page)
    ],
)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    run_page(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_says_what_it_is(page: Path) -> None:
    for block in blocks(page):
        known = block.language in RUN | SHOWN or block.option("file")
        assert known, f"{block.place}: {' '.join(block.info)!r} is neither run nor shown"
        if block.language == "console":
            assert list(commands(block)), f"{block.place} has no line that begins with '$ '"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text()):
        if target.startswith("http"):
            continue
        path = (page.parent / target) if target else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_index_has_every_page() -> None:
    index = (GUIDE / "README.md").read_text()
    for page in PAGES:
        assert page.name == "README.md" or f"({page.name})" in index


def test_every_option_on_the_pages_exists(tmp_path: Path) -> None:
    known = run_pytest(tmp_path, "--synebench", "lstm_wikitext2", "--help").stdout
    for page in PAGES:
        for option in re.findall(r"--synebench-\w+", page.read_text()):
            assert option in known, f"{page.name}: {option}"


def test_the_picture_shows_the_run_that_the_page_quotes() -> None:
    text = next(b for b in blocks(GUIDE / "running.md") if b.language == "console").text
    quoted = {int(n): (state, int(level)) for n, state, level in _TRIAL.findall(text)}
    assert len(quoted) == 9
    picture = ElementTree.parse(GUIDE / "rungs.svg").getroot()
    shown = {}
    for group in picture.iter("{http://www.w3.org/2000/svg}g"):
        if group.get("data-trial"):
            ends = tuple(int(level) for level in str(group.get("data-ends")).split())
            assert ends == _STEP[ends[-1]]
            state = "COMPLETED" if group.get("data-completed") else "PAUSED"
            shown[int(str(group.get("data-trial")))] = (state, ends[-1])
    assert shown == quoted


def test_the_imports_that_a_script_changes_are_those_of_the_whole_script() -> None:
    page = blocks(GUIDE / "scripts.md")
    (script,) = (b.text for b in page if b.option("file") == "train.py")
    (diff,) = (b.text for b in page if b.language == "diff")
    lines = diff.splitlines(keepends=True)
    assert "".join(line[1:] for line in lines if line[0] != "-") in script
    for line in lines:
        assert line[0] in "+ " or " import " in line, "something besides an import is taken out"


def test_the_example_of_the_readme_is_a_benchmark(tmp_path: Path) -> None:
    script, definition = (b for b in blocks(ROOT / "README.md") if b.language == "python")
    write(tmp_path, "train.py", script.text)
    write(tmp_path, "conftest.py", definition.text)
    done = run_pytest(tmp_path, "--synebench", "my_model", "--variant", "wide", "--collect-only")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wide-asha_promotion-random-r0" in done.stdout


def test_a_line_that_is_not_printed_is_found() -> None:
    assert first_missing(("one ... three", "four"), "one two three\nfour") is None
    assert first_missing(("four", "one ... three"), "one two three\nfour") == "one ... three"
    assert first_missing(("one",), "one more") == "one"
