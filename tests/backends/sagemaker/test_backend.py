"""The back-end over jobs that are real processes, and a real store in another process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_platform import ProcessPlatform
from remote_jobs import PREFIX
from s3_service import Service

from pytest_synebench.backends.local import briefing
from pytest_synebench.backends.protocol import AttemptEnded, AttemptPlaced
from pytest_synebench.backends.sagemaker.backend import SageMakerBackend, Timing
from pytest_synebench.backends.sagemaker.desk import StoreDesk
from pytest_synebench.backends.sagemaker.mail import Mail
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.errors import BackendError
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.testing.backend_suite import BackendSuite
from pytest_synebench.testing.plays import PLAYER, Stage, Watcher, levels

pytest_plugins = ("buckets",)

SOON = Timing(shortest_s=0.01, longest_s=0.05, busy_s=0.02, busiest_s=0.05, gone_s=30.0)


class Site:
    def __init__(self, folder: Path, client: Any, bucket: str, service: Service) -> None:
        script = folder / "player.py"
        script.write_text(PLAYER)
        self.client, self.bucket = client, bucket
        self.platform = ProcessPlatform(folder / "jobs", script, service.environment)
        self.ledger = Ledger(folder)
        self.remarks: list[str] = []
        self.made: list[SageMakerBackend] = []
        (folder / "trials").mkdir()
        self.stage = Stage(
            backend=self.backend(),
            clock=self.made[0].clock,
            directory=folder / "trials",
            alive=self.platform.running,
            another=self.backend,
        )

    def backend(self) -> SageMakerBackend:
        ask = Asking("s3", backoff_s=0.001)
        store = (self.client, self.bucket, PREFIX, ask)
        made = SageMakerBackend(
            self.platform,
            Mail(*store),
            StoreDesk(*store, self.ledger, briefing.config_arguments),
            timing=SOON,
            remark=self.remarks.append,
        )
        self.made.append(made)
        return made


@pytest.fixture
def site(tmp_path: Path, client: Any, bucket: str, service: Service) -> Iterator[Site]:
    made = Site(tmp_path, client, bucket, service)
    yield made
    for backend in made.made:
        backend.close()


@pytest.mark.proof  # each job imports boto3; test_service.py has a sample
class TestSageMakerBackend(BackendSuite):
    @pytest.fixture
    def stage(self, site: Site) -> Stage:
        return site.stage


def test_where_there_is_no_room_an_attempt_waits_and_nothing_fails(site: Site) -> None:
    site.platform.quota = 1
    first, second = (site.stage.spec(0, [*levels(1), ["hang"]]), site.stage.spec(1, levels(2)))
    watcher = Watcher(site.stage, site.stage.backend)
    site.stage.backend.start(first)
    watcher.reported(first)
    site.stage.backend.start(second)
    while not site.remarks:
        watcher.look(0.01)
    assert watcher.kinds(second) == []
    site.stage.backend.stop(first.key)
    assert watcher.ends(second)[0].ok
    assert site.remarks == ["ResourceLimitExceeded"]


def test_what_is_stopped_while_it_waits_never_runs(site: Site) -> None:
    site.platform.quota = 0
    spec = site.stage.spec(0, levels(1))
    watcher = Watcher(site.stage, site.stage.backend)
    site.stage.backend.start(spec)
    while not site.remarks:
        watcher.look(0.01)
    site.stage.backend.stop(spec.key)
    watcher.ends(spec)
    assert watcher.kinds(spec) == [AttemptEnded]
    assert site.platform.created == []


def test_a_machine_that_is_lost_ends_the_attempt_after_all_that_it_said(site: Site) -> None:
    spec = site.stage.spec(0, [*levels(2), ["hang"]])
    watcher = Watcher(site.stage, site.stage.backend)
    site.stage.backend.start(spec)
    watcher.until(lambda: len(watcher.reports(spec)) == 2)
    site.platform.kill(spec.key)
    (end,) = watcher.ends(spec)
    assert not end.ok
    assert [report["epoch"] for report in watcher.reports(spec)] == [1, 2]
    assert watcher.kinds(spec)[0] is AttemptPlaced


def test_who_was_taken_over_from_ends_no_job_of_the_one_who_did(site: Site) -> None:
    earlier, later = site.stage.backend, site.backend()
    spec = site.stage.spec(0, [*levels(1), ["hang"]])
    watcher = Watcher(site.stage, later)
    later.start(spec)
    watcher.reported(spec)
    earlier.close()
    assert site.platform.running() == 1


def test_a_store_that_refuses_breaks_the_run_off(site: Site, service: Service, bucket: str) -> None:
    spec = site.stage.spec(0, levels(1))
    denied = {"methods": ["PUT"], "part": "jobs/", "times": 99, "kind": "denied"}
    service.break_when(bucket, denied)
    site.stage.backend.start(spec)
    with pytest.raises(BackendError, match=r"jobs' store cannot be used: .*AccessDenied"):
        site.stage.backend.poll(30.0)
