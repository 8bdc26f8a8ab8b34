"""What the user typed about parameters, as text.

Which key is whose, and of what type, is settled per benchmark: several may be chosen.

Invariants (tests/plugin/test_options.py, tests/plugin/test_variants.py):
- an option beats ``--synebench-set``, which beats the ini file;
- a setting that no chosen benchmark has is refused, an ini value for another benchmark is not;
- ``--variant`` without a name is refused, as one with an unknown name is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import unknown
from pytest_synebench.experiment.plan.parameters import Kind, Parameter, parse
from pytest_synebench.plugin.choice.options import DEST, LAUNCH

if TYPE_CHECKING:
    from pytest_synebench.plugin.choice.chain import Chain

_AUDIT = Parameter(name="audit", default=False, kind=Kind.BOOL)
_OFFSET = "random_seed_offset"
_RUNS_AT_MOST = 100_000  #: of one command
_SEEDS = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What the user said about parameters, as text; which key is whose is settled per benchmark."""

    given: Mapping[str, str]  #: --KEY VALUE
    settings: Sequence[tuple[str, str, str]]  #: --synebench-set: benchmark or "", key, value
    ini: Sequence[tuple[str, str, str]]  #: the same of synebench_params
    variants: tuple[str, ...] = ()
    by_id: tuple[str, ...] = ()  #: variants on request that a given node id names
    run_ids: tuple[int, ...] = ()  #: (): not said
    num_runs: int | None = None  #: where it was said by how many
    argument_groups: str = ""
    audit: bool = False

    def texts(self, seen: Chain) -> dict[str, str]:
        """Return the text of each key that is meant for a benchmark, in the table's order.

        The order makes an experiment's id independent of how the command was spelled.

        Raises:
            UsageError: ``NAME.KEY`` names a key that the benchmark does not have.
        """
        out: dict[str, str] = {}
        for name, key, value in (*self.ini, *self.settings):
            if name == seen.name and key not in seen.table:
                raise _unknown(key, seen)
            if name in ("", seen.name) and key in seen.table:
                out[key] = value
        out.update({key: text for key, text in self.given.items() if key in seen.table})
        return {key: out[key] for key in seen.table if key in out}

    @property
    def draws_offset(self) -> bool:
        """Whether a seed offset is to be drawn: ``--random_seed_offset random``."""
        said = [value for _, key, value in (*self.ini, *self.settings) if key == _OFFSET]
        return "random" in (*said, self.given.get(_OFFSET))

    def with_offset(self, offset: int) -> Typed:
        """Return the same with an offset that was drawn once, for all that runs."""
        return self.with_given(_OFFSET, str(offset))

    def with_given(self, key: str, text: str) -> Typed:
        """Return the same as if ``--key text`` had been given."""
        return replace(self, given={**self.given, key: text})


def _unknown(key: str, seen: Chain) -> Exception:
    return unknown(key, seen.table, f"benchmark {seen.name!r}")


def read_typed(config: pytest.Config) -> Typed:
    """Gather what the user typed from options and ini file.

    Raises:
        UsageError: a setting is not ``[NAME.]KEY=VALUE``, or a run id is no integer from 0 up.
    """
    options = vars(config.option)
    settings = _split("--synebench-set", options.get("synebench_set") or ())
    launch = {key: value for name, key, value in settings if not name and key in LAUNCH}
    for key in LAUNCH:
        value = options.get(DEST + key)
        if value not in (None, False):
            launch[key] = str(value)
    given = {
        dest.removeprefix(DEST): value
        for dest, value in options.items()
        if dest.startswith(DEST) and value is not None and dest.removeprefix(DEST) not in LAUNCH
    }
    return Typed(
        given=given,
        settings=[one for one in settings if one[1] not in LAUNCH],
        ini=_split("synebench_params", config.getini("synebench_params")),
        variants=_variants(launch.get("variant")),
        run_ids=(run_ids := _run_ids(launch.get("run_id"), launch.get("num_runs"))),
        num_runs=len(run_ids) if "num_runs" in launch else None,
        argument_groups=launch.get("argument_groups", ""),
        audit=parse(_AUDIT, launch.get("audit", "0"))[0],
    )


def _variants(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    # An empty one is a shell variable that is not set: running everything is not what was meant.
    named = tuple(name.strip() for name in text.split(",") if name.strip())
    if not named:
        raise UsageError(
            f"--variant is {text!r}, which names none; --synebench-list shows them, "
            "and without the option those that run by default do"
        )
    return named


def _split(source: str, lines: Iterable[str]) -> list[tuple[str, str, str]]:
    out = []
    for line in lines:
        left, equals, value = line.partition("=")
        name, _, key = left.strip().rpartition(".")
        if not equals or not key:
            raise UsageError(f"{source} has {line!r}; write [NAME.]KEY=VALUE")
        out.append((name, key.replace("-", "_"), value.strip()))
    return out


def _run_ids(run_id: str | None, num_runs: str | None) -> tuple[int, ...]:
    if run_id is not None and num_runs is not None:
        raise UsageError(
            f"both --run_id {run_id} and --num_runs {num_runs} are given; "
            "name the run ids, or say how many"
        )
    if run_id is None and num_runs is None:
        return ()
    if num_runs is not None:
        several = Parameter(name="num_runs", default=1, kind=Kind.INT, minimum=1)
        number = parse(several, num_runs)[0]
        if number > _RUNS_AT_MOST:
            raise UsageError(
                f"num_runs is {number}; one command runs at most {_RUNS_AT_MOST} run ids"
            )
        return tuple(range(number))
    ids = Parameter(name="run_id", default=0, kind=Kind.INT, minimum=0)
    given = tuple(parse(ids, run_id or "0"))
    if max(given) >= _SEEDS:
        raise UsageError(
            f"run_id is {max(given)}; it must be below {_SEEDS} (2**32), from where seeds repeat"
        )
    return given
