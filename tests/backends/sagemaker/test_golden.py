"""The golden requests against botocore: in tox -e oldest the oldest, elsewhere the newest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sagemaker_jobs import GOLDEN, request

pytest.importorskip("botocore", reason="needs the extra 'aws'")

from pytest_synebench.backends.sagemaker import limits

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_request_breaks_no_rule_of_the_installed_model(name: str) -> None:
    limits.check(request(**GOLDEN[name]))


def test_the_oldest_that_is_tested_is_the_oldest_that_is_admitted() -> None:
    admitted = re.search(r'aws = \["boto3>=([\d.]+)"\]', (ROOT / "pyproject.toml").read_text())
    tested = re.search(r"boto3==([\d.]+)\.0$", (ROOT / "tox.ini").read_text(), re.MULTILINE)
    assert admitted is not None
    assert tested is not None
    assert tested[1] == admitted[1]
