"""Keeps the directory of a run in S3 while the run goes on, so that another machine can go on.

What an attempt is started for is kept before it is started; the rest follows within a moment. So
no two attempts ever have one number, although a machine may be lost at any time, and what is lost
with it is what would have been lost had it stopped a moment earlier.

Invariants (tests/experiment/remote/tuning/test_mirror.py holds each one):
- an attempt starts only once the decision to start it is kept;
- what is kept at one moment is a directory that a run can go on from: the journal names nothing
  that the ledger of checkpoints beside it has not;
- who has lost the run to another job starts nothing and keeps nothing more, and says so;
- a line that is not whole is not kept yet;
- the last words of an attempt that failed are kept no later than that it did.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event, Lock, Thread

from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    AttemptSpec,
    Backend,
    Observation,
)
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import BackendError, RunError, StoreError
from pytest_synebench.experiment.remote.tuning.gathered import Gathered
from pytest_synebench.experiment.remote.tuning.log import Entry, RunLog
from pytest_synebench.trial import TrialId

JOURNAL = "journal.jsonl"
#: The journal is read first: what it relies on in the others was written before it.
_GROWING = (JOURNAL, "checkpoints.jsonl", "timings.jsonl")
_REPLACED = ("metadata.json", "results.csv.gz")
_LAST_WORDS = 16_384  #: bytes of an attempt's stderr
_SHORTEST_S = 1.0
#: Entries of a run of any length: so many, times the logarithm of its length.
_PER_AGE = 200
_LONGEST_S = 30.0


class Mirror:
    """Keeps one run's directory."""

    def __init__(self, log: RunLog, directory: Path, *, clock: Clock | None = None) -> None:
        """Ask nothing yet.

        Args:
            log: of the run.
            directory: of the run.
            clock: tells how old the run is.
        """
        self._log, self._directory = log, directory
        self._clock = clock or SystemClock()
        self._began_s = self._clock.now_s()
        self._writer = secrets.token_hex(8)
        self._sent: dict[str, int] = {}  #: bytes of a file that grows
        self._seen: dict[str, tuple[int, int]] = {}  #: time and size of one that is replaced
        self._failed: set[TrialId] = set()  #: whose last words are to be kept
        self._failure: RunError | None = None
        self._lock = Lock()
        self._stop = Event()
        self._thread: Thread | None = None

    def restore(self) -> bool:
        """Become the run's writer, and have its directory here; return whether there was a run.

        Raises:
            RunError: the run cannot be claimed.
            StoreError: the bucket cannot be used.
        """
        gathered = Gathered()
        gathered.take(self._log.claim(self._writer))
        (self._directory / "trials").mkdir(parents=True, exist_ok=True)
        gathered.write(self._directory)
        self._sent = {name: len(data) for name, data in gathered.files.items()}
        # A journal without a line is a run that has not begun: its directory is known by it.
        (self._directory / JOURNAL).touch()
        return bool(gathered.files.get(JOURNAL))

    def start(self) -> None:
        """Keep what comes, until ``finish``."""
        self._thread = Thread(target=self._go_on, name="synebench-mirror", daemon=True)
        self._thread.start()

    def flush(self, *, over: bool = False, more: Mapping[str, bytes] | None = None) -> None:
        """Keep what there is by now.

        Args:
            over: the run has ended by a criterion, and this is the last of it.
            more: files by name, to be kept as well.

        Raises:
            RunError: the run is another job's by now.
            StoreError: the bucket cannot be used.
        """
        with self._lock:
            self.check()
            grown = {name: data for name in _GROWING if (data := self._growth(name))}
            states = {name: self._state(name) for name in _REPLACED}
            whole = {
                name: (self._directory / name).read_bytes()
                for name, state in states.items()
                if state is not None and state != self._seen.get(name)
            }
            failed = set(self._failed)
            whole.update({**self._last_words(failed), **(more or {})})
            if not (grown or whole or over):
                return
            try:
                self._log.write(Entry(writer=self._writer, grown=grown, whole=whole, over=over))
            except RunError as error:
                self._failure = error
                raise
            for name, data in grown.items():
                self._sent[name] = self._sent.get(name, 0) + len(data)
            self._seen.update({name: state for name, state in states.items() if state})
            self._failed -= failed

    def failed(self, trial_id: TrialId) -> None:
        """Note that an attempt has failed, before the journal says so."""
        self._failed.add(trial_id)  # without the lock: who polls does not wait for the network

    def check(self) -> None:
        """Make sure that the run is still this job's, as far as is known.

        Raises:
            RunError: it is not.
        """
        if self._failure is not None:
            raise self._failure

    def finish(self, *, over: bool, more: Mapping[str, bytes]) -> None:
        """Keep the rest, and keep nothing after it; as ``flush``."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.flush(over=over, more=more)

    def _growth(self, name: str) -> bytes:
        path = self._directory / name
        if not path.exists():
            return b""
        with path.open("rb") as file:
            file.seek(self._sent.get(name, 0))
            data = file.read()
        return data[: data.rfind(b"\n") + 1]

    def _last_words(self, trials: Iterable[TrialId]) -> dict[str, bytes]:
        names = [f"trials/{one}/stderr.log" for one in trials]
        there = [name for name in names if (self._directory / name).exists()]
        return {name: (self._directory / name).read_bytes()[-_LAST_WORDS:] for name in there}

    def _state(self, name: str) -> tuple[int, int] | None:
        path = self._directory / name
        if not path.exists():
            return None
        told = path.stat()
        return told.st_mtime_ns, told.st_size

    def _go_on(self) -> None:
        while not self._stop.wait(self._period_s()):
            try:
                self.flush()
            except RunError:
                return
            except (StoreError, OSError):
                continue  # the next one, or that before an attempt, counts

    def _period_s(self) -> float:
        age_s = self._clock.now_s() - self._began_s
        return min(_LONGEST_S, max(_SHORTEST_S, age_s / _PER_AGE))


class MirroredBackend:
    """A back-end whose attempts start once what led to them is kept."""

    def __init__(self, backend: Backend, mirror: Mirror) -> None:
        self._backend, self._mirror = backend, mirror

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run.

        Raises:
            RunError: the run is another job's by now.
            BackendError: the run cannot be kept.
        """
        try:
            self._mirror.flush()
        except StoreError as error:
            raise BackendError(f"the run cannot be kept in S3: {error}") from error
        self._backend.start(spec)

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end."""
        self._backend.stop(key)

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened; waits for one to happen.

        Raises:
            RunError: the run is another job's by now.
        """
        self._mirror.check()
        told = self._backend.poll(timeout_s)
        for seen in told:
            if isinstance(seen, AttemptEnded) and not seen.ok:
                self._mirror.failed(seen.key.trial_id)
        return told

    def close(self) -> None:
        """End every attempt by force and let everything go."""
        self._backend.close()
