"""Attempts as jobs of the emulator: real requests, real processes, our entry point."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from remote_jobs import SCRIPT
from sagemaker_jobs import spec, template

from pytest_synebench.backends.local import briefing
from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKept,
    AttemptPlaced,
    AttemptReported,
    AttemptSpec,
)
from pytest_synebench.backends.sagemaker.backend import SageMakerBackend, Timing
from pytest_synebench.backends.sagemaker.desk import StoreDesk
from pytest_synebench.backends.sagemaker.layout import ENTRY, Layout
from pytest_synebench.backends.sagemaker.mail import Mail
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.backends.sagemaker.packing import pack
from pytest_synebench.backends.sagemaker.platform import BusyError, Phase, RefusedJobError
from pytest_synebench.backends.sagemaker.port import BotoTrainingJobs, new_client
from pytest_synebench.backends.sagemaker.request import creation
from pytest_synebench.backends.sagemaker.service import SageMakerPlatform
from pytest_synebench.backends.sagemaker.spending.bill import Bill
from pytest_synebench.backends.sagemaker.travelling import ENTRY as ENTRY_FILE
from pytest_synebench.backends.sagemaker.travelling import travelling
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.asking import new_client as new_s3_client
from pytest_synebench.emulator import Emulator
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.training.entrypoint.entry import ARCHIVE
from pytest_synebench.trial import TrialId

LAYOUT = Layout(bucket="team", prefix="hpo/", run="toy/r0")
NAMES = Names("toy", "r0")


class Account:
    """A bucket with packed code, and what makes requests of it."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        code = folder / "code"
        code.mkdir()
        (code / "train.py").write_text(SCRIPT)
        source = pack(code, travelling())
        s3 = self.s3 = new_s3_client()
        s3.create_bucket(Bucket=LAYOUT.bucket)
        for name, body in ((ARCHIVE, source.archive), (ENTRY, ENTRY_FILE.read_bytes())):
            key = f"{LAYOUT.source(source.sha256)}{name}"
            s3.put_object(Bucket=LAYOUT.bucket, Key=key, Body=body)
        self.template = template(source=source.sha256)
        self.ledger = Ledger(folder)
        ask = Asking("s3", backoff_s=0.001)
        self.store = (s3, LAYOUT.bucket, LAYOUT.experiment, ask)
        self.desk = StoreDesk(*self.store, self.ledger, briefing.config_arguments)
        self.backends: list[SageMakerBackend] = []

    def platform(self) -> SageMakerPlatform:
        jobs = BotoTrainingJobs(new_client())
        return SageMakerPlatform(jobs, NAMES, partial(creation, self.template, LAYOUT, NAMES))

    def backend(self) -> SageMakerBackend:
        timing = Timing(shortest_s=0.02, longest_s=0.1, busy_s=0.02, busiest_s=0.1, gone_s=60.0)
        made = SageMakerBackend(self.platform(), Mail(*self.store), self.desk, timing=timing)
        self.backends.append(made)
        return made

    def spec(self, trial: int, number: int = 0, **changes: Any) -> AttemptSpec:
        told = spec(trial, number, epochs=3, **changes.pop("config", {}))
        fields: dict[str, Any] = {"until": None, "resume_at_most": 0, "checkpoint_at": ()}
        return AttemptSpec(
            **{
                **{name: getattr(told, name) for name in told.__dataclass_fields__},
                **fields,
                **changes,
            }
        )

    def job(self, told: AttemptSpec) -> str:
        return NAMES.job(told.key)


@pytest.fixture
def account(sagemaker_emulator: Emulator, tmp_path: Path) -> Iterator[Account]:
    made = Account(sagemaker_emulator, tmp_path)
    yield made
    for backend in made.backends:
        backend.close()


def watch(backend: SageMakerBackend, told: AttemptSpec) -> list[Any]:
    """Return all that is seen of an attempt."""
    seen: list[Any] = []
    while not any(isinstance(one, AttemptEnded) for one in seen):
        seen += [one for one in backend.poll(10.0) if one.key == told.key]
    return seen


def reported(seen: list[Any]) -> list[Any]:
    return [one.metrics["epoch"] for one in seen if isinstance(one, AttemptReported)]


def test_an_attempt_pauses_and_the_next_goes_on_from_its_checkpoint(account: Account) -> None:
    backend = account.backend()
    first = account.spec(1, until=2)
    backend.start(first)
    seen = watch(backend, first)
    assert isinstance(seen[0], AttemptPlaced)
    assert reported(seen) == [1, 2]
    assert [one.level for one in seen if isinstance(one, AttemptKept)][-1] == 2
    assert seen[-1].ok, seen[-1].detail

    second = account.spec(1, 1, resume_at_most=2)
    backend.start(second)
    seen = watch(backend, second)
    assert reported(seen) == [3]
    assert seen[-1].ok, seen[-1].detail
    lines = account.emulator.lines(account.job(second))
    assert any(line.startswith("[report] epoch=3 loss=0.33") for line in lines)


def test_a_script_that_fails_is_told_with_its_last_words(account: Account) -> None:
    backend = account.backend()
    told = account.spec(2, config={"mode": "fail at 2"})
    backend.start(told)
    seen = watch(backend, told)
    assert reported(seen) == [1, 2]
    assert not seen[-1].ok
    assert seen[-1].detail.startswith("exit code 1")
    assert seen[-1].detail.endswith("RuntimeError: no such layer")


