"""What chance and a model see of fcnet's space."""

from __future__ import annotations

from importlib import import_module

FCNET = import_module("pytest_synebench.benchmarks.tabulated.families").FCNET


def test_every_value_of_fcnet_owns_an_equal_share() -> None:
    # By their distances as numbers 0.05 and 0.1 would have nine tenths of all learning rates.
    for domain in FCNET.space.values():
        size = domain.size
        assert [domain.from_unit((i + 0.5) / size) for i in range(size)] == list(domain.values)
