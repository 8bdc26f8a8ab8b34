"""A plan: everything that says what one experiment is, before anything runs.

Invariants (tests/experiment/plan/test_plan.py):
- lists expand to their product, grouped lists move together; the order is that of the user;
- each listed parameter stands in the setup's id, and different setups have different ids;
- an id is a file name and a part of a node id, whatever the values are;
- seed = (random_seed_offset + run id) mod 2**32.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from pytest_synebench.backends.sagemaker.spending.prices import price_of
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import BenchmarkError, UsageError
from pytest_synebench.experiment.plan.parameters import near
from pytest_synebench.schedulers import catalog as schedulers
from pytest_synebench.searchers import catalog as searchers
from pytest_synebench.trial import TrialId

_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]+")
_UNSAFE_IN_VARIANTS = re.compile(r"[^\w.+-]+")  # letters of any script may stand in a name
_HASH_CHARS = 8
_ID_BYTES = 200  # of a setup's id: a file system takes 255 for a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One experiment: a setup with one run id."""

    benchmark: str  #: its name
    variant: str  #: id of the variant (joined with other fixtures' params by "-")
    params: Mapping[str, Any]  #: every parameter, resolved to one value
    definition: Benchmark
    run_id: int = 0
    listed: tuple[str, ...] = ()  #: parameters the user gave a list for
    where: str = ""  #: file:line of the definition
    warnings: tuple[str, ...] = field(init=False, default=())  #: for the header: one line each

    def __post_init__(self) -> None:
        if isinstance(self.run_id, bool) or self.run_id < 0:
            raise UsageError(f"run_id is {self.run_id!r}; it must be an integer from 0 up")
        object.__setattr__(self, "warnings", tuple(self._check()))

    def _check(self) -> list[str]:
        level, maximum = self.params["max_resource_level"], self.definition.max_resource
        if level is not None and maximum is not None and level != maximum:
            raise BenchmarkError(
                f"{self.benchmark}: config_space[{self.definition.max_resource_attr!r}] is "
                f"{maximum} although max_resource_level is {level}; build config_space with "
                f"{self.definition.max_resource_attr!r}: params['max_resource_level']"
            )
        self._check_remote()
        searchers.check_needs(
            self.params["searcher"],
            constraint_attr=self.definition.constraint_attr,
            cost_model=self.definition.cost_model,
        )
        return self._warnings()

    def _check_remote(self) -> None:
        if not self.remote:
            return
        if self.definition.report_protocol != "channel":
            raise UsageError(
                f"{self.benchmark} reports by what it prints (report_protocol "
                f"{self.definition.report_protocol!r}), which the back-end 'sagemaker' does not "
                "read; use pytest_synebench.training.Reporter in the script, or --backend local"
            )
        check_price(self.params, self.params["instance_type"])

    def _warnings(self) -> list[str]:
        found = []
        if self.definition.resource_attr and self.definition.max_resource_attr is None:
            found.append(
                f"{self.benchmark} names no max_resource_attr (the script's argument for its last "
                "level): schedulers cannot know how long a trial may run"
            )
        if self.definition.report_protocol == "syne_tune" and not self.simulated:
            found.append(
                f"{self.benchmark} reports by what it prints (report_protocol 'syne_tune'): each "
                "line of stdout that is tagged [tune-metric] is read as a report, whoever prints it"
            )
        return found

    @property
    def scheduler(self) -> str:
        """Name of the scheduler, aliases resolved."""
        name: str = self.params["scheduler"]
        return schedulers.ALIASES.get(name, name)

    @property
    def setup(self) -> str:
        """Id of the setup: variant, scheduler, searcher, and each listed parameter."""
        return setup_id(self.variant, self.params, self.listed)

    @property
    def id(self) -> str:
        """Id of the experiment: unique in one command."""
        return f"{self.setup}-r{self.run_id}"

    @property
    def name(self) -> str:
        """Benchmark and id, as in node ids."""
        return f"{self.benchmark}::{self.id}"

    @property
    def seed(self) -> int:
        """Master seed of the experiment."""
        return int((self.params["random_seed_offset"] + self.run_id) % 2**32)

    @property
    def simulated(self) -> bool:
        """Whether its trials are simulated."""
        return bool(self.params["backend"] == "simulated")

    @property
    def remote(self) -> bool:
        """Whether its trials run as jobs, on machines of a service."""
        return bool(self.params["backend"] == "sagemaker")

    @property
    def num_trials(self) -> int:
        """Trials started, at most."""
        return int(self.params["num_trials"])

    @property
    def max_resource(self) -> int | None:
        """Last level of a trial, or None where nothing names it."""
        maximum = self.definition.max_resource
        return maximum if maximum is not None else self.params["max_resource_level"]

    def trial_seed(self, trial_id: TrialId) -> int:
        """Return the seed of a trial: equal for each of its attempts, 0 <= seed < 2**32."""
        key = f"trial/{self.seed}/{trial_id}".encode()
        return int.from_bytes(sha256(key).digest()[:4], "big")


