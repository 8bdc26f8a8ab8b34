"""The guide to spaces: its examples run, its table of domains is true and whole."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

import pytest_synebench.space as language
from pytest_synebench.space import Domain

GUIDE = Path(__file__).parents[2] / "docs/guide/spaces.md"
TEXT = GUIDE.read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+\(.*?\))` \|.*\| `([^`]+)` \|$", TEXT, flags=re.MULTILINE)
#: The public names that are not domains a user writes.
OTHERS = {
    "ConfigSpace",
    "Domain",
    "config_space_size",
    "domain_from_json",
    "keyed_random",
    "restrict_domain",
}


def test_every_example_says_what_happens() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert all(block.startswith(">>> ") for block in blocks)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, GUIDE.name, str(GUIDE), 0)
    said: list[str] = []
    found = doctest.DocTestRunner(verbose=False).run(examples, out=said.append)
    assert found.attempted >= 20
    assert not found.failed, "".join(said)


@pytest.mark.parametrize(("example", "midpoint"), ROWS)
def test_an_example_in_the_table_has_the_midpoint_beside_it(example: str, midpoint: str) -> None:
    domain: Any = eval(example, vars(language).copy())
    assert isinstance(domain, Domain)
    assert repr(domain.midpoint()) == midpoint


def test_the_table_has_every_kind_of_domain() -> None:
    assert {example.split("(")[0] for example, _ in ROWS} == set(language.__all__) - OTHERS
