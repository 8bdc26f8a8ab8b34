"""An account that jobs run in, and what they may cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

RUNTIME_S = 900  #: of each job, at most
OPTIONS = (
    *("--backend", "sagemaker", "--aws", "account", "--instance_type", "ml.m5.large"),
    *("--max_runtime", str(RUNTIME_S)),
)
_NEEDED = ("--s3_bucket", "--sagemaker_execution_role")


class Purse:
    """What may be spent: each test says beforehand what it may cost at the very most."""

    def __init__(self, cap_usd: float, hour_usd: float) -> None:
        self._left_usd = cap_usd
        self._hour_usd = hour_usd

    def spend(self, jobs: int) -> None:
        """Take what so many jobs cost if each runs for as long as it may; else skip the test."""
        usd = jobs * RUNTIME_S / 3600 * self._hour_usd
        if usd > self._left_usd:
            pytest.skip(
                f"{jobs} jobs may cost {usd:.2f} USD, and {self._left_usd:.2f} are left of "
                "--max_cost; raise it"
            )
        self._left_usd -= usd


@dataclass(frozen=True, kw_only=True)
class Account:
    """How pytest --synebench runs its trials there."""

    options: tuple[str, ...]
    purse: Purse


def cap_of(cap_usd: float | None, options: Sequence[str]) -> float:
    """Return the cap of a live account; refuse one without cap, bucket, role or credentials."""
    if cap_usd is None or not cap_usd > 0:
        raise pytest.UsageError(
            f"--aws live costs money, and --max_cost is {cap_usd}; say what all jobs may cost "
            "together, in USD: --max_cost 1"
        )
    named = {option.partition("=")[0] for option in options}
    missing = [name for name in _NEEDED if name not in named]
    if missing:
        raise pytest.UsageError(
            f"--aws live lacks {' and '.join(missing)}; name them by --job_options, with the image"
        )
    if _credentials() is None:
        raise pytest.UsageError(
            "--aws live finds no AWS credentials; set them up (`aws configure`), or leave --aws out"
        )
    return cap_usd


def _credentials() -> Any:
    import boto3.session

    return boto3.session.Session().get_credentials()