def check_price(params: Mapping[str, Any], instance_type: str) -> None:
    """Refuse a bound on the cost of jobs whose price nobody knows.

    Args:
        params: of an experiment.
        instance_type: of its jobs; "": that is not known yet.

    Raises:
        UsageError: with the machine, and the option that says its price.
    """
    most = params["max_cost"]
    if most is not None and instance_type and not price_of(instance_type, params["instance_price"]):
        raise UsageError(
            f"max_cost is {most:.10g}, and nobody has said what an hour of {instance_type} costs; "
            "say it by --instance_price USD"
        )


def setup_id(variant: str, params: Mapping[str, Any], listed: Sequence[str]) -> str:
    """Return the id of a setup, for which the definition need not be known yet."""
    name = params["scheduler"]
    variant = spelled(variant)
    searcher = searchers.ALIASES.get(params["searcher"], params["searcher"])
    parts = [variant, schedulers.ALIASES.get(name, name), searcher]
    parts += [
        f"{key}={spelled(params[key], _UNSAFE)}"
        for key in listed
        if key not in {"scheduler", "searcher"}
    ]
    text = "-".join(part for part in parts if part)
    return text if len(text.encode()) <= _ID_BYTES else f"{text[:40]}~{_hash(text)}"


def spelled(value: object, unsafe: re.Pattern[str] = _UNSAFE_IN_VARIANTS) -> str:
    """Return a value for ids and directory names: where a sign is lost, a hash keeps it apart."""
    text = str(value)
    safe = unsafe.sub("_", text)
    if safe == text:
        return text
    return f"{safe[:20]}~{_hash(text)}"


def _hash(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:_HASH_CHARS]


def expand(
    values: Mapping[str, Sequence[Any]], groups: Sequence[Sequence[str]] = ()
) -> list[dict[str, Any]]:
    """Return one mapping per setup: the product of the lists, grouped ones zipped.

    Args:
        values: a list of values per parameter.
        groups: names whose lists move together, as of ``--argument_groups "a b|c d"``.

    Raises:
        UsageError: a group names a parameter without a list, twice, or lists of unequal length.

    >>> expand({"a": [1, 2], "b": [3, 4], "c": [5]}, [("a", "b")])
    [{'a': 1, 'b': 3, 'c': 5}, {'a': 2, 'b': 4, 'c': 5}]
    """
    _check_groups(values, groups)
    grouped = {name: group for group in groups for name in group}
    axes: list[list[dict[str, Any]]] = []
    done: set[str] = set()
    for name in values:
        if name in done:
            continue
        names = tuple(grouped.get(name, (name,)))
        done.update(names)
        rows = zip(*(values[n] for n in names), strict=True)
        axes.append([dict(zip(names, row, strict=True)) for row in rows])
    return [
        {key: value for part in combination for key, value in part.items()}
        for combination in itertools.product(*axes)
    ]


def _check_groups(values: Mapping[str, Sequence[Any]], groups: Sequence[Sequence[str]]) -> None:
    seen: set[str] = set()
    for group in groups:
        for name in group:
            if name not in values:
                raise UsageError(
                    f"argument_groups names {name!r}, for which no list is given."
                    + near(name, tuple(values))
                )
            if name in seen:
                raise UsageError(f"argument_groups names {name!r} twice; a list moves once")
            seen.add(name)
        lengths = {name: len(values[name]) for name in group}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise UsageError(
                f"argument_groups zips lists of unequal length ({shown}); give each equally many"
            )


def parse_groups(text: str) -> list[tuple[str, ...]]:
    """Read ``--argument_groups``: names separated by spaces, groups by ``|``.

    >>> parse_groups("a b|c d")
    [('a', 'b'), ('c', 'd')]
    """
    return [tuple(part.split()) for part in text.split("|") if part.strip()]
