"""Between what the user typed and what argparse reads: node ids, values, unknown options.

pytest settles its root directory from the raw arguments, before any plugin is loaded, and takes
whatever does not look like an option for a path. So this file rewrites ``synebench::`` node ids,
joins ``--key value`` where ``--key`` is a parameter, and refuses what would have gone wrong.

Invariants (tests/plugin/test_command_line.py):
- a node id that was printed runs what it names;
- a path given as a separate value never becomes the root directory unnoticed;
- an unknown option or benchmark is a usage error that names the nearest known one, and a conftest
  above the root directory that may have it.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.parameters import near
from pytest_synebench.plugin import compat, loading
from pytest_synebench.plugin.choice import options
from pytest_synebench.plugin.choice.chain import Chain, chain

_RUN_ID = re.compile(r"-r(\d+)$")
PICKED = pytest.StashKey[tuple[str, ...]]()
CHOSEN = pytest.StashKey[tuple[str, ...]]()
CONFLICTS = pytest.StashKey[tuple[str, ...]]()


def take_node_ids(config: pytest.Config, args: list[str]) -> None:
    """Turn node ids of ours into ``--synebench NAME`` and a selection kept for later."""
    at = [i for i, arg in enumerate(args) if options.is_node_id(args, i)]
    picked = tuple(args[i] for i in at)
    config.stash[PICKED] = picked
    if not picked:
        return
    args[:] = [arg for i, arg in enumerate(args) if i not in at]
    parts = [arg.removeprefix("synebench::").split("::") for arg in picked]
    names = dict.fromkeys(
        part[1] if part[0] == "gate" else part[0] for part in parts if part != ["gate", "suite"]
    )
    if any(part[2:] == ["resume"] for part in parts):
        args.append("--synebench-verify-resume")
    if names:  # the verdict on all together names none
        args.append("--synebench=" + ",".join(names))


def picked_experiments(config: pytest.Config) -> list[str]:
    """Return the experiments' part of the node ids the user gave."""
    parts = [arg.split("[")[0].split("::") for arg in config.stash.get(PICKED, ())]
    return [part[2] for part in parts if len(part) > 2 and part[1] != "gate"]


def picked_run_ids(config: pytest.Config) -> tuple[int, ...]:
    """Return the run ids that the given node ids name."""
    found = [_RUN_ID.search(name) for name in picked_experiments(config)]
    return tuple(dict.fromkeys(int(match[1]) for match in found if match))


def patterns(named: Sequence[str]) -> list[str]:
    """Return the names and globs of ``--synebench A,B --synebench C``, each once."""
    return list(dict.fromkeys(p.strip() for one in named for p in one.split(",") if p.strip()))


def load_named(config: pytest.Config, wanted: Sequence[str]) -> None:
    """Import the installed benchmarks that names or globs could mean."""
    known = loading.installed(config)
    loading.load(config, [n for n in known if any(fnmatch(n, pattern) for pattern in wanted)])


