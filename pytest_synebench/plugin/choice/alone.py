"""Options of experiments in a session that runs none: refused, with what is missing.

Imported in every session, so it imports nothing itself until it has something to refuse.

Invariants (tests/plugin/test_alone.py):
- an option that was typed for an experiment is never ignored because ``--synebench`` is missing;
- what stands in ``addopts`` for all sessions, and what another plugin owns, is left alone.
"""

from __future__ import annotations

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.plugin import compat, loading
from pytest_synebench.plugin.choice.options import LAUNCH

# Not --synebench-set: ordinary tests that take a benchmark as a fixture read it too.
_HARNESS = (
    "items",
    "resume",
    "dry-run",
    "preflight",
    "verify-resume",
    "takeover",
    "storage",
    "html",
    "remote",
)


def refuse(config: pytest.Config, parser: pytest.Parser) -> None:
    """Refuse what was typed for experiments, now that the conftests have added their options.

    Raises:
        UsageError: naming the first such option, and the command that has it.
    """
    typed = [str(arg).split("=")[0] for arg in config.invocation_params.args]
    harness = {f"--synebench-{name}" for name in _HARNESS}
    taken = compat.option_names(parser)
    for flag in typed:
        if flag in harness or (
            flag[:2] == "--" and flag not in taken and _is_parameter(config, flag)
        ):
            raise UsageError(
                f"{flag} is given without --synebench: it is an option of experiments, and this "
                f"session runs none; say which: pytest --synebench NAME {flag} ... "
                "(--synebench-list shows the names)"
            )


def _is_parameter(config: pytest.Config, flag: str) -> bool:
    from pytest_synebench.experiment.plan.parameter_table import GLOBALS

    key = flag[2:].replace("-", "_")
    declared = [one for several in loading.found(config).values() for one in several]
    return key in LAUNCH or key in GLOBALS or any(key in one.default_params for one in declared)
