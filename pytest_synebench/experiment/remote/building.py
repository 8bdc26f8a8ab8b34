"""Builds the back-end of an experiment whose trials run as training jobs.

Invariants (tests/experiment/remote/test_building.py holds each one):
- what a job lacks (a role, a bucket, an image, a machine) is refused by name before any job;
- equal code is uploaded once, and changed code under another key.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_synebench.backends.local import briefing
from pytest_synebench.backends.sagemaker.backend import SageMakerBackend, Timing
from pytest_synebench.backends.sagemaker.desk import StoreDesk
from pytest_synebench.backends.sagemaker.layout import ENTRY, Layout
from pytest_synebench.backends.sagemaker.mail import Mail
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.backends.sagemaker.packing import Source, pack
from pytest_synebench.backends.sagemaker.port import BotoTrainingJobs, new_client
from pytest_synebench.backends.sagemaker.recording.recorder import record
from pytest_synebench.backends.sagemaker.request import creation
from pytest_synebench.backends.sagemaker.service import SageMakerPlatform
from pytest_synebench.backends.sagemaker.template import Template
from pytest_synebench.backends.sagemaker.trainer import Trainer
from pytest_synebench.backends.sagemaker.travelling import ENTRY as ENTRY_FILE
from pytest_synebench.backends.sagemaker.travelling import travelling
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.asking import new_client as new_s3_client
from pytest_synebench.checkpoints.s3.causes import status
from pytest_synebench.errors import BackendError, StoreError
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.keeping.opening import experiment
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.billing import billed
from pytest_synebench.experiment.remote.handed import handed
from pytest_synebench.experiment.remote.needs import (
    bucket_of,
    image_of,
    instance_type_of,
    job_params,
    role_of,
)
from pytest_synebench.training.entrypoint.entry import ARCHIVE

_EMULATED = Timing(shortest_s=0.05, longest_s=0.5, busy_s=0.5, busiest_s=5.0, gone_s=180.0)
_ABSENT = 404


def remote_backend(
    plan: Plan, directory: Path, ledger: Ledger, remark: Callable[[str], None]
) -> SageMakerBackend:
    """Return the back-end of a run.

    Raises:
        UsageError: a job would lack something; the text says what, and the way out.
        BackendError: the service or the bucket cannot be used.
    """
    emulated = plan.params["aws"] == "emulator"
    client = record(new_client())
    trainer = handed(plan)
    trainer.check_region(client.meta.region_name)
    params = job_params(plan)
    bucket, prefix = bucket_of(params)
    layout = Layout(bucket=bucket, prefix=prefix, run=experiment(plan, directory))
    script = plan.definition.script
    source = pack(script.parent, travelling())
    template = _template(plan, params, client.meta.region_name, source, trainer)
    try:
        s3 = record(new_s3_client())
        ask = Asking(f"s3://{bucket}")
        if emulated:
            make_bucket(s3, ask, bucket, client.meta.region_name)
        upload(s3, ask, layout, source)
    except StoreError as error:
        raise BackendError(f"the jobs' bucket cannot be used: {error}") from error
    names = Names(plan.benchmark, layout.run)
    bill = billed(plan, directory, template, client.meta.region_name, remark)
    platform = SageMakerPlatform(
        BotoTrainingJobs(client), names, partial(creation, template, layout, names), bill
    )
    store = (s3, bucket, layout.experiment, ask)
    desk = StoreDesk(*store, ledger, briefing.config_arguments)
    remark(
        f"trials run as jobs {names.prefix}… on {template.instance_type}"
        + (" of the emulator" if emulated else "")
    )
    timing = _EMULATED if emulated else Timing()
    return SageMakerBackend(platform, Mail(*store), desk, timing=timing, remark=remark, bill=bill)


def _template(
    plan: Plan, params: Mapping[str, Any], region: str, source: Source, trainer: Trainer
) -> Template:
    definition = plan.definition
    metrics = (definition.metric, definition.resource_attr or "")
    return Template(
        role=role_of(params),
        instance_type=instance_type_of(plan.benchmark, params),
        image_uri=image_of(plan.benchmark, params, region),
        source=source.sha256,
        program=definition.script.name,
        max_runtime_s=params["max_runtime"],
        spot=params["spot"],
        keep_alive_s=params["keep_alive"],
        metrics=tuple(filter(None, metrics)),
        extra=trainer.extra,
        **trainer.template,
    )


def make_bucket(s3: Any, ask: Asking, bucket: str, region: str) -> None:
    """Make a bucket, unless it is there: an emulator's account has none.

    Raises:
        StoreError: it cannot be made.
    """
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    try:
        ask(lambda: s3.head_bucket(Bucket=bucket))
    except Exception as error:
        if status(error) != _ABSENT:
            raise
        more = {"CreateBucketConfiguration": where} if where else {}
        ask(lambda: s3.create_bucket(Bucket=bucket, **more))


def upload(s3: Any, ask: Asking, layout: Layout, source: Source) -> None:
    """Put the code there, once for all runs; ``entry.py`` last."""
    files = {ARCHIVE: source.archive, ENTRY: ENTRY_FILE.read_bytes()}
    where = {name: f"{layout.source(source.sha256)}{name}" for name in files}
    try:
        ask(lambda: s3.head_object(Bucket=layout.bucket, Key=where[ENTRY]))
    except Exception as error:
        if status(error) != _ABSENT:
            raise
    else:
        return
    for name, body in files.items():
        checksum = b64encode(sha256(body).digest()).decode()
        ask(
            partial(
                s3.put_object,
                Bucket=layout.bucket,
                Key=where[name],
                Body=body,
                ChecksumSHA256=checksum,
            )
        )
