"""What the tests need: pytester, a service and an emulator; and Hypothesis without a stopwatch."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# One service and one emulator for all tests of a process: each takes a second or two to start.
pytest_plugins = ["pytester", "buckets", "pytest_synebench.emulator.fixtures"]

# A deadline per example, and a check of how fast they are drawn, are timed tests: they fail on a
# busy machine, whatever the code does.
_EXAMPLES = int(os.environ.get("SYNEBENCH_EXAMPLES", "100"))  #: of a property that names no number
# What decides on a change looks at the same examples each time, so that a failure is the change's;
# new ones are looked for by whoever runs pytest, and by tox -e proofs.
settings.register_profile(
    "untimed",
    deadline=None,
    max_examples=_EXAMPLES,
    derandomize="SYNEBENCH_SAME_EXAMPLES" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")

# With CI set, pytest repeats whole messages in its short summary; the tests read a person's output.
os.environ.pop("CI", None)
