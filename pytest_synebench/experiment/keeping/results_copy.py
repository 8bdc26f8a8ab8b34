"""The results of a run in S3, beside the directory that they are made in.

    <prefix>/<benchmark>/<setup>/<run>/{journal.jsonl,timings.jsonl,results.csv.gz,metadata.json}

A thread sends what has changed, once a minute and at the end; it reads files and nothing else, so
a run neither waits for it nor fails by it. What trials write stays where it is.

Invariants (tests/experiment/keeping/test_results_copy.py):
- a bucket that cannot be written is refused before the first trial;
- once a run is over, what is in the bucket is what is on the disk, or it is said that it is not;
- runs have places of their own, however many have one name.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any

from pytest_synebench.checkpoints.s3.address import SCHEME, Address
from pytest_synebench.checkpoints.s3.asking import BACKOFF_S, Asking, new_client
from pytest_synebench.errors import BackendError, StoreError, UsageError
from pytest_synebench.experiment.keeping.opening import LOCAL, experiment
from pytest_synebench.experiment.plan.plan import Plan

#: Metadata last: it says how a run ended, so the rest of it is there by then.
FILES = ("timings.jsonl", "results.csv.gz", "journal.jsonl", "metadata.json")
PERIOD_S = 60.0
_TRIES = 6


class ResultsCopy:
    """Keeps a copy of one run's results."""

    def __init__(
        self,
        url: str,
        name: str,
        directory: Path,
        *,
        client: Any = None,
        backoff_s: float = BACKOFF_S,
        period_s: float = PERIOD_S,
    ) -> None:
        """Name the place; asks nothing of it yet.

        Args:
            url: ``s3://bucket/prefix``.
            name: of the run, which no other run has.
            directory: of the run.
            client: of boto3; None: a new one.
            backoff_s: longest first wait between two requests, in seconds.
            period_s: between two looks at what has changed.

        Raises:
            UsageError: it is no such URL.
            StoreError: boto3 is not installed, or cannot be configured.
        """
        self._address = Address.of(url, name)
        self.where = f"{SCHEME}{self._address.bucket}/{self._address.prefix}"
        self._directory, self._period_s = directory, period_s
        self._client = client or new_client()
        self._ask = Asking(self.where, tries=_TRIES, backoff_s=backoff_s)
        self._sent: dict[str, tuple[int, int]] = {}  #: size and time of change, by file
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Send what there is, and go on doing so.

        Raises:
            StoreError: the bucket cannot be used.
        """
        self._send()
        self._thread = Thread(target=self._go_on, name="synebench-results", daemon=True)
        self._thread.start()

    def finish(self, remark: Callable[[str], None]) -> None:
        """Send what has changed since; say where that fails. May be repeated."""
        self._halt()
        try:
            self._send()
        except (StoreError, OSError) as error:
            remark(
                f"the results could not all be copied to {self.where}: {error}. They are whole in "
                f"{self._directory}: mend that, and --synebench-resume copies them"
            )

    def close(self) -> None:
        """Send nothing more. May be repeated."""
        self._ask.close()
        self._halt()

    def _halt(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _go_on(self) -> None:
        while not self._stop.wait(self._period_s):
            try:
                self._send()
            except (StoreError, OSError):
                continue  # the last time counts, and is told

    def _send(self) -> None:
        for name in FILES:
            path = self._directory / name
            if not path.exists():
                continue
            told = path.stat()
            seen = (told.st_size, told.st_mtime_ns)
            if self._sent.get(name) != seen:
                self._put(f"{self._address.prefix}{name}", path.read_bytes())
                self._sent[name] = seen

    def _put(self, key: str, data: bytes) -> None:
        checksum = b64encode(sha256(data).digest()).decode()
        try:
            self._ask(
                lambda: self._client.put_object(
                    Bucket=self._address.bucket, Key=key, Body=data, ChecksumSHA256=checksum
                )
            )
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(f"{self.where}: {error}") from error


def copy_of(plan: Plan, directory: Path) -> ResultsCopy | None:
    """Return what copies a run's results to where the plan says, begun; None: nowhere.

    Raises:
        UsageError: ``results`` names no place in S3.
        BackendError: the place cannot be used: why, and the way out.
    """
    url = plan.params["results"]
    if url == LOCAL:
        return None
    if not url.startswith(SCHEME):
        raise UsageError(f"results is {url!r}; known: s3://BUCKET/PREFIX, or local")
    try:
        copy = ResultsCopy(url, experiment(plan, directory), directory)
        copy.start()
    except StoreError as error:
        raise BackendError(f"the results cannot be copied: {error}") from error
    return copy
