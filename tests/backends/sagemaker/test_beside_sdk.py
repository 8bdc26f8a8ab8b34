"""Our requests beside those of the SageMaker SDK for the same jobs.

The SDK's are kept in files, as version 3.27.0 made them (tests/sdk makes them anew); so this runs
without it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from requests_compared import different, justified, unjustified, unused
from sagemaker_jobs import GOLDEN, request

FOLDER = Path(__file__).parent / "golden" / "sdk"
NAMES = ("image_uri", "pytorch", "huggingface")


def both(name: str) -> set[str]:
    theirs: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return different(theirs, request(**GOLDEN[name]))


@pytest.mark.parametrize("name", NAMES)
def test_every_difference_from_the_sdk_has_a_reason(name: str) -> None:
    assert unjustified(both(name), justified()) == []


def test_every_reason_has_a_difference() -> None:
    assert unused(set().union(*map(both, NAMES)), justified()) == []
    assert all(all(cells) for cells in justified().values())


@pytest.mark.parametrize("name", NAMES)
def test_image_machine_and_role_are_the_same(name: str) -> None:
    same = {"AlgorithmSpecification.TrainingImage", "RoleArn", "ResourceConfig.InstanceType"}
    assert not same & both(name)


def test_a_difference_without_a_row_is_found() -> None:
    assert different({"A": {"B": 1}, "C": [{"Key": "k", "Value": 1}]}, {"A": {"B": 2}}) == {
        "A.B",
        "C[k].Value",
    }
    assert unjustified({"A.B", "C[k].Value"}, {"C": ()}) == ["A.B"]
    assert unused({"A.B"}, {"A": (), "C": ()}) == ["C"]
