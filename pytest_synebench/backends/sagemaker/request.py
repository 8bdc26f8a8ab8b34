"""The request that creates an attempt's job: a pure function of template, layout, names, attempt.

Equal arguments give equal requests, byte for byte once written down; golden files hold them.

The job's program is our own entry point, which starts what travels in the archive: so any image
with a python3 will do, code changes without a new image, and SIGTERM reaches the script, which it
does not below the entry points of AWS's own images.

Invariants (tests/backends/sagemaker/test_request.py holds each one):
- what an attempt runs with is in its orders; hyperparameters are there for people, cut to what
  the service takes;
- MaxRuntimeInSeconds is always there;
- the user's extra fields are there as given, and win.

Source: CreateTrainingJob; what differs from the SageMaker SDK's own request for the same job, and
why: docs/decisions/0022-what-a-job-is.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pytest_synebench.backends.protocol import AttemptSpec
from pytest_synebench.backends.sagemaker.layout import ENTRY, Layout
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.backends.sagemaker.template import Template
from pytest_synebench.training.agent.letters import orders
from pytest_synebench.training.agent.orders import VARIABLE
from pytest_synebench.training.entrypoint.contract import CHANNEL, PROGRAM

RUN_TAG, ATTEMPT_TAG = "synebench:run", "synebench:attempt"
_HYPERPARAMETERS, _KEY_CHARACTERS, _VALUE_CHARACTERS = 99, 256, 256  #: and the program's
_TAG_CHARACTERS = 256
_METRICS = 40
_UNTAGGED = re.compile(r"[^\w .:/=+@-]")
_NUMBER = r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"


def creation(template: Template, layout: Layout, names: Names, spec: AttemptSpec) -> dict[str, Any]:
    """Return the fields of CreateTrainingJob for one attempt."""
    made: dict[str, Any] = {
        "TrainingJobName": names.job(spec.key),
        "HyperParameters": {**shown(spec.config), PROGRAM: template.program},
        "AlgorithmSpecification": {
            "TrainingImage": template.image_uri,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"/opt/ml/input/data/{CHANNEL}/{ENTRY}"],
            "MetricDefinitions": [definition(name) for name in template.metrics[:_METRICS]],
        },
        "RoleArn": template.role,
        "InputDataConfig": [
            channel(CHANNEL, layout.uri(layout.source(template.source))),
            *template.channels,
        ],
        "Environment": {VARIABLE: layout.uri(orders(layout.experiment, *spec.key))},
        "OutputDataConfig": {"S3OutputPath": layout.uri(layout.output())},
        "ResourceConfig": {
            "InstanceType": template.instance_type,
            "InstanceCount": template.instance_count,
            "VolumeSizeInGB": template.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": template.max_runtime_s},
        "Tags": _tags(template.tags, layout.run, spec),
    }
    add_machines(made, template)
    return merged(made, template.extra)


def shown(config: Mapping[str, Any]) -> dict[str, str]:
    """Return a config as hyperparameters, for the console.

    >>> shown({"lr": 0.1, "name": "x" * 300})["name"][-3:]
    'xx…'
    """
    told = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()
    }
    return {
        _cut(key, _KEY_CHARACTERS): _cut(told[key], _VALUE_CHARACTERS)
        for key in list(told)[:_HYPERPARAMETERS]
    }


def definition(metric: str) -> dict[str, str]:
    """Return how the console finds a metric in what the job side prints: ``[report] loss=0.5``."""
    return {"Name": metric, "Regex": rf"\[report\].* {re.escape(metric)}={_NUMBER}"}


def channel(name: str, uri: str) -> dict[str, Any]:
    """Return an input channel: what lies below a URI, as files."""
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": uri,
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def add_machines(made: dict[str, Any], template: Template) -> None:
    """Add to a request how machines are had: Spot ones, or kept for the next job."""
    if template.keep_alive_s:
        made["ResourceConfig"]["KeepAlivePeriodInSeconds"] = template.keep_alive_s
    if template.spot:
        wait_s = template.max_wait_s
        made["EnableManagedSpotTraining"] = True
        made["StoppingCondition"]["MaxWaitTimeInSeconds"] = (
            2 * template.max_runtime_s if wait_s is None else wait_s
        )


def _tags(tags: Mapping[str, str], run: str, spec: AttemptSpec) -> list[dict[str, str]]:
    attempt = f"{spec.key.trial_id}/{spec.key.number}"
    ours = {RUN_TAG: _UNTAGGED.sub("_", run)[-_TAG_CHARACTERS:], ATTEMPT_TAG: attempt}
    return [{"Key": key, "Value": value} for key, value in sorted({**tags, **ours}.items())]


def merged(made: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with extra fields, which win: structures field by field."""
    out = dict(made)
    for name, value in extra.items():
        former = out.get(name)
        if isinstance(former, Mapping) and isinstance(value, Mapping):
            out[name] = merged(former, value)
        elif name == "Tags" and isinstance(former, list):
            out[name] = [*former, *value]
        else:
            out[name] = value
    return out


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
