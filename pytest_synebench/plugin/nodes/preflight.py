"""``--synebench-preflight``: the look before the first job, in place of the experiments.

Invariants (tests/plugin/test_preflight.py holds each one):
- no job, and no run, is made;
- what is wrong is a failed test that says it all; what is not is shown at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_synebench.plugin.nodes.experiment import Experiment
from pytest_synebench.plugin.nodes.items import InPlaceItem, PreviewItem, Unsuccessful, make
from pytest_synebench.plugin.session import cloud

TOLD = "synebench_preflight"  #: the property of a report that holds what was found


class PreflightItem(InPlaceItem):
    """Whether the jobs of an experiment can be made."""

    def runtest(self) -> None:
        """Look at what jobs need, and fail where something is wrong."""
        # Late: a session that has no jobs needs nothing of AWS.
        from pytest_synebench.backends.sagemaker.preflight.findings import is_wrong, screen
        from pytest_synebench.experiment.remote.preflight import preflight

        if self.plan is None:
            return
        cloud.prepare(self.config, self.plan)
        found = preflight(self.plan)
        text = "\n".join([self.experiment.title, *(f"  {line}" for line in screen(found))])
        if is_wrong(found):
            raise Unsuccessful(text)
        self.user_properties.append((TOLD, text))


def of_experiment(experiment: Experiment) -> Iterator[pytest.Item]:
    """Yield what takes the place of an experiment's items."""
    yield make(PreflightItem, experiment, "preflight")
    if experiment.config.option.synebench_dry_run:
        yield make(PreviewItem, experiment, "preview")
