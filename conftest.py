"""What the tests of a pytest plugin need: pytester; and Hypothesis without a stopwatch."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["pytester"]

# A deadline per example is a timed test: it fails on a busy machine, whatever the code does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
