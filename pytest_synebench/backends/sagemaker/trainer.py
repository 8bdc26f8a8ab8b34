"""A ``ModelTrainer`` of the SageMaker SDK (version 3) as the template of jobs.

It is read, and never asked to train: attribute by attribute, by the names that the SDK gives them.
So the SDK need not be there, and nothing of it is imported. What it says of image, role, machine,
network, keys, limits, channels, tags and environment is taken, in botocore's own names. What runs,
with which arguments, is the benchmark's: a trainer that says so too is refused by name.

Invariants (tests/backends/sagemaker/test_trainer.py holds each one):
- nothing of the SDK is imported;
- what is set is taken or refused, field by field; what is left open changes nothing;
- a refusal names the attribute, its value, and the way out.

Source: sagemaker-train, ``ModelTrainer._create_training_job_args``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pytest_synebench.backends.sagemaker import limits
from pytest_synebench.errors import UsageError
from pytest_synebench.training.agent.orders import VARIABLE
from pytest_synebench.training.entrypoint.contract import CHANNEL

FIELD = "model_trainer"  #: of a Benchmark
#: Attributes that are a part of the request as it is, and where they stand in it.
PARTS = {
    "training_image_config": ("AlgorithmSpecification", "TrainingImageConfig"),
    "environment": ("Environment",),
    "model_package_config": ("ModelPackageConfig",),
    "_tensorboard_output_config": ("TensorBoardOutputConfig",),
    "_retry_strategy": ("RetryStrategy",),
    "_infra_check_config": ("InfraCheckConfig",),
    "_session_chaining_config": ("SessionChainingConfig",),
    "_remote_debug_config": ("RemoteDebugConfig",),
}
#: Attributes that are taken apart.
TAKEN = frozenset(
    {"training_image", "role", "compute", "networking", "stopping_condition", "tags"}
    | {"output_data_config", "input_data_config", "training_mode", "training_input_mode"}
    | {"sagemaker_session"}
)
#: Attributes that say what a job runs, which is not theirs to say, and whose it is.
OURS = {
    "algorithm_name": "jobs run a script in an image: name training_image",
    "source_code": "the code of a job is the folder of Benchmark.script",
    "distributed": "a script starts once in a job, and launches what it likes",
    "hyperparameters": "those of a job are its trial's config: put them into config_space",
    "checkpoint_config": "checkpoints are kept by a store of our own, which verifies them",
    "_metric_definitions": "those of a job find what its benchmark reports",
    "_jumpstart_config": "jobs run a script in an image: name training_image",
    "_is_nova_recipe": "recipes bring a script of their own",
    "_is_llmft_recipe": "recipes bring a script of their own",
}
#: Attributes that say nothing about a job as we make it.
IGNORED = frozenset(
    {"base_job_name", "local_container_root", "config_mgr", "_latest_training_job"}
    | {"_temp_recipe_train_dir", "_temp_code_dir", "input_s3_key_prefix"}
)
_TAG = "synebench:"  #: begins the keys of our own tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """What a trainer says, in our own words where there are any."""

    #: parameters of ours, by their names: the value, and the attribute that says it
    params: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    #: fields of the template, by their names
    template: Mapping[str, Any] = field(default_factory=dict)
    #: more fields of the request
    extra: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""  #: of its session; "": it has none

    def check_region(self, region: str) -> None:
        """Refuse jobs in another region than the trainer's.

        Raises:
            UsageError: they are to run in another.
        """
        if self.region not in ("", region):
            raise _refused(
                "sagemaker_session.boto_region_name",
                self.region,
                f"jobs run in {region}: set AWS_REGION",
            )


def read(trainer: object) -> Trainer:
    """Return what a trainer says.

    Args:
        trainer: a ``ModelTrainer``, or what has attributes by the same names.

    Raises:
        UsageError: it says what is the benchmark's to say, or what the service does not know.
    """
    if not hasattr(trainer, "training_image"):
        raise UsageError(
            f"{FIELD} is {trainer!r}; it must be a ModelTrainer of the SageMaker SDK, version 3, "
            "or a function that returns one"
        )
    _check(trainer)
    return _Reading(trainer).done()


def _check(trainer: object) -> None:
    for name, whose in OURS.items():
        value = _attribute(trainer, name)
        if value:
            raise _refused(name, value, f"{whose}. Leave it out")
    mode = _attribute(trainer, "training_mode")
    word = mode.name if isinstance(mode, Enum) else mode
    if word not in (None, "SAGEMAKER_TRAINING_JOB"):
        raise _refused("training_mode", word, "for trials on this machine use --backend local")
    if (mode := _attribute(trainer, "training_input_mode")) not in (None, "File"):
        raise _refused(
            "training_input_mode", mode, "code comes as files: set input_mode of a channel instead"
        )


class _Reading:
    """Takes one trainer apart."""

    def __init__(self, trainer: object) -> None:
        self._trainer = trainer
        self._params: dict[str, tuple[Any, str]] = {}
        self._template: dict[str, Any] = {}
        self._extra: dict[str, Any] = {}

    def done(self) -> Trainer:
        """Return all that it says."""
        self._param("image_uri", _attribute(self._trainer, "training_image"), "training_image")
        self._param("sagemaker_execution_role", _attribute(self._trainer, "role"), "role")
        self._compute()
        self._networking()
        self._limits()
        self._output()
        self._tags()
        self._channels()
        for name, path in PARTS.items():
            self._add(path, self._part(name, path))
        if VARIABLE in self._extra.get("Environment", {}):
            raise _refused(
                f"environment[{VARIABLE!r}]",
                self._extra["Environment"][VARIABLE],
                "it is how a job finds its orders. Leave it out",
            )
        session = _attribute(self._trainer, "sagemaker_session")
        return Trainer(
            params=self._params,
            template=self._template,
            extra=self._extra,
            region=str(getattr(session, "boto_region_name", None) or ""),
        )

    def _compute(self) -> None:
        told = self._part("compute", ("ResourceConfig",), apart=("enable_managed_spot_training",))
        if told.get("InstanceGroups"):
            raise _refused(
                "compute.instance_groups", told["InstanceGroups"], "a job has one instance_type"
            )
        self._param("instance_type", told.pop("InstanceType", None), "compute.instance_type")
        keep_s = told.pop("KeepAlivePeriodInSeconds", None)
        self._param("keep_alive", keep_s, "compute.keep_alive_period_in_seconds")
        spot = _attribute(_attribute(self._trainer, "compute"), "enable_managed_spot_training")
        self._param("spot", spot, "compute.enable_managed_spot_training")
        self._field("instance_count", told.pop("InstanceCount", None))
        self._field("volume_gb", told.pop("VolumeSizeInGB", None))
        self._add(("ResourceConfig",), told)

    def _networking(self) -> None:
        alone = "enable_network_isolation"
        between = "enable_inter_container_traffic_encryption"
        networking = _attribute(self._trainer, "networking")
        if _attribute(networking, alone):
            raise _refused(
                f"networking.{alone}", value=True, rule="jobs send their reports through S3"
            )
        self._add(("VpcConfig",), self._part("networking", ("VpcConfig",), apart=(alone, between)))
        if (value := _attribute(networking, between)) is not None:
            self._extra["EnableInterContainerTrafficEncryption"] = value

    def _limits(self) -> None:
        told = self._part("stopping_condition", ("StoppingCondition",))
        runtime_s = told.pop("MaxRuntimeInSeconds", None)
        self._param("max_runtime", runtime_s, "stopping_condition.max_runtime_in_seconds")
        self._field("max_wait_s", told.pop("MaxWaitTimeInSeconds", None))
        self._add(("StoppingCondition",), told)

    def _output(self) -> None:
        told = self._part("output_data_config", ("OutputDataConfig",))
        where = told.pop("S3OutputPath", None)
        self._param("s3_bucket", where, "output_data_config.s3_output_path")
        self._add(("OutputDataConfig",), told)

    def _tags(self) -> None:
        told = self._part("tags", ("Tags",)) or []
        for tag in told:
            if tag["Key"].startswith(_TAG):
                raise _refused("tags", tag["Key"], f"keys that begin with {_TAG} are our own")
        self._field("tags", {tag["Key"]: tag.get("Value", "") for tag in told} or None)

    def _channels(self) -> None:
        found = []
        for number, one in enumerate(_attribute(self._trainer, "input_data_config") or ()):
            path = f"{FIELD}.input_data_config[{number}]"
            member = _shape(("InputDataConfig",)).member
            told = _told(_spelled_out(one, path), member, path)
            if told.get("ChannelName") == CHANNEL:
                raise _refused(
                    f"input_data_config[{number}].channel_name",
                    CHANNEL,
                    "it is where our code comes",
                )
            found.append(told)
        self._field("channels", tuple(found) or None)

    def _part(self, name: str, path: tuple[str, ...], apart: tuple[str, ...] = ()) -> Any:
        value = _attribute(self._trainer, name)
        if value is None:
            return {}
        if apart:
            value = {key: part for key, part in _fields(value).items() if key not in apart}
        return _told(value, _shape(path), f"{FIELD}.{name}")

    def _param(self, name: str, value: Any, attribute: str) -> None:
        if value is not None:
            self._params[name] = (value, attribute)

    def _field(self, name: str, value: Any) -> None:
        if value is not None:
            self._template[name] = value

    def _add(self, path: tuple[str, ...], told: Any) -> None:
        if not told:
            return
        where = self._extra
        for name in path[:-1]:
            where = where.setdefault(name, {})
        where[path[-1]] = told


def _shape(path: tuple[str, ...]) -> Any:
    """Return botocore's shape of a part of the request."""
    shape = limits.model()
    for name in path:
        if name not in shape.members:
            raise UsageError(
                f"the installed botocore knows no {name} of a training job; update boto3"
            )
        shape = shape.members[name]
    return shape


