"""``--synebench-remote``: each experiment becomes an item that submits it, and is done.

Invariants (tests/plugin/remote/test_submission.py holds each one):
- what no job could have is refused before anything is collected, and so before any job;
- where one cannot be submitted, those after it are not, and one item says why;
- the names are printed at the end, with the command that follows them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pytest_synebench.errors import BackendError, UsageError
from pytest_synebench.experiment.remote.tuning.submitting import Project, Submitter, Typed
from pytest_synebench.experiment.remote.tuning.terms import bucket_of
from pytest_synebench.plugin import compat, xdist
from pytest_synebench.plugin.choice.chain import Chain
from pytest_synebench.plugin.choice.selection import selections, typed_of
from pytest_synebench.plugin.nodes.experiment import Experiment, storage
from pytest_synebench.plugin.nodes.items import InPlaceItem, make

FLAG = "--synebench-remote"
SUBMITTED = "synebench_submitted"  #: the property of a report that holds what was submitted
NAME = "synebench_name"  #: the one that holds its name
_NOT_WITH = (
    *("resume", "takeover", "dry_run", "preflight", "verify_resume", "html"),
    *("save", "compare", "gate", "accept", "rerun"),
)
_KEPT = ("results", "checkpoint_store")  #: in the job's bucket, where the user names no place
_LOCAL = "local"
_LOOPBACK = ("http://127.0.0.1:", "http://localhost:")
_SUBMITTER = pytest.StashKey[Submitter]()
_TYPED = pytest.StashKey[dict[str, Typed]]()
_REFUSED = pytest.StashKey[str]()


def check(config: pytest.Config, seen: Sequence[Chain]) -> None:
    """Refuse what cannot be submitted.

    Raises:
        UsageError: options contradict each other, or a job would lack something.
        BackendError: the bucket cannot be used.
    """
    _refuse_besides(config)
    chosen = [(one, selections(config, one)) for one in seen]
    for selection in itertools.chain(*(several for _, several in chosen)):
        _check_account(selection.params["aws"])
    submitter = config.stash[_SUBMITTER] = Submitter(_project(config))
    config.stash[_TYPED] = {
        one.name: _typed(config, one, several[0].params) for one, several in chosen if several
    }
    if xdist.is_worker(config):
        return  # its controller has asked
    for one, several in chosen:
        for selection in several:
            submitter.check(one.name, selection.params)


def _refuse_besides(config: pytest.Config) -> None:
    for name in _NOT_WITH:
        if getattr(config.option, f"synebench_{name}"):
            flag = f"--synebench-{name.replace('_', '-')}"
            raise UsageError(
                f"{FLAG} and {flag} are both given: it submits and returns, and {flag} is about "
                "runs that are here; leave one out"
            )
    if config.args_source is config.ArgsSource.ARGS:
        raise UsageError(
            f"{FLAG} and the path {config.args[0]!r} are both given: jobs run experiments alone; "
            "leave paths out, and start pytest in the folder whose conftest.py declares them"
        )


def _check_account(aws: str) -> None:
    if aws == "emulator" and not os.environ.get("AWS_ENDPOINT_URL", "").startswith(_LOOPBACK):
        raise UsageError(
            f"{FLAG} and --aws emulator are both given, and no emulator runs that would outlive "
            "this session: start `python -m pytest_synebench.emulator` in another terminal, and "
            "set the variables that it prints"
        )


def _project(config: pytest.Config) -> Project:
    here, root = config.invocation_params.dir, config.rootpath
    if not here.is_relative_to(root):
        raise UsageError(
            f"{FLAG}: the folder {here} lies outside of the root directory {root}, which is what "
            "travels into a job; start pytest below it"
        )
    return Project(root=root, folder=str(here.relative_to(root)), leave=(storage(config),))


def _typed(config: pytest.Config, seen: Chain, params: Any) -> Typed:
    typed = typed_of(config)
    settings = typed.texts(seen)
    bucket, prefix = bucket_of(params)
    for key in _KEPT:
        if key not in settings and params[key] == _LOCAL:
            settings[key] = f"s3://{bucket}/{prefix}".rstrip("/")
    return Typed(settings=settings, groups=typed.argument_groups)


class SubmitItem(InPlaceItem):
    """Submits its experiment."""

    def runtest(self) -> None:
        """Submit, unless that was refused for one before."""
        if self.plan is None:
            return
        stash = self.config.stash
        if _REFUSED in stash:
            raise compat.skip_here(f"not submitted, since none was before: {stash[_REFUSED]}")
        try:
            record = stash[_SUBMITTER].submit(self.plan, stash[_TYPED][self.plan.benchmark])
        except BackendError as error:
            stash[_REFUSED] = str(error)
            raise
        self.user_properties.append((SUBMITTED, f"{record.title}\n  {record.name}"))
        self.user_properties.append((NAME, record.name))


def of_experiment(experiment: Experiment) -> Iterator[pytest.Item]:
    """Yield the one item of an experiment that is submitted."""
    yield make(SubmitItem, experiment, "submit")


def names(reporter: Any) -> list[str]:
    """Return the names of what this session has submitted, in order."""
    reports = [one for one in reporter.stats.get("passed", ()) if one.when == "call"]
    return [text for one in reports for told, text in one.user_properties if told == NAME]
