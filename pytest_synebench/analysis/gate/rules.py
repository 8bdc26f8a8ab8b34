"""Rules of the gate: how many runs, how sure, and how large a difference must be.

Invariants (tests/analysis/gate/test_rules.py):
- the levels of all that may speak in one suite add up to the rule's level;
- what is no rule is refused with what is.

Source of the numbers: simulations over five families of noise and real tuning runs; re-run by
``python perf/gate_error_rates.py`` and ``perf/gate_tuning_runs.py``, shown in docs/gate/README.md.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from pytest_synebench.errors import UsageError

FIRST_RUNS = 5  #: run ids of the first look
FINAL_RUNS, MANY_FINAL_RUNS = 15, 20  #: of the second, both looks together
MANY_TESTS = 8  #: from this many tests on the second look has more
FUTILITY = 0.25  #: a benchmark whose p-values are all above this passes at the first look
LEAST_A12 = 0.64  #: about half a standard deviation
BROAD_STRATA = 4  #: benchmarks from which on they are tested together as well
FEW_BASELINE_RUNS, LEAST_BASELINE_RUNS = 10, 6
CONFIRMING_RUNS = 10  #: fresh ones of the base commit, before a red verdict
FAILED_SHARE = 0.2  #: of runs; with more, green would mean nothing

_THRESHOLD = re.compile(r"best:(\d+(?:\.\d*)?|\.\d+)(%?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a gate goes by."""

    name: str
    level: float = 1.0  #: the chance of a false alarm of a whole suite, at most
    limit: float | None = None  #: a plain threshold on the median best loss, instead of tests
    relative: bool = False  #: whether ``limit`` is a share of the baseline's median

    def broad_level(self, benchmarks: int) -> float:
        """Return the level of the test over all benchmarks together; 0.0: it is not made."""
        return self.level / 5 if benchmarks >= BROAD_STRATA else 0.0

    def test_level(self, benchmarks: int) -> float:
        """Return the level that all tests of single scores share."""
        return self.level - self.broad_level(benchmarks)


STRICT = Rule(name="strict", level=0.01)
SENSITIVE = Rule(name="sensitive", level=0.05)


def final_runs(tests: int) -> int:
    """Return the run ids of the second look, those of the first among them."""
    return FINAL_RUNS if tests < MANY_TESTS else MANY_FINAL_RUNS


def parse_rule(text: str) -> Rule:
    """Return the rule that a text names.

    Raises:
        UsageError: it names none.

    >>> parse_rule("best:2%").limit
    0.02
    """
    for rule in (STRICT, SENSITIVE):
        if text == rule.name:
            return rule
    match = _THRESHOLD.fullmatch(text)
    limit = float(match[1]) if match else math.inf
    if match is None or limit == math.inf:
        raise UsageError(
            f"no rule of the gate is called {text!r}; known: strict (one suite in a hundred "
            "alarms falsely, at most), sensitive (one in twenty), best:2% or best:0.1 (the median "
            "best value may be worse by this much, whatever the noise)"
        )
    percent = bool(match[2])
    return Rule(name=text, limit=limit / (100 if percent else 1), relative=percent)
