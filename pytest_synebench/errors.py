"""Every error the project raises: one tree, so that one ``except SynebenchError`` catches them all.

Each message carries the value, the rule it breaks, and the way out. Standard library only: this
file travels into every trial.
"""

from __future__ import annotations


class SynebenchError(Exception):
    """Root of the tree."""


class UsageError(SynebenchError):
    """What the user typed or passed breaks a rule; nothing has been started."""


class BenchmarkError(UsageError):
    """A benchmark's definition breaks a rule; the text names file, field, value and the fix."""


class TrialError(SynebenchError):
    """One trial failed; the others are unharmed."""


class ReportError(TrialError):
    """A training script reported something that is not a plain mapping of scalars."""


class UnknownTrialError(SynebenchError):
    """An event names a trial that was never started."""


class CheckpointError(SynebenchError):
    """A checkpoint cannot be saved, or must not be loaded; the text says why."""


class StoreError(SynebenchError):
    """A store of checkpoints cannot be used at all: every checkpoint would meet the same."""


class BackendError(SynebenchError):
    """A back-end cannot do what it was asked, for a reason outside of any one trial."""


class SearcherError(SynebenchError):
    """A process that suggests configs has ended, is silent, or says what it must not."""


class RunError(SynebenchError):
    """A run directory cannot be opened: another process holds it, or it is of another kind."""


class JournalError(RunError):
    """A journal is damaged in a place that a crash cannot explain."""


class ReplayMismatch(JournalError):  # noqa: N818 - the name the design uses
    """Deciding again over a journal gave another decision than the one written down."""
