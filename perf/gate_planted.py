"""How surely the gate sees faults that are planted in the tuner: seeds fixed, run ids never reused.

    python perf/gate_planted.py [--gates N] [--first I] [--fault NAME] [--docs FILE]

A gate is that of a suite of four setups (planted_setups.py) under the rule ``strict``: a baseline
of 20 run ids without the fault, two of them repeated with it for their fingerprints, and then as
many fresh run ids with the fault as the engine asks for. Gate g has its own run ids, from 1000 g
on. A fault is detected where the verdict on the suite is FAIL.

It writes docs/gate/planted.md, and beside it planted.json with the verdict of each gate, after each
number: a program that was ended goes on, since gates that are stored are not played again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from planted_faults import FAULTS, Fault
from planted_page import page
from planted_setups import SETUPS, Played, Setup

from pytest_synebench.analysis.curves import SCORES
from pytest_synebench.analysis.gate.engine import Ask, Case, Suite, judge, judge_suite
from pytest_synebench.analysis.gate.rules import SENSITIVE, STRICT
from pytest_synebench.analysis.gate.verdicts import Judgement, Verdict

BASELINE_RUNS, REPEATED = 20, 2
DECLARED = sum(len(setup.declared) for setup in SETUPS)
DOCS = Path(__file__).resolve().parents[1] / "docs" / "gate"


class Gate(NamedTuple):
    """What one gate said, by rule, and which setups decided differently."""

    strict: bool
    sensitive: bool
    changed: list[str]
    failed: list[str]  #: under strict


@cache
def honest(setup: Setup, run_id: int) -> Played:
    """Return a run without any fault."""
    return setup.play(run_id)


@cache
def faulty(setup: Setup, run_id: int, fault: Fault | None) -> Played:
    """Return a run with one."""
    return setup.play(run_id, fault)


def gate(number: int, fault: Fault | None) -> Gate:
    """Return what a gate says about a fault; None: about no change at all."""
    changed: list[str] = []
    suites = []
    for rule in (STRICT, SENSITIVE):
        suite = Suite(rule=rule, setups=len(SETUPS), declared=DECLARED)
        judged = [_settled(setup, 1000 * number, fault, suite) for setup in SETUPS]
        suites.append(judge_suite(judged, suite, "main"))
        changed = [case.name for case, _ in judged if not case.same]
    faulty.cache_clear()
    strict, sensitive = suites
    return Gate(
        strict=strict.verdict is Verdict.FAIL,
        sensitive=sensitive.verdict is Verdict.FAIL,
        changed=changed,
        failed=[one.name for one in strict.judgements if one.verdict is Verdict.FAIL],
    )


def _settled(setup: Setup, first: int, fault: Fault | None, suite: Suite) -> tuple[Case, Judgement]:
    same = all(
        faulty(setup, run_id, fault).trace == honest(setup, run_id).trace
        for run_id in range(first, first + REPEATED)
    )
    runs = 0
    while True:
        case = _case(setup, first, fault, runs, same=same)
        answer = judge(case, suite)
        if not isinstance(answer, Ask):
            return case, answer
        runs = answer.runs


def _case(setup: Setup, first: int, fault: Fault | None, runs: int, *, same: bool) -> Case:
    if same:
        empty: Mapping[str, list[float]] = {score: [] for score in SCORES}
        return Case(name=setup.name, baseline=empty, candidate=empty, same=True)
    fresh = first + BASELINE_RUNS
    before = [honest(setup, run_id) for run_id in range(first, fresh)]
    now = [faulty(setup, run_id, fault) for run_id in range(fresh, fresh + runs)]
    units = max(run.units for run in before)
    names = (*SCORES, *setup.declared)
    told = [[setup.judged(run, units) for run in ones] for ones in (before, now)]
    baseline, candidate = ({s: [one[s] for one in ones] for s in names} for ones in told)
    return Case(
        name=setup.name,
        baseline=baseline,
        candidate=candidate,
        declared=setup.declared,
        same=False,
    )


def main() -> None:
    """Play the gates, and write what they said."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gates", type=int, default=100, help="per fault")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--fault", action="append", help="of this name only; may be repeated")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the page goes")
    given = parser.parse_args()
    chosen = [one for one in FAULTS if not given.fault or one.name in given.fault]
    kept = given.docs / "planted.json"
    told = json.loads(kept.read_text()) if kept.exists() else {}
    for number in range(given.first, given.first + given.gates):
        for fault in chosen:
            of = told.setdefault(fault.name, {})
            if str(number) not in of:
                one = gate(number, fault)
                of[str(number)] = one._asdict()
                print(number, fault.name, *one, sep="\t", flush=True)
        honest.cache_clear()
        kept.write_text(json.dumps(told, sort_keys=True) + "\n")
        (given.docs / "planted.md").write_text(page(told))


if __name__ == "__main__":
    main()
