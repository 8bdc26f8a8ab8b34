"""What the jobs of one run cost so far: those of earlier sessions too.

What the service has counted of a job is written down once the job has ended, in ``costs.jsonl`` of
the run's directory, measured like ``timings.jsonl``. A job whose end nobody wrote down, since the
controller died, is looked at again by the next one.

Invariants (tests/backends/sagemaker/spending/test_bill.py holds each one):
- each job counts once, whatever is told of it how often, and in how many sessions;
- once all jobs have ended the bill is what the service has counted;
- to end what runs is paid for as well: what is committed is never less than what is spent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from pytest_synebench.backends.sagemaker.spending.clocking import Clocked
from pytest_synebench.backends.sagemaker.spending.prices import Price, cost_usd, shown_usd
from pytest_synebench.backends.sagemaker.statuses import Seen, Standing
from pytest_synebench.durable import LineLog

NAME = "costs.jsonl"
GRACE_S = 120.0  #: that the platform gives a job which is to end


class Bill:
    """The seconds of a run's jobs, and their price."""

    def __init__(
        self,
        directory: Path,
        price: Price | None,
        *,
        instances: int = 1,
        max_usd: float | None = None,
        now_s: Callable[[], float],
    ) -> None:
        """Read what earlier sessions have written down.

        Args:
            directory: of the run.
            price: of an instance and hour; None: nobody knows, so only seconds are counted.
            instances: of one job.
            max_usd: what the run may cost; None: anything.
            now_s: tells the time in seconds since 1970, as the service does.

        Raises:
            JournalError: what was written down is damaged.
            OSError: it cannot be read or written.
        """
        self.price, self.max_usd = price, max_usd
        self._instances, self._now_s = instances, now_s
        self._lock = Lock()  # jobs are looked at in threads
        self._log = LineLog(directory / NAME)
        self._open: dict[str, Clocked] = {}  #: jobs whose seconds the service has not counted
        self._ended: set[str] = set()  #: of those, the ones that have ended
        self._counted: set[str] = set()
        self._counted_s = 0
        self._unwritten: list[bytes] = []
        for payload in self._log.payloads:
            line = json.loads(payload)
            self._count(str(line["job"]), int(line["billable_s"]))

    def saw(self, name: str, seen: Seen) -> None:
        """Take a look at a job in."""
        with self._lock:
            if name in self._counted:
                return
            self._open[name] = self._open.get(name, Clocked()).after(seen)
            if seen.standing is Standing.ENDED:
                self._ended.add(name)

    def counted(self, name: str, billable_s: int) -> None:
        """Take in what the service has counted of a job that has ended; the first is final."""
        with self._lock:
            if self._count(name, billable_s):
                line = {"job": name, "billable_s": billable_s}
                self._unwritten.append(json.dumps(line).encode())

    def _count(self, name: str, billable_s: int) -> bool:
        if name in self._counted:
            return False
        self._counted_s += billable_s
        self._counted.add(name)
        self._open.pop(name, None)
        self._ended.discard(name)
        return True

    def uncounted(self) -> list[str]:
        """Return the jobs that have ended, and whose seconds nobody has asked for."""
        with self._lock:
            return sorted(self._ended)

    def write(self) -> None:
        """Write down, durably, what was counted since the last time.

        Raises:
            OSError: the disk refuses.
        """
        with self._lock:
            lines, self._unwritten = self._unwritten, []
        if lines:
            self._log.extend(lines)

    def close(self) -> None:
        """Let the file go. May be repeated."""
        self._log.close()

    # -- money -----------------------------------------------------------------------------------

    @property
    def spent_usd(self) -> float:
        """What the jobs cost so far; 0 where no price is known."""
        return self._usd(self._seconds()[0])

    @property
    def committed_usd(self) -> float:
        """What they will have cost if every one that runs is asked to end now."""
        seconds, running = self._seconds()
        return self._usd(seconds + running * GRACE_S)

    def _usd(self, seconds: float) -> float:
        return 0.0 if self.price is None else cost_usd(self.price, seconds, self._instances)

    def _seconds(self) -> tuple[float, int]:
        """Return the seconds of all jobs, and how many have a machine."""
        with self._lock:
            left, counted_s = list(self._open.values()), self._counted_s
        now_s = self._now_s()
        return counted_s + sum(one.seconds(now_s) for one in left), sum(one.placed for one in left)

    def exceeded(self) -> str:
        """Return why no more money is to be spent, or ""."""
        if self.max_usd is None or (committed := self.committed_usd) < self.max_usd:
            return ""
        spent = self.spent_usd
        ending = f", and ending what runs takes up to {shown_usd(committed - spent)}"
        return f"max_cost of {self.max_usd:.10g} USD reached: {shown_usd(spent)} spent" + (
            ending if committed > spent else ""
        )

    def short(self) -> str:
        """Return what it costs so far, for a line on a running experiment; "": nobody knows."""
        if self.price is None:
            return ""
        most = "" if self.max_usd is None else f" of {self.max_usd:.10g}"
        return shown_usd(self.spent_usd) + most

    def words(self) -> str:
        """Return what it has cost, and by which price, for people."""
        if self.price is None:
            return "unknown, since no price is: name one by --instance_price"
        most = "" if self.max_usd is None else f", of at most {self.max_usd:.10g}"
        seconds = self._seconds()[0] * self._instances
        price = f"{self.price.usd:g} USD an instance and hour ({self.price.source})"
        return f"{shown_usd(self.spent_usd)}{most}: {seconds:.0f} s billed, {price}"
