"""An S3 in another process, and logs in it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.experiment.remote.tuning.log import RunLog


@pytest.fixture
def new_log(client: Any, bucket: str) -> Any:
    """Return what opens the one log of a test, as each process that uses it would."""

    def opened() -> RunLog:
        return RunLog(client, bucket, "hpo/remote/toy/", Asking(f"s3://{bucket}", backoff_s=0.001))

    return opened
