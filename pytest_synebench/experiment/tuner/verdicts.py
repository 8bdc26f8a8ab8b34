"""What is wrong with an attempt, in words; "" where nothing is.

Invariants (tests/experiment/tuner/test_verdicts.py):
- why the tuner ended an attempt comes before how it ended;
- a pause counts only with a verified checkpoint, where its script saves any;
- in virtual time no word differs between equal runs: none that a script printed, and no path.
"""

from __future__ import annotations

from pytest_synebench.backends.protocol import AttemptBegan, AttemptEnded
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner.machinery import Live, Machinery


def of_beginning(parts: Machinery, seen: AttemptBegan) -> str:
    """Return what an attempt remarks on where it began from."""
    if not parts.order.virtual:
        return seen.remark
    trial_id = seen.key.trial_id
    return seen.remark.replace(str(parts.launch.trial_directory(trial_id)), f"trials/{trial_id}")


def of_end(parts: Machinery, live: Live, trial: TrialRecord, seen: AttemptEnded) -> str:
    """Return why a trial that was to run on or to complete has not done so."""
    if live.verdict or not seen.ok:
        return live.verdict or _words(parts, seen)
    return parts.intake.missing(trial, trial.until)


def of_pause(
    parts: Machinery, live: Live, trial: TrialRecord, seen: AttemptEnded
) -> tuple[str, bool]:
    """Return what is wrong with a pause, and whether its checkpoint is."""
    saves = live.checkpoints and parts.launch.checkpoint_at is not None
    missing = parts.launch.unverified(trial) if saves else ""
    ended = live.verdict or ("" if seen.ok else _words(parts, seen))
    problem = "; ".join(text for text in (missing, ended) if text)
    return (f"paused at level {trial.level}, but {problem}" if problem else ""), bool(missing)


def _words(parts: Machinery, seen: AttemptEnded) -> str:
    # What follows the first line is the end of the script's stderr.
    return seen.detail.partition("\n")[0] if parts.order.virtual else seen.detail
