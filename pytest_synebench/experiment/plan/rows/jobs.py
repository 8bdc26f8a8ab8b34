"""What trials that run as training jobs run on."""

from __future__ import annotations

from pytest_synebench.experiment.plan.parameters import Kind, Parameter

_DAY_S = 24 * 3600

JOBS = (
    Parameter(
        name="aws",
        default="account",
        kind=Kind.STR,
        choices=("account", "emulator"),
        help="sagemaker: account, that of the credentials; emulator, an emulated one on this "
        "machine, in which jobs are processes (the extra emulator)",
    ),
    Parameter(
        name="instance_type",
        default="",
        kind=Kind.STR,
        help="sagemaker: the machine of a job, as ml.g4dn.xlarge",
    ),
    Parameter(
        name="tuner_instance_type",
        default="",
        kind=Kind.STR,
        help="--synebench-remote: the machine of the tuner's job; none named: instance_type where "
        "trials run on it too (backend local), else ml.c5.xlarge",
    ),
    Parameter(
        name="framework",
        default="",
        kind=Kind.STR,
        help="sagemaker: PyTorch or HuggingFace: decides on the image, with framework_version",
    ),
    Parameter(
        name="framework_version",
        default="",
        kind=Kind.STR,
        help="sagemaker: the framework's, as 2.6; of HuggingFace: that of transformers",
    ),
    Parameter(
        name="image_uri",
        default="",
        kind=Kind.STR,
        help="sagemaker: an image in ECR, in place of the framework's; it needs python3 and boto3",
    ),
    Parameter(
        name="sagemaker_execution_role",
        default="",
        kind=Kind.STR,
        help="sagemaker: ARN of the role that jobs have",
    ),
    Parameter(
        name="s3_bucket",
        default="",
        kind=Kind.STR,
        help="sagemaker: BUCKET or BUCKET/PREFIX, where code, reports and checkpoints of jobs go",
    ),
    Parameter(
        name="max_runtime",
        default=_DAY_S,
        kind=Kind.INT,
        minimum=1,
        help="sagemaker: seconds that a job may run, at most; it bounds the bill",
    ),
    Parameter(
        name="spot",
        default=False,
        kind=Kind.BOOL,
        help="sagemaker: run jobs on Spot instances; one that is taken away goes on from its last "
        "checkpoint on another",
    ),
    Parameter(
        name="keep_alive",
        default=0,
        kind=Kind.INT,
        minimum=0,
        help="sagemaker: seconds that an instance is kept for the next job (a warm pool)",
    ),
    Parameter(
        name="job_request",
        default=None,
        kind=Kind.JSON,
        help='sagemaker: more fields of CreateTrainingJob, as JSON: {"VpcConfig": …}; they win '
        "over ours",
    ),
    Parameter(
        name="instance_price",
        default=None,
        kind=Kind.FLOAT,
        above=0,
        optional=True,
        help="sagemaker: USD that an hour of an instance costs you; none: what is known of it, for "
        "us-east-1",
    ),
)
