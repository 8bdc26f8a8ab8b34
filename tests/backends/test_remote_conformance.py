"""The protocol fits a service that answers late, out of order, twice, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.backends.protocol import AttemptEnded, AttemptPlaced
from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import BackendError
from pytest_synebench.testing.backend_suite import BackendSuite
from pytest_synebench.testing.plays import Stage, Watcher, levels

from .remote_fake import RemoteBackend
from .remote_service import BOOT_S, Network, Service


def rough(seed: int) -> Network:
    return Network(seed=seed, throttled=0.2, lost=0.2, late=0.1, repeated=0.3)


def make_stage(directory: Path, network: Network, quota: int = 100) -> tuple[Stage, Service]:
    service = Service(VirtualClock(), network, quota)
    stage = Stage(
        backend=RemoteBackend(service),
        clock=service.clock,
        directory=directory,
        alive=lambda: sum(not job.ended for job in service.jobs.values()),
        another=lambda: RemoteBackend(service),
        patience_s=50_000.0,
    )
    return stage, service


class TestRemoteBackend(BackendSuite):
    @pytest.fixture(params=[None, 1, 2, 3], ids=["calm", "rough1", "rough2", "rough3"])
    def stage(self, tmp_path: Path, request: pytest.FixtureRequest) -> Stage:
        network = Network() if request.param is None else rough(request.param)
        return make_stage(tmp_path, network)[0]


def test_what_finds_no_machine_waits_and_is_placed_when_there_is_one(tmp_path: Path) -> None:
    stage, service = make_stage(tmp_path, Network(), quota=1)
    first, second = stage.spec(0, [*levels(1), ["hang"]]), stage.spec(1, levels(1))
    watcher = Watcher(stage, stage.backend)
    stage.backend.start(first)
    watcher.reported(first)
    stage.backend.start(second)
    for _ in range(100):
        watcher.look(60.0)
    assert watcher.kinds(second) == []

    stage.backend.stop(first.key)
    watcher.ends(first)
    freed_s = service.clock.now_s()
    watcher.until(lambda: AttemptPlaced in watcher.kinds(second))
    assert service.clock.now_s() >= freed_s + BOOT_S
    assert watcher.ends(second)[0].ok


def test_what_is_stopped_while_it_waits_never_runs(tmp_path: Path) -> None:
    stage, service = make_stage(tmp_path, Network(), quota=1)
    first, second = stage.spec(0, [*levels(1), ["hang"]]), stage.spec(1, levels(1))
    watcher = Watcher(stage, stage.backend)
    stage.backend.start(first)
    watcher.reported(first)
    stage.backend.start(second)
    watcher.look(60.0)
    stage.backend.stop(second.key)
    watcher.ends(second)
    stage.backend.stop(first.key)
    watcher.ends(first)
    watcher.look(3600.0)

    assert watcher.kinds(second) == [AttemptEnded]
    assert len(service.jobs) == 1


def test_when_the_service_refuses_for_good_polling_says_so_and_closing_still_works(
    tmp_path: Path,
) -> None:
    stage, _ = make_stage(tmp_path, Network(denied=True))
    stage.backend.start(stage.spec(0, levels(1)))
    with pytest.raises(BackendError, match="ExpiredToken; renew"):
        stage.backend.poll(600.0)
    stage.backend.close()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    trials=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), min_size=1, max_size=5),
    quota=st.integers(1, 3),
)
def test_whatever_befalls_the_calls_every_attempt_ends_once_with_all_its_reports(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    trials: list[tuple[int, int]],
    quota: int,
) -> None:
    stage, service = make_stage(tmp_path_factory.mktemp("trials"), rough(seed), quota)
    watcher = Watcher(stage, stage.backend)
    specs = [stage.spec(n, levels(last)) for n, (last, _) in enumerate(trials)]
    for spec in specs:
        stage.backend.start(spec)
    for spec, (_, stop_s) in zip(specs, trials, strict=True):
        if stop_s < 200:
            watcher.look(float(stop_s))
            stage.backend.stop(spec.key)

    ends = watcher.ends(*specs)
    for spec, end, (last, stop_s) in zip(specs, ends, trials, strict=True):
        reported = [report["epoch"] for report in watcher.reports(spec)]
        jobs = [job for job in service.jobs.values() if job.spec.key == spec.key]
        sent = [message for job in jobs for message in job.messages if message.kind == "report"]
        assert reported == list(range(1, len(reported) + 1))
        assert len(reported) == len(sent)
        assert len(jobs) <= 1
        assert stop_s < 200 or (end.ok and len(reported) == last)
    assert stage.alive() == 0
