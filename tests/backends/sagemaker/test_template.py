from __future__ import annotations

from typing import Any

import pytest
from sagemaker_jobs import template

from pytest_synebench.errors import UsageError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_runtime_s": 0}, r"max_runtime is 0 seconds; .* from 1 to 2419200 \(28 days\)"),
        ({"max_runtime_s": 2419201}, "max_runtime is 2419201 seconds"),
        ({"max_wait_s": 10}, "max_wait is 10, which goes with --spot 1 only"),
        ({"spot": True, "max_runtime_s": 9, "max_wait_s": 8}, "max_wait is 8 .* the larger one"),
        ({"spot": True, "keep_alive_s": 60}, "keep_alive is 60 with Spot instances"),
        ({"keep_alive_s": 3601}, "kept from 0 to 3600"),
        ({"instance_count": 0}, "instance_count is 0; it must be an integer from 1 up"),
        ({"volume_gb": True}, "volume_gb is True"),
        ({"extra": {"TrainingJobName": "x"}}, "'TrainingJobName', which says what an attempt is"),
    ],
)
def test_a_template_that_breaks_a_rule_cannot_exist(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        template(**fields)
