"""``--synebench-attach NAME``: the items of runs that jobs carry out, reported here.

The session is one in which the same command had been typed: what was submitted says which. Only
its runs are followed in place of being carried out.

Invariants (tests/plugin/remote/test_attaching.py holds each one):
- a name that is none, and an option that could change what was submitted, is refused at once;
- the runs come to a folder of their own: ``--synebench-resume`` without a name never meets them.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.tuning.attached import Attached, find
from pytest_synebench.experiment.remote.tuning.following import Followed
from pytest_synebench.plugin.choice.command_line import patterns
from pytest_synebench.plugin.choice.typed import Typed
from pytest_synebench.plugin.remote.arguments import together

FLAG = "--synebench-attach"
FOLDER = "remote"  #: of the storage
_NOT_WITH = ("--synebench", "--synebench-set", "--synebench-remote", "--synebench-dry-run")
_NOT_WITH_EITHER = ("--synebench-verify-resume", "--synebench-takeover", "--synebench-list")
_GATES = ("--synebench-save", "--synebench-compare")  #: they choose the run ids themselves
_COMPARED = f"python -m pytest_synebench gate BASELINE .synebench/{FOLDER}"
_FOUND = pytest.StashKey[dict[str, Attached]]()


def take_names(config: pytest.Config, args: list[str]) -> None:
    """Turn names of submissions into the arguments that select their items.

    Raises:
        UsageError: a name is none, or an option is given that goes with none.
        BackendError: the service or the bucket cannot be used.
    """
    named = config.known_args_namespace.synebench_attach
    if not named:
        return
    _refuse_besides(config)
    names = patterns(named)
    if not names:
        raise UsageError(f"{FLAG} names no job; --synebench-remote prints the names")
    found = [find(name) for name in names]
    config.stash[_FOUND] = {one.record.title: one for one in found}
    if len(config.stash[_FOUND]) < len(found):
        titles = [one.record.title for one in found]
        twice = next(title for title in titles if titles.count(title) > 1)
        raise UsageError(
            f"{FLAG} names two runs of {twice}, which would be reported as the same items; follow "
            "them one by one"
        )
    args += together([one.record for one in found])


def _refuse_besides(config: pytest.Config) -> None:
    typed = [str(arg).partition("=")[0] for arg in config.invocation_params.args]
    for flag in (*_NOT_WITH, *_NOT_WITH_EITHER, *_GATES):
        if flag in typed:
            compare = (
                f" (runs that have ended are compared by: {_COMPARED})" if flag in _GATES else ""
            )
            raise UsageError(
                f"{FLAG} and {flag} are both given: what is followed was submitted as it is; "
                f"leave {flag} out{compare}"
            )


def check(config: pytest.Config, typed: Typed) -> None:
    """Refuse parameters: they were settled when the runs were submitted.

    Raises:
        UsageError: one is given.
    """
    if not config.option.synebench_attach:
        return
    given = [f"--{key}" for key in typed.given]
    given += ["--variant"] if typed.variants else []
    given += ["--run_id"] if typed.run_ids else []
    if given:
        raise UsageError(
            f"{FLAG} and {given[0]} are both given: a run is followed as it was submitted; leave "
            f"{given[0]} out"
        )


def followed(config: pytest.Config, plan: Plan, storage: Path) -> Followed:
    """Return the run of a plan that was submitted, followed from here.

    Args:
        config: of the session.
        plan: what was submitted.
        storage: directory of runs and baselines.

    Raises:
        UsageError: the plan cannot work here.
        BackendError: no other job could go on with it.
        RunError: it cannot be followed.
    """
    one = config.stash[_FOUND][plan.name]
    folder = storage / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    run = Followed(plan, folder / one.record.run, one.source())
    if config.option.synebench_resume:
        run.go_on()
    return run


def command(names: Sequence[str], *, resume: bool = False) -> str:
    """Return the command that follows these."""
    words = ["pytest", FLAG, ",".join(patterns(names)), *(["--synebench-resume"] if resume else [])]
    return shlex.join(words)