def join_values(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Join ``--key value`` to ``--key=value`` for parameters, so that no value is a path.

    Raises:
        UsageError: pytest has already taken such a value for the place of the root directory.
    """
    keys = set(GLOBALS) | set(options.LAUNCH)
    keys -= {"audit"}
    for declarations in loading.found(config).values():
        keys.update(key for one in declarations for key in one.default_params)
    taken = compat.option_names(parser)
    at = 0
    while at < len(args) - 1:
        flag, value = args[at], args[at + 1]
        ours = flag == "--synebench-storage" or _is_unknown(flag, taken)
        if ours and not _is_flag(value):
            # The parameters of a conftest's benchmarks are not known yet: refuse for any of them.
            _refuse_moved_root(config, flag, value, args)
            if flag[2:].replace("-", "_") in keys:
                args[at : at + 2] = [f"{flag}={value}"]
        at += 1
    # pytest computed this one a moment ago, from more than the arguments.
    confcutdir = config.known_args_namespace.confcutdir
    config.known_args_namespace = parser.parse_known_args(args, copy.copy(config.option))
    config.known_args_namespace.confcutdir = confcutdir


def _is_unknown(flag: str, taken: set[str]) -> bool:
    return flag.startswith("--") and len(flag) > 2 and "=" not in flag and flag not in taken


def _is_flag(value: str) -> bool:
    return value.startswith("-") and not value[1:2].isdigit() and value[1:2] != "."


def _refuse_moved_root(config: pytest.Config, flag: str, value: str, args: Sequence[str]) -> None:
    here = config.invocation_params.dir
    path = Path(here, value)
    if not path.exists() or any(arg.startswith("--rootdir") for arg in args):
        return
    inside = here in (path, *path.parents)
    if inside and config.rootpath in (here, *here.parents):
        return
    raise UsageError(
        f"write {flag}={value} (with '='): pytest takes a value that stands apart for a test path, "
        f"and has chosen {config.rootpath} as its root directory"
    )


def choose(config: pytest.Config, wanted: Sequence[str]) -> list[Chain]:
    """Return the benchmarks that names or globs mean, as seen from the invocation directory.

    Raises:
        UsageError: a name or glob means none.
    """
    if not wanted:
        raise UsageError("--synebench names no benchmark; --synebench-list shows what there is")
    known = loading.found(config)
    names: list[str] = []
    for pattern in wanted:
        hits = [name for name in sorted(known) if fnmatch(name, pattern)]
        if not hits:
            everything = sorted({*known, *loading.installed(config)})
            raise UsageError(
                f"--synebench: no benchmark is called {pattern!r}."
                f"{near(pattern, everything)} Known: {', '.join(globs(everything)) or 'none'}"
                f"{_overlooked(config)}"
            )
        names += hits
    chosen = tuple(dict.fromkeys(names))
    config.stash[CHOSEN] = chosen
    return [chain(known[name]) for name in chosen]


def _overlooked(config: pytest.Config) -> str:
    """Return where a benchmark may be that pytest did not look for: a conftest above its root."""
    files = (folder / "conftest.py" for folder in config.rootpath.parents)
    for file in files:
        if file.is_file():
            return (
                f". {file} was not loaded, since it is above pytest's root directory "
                f"{config.rootpath}: an empty pytest.ini beside it makes its folder the root"
            )
    return ""


def globs(names: Sequence[str]) -> list[str]:
    """Return names in their order, three or more that begin alike as one glob.

    >>> globs(["fcnet_naval", "fcnet_protein", "fcnet_slice", "line_fit"])
    ['fcnet_*', 'line_fit']
    """
    beginnings = Counter(name.partition("_")[0] for name in names)
    word = {name: name.partition("_")[0] for name in names}
    return list(dict.fromkeys(f"{w}_*" if beginnings[w] > 2 else n for n, w in word.items()))


def refuse_unknown(
    config: pytest.Config, parser: pytest.Parser, args: list[str], seen: Sequence[Chain]
) -> None:
    """Refuse an option nobody has, with the one it is most like.

    Raises:
        UsageError: naming each such option, and the benchmark that has it, if one does.
    """
    namespace, unknown = parser.parse_known_and_unknown_args(args, copy.copy(config.option))
    flags = [one.split("=")[0] for one in unknown if one.startswith("-")]
    if not flags or getattr(namespace, "help", False):
        return
    known = [name for name in compat.option_names(parser) if name.startswith("--")]
    lines = [
        f"no option is called {flag}.{near(flag, known)}{_owner(config, flag)}" for flag in flags
    ]
    names = ",".join(one.name for one in seen)
    lines.append(f"All parameters: pytest --synebench {names} --help")
    raise UsageError("\n".join(lines))


def _owner(config: pytest.Config, flag: str) -> str:
    """Name the benchmarks that have a parameter which the chosen ones lack."""
    key = flag.lstrip("-").replace("-", "_")
    load_named(config, ["*"])
    owners = [
        name
        for name, declarations in sorted(loading.found(config).items())
        if any(key in one.default_params for one in declarations)
    ]
    return f" It is a parameter of {', '.join(owners)}, which is not chosen." if owners else ""
