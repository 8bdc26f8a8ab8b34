"""``pytest --synebench-reap``: a session that runs no test, and lists or ends jobs.

Invariants (tests/plugin/test_reap.py holds each one):
- nothing is asked to end without ``--yes``;
- the exit code is 1 while a job is left that no live run owns, 0 where there is none.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from pytest_synebench.backends.sagemaker.port import BotoTrainingJobs, NotNowError, new_client
from pytest_synebench.clock import SystemClock
from pytest_synebench.errors import BackendError, UsageError
from pytest_synebench.experiment.remote import reaping
from pytest_synebench.experiment.remote.owners import Owner
from pytest_synebench.plugin import compat
from pytest_synebench.plugin.nodes.experiment import storage

ALL = "*"  #: the value of the option where no name is given
_OTHERS = ("synebench", "synebench_list", "synebench_save", "synebench_compare")


def add_options(config: pytest.Config, parser: pytest.Parser) -> None:
    """Add ``--yes``, in a session that reaps only.

    Raises:
        UsageError: it is no such session alone, or another plugin has an option of that name.
    """
    for name in _OTHERS:
        if getattr(config.known_args_namespace, name):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"--synebench-reap and {flag} are both given: one looks for jobs, the other runs "
                "experiments; run pytest twice"
            )
    if "--yes" in compat.option_names(parser):
        raise UsageError(
            "--synebench-reap takes --yes, which is another plugin's option here; leave that one "
            "out by -p no:ITS_NAME"
        )
    group = parser.getgroup("synebench")
    group.addoption(
        "--yes",
        action="store_true",
        dest="synebench_yes",
        help="with --synebench-reap: have the jobs end",
    )


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """List, or end; nothing else is run."""
    if config.option.help:
        return None
    with compat.translated():
        return reap(config)


def reap(config: pytest.Config) -> int:
    """List the jobs that no live run owns, and with ``--yes`` have them end; return an exit code.

    Raises:
        UsageError: a name is given that is no such job's.
        BackendError: the service cannot be asked.
    """
    asked = str(config.option.synebench_reap)
    names = [] if asked == ALL else [one.strip() for one in asked.split(",") if one.strip()]
    client = new_client()
    jobs, region = BotoTrainingJobs(client, "try again"), str(client.meta.region_name)
    try:
        entries = reaping.survey(jobs, storage(config))
        told = reaping.lines(entries, now_s=SystemClock().utc().timestamp(), region=region)
        ending = reaping.chosen(entries, names) if names or config.option.synebench_yes else []
        if config.option.synebench_yes:
            told += reaping.end(jobs, ending)
            entries = [one for one in entries if one not in ending]
    except NotNowError as error:
        raise BackendError(f"SageMaker does not answer now: {error}; try again") from None
    _write([*told, *reaping.way_out(entries)])
    return int(any(one.owned.owner is Owner.NOBODY for one in entries))


def _write(told: Sequence[str]) -> None:
    # There is no terminal reporter: pytest has not been configured.
    sys.stdout.write("".join(f"{line}\n" for line in told))
