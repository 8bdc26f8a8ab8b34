"""On what terms a tuner's job runs: its machine, its image, its role, its bucket.

With the local back-end trials run on that machine too, so it is the benchmark's; else it is a small
one, which waits for the jobs of trials.

Invariants (tests/experiment/remote/tuning/test_terms.py holds each one):
- what a job lacks is refused by name, before anything is packed or sent;
- with the local back-end the benchmark's own machine is taken, and Spot where that is asked for;
- an image whose Python is too old for pytest-synebench is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_synebench.backends.sagemaker.image_table import IMAGES
from pytest_synebench.backends.sagemaker.images import training_image
from pytest_synebench.backends.sagemaker.template import Template
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote.needs import split_bucket, with_emulated

_ASKED = "--synebench-remote"
_OLDEST_PYTHON = (3, 11)
_SMALL = "ml.c5.xlarge"
_FRAMEWORK, _VERSION = "PyTorch", "2.6.0"  #: of a benchmark that names none


def bucket_of(params: Mapping[str, Any]) -> tuple[str, str]:
    """Return bucket and prefix ("" or ending with a slash).

    Raises:
        UsageError: none is named.
    """
    bucket, prefix = split_bucket(with_emulated(params)["s3_bucket"])
    if not bucket:
        raise UsageError(
            f"{_ASKED} is given, and no bucket is named; code and results go through one: "
            "--s3_bucket BUCKET/PREFIX"
        )
    return bucket, prefix


def template_of(benchmark: str, params: Mapping[str, Any], region: str, source: str) -> Template:
    """Return what a tuner's job is made of.

    Args:
        benchmark: its name, for messages.
        params: of the experiment.
        region: of the job.
        source: SHA-256 of its code.

    Raises:
        UsageError: it lacks something, or a value breaks a rule; the text has the way out.
    """
    told = with_emulated(params)
    if not told["sagemaker_execution_role"]:
        raise UsageError(
            f"{_ASKED} is given, and no role is named that the job is to have; name one by "
            "--sagemaker_execution_role arn:aws:iam::ACCOUNT:role/NAME"
        )
    local = params["backend"] != "sagemaker"
    machine = told["tuner_instance_type"] or (told["instance_type"] if local else "") or _SMALL
    return Template(
        image_uri=_image(benchmark, told, region, machine),
        role=told["sagemaker_execution_role"],
        instance_type=machine,
        source=source,
        program="",
        max_runtime_s=told["max_runtime"],
        spot=told["spot"] and local,
    )


def _image(benchmark: str, told: Mapping[str, Any], region: str, machine: str) -> str:
    if told["image_uri"]:
        return _checked(benchmark, str(told["image_uri"]))
    framework, version = told["framework"], told["framework_version"]
    if not framework:
        framework, version = _FRAMEWORK, _VERSION
    if not version:
        raise UsageError(
            f"{_ASKED} is given, and {benchmark} names no framework_version of {framework}; known: "
            f"{', '.join(IMAGES.get(framework, ()))}"
        )
    return _checked(
        benchmark, training_image(framework, version, region=region, instance_type=machine)
    )


def _checked(benchmark: str, uri: str) -> str:
    found = re.search(r"-py(\d)(\d+)", uri)
    if found is not None and (int(found[1]), int(found[2])) < _OLDEST_PYTHON:
        raise UsageError(
            f"the image of {benchmark} has Python {found[1]}.{found[2]} ({uri}), and pytest needs "
            f"{_OLDEST_PYTHON[0]}.{_OLDEST_PYTHON[1]} or newer there: choose a newer "
            "--framework_version"
        )
    return uri
