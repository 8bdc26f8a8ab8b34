"""What the user asks of gates and baselines, and which run ids that takes.

Invariants (tests/plugin/gate/test_story.py):
- saving and comparing run in deterministic mode, and nothing else is taken from the user;
- with a comparison, the collected run ids are two of the baseline's own and such as it lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_synebench.analysis.baseline_checks import RUNS_AT_MOST
from pytest_synebench.analysis.baselines import Entry, baseline_path, read_baseline
from pytest_synebench.analysis.gate.evidence import fresh_run_ids, repeated_run_ids
from pytest_synebench.analysis.gate.rules import FIRST_RUNS, Rule, parse_rule
from pytest_synebench.errors import UsageError
from pytest_synebench.plugin.choice.selection import Selection, typed_of
from pytest_synebench.plugin.choice.typed import Typed

SAVED_RUNS = 20  #: run ids of a baseline, unless said otherwise
_DETERMINISTIC = "deterministic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the session's options say about gates."""

    save: str = ""  #: name of the baseline to write
    accept: str = ""  #: why what it has may be moved
    compare: str = ""  #: name of the baseline to compare with
    rule: Rule
    again: bool = False  #: whether to add to what earlier gates have seen of this change
    confirm: bool = True  #: whether an alarm of the rule strict is confirmed
    skip_missing: bool = False
    path: Path  #: of the baseline
    entries: Mapping[str, Entry]  #: of the baseline, by benchmark::setup


ASKED = pytest.StashKey[Asked]()


def asked(config: pytest.Config) -> Asked | None:
    """Return what is asked, or None: nothing about baselines."""
    return config.stash.get(ASKED, None)


def settle(config: pytest.Config, typed: Typed) -> Typed:
    """Check what is asked about baselines; return what was typed, in deterministic mode if so.

    Raises:
        UsageError: options contradict each other, or name what there is not.
    """
    option = config.option
    _refuse_contradictions(option.synebench_save, option.synebench_compare, option)
    name = option.synebench_save or option.synebench_compare
    if not name:
        return typed
    if option.synebench_save and len(typed.run_ids) > RUNS_AT_MOST:
        raise UsageError(
            f"--synebench-save is given with {len(typed.run_ids)} run ids; a baseline has at most "
            f"{RUNS_AT_MOST} of a setup, and 20 see what there is to see"
        )
    path = baseline_path(Path(config.rootpath, option.synebench_storage or ".synebench"), name)
    config.stash[ASKED] = Asked(
        save=option.synebench_save or "",
        accept=option.synebench_accept or "",
        compare=option.synebench_compare or "",
        rule=parse_rule(option.synebench_gate or "strict"),
        again=option.synebench_rerun,
        confirm=option.synebench_confirm == "auto",
        skip_missing=option.synebench_baseline_missing == "skip",
        path=path,
        entries=read_baseline(path),
    )
    said = typed.given.get(_DETERMINISTIC, "1")
    if said.lower() in {"0", "false", "no", "off"}:
        raise UsageError(
            f"--{_DETERMINISTIC} {said} is given with --synebench-save or --synebench-compare: "
            "without it the order of reports, and so the result, depends on the machine's load; "
            "leave it out"
        )
    return typed.with_given(_DETERMINISTIC, "1")


def _refuse_contradictions(save: str | None, compare: str | None, option: object) -> None:
    if save and compare:
        raise UsageError(
            f"both --synebench-save {save} and --synebench-compare {compare} are given: runs "
            "become a baseline or are compared with one; run pytest twice"
        )
    rule, reason = (getattr(option, f"synebench_{one}") for one in ("gate", "accept"))
    if rule and not compare:
        raise UsageError(
            f"--synebench-gate {rule} is given without a baseline to compare with; add "
            "--synebench-compare NAME"
        )
    if option.synebench_rerun and not compare:  # type: ignore[attr-defined] # it has them all
        raise UsageError(
            "--synebench-rerun is given without --synebench-compare: it adds runs to what a red "
            "gate has seen; add --synebench-compare NAME"
        )
    if reason and not save:
        raise UsageError(
            "--synebench-accept is given without --synebench-save: it says why a baseline is "
            "moved; add --synebench-save NAME"
        )


def run_ids(config: pytest.Config, selection: Selection, setup: str) -> tuple[int, ...] | None:
    """Return the run ids to collect of a setup, or None: as without baselines."""
    what, typed = asked(config), typed_of(config)
    if what is None:
        return None
    if what.save:
        return typed.run_ids or tuple(range(SAVED_RUNS))
    entry = what.entries.get(f"{selection.benchmark}::{setup}")
    if entry is None:
        return ()
    offset = int(selection.params["random_seed_offset"])
    repeated = repeated_run_ids(entry, offset)
    return tuple(dict.fromkeys([*repeated, *wanted(config, entry, offset)]))


def wanted(config: pytest.Config, entry: Entry, offset: int) -> tuple[int, ...]:
    """Return the run ids that the user wants to be run whatever the fingerprints say."""
    typed = typed_of(config)
    if entry.paired:
        return tuple(entry.run_ids[: typed.num_runs or 0])
    if typed.num_runs is not None:
        return fresh_run_ids(entry, offset, typed.num_runs)
    if typed.run_ids:
        return tuple(i for i in typed.run_ids if (i + offset) % 2**32 not in entry.seeds)
    # Without fingerprints to compare, scores are needed in any case.
    return () if repeated_run_ids(entry, offset) else fresh_run_ids(entry, offset, FIRST_RUNS)
