"""One life of a job: real processes, a real service in another process."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from remote_jobs import arrived, fields, levels, orders, put_orders, write_script
from s3_service import Service

from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.errors import StoreError
from pytest_synebench.training.agent.agent import Agent
from pytest_synebench.training.agent.keeper import Keeper
from pytest_synebench.training.agent.orders import Orders
from pytest_synebench.training.agent.post import Post

pytest_plugins = ("buckets",)


class Machine:
    """Where jobs run: each life on another one, with a disk of its own."""

    def __init__(self, client: Any, bucket: str, folder: Path) -> None:
        self.client, self.bucket, self.folder = client, bucket, folder
        self.script = write_script(folder / "code")
        self.lives = 0

    def agent(self, told: Orders) -> Agent:
        self.lives += 1
        url = put_orders(self.client, self.bucket, told)
        post = Post(url, client=self.client)
        found = post.orders()
        post.begin()
        archive = S3Archive(f"s3://{self.bucket}/{told.prefix}", client=self.client)
        work = self.folder / f"life{self.lives}"
        return Agent(post, found, Keeper(archive, found), script=self.script, work=work)

    def run(self, told: Orders) -> int:
        return self.agent(told).run()

    def said(self, told: Orders) -> Any:
        return arrived(self.client, self.bucket, told)


@pytest.fixture
def machine(client: Any, bucket: str, tmp_path: Path) -> Machine:
    return Machine(client, bucket, tmp_path)


def told_to(mode: str = "", epochs: int = 3, **changes: Any) -> Orders:
    arguments = ["--epochs", str(epochs), *(["--mode", mode] if mode else [])]
    return orders(**{"arguments": arguments, "config": {"epochs": epochs}, **changes})


def test_all_that_was_said_arrives_and_the_last_checkpoint_is_kept(machine: Machine) -> None:
    told = told_to()
    assert machine.run(told) == 0
    said = machine.said(told)
    assert levels(said) == [1, 2, 3]
    assert [one["level"] for one in fields(said, "kept")][-1] == 3
    assert said[0].kind == "hello"
    assert said[-1].kind == "ended"
    assert said[-1].fields == {"code": 0, "stopped": False, "rejected": 0, "tail": ""}


def test_an_attempt_ends_at_its_level_and_the_next_goes_on_from_there(machine: Machine) -> None:
    first = told_to(until=2)
    assert machine.run(first) == 0
    (kept,) = [one for one in fields(machine.said(first), "kept") if one["level"] == 2]
    second = told_to(attempt=1, known=[[0, 2, kept["sha256"]]])
    assert machine.run(second) == 0
    said = machine.said(second)
    assert fields(said, "hello")[-1]["resumed_from"] == 2
    assert levels(said) == [3]


def test_what_is_not_known_of_earlier_attempts_is_not_loaded(machine: Machine) -> None:
    assert machine.run(told_to(until=2)) == 0
    second = told_to(attempt=1)
    assert machine.run(second) == 0
    assert levels(machine.said(second)) == [1, 2, 3]


@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_level_that_a_lost_life_cost_is_reported_by_the_next(
    machine: Machine, dies_at: int
) -> None:
    # The script saves a level, reports it and is gone: whatever arrived, no level is missing.
    lost = told_to(f"die at {dies_at}")
    assert machine.run(lost) == -signal.SIGKILL
    again = told_to()
    assert machine.run(again) == 0
    assert {*levels(machine.said(again))} == {1, 2, 3}


def test_how_it_failed_is_said(machine: Machine) -> None:
    told = told_to("fail at 2")
    agent = machine.agent(told)
    assert agent.run() == 1
    assert agent.tail().endswith("RuntimeError: no such layer")
    end = machine.said(told)[-1].fields
    assert (end["code"], end["stopped"]) == (1, False)
    assert end["tail"].endswith("RuntimeError: no such layer")


def test_a_request_to_end_reaches_the_script_and_its_news_arrive(machine: Machine) -> None:
    told = told_to("wait at 2")
    agent = machine.agent(told)
    codes: list[int] = []
    runs = threading.Thread(target=lambda: codes.append(agent.run()))
    runs.start()
    while 2 not in levels(machine.said(told)):
        assert runs.is_alive()
    agent.stop()
    runs.join()
    said = machine.said(told)
    assert codes == [-signal.SIGTERM]
    assert levels(said) == [1, 2]
    assert said[-1].fields["stopped"] is True
    assert 2 in [one["level"] for one in fields(said, "kept")]


def test_what_the_script_left_behind_goes_with_it(machine: Machine, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    machine.script.write_text(
        "import os, signal\n"
        "if not os.fork():\n"
        f"    open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
        "    signal.pause()\n"
        f"while not os.path.exists({str(pid_file)!r}): pass\n"
    )
    assert machine.run(told_to(checkpoint_at=None, arguments=[])) == 0
    left = int(pid_file.read_text() or 0)
    assert not left or not _alive(left)


def _alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_loaded(machine: Machine) -> None:
    first = told_to(until=2)
    machine.run(first)
    kept = {one["level"]: one["sha256"] for one in fields(machine.said(first), "kept")}
    known = [[0, 2, "0" * 64], [0, 2, kept[2]]]
    second = told_to(attempt=1, known=known)
    assert machine.run(second) == 0
    said = machine.said(second)
    (refused,) = fields(said, "refused")
    assert refused["remark"].startswith("REJECTED: checkpoint of level 2 in the store: its")
    assert levels(said) == [3]


def test_without_checkpoints_nothing_is_kept_or_loaded(machine: Machine) -> None:
    told = told_to(checkpoint_at=None)
    assert machine.run(told) == 0
    said = machine.said(told)
    assert levels(said) == [1, 2, 3]
    assert fields(said, "kept") == []


def test_a_store_that_refuses_ends_the_script(
    machine: Machine, service: Service, bucket: str
) -> None:
    told = told_to("wait at 1")
    agent = machine.agent(told)
    service.break_when(
        bucket, {"kind": "denied", "methods": ["PUT"], "part": "letters", "times": 99}
    )
    with pytest.raises(StoreError, match="AccessDenied"):
        agent.run()
    process = agent._process
    assert process is not None
    assert process.wait() == -signal.SIGKILL


def test_faults_of_the_service_lose_nothing(
    machine: Machine, service: Service, bucket: str
) -> None:
    told = told_to(epochs=6)
    agent = machine.agent(told)
    service.break_at(bucket, 0.3)
    assert agent.run() == 0
    service.mend(bucket)
    assert levels(machine.said(told)) == [1, 2, 3, 4, 5, 6]


def test_the_environment_is_the_jobs(machine: Machine, tmp_path: Path) -> None:
    out = tmp_path / "seen"
    machine.script.write_text(
        "import os, random\n"
        "seen = os.environ['PYTHONHASHSEED'], str(random.random())\n"
        f"open({str(out)!r}, 'w').write(' '.join(seen))\n"
    )
    machine.run(told_to(checkpoint_at=None, arguments=[]))
    hash_seed, drawn = out.read_text().split()
    machine.run(told_to(checkpoint_at=None, arguments=[], attempt=1))
    assert out.read_text().split() == [hash_seed, drawn]
    assert hash_seed == os.environ.get("PYTHONHASHSEED", "0")
