"""Whether a run's journal, read again from the disk, tells what the run told while it ran.

Invariants (tests/plugin/test_replayed.py):
- a journal that lost or gained an entry is noticed; with ``audit``, one decided otherwise too.
"""

from __future__ import annotations

from pytest_synebench.errors import SynebenchError
from pytest_synebench.experiment.assembly import build_asking
from pytest_synebench.experiment.external.searcher import recalling
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.experiment.journal.replay import replay
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.run import Run


def difference(run: Run, *, audit: bool) -> str:
    """Return where the journal and the run first differ, or "" where they agree."""
    table = TrialTable()
    try:
        _, entries = read_journal(run.directory / "journal.jsonl")
        scheduler, external = build_asking(run.plan)
        with recalling(external, entries):
            replay(entries, scheduler, table, audit=audit)
    except (SynebenchError, OSError) as error:
        return str(error)
    if list(table.trials) != list(run.trials):
        return f"it has {len(table.trials)} trials, the run had {len(run.trials)}"
    for trial_id, trial in run.trials.items():
        # By text: a NaN is not equal to itself.
        if repr(trial) != repr(table.trials[trial_id]):
            return f"trial {trial_id} is {table.trials[trial_id]!r}, the run had {trial!r}"
    return ""
