"""The account that jobs run in: the user's own, or an emulated one that lives with the session.

Invariants (tests/plugin/test_sagemaker.py, tests/plugin/remote/test_remote.py):
- inside of a job the account is the job's own: nothing is started;
- an emulator is started with the first experiment that wants it, once, and ends with the session;
- one that runs already, and that the environment leads to, is used and left as it is;
- without one nothing of AWS is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from pytest_synebench.backends.protocol import Backend
from pytest_synebench.experiment.plan.plan import Plan

INSIDE = pytest.StashKey[Callable[[Backend], Backend]]()  #: of a tuner's job: wraps back-ends
_EMULATED = pytest.StashKey[bool]()
_NOT_ITS = ("AWS_PROFILE", "AWS_SESSION_TOKEN")
_LOOPBACK, _KEY = "http://127.0.0.1:", "EMULATED"  #: begin the variables that an emulator prints


def prepare(config: pytest.Config, plan: Plan) -> None:
    """Have the account of a plan there.

    Raises:
        UsageError: the emulator cannot run here, or is not installed.
    """
    if not plan.remote or plan.params["aws"] != "emulator" or INSIDE in config.stash:
        return
    if config.stash.get(_EMULATED, False):
        return
    if runs_already():
        return
    from pytest_synebench.emulator import emulating

    before = dict(os.environ)
    with ExitStack() as undo:
        emulator = undo.enter_context(emulating(grace_s=plan.params["stop_grace"]))
        config.add_cleanup(undo.pop_all().close)
    os.environ.update(emulator.variables)
    for name in _NOT_ITS:
        os.environ.pop(name, None)
    changed = (*emulator.variables, *_NOT_ITS)
    config.add_cleanup(lambda: _restore(before, changed))
    config.stash[_EMULATED] = True


def runs_already() -> bool:
    """Whether the environment leads to an emulator on this machine, as it prints its variables."""
    url, key = os.environ.get("AWS_ENDPOINT_URL", ""), os.environ.get("AWS_ACCESS_KEY_ID", "")
    return url.startswith(_LOOPBACK) and key.startswith(_KEY)


def _restore(before: dict[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if name in before:
            os.environ[name] = before[name]
        else:
            os.environ.pop(name, None)
