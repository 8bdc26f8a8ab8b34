"""Measures, and writes the page: ``python perf/run.py --environments DIR --work DIR --docs DIR``.

Within a row the systems take turns, one measurement each, so that a slow hour of the machine is
everybody's. Each measurement is on disk as soon as it is made: ``--continue`` goes on after an
interruption with those that are missing. A system that fails is a line that says why; after its
second failure in a row of figures it is left out of the rest of that row.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import environments
import machine
import report
from bench import Bench
from cases import CASES, Case
from rows import ROWS

ROOT = Path(__file__).resolve().parent.parent
_MOST_FAILURES = 2


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environments", type=Path, default=ROOT / ".tox" / "perf-peers")
    parser.add_argument("--work", type=Path, default=ROOT / ".tox" / "perf-work")
    parser.add_argument("--docs", type=Path, help="docs/performance, or of a part: in --work")
    parser.add_argument("--rows", default="", help=f"some of: {' '.join(ROWS)}; all unless given")
    parser.add_argument(
        "--without", default="", help="parts of names of other systems to leave out: ray,0.13"
    )
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement, at most")
    parser.add_argument("--quick", action="store_true", help="one of each, without the slow ones")
    parser.add_argument("--ours", action="store_true", help="this project alone: minutes")
    parser.add_argument("--continue", action="store_true", dest="go_on")
    return parser.parse_args()


def _docs(options: argparse.Namespace) -> Path:
    """Return where the page goes: a part of the measurements never replaces the whole page."""
    part = options.quick or options.ours or options.rows or options.without
    page: Path = options.docs or (options.work / "page" if part else ROOT / "docs" / "performance")
    return page.resolve()


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def chosen(
    rows: Iterable[str], without: Iterable[str], *, quick: bool, ours: bool = False
) -> list[Case]:
    """Return the cases of these rows (all, if none is named), less those left out.

    Raises:
        SystemExit: a row is not known.
    """
    rows = list(rows) or list(ROWS)
    for name in rows:
        if name not in ROWS:
            raise SystemExit(f"no row is called {name!r}; known: {', '.join(ROWS)}")
    left_out = [part.lower() for part in without]
    return [
        case
        for case in CASES
        if case.row in rows
        and not (quick and case.slow)
        and (case.ours or not ours)
        and (case.ours or not any(part in case.system.lower() for part in left_out))
    ]


def take(bench: Bench, case: Case, repeat: int) -> dict[str, Any]:
    """Measure once; what goes wrong is the outcome."""
    bench.seen.clear()
    bench.repeat = repeat
    out: dict[str, Any] = {"row": case.row, "system": case.system, "repeat": repeat}
    began_s = time.monotonic()
    try:
        out["figures"] = {key: round(value, 6) for key, value in case.take(bench).items()}
    except Exception as error:  # one that fails must not cost the others their figures
        out["failed"] = " ".join(f"{type(error).__name__}: {error}".split())
    out["took_s"] = round(time.monotonic() - began_s, 2)
    out["load"] = round(os.getloadavg()[0], 2)
    if bench.seen:
        out["load"] = max(one["load"] for one in bench.seen)
        out["others"] = max(one["others"] for one in bench.seen)
    return out


def measure_all(bench: Bench, cases: list[Case], repeats: int, log: Path) -> list[dict[str, Any]]:
    """Measure what the log does not have yet, row by row, the systems taking turns."""
    outcomes = list(_measured(log))
    log.write_text("".join(json.dumps(one) + "\n" for one in outcomes))
    done = {(one["row"], one["system"], one["repeat"]) for one in outcomes}
    failures: dict[tuple[str, str], int] = {}
    for row in dict.fromkeys(case.row for case in cases):
        for repeat in range(repeats):
            for case in (case for case in cases if case.row == row and repeat < case.repeats):
                key = (row, case.system)
                if (*key, repeat) in done or failures.get(key, 0) >= _MOST_FAILURES:
                    continue
                outcome = take(bench, case, repeat)
                failures[key] = failures.get(key, 0) + ("failed" in outcome)
                outcomes.append(outcome)
                with log.open("a") as file:
                    file.write(json.dumps(outcome) + "\n")
                _say(outcome)
    return outcomes


def _measured(log: Path) -> Iterator[dict[str, Any]]:
    """Yield what was measured before; what failed, or was torn by the interruption, is not."""
    for line in log.read_text().splitlines() if log.exists() else ():
        with contextlib.suppress(ValueError):
            outcome = json.loads(line)
            if "figures" in outcome:
                yield outcome


def _say(outcome: dict[str, Any]) -> None:
    if "failed" in outcome:
        text = f"failed: {outcome['failed']}"
    else:
        text = "  ".join(f"{key} {value:.4g}" for key, value in outcome["figures"].items())
    busy = f"load {outcome.get('load', 0):.1f}, others {outcome.get('others', 0):.0%}"
    print(f"{outcome['row']:<11} {outcome['system']:<50} {text}   [{busy}]", flush=True)


def _check_installed() -> None:
    """Refuse to measure a plugin that is not there.

    Raises:
        SystemExit: this interpreter does not have it.
    """
    if not metadata.entry_points(group="pytest11", name="synebench"):
        raise SystemExit(
            f"pytest-synebench is not installed for {sys.executable}: run this in an environment "
            "that has it, such as that of `tox -e perf`"
        )


def main() -> int:
    """Measure and write."""
    options = _options()
    _check_installed()
    cases = chosen(
        _split(options.rows), _split(options.without), quick=options.quick, ours=options.ours
    )
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    log = work / "outcomes.jsonl"
    if not options.go_on:
        log.unlink(missing_ok=True)
    needed = sorted({case.environment for case in cases} - {""})
    for name, reason in environments.ensure(options.environments.resolve(), needed).items():
        print(f"{name}: {reason}", flush=True)
    bench = Bench(options.environments.resolve(), work, quick=options.quick)
    with bench:
        outcomes = measure_all(bench, cases, 1 if options.quick else options.repeats, log)
    facts = machine.facts(options.environments.resolve(), needed)
    facts["quick"] = options.quick
    order = {(case.row, case.system): i for i, case in enumerate(CASES)}
    outcomes.sort(
        key=lambda one: (order.get((one["row"], one["system"]), len(order)), one["repeat"])
    )
    docs = _docs(options)
    report.write(docs, outcomes, facts)
    print(f"written: {docs / 'README.md'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
