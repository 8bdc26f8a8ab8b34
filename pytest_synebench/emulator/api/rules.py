"""What the service asks of a training job beyond the model: rules between fields.

Invariants (tests/emulator/api/test_rules.py holds each one):
- what the service refuses is refused with a ValidationException before any job exists;
- what the service takes and this emulator cannot do is refused too, and the text says that it is
  the emulator: nothing is silently left out.

Source: AWS, API reference of CreateTrainingJob, and its guides on Spot training and warm pools;
the wording is ours (ASSUMED-06).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_synebench.emulator.jobs.lifecycle import DEFAULT_RUNTIME_S
from pytest_synebench.emulator.refusal import validation

MAX_RUNTIME_S = 28 * 24 * 3600
_UNKNOWN_HERE = ("ServerlessJobConfig", "ModelPackageConfig", "MlflowConfig", "RetryStrategy")


def check(request: Mapping[str, Any]) -> None:
    """Refuse a request that breaks a rule between its fields.

    Raises:
        Refusal: ValidationException; the text has the first one.
    """
    for rule in _RULES:
        text = rule(request)
        if text:
            raise validation(text)


def _algorithm(request: Mapping[str, Any]) -> str:
    chosen = request.get("AlgorithmSpecification", {})
    if ("TrainingImage" in chosen) == ("AlgorithmName" in chosen):
        return "You must specify exactly one of TrainingImage and AlgorithmName"
    if "AlgorithmName" in chosen:
        return "The emulator runs no algorithm by name; give a TrainingImage"
    return ""


def _resources(request: Mapping[str, Any]) -> str:
    config = request.get("ResourceConfig", {})
    if "InstanceGroups" in config:
        return "The emulator has no InstanceGroups; give InstanceType and InstanceCount"
    for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if not config.get(name):
            return f"ResourceConfig.{name} must be given, and not be 0"
    return ""


def _runtime(request: Mapping[str, Any]) -> str:
    condition = request.get("StoppingCondition", {})
    runtime_s = condition.get("MaxRuntimeInSeconds", DEFAULT_RUNTIME_S)
    if runtime_s > MAX_RUNTIME_S:
        return f"MaxRuntimeInSeconds is {runtime_s}; it must be at most {MAX_RUNTIME_S} (28 days)"
    wait_s = condition.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        return "" if wait_s is None else "MaxWaitTimeInSeconds goes with EnableManagedSpotTraining"
    if wait_s is None or wait_s < runtime_s:
        return (
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds"
        )
    return ""


def _warm_pool(request: Mapping[str, Any]) -> str:
    kept = request.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds")
    if kept and request.get("EnableManagedSpotTraining"):
        return "KeepAlivePeriodInSeconds does not go with EnableManagedSpotTraining"
    return ""


def _channels(request: Mapping[str, Any]) -> str:
    channels = request.get("InputDataConfig", [])
    names = [channel["ChannelName"] for channel in channels]
    if len(names) != len(set(names)):
        return f"ChannelName must be unique; got {', '.join(names)}"
    for channel in channels:
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source["S3DataType"] != "S3Prefix":
            return "The emulator reads channels of S3DataType S3Prefix only"
        modes = (channel.get("InputMode"), request["AlgorithmSpecification"]["TrainingInputMode"])
        if "Pipe" in modes:
            return "The emulator has no Pipe mode; use File or FastFile"
        if "Gzip" in str(channel.get("CompressionType")):
            return "The emulator unpacks no channels; give CompressionType None"
    return ""


def _unknown_here(request: Mapping[str, Any]) -> str:
    found = [name for name in _UNKNOWN_HERE if name in request]
    return f"The emulator has no {found[0]}" if found else ""


_RULES: tuple[Callable[[Mapping[str, Any]], str], ...] = (
    _algorithm,
    _resources,
    _runtime,
    _warm_pool,
    _channels,
    _unknown_here,
)
