"""What is shown when everything is over: per experiment, what to do next with it.

Invariants (tests/plugin/test_summary.py):
- the best config stands there as a command line to copy;
- an experiment that is not over says how to go on with it;
- the list of benchmarks ends with the project's own, and tables of one place are one entry of it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_synebench.experiment.store.summary import lines
from pytest_synebench.plugin import loading, xdist
from pytest_synebench.plugin.choice.chain import chain
from pytest_synebench.plugin.choice.command_line import globs
from pytest_synebench.plugin.declaration import Declaration
from pytest_synebench.plugin.nodes.experiment import SUMMARIES
from pytest_synebench.plugin.nodes.items import PREVIEW
from pytest_synebench.plugin.nodes.preflight import TOLD as PREFLIGHT
from pytest_synebench.plugin.nodes.resume import TOLD


def show(reporter: Any, config: pytest.Config, *, interrupted: bool) -> None:
    """Write the summaries of this session; a worker that was interrupted has sent none."""
    show_told(reporter, PREVIEW, "synebench: nothing was started")
    show_submitted(reporter, config, interrupted=interrupted)
    show_told(reporter, TOLD, "synebench: resuming")
    show_told(reporter, PREFLIGHT, "synebench: before the first job")
    if _runs_nothing(config):
        return
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
        how = _follow_again(config, interrupted=interrupted)
        how = how or f"go on with what is unfinished: {resume_command(config)}"
        reporter.write_line(how, yellow=True)


def _runs_nothing(config: pytest.Config) -> bool:
    """Whether there is no run to go on with: checks, looks and submissions are begun again."""
    names = ("verify_resume", "remote", "preflight", "dry_run")
    return any(getattr(config.option, f"synebench_{name}") for name in names)


def _follow_again(config: pytest.Config, *, interrupted: bool) -> str:
    """Return how to go on with runs that are carried out elsewhere; "": they are not."""
    named = config.option.synebench_attach
    if not named:
        return ""
    from pytest_synebench.plugin.remote import attaching

    if interrupted:
        return f"the jobs go on; follow them again: {attaching.command(named)}"
    return f"go on with what has broken off: {attaching.command(named, resume=True)}"


def show_submitted(reporter: Any, config: pytest.Config, *, interrupted: bool) -> None:
    """Write what was submitted, and the command that follows it; of the rest that it was not."""
    if not config.option.synebench_remote:
        return
    from pytest_synebench.plugin.remote import attaching, submission

    show_told(reporter, submission.SUBMITTED, "synebench: submitted")
    if names := submission.names(reporter):
        reporter.write_line(f"follow: {attaching.command(names)}")
    if interrupted:
        reporter.write_line(
            "interrupted: no other experiment was submitted, but for one whose job was just being "
            "made; `pytest --synebench-reap` lists all that run",
            yellow=True,
        )


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
    """Print each benchmark: its variants, and where it is declared.

    Installed ones come first, tables of one place by their beginning; the last lines, which stay
    in view on a terminal, are the project's own.
    """
    installed = loading.installed(config)
    found = sorted(loading.found(config).items())
    own = {name for name, those in found if name not in installed or len(those) > 1}
    listed: dict[tuple[str, ...], list[str]] = {}
    for name, declarations in sorted(found, key=lambda one: one[0] in own):
        alike = name if name in own else globs([name, *installed])[0]
        listed.setdefault((alike, *_details(declarations)), []).append(name)
    for (alike, *details), names in listed.items():
        title = names[0]
        if len(names) > 1:
            title, details = alike, [f"names: {', '.join(names)}", *details]
        # There is no terminal reporter yet: pytest has not been configured.
        sys.stdout.write("\n  ".join([title, *details]) + "\n")
    return 0


def _details(declarations: Sequence[Declaration]) -> list[str]:
    variants = chain(declarations).variants.values()
    ids = [f"{v.id} (on request)" if v.on_request else v.id for v in variants]
    places = [f"{'extended' if d.extends else 'declared'} at {d.where}" for d in declarations]
    return [f"variants: {', '.join(ids)}", *places]
