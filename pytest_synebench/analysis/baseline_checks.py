"""Whether what a baseline's file says can be believed: it is text that people merge and edit.

Invariants (tests/analysis/test_baseline_checks.py):
- whatever the file holds, it is an entry that can be compared with, or refused with the place and
  the value;
- what was saved is accepted, and read as the same.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from pytest_synebench.errors import BenchmarkError
from pytest_synebench.scoring import checked_scores, is_tolerance

RUNS_AT_MOST = 1_000  #: of a setup: an exact test of more takes too long
_SEEDS = 2**32
_TOO_LARGE = 2**1023  #: an integer may be written that no float holds
_OURS = ("final", "area")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|")
_ID = re.compile(r"0|[1-9][0-9]{0,9}")
_NOT_FINITE = ("nan", "inf", "-inf")  #: as they are written: JSON has none of them
_HEX = re.compile(r"[0-9a-f]*")
_MAPPINGS = ("problem", "versions", "machine", "runs", "fingerprints")


class WrongError(ValueError):
    """What is wrong with a baseline, and where."""


def parsed(text: bytes) -> Any:
    """Return what JSON says.

    Raises:
        WrongError: it is none, says one thing twice, or has a number that JSON does not have.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise WrongError("it is nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise WrongError(f"it has {twice!r} twice")
    return out


def _no_constant(name: str) -> NoReturn:
    raise WrongError(f"it has {name}, which is no JSON")


def check(name: str, entry: object) -> None:
    """Accept what can be compared with.

    Args:
        name: benchmark::setup.
        entry: what the file says of it.

    Raises:
        WrongError: with the place and the value.
    """
    at = f"setup {name!r}"
    told = _mapping(entry, at)
    for key in _MAPPINGS:
        _mapping(told.get(key), f"{at}, {key}")
    params = _mapping(told["problem"].get("params"), f"{at}, params")
    _whole(told.get("units"), f"{at}, units", 0)
    _whole(told.get("random_seed_offset"), f"{at}, random_seed_offset", 0)
    if not isinstance(params.get("searcher", ""), str):
        raise WrongError(f"{at}: its searcher is {params['searcher']!r}")
    _check_lists(told, at)
    _check_runs(told["runs"], at, _gate(told.get("gate", {}), f"{at}, gate"))
    _check_fingerprints(told, at)


def _mapping(value: object, at: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WrongError(f"{at}: {_short(value)} is no mapping")
    return value


def _whole(value: object, at: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < _SEEDS:
        raise WrongError(f"{at}: {_short(value)} is no whole number from {least} to {_SEEDS - 1}")
    return value


def _check_lists(told: Mapping[str, Any], at: str) -> None:
    accepted = told.get("accepted", [])
    if not isinstance(accepted, list) or not all(isinstance(one, str) for one in accepted):
        raise WrongError(f"{at}, accepted: {_short(accepted)} is no list of reasons")
    commit = told.get("commit", "")
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise WrongError(f"{at}, commit: {_short(commit)} is no commit")


def _gate(value: object, at: str) -> list[str]:
    """Return the names of declared scores."""
    gate = _mapping(value, at)
    tolerance, floor = gate.get("tolerance"), gate.get("floor")
    if tolerance is not None and not is_tolerance(tolerance):
        raise WrongError(f"{at}: the tolerance is {_short(tolerance)}")
    if floor is not None and not _finite(floor):
        raise WrongError(f"{at}: the floor is {_short(floor)}")
    if not isinstance(gate.get("paired", False), bool):
        raise WrongError(f"{at}: paired is {_short(gate['paired'])}")
    try:
        return list(checked_scores(gate.get("scores", {})))
    except BenchmarkError as error:
        raise WrongError(f"{at}: {error}") from None


def _finite(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -math.inf < value < math.inf and abs(value) < _TOO_LARGE


def _check_runs(runs: Mapping[str, Any], at: str, declared: list[str]) -> None:
    if not 0 < len(runs) <= RUNS_AT_MOST:
        raise WrongError(f"{at} has {len(runs)} runs; it must have 1 to {RUNS_AT_MOST}")
    seeds = set()
    for run_id, run in runs.items():
        here = f"{at}, run id {run_id}"
        if not _ID.fullmatch(run_id) or int(run_id) >= _SEEDS:
            raise WrongError(f"{at}: {run_id!r} is no run id")
        seeds.add(_whole(_mapping(run, here).get("seed"), f"{here}, seed", 0))
        for score in (*_OURS, *declared):
            value = run.get(score)
            if not _finite(value) and value not in _NOT_FINITE:
                raise WrongError(f"{here}, {score}: {_short(value)} is no number")
    if len(seeds) < len(runs):
        raise WrongError(f"{at}: several run ids have one seed")


def _check_fingerprints(told: Mapping[str, Any], at: str) -> None:
    for run_id, one in told["fingerprints"].items():
        here = f"{at}, fingerprint of run id {run_id}"
        if run_id not in told["runs"]:
            raise WrongError(f"{here}: there is no such run")
        texts = _mapping(one, here)
        for key in ("sha256", "lines", "configs"):
            # The last one is younger than the others.
            value = texts.get(key, "" if key == "configs" else None)
            if not isinstance(value, str) or not _HEX.fullmatch(value):
                raise WrongError(f"{here}, {key}: {_short(value)} is no hash")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
