"""Lists jobs of ours that no live run owns, and has them end where the user says so.

Invariants (tests/experiment/remote/test_reaping.py holds each one, on the emulator):
- a job whose run goes on is never asked to end, whatever is asked for;
- one whose owner is unknown, and a tuner, is asked to end only where its whole name was given;
- the jobs that a tuner has made are its own for as long as it runs;
- jobs are listed before their owners are looked for: a run that begins meanwhile loses none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_synebench.backends.sagemaker.reaping.finding import Found, Jobs, ask_to_end, unended
from pytest_synebench.backends.sagemaker.reaping.tuners import carries_out
from pytest_synebench.backends.sagemaker.spending.prices import DATE, REGION, shown_usd
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameters import near
from pytest_synebench.experiment.remote.owners import Owned, Owner, owner_of

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


class Entry(NamedTuple):
    """One job of ours in progress, and who owns it."""

    found: Found
    owned: Owned

    @property
    def name(self) -> str:
        """The job's."""
        return self.found.name


def survey(jobs: Jobs, root: Path) -> list[Entry]:
    """Return the jobs of ours in progress, the oldest first.

    Args:
        jobs: the service.
        root: the ``.synebench`` directory in which their runs may be.

    Raises:
        BackendError: the service cannot be asked.
        NotNowError: it does not answer now.
    """
    found = unended(jobs)
    tuners = [one.name for one in found if not one.run]
    return [Entry(one, _owned(one, tuners, root)) for one in found]


def _owned(one: Found, tuners: Sequence[str], root: Path) -> Owned:
    if not one.run:
        words = f"it carries a run out by itself; follow it: pytest --synebench-attach {one.name}"
        return Owned(Owner.ITSELF, words)
    for tuner in tuners:
        if carries_out(tuner, one.run):
            return Owned(Owner.LIVES, f"the job {tuner} waits for it")
    return owner_of(one.run, root)


def chosen(entries: Iterable[Entry], names: Sequence[str]) -> list[Entry]:
    """Return the jobs that ``--yes`` has end.

    Args:
        entries: all jobs of ours in progress.
        names: of jobs, given by the user; none: all that nobody owns.

    Raises:
        UsageError: a name is none of these jobs', or its run goes on.
    """
    known = {entry.name: entry for entry in entries}
    if not names:
        return [one for one in known.values() if one.owned.owner is Owner.NOBODY]
    for name in names:
        if name not in known:
            raise UsageError(
                f"--synebench-reap={name}: no job of ours in progress is called so."
                + (near(name, tuple(known)) or " `pytest --synebench-reap` lists them")
            )
        if known[name].owned.owner is Owner.LIVES:
            raise UsageError(
                f"--synebench-reap={name}: {known[name].owned.words}; end that session "
                "(Ctrl-C), or that job, and its jobs end with it"
            )
    return [known[name] for name in dict.fromkeys(names)]


def end(jobs: Jobs, entries: Iterable[Entry]) -> list[str]:
    """Ask jobs to end; return a line on each.

    Raises:
        BackendError: the service cannot be asked.
        NotNowError: it does not answer now; what was asked before is.
    """
    told = []
    for entry in entries:
        ask_to_end(jobs, entry.found)
        told.append(f"asked to end: {entry.name}")
    return told


def lines(entries: Sequence[Entry], *, now_s: float, region: str) -> list[str]:
    """Return what there is, for people.

    Args:
        entries: all jobs of ours in progress.
        now_s: seconds since 1970.
        region: of the jobs.
    """
    parts = {owner: [one for one in entries if one.owned.owner is owner] for owner in Owner}
    nobodys, unknown, lives = parts[Owner.NOBODY], parts[Owner.UNKNOWN], parts[Owner.LIVES]
    tuners = parts[Owner.ITSELF]
    out = [f"training jobs in {region} that no live run owns: {len(nobodys) or 'none'}"]
    out += [line for one in nobodys for line in _told(one, now_s)]
    if unknown:
        out.append(f"whose owner is unknown (--yes leaves them, unless named): {len(unknown)}")
        out += [line for one in unknown for line in _told(one, now_s)]
    if tuners:
        told = "tuners, which wait for no session (--yes leaves them, unless named)"
        out.append(f"{told}: {len(tuners)}")
        out += [line for one in tuners for line in _told(one, now_s)]
    if lives:
        out.append(f"of runs that go on: {len(lives)}")
    if any(one.found.price for one in (*nobodys, *unknown, *tuners)):
        where = "" if region == REGION else f"; those of {region} differ"
        out.append(f"costs: at most, at prices of {REGION} of {DATE}{where}")
    return out


def way_out(entries: Sequence[Entry]) -> list[str]:
    """Return the commands that end what is left."""
    owners = {one.owned.owner: one.name for one in entries}
    out = []
    if Owner.NOBODY in owners:
        out.append("end what no live run owns: pytest --synebench-reap --yes")
    if Owner.UNKNOWN in owners:
        name = owners[Owner.UNKNOWN]
        out.append(f"end one whose owner is unknown: pytest --synebench-reap={name} --yes")
    if Owner.ITSELF in owners:
        name = owners[Owner.ITSELF]
        out.append(f"end a tuner, and with it its jobs: pytest --synebench-reap={name} --yes")
    return out


def _told(entry: Entry, now_s: float) -> list[str]:
    found = entry.found
    cost = found.cost_usd(now_s)
    told = [
        found.status,
        f"for {age(now_s - found.created_s)}",
        f"on {found.instances} x {found.instance_type}",
        "cost unknown" if cost is None else shown_usd(cost),
    ]
    return [f"  {found.name}", f"    {', '.join(told)}", f"    {entry.owned.words}"]


def age(seconds: float) -> str:
    """Return a time for people.

    >>> age(42), age(3700), age(200_000)
    ('42 s', '1 h 1 min', '2 d 7 h')
    """
    whole = max(0, int(seconds))
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"
