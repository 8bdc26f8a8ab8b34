"""The beginning of a session with experiments: before and after the conftests are loaded.

Invariants (tests/plugin/test_options.py, tests/plugin/test_command_line.py):
- what the user typed is checked in full before anything is collected;
- ``--synebench`` without paths runs the experiments alone;
- where fewer trials run at once than were asked for, the header says so, once.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_synebench.backends.local.machine import Machine
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameters import near
from pytest_synebench.experiment.plan.workers import workers
from pytest_synebench.plugin import loading, xdist
from pytest_synebench.plugin.choice import command_line, parameter_options
from pytest_synebench.plugin.choice.chain import Chain
from pytest_synebench.plugin.choice.selection import (
    Selection,
    check_variants,
    remember,
    selections,
    typed_of,
)
from pytest_synebench.plugin.choice.typed import Typed
from pytest_synebench.plugin.gate import ask
from pytest_synebench.plugin.session import page
from pytest_synebench.plugin.session.progress import heartbeat_s

OFFSET = xdist.OFFSET
_NO_CHECK = ("save", "compare", "gate", "accept", "resume", "dry_run", "preflight")
_SEEN = pytest.StashKey[list[Chain]]()


def before_conftests(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Rewrite node ids, import the installed benchmarks that are named, join values to keys."""
    if config.known_args_namespace.synebench_attach:
        from pytest_synebench.plugin.remote import attaching

        attaching.take_names(config, args)
    command_line.take_node_ids(config, args)
    wanted = _wanted(config, parser, args)
    command_line.load_named(config, wanted)
    command_line.join_values(config, parser, args)


def _wanted(config: pytest.Config, parser: pytest.Parser, args: Sequence[str]) -> list[str]:
    import copy

    known = parser.parse_known_args(args, copy.copy(config.option))
    if known.synebench_list:
        return ["*"]
    return command_line.patterns(known.synebench or [])


def after_conftests(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Choose the benchmarks, now that conftests have declared theirs, and add their options.

    Raises:
        UsageError: a benchmark or an option is unknown.
    """
    wanted = _wanted(config, parser, args)
    listing = wanted == ["*"]
    seen = [] if listing and not loading.found(config) else command_line.choose(config, wanted)
    config.stash[_SEEN] = seen
    conflicts = parameter_options.add_chosen(parser, seen)
    config.stash[command_line.CONFLICTS] = tuple(conflicts)
    command_line.refuse_unknown(config, parser, args, seen)


def check(config: pytest.Config) -> None:
    """Check everything the user typed, and settle where collection begins.

    Raises:
        UsageError: a value, key, variant or run id breaks its rule.
    """
    heartbeat_s(config)
    page.check(config)
    if config.option.synebench_takeover and not config.option.synebench_resume:
        raise UsageError(
            "--synebench-takeover is given without --synebench-resume: it lets a resume take a run "
            "from another session; give both, or neither to start a new run"
        )
    _refuse_besides_verifying(config.option)
    seen = config.stash[_SEEN]
    typed = ask.settle(config, _with_offset(config, typed_of(config)))
    remember(config, typed)
    if config.option.synebench_attach:
        from pytest_synebench.plugin.remote import attaching

        attaching.check(config, typed)
    for name, key, _ in typed.settings:
        _check_setting(name, key, seen)
    check_variants(config, seen)
    for one in seen:
        asked = command_line.picked_experiments(config)
        extra = tuple(
            v.id
            for v in one.variants.values()
            if v.on_request and any(e == v.id or e.startswith(f"{v.id}-") for e in asked)
        )
        if extra and not typed.variants:
            typed = replace(typed, by_id=(*typed.by_id, *extra))
            remember(config, typed)
        for selection in selections(config, one):
            _check_verifiable(config, selection)
            _check_remote(config, selection)
    if config.option.synebench_remote:
        from pytest_synebench.plugin.remote import submission

        submission.check(config, seen)


def _check_verifiable(config: pytest.Config, selection: Selection) -> None:
    """Refuse to verify what trains nothing, or saves nothing."""
    if not config.option.synebench_verify_resume:
        return
    for key, value in (("backend", "simulated"), ("checkpointing", "off")):
        if selection.params[key] == value:
            raise UsageError(
                f"--synebench-verify-resume trains {selection.benchmark} from its checkpoints, and "
                f"{key} is {value!r}; leave --{key} out, or the check"
            )


def _check_remote(config: pytest.Config, selection: Selection) -> None:
    """Refuse to look whether jobs can be made that nobody asks for."""
    backend = selection.params["backend"]
    if config.option.synebench_preflight and backend != "sagemaker":
        raise UsageError(
            f"--synebench-preflight looks at what jobs of --backend sagemaker need, and backend of "
            f"{selection.benchmark} is {backend!r}; give that, or leave --synebench-preflight out"
        )


def _refuse_besides_verifying(option: object) -> None:
    if not getattr(option, "synebench_verify_resume", False):
        return
    for name in _NO_CHECK:
        if getattr(option, f"synebench_{name}"):
            flag = f"--synebench-{name.replace('_', '-')}"
            raise UsageError(
                f"--synebench-verify-resume and {flag} are both given: the check takes the place "
                f"of the experiments, and {flag} is about those; run pytest twice"
            )


def fewer_workers(config: pytest.Config, machine: Machine) -> list[str]:
    """Return why experiments run fewer trials at once than they ask for, each reason once."""
    if config.option.synebench_remote or config.option.synebench_attach:
        return []  # they run elsewhere
    chosen = [one.params for seen in config.stash[_SEEN] for one in selections(config, seen)]
    here = [params for params in chosen if params["backend"] == "local"]
    why = [workers(params, machine.processors, len(machine.gpus))[1] for params in here]
    return list(dict.fromkeys(text for text in why if text))


def _with_offset(config: pytest.Config, typed: Typed) -> Typed:
    """Draw the seed offset, if that is asked for: once, in the process that others follow."""
    if not typed.draws_offset:
        return typed
    drawn = xdist.told_offset(config)
    config.stash[OFFSET] = secrets.randbelow(2**32) if drawn is None else drawn
    typed = typed.with_offset(config.stash[OFFSET])
    remember(config, typed)
    return typed


def _check_setting(name: str, key: str, seen: Sequence[Chain]) -> None:
    names = [one.name for one in seen]
    if name and name not in names:
        raise UsageError(
            f"--synebench-set {name}.{key}: benchmark {name!r} is not chosen;"
            f" chosen: {', '.join(names)}.{near(name, names)}"
        )
    if not any(key in one.table for one in seen):
        known = sorted({key for one in seen for key in one.table})
        raise UsageError(
            f"--synebench-set {key}: no chosen benchmark has such a parameter."
            f"{near(key, known)} Known: {', '.join(known)}"
        )
