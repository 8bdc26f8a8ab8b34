"""Report what was measured of a config: the script behind fcnet_*, nasbench201_* and lcbench_*.

It trains nothing and takes no time: with ``--backend local`` it shows how a run of these benchmarks
goes as processes. Runs by hand as well::

    python train.py --table nasbench201_cifar10 --x0 none --x1 none ... --x5 none

Invariants (tests/benchmarks/test_tabulated.py holds each one):
- it reports what a simulated trial reports.
"""

from __future__ import annotations

import argparse

from families import FAMILIES, load  # type: ignore[import-not-found]  # stands beside this file

from pytest_synebench.training import Reporter, add_to_argparse


def main() -> None:
    """Look the config up, and report its points."""
    parser = argparse.ArgumentParser(description="Report what was measured of a config.")
    parser.add_argument("--table", required=True)
    parser.add_argument("--dataset_path", default="")
    parser.add_argument("--epochs", type=int)
    given, _ = parser.parse_known_args()
    name, _, end = given.table.partition("_")
    family = FAMILIES[name]
    add_to_argparse(parser, family.space)
    config = vars(parser.parse_known_args()[0])
    report = Reporter()
    table = load(name, end, given.dataset_path, given.epochs or family.last_level)
    for level, elapsed_s, metrics in table.curve(config, 0):
        epoch = {"epoch": level} if given.epochs else {}
        report(**metrics, **epoch, elapsed_time=elapsed_s)


if __name__ == "__main__":
    main()
