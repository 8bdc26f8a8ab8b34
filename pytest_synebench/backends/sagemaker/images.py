"""Which image a job runs in: the user's own, or the one AWS publishes for a framework's version.

Invariants (tests/backends/sagemaker/test_images.py holds each one):
- where the SageMaker SDK is installed, its answer is the answer; the table gives the same;
- an image whose Python cannot run the job side is refused before any job;
- an error says which frameworks, versions, processors or regions there are.

Source: AWS Deep Learning Containers, as the SageMaker SDK knows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pytest_synebench.backends.sagemaker.image_table import (
    ACCOUNTS,
    ALIASES,
    IMAGES,
    REPOSITORIES,
    Image,
)
from pytest_synebench.errors import UsageError

OLDEST_PYTHON = (3, 10)  #: that the job side runs on
_SDKS = ("sagemaker.core.image_uris", "sagemaker.image_uris")  #: of version 3, of version 2
_OWN = "or name an image of your own by --image_uri"
_TYPE = re.compile(r"ml\.(?P<family>[a-z]+[a-z0-9-]*)\.[a-z0-9-]+")
_SUFFIXES = (
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
)  #: of the names of hosts, by how a region begins; all others: amazonaws.com


def training_image(
    framework: str, version: str, *, region: str, instance_type: str, sdk: bool = True
) -> str:
    """Return the URI of the image for a framework.

    Args:
        framework: "PyTorch" or "HuggingFace".
        version: "2.6", or "2.6.0"; of HuggingFace: that of transformers.
        region: of the job, which pulls from its own region.
        instance_type: decides between the images for CPUs and GPUs.
        sdk: ask the SageMaker SDK, if it is installed.

    Raises:
        UsageError: there is none; the text says what there is.

    >>> training_image(
    ...     "PyTorch", "2.6", region="eu-west-1", instance_type="ml.g4dn.xlarge", sdk=False
    ... )
    '763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.6.0-gpu-py312'
    """
    _check_framework(framework)
    processor = processor_of(instance_type)
    full = ALIASES[framework].get(version, version)
    known = IMAGES[framework].get(full)
    if known is None:
        retrieve = _retrieve() if sdk else None
        if retrieve is None:
            raise _no_version(framework, version)
        return _asked(retrieve, framework, version, region, instance_type, None)
    _check(framework, full, known, processor, region)
    retrieve = _retrieve() if sdk else None
    if retrieve is None:
        return _composed(framework, known, processor, region)
    return _asked(retrieve, framework, full, region, instance_type, known)


def processor_of(instance_type: str) -> str:
    """Return ``cpu`` or ``gpu``.

    Raises:
        UsageError: it is no instance type, or one of another kind of processor.

    >>> processor_of("ml.c5.xlarge"), processor_of("ml.g4dn.xlarge")
    ('cpu', 'gpu')
    """
    found = _TYPE.fullmatch(instance_type)
    if found is None:
        raise UsageError(
            f"instance_type is {instance_type!r}; name a training instance, as ml.m5.xlarge or "
            "ml.g4dn.xlarge"
        )
    family = found["family"]
    if family.startswith(("trn", "inf")):
        raise UsageError(
            f"instance_type is {instance_type!r}, which needs an image for Neuron: name one by "
            "--image_uri"
        )
    return "gpu" if family[0] in "gp" else "cpu"


def _check_framework(framework: str) -> None:
    if framework not in IMAGES:
        raise UsageError(f"framework is {framework!r}; it must be {' or '.join(IMAGES)}, {_OWN}")


def _no_version(framework: str, version: str) -> UsageError:
    words = ", ".join(IMAGES[framework])
    return UsageError(
        f"framework_version is {version!r}; of {framework} these are known, whose Python is "
        f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer: {words}. A newer one is found if the "
        f"SageMaker SDK knows it (pip install sagemaker-core), {_OWN}"
    )


def _check(framework: str, version: str, known: Image, processor: str, region: str) -> None:
    if processor not in known.processors:
        raise UsageError(
            f"{framework} {version} has no image for {processor.upper()} instances, only for "
            f"{' and '.join(p.upper() for p in known.processors)}: choose another instance_type, "
            f"{_OWN}"
        )
    if region not in ACCOUNTS or region in known.lacking:
        regions = ", ".join(sorted(ACCOUNTS.keys() - known.lacking))
        raise UsageError(
            f"{framework} {version} has no image in region {region!r}; it has one in {regions}. "
            f"Choose another version or region, {_OWN}"
        )


def _composed(framework: str, known: Image, processor: str, region: str) -> str:
    suffix = next((s for begins, s in _SUFFIXES if region.startswith(begins)), "amazonaws.com")
    host = f"{ACCOUNTS[region]}.dkr.ecr.{region}.{suffix}"
    return f"{host}/{REPOSITORIES[framework]}:{known.tag.format(processor=processor)}"


def _retrieve() -> Callable[..., str] | None:
    for name in _SDKS:
        try:
            retrieve: Callable[..., str] = import_module(name).retrieve
        except ImportError:
            continue
        return retrieve
    return None


def _asked(
    retrieve: Callable[..., str],
    framework: str,
    version: str,
    region: str,
    instance_type: str,
    known: Image | None,
) -> str:
    told: dict[str, Any] = {
        "framework": framework.lower(),
        "region": region,
        "version": version,
        "instance_type": instance_type,
        "image_scope": "training",
    }
    if framework == "HuggingFace" and known is not None:
        told["base_framework_version"] = f"pytorch{known.tag.partition('-')[0]}"
    if known is not None:
        told["py_version"] = f"py{known.python[0]}{known.python[1]}"
    try:
        uri = retrieve(**told)
    except (ValueError, KeyError) as error:
        raise UsageError(
            f"{framework} {version}: the SageMaker SDK says: {error}; {_OWN}"
        ) from None
    _check_python(uri)
    return uri


def _check_python(uri: str) -> None:
    """Refuse an image whose tag names a Python that is too old."""
    found = re.search(r"-py(\d)(\d+)", uri)
    if found is not None and (int(found[1]), int(found[2])) < OLDEST_PYTHON:
        raise UsageError(
            f"{uri} has Python {found[1]}.{found[2]}; trials need "
            f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer: choose a newer framework_version"
        )
