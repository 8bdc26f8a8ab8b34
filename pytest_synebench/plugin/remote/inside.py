"""The session of pytest inside of a tuner's job: one experiment, kept in S3 while it goes on.

Invariants (tests/plugin/remote/test_remote.py holds each one):
- a run that an earlier job of the submission has begun goes on;
- the job succeeds where its run has ended by a criterion, whatever came of the trials: who follows
  judges those;
- else it fails, with the first thing that pytest found wrong.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.protocol import Backend
from pytest_synebench.backends.sagemaker.tuner import DEPENDENCIES, VARIABLE
from pytest_synebench.checkpoints.s3.asking import Asking, new_client
from pytest_synebench.errors import BackendError, StoreError
from pytest_synebench.experiment.remote.tuning.following import SUMMARY
from pytest_synebench.experiment.remote.tuning.log import RunLog
from pytest_synebench.experiment.remote.tuning.mirror import Mirror, MirroredBackend
from pytest_synebench.experiment.remote.tuning.record import Record, bucket_and_place, read
from pytest_synebench.plugin.nodes.experiment import SUMMARIES
from pytest_synebench.plugin.remote.arguments import together
from pytest_synebench.plugin.session.cloud import INSIDE
from pytest_synebench.training.entrypoint import sources


def conduct(environment: Mapping[str, str], code: Path) -> int:
    """Run the experiment that the environment names; return the job's exit code.

    Args:
        environment: of the job.
        code: folder of the project's code.

    Raises:
        TrialError: what the benchmark depends on cannot be installed.
        RunError: another job has the run.
        BackendError: the bucket cannot be used.
    """
    if own := environment.get(DEPENDENCIES):
        sources.install(code / own)
        invalidate_caches()
    url = environment[VARIABLE]
    bucket, place = bucket_and_place(url)
    storage = code.parent / "synebench"
    try:
        client, ask = new_client(), Asking(f"s3://{bucket}")
        record = read(client, url, ask)
        mirror = Mirror(RunLog(client, bucket, place, ask), storage / "runs" / record.run)
        mirror.restore()
        mirror.start()
        inside = Inside(mirror)
        os.chdir(code / record.folder)
        result = pytest.main(_arguments(record, code, storage), plugins=[inside])
        return inside.finish(int(result))
    except StoreError as error:
        raise BackendError(f"the run cannot be kept in S3: {error}") from error


def _arguments(record: Record, code: Path, storage: Path) -> list[str]:
    # Workers of pytest-xdist would keep nothing: the experiment is this process's own.
    alone = ["-n0"] if find_spec("xdist") else []
    return [
        *together([record]),
        f"--rootdir={code}",
        f"--synebench-storage={storage}",
        "--synebench-resume",
        "-p",
        "no:cacheprovider",
        *alone,
    ]


class Inside:
    """A plugin that has the session's run kept, and hears what is wrong."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._summary: Mapping[str, Any] = {}
        self._wrong = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Be found by those who open runs."""
        config.stash[INSIDE] = self.wrap

    def wrap(self, backend: Backend) -> Backend:
        """Return a back-end that keeps what leads to attempts before they start."""
        return MirroredBackend(backend, self._mirror)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note the first thing that cannot be collected."""
        self._note(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the first item that fails."""
        self._note(report)

    def _note(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if report.failed and not self._wrong:
            self._wrong = report.longreprtext

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Take the run's summary: now nodes were torn down, whatever ended the session."""
        summaries = config.stash.get(SUMMARIES, [])
        self._summary = summaries[0] if summaries else {}

    def finish(self, code: int) -> int:
        """Keep the rest; return the job's exit code.

        Args:
            code: of pytest.

        Raises:
            RunError: another job has the run.
            StoreError: the bucket cannot be used.
        """
        over = bool(self._summary.get("finished"))
        more = {SUMMARY: json.dumps(self._summary).encode()} if self._summary else {}
        self._mirror.finish(over=over, more=more)
        if over:
            return 0
        sys.stderr.write(f"{self._wrong or self._summary.get('reason', '')}\n")
        return code or 1
