"""Submits experiments: packs the project, writes down what is asked for, has a job created.

Invariants (tests/experiment/remote/tuning/test_submitting.py holds each one):
- a bucket that cannot be used is refused before anything is packed or sent;
- the code of a project is uploaded once, however many experiments it is submitted for;
- what is asked for is there before the job that reads it;
- a service that is busy is asked again, and a quota is told, not waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from pytest_synebench.backends.sagemaker import limits
from pytest_synebench.backends.sagemaker.layout import Layout
from pytest_synebench.backends.sagemaker.packing import Source, pack
from pytest_synebench.backends.sagemaker.port import (
    BotoTrainingJobs,
    NotNowError,
    RefusedError,
    Why,
    new_client,
)
from pytest_synebench.backends.sagemaker.reaping.tuners import FOLDER, key
from pytest_synebench.backends.sagemaker.travelling import beside, everything
from pytest_synebench.backends.sagemaker.tuner import STARTER, STARTER_TEXT, Tuner, tuner_creation
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.asking import new_client as new_s3_client
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import BackendError, StoreError, UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.building import make_bucket, upload
from pytest_synebench.experiment.remote.tuning.record import Named, Record
from pytest_synebench.experiment.remote.tuning.terms import bucket_of, template_of
from pytest_synebench.training.entrypoint.entry import APART
from pytest_synebench.training.entrypoint.sources import dependencies

_TRIES = 6
_FIRST_WAIT_S = 0.5
_ANY_SOURCE = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What travels."""

    root: Path  #: pytest's root directory
    folder: str  #: in which pytest was started, from the root directory
    leave: Collection[Path] = ()  #: folders that stay here: results


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What the user has typed, as the job is to read it."""

    settings: Mapping[str, str]  #: text of each parameter, by its key
    groups: str = ""


@dataclass(slots=True)
class Submitter:
    """Submits the experiments of one session."""

    project: Project
    sagemaker: Any = field(default_factory=new_client)
    s3: Any = field(default_factory=new_s3_client)
    clock: Clock = field(default_factory=SystemClock)
    wait: Callable[[float], object] = field(default_factory=lambda: Event().wait)
    _source: Source | None = None

    def check(self, benchmark: str, params: Mapping[str, Any]) -> None:
        """Refuse what no job could have, as far as the parameters say.

        Raises:
            UsageError: something is missing, or breaks a rule.
            BackendError: the bucket cannot be used.
        """
        bucket, prefix = bucket_of(params)
        template = template_of(benchmark, params, self._region, _ANY_SOURCE)
        tuner = Tuner(name="x", url=f"s3://{bucket}/{prefix}", title=benchmark, dependencies="")
        limits.check(tuner_creation(template, Layout(bucket=bucket, prefix=prefix, run="x"), tuner))
        ask = Asking(f"s3://{bucket}", tries=_TRIES)
        try:
            if params["aws"] == "emulator":
                make_bucket(self.s3, ask, bucket, self._region)
            ask(lambda: self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1))
        except StoreError as error:
            raise BackendError(f"the bucket cannot be used: {error}") from error

    def submit(self, plan: Plan, typed: Typed) -> Record:
        """Have a job run an experiment; return what was submitted.

        Raises:
            UsageError: something is missing, or breaks a rule.
            BackendError: the service or the bucket cannot be used.
        """
        bucket, prefix = bucket_of(plan.params)
        named = Named.now(plan, self.clock)
        template = template_of(plan.benchmark, plan.params, self._region, self._packed().sha256)
        layout = Layout(bucket=bucket, prefix=prefix, run=f"{FOLDER}/{named.name}")
        tuner = Tuner(
            name=named.name,
            url=layout.uri(key(prefix, named.name)),
            title=plan.name,
            dependencies=self._dependencies(plan),
        )
        request = tuner_creation(template, layout, tuner)
        limits.check(request)
        record = Record(
            name=named.name,
            title=plan.name,
            benchmark=plan.benchmark,
            run=named.run,
            folder=self.project.folder,
            settings=dict(typed.settings),
            groups=typed.groups,
            request=request,
        )
        self._send(layout, key(prefix, named.name), record.to_json())
        self._create(request)
        return record

    @property
    def _region(self) -> str:
        return str(self.sagemaker.meta.region_name)

    def _packed(self) -> Source:
        if self._source is None:
            # Hidden: no file of the user's is there, nor in the jobs that this job makes.
            files = {f"{APART}/{name}": data for name, data in everything().items()}
            files[STARTER] = STARTER_TEXT
            self._source = pack(self.project.root, files, self.project.leave)
        return self._source

    def _dependencies(self, plan: Plan) -> str:
        """Return the benchmark's own file of dependencies, as the code has it; "": there is none.

        Raises:
            UsageError: the script does not travel.
        """
        script = plan.definition.script.resolve()
        root = self.project.root.resolve()
        file = dependencies(script.parent)
        if script.is_relative_to(root):
            # What lies in the root directory is installed with the code in any case.
            inside = file is not None and file.parent != root
            return file.relative_to(root).as_posix() if file is not None and inside else ""
        if not beside(script) and dependencies(root) is None:
            raise UsageError(
                f"the script of {plan.benchmark}, {script}, lies outside of {root}, which is what "
                "travels into a job; name the package that has it in dependencies.txt of that "
                "folder, or run pytest where the script is"
            )
        own = beside(file) if file is not None else ""
        return own and f"{APART}/{own}"

    def _send(self, layout: Layout, key: str, data: bytes) -> None:
        ask = Asking(f"s3://{layout.bucket}")
        try:
            upload(self.s3, ask, layout, self._packed())
            ask(lambda: self.s3.put_object(Bucket=layout.bucket, Key=key, Body=data))
        except StoreError as error:
            raise BackendError(f"the bucket cannot be used: {error}") from error

    def _create(self, request: Mapping[str, Any]) -> None:
        create(BotoTrainingJobs(self.sagemaker, "submit it again"), request, self.wait)


def create(
    jobs: BotoTrainingJobs, request: Mapping[str, Any], wait: Callable[[float], object]
) -> None:
    """Have a job be there.

    Raises:
        BackendError: the service does not take it.
    """
    for number in range(_TRIES):
        try:
            jobs.create(request)
        except RefusedError as error:
            raise BackendError(f"SageMaker takes no such job: {error}") from None
        except NotNowError as error:
            if error.why is Why.NO_INSTANCE or number == _TRIES - 1:
                raise BackendError(
                    f"SageMaker takes no job now: {error}. Have the quota raised, choose another "
                    "--tuner_instance_type, or try again later"
                ) from None
            wait(_FIRST_WAIT_S * 2**number)
        else:
            return
