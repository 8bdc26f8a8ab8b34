"""The guide's page of parameters is what the table of parameters says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.parameters import Kind, Parameter
from pytest_synebench.experiment.plan.reference import markdown

PAGE = Path(__file__).parents[3] / "docs" / "guide" / "parameters.md"
COMMAND = "python -m pytest_synebench.experiment.plan.reference > docs/guide/parameters.md"


def test_the_page_is_the_generated_one() -> None:
    assert PAGE.read_text() == markdown(), f"out of date; run: {COMMAND}"


def test_the_command_writes_the_page() -> None:
    module = COMMAND.split()[2]
    done = subprocess.run([sys.executable, "-m", module], capture_output=True, check=True)
    assert done.stdout.decode() == markdown()


def test_every_parameter_has_a_row() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(GLOBALS)


def test_a_row_says_default_rule_and_meaning() -> None:
    width = Parameter(name="width", default=3, kind=Kind.INT, minimum=1, help="of a layer")
    last = markdown({"width": width}).splitlines()[-1]
    assert last == "| `width` | `3` | an integer from 1 up | of a layer |"
