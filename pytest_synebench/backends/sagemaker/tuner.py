"""The request that creates the job of a tuner: a pure function, like that of an attempt's job.

Its program is the same entry point, which starts what travelled: there it is pytest.

Invariants (tests/backends/sagemaker/test_tuner.py holds each one):
- it satisfies the service's own limits, and MaxRuntimeInSeconds is always there;
- what the job needs to know is in its environment; hyperparameters are there for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_synebench.backends.sagemaker.layout import ENTRY, Layout
from pytest_synebench.backends.sagemaker.request import add_machines, channel, merged, shown
from pytest_synebench.backends.sagemaker.template import Template
from pytest_synebench.training.entrypoint.contract import CHANNEL, PROGRAM
from pytest_synebench.training.entrypoint.entry import APART

VARIABLE = "SYNEBENCH_TUNER"  #: names the record of what was submitted: ``s3://bucket/key``
DEPENDENCIES = "SYNEBENCH_DEPENDENCIES"  #: file of the benchmark's own, in the code
TAG = "synebench:remote"
STARTER = f"{APART}/synebench_tuner.py"  #: what the entry point starts
STARTER_TEXT = b'''\
"""Runs one experiment in this job."""

from pytest_synebench.plugin.remote.job import main

if __name__ == "__main__":
    raise SystemExit(main())
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuner:
    """What tells one tuner's job from others."""

    name: str
    url: str  #: of the record of what was submitted
    title: str  #: of the experiment, for people
    dependencies: str  #: file of the benchmark's own, in the code; "": there is none


def tuner_creation(template: Template, layout: Layout, tuner: Tuner) -> dict[str, Any]:
    """Return the fields of CreateTrainingJob for a tuner."""
    environment = {VARIABLE: tuner.url}
    if tuner.dependencies:
        environment[DEPENDENCIES] = tuner.dependencies
    made: dict[str, Any] = {
        "TrainingJobName": tuner.name,
        "HyperParameters": {**shown({"experiment": tuner.title}), PROGRAM: STARTER},
        "AlgorithmSpecification": {
            "TrainingImage": template.image_uri,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"/opt/ml/input/data/{CHANNEL}/{ENTRY}"],
        },
        "RoleArn": template.role,
        "InputDataConfig": [channel(CHANNEL, layout.uri(layout.source(template.source)))],
        "Environment": environment,
        "OutputDataConfig": {"S3OutputPath": layout.uri(layout.output())},
        "ResourceConfig": {
            "InstanceType": template.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": template.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": template.max_runtime_s},
        "Tags": _tags(template.tags, tuner.name),
    }
    add_machines(made, template)
    return merged(made, template.extra)


def _tags(tags: Mapping[str, str], name: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted({**tags, TAG: name}.items())]
