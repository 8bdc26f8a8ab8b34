"""The benchmark ``mlp_fashionmnist``: a perceptron on small images, tuned for accuracy.

Variant ``mlp`` runs by default, ``tiny`` and ``full`` on request.

Invariants (tests/benchmarks/test_mlp_fashionmnist.py holds each one):
- importing it loads no torch and runs no training;
- every variant builds from its own defaults (``full`` also needs Fashion-MNIST);
- the real images are never taken for the stand-in, nor it for them: ``dataset`` says which it is;
- what cannot be trained is refused here, before any trial starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_synebench import Benchmark, BenchmarkError, benchmark, variant
from pytest_synebench.cost_models import FixedLayersMLP

from . import images
from .space import CONSTANTS, LAYERS, LEAST_UNITS, MOST_UNITS, space

_OWN = {name: CONSTANTS[name] for name in CONSTANTS if name != "epochs"}
_AUTO, _REAL, _DIGITS = _NAMES = ("auto", "fashion-mnist", "digits")


@benchmark(  # type: ignore[untyped-decorator] # pytest's fixtures have no public type
    default_params=dict(
        max_resource_level=9,
        grace_period=1,
        reduction_factor=3,
        scheduler="asha_promotion",
        num_trials=9,
        num_workers=2,
        instance_type="ml.c5.4xlarge",
        framework="PyTorch",
        framework_version="2.6",
        dataset_name=_AUTO,
        max_units=MOST_UNITS,
        **_OWN,
    ),
    variants=[
        variant("mlp"),
        variant(
            "tiny",
            on_request=True,
            max_resource_level=4,
            reduction_factor=2,
            num_trials=4,
            max_units=64,
            train_examples=600,
            valid_examples=200,
        ),
        variant(
            "full",
            on_request=True,
            max_resource_level=81,
            num_workers=4,
            dataset_name=_REAL,
            train_examples=0,
            valid_examples=0,
        ),
    ],
)
def mlp_fashionmnist(params: Mapping[str, Any]) -> Benchmark:
    """Perceptron of two hidden layers on Fashion-MNIST (or digits); maximises accuracy."""
    _check(params)
    folder = _folder(params)
    try:
        data = images.describe(folder)
    except (OSError, ValueError) as error:
        raise BenchmarkError(str(error)) from None
    trained_on = min(params["train_examples"] or data.train, data.train)
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={
            **space(params),
            **{name: params[name] for name in _OWN},
            "dataset_path": folder,
            "epochs": params["max_resource_level"],
        },
        metric="accuracy",
        mode="max",
        resource_attr="epoch",
        max_resource_attr="epochs",
        elapsed_time_attr="elapsed_time",
        cost_attr="elapsed_time",
        cost_model=FixedLayersMLP(
            num_inputs=data.inputs,
            num_outputs=images.CLASSES,
            layers=LAYERS,
            examples_per_unit=trained_on,
        ),
        dataset=data.name,
    )


def _folder(params: Mapping[str, Any]) -> str:
    """Return where Fashion-MNIST is; ``""`` for the digits."""
    given, name = params["dataset_path"], params["dataset_name"]
    if name == _DIGITS and given:
        raise BenchmarkError(
            f"dataset_name is {name!r} and dataset_path is {given!r}; the digits are "
            "scikit-learn's, not in a folder of yours: leave one of the two away"
        )
    if given:
        # A resumed session may be started elsewhere, where a relative path means another place.
        return str(Path(given).expanduser().resolve())
    if name != _DIGITS and images.has_fashion():
        return str(images.DEBIAN)
    if name == _REAL or not (name == _DIGITS or images.has_digits()):
        stand_in = (
            "" if name == _REAL else ", or pip install 'pytest-synebench[sklearn]' for digits"
        )
        raise BenchmarkError(
            f"dataset_name is {name!r} and dataset_path is '', but there is no Fashion-MNIST in "
            f"{images.DEBIAN}; apt install dataset-fashion-mnist, or pass --dataset_path DIR, a "
            f"folder with {images.IMAGES}.gz and {images.LABELS}.gz{stand_in}"
        )
    return ""


def _check(params: Mapping[str, Any]) -> None:
    if params["dataset_name"] not in _NAMES:
        raise BenchmarkError(
            f"dataset_name is {params['dataset_name']!r}; it must be one of "
            f"{', '.join(map(repr, _NAMES))}"
        )
    if not LEAST_UNITS < params["max_units"] <= MOST_UNITS:
        raise BenchmarkError(
            f"max_units is {params['max_units']!r}; it must be from {LEAST_UNITS + 1} to "
            f"{MOST_UNITS}"
        )
    for name, least in (("train_examples", 128), ("valid_examples", 10)):
        if params[name] != 0 and params[name] < least:
            raise BenchmarkError(
                f"{name} is {params[name]!r}; it must be at least {least}, or 0 for all there is"
            )
