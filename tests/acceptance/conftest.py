"""The account that the acceptance suite runs in: an emulated one, or one's own.

    pytest tests/acceptance
    pytest tests/acceptance --aws live --max_cost 1 --job_options "--s3_bucket team/hpo
        --sagemaker_execution_role arn:aws:iam::123456789012:role/jobs
        --framework PyTorch --framework_version 2.6"

A live one costs money: it is refused without a cap, which no test exceeds even if every job that
it may start runs for as long as it can.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from accounts import OPTIONS, Account, Purse, cap_of
from training_jobs import give_role

from pytest_synebench.backends.sagemaker.recording.recorder import VARIABLE
from pytest_synebench.emulator import emulating

_HELP = {
    "--aws": "emulator (default), or live: the account of the credentials, which it costs money",
    "--max_cost": "live: what all jobs may cost together at the very most, in USD",
    "--hour_cost": "live: what an hour of ml.m5.large costs at most, in USD (default: 0.25)",
    "--job_options": "live: options of pytest --synebench that name bucket, role and image",
    "--record": "folder in which calls, answers and times are written, redacted",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; they are there when this folder is named on the command line."""
    group = parser.getgroup("acceptance", "acceptance of the SageMaker back-end")
    group.addoption("--aws", choices=("emulator", "live"), default="emulator", help=_HELP["--aws"])
    for name in ("--max_cost", "--hour_cost"):
        group.addoption(name, type=float, default=None, metavar="USD", help=_HELP[name])
    for name in ("--job_options", "--record"):
        group.addoption(name, default="", help=_HELP[name])


@pytest.fixture(scope="session")
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """Yield the account; an emulated one is there for this session only."""
    option = request.config.getoption
    live = option("--aws", default="emulator") == "live"
    with pytest.MonkeyPatch.context() as patch:
        if folder := option("--record", default=""):
            patch.setenv(VARIABLE, str(Path(folder).absolute()))
        if live:
            given = shlex.split(option("--job_options"))
            cap = cap_of(option("--max_cost"), given)
            yield Account(
                options=(*OPTIONS, *given), purse=Purse(cap, option("--hour_cost") or 0.25)
            )
            return
        pytest.importorskip("moto", reason="needs the extra 'emulator'")
        with emulating(grace_s=5.0) as emulator:
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
                patch.delenv(name, raising=False)
            for name, value in emulator.variables.items():
                patch.setenv(name, value)
            emulator.client("s3").create_bucket(Bucket="team")
            give_role(emulator)
            emulated = (
                *("--s3_bucket", "team/hpo", "--sagemaker_execution_role"),
                "arn:aws:iam::123456789012:role/jobs",
                *("--framework", "PyTorch", "--framework_version", "2.6"),
            )
            assert os.environ["AWS_ENDPOINT_URL"] == emulator.url
            yield Account(options=(*OPTIONS, *emulated), purse=Purse(0.0, 0.0))
