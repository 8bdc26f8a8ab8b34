"""What a user hands in for jobs: a ``ModelTrainer`` of the SDK, and fields of the request.

Invariants (tests/experiment/remote/test_handed.py holds each one):
- a parameter that is at its default takes what the trainer says;
- what is said twice, and not alike, is refused with both values and where they stand;
- a function is asked for a trainer when jobs are wanted, once, and not before;
- without a trainer and further fields everything is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from pytest_synebench.backends.sagemaker.trainer import FIELD, Trainer, read
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan

REQUEST = "job_request"


def handed(plan: Plan) -> Trainer:
    """Return what was handed in: nothing, where nothing was.

    Raises:
        UsageError: it says what is the benchmark's to say, or contradicts the parameters.
    """
    given = plan.definition.model_trainer
    made = _made(given) if callable(given) else given
    trainer = Trainer() if made is None else read(made)
    more = plan.params[REQUEST] or {}
    if not isinstance(more, Mapping):
        raise UsageError(
            f"{REQUEST} is {more!r}; it must be a JSON object with fields of CreateTrainingJob, as "
            '{"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}'
        )
    return replace(trainer, extra=_joined(trainer.extra, more, ""))


@cache
def _made(make: Callable[[], object]) -> object:
    """Return what a function makes: once, since a ModelTrainer asks AWS who its role is."""
    return make()


def settled(params: Mapping[str, Any], trainer: Trainer) -> dict[str, Any]:
    """Return the parameters, with what the trainer says of those that are at their defaults.

    The bucket is the parameter's, where that names one: the SDK makes one up for every trainer.

    Raises:
        UsageError: both say something, and not the same.
    """
    out = dict(params)
    for name, (said, attribute) in trainer.params.items():
        given = params[name]
        if given == GLOBALS[name].default:
            out[name] = said
        elif name != "s3_bucket" and given != said:
            raise UsageError(
                f"{name} is {given!r}, and {FIELD}.{attribute} is {said!r}; leave --{name} out, or "
                f"make the ModelTrainer with params[{name!r}]"
            )
    if "image_uri" in trainer.params and params["framework"]:
        raise UsageError(
            f"framework is {params['framework']!r}, and {FIELD}.training_image is "
            f"{trainer.params['image_uri'][0]!r}; an image is named once: leave one of them out"
        )
    return out


def _joined(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return both, field by field; what is in both must be alike."""
    out = dict(one)
    for name, value in other.items():
        where = f"{path}.{name}" if path else name
        former = out.get(name, value)
        if isinstance(former, Mapping) and isinstance(value, Mapping):
            out[name] = _joined(former, value, where)
        elif former != value:
            raise UsageError(
                f"{REQUEST} has {where} {value!r}, and {FIELD} has {former!r}; say it once"
            )
        else:
            out[name] = value
    return out
