"""For how many seconds one job has had a machine, as it seems from looks at it. Pure.

Lists say where a job stands, and since when. So the time between the look that first saw a machine
and now is what is billed so far, until the service counts itself, once the job has ended.

Invariants (tests/backends/sagemaker/spending/test_clocking.py holds each one):
- a job that never had a machine has taken no time;
- while it waits for another machine it takes none;
- time that has passed is never taken back, whatever is seen.

Source: DescribeTrainingJob, TrainingStartTime: what is billed begins when machines are there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_synebench.backends.sagemaker.statuses import Seen, Standing

_HAS_MACHINE = frozenset({Standing.PLACED, Standing.ENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocked:
    """What is known of one job's time."""

    ran_s: float = 0.0  #: on machines that it has no more
    since_s: float | None = None  #: it was first seen on the one it has; service's clock

    @property
    def placed(self) -> bool:
        """Whether it has a machine now."""
        return self.since_s is not None

    def seconds(self, now_s: float) -> float:
        """Return the seconds that it has had a machine by now."""
        running_s = 0.0 if self.since_s is None else max(0.0, now_s - self.since_s)
        return self.ran_s + running_s

    def after(self, seen: Seen) -> Clocked:
        """Return what is known after a look at the job."""
        has_one = seen.standing in _HAS_MACHINE
        if has_one and self.since_s is None:
            return replace(self, since_s=seen.modified_s)
        if not has_one and self.since_s is not None:
            ran_s = self.ran_s + max(0.0, seen.modified_s - self.since_s)
            return replace(self, ran_s=ran_s, since_s=None)
        return self