def test_a_spot_machine_that_is_taken_costs_no_level(account: Account) -> None:
    account.template = template(source=account.template.source, spot=True)
    backend = account.backend()
    told = account.spec(3, config={"mode": "wait at 2"})
    backend.start(told)
    seen: list[Any] = []
    while 2 not in reported(seen):
        seen += backend.poll(10.0)
    account.emulator.reclaim(account.job(told))
    # The life that follows waits at its second level, too; it ends when it is stopped.
    while reported(seen).count(3) == 0 and not any(isinstance(s, AttemptEnded) for s in seen):
        seen += backend.poll(10.0)
        if {1, 2} <= {*reported(seen)}:
            backend.stop(told.key)
    seen += [] if isinstance(seen[-1], AttemptEnded) else watch(backend, told)
    assert {*reported(seen)} >= {1, 2}
    assert sum(isinstance(one, AttemptEnded) for one in seen) == 1


def test_an_attempt_has_one_job_whatever_answers_are_lost(account: Account) -> None:
    platform = account.platform()
    told = account.spec(4)
    url = account.desk.orders(told)
    account.emulator.faults({"kind": "drop after", "operation": "CreateTrainingJob"})
    with pytest.raises(BusyError, match="UNREACHABLE"):
        platform.create(told, url)
    platform.create(told, url)
    platform.create(told, url)
    account.emulator.wait(account.job(told), "Completed")
    assert platform.unfinished() == []
    state = platform.states([told.key])[told.key]
    assert (state.phase, state.ok) == (Phase.ENDED, True)


def test_what_the_service_will_never_take_is_the_attempts_own_end(account: Account) -> None:
    account.template = template(source=account.template.source, role="no role")
    backend = account.backend()
    told = account.spec(5)
    backend.start(told)
    (end,) = watch(backend, told)
    assert not end.ok
    assert "RoleArn is 'no role'" in end.detail


def test_a_quota_is_waited_for(account: Account) -> None:
    account.emulator.quota("ml.m5.xlarge", 0)
    platform = account.platform()
    told = account.spec(6)
    with pytest.raises(BusyError, match="NO_INSTANCE"):
        platform.create(told, account.desk.orders(told))
    assert not platform.stop(told.key)


def test_of_an_ended_job_one_look_tells_why(account: Account) -> None:
    platform = account.platform()
    told = account.spec(7, config={"mode": "fail at 1"})
    platform.create(told, account.desk.orders(told))
    account.emulator.wait(account.job(told), "Failed")
    before = account.emulator.calls().get("DescribeTrainingJob", 0)
    states = [platform.states([told.key])[told.key] for _ in range(3)]
    assert states[0].phase is Phase.ENDED
    assert "no such layer" in states[0].detail
    assert account.emulator.calls()["DescribeTrainingJob"] == before + 1


def test_a_controller_that_follows_ends_what_was_left(account: Account) -> None:
    first = account.backend()
    told = account.spec(8, config={"mode": "wait at 1"})
    first.start(told)
    while not reported(first.poll(10.0)):
        continue
    account.backend()
    assert account.platform().unfinished() == []


def test_orders_elsewhere_are_refused(account: Account) -> None:
    with pytest.raises(Exception, match="not where it looks"):
        account.platform().create(account.spec(9), "s3://team/elsewhere.json")


def test_a_request_names_its_orders(account: Account) -> None:
    told = account.spec(TrialId(10))
    made = creation(account.template, LAYOUT, NAMES, told)
    assert made["Environment"] == {"SYNEBENCH_JOB": account.desk.orders(told)}
    json.dumps(made)


def test_a_job_that_is_refused_says_which_rule(account: Account) -> None:
    account.template = template(source=account.template.source, image_uri="x" * 300)
    told = account.spec(11)
    with pytest.raises(RefusedJobError, match="TrainingImage"):
        account.platform().create(told, account.desk.orders(told))


def test_a_job_that_a_dead_controller_asked_for_is_ended_whenever_it_turns_up(
    account: Account,
) -> None:
    dead, living = account.platform(), account.platform()
    earlier, later = (account.spec(12, n, config={"mode": "wait at 1"}) for n in (0, 1))
    living.create(later, account.desk.orders(later))
    dead.create(earlier, account.desk.orders(earlier))  # its request was on its way
    living.states([later.key])
    account.emulator.wait(account.job(earlier), "Stopping", "Stopped")
    account.emulator.wait_for_line(account.job(later), "[report] epoch=1")
    dead.states([earlier.key])  # who was taken over from ends nothing of the one who did
    assert living.states([later.key])[later.key].phase is Phase.PLACED


def test_what_the_service_counts_of_each_job_is_asked_for_once(
    account: Account, tmp_path: Path
) -> None:
    bill = Bill(tmp_path, None, now_s=account.emulator.now_s)
    jobs = BotoTrainingJobs(new_client())
    request = partial(creation, account.template, LAYOUT, NAMES)
    platform = SageMakerPlatform(jobs, NAMES, request, bill)
    told = account.spec(13, config={"mode": "wait at 1"})
    platform.create(told, account.desk.orders(told))
    account.emulator.wait_for_line(account.job(told), "[report] epoch=1")
    platform.states([told.key])
    account.emulator.advance(50)
    platform.stop(told.key)
    account.emulator.wait(account.job(told), "Stopped")
    before = account.emulator.calls().get("DescribeTrainingJob", 0)
    for _ in range(3):
        assert platform.unfinished() == []
    assert account.emulator.calls()["DescribeTrainingJob"] == before + 1
    bill.write()
    assert b'"billable_s": 50' in (tmp_path / "costs.jsonl").read_bytes()
