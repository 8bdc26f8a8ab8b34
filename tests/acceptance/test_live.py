"""A live account is refused without a cap, and no test exceeds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from accounts import RUNTIME_S, Purse, cap_of
from toy_project import run_pytest

ROOT = Path(__file__).parents[2]
NAMED = ("--s3_bucket", "b", "--sagemaker_execution_role", "r")


@pytest.mark.parametrize(
    ("cap", "options", "told"),
    [
        (None, NAMED, r"costs money, and --max_cost is None; .*--max_cost 1"),
        (0.0, NAMED, r"--max_cost is 0.0"),
        (1.0, (), r"lacks --s3_bucket and --sagemaker_execution_role; name them by --job_options"),
        (1.0, NAMED, r"finds no AWS credentials"),
        (1.0, ("--s3_bucket=b", "--sagemaker_execution_role=r"), r"finds no AWS credentials"),
    ],
)
def test_a_live_account_lacks_something(
    cap: float | None,
    options: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pytest.importorskip("boto3", reason="needs the extra 'aws'")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(pytest.UsageError, match=told):
        cap_of(cap, options)


def test_no_test_exceeds_the_cap() -> None:
    purse = Purse(cap_usd=1.0, hour_usd=3600 / RUNTIME_S / 4)  # a job costs a quarter
    purse.spend(jobs=3)
    with pytest.raises(pytest.skip.Exception, match=r"2 jobs may cost 0.50 USD, and 0.25 are left"):
        purse.spend(jobs=2)
    purse.spend(jobs=1)


def test_the_command_refuses_a_live_account_without_a_cap() -> None:
    done = run_pytest(ROOT, "tests/acceptance/test_jobs.py", "--aws", "live")
    assert done.returncode != 0
    assert "--max_cost is None" in done.stdout + done.stderr
