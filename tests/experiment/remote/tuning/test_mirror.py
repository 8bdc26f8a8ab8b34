"""A run's directory is kept: what leads to an attempt, before the attempt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from s3_service import Service

from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    AttemptSpec,
    Observation,
)
from pytest_synebench.errors import BackendError, RunError, StoreError
from pytest_synebench.experiment.remote.tuning.gathered import Gathered
from pytest_synebench.experiment.remote.tuning.log import RunLog
from pytest_synebench.experiment.remote.tuning.mirror import Mirror, MirroredBackend
from pytest_synebench.trial import TrialId

NewLog = Callable[[], RunLog]


class Recorder:
    """A back-end that notes what the log has when an attempt starts."""

    def __init__(self, new_log: NewLog) -> None:
        self._new_log = new_log
        self.kept: list[bytes] = []
        self.told: list[Observation] = []

    def start(self, spec: AttemptSpec) -> None:
        self.kept.append(bytes(kept(self._new_log).get("journal.jsonl", b"")))

    def stop(self, key: AttemptKey) -> None: ...

    def poll(self, timeout_s: float) -> list[Observation]:
        told, self.told = self.told, []
        return told

    def close(self) -> None: ...


def kept(new_log: NewLog) -> dict[str, bytes]:
    """Return the files that the log has."""
    gathered = Gathered()
    gathered.take(new_log().read_on())
    return {name: bytes(data) for name, data in gathered.files.items()}


def spec(folder: Path) -> AttemptSpec:
    return AttemptSpec(
        key=AttemptKey(TrialId(0), 0),
        config={},
        seed=0,
        directory=folder,
        resource_attr="epoch",
        until=None,
        resume_at_most=0,
        checkpoint_at=None,
    )


def add(directory: Path, name: str, data: bytes) -> None:
    with (directory / name).open("ab") as file:
        file.write(data)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "toy" / "r0"


@pytest.fixture
def mirror(run: Path, new_log: NewLog) -> Mirror:
    made = Mirror(new_log(), run)
    assert not made.restore(), "there is no run yet"
    return made


def test_an_attempt_starts_once_what_led_to_it_is_kept(
    mirror: Mirror, run: Path, new_log: NewLog
) -> None:
    inner = Recorder(new_log)
    backend = MirroredBackend(inner, mirror)
    add(run, "journal.jsonl", b"header\nstart 0\n")
    backend.start(spec(run))
    add(run, "journal.jsonl", b"start 1\nhalf a li")
    backend.start(spec(run))
    assert inner.kept == [b"header\nstart 0\n", b"header\nstart 0\nstart 1\n"]
    add(run, "journal.jsonl", b"ne\n")
    mirror.flush()
    assert kept(new_log)["journal.jsonl"] == (run / "journal.jsonl").read_bytes()


def test_what_the_journal_relies_on_is_kept_with_it(
    mirror: Mirror, run: Path, new_log: NewLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(run, "journal.jsonl", b"header\n")
    grows = Mirror._growth

    def written_meanwhile(self: Mirror, name: str) -> bytes:
        data = grows(self, name)
        if name == "journal.jsonl":  # as the run does: the checkpoint first, then the pause
            add(run, "checkpoints.jsonl", b"kept 3\n")
            add(run, "journal.jsonl", b"pause at 3\n")
        return data

    monkeypatch.setattr(Mirror, "_growth", written_meanwhile)
    mirror.flush()
    files = kept(new_log)
    assert b"pause" not in files["journal.jsonl"]
    assert files["checkpoints.jsonl"] == b"kept 3\n"


def test_another_machine_goes_on_from_what_is_kept(
    mirror: Mirror, run: Path, new_log: NewLog, tmp_path: Path
) -> None:
    add(run, "journal.jsonl", b"header\n")
    (run / "metadata.json").write_text("{}")
    mirror.flush()
    add(run, "journal.jsonl", b"lost\n")
    there = tmp_path / "there" / "r0"
    second = Mirror(new_log(), there)
    assert second.restore()
    assert (there / "journal.jsonl").read_bytes() == b"header\n"
    assert (there / "metadata.json").read_text() == "{}"
    assert (there / "trials").is_dir()
    add(there, "journal.jsonl", b"other\n")
    second.finish(over=True, more={"summary.json": b"{}"})
    files = kept(new_log)
    assert files["journal.jsonl"] == b"header\nother\n"
    assert files["summary.json"] == b"{}"
    assert new_log().read_on()[-1].over


def test_who_has_lost_the_run_starts_nothing_more(
    mirror: Mirror, run: Path, new_log: NewLog, tmp_path: Path
) -> None:
    inner = Recorder(new_log)
    backend = MirroredBackend(inner, mirror)
    add(run, "journal.jsonl", b"header\n")
    Mirror(new_log(), tmp_path / "there").restore()
    assert backend.poll(0) == []
    with pytest.raises(RunError, match="taken over by another job"):
        backend.start(spec(run))
    assert inner.kept == []
    with pytest.raises(RunError, match="taken over by another job"):
        backend.poll(0)
    with pytest.raises(RunError, match="taken over by another job"):
        mirror.finish(over=True, more={})
    assert "journal.jsonl" not in kept(new_log)


def test_a_bucket_that_is_gone_breaks_the_run_off(
    mirror: Mirror, run: Path, new_log: NewLog, service: Service, bucket: str
) -> None:
    add(run, "journal.jsonl", b"header\n")
    rule = {"methods": ["PUT"], "part": "", "times": 1, "kind": "denied"}
    service.break_when(bucket, rule)
    with pytest.raises(BackendError, match=r"the run cannot be kept in S3: .*AccessDenied"):
        MirroredBackend(Recorder(new_log), mirror).start(spec(run))
    service.break_when(bucket, rule)
    with pytest.raises(StoreError):
        mirror.flush()
    service.mend(bucket)
    mirror.flush()
    assert kept(new_log)["journal.jsonl"] == b"header\n", "what was not kept is kept later, once"


def test_nothing_is_sent_where_nothing_has_changed(
    mirror: Mirror, run: Path, service: Service, bucket: str
) -> None:
    add(run, "journal.jsonl", b"header\n")
    (run / "metadata.json").write_text("{}")
    mirror.flush()
    service.asked(bucket)
    mirror.flush()
    assert service.asked(bucket) == []


def test_what_comes_is_kept_meanwhile(
    mirror: Mirror, run: Path, new_log: NewLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_synebench.experiment.remote.tuning.mirror._SHORTEST_S", 0.01)
    monkeypatch.setattr("pytest_synebench.experiment.remote.tuning.mirror._LONGEST_S", 0.01)
    mirror.start()
    add(run, "journal.jsonl", b"header\n")
    reader, seen = new_log(), Gathered()
    while "journal.jsonl" not in seen.files:  # the thread is the only one that can send it
        seen.take(reader.read_on())
    mirror.finish(over=False, more={})
    assert bytes(seen.files["journal.jsonl"]) == b"header\n"


def test_the_last_words_of_what_failed_are_kept_no_later_than_that_it_did(
    mirror: Mirror, run: Path, new_log: NewLog
) -> None:
    inner = Recorder(new_log)
    backend = MirroredBackend(inner, mirror)
    add(run, "journal.jsonl", b"header\n")
    for trial, ok in ((3, False), (4, True), (5, False)):
        key = AttemptKey(TrialId(trial), 0)
        inner.told.append(AttemptEnded(key=key, ok=ok, detail="exit code"))
    for trial in (3, 4):
        (run / "trials" / str(trial)).mkdir()
        (run / "trials" / str(trial) / "stderr.log").write_bytes(b"x" * 20_000 + b"no such layer\n")
    assert len(backend.poll(0)) == 3
    add(run, "journal.jsonl", b"3 failed\n")
    mirror.flush()
    (_, entry) = new_log().read_on()
    assert entry.whole["trials/3/stderr.log"].endswith(b"no such layer\n")
    assert len(entry.whole["trials/3/stderr.log"]) == 16_384
    assert set(entry.whole) == {"trials/3/stderr.log"}
    assert b"3 failed" in entry.grown["journal.jsonl"]
