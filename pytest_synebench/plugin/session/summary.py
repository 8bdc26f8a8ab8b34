"""What is shown when everything is over: per experiment, what to do next with it.

Invariants (tests/plugin/test_summary.py):
- the best config stands there as a command line to copy;
- an experiment that is not over says how to go on with it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_synebench.plugin import loading, xdist
from pytest_synebench.plugin.choice.chain import chain
from pytest_synebench.plugin.nodes.experiment import SUMMARIES
from pytest_synebench.plugin.nodes.items import PREVIEW
from pytest_synebench.plugin.nodes.resume import TOLD


def show(reporter: Any, config: pytest.Config, *, interrupted: bool) -> None:
    """Write the summaries of this session; a worker that was interrupted has sent none."""
    show_told(reporter, PREVIEW, "synebench: nothing was started")
    show_told(reporter, TOLD, "synebench: resuming")
    found = config.stash.get(SUMMARIES, None) or []
    summaries = sorted(found, key=lambda one: str(one["name"]))
    if not summaries and not interrupted:
        return
    reporter.ensure_newline()
    reporter.section("synebench", "-")
    for one in summaries:
        for line in lines(one):
            reporter.write_line(line)
    if interrupted or not all(one["finished"] or one["fenced"] for one in summaries):
        reporter.write_line(f"go on with what is unfinished: {resume_command(config)}", yellow=True)


def show_told(reporter: Any, key: str, title: str) -> None:
    """Write what items that have passed have told under a key: the reports' order is chance."""
    reports = [one for one in reporter.stats.get("passed", ()) if one.when == "call"]
    texts = [text for one in reports for told, text in one.user_properties if told == key]
    if texts:
        reporter.ensure_newline()
        reporter.section(title, "-")
    for text in sorted(texts):
        for line in text.splitlines():
            reporter.write_line(line)


def lines(one: Mapping[str, Any]) -> list[str]:
    """Return the lines on one experiment."""
    out = [f"{one['name']}"]
    if one["best"] is None:
        out.append(f"  best: no finite {one['metric']} was reported")
    else:
        place = f"trial {one['best_trial']}, {one['unit']} {one['best_level']}, mode {one['mode']}"
        out += [f"  best: {one['metric']} {one['best']:.5g} ({place})", f"    {one['command']}"]
    # Running, although it is over: a criterion or an interruption has cut them off.
    counts = ", ".join(f"{n} {state}" for state, n in one["outcomes"].items()) or "none"
    counts = counts.replace("running", "unfinished")
    out.append(f"  trials: {counts}; {_units(one)}")
    out.append(f"  ended after {one['wall_s']:.1f} s: {one['reason']}")
    if one.get("resumes"):
        told = ", ".join(f"{n} {kind}" for kind, n in one["resumes"].items())
        out.append(f"  resumes: {told}")
    if one.get("kept"):
        out.append(f"  checkpoints: {one['kept']}")
    if one["dataset"]:
        out.append(f"  data: {one['dataset']}")
    out.append(f"  files: {one['directory']}")
    out += [f"  note: {remark}" for remark in one["remarks"]]
    return out


def _units(one: Mapping[str, Any]) -> str:
    text = f"{one['unit']}s: {one['units']} run, {one['saved']} saved by resuming"
    return text + (f", {one['repeated']} repeated" if one["repeated"] else "")


def resume_command(config: pytest.Config) -> str:
    """Return the command line of this session with ``--synebench-resume``."""
    args = [str(arg) for arg in config.invocation_params.args if arg != "--synebench-takeover"]
    if "--synebench-storage" in args[:-1]:
        # The folder exists by now: with the value apart, pytest takes it for a test path.
        at = args.index("--synebench-storage")
        args[at : at + 2] = [f"{args[at]}={args[at + 1]}"]
    if "--synebench-resume" not in args:
        args.append("--synebench-resume")
    if xdist.OFFSET in config.stash:
        args.append(f"--random_seed_offset={config.stash[xdist.OFFSET]}")
    return shlex.join(["pytest", *args])


def print_benchmarks(config: pytest.Config) -> int:
    """Print each benchmark: its variants, and where it is declared."""
    for name, declarations in sorted(loading.found(config).items()):
        variants = chain(declarations).variants.values()
        ids = [f"{v.id} (on request)" if v.on_request else v.id for v in variants]
        places = [f"{'extended' if d.extends else 'declared'} at {d.where}" for d in declarations]
        # There is no terminal reporter yet: pytest has not been configured.
        sys.stdout.write("\n  ".join([name, f"variants: {', '.join(ids)}", *places]) + "\n")
    return 0
