"""What jobs are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from remote_jobs import PREFIX

from pytest_synebench.backends.local import briefing
from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.backends.sagemaker.desk import StoreDesk
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.training.agent.orders import Orders
from pytest_synebench.trial import TrialId

pytest_plugins = ("buckets",)

KEY = AttemptKey(TrialId(1), 2)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def spec(folder: Path, **changes: Any) -> AttemptSpec:
    told: dict[str, Any] = {
        "key": KEY,
        "config": {"lr": -1e-05, "x": float("inf"), "none": None},
        "seed": 5,
        "directory": folder,
        "resource_attr": "epoch",
        "until": 3,
        "resume_at_most": 2,
        "checkpoint_at": (1, 3),
    }
    return AttemptSpec(**(told | changes))


def test_orders_say_all_that_the_attempt_needs(
    client: Any, bucket: str, ledger: Ledger, tmp_path: Path
) -> None:
    for level in (1, 2, 3):
        ledger.note(Place(TrialId(1), 1, level), f"{level}" * 64)
    ask = Asking("s3")
    desk = StoreDesk(client, bucket, PREFIX, ask, ledger, briefing.config_arguments)
    url = desk.orders(spec(tmp_path))
    assert url == f"s3://{bucket}/{PREFIX}jobs/00000001/000002/orders.json"
    key = url.removeprefix(f"s3://{bucket}/")
    data = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    told = Orders.of_json(data)
    assert told.known == [[1, 2, "2" * 64], [1, 1, "1" * 64]]
    assert (told.trial, told.attempt, told.seed, told.until) == (1, 2, 5, 3)
    assert told.config == {"lr": -1e-05, "x": {"float": "inf"}, "none": None}
    assert told.checkpoint_at == [1, 3]
    assert told.arguments == ["--lr=-1e-05", "--x", "inf"], "no path of this machine"
    desk.orders(spec(tmp_path))
    assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == data

    desk.note(KEY, 3, "a" * 64)
    assert ledger.newest(TrialId(1), 9)[0] == (Place(TrialId(1), 2, 3), "a" * 64)


@pytest.mark.parametrize("changes", [{"resume_at_most": 0}, {"checkpoint_at": None}])
def test_from_scratch_nothing_is_known(
    client: Any, bucket: str, ledger: Ledger, tmp_path: Path, changes: dict[str, Any]
) -> None:
    ledger.note(Place(TrialId(1), 1, 1), "1" * 64)
    desk = StoreDesk(client, bucket, PREFIX, Asking("s3"), ledger, briefing.config_arguments)
    url = desk.orders(spec(tmp_path, **changes))
    data = client.get_object(Bucket=bucket, Key=url.removeprefix(f"s3://{bucket}/"))["Body"].read()
    assert Orders.of_json(data).known == []
