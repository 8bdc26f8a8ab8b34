"""What a benchmark is: the record a benchmark fixture returns, and its variants. Knows no pytest.

The names of the fields are those of the benchmarking system we succeed, so that its users' words
still hold. Nothing here imports the training code.

Invariants (tests/test_definition.py):
- a ``Benchmark`` that breaks a rule cannot exist: the error names field, value and fix;
- ``script`` is absolute, so that nothing depends on where pytest is started;
- ``product`` multiplies: ids are joined by ``-``, later overrides win.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from pytest_synebench.blackboxes.protocol import Blackbox
from pytest_synebench.errors import BenchmarkError, UsageError
from pytest_synebench.scoring import checked_scores, is_tolerance, retrainings
from pytest_synebench.space import ConfigSpace, Domain
from pytest_synebench.trial import Config, Scalar

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MODES = ("min", "max")
_HORIZONS = ("full", "rung")
_PROTOCOLS = ("channel", "syne_tune")
_REQUIRED = ("script", "config_space", "metric")
_REPORT_KEYS = ("metric", "resource_attr", "elapsed_time_attr", "cost_attr", "constraint_attr")
_COLUMNS = ("trial_id", "attempt", "at_s")  #: of the results, with ``config_`` and a key


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A tuning problem: a training script, the space of its arguments, and what it reports.

    Raises:
        BenchmarkError: a field breaks its rule; the text names field, value and the fix.
    """

    script: Path  #: the training script; absolute (use ``Path(__file__).parent / "train.py"``)
    config_space: Mapping[str, Domain | Scalar]  #: domains to tune, and constants
    metric: str  #: key of the reports to optimise
    mode: Literal["min", "max"] = "min"
    resource_attr: str | None = None  #: key of the level in a report ("epoch"); None: one report
    max_resource_attr: str | None = None  #: the script's argument for the last level ("epochs")
    elapsed_time_attr: str | None = None  #: key of the seconds since the script began
    cost_attr: str | None = None  #: key of what a report has cost so far
    cost_model: object | None = None
    constraint_attr: str | None = None  #: key that must be <= 0 for a config to count
    points_to_evaluate: Sequence[Config] | None = None  #: evaluated first; None: the midpoint
    horizon: Literal["full", "rung"] = "full"  #: what max_resource_attr is set to: see the guide
    preload: tuple[str, ...] = ()  #: modules to import once for all trials
    #: what it is simulated by, or a function that returns that when it is first needed
    blackbox: Blackbox | Callable[[], Blackbox] | None = None
    #: shift of the metric that the gate puts up with; "10%": of the gain over random search
    tolerance: float | str | None = None
    floor: float | None = None  #: value that the metric cannot, or need not, better
    #: what else the gate judges a run by: {"sum:cost": "min", "trials": "same"}
    scores: Mapping[str, str | tuple[str, float]] = field(default_factory=dict)
    paired: bool = False  #: whether the gate compares equal run ids, pair by pair
    repeatable: bool = True  #: whether a run id that is run again does the same
    #: how the script reports: by our reporter, or by lines that Syne Tune's reporter prints
    report_protocol: Literal["channel", "syne_tune"] = "channel"
    dataset: str = ""  #: name and hash of the data, shown with every result
    interpreter: str | None = None  #: runs the script; None: the Python that runs pytest
    #: a ModelTrainer of the SageMaker SDK, or a function that returns one: what jobs are made like
    model_trainer: object | None = None
    space: ConfigSpace = field(init=False, repr=False)  #: ``config_space``, checked

    def __new__(cls, *args: object, **given: object) -> Self:
        """Refuse missing and unknown fields by name, before Python does in its own words."""
        if args or given:  # a copy is made without any
            _check_fields(cls, args, given)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        self._set("script", _checked_script(self.script))
        _one_of("mode", self.mode, _MODES)
        _one_of("horizon", self.horizon, _HORIZONS)
        _one_of("report_protocol", self.report_protocol, _PROTOCOLS)
        self._check_keys()
        self._set("preload", _checked_preload(self.preload))
        _check_tolerance(self.tolerance)
        _check_floor(self.floor)
        _check_trainer(self.model_trainer)
        self._set("scores", checked_scores(self.scores))
        self._check_retraining()
        for name in ("paired", "repeatable"):
            _check_flag(name, getattr(self, name))
        self._set("space", _checked_space(self.config_space))
        self._set("config_space", dict(self.config_space))
        self._check_max_resource()
        self._set("points_to_evaluate", _checked_points(self.space, self.points_to_evaluate))

    def _check_retraining(self) -> None:
        for name, how in checked_scores(self.scores).items():
            if retrainings([name]) and how.direction != self.mode:
                raise BenchmarkError(
                    f"scores[{name!r}] is {how.direction!r}, and it is a value of the metric, "
                    f"whose mode is {self.mode!r}; give it the same"
                )

    def _set(self, field_name: str, value: object) -> None:
        object.__setattr__(self, field_name, value)

    def _check_keys(self) -> None:
        for attr in _REPORT_KEYS:
            if attr == "metric" or getattr(self, attr) is not None:
                _check_name(attr, getattr(self, attr))
                self._check_free(attr)
        if self.max_resource_attr is not None:
            _check_name("max_resource_attr", self.max_resource_attr)
        if self.metric == self.resource_attr:
            raise BenchmarkError(
                f"metric and resource_attr are both {self.metric!r}; the level a trial has reached "
                "is not what it is judged by: report them under two keys"
            )

    def _check_free(self, name: str) -> None:
        value = getattr(self, name)
        columns = _COLUMNS if self.resource_attr else (*_COLUMNS, "level")
        if value in columns or value.startswith("config_"):
            raise BenchmarkError(
                f"{name} is {value!r}, which is a column of the results already "
                f"({', '.join(columns)}, config_...); report it under another key"
            )

    def _check_max_resource(self) -> None:
        name = self.max_resource_attr
        if name is None:
            return
        if name not in self.space:
            raise BenchmarkError(
                f"max_resource_attr is {name!r}, which config_space does not have "
                f"(its keys: {', '.join(self.config_space)}); add "
                f"{name!r}: params['max_resource_level'] to config_space"
            )
        value = self.config_space[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BenchmarkError(
                f"config_space[{name!r}] is {value!r}; as max_resource_attr it must be a constant "
                "integer from 1 up"
            )
        if self.resource_attr is None:
            raise BenchmarkError(
                f"max_resource_attr is {name!r} but resource_attr is None; name the key under "
                "which the script reports its level, e.g. resource_attr='epoch'"
            )

    @property
    def max_resource(self) -> int | None:
        """The last resource level, or None where the benchmark names no argument for it."""
        if self.max_resource_attr is None:
            return None
        value = self.config_space[self.max_resource_attr]
        return value if isinstance(value, int) else None


def _check_fields(
    cls: type[Benchmark], args: Sequence[object], given: Mapping[str, object]
) -> None:
    known = {one.name: one for one in fields(cls) if one.init}
    if args:
        raise BenchmarkError(
            f"Benchmark({args[0]!r}, ...) has a value without a name; fields are given by name: "
            f"Benchmark({', '.join(f'{name}=...' for name in _REQUIRED)})"
        )
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise BenchmarkError(
                f"Benchmark has no field {name!r}; its fields: {', '.join(known)}.{hint}"
            )
    missing = [name for name in _REQUIRED if name not in given]
    if missing:
        raise BenchmarkError(
            f"Benchmark is given no {missing[0]}; it needs "
            f"{', '.join(f'{name}=...' for name in _REQUIRED)}"
        )


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        choices = " or ".join(repr(a) for a in allowed)
        raise BenchmarkError(f"{name} is {value!r}; it must be {choices}")


def _check_name(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise BenchmarkError(f"{name} is {value!r}; it must be the name of a key, e.g. 'loss'")


def _checked_script(script: object) -> Path:
    if not isinstance(script, str | Path):
        raise BenchmarkError(f"script is {script!r}; write Path(__file__).parent / 'train.py'")
    path = Path(script)
    if not path.is_absolute():
        raise BenchmarkError(
            f"script is {str(script)!r}, a relative path, which would depend on where pytest is "
            "started; write Path(__file__).parent / 'train.py'"
        )
    if not path.is_file():
        raise BenchmarkError(
            f"script is {str(script)!r}, and there is no such file; correct the path, or write "
            "the training script there"
        )
    return path


def _checked_preload(preload: object) -> tuple[str, ...]:
    names = tuple(preload) if isinstance(preload, list | tuple) else ()
    if not isinstance(preload, list | tuple) or not all(isinstance(name, str) for name in names):
        raise BenchmarkError(
            f"preload is {preload!r}; it must be a tuple of module names, e.g. ('torch',)"
        )
    return names


def _check_tolerance(tolerance: object) -> None:
    if tolerance is None:
        return
    if not is_tolerance(tolerance):
        raise BenchmarkError(
            f"tolerance is {tolerance!r}; it must be a number from 0 up, in units of the metric, "
            "or a share such as '10%' of how much better the baseline is than random search"
        )


def _check_floor(floor: object) -> None:
    if floor is None:
        return
    number = isinstance(floor, int | float) and not isinstance(floor, bool)
    if not number or not abs(floor) < float("inf"):  # type: ignore[arg-type] # it is a number
        raise BenchmarkError(f"floor is {floor!r}; it must be a number, in units of the metric")


def _check_trainer(trainer: object) -> None:
    if trainer is None or callable(trainer) or hasattr(trainer, "training_image"):
        return
    raise BenchmarkError(
        f"model_trainer is {trainer!r}; it must be a ModelTrainer of the SageMaker SDK, version 3, "
        "or a function that returns one"
    )


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise BenchmarkError(f"{name} is {value!r}; it must be True or False")


def _checked_space(space: object) -> ConfigSpace:
    if not isinstance(space, Mapping):
        raise BenchmarkError(
            f"config_space is {space!r}; it must be a mapping from argument names to domains and "
            "constants, e.g. {'lr': loguniform(1, 50), 'epochs': 81}"
        )
    try:
        checked = ConfigSpace(space)
    except UsageError as error:
        raise BenchmarkError(str(error)) from None
    if not checked.domains:
        raise BenchmarkError(
            f"config_space is {dict(space)!r}, all constants; give at least one argument a domain, "
            "e.g. 'lr': loguniform(1, 50), so that there is something to tune"
        )
    return checked


def _checked_points(space: ConfigSpace, points: object) -> tuple[Config, ...] | None:
    """Return the points as they were written; what completes them is the searchers' part."""
    if points is None:
        return None
    if not isinstance(points, list | tuple):
        raise BenchmarkError(
            f"points_to_evaluate is {points!r}; it must be a list of configs, [] for none, or None "
            "for the midpoint of the space"
        )
    for i, point in enumerate(points):
        try:
            space.complete(point)
        except UsageError as error:
            raise BenchmarkError(f"points_to_evaluate[{i}]: {error}") from None
    return tuple(dict(point) for point in points)


@dataclass(frozen=True, slots=True)
class Variant:
    """One named variation of a benchmark: parameters that differ from its defaults."""

    id: str
    overrides: Mapping[str, Any] = field(default_factory=dict, hash=False)
    marks: tuple[Any, ...] = field(default=(), hash=False, compare=False)  #: pytest marks
    on_request: bool = False  #: runs only when named: --variant ID

    def __post_init__(self) -> None:
        if type(self.id) is not str or not _ID.fullmatch(self.id):
            raise BenchmarkError(
                f"a variant is called {self.id!r}; it becomes part of test ids and directory "
                "names: use letters and digits, and after the first of them '_', '.', '-'"
            )


def variant(
    id: str,  # noqa: A002 - pytest.param calls it so
    /,
    *,
    marks: object = (),
    on_request: bool = False,
    **overrides: Any,
) -> Variant:
    """Return a variant: an id, and the parameters in which it differs from ``default_params``.

    Args:
        id: its name in test ids; letters, digits, ``_``, ``.``, ``-``.
        marks: one pytest mark or several, as for ``pytest.param``.
        on_request: whether it runs only when named by ``--variant``.
        overrides: parameters that differ; each must be one the benchmark has.
    """
    several = tuple(marks) if isinstance(marks, list | tuple) else (marks,)
    return Variant(id, overrides, several, on_request)


def product(*axes: Iterable[Variant]) -> list[Variant]:
    """Return every combination of one variant per axis; where parameters meet, the later wins.

    Raises:
        BenchmarkError: there is no axis.

    >>> [v.id for v in product([variant("s"), variant("l")], [variant("sgd"), variant("adam")])]
    ['s-sgd', 's-adam', 'l-sgd', 'l-adam']
    """
    if not axes:
        raise BenchmarkError("product() has no axis; give it one list of variants per axis")
    combined = []
    for parts in itertools.product(*[tuple(axis) for axis in axes]):
        overrides: dict[str, Any] = {}
        for part in parts:
            overrides.update(part.overrides)
        combined.append(
            Variant(
                "-".join(part.id for part in parts),
                overrides,
                tuple(mark for part in parts for mark in part.marks),
                any(part.on_request for part in parts),
            )
        )
    return combined
