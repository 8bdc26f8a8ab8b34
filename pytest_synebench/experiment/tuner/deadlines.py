"""How long an attempt may take, and how long it may be silent.

Time here is pumped time: seconds in which somebody waited for trials. A debugger's pause, or a
stopped machine, counts against nobody.

Invariants (tests/experiment/tuner/test_deadlines.py):
- an attempt is overdue exactly when one of its two limits is reached, and the text says which
  option raises it;
- an attempt that has nothing left to do is overdue after the grace, whatever it sends;
- every sign of life puts the silence back to nought, none the total.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_synebench.experiment.plan.plan import Plan


@dataclass(slots=True)
class Watch:
    """Watches over one attempt."""

    trial_timeout_s: float | None
    progress_timeout_s: float | None
    began_s: float
    heard_s: float
    end_grace_s: float
    ends_by_s: float | None = None

    def must_end(self, now_s: float) -> None:
        """Note that the attempt has nothing left to do but to end."""
        self.ends_by_s = now_s + self.end_grace_s

    def heard(self, now_s: float) -> None:
        """Note a sign of life."""
        self.heard_s = now_s

    def left_s(self, now_s: float) -> float:
        """Return seconds until it is overdue; infinite where nothing limits it."""
        left = math.inf if self.ends_by_s is None else self.ends_by_s - now_s
        if self.trial_timeout_s is not None:
            left = min(left, self.began_s + self.trial_timeout_s - now_s)
        if self.progress_timeout_s is not None:
            left = min(left, self.heard_s + self.progress_timeout_s - now_s)
        return left

    def overdue(self, now_s: float) -> str:
        """Return why it must end, or "" while it may run on."""
        if self.ends_by_s is not None and now_s >= self.ends_by_s:
            return (
                f"did not end within {self.end_grace_s:g} s of its last level, which is stop_grace "
                "(--stop_grace raises it)"
            )
        if self.trial_timeout_s is not None and now_s >= self.began_s + self.trial_timeout_s:
            return (
                f"ran for {self.trial_timeout_s:g} s, which is its trial_timeout "
                "(--trial_timeout raises it, none lifts it)"
            )
        if self.progress_timeout_s is not None and now_s >= self.heard_s + self.progress_timeout_s:
            return (
                f"no report for {self.progress_timeout_s:g} s, which is its progress_timeout "
                "(--progress_timeout raises it, none lifts it)"
            )
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """The limits of every attempt of an experiment, in seconds; None: no limit."""

    trial_timeout_s: float | None = None
    progress_timeout_s: float | None = None
    end_grace_s: float = 10.0

    @classmethod
    def of(cls, plan: Plan) -> Deadlines:
        """Return what a plan's parameters ask for; a simulated trial has no deadline."""
        if plan.simulated:
            return cls(end_grace_s=math.inf)
        return cls(
            trial_timeout_s=plan.params["trial_timeout"],
            progress_timeout_s=plan.params["progress_timeout"],
            # What a job does behind its last report is the service's own time.
            end_grace_s=math.inf if plan.remote else plan.params["stop_grace"],
        )

    @property
    def none(self) -> bool:
        """Whether no attempt can be overdue."""
        limits = (self.trial_timeout_s, self.progress_timeout_s)
        return limits == (None, None) and self.end_grace_s == math.inf

    def watch(self, now_s: float) -> Watch:
        """Return the watch of an attempt that begins now."""
        return Watch(self.trial_timeout_s, self.progress_timeout_s, now_s, now_s, self.end_grace_s)
