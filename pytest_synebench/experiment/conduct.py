"""One experiment from its beginning to its end, for whoever has nothing else to do meanwhile.

Invariants (tests/experiment/test_conduct.py holds each one):
- what comes back is read from the run's directory: the same that ``load_runs`` gives later;
- whatever ends it, an exception or Ctrl-C, no process is left and the run can be resumed;
- people are told what to know when it begins, how it goes now and then, and what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.experiment.assembly import Site
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.results import RunRecord, load_runs
from pytest_synebench.experiment.store.summary import lines

_PUMP_S = 0.2
_TOLD_EVERY_S = 10.0


def conduct(
    plan: Plan,
    *,
    root: Path,
    resume: bool = False,
    site: Site | None = None,
    progress: Callable[[str], object] = lambda _: None,
    clock: Clock | None = None,
) -> RunRecord:
    """Run an experiment to its end.

    Args:
        plan: what to run.
        root: the ``.synebench`` directory.
        resume: go on with the newest run; where there is none, one is started and that is said.
        site: what there is for trials; None: this machine, and supervisors of its own.
        progress: takes a line at a time.
        clock: what tells when the next of these is due; the machine's unless given.

    Raises:
        UsageError: the plan cannot work, or the run to go on with is another experiment.
        RunError: the directory cannot be written, or another controller has the run.
        BackendError: nothing can be started here.
    """
    clock = clock or SystemClock()
    run = Run.open(plan, root=root, resume=resume, site=site)
    try:
        for line in (*plan.warnings, *run.remarks):
            progress(line)
        told_s = clock.now_s()
        while not run.done:
            run.pump(_PUMP_S)
            if clock.now_s() - told_s >= _TOLD_EVERY_S and not run.done:
                told_s = clock.now_s()
                progress(run.status())
    finally:
        run.close()
        for line in lines(run.summary().plain()):
            progress(line)
    return load_runs(run.directory)[0]