def _told(value: Any, shape: Any, path: str) -> Any:
    """Return a value of the SDK's as a part of a request: in the service's names, without gaps."""
    if shape.type_name == "structure":
        members = {name.lower(): name for name in shape.members}
        out = {}
        for name, part in _set(_fields(value)):
            member = members.get(name.replace("_", "").lower())
            if member is None:
                raise UsageError(
                    f"{path}.{name} is {part!r}; the installed botocore knows no such field: "
                    "update boto3, or leave it out"
                )
            out[member] = _told(part, shape.members[member], f"{path}.{name}")
        return out
    if shape.type_name == "map":
        return {
            str(key): _told(part, shape.value, f"{path}[{key!r}]") for key, part in value.items()
        }
    if shape.type_name == "list":
        return [_told(part, shape.member, f"{path}[{n}]") for n, part in enumerate(value)]
    if not isinstance(value, str | int | float):
        raise UsageError(f"{path} is {value!r}; it must be a value, and not what stands for one")
    return value


def _spelled_out(channel: object, path: str) -> dict[str, Any]:
    """Return a channel whose source, if it is but a name, is spelled out."""
    told = dict(_set(_fields(channel)))
    source = told.get("data_source")
    if isinstance(source, str):
        if not source.startswith("s3://"):
            raise UsageError(
                f"{path}.data_source is {source!r}; jobs read from S3: upload it, and name its URI"
            )
        told["data_source"] = {
            "s3_data_source": {
                "s3_data_type": "S3Prefix",
                "s3_uri": source,
                "s3_data_distribution_type": "FullyReplicated",
            }
        }
    elif _attribute(source, "s3_uri"):
        told["data_source"] = {"s3_data_source": source}
    elif _attribute(source, "file_system_id"):
        told["data_source"] = {"file_system_data_source": source}
    return told


def _fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else vars(value)


def _set(fields: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Yield the fields that say something."""
    return [
        (name, value)
        for name, value in fields.items()
        if not name.startswith("_") and not _is_open(value)
    ]


def _is_open(value: object) -> bool:
    return value is None or type(value).__name__ == "Unassigned"


def _attribute(value: object, name: str) -> Any:
    """Return an attribute; None where there is none, or it is left open."""
    found = getattr(value, name, None)
    return None if _is_open(found) else found


def _refused(attribute: str, value: object, rule: str) -> UsageError:
    return UsageError(f"{FIELD}.{attribute} is {value!r}; {rule}")
